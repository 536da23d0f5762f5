//! Exams: deadlines, answers, autosaves, grading, corrections, interventions.

use super::{Mutant, client, mutant, nobody, unit};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant(
        "exam-answer-before-its-commit",
        "an answer is acknowledged before it is committed",
        client("failing", "exams, an answer: nobody is told before the commit"),
    ),
    mutant(
        "exam-failed-commit-of-a-completion-ignored",
        "an exam whose completion failed to commit is told as completed",
        client("failing", "exams, a completion: nobody is told of a commit that fails"),
    ),
    mutant("exam-grace-is-doubled", "answers count for twice the grace", unit("exam-grading", "session:: edges::")),
    mutant("exam-late-answers-count", "an answer counts however late it is", unit("exam-grading", "session::")),
    mutant(
        "exam-answers-in-a-pause-count",
        "an answer that was sent in a pause counts while it lasts",
        unit("exam-grading", "session::"),
    ),
    mutant(
        "exam-answers-of-a-pause-count-behind-it",
        "an answer that was sent in a pause counts when it is applied behind it",
        unit("exam-grading", "session::"),
    ),
    mutant(
        "exam-answers-before-the-start-count",
        "an answer counts before the exam has begun",
        unit("exam-grading", "session::"),
    ),
    mutant("exam-pause-takes-time", "a pause is taken from the student's time", unit("exam-grading", "session::")),
    mutant(
        "exam-completed-when-it-was-noticed",
        "an exam that ran out is completed when somebody noticed",
        unit("exam-grading", "session::"),
    ),
    mutant(
        "exam-late-hand-in-is-refused",
        "who hands in behind the end gets an error and no result",
        unit("exam-grading", "session::"),
    ),
    mutant("exam-paused-runs-out", "a paused exam ends", unit("exam-grading", "session::")),
    mutant(
        "exam-autosave-undoes-answers",
        "an autosave of an old tab overwrites newer answers",
        unit("exam-grading", "an_autosave_undoes"),
    ),
    mutant(
        "exam-late-autosave-counts",
        "an autosave that was sent before an answer overwrites it",
        unit("exam-grading", "session:: sessions::an_a"),
    ),
    mutant(
        "exam-autosaves-without-end",
        "autosaves are kept without end",
        unit("exam-grading", "autosaves_are_bounded"),
    ),
    mutant(
        "exam-record-without-end",
        "answers are changed and kept without end",
        unit("exam-grading", "a_full_record"),
    ),
    mutant(
        "exam-record-is-no-chain",
        "an entry of the record can be taken out unseen",
        client("exams", "a result can be verified"),
    ),
    mutant("grading-below-zero", "a score is below zero", unit("exam-grading", "grading::")),
    mutant(
        "grading-unanswered-costs",
        "a question without an answer costs as much as a wrong one",
        unit("exam-grading", "grading::"),
    ),
    mutant(
        "grading-wrong-choices-cost-nothing",
        "whoever ticks all of several earns everything",
        unit("exam-grading", "grading::"),
    ),
    mutant("grading-true-is-false", "true and false are the other way round", unit("exam-grading", "grading::")),
    mutant(
        "grading-tolerance-without-its-ends",
        "a number right at the end of its tolerance is wrong",
        unit("exam-grading", "grading::"),
    ),
    mutant(
        "grading-question-shifted",
        "each answer is graded by the next question's key",
        client("exams", "a client written against the document"),
    ),
    mutant(
        "exam-repeat-is-decided-anew",
        "an answer that comes again is decided again",
        unit("exam-grading", "whatever_a_student_sends"),
    ),
    mutant(
        "exam-autosave-comes-again-and-counts",
        "an autosave that comes again is applied again",
        unit("exam-grading", "an_autosave_is_known an_autosave_that_comes"),
    ),
    mutant(
        "exam-copy-in-a-batch-counts-twice",
        "a command that stands twice in a batch is applied twice",
        unit("exam-grading", "deciding:: that_stand"),
    ),
    mutant(
        "exam-intervention-comes-again-and-counts",
        "minutes are given twice",
        unit("exam-grading", "whatever_proctors_and_authors"),
    ),
    mutant(
        "exam-extension-forgets-who-joins-later",
        "who joins while all get more time does not get it",
        unit("exam-grading", "whoever_joins_while"),
    ),
    mutant(
        "exam-joined-after-its-end",
        "somebody joins an exam that is over",
        client("exam-clock", "a synchronised exam begins"),
    ),
    mutant(
        "exam-questions-before-the-start",
        "who waits for an exam to begin has its questions",
        unit("exam-grading", "nobody_gets_the_questions"),
    ),
    mutant(
        "exam-draft-is-joined",
        "a draft is sat",
        nobody("a draft's questions are never loaded, so it is not found all the same"),
    ),
    mutant(
        "exam-begun-not-told-to-proctors",
        "neither proctors nor the bell hear that somebody began",
        client("notifications", "during an exam what is not urgent waits"),
    ),
    mutant("exam-monitored-by-students", "students watch each other", client("exams", "every bad input has its code")),
    mutant(
        "exam-results-for-students",
        "students read each other's results",
        client("exams", "one student can neither see"),
    ),
    mutant(
        "exam-key-for-students",
        "students read what is right",
        client("exam-authoring", "an author writes an exam"),
    ),
    mutant(
        "exam-drafts-of-others",
        "a mentor reads another one's draft",
        client("exam-authoring", "a draft is its authors"),
    ),
    mutant(
        "exam-changed-by-any-mentor",
        "a mentor changes another one's exam",
        client("exam-authoring", "a draft is its authors"),
    ),
    mutant(
        "exam-proctors-hear-nothing",
        "who watches an exam is told nothing",
        client("exams", "proctors see who is in"),
    ),
    mutant(
        "exam-moved-though-begun",
        "an exam is moved that somebody has begun",
        client("exam-authoring", "a schedule can be made"),
    ),
    mutant(
        "exam-waiting-keep-the-old-moment",
        "who waits for an exam that is moved begins at the old moment",
        client("exam-authoring", "a schedule can be made"),
    ),
    mutant(
        "exam-end-noticed-by-clients-only",
        "an exam whose student is gone is never graded",
        unit("exam-grading", "time_that_is_over"),
    ),
    mutant(
        "exam-begins-for-nobody",
        "who waits for an exam is not told that it began",
        client("exam-clock", "a synchronised exam begins"),
    ),
    mutant(
        "exam-begins-twice",
        "each replica announces that an exam began",
        unit("exam-grading", "nobody_begins_later"),
    ),
    mutant(
        "exam-expiry-told-by-each-replica",
        "a second expiry tells everybody once more",
        unit("exam-grading", "whatever_time_brings whatever_completes"),
    ),
    mutant(
        "exam-left-with-one-gateway",
        "a student who is there through another gateway has left",
        unit("exam-grading", "presence::"),
    ),
    mutant(
        "exam-older-news-of-coming-counts",
        "news that somebody came brings back who has left since",
        unit("exam-grading", "presence:: older_news"),
    ),
    mutant(
        "exam-lost-though-heard-since",
        "students who came back through a gateway that lives are taken out",
        unit("exam-grading", "students_of_a_gateway presence::"),
    ),
    mutant(
        "regrade-keeps-the-version-of-the-key",
        "a corrected result has the version of the one before",
        client("exam-authoring", "a corrected key changes results"),
    ),
    mutant(
        "regrade-not-told-to-boards",
        "boards and bells keep the result before a correction",
        client("notifications", "a corrected key shows in the result"),
    ),
    mutant(
        "regrade-not-told-to-students",
        "students do not hear that their result was corrected",
        client("exam-authoring", "a corrected key changes results"),
    ),
    mutant(
        "regrade-comes-again-and-counts",
        "a correction that comes again is one more version",
        unit("exam-grading", "an_intervention_is_answered whatever_proctors_and_authors"),
    ),
    mutant(
        "regrade-others-keep-the-old-key",
        "who is graded behind a correction is graded by the old key",
        unit("exam-grading", "a_correction_reaches"),
    ),
];
