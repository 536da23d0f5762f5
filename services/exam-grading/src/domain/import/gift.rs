//! Moodle's GIFT, as far as there are questions of such kinds here: one right answer of several, several right ones by
//! weight, true or false, and numbers. Titles and the feedback of single answers are left out.

use sinaesta_contracts::exam_authoring::NewQuestion;
use sinaesta_contracts::{Fault, Points};

use super::answers::answered;
use super::marks::{Mark, find, is_blank, marks, plain, raw, shown, split, without_format};
use super::{Reading, quoted};

/// Stands where the answer was to be put in.
const GAP: &str = "_____";
/// Stands for a slash in a category while its path is taken apart: no file has this character.
const SLASH: &str = "\0";

/// Reads questions that stand between empty lines.
pub fn parse(text: &str) -> Result<Vec<NewQuestion>, Vec<Fault>> {
    let mut reading = Reading::default();
    let mut category: Option<String> = None;
    let mut block: Option<(u32, String)> = None;
    if let Some(line) = line_of_lone_cr(text) {
        let reason = "its lines end with CR alone, as those of old Macs: save the file with LF or CRLF";
        reading.fault(line, reason);
        return reading.finish();
    }
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).chain(std::iter::once(""));
    for (number, line) in (1..).zip(lines) {
        if reading.is_given_up() {
            break;
        }
        if let Some(path) = line.strip_prefix("$CATEGORY:") {
            take(&mut reading, block.take(), category.as_deref());
            category = last_name(path);
        } else if is_command(line) {
            let reason = format!("{} is read as a category, and is none: write `$CATEGORY: …`", quoted(line));
            reading.fault(number, reason);
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

/// The first line that ends with CR alone.
fn line_of_lone_cr(text: &str) -> Option<u32> {
    let mut lines = (1..).zip(text.split('\n'));
    lines.find(|(_, line)| line.strip_suffix('\r').unwrap_or(line).contains('\r')).map(|(number, _)| number)
}

/// Whether a line is written as a command, and not as the one that there is: `$category:`, `$CATEGORY :`, `$KATEGORI: …`. Others
/// that begin with `$` are text: `$5`, or a formula.
fn is_command(line: &str) -> bool {
    let Some(rest) = line.strip_prefix('$').map(str::trim_start) else { return false };
    let (word, rest) = rest.split_at(rest.find(|ch: char| !ch.is_alphabetic()).unwrap_or(rest.len()));
    word.eq_ignore_ascii_case("category") || (!word.is_empty() && rest.trim_start().starts_with(':'))
}

/// A path's last part; what Moodle calls the root (`$course$`, `top`) is no category. A slash in a name is written twice.
fn last_name(path: &str) -> Option<String> {
    let path = path.replace("//", SLASH);
    let name = path.rsplit('/').map(str::trim).find(|name| !name.is_empty())?.replace(SLASH, "/");
    let name = name.as_str();
    let is_root = name == "top" || (name.starts_with('$') && name.ends_with('$'));
    (!is_root).then(|| plain(&marks(name)))
}

fn take(reading: &mut Reading, block: Option<(u32, String)>, category: Option<&str>) {
    if let Some((line, text)) = block {
        let read =
            question(&marks(&text)).map(|question| NewQuestion { category: category.map(str::to_owned), ..question });
        reading.take(line, read);
    }
}

fn question(marks: &[Mark]) -> Result<NewQuestion, String> {
    let marks = match split(marks, "::") {
        ([], Some(rest)) => match split(rest, "::") {
            (title, Some(rest)) if find(title, "\n").is_none() && find(title, "{").is_none() => rest,
            _ => return Err("its title has no end: `::` is missing".to_owned()),
        },
        _ => marks,
    };
    let has_title = || "a title begins in it: is the empty line before the next question missing?".to_owned();
    if find(marks, "\n::").is_some() {
        return Err(has_title());
    }
    let (before, rest) = split(marks, "{");
    if find(before, "}").is_some() {
        return Err("it has a `}` without a `{` before it: does an empty line divide a question?".to_owned());
    }
    let rest = rest.ok_or("it has no answers in braces: descriptions can't be taken")?;
    let (answers, after) = split(rest, "}");
    let after = after.ok_or("its brace is not closed before the empty line that ends it")?;
    if find(answers, "{").is_some() {
        return Err("there is a `{` among its answers: one that is part of a text is written `\\{`".to_owned());
    }
    if find(after, "{").is_some() || find(after, "}").is_some() {
        return Err("it has braces in two places: is the empty line after a question missing?".to_owned());
    }
    // Whatever stands between: one `::` alone is text.
    let lead = after.iter().take_while(|mark| mark.ch.is_whitespace()).count();
    if let ([], Some(title)) = split(after.get(lead..).unwrap_or_default(), "::")
        && find(title, "::").is_some()
    {
        return Err(has_title());
    }
    let (answers, feedback) = split(answers, "####");
    let (options, key) = answered(answers)?;
    let text = if is_blank(after) {
        shown(before)
    } else {
        let (before, after) = (raw(before), raw(after));
        format!("{}{GAP}{}", without_format(before.trim_start()).trim_start(), after.trim_end())
    };
    let explanation = feedback.map(shown).filter(|text| !text.is_empty());
    Ok(NewQuestion { text, options, key, points: Points::ONE, category: None, explanation })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sinaesta_contracts::exam_authoring::Key;

    use super::*;

    fn one(text: &str) -> NewQuestion {
        let mut questions = parse(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
        assert_eq!(questions.len(), 1, "{text}");
        questions.remove(0)
    }

    fn of(text: &str, options: &[&str], key: Key) -> NewQuestion {
        NewQuestion {
            text: text.into(),
            options: options.iter().map(|&option| option.into()).collect(),
            key,
            points: Points::ONE,
            category: None,
            explanation: None,
        }
    }

    #[test]
    fn each_kind_is_read() {
        let single = |correct| Key::SingleChoice { correct };
        let several = |correct: &[u16]| Key::SeveralCorrect { correct: correct.to_vec() };
        let numeric = |value, tolerance| Key::Numeric { value, tolerance };
        let is_true = |correct| of("Q", &["True", "False"], Key::TrueFalse { correct });
        for (file, expected) in [
            ("Q {=a ~b}", of("Q", &["a", "b"], single(0))),
            ("\u{feff}Q {\r\n~a#no\r\n=b#yes\r\n}\r\n", of("Q", &["a", "b"], single(1))),
            ("::A title:: Q {~a =%100%b ~%-25%c}", of("Q", &["a", "b", "c"], single(1))),
            ("Q {~%100%a ~b}", of("Q", &["a", "b"], single(0))),
            ("[html]<b>Q</b> {=[plain]a ~[markdown]b}", of("<b>Q</b>", &["a", "b"], single(0))),
            ("two\n// comment\nlines {=a ~b}", of("two\nlines", &["a", "b"], single(0))),
            ("a\\nb \\{x\\} 1\\:2 {=a\\=b ~c\\~d\\#e}", of("a\nb {x} 1:2", &["a=b", "c~d#e"], single(0))),
            ("Q {=Na+ -> out ~none}", of("Q", &["Na+ -> out", "none"], single(0))),
            ("Q {~%50%a ~%-100%b ~%50%c}", of("Q", &["a", "b", "c"], several(&[0, 2]))),
            ("Q {~%33.33333%a ~%33.33333%b ~%33.33333%c ~d}", of("Q", &["a", "b", "c", "d"], several(&[0, 1, 2]))),
            ("Q {T}", is_true(true)),
            ("Q {TRUE#wrong#right}", is_true(true)),
            ("Q { false }", is_true(false)),
            ("Q {F#wrong}", is_true(false)),
            ("Q {#3:0.5}", of("Q", &[], numeric(3.0, 0.5))),
            ("Q {#-7}", of("Q", &[], numeric(-7.0, 0.0))),
            ("Q {#1..5#feedback}", of("Q", &[], numeric(3.0, 2.0))),
            ("Q {#\n\t=%100%2:0.1#feedback\n\t~#other feedback\n}", of("Q", &[], numeric(2.0, 0.1))),
            ("Two plus two is {=four ~five}.", of("Two plus two is _____.", &["four", "five"], single(0))),
            ("[html]A {=a ~b} has two", of("A _____ has two", &["a", "b"], single(0))),
            ("Q {=a ~b}::c", of("Q _____::c", &["a", "b"], single(0))),
            ("Q {=a ~b}\t::c", of("Q _____\t::c", &["a", "b"], single(0))),
            ("$5 {=a ~b}", of("$5", &["a", "b"], single(0))),
            ("$$x^2$$: is\n$x$ {=a ~b}", of("$$x^2$$: is\n$x$", &["a", "b"], single(0))),
            ("::A title::Q\n\\::x {=a ~b}", of("Q\n::x", &["a", "b"], single(0))),
            ("{=a ~b} comes first", of("_____ comes first", &["a", "b"], single(0))),
        ] {
            assert_eq!(one(file), expected, "{file}");
        }
    }

    #[test]
    fn categories_and_general_feedback_go_with_their_questions() {
        let questions = parse(
            "1 {T}\n$CATEGORY: $course$/top/Irama \\: cepat\n2 {T####[html]Karena}\n\n3 {=a#x ~b#y####dua\nbaris}\n\n\
             $CATEGORY: $course$/top\n4 {#1:0####}\n\n$CATEGORY: $course$/Gejala/mual//muntah/\n5 {T}",
        );
        let read: Vec<_> =
            questions.unwrap().into_iter().map(|one| (one.text, one.category, one.explanation)).collect();
        let of = |text: &str, category: Option<&str>, explanation: Option<&str>| {
            (text.to_owned(), category.map(str::to_owned), explanation.map(str::to_owned))
        };
        assert_eq!(
            read,
            [
                of("1", None, None),
                of("2", Some("Irama : cepat"), Some("Karena")),
                of("3", Some("Irama : cepat"), Some("dua\nbaris")),
                of("4", None, None),
                of("5", Some("mual/muntah"), None),
            ]
        );
    }

    #[test]
    fn every_fault_is_told_with_the_line_in_which_its_question_begins() {
        let file = "Satu {=a ~b}\n\n// catatan\nDua {}\n\nTiga\ndi dua baris {=a =b}\n\nEmpat {=a -> b =c -> d}\n\n\
            Lima\n\nEnam {=a ~b\n\nTujuh {#=1:0 =%50%2:1}\n\nDelapan {~%30%a ~%30%b}\n\nSembilan {=a ~a}\n\n\
            ::Judul tanpa akhir {=a ~b}";
        let expected = [
            (4, "essays"),
            (6, "short answers"),
            (9, "pairs"),
            (11, "descriptions"),
            (13, "not closed"),
            (15, "several numbers"),
            (17, "60 %"),
            (19, "twice"),
            (21, "`::` is missing"),
        ];
        let faults = parse(file).unwrap_err();
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for (fault, (line, reason)) in faults.iter().zip(expected) {
            assert!(fault.line == line && fault.reason.contains(reason), "{fault:?} is not {line}, {reason}");
        }
    }

    #[test]
    fn what_can_not_be_a_question_is_refused() {
        for (question, reason) in [
            ("{T}", "text is empty"),
            ("Q {####only feedback}", "essays"),
            ("Q {:MC:~a ~=b}", "must begin with"),
            ("Q {perhaps}", "must begin with"),
            ("Q {~a ~b}", "none of its answers is right"),
            ("Q {=a =b ~c}", "several of its answers"),
            ("Q {=a ~ ~c}", "option 2 is empty"),
            ("Q {=a ~%50%b ~c}", "a part of the points"),
            ("Q {=%50%a ~b}", "a part of the points"),
            ("Q {~%nan%a ~%100%b}", "not a weight"),
            ("Q {~%1e9%a ~b}", "not a weight"),
            ("Q {=% of water ~b}", "no second `%`"),
            ("Q {=a{b} ~c}", "among its answers"),
            ("Q } {=a ~b}", "without a `{`"),
            ("Q {=a ~b}\nR {=a ~b}", "two places"),
            ("Q {=a ~b}}", "two places"),
            ("Q {#}", "no number"),
            ("Q {#many}", "`many` is not a number"),
            ("Q {#1,5}", "follow a point"),
            ("Q {#inf}", "not a number"),
            ("Q {#5..1}", "ends before it begins"),
            ("Q {#-1e308..1e308}", "tolerance"),
            ("Q {#1:-1}", "tolerance"),
            ("Q {#=1:0#feedback\n=%50%2:1#feedback}", "several numbers"),
            ("Q {#=%50%2:1}", "a part of the points"),
            // The controls: a title was part of the text, or the text part of a title.
            ("Q {TRUE}\n::Next:: text", "a title begins in it"),
            ("Q {T} ::Next:: text", "a title begins in it"),
            ("Q {T}::Next:: text", "a title begins in it"),
            ("Q {T}  ::Next:: text", "a title begins in it"),
            ("Q {T}\t::Next:: text", "a title begins in it"),
            ("Q {T}\u{a0}::Next:: text", "a title begins in it"),
            ("A description\n::Next:: Q {T}", "a title begins in it"),
            ("Q {=a\n::Next:: b ~c}", "a title begins in it"),
            ("::Q {T}\n::Next:: text {T}", "its title has no end"),
            ("::Q\n::Next:: text {T}", "its title has no end"),
            ("Q {T}\r\rR {F}\r", "CR alone"),
            ("// c\rQ {T}\n\nR {F}\n", "CR alone"),
            ("$category: Irama\n\nQ {T}", "write `$CATEGORY: …`"),
            ("$CATEGORY : x\nQ {T}", "write `$CATEGORY: …`"),
            ("$Category x\nQ {T}", "write `$CATEGORY: …`"),
            ("$ KATEGORI: x\nQ {T}", "write `$CATEGORY: …`"),
            ("// nothing\n$CATEGORY: a", "no question"),
        ] {
            let faults = parse(question).unwrap_err();
            assert!(
                faults.len() == 1 && faults[0].line == 1 && faults[0].reason.contains(reason),
                "{question}: {faults:?}"
            );
        }
        let many = parse(&format!("Q {{=a{}}}", "~b".repeat(100_000))).unwrap_err();
        assert!(many.len() == 1 && many[0].reason.contains("100001 options"), "{many:?}");
        assert_eq!(parse("Q {T}\r\n\nR {F}\rS {T}\n").unwrap_err()[0].line, 3);
        let faults = parse("Q {=a\n\n~b}").unwrap_err();
        assert!(faults.len() == 2 && faults[1].reason.contains("empty line divide"), "{faults:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(any in any::<String>(), like in "[ab{}~=#%:\\\\\\->.\n0-9TF/$ ]{0,80}") {
            drop(parse(&any));
            drop(parse(&like));
            drop(parse(&format!("Q {{{like}}}")));
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
