//! Questions from the files that authors have. A file is taken whole, or refused whole with every fault it has.

mod answers;
mod columns;
pub mod csv;
pub mod gift;
mod keys;
mod marks;
mod rows;

use sinaesta_contracts::Fault;
use sinaesta_contracts::exam::MAX_QUESTIONS;
use sinaesta_contracts::exam_authoring::NewQuestion;

use super::question;

/// The most faults that are told of a file: what has more is not a file of questions, and the list of them would be
/// larger than a message may be.
const MAX_FAULTS: usize = 1_000;
/// How much of a cell or an answer is repeated in a fault, in characters.
const MAX_QUOTED: usize = 60;

/// What was read of a file so far.
#[derive(Default)]
struct Reading {
    questions: Vec<NewQuestion>,
    faults: Vec<Fault>,
    has_too_many: bool,
}

impl Reading {
    /// Takes in a question that begins in `line`, or what is wrong with it.
    fn take(&mut self, line: u32, read: Result<NewQuestion, String>) {
        match read.and_then(question::checked_new) {
            Ok(question) if self.questions.len() < MAX_QUESTIONS => self.questions.push(question),
            Ok(_) if self.has_too_many => {}
            Ok(_) => {
                self.has_too_many = true;
                self.fault(line, question::too_many());
            }
            Err(reason) => self.fault(line, reason),
        }
    }

    fn fault(&mut self, line: u32, reason: impl Into<String>) {
        match self.faults.len() {
            ..MAX_FAULTS => self.faults.push(Fault { line, reason: reason.into() }),
            MAX_FAULTS => {
                let reason = format!("from here on there are more faults: only the first {MAX_FAULTS} are told");
                self.faults.push(Fault { line, reason });
            }
            _ => {}
        }
    }

    /// Whether nothing more is told of this file: it need not be read to its end.
    fn is_given_up(&self) -> bool {
        self.faults.len() > MAX_FAULTS || self.has_too_many
    }

    fn finish(mut self) -> Result<Vec<NewQuestion>, Vec<Fault>> {
        if self.questions.is_empty() && self.faults.is_empty() {
            self.fault(1, "there is no question in this file");
        }
        if self.faults.is_empty() { Ok(self.questions) } else { Err(self.faults) }
    }
}

/// What an author wrote, as a fault repeats it.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_file_of_questions_gets_no_endless_list() {
        let faults = csv::parse(&format!("text,correct\n{}", "x\n".repeat(100_000))).unwrap_err();
        assert_eq!(faults.len(), MAX_FAULTS + 1);
        assert!(faults[MAX_FAULTS].line == 1_002 && faults[MAX_FAULTS].reason.contains("more faults"));
        let faults = csv::parse(&format!("text,correct\nx,{}\n", "é".repeat(100_000))).unwrap_err();
        assert!(faults[0].reason.chars().count() < 200, "{}", faults[0].reason);
    }

    /// The control: with the columns read one by one, each of two million is a fault of its own to be looked through.
    #[test]
    fn a_table_of_nothing_but_commas_is_given_up_at_once() {
        let faults = csv::parse(&format!("{}x", "x,".repeat(1_000_000))).unwrap_err();
        assert_eq!((faults.len(), faults[0].line), (1, 1));
        assert!(faults[0].reason.contains("1000001 columns"), "{}", faults[0].reason);
        assert_eq!(csv::parse(&",".repeat(2_000_000)).unwrap_err().len(), 2);
        // Nor is anything read behind what is told.
        let rows = format!("text,correct\n{}", "x\n".repeat(1_000_000));
        assert_eq!(csv::parse(&rows).unwrap_err().len(), MAX_FAULTS + 1);
    }

    #[test]
    fn an_exam_has_only_so_many_questions() {
        let table = |count| format!("text,correct,option_a,option_b\n{}", "x,A,a,b\n".repeat(count));
        let file = "x {=a ~b}\n\n".repeat(MAX_QUESTIONS + 7);
        assert_eq!(csv::parse(&table(MAX_QUESTIONS)).unwrap().len(), MAX_QUESTIONS);
        for (faults, line) in [(csv::parse(&table(MAX_QUESTIONS + 7)), 302), (gift::parse(&file), 601)] {
            assert_eq!(faults.unwrap_err(), [Fault { line, reason: question::too_many() }]);
        }
    }
}
