//! Users: read from the database, made from the token where they are new.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use sinaesta_auth::Identity;
use sinaesta_contracts::{Actor, Role, UserId, shown_name};
use sinaesta_mutants::mutant;
use sinaesta_settings::AuthSettings;
use sinaesta_store::StoreError;
use sqlx::PgPool;
use thiserror::Error;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

/// How many users are remembered.
const REMEMBERED: u64 = 100_000;
/// How many users one statement reads: whoever connects at the same moment.
const AT_ONCE: usize = 500;

/// A user could not be read.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

type Found = Result<Option<Account>, Unreadable>;

/// Somebody, and whether they may connect.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) actor: Actor,
    is_suspended: bool,
    /// Tokens from before count no more.
    tokens_valid_from: Option<OffsetDateTime>,
}

impl Account {
    /// Whether a token that was issued at this moment, or does not say when, is good for this account now.
    pub(crate) fn takes(&self, issued_at: Option<OffsetDateTime>) -> bool {
        let is_valid = match (self.tokens_valid_from, issued_at) {
            (None, _) => true,
            (Some(revoked), Some(issued_at)) => issued_at >= next_second(revoked),
            (Some(_), None) => false,
        };
        (is_valid || mutant!("token-revoked-counts")) && !self.is_suspended
    }
}

/// When tokens count again after a revocation: `iat` is in whole seconds as most issuers write it, so one of the revocation's
/// own second may be from before it.
fn next_second(revoked: OffsetDateTime) -> OffsetDateTime {
    revoked.truncate_to_second()
        + mutant!("token-of-the-second-of-revoking-is-old", time::Duration::ZERO, time::Duration::SECOND)
}

struct Wanted {
    identity: Identity,
    found: oneshot::Sender<Found>,
}

/// Finds users.
pub(crate) struct Users {
    known: Cache<UserId, Account>,
    /// How many changes of accounts were applied.
    changes: AtomicU64,
    wanted: mpsc::Sender<Wanted>,
}

impl Users {
    pub(crate) fn new(pool: PgPool, settings: &AuthSettings) -> Self {
        let (wanted, receiver) = mpsc::channel(AT_ONCE * 4);
        tokio::spawn(read_batches(pool, settings.provision_users, receiver));
        let lifetime = Duration::from_secs(settings.user_cache_s);
        Self {
            known: Cache::builder().max_capacity(REMEMBERED).time_to_live(lifetime).build(),
            changes: AtomicU64::new(0),
            wanted,
        }
    }

    /// The user whom a token names, as they stand in the database: a token never raises a role.
    pub(crate) async fn find(&self, identity: Identity) -> Found {
        let id = identity.user_id;
        if let Some(account) = self.known.get(&id) {
            return Ok(Some(account));
        }
        let before = self.changes();
        let (found, answer) = oneshot::channel();
        let gone = |_| Unreadable("the reader of users is gone".to_owned());
        self.wanted.send(Wanted { identity, found }).await.map_err(|_| Unreadable("the reader is gone".to_owned()))?;
        let account = answer.await.map_err(gone)??;
        if let Some(account) = &account {
            self.known.insert(id, account.clone());
            // It may have been read before the change.
            if self.changes() != before {
                self.known.invalidate(&id);
            }
        }
        Ok(account)
    }

    /// How many changes of accounts were applied until now: what was read while this went up may be out of date.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// What is remembered of a user is no longer so.
    pub(crate) fn forget(&self, user: UserId) {
        mutant!("account-suspended-is-remembered", return);
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate(&user);
    }
}

async fn read_batches(pool: PgPool, provision: bool, mut wanted: mpsc::Receiver<Wanted>) {
    let mut batch = Vec::with_capacity(AT_ONCE);
    while wanted.recv_many(&mut batch, AT_ONCE).await > 0 {
        let identities: HashMap<UserId, &Identity> =
            batch.iter().map(|one| (one.identity.user_id, &one.identity)).collect();
        let read = read_each(&pool, provision, identities).await;
        for one in batch.drain(..) {
            let found = read.get(&one.identity.user_id).cloned().unwrap_or(Ok(None));
            one.found.send(found).ok();
        }
    }
}

/// What is found of each: one who can't be read keeps nobody else from being found.
async fn read_each(pool: &PgPool, provision: bool, identities: HashMap<UserId, &Identity>) -> HashMap<UserId, Found> {
    let mut found = HashMap::with_capacity(identities.len());
    let mut parts = vec![identities];
    while let Some(part) = parts.pop() {
        match read(pool, provision, &part).await {
            Ok(mut users) => found.extend(part.into_keys().map(|id| (id, Ok(users.remove(&id))))),
            Err(StoreError::Permanent(_)) if part.len() > 1 => {
                let half = part.len() / 2;
                let mut rest = part.into_iter();
                parts.push(rest.by_ref().take(half).collect());
                parts.push(rest.collect());
            }
            Err(error) => {
                let error = Unreadable(error.to_string());
                found.extend(part.into_keys().map(|id| (id, Err(error.clone()))));
            }
        }
    }
    found
}

async fn read(
    pool: &PgPool,
    provision: bool,
    identities: &HashMap<UserId, &Identity>,
) -> Result<HashMap<UserId, Account>, StoreError> {
    let ids: Vec<_> = identities.keys().map(|id| id.0).collect();
    let mut users = select(pool, &ids).await?;
    let new: Vec<&Identity> = identities.values().filter(|one| !users.contains_key(&one.user_id)).copied().collect();
    if provision && !new.is_empty() {
        insert(pool, &new).await?;
        let ids: Vec<_> = new.iter().map(|one| one.user_id.0).collect();
        users.extend(select(pool, &ids).await?);
    }
    Ok(users)
}

/// The accounts of users.
pub(crate) async fn select(pool: &PgPool, ids: &[uuid::Uuid]) -> Result<HashMap<UserId, Account>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, name, email, role, avatar, suspended_at, tokens_valid_from FROM users WHERE id = ANY($1)",
        ids
    )
    .fetch_all(pool)
    .await?;
    let read = rows.into_iter().map(|row| Account {
        actor: Actor {
            user_id: UserId(row.id),
            // Whoever wrote the row: it may be from a release that took any name, or by the platform itself.
            name: shown_name(UserId(row.id), Some(&row.name), row.email.as_deref()),
            // The table admits no other names; the least of rights for one it should.
            role: Role::from_str(&row.role).unwrap_or(Role::Student),
            avatar: row.avatar,
        },
        is_suspended: row.suspended_at.is_some(),
        tokens_valid_from: row.tokens_valid_from,
    });
    Ok(read.map(|account| (account.actor.user_id, account)).collect())
}

async fn insert(pool: &PgPool, new: &[&Identity]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO users (id, name, email, role, specialty, avatar)
         SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         ON CONFLICT (id) DO NOTHING",
        &new.iter().map(|one| one.user_id.0).collect::<Vec<_>>() as &[uuid::Uuid],
        &new.iter().map(|one| one.name.as_str()).collect::<Vec<_>>() as &[&str],
        &new.iter().map(|one| one.email.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &new.iter().map(|one| one.role.as_str()).collect::<Vec<_>>() as &[&str],
        &new.iter().map(|one| one.specialty.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &new.iter().map(|one| one.avatar.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
    )
    .execute(pool)
    .await?;
    Ok(())
}
