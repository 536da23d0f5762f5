//! Who is there.

use std::collections::HashMap;

use sinaesta_contracts::presence::Status;
use sinaesta_contracts::{GatewayId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Somebody's first socket on a gateway.
#[derive(Debug, Clone)]
pub struct Arriving<'a> {
    pub user: UserId,
    pub name: &'a str,
    pub gateway: GatewayId,
    /// The command that says so.
    pub by: Uuid,
    pub at: OffsetDateTime,
}

/// Somebody who is to be announced.
#[derive(Debug, Clone)]
pub struct Shown {
    pub user: UserId,
    pub name: String,
    pub status: Status,
    pub last_seen_at: OffsetDateTime,
    /// The command that brought this about.
    pub by: Option<Uuid>,
}

/// The subject of having sockets on a gateway.
pub fn subject(user: UserId) -> String {
    format!("presence {}", user.0)
}

/// Notes arrivals; gives those who were on no gateway before, as they show now. Each user may stand in it once.
pub async fn arrive(db: &mut PgConnection, arrivals: &[Arriving<'_>]) -> Result<Vec<Shown>, StoreError> {
    if arrivals.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<Uuid> = arrivals.iter().map(|one| one.user.0).collect();
    let gateways: Vec<Uuid> = arrivals.iter().map(|one| one.gateway.0).collect();
    let by: Vec<Uuid> = arrivals.iter().map(|one| one.by).collect();
    let at: Vec<OffsetDateTime> = arrivals.iter().map(|one| one.at).collect();
    let names: Vec<&str> = arrivals.iter().map(|one| one.name).collect();
    sqlx::query!(
        "INSERT INTO online_users AS o (user_id, gateway_id, connected_by, connected_at)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS new (u, g, b, a) ORDER BY u, g
         ON CONFLICT (user_id, gateway_id) DO UPDATE SET disconnected_at = NULL",
        &users,
        &gateways,
        &by,
        &at,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO user_presence AS p (user_id, user_name, last_seen_at)
         SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::timestamptz[]) AS new (u, n, a) ORDER BY u
         ON CONFLICT (user_id) DO UPDATE SET
           user_name = EXCLUDED.user_name, last_seen_at = EXCLUDED.last_seen_at, offline_by = NULL",
        &users,
        &names as &[&str],
        &at,
    )
    .execute(&mut *db)
    .await?;
    arrived(db, arrivals).await
}

/// Those who were brought here by these very arrivals and are here, on one gateway only, as they show now: that is so for repeats too.
pub async fn arrived(db: &mut PgConnection, arrivals: &[Arriving<'_>]) -> Result<Vec<Shown>, StoreError> {
    if arrivals.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        "SELECT p.user_id, p.user_name, p.status, p.last_seen_at
         FROM UNNEST($1::uuid[], $2::uuid[]) AS new (user_id, by)
         JOIN online_users o ON o.user_id = new.user_id AND o.connected_by = new.by AND o.disconnected_at IS NULL
         JOIN user_presence p ON p.user_id = new.user_id
         WHERE (SELECT count(*) FROM online_users c WHERE c.user_id = new.user_id) = 1",
        &arrivals.iter().map(|one| one.user.0).collect::<Vec<_>>(),
        &arrivals.iter().map(|one| one.by).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Shown {
            user: UserId(row.user_id),
            name: row.user_name,
            status: Status::from_name(&row.status).unwrap_or(Status::Online),
            last_seen_at: row.last_seen_at,
            by: None,
        })
        .collect())
}

/// Notes that users have no socket on a gateway any more.
pub async fn depart(
    db: &mut PgConnection,
    departures: &[(UserId, GatewayId, OffsetDateTime)],
) -> Result<(), StoreError> {
    let users: Vec<Uuid> = departures.iter().map(|(user, _, _)| user.0).collect();
    let gateways: Vec<Uuid> = departures.iter().map(|(_, gateway, _)| gateway.0).collect();
    let at: Vec<OffsetDateTime> = departures.iter().map(|(_, _, at)| *at).collect();
    sqlx::query!(
        "WITH gone AS (SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[]) AS new (u, g, a)),
              seen AS (UPDATE user_presence p SET last_seen_at = gone.a FROM gone WHERE p.user_id = gone.u)
         UPDATE online_users o SET disconnected_at = gone.a FROM gone
         WHERE o.user_id = gone.u AND o.gateway_id = gone.g AND o.disconnected_at IS NULL",
        &users,
        &gateways,
        &at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that gateways are gone, each since a moment, with everyone who was on them.
pub async fn lose(db: &mut PgConnection, gateways: &[Uuid], since: &[OffsetDateTime]) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "UPDATE online_users o SET disconnected_at = gone.since
         FROM (SELECT gateway_id, min(since) AS since FROM UNNEST($1::uuid[], $2::timestamptz[]) AS g (gateway_id, since)
               GROUP BY gateway_id) AS gone
         WHERE o.gateway_id = gone.gateway_id AND o.disconnected_at IS NULL",
        gateways,
        since,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Who has been gone since before `until`, and since when.
pub async fn leaving(
    db: &mut PgConnection,
    until: OffsetDateTime,
    limit: i64,
) -> Result<Vec<(UserId, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT user_id, max(disconnected_at) AS "at!" FROM online_users WHERE disconnected_at <= $1
           GROUP BY user_id LIMIT $2"#,
        until,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.at)).collect())
}

/// Somebody who may have been gone for long enough.
#[derive(Debug, Clone, Copy)]
pub struct Leaving {
    pub user: UserId,
    /// The command that says so.
    pub by: Uuid,
    /// Whoever was gone at this moment is offline.
    pub until: OffsetDateTime,
}

/// Takes those offline who were gone at the stated moments and are on no gateway. Each user may stand in it once.
pub async fn expire(db: &mut PgConnection, leaving: &[Leaving]) -> Result<Vec<Shown>, StoreError> {
    let users: Vec<Uuid> = leaving.iter().map(|one| one.user.0).collect();
    let by: Vec<Uuid> = leaving.iter().map(|one| one.by).collect();
    let until: Vec<OffsetDateTime> = leaving.iter().map(|one| one.until).collect();
    sqlx::query!(
        "DELETE FROM online_users o USING UNNEST($1::uuid[], $2::timestamptz[]) AS gone (user_id, until)
         WHERE o.user_id = gone.user_id AND o.disconnected_at <= gone.until",
        &users,
        &until,
    )
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query!(
        "UPDATE user_presence AS p SET offline_by = gone.by
         FROM UNNEST($1::uuid[], $2::uuid[]) AS gone (user_id, by)
         WHERE p.user_id = gone.user_id AND (p.offline_by IS NULL OR p.offline_by = gone.by)
           AND NOT EXISTS (SELECT FROM online_users o WHERE o.user_id = p.user_id)
         RETURNING p.user_id, p.user_name, p.last_seen_at, p.offline_by",
        &users,
        &by,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Shown {
            user: UserId(row.user_id),
            name: row.user_name,
            status: Status::Offline,
            last_seen_at: row.last_seen_at,
            by: row.offline_by,
        })
        .collect())
}

/// Notes how users chose to show, each at most once in `pause`; says when each who is noted, or was, chose. Each may stand in it once.
pub async fn choose(
    db: &mut PgConnection,
    shown: &[Shown],
    pause: time::Duration,
) -> Result<HashMap<UserId, Chosen>, StoreError> {
    let users: Vec<Uuid> = shown.iter().map(|one| one.user.0).collect();
    sqlx::query!(
        "INSERT INTO user_presence AS p (user_id, user_name, status, last_seen_at, chosen_at, chosen_by)
         SELECT u, n, s, a, a, b FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[])
                                      AS new (u, n, s, a, b) ORDER BY u
         ON CONFLICT (user_id) DO UPDATE SET status = EXCLUDED.status, chosen_at = EXCLUDED.chosen_at,
                                             chosen_by = EXCLUDED.chosen_by
         WHERE p.chosen_at IS NULL OR p.chosen_at <= EXCLUDED.chosen_at - make_interval(secs => $6)",
        &users,
        &shown.iter().map(|one| one.name.as_str()).collect::<Vec<_>>() as &[&str],
        &shown.iter().map(|one| one.status.as_str()).collect::<Vec<_>>() as &[&str],
        &shown.iter().map(|one| one.last_seen_at).collect::<Vec<_>>(),
        &shown.iter().map(|one| one.by).collect::<Vec<_>>() as &[Option<Uuid>],
        pause.as_seconds_f64(),
    )
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT user_id, chosen_at AS "at!", chosen_by AS "by!" FROM user_presence
           WHERE user_id = ANY($1) AND chosen_at IS NOT NULL AND chosen_by IS NOT NULL"#,
        &users,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), Chosen { at: row.at, by: row.by })).collect())
}

/// When somebody chose how to show, and by which command.
#[derive(Debug, Clone, Copy)]
pub struct Chosen {
    pub at: OffsetDateTime,
    pub by: Uuid,
}

/// How users chose to show, and when they were last there.
pub async fn chosen(db: &mut PgConnection, users: &[Uuid]) -> Result<Vec<Shown>, StoreError> {
    let rows = sqlx::query!(
        "SELECT user_id, user_name, status, last_seen_at FROM user_presence WHERE user_id = ANY($1)",
        users,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Shown {
            user: UserId(row.user_id),
            name: row.user_name,
            status: Status::from_name(&row.status).unwrap_or(Status::Online),
            last_seen_at: row.last_seen_at,
            by: None,
        })
        .collect())
}

/// The gateways on which anybody is.
pub async fn gateways(db: &mut PgConnection) -> Result<Vec<GatewayId>, StoreError> {
    let rows = sqlx::query!("SELECT DISTINCT gateway_id FROM online_users WHERE disconnected_at IS NULL")
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| GatewayId(row.gateway_id)).collect())
}

/// Which of these users have a socket on any gateway.
pub async fn online(db: &mut PgConnection, users: &[Uuid]) -> Result<Vec<UserId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT user_id FROM online_users WHERE user_id = ANY($1) AND disconnected_at IS NULL",
        users
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}
