//! What of a message is markup, and what text.
//!
//! Tags of HTML's elements are markup if their attributes are HTML's too: those of a few elements are kept, the others are
//! dropped with the contents of `script` and `style`. Everything else is text and stays to the character, references and
//! comments included: who types `&lt;` or `<john@x.org>` means these characters. Reading a stored message gives back what
//! was sent, less those tags ([`decode`]).
//!
//! The cost is linear in the bytes of the message, and the memory that of the result, which is bounded.

mod elements;
mod invisible;
mod reading;
mod references;
mod tags;
mod writer;

use sinaesta_contracts::chat::{MAX_MESSAGE_CHARS, MessageFormat};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;

pub use elements::names as element_names;
pub use reading::{decode, plain_text};
use writer::Writer;

/// The most bytes that a stored message has: each character that a reader sees is written with up to five (`&amp;`), and
/// the tags have a bound of their own.
pub const MAX_STORED_BYTES: usize = 5 * MAX_MESSAGE_CHARS + writer::MAX_MARKUP_BYTES;

/// The elements whose contents are no text.
const RAW: [&str; 2] = ["script", "style"];

/// A message as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clean {
    pub text: String,
    pub format: MessageFormat,
}

/// The message as it is stored: as it was typed where a browser would find nothing in it but text, and otherwise
/// sanitised and escaped. Refuses what is empty or too long to a reader.
pub fn clean(message: &str) -> Result<Clean, ErrorBody> {
    let (text, format, chars, has_visible) = if finds_markup(message) {
        let (html, chars, has_visible) = sanitise(message);
        (html, MessageFormat::Html, chars, has_visible)
    } else {
        let has_visible = message.chars().any(invisible::is_visible);
        let chars = mutant!("markup-counts-bytes", message.len(), message.chars().count());
        (message.to_owned(), MessageFormat::Text, chars, has_visible)
    };
    if !has_visible {
        return Err(ErrorBody::new(code::EMPTY_MESSAGE, "The message is empty").on_field("message"));
    }
    if chars > MAX_MESSAGE_CHARS {
        let text = format!("The message is longer than {MAX_MESSAGE_CHARS} characters");
        return Err(ErrorBody::new(code::MESSAGE_TOO_LONG, text).on_field("message"));
    }
    Ok(Clean { text, format })
}

/// Whether a browser finds a tag, be it of an element that there is or of none, or a comment. References alone are none: they
/// can become nothing but text, and who types `A & B &amp; C` gets it back to the character, also from pages that know no
/// formats.
fn finds_markup(message: &str) -> bool {
    message.match_indices('<').any(|(at, _)| {
        let source = message.get(at..).unwrap_or_default().as_bytes();
        match (source.get(1), source.get(2)) {
            (Some(b'/'), next) => next.is_some(),
            (Some(next), _) => next.is_ascii_alphabetic() || matches!(next, b'!' | b'?'),
            (None, _) => false,
        }
    })
}

/// The message as HTML; how many characters a reader sees, and whether one of them shows anything.
fn sanitise(message: &str) -> (String, usize, bool) {
    let mut writer = Writer::default();
    // Whether the message has no closing tag for one of these any more: it is looked for once.
    let mut is_unclosed = [false; RAW.len()];
    let mut rest = message;
    while let Some((text, source)) = rest.find('<').and_then(|at| rest.split_at_checked(at)) {
        writer.text(text);
        let (tag, length) = tags::read(source);
        let (read, mut after) = source.split_at_checked(length).unwrap_or((source, ""));
        match tag {
            Some(tag) => {
                writer.tag(&tag);
                let raw =
                    RAW.iter().zip(&mut is_unclosed).find(|(name, _)| **name == tag.element.name && !tag.is_closing);
                if let Some((name, is_unclosed)) =
                    raw.filter(|(_, is_unclosed)| !**is_unclosed && !mutant!("markup-script-is-text"))
                {
                    match tags::raw_length(after, name) {
                        Some(length) => after = after.get(length..).unwrap_or_default(),
                        // Whoever mentions `<style>` goes on writing text.
                        None => *is_unclosed = true,
                    }
                }
            }
            None => writer.text(read),
        }
        rest = after;
    }
    writer.text(rest);
    writer.finish()
}

#[cfg(test)]
mod tests;
