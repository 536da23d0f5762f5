//! What a file is, by its bytes: neither its name nor the type that it is sent with is asked.

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
    /// A ZIP: what it holds stands at its end, in whatever order it was put in. See [`document`].
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
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => media(brand.first_chunk()?)?,
            _ if head.windows(5).take(PDF_WITHIN).any(|five| five == b"%PDF-") => "application/pdf",
            _ if is_mp3(head) => "audio/mpeg",
            _ => return None,
        };
        Some(Self::Known(known))
    }
}

/// An MP4 by the brand that it says it is of first: pictures and QuickTime have the same form.
fn media(brand: &[u8; 4]) -> Option<&'static str> {
    match brand {
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

/// The type of an office document by its ZIP's end. `None`: another ZIP, a document with macros, or a damaged one.
pub(super) fn document(tail: &[u8]) -> Option<&'static str> {
    let (mut has_types, mut is_word, mut is_slides) = (false, false, false);
    for name in directory(tail)? {
        let name = name?;
        has_types |= name == b"[Content_Types].xml";
        is_word |= name.starts_with(b"word/");
        is_slides |= name.starts_with(b"ppt/");
        if name.ends_with(b"/vbaProject.bin") {
            return None;
        }
    }
    match (has_types, is_word, is_slides) {
        (true, true, false) => Some(DOCX),
        (true, false, true) => Some(PPTX),
        _ => None,
    }
}

/// The names in a ZIP's directory, `None` where one can't be read; none at all where there is no directory within `tail`.
fn directory(tail: &[u8]) -> Option<impl Iterator<Item = Option<&[u8]>>> {
    const END: usize = 22;
    let ends_at = |at: &usize| {
        let end = tail.get(*at..).unwrap_or_default();
        end.starts_with(b"PK\x05\x06") && number(end, 20).is_some_and(|comment| END + comment == end.len())
    };
    let at = (0..=tail.len().checked_sub(END)?).rev().find(ends_at)?;
    let end = tail.get(at..)?;
    let (entries, low, high) = (number(end, 10)?, number(end, 12)?, number(end, 14)?);
    let mut rest = tail.get(at.checked_sub(low | (high << 16))?..at)?;
    let next = move || {
        let lengths = [28, 30, 32].map(|place| number(rest, place));
        let [Some(name), Some(extra), Some(comment)] = lengths else { return None };
        let entry = rest.strip_prefix(b"PK\x01\x02").and(rest.get(46..46 + name));
        rest = rest.get(46 + name + extra + comment..)?;
        entry
    };
    Some(std::iter::repeat_with(next).take(entries))
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a ZIP with these entries, behind whatever they hold.
    fn zip(names: &[&str], comment: &str) -> Vec<u8> {
        let mut directory = Vec::new();
        for name in names {
            let mut entry = [0; 46];
            entry[..4].copy_from_slice(b"PK\x01\x02");
            entry[28] = name.len() as u8;
            entry[30] = 3;
            directory.extend([&entry[..], name.as_bytes(), b"\0\0\0"].concat());
        }
        let mut end = [0; 22];
        end[..4].copy_from_slice(b"PK\x05\x06");
        end[10] = names.len() as u8;
        end[12..16].copy_from_slice(&(directory.len() as u32).to_le_bytes());
        end[20] = comment.len() as u8;
        [b"PK\x03\x04...", &directory[..], &end, comment.as_bytes()].concat()
    }

    // The control: by the first three entries, as programs for this mostly do it, the first two are not found.
    #[test]
    fn a_document_is_known_whatever_stands_first_in_it() {
        let first =
            ["[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "docProps/core.xml", "docProps/thumb.jpeg"];
        let with = |name| [&first[..], &[name]].concat();
        assert_eq!(document(&zip(&with("word/document.xml"), "")), Some(DOCX));
        assert_eq!(document(&zip(&with("ppt/presentation.xml"), "by an exporter")), Some(PPTX));
        assert_eq!(document(&zip(&["word/document.xml", "[Content_Types].xml"], "")), Some(DOCX));
    }

    #[test]
    fn another_zip_is_no_document() {
        for names in [
            &["word/document.xml"][..],
            &["[Content_Types].xml", "xl/workbook.xml"],
            &["[Content_Types].xml", "password/document.xml"],
            &["[Content_Types].xml", "word/document.xml", "ppt/presentation.xml"],
            &["[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"],
            &[],
        ] {
            assert_eq!(document(&zip(names, "")), None, "{names:?}");
        }
        let good = zip(&["[Content_Types].xml", "word/document.xml"], "");
        for cut in 0..good.len() {
            assert_eq!(document(&good[..cut]), None, "{cut} bytes");
        }
        // Of more than is looked at the beginning is missing, and a length may say anything.
        assert_eq!(document(&good[20..]), None);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] = 0xff;
            document(&bad);
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
