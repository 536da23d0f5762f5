//! The tags of HTML's elements in what somebody wrote.
//!
//! A tokenizer of our own, for three things that html5ever's does not give: where in the source a tag stands, whose
//! characters are to stay when it turns out to be none; an end at the first attribute that HTML does not have; and a cost
//! that is linear in the attributes of one tag, each of which html5ever compares with all before it. What it takes for a
//! tag is a tag to a browser too; the tests compare it with html5ever's.

use super::elements::Element;

/// A tag of an element that HTML has.
#[derive(Debug, Clone, Copy)]
pub struct Tag<'m> {
    pub element: Element,
    pub is_closing: bool,
    /// The value of its first `href`, as it was written.
    pub href: Option<&'m str>,
    /// The value of its first `target`, as it was written.
    pub target: Option<&'m str>,
}

/// What `source` begins with, which begins with `<`: a tag, or else text; and how many bytes of it that is.
///
/// What turns out to be no tag is text up to where that shows, so that nothing is read twice, and a `<` that compares
/// (`x<y and <b>z</b>`) takes no later tag with it.
pub fn read(source: &str) -> (Option<Tag<'_>>, usize) {
    if let Some(comment) = source.strip_prefix("<!--") {
        return (None, "<!--".len() + comment_length(comment));
    }
    let mut cursor = Cursor { source, at: 1 };
    let is_closing = cursor.take(b'/');
    let Some(element) = cursor.element() else { return (None, cursor.at) };
    let mut tag = Tag { element, is_closing, href: None, target: None };
    let end = cursor.attributes(|cursor| {
        let start = cursor.at;
        let name = cursor.attribute_name();
        let has_value = cursor.begins_value();
        if is_closing || !element.has(name, has_value) {
            // Text from the name on: it may itself begin a tag.
            cursor.at = start;
            return false;
        }
        let Some(value) = (if has_value { cursor.value() } else { Some("") }) else { return false };
        for (known, slot) in [("href", &mut tag.href), ("target", &mut tag.target)] {
            // Of two attributes with one name the first counts.
            if slot.is_none() && name.eq_ignore_ascii_case(known) {
                *slot = Some(value);
            }
        }
        true
    });
    (end.then_some(tag), cursor.at)
}

/// Of what follows the opening tag of an element whose contents are no markup (`script`, `style`): how many bytes its
/// contents and its closing tag have. `None` if nothing closes it.
pub fn raw_length(source: &str, name: &str) -> Option<usize> {
    let mut cursor = Cursor { source, at: 0 };
    loop {
        cursor.at += cursor.rest().find("</")? + "</".len();
        if cursor.element().is_some_and(|element| element.name == name) {
            let end = cursor.attributes(|cursor| {
                cursor.attribute_name();
                !cursor.begins_value() || cursor.value().is_some()
            });
            return end.then_some(cursor.at);
        }
    }
}

/// How many bytes a comment has after its `<!--`; one without an end goes on to the end of the message.
fn comment_length(comment: &str) -> usize {
    for early in [">", "->"] {
        if comment.starts_with(early) {
            return early.len();
        }
    }
    let ends = comment.match_indices('>').map(|(at, _)| at);
    let is_end = |at: &usize| comment.get(..*at).is_some_and(|body| body.ends_with("--") || body.ends_with("--!"));
    ends.into_iter().find(is_end).map_or(comment.len(), |at| at + 1)
}

/// What HTML takes for white space.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// Goes through the inside of a tag; always between two characters.
struct Cursor<'m> {
    source: &'m str,
    at: usize,
}

impl<'m> Cursor<'m> {
    fn rest(&self) -> &'m str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// The bytes from here on that are `wanted`; none of those that end it is within a character.
    fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'m str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// The element that is named here, if the name ends where it does.
    fn element(&mut self) -> Option<Element> {
        let name = self.run(|byte| byte.is_ascii_alphanumeric());
        let ends = self.peek().is_some_and(|byte| is_space(byte) || matches!(byte, b'/' | b'>'));
        if ends { Element::named(name) } else { None }
    }

    /// Takes attributes, each by `take`, and the `>` behind them; `false` if one is refused or the `>` never comes.
    fn attributes(&mut self, mut take: impl FnMut(&mut Self) -> bool) -> bool {
        loop {
            self.run(|byte| is_space(byte) || byte == b'/');
            if self.take(b'>') {
                return true;
            }
            if self.peek().is_none() || !take(self) {
                return false;
            }
        }
    }

    /// To a browser `=` is a part of the name where it is the first of it.
    fn attribute_name(&mut self) -> &'m str {
        let start = self.at;
        self.take(b'=');
        self.run(|byte| !is_space(byte) && !matches!(byte, b'/' | b'>' | b'='));
        self.source.get(start..self.at).unwrap_or_default()
    }

    /// Whether the attribute has a value; if so, it begins here.
    fn begins_value(&mut self) -> bool {
        self.run(is_space);
        let begins = self.take(b'=');
        if begins {
            self.run(is_space);
        }
        begins
    }

    /// The value that begins here; `None` if the message ends before it does. Where a quote is missing the text after the
    /// other one may have tags again.
    fn value(&mut self) -> Option<&'m str> {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else {
            let value = self.run(|byte| !is_space(byte) && byte != b'>');
            return self.peek().map(|_| value);
        };
        self.at += 1;
        let length = self.rest().bytes().position(|byte| byte == quote)?;
        let value = self.rest().get(..length);
        self.at += length + 1;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The element, whether it closes, and how many bytes are read.
    fn seen(source: &str) -> Option<(&'static str, bool)> {
        let (tag, length) = read(source);
        assert!(length >= 1 && source.is_char_boundary(length), "{source}: {length}");
        tag.filter(|_| length == source.len()).map(|tag| (tag.element.name, tag.is_closing))
    }

    #[test]
    fn tags_of_known_elements_are_tags() {
        for (source, name, is_closing) in [
            ("<b>", "b", false),
            ("</b>", "b", true),
            ("</B \n>", "b", true),
            ("<B/>", "b", false),
            ("<a href=x>", "a", false),
            ("<a href = 'x>y' target>", "a", false),
            ("<p onclick=\"x()\" data-a aria-b=c hidden>", "p", false),
            ("<svg/onload=alert(1)>", "svg", false),
            ("<img/src=x/onerror=alert(1)>", "img", false),
            ("<b hidden/id=x>", "b", false),
            ("<img src=\"x\"onerror=alert(1)>", "img", false),
            ("<input value=>", "input", false),
            ("<b class=é>", "b", false),
        ] {
            assert_eq!(seen(source), Some((name, is_closing)), "{source}");
        }
    }

    #[test]
    fn what_is_no_tag_is_text_up_to_where_that_shows() {
        for (source, length) in [
            ("<", 1),
            ("<3.5>", 2),
            ("<<b>", 1),
            ("</", 2),
            ("</>", 2),
            ("</ b>", 2),
            ("<?xml>", 1),
            ("<!doctype html>", 1),
            ("<![CDATA[<b>", 1),
            ("<b", 2),
            ("<y and <b>", 2),
            ("<john@x.org>", 5),
            ("<String>", 7),
            ("<b:c>", 2),
            ("<b<i>", 2),
            ("<bé>", 2),
            ("<b and c>", 3),
            ("<b hidden and c>", 10),
            ("<b =>", 3),
            ("</b class>", 4),
            ("<b hidden", 9),
            ("<b id=x", 7),
            ("<b id=\"x <i>", 7),
            ("<b \"\"\">", 3),
            ("<b é>", 3),
            ("<!-- <b> --> x", 12),
            ("<!--> x", 5),
            ("<!---> x", 6),
            ("<!-- a --!> x", 11),
            ("<!-- <b>", 8),
            ("<!-- -- > -> x", 14),
        ] {
            let (tag, read) = read(source);
            assert!(tag.is_none() && read == length, "{source}: {read}");
        }
    }

    #[test]
    fn the_first_of_two_attributes_counts() {
        let (tag, _) = read("<a HREF=x href=y target=' z '>");
        assert_eq!(tag.map(|tag| (tag.href, tag.target)), Some((Some("x"), Some(" z "))));
    }

    #[test]
    fn raw_contents_end_with_their_own_closing_tag() {
        for (source, length) in [
            ("x</script>y", Some(10)),
            ("x</b></style></SCRIPT\n>y", Some(23)),
            ("x</script y='>'>z", Some(16)),
            ("x</scripts></script>", Some(20)),
            ("x</script", None),
            ("x</script y='>", None),
            ("x", None),
        ] {
            assert_eq!(raw_length(source, "script"), length, "{source}");
        }
    }
}
