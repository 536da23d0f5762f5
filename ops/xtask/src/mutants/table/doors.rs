//! Who may enter, read and change what.

use super::{Mutant, client, mutant, unit};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant("door-of-mentor-rooms-is-open", "a student enters another one's mentor room", unit("chat", "door::")),
    mutant("door-of-direct-rooms-lets-staff-in", "mentors enter where two talk to each other", unit("chat", "door::")),
    mutant("door-of-groups-is-open", "somebody enters the room of a group they are not in", unit("chat", "door::")),
    mutant("door-of-exams-is-open", "somebody enters the room of an exam they do not sit", unit("chat", "door::")),
    mutant(
        "door-of-open-rooms-has-no-lock",
        "open rooms stay open where a setting closes them",
        unit("chat", "door::"),
    ),
    mutant(
        "door-gives-a-mentor-the-students-room",
        "a mentor who comes first counts as the student",
        unit("chat", "door::"),
    ),
    mutant(
        "door-unsure-is-no",
        "a student is told that they may not enter while nobody can say",
        unit("chat", "doors::"),
    ),
    mutant(
        "door-for-what-nobody-opened",
        "somebody acts in a room that does not exist",
        client("ground-rules", "posting to a room that nobody has joined"),
    ),
    mutant(
        "door-of-history-is-open",
        "somebody reads what was said in a room they may not enter",
        client("doors", "who may do what in a room"),
    ),
    mutant(
        "door-of-search-is-open",
        "somebody searches a room they may not enter",
        client("doors", "who may do what in a room"),
    ),
    mutant(
        "door-of-threads-is-open",
        "somebody reads a thread of a room they may not enter",
        client("doors", "who may do what in a room"),
    ),
    mutant(
        "door-of-files-is-open",
        "somebody reads a file of a room they may not enter",
        client("files", "a file goes in"),
    ),
    mutant("door-of-typing-is-open", "somebody is shown to type where they may not be", unit("chat", "doors::")),
    mutant(
        "door-of-closed-rooms-in-the-list",
        "a room whose door has closed stays in the list, with its last message",
        unit("chat", "doors::"),
    ),
    mutant(
        "door-of-marking-read-is-open",
        "somebody learns of a message in a room they may not enter",
        client("doors", "who may do what in a room"),
    ),
];
