//! The HTTP routes beside Socket.IO, and which origins may use them. Each maps onto a command or a query.

mod accounts;
mod caller;
mod demo;
mod drain;
mod exams;
mod files;
mod image;
mod kind;
mod notifications;
mod openapi;
mod pace;
mod page;
mod payload;
mod problem;
mod shape;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::json;
use sinaesta_contracts::{ErrorBody, code};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::Gateway;
pub(crate) use caller::bearer;
pub(crate) use drain::Drained;
pub(crate) use files::largest;
pub use openapi::document;
pub(crate) use pace::{Pace, Paced};
pub(crate) use problem::Problem;

/// Of the OpenAPI document: public, and another one with each version.
const DOCUMENT: [(HeaderName, &str); 2] =
    [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];

/// What pages of other origins may send beside what any page may.
const ASKED: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::RANGE,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// The routes, without Socket.IO.
pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    let (api, document) = openapi::build(gateway.settings.files.max_bytes);
    Router::new()
        .merge(api.with_state(Arc::clone(gateway)))
        .route("/healthz", get(|| async { "ok\n" }))
        // On a port of their own. Whoever asks for them here must not take the page for their answer.
        .route("/readyz", any(nothing_here))
        .route("/metrics", any(nothing_here))
        .route("/api/openapi.json", get(|| async { (DOCUMENT, document) }))
        .method_not_allowed_fallback(not_allowed)
        .fallback_service(page::fallback(&gateway.settings.web.folder))
}

async fn nothing_here() -> Problem {
    Problem(ErrorBody::new(code::NO_ROUTE, "There is nothing here"))
}

async fn not_allowed() -> Problem {
    Problem(ErrorBody::new(code::METHOD, "This method can't be used here"))
}

/// Answers are somebody's, or of the moment: no cache keeps those that don't say otherwise.
async fn keep_nothing(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Lets only the allowed origins in: for polling by CORS, for WebSockets, which know no CORS, by their `Origin`.
pub(crate) fn guard(router: Router, origins: &[String]) -> Router {
    let router = router.layer(middleware::map_response(keep_nothing));
    let cors = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        // By name: `*` does not stand for `Authorization` (Fetch, 4.9).
        .allow_headers(ASKED)
        .expose_headers([header::RETRY_AFTER, header::ETAG, header::CONTENT_RANGE, header::CONTENT_DISPOSITION]);
    if origins.iter().any(|origin| origin == "*") {
        return router.layer(cors.allow_origin(Any));
    }
    let allowed: Arc<[HeaderValue]> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let cors = cors.allow_credentials(true).allow_origin(AllowOrigin::list(allowed.iter().cloned()));
    router.layer(middleware::from_fn_with_state(allowed, refuse_foreign)).layer(cors)
}

async fn refuse_foreign(State(allowed): State<Arc<[HeaderValue]>>, request: Request, next: Next) -> Response {
    match request.headers().get(header::ORIGIN) {
        Some(origin) if !allowed.contains(origin) => {
            let body =
                json!({ "error": { "code": "http/origin-not-allowed", "message": "This origin may not connect" } });
            (StatusCode::FORBIDDEN, Json(body)).into_response()
        }
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;

    // The control: by default it said `*`, with which browsers send no `Authorization`.
    #[tokio::test]
    async fn pages_of_any_allowed_origin_may_send_their_token() {
        for origins in ["*", "https://a.example"] {
            let preflight = Request::options("/api/exams")
                .header(header::ORIGIN, "https://a.example")
                .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
                .body(Body::empty());
            let answer = guard(Router::new(), &[origins.to_owned()]).oneshot(preflight.unwrap()).await.unwrap();
            let allowed = answer.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().to_lowercase();
            for name in ["authorization", "content-type", "traceparent"] {
                assert!(allowed.split(',').any(|one| one.trim() == name), "{origins}: {allowed}");
            }
        }
    }
}
