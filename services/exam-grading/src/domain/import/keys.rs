//! What a table says is right.

use sinaesta_contracts::exam_authoring::Key;

use super::columns::{letter, letter_of, option_number};
use super::quoted;
use crate::domain::question::{is_turned, says};

/// A key, and the options in the order that it is about.
pub(super) struct Keyed<'t> {
    pub(super) key: Key,
    pub(super) options: Vec<&'t str>,
}

/// The key, unless what is wrong with it was put to the faults.
pub(super) fn keyed<'t>(
    kind: Option<&str>,
    correct: &str,
    tolerance: Option<&str>,
    mut options: Vec<&'t str>,
    faults: &mut Vec<String>,
) -> Option<Keyed<'t>> {
    let mut read = |read: Result<f64, String>| read.map_err(|reason| faults.push(reason)).ok();
    let kind = kind.map(|kind| kind.to_lowercase().replace(['_', ' '], "-"));
    let key = match kind.as_deref().unwrap_or("single-choice") {
        "numeric" => {
            let value = read(number("correct", correct));
            let tolerance = read(tolerance.map_or(Ok(0.0), |text| number("tolerance", text)));
            return Some(Keyed { key: Key::Numeric { value: value?, tolerance: tolerance? }, options });
        }
        "single-choice" => match several(correct, &options).as_deref() {
            Ok([correct]) => Ok(Key::SingleChoice { correct: *correct }),
            Ok(_) => Err(format!(
                "`correct` must name one option, not {}; where several are right, `kind` is several-correct",
                quoted(correct)
            )),
            Err(reason) => Err(reason.clone()),
        },
        "several-correct" => several(correct, &options).map(|correct| Key::SeveralCorrect { correct }),
        "true-false" => truth(correct, &mut options).map(|correct| Key::TrueFalse { correct }),
        other => {
            let other = quoted(other);
            Err(format!("`kind` must be single-choice, several-correct, true-false or numeric, not {other}"))
        }
    };
    key.map_err(|reason| faults.push(reason)).ok().map(|key| Keyed { key, options })
}

/// `A;C` are 0 and 2. A column's name may have a space in it, which divides words otherwise.
fn several(correct: &str, options: &[&str]) -> Result<Vec<u16>, String> {
    let of_part = |part: &'_ str| match option_number(&part.to_lowercase()) {
        Some(_) => vec![part.to_owned()],
        None => part.split_whitespace().map(str::to_owned).collect(),
    };
    let words = correct.split([';', ',', '|']).flat_map(|part| of_part(part.trim()));
    let named: Vec<u16> = words.map(|word| named(&word, options)).collect::<Result<_, _>>()?;
    if named.is_empty() { Err("`correct` is empty".to_owned()) } else { Ok(named) }
}

/// The option of this letter, or of this column. A letter that is another option's text may mean either of the two.
fn named(word: &str, options: &[&str]) -> Result<u16, String> {
    if let Some(number) = option_number(&word.to_lowercase()) {
        return Ok(number as u16 - 1);
    }
    let index =
        letter(word).ok_or_else(|| format!("`correct` must name an option by its letter, not {}", quoted(word)))?;
    let at = usize::from(index);
    let write = |other: usize| {
        let column = |at: usize| letter_of(at + 1).to_ascii_lowercase();
        format!("write `option_{}` or `option_{}`", column(at), column(other))
    };
    match labelled(word, options) {
        Some(other) if other != at && at < options.len() => {
            Err(format!("`{word}` is the letter of one option and the text of another: {}", write(other)))
        }
        None if is_short_for_the_other(word, at, options) => {
            Err(format!("`{word}` is the letter of one option and short for the other: {}", write(1 - at)))
        }
        _ => Ok(index),
    }
}

/// Whether a letter that names one of two options is the first one of the other, says what that says, and the one that it names the
/// opposite: `B` where the options are *benar* and *salah*.
fn is_short_for_the_other(letter: &str, at: usize, options: &[&str]) -> bool {
    let (named, other) = match (at, options) {
        (0, [first, second]) => (first, second),
        (1, [first, second]) => (second, first),
        _ => return false,
    };
    let said = says(letter);
    said.is_some()
        && says(other) == said
        && says(named) == said.map(|is_true| !is_true)
        && other.to_lowercase().starts_with(&letter.to_lowercase())
}

/// Which option has this text.
fn labelled(word: &str, options: &[&str]) -> Option<usize> {
    options.iter().position(|option| option.to_lowercase() == word.to_lowercase())
}

/// Whether a statement is true. Where there are options of its own, they are put into the order that a true-or-false question
/// has: first the one that says that it is true.
fn truth(correct: &str, options: &mut [&str]) -> Result<bool, String> {
    let word = correct.to_lowercase();
    let unknown = |may| Err(format!("`correct` must be {may}, not {}", quoted(correct)));
    let [first, second] = options else {
        return match word.as_str() {
            "t" | "b" => Ok(true),
            "f" | "s" => Ok(false),
            _ => said(&word).map_or_else(|| unknown("true or false"), Ok),
        };
    };
    let labels = [*first, *second];
    let is_turned = is_turned(first, second);
    let option = match named(&word, &labels) {
        Ok(index @ (0 | 1)) => usize::from(index),
        Err(reason) if letter(&word).is_some() => return Err(reason),
        _ => match (said(&word), labelled(&word, &labels)) {
            (Some(_), _) if is_turned => {
                return Err(format!(
                    "its first option is not the one for true: name the right one by its letter, A or B, not by {}",
                    quoted(correct)
                ));
            }
            (Some(is_true), _) => usize::from(!is_true),
            (None, Some(option)) => option,
            (None, None) => return unknown("true or false, or the letter of one of its two options"),
        },
    };
    if is_turned {
        std::mem::swap(first, second);
    }
    Ok((option == 0) != is_turned)
}

/// A word that says nothing else. `B` is the first letter of *benar* and the letter of an option.
fn said(word: &str) -> Option<bool> {
    matches!(word, "true" | "false" | "benar" | "salah").then(|| says(word)).flatten()
}

/// A number with a point, or with the comma that half the world writes. What one half reads as thousands and the
/// other as thousandths is neither.
pub(super) fn number(column: &str, text: &str) -> Result<f64, String> {
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
