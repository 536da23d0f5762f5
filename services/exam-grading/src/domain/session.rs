//! A session's times, and what may be done to it when. What was stored by the broker is judged by its stamp.

use sinaesta_contracts::exam::{Answer, GRACE_MS, SessionStatus};
use sinaesta_contracts::exam_grading::{AnswerSource, CompletionReason};
use sinaesta_contracts::{ErrorBody, ExamId, SessionId, Timestamp, UserId, code};
use sinaesta_mutants::mutant;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::record::{Entry, Link};

/// The most answers that one session's record keeps.
pub const MAX_CHANGES: u32 = 3_000;
/// The most autosaves of one session: one every four seconds for as long as the longest exam.
pub const MAX_AUTOSAVES: u32 = 21_600;

const GRACE: Duration = Duration::milliseconds(GRACE_MS as i64);

/// One student's sitting of one exam.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub id: SessionId,
    pub exam_id: ExamId,
    pub user_id: UserId,
    pub user_name: String,
    pub user_avatar: Option<String>,
    pub started_at: OffsetDateTime,
    pub ends_at: OffsetDateTime,
    pub paused_at: Option<OffsetDateTime>,
    /// The latest pause that is over.
    pub last_pause: Option<Pause>,
    pub completion: Option<Completion>,
    pub current_question: u16,
    pub answered: Answered,
    pub change_count: u32,
    pub record_head: Link,
    pub autosave_count: u32,
    pub recent_progress: RecentCommands,
    pub last_activity: OffsetDateTime,
}

/// A pause that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    pub began_at: OffsetDateTime,
    /// From then on the time ran again.
    pub ended_at: OffsetDateTime,
}

impl Pause {
    fn contains(&self, at: OffsetDateTime) -> bool {
        self.began_at <= at && at < self.ended_at
    }
}

/// How a session was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    pub at: OffsetDateTime,
    /// The command that did it.
    pub by: Uuid,
    pub reason: CompletionReason,
}

impl Completion {
    /// A completion, in whole milliseconds: as clients and other services are told of it, and so as it is ranked.
    pub fn new(at: OffsetDateTime, by: Uuid, reason: CompletionReason) -> Self {
        Self { at: to_millisecond(at), by, reason }
    }
}

impl Session {
    /// A session that begins at `started_at`.
    pub fn new(
        id: SessionId,
        exam_id: ExamId,
        student: (UserId, String, Option<String>),
        (started_at, ends_at): (OffsetDateTime, OffsetDateTime),
        now: OffsetDateTime,
    ) -> Self {
        let (user_id, user_name, user_avatar) = student;
        Self {
            id,
            exam_id,
            user_id,
            user_name,
            user_avatar,
            started_at,
            ends_at,
            paused_at: None,
            last_pause: None,
            completion: None,
            current_question: 0,
            answered: Answered::default(),
            change_count: 0,
            record_head: Link::genesis(id),
            autosave_count: 0,
            recent_progress: RecentCommands::default(),
            last_activity: now,
        }
    }

    /// How far it is.
    pub fn status(&self, now: OffsetDateTime) -> SessionStatus {
        if self.completion.is_some() {
            SessionStatus::Completed
        } else if self.paused_at.is_some() {
            SessionStatus::Paused
        } else if now < self.started_at {
            SessionStatus::Waiting
        } else {
            SessionStatus::InProgress
        }
    }

    /// Whole seconds that are left, the one that has begun included.
    pub fn time_remaining(&self, now: OffsetDateTime) -> i64 {
        if self.completion.is_some() {
            return 0;
        }
        let from = self.paused_at.unwrap_or(now).max(self.started_at);
        let millis = (self.ends_at - from).whole_milliseconds().max(0);
        i64::try_from((millis + 999) / 1_000).unwrap_or(i64::MAX)
    }

    /// Whether nothing that the broker stores from `stamped_at` on can count any more.
    pub fn is_over(&self, stamped_at: OffsetDateTime) -> bool {
        (self.paused_at.is_none() || mutant!("exam-paused-runs-out")) && stamped_at >= self.limit()
    }

    /// From when on nothing counts any more.
    fn limit(&self) -> OffsetDateTime {
        self.ends_at.saturating_add(mutant!("exam-grace-is-doubled", GRACE * 2, GRACE))
    }

    /// How long after the last moment that counts something was stored.
    pub fn lateness(&self, stamped_at: OffsetDateTime) -> std::time::Duration {
        std::time::Duration::try_from(stamped_at - self.limit()).unwrap_or_default()
    }

    /// Whether what the broker stored at `stamped_at` may change the session.
    pub fn accepts(&self, stamped_at: OffsetDateTime) -> Result<(), ErrorBody> {
        match self.completion.map(|completion| completion.reason) {
            Some(CompletionReason::TimeExpired) => return Err(time_expired()),
            Some(_) => return Err(ErrorBody::new(code::EXAM_COMPLETED, "This exam is completed")),
            None => {}
        }
        // Whether it is applied before the pause, in it, or after it.
        let is_in_pause =
            |pause: Pause| pause.contains(stamped_at) && !mutant!("exam-answers-of-a-pause-count-behind-it");
        if self.paused_at.is_some_and(|since| stamped_at >= since && !mutant!("exam-answers-in-a-pause-count"))
            || self.last_pause.is_some_and(is_in_pause)
        {
            return Err(ErrorBody::new(code::EXAM_PAUSED, "A proctor has paused this exam"));
        }
        if stamped_at < self.started_at && !mutant!("exam-answers-before-the-start-count") {
            return Err(ErrorBody::new(code::EXAM_NOT_STARTED, "This exam has not begun"));
        }
        if self.is_over(stamped_at) && !mutant!("exam-late-answers-count") { Err(time_expired()) } else { Ok(()) }
    }

    /// How it is completed by its student's command, or why not. Past the limit it is completed as the clock does it.
    pub fn hand_in(&self, stamped_at: OffsetDateTime, by: Uuid) -> Result<Completion, ErrorBody> {
        if let Some(completion) = self.expire(stamped_at, by)
            && !mutant!("exam-late-hand-in-is-refused")
        {
            return Ok(completion);
        }
        self.accepts(stamped_at)?;
        Ok(Completion::new(stamped_at.min(self.ends_at), by, CompletionReason::Submitted))
    }

    /// How it is completed because its time is over; `None` where it was extended, paused or completed since that was
    /// noticed, and where it was noticed too early.
    pub fn expire(&self, stamped_at: OffsetDateTime, by: Uuid) -> Option<Completion> {
        let is_due = self.completion.is_none() && self.is_over(stamped_at);
        let at = mutant!("exam-completed-when-it-was-noticed", stamped_at, self.ends_at);
        is_due.then(|| Completion::new(at, by, CompletionReason::TimeExpired))
    }

    /// Gives more time.
    pub fn extend(&mut self, by: Duration) {
        self.ends_at = self.ends_at.saturating_add(by);
    }

    /// Stops the time; false if it stands already. One whose time is over is left to its clock.
    pub fn pause(&mut self, at: OffsetDateTime) -> bool {
        if self.paused_at.is_some() || at >= self.ends_at {
            return false;
        }
        self.paused_at = Some(at);
        true
    }

    /// Lets the time run again; false if it runs. What was paused before its beginning loses no time by it.
    pub fn resume(&mut self, at: OffsetDateTime) -> bool {
        let Some(began_at) = self.paused_at.take() else { return false };
        let stood_still = at - began_at.max(self.started_at.min(at));
        self.extend(mutant!("exam-pause-takes-time", Duration::ZERO, stood_still.max(Duration::ZERO)));
        self.last_pause = Some(Pause { began_at, ended_at: at });
        true
    }

    /// Whether one more autosave may be noted.
    pub fn check_autosaves(&self) -> Result<(), ErrorBody> {
        if self.autosave_count < MAX_AUTOSAVES || mutant!("exam-autosaves-without-end") {
            return Ok(());
        }
        let text = format!("The progress of this exam was saved {MAX_AUTOSAVES} times: no more is kept");
        Err(ErrorBody::new(code::EXAM_TOO_MANY_CHANGES, text))
    }

    /// Notes an autosave.
    pub fn save_progress(&mut self, current_question: u16, at: OffsetDateTime) {
        self.current_question = current_question;
        self.autosave_count += 1;
        self.last_activity = self.last_activity.max(at);
    }

    /// Whether the record has room for so many more answers.
    pub fn check_room(&self, answers: usize) -> Result<(), ErrorBody> {
        if self.change_count as usize + answers <= MAX_CHANGES as usize || mutant!("exam-record-without-end") {
            return Ok(());
        }
        let text = format!("The answers of this exam were changed {MAX_CHANGES} times: no more is kept");
        Err(ErrorBody::new(code::EXAM_TOO_MANY_CHANGES, text))
    }

    /// Adds an answer to the record, which must have room for it.
    pub fn give(
        &mut self,
        question_index: u16,
        answer: Option<Answer>,
        source: AnswerSource,
        at: OffsetDateTime,
        by: Uuid,
    ) -> Change {
        let given_at = to_millisecond(at);
        self.change_count += 1;
        let number = self.change_count;
        let entry = Entry { number, question_index, answer: answer.as_ref(), source, given_at: Timestamp(given_at) };
        self.record_head = mutant!("exam-record-is-no-chain", Link::genesis(self.id), self.record_head).next(&entry);
        self.answered.set(question_index, answer.is_some());
        self.last_activity = self.last_activity.max(at);
        Change { session_id: self.id, number, question_index, answer, source, given_at, by, hash: self.record_head }
    }
}

fn time_expired() -> ErrorBody {
    ErrorBody::new(code::EXAM_TIME_EXPIRED, "The time of this exam is over")
}

/// What the record, and the timestamps that clients see, can tell apart.
fn to_millisecond(at: OffsetDateTime) -> OffsetDateTime {
    at - Duration::nanoseconds(i64::from(at.nanosecond() % 1_000_000))
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub session_id: SessionId,
    /// 1, 2, 3 … in its session.
    pub number: u32,
    pub question_index: u16,
    pub answer: Option<Answer>,
    pub source: AnswerSource,
    pub given_at: OffsetDateTime,
    /// The command it came with.
    pub by: Uuid,
    pub hash: Link,
}

/// Whether an entry of an autosave says something new, given the question's `history`, oldest first.
///
/// It does not where it repeats what the question has, where it is older than that, and where it repeats what was
/// changed by `exam-answer` since: a forgotten tab that saves its state every half minute undoes nothing.
pub fn is_news<'h>(
    answer: &Answer,
    stamped_at: OffsetDateTime,
    history: impl DoubleEndedIterator<Item = &'h Change> + Clone,
) -> bool {
    mutant!("exam-autosave-undoes-answers", return true);
    let Some(current) = history.clone().next_back() else { return true };
    if current.answer.as_ref() == Some(answer)
        || (current.given_at > stamped_at && !mutant!("exam-late-autosave-counts"))
    {
        return false;
    }
    let was_given = || history.clone().any(|change| change.answer.as_ref() == Some(answer));
    current.source == AnswerSource::Progress || !was_given()
}

/// The latest autosaves as the version before noted them, so that one that comes again is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecentCommands(Vec<u8>);

impl RecentCommands {
    /// Whether a command is among them.
    pub fn contains(&self, id: Uuid) -> bool {
        self.0.chunks(size_of::<Uuid>()).any(|known| known == id.as_bytes())
    }

    /// From what was stored.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Which questions have an answer: one bit for each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answered(Vec<u8>);

impl Answered {
    /// Notes whether a question has an answer.
    pub fn set(&mut self, index: u16, is_answered: bool) {
        let (byte, bit) = (usize::from(index / 8), 1 << (index % 8));
        if self.0.len() <= byte {
            self.0.resize(byte + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(byte) {
            *bits = if is_answered { *bits | bit } else { *bits & !bit };
        }
    }

    /// How many have one.
    pub fn count(&self) -> u16 {
        self.0.iter().map(|bits| bits.count_ones() as u16).sum()
    }

    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From what was stored.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-23 08:00 UTC);
    const END: OffsetDateTime = datetime!(2026-11-23 09:00 UTC);
    /// What students are promised; not the constant that is tested.
    const LIMIT: OffsetDateTime = datetime!(2026-11-23 09:00:02 UTC);

    fn session() -> Session {
        let student = (UserId(Uuid::from_u128(1)), "Putri".to_owned(), None);
        Session::new(SessionId(Uuid::from_u128(7)), ExamId(Uuid::from_u128(8)), student, (START, END), START)
    }

    fn refusal(session: &Session, at: OffsetDateTime) -> Option<String> {
        session.accepts(at).err().map(|error| error.code.into_owned())
    }

    #[test]
    fn an_answer_counts_until_the_end_and_the_grace() {
        let session = session();
        let second = Duration::seconds(1);
        assert_eq!(refusal(&session, START - second).as_deref(), Some(code::EXAM_NOT_STARTED));
        assert_eq!(refusal(&session, START), None);
        assert_eq!(refusal(&session, LIMIT - Duration::nanoseconds(1)), None);
        assert_eq!(refusal(&session, LIMIT).as_deref(), Some(code::EXAM_TIME_EXPIRED));
    }

    #[test]
    fn nothing_changes_a_completed_session() {
        let mut session = session();
        let done = |reason| Some(Completion { at: START, by: Uuid::nil(), reason });
        session.completion = done(CompletionReason::Submitted);
        assert_eq!(refusal(&session, START).as_deref(), Some(code::EXAM_COMPLETED));
        session.completion = done(CompletionReason::TimeExpired);
        assert_eq!(refusal(&session, LIMIT).as_deref(), Some(code::EXAM_TIME_EXPIRED));
    }

    #[test]
    fn a_paused_session_does_not_end_and_takes_what_was_sent_before() {
        let mut session = session();
        let paused_at = START + Duration::minutes(10);
        session.paused_at = Some(paused_at);
        assert_eq!(refusal(&session, paused_at - Duration::milliseconds(1)), None);
        assert_eq!(refusal(&session, paused_at).as_deref(), Some(code::EXAM_PAUSED));
        assert!(!session.is_over(END + Duration::days(1)));
        assert_eq!(session.time_remaining(END + Duration::days(1)), 50 * 60);
    }

    #[test]
    fn a_pause_counts_for_nothing_and_nothing_counts_that_was_sent_in_it() {
        let mut session = session();
        let minute = |n| START + Duration::minutes(n);
        assert!(session.pause(minute(10)) && !session.pause(minute(11)));
        assert!(session.resume(minute(25)) && !session.resume(minute(26)));
        assert_eq!(session.ends_at, END + Duration::minutes(15));
        let instant = Duration::nanoseconds(1);
        assert_eq!(refusal(&session, minute(10) - instant), None);
        assert_eq!(refusal(&session, minute(10)).as_deref(), Some(code::EXAM_PAUSED));
        assert_eq!(refusal(&session, minute(25) - instant).as_deref(), Some(code::EXAM_PAUSED));
        assert_eq!(refusal(&session, minute(25)), None);
        assert!(session.hand_in(minute(12), Uuid::nil()).is_err());
        assert!(!session.pause(session.ends_at), "its time is over");
    }

    #[test]
    fn a_pause_before_the_beginning_gives_no_time() {
        let mut session = session();
        assert!(session.pause(START - Duration::minutes(10)));
        assert!(session.resume(START - Duration::minutes(5)));
        assert_eq!(session.ends_at, END);
        assert!(session.pause(START - Duration::minutes(1)));
        assert!(session.resume(START + Duration::minutes(2)));
        assert_eq!(session.ends_at, END + Duration::minutes(2));
    }

    #[test]
    fn a_session_is_completed_by_its_student_until_the_limit_and_by_the_clock_from_then_on() {
        let session = session();
        let (id, instant) = (Uuid::nil(), Duration::nanoseconds(1));
        let handed_in = |at| session.hand_in(at, id).map(|done| (done.at, done.reason)).ok();
        let in_time = START + Duration::minutes(5);
        assert_eq!(handed_in(in_time), Some((in_time, CompletionReason::Submitted)));
        assert_eq!(handed_in(LIMIT - instant), Some((END, CompletionReason::Submitted)));
        assert_eq!(handed_in(LIMIT), Some((END, CompletionReason::TimeExpired)));
        assert_eq!(handed_in(START - instant), None);
        assert_eq!(session.expire(LIMIT - instant, id), None);
        assert_eq!(session.expire(LIMIT, id).map(|done| done.at), Some(END));
        let paused = Session { paused_at: Some(END - instant), ..session.clone() };
        assert_eq!(paused.expire(END + Duration::days(1), id), None);
        let done = session.expire(LIMIT, id);
        assert_eq!(Session { completion: done, ..session.clone() }.expire(LIMIT, id), None);
    }

    #[test]
    fn time_without_end_does_not_overflow() {
        let mut session = session();
        session.extend(Duration::MAX);
        session.extend(Duration::hours(10));
        assert!(session.time_remaining(START) > 0);
    }

    #[test]
    fn autosaves_are_bounded() {
        let mut session = session();
        session.autosave_count = MAX_AUTOSAVES - 1;
        assert!(session.check_autosaves().is_ok());
        session.save_progress(3, START);
        assert_eq!(session.check_autosaves().unwrap_err().code, code::EXAM_TOO_MANY_CHANGES);
    }

    #[test]
    fn the_time_that_remains_is_told_in_begun_seconds() {
        let session = session();
        assert_eq!(session.time_remaining(START - Duration::minutes(5)), 3_600);
        assert_eq!(session.time_remaining(END - Duration::milliseconds(1)), 1);
        assert_eq!(session.time_remaining(END), 0);
        assert_eq!(session.time_remaining(END + Duration::hours(1)), 0);
    }

    #[test]
    fn the_bits_count_the_questions_that_have_an_answer() {
        let mut answered = Answered::default();
        for index in [0, 7, 8, 299, 7] {
            answered.set(index, true);
        }
        answered.set(8, false);
        answered.set(120, false);
        assert_eq!(answered.count(), 3);
        assert_eq!(Answered::from_bytes(answered.as_bytes().to_vec()), answered);
    }

    #[test]
    fn what_the_version_before_noted_is_known() {
        let ids = [1, 2, 3].map(Uuid::from_u128);
        let recent = RecentCommands::from_bytes(ids.iter().flat_map(|id| *id.as_bytes()).collect());
        assert!(ids.iter().all(|id| recent.contains(*id)));
        assert!(!recent.contains(Uuid::from_u128(4)));
    }

    #[test]
    fn a_full_record_takes_no_more() {
        let mut session = session();
        session.change_count = MAX_CHANGES - 1;
        assert!(session.check_room(1).is_ok());
        assert_eq!(session.check_room(2).unwrap_err().code, code::EXAM_TOO_MANY_CHANGES);
    }

    #[test]
    fn an_autosave_undoes_nothing() {
        let mut session = session();
        let answer = |n: u64| Answer::Number(n.into());
        let mut history = Vec::new();
        let mut give = |n, source, minute| {
            let at = START + Duration::minutes(minute);
            history.push(session.give(0, Some(answer(n)), source, at, Uuid::nil()));
            history.clone()
        };
        let at = |minute| START + Duration::minutes(minute);
        assert!(is_news(&answer(1), at(1), [].iter()));
        let first = give(1, AnswerSource::Answer, 1);
        assert!(!is_news(&answer(1), at(2), first.iter()), "it repeats what is there");
        assert!(is_news(&answer(2), at(2), first.iter()), "it was never said before");
        let second = give(2, AnswerSource::Answer, 3);
        assert!(!is_news(&answer(1), at(4), second.iter()), "it was changed since");
        assert!(!is_news(&answer(3), at(2), second.iter()), "it is older");
        let third = give(3, AnswerSource::Progress, 5);
        assert!(is_news(&answer(2), at(6), third.iter()), "a client that only saves progress goes back");
    }
}
