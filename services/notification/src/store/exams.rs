//! Exams that are to come, with their reminders, and who sits one.

use std::collections::HashMap;

use sinaesta_contracts::exam_authoring::ExamScheduled;
use sinaesta_contracts::exam_grading::SessionBegun;
use sinaesta_contracts::{ExamId, NotificationId, SessionId, Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Notes when an exam takes place, unless something newer is known; true if that is another moment than before.
pub async fn schedule(db: &mut PgConnection, exam: &ExamScheduled) -> Result<bool, StoreError> {
    let moved = sqlx::query_scalar!(
        r#"WITH before AS (SELECT starts_at FROM notification_exams WHERE exam_id = $1 FOR UPDATE)
           INSERT INTO notification_exams AS e (exam_id, title, specialty, starts_at, decided_at, moved_at)
           VALUES ($1, $2, $3, $4, $5, $5)
           ON CONFLICT (exam_id) DO UPDATE SET title = EXCLUDED.title, specialty = EXCLUDED.specialty,
             starts_at = EXCLUDED.starts_at, decided_at = EXCLUDED.decided_at,
             moved_at = CASE WHEN e.starts_at = EXCLUDED.starts_at THEN e.moved_at ELSE EXCLUDED.moved_at END
           WHERE e.decided_at < EXCLUDED.decided_at
           RETURNING (SELECT starts_at FROM before) IS DISTINCT FROM $4::timestamptz AS "moved!""#,
        exam.exam_id.0,
        exam.exam_title,
        exam.specialty,
        exam.scheduled_start.0,
        exam.decided_at.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(moved.unwrap_or_default())
}

/// Puts these reminders (minutes before, and when) in the place of all others of an exam.
pub async fn replace_reminders(
    db: &mut PgConnection,
    exam: ExamId,
    reminders: &[(i32, OffsetDateTime)],
) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM notification_reminders WHERE exam_id = $1", exam.0).execute(&mut *db).await?;
    sqlx::query!(
        "INSERT INTO notification_reminders (exam_id, lead_minutes, due_at)
         SELECT $1, * FROM UNNEST($2::integer[], $3::timestamptz[])
         ON CONFLICT (exam_id, lead_minutes) DO UPDATE SET due_at = EXCLUDED.due_at, sent_by = NULL",
        exam.0,
        &reminders.iter().map(|(lead, _)| *lead).collect::<Vec<_>>() as &[i32],
        &reminders.iter().map(|(_, due)| *due).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A reminder: of which exam, how many minutes before it, and when it is due.
pub type Due = (ExamId, i32, OffsetDateTime);

/// Reminders that are due at a moment and have been for no longer than since `from`, save those that are passed over.
pub async fn due_reminders(
    db: &mut PgConnection,
    (from, at): (OffsetDateTime, OffsetDateTime),
    passed_over: &[Due],
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query!(
        "SELECT exam_id, lead_minutes, due_at FROM notification_reminders r
         WHERE sent_by IS NULL AND due_at > $1 AND due_at <= $2 AND NOT EXISTS (
           SELECT FROM UNNEST($3::uuid[], $4::integer[], $5::timestamptz[]) AS over (e, l, d)
           WHERE (e, l, d) = (r.exam_id, r.lead_minutes, r.due_at))
         ORDER BY due_at LIMIT $6",
        from,
        at,
        &passed_over.iter().map(|(exam, ..)| exam.0).collect::<Vec<_>>() as &[Uuid],
        &passed_over.iter().map(|(_, lead, _)| *lead).collect::<Vec<_>>() as &[i32],
        &passed_over.iter().map(|(.., due)| *due).collect::<Vec<_>>() as &[OffsetDateTime],
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (ExamId(row.exam_id), row.lead_minutes, row.due_at)).collect())
}

/// A reminder, and the exam it is of.
#[derive(Debug, Clone)]
pub struct Reminder {
    pub exam_title: String,
    pub specialty: String,
    pub starts_at: OffsetDateTime,
    pub moved_at: OffsetDateTime,
    pub due_at: OffsetDateTime,
    pub sent_by: Option<Uuid>,
}

/// A reminder, held until the transaction ends.
pub async fn hold_reminder(db: &mut PgConnection, exam: ExamId, lead: i32) -> Result<Option<Reminder>, StoreError> {
    let reminder = sqlx::query_as!(
        Reminder,
        "SELECT e.title AS exam_title, e.specialty, e.starts_at, e.moved_at, r.due_at, r.sent_by
         FROM notification_exams e JOIN notification_reminders r ON r.exam_id = e.exam_id
         WHERE e.exam_id = $1 AND r.lead_minutes = $2 FOR UPDATE",
        exam.0,
        lead,
    )
    .fetch_optional(db)
    .await?;
    Ok(reminder)
}

/// Notes by which command a reminder was sent.
pub async fn sent_reminder(db: &mut PgConnection, exam: ExamId, lead: i32, by: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notification_reminders SET sent_by = $3 WHERE exam_id = $1 AND lead_minutes = $2",
        exam.0,
        lead,
        by
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Holds exams until the transaction ends: nobody moves them meanwhile. Always before any inbox.
pub async fn hold(db: &mut PgConnection, exams: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!("SELECT FROM notification_exams WHERE exam_id = ANY($1) ORDER BY exam_id FOR SHARE", exams)
        .execute(db)
        .await?;
    Ok(())
}

/// Notes that sessions begin, save those that are known; they may have ended by now, and the exam may have been moved.
pub async fn begin_sittings(db: &mut PgConnection, begun: &[&SessionBegun]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notification_sittings (session_id, exam_id, user_id, started_at)
         SELECT s, e, u, GREATEST(a, x.starts_at)
         FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS new (s, e, u, a)
         LEFT JOIN notification_exams x ON x.exam_id = new.e ORDER BY s
         ON CONFLICT (session_id) DO NOTHING",
        &begun.iter().map(|one| one.session_id.0).collect::<Vec<_>>() as &[Uuid],
        &begun.iter().map(|one| one.exam_id.0).collect::<Vec<_>>() as &[Uuid],
        &begun.iter().map(|one| one.user_id.0).collect::<Vec<_>>() as &[Uuid],
        &begun.iter().map(|one| one.started_at.0).collect::<Vec<_>>() as &[OffsetDateTime],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who sits an exam, or waits for it.
pub async fn sitting(db: &mut PgConnection, exam: ExamId) -> Result<Vec<Uuid>, StoreError> {
    let users = sqlx::query_scalar!(
        "SELECT DISTINCT user_id FROM notification_sittings WHERE exam_id = $1 AND ended_at IS NULL",
        exam.0,
    )
    .fetch_all(db)
    .await?;
    Ok(users)
}

/// Those who wait for an exam wait for its new moment.
pub async fn move_sittings(db: &mut PgConnection, exam: ExamId, to: Timestamp) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notification_sittings SET started_at = $2 WHERE exam_id = $1 AND ended_at IS NULL",
        exam.0,
        to.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How a sitting ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The command that ended it; unknown of those that ended before such was noted.
    pub by: Option<Uuid>,
    /// What it released, in the order in which that is told.
    pub released: Vec<NotificationId>,
}

/// Those of these sittings that have ended.
pub async fn ended(db: &mut PgConnection, sessions: &[SessionId]) -> Result<HashMap<SessionId, Ended>, StoreError> {
    let rows = sqlx::query!(
        "SELECT session_id, ended_by, released FROM notification_sittings
         WHERE session_id = ANY($1) AND ended_at IS NOT NULL",
        &sessions.iter().map(|id| id.0).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    let ended = |by, released: Vec<Uuid>| Ended { by, released: released.into_iter().map(NotificationId).collect() };
    Ok(rows.into_iter().map(|row| (SessionId(row.session_id), ended(row.ended_by, row.released))).collect())
}

/// A sitting that ends.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    pub session: SessionId,
    pub exam: ExamId,
    pub user: UserId,
    pub at: OffsetDateTime,
    /// The command that ends it.
    pub by: Uuid,
}

/// Notes that sessions are over, known or not; one that is over already stays as it is. Each may stand in it once.
pub async fn end_sittings(db: &mut PgConnection, endings: &[Ending]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notification_sittings AS s (session_id, exam_id, user_id, started_at, ended_at, ended_by)
         SELECT s, e, u, at, at, by
         FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[]) AS new (s, e, u, at, by) ORDER BY s
         ON CONFLICT (session_id) DO UPDATE SET ended_at = EXCLUDED.ended_at, ended_by = EXCLUDED.ended_by
         WHERE s.ended_at IS NULL",
        &endings.iter().map(|one| one.session.0).collect::<Vec<_>>() as &[Uuid],
        &endings.iter().map(|one| one.exam.0).collect::<Vec<_>>() as &[Uuid],
        &endings.iter().map(|one| one.user.0).collect::<Vec<_>>() as &[Uuid],
        &endings.iter().map(|one| one.at).collect::<Vec<_>>() as &[OffsetDateTime],
        &endings.iter().map(|one| one.by).collect::<Vec<_>>() as &[Uuid],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes what the end of sittings released, each in its order.
pub async fn note_released(db: &mut PgConnection, released: &[(SessionId, NotificationId)]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notification_sittings s SET released = new.released
         FROM (SELECT s, array_agg(n ORDER BY place) FROM UNNEST($1::uuid[], $2::uuid[]) WITH ORDINALITY AS one (s, n, place)
               GROUP BY s) AS new (s, released)
         WHERE s.session_id = new.s",
        &released.iter().map(|(session, _)| session.0).collect::<Vec<_>>() as &[Uuid],
        &released.iter().map(|(_, id)| id.0).collect::<Vec<_>>() as &[Uuid],
    )
    .execute(db)
    .await?;
    Ok(())
}
