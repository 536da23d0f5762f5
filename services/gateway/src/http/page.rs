//! The web page, if there is one: its files, and the page itself at every other address that a browser opens.

use std::path::Path;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use tower::ServiceExt as _;
use tower_http::services::{ServeDir, ServeFile};

use super::{not_allowed, nothing_here};

/// What the page may do: nothing but what comes from here. Styles are set by the components on their elements.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; \
                      media-src 'self' blob: data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";
/// The longest name that a file system looks for, in bytes: a longer one would be a fault of ours.
const LONGEST_NAME: usize = 255;
/// The same for a whole path, with room for the folder before it.
const LONGEST_PATH: usize = 2_000;
/// Names of built files say what is in them: another content has another name.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers whatever no route does: with the page, where `folder` has one.
pub(super) fn fallback(folder: &str) -> Router {
    if folder.is_empty() {
        return Router::new().fallback(nothing_here);
    }
    let folder = Path::new(folder);
    let files = ServeDir::new(folder).fallback(ServeFile::new(folder.join("index.html")));
    let serve = move |request: Request| async move {
        let path = request.uri().path();
        let is_short = path.len() <= LONGEST_PATH && path.split('/').all(|name| name.len() <= LONGEST_NAME);
        let is_page = is_short && !path.starts_with("/api/");
        // A file that is missing must not be answered with the page: a browser would take it for the file.
        let is_built = path.starts_with("/assets/");
        if !is_page {
            return nothing_here().await.into_response();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return ([(header::ALLOW, "GET, HEAD")], not_allowed().await).into_response();
        }
        match files.oneshot(request).await {
            Ok(response) if is_built && is_html(&response) => nothing_here().await.into_response(),
            Ok(response) => with_headers(response.map(axum::body::Body::new), is_built),
            Err(never) => match never {},
        }
    };
    Router::new().fallback(serve)
}

fn is_html<B>(response: &axum::http::Response<B>) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}

fn with_headers(mut response: Response, is_built: bool) -> Response {
    let policy: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    response.headers_mut().extend(policy);
    response.headers_mut().insert(header::CACHE_CONTROL, if is_built { FOREVER } else { ASK });
    response
}
