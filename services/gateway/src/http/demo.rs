//! `/api/demo`: signing in as one of the demo's people, on stacks that have some. Anybody may: it is for trying out.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sinaesta_auth::{Identity, mint};
use sinaesta_contracts::{ErrorBody, Role, Timestamp, UserId, code};
use time::Duration;
use uuid::Uuid;

use super::nothing_here;
use super::payload::Body;
use super::problem::Problem;
use crate::Gateway;

/// How long a token lives: short, so that what a page does when one expires is seen.
const LIFETIME: Duration = Duration::minutes(15);

pub(super) fn routes() -> ApiRouter<Arc<Gateway>> {
    ApiRouter::new()
        .api_route("/api/demo/people", get_with(people, says("List whom anybody may sign in as")))
        .api_route("/api/demo/sign-in", post_with(sign_in, says("Get a token as one of them")))
}

fn says(summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| operation.summary(summary).tag("demo")
}

/// Somebody to sign in as.
#[derive(Serialize, JsonSchema)]
struct Person {
    id: UserId,
    name: String,
    role: Role,
    specialty: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct People {
    people: Vec<Person>,
}

async fn people(State(gateway): State<Arc<Gateway>>) -> Result<Json<People>, Problem> {
    Ok(Json(People { people: load(&gateway).await? }))
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SignIn {
    user_id: UserId,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SignedIn {
    token: String,
    expires_at: Timestamp,
}

async fn sign_in(State(gateway): State<Arc<Gateway>>, Body(who): Body<SignIn>) -> Result<Json<SignedIn>, Problem> {
    let people = load(&gateway).await?;
    let unknown = || ErrorBody::new(code::USER_UNKNOWN, "There is no such person in the demo").on_field("userId");
    let Person { id, name, role, specialty } =
        people.into_iter().find(|one| one.id == who.user_id).ok_or_else(unknown)?;
    let now = gateway.clock.now();
    let (issued_at, expires_at) = (Some(now), now + LIFETIME);
    let identity = Identity { user_id: id, name, email: None, role, specialty, avatar: None, issued_at, expires_at };
    let token = mint(&gateway.settings.auth.jwt_secret, &identity).map_err(|error| {
        tracing::error!(%error, "no token could be made");
        ErrorBody::new(code::INTERNAL, "No token could be made")
    })?;
    Ok(Json(SignedIn { token, expires_at: Timestamp(expires_at) }))
}

/// The demo's people in the order of the setting; without any, there is nothing here.
async fn load(gateway: &Gateway) -> Result<Vec<Person>, Problem> {
    let ids: Vec<Uuid> = gateway.settings.web.demo_users.iter().filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() {
        return Err(nothing_here().await);
    }
    let rows = sqlx::query!(
        "SELECT id, name, role, specialty FROM users WHERE id = ANY($1) ORDER BY array_position($1, id)",
        &ids
    )
    .fetch_all(&gateway.pool)
    .await
    .map_err(|error| {
        tracing::warn!(%error, "the demo's people could not be read");
        ErrorBody::new(code::UNAVAILABLE, "The server can't take requests right now")
    })?;
    let person = |row: (Uuid, String, String, Option<String>)| {
        let (id, name, role, specialty) = row;
        Some(Person { id: UserId(id), name, role: role.parse().ok()?, specialty })
    };
    Ok(rows.into_iter().filter_map(|row| person((row.id, row.name, row.role, row.specialty))).collect())
}
