//! What stands in the braces of a GIFT question.

use sinaesta_contracts::exam_authoring::Key;

use super::marks::{Mark, find, is_blank, plain, shown, split};
use super::quoted;
use crate::domain::question::MAX_OPTIONS;

/// The options and the key; the general feedback is not among the answers any more.
pub(super) fn answered(answers: &[Mark]) -> Result<(Vec<String>, Key), String> {
    if is_blank(answers) {
        return Err("it has no answer: essays can't be graded here".to_owned());
    }
    let (word, rest) = split(answers, "#");
    match plain(word).to_uppercase().as_str() {
        "T" | "TRUE" => Ok((Vec::new(), Key::TrueFalse { correct: true })),
        "F" | "FALSE" => Ok((Vec::new(), Key::TrueFalse { correct: false })),
        "" => Ok((Vec::new(), numeric(&parts(rest.unwrap_or_default())?)?)),
        _ => {
            let choices = parts(answers)?;
            let key = choice(&choices)?;
            Ok((choices.iter().map(|choice| shown(choice.text)).collect(), key))
        }
    }
}

/// One of several answers.
struct Part<'m> {
    /// `=`, `~`, or neither for what stands before the first of them.
    sign: Option<char>,
    /// In hundredths of the points.
    weight: Option<f64>,
    text: &'m [Mark],
}

impl Part<'_> {
    fn is_right(&self) -> bool {
        self.sign == Some('=')
    }

    fn earns_something(&self) -> bool {
        self.weight.is_some_and(|weight| weight > 0.0)
    }
}

fn parts(answers: &[Mark]) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = answers;
    let mut sign = None;
    loop {
        let end = rest.iter().position(|mark| mark.is('=') || mark.is('~'));
        let (part, next) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
        if sign.is_some() || !is_blank(part) {
            parts.push(read(sign, part)?);
        }
        let Some((mark, after)) = next.split_first() else { return Ok(parts) };
        (sign, rest) = (Some(mark.ch), after);
    }
}

/// The feedback of a single answer, after `#`, is left out.
fn read(sign: Option<char>, part: &[Mark]) -> Result<Part<'_>, String> {
    let lead = part.iter().take_while(|mark| mark.ch.is_whitespace()).count();
    let (text, _) = split(part.get(lead..).unwrap_or_default(), "#");
    let ([], Some(weighted)) = split(text, "%") else { return Ok(Part { sign, weight: None, text }) };
    let (weight, text) = split(weighted, "%");
    let weight = plain(weight);
    let text = text.ok_or_else(|| format!("the weight {} has no second `%`", quoted(&format!("%{weight}"))))?;
    let number = weight.parse().ok().filter(|number: &f64| (-100.0..=100.0).contains(number));
    let number = number.ok_or_else(|| format!("{} is not a weight from -100 to 100", quoted(&weight)))?;
    Ok(Part { sign, weight: Some(number), text })
}

fn numeric(parts: &[Part<'_>]) -> Result<Key, String> {
    // `~` without a number carries the feedback for every other answer.
    let numbers: Vec<&Part<'_>> = parts.iter().filter(|part| !is_blank(part.text)).collect();
    let part = match numbers.as_slice() {
        [] => return Err("there is no number after its `#`".to_owned()),
        [part] => part,
        _ => {
            return Err(
                "it takes several numbers: only one, with a tolerance or a range, can be graded here".to_owned()
            );
        }
    };
    if part.weight.is_some_and(|weight| !is_all(weight)) || part.sign == Some('~') {
        return Err(partial());
    }
    let text = plain(part.text);
    let (value, tolerance) = match (text.split_once(".."), text.split_once(':')) {
        (Some((low, high)), _) => {
            let (low, high) = (number(low)?, number(high)?);
            if low > high {
                return Err(format!("the range {} ends before it begins", quoted(&text)));
            }
            (f64::midpoint(low, high), (high - low) / 2.0)
        }
        (None, Some((value, tolerance))) => (number(value)?, number(tolerance)?),
        (None, None) => (number(&text)?, 0.0),
    };
    Ok(Key::Numeric { value, tolerance })
}

fn number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| {
        let hint = if text.contains(',') { ": decimals follow a point, as in `2.5`" } else { "" };
        format!("{} is not a number{hint}", quoted(text))
    })
}

fn choice(choices: &[Part<'_>]) -> Result<Key, String> {
    if choices.first().is_none_or(|first| first.sign.is_none()) {
        return Err("its answers must begin with `=` or `~`".to_owned());
    }
    if choices.iter().all(Part::is_right) {
        let is_matching = choices.iter().all(|choice| find(choice.text, "->").is_some());
        let kind = if is_matching {
            "it matches pairs: such questions"
        } else {
            "it takes a word for an answer: short answers"
        };
        return Err(format!("{kind} can't be graded here"));
    }
    if choices.len() > MAX_OPTIONS {
        return Err(format!("it has {} options, but must have 2 to {MAX_OPTIONS}", choices.len()));
    }
    match indexes(choices, |one| one.is_right()).as_slice() {
        [] => weighted(choices),
        [correct] => {
            let is_partial = |one: &Part<'_>| {
                if one.is_right() { one.weight.is_some_and(|weight| !is_all(weight)) } else { one.earns_something() }
            };
            if choices.iter().any(is_partial) { Err(partial()) } else { Ok(Key::SingleChoice { correct: *correct }) }
        }
        _ => Err(
            "several of its answers begin with `=`: give each a weight instead, as in `~%50%`; an `=` that is part \
                  of a text is written `\\=`"
                .to_owned(),
        ),
    }
}

fn weighted(choices: &[Part<'_>]) -> Result<Key, String> {
    let correct = indexes(choices, |one| one.earns_something());
    let sum: f64 = choices.iter().filter(|one| one.earns_something()).filter_map(|one| one.weight).sum();
    match correct.as_slice() {
        [] => Err("none of its answers is right".to_owned()),
        [correct] if is_all(sum) => Ok(Key::SingleChoice { correct: *correct }),
        _ if is_all(sum) => Ok(Key::SeveralCorrect { correct }),
        _ => Err(format!("the weights of its right answers make {} %, not 100 %", (sum * 100.0).round() / 100.0)),
    }
}

fn indexes(choices: &[Part<'_>], is_wanted: impl Fn(&Part<'_>) -> bool) -> Vec<u16> {
    (0..).zip(choices).filter(|(_, one)| is_wanted(one)).map(|(at, _)| at).collect()
}

/// Thirds and sevenths are written with a few decimals.
fn is_all(weight: f64) -> bool {
    (weight - 100.0).abs() < 1.0
}

fn partial() -> String {
    "one of its answers earns a part of the points: here an answer is right or wrong, and only where several are right \
     together each earns its share"
        .to_owned()
}
