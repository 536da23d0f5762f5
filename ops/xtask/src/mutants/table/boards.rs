//! Boards: what counts, in which order it is ranked, and who is told.

use super::{Mutant, client, mutant, nobody, unit};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "board-told-before-its-commit",
        "a board is told of a result before it is committed",
        client("failing", "boards, a result: nobody is told before the commit"),
    ),
    mutant(
        "board-failed-commit-ignored",
        "a recomputation whose commit failed is answered as done",
        unit("leaderboard", "a_recomputation_that_comes_again"),
    ),
    mutant(
        "board-takes-the-older-key",
        "of two gradings in one batch the older counts",
        unit("leaderboard", "two_gradings_of_one_result"),
    ),
    mutant(
        "board-overtaken-on-all-boards",
        "somebody is told of being passed on the boards of months and of all time",
        unit("leaderboard", "which_week_runs"),
    ),
    mutant(
        "board-older-standing-counts",
        "a standing that comes late takes the place of a newer one",
        unit("leaderboard", "board::"),
    ),
    mutant(
        "board-ties-by-chance",
        "of two with the same points not the first is ahead",
        unit("leaderboard", "board::"),
    ),
    mutant(
        "board-average-does-not-count",
        "of two with the same points the one with the better average is not ahead",
        unit("leaderboard", "board::"),
    ),
    mutant(
        "board-passed-counts-oneself",
        "somebody is told that they have passed themselves",
        unit("leaderboard", "board::"),
    ),
    mutant(
        "board-told-without-a-pause",
        "a board moves more than once a second",
        client("leaderboard", "a board moves at most once a second"),
    ),
    mutant(
        "board-repeat-not-told-again",
        "a board that was told before a crash is not told again",
        unit("leaderboard", "a_board_that_is_told_again"),
    ),
    mutant(
        "board-ranks-of-the-week-before",
        "a new week's board shows the ranks of the old one as those before",
        unit("leaderboard", "which_week_runs"),
    ),
    mutant("board-weeks-of-utc", "a week begins on Monday in Greenwich", unit("leaderboard", "calendar::")),
    mutant(
        "board-recomputed-by-anybody",
        "anybody has everything counted anew",
        unit("leaderboard", "a_recomputation_repairs"),
    ),
    mutant(
        "board-recomputed-again",
        "a recomputation that comes again counts all anew, and says that it found nothing",
        nobody("what was repaired is noted by the command's id: counting once more finds nothing and adds nothing"),
    ),
    mutant(
        "board-not-read-anew",
        "a replica that may have missed something goes on without it",
        unit("leaderboard", "a_recomputation_repairs"),
    ),
    mutant(
        "board-differences-stay",
        "a board in memory that is not as it is stored stays so",
        unit("leaderboard", "what_a_replica_missed"),
    ),
    mutant(
        "board-that-was-not-taken-is-forgotten",
        "a board that the broker did not take is not told",
        unit("leaderboard", "a_board_that_the_broker_has_no_room_for"),
    ),
    mutant(
        "board-turn-of-the-week-not-told",
        "who watches the week's board is not told that a new one began",
        unit("leaderboard", "the_boards_of_a_period the_week_turns_over"),
    ),
    mutant("board-is-not-cut", "a board is larger than the broker takes", unit("leaderboard", "bounds::")),
    mutant(
        "board-of-the-past-stays-as-it-was",
        "a correction does not show on a board of a week that is over",
        unit("leaderboard", "a_board_of_a_week_that_is_over results_are_counted"),
    ),
    mutant(
        "board-any-number-ranked-for-one-user",
        "one user has any number of boards ranked",
        unit("leaderboard", "one_user_has_few"),
    ),
    mutant(
        "board-old-name-comes-back",
        "a result that comes late brings back an old name",
        unit("leaderboard", "an_older_name_that_is_heard_of_later"),
    ),
    mutant(
        "board-limit-of-the-longest",
        "who asked for ten is told a hundred",
        client("leaderboard", "a board moves at most once a second"),
    ),
    mutant(
        "board-rank-told-though-it-is-the-same",
        "somebody whose rank is the same is told that it changed",
        client("leaderboard", "a board moves at most once a second"),
    ),
];
