//! What is done to an image before it is kept: nothing hidden in it stays, and a smaller one is made of it.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::gif::{GifDecoder, GifEncoder, Repeat};
use image::metadata::Orientation;
use image::{AnimationDecoder as _, DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use img_parts::jpeg::markers;
use img_parts::png::Png;
use img_parts::webp::WebP;
use sinaesta_contracts::{ErrorBody, code};

/// How wide and high a thumbnail is at the most, in pixels.
const THUMBNAIL: u32 = 320;
/// How quickly colours are chosen for a GIF: 1 is slow and best, 30 is fast.
const SPEED: i32 = 10;
/// The most memory that decoding takes, in bytes.
const MEMORY: u64 = 512 * 1024 * 1024;

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

/// Takes out where and with what it was made, and whatever else does not belong to the picture.
pub(super) fn prepare(bytes: Bytes, format: ImageFormat, max_pixels: u64) -> Result<Prepared, ErrorBody> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes.clone()), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| invalid())?;
    let (width, height) = decoder.dimensions();
    // Before any pixel of it is read: a few bytes may stand for very many.
    if u64::from(width) * u64::from(height) > max_pixels {
        let text = format!("The image must have no more than {max_pixels} pixels");
        return Err(ErrorBody::new(code::FILE_IMAGE, text).on_field("file"));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| invalid())?;
    picture.apply_orientation(orientation);
    // How it is to be turned is told by what is taken out: then it is turned.
    let bytes = if orientation == Orientation::NoTransforms {
        strip(bytes, format, max_pixels)?
    } else {
        encode(&picture, format)?
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
fn strip(bytes: Bytes, format: ImageFormat, max_pixels: u64) -> Result<Bytes, ErrorBody> {
    match format {
        ImageFormat::Jpeg => jpeg(&bytes).ok_or_else(invalid),
        ImageFormat::Png => {
            let mut png = Png::from_bytes(bytes).map_err(|_| invalid())?;
            png.chunks_mut().retain(|one| !matches!(&one.kind(), b"eXIf" | b"tEXt" | b"zTXt" | b"iTXt" | b"tIME"));
            Ok(png.encoder().bytes())
        }
        ImageFormat::WebP => {
            let mut webp = WebP::from_bytes(bytes).map_err(|_| invalid())?;
            webp.chunks_mut().retain(|one| !matches!(&one.id(), b"EXIF" | b"XMP "));
            Ok(webp.encoder().bytes())
        }
        _ => animation(bytes, max_pixels),
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
                (2 + usize::from(length), belongs(marker))
            }
        };
        let part = bytes.get(at..at + length)?;
        if stays {
            kept.extend_from_slice(part);
        }
        at += length;
    }
}

/// Whether a part of a JPEG is of the picture. APP0 says that it is a JPEG, APP2 has its colours, APP14 how they are meant.
fn belongs(marker: u8) -> bool {
    let is_note = (markers::APP0..=markers::APP15).contains(&marker) || marker == markers::COM;
    !is_note || [markers::APP0, markers::APP2, markers::APP14].contains(&marker)
}

/// A GIF written anew from its pictures: anything may stand between them and behind them. All of them together have no
/// more pixels than one image may have.
fn animation(bytes: Bytes, max_pixels: u64) -> Result<Bytes, ErrorBody> {
    let frames = GifDecoder::new(Cursor::new(bytes)).map_err(|_| invalid())?.into_frames();
    let mut out = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut out, SPEED);
    encoder.set_repeat(Repeat::Infinite).map_err(|_| invalid())?;
    let mut pixels = 0;
    for frame in frames {
        let frame = frame.map_err(|_| invalid())?;
        pixels += u64::from(frame.buffer().width()) * u64::from(frame.buffer().height());
        if pixels > max_pixels {
            let text = format!("The pictures of an animation must have no more than {max_pixels} pixels in all");
            return Err(ErrorBody::new(code::FILE_IMAGE, text).on_field("file"));
        }
        encoder.encode_frame(frame).map_err(|_| invalid())?;
    }
    drop(encoder);
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use img_parts::ImageEXIF as _;
    use img_parts::jpeg::{Jpeg, JpegSegment};
    use img_parts::png::PngChunk;

    use super::*;

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
        let prepared = prepare(bytes.into(), ImageFormat::Jpeg, 1_000_000).unwrap();
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
        let prepared = prepare(jpeg.encoder().bytes(), ImageFormat::Jpeg, 1_000_000).unwrap();
        assert_eq!((prepared.width, prepared.height), (8, 16));
        assert!(!holds(&prepared.bytes, HIDDEN));
    }

    #[test]
    fn what_is_hidden_in_a_png_and_behind_it_does_not_stay() {
        let mut png = Png::from_bytes(encode(&picture(700, 350), ImageFormat::Png).unwrap()).unwrap();
        for kind in [*b"tEXt", *b"iTXt", *b"zTXt", *b"eXIf"] {
            png.chunks_mut().insert(1, PngChunk::new(kind, Bytes::from_static(HIDDEN)));
        }
        let mut bytes = png.encoder().bytes().to_vec();
        bytes.extend(b"PK\x03\x04<script>");
        let prepared = prepare(bytes.into(), ImageFormat::Png, 1_000_000).unwrap();
        assert!(!holds(&prepared.bytes, HIDDEN) && !holds(&prepared.bytes, b"<script>"));
        let small = image::load_from_memory(&prepared.thumbnail).unwrap();
        assert_eq!((small.width(), small.height()), (320, 160));
    }

    #[test]
    fn what_stands_behind_a_gif_does_not_stay_and_its_pictures_are_counted() {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for _ in 0..3 {
            encoder.encode_frame(image::Frame::new(picture(10, 10).to_rgba8())).unwrap();
        }
        drop(encoder);
        bytes.extend(b"<script>");
        let prepared = prepare(bytes.clone().into(), ImageFormat::Gif, 300).unwrap();
        assert!(!holds(&prepared.bytes, b"<script>"));
        let kept = GifDecoder::new(Cursor::new(prepared.bytes)).unwrap();
        assert_eq!(kept.into_frames().count(), 3);
        assert!(prepare(bytes.into(), ImageFormat::Gif, 299).is_err());
    }

    #[test]
    fn a_few_bytes_that_stand_for_very_many_pixels_are_refused_before_they_are_read() {
        let mut bytes = encode(&picture(1, 1), ImageFormat::Png).unwrap().to_vec();
        // Width and height stand right behind the first chunk's name; its checksum is made anew.
        let size = [60_000_u32.to_be_bytes(), 60_000_u32.to_be_bytes()].concat();
        bytes.splice(16..24, size);
        let png = Png::from_bytes(bytes.clone().into());
        assert!(png.is_err() || prepare(bytes.into(), ImageFormat::Png, 40_000_000).is_err());
        let error = prepare(encode(&picture(100, 100), ImageFormat::Png).unwrap(), ImageFormat::Png, 9_999);
        assert_eq!(error.err().unwrap().code, code::FILE_IMAGE);
        assert_eq!(
            prepare(Bytes::from_static(b"\x89PNG\r\n\x1a\nx"), ImageFormat::Png, 9).err().unwrap().code,
            code::FILE_IMAGE
        );
    }
}
