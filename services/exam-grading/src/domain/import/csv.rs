//! Questions in a table: one in each row, under a row that names the columns.
//!
//! `text` and `correct` must be there; `kind`, `option_a` to `option_t` (or `option1` to `option20`), `tolerance`,
//! `points`, `category` and `explanation` may be. Their order does not matter, nor does the case of their names.

use ::csv::StringRecord;
use sinaesta_contracts::exam_authoring::NewQuestion;
use sinaesta_contracts::{Fault, Points};

use super::columns::Columns;
use super::keys::{Keyed, keyed, number};
use super::rows::Rows;
use super::{Reading, quoted};

/// Reads a table of questions.
pub fn parse(text: &str) -> Result<Vec<NewQuestion>, Vec<Fault>> {
    let mut reading = Reading::default();
    let mut rows = Rows::new(text.trim_start_matches('\u{feff}'));
    // Spreadsheets write empty rows above the names, too.
    let named = rows.by_ref().find(|(_, row)| !matches!(row, Ok(row) if is_blank(row)));
    let (line, header) = named.unwrap_or_else(|| (1, Ok(StringRecord::new())));
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
    if is_blank(row) {
        return Ok(None);
    }
    // What stands under no name belongs to nothing: mostly a comma in a text without quotes.
    let stray = row.iter().enumerate().find(|(at, cell)| !columns.is_named(*at) && !cell.trim().is_empty());
    if let Some((at, cell)) = stray {
        let (cells, named) = (row.len(), columns.count);
        return Err(vec![if at < named {
            format!("{} stands in column {}, which has no name in the first row", quoted(cell.trim()), at + 1)
        } else {
            format!("it has {cells} columns, the first row {named}")
        }]);
    }
    let cell = |at: usize| row.get(at).map(str::trim).unwrap_or_default();
    let filled = |at: Option<usize>| at.map(cell).filter(|text| !text.is_empty());
    let used = columns.options.iter().rposition(|at| !cell(*at).is_empty()).map_or(0, |last| last + 1);
    let options = columns.options.iter().take(used).map(|at| cell(*at)).collect();
    let mut faults = Vec::new();
    let points = match filled(columns.points) {
        Some(text) => number("points", text).and_then(|n| Points::try_from(n).map_err(|rule| format!("points {rule}"))),
        None => Ok(Points::ONE),
    };
    let keyed = keyed(filled(columns.kind), cell(columns.correct), filled(columns.tolerance), options, &mut faults);
    match (keyed, points) {
        (Some(Keyed { key, options }), Ok(points)) => Ok(Some(NewQuestion {
            text: cell(columns.text).to_owned(),
            options: options.into_iter().map(str::to_owned).collect(),
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

fn is_blank(row: &StringRecord) -> bool {
    row.iter().all(|cell| cell.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sinaesta_contracts::exam_authoring::Key;

    use super::*;
    use crate::domain::question::is_turned;

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns() {
        let table = "\u{feff}Correct;Text;option_b;Option_A;points;Kind;tolerance;category;explanation\r\n\
            b;\"Pilih;\nsatu\";kiri;kanan;2,5;;;Irama;Karena\r\n\
            A B;Pilih;b;a;;Several Correct;;;\r\n\
            ;;;;;;;;\r\n\
            benar;Ini?;;;;true-false;;;\r\n\
            False;Ini?;Tidak;Ya;;TRUE_FALSE;;;\r\n\
            \"12,5\";Berapa?;;;;numeric;0.5;;\r\n";
        let questions = parse(table).unwrap();
        assert_eq!(questions.len(), 5);
        assert_eq!(questions[0].text, "Pilih;\nsatu");
        assert_eq!(questions[0].options, ["kanan", "kiri"]);
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
                    (1, "`correct` stands there twice"),
                    (1, "`option_a` and `option1` are the same"),
                    (1, "`option_u` is not known"),
                    (1, "option C, but none for option B"),
                    (1, "no column `text`"),
                ],
            ),
            (
                "text,correct,option_a,option_b\r\n\"two\r\nlines\",Z,a,b\r\n\r\ny,A,a\r\nz,A,a,a\r\n,A,a,b\r\n",
                &[(2, "names an option that it lacks"), (5, "must have 2"), (6, "twice"), (7, "text is empty")],
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

    /// The controls: each of these was keyed on the other option, in silence.
    #[test]
    fn a_word_that_may_be_two_things_is_taken_for_neither() {
        let read = |kind: &str, options: &[&str], correct: &str| {
            let columns: Vec<String> = (1..=options.len()).map(|number| format!("option{number}")).collect();
            let mut file = format!("kind,text,correct,{}\n{kind},x,{correct},", columns.join(","));
            file.push_str(&options.join(","));
            parse(&file).map(|mut questions| questions.remove(0)).map_err(|mut faults| faults.remove(0))
        };
        for (options, correct, right) in [
            (["Ya", "Tidak"], "B", "Tidak"),
            (["Ya", "Tidak"], "option_b", "Tidak"),
            (["Benar", "Salah"], "Option B", "Salah"),
            (["Pasti", "Mustahil"], "B", "Mustahil"),
            (["Ya", "Mungkin"], "B", "Mungkin"),
            (["Benar", "Salah"], "A", "Benar"),
            (["Ya", "Tidak"], "a", "Ya"),
            (["Ya", "Tidak"], "tidak", "Tidak"),
            (["Ya", "Tidak"], "Benar", "Ya"),
            (["Ya", "Tidak"], "salah", "Tidak"),
            (["Pasti", "Mustahil"], "false", "Mustahil"),
            (["Salah", "Benar"], "B", "Benar"),
            (["Salah", "Benar"], "option_a", "Salah"),
            (["Tidak", "Ya"], "Ya", "Ya"),
            (["B", "S"], "benar", "B"),
            (["B", "S"], "option2", "S"),
            (["S", "B"], "B", "B"),
            (["T", "F"], "T", "T"),
            (["T", "F"], "f", "F"),
        ] {
            let question = read("true-false", &options, correct).unwrap();
            let Key::TrueFalse { correct: is_true } = question.key else { panic!("{:?}", question.key) };
            assert_eq!(question.options[usize::from(!is_true)], right, "{options:?} {correct}");
            assert!(!is_turned(&question.options[0], &question.options[1]), "{options:?} {correct}");
        }
        for (options, correct, reason) in [
            (["Salah", "Benar"], "benar", "by its letter"),
            (["False", "True"], "true", "by its letter"),
            (["Tidak", "Ya"], "salah", "by its letter"),
            (["B", "S"], "B", "write `option_b` or `option_a`"),
            (["Benar", "Salah"], "B", "write `option_b` or `option_a`"),
            (["Betul", "Salah"], "b", "write `option_b` or `option_a`"),
            (["Ya", "Tidak"], "S", "one of its two options"),
            (["Ya", "Tidak"], "T", "one of its two options"),
            (["Ya", "Tidak"], "C", "one of its two options"),
        ] {
            let fault = read("true-false", &options, correct).unwrap_err();
            assert!(fault.line == 2 && fault.reason.contains(reason), "{options:?} {correct}: {fault:?}");
        }
        let fault = read("", &["Benar", "Salah"], "B").unwrap_err();
        assert!(fault.reason.contains("write `option_b` or `option_a`"), "{fault:?}");
        assert_eq!(read("", &["Ya", "Tidak", "Mungkin"], "B").unwrap().key, Key::SingleChoice { correct: 1 });
        for (correct, right) in [("Option A; option 3", vec![0, 2]), ("a C", vec![0, 2]), ("Option B", vec![1])] {
            let question = read("several-correct", &["x", "y", "z"], &format!("\"{correct}\"")).unwrap();
            assert_eq!(question.key, Key::SeveralCorrect { correct: right }, "{correct}");
        }
        assert_eq!(read("", &["x", "y"], "Option B").unwrap().key, Key::SingleChoice { correct: 1 });
        let blood = ["O", "A", "B", "AB"];
        assert_eq!(read("", &blood, "option_b").unwrap().key, Key::SingleChoice { correct: 1 });
        assert_eq!(read("", &blood, "D").unwrap().key, Key::SingleChoice { correct: 3 });
        for kind in ["", "several-correct"] {
            let fault = read(kind, &blood, "A").unwrap_err();
            assert!(fault.reason.contains("write `option_a` or `option_b`"), "{fault:?}");
        }
    }

    /// The controls: the line `sep=;` was taken for the names, an unnamed column and each row of another length were refused.
    #[test]
    fn a_sheet_is_taken_as_spreadsheets_write_it() {
        for first in ["sep=;", "SEP=;", "\"sep=;\"", "sep=;;;;", "\"sep=;\";;;"] {
            let sheet = format!(
                "\u{feff}{first}\r\ntext;correct;option_a;option_b;explanation;;;\r\n\
                 Satu, dua;A;a;b;;;;\r\nTiga;B;a;b\r\nEmpat;A;a;b;;;;;; ;\r\n;;;\r\n"
            );
            let questions = parse(&sheet).unwrap();
            let texts: Vec<_> = questions.iter().map(|question| question.text.as_str()).collect();
            assert_eq!(texts, ["Satu, dua", "Tiga", "Empat"], "{first}");
            assert_eq!(questions[1].key, Key::SingleChoice { correct: 1 });
        }
        // Any number of empty columns, and of empty rows above the names.
        let empty = ";".repeat(16_000);
        let sheet =
            format!("{empty}\n  ;{empty}\ntext;correct;option_a;option_b{empty}\nSatu;A;a;b{empty}\nDua;C;a;b\n");
        let faults = parse(&sheet).unwrap_err();
        assert!(faults.len() == 1 && faults[0].line == 5 && faults[0].reason.contains("lacks"), "{faults:?}");
        assert_eq!(parse(&sheet.replace("Dua;C", "Dua;B")).unwrap().len(), 2);
        let faults = parse("sep=|\ntext|correct|option_a|option_b||\nx|A|a|b||lost\ny|A|a|b|||lost\nz\n").unwrap_err();
        for (fault, (line, reason)) in
            faults.iter().zip([(3, "`lost` stands in column 6"), (4, "7 columns"), (5, "empty")])
        {
            assert!(fault.line == line && fault.reason.contains(reason), "{fault:?}");
        }
        assert_eq!(faults.len(), 3);
        assert_eq!(parse("text;correct;option_a;option_b\rx, y, z,,,,,;A;a;b\r").unwrap()[0].text, "x, y, z,,,,,");
        assert!(parse("sep=;x\ntext,correct\n").unwrap_err()[0].reason.contains("not known"));
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
            // A letter might be another option's text.
            let column = if question.options.iter().any(|option| option.len() == 1) { "option_" } else { "" };
            let letter = |index: &u16| format!("{column}{}", char::from(b'A' + *index as u8));
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
