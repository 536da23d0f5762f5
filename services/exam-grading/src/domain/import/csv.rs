//! Questions in a table: one in each row, under a row that names the columns.
//!
//! `text` and `correct` must be there; `kind`, `option_a` to `option_t` (or `option1` to `option20`), `tolerance`,
//! `points`, `category` and `explanation` may be. Their order does not matter, nor does the case of their names.

use ::csv::StringRecord;
use sinaesta_contracts::exam_authoring::{Key, NewQuestion};
use sinaesta_contracts::{Fault, Points};

use super::columns::{Columns, letter};
use super::rows::Rows;
use super::{Reading, quoted};

/// Reads a table of questions.
pub fn parse(text: &str) -> Result<Vec<NewQuestion>, Vec<Fault>> {
    let mut reading = Reading::default();
    let mut rows = Rows::new(text.trim_start_matches('\u{feff}'));
    let (line, header) = rows.next().unwrap_or_else(|| (1, Ok(StringRecord::new())));
    let columns = match header.map_err(|reason| vec![reason]).and_then(|header| Columns::read(&header)) {
        Ok(columns) => columns,
        Err(reasons) => {
            reasons.into_iter().for_each(|reason| reading.fault(line, reason));
            return reading.finish();
        }
    };
    for (line, row) in rows {
        if reading.is_given_up() {
            break;
        }
        match row.map_err(|reason| vec![reason]).and_then(|row| question(&columns, &row)) {
            Ok(Some(question)) => reading.take(line, Ok(question)),
            Ok(None) => {}
            Err(reasons) => reasons.into_iter().for_each(|reason| reading.fault(line, reason)),
        }
    }
    reading.finish()
}

/// A row's question, or everything in it that can't be read. Spreadsheets write rows without a single filled cell:
/// those are none.
fn question(columns: &Columns, row: &StringRecord) -> Result<Option<NewQuestion>, Vec<String>> {
    if row.iter().all(|cell| cell.trim().is_empty()) {
        return Ok(None);
    }
    if row.len() != columns.count {
        return Err(vec![format!("it has {} columns, the first row {}", row.len(), columns.count)]);
    }
    let cell = |at: usize| row.get(at).map(str::trim).unwrap_or_default();
    let filled = |at: Option<usize>| at.map(cell).filter(|text| !text.is_empty());
    let used = columns.options.iter().rposition(|at| !cell(*at).is_empty()).map_or(0, |last| last + 1);
    let mut faults = Vec::new();
    let points = match filled(columns.points) {
        Some(text) => number("points", text).and_then(|n| Points::try_from(n).map_err(|rule| format!("points {rule}"))),
        None => Ok(Points::ONE),
    };
    let key = key(filled(columns.kind), cell(columns.correct), filled(columns.tolerance), &mut faults);
    match (key, points) {
        (Some(key), Ok(points)) => Ok(Some(NewQuestion {
            text: cell(columns.text).to_owned(),
            options: columns.options.iter().take(used).map(|at| cell(*at).to_owned()).collect(),
            key,
            points,
            category: filled(columns.category).map(str::to_owned),
            explanation: filled(columns.explanation).map(str::to_owned),
        })),
        (_, points) => {
            faults.extend(points.err());
            Err(faults)
        }
    }
}

/// The key, unless what is wrong with it was put to the faults.
fn key(kind: Option<&str>, correct: &str, tolerance: Option<&str>, faults: &mut Vec<String>) -> Option<Key> {
    let mut read = |read: Result<f64, String>| read.map_err(|reason| faults.push(reason)).ok();
    let kind = kind.map(|kind| kind.to_lowercase().replace(['_', ' '], "-"));
    let key = match kind.as_deref().unwrap_or("single-choice") {
        "numeric" => {
            let value = read(number("correct", correct));
            let tolerance = read(tolerance.map_or(Ok(0.0), |text| number("tolerance", text)));
            return Some(Key::Numeric { value: value?, tolerance: tolerance? });
        }
        "single-choice" => match options(correct).as_deref() {
            Ok([correct]) => Ok(Key::SingleChoice { correct: *correct }),
            Ok(_) => Err(format!(
                "`correct` must name one option, not {}; where several are right, `kind` is several-correct",
                quoted(correct)
            )),
            Err(reason) => Err(reason.clone()),
        },
        "several-correct" => options(correct).map(|correct| Key::SeveralCorrect { correct }),
        "true-false" => match correct.to_lowercase().as_str() {
            "true" | "t" | "benar" | "b" => Ok(Key::TrueFalse { correct: true }),
            "false" | "f" | "salah" | "s" => Ok(Key::TrueFalse { correct: false }),
            _ => Err(format!("`correct` must be true or false, not {}", quoted(correct))),
        },
        other => {
            let other = quoted(other);
            Err(format!("`kind` must be single-choice, several-correct, true-false or numeric, not {other}"))
        }
    };
    key.map_err(|reason| faults.push(reason)).ok()
}

/// `A;C` are 0 and 2.
fn options(correct: &str) -> Result<Vec<u16>, String> {
    let letters = correct.split([';', ',', '|', ' ']).filter(|one| !one.is_empty());
    let options: Option<Vec<u16>> = letters.map(letter).collect();
    match options {
        Some(options) if options.is_empty() => Err("`correct` is empty".to_owned()),
        Some(options) => Ok(options),
        None => Err(format!("`correct` must name an option by its letter, not {}", quoted(correct))),
    }
}

/// A number with a point, or with the comma that half the world writes. What one half reads as thousands and the
/// other as thousandths is neither.
fn number(column: &str, text: &str) -> Result<f64, String> {
    if let Some((whole, rest)) = text.split_once(['.', ',']).filter(|(whole, rest)| is_ambiguous(whole, rest)) {
        return Err(format!(
            "`{column}` is `{text}`, which can be read as {whole}{rest} or as {whole}.{rest}: write `{whole}{rest}` or \
             `{whole}.{rest}0`"
        ));
    }
    text.replace(',', ".")
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| format!("`{column}` must be a number, not {}", quoted(text)))
}

fn is_ambiguous(whole: &str, rest: &str) -> bool {
    let whole = whole.trim_start_matches(['+', '-']);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&whole.len()) && !whole.starts_with('0') && rest.len() == 3 && is_digits(whole) && is_digits(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns() {
        let table = "\u{feff}Correct;Text;option_b;Option_A;points;Kind;tolerance;category;explanation\r\n\
            b;\"Pilih;\nsatu\";salah;benar;2,5;;;Irama;Karena\r\n\
            A B;Pilih;b;a;;Several Correct;;;\r\n\
            ;;;;;;;;\r\n\
            benar;Ini?;;;;true-false;;;\r\n\
            False;Ini?;Tidak;Ya;;TRUE_FALSE;;;\r\n\
            \"12,5\";Berapa?;;;;numeric;0.5;;\r\n";
        let questions = parse(table).unwrap();
        assert_eq!(questions.len(), 5);
        assert_eq!(questions[0].text, "Pilih;\nsatu");
        assert_eq!(questions[0].options, ["benar", "salah"]);
        assert_eq!(questions[0].key, Key::SingleChoice { correct: 1 });
        assert_eq!(questions[0].points.hundredths(), 250);
        assert_eq!(questions[0].category.as_deref(), Some("Irama"));
        assert_eq!(questions[0].explanation.as_deref(), Some("Karena"));
        assert_eq!(questions[1].key, Key::SeveralCorrect { correct: vec![0, 1] });
        assert_eq!(questions[2].options, ["True", "False"]);
        assert_eq!(questions[2].key, Key::TrueFalse { correct: true });
        assert_eq!(questions[3].options, ["Ya", "Tidak"]);
        assert_eq!(questions[3].key, Key::TrueFalse { correct: false });
        assert_eq!(questions[4].key, Key::Numeric { value: 12.5, tolerance: 0.5 });
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let cases: [(&str, &[(u32, &str)]); 17] = [
            ("", &[(1, "no column `text`"), (1, "no column `correct`")]),
            ("text,correct\n", &[(1, "no question")]),
            ("text,correct\n,\n", &[(1, "no question")]),
            ("\r\ntext,option_a,option_b\r\nx,a,b\r\n", &[(2, "no column `correct`")]),
            (
                "txt,correct,,correct,option_a,option1,option_c,option_u\n",
                &[
                    (1, "`txt` is not known"),
                    (1, "column 3 has no name"),
                    (1, "`correct` stands there twice"),
                    (1, "`option_a` and `option1` are the same"),
                    (1, "`option_u` is not known"),
                    (1, "option C, but none for option B"),
                    (1, "no column `text`"),
                ],
            ),
            (
                "text,correct,option_a,option_b\r\n\"two\r\nlines\",Z,a,b\r\n\r\ny,A,a\r\nz,A,a,a\r\n,A,a,b\r\n",
                &[(2, "names an option that it lacks"), (5, "it has 3 columns"), (6, "twice"), (7, "text is empty")],
            ),
            (
                "kind,text,correct\nessay,x,A\nnumeric,x,many\ntrue-false,x,perhaps\n",
                &[(2, "essay"), (3, "many"), (4, "perhaps")],
            ),
            (
                "text,correct,option_a,option_b,points\nx,A,a,b,0\nx,A,a,b,0.333\nx,A,a,b,1001\nx,,a,b,much\n",
                &[
                    (2, "more than 0"),
                    (3, "two decimals"),
                    (4, "up to 1000"),
                    (5, "`correct` is empty"),
                    (5, "`points` must be a number"),
                ],
            ),
            ("kind,text,correct,tolerance\nnumeric,x,a,b\n", &[(2, "`correct` must be"), (2, "`tolerance` must be")]),
            ("kind,text,correct,tolerance\nnumeric,x,1,-1\nnumeric,x,nan,\n", &[(2, "tolerance of 0"), (3, "`nan`")]),
            ("kind,text,correct\nnumeric,x,7.200\n", &[(2, "7200 or as 7.200: write `7200` or `7.2000`")]),
            ("kind;text;correct\nnumeric;x;-7,200\n", &[(2, "-7200 or as -7.200")]),
            ("text,correct,option_a,option_b\nx,A;B,a,b\nx,1,a,b\n", &[(2, "several-correct"), (3, "by its letter")]),
            ("text,correct,option_a,option_b,option_c\nx,A,a,,c\n", &[(2, "option 2 is empty")]),
            (
                "text,option_a,option_b,correct,explanation\nx,a,b,A,\"oops\ny,a,b,A,fine\n",
                &[(2, "a `\"` is never closed")],
            ),
            (
                "text,option_a,option_b,correct,explanation\nx,a,b,A,\"oops\ny,a,b,A,\"oops\nz,a,b,Z,fine\n",
                &[(2, "follows a closing `\"`"), (4, "an option that it lacks")],
            ),
            ("\"text,correct\nx,A\n", &[(1, "a `\"` is never closed")]),
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

    /// Nothing that trimming would shorten.
    fn any_text(length: &str) -> BoxedStrategy<String> {
        prop::string::string_regex(&format!("[a-zé0-9,;\"]([a-zé0-9,;\t\"\r\n ]{length}[a-zé0-9,;\"])?"))
            .unwrap()
            .boxed()
    }

    fn any_question() -> impl Strategy<Value = NewQuestion> {
        let choices = (prop::collection::btree_set(any_text("{0,8}"), 2..6), any::<bool>()).prop_flat_map(
            |(options, is_single)| {
                let options: Vec<String> = options.into_iter().collect();
                let all: Vec<u16> = (0..).zip(&options).map(|(at, _)| at).collect();
                let right = prop::sample::subsequence(all, 1..=if is_single { 1 } else { options.len() });
                right.prop_map(move |right| match right.as_slice() {
                    [correct] if is_single => (options.clone(), Key::SingleChoice { correct: *correct }),
                    _ => (options.clone(), Key::SeveralCorrect { correct: right }),
                })
            },
        );
        let words = prop::sample::select(vec![["True", "False"], ["Ya", "Tidak"]]);
        let true_false = (words, any::<bool>())
            .prop_map(|(words, correct)| (words.map(str::to_owned).to_vec(), Key::TrueFalse { correct }));
        let numeric = (-9_999_999i32..9_999_999, 0u32..10_000).prop_map(|(value, tolerance)| {
            let (value, tolerance) = (f64::from(value) / 1e3, f64::from(tolerance) / 1e3);
            (Vec::new(), Key::Numeric { value, tolerance })
        });
        let texts = (any_text("{0,40}"), prop::option::of(any_text("{0,8}")), prop::option::of(any_text("{0,40}")));
        (prop_oneof![choices, true_false, numeric], 1i64..=100_000, texts).prop_map(
            |((options, key), hundredths, (text, category, explanation))| {
                let points = Points::from_hundredths(hundredths);
                NewQuestion { text, options, key, points, category, explanation }
            },
        )
    }

    fn written(questions: &[NewQuestion], delimiter: u8, terminator: ::csv::Terminator) -> String {
        let mut writer =
            ::csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
        let names = ["kind", "text", "correct", "tolerance", "points", "category", "explanation"];
        let options = ["option1", "option_b", "Option 3", "OPTION_D", "option5"];
        writer.write_record(names.iter().chain(&options)).unwrap();
        for question in questions {
            let letter = |index: &u16| char::from(b'A' + *index as u8).to_string();
            let (kind, correct, tolerance) = match &question.key {
                Key::SingleChoice { correct } => ("", letter(correct), String::new()),
                Key::SeveralCorrect { correct } => {
                    ("several-correct", correct.iter().map(letter).collect::<Vec<_>>().join(";"), String::new())
                }
                Key::TrueFalse { correct } => ("true-false", correct.to_string(), String::new()),
                Key::Numeric { value, tolerance } => ("numeric", format!("{value:.4}"), format!("{tolerance:.4}")),
            };
            let of = |text: &Option<String>| text.clone().unwrap_or_default();
            let (category, explanation) = (of(&question.category), of(&question.explanation));
            let points = question.points.to_string();
            let mut row = vec![kind.into(), question.text.clone(), correct, tolerance, points, category, explanation];
            row.extend(question.options.iter().cloned());
            row.resize(names.len() + options.len(), String::new());
            writer.write_record(row).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(any in any::<String>(), like in "[xA,;\"\r\n\t ]{0,80}") {
            drop(parse(&any));
            drop(parse(&format!("text,correct,option_a,option_b\n{any}")));
            drop(parse(&format!("text,correct,option_a,option_b\n{like}")));
        }

        #[test]
        fn what_is_written_is_read(
            questions in prop::collection::vec(any_question(), 1..8),
            delimiter in prop::sample::select(vec![b',', b';', b'\t']),
            is_windows in any::<bool>(),
        ) {
            let terminator = if is_windows { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
            prop_assert_eq!(parse(&written(&questions, delimiter, terminator)).unwrap(), questions);
        }
    }
}
