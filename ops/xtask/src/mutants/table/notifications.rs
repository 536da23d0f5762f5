//! The bell: what is told to whom, the badge, quiet hours, reminders, pushing.

use super::{Mutant, client, mutant, unit};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "notification-before-its-commit",
        "a notification is answered and told before it is committed",
        client("failing", "notifications, one that is sent: nobody is told before the commit"),
    ),
    mutant(
        "notification-failed-commit-ignored",
        "reading whose commit failed is answered as done",
        client("failing", "notifications, one that is read: nobody is told of a commit that fails"),
    ),
    mutant(
        "badge-keeps-its-version",
        "a badge changes under the same version",
        client("notifications", "three sockets on two gateways"),
    ),
    mutant(
        "badge-of-a-room-that-was-read",
        "a badge keeps its version when a room is read",
        client("notifications", "messages that come while somebody is away"),
    ),
    mutant(
        "badge-of-withdrawn-announcements",
        "a badge keeps its version when announcements are withdrawn",
        client("notifications", "an announcement that is withdrawn"),
    ),
    mutant(
        "badge-of-announcements",
        "a badge keeps its version when something is announced",
        client("notifications", "an announcement is one row"),
    ),
    mutant(
        "badge-of-reminders",
        "a badge keeps its version when an exam is reminded of",
        client("notifications", "an exam's reminder comes at its moment"),
    ),
    mutant(
        "badge-of-what-an-exam-holds-back",
        "a badge keeps its version when an exam begins to hold back",
        client("notifications", "during an exam what is not urgent waits"),
    ),
    mutant(
        "badge-of-preferences",
        "a badge that preferences change has an old version",
        client("notifications", "preferences: off is not seen"),
    ),
    mutant(
        "read-all-covers-what-came-since",
        "what comes during read-all counts as read",
        client("notifications", "what is announced while everything is read"),
    ),
    mutant(
        "read-all-comes-again-and-reads",
        "read-all that comes again reads what came since",
        unit("notification", "what_came_since"),
    ),
    mutant(
        "notification-of-others-is-read",
        "somebody marks another one's notification read",
        client("notifications", "another user's notification"),
    ),
    mutant(
        "notification-told-though-it-was",
        "what was told of a room is told again",
        unit("notification", "messages_of_one_room what_the_system_tells"),
    ),
    mutant(
        "notification-of-what-was-read",
        "somebody is told of messages that they have read",
        unit("notification", "what_is_read_while a_room_that_is_read messages_of_one_room"),
    ),
    mutant(
        "notification-held-back-for-good",
        "what an exam held back is not told behind it",
        unit("notification", "what_an_exam_held_back what_is_not_urgent_waits"),
    ),
    mutant(
        "notification-of-an-exam-ends-none",
        "an exam that is over goes on holding back",
        unit("notification", "what_is_not_urgent_waits an_exam_that_is_graded"),
    ),
    mutant(
        "notification-in-an-exam",
        "a student hears a bell in the middle of an exam",
        unit("notification", "what_is_not_urgent_waits"),
    ),
    mutant(
        "notification-of-ones-own-messages",
        "somebody is told of what they said themselves",
        unit("notification", "nobody_is_told_of_their_own"),
    ),
    mutant(
        "notification-of-messages-one-has-read",
        "somebody who went after reading is told of what they read",
        unit("notification", "nobody_is_told_of_their_own"),
    ),
    mutant(
        "notification-that-was-not-taken-is-forgotten",
        "what the broker did not take is not told",
        unit("notification", "an_event_whose_commands_the_broker_has_no_room_for"),
    ),
    mutant(
        "notification-of-rooms-put-off-is-forgotten",
        "those who were away while chat could not say so are not told",
        unit("notification", "a_room_of_which_chat"),
    ),
    mutant(
        "notification-overtaken-all-day",
        "somebody is told of being passed more than once a day",
        unit("notification", "being_overtaken"),
    ),
    mutant("notification-day-of-utc", "a day begins in Greenwich", unit("notification", "being_overtaken")),
    mutant("notification-to-others-by-students", "a student tells others", unit("notification", "sending::")),
    mutant("notification-to-all-by-mentors", "a mentor tells everybody", unit("notification", "sending::")),
    mutant(
        "notification-link-runs-a-script",
        "what a notification leads to is a script",
        unit("notification", "action_url::"),
    ),
    mutant(
        "notification-any-number-a-day",
        "somebody sends any number of notifications a day",
        unit("notification", "a_user_sends_so_many"),
    ),
    mutant(
        "notification-any-number-unread",
        "an inbox has any number of unread ones",
        unit("notification", "of_too_many_unread"),
    ),
    mutant(
        "notification-repeat-not-told-again",
        "nobody is told",
        client("notifications", "a notification reaches all sockets"),
    ),
    mutant(
        "notification-copy-is-stored-twice",
        "of two copies in one batch both are new",
        unit("notification", "what_is_sent_is_sent_once two_replicas"),
    ),
    mutant(
        "preferences-come-again-and-count",
        "preferences that come again undo what was set since",
        unit("notification", "what_is_wanted"),
    ),
    mutant("quiet-hours-of-utc", "quiet hours are those of Greenwich", unit("notification", "quiet::")),
    mutant("quiet-hours-end-at-midnight", "a night ends at midnight", unit("notification", "quiet::")),
    mutant("quiet-hours-for-what-is-urgent", "what is urgent makes no sound", unit("notification", "quiet::")),
    mutant(
        "quiet-hours-of-announcements",
        "an announcement makes a sound in quiet hours",
        client("notifications", "preferences: off is not seen"),
    ),
    mutant(
        "reminder-comes-early",
        "a reminder that a fast clock noticed comes too early",
        unit("notification", "a_reminder_comes_at_its_moment reminders_repeats"),
    ),
    mutant(
        "reminder-that-is-too-late-comes",
        "somebody is told that an exam begins in an hour when it begins in five minutes",
        unit("notification", "reminder::"),
    ),
    mutant(
        "reminder-of-the-old-moment",
        "an exam that was moved is reminded of at the old moment",
        client("notifications", "an exam's reminder comes"),
    ),
    mutant(
        "urgent-told-for-ever",
        "what is urgent and not read is told for ever",
        unit("notification", "what_is_urgent_is_told_again"),
    ),
    mutant(
        "push-to-who-is-here",
        "a browser is pushed to though its user is here",
        client("notifications", "a browser that is closed is pushed to"),
    ),
    mutant("push-in-quiet-hours", "a phone rings in quiet hours", unit("notification", "nothing_is_pushed_in_an_exam")),
    mutant(
        "push-in-an-exam",
        "a phone rings in the middle of an exam",
        unit("notification", "nothing_is_pushed_in_an_exam"),
    ),
    mutant(
        "push-to-browsers-that-are-gone",
        "a browser that is gone is pushed to for ever",
        client("notifications", "a browser that is closed is pushed to"),
    ),
    mutant(
        "push-tried-for-ever",
        "what ends the process that pushes it is pushed again and again",
        unit("notification", "a_push_that_fails"),
    ),
    mutant("push-to-any-host", "a subscription makes us call any host", unit("notification", "services::")),
    mutant("push-without-encryption", "what is pushed goes over http", unit("notification", "services::")),
    mutant(
        "push-signed-on-by-a-repeat",
        "a browser that has signed off is signed on by a command that comes again",
        unit("notification", "a_browser_that_has_signed_off"),
    ),
];
