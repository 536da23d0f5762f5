//! Moodle's GIFT, as far as there are questions of such kinds here: one right answer of several, several right ones by
//! weight, true or false, and numbers. Titles and the feedback of single answers are left out.

use sinaesta_contracts::exam_authoring::{Key, NewQuestion};
use sinaesta_contracts::{Fault, Points};

use super::Reading;

/// Stands where the answer was to be put in.
const GAP: &str = "_____";

/// Reads questions that stand between empty lines.
pub fn parse(text: &str) -> Result<Vec<NewQuestion>, Vec<Fault>> {
    let mut reading = Reading::default();
    let mut category: Option<String> = None;
    let mut block: Option<(u32, String)> = None;
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).chain(std::iter::once(""));
    for (number, line) in (1..).zip(lines) {
        if let Some(path) = line.strip_prefix("$CATEGORY:") {
            take(&mut reading, block.take(), category.as_deref());
            category = path
                .rsplit('/')
                .map(str::trim)
                .find(|name| !name.is_empty() && !name.starts_with('$'))
                .map(str::to_owned);
        } else if line.is_empty() {
            take(&mut reading, block.take(), category.as_deref());
        } else if !line.starts_with("//") {
            let (_, text) = block.get_or_insert_with(|| (number, String::new()));
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
    }
    reading.finish()
}

fn take(reading: &mut Reading, block: Option<(u32, String)>, category: Option<&str>) {
    if let Some((line, text)) = block {
        let read =
            question(&marks(&text)).map(|question| NewQuestion { category: category.map(str::to_owned), ..question });
        reading.take(line, read);
    }
}

/// A character, and whether it may be a mark of the format: one after a backslash may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    ch: char,
    is_plain: bool,
}

impl Mark {
    fn is(self, ch: char) -> bool {
        self.is_plain && self.ch == ch
    }
}

fn marks(text: &str) -> Vec<Mark> {
    let mut marks = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        let escaped = (ch == '\\').then(|| chars.next_if(|next| "~=#{}:\\n".contains(*next))).flatten();
        marks.push(match escaped {
            Some('n') => Mark { ch: '\n', is_plain: false },
            Some(ch) => Mark { ch, is_plain: false },
            None => Mark { ch, is_plain: true },
        });
    }
    marks
}

fn plain(marks: &[Mark]) -> String {
    let text: String = marks.iter().map(|mark| mark.ch).collect();
    text.trim().to_owned()
}

/// Text without the name of its format.
fn shown(marks: &[Mark]) -> String {
    let text = plain(marks);
    let formats = ["[html]", "[moodle]", "[plain]", "[markdown]"];
    formats.iter().find_map(|format| text.strip_prefix(format)).map_or(text.clone(), |rest| rest.trim().to_owned())
}

fn find(marks: &[Mark], what: &str) -> Option<usize> {
    let what: Vec<char> = what.chars().collect();
    marks.windows(what.len()).position(|window| window.iter().zip(&what).all(|(mark, ch)| mark.is(*ch)))
}

/// What stands before and after the first `what`.
fn split<'m>(marks: &'m [Mark], what: &str) -> (&'m [Mark], Option<&'m [Mark]>) {
    match find(marks, what) {
        Some(at) => (marks.get(..at).unwrap_or_default(), marks.get(at + what.len()..)),
        None => (marks, None),
    }
}

fn question(marks: &[Mark]) -> Result<NewQuestion, String> {
    let marks = match split(marks, "::") {
        ([], Some(rest)) => split(rest, "::").1.ok_or("its title has no end: `::` is missing")?,
        _ => marks,
    };
    let (before, rest) = split(marks, "{");
    let rest = rest.ok_or("it has no answers in braces: descriptions can't be taken")?;
    let (answers, after) = split(rest, "}");
    let after = after.ok_or("its brace is not closed")?;
    if find(after, "{").is_some() {
        return Err("it has answers in two places, and must have them in one".to_owned());
    }
    let (answers, feedback) = split(answers, "####");
    let (options, key) = answered(answers)?;
    let (head, tail) = (shown(before), plain(after));
    let text = if tail.is_empty() { head } else { format!("{head} {GAP} {tail}").trim().to_owned() };
    let explanation = feedback.map(shown).filter(|text| !text.is_empty());
    Ok(NewQuestion { text, options, key, points: Points::ONE, category: None, explanation })
}

fn answered(answers: &[Mark]) -> Result<(Vec<String>, Key), String> {
    let word = plain(split(answers, "#").0).to_uppercase();
    if answers.iter().all(|mark| mark.ch.is_whitespace()) {
        return Err("it has no answer: essays can't be graded here".to_owned());
    }
    match word.as_str() {
        "T" | "TRUE" => return Ok((Vec::new(), Key::TrueFalse { correct: true })),
        "F" | "FALSE" => return Ok((Vec::new(), Key::TrueFalse { correct: false })),
        "" => return numeric(split(answers, "#").1.unwrap_or_default()),
        _ => {}
    }
    choices(answers)
}

fn numeric(answer: &[Mark]) -> Result<(Vec<String>, Key), String> {
    let (value, _) = split(answer, "#");
    let value: &[Mark] = match value {
        [first, rest @ ..] if first.is('=') => rest,
        value => value,
    };
    if value.iter().any(|mark| mark.is('=') || mark.is('~') || mark.is('%')) {
        return Err("it takes several numbers: only one, with a tolerance or a range, can be graded here".to_owned());
    }
    let text = plain(value);
    let number = |text: &str| {
        let text = text.trim();
        text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| format!("`{text}` is not a number"))
    };
    let (value, tolerance) = match (text.split_once(".."), text.split_once(':')) {
        (Some((low, high)), _) => {
            let (low, high) = (number(low)?, number(high)?);
            (f64::midpoint(low, high), (high - low) / 2.0)
        }
        (None, Some((value, tolerance))) => (number(value)?, number(tolerance)?),
        (None, None) => (number(&text)?, 0.0),
    };
    Ok((Vec::new(), Key::Numeric { value, tolerance }))
}

/// One of several answers to choose from.
struct Choice {
    is_right: bool,
    weight: Option<f64>,
    text: String,
}

fn choices(answers: &[Mark]) -> Result<(Vec<String>, Key), String> {
    let starts: Vec<usize> =
        answers.iter().enumerate().filter(|(_, mark)| mark.is('=') || mark.is('~')).map(|(at, _)| at).collect();
    let first = *starts.first().ok_or("its answers begin neither with `=` nor with `~`")?;
    if !plain(answers.get(..first).unwrap_or_default()).is_empty() {
        return Err("something stands before its first answer".to_owned());
    }
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(answers.len()));
    let choices: Result<Vec<Choice>, String> =
        starts.iter().zip(ends).map(|(start, end)| choice(answers.get(*start..end).unwrap_or_default())).collect();
    let choices = choices?;
    let key = key(&choices)?;
    Ok((choices.into_iter().map(|choice| choice.text).collect(), key))
}

fn choice(marks: &[Mark]) -> Result<Choice, String> {
    let (sign, rest) = marks.split_first().ok_or("an answer is empty")?;
    let (rest, _) = split(rest, "#");
    if sign.is('=') && find(rest, "->").is_some() {
        return Err("it matches pairs: such questions can't be graded here".to_owned());
    }
    let lead = rest.iter().take_while(|mark| mark.ch.is_whitespace()).count();
    let rest = rest.get(lead..).unwrap_or_default();
    let (weight, rest) = match split(rest, "%") {
        ([], Some(weighted)) => {
            let (weight, rest) = split(weighted, "%");
            let weight = plain(weight);
            let number = weight.parse().map_err(|_| format!("`%{weight}%` is not a weight"))?;
            (Some(number), rest.ok_or_else(|| format!("the weight `%{weight}` has no end"))?)
        }
        _ => (None, rest),
    };
    Ok(Choice { is_right: sign.is('='), weight, text: shown(rest) })
}

fn key(choices: &[Choice]) -> Result<Key, String> {
    let right: Vec<u16> = (0..).zip(choices).filter(|(_, one)| one.is_right).map(|(at, _)| at).collect();
    if choices.iter().all(|one| one.is_right) {
        return Err("it takes a word for an answer: short answers can't be graded here".to_owned());
    }
    match right.as_slice() {
        [correct] => return Ok(Key::SingleChoice { correct: *correct }),
        [] => {}
        _ => return Err("several of its answers begin with `=`: give each a weight instead, as in `~%50%`".to_owned()),
    }
    let weighted = || (0..).zip(choices).filter_map(|(at, one)| Some((at, one.weight.filter(|weight| *weight > 0.0)?)));
    let (correct, sum): (Vec<u16>, f64) =
        (weighted().map(|(at, _)| at).collect(), weighted().map(|(_, weight)| weight).sum());
    match correct.as_slice() {
        [] => Err("none of its answers is right".to_owned()),
        [correct] if (sum - 100.0).abs() < 1.0 => Ok(Key::SingleChoice { correct: *correct }),
        _ if (sum - 100.0).abs() < 1.0 => Ok(Key::SeveralCorrect { correct }),
        _ => Err(format!("the weights of its right answers make {sum} %, not 100 %")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> NewQuestion {
        let mut questions = parse(text).unwrap();
        assert_eq!(questions.len(), 1, "{text}");
        questions.remove(0)
    }

    #[test]
    fn each_kind_is_read() {
        let single = one(
            "// a comment\n$CATEGORY: $course$/top/Irama\n::Q1:: [html]Apa ini? {\n  =Fibrilasi#benar\n  ~Sinus\\=normal\n  ####Tanpa gelombang P\n}",
        );
        assert_eq!((single.text.as_str(), single.category.as_deref()), ("Apa ini?", Some("Irama")));
        assert_eq!(single.options, ["Fibrilasi", "Sinus=normal"]);
        assert_eq!(single.key, Key::SingleChoice { correct: 0 });
        assert_eq!(single.explanation.as_deref(), Some("Tanpa gelombang P"));
        let several = one("Mana saja? {~%50%a ~%-100%b ~%50%c}");
        assert_eq!(several.key, Key::SeveralCorrect { correct: vec![0, 2] });
        assert_eq!(one("Benar? {TRUE#ya#tidak}").key, Key::TrueFalse { correct: true });
        assert_eq!(one("Benar? {F}").key, Key::TrueFalse { correct: false });
        assert_eq!(one("Berapa? {#3.5:0.5}").key, Key::Numeric { value: 3.5, tolerance: 0.5 });
        assert_eq!(one("Berapa? {#1..5}").key, Key::Numeric { value: 3.0, tolerance: 2.0 });
        assert_eq!(one("Berapa? {#=7}").key, Key::Numeric { value: 7.0, tolerance: 0.0 });
        assert_eq!(one("Jantung punya {=empat ~tiga} ruang.").text, "Jantung punya _____ ruang.");
        assert_eq!(one("Pilih {~a =b}\\{tidak\\}").text, "Pilih _____ {tidak}");
        assert_eq!(one("Pilih {~%100%a ~b}").key, Key::SingleChoice { correct: 0 });
    }

    #[test]
    fn every_fault_is_told_with_the_line_in_which_its_question_begins() {
        let file = "Satu {=a ~b}\n\n// catatan\nDua {}\n\nTiga\ndi dua baris {=a =b}\n\nEmpat {=a -> b =c -> d}\n\n\
            Lima\n\nEnam {=a ~b\n\nTujuh {#=1:0 =%50%2:1}\n\nDelapan {~%30%a ~%30%b}\n\nSembilan {=a ~a}\n\n::Judul tanpa akhir {=a ~b}";
        let faults = parse(file).unwrap_err();
        let expected = [
            (4, "essays"),
            (6, "short answers"),
            (9, "pairs"),
            (11, "no answers in braces"),
            (13, "not closed"),
            (15, "several numbers"),
            (17, "60 %"),
            (19, "twice"),
            (21, "`::` is missing"),
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for (fault, (line, reason)) in faults.iter().zip(expected) {
            assert!(fault.line == line && fault.reason.contains(reason), "{fault:?} is not {line}, {reason}");
        }
        assert_eq!(parse("// nothing").unwrap_err()[0].line, 1);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail_in_another_way(text in "[ab{}~=#%:\\\\\\->.\n0-9TF/$ ]{0,80}") {
            drop(parse(&text));
        }

        #[test]
        fn what_is_escaped_is_text(option in "[a-z~=#{}: ]{0,12}[a-z]") {
            let escaped: String = option.chars().flat_map(|ch| {
                "~=#{}:".contains(ch).then_some('\\').into_iter().chain(std::iter::once(ch))
            }).collect();
            let question = one(&format!("Pilih {{={escaped} ~lain-lain}}"));
            prop_assert_eq!(question.options[0].as_str(), option.trim());
        }
    }
}
