//! What is read from a request and written into a response.

use std::error::Error;
use std::marker::PhantomData;
use std::time::Duration;

use aide::generate::GenContext;
use aide::openapi::{Operation, Response as ResponseDoc, StatusCode as StatusDoc};
use aide::{OperationInput, OperationOutput};
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sinaesta_bus::Answer;
use sinaesta_contracts::{ErrorBody, code};
use tokio::time::timeout;

use super::pace::is_too_slow;
use super::problem::Problem;
use super::shape;
use crate::reading;

/// A JSON body, with errors that name the field that is at fault.
pub(super) struct Body<T>(pub(super) T);

impl<T: Serialize + DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if media_type(request.headers()) != "application/json" {
            return Err(ErrorBody::new(code::MEDIA_TYPE, "The body must be application/json").into());
        }
        Ok(Self(read_json(&text(request).await?)?))
    }
}

/// Reads JSON of which objects are objects.
pub(super) fn read_json<T: Serialize + DeserializeOwned>(text: &str) -> Result<T, ErrorBody> {
    let read = reading::parse(text)?;
    let again = serde_json::to_value(&read).map_err(|error| {
        tracing::error!(%error, "what was read can't be written");
        ErrorBody::new(code::INTERNAL, "The body can't be read")
    })?;
    shape::check(&reading::parse(text)?, &again)?;
    Ok(read)
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Json::<T>::operation_input(ctx, operation);
    }
}

/// The type of a body in small letters, without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let whole = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The largest body, in bytes.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// How long the body may take.
const BODY: Duration = Duration::from_secs(30);

/// The body as text.
pub(super) async fn text(request: Request) -> Result<String, Problem> {
    let late = |_| Problem(ErrorBody::new(code::INVALID_PAYLOAD, "The body did not come in time"));
    timeout(BODY, read(request)).await.map_err(late)?
}

async fn read(request: Request) -> Result<String, Problem> {
    let mut chunks = request.into_body().into_data_stream();
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Problem(ErrorBody::new(code::INVALID_PAYLOAD, cut_off(&error))))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(ErrorBody::new(code::TOO_LARGE, format!("The body may have up to {MAX_BODY} bytes")).into());
        }
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(body);
    let mut text = text.map_err(|_| Problem(ErrorBody::new(code::INVALID_PAYLOAD, "The body must be UTF-8")))?;
    // A byte order mark, as editors on Windows write one, is no part of it (RFC 8259, 8.1).
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    match text.split_once('\0') {
        None => Ok(text),
        Some((before, _)) => {
            let line = before.matches('\n').count() + 1;
            let reason = format!("The body must not contain the character U+0000, which stands in line {line}");
            Err(ErrorBody::new(code::INVALID_PAYLOAD, reason).into())
        }
    }
}

/// Why a body did not come to its end.
pub(super) fn cut_off(error: &(dyn Error + 'static)) -> &'static str {
    if is_too_slow(error) { "The body comes too slowly" } else { "The body broke off" }
}

/// A service's answer, passed on as it was written.
pub(super) struct Reply<T>(Answer, PhantomData<T>);

impl<T> From<Answer> for Reply<T> {
    fn from(answer: Answer) -> Self {
        Self(answer, PhantomData)
    }
}

impl<T> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(reply) => ([(header::CONTENT_TYPE, "application/json")], reply.get().to_owned()).into_response(),
            Err(error) => Problem(error).into_response(),
        }
    }
}

impl<T: JsonSchema> OperationOutput for Reply<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<ResponseDoc> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<StatusDoc>, ResponseDoc)> {
        let mut responses = Json::<T>::inferred_responses(ctx, operation);
        responses.extend(Problem::inferred_responses(ctx, operation));
        responses
    }
}

/// The same for what was made by it.
pub(super) struct Created<T>(pub(super) Reply<T>);

impl<T> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::CREATED;
        }
        response
    }
}

impl<T: JsonSchema> OperationOutput for Created<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<ResponseDoc> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<StatusDoc>, ResponseDoc)> {
        let made = Self::operation_response(ctx, operation).map(|response| (Some(StatusDoc::Code(201)), response));
        made.into_iter().chain(Problem::inferred_responses(ctx, operation)).collect()
    }
}

/// The parameters of a query string.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(reading::parameters::parse(parts.uri.query().unwrap_or_default())?))
    }
}

impl<T: JsonSchema> OperationInput for Parameters<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Query::<T>::operation_input(ctx, operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The control: JSON with the mark was no JSON, while tables with one were taken.
    #[tokio::test]
    async fn a_byte_order_mark_is_no_part_of_a_body() {
        for (body, expected) in [("\u{feff}[1]", "[1]"), ("[1]", "[1]"), ("\u{feff}", "")] {
            let read = text(Request::new(axum::body::Body::from(body))).await;
            assert_eq!(read.map_err(|problem| problem.0.message).unwrap(), expected);
        }
    }
}
