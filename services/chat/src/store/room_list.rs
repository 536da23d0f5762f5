//! What a user's list of rooms says.

use std::collections::HashMap;

use sinaesta_contracts::room_list::MAX_UNREAD;
use sinaesta_contracts::{GroupId, UserId, shown_name};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// How many unread messages of each room are looked at: own and removed ones among them do not count. Of what lies behind, each
/// does: counting a thousand in each of a hundred rooms would cost every list a tenth of a second.
const LOOKED_AT: i64 = 50;

/// A room of somebody's.
pub struct Listed {
    pub id: String,
    pub opened_by: Option<UserId>,
    pub last_seq: i64,
    pub last_read_seq: i64,
    pub last_message: Option<Uuid>,
    pub unread_count: i64,
}

/// The rooms somebody has joined or is one of two in, with `mentor_rooms` those too; what was said last comes first.
pub async fn load(
    db: &mut PgConnection,
    user: UserId,
    mentor_rooms: bool,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH mine AS (
             SELECT room_id AS id FROM chat_participants WHERE user_id = $1 AND left_at IS NULL
             UNION SELECT id FROM chat_rooms WHERE type = 'DIRECT' AND split_part(id, ':', 2) = $1::text
             UNION SELECT id FROM chat_rooms WHERE type = 'DIRECT' AND split_part(id, ':', 3) = $1::text
             UNION SELECT id FROM chat_rooms WHERE type = 'MENTOR' AND $2
           ), listed AS (
             SELECT r.id, r.opened_by, r.last_seq, COALESCE(p.last_read_seq, 0) AS last_read_seq, m.id AS last_message
             FROM mine JOIN chat_rooms r USING (id)
             LEFT JOIN chat_participants p ON p.room_id = r.id AND p.user_id = $1
             LEFT JOIN chat_messages m ON m.room_id = r.id AND m.seq = r.last_seq
             ORDER BY COALESCE(m.created_at, r.created_at) DESC, r.id LIMIT $3
           )
           SELECT l.id, l.opened_by, l.last_seq, l.last_read_seq AS "last_read_seq!", l.last_message AS "last_message?",
                  LEAST($4, l.last_seq - l.last_read_seq - (SELECT count(*) FILTER (WHERE NOT counts) FROM (
                     SELECT m.sender_id <> $1 AND m.removed_at IS NULL AS counts FROM chat_messages m
                     WHERE m.room_id = l.id AND m.seq > l.last_read_seq ORDER BY m.seq LIMIT $5) first)) AS "unread_count!"
           FROM listed l"#,
        user.0,
        mentor_rooms,
        limit,
        MAX_UNREAD,
        LOOKED_AT,
    )
    .fetch_all(db)
    .await?;
    let listed = rows.into_iter().map(|row| Listed {
        id: row.id,
        opened_by: row.opened_by.map(UserId),
        last_seq: row.last_seq,
        last_read_seq: row.last_read_seq,
        last_message: row.last_message,
        unread_count: row.unread_count,
    });
    Ok(listed.collect())
}

/// What people are called.
pub async fn user_names(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<UserId, String>, StoreError> {
    let rows = sqlx::query!("SELECT id, name, email FROM users WHERE id = ANY($1)", ids).fetch_all(db).await?;
    let name = |id, name: String, email: Option<String>| (id, shown_name(id, Some(&name), email.as_deref()));
    Ok(rows.into_iter().map(|row| name(UserId(row.id), row.name, row.email)).collect())
}

/// What groups are called.
pub async fn group_names(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<GroupId, String>, StoreError> {
    let rows = sqlx::query!("SELECT id, name FROM study_groups WHERE id = ANY($1)", ids).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (GroupId(row.id), row.name)).collect())
}
