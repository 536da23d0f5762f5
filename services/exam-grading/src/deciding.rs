//! How commands are decided: each once, in one place, from the rows that are held and the command's stamp.

use std::collections::HashMap;

use sinaesta_bus::{Failure, Outcome, Received};
use sinaesta_contracts::{Command, ErrorBody};
use sinaesta_mutants::mutant;
use time::OffsetDateTime;
use uuid::Uuid;

/// What is decided about a command: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision<T> {
    /// It is applied now.
    Done(T),
    /// What it asks for was done before, as said here: nothing changes. By this very command, unless `T` says otherwise:
    /// then all that it led to is published again.
    Repeat(T),
    /// The rules don't allow it: nothing changes.
    Refused(ErrorBody),
}

impl<T> Decision<T> {
    /// What was done, now or before.
    pub(crate) fn done(&self) -> Option<&T> {
        match self {
            Self::Done(done) | Self::Repeat(done) => Some(done),
            Self::Refused(_) => None,
        }
    }

    /// The answer to the sender.
    pub(crate) fn answer<R>(&self, reply: impl FnOnce(&T) -> R) -> Result<R, ErrorBody> {
        match self {
            Self::Done(done) | Self::Repeat(done) => Ok(reply(done)),
            Self::Refused(error) => Err(error.clone()),
        }
    }
}

impl<T> From<Result<Self, ErrorBody>> for Decision<T> {
    fn from(decided: Result<Self, ErrorBody>) -> Self {
        decided.unwrap_or_else(Self::Refused)
    }
}

/// The commands of a batch, each once. One that its sender sent again, after a reconnect, comes under the same id with a
/// later stamp, and both may be in one batch: the first is decided, and the others get its answer.
pub(crate) struct Batch<'b, C> {
    commands: Vec<&'b Received<C>>,
    /// For each command as it came, the place of its first copy.
    places: Vec<usize>,
}

impl<'b, C: Command> Batch<'b, C> {
    /// Fails if two users sent different commands under one id.
    pub(crate) fn new(received: &'b [Received<C>]) -> Result<Self, Failure> {
        let mut known: HashMap<Uuid, (usize, &Received<C>)> = HashMap::with_capacity(received.len());
        let mut commands = Vec::with_capacity(received.len());
        let mut places = Vec::with_capacity(received.len());
        for one in received {
            let next = commands.len();
            let (place, first) = *known.entry(one.id).or_insert((next, one));
            if first.command.partition_key(&first.actor) != one.command.partition_key(&one.actor) {
                return Err(used_twice(one.id));
            }
            if place == next || mutant!("exam-copy-in-a-batch-counts-twice") {
                commands.push(one);
            }
            places.push(place);
        }
        Ok(Self { commands, places })
    }

    pub(crate) fn commands(&self) -> &[&'b Received<C>] {
        &self.commands
    }

    /// The stamp of the last one: how things are then is what is told of all of them.
    pub(crate) fn stamped_at(&self) -> OffsetDateTime {
        self.commands.iter().map(|one| one.stamped_at).max().unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// An outcome for each command as it came.
    pub(crate) fn answer<R: Clone>(self, outcomes: Vec<Outcome<R>>) -> Result<Vec<Outcome<R>>, Failure> {
        if self.places.len() == self.commands.len() {
            return Ok(outcomes);
        }
        let answers: Vec<_> = outcomes.iter().map(|outcome| outcome.answer.clone()).collect();
        let (mut outcomes, mut next) = (outcomes.into_iter(), 0);
        let outcome = |place| {
            if place == next {
                next += 1;
                return outcomes.next();
            }
            answers.get(place).cloned().map(Outcome::from)
        };
        let all: Option<Vec<_>> = self.places.into_iter().map(outcome).collect();
        all.ok_or_else(|| Failure::Reject("a command has no outcome".to_owned()))
    }
}

/// Two different commands have one id: neither can be told from the other's repeat.
pub(crate) fn used_twice(id: Uuid) -> Failure {
    Failure::Reject(format!("the id {id} is that of another command"))
}

/// Rows that were decided to be new while everything they depend on is held. That one of them is there already means that
/// the command's id is used twice: it can't be decided, and the transaction is given up.
pub(crate) fn all_new(stored: usize, decided: usize, what: &str) -> Result<(), Failure> {
    if stored == decided {
        return Ok(());
    }
    Err(Failure::Reject(format!("{} of {decided} {what} are stored already, by other commands", decided - stored)))
}

#[cfg(test)]
mod tests {
    use sinaesta_contracts::exam::SaveAnswer;
    use sinaesta_contracts::{Actor, ExamId};
    use time::Duration;

    use super::*;

    fn received(id: u128, exam: u128, second: i64) -> Received<SaveAnswer> {
        let command = SaveAnswer { exam_id: ExamId(Uuid::from_u128(exam)), question_index: 0, answer: None };
        let stamped_at = OffsetDateTime::UNIX_EPOCH + Duration::seconds(second);
        Received { id: Uuid::from_u128(id), actor: Actor::system(), command, stamped_at, from: None }
    }

    #[test]
    fn copies_get_the_answer_of_the_first_and_nothing_is_published_with_them() {
        let came = [received(1, 7, 1), received(2, 7, 2), received(1, 7, 3), received(3, 7, 4), received(2, 7, 5)];
        let batch = Batch::new(&came).unwrap();
        let stamps: Vec<_> = batch.commands().iter().map(|one| one.stamped_at.unix_timestamp()).collect();
        assert_eq!(stamps, [1, 2, 4]);
        assert_eq!(batch.stamped_at().unix_timestamp(), 4);
        let outcomes = stamps.into_iter().map(Outcome::done).collect();
        let answers: Vec<_> = batch.answer(outcomes).unwrap().into_iter().map(|one| one.answer.unwrap()).collect();
        assert_eq!(answers, [1, 2, 1, 4, 2]);
    }

    #[test]
    fn one_id_for_two_commands_is_no_copy() {
        let came = [received(1, 7, 1), received(1, 8, 2)];
        assert!(matches!(Batch::new(&came), Err(Failure::Reject(_))));
    }

    #[test]
    fn outcomes_are_not_made_up() {
        let came = [received(1, 7, 1), received(1, 7, 2), received(2, 7, 3)];
        let batch = Batch::new(&came).unwrap();
        assert!(batch.answer(vec![Outcome::done(())]).is_err());
    }
}
