//! What is done to an image before it is kept: nothing hidden in it stays, and a smaller one is made of it.

use std::io::Cursor;

use bytes::Bytes;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use img_parts::jpeg::markers;
use img_parts::png::Png;
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;

/// How wide and high a thumbnail is at the most, in pixels.
const THUMBNAIL: u32 = 320;
/// How often a JPEG may go over its pixels, coarse to fine: each time costs as much as the whole picture.
const SCANS: usize = 50;

/// The parts of a PNG that make its picture, or its animation; all others say something about it.
const PNG: [&[u8; 4]; 18] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"bKGD", b"sBIT", b"hIST", b"pHYs", b"gAMA", b"cHRM", b"sRGB",
    b"iCCP", b"cICP", b"mDCV", b"acTL", b"fcTL", b"fdAT",
];
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
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| invalid())?;
    picture.apply_orientation(orientation);
    // How it is to be turned is told by what is taken out: then it is turned.
    let bytes = match animation {
        Some(animation) => animation.kept.into(),
        None if orientation == Orientation::NoTransforms => strip(bytes, format)?,
        None => encode(&picture, format)?,
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

/// The same picture, to the pixel, without what is not the picture; what stood behind its end is gone.
fn strip(bytes: Bytes, format: ImageFormat) -> Result<Bytes, ErrorBody> {
    match format {
        ImageFormat::Jpeg => jpeg(&bytes).ok_or_else(invalid),
        ImageFormat::Png => {
            let mut png = Png::from_bytes(bytes).map_err(|_| invalid())?;
            png.chunks_mut().retain(|one| PNG.contains(&&one.kind()));
            Ok(png.encoder().bytes())
        }
        ImageFormat::WebP => webp(&bytes).ok_or_else(invalid),
        _ => Err(invalid()),
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
/// they are meant (APP14). Other parts have the same markers as the last three, a picture from before it was cut among them.
fn belongs(marker: u8, data: &[u8]) -> bool {
    match marker {
        markers::SOF0..=markers::SOF15 | markers::SOS..=markers::EXP => true,
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
    /// It begins again whenever it ends.
    const FOR_EVER: &[u8] = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0";

    /// `None`: it has no end, or a picture that is not on its screen, or is no GIF.
    fn read(bytes: &[u8]) -> Option<Self> {
        let screen = (number(bytes, 6)?, number(bytes, 8)?);
        let mut at = Self::HEADER + table(*bytes.get(10)?);
        let mut kept = bytes.get(..at)?.to_vec();
        kept.extend_from_slice(Self::FOR_EVER);
        let mut frames = 0;
        loop {
            let begin = at;
            let stays = match *bytes.get(at)? {
                0x21 => {
                    let label = *bytes.get(at + 1)?;
                    at += 2;
                    // One block of four bytes; whatever else came with it would be hidden there.
                    label == Self::CONTROL && bytes.get(at) == Some(&4) && bytes.get(at + 5) == Some(&0)
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
    use img_parts::png::PngChunk;

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
        assert!(Animation::read(&bytes[..bytes.len() - 1]).is_none());
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
