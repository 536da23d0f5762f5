//! Writes sanitised HTML: the allowed elements, closed in their order, and text.

use std::borrow::Cow;

use sinaesta_mutants::mutant;
use url::Url;

use super::elements::Element;
use super::invisible::is_visible;
use super::references;
use super::tags::Tag;

/// The elements that are kept and have contents. Kept besides is `br`, which has none.
const KEPT: [&str; 6] = ["a", "b", "em", "i", "p", "strong"];
/// How deep elements may stand in each other. Of what is deeper the tags are left out, the text stays.
pub const MAX_OPEN: usize = 32;
/// How many bytes all tags of a message may have. Of what is more the tags are left out, the text stays.
pub const MAX_MARKUP_BYTES: usize = 24 * 1024;

/// An element that is open.
struct Open {
    /// Its place in [`KEPT`].
    kind: usize,
    /// Its opening tag, to write it once more.
    tag: Cow<'static, str>,
}

/// Sanitised HTML as it is written.
#[derive(Default)]
pub struct Writer {
    html: String,
    open: Vec<Open>,
    /// Of each kind, how many are open whose opening tag was left out: as many closing tags belong to them.
    left_out: [usize; KEPT.len()],
    markup_bytes: usize,
    chars: usize,
    has_visible: bool,
}

impl Writer {
    /// Text, in which nothing is markup.
    pub fn text(&mut self, text: &str) {
        for character in text.chars() {
            self.chars += 1;
            self.has_visible |= is_visible(character);
            match character {
                '&' => self.html.push_str("&amp;"),
                '<' if !mutant!("markup-text-is-a-tag") => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                // A browser would read it as a line feed.
                '\r' => self.html.push_str("&#13;"),
                other => self.html.push(other),
            }
        }
    }

    /// A tag that somebody wrote: kept if its element is, and dropped otherwise.
    pub fn tag(&mut self, tag: &Tag<'_>) {
        match (kind(&tag.element), tag.is_closing) {
            (Some(kind), true) => self.close(kind),
            (Some(kind), false) => {
                // Links do not stand in links, nor paragraphs in paragraphs: the next one ends the one before.
                if matches!(tag.element.name, "a" | "p") {
                    self.close(kind);
                }
                if self.has_room() {
                    self.open(Open { kind, tag: opening(tag) });
                } else {
                    self.leave_out(kind);
                }
            }
            (None, false) if tag.element.name == "br" => {
                if self.affords("<br>".len()) {
                    self.html.push_str("<br>");
                }
            }
            (None, _) => {}
        }
    }

    /// The HTML, with all that is open closed; how many characters a reader sees, and whether one of them shows anything.
    pub fn finish(mut self) -> (String, usize, bool) {
        mutant!("markup-unclosed-at-the-end", self.open.clear());
        while let Some(open) = self.open.pop() {
            self.write_closing(open.kind);
        }
        (self.html, self.chars, self.has_visible)
    }

    fn open(&mut self, open: Open) {
        // What it takes to close it is set aside with it.
        if self.has_room() && self.affords(open.tag.len() + closing_length(open.kind)) {
            self.html.push_str(&open.tag);
            self.open.push(open);
        } else {
            self.leave_out(open.kind);
        }
    }

    fn has_room(&self) -> bool {
        (self.open.len() < MAX_OPEN || mutant!("markup-any-depth")) && self.markup_bytes < MAX_MARKUP_BYTES
    }

    fn leave_out(&mut self, kind: usize) {
        if let Some(left_out) = self.left_out.get_mut(kind) {
            *left_out += 1;
        }
    }

    /// Closes the innermost element of a kind, if one is open. Those that were opened within it and not closed go on after it.
    fn close(&mut self, kind: usize) {
        if let Some(left_out) = self.left_out.get_mut(kind).filter(|left_out| **left_out > 0) {
            *left_out -= 1;
            return;
        }
        let Some(at) = self.open.iter().rposition(|open| open.kind == kind) else { return };
        let within = self.open.split_off(at + 1);
        for open in within.iter().rev() {
            self.write_closing(open.kind);
        }
        self.open.pop();
        self.write_closing(kind);
        for open in within {
            self.open(open);
        }
    }

    fn write_closing(&mut self, kind: usize) {
        let name = KEPT.get(kind).copied().unwrap_or_default();
        self.html.extend(["</", name, ">"]);
    }

    /// Takes so many bytes from what tags may have. Where that is not enough there are no more tags.
    fn affords(&mut self, bytes: usize) -> bool {
        let affords = self.markup_bytes + bytes <= MAX_MARKUP_BYTES || mutant!("markup-costs-any-number-of-bytes");
        self.markup_bytes = if affords { self.markup_bytes + bytes } else { MAX_MARKUP_BYTES };
        affords
    }
}

fn kind(element: &Element) -> Option<usize> {
    KEPT.iter().position(|kept| *kept == element.name)
}

fn closing_length(kind: usize) -> usize {
    KEPT.get(kind).map_or(0, |name| name.len() + "</>".len())
}

/// The opening tag of a kept element, with the attributes that are kept.
fn opening(tag: &Tag<'_>) -> Cow<'static, str> {
    match tag.element.name {
        "a" => opening_link(tag),
        "b" => Cow::Borrowed("<b>"),
        "em" => Cow::Borrowed("<em>"),
        "i" => Cow::Borrowed("<i>"),
        "p" => Cow::Borrowed("<p>"),
        _ => Cow::Borrowed("<strong>"),
    }
}

fn opening_link(tag: &Tag<'_>) -> Cow<'static, str> {
    if tag.href.is_none() && tag.target.is_none() {
        return Cow::Borrowed("<a rel=\"noopener noreferrer\">");
    }
    let mut link = String::from("<a");
    let target = tag.target.map(references::decode);
    for (name, value) in [("href", tag.href.and_then(address).as_deref()), ("target", target.as_deref())] {
        if let Some(value) = value {
            link.extend([" ", name, "=\""]);
            for character in value.chars() {
                match character {
                    '&' => link.push_str("&amp;"),
                    '"' if !mutant!("markup-quote-begins-an-attribute") => link.push_str("&quot;"),
                    '<' => link.push_str("&lt;"),
                    '>' => link.push_str("&gt;"),
                    '\r' => link.push_str("&#13;"),
                    other => link.push(other),
                }
            }
            link.push('"');
        }
    }
    link.push_str(mutant!("markup-link-without-rel", ">", " rel=\"noopener noreferrer\">"));
    Cow::Owned(link)
}

/// The address that a link may lead to: of the web with a host, or of e-mail. As it was written, but without what browsers
/// pass over in addresses.
fn address(href: &str) -> Option<String> {
    let address: String = mutant!("markup-references-not-read", href.into(), references::decode(href))
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect();
    let address = address.trim_matches(|c| c <= ' ');
    let (scheme, rest) = address.split_once(':')?;
    let is_allowed = match scheme.to_ascii_lowercase().as_str() {
        // Without the slashes it would lead to somewhere on the reader's own site.
        "http" | "https" => rest.starts_with("//") || mutant!("markup-link-to-the-readers-site"),
        "mailto" => true,
        _ => mutant!("markup-any-scheme"),
    };
    (is_allowed && Url::parse(address).is_ok()).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_and_mail_are_linked_to() {
        for (href, kept) in [
            ("https://a.example/x?a=1&amp;b=2", Some("https://a.example/x?a=1&b=2")),
            (" HTTP://a.example\n", Some("HTTP://a.example")),
            ("mailto:a@x.org", Some("mailto:a@x.org")),
            ("ht\ntps&colon;//a.example", Some("https://a.example")),
            ("javascript:alert(1)", None),
            ("java\tscript:alert(1)", None),
            ("\u{1}javascript:alert(1)", None),
            ("&#x6a;avascript&colon;alert(1)", None),
            ("data:text/html,x", None),
            ("/x", None),
            ("//a.example", None),
            ("https:x", None),
            ("https:/x", None),
            ("https:\\\\x", None),
            ("https://", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(address(href).as_deref(), kept, "{href}");
        }
    }
}
