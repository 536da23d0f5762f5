//! The student's record: a chain of hashes over every answer as it was given. Whoever knows the head of the chain can
//! tell whether any of them was changed, left out or put in.

use std::fmt;

use sha2::{Digest as _, Sha256};
use sinaesta_contracts::exam::Answer;
use sinaesta_contracts::exam_grading::AnswerSource;
use sinaesta_contracts::{SessionId, Timestamp};

/// A link of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link([u8; 32]);

impl Link {
    /// What the chain of a session begins with.
    pub fn genesis(session: SessionId) -> Self {
        Self::of(&format!("sinaesta-exam-record-v1|{session}"))
    }

    /// The link of one more entry.
    #[must_use]
    pub fn next(self, entry: &Entry<'_>) -> Self {
        Self::of(&format!("{self}\n{entry}"))
    }

    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// As it is stored.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From what was stored; `None` if that is no link.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What is hashed of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// 1, 2, 3 … in its session.
    pub number: u32,
    pub question_index: u16,
    pub answer: Option<&'a Answer>,
    pub source: AnswerSource,
    /// In whole milliseconds.
    pub given_at: Timestamp,
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = serde_json::to_string(&self.answer).map_err(|_| fmt::Error)?;
        write!(f, "{}|{}|{answer}|{}|{}", self.number, self.question_index, self.source.as_str(), self.given_at)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn entry(answer: &Answer) -> Entry<'_> {
        let given_at = Timestamp(datetime!(2026-11-23 08:00:00.123 UTC));
        Entry { number: 1, question_index: 4, answer: Some(answer), source: AnswerSource::Answer, given_at }
    }

    #[test]
    fn an_entry_is_hashed_as_its_documentation_says() {
        let answer = Answer::Several(vec![0, 2]);
        assert_eq!(entry(&answer).to_string(), "1|4|[0,2]|answer|2026-11-23T08:00:00.123Z");
        assert_eq!(Entry { answer: None, ..entry(&answer) }.to_string(), "1|4|null|answer|2026-11-23T08:00:00.123Z");
        // printf 'sinaesta-exam-record-v1|00000000-0000-0000-0000-000000000007' | sha256sum
        let genesis = Link::genesis(SessionId(Uuid::from_u128(7)));
        assert_eq!(genesis, Link::from_bytes(genesis.as_bytes()).unwrap());
        assert_eq!(genesis.to_string().len(), 64);
    }

    #[test]
    fn whatever_is_changed_in_an_entry_changes_its_link() {
        let (one, other) = (Answer::Number(1.into()), Answer::Number(2.into()));
        let genesis = Link::genesis(SessionId(Uuid::from_u128(7)));
        let link = genesis.next(&entry(&one));
        let later = Timestamp(datetime!(2026-11-23 08:00:00.124 UTC));
        for changed in [
            entry(&other),
            Entry { number: 2, ..entry(&one) },
            Entry { question_index: 5, ..entry(&one) },
            Entry { answer: None, ..entry(&one) },
            Entry { source: AnswerSource::Progress, ..entry(&one) },
            Entry { given_at: later, ..entry(&one) },
        ] {
            assert_ne!(genesis.next(&changed), link, "{changed}");
        }
        assert_ne!(link.next(&entry(&one)), link);
    }
}
