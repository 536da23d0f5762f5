//! Chat: messages, presence, typing, groups, files, search, moderation.

use super::{Mutant, client, mutant, unit};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "chat-edit-before-its-commit",
        "an edit is answered and told before it is committed",
        client("failing", "chat, an edit: nobody is told before the commit"),
    ),
    mutant(
        "chat-failed-commit-of-a-reaction-ignored",
        "a reaction whose commit failed is answered as done",
        client("failing", "chat, a reaction: nobody is told of a commit that fails"),
    ),
    mutant(
        "chat-failed-commit-of-a-group-ignored",
        "joining a group whose commit failed is answered as done",
        client("failing", "chat, a member of a group: nobody is told of a commit that fails"),
    ),
    mutant(
        "chat-repeat-of-a-client-is-new",
        "what a client sends again is another message",
        client("chat", "a repeated clientMessageId is one message"),
    ),
    mutant(
        "chat-own-repeat-not-told-again",
        "a message that was stored before a crash is answered, and its room does not hear of it",
        unit("chat", "every_command_may_come_again"),
    ),
    mutant(
        "chat-posts-files-of-others",
        "somebody posts what somebody else uploaded",
        client("files", "a file goes in"),
    ),
    mutant(
        "chat-reply-into-another-room",
        "a message replies to one of another room",
        client("chat", "a reply to a message of another room"),
    ),
    mutant("chat-any-host-for-files", "a file may lie on any host", unit("chat", "only_our_files")),
    mutant("chat-muted-goes-on", "whoever is muted edits and reacts", unit("chat", "a_mute_is_decided")),
    mutant(
        "chat-higher-rank-is-muted",
        "a mentor mutes an admin",
        client("moderation", "nobody acts on a higher rank"),
    ),
    mutant(
        "chat-higher-ranks-messages-removed",
        "a mentor removes what an admin said",
        client("moderation", "nobody acts on a higher rank"),
    ),
    mutant(
        "chat-edit-by-anybody",
        "somebody changes what somebody else said",
        client("moderation", "a message is edited by its sender alone"),
    ),
    mutant(
        "chat-edit-of-what-was-removed",
        "a removed message gets a text again",
        client("moderation", "a message is removed by its sender"),
    ),
    mutant(
        "chat-edit-forgets-what-was-said",
        "what a message said before its edit is gone",
        client("moderation", "a message is edited by its sender alone"),
    ),
    mutant(
        "chat-last-edit-not-told",
        "a room does not hear of an edit",
        client("moderation", "a message is edited by its sender alone"),
    ),
    mutant(
        "chat-endless-kinds-of-reactions",
        "a message has any number of kinds of reactions",
        client("moderation", "reactions are counted"),
    ),
    mutant("chat-late-command-counts", "what a gateway said before undoes what it said since", unit("chat", "late::")),
    mutant(
        "chat-entering-again-is-announced",
        "each tab of somebody is announced to the room",
        client("chat", "the others hear of somebody who enters, once"),
    ),
    mutant(
        "chat-large-room-hears-of-everybody",
        "a room with very many people hears of each who comes",
        unit("chat", "who_comes_is_told"),
    ),
    mutant(
        "chat-resuming-begins-too-late",
        "a client that resumes misses one message",
        client("chat", "joining with sinceSeq"),
    ),
    mutant(
        "chat-leaving-with-one-tab-is-leaving",
        "whoever leaves with one of their tabs has left with all, on other gateways too",
        unit("chat", "who_takes_part_in_a_room"),
    ),
    mutant(
        "chat-older-reading-is-told",
        "a position that moves nothing is told to the room",
        unit("chat", "every_command_may_come_again"),
    ),
    mutant(
        "chat-own-messages-are-read",
        "somebody marks their own message read",
        client("chat", "nobody marks their own"),
    ),
    mutant(
        "chat-abandoned-files-stay",
        "what nobody posts is kept for ever",
        client("files", "a file that nobody posts"),
    ),
    mutant(
        "typing-kept-for-a-minute",
        "whoever joins seconds after somebody stopped is shown that they type",
        client("chat", "typing lapses by itself six seconds"),
    ),
    mutant(
        "typing-told-to-the-typist",
        "somebody is shown their own typing",
        client("chat", "typing shows to the others only"),
    ),
    mutant(
        "typing-though-muted",
        "whoever is muted is shown to type",
        client("moderation", "whoever is muted in a room"),
    ),
    mutant(
        "presence-users-of-a-lost-gateway-stay",
        "who was on a gateway that died is online for ever",
        client("replicas", "a gateway that falls silent"),
    ),
    mutant(
        "presence-going-is-never-noticed",
        "nobody hears that somebody went offline",
        client("chat", "coming and going shows"),
    ),
    mutant(
        "presence-told-to-a-thousand-and-more",
        "a status is told to any number of people",
        unit("chat", "who_comes_is_told"),
    ),
    mutant(
        "presence-repeat-not-told-again",
        "that somebody came online is not told again after a crash",
        unit("chat", "every_command_may_come_again"),
    ),
    mutant(
        "status-as-often-as-one-likes",
        "a status is told as often as somebody sends one",
        unit("chat", "a_status_is_chosen"),
    ),
    mutant("group-takes-one-too-many", "a full group takes one more", unit("chat", "a_full_group")),
    mutant("group-private-is-joined", "a private group is joined without an invitation", unit("chat", "a_full_group")),
    mutant(
        "group-removed-are-not-told",
        "whoever is removed from a group goes on hearing it",
        client("study-groups", "whoever is removed hears nothing more"),
    ),
    mutant(
        "group-left-again-by-a-late-command",
        "a command to leave that comes late ends a membership that began since",
        unit("chat", "who_is_in_a_group"),
    ),
    mutant(
        "group-invitation-told-each-time",
        "somebody is told of an invitation as often as they are invited",
        unit("chat", "one_user_has_so_many_invitations"),
    ),
    mutant("quota-of-rooms-a-day", "somebody opens any number of rooms a day", unit("chat", "one_user_opens_so_many")),
    mutant("quota-of-rooms-one-is-in", "somebody is in any number of rooms", unit("chat", "one_user_opens_so_many")),
    mutant(
        "quota-of-invitations",
        "somebody invites any number of people",
        unit("chat", "one_user_has_so_many_invitations"),
    ),
    mutant(
        "quota-of-bytes-a-day",
        "somebody uploads any number of bytes a day",
        unit("chat", "one_user_has_so_many_files"),
    ),
    mutant(
        "quota-of-groups-one-joins",
        "somebody is in any number of groups",
        unit("chat", "one_user_has_so_many_invitations"),
    ),
    mutant(
        "search-misses-what-is-new",
        "what was said a moment ago is not found",
        unit("chat", "store:: searchable search"),
    ),
    mutant("search-finds-markup", "tags and escapes are words", unit("chat", "a_room_is_made_searchable")),
    mutant("search-takes-any-number-of-words", "a search has any number of words", unit("chat", "sixty_four_searches")),
    mutant(
        "search-never-indexes",
        "a search reads the latest messages of a room, and finds no others",
        unit("chat", "sixty_four_searches"),
    ),
];
