//! `/api/files`: a file in, streamed into the object store; and out, for whoever may read it.

use std::ops::RangeInclusive;
use std::pin::pin;
use std::sync::Arc;

use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, SchemaObject};
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Multipart, Path, Request};
use axum::http::request::Parts;
use axum::http::response::Builder;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::stream::{StreamExt as _, TryStreamExt as _, once};
use image::ImageFormat;
use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use sinaesta_contracts::file::{FileUploadProgress, FindFile, RecordFile, UploadedFile};
use sinaesta_contracts::{Audience, BoundedText, ErrorBody, FileId, code};
use sinaesta_objects::ObjectError;
use tokio_util::io::StreamReader;

use super::caller::Caller;
use super::image::{Prepared, prepare};
use super::payload::{Created, Parameters};
use super::problem::Problem;
use crate::Gateway;

type HttpResult = Result<Response, axum::http::Error>;

/// How much of a file is looked at to know what it is, in bytes.
const HEAD: usize = 8 * 1024;
/// How much more than the file a form may have, in bytes.
const FORM: u64 = 16 * 1024;
/// How often an upload's progress is told, in bytes.
const STEP: u64 = 256 * 1024;
/// What is taken, by what it is and not by what it is called.
const TAKEN: [&str; 11] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "audio/mpeg",
    "audio/ogg",
    "audio/m4a",
    "video/mp4",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
];
/// What a browser may show in its place; anything else it saves.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

pub(super) fn routes(max_bytes: u64) -> ApiRouter<Arc<Gateway>> {
    let most = usize::try_from(max_bytes.saturating_add(FORM)).unwrap_or(usize::MAX);
    ApiRouter::new()
        .api_route(
            "/api/files",
            post_with(upload, |operation| operation.summary("Upload a file, to be posted in a message").tag("files"))
                .layer(DefaultBodyLimit::max(most)),
        )
        .api_route(
            "/api/files/{id}",
            get_with(download, |operation| {
                operation.summary("Read a file of a room that one may be in, or one's own").tag("files")
            }),
        )
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UploadOptions {
    /// With it, `file-upload-progress` tells the uploader's sockets how far it is: 1 to 64 characters.
    upload_id: Option<BoundedText<64>>,
}

async fn upload(
    caller: Caller,
    Parameters(options): Parameters<UploadOptions>,
    Form { mut parts, length }: Form,
) -> Result<Created<UploadedFile>, Problem> {
    let gateway = caller.gateway();
    let max = gateway.settings.files.max_bytes;
    let too_large = || Problem(ErrorBody::new(code::TOO_LARGE, format!("A file may have up to {max} bytes")));
    // Refused before any of it is read.
    if length.is_some_and(|length| length > max.saturating_add(FORM)) {
        return Err(too_large());
    }
    let field = loop {
        match parts.next_field().await.map_err(|error| broken(&error, max))? {
            Some(field) if field.name() == Some("file") => break field,
            Some(_) => {}
            None => {
                let error = ErrorBody::new(code::FILE_MISSING, "The form has no file");
                return Err(error.on_field("file").into());
            }
        }
    };
    let name = file_name(field.file_name().unwrap_or_default());
    let id = FileId(gateway.bus.new_id());
    let progress = Progress { caller: &caller, upload_id: options.upload_id.as_ref(), total: length, told: 0 };
    match take(gateway, id, name, field, progress).await {
        Ok(file) => Ok(Created(caller.command(&file).await)),
        Err(problem) => {
            // Whatever is there of it is of no use to anybody.
            for name in [id.to_string(), thumbnail(id)] {
                if let Err(error) = gateway.objects.delete(&name).await {
                    tracing::warn!(%error, "a part of a file stays in the store");
                }
            }
            Err(problem)
        }
    }
}

/// The last part of what a client calls a file, without what could be taken for something else.
fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let hidden =
        |c: &char| c.is_control() || matches!(*c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let plain: String = last.chars().filter(|c| !hidden(c)).take(200).collect();
    let plain = plain.trim().trim_start_matches('.');
    if plain.is_empty() { "file".to_owned() } else { plain.to_owned() }
}

/// Puts a file into the store as it comes in.
async fn take(
    gateway: &Gateway,
    id: FileId,
    name: String,
    mut field: Field<'_>,
    mut progress: Progress<'_>,
) -> Result<RecordFile, Problem> {
    let max = gateway.settings.files.max_bytes;
    let mut head = BytesMut::new();
    while head.len() < HEAD {
        match field.chunk().await.map_err(|error| broken(&error, max))? {
            Some(chunk) => head.extend_from_slice(&chunk),
            None => break,
        }
    }
    let kind = infer::get(&head).map(|kind| kind.mime_type()).filter(|kind| TAKEN.contains(kind));
    let Some(content_type) = kind else {
        let error = ErrorBody::new(code::FILE_TYPE, "Files of this type are not taken");
        return Err(error.on_field("file").into());
    };
    let head = head.freeze();
    progress.tell(head.len() as u64).await;
    let mut received = head.len() as u64;
    if let Some(format) = ImageFormat::from_mime_type(content_type) {
        // Taken before the rest is read: who waits takes no memory.
        let permit = gateway.images.acquire().await.map_err(|_| unavailable())?;
        let mut whole = BytesMut::from(head.as_ref());
        while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error, max))? {
            whole.extend_from_slice(&chunk);
            check_size(whole.len() as u64, max)?;
            progress.tell(whole.len() as u64).await;
        }
        let pixels = gateway.settings.files.max_pixels;
        let prepared = tokio::task::spawn_blocking(move || prepare(whole.freeze(), format, pixels)).await;
        drop(permit);
        let Prepared { bytes, width, height, thumbnail: small } = prepared.map_err(|_| unavailable())??;
        store(gateway, &id.to_string(), bytes.as_ref()).await?;
        store(gateway, &thumbnail(id), small.as_ref()).await?;
        let (size, content_type) = (bytes.len() as u64, content_type.to_owned());
        let (width, height) = (Some(width), Some(height));
        return Ok(RecordFile { id, name, size, content_type, width, height, has_thumbnail: true });
    }
    let mut refused = None;
    let rest = once(async { Ok::<Bytes, MultipartError>(head) }).chain(field);
    let bytes = rest.enumerate().map(|(index, chunk)| {
        let counted = chunk.map_err(|error| broken(&error, max)).and_then(|chunk| {
            received += if index == 0 { 0 } else { chunk.len() as u64 };
            check_size(received, max).map(|()| chunk)
        });
        counted.map_err(|problem| {
            refused = Some(problem);
            std::io::Error::other("the upload was refused")
        })
    });
    let stored = gateway.objects.put(&id.to_string(), pin!(StreamReader::new(bytes))).await;
    if let Some(problem) = refused {
        return Err(problem);
    }
    if let Err(error) = stored {
        tracing::warn!(%error, "a file could not be kept");
        return Err(unavailable());
    }
    progress.tell(received).await;
    let content_type = content_type.to_owned();
    Ok(RecordFile { id, name, size: received, content_type, width: None, height: None, has_thumbnail: false })
}

async fn store(gateway: &Gateway, name: &str, bytes: &[u8]) -> Result<(), Problem> {
    gateway.objects.put(name, bytes).await.map_err(|error| {
        tracing::warn!(%error, "a file could not be kept");
        unavailable()
    })
}

/// The name under which a file's smaller image is kept.
fn thumbnail(id: FileId) -> String {
    format!("{id}.thumbnail")
}

fn check_size(size: u64, max: u64) -> Result<(), Problem> {
    if size <= max {
        return Ok(());
    }
    Err(Problem(ErrorBody::new(code::TOO_LARGE, format!("A file may have up to {max} bytes")).on_field("file")))
}

fn unavailable() -> Problem {
    Problem(ErrorBody::new(code::UNAVAILABLE, "The file can't be kept right now"))
}

/// A form that breaks off, or is larger than any that is taken.
fn broken(error: &MultipartError, max: u64) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem(ErrorBody::new(code::TOO_LARGE, format!("A file may have up to {max} bytes")).on_field("file"));
    }
    Problem(ErrorBody::new(code::INVALID_PAYLOAD, error.body_text()))
}

/// Tells the uploader's sockets how far it is.
struct Progress<'u> {
    caller: &'u Caller,
    upload_id: Option<&'u BoundedText<64>>,
    total: Option<u64>,
    told: u64,
}

impl Progress<'_> {
    async fn tell(&mut self, received: u64) {
        let Some(upload_id) = self.upload_id.filter(|_| self.told == 0 || received >= self.told + STEP) else { return };
        self.told = received;
        let (upload_id, total) = (upload_id.as_str().to_owned(), self.total);
        let event = FileUploadProgress { upload_id, received, total };
        let to = Audience::User(self.caller.actor().user_id);
        self.caller.gateway().bus.signal_to(&to, &event, None).await;
    }
}

/// A form with a file.
struct Form {
    parts: Multipart,
    /// Of the whole request, if it says so.
    length: Option<u64>,
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        match Multipart::from_request(request, state).await {
            Ok(parts) => Ok(Self { parts, length }),
            Err(_) => Err(ErrorBody::new(code::MEDIA_TYPE, "The body must be multipart/form-data").into()),
        }
    }
}

impl OperationInput for Form {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let json_schema = json_schema!({
            "type": "object", "required": ["file"], "properties": { "file": { "type": "string", "format": "binary" } },
        });
        let schema = Some(SchemaObject { json_schema, example: None, external_docs: None });
        let media = MediaType { schema, ..MediaType::default() };
        operation.request_body = Some(ReferenceOr::Item(RequestBody {
            content: [("multipart/form-data".to_owned(), media)].into_iter().collect(),
            required: true,
            ..RequestBody::default()
        }));
    }
}

/// Which file.
struct At(FileId);

#[derive(Deserialize, JsonSchema)]
struct FilePath {
    id: FileId,
}

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What is no id names no file.
        Path::<FilePath>::from_request_parts(parts, state).await.map(|Path(path)| Self(path.id)).map_err(|_| unknown())
    }
}

impl OperationInput for At {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Path::<FilePath>::operation_input(ctx, operation);
    }
}

#[derive(Deserialize, JsonSchema)]
struct DownloadOptions {
    /// The smaller image.
    #[serde(default)]
    thumbnail: bool,
}

async fn download(
    caller: Caller,
    At(id): At,
    Parameters(options): Parameters<DownloadOptions>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let gateway = caller.gateway();
    let file = gateway.bus.ask(caller.actor(), &FindFile { id }).await?;
    // Should a browser be made to open it, it opens it as nobody, and runs nothing.
    let builder = Response::builder()
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")
        .header(header::CACHE_CONTROL, "private, max-age=3600");
    let response = match options.thumbnail {
        true => smaller(gateway, &file, builder).await?,
        false => whole_or_part(gateway, &file, headers.get(header::RANGE), builder).await?,
    };
    response.map_err(|error| {
        tracing::error!(%error, file = %id, "a file can't be answered with");
        unknown()
    })
}

fn unknown() -> Problem {
    Problem(ErrorBody::new(code::FILE_NOT_FOUND, "There is no such file").on_field("id"))
}

/// The smaller image of an image.
async fn smaller(gateway: &Gateway, file: &UploadedFile, builder: Builder) -> Result<HttpResult, Problem> {
    if file.thumbnail_url.is_none() {
        return Err(unknown());
    }
    let stream = gateway.objects.get(&thumbnail(file.id), 0..u64::MAX).await.map_err(|error| missing(&error))?;
    let bytes: Vec<Bytes> = stream.try_collect().await.map_err(|error| missing(&error))?;
    let bytes = bytes.concat();
    let content_type = infer::get(&bytes).map_or("application/octet-stream", |kind| kind.mime_type());
    let builder = builder.header(header::CONTENT_TYPE, content_type).header(header::CONTENT_DISPOSITION, "inline");
    Ok(builder.body(Body::from(bytes)))
}

/// A file, or the part of it that is asked for.
async fn whole_or_part(
    gateway: &Gateway,
    file: &UploadedFile,
    range: Option<&HeaderValue>,
    mut builder: Builder,
) -> Result<HttpResult, Problem> {
    let size = file.file_size;
    let Ok(part) = wanted(range, size) else {
        let builder = builder.status(StatusCode::RANGE_NOT_SATISFIABLE);
        return Ok(builder.header(header::CONTENT_RANGE, format!("bytes */{size}")).body(Body::empty()));
    };
    let (from, to) = part.as_ref().map_or((0, size), |part| (*part.start(), part.end().saturating_add(1)));
    let stream = gateway.objects.get(&file.id.to_string(), from..to).await.map_err(|error| missing(&error))?;
    if part.is_some() {
        let content_range = format!("bytes {from}-{}/{size}", to.saturating_sub(1));
        builder = builder.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, content_range);
    }
    let how = if SHOWN.contains(&file.content_type.as_str()) { "inline" } else { "attachment" };
    let disposition = format!("{how}; filename*=UTF-8''{}", percent(&file.file_name));
    Ok(builder
        .header(header::CONTENT_TYPE, &file.content_type)
        .header(header::CONTENT_LENGTH, to.saturating_sub(from))
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_DISPOSITION, disposition)
        .body(Body::from_stream(stream)))
}

/// A file is noted and its bytes can't be read.
fn missing(error: &ObjectError) -> Problem {
    tracing::warn!(%error, "a file that is noted can't be read");
    unknown()
}

/// The part that is asked for: one range; of several, or none that can be read, the whole. Fails where there is none.
fn wanted(range: Option<&HeaderValue>, size: u64) -> Result<Option<RangeInclusive<u64>>, ()> {
    let Some(Ok(ranges)) = range.and_then(|value| value.to_str().ok()).map(http_range_header::parse_range_header)
    else {
        return Ok(None);
    };
    let mut ranges = ranges.validate(size).map_err(drop)?.into_iter();
    Ok(ranges.next().filter(|_| ranges.next().is_none()))
}

/// A name as a header holds it (RFC 8187).
fn percent(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_and_nothing_else() {
        for (given, kept) in [
            ("ekg.png", "ekg.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\ekg.png", "ekg.png"),
            ("..", "file"),
            ("", "file"),
            (".htaccess", "htaccess"),
            ("a\0b\r\nX: y.png", "abX: y.png"),
            ("gnp.\u{202e}exe", "gnp.exe"),
            ("hasil lab é.pdf", "hasil lab é.pdf"),
        ] {
            assert_eq!(file_name(given), kept, "{given:?}");
        }
        assert_eq!(file_name(&"é".repeat(500)).chars().count(), 200);
        assert_eq!(percent("a \"é\".pdf"), "a%20%22%C3%A9%22.pdf");
    }
}
