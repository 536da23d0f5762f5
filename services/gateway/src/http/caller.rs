//! Who sends a request: by the same token as on a socket.

use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use sinaesta_bus::Answer;
use sinaesta_contracts::{Actor, Command, ErrorBody, Query, code};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::payload::Reply;
use super::problem::Problem;
use crate::Gateway;
use crate::admission::{self, Admission};
use crate::sockets::limits::exceeded;
use crate::sockets::user::UserEntry;

/// The name under which the document knows the token.
pub(super) const BEARER: &str = "bearer";

/// Somebody with a valid token, within their limits.
pub(super) struct Caller {
    gateway: Arc<Gateway>,
    actor: Actor,
    user: Arc<UserEntry>,
    /// Leave to have this request under way.
    _open: OwnedSemaphorePermit,
}

impl FromRequestParts<Arc<Gateway>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        match identify(parts, gateway).await {
            Ok(actor) => {
                Admission::request_signed_in(parts);
                let user = gateway.entries.of(actor.user_id);
                user.limits.take_request().map_err(|wait| {
                    metrics::counter!("gateway_rate_limited_total", "event" => "http").increment(1);
                    exceeded(wait)
                })?;
                Ok(Self { gateway: Arc::clone(gateway), actor, _open: user.open_request().await?, user })
            }
            Err(error) => match admission::http::client(&parts.extensions) {
                Some(client) if error.code != code::UNAVAILABLE => {
                    gateway.admission.refused(client)?;
                    Err(error.into())
                }
                _ => Err(error.into()),
            },
        }
    }
}

/// The token of `Authorization`, whose scheme is written in any case (RFC 9110, 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

async fn identify(parts: &Parts, gateway: &Gateway) -> Result<Actor, ErrorBody> {
    let token = bearer(&parts.headers)
        .ok_or_else(|| ErrorBody::new(code::NO_TOKEN, "Authentication error: No token provided"))?;
    let identity = gateway
        .identify(token)
        .await
        .map_err(|_| ErrorBody::new(code::INVALID_TOKEN, "Authentication error: Invalid token"))?;
    let issued_at = identity.issued_at;
    let found = gateway.users.find(identity).await.map_err(|error| {
        tracing::warn!(%error, "a user could not be read");
        ErrorBody::new(code::UNAVAILABLE, "The server can't take requests right now")
    })?;
    let account = found.ok_or_else(|| ErrorBody::new(code::USER_NOT_FOUND, "Authentication error: User not found"))?;
    if !account.takes(issued_at) {
        return Err(ErrorBody::new(code::INVALID_TOKEN, "Authentication error: Invalid token"));
    }
    Ok(account.actor)
}

impl OperationInput for Caller {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        operation.security.push([(BEARER.to_owned(), Vec::new())].into_iter().collect());
    }
}

impl Caller {
    /// Who it is.
    pub(super) const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What they share with their sockets here.
    pub(super) fn user(&self) -> &UserEntry {
        &self.user
    }

    /// Where the request came in.
    pub(super) const fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Sends a command, and waits until its effect is durable.
    pub(super) async fn command<C: Command>(&self, command: &C) -> Reply<C::Reply> {
        self.answer(command).await.into()
    }

    /// The same, to be looked at.
    pub(super) async fn answer<C: Command>(&self, command: &C) -> Answer {
        // Counted with those of the user's sockets.
        let _permit = self.user.open_command(Instant::now()).await?;
        let limit = self.gateway.command_timeout();
        match self.gateway.bus.dispatch(self.gateway.bus.new_id(), &self.actor, command).await {
            Ok(sent) => sent.answer(limit).await,
            Err(error) => Err(error),
        }
    }

    /// Asks a service.
    pub(super) async fn ask<Q: Query>(&self, query: &Q) -> Reply<Q::Reply> {
        self.asked(query).await.into()
    }

    /// The same, to be looked at.
    pub(super) async fn asked<Q: Query>(&self, query: &Q) -> Answer {
        let _permit = self.user.open_query(Instant::now()).await?;
        self.gateway.bus.ask_raw(&self.actor, query).await
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    // The control: with the prefix `Bearer ` alone the second and the third have no token.
    #[test]
    fn a_token_is_read_whatever_case_its_scheme_is_in() {
        for (value, token) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bearer a.b.c", Some("a.b.c")),
            ("BEARER  a.b.c", Some("a.b.c")),
            ("Bearer ", None),
            ("Bearer", None),
            ("Basic a.b.c", None),
            ("Bearera.b.c", None),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(bearer(&headers), token, "{value}");
        }
    }
}
