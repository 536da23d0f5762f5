//! What a reader sees of a message that is stored.

use std::borrow::Cow;

use sinaesta_contracts::chat::MessageFormat;

/// The references that sanitised HTML has; `&nbsp;` only in messages that are older than [`MessageFormat`].
const REFERENCES: [(&str, char); 6] =
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#13;", '\r'), ("&nbsp;", '\u{a0}')];

/// The text of a message: HTML without its tags, and each reference as the character that it stands for.
pub fn decode(stored: &str, format: MessageFormat) -> Cow<'_, str> {
    read(stored, format, false)
}

/// The text of a message where lines can be no elements: as [`decode`] gives it, with the ends of lines and paragraphs as
/// line feeds.
pub fn plain_text(stored: &str, format: MessageFormat) -> Cow<'_, str> {
    read(stored, format, true)
}

fn read(stored: &str, format: MessageFormat, has_lines: bool) -> Cow<'_, str> {
    if format == MessageFormat::Text || !stored.contains(['<', '&']) {
        return Cow::Borrowed(stored);
    }
    let mut text = String::with_capacity(stored.len());
    let mut is_paragraph_over = false;
    let mut rest = stored;
    while let Some(first) = rest.chars().next() {
        let (length, shown) = match first {
            '<' => match tag_length(rest) {
                Some(length) => {
                    let name = rest.get(..length).unwrap_or_default().trim_start_matches(['<', '/']);
                    is_paragraph_over |= has_lines && name.starts_with("p>");
                    (length, (has_lines && name.starts_with("br>")).then_some('\n'))
                }
                None => (1, Some('<')),
            },
            '&' => match REFERENCES.iter().find(|(reference, _)| rest.starts_with(reference)) {
                Some((reference, character)) => (reference.len(), Some(*character)),
                None => (1, Some('&')),
            },
            other => (other.len_utf8(), Some(other)),
        };
        if let Some(shown) = shown {
            if is_paragraph_over && !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            is_paragraph_over = false;
            text.push(shown);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Cow::Owned(text)
}

/// How many bytes the tag has that `html` begins with. Older messages have `>` within quotes.
fn tag_length(html: &str) -> Option<usize> {
    let mut is_quoted = false;
    let end = html.bytes().position(|byte| {
        is_quoted ^= byte == b'"';
        byte == b'>' && !is_quoted
    })?;
    Some(end + 1)
}
