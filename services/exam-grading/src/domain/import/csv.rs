//! Questions in a table: one in each row, under a row that names the columns.
//!
//! `text` and `correct` must be there; `kind`, `option_a` to `option_t` (or `option1` to `option20`), `tolerance`,
//! `points`, `category` and `explanation` may be. Their order does not matter, nor does the case of their names.

use ::csv::{ReaderBuilder, StringRecord};
use sinaesta_contracts::Points;
use sinaesta_contracts::exam_authoring::{Key, NewQuestion};

use super::Reading;
use crate::domain::question::MAX_OPTIONS;

/// Reads a table of questions.
pub fn parse(text: &str) -> Result<Vec<NewQuestion>, Vec<sinaesta_contracts::Fault>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text.as_bytes());
    let mut reading = Reading::default();
    let columns = reader.headers().map_err(|error| error.to_string()).and_then(Columns::read);
    let columns = match columns {
        Ok(columns) => columns,
        Err(reason) => {
            reading.fault(1, reason);
            return reading.finish();
        }
    };
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, |position| u32::try_from(position.line()).unwrap_or(u32::MAX));
                reading.take(line, columns.question(&record));
            }
            Err(error) => {
                let line = error.position().map_or(1, |position| u32::try_from(position.line()).unwrap_or(u32::MAX));
                reading.fault(line, error.to_string());
            }
        }
    }
    reading.finish()
}

/// A comma, or a semicolon or tab where the first line has more of those: spreadsheets differ by country.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    // Of several that stand there equally often the last one is taken.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// Where each thing stands.
struct Columns {
    count: usize,
    kind: Option<usize>,
    text: usize,
    /// In the order of the options.
    options: Vec<usize>,
    correct: usize,
    tolerance: Option<usize>,
    points: Option<usize>,
    category: Option<usize>,
    explanation: Option<usize>,
}

impl Columns {
    fn read(headers: &StringRecord) -> Result<Self, String> {
        let names: Vec<String> = headers.iter().map(|name| name.trim().to_lowercase()).collect();
        let find = |name: &str| names.iter().position(|one| one == name);
        let must = |name: &str| find(name).ok_or_else(|| format!("the first row has no column `{name}`"));
        let mut options: Vec<(usize, usize)> =
            names.iter().enumerate().filter_map(|(at, name)| Some((option_number(name)?, at))).collect();
        options.sort_unstable();
        let known = ["kind", "text", "correct", "tolerance", "points", "category", "explanation"];
        for (at, name) in names.iter().enumerate() {
            if !known.contains(&name.as_str()) && option_number(name).is_none() {
                return Err(format!("the column `{name}` is not known"));
            }
            if names.iter().take(at).any(|other| other == name) {
                return Err(format!("the column `{name}` stands there twice"));
            }
        }
        Ok(Self {
            count: names.len(),
            kind: find("kind"),
            text: must("text")?,
            options: options.into_iter().map(|(_, at)| at).collect(),
            correct: must("correct")?,
            tolerance: find("tolerance"),
            points: find("points"),
            category: find("category"),
            explanation: find("explanation"),
        })
    }

    fn question(&self, record: &StringRecord) -> Result<NewQuestion, String> {
        if record.len() != self.count {
            return Err(format!("it has {} columns, the first row {}", record.len(), self.count));
        }
        let cell = |at: usize| record.get(at).map(str::trim).unwrap_or_default();
        let filled = |at: Option<usize>| at.map(cell).filter(|text| !text.is_empty());
        let options: Vec<String> = self.options.iter().map(|at| cell(*at).to_owned()).collect();
        let used = options.iter().rposition(|option| !option.is_empty()).map_or(0, |last| last + 1);
        let key = key(filled(self.kind), cell(self.correct), filled(self.tolerance))?;
        let points = match filled(self.points) {
            Some(text) => {
                number(text, "points").and_then(|n| Points::try_from(n).map_err(|e| format!("points {e}")))?
            }
            None => Points::ONE,
        };
        Ok(NewQuestion {
            text: cell(self.text).to_owned(),
            options: options.into_iter().take(used).collect(),
            key,
            points,
            category: filled(self.category).map(str::to_owned),
            explanation: filled(self.explanation).map(str::to_owned),
        })
    }
}

/// `option_a` and `option1` are the first.
fn option_number(name: &str) -> Option<usize> {
    let rest = name.strip_prefix("option")?.trim_start_matches(['_', ' ']);
    let number = match rest.parse::<usize>() {
        Ok(number) => number,
        Err(_) => usize::from(letter(rest)?) + 1,
    };
    (1..=MAX_OPTIONS).contains(&number).then_some(number)
}

/// `A` is 0.
fn letter(text: &str) -> Option<u16> {
    let mut letters = text.trim().bytes();
    let first = letters.next()?.to_ascii_lowercase();
    (letters.next().is_none() && first.is_ascii_lowercase()).then(|| u16::from(first - b'a'))
}

fn key(kind: Option<&str>, correct: &str, tolerance: Option<&str>) -> Result<Key, String> {
    let option =
        |text: &str| letter(text).ok_or_else(|| format!("`correct` must name an option by its letter, not `{text}`"));
    let kind = kind.map(|kind| kind.to_lowercase().replace(['_', ' '], "-"));
    match kind.as_deref().unwrap_or("single-choice") {
        "single-choice" => Ok(Key::SingleChoice { correct: option(correct)? }),
        "several-correct" => {
            let correct: Result<_, _> =
                correct.split([';', ',', '|', ' ']).filter(|one| !one.is_empty()).map(option).collect();
            Ok(Key::SeveralCorrect { correct: correct? })
        }
        "true-false" => match correct.to_lowercase().as_str() {
            "true" | "t" | "benar" | "b" => Ok(Key::TrueFalse { correct: true }),
            "false" | "f" | "salah" | "s" => Ok(Key::TrueFalse { correct: false }),
            other => Err(format!("`correct` must be true or false, not `{other}`")),
        },
        "numeric" => Ok(Key::Numeric {
            value: number(correct, "correct")?,
            tolerance: tolerance.map_or(Ok(0.0), |text| number(text, "tolerance"))?,
        }),
        other => Err(format!("`kind` must be single-choice, several-correct, true-false or numeric, not `{other}`")),
    }
}

/// A number with a point, or with the comma that half the world writes.
fn number(text: &str, column: &str) -> Result<f64, String> {
    let text = text.replace(',', ".");
    text.parse()
        .ok()
        .filter(|n: &f64| n.is_finite())
        .ok_or_else(|| format!("`{column}` must be a number, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns() {
        let table = "\u{feff}Correct;Text;option_b;Option_A;points;Kind;tolerance;category;explanation\r\n\
            b;\"Pilih;\nsatu\";salah;benar;2,5;;;Irama;Karena\r\n\
            A C;Pilih;b;a;;Several Correct;;;\r\n\
            benar;Ini?;;;;true-false;;;\r\n\
            \"12,5\";Berapa?;;;;numeric;0.5;;\r\n";
        let table = table.replace("A C", "A B");
        let questions = parse(&table).unwrap();
        assert_eq!(questions.len(), 4);
        assert_eq!(questions[0].text, "Pilih;\nsatu");
        assert_eq!(questions[0].options, ["benar", "salah"]);
        assert_eq!(questions[0].key, Key::SingleChoice { correct: 1 });
        assert_eq!(questions[0].points.hundredths(), 250);
        assert_eq!(questions[0].category.as_deref(), Some("Irama"));
        assert_eq!(questions[1].key, Key::SeveralCorrect { correct: vec![0, 1] });
        assert_eq!(questions[2].options, ["True", "False"]);
        assert_eq!(questions[3].key, Key::Numeric { value: 12.5, tolerance: 0.5 });
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let cases: [(&str, &[(u32, &str)]); 8] = [
            ("", &[(1, "no column `text`")]),
            ("text,correct\n", &[(1, "no question")]),
            ("text,option_a,option_b\nx,a,b\n", &[(1, "no column `correct`")]),
            ("text,correct,colour\nx,a,b\n", &[(1, "`colour` is not known")]),
            ("text,text,correct\nx,a,b\n", &[(1, "twice")]),
            (
                "text,correct,option_a,option_b\n\"two\nlines\",Z,a,b\ny,A,a\nz,A,a,a\n,A,a,b\n",
                &[(2, "names an option that it lacks"), (4, "it has 3 columns"), (5, "twice"), (6, "text is empty")],
            ),
            (
                "kind,text,correct\nessay,x,A\nnumeric,x,many\ntrue-false,x,perhaps\n",
                &[(2, "essay"), (3, "many"), (4, "perhaps")],
            ),
            (
                "text,correct,option_a,option_b,points\nx,A,a,b,0\nx,A,a,b,0.333\n",
                &[(2, "more than 0"), (3, "two decimals")],
            ),
        ];
        for (table, expected) in cases {
            let faults = parse(table).unwrap_err();
            let lines: Vec<u32> = faults.iter().map(|fault| fault.line).collect();
            assert_eq!(lines, expected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), "{table}: {faults:?}");
            for (fault, (_, reason)) in faults.iter().zip(expected) {
                assert!(fault.reason.contains(reason), "{fault:?} does not say {reason}");
            }
        }
    }

    #[test]
    fn an_exam_has_only_so_many_questions() {
        let table = format!("text,correct,option_a,option_b\n{}", "x,A,a,b\n".repeat(301));
        let faults = parse(&table).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].line, 302);
    }

    fn any_question() -> impl Strategy<Value = NewQuestion> {
        let options = prop::collection::hash_set("[a-zA-Z0-9,;\"é ]{0,8}[a-z]", 2..6);
        (options, any::<prop::sample::Index>(), "[a-z\"\n;, ]{0,40}[a-z]", 1i64..1_000).prop_map(
            |(options, correct, text, hundredths)| {
                let options: std::collections::BTreeSet<String> =
                    options.iter().map(|one| one.trim().to_owned()).collect();
                let correct = correct.index(options.len()) as u16;
                NewQuestion {
                    text: text.trim().to_owned(),
                    options: options.into_iter().collect(),
                    key: Key::SingleChoice { correct },
                    points: Points::from_hundredths(hundredths),
                    category: None,
                    explanation: None,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail_in_another_way(text in "\\PC{0,200}") {
            drop(parse(&text));
            drop(parse(&format!("text,correct,option_a,option_b\n{text}")));
        }

        #[test]
        fn what_is_written_is_read(questions in prop::collection::vec(any_question(), 1..8)) {
            prop_assume!(questions.iter().all(|one| one.options.len() >= 2));
            let mut writer = ::csv::Writer::from_writer(Vec::new());
            let names = ["text", "correct", "points", "option1", "option2", "option3", "option4", "option5"];
            writer.write_record(names).unwrap();
            for question in &questions {
                let Key::SingleChoice { correct } = question.key else { unreachable!() };
                let letter = char::from(b'A' + correct as u8).to_string();
                let mut row = vec![question.text.clone(), letter, question.points.to_string()];
                row.extend(question.options.iter().cloned());
                row.resize(names.len(), String::new());
                writer.write_record(row).unwrap();
            }
            let table = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(parse(&table).unwrap(), questions);
        }
    }
}
