//! The OpenAPI document, made from the routes themselves.

use std::sync::Arc;

use aide::openapi::{OpenApi, SecurityScheme};
use axum::Router;

use super::caller::BEARER;
use super::{accounts, demo, exams, files, notifications};
use crate::Gateway;

/// The routes, and the document that describes them.
pub(super) fn build(max_file_bytes: u64) -> (Router<Arc<Gateway>>, String) {
    let mut api = OpenApi::default();
    let router = exams::routes()
        .merge(notifications::routes())
        .merge(accounts::routes())
        .merge(files::routes(max_file_bytes))
        .merge(demo::routes())
        .finish_api_with(&mut api, |api| {
            api.title("Sinaesta Realtime")
                .version(env!("CARGO_PKG_VERSION"))
                .description(
                    "What is done over HTTP; everything else goes over Socket.IO, which asyncapi.json describes. \
                     No text may have the character U+0000.",
                )
                .security_scheme(
                    BEARER,
                    SecurityScheme::Http {
                        scheme: "bearer".to_owned(),
                        bearer_format: Some("JWT".to_owned()),
                        description: Some("The token that a socket's handshake takes.".to_owned()),
                        extensions: Default::default(),
                    },
                )
        });
    let document = serde_json::to_string_pretty(&api).unwrap_or_default();
    (router, document + "\n")
}

/// The OpenAPI document of the HTTP routes, as JSON.
pub fn document() -> String {
    build(0).1
}
