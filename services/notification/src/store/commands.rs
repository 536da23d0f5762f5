//! Commands that are done, where nothing else shows that they are: what they set may have been set otherwise since.

use std::collections::{HashMap, HashSet};

use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Notes commands as done, with their stamps; gives those that were not: all others are repeats. One that another
/// transaction notes at this moment is waited for.
pub async fn claim(db: &mut PgConnection, done: &[(Uuid, OffsetDateTime)]) -> Result<HashSet<Uuid>, StoreError> {
    let new = sqlx::query_scalar!(
        "INSERT INTO notification_commands (command_id, done_at)
         SELECT DISTINCT ON (c) c, at FROM UNNEST($1::uuid[], $2::timestamptz[]) AS done (c, at) ORDER BY c, at
         ON CONFLICT (command_id) DO NOTHING RETURNING command_id",
        &done.iter().map(|(id, _)| *id).collect::<Vec<_>>() as &[Uuid],
        &done.iter().map(|(_, at)| *at).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .fetch_all(db)
    .await?;
    Ok(new.into_iter().collect())
}

/// Notes up to which version commands have read everything.
pub async fn note_read_up_to(db: &mut PgConnection, read: &[(Uuid, i64)]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notification_commands c SET read_up_to = new.version
         FROM UNNEST($1::uuid[], $2::bigint[]) AS new (id, version) WHERE c.command_id = new.id",
        &read.iter().map(|(id, _)| *id).collect::<Vec<_>>() as &[Uuid],
        &read.iter().map(|(_, version)| *version).collect::<Vec<_>>() as &[i64],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Up to which version commands have read everything.
pub async fn read_up_to(db: &mut PgConnection, commands: &[Uuid]) -> Result<HashMap<Uuid, i64>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT command_id, read_up_to AS "read_up_to!" FROM notification_commands
           WHERE command_id = ANY($1) AND read_up_to IS NOT NULL"#,
        commands,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.command_id, row.read_up_to)).collect())
}
