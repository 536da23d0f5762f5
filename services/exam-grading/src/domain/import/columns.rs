//! What the columns of a table are.

use ::csv::StringRecord;

use super::quoted;
use crate::domain::question::MAX_OPTIONS;

/// How many columns a table may have: more than there are names for, so that faults in them are told one by one.
const MOST: usize = 100;
/// The columns besides the options.
const KNOWN: [&str; 7] = ["kind", "text", "correct", "tolerance", "points", "category", "explanation"];

/// Where each thing stands.
pub(super) struct Columns {
    /// How many columns the first row has, those without a name among them.
    pub(super) count: usize,
    /// Behind so many none has a name.
    named: usize,
    /// Which of these have none: spreadsheets write empty columns.
    unnamed: Vec<usize>,
    pub(super) kind: Option<usize>,
    pub(super) text: usize,
    /// In the order of the options.
    pub(super) options: Vec<usize>,
    pub(super) correct: usize,
    pub(super) tolerance: Option<usize>,
    pub(super) points: Option<usize>,
    pub(super) category: Option<usize>,
    pub(super) explanation: Option<usize>,
}

impl Columns {
    /// The columns that the first row names, or everything that is wrong with it.
    pub(super) fn read(headers: &StringRecord) -> Result<Self, Vec<String>> {
        // Spreadsheets write any number of empty columns behind the last one.
        let named =
            headers.iter().zip(1..).filter(|(name, _)| !name.trim().is_empty()).last().map_or(0, |(_, count)| count);
        if named > MOST {
            return Err(vec![format!("it has {named} columns: a table of questions has at most {MOST}")]);
        }
        let names: Vec<String> = headers.iter().take(named).map(|name| name.trim().to_lowercase()).collect();
        let mut faults = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        let mut unnamed = Vec::new();
        for (at, name) in names.iter().enumerate() {
            if name.is_empty() {
                unnamed.push(at);
            } else if !KNOWN.contains(&name.as_str()) && option_number(name).is_none() {
                faults.push(format!("the column {} is not known", quoted(name)));
            } else if let Some(other) = seen.iter().find(|other| is_same(other, name)) {
                faults.push(if other == name {
                    format!("the column `{name}` stands there twice")
                } else {
                    format!("the columns `{other}` and `{name}` are the same option")
                });
            } else {
                seen.push(name);
            }
        }
        let mut options: Vec<(usize, usize)> =
            names.iter().enumerate().filter_map(|(at, name)| Some((option_number(name)?, at))).collect();
        options.sort_unstable();
        let last = options.last().map_or(0, |(number, _)| *number);
        for missing in (1..last).filter(|number| !options.iter().any(|(one, _)| one == number)) {
            let (missing, last) = (letter_of(missing), letter_of(last));
            faults.push(format!("there is a column for option {last}, but none for option {missing}"));
        }
        let find = |name: &str| names.iter().position(|one| one == name);
        let mut must = |name: &str| {
            find(name).unwrap_or_else(|| {
                faults.push(format!("the first row has no column `{name}`"));
                0
            })
        };
        let columns = Self {
            count: headers.len(),
            named,
            unnamed,
            kind: find("kind"),
            text: must("text"),
            options: options.into_iter().map(|(_, at)| at).collect(),
            correct: must("correct"),
            tolerance: find("tolerance"),
            points: find("points"),
            category: find("category"),
            explanation: find("explanation"),
        };
        if faults.is_empty() { Ok(columns) } else { Err(faults) }
    }

    /// Whether what stands there belongs to something.
    pub(super) fn is_named(&self, at: usize) -> bool {
        at < self.named && !self.unnamed.contains(&at)
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one == other || option_number(one).is_some_and(|number| option_number(other) == Some(number))
}

/// `option_a` and `option1` are the first.
pub(super) fn option_number(name: &str) -> Option<usize> {
    let rest = name.strip_prefix("option")?.trim_start_matches(['_', '-', ' ']);
    let number = match rest.parse::<usize>() {
        Ok(number) => number,
        Err(_) => usize::from(letter(rest)?) + 1,
    };
    (1..=MAX_OPTIONS).contains(&number).then_some(number)
}

/// `A` is 0.
pub(super) fn letter(text: &str) -> Option<u16> {
    let mut letters = text.trim().bytes();
    let first = letters.next()?.to_ascii_lowercase();
    (letters.next().is_none() && first.is_ascii_lowercase()).then(|| u16::from(first - b'a'))
}

/// The letter of an option that is counted from 1.
pub(super) fn letter_of(number: usize) -> char {
    ('A'..='Z').nth(number.saturating_sub(1)).unwrap_or('?')
}
