//! Why a request failed: the same body as on a socket, with the HTTP status that its code stands for.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{
    Header, HeaderStyle, Operation, ParameterSchemaOrContent, ReferenceOr, Response as ResponseDoc, SchemaObject,
    StatusCode as StatusDoc,
};
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use sinaesta_contracts::{ErrorBody, code};

/// An error as a response.
#[derive(Debug)]
pub(crate) struct Problem(pub(crate) ErrorBody);

/// The body of every failed request.
#[derive(Serialize, JsonSchema)]
struct Failed {
    error: ErrorBody,
}

impl From<ErrorBody> for Problem {
    fn from(error: ErrorBody) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let again = self.0.retry_after_ms.map(|wait| [(header::RETRY_AFTER, wait.div_ceil(1_000).max(1).to_string())]);
        (status(&self.0.code), again, Json(Failed { error: self.0 })).into_response()
    }
}

fn status(name: &str) -> StatusCode {
    match name {
        code::NO_TOKEN | code::INVALID_TOKEN | code::USER_NOT_FOUND => StatusCode::UNAUTHORIZED,
        code::FORBIDDEN => StatusCode::FORBIDDEN,
        code::FILE_NOT_FOUND
        | code::NOTIFICATION_NOT_FOUND
        | code::USER_UNKNOWN
        | code::NO_ROUTE
        | code::EXAM_NOT_FOUND
        | code::EXAM_NOT_JOINED
        | code::EXAM_NO_RESULT => StatusCode::NOT_FOUND,
        code::EXAM_NOT_A_DRAFT | code::EXAM_NOT_PUBLISHED | code::EXAM_EMPTY | code::EXAM_INVALID_SCHEDULE => {
            StatusCode::CONFLICT
        }
        code::METHOD => StatusCode::METHOD_NOT_ALLOWED,
        code::TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        code::MEDIA_TYPE | code::FILE_TYPE => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        code::EXAM_INVALID_QUESTIONS | code::EXAM_INVALID_QUESTION | code::FILE_IMAGE => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        code::RATE_LIMITED => StatusCode::TOO_MANY_REQUESTS,
        code::UPLOAD_TOO_SLOW => StatusCode::REQUEST_TIMEOUT,
        code::BUSY | code::UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        code::TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
        code::INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl OperationOutput for Problem {
    type Inner = Self;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<ResponseDoc> {
        Json::<Failed>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<StatusDoc>, ResponseDoc)> {
        let response = Self::operation_response(ctx, operation);
        let mut later = |status, description: &str| {
            let mut response = response.clone()?;
            description.clone_into(&mut response.description);
            response.headers.insert("Retry-After".to_owned(), retry_after(ctx));
            Some((Some(StatusDoc::Code(status)), response))
        };
        let limited = later(429, "More requests, or uploads, than one may send in a minute.");
        let busy = later(503, "The server, or this user, has as much to do as is taken at once.");
        [limited, busy, response.clone().map(|response| (None, response))].into_iter().flatten().collect()
    }
}

/// The header that says when to try again.
fn retry_after(ctx: &mut GenContext) -> ReferenceOr<Header> {
    let json_schema = ctx.schema.subschema_for::<u64>();
    ReferenceOr::Item(Header {
        description: Some("Seconds until the same may be asked again.".to_owned()),
        style: HeaderStyle::Simple,
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(SchemaObject { json_schema, external_docs: None, example: None }),
        example: None,
        examples: Default::default(),
        extensions: Default::default(),
    })
}
