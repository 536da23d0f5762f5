//! What an account may do, as it changes: within a second, on every gateway, sockets of a suspended account or a revoked token
//! are disconnected, and those of an account with another role are dropped, so that they come back with what it may do now:
//! rooms, boards and exams are decided again as they are joined. The database notifies of each change, whoever made it; a
//! gateway that missed one finds it there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sinaesta_contracts::{Actor, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::session::Session;
use super::users::{self, Account};
use crate::Gateway;

/// The channel that the trigger on `users` notifies; each payload is an account's id.
const CHANNEL: &str = "account_changed";
/// How long a listener that was cut off waits before it connects again.
const RETRY: Duration = Duration::from_secs(1);
/// How many notifications wait while accounts are read, and how many accounts are read at once.
const AT_ONCE: usize = 1_000;
/// How often it is looked for what was not notified of.
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

/// Does it, and notes by whom and why; the database notifies every gateway.
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
           tokens_valid_from = CASE $2 WHEN 'revoke-tokens' THEN $3 ELSE tokens_valid_from END
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
    // Whoever asked for it finds it done here, however soon they look.
    gateway.users.forget(user);
    Ok(())
}

/// Ends the sockets whose rights have changed, until `background` ends.
pub(crate) async fn run(gateway: Arc<Gateway>, io: SocketIo, background: CancellationToken) {
    let (sender, mut notified) = mpsc::channel(AT_ONCE);
    tokio::spawn(listen(gateway.listener.clone(), sender));
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut users = Vec::new();
    loop {
        users.clear();
        let read = tokio::select! {
            () = background.cancelled() => return,
            _ = notified.recv_many(&mut users, AT_ONCE) => Ok(()),
            _ = tick.tick() => changed_since(&gateway.pool, gateway.clock.now() - BACK).await.map(|read| users = read),
        };
        let applied = match read {
            Ok(()) if users.is_empty() => continue,
            Ok(()) => apply(&gateway, &io, &users).await,
            Err(error) => Err(error),
        };
        if let Err(error) = applied {
            tracing::warn!(%error, "account changes are not applied yet: they are looked up again");
        }
    }
}

/// Passes on what the database notifies of, until nobody takes it.
async fn listen(pool: PgPool, changed: mpsc::Sender<Uuid>) {
    while !changed.is_closed() {
        if let Err(error) = pass_on(&pool, &changed).await {
            tracing::warn!(%error, "account changes are not notified: they are looked up until the database is back");
        }
        tokio::select! {
            () = changed.closed() => return,
            () = sleep(RETRY) => {}
        }
    }
}

/// The same, on one connection, while that lasts.
async fn pass_on(pool: &PgPool, changed: &mpsc::Sender<Uuid>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    loop {
        let notification = tokio::select! {
            () = changed.closed() => return Ok(()),
            received = listener.try_recv() => received?,
        };
        let Some(notification) = notification else { return Ok(()) };
        if let Ok(user) = notification.payload().parse() {
            changed.send(user).await.ok();
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
    let changed: HashSet<_> = changed.iter().copied().collect();
    let session_of = |socket: SocketRef| Some((socket.extensions.get::<Arc<Session>>()?, socket));
    let mut open: Vec<_> = io.sockets().into_iter().filter_map(session_of).collect();
    open.retain(|(session, _)| changed.contains(&session.actor.user_id.0));
    // Only of those who are here: a whole school's roles may change in one statement.
    let users: Vec<_> = open.iter().map(|(session, _)| session.actor.user_id.0).collect();
    let accounts = users::select(&gateway.pool, &users).await?;
    for (session, socket) in open {
        settle(&socket, &session, accounts.get(&session.actor.user_id));
    }
    Ok(())
}

/// Looks again at a socket that was connected while accounts changed: it may have been admitted by what stood before.
pub(crate) fn look_again(gateway: &Arc<Gateway>, socket: SocketRef, session: Arc<Session>) {
    let gateway = Arc::clone(gateway);
    tokio::spawn(async move {
        let user = session.actor.user_id;
        match users::select(&gateway.pool, &[user.0]).await {
            Ok(accounts) => settle(&socket, &session, accounts.get(&user)),
            // It connects again, and is admitted by what stands then.
            Err(error) => {
                tracing::warn!(%error, user_id = %user, "socket dropped: its account can't be read");
                socket.drop_connection();
            }
        }
    });
}

/// Ends a socket that is connected by what counts no more.
pub(crate) fn settle(socket: &SocketRef, session: &Session, account: Option<&Account>) {
    let user_id = session.actor.user_id;
    match account {
        Some(account) if !account.takes(session.token().issued_at) && !mutant!("account-suspended-stays-connected") => {
            tracing::info!(%user_id, sid = %session.sid, "socket disconnected: its account is suspended or its token revoked");
            session.void();
            socket.clone().disconnect().ok();
        }
        Some(account) if account.actor.role == session.actor.role => {}
        changed => {
            let role = changed.map(|account| account.actor.role);
            tracing::info!(%user_id, sid = %session.sid, ?role, "socket dropped: its account has another role, or is gone");
            session.void();
            socket.drop_connection();
        }
    }
}
