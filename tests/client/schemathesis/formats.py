"""What the API takes that a schema can only name: for making good requests, beside all the bad ones."""

import base64

import schemathesis
from hypothesis import strategies as st

# The base point of P-256, and the key of RFC 8291's example.
BASE = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
KEYS = [
    base64.urlsafe_b64encode(BASE).decode().rstrip("="),
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
]
ZONES = ["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "Europe/London", "UTC"]
TABLE = "text,option_a,option_b,correct\n{},Ya,Tidak,A\n"
QUESTION = "::Satu:: {} {{=Ya ~Tidak}}\n"

# Instants are within the years 1970 to 2999, whatever their offset.
SECONDS = st.integers(min_value=86_400, max_value=32_503_600_000)
MOMENTS = SECONDS.map(lambda second: f"{1970 + second // 31_557_600:04}-0{1 + second % 9}-1{second % 10}T12:00:00Z")

schemathesis.openapi.format("date-time", MOMENTS)
schemathesis.openapi.format("iana-time-zone", st.sampled_from(ZONES))
schemathesis.openapi.format("p256-point", st.sampled_from(KEYS))
# The only addresses that are asked for are those of push services.
TOKENS = st.from_regex(r"[A-Za-z0-9_-]{8,40}", fullmatch=True)
schemathesis.openapi.format("uri", TOKENS.map(lambda token: f"https://fcm.googleapis.com/fcm/send/{token}"))

WORDS = st.from_regex(r"[A-Za-z]{1,20}", fullmatch=True)
schemathesis.openapi.media_type("text/csv", WORDS.map(lambda word: TABLE.format(word).encode()))
schemathesis.openapi.media_type("text/x-gift", WORDS.map(lambda word: QUESTION.format(word).encode()))


@schemathesis.hook
def map_body(context, body):
    """The other fields of a form are skipped; not every name can be one's."""
    if context.operation.path == "/api/files" and isinstance(body, dict):
        return {name: value for name, value in body.items() if name == "file"}
    return body
