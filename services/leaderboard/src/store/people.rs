//! How people are shown.

use sinaesta_contracts::UserId;
use sinaesta_contracts::leaderboard::Person;
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Notes how people are shown; each may stand in it once. Whoever else counts for one of them waits until the
/// transaction ends: always in the same order.
pub async fn hold(db: &mut PgConnection, people: &[Person]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO leaderboard_people (user_id, name, avatar)
         SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[]) AS new (u, n, a) ORDER BY u
         ON CONFLICT (user_id) DO UPDATE SET name = EXCLUDED.name, avatar = EXCLUDED.avatar",
        &people.iter().map(|one| one.user_id.0).collect::<Vec<_>>(),
        &people.iter().map(|one| one.name.as_str()).collect::<Vec<_>>() as &[&str],
        &people.iter().map(|one| one.avatar.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How these people are shown.
pub async fn find(db: &mut PgConnection, users: &[Uuid]) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query!("SELECT user_id, name, avatar FROM leaderboard_people WHERE user_id = ANY($1)", users)
        .fetch_all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Person { user_id: UserId(row.user_id), name: row.name, avatar: row.avatar })
        .collect())
}

/// A page of all people, in the order of their ids.
pub async fn page(db: &mut PgConnection, after: Uuid, limit: i64) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query!(
        "SELECT user_id, name, avatar FROM leaderboard_people WHERE user_id > $1 ORDER BY user_id LIMIT $2",
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Person { user_id: UserId(row.user_id), name: row.name, avatar: row.avatar })
        .collect())
}
