//! The HTTP routes beside Socket.IO, and which origins may use them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;
use sinaesta_telemetry::Readiness;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::Gateway;

/// The routes, without Socket.IO.
pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    let ready = {
        let gateway = Arc::clone(gateway);
        Readiness::new(move || {
            let gateway = Arc::clone(&gateway);
            async move { check(&gateway).await }
        })
    };
    sinaesta_telemetry::router(ready).fallback(|| async {
        (
            StatusCode::NOT_FOUND,
            Json(json!({ "error": { "code": "http/not-found", "message": "There is nothing here" } })),
        )
    })
}

async fn check(gateway: &Gateway) -> Result<(), String> {
    if gateway.closing.is_cancelled() {
        return Err("shutting down".to_owned());
    }
    gateway.bus.check().await?;
    sinaesta_store::check(&gateway.pool).await.map_err(|error| error.to_string())
}

/// Lets only the allowed origins in: for polling by CORS, for WebSockets, which know no CORS, by their `Origin`.
pub(crate) fn guard(router: Router, origins: &[String]) -> Router {
    let cors = CorsLayer::new().allow_methods([Method::GET, Method::POST]);
    if origins.iter().any(|origin| origin == "*") {
        return router.layer(cors.allow_headers(Any).allow_origin(Any));
    }
    let allowed: Arc<[HeaderValue]> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let cors = cors
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .allow_credentials(true)
        .allow_origin(AllowOrigin::list(allowed.iter().cloned()));
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
