use std::cell::RefCell;

use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Sample {
    sent: String,
    message: String,
    format: MessageFormat,
    text: String,
    /// Left out where it is `text`.
    plain: Option<String>,
}

fn samples() -> Vec<Sample> {
    serde_json::from_str(include_str!("../../../../../shared/contracts/samples/messages.json")).unwrap()
}

/// What a browser's tokenizer finds; text in one piece where nothing is between.
#[derive(Debug, PartialEq, Eq, Clone)]
enum Found {
    Text(String),
    Opening(String, Vec<(String, String)>),
    Closing(String),
    Comment,
}

#[derive(Default)]
struct Sink(RefCell<Vec<Found>>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut found = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => match found.last_mut() {
                Some(Found::Text(before)) => before.push_str(&text),
                _ => found.push(Found::Text(text.to_string())),
            },
            Token::NullCharacterToken => found.push(Found::Text("\0".into())),
            Token::TagToken(tag) => {
                let attributes = tag.attrs.iter().map(|one| (one.name.local.to_string(), one.value.to_string()));
                found.push(match tag.kind {
                    TagKind::StartTag => Found::Opening(tag.name.to_string(), attributes.collect()),
                    TagKind::EndTag => Found::Closing(tag.name.to_string()),
                });
            }
            Token::CommentToken(_) | Token::DoctypeToken(_) => found.push(Found::Comment),
            Token::ParseError(_) | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

/// A message as a browser's tokenizer sees it.
fn in_a_browser(html: &str) -> Vec<Found> {
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() });
    let input = BufferQueue::default();
    input.push_back(html.into());
    assert!(matches!(tokenizer.feed(&input), html5ever::TokenizerResult::Done));
    tokenizer.end();
    tokenizer.sink.0.take()
}

/// To a browser a message as it is stored has the text that we say, in elements that are allowed and closed in their order.
fn assert_is_clean(clean: &Clean, shown: &str) {
    assert!(clean.text.len() <= MAX_STORED_BYTES);
    assert_eq!(decode(&clean.text, clean.format), shown);
    if clean.format == MessageFormat::Text {
        return;
    }
    let (mut text, mut open) = (String::new(), vec![]);
    for found in in_a_browser(&clean.text) {
        match found {
            Found::Text(found) => text.push_str(&found),
            Found::Opening(name, attributes) => {
                assert!(
                    ["a", "b", "br", "em", "i", "p", "strong"].contains(&name.as_str()),
                    "{name} in {}",
                    clean.text
                );
                for (attribute, value) in attributes {
                    match (name.as_str(), attribute.as_str()) {
                        ("a", "href") => assert!(
                            ["https://", "http://", "mailto:"].iter().any(|s| value.to_lowercase().starts_with(s)),
                            "{value}"
                        ),
                        ("a", "target") => {}
                        ("a", "rel") => assert_eq!(value, "noopener noreferrer"),
                        _ => panic!("{name} {attribute} in {}", clean.text),
                    }
                }
                if name != "br" {
                    open.push(name);
                }
            }
            Found::Closing(name) => assert_eq!(open.pop(), Some(name), "{}", clean.text),
            Found::Comment => panic!("a comment in {}", clean.text),
        }
    }
    assert_eq!((text.as_str(), open), (shown, vec![]), "{}", clean.text);
}

#[test]
fn samples_are_stored_and_read_as_written_down() {
    let samples = samples();
    assert!(samples.len() > 40);
    for Sample { sent, message, format, text, plain } in samples {
        let clean = clean(&sent).unwrap();
        assert_eq!((clean.text.as_str(), clean.format), (message.as_str(), format), "{sent}");
        assert_is_clean(&clean, &text);
        assert_eq!(plain_text(&message, format), plain.unwrap_or(text), "{sent}");
    }
}

#[test]
fn what_shows_nothing_is_refused() {
    for message in [
        "   ",
        "\u{200b}\u{2060}\u{ad}",
        "\u{202e}\u{2066}",
        "\u{3164}\u{115f}\u{ffa0}",
        "\u{2800}",
        "\u{fe0f}\u{e0041}",
        "\u{200d}",
        "\r\n",
        "<script>x</script>",
        "<p>\u{a0}</p>",
        "<b>\u{200b}</b><br>",
        "<img src=x>",
        "<div></div>",
        "<style>",
    ] {
        assert_eq!(clean(message).unwrap_err().code, code::EMPTY_MESSAGE, "{message:?}");
    }
    for message in ["<!-- x -->", "&nbsp;", "👩\u{200d}⚕\u{fe0f}", "\u{202e}a", "<foo>"] {
        assert_eq!(decode(&clean(message).unwrap().text, clean(message).unwrap().format), message);
    }
}

#[test]
fn the_bound_is_on_the_characters_that_a_reader_sees() {
    let most = MAX_MESSAGE_CHARS;
    for message in
        ["é".repeat(most), "&lt;".repeat(most / 4), format!("<b>{}</b>", "<".repeat(most)), "<x>".repeat(most / 3)]
    {
        assert!(clean(&message).is_ok());
    }
    for message in ["é".repeat(most + 1), format!("<u>{}<br>", "&".repeat(most + 1)), "<x>".repeat(most / 3 + 1)] {
        assert_eq!(clean(&message).unwrap_err().code, code::MESSAGE_TOO_LONG);
    }
}

#[test]
fn what_is_stored_has_a_bound_in_bytes() {
    for unit in
        ["<a>", "<a></a>", "<b>", "<b></b>", "<br>", "<p>", "<p><b></p>", "<b><i></b>", "<b><i><em><strong></b></i>"]
    {
        let message = format!("{}{}", unit.repeat(8_000 / unit.len()), "&".repeat(8_000));
        let clean = clean(&message).unwrap();
        assert!(clean.text.len() > 5 * 8_000, "{unit}");
        assert_is_clean(&clean, &"&".repeat(8_000));
    }
}

#[test]
fn elements_that_are_too_deep_are_left_out_and_their_text_stays() {
    let message = format!("{}x<i>y</i>{}<b>z</b>", "<b>".repeat(100), "</b>".repeat(100));
    let clean = clean(&message).unwrap();
    let (open, close) = ("<b>".repeat(writer::MAX_OPEN), "</b>".repeat(writer::MAX_OPEN));
    assert_eq!(clean.text, format!("{open}xy{close}<b>z</b>"));
}

#[test]
fn what_has_an_attribute_of_its_own_is_markup_and_what_has_another_is_text() {
    const OWN: [&str; 6] =
        ["class=x", "onclick=\"x()\"", "data-a='>'", "aria-label", "hidden", "lang=id title=\"a b\""];
    const FOREIGN: [&str; 6] = ["and", "only", "foo=1", "\"\"\"", "=", "and class=x"];
    for name in ["a", "b", "br", "em", "i", "p", "strong", "img", "div", "script", "svg"] {
        for attributes in OWN {
            let source = format!("<{name} {attributes}>z");
            let (tag, length) = tags::read(&source);
            assert_eq!((tag.map(|tag| tag.element.name), length), (Some(name), source.len() - 1), "{source}");
            assert_is_clean(&clean(&source).unwrap(), "z");
        }
        for attributes in FOREIGN {
            let message = format!("<{name} {attributes}>z");
            assert_is_clean(&clean(&message).unwrap(), &message);
        }
    }
}

#[test]
fn what_was_stored_before_there_were_formats_is_read() {
    let stored =
        "<b>K+ &lt;3&nbsp;&amp; &gt;</b><a href=\"https://x.org/?a>b&amp;c\" rel=\"noopener noreferrer\">x</a>";
    assert_eq!(decode(stored, MessageFormat::Html), "K+ <3\u{a0}& >x");
    for (stored, text) in [("<", "<"), ("&", "&"), ("a&b <b", "a&b <b"), ("<b \"", "<b \""), ("&amp", "&amp"), ("", "")]
    {
        assert_eq!(decode(stored, MessageFormat::Html), text);
    }
}

/// Text, whatever stands before and behind it.
const TEXTS: &[&str] = &[
    "<3.5 ",
    "< ",
    "<y and y>",
    "<john@x.org>",
    "Vec<String>",
    "</foo>",
    "<b and c>",
    "</b class>",
    "<o:p>",
    "<!-- <b>x</b> -->",
    "<!-->",
    "<![CDATA[x]]>",
    "<!doctype html>",
    "<?x?>",
    "</>",
    "&lt;b&gt;",
    "&amp;amp;",
    "&copy",
    "&#x3c;",
    "<b é>",
    "<<<",
    "a<b,",
    "🫀",
];

/// What a tag of an element may have.
const ATTRIBUTES: &[&str] = &[
    "",
    " class=x",
    " hidden",
    "/",
    " title='<i>'",
    " id=\"a>b\"",
    " ONCLICK = alert(1)",
    " data-x=&quot;",
    "\n",
    " style=a:b onfocus='x'",
    " title=\"</script>\"",
];

/// What begins, ends or parts markup.
const SOUP: &[&str] = &[
    "<",
    ">",
    "/",
    "</",
    "=",
    "\"",
    "'",
    " ",
    "&",
    ";",
    "#",
    "x",
    "b",
    "a",
    "p",
    "i",
    "br",
    "script",
    "style",
    "svg",
    "img",
    "href",
    "https://x.org",
    "javascript:",
    "class",
    "onclick",
    "and",
    "<!--",
    "-->",
    "--!>",
    "<!",
    "<?",
    "<b>",
    "</b>",
    "<i>",
    "</i>",
    "<p>",
    "</p>",
    "<a href=\"",
    "</a>",
    "<script>",
    "</script>",
    "<style ",
    "&lt;",
    "&amp",
    "&#x3c;",
    "é",
    "🫀",
    "\r",
    "\n",
    "\t",
    "\u{a0}",
    "\u{200b}",
    "]]>",
    "-",
    "`",
    "\\",
];

/// A part of a message, and what is to be read of it.
#[derive(Debug, Clone)]
struct Part {
    sent: String,
    read: String,
}

fn part() -> impl Strategy<Value = Part> {
    let text = prop_oneof![
        "[a-zé0-9 &;#>\"'=/\r\n\u{a0}\u{200d}-]{1,12}",
        proptest::sample::select(TEXTS).prop_map(|text| format!("{text} ")),
    ]
    .prop_map(|text| Part { read: text.clone(), sent: text });
    let names: Vec<_> = elements::names().filter(|name| !RAW.contains(name)).collect();
    let tag = (proptest::sample::select(names), proptest::sample::select(ATTRIBUTES), any::<bool>(), any::<bool>())
        .prop_map(|(name, attribute, is_closing, is_upper)| {
            let name = if is_upper { name.to_uppercase() } else { name.to_owned() };
            let sent = if is_closing { format!("</{name} >") } else { format!("<{name}{attribute}>") };
            Part { sent, read: String::new() }
        });
    let raw = (proptest::sample::select(RAW.as_slice()), "[a-z<>&;/\"' !-]{0,12}")
        .prop_map(|(name, contents)| Part { sent: format!("<{name}>{contents}</{name}>"), read: String::new() });
    prop_oneof![3 => text, 4 => tag, 1 => raw]
}

fn soup() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(SOUP), 0..40).prop_map(|pieces| pieces.concat())
}

fn is_subsequence(of: &str, text: &str) -> bool {
    let mut characters = of.chars();
    text.chars().all(|wanted| characters.any(|character| character == wanted))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_reader_sees_what_was_sent_less_known_tags(parts in proptest::collection::vec(part(), 0..20)) {
        let sent: String = parts.iter().map(|part| part.sent.as_str()).collect();
        let read: String = parts.iter().map(|part| part.read.as_str()).collect();
        match clean(&sent) {
            Ok(clean) => assert_is_clean(&clean, &read),
            Err(error) => {
                prop_assert_eq!(error.code, code::EMPTY_MESSAGE);
                prop_assert!(!read.chars().any(invisible::is_visible));
            }
        }
    }

    #[test]
    fn whatever_is_sent_is_harmless_and_nothing_is_added(sent in prop_oneof![soup(), any::<String>()]) {
        let sent = sent.replace('\0', "");
        if let Ok(clean) = clean(&sent) {
            let shown = decode(&clean.text, clean.format).into_owned();
            assert_is_clean(&clean, &shown);
            prop_assert!(is_subsequence(&sent, &shown));
            if !sent.contains('<') {
                prop_assert_eq!(&shown, &sent);
            }
        }
    }

    /// Text is what is nothing but text to a browser, which reads all line ends alike.
    #[test]
    fn text_is_what_a_browser_finds_no_markup_in(sent in prop_oneof![soup(), any::<String>()]) {
        let sent = sent.replace(['\0', '\r'], "");
        if let Ok(clean) = clean(&sent) {
            // Of references it makes other text, which is still nothing but text.
            let is_text = in_a_browser(&sent) == in_a_browser(&sent.replace('<', "&lt;"));
            prop_assert_eq!(clean.format == MessageFormat::Text, is_text, "{}", sent);
            prop_assert!(!is_text || clean.text == sent);
        }
    }

    /// No tag is made of what a browser reads otherwise.
    #[test]
    fn a_tag_is_a_tag_to_a_browser_too(soup in soup()) {
        let source = format!("<{soup}");
        if let (Some(tag), length) = tags::read(&source) {
            let name = tag.element.name.to_owned();
            match &in_a_browser(&source[..length])[..] {
                [Found::Closing(found)] => prop_assert!(tag.is_closing && *found == name),
                [Found::Opening(found, attributes)] => {
                    prop_assert!(!tag.is_closing && *found == name);
                    let href = attributes.iter().find(|(name, _)| name == "href").map(|(_, value)| value.clone());
                    prop_assert_eq!(tag.href.map(|href| references::decode(href).replace('\r', "\n")), href);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
