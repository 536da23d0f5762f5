//! What a file is, by its bytes: neither its name nor the type that it is sent with is asked.

use std::io::Read as _;
use std::ops::Range;

use flate2::bufread::DeflateDecoder;

/// Word and PowerPoint documents.
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// All that is taken.
pub(super) const TAKEN: [&str; 11] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "audio/mpeg",
    "audio/ogg",
    "audio/m4a",
    "video/mp4",
    DOCX,
    PPTX,
];

/// Where a PDF may begin at the latest, in bytes: readers skip what stands before.
const PDF_WITHIN: usize = 1024;

/// How much of a ZIP's end is looked at, in bytes: its directory, of some 2,500 entries, and a comment.
pub(super) const ZIP_TAIL: u64 = 256 * 1024;

/// What the first bytes of a file say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// This media type.
    Known(&'static str),
    /// A ZIP: what it holds stands at its end, in whatever order it was put in. See [`Types`].
    Zip,
}

impl Kind {
    /// `None`: nothing that is taken. A few kilobytes are enough.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let known = match head {
            [b'P', b'K', 3, 4, ..] => return Some(Self::Zip),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            // Whatever is in it: Vorbis, or Opus as Firefox records it.
            [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
            [a, b, c, d, b'f', b't', b'y', b'p', brands @ ..] => {
                let length = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).saturating_sub(8);
                media(brands.first_chunk()?, brands.get(8..length).unwrap_or_default())?
            }
            _ if head.windows(5).take(PDF_WITHIN).any(|five| five == b"%PDF-") => "application/pdf",
            _ if is_mp3(head) => "audio/mpeg",
            _ => return None,
        };
        Some(Self::Known(known))
    }
}

/// An MP4 by the brand that it says it is of first: pictures and QuickTime have the same form. Recorders of sound name the one
/// for that among those that it is of besides, and none for pictures.
fn media(brand: &[u8; 4], besides: &[u8]) -> Option<&'static str> {
    let has = |brand: &[u8; 4]| besides.chunks_exact(4).any(|one| one == brand);
    match brand {
        [b'm', b'p', b'4', _] if has(b"M4A ") && !has(b"M4V ") && !has(b"avc1") => Some("audio/m4a"),
        b"M4A " | b"M4B " => Some("audio/m4a"),
        [b'i', b's', b'o', _] | [b'm', b'p', b'4', _] | [b'M', b'4', b'V', _] | [b'N', b'D', _, _] => Some("video/mp4"),
        b"avc1" | b"dash" | b"mmp4" | b"mp71" | b"MSNV" | b"F4V " | b"F4P " => Some("video/mp4"),
        _ => None,
    }
}

/// With a tag before it, or the head of a frame of layer III at once.
fn is_mp3(head: &[u8]) -> bool {
    match head {
        [b'I', b'D', b'3', ..] => true,
        [0xff, flags, rates, ..] => {
            let (sync, version, layer) = (flags >> 5, (flags >> 3) & 3, (flags >> 1) & 3);
            sync == 7 && version != 1 && layer == 1 && rates >> 4 != 15 && (rates >> 2) & 3 != 3
        }
        _ => false,
    }
}

/// What a ZIP's directory says of the part in which an office document names the types of its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Types {
    /// Where its head begins.
    at: u64,
    is_deflated: bool,
    /// Its bytes in the ZIP.
    length: usize,
}

impl Types {
    /// What it is called, in whatever case (ECMA-376-2, 7.3.7).
    const NAME: &[u8] = b"[Content_Types].xml";
    /// Its head, without the two names there, and how long these may be, in bytes.
    const HEAD: usize = 30;
    const NAMES: usize = 1024;
    /// How long it may be in the ZIP, and unpacked, in bytes.
    const LENGTH: usize = 64 * 1024;
    const TEXT: u64 = 1024 * 1024;

    /// By a ZIP's end. `None`: a ZIP that is no document or has macros, or a damaged one.
    pub(super) fn find(tail: &[u8]) -> Option<Self> {
        let mut found = None;
        for entry in directory(tail)? {
            let Entry { head, name } = entry?;
            if name.to_ascii_lowercase().ends_with(b"/vbaproject.bin") {
                return None;
            }
            if name.eq_ignore_ascii_case(Self::NAME) {
                let (at, length) = (long(head, 42)?, long(head, 20)?);
                let is_deflated = match number(head, 10)? {
                    0 => false,
                    8 => true,
                    _ => return None,
                };
                // Of two of them one reads the first and another the last.
                if length > Self::LENGTH || found.is_some() {
                    return None;
                }
                found = Some(Self { at: at as u64, is_deflated, length });
            }
        }
        found
    }

    /// Where it stands in the ZIP, with what may stand behind it.
    pub(super) fn range(&self) -> Range<u64> {
        self.at..self.at + (Self::HEAD + Self::NAMES + self.length) as u64
    }

    /// The document's type, by what stands there. `None`: it is none, or has macros.
    pub(super) fn document(&self, part: &[u8]) -> Option<&'static str> {
        let names = part.strip_prefix(b"PK\x03\x04").and(Some(number(part, 26)? + number(part, 28)?))?;
        let from = Self::HEAD + names;
        let data = part.get(from..from + self.length)?;
        let text = if self.is_deflated { inflated(data, Self::TEXT)? } else { data.to_vec() };
        by_types(&String::from_utf8(text).ok()?.to_ascii_lowercase())
    }
}

fn inflated(data: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    DeflateDecoder::new(data).take(most + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= most).then_some(text)
}

/// A document's type by those of its parts, in small letters.
fn by_types(types: &str) -> Option<&'static str> {
    let has = |kinds: &[&str]| kinds.iter().any(|kind| types.contains(kind));
    // However macros are named, they have this type, and so has the part that runs them. What is written as references can't be told.
    if has(&["macroenabled", "vbaproject", "&#", "<!doctype"]) {
        return None;
    }
    let is_word = has(&["wordprocessingml.document.main+xml", "wordprocessingml.template.main+xml"]);
    let is_slides = has(&[
        "presentationml.presentation.main+xml",
        "presentationml.slideshow.main+xml",
        "presentationml.template.main+xml",
    ]);
    match (is_word, is_slides, has(&["spreadsheetml.sheet.main+xml", "spreadsheetml.template.main+xml"])) {
        (true, false, false) => Some(DOCX),
        (false, true, false) => Some(PPTX),
        _ => None,
    }
}

/// The name under which a document is kept: not one by which programs take it for one with macros.
pub(super) fn document_name(name: String, content_type: &str) -> String {
    const WITH_MACROS: [&str; 9] = ["docm", "dotm", "pptm", "potm", "ppsm", "ppam", "xlsm", "xltm", "xlsb"];
    let end = match content_type {
        DOCX => "docx",
        PPTX => "pptx",
        _ => return name,
    };
    match name.rsplit_once('.') {
        Some((stem, with)) if WITH_MACROS.contains(&with.to_ascii_lowercase().as_str()) => format!("{stem}.{end}"),
        _ => name,
    }
}

/// An entry of a ZIP's directory.
struct Entry<'z> {
    head: &'z [u8],
    name: &'z [u8],
}

/// The entries of a ZIP's directory, `None` where one can't be read; none at all where there is no directory within `tail`.
fn directory(tail: &[u8]) -> Option<impl Iterator<Item = Option<Entry<'_>>>> {
    const END: usize = 22;
    let ends_at = |at: &usize| {
        let end = tail.get(*at..).unwrap_or_default();
        end.starts_with(b"PK\x05\x06") && number(end, 20).is_some_and(|comment| END + comment == end.len())
    };
    let at = (0..=tail.len().checked_sub(END)?).rev().find(ends_at)?;
    let end = tail.get(at..)?;
    let (entries, length) = (number(end, 10)?, long(end, 12)?);
    let mut rest = tail.get(at.checked_sub(length)?..at)?;
    let next = move || {
        let lengths = [28, 30, 32].map(|place| number(rest, place));
        let [Some(name), Some(extra), Some(comment)] = lengths else { return None };
        let entry = rest.strip_prefix(b"PK\x01\x02").and(rest.split_at_checked(46));
        let entry = entry.and_then(|(head, rest)| Some(Entry { head, name: rest.get(..name)? }));
        rest = rest.get(46 + name + extra + comment..)?;
        entry
    };
    Some(std::iter::repeat_with(next).take(entries))
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    Some(number(bytes, at)? | (number(bytes, at + 2)? << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: &str = "[Content_Types].xml";
    const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
    const SLIDES: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml";
    const SHEET: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";

    /// A ZIP with these entries, of which each may have a text.
    fn zip(entries: &[(&str, &str)], is_deflated: bool, comment: &str) -> Vec<u8> {
        let (mut zip, mut directory) = (Vec::new(), Vec::new());
        for (name, text) in entries {
            let mut data = text.as_bytes().to_vec();
            if is_deflated {
                let mut encoder = flate2::bufread::DeflateEncoder::new(text.as_bytes(), flate2::Compression::best());
                data.clear();
                encoder.read_to_end(&mut data).unwrap();
            }
            let mut facts = vec![20, 0, 0, 0, if is_deflated { 8 } else { 0 }, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            for length in [data.len(), text.len()] {
                facts.extend((length as u32).to_le_bytes());
            }
            facts.extend([name.len() as u8, 0, 3, 0]);
            let at = (zip.len() as u32).to_le_bytes();
            zip.extend([b"PK\x03\x04", &facts[..], name.as_bytes(), b"\0\0\0", &data].concat());
            let entry = [b"PK\x01\x02\x14\0", &facts[..], &[0; 10], &at, name.as_bytes(), b"\0\0\0"].concat();
            directory.extend(entry);
        }
        let mut end = [0; 22];
        end[..4].copy_from_slice(b"PK\x05\x06");
        end[10] = entries.len() as u8;
        end[12..16].copy_from_slice(&(directory.len() as u32).to_le_bytes());
        end[20] = comment.len() as u8;
        [&zip, &directory[..], &end, comment.as_bytes()].concat()
    }

    fn document(zip: &[u8]) -> Option<&'static str> {
        let types = Types::find(zip)?;
        let Range { start, end } = types.range();
        types.document(zip.get(start as usize..zip.len().min(end as usize))?)
    }

    // The controls: by the first three entries, as programs for this mostly do it, the first two are not found; by the folders of
    // the parts the last three are not.
    #[test]
    fn a_document_is_known_whatever_stands_first_in_it() {
        let types = |of: &str| format!("<Types><Override PartName=\"/x.xml\" ContentType=\"{of}\"/></Types>");
        let (word, slides) = (types(WORD), types(SLIDES));
        let rest =
            [("_rels/.rels", ""), ("docProps/app.xml", ""), ("docProps/core.xml", ""), ("docProps/thumb.jpeg", "")];
        for is_deflated in [false, true] {
            let is = |entries: &[(&str, &str)], comment: &str| document(&zip(entries, is_deflated, comment));
            let first = [&[(TYPES, word.as_str())][..], &rest, &[("word/document.xml", "x")]].concat();
            assert_eq!(is(&first, ""), Some(DOCX));
            let first = [&[(TYPES, slides.as_str())][..], &rest, &[("ppt/presentation.xml", "x")]].concat();
            assert_eq!(is(&first, "by an exporter"), Some(PPTX));
            assert_eq!(is(&[("word/document2.xml", "x"), (TYPES, &word)], ""), Some(DOCX));
            assert_eq!(is(&[("[content_types].xml", &word), ("word/document.xml", "x")], ""), Some(DOCX));
            assert_eq!(is(&[(TYPES, &word), ("word/document.xml", "x"), ("ppt/x", "x")], ""), Some(DOCX));
        }
    }

    // The controls: by the names of the parts the third to the sixth are documents.
    #[test]
    fn another_zip_or_one_with_macros_is_no_document() {
        let macros = "application/vnd.ms-word.document.macroEnabled.main+xml";
        let project = format!("{WORD} application/vnd.ms-office.vbaProject");
        let both = format!("{WORD} {SLIDES}");
        for entries in [
            &[("word/document.xml", WORD)][..],
            &[(TYPES, SHEET), ("xl/workbook.xml", "x")],
            &[(TYPES, SHEET), ("xl/workbook.xml", "x"), ("word/x", "x")],
            &[(TYPES, macros), ("word/document.xml", "x"), ("word/vba.bin", "x")],
            &[(TYPES, &project), ("word/document.xml", "x"), ("word/vba.bin", "x")],
            &[(TYPES, WORD), ("word/document.xml", "x"), ("word/VBAPROJECT.BIN", "x")],
            &[(TYPES, WORD), ("word/document.xml", "x"), ("word/vbaProject.bin", "x")],
            &[(TYPES, &both), ("word/document.xml", "x")],
            &[(TYPES, WORD), ("[content_types].xml", macros)],
            &[(TYPES, &format!("{WORD} &#109;acroEnabled"))],
            &[(TYPES, &WORD.repeat(13_000))],
            &[],
        ] {
            assert_eq!(document(&zip(entries, false, "")), None, "{:?}", entries.iter().map(|(name, _)| name));
        }
        let bomb = zip(&[(TYPES, &format!("{WORD}{}", " ".repeat(1_100_000)))], true, "");
        assert!(bomb.len() < 10_000 && document(&bomb).is_none());
        for is_deflated in [false, true] {
            let good = zip(&[(TYPES, WORD), ("word/document.xml", "")], is_deflated, "");
            for cut in 0..good.len() {
                assert_eq!(document(&good[..cut]), None, "{cut} bytes");
            }
            // A length may say anything.
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] = 0xff;
                document(&bad);
            }
        }
    }

    #[test]
    fn a_document_is_not_called_as_one_with_macros_is() {
        for (name, content_type, kept) in [
            ("laporan.docm", DOCX, "laporan.docx"),
            ("a.b.PPSM", PPTX, "a.b.pptx"),
            ("laporan.docx", DOCX, "laporan.docx"),
            ("docm", DOCX, "docm"),
            ("a.docm", "application/pdf", "a.docm"),
        ] {
            assert_eq!(document_name(name.to_owned(), content_type), kept);
        }
    }

    #[test]
    fn what_is_taken_is_known_by_its_bytes() {
        for (head, kind) in [
            (&b"\x89PNG\r\n\x1a\n"[..], "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"RIFF\x04\0\0\0WEBPVP8 ", "image/webp"),
            (b"%PDF-1.7", "application/pdf"),
            (b"\xef\xbb\xbf\n%PDF-1.4", "application/pdf"),
            (b"ID3\x04", "audio/mpeg"),
            (b"\xff\xfb\x90\x64", "audio/mpeg"),
            (b"\xff\xfa\x90\x64", "audio/mpeg"),
            (b"\xff\xe3\x18\xc4", "audio/mpeg"),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01", "audio/ogg"),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis", "audio/ogg"),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", "audio/m4a"),
            (b"\0\0\0\x20ftypisom\0\0\0\0", "video/mp4"),
            (b"\0\0\0\x20ftypiso8\0\0\0\0", "video/mp4"),
            (b"\0\0\0\x20ftypM4V \0\0\0\0", "video/mp4"),
            // As voice recorders write it; and two films.
            (b"\0\0\0\x1cftypmp42\0\0\0\0M4A mp42isom", "audio/m4a"),
            (b"\0\0\0\x20ftypmp42\0\0\0\0M4A M4V mp42isom", "video/mp4"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isomM4A ", "video/mp4"),
        ] {
            assert_eq!(Kind::of(head), Some(Kind::Known(kind)), "{head:?}");
            assert!(TAKEN.contains(&kind), "{kind}");
        }
        for head in [
            &b""[..],
            b"\x89PNG",
            b"GIF90a",
            b"RIFF\x04\0\0\0WAVEfmt ",
            b"\0\0\0\x20ftypheic\0\0\0\0",
            b"\0\0\0\x20ftypqt  \0\0\0\0",
            b"\xff\xfe<\0h\0",
            b"\xff\xf1\x50\x80",
            b"<html>",
            b"PK\x05\x06",
        ] {
            assert_eq!(Kind::of(head), None, "{head:?}");
        }
        assert_eq!(Kind::of(b"PK\x03\x04\x14\0"), Some(Kind::Zip));
    }
}
