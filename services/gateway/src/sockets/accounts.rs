//! Accounts that are suspended, and tokens that are revoked: whoever was connected by them is disconnected, on every
//! gateway, within a second. A gateway that missed the news finds it in the database.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use sinaesta_contracts::account::AccountChanged;
use sinaesta_contracts::{Actor, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use socketioxide::SocketIo;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::session::Session;
use super::users;
use crate::Gateway;

/// How often it is looked for what was not heard of.
const LOOK: Duration = Duration::from_secs(5);
/// How far back: longer than a transaction and a clock that differs may take.
const BACK: Duration = Duration::from_secs(30);

/// What is done to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Suspend,
    Restore,
    RevokeTokens,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Restore => "restore",
            Self::RevokeTokens => "revoke-tokens",
        }
    }
}

/// Does it, notes by whom and why, and tells every gateway.
pub(crate) async fn act(
    gateway: &Gateway,
    by: &Actor,
    user: UserId,
    action: Action,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let now = gateway.clock.now();
    let mut db = gateway.pool.begin().await?;
    sqlx::query!(
        "UPDATE users SET
           suspended_at = CASE $2 WHEN 'suspend' THEN COALESCE(suspended_at, $3) WHEN 'restore' THEN NULL ELSE suspended_at END,
           tokens_valid_from = CASE $2 WHEN 'revoke-tokens' THEN $3 ELSE tokens_valid_from END,
           account_changed_at = $3
         WHERE id = $1",
        user.0,
        action.as_str(),
        now,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO account_actions (id, user_id, action, reason, by_user, at) VALUES ($1, $2, $3, $4, $5, $6)",
        gateway.bus.new_id(),
        user.0,
        action.as_str(),
        reason,
        by.user_id.0,
        now,
    )
    .execute(&mut *db)
    .await?;
    db.commit().await?;
    gateway.bus.signal(&AccountChanged { user_id: user }).await;
    Ok(())
}

/// Disconnects whoever may not be connected any more, until `background` ends.
pub(crate) async fn run(gateway: Arc<Gateway>, io: SocketIo, background: CancellationToken) {
    let mut heard = match gateway.bus.signals::<AccountChanged>().await {
        Ok(heard) => heard,
        Err(error) => return tracing::error!(%error, "changes of accounts are not heard"),
    };
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let changed = tokio::select! {
            () = background.cancelled() => return,
            Some(changed) = heard.next() => Ok(vec![changed.user_id.0]),
            _ = tick.tick() => changed_since(&gateway.pool, gateway.clock.now() - BACK).await,
        };
        let applied = match changed {
            Ok(users) if users.is_empty() => continue,
            Ok(users) => apply(&gateway, &io, &users).await,
            Err(error) => Err(error),
        };
        if let Err(error) = applied {
            tracing::warn!(%error, "changes of accounts have to wait");
        }
    }
}

async fn changed_since(pool: &PgPool, since: OffsetDateTime) -> Result<Vec<Uuid>, StoreError> {
    mutant!("account-change-that-was-missed-stays-so", return Ok(Vec::new()));
    Ok(sqlx::query_scalar!("SELECT id FROM users WHERE account_changed_at > $1", since).fetch_all(pool).await?)
}

async fn apply(gateway: &Gateway, io: &SocketIo, changed: &[Uuid]) -> Result<(), StoreError> {
    for user in changed {
        gateway.users.forget(UserId(*user));
    }
    let accounts = users::select(&gateway.pool, changed).await?;
    for socket in io.sockets() {
        let Some(session) = socket.extensions.get::<Arc<Session>>() else { continue };
        let account = accounts.get(&session.actor.user_id);
        if account.is_some_and(|account| !account.takes(session.issued_at()))
            && !mutant!("account-suspended-stays-connected")
        {
            socket.disconnect().ok();
        }
    }
    Ok(())
}
