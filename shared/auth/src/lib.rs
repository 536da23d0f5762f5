//! Tokens: who somebody is, as their token says, and for how long.

mod jwks;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sinaesta_contracts::{Role, UserId, shown_name};
use sinaesta_mutants::mutant;
use sinaesta_settings::{AuthSettings, MIN_SECRET_BYTES};
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub use jwks::JwksError;
use jwks::{Checking, Jwks};

/// Why a verifier can't be made.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Neither a secret nor a key is set.
    #[error(
        "set auth.jwt_secret (SINAESTA__AUTH__JWT_SECRET), auth.public_key_file or auth.jwks_url, or no token can be checked"
    )]
    Missing,
    /// The published keys can't be read.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// The secret can be guessed.
    #[error("auth.jwt_secret (SINAESTA__AUTH__JWT_SECRET) must have at least {MIN_SECRET_BYTES} bytes")]
    ShortSecret,
    /// The key file can't be read.
    #[error("auth.public_key_file: {0}")]
    File(#[from] std::io::Error),
    /// The key file holds no RSA or EC public key.
    #[error("auth.public_key_file holds neither an RSA nor an EC public key in PEM form")]
    Pem,
}

/// The token is not one of ours, or not for now.
#[derive(Debug, Error)]
#[error("invalid token: {reason}")]
pub struct InvalidToken {
    /// For logs: it says nothing of the token itself.
    pub reason: String,
    /// Whose token it is, if it is signed by us.
    pub sub: Option<String>,
}

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user_id: UserId,
    pub name: String,
    pub email: Option<String>,
    pub role: Role,
    pub specialty: Option<String>,
    pub avatar: Option<String>,
    /// When the token was issued, if it says so.
    pub issued_at: Option<OffsetDateTime>,
    /// Its `exp`. It counts for a leeway more: see [`Verifier::counts_until`].
    pub expires_at: OffsetDateTime,
}

/// The claims as they are written: the user's id stands in `userId`, `id` or `sub`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "userId", default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    role: String,
    #[serde(default)]
    specialty: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    /// Seconds, which need not be whole (RFC 7519, NumericDate).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<f64>,
}

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The longest claims, in characters.
pub const MAX_NAME_CHARS: usize = 200;
pub const MAX_EMAIL_CHARS: usize = 320;
pub const MAX_SPECIALTY_CHARS: usize = 100;
pub const MAX_AVATAR_CHARS: usize = 2_000;

/// Checks tokens, each with a key of ours and the one algorithm that goes with it. Clones share the keys.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<Keys>,
    leeway: Duration,
}

enum Keys {
    One(Checking),
    Published(Jwks),
}

impl Verifier {
    /// A verifier with the keys that the settings name: published ones, else a file, else a secret.
    pub async fn new(settings: &AuthSettings) -> Result<Self, KeyError> {
        let keys = Arc::new(Keys::load(settings).await?);
        Ok(Self { keys, leeway: Duration::from_secs(settings.leeway_s) })
    }

    /// Until when somebody counts as who they are: their token's `exp`, and the leeway.
    pub fn counts_until(&self, identity: &Identity) -> OffsetDateTime {
        identity.expires_at.saturating_add(self.leeway())
    }

    fn leeway(&self) -> time::Duration {
        time::Duration::try_from(self.leeway).unwrap_or_default()
    }

    /// What the token says, if it is signed by us with the right algorithm and counts `now`.
    pub async fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Identity, InvalidToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(wrong("it is too long", None));
        }
        let header = decode_header(token).map_err(|error| InvalidToken { reason: error.to_string(), sub: None })?;
        // What must be understood and is not makes the token none of ours (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(wrong("it has critical headers that are not known", None));
        }
        let claims = match self.keys.as_ref() {
            Keys::One(checking) => claims(token, checking)?,
            Keys::Published(jwks) => {
                let kid = header.kid.ok_or_else(|| wrong("it names no key", None))?;
                claims(token, &jwks.key(&kid).await.ok_or_else(|| wrong("its key is not known", None))?)?
            }
        };
        let sub = claims.id();
        identity(claims, now, self.leeway()).map_err(|reason| wrong(reason, sub))
    }
}

impl Keys {
    async fn load(settings: &AuthSettings) -> Result<Self, KeyError> {
        if !settings.jwks_url.is_empty() {
            let refresh = Duration::from_secs(settings.jwks_refresh_s);
            return Ok(Self::Published(Jwks::connect(&settings.jwks_url, refresh).await?));
        }
        if !settings.public_key_file.is_empty() {
            let pem = std::fs::read(&settings.public_key_file)?;
            return DecodingKey::from_rsa_pem(&pem)
                .map(|key| Self::One(Checking { key, algorithm: Algorithm::RS256 }))
                .or_else(|_| {
                    DecodingKey::from_ec_pem(&pem).map(|key| Self::One(Checking { key, algorithm: Algorithm::ES256 }))
                })
                .map_err(|_| KeyError::Pem);
        }
        let secret = settings.jwt_secret.expose_secret().as_bytes();
        match secret.len() {
            0 => Err(KeyError::Missing),
            1..MIN_SECRET_BYTES => Err(KeyError::ShortSecret),
            _ => Ok(Self::One(Checking { key: DecodingKey::from_secret(secret), algorithm: Algorithm::HS256 })),
        }
    }
}

fn wrong(reason: &str, sub: Option<String>) -> InvalidToken {
    InvalidToken { reason: reason.to_owned(), sub }
}

/// The claims of a token that is signed with this key; whether it counts now is not looked at.
fn claims(token: &str, checking: &Checking) -> Result<Claims, InvalidToken> {
    let mut validation = Validation::new(checking.algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = decode::<Claims>(token, &checking.key, &validation);
    Ok(decoded.map_err(|error| InvalidToken { reason: error.to_string(), sub: None })?.claims)
}

impl Claims {
    fn id(&self) -> Option<String> {
        self.user_id.as_ref().or(self.id.as_ref()).or(self.sub.as_ref()).cloned()
    }
}

/// Who somebody is by their claims, if these are within bounds and count now.
fn identity(claims: Claims, now: OffsetDateTime, leeway: time::Duration) -> Result<Identity, &'static str> {
    let id = claims.id().ok_or("no user id")?;
    let user_id = UserId(Uuid::from_str(&id).map_err(|_| "the user id is not a uuid")?);
    let expires_at = instant(claims.exp.ok_or("no exp")?).ok_or("exp out of range")?;
    if expires_at + leeway <= now && !mutant!("token-that-expired-lets-in") {
        return Err("expired");
    }
    let moment = |at: Option<f64>, what| at.map(|at| instant(at).ok_or(what)).transpose();
    if moment(claims.nbf, "nbf out of range")?
        .is_some_and(|from| from - leeway > now && !mutant!("token-of-later-lets-in"))
    {
        return Err("not valid yet");
    }
    let issued_at = moment(claims.iat, "iat out of range")?;
    if issued_at.is_some_and(|at| at - leeway > now) {
        return Err("issued in the future");
    }
    bounded(claims.name.as_ref(), MAX_NAME_CHARS, "name out of bounds")?;
    bounded(claims.email.as_ref(), MAX_EMAIL_CHARS, "email out of bounds")?;
    bounded(claims.specialty.as_ref(), MAX_SPECIALTY_CHARS, "specialty out of bounds")?;
    bounded(claims.avatar.as_ref(), MAX_AVATAR_CHARS, "avatar out of bounds")?;
    let avatar = claims.avatar.filter(|avatar| !avatar.is_empty());
    if avatar.as_ref().is_some_and(|avatar| !is_address(avatar) && !mutant!("token-with-a-script-for-a-picture")) {
        return Err("avatar is neither a path nor an http(s) URL");
    }
    let role = Role::from_str(&claims.role).map_err(|()| "unknown role")?;
    let (email, specialty) = (claims.email, claims.specialty);
    let name = shown_name(user_id, claims.name.as_deref(), email.as_deref());
    Ok(Identity { user_id, name, email, role, specialty, avatar, issued_at, expires_at })
}

fn bounded(text: Option<&String>, most: usize, reason: &'static str) -> Result<(), &'static str> {
    let is_good = text.is_none_or(|text| !text.contains('\0') && text.chars().count() <= most);
    if is_good { Ok(()) } else { Err(reason) }
}

fn is_address(text: &str) -> bool {
    (text.starts_with('/') && !text.starts_with("//")) || text.starts_with("https://") || text.starts_with("http://")
}

/// Seconds since 1970 as a moment, before the year 3000.
fn instant(seconds: f64) -> Option<OffsetDateTime> {
    const END: f64 = 32_503_680_000.0;
    let is_within = (0.0..END).contains(&seconds);
    is_within.then(|| OffsetDateTime::UNIX_EPOCH + time::Duration::seconds_f64(seconds))
}

/// Makes an HS256 token for somebody: for the demo, for tests and for load.
pub fn mint(secret: &SecretString, identity: &Identity) -> Result<String, jsonwebtoken::errors::Error> {
    let claims = Claims {
        user_id: Some(identity.user_id.to_string()),
        name: Some(identity.name.clone()),
        email: identity.email.clone(),
        role: identity.role.as_str().to_owned(),
        specialty: identity.specialty.clone(),
        avatar: identity.avatar.clone(),
        iat: identity.issued_at.map(|at| at.unix_timestamp() as f64),
        exp: Some(identity.expires_at.unix_timestamp() as f64),
        ..Claims::default()
    };
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.expose_secret().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    const NOW: OffsetDateTime = time::macros::datetime!(2026-12-01 00:00:00 UTC);

    async fn verifier(secret: &str) -> Result<Verifier, KeyError> {
        let settings = AuthSettings {
            jwt_secret: secret.into(),
            public_key_file: String::new(),
            jwks_url: String::new(),
            jwks_refresh_s: 300,
            provision_users: true,
            user_cache_s: 30,
            leeway_s: 5,
        };
        Verifier::new(&settings).await
    }

    fn somebody(expires_at: OffsetDateTime) -> Identity {
        Identity {
            user_id: UserId(Uuid::from_u128(1)),
            name: "Sari".into(),
            email: Some("sari@example.org".into()),
            role: Role::Student,
            specialty: None,
            avatar: None,
            issued_at: Some(NOW - time::Duration::days(1)),
            expires_at,
        }
    }

    /// A token of ours with these claims beside those that it must have.
    fn signed(header: &Header, more: &serde_json::Value) -> String {
        let mut claims =
            serde_json::json!({ "sub": Uuid::from_u128(0xabcd << 112), "role": "STUDENT", "exp": 4_000_000_000_u64 });
        if let (Some(claims), Some(more)) = (claims.as_object_mut(), more.as_object()) {
            claims.extend(more.clone());
        }
        encode(header, &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    async fn verify(more: &serde_json::Value) -> Result<Identity, String> {
        let token = signed(&Header::new(Algorithm::HS256), more);
        verifier(SECRET).await.unwrap().verify(&token, NOW).await.map_err(|error| error.reason)
    }

    #[tokio::test]
    async fn a_token_of_ours_says_who_somebody_is() {
        let who = somebody(NOW + time::Duration::days(1));
        let token = mint(&SECRET.into(), &who).unwrap();
        assert_eq!(verifier(SECRET).await.unwrap().verify(&token, NOW).await.unwrap(), who);
    }

    #[tokio::test]
    async fn expired_foreign_and_malformed_tokens_are_refused() {
        let verifier = verifier(SECRET).await.unwrap();
        let later = NOW + time::Duration::days(1);
        let foreign = mint(&"another secret of at least 32 bytes!".into(), &somebody(later)).unwrap();
        let expired = mint(&SECRET.into(), &somebody(NOW - time::Duration::days(1))).unwrap();
        let long = "x".repeat(MAX_TOKEN_BYTES + 1);
        for token in [foreign.as_str(), &expired, "", "a.b.c", "nonsense", &long] {
            assert!(verifier.verify(token, NOW).await.is_err(), "{token:?} was accepted");
        }
        let critical = Header { crit: Some(vec!["b64".into()]), ..Header::new(Algorithm::HS256) };
        let critical = signed(&critical, &serde_json::json!({}));
        assert!(verifier.verify(&critical, NOW).await.is_err(), "a critical header was ignored");
    }

    #[tokio::test]
    async fn clocks_may_differ_by_the_leeway_and_seconds_need_not_be_whole() {
        let now = NOW.unix_timestamp() as f64;
        for (claim, by, is_good) in [
            ("exp", -4.5, true),
            ("exp", -5.5, false),
            ("nbf", 4.5, true),
            ("nbf", 5.5, false),
            ("iat", 4.5, true),
            ("iat", 5.5, false),
            ("exp", 1e18, false),
            ("iat", -1e18, false),
        ] {
            let claims = serde_json::json!({ claim: now + by });
            assert_eq!(verify(&claims).await.is_ok(), is_good, "{claim} {by}");
        }
        let who = verify(&serde_json::json!({ "iat": now - 0.75 })).await.unwrap();
        assert_eq!(who.issued_at, Some(NOW - time::Duration::milliseconds(750)));
        assert_eq!(verify(&serde_json::json!({ "exp": null })).await, Err("no exp".to_owned()));
    }

    #[tokio::test]
    async fn claims_have_bounds_and_nobodys_address_is_their_name() {
        let who = verify(&serde_json::json!({ "email": "sari@example.org", "avatar": "/a.png" })).await.unwrap();
        assert_eq!((who.name.as_str(), who.avatar.as_deref()), ("User abcd", Some("/a.png")));
        for name in ["sari@example.org", "\u{200b}"] {
            let who = verify(&serde_json::json!({ "email": "sari@example.org", "name": name })).await.unwrap();
            assert_eq!(who.name, "User abcd", "{name:?}");
        }
        for (claim, value) in [
            ("name", "x".repeat(MAX_NAME_CHARS + 1)),
            ("email", "x".repeat(MAX_EMAIL_CHARS + 1)),
            ("specialty", "x".repeat(MAX_SPECIALTY_CHARS + 1)),
            ("avatar", format!("/{}", "x".repeat(MAX_AVATAR_CHARS))),
            ("avatar", "data:image/png;base64,AAAA".to_owned()),
            ("avatar", "//elsewhere.example/a.png".to_owned()),
            ("name", "Sa\0ri".to_owned()),
            ("email", "\0".to_owned()),
            ("specialty", "\0".to_owned()),
            ("avatar", "/\0".to_owned()),
        ] {
            assert!(verify(&serde_json::json!({ claim: value })).await.is_err(), "{claim} {value:?}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_can_be_guessed_is_refused() {
        assert!(matches!(verifier("short").await, Err(KeyError::ShortSecret)));
        assert!(matches!(verifier("").await, Err(KeyError::Missing)));
    }
}
