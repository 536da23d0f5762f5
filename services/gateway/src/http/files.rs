//! `/api/files`: a file in, streamed into the object store; and out, for whoever may read it.

use std::ops::{Range, RangeInclusive};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, SchemaObject};
use aide::transform::{TransformOperation, TransformResponse};
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Multipart, Path, Request};
use axum::http::request::Parts;
use axum::http::response::Builder;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _, once, try_unfold};
use image::ImageFormat;
use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use sinaesta_contracts::file::{FileUploadProgress, FindFile, RecordFile, UploadedFile};
use sinaesta_contracts::invisible::is_disguise;
use sinaesta_contracts::{Audience, BoundedText, ErrorBody, FileId, code};
use sinaesta_mutants::mutant;
use sinaesta_objects::ObjectError;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::io::StreamReader;

use super::caller::Caller;
use super::image::{Bounds, Prepared, prepare};
use super::kind::{Kind, TAKEN, Types, ZIP_TAIL, document_name};
use super::payload::{Created, Parameters, cut_off};
use super::problem::Problem;
use crate::Gateway;
use crate::sockets::limits::{busy, exceeded};

type HttpResult = Result<Response, axum::http::Error>;

/// How much of a file is looked at to know what it is, in bytes.
const HEAD: usize = 8 * 1024;
/// How much more than the file a form may have, in bytes.
const FORM: u64 = 16 * 1024;
/// How often an upload's progress is told, in bytes.
const STEP: u64 = 256 * 1024;
/// When an image that there was no room for may be sent again.
const IMAGE_AGAIN: Duration = Duration::from_secs(2);
/// After how long it is known whether a file was recorded whose sender got no answer.
const SETTLED: Duration = Duration::from_secs(60);
/// What a browser may show in its place; anything else it saves.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The largest request that may be taken, in bytes: a form with the largest file.
pub(crate) const fn largest(max_bytes: u64) -> u64 {
    max_bytes.saturating_add(FORM)
}

pub(super) fn routes(max_bytes: u64) -> ApiRouter<Arc<Gateway>> {
    let most = usize::try_from(largest(max_bytes)).unwrap_or(usize::MAX);
    ApiRouter::new()
        .api_route(
            "/api/files",
            post_with(upload, |operation| operation.summary("Upload a file, to be posted in a message").tag("files"))
                .layer(DefaultBodyLimit::max(most)),
        )
        .api_route("/api/files/{id}", get_with(download, describe_download))
}

fn describe_download(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    fn of_types<'t>(mut response: TransformResponse<'t, ()>) -> TransformResponse<'t, ()> {
        let media = || {
            let json_schema = json_schema!({ "type": "string", "format": "binary" });
            MediaType {
                schema: Some(SchemaObject { json_schema, example: None, external_docs: None }),
                ..MediaType::default()
            }
        };
        response.inner().content = TAKEN.into_iter().map(|kind| (kind.to_owned(), media())).collect();
        response
    }
    operation
        .summary("Read a file of a room that one may be in, or one's own")
        .tag("files")
        .response_with::<200, (), _>(|response| of_types(response.description("The file, with its `ETag`.")))
        .response_with::<206, (), _>(|response| {
            of_types(
                response.description("The part that `Range` asks for, if `If-Range` names this file or is left out."),
            )
        })
        .response_with::<304, (), _>(|response| response.description("`If-None-Match` names this file."))
        .response_with::<416, (), _>(|response| {
            response.description("It has no such part; `Content-Range` says how long it is.")
        })
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
    form: Form,
) -> Result<Created<UploadedFile>, Problem> {
    let gateway = Arc::clone(caller.gateway());
    let max = gateway.settings.files.max_bytes;
    // Refused before any of it is read.
    if form.length.is_some_and(|length| length > largest(max)) {
        return Err(too_large(max));
    }
    caller.user().limits.take_upload().map_err(|wait| {
        metrics::counter!("gateway_rate_limited_total", "event" => "upload").increment(1);
        Problem(exceeded(wait))
    })?;
    let open = caller.user().open_upload()?;
    let limit = Duration::from_millis(gateway.settings.files.upload_timeout_ms);
    // A task of its own: it goes on when the client hangs up, so that nothing of what came stays in the store.
    let taken = tokio::spawn(async move {
        let id = FileId(caller.gateway().bus.new_id());
        let came = timeout(limit, receive(&caller, id, &options, form)).await.unwrap_or_else(|_| Err(too_slow()));
        drop(open);
        match came {
            Ok(file) => {
                let answer = caller.answer(&file).await;
                if let Err(error) = &answer {
                    clean_up(&caller, id, error);
                }
                Ok(Created(answer.into()))
            }
            Err(problem) => {
                remove(caller.gateway(), id).await;
                Err(problem)
            }
        }
    });
    taken.await.map_err(|_| unavailable())?
}

/// Takes the one file of a form.
async fn receive(caller: &Caller, id: FileId, options: &UploadOptions, form: Form) -> Result<RecordFile, Problem> {
    let gateway = caller.gateway();
    let max = gateway.settings.files.max_bytes;
    let Form { mut parts, length } = form;
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
    let progress = Progress { caller, upload_id: options.upload_id.as_ref(), total: length, told: 0 };
    let file = take(caller, id, name, field, progress).await?;
    while let Some(field) = parts.next_field().await.map_err(|error| broken(&error, max))? {
        if field.name() == Some("file") {
            let error = ErrorBody::new(code::INVALID_PAYLOAD, "The form has more than one file");
            return Err(error.on_field("file").into());
        }
    }
    Ok(file)
}

/// Removes what was kept of a file that is not recorded. Where nobody knows whether it is, that is asked later.
fn clean_up(caller: &Caller, id: FileId, error: &ErrorBody) {
    let (gateway, actor) = (Arc::clone(caller.gateway()), caller.actor().clone());
    let is_unknown = matches!(&*error.code, code::TIMEOUT | code::UNAVAILABLE);
    tokio::spawn(async move {
        if is_unknown {
            sleep(SETTLED).await;
            match gateway.bus.ask(&actor, &FindFile { id }).await {
                Err(error) if error.code == code::FILE_NOT_FOUND => {}
                Ok(_) => return,
                Err(error) => {
                    return tracing::warn!(file_id = %id, error = %error.message, "file kept: unknown whether it is recorded");
                }
            }
        }
        remove(&gateway, id).await;
    });
}

/// Removes whatever there is of a file: it is of no use to anybody.
async fn remove(gateway: &Gateway, id: FileId) {
    for name in [id.to_string(), thumbnail(id)] {
        if let Err(error) = gateway.objects.delete(&name).await {
            tracing::warn!(%error, file_id = %id, "a part of a file stays in the store");
        }
    }
}

/// The last part of what a client calls a file, without what could be taken for something else.
fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !is_disguise(*c)).take(200).collect();
    let plain = plain.trim().trim_start_matches('.');
    if plain.is_empty() { "file".to_owned() } else { plain.to_owned() }
}

/// Puts a file into the store as it comes in.
async fn take(
    caller: &Caller,
    id: FileId,
    name: String,
    field: Field<'_>,
    mut progress: Progress<'_>,
) -> Result<RecordFile, Problem> {
    let gateway = caller.gateway();
    let max = gateway.settings.files.max_bytes;
    let mut chunks = chunks(field, max, Duration::from_millis(gateway.settings.files.upload_idle_ms));
    let mut head = BytesMut::new();
    while head.len() < HEAD {
        match chunks.try_next().await? {
            Some(chunk) => head.extend_from_slice(&chunk),
            None => break,
        }
    }
    let kind = Kind::of(&head)
        .or(mutant!("file-of-any-type", Some(Kind::Known("application/pdf")), None))
        .ok_or_else(not_taken)?;
    let head = head.freeze();
    progress.tell(head.len() as u64).await;
    let mut received = head.len() as u64;
    if let Kind::Known(content_type) = kind
        && let Some(format) = ImageFormat::from_mime_type(content_type)
        && !mutant!("file-picture-keeps-what-is-hidden")
    {
        // Counted as they come: who is slow holds what came, and nothing else.
        let mut whole = Counted::default();
        whole.add(gateway, &head)?;
        while let Some(chunk) = chunks.try_next().await? {
            whole.add(gateway, &chunk)?;
            check_size(whole.bytes.len() as u64, max)?;
            progress.tell(whole.bytes.len() as u64).await;
        }
        progress.tell_all(whole.bytes.len() as u64).await;
        let Prepared { bytes, width, height, thumbnail: small } = look_into(caller, whole, format).await?;
        // One that was turned is written anew.
        check_size(bytes.len() as u64, max)?;
        store(gateway, &id.to_string(), bytes.as_ref()).await?;
        store(gateway, &thumbnail(id), small.as_ref()).await?;
        let (size, content_type) = (bytes.len() as u64, content_type.to_owned());
        let (width, height) = (Some(width), Some(height));
        return Ok(RecordFile { id, name, size, content_type, width, height, has_thumbnail: true });
    }
    let mut refused = None;
    let rest = once(std::future::ready(Ok(head.clone()))).chain(chunks);
    let bytes = rest.enumerate().map(|(index, chunk)| {
        let counted = chunk.and_then(|chunk: Bytes| {
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
    let content_type = match kind {
        Kind::Known(content_type) => content_type,
        Kind::Zip => document(gateway, id, &head, received).await?,
    };
    progress.tell_all(received).await;
    let (name, content_type) = (document_name(name, content_type), content_type.to_owned());
    Ok(RecordFile { id, name, size: received, content_type, width: None, height: None, has_thumbnail: false })
}

fn not_taken() -> Problem {
    Problem(ErrorBody::new(code::FILE_TYPE, "Files of this type are not taken").on_field("file"))
}

/// The type of a ZIP that was just kept, if it is a document: by its end, and by what that says of where its types stand.
async fn document(gateway: &Gateway, id: FileId, head: &[u8], size: u64) -> Result<&'static str, Problem> {
    let before = size.saturating_sub(ZIP_TAIL);
    let tail = part(gateway, id, before..size).await?;
    let types = Types::find(&tail).ok_or_else(not_taken)?;
    let Range { start, end } = types.range();
    let end = end.min(size);
    // Mostly it is the first part, or the last.
    let within = |bytes: &[u8], before: u64| {
        let at = |at: u64| usize::try_from(at.checked_sub(before)?).ok();
        Some(bytes.get(at(start)?..at(end)?)?.to_vec())
    };
    let found = match within(head, 0).or_else(|| within(&tail, before)) {
        Some(found) => found,
        None if start < end => part(gateway, id, start..end).await?,
        None => return Err(not_taken()),
    };
    types.document(&found).ok_or_else(not_taken)
}

/// A part of a file that was just kept.
async fn part(gateway: &Gateway, id: FileId, range: Range<u64>) -> Result<Vec<u8>, Problem> {
    let unreadable = |error: ObjectError| {
        tracing::warn!(%error, file_id = %id, "a file that was just kept can't be read");
        unavailable()
    };
    let chunks = gateway.objects.get(&id.to_string(), range).await.map_err(unreadable)?;
    let chunks: Vec<Bytes> = chunks.try_collect().await.map_err(unreadable)?;
    Ok(chunks.concat())
}

/// What comes of a file, as long as something comes.
fn chunks<'f>(field: Field<'f>, max: u64, idle: Duration) -> BoxStream<'f, Result<Bytes, Problem>> {
    let next = move |mut field: Field<'f>| async move {
        match timeout(idle, field.chunk()).await {
            Ok(Ok(Some(chunk))) => Ok(Some((chunk, field))),
            Ok(Ok(None)) => Ok(None),
            Ok(Err(error)) => Err(broken(&error, max)),
            Err(_) => Err(too_slow()),
        }
    };
    try_unfold(field, next).boxed()
}

/// The bytes of an image, counted among those of all that are on their way.
#[derive(Default)]
struct Counted {
    bytes: BytesMut,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Counted {
    fn add(&mut self, gateway: &Gateway, chunk: &[u8]) -> Result<(), Problem> {
        let count = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&gateway.uploading).try_acquire_many_owned(count) else {
            return Err(image_busy("As much is uploaded right now as is taken at once; try again"));
        };
        match self.permits.first_mut() {
            Some(first) => first.merge(permit),
            None => self.permits.push(permit),
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

/// Looks into an image that is there as a whole: one of each user at a time, and of all users so many.
async fn look_into(caller: &Caller, whole: Counted, format: ImageFormat) -> Result<Prepared, Problem> {
    let (gateway, files) = (caller.gateway(), &caller.gateway().settings.files);
    let deadline = Instant::now() + Duration::from_millis(files.image_wait_ms);
    let late = || image_busy("Too many images are looked into right now; try again");
    let mine = caller.user().open_image(deadline).await.ok_or_else(late)?;
    let shared = timeout_at(deadline, Arc::clone(&gateway.images).acquire_owned()).await;
    let shared = shared.map_err(|_| late())?.map_err(|_| unavailable())?;
    let bounds = Bounds { pixels: files.max_pixels, decoded_bytes: files.max_decoded_bytes, frames: files.max_frames };
    let work = move || {
        let Counted { bytes, permits } = whole;
        let prepared = prepare(bytes.freeze(), format, &bounds);
        // Kept until the work has ended, even if nobody waits for it any more.
        drop((permits, mine, shared));
        prepared
    };
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| unavailable())??)
}

fn image_busy(text: &'static str) -> Problem {
    metrics::counter!("gateway_busy_total", "class" => "image").increment(1);
    Problem(busy(text, IMAGE_AGAIN))
}

fn too_slow() -> Problem {
    Problem(ErrorBody::new(code::UPLOAD_TOO_SLOW, "The file did not come in time"))
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
    Err(too_large(max))
}

fn too_large(max: u64) -> Problem {
    Problem(ErrorBody::new(code::TOO_LARGE, format!("A file may have up to {max} bytes")).on_field("file"))
}

fn unavailable() -> Problem {
    Problem(ErrorBody::new(code::UNAVAILABLE, "The file can't be kept right now"))
}

/// A form that breaks off, or is larger than any that is taken.
fn broken(error: &MultipartError, max: u64) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(max);
    }
    Problem(ErrorBody::new(code::INVALID_PAYLOAD, cut_off(error)))
}

/// Tells the uploader's sockets how far it is.
struct Progress<'u> {
    caller: &'u Caller,
    upload_id: Option<&'u BoundedText<64>>,
    total: Option<u64>,
    told: u64,
}

impl Progress<'_> {
    /// Now and then.
    async fn tell(&mut self, received: u64) {
        if self.told == 0 || received >= self.told + STEP {
            self.tell_now(received).await;
        }
    }

    /// That all of it came, however much was told before.
    async fn tell_all(&mut self, received: u64) {
        if received > self.told {
            self.tell_now(received).await;
        }
    }

    async fn tell_now(&mut self, received: u64) {
        let Some(upload_id) = self.upload_id else { return };
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
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let gateway = caller.gateway();
    let file = gateway.bus.ask(caller.actor(), &FindFile { id }).await?;
    if options.thumbnail && file.thumbnail_url.is_none() {
        return Err(unknown());
    }
    // What is kept under a name never changes.
    let tag = format!("\"{}\"", if options.thumbnail { thumbnail(id) } else { id.to_string() });
    // Should a browser be made to open it, it opens it as nobody, and runs nothing. It keeps it, and asks before it is
    // shown again: who may read it may have changed, or who sits there.
    let builder = Response::builder()
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::ETAG, &tag);
    let response = if is_known(&headers, &tag) {
        builder.status(StatusCode::NOT_MODIFIED).body(Body::empty())
    } else if options.thumbnail {
        smaller(gateway, &file, builder).await?
    } else {
        // A part is asked for with GET only, and only of the file that its rest is of.
        let is_same = headers.get(header::IF_RANGE).is_none_or(|of| of.as_bytes() == tag.as_bytes());
        let range = headers.get(header::RANGE).filter(|_| method == Method::GET && is_same);
        whole_or_part(gateway, &file, range, builder).await?
    };
    response.map_err(|error| {
        tracing::error!(%error, file = %id, "a file can't be answered with");
        unknown()
    })
}

/// Whether whoever asks has it already: `If-None-Match` names it, or anything.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let named = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = named.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

fn unknown() -> Problem {
    Problem(ErrorBody::new(code::FILE_NOT_FOUND, "There is no such file").on_field("id"))
}

/// The smaller image of an image.
async fn smaller(gateway: &Gateway, file: &UploadedFile, builder: Builder) -> Result<HttpResult, Problem> {
    let stream = gateway.objects.get(&thumbnail(file.id), 0..u64::MAX).await.map_err(|error| missing(&error))?;
    let bytes: Vec<Bytes> = stream.try_collect().await.map_err(|error| missing(&error))?;
    let bytes = bytes.concat();
    let content_type = match Kind::of(&bytes) {
        Some(Kind::Known(content_type)) => content_type,
        _ => "application/octet-stream",
    };
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
