//! How people are shown.

use sinaesta_contracts::leaderboard::Person;
use sinaesta_contracts::{Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::bounds;

struct Row {
    user_id: Uuid,
    name: String,
    avatar: Option<String>,
    seen_at: OffsetDateTime,
}

impl From<Row> for Person {
    fn from(row: Row) -> Self {
        let seen_at = Timestamp(row.seen_at);
        bounds::person(Self { user_id: UserId(row.user_id), name: row.name, avatar: row.avatar, seen_at })
    }
}

/// Notes how people are shown, unless something later is known; each may stand in it once. Gives how they are shown
/// then. Whoever else counts for one of them waits until the transaction ends: always in the same order.
pub async fn hold(db: &mut PgConnection, people: &[Person]) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "INSERT INTO leaderboard_people AS p (user_id, name, avatar, seen_at)
         SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS new (u, n, a, s) ORDER BY u
         ON CONFLICT (user_id) DO UPDATE SET
           name = CASE WHEN EXCLUDED.seen_at > p.seen_at THEN EXCLUDED.name ELSE p.name END,
           avatar = CASE WHEN EXCLUDED.seen_at > p.seen_at THEN EXCLUDED.avatar ELSE p.avatar END,
           seen_at = GREATEST(EXCLUDED.seen_at, p.seen_at)
         RETURNING user_id, name, avatar, seen_at",
        &people.iter().map(|one| one.user_id.0).collect::<Vec<_>>(),
        &people.iter().map(|one| one.name.as_str()).collect::<Vec<_>>() as &[&str],
        &people.iter().map(|one| one.avatar.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &people.iter().map(|one| one.seen_at.0).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Person::from).collect())
}

/// Lets nobody else count for these people until the transaction ends; says who of them is not known, and is to be forgotten by
/// the same transaction.
pub async fn hold_all(db: &mut PgConnection, users: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    // In the order of ids, as those who count results do; one who is not known is held by the row that is made.
    let rows = sqlx::query!(
        r#"INSERT INTO leaderboard_people AS p (user_id, name, seen_at)
           SELECT u, '', to_timestamp(0) FROM UNNEST($1::uuid[]) AS new (u) ORDER BY u
           ON CONFLICT (user_id) DO UPDATE SET user_id = p.user_id
           RETURNING user_id, xmax = 0 AS "is_new!""#,
        users,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().filter(|row| row.is_new).map(|row| row.user_id).collect())
}

/// Forgets people.
pub async fn forget(db: &mut PgConnection, users: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM leaderboard_people WHERE user_id = ANY($1)", users).execute(db).await?;
    Ok(())
}

/// How these people are shown. What may be longer than it should is not read at all.
pub async fn find(db: &mut PgConnection, users: &[Uuid]) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT user_id, left(name, $2) AS "name!", CASE WHEN char_length(avatar) <= $3 THEN avatar END AS avatar, seen_at
           FROM leaderboard_people WHERE user_id = ANY($1)"#,
        users,
        bounds::NAME as i32,
        bounds::AVATAR as i32,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Person::from).collect())
}

/// A page of all people, in the order of their ids.
pub async fn page(db: &mut PgConnection, after: Uuid, limit: i64) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT user_id, left(name, $3) AS "name!", CASE WHEN char_length(avatar) <= $4 THEN avatar END AS avatar, seen_at
           FROM leaderboard_people WHERE user_id > $1 ORDER BY user_id LIMIT $2"#,
        after,
        limit,
        bounds::NAME as i32,
        bounds::AVATAR as i32,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Person::from).collect())
}
