//! A session's clock, and what may be done to it when. Only the broker's stamps and the server's clock count.

use sinaesta_contracts::exam::{Answer, GRACE_MS, SessionStatus};
use sinaesta_contracts::exam_grading::{AnswerSource, CompletionReason};
use sinaesta_contracts::{ErrorBody, ExamId, SessionId, Timestamp, UserId, code};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::record::{Entry, Link};

/// The most answers that one session's record keeps.
pub const MAX_CHANGES: u32 = 3_000;

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
    pub completion: Option<Completion>,
    pub current_question: u16,
    pub answered: Answered,
    pub change_count: u32,
    pub record_head: Link,
    pub recent_progress: RecentCommands,
    pub last_activity: OffsetDateTime,
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
            completion: None,
            current_question: 0,
            answered: Answered::default(),
            change_count: 0,
            record_head: Link::genesis(id),
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
        self.paused_at.is_none() && stamped_at >= self.ends_at + GRACE
    }

    /// How long after the last moment that counts `now` is.
    pub fn lateness(&self, now: OffsetDateTime) -> std::time::Duration {
        std::time::Duration::try_from(now - (self.ends_at + GRACE)).unwrap_or_default()
    }

    /// Whether what the broker stored at `stamped_at` may change the session.
    pub fn accepts(&self, stamped_at: OffsetDateTime) -> Result<(), ErrorBody> {
        match self.completion.map(|completion| completion.reason) {
            Some(CompletionReason::TimeExpired) => return Err(time_expired()),
            Some(_) => return Err(ErrorBody::new(code::EXAM_COMPLETED, "This exam is completed")),
            None => {}
        }
        if self.paused_at.is_some_and(|since| stamped_at >= since) {
            return Err(ErrorBody::new(code::EXAM_PAUSED, "A proctor has paused this exam"));
        }
        if stamped_at < self.started_at {
            return Err(ErrorBody::new(code::EXAM_NOT_STARTED, "This exam has not begun"));
        }
        if self.is_over(stamped_at) { Err(time_expired()) } else { Ok(()) }
    }

    /// Whether the record has room for so many more answers.
    pub fn check_room(&self, answers: usize) -> Result<(), ErrorBody> {
        if self.change_count as usize + answers <= MAX_CHANGES as usize {
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
        self.record_head = self.record_head.next(&entry);
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
    let Some(current) = history.clone().next_back() else { return true };
    if current.answer.as_ref() == Some(answer) || current.given_at > stamped_at {
        return false;
    }
    let was_given = || history.clone().any(|change| change.answer.as_ref() == Some(answer));
    current.source == AnswerSource::Progress || !was_given()
}

/// The commands that were applied last, so that one that comes again is known. A sender repeats only what it still
/// waits for, which is a few at the most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecentCommands(Vec<u8>);

impl RecentCommands {
    /// How many are remembered.
    const KEPT: usize = 16;
    const BYTES: usize = size_of::<Uuid>();

    /// Whether a command is among them.
    pub fn contains(&self, id: Uuid) -> bool {
        self.0.chunks(Self::BYTES).any(|known| known == id.as_bytes())
    }

    /// Adds one, and forgets the oldest.
    pub fn add(&mut self, id: Uuid) {
        self.0.extend_from_slice(id.as_bytes());
        let over = self.0.len().saturating_sub(Self::KEPT * Self::BYTES);
        self.0.drain(..over);
    }

    /// As they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
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
        assert_eq!(refusal(&session, END + GRACE - Duration::nanoseconds(1)), None);
        assert_eq!(refusal(&session, END + GRACE).as_deref(), Some(code::EXAM_TIME_EXPIRED));
    }

    #[test]
    fn nothing_changes_a_completed_session() {
        let mut session = session();
        let done = |reason| Some(Completion { at: START, by: Uuid::nil(), reason });
        session.completion = done(CompletionReason::Submitted);
        assert_eq!(refusal(&session, START).as_deref(), Some(code::EXAM_COMPLETED));
        session.completion = done(CompletionReason::TimeExpired);
        assert_eq!(refusal(&session, END + GRACE).as_deref(), Some(code::EXAM_TIME_EXPIRED));
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
    fn the_latest_commands_are_remembered() {
        let mut recent = RecentCommands::default();
        (0..20).for_each(|n| recent.add(Uuid::from_u128(n)));
        let known: Vec<_> = (0..20).filter(|n| recent.contains(Uuid::from_u128(*n))).collect();
        assert_eq!(known, (4..20).collect::<Vec<_>>());
        assert_eq!(RecentCommands::from_bytes(recent.as_bytes().to_vec()), recent);
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
