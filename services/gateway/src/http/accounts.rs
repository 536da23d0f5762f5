//! `/api/users/{id}`: who may connect. For admins; nobody does it to themselves, and none but a super admin to an admin.

use std::sync::Arc;

use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{post_with, put_with};
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::transform::TransformOperation;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::Deserialize;
use sinaesta_contracts::account::{Revocation, Suspension};
use sinaesta_contracts::{ErrorBody, Role, UserId, code};

use super::caller::Caller;
use super::payload::Body;
use super::problem::Problem;
use crate::Gateway;
use crate::sockets::accounts::{Action, act};
use crate::sockets::users;

pub(super) fn routes() -> ApiRouter<Arc<Gateway>> {
    ApiRouter::new()
        .api_route("/api/users/{id}/suspension", put_with(suspend, says("Suspend somebody, or let them connect again")))
        .api_route(
            "/api/users/{id}/tokens/revoke",
            post_with(revoke, says("Let no token count that was issued before")),
        )
}

fn says(summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| operation.summary(summary).tag("accounts").response::<204, ()>()
}

/// Whose account.
struct Whose(UserId);

#[derive(Deserialize, JsonSchema)]
struct UserPath {
    id: UserId,
}

impl<S: Send + Sync> FromRequestParts<S> for Whose {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What is no id names nobody.
        Path::<UserPath>::from_request_parts(parts, state).await.map(|Path(path)| Self(path.id)).map_err(|_| unknown())
    }
}

impl OperationInput for Whose {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Path::<UserPath>::operation_input(ctx, operation);
    }
}

fn unknown() -> Problem {
    Problem(ErrorBody::new(code::USER_UNKNOWN, "There is no such user"))
}

async fn suspend(caller: Caller, Whose(user): Whose, Body(wanted): Body<Suspension>) -> Result<StatusCode, Problem> {
    let action = if wanted.suspended { Action::Suspend } else { Action::Restore };
    apply(&caller, user, action, wanted.reason.as_ref().map(|text| text.as_str())).await
}

async fn revoke(caller: Caller, Whose(user): Whose, Body(wanted): Body<Revocation>) -> Result<StatusCode, Problem> {
    apply(&caller, user, Action::RevokeTokens, wanted.reason.as_ref().map(|text| text.as_str())).await
}

async fn apply(caller: &Caller, user: UserId, action: Action, reason: Option<&str>) -> Result<StatusCode, Problem> {
    let (gateway, by) = (caller.gateway(), caller.actor());
    let forbidden = |text| Err(Problem(ErrorBody::new(code::FORBIDDEN, text)));
    if !by.role.is_admin() {
        return forbidden("Only admins may do this");
    }
    let unavailable = |error: sinaesta_store::StoreError| {
        tracing::warn!(%error, "an account can't be changed");
        Problem(ErrorBody::new(code::UNAVAILABLE, "The server can't do this right now"))
    };
    let found = users::select(&gateway.pool, &[user.0]).await.map_err(unavailable)?;
    let target = found.get(&user).ok_or_else(unknown)?;
    by.may_act_on(user, target.actor.role).map_err(Problem)?;
    if target.actor.role.is_admin() && by.role != Role::SuperAdmin {
        return forbidden("Only a super admin may do this to an admin");
    }
    act(gateway, by, user, action, reason).await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}
