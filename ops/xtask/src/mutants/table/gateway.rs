//! The gateway: rooms, admission, limits, tokens, files.

use super::{Mutant, client, mutant, unit};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "room-repeats-are-told",
        "a message that the broker republishes is told twice",
        unit("gateway", "a_repeat_is_dropped"),
    ),
    mutant(
        "room-gap-is-not-filled",
        "a message that no stream has any more is missing in a room",
        unit("gateway", "sequence::tests::gaps::a_gap_is_fetched"),
    ),
    mutant(
        "room-old-snapshot-not-completed",
        "who enters while others talk misses a message",
        unit("gateway", "an_older_snapshot_is_completed"),
    ),
    mutant(
        "room-new-snapshot-hears-again",
        "who enters while others talk hears a message twice, or the others miss one",
        unit("gateway", "a_newer_snapshot_is_admitted"),
    ),
    mutant(
        "room-not-asked-after-a-disruption",
        "the last message before a disruption waits for the next one",
        unit("gateway", "after_a_disruption_chat_is_asked"),
    ),
    mutant(
        "room-gives-up-in-silence",
        "sockets that have to resynchronise do not hear so",
        unit("gateway", "members_have_to_resync"),
    ),
    mutant(
        "room-missed-is-one-page",
        "of more missed messages than one page the rest is missing",
        unit("gateway", "a_gap_is_fetched_page_by_page"),
    ),
    mutant(
        "room-passes-over-nobody",
        "somebody is told what they did themselves",
        unit("gateway", "a_delivery_passes_over_its_own_user"),
    ),
    mutant("room-typing-does-not-lapse", "who vanished while typing types for ever", unit("gateway", "typing_lapses")),
    mutant(
        "room-removed-hear-on",
        "whoever is removed from a group goes on hearing its room",
        unit("gateway", "a_removed_user_leaves_at_once"),
    ),
    mutant(
        "room-slow-reader-not-told",
        "who reads too slowly misses messages and does not hear so",
        unit("gateway", "a_lagging_socket_is_sent"),
    ),
    mutant(
        "room-slow-reader-without-bound",
        "what somebody is told and does not read takes the room of what they ask for",
        unit("gateway", "a_sockets_buffer_for_deliveries"),
    ),
    mutant(
        "audience-forgets-what-came-while-entering",
        "who begins to watch an exam or a board misses what changed meanwhile",
        unit("gateway", "what_comes_while_a_join_is_pending"),
    ),
    mutant(
        "audience-ends-before-somebody-enters",
        "who enters while the last one leaves hears nothing",
        unit("gateway", "a_channel_with_a_pending_join"),
    ),
    mutant(
        "announcement-for-everybody",
        "an announcement reaches those whom it is not for",
        unit("gateway", "an_announcement_is_for_its_readers"),
    ),
    mutant(
        "bell-not-asked-after-a-disruption",
        "a badge is wrong until the next notification after the broker was away",
        unit("gateway", "again_after_a_disruption"),
    ),
    mutant(
        "presence-second-socket-counts-twice",
        "who had two tabs on one gateway is online for ever",
        client("chat", "somebody with two tabs stays online"),
    ),
    mutant(
        "presence-first-closed-tab-is-offline",
        "who closes one of two tabs is offline",
        client("chat", "somebody with two tabs stays online"),
    ),
    mutant(
        "presence-not-said-again-to-a-new-broker",
        "who is online shows as offline after their gateway was silent for a while",
        client("replicas", "a gateway that falls silent"),
    ),
    mutant(
        "exam-closed-tab-is-leaving",
        "a student who closes one of two tabs has left the exam",
        client("exams", "who is in an exam is counted"),
    ),
    mutant(
        "typing-goes-on-when-the-socket-is-gone",
        "who disconnects goes on typing for six seconds",
        client("chat", "who disconnects stops typing"),
    ),
    mutant(
        "typing-from-outside",
        "somebody types in a room that they have not joined",
        client("chat", "typing shows to the others only"),
    ),
    mutant("limit-of-a-socket-only", "whoever opens more sockets has more allowances", unit("gateway", "limits::")),
    mutant(
        "limit-not-of-group-messages",
        "messages in study groups have no limit of their own",
        client("ground-rules", "what is said in study groups counts"),
    ),
    mutant(
        "limit-not-of-names-in-disguise",
        "an event whose name is written with escapes counts as something cheap",
        client("fair", "names that are written in another way"),
    ),
    mutant(
        "limit-fresh-after-a-reconnect",
        "a reconnect brings a fresh allowance",
        unit("gateway", "a_reconnect_within"),
    ),
    mutant("limit-refusals-all-answered", "each refused event costs an answer", unit("gateway", "refusals_are_told")),
    mutant(
        "limit-flooding-goes-on",
        "whoever sends on past the limits may go on",
        unit("gateway", "refusals_are_told"),
    ),
    mutant(
        "limit-flooder-comes-back-at-once",
        "whoever was closed for flooding comes back at once",
        client("fair", "who sends on past the limit"),
    ),
    mutant(
        "open-commands-without-bound",
        "one user has any number of commands without an answer",
        client("fair", "sixteen commands"),
    ),
    mutant("open-events-without-bound", "one user has any number of events waiting", unit("gateway", "queue::")),
    mutant("open-events-out-of-order", "what one socket sends is done with the last first", unit("gateway", "queue::")),
    mutant(
        "token-revoked-counts",
        "a token that was revoked lets somebody in",
        client("accounts", "revoked tokens count no more"),
    ),
    mutant(
        "token-of-the-second-of-revoking-is-old",
        "a token of the second in which tokens were revoked counts",
        client("accounts", "revoked tokens count no more"),
    ),
    mutant(
        "account-suspended-stays-connected",
        "whoever is suspended goes on",
        client("accounts", "whoever is suspended is disconnected"),
    ),
    mutant(
        "account-suspended-is-remembered",
        "whoever is suspended comes back for half a minute",
        client("accounts", "whoever is suspended is disconnected"),
    ),
    mutant(
        "account-change-that-was-missed-stays-so",
        "a gateway that missed a suspension never finds out",
        client("accounts", "a gateway that was not notified"),
    ),
    mutant(
        "token-of-somebody-else-renews",
        "a session lives on with somebody else's token",
        client("ground-rules", "a client is told before its token expires"),
    ),
    mutant(
        "token-that-expired-keeps-its-socket",
        "whoever is connected stays so when their token expires",
        client("ground-rules", "a client is told before its token expires"),
    ),
    mutant(
        "token-that-expired-lets-in",
        "an expired token lets somebody in",
        unit("auth", "expired_foreign clocks_may"),
    ),
    mutant("token-of-later-lets-in", "a token counts before it is valid", unit("auth", "expired_foreign clocks_may")),
    mutant("token-with-a-script-for-a-picture", "a picture's address is a script", unit("auth", "claims_have_bounds")),
    mutant(
        "admission-tries-tokens-for-nothing",
        "an address tries any number of tokens",
        unit("gateway", "an_address_tries"),
    ),
    mutant("admission-without-bound", "connections and sessions are not bounded", unit("gateway", "admission::")),
    mutant(
        "admission-believes-what-clients-say",
        "somebody says themselves from which address they come",
        unit("gateway", "address::"),
    ),
    mutant(
        "admission-counts-who-has-signed-in",
        "a school takes up its address's share by being there",
        unit("gateway", "admission:: connections_count"),
    ),
    mutant(
        "admission-address-for-each-of-ipv6",
        "one customer has as many shares as addresses",
        unit("gateway", "one_customer"),
    ),
    mutant("file-of-any-type", "a program is taken", client("files", "what is no file that is taken")),
    mutant(
        "file-picture-keeps-what-is-hidden",
        "a picture says where it was taken",
        client("files", "a picture loses what is hidden"),
    ),
    mutant("file-picture-of-any-size", "a few bytes stand for very many pixels", unit("gateway", "image::")),
    mutant("file-picture-keeps-its-notes", "notes in a JPEG stay", unit("gateway", "image::")),
];
