//! What of a message's HTML is kept.

use std::borrow::Cow;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use sinaesta_contracts::chat::MAX_MESSAGE_CHARS;
use sinaesta_contracts::{ErrorBody, code};

static ALLOWED: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(["b", "i", "em", "strong", "a", "br", "p"].into())
        .tag_attributes([("a", ["href", "target"].into())].into())
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"))
        // What is between these is not text that anybody wrote to be read.
        .clean_content_tags(["script", "style"].into());
    builder
});

static TEXT_ONLY: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder.clean_content_tags(["script", "style"].into());
    builder
});

/// The message as it is stored: unchanged, to the character, where HTML parsing would leave it as it is, and
/// otherwise its sanitised form. Refuses what is empty or too long then.
pub fn sanitise(message: &str) -> Result<Cow<'_, str>, ErrorBody> {
    let clean = clean(message);
    if is_blank(&clean) {
        return Err(ErrorBody::new(code::EMPTY_MESSAGE, "The message is empty").on_field("message"));
    }
    if clean.len() > MAX_MESSAGE_CHARS && clean.chars().count() > MAX_MESSAGE_CHARS {
        let text = format!("The message is longer than {MAX_MESSAGE_CHARS} characters");
        return Err(ErrorBody::new(code::MESSAGE_TOO_LONG, text).on_field("message"));
    }
    Ok(clean)
}

fn clean(message: &str) -> Cow<'_, str> {
    // Without these characters HTML parsing has nothing to do: the common case costs one pass over the bytes.
    if !message.bytes().any(|byte| matches!(byte, b'<' | b'&' | b'\r')) {
        return Cow::Borrowed(message);
    }
    let clean = ALLOWED.clean(message).to_string();
    // Where parsing found one piece of text and nothing else, writing it as HTML only escaped it.
    if clean == escape(message) { Cow::Borrowed(message) } else { Cow::Owned(clean) }
}

/// Text as an HTML serialiser writes it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{a0}' => escaped.push_str("&nbsp;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn is_blank(clean: &str) -> bool {
    let is_blank = |text: &str| text.chars().all(|c| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}'));
    is_blank(clean) || (clean.contains('<') && is_blank(&TEXT_ONLY.clean(clean).to_string().replace("&nbsp;", " ")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_clinicians_write_comes_back_to_the_character() {
        for text in ["BP < 90 & HR > 120", "K+ <3.5 mmol/l", "a\u{a0}b", "5 > 3", "AT&T", "🫀 halo"] {
            assert_eq!(sanitise(text).unwrap(), text);
        }
    }

    #[test]
    fn allowed_elements_stay_and_the_rest_is_stripped() {
        for (given, kept) in [
            ("<b>x</b><u>y</u>", "<b>x</b>y"),
            ("<script>alert(1)</script>hi", "hi"),
            ("<p onclick=\"x()\">hi</p>", "<p>hi</p>"),
            ("<img src=x onerror=alert(1)>hi", "hi"),
            ("<a href=\"javascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
            (
                "<a href=\"https://a.example\" target=\"_blank\">x</a>",
                "<a href=\"https://a.example\" target=\"_blank\" rel=\"noopener noreferrer\">x</a>",
            ),
            ("&lt;b&gt; & <b>x</b>", "&lt;b&gt; &amp; <b>x</b>"),
        ] {
            assert_eq!(sanitise(given).unwrap(), kept, "{given}");
        }
    }

    #[test]
    fn nothing_left_is_refused() {
        for text in ["   ", "<script>x</script>", "<p></p>", "<br>", "<p>&nbsp;</p>", "<!-- x -->"] {
            assert_eq!(sanitise(text).unwrap_err().code, code::EMPTY_MESSAGE, "{text:?}");
        }
    }

    #[test]
    fn the_bound_is_on_characters_after_sanitising() {
        assert!(sanitise(&"é".repeat(MAX_MESSAGE_CHARS)).is_ok());
        assert_eq!(sanitise(&"é".repeat(MAX_MESSAGE_CHARS + 1)).unwrap_err().code, code::MESSAGE_TOO_LONG);
    }

    proptest! {
        #[test]
        fn sanitising_twice_changes_nothing_more(text in "[a-z<>&/ =\"'b#;]{1,60}") {
            if let Ok(once) = sanitise(&text) {
                prop_assert_eq!(sanitise(&once).unwrap(), once.clone());
            }
        }
    }
}
