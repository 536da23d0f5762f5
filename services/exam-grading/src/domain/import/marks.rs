//! GIFT's text, in which some characters are marks unless a backslash stands before them.

/// A character, and whether it may be a mark of the format: one after a backslash may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) ch: char,
    is_plain: bool,
}

impl Mark {
    pub(super) fn is(self, ch: char) -> bool {
        self.is_plain && self.ch == ch
    }
}

/// The characters of a text; `\n` is a line break.
pub(super) fn marks(text: &str) -> Vec<Mark> {
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

/// The text without the space around it.
pub(super) fn plain(marks: &[Mark]) -> String {
    raw(marks).trim().to_owned()
}

/// The text as it is.
pub(super) fn raw(marks: &[Mark]) -> String {
    marks.iter().map(|mark| mark.ch).collect()
}

/// The text without the name of its format, such as `[html]`, and without the space around it.
pub(super) fn shown(marks: &[Mark]) -> String {
    without_format(&plain(marks)).trim().to_owned()
}

/// A trimmed text without the name of its format.
pub(super) fn without_format(text: &str) -> &str {
    let formats = ["[html]", "[moodle]", "[plain]", "[markdown]"];
    formats.iter().find_map(|format| text.strip_prefix(format)).unwrap_or(text)
}

pub(super) fn is_blank(marks: &[Mark]) -> bool {
    marks.iter().all(|mark| mark.ch.is_whitespace())
}

/// Where `what` first stands as a mark.
pub(super) fn find(marks: &[Mark], what: &str) -> Option<usize> {
    let what: Vec<char> = what.chars().collect();
    marks.windows(what.len()).position(|window| window.iter().zip(&what).all(|(mark, ch)| mark.is(*ch)))
}

/// What stands before and after the first `what`.
pub(super) fn split<'m>(marks: &'m [Mark], what: &str) -> (&'m [Mark], Option<&'m [Mark]>) {
    match find(marks, what) {
        Some(at) => (marks.get(..at).unwrap_or_default(), marks.get(at + what.len()..)),
        None => (marks, None),
    }
}
