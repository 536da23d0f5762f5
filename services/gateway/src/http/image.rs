//! What is done to an image before it is kept: nothing hidden in it stays, and a smaller one is made of it.

use std::collections::HashSet;
use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageEncoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits};
use img_parts::jpeg::markers;
use img_parts::png::{Png, PngChunk};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;

/// How wide and high a thumbnail is at the most, in pixels.
const THUMBNAIL: u32 = 320;
/// How often a JPEG may go over its pixels, coarse to fine: each time costs as much as the whole picture.
const SCANS: usize = 50;

/// The parts of a PNG that say what its colours are.
const COLOURS: [&[u8; 4]; 6] = [b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV"];
/// Those of a WebP, and of one picture of its animation.
const WEBP: [&[u8; 4]; 7] = [b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
const WEBP_FRAME: [&[u8; 4]; 3] = [b"VP8 ", b"VP8L", b"ALPH"];

/// How much may be in an image.
pub(super) struct Bounds {
    /// Of the picture, or of all pictures of an animation together.
    pub(super) pixels: u64,
    /// What a picture takes in memory, in bytes.
    pub(super) decoded_bytes: u64,
    /// The pictures of an animation.
    pub(super) frames: u32,
}

/// An image as it is kept.
pub(super) struct Prepared {
    pub(super) bytes: Bytes,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) thumbnail: Bytes,
}

fn invalid() -> ErrorBody {
    ErrorBody::new(code::FILE_IMAGE, "The image is damaged, or of a kind that can't be shown").on_field("file")
}

fn too_much(text: String) -> ErrorBody {
    ErrorBody::new(code::FILE_IMAGE, text).on_field("file")
}

/// Takes out where and with what it was made, and whatever else does not belong to the picture.
pub(super) fn prepare(bytes: Bytes, format: ImageFormat, bounds: &Bounds) -> Result<Prepared, ErrorBody> {
    if format == ImageFormat::Jpeg && bytes.windows(2).filter(|two| *two == [markers::P, markers::SOS]).count() > SCANS
    {
        return Err(too_much(format!("The image must have no more than {SCANS} scans")));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes.clone()), format);
    let mut limits = Limits::default();
    // Beside the picture itself some decoders keep what was there before.
    limits.max_alloc = Some(bounds.decoded_bytes.saturating_mul(2));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| invalid())?;
    let (width, height) = decoder.dimensions();
    // Before any pixel of it is read: a few bytes may stand for very many.
    let pixels = u64::from(width) * u64::from(height);
    if pixels > bounds.pixels && !mutant!("file-picture-of-any-size") {
        return Err(too_much(format!("The image must have no more than {} pixels", bounds.pixels)));
    }
    if decoder.total_bytes() > bounds.decoded_bytes {
        let text = format!("The image must take no more than {} bytes without compression", bounds.decoded_bytes);
        return Err(too_much(text));
    }
    let animation = match format {
        ImageFormat::Gif => Some(Animation::read(&bytes).ok_or_else(invalid)?),
        _ => None,
    };
    if let Some(animation) = &animation
        && (animation.frames > u64::from(bounds.frames) || animation.frames * pixels > bounds.pixels)
    {
        let Bounds { frames, pixels, .. } = bounds;
        let text = format!("An animation must have no more than {frames} pictures and {pixels} pixels in all");
        return Err(too_much(text));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| invalid())?;
    picture.apply_orientation(orientation);
    let bytes = match animation {
        Some(animation) => animation.kept.into(),
        None => {
            let kept = strip(bytes, format)?;
            // How it is to be turned is told by what is taken out: then it is turned.
            if orientation == Orientation::NoTransforms {
                kept
            } else {
                turned(kept, &picture, format, orientation, profile)?
            }
        }
    };
    let has_alpha = picture.color().has_alpha();
    let small = if picture.width() > THUMBNAIL || picture.height() > THUMBNAIL {
        picture.thumbnail(THUMBNAIL, THUMBNAIL)
    } else {
        picture.clone()
    };
    let thumbnail = if has_alpha {
        encode(&small, ImageFormat::Png)?
    } else {
        encode(&DynamicImage::ImageRgb8(small.to_rgb8()), ImageFormat::Jpeg)?
    };
    Ok(Prepared { bytes, width: picture.width(), height: picture.height(), thumbnail })
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Result<Bytes, ErrorBody> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).map_err(|_| invalid())?;
    Ok(out.into_inner().into())
}

/// A picture that is to be turned, from what is kept of it: turned, with its colours. What can't be written anew as it was, an
/// animation or a lossy WebP, stays and says how it is to be turned, and nothing else.
fn turned(
    kept: Bytes,
    picture: &DynamicImage,
    format: ImageFormat,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
) -> Result<Bytes, ErrorBody> {
    // A profile of other colours than it has: a CMYK picture's, which is RGB now.
    let space: &[u8] = if picture.color().has_color() { b"RGB " } else { b"GRAY" };
    let profile = profile.filter(|profile| profile.get(16..20) == Some(space));
    let mut out = Cursor::new(Vec::new());
    let written = match format {
        ImageFormat::Png => {
            let mut old = Png::from_bytes(kept).map_err(|_| invalid())?;
            if old.chunk_by_type(*b"acTL").is_some() {
                old.chunks_mut().insert(1, PngChunk::new(*b"eXIf", exif(orientation).into()));
                return Ok(old.encoder().bytes());
            }
            let mut new = Png::from_bytes(encode(picture, format)?).map_err(|_| invalid())?;
            new.chunks_mut().retain(|one| !COLOURS.contains(&&one.kind()));
            let colours = old.chunks().iter().filter(|one| COLOURS.contains(&&one.kind())).cloned();
            drop(new.chunks_mut().splice(1..1, colours));
            return Ok(new.encoder().bytes());
        }
        ImageFormat::WebP => match webp_that_says(&kept, orientation) {
            Some(kept) => return Ok(kept),
            None => with_profile(picture, WebPEncoder::new_lossless(&mut out), profile),
        },
        _ => with_profile(picture, JpegEncoder::new(&mut out), profile),
    };
    written.map_err(|_| invalid())?;
    Ok(out.into_inner().into())
}

fn with_profile(picture: &DynamicImage, mut encoder: impl ImageEncoder, profile: Option<Vec<u8>>) -> ImageResult<()> {
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile).map_err(ImageError::Unsupported)?;
    }
    picture.write_with_encoder(encoder)
}

/// An EXIF that says how a picture is to be turned: a TIFF's head and its one entry.
fn exif(orientation: Orientation) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation.to_exif(), 0, 0, 0, 0, 0, 0, 0]);
    exif
}

/// The same picture, to the pixel, without what is not the picture; what stood behind its end is gone.
fn strip(bytes: Bytes, format: ImageFormat) -> Result<Bytes, ErrorBody> {
    match format {
        ImageFormat::Jpeg => jpeg(&bytes).ok_or_else(invalid),
        ImageFormat::Png => {
            let mut png = Png::from_bytes(bytes).map_err(|_| invalid())?;
            let colour = png.chunks().first().and_then(|head| head.contents().get(9).copied()).ok_or_else(invalid)?;
            let mut seen = HashSet::new();
            png.chunks_mut().retain(|one| {
                is_of_picture(&one.kind(), one.contents().len(), colour)
                    && (matches!(&one.kind(), b"IDAT" | b"fcTL" | b"fdAT") || seen.insert(one.kind()))
            });
            for one in png.chunks_mut().iter_mut().filter(|one| one.kind() == *b"iCCP") {
                // What it is called is nobody's to read.
                let profile =
                    one.contents().iter().position(|byte| *byte == 0).and_then(|end| one.contents().get(end..));
                *one = PngChunk::new(*b"iCCP", [b"ICC", profile.unwrap_or_default()].concat().into());
            }
            Ok(png.encoder().bytes())
        }
        ImageFormat::WebP => webp(&bytes).ok_or_else(invalid),
        _ => Err(invalid()),
    }
}

/// Whether a part of a PNG is of its picture or its animation, by its kind and its length: whatever else came with it would be
/// hidden there. All other kinds say something about the picture.
fn is_of_picture(kind: &[u8; 4], length: usize, colour: u8) -> bool {
    const GREY: u8 = 0;
    const RGB: u8 = 2;
    const INDEXED: u8 = 3;
    const GREY_ALPHA: u8 = 4;
    match (kind, colour) {
        (b"IDAT" | b"iCCP" | b"fdAT", _) => true,
        (b"IHDR", _) => length == 13,
        (b"IEND", _) => length == 0,
        // Of pictures without it they are proposals.
        (b"PLTE", INDEXED) => length <= 768 && length.is_multiple_of(3),
        (b"tRNS", INDEXED) => length <= 256,
        (b"tRNS" | b"bKGD", GREY) | (b"bKGD", GREY_ALPHA) => length == 2,
        (b"bKGD", INDEXED) => length == 1,
        (b"tRNS", RGB) | (b"bKGD", _) => length == 6,
        (b"sBIT", GREY) => length == 1,
        (b"sBIT", RGB | INDEXED) => length == 3,
        (b"sBIT", GREY_ALPHA) => length == 2,
        (b"sBIT" | b"gAMA" | b"cICP", _) => length == 4,
        (b"sRGB", _) => length == 1,
        (b"pHYs", _) => length == 9,
        (b"cHRM", _) => length == 32,
        (b"mDCV", _) => length == 24,
        (b"acTL", _) => length == 8,
        (b"fcTL", _) => length == 26,
        _ => false,
    }
}

/// A JPEG up to its end, without the parts that say something about the picture instead of being of it. They may stand
/// between its scans too, where the library that reads JPEGs does not look. `None`: it has no end.
fn jpeg(bytes: &[u8]) -> Option<Bytes> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut at = 0;
    loop {
        let data = bytes.get(at..)?.iter().position(|byte| *byte == markers::P)?;
        kept.extend_from_slice(bytes.get(at..at + data)?);
        at += data;
        let marker = *bytes.get(at + 1)?;
        let (length, stays) = match marker {
            markers::EOI => {
                kept.extend_from_slice(&[markers::P, markers::EOI]);
                return Some(kept.into());
            }
            // A byte that fills.
            markers::P => (1, false),
            // Without a length: the beginning, a byte of the picture that looks like a marker, or a mark to go on from.
            markers::SOI | 0 | 1 | markers::RST0..=markers::RST7 => (2, true),
            _ => {
                let length = u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?);
                let length = 2 + usize::from(length);
                (length, belongs(marker, bytes.get(at + 4..at + length)?))
            }
        };
        let part = bytes.get(at..at + length)?;
        if stays {
            kept.extend_from_slice(part);
        }
        at += length;
    }
}

/// Whether a part of a JPEG is of the picture: its frames, tables and scans, that it is a JPEG, its colours (APP2) and how
/// they are meant (APP14). Other parts have the same markers as the last three, a picture from before it was cut among them; and
/// what a frame or a scan is longer than it says is none of it.
fn belongs(marker: u8, data: &[u8]) -> bool {
    let parts = |at: usize| data.get(at).map_or(usize::MAX, |count| usize::from(*count));
    match marker {
        markers::DHT | markers::DAC | markers::DQT => true,
        // Nothing shows what these have: extensions, and pictures at several sizes.
        markers::JPG | markers::DHP | markers::EXP => false,
        markers::DNL | markers::DRI => data.len() == 2,
        markers::SOS => parts(0).saturating_mul(2).saturating_add(4) == data.len(),
        markers::SOF0..=markers::SOF15 => parts(5).saturating_mul(3).saturating_add(6) == data.len(),
        // Without a smaller picture.
        markers::APP0 => data.starts_with(b"JFIF\0") && data.len() == 14,
        markers::APP2 => data.starts_with(b"ICC_PROFILE\0"),
        markers::APP14 => data.starts_with(b"Adobe") && data.len() == 12,
        _ => mutant!("file-picture-keeps-its-notes"),
    }
}

/// A WebP up to its end, of the parts that make its picture. `None`: it is damaged.
fn webp(bytes: &[u8]) -> Option<Bytes> {
    let end = long(bytes, 4)?.checked_add(8)?;
    let kept = riff(bytes.get(12..end)?, &WEBP)?;
    let length = u32::try_from(kept.len() + 4).ok()?.to_le_bytes();
    Some([b"RIFF", &length[..], b"WEBP", &kept].concat().into())
}

/// A WebP that was cleaned, with how it is to be turned; `None` if it is a still picture without loss, which can be turned.
fn webp_that_says(kept: &[u8], orientation: Orientation) -> Option<Bytes> {
    /// That there is an EXIF.
    const SAYS: u8 = 0b1000;
    let (mut at, mut is_kept) = (12, false);
    while let Some(kind) = kept.get(at..at + 4) {
        is_kept |= matches!(kind, b"ANIM" | b"VP8 ");
        let length = long(kept, at + 4)?;
        at += 8 + length + (length & 1);
    }
    if !is_kept || kept.get(12..16) != Some(b"VP8X") {
        return None;
    }
    let exif = exif(orientation);
    let length = u32::try_from(exif.len()).ok()?.to_le_bytes();
    let mut whole = [kept, b"EXIF", &length, &exif].concat();
    *whole.get_mut(20)? |= SAYS;
    let length = u32::try_from(whole.len() - 8).ok()?.to_le_bytes();
    whole.get_mut(4..8)?.copy_from_slice(&length);
    Some(whole.into())
}

/// Of a row of RIFF's chunks those of some kinds.
fn riff(mut rest: &[u8], kinds: &[&[u8; 4]]) -> Option<Vec<u8>> {
    /// In front of a picture of an animation: its place, its size, how long it shows.
    const FRAME: usize = 16;
    /// Says that there is an EXIF, and an XMP.
    const NOTES: u8 = 0b1100;
    let mut kept = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (kind, length) = (rest.first_chunk::<4>()?, long(rest, 4)?);
        let mut data = rest.get(8..length.checked_add(8)?)?.to_vec();
        // Behind an odd length stands a byte more.
        rest = rest.get(8 + length + (length & 1)..).unwrap_or_default();
        match kind {
            b"VP8X" => *data.first_mut()? &= !NOTES,
            b"ANMF" => {
                let picture = riff(data.get(FRAME..)?, &WEBP_FRAME)?;
                data.truncate(FRAME);
                data.extend(picture);
            }
            _ => {}
        }
        if kinds.contains(&kind) {
            kept.extend_from_slice(kind);
            kept.extend_from_slice(&u32::try_from(data.len()).ok()?.to_le_bytes());
            kept.extend_from_slice(&data);
            kept.extend(std::iter::repeat_n(0, data.len() & 1));
        }
    }
    Some(kept)
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
}

/// A GIF without what is not of its pictures, and how many these are; none of them is decoded.
struct Animation {
    kept: Vec<u8>,
    frames: u64,
}

impl Animation {
    /// Behind the signature, the size of the screen and what is said of its colours.
    const HEADER: usize = 13;
    /// How long each picture shows, and what becomes of it then: an extension with this label.
    const CONTROL: u8 = 0xf9;
    /// How often it begins again: the beginning of an extension with this label; the number and an end follow.
    const APPLICATION: u8 = 0xff;
    const AGAIN: &[u8] = b"\x0bNETSCAPE2.0\x03\x01";

    /// `None`: it breaks off within a block, or has no picture or one that is not on its screen, or is no GIF.
    fn read(bytes: &[u8]) -> Option<Self> {
        let screen = (number(bytes, 6)?, number(bytes, 8)?);
        let mut at = Self::HEADER + table(*bytes.get(10)?);
        let mut kept = bytes.get(..at)?.to_vec();
        let (mut frames, mut begins_again) = (0, false);
        loop {
            let begin = at;
            // One that lacks its last byte is shown as well.
            let block = match bytes.get(at) {
                None if frames > 0 => &0x3b,
                block => block?,
            };
            let stays = match *block {
                // One block of a length that is known; whatever else came with it would be hidden there.
                0x21 => {
                    let label = *bytes.get(at + 1)?;
                    at += 2;
                    let rest = bytes.get(at..)?;
                    match label {
                        Self::CONTROL => rest.first() == Some(&4) && rest.get(5) == Some(&0),
                        Self::APPLICATION if rest.starts_with(Self::AGAIN) && rest.get(16) == Some(&0) => {
                            !std::mem::replace(&mut begins_again, true)
                        }
                        _ => false,
                    }
                }
                0x2c => {
                    frames += 1;
                    let right = number(bytes, at + 1)? + number(bytes, at + 5)?;
                    let bottom = number(bytes, at + 3)? + number(bytes, at + 7)?;
                    if right > screen.0 || bottom > screen.1 {
                        return None;
                    }
                    // Its place and size, its flags, its colours, and the width of its codes.
                    at += 11 + table(*bytes.get(at + 9)?);
                    true
                }
                0x3b => {
                    kept.push(0x3b);
                    return Some(Self { kept, frames });
                }
                _ => return None,
            };
            // Blocks with their length before them; the last one has none.
            while *bytes.get(at)? != 0 {
                at += 1 + usize::from(*bytes.get(at)?);
            }
            at += 1;
            if stays {
                kept.extend_from_slice(bytes.get(begin..at)?);
            }
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

/// How long a table of colours is, if the flags say that there is one.
const fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

#[cfg(test)]
mod tests {
    use image::codecs::gif::{GifDecoder, GifEncoder};
    use image::{AnimationDecoder as _, Rgb};
    use img_parts::ImageEXIF as _;
    use img_parts::jpeg::{Jpeg, JpegSegment};

    use super::*;

    const BOUNDS: Bounds = Bounds { pixels: 1_000_000, decoded_bytes: 128 * 1024 * 1024, frames: 500 };
    const HIDDEN: &[u8] = b"GPS -6.2000 106.8166";

    fn picture(width: u32, height: u32) -> DynamicImage {
        let pixel = |x, y| Rgb([(x * 40) as u8, (y * 40) as u8, 7]);
        DynamicImage::ImageRgb8(image::RgbImage::from_fn(width, height, pixel))
    }

    fn holds(bytes: &[u8], what: &[u8]) -> bool {
        bytes.windows(what.len()).any(|window| window == what)
    }

    /// A TIFF header with one entry, the orientation; behind it what nobody is to know.
    fn exif(orientation: u8) -> Bytes {
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        exif.extend(HIDDEN);
        exif.into()
    }

    #[test]
    fn what_is_hidden_in_a_jpeg_and_behind_it_does_not_stay() {
        let mut jpeg = Jpeg::from_bytes(encode(&picture(16, 8), ImageFormat::Jpeg).unwrap()).unwrap();
        jpeg.set_exif(Some(exif(1)));
        jpeg.segments_mut().insert(0, JpegSegment::new_with_contents(markers::COM, Bytes::from_static(HIDDEN)));
        let mut bytes = jpeg.encoder().bytes().to_vec();
        bytes.extend(b"<html><script>alert(1)</script>");
        let prepared = prepare(bytes.into(), ImageFormat::Jpeg, &BOUNDS).unwrap();
        assert_eq!((prepared.width, prepared.height), (16, 8));
        assert!(
            !holds(&prepared.bytes, HIDDEN)
                && !holds(&prepared.bytes, b"script")
                && !holds(&prepared.thumbnail, HIDDEN)
        );
        image::load_from_memory(&prepared.bytes).unwrap();
    }

    #[test]
    fn a_picture_that_was_to_be_turned_is_turned() {
        let mut jpeg = Jpeg::from_bytes(encode(&picture(16, 8), ImageFormat::Jpeg).unwrap()).unwrap();
        jpeg.set_exif(Some(exif(6)));
        let prepared = prepare(jpeg.encoder().bytes(), ImageFormat::Jpeg, &BOUNDS).unwrap();
        assert_eq!((prepared.width, prepared.height), (8, 16));
        assert!(!holds(&prepared.bytes, HIDDEN));
    }

    // The controls: by their kinds alone all of these stay.
    #[test]
    fn a_part_of_a_png_is_as_long_as_it_has_to_be() {
        let plain = encode(&picture(16, 8), ImageFormat::Png).unwrap();
        let mut png = Png::from_bytes(plain.clone()).unwrap();
        let part = |kind: &[u8; 4], data: &[u8]| PngChunk::new(*kind, Bytes::copy_from_slice(data));
        for kind in [b"sBIT", b"hIST", b"bKGD", b"gAMA", b"pHYs", b"cICP", b"tRNS", b"PLTE", b"acTL"] {
            png.chunks_mut().insert(1, part(kind, &[&[8, 8, 8], HIDDEN].concat()));
        }
        let hidden = [HIDDEN, b"\0\0zlib"].concat();
        for good in [part(b"sBIT", &[8; 3]), part(b"gAMA", &[0, 0, 0xb1, 0x8f]), part(b"iCCP", &hidden)] {
            png.chunks_mut().insert(1, good);
        }
        // One that comes again is another way to hide something.
        png.chunks_mut().insert(3, part(b"gAMA", b"GPS "));
        let kept = Png::from_bytes(strip(png.encoder().bytes(), ImageFormat::Png).unwrap()).unwrap();
        let kinds: Vec<_> = kept.chunks().iter().map(|one| one.kind()).collect();
        assert_eq!(kinds, [*b"IHDR", *b"iCCP", *b"gAMA", *b"sBIT", *b"IDAT", *b"IEND"]);
        assert_eq!(&kept.chunks()[1].contents()[..], b"ICC\0\0zlib");
        assert!(!holds(&kept.encoder().bytes(), b"GPS"));
    }

    /// A profile that says which colours it is about, and nothing else.
    fn profile(space: &[u8; 4]) -> Vec<u8> {
        [&[0; 16], &space[..], &[0; 108]].concat()
    }

    // The controls: the profile was lost, a WebP with loss grew, and of an animation one picture was left.
    #[test]
    fn a_picture_that_is_turned_keeps_its_colours_and_its_animation() {
        let written = |format, space: &[u8; 4]| {
            let mut out = Cursor::new(Vec::new());
            let picture = picture(16, 8);
            match format {
                ImageFormat::Jpeg => with_profile(&picture, JpegEncoder::new(&mut out), Some(profile(space))),
                ImageFormat::WebP => with_profile(&picture, WebPEncoder::new_lossless(&mut out), Some(profile(space))),
                _ => with_profile(&picture, image::codecs::png::PngEncoder::new(&mut out), Some(profile(space))),
            }
            .unwrap();
            Bytes::from(out.into_inner())
        };
        let to_be_turned = |bytes: Bytes, format| match format {
            ImageFormat::Jpeg => {
                let mut jpeg = Jpeg::from_bytes(bytes).unwrap();
                jpeg.set_exif(Some(exif(6)));
                jpeg.encoder().bytes()
            }
            ImageFormat::WebP => {
                let mut webp = img_parts::webp::WebP::from_bytes(bytes).unwrap();
                webp.set_exif(Some(exif(6)));
                webp.encoder().bytes()
            }
            _ => {
                let mut png = Png::from_bytes(bytes).unwrap();
                png.chunks_mut().insert(1, PngChunk::new(*b"eXIf", exif(6)));
                png.encoder().bytes()
            }
        };
        let decoder =
            |bytes: Bytes, format| ImageReader::with_format(Cursor::new(bytes), format).into_decoder().unwrap();
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let bytes = to_be_turned(written(format, b"RGB "), format);
            let prepared = prepare(bytes, format, &BOUNDS).unwrap();
            let mut kept = decoder(prepared.bytes.clone(), format);
            assert_eq!(kept.dimensions(), (8, 16), "{format:?}");
            assert_eq!(kept.icc_profile().unwrap(), Some(profile(b"RGB ")), "{format:?}");
            assert!(!holds(&prepared.bytes, HIDDEN));
            // One that is about other colours than are there now.
            let bytes = to_be_turned(written(format, b"CMYK"), format);
            let kept = prepare(bytes, format, &BOUNDS).unwrap().bytes;
            assert!(format == ImageFormat::Png || decoder(kept, format).icc_profile().unwrap().is_none(), "{format:?}");
        }

        let mut moving = Png::from_bytes(to_be_turned(written(ImageFormat::Png, b"RGB "), ImageFormat::Png)).unwrap();
        moving.chunks_mut().insert(1, PngChunk::new(*b"acTL", Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 0])));
        let prepared = prepare(moving.encoder().bytes(), ImageFormat::Png, &BOUNDS).unwrap();
        assert_eq!((prepared.width, prepared.height), (8, 16));
        let mut kept = decoder(prepared.bytes.clone(), ImageFormat::Png);
        assert_eq!((kept.dimensions(), kept.orientation().unwrap()), ((16, 8), Orientation::Rotate90));
        assert!(holds(&prepared.bytes, b"acTL") && !holds(&prepared.bytes, HIDDEN));

        let chunk = |kind: &[u8; 4], data: &[u8]| [&kind[..], &(data.len() as u32).to_le_bytes(), data].concat();
        let plain = encode(&picture(16, 8), ImageFormat::WebP).unwrap();
        let place = [0, 0, 0, 0, 0, 0, 15, 0, 0, 7, 0, 0, 100, 0, 0, 0];
        let frame = chunk(b"ANMF", &[&place[..], &plain[12..]].concat());
        let head = chunk(b"VP8X", &[0x0a, 0, 0, 0, 15, 0, 0, 7, 0, 0]);
        let exif = chunk(b"EXIF", &[&exif(6)[..], &[0; 2]].concat());
        let body = [b"WEBP".to_vec(), head, chunk(b"ANIM", &[0; 6]), frame.clone(), frame, exif].concat();
        let prepared = prepare(chunk(b"RIFF", &body).into(), ImageFormat::WebP, &BOUNDS).unwrap();
        assert_eq!((prepared.width, prepared.height), (8, 16));
        let mut kept = image::codecs::webp::WebPDecoder::new(Cursor::new(prepared.bytes.clone())).unwrap();
        assert_eq!(kept.orientation().unwrap(), Orientation::Rotate90);
        assert_eq!(kept.into_frames().collect_frames().unwrap().len(), 2);
        assert!(!holds(&prepared.bytes, HIDDEN));
    }

    #[test]
    fn what_is_hidden_in_a_png_and_behind_it_does_not_stay() {
        let mut png = Png::from_bytes(encode(&picture(700, 350), ImageFormat::Png).unwrap()).unwrap();
        // The control: with a list of what goes, the private ones stay: `caBX` says who made it, and where.
        for kind in [*b"tEXt", *b"iTXt", *b"zTXt", *b"eXIf", *b"caBX", *b"prVt", *b"sPLT"] {
            png.chunks_mut().insert(1, PngChunk::new(kind, Bytes::from_static(HIDDEN)));
        }
        let mut bytes = png.encoder().bytes().to_vec();
        bytes.extend(b"PK\x03\x04<script>");
        let prepared = prepare(bytes.into(), ImageFormat::Png, &BOUNDS).unwrap();
        assert!(!holds(&prepared.bytes, HIDDEN) && !holds(&prepared.bytes, b"<script>"));
        let small = image::load_from_memory(&prepared.thumbnail).unwrap();
        assert_eq!((small.width(), small.height()), (320, 160));
    }

    // The control: a list of what goes leaves the private chunk, the one in the animation's picture, and both marks of notes.
    #[test]
    fn what_is_hidden_in_a_webp_and_behind_it_does_not_stay() {
        let chunk = |kind: &[u8; 4], data: &[u8]| {
            let length = (data.len() as u32).to_le_bytes();
            [&kind[..], &length, data, &vec![0; data.len() % 2]].concat()
        };
        let whole = |body: &[u8]| [chunk(b"RIFF", &[b"WEBP", body].concat()), b"<script>".to_vec()].concat();
        let plain = encode(&picture(16, 8), ImageFormat::WebP).unwrap();
        // 16 by 8 pixels; with an EXIF, an XMP and an animation.
        let head = |flags| chunk(b"VP8X", &[flags, 0, 0, 0, 15, 0, 0, 7, 0, 0]);
        let notes = [chunk(b"EXIF", HIDDEN), chunk(b"XMP ", HIDDEN), chunk(b"caBX", HIDDEN)].concat();
        let bytes = whole(&[&head(0x0c)[..], &plain[12..], &notes].concat());
        let prepared = prepare(bytes.into(), ImageFormat::WebP, &BOUNDS).unwrap();
        assert!(!holds(&prepared.bytes, HIDDEN) && !holds(&prepared.bytes, b"<script>"));
        assert_eq!(prepared.bytes[12..], [&head(0)[..], &plain[12..]].concat());
        let before = image::load_from_memory(&plain).unwrap();
        assert_eq!(image::load_from_memory(&prepared.bytes).unwrap().to_rgb8(), before.to_rgb8());

        let place = [0, 0, 0, 0, 0, 0, 15, 0, 0, 7, 0, 0, 100, 0, 0, 0];
        let frame = |more: &[u8]| chunk(b"ANMF", &[&place[..], &plain[12..], more].concat());
        let moving = |more: &[u8]| [head(2), chunk(b"ANIM", &[0; 6]), frame(more), frame(more)].concat();
        let kept = webp(&whole(&moving(&chunk(b"caBX", HIDDEN)))).unwrap();
        assert_eq!(kept[12..], moving(b""));
        let decoder = image::codecs::webp::WebPDecoder::new(Cursor::new(&kept)).unwrap();
        assert_eq!(decoder.into_frames().collect_frames().unwrap().len(), 2);
        for cut in 0..kept.len() {
            assert!(webp(&kept[..cut]).is_none(), "{cut} bytes");
        }
    }

    // The control: by their markers alone all of these stay.
    #[test]
    fn a_part_of_a_jpeg_is_known_by_what_is_in_it() {
        let plain = encode(&picture(16, 8), ImageFormat::Jpeg).unwrap();
        let parts = [
            (markers::APP0, &b"JFXX\0\x10"[..]),
            (markers::APP0, b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01"),
            (markers::APP2, b"MPF\0"),
            (markers::APP2, b"FPXR\0"),
            (markers::APP14, b"Photo"),
            (0xf3, b""),
            (markers::JPG, b""),
            (markers::DHP, b"\x08\0\x08\0\x10\x03"),
            (markers::EXP, b""),
            (markers::DRI, b"\0\0"),
            (markers::SOF0, b"\x08\0\x08\0\x10\x01\x01\x11\0"),
        ];
        let mut jpeg = Jpeg::from_bytes(plain.clone()).unwrap();
        for (marker, begin) in parts {
            let contents = [begin, HIDDEN].concat().into();
            jpeg.segments_mut().insert(1, JpegSegment::new_with_contents(marker, contents));
        }
        let colours = JpegSegment::new_with_contents(markers::APP2, Bytes::from_static(b"ICC_PROFILE\0\x01\x01red"));
        jpeg.segments_mut().insert(1, colours);
        let kept = super::jpeg(&jpeg.encoder().bytes()).unwrap();
        assert!(!holds(&kept, HIDDEN) && holds(&kept, b"ICC_PROFILE"));
        assert_eq!(image::load_from_memory(&kept).unwrap(), image::load_from_memory(&plain).unwrap());
    }

    #[test]
    fn what_stands_behind_a_gif_does_not_stay_and_its_pictures_are_counted() {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for _ in 0..3 {
            encoder.encode_frame(image::Frame::new(picture(10, 10).to_rgba8())).unwrap();
        }
        drop(encoder);
        // A comment before the end, and something behind it.
        bytes.pop();
        bytes.extend(b"!\xfe\x14GPS -6.2000 106.8166\0;<script>");
        let prepared = prepare(bytes.clone().into(), ImageFormat::Gif, &Bounds { pixels: 300, ..BOUNDS }).unwrap();
        assert!(!holds(&prepared.bytes, b"<script>") && !holds(&prepared.bytes, HIDDEN));
        let kept = GifDecoder::new(Cursor::new(prepared.bytes)).unwrap();
        let shown = |frame: image::Frame| frame.into_buffer().into_raw();
        let before = GifDecoder::new(Cursor::new(&bytes)).unwrap().into_frames();
        let same = kept.into_frames().zip(before).map(|(kept, before)| shown(kept.unwrap()) == shown(before.unwrap()));
        assert_eq!(same.collect::<Vec<_>>(), [true; 3]);
        assert!(prepare(bytes.clone().into(), ImageFormat::Gif, &Bounds { pixels: 299, ..BOUNDS }).is_err());
        assert!(prepare(bytes.into(), ImageFormat::Gif, &Bounds { frames: 2, ..BOUNDS }).is_err());
    }

    // The control: each of them began again for ever.
    #[test]
    fn an_animation_is_played_as_often_as_it_says() {
        let frame = b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
        let head = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
        let again = |times: u8| [b"!\xff\x0bNETSCAPE2.0\x03\x01", &[times, 0, 0][..]].concat();
        let hidden = [b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\x03GPS\0", &b"!\xff\x0bXMP DataXMP\x03GPS\0"[..]].concat();
        for kept in [&[][..], &again(0), &again(3)] {
            let file = [&head[..], kept, frame, frame, b";"].concat();
            assert_eq!(Animation::read(&file).unwrap().kept, file);
            let with_more = [&head[..], &hidden, kept, frame, kept, frame, b";"].concat();
            assert_eq!(Animation::read(&with_more).unwrap().kept, file);
        }
        // Viewers show one without its last byte.
        let file = [&head[..], frame, frame].concat();
        let prepared = prepare(file.clone().into(), ImageFormat::Gif, &BOUNDS).unwrap();
        assert_eq!(prepared.bytes, [&file[..], b";"].concat());
    }

    #[test]
    fn a_few_bytes_that_stand_for_very_many_pixels_are_refused_before_they_are_read() {
        let mut bytes = encode(&picture(1, 1), ImageFormat::Png).unwrap().to_vec();
        // Width and height stand right behind the first chunk's name; its checksum is made anew.
        let size = [60_000_u32.to_be_bytes(), 60_000_u32.to_be_bytes()].concat();
        bytes.splice(16..24, size);
        let png = Png::from_bytes(bytes.clone().into());
        assert!(png.is_err() || prepare(bytes.into(), ImageFormat::Png, &BOUNDS).is_err());
        let few = Bounds { pixels: 9_999, ..BOUNDS };
        let error = prepare(encode(&picture(100, 100), ImageFormat::Png).unwrap(), ImageFormat::Png, &few);
        assert_eq!(error.err().unwrap().code, code::FILE_IMAGE);
        assert_eq!(
            prepare(Bytes::from_static(b"\x89PNG\r\n\x1a\nx"), ImageFormat::Png, &BOUNDS).err().unwrap().code,
            code::FILE_IMAGE
        );
    }

    // The control: by pixels alone it is decoded: 9,000 pictures of 64 by 64 pixels are fewer than 40 million pixels.
    #[test]
    fn an_animation_of_very_many_small_pictures_is_refused_before_it_is_read() {
        let mut bytes = b"GIF89a\x40\0\x40\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
        for _ in 0..9_000 {
            bytes.extend(b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
        }
        bytes.push(b';');
        assert_eq!(Animation::read(&bytes).unwrap().frames, 9_000);
        assert_eq!(Animation::read(&bytes[..bytes.len() - 1]).unwrap().kept, bytes);
        for cut in [0, 12, 19, 20, bytes.len() - 2] {
            assert!(Animation::read(&bytes[..cut]).is_none(), "{cut} bytes");
        }
        let mut beside = bytes.clone();
        // The first picture, which stands behind the header and two colours, begins where the screen ends.
        beside[20] = 0x40;
        assert!(Animation::read(&beside).is_none());
        let began = std::time::Instant::now();
        let bounds = Bounds { pixels: 40_000_000, ..BOUNDS };
        assert_eq!(prepare(bytes.into(), ImageFormat::Gif, &bounds).err().unwrap().code, code::FILE_IMAGE);
        assert!(began.elapsed() < std::time::Duration::from_millis(500), "{:?}", began.elapsed());
    }

    // The control: without the bound on decoded bytes it is taken, with eight bytes for each pixel.
    #[test]
    fn a_picture_is_bounded_by_what_it_takes_in_memory() {
        let deep = DynamicImage::ImageRgba16(image::ImageBuffer::from_pixel(100, 100, image::Rgba([1_u16, 2, 3, 4])));
        let bytes = encode(&deep, ImageFormat::Png).unwrap();
        assert!(prepare(bytes.clone(), ImageFormat::Png, &Bounds { decoded_bytes: 80_000, ..BOUNDS }).is_ok());
        let error = prepare(bytes, ImageFormat::Png, &Bounds { decoded_bytes: 79_999, ..BOUNDS });
        assert_eq!(error.err().unwrap().code, code::FILE_IMAGE);
    }

    #[test]
    fn a_jpeg_goes_over_its_pixels_only_so_often() {
        let jpeg = encode(&picture(16, 8), ImageFormat::Jpeg).unwrap();
        let (data, end) = jpeg.split_at(jpeg.len() - 2);
        let scans = [markers::P, markers::SOS, 0, 2].repeat(SCANS);
        let bytes = [data, &scans, end].concat();
        let error = prepare(bytes.into(), ImageFormat::Jpeg, &BOUNDS).err().unwrap();
        assert!(error.message.contains("scans"), "{}", error.message);
    }
}
