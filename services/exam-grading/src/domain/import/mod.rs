//! Questions from the files that authors have. A file is taken whole, or refused whole with every fault it has.

pub mod csv;
pub mod gift;

use sinaesta_contracts::Fault;
use sinaesta_contracts::exam::MAX_QUESTIONS;
use sinaesta_contracts::exam_authoring::NewQuestion;

use super::question;

/// What was read of a file so far.
#[derive(Default)]
struct Reading {
    questions: Vec<NewQuestion>,
    faults: Vec<Fault>,
}

impl Reading {
    /// Takes in a question that begins in `line`, or what is wrong with it.
    fn take(&mut self, line: u32, read: Result<NewQuestion, String>) {
        match read.and_then(question::checked) {
            Ok(_) if self.questions.len() == MAX_QUESTIONS => self.fault(line, question::too_many()),
            Ok(question) => self.questions.push(question),
            Err(reason) => self.fault(line, reason),
        }
    }

    fn fault(&mut self, line: u32, reason: impl Into<String>) {
        self.faults.push(Fault { line, reason: reason.into() });
    }

    fn finish(mut self) -> Result<Vec<NewQuestion>, Vec<Fault>> {
        if self.questions.is_empty() && self.faults.is_empty() {
            self.fault(1, "there is no question in this file");
        }
        if self.faults.is_empty() { Ok(self.questions) } else { Err(self.faults) }
    }
}
