//! Sessions.

use std::collections::HashMap;

use sinaesta_contracts::exam_grading::CompletionReason;
use sinaesta_contracts::{ExamId, SessionId, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::record::Link;
use crate::domain::session::{Answered, Completion, Pause, RecentCommands, Session};

/// Whose session of which exam.
pub type Key = (ExamId, UserId);

struct Row {
    id: Uuid,
    exam_id: Uuid,
    user_id: Uuid,
    user_name: String,
    user_avatar: Option<String>,
    started_at: OffsetDateTime,
    ends_at: OffsetDateTime,
    paused_at: Option<OffsetDateTime>,
    completed_at: Option<OffsetDateTime>,
    completed_by: Option<Uuid>,
    reason: Option<String>,
    current_question: i16,
    answered: Vec<u8>,
    change_count: i32,
    record_head: Vec<u8>,
    recent_progress: Vec<u8>,
    autosave_count: i32,
    pause_began_at: Option<OffsetDateTime>,
    pause_ended_at: Option<OffsetDateTime>,
    last_activity: OffsetDateTime,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        let id = SessionId(row.id);
        let reason = match row.reason.as_deref() {
            Some("time-expired") => CompletionReason::TimeExpired,
            _ => CompletionReason::Submitted,
        };
        Self {
            id,
            exam_id: ExamId(row.exam_id),
            user_id: UserId(row.user_id),
            user_name: row.user_name,
            user_avatar: row.user_avatar,
            started_at: row.started_at,
            ends_at: row.ends_at,
            paused_at: row.paused_at,
            last_pause: row
                .pause_began_at
                .zip(row.pause_ended_at)
                .map(|(began_at, ended_at)| Pause { began_at, ended_at }),
            completion: row.completed_at.zip(row.completed_by).map(|(at, by)| Completion { at, by, reason }),
            current_question: u16::try_from(row.current_question).unwrap_or_default(),
            answered: Answered::from_bytes(row.answered),
            change_count: u32::try_from(row.change_count).unwrap_or_default(),
            record_head: Link::from_bytes(&row.record_head).unwrap_or_else(|| Link::genesis(id)),
            autosave_count: u32::try_from(row.autosave_count).unwrap_or_default(),
            recent_progress: RecentCommands::from_bytes(row.recent_progress),
            last_activity: row.last_activity,
        }
    }
}

/// The sessions that exist, held until the transaction ends: always in the order of their ids.
pub async fn hold(
    db: &mut PgConnection,
    keys: impl IntoIterator<Item = Key>,
) -> Result<HashMap<Key, Session>, StoreError> {
    let (exams, users): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().map(|(exam, user)| (exam.0, user.0)).unzip();
    let rows = sqlx::query_as!(
        Row,
        "SELECT s.id, s.exam_id, s.user_id, s.user_name, s.user_avatar, s.started_at, s.ends_at, s.paused_at,
                s.completed_at, s.completed_by, s.reason, s.current_question, s.answered, s.change_count, s.record_head,
                s.recent_progress, s.autosave_count, s.pause_began_at, s.pause_ended_at, s.last_activity
         FROM exam_sessions s
         WHERE (s.exam_id, s.user_id) IN (SELECT * FROM UNNEST($1::uuid[], $2::uuid[]))
         ORDER BY s.id FOR UPDATE OF s",
        &exams,
        &users,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Session::from).map(|one| ((one.exam_id, one.user_id), one)).collect())
}

/// The sessions of an exam that are not completed, held likewise; of one user only, if given.
pub async fn hold_open(db: &mut PgConnection, exam: ExamId, user: Option<UserId>) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, exam_id, user_id, user_name, user_avatar, started_at, ends_at, paused_at, completed_at, completed_by,
                reason, current_question, answered, change_count, record_head, recent_progress, autosave_count,
                pause_began_at, pause_ended_at, last_activity
         FROM exam_sessions
         WHERE exam_id = $1 AND completed_at IS NULL AND ($2::uuid IS NULL OR user_id = $2)
         ORDER BY id FOR UPDATE",
        exam.0,
        user.map(|user| user.0),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// Every session that is not completed.
pub async fn open(db: &mut PgConnection) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, exam_id, user_id, user_name, user_avatar, started_at, ends_at, paused_at, completed_at, completed_by,
                reason, current_question, answered, change_count, record_head, recent_progress, autosave_count,
                pause_began_at, pause_ended_at, last_activity
         FROM exam_sessions WHERE completed_at IS NULL ORDER BY id",
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// One session, if it exists.
pub async fn find(db: &mut PgConnection, (exam, user): Key) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, exam_id, user_id, user_name, user_avatar, started_at, ends_at, paused_at, completed_at, completed_by,
                reason, current_question, answered, change_count, record_head, recent_progress, autosave_count,
                pause_began_at, pause_ended_at, last_activity
         FROM exam_sessions WHERE exam_id = $1 AND user_id = $2",
        exam.0,
        user.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Session::from))
}

/// The sessions with these ids, in the order of their ids.
pub async fn with_ids(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, exam_id, user_id, user_name, user_avatar, started_at, ends_at, paused_at, completed_at, completed_by,
                reason, current_question, answered, change_count, record_head, recent_progress, autosave_count,
                pause_began_at, pause_ended_at, last_activity
         FROM exam_sessions WHERE id = ANY($1) ORDER BY id",
        ids,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// The sessions of these students, as they are now: nothing is held.
pub async fn of(db: &mut PgConnection, keys: impl IntoIterator<Item = Key>) -> Result<Vec<Session>, StoreError> {
    let (exams, users): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().map(|(exam, user)| (exam.0, user.0)).unzip();
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, exam_id, user_id, user_name, user_avatar, started_at, ends_at, paused_at, completed_at, completed_by,
                reason, current_question, answered, change_count, record_head, recent_progress, autosave_count,
                pause_began_at, pause_ended_at, last_activity
         FROM exam_sessions WHERE (exam_id, user_id) IN (SELECT * FROM UNNEST($1::uuid[], $2::uuid[])) ORDER BY id",
        &exams,
        &users,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// Those among `keys` for which there is a session.
pub async fn existing(db: &mut PgConnection, keys: &[Key]) -> Result<Vec<Key>, StoreError> {
    let (exams, users): (Vec<Uuid>, Vec<Uuid>) = keys.iter().map(|(exam, user)| (exam.0, user.0)).unzip();
    let rows = sqlx::query!(
        "SELECT exam_id, user_id FROM exam_sessions
         WHERE (exam_id, user_id) IN (SELECT * FROM UNNEST($1::uuid[], $2::uuid[]))",
        &exams,
        &users,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (ExamId(row.exam_id), UserId(row.user_id))).collect())
}

/// Stores sessions that begin, save for those that another transaction has begun meanwhile; gives how many it were.
pub async fn insert(db: &mut PgConnection, new: &[&Session]) -> Result<usize, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO exam_sessions
           (id, exam_id, user_id, user_name, user_avatar, started_at, ends_at, record_head, last_activity)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[],
                              $7::timestamptz[], $8::bytea[], $9::timestamptz[])
         ON CONFLICT DO NOTHING",
        &new.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &new.iter().map(|one| one.exam_id.0).collect::<Vec<_>>(),
        &new.iter().map(|one| one.user_id.0).collect::<Vec<_>>(),
        &new.iter().map(|one| one.user_name.as_str()).collect::<Vec<_>>() as &[&str],
        &new.iter().map(|one| one.user_avatar.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &new.iter().map(|one| one.started_at).collect::<Vec<_>>(),
        &new.iter().map(|one| one.ends_at).collect::<Vec<_>>(),
        &new.iter().map(|one| one.record_head.as_bytes()).collect::<Vec<_>>() as &[&[u8]],
        &new.iter().map(|one| one.last_activity).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() as usize)
}

/// Stores what answers and progress changed in sessions that are held.
pub async fn save(db: &mut PgConnection, changed: &[&Session]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE exam_sessions s SET current_question = new.current_question, answered = new.answered,
                change_count = new.change_count, record_head = new.record_head,
                autosave_count = new.autosave_count, last_activity = new.last_activity
         FROM UNNEST($1::uuid[], $2::smallint[], $3::bytea[], $4::integer[], $5::bytea[], $6::integer[], $7::timestamptz[])
           AS new (id, current_question, answered, change_count, record_head, autosave_count, last_activity)
         WHERE s.id = new.id",
        &changed.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &changed.iter().map(|one| one.current_question as i16).collect::<Vec<_>>(),
        &changed.iter().map(|one| one.answered.as_bytes()).collect::<Vec<_>>() as &[&[u8]],
        &changed.iter().map(|one| one.change_count as i32).collect::<Vec<_>>(),
        &changed.iter().map(|one| one.record_head.as_bytes()).collect::<Vec<_>>() as &[&[u8]],
        &changed.iter().map(|one| one.autosave_count as i32).collect::<Vec<_>>(),
        &changed.iter().map(|one| one.last_activity).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stores the times of sessions that are held.
pub async fn save_times(db: &mut PgConnection, changed: &[Session]) -> Result<(), StoreError> {
    let pause = |of: fn(&Pause) -> OffsetDateTime| {
        let times = changed.iter().map(|one| one.last_pause.as_ref().map(of));
        times.collect::<Vec<_>>()
    };
    sqlx::query!(
        "UPDATE exam_sessions s SET started_at = new.started_at, ends_at = new.ends_at, paused_at = new.paused_at,
                pause_began_at = new.pause_began_at, pause_ended_at = new.pause_ended_at
         FROM UNNEST($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
                     $6::timestamptz[]) AS new (id, started_at, ends_at, paused_at, pause_began_at, pause_ended_at)
         WHERE s.id = new.id",
        &changed.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &changed.iter().map(|one| one.started_at).collect::<Vec<_>>(),
        &changed.iter().map(|one| one.ends_at).collect::<Vec<_>>(),
        &changed.iter().map(|one| one.paused_at).collect::<Vec<_>>() as &[Option<OffsetDateTime>],
        &pause(|pause| pause.began_at) as &[Option<OffsetDateTime>],
        &pause(|pause| pause.ended_at) as &[Option<OffsetDateTime>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Completes sessions that are held.
pub async fn complete(db: &mut PgConnection, done: &[(SessionId, Completion)]) -> Result<(), StoreError> {
    let reason = |completion: &Completion| match completion.reason {
        CompletionReason::TimeExpired => "time-expired",
        CompletionReason::Submitted | CompletionReason::Regraded => "submitted",
    };
    sqlx::query!(
        "UPDATE exam_sessions s SET completed_at = new.at, completed_by = new.by, reason = new.reason
         FROM UNNEST($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[]) AS new (id, at, by, reason)
         WHERE s.id = new.id",
        &done.iter().map(|(id, _)| id.0).collect::<Vec<_>>(),
        &done.iter().map(|(_, completion)| completion.at).collect::<Vec<_>>(),
        &done.iter().map(|(_, completion)| completion.by).collect::<Vec<_>>(),
        &done.iter().map(|(_, completion)| reason(completion)).collect::<Vec<_>>() as &[&str],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A session whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue {
    pub id: SessionId,
    pub key: Key,
    pub ends_at: OffsetDateTime,
}

/// A page of the sessions that were to end before `until`: those that follow one.
pub async fn overdue(
    db: &mut PgConnection,
    until: OffsetDateTime,
    after: Option<&Overdue>,
    limit: i64,
) -> Result<Vec<Overdue>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, exam_id, user_id, ends_at FROM exam_sessions
         WHERE completed_at IS NULL AND paused_at IS NULL AND ends_at <= $1
           AND ($2::timestamptz IS NULL OR (ends_at, id) > ($2, $3::uuid))
         ORDER BY ends_at, id LIMIT $4",
        until,
        after.map(|one| one.ends_at),
        after.map(|one| one.id.0),
        limit,
    )
    .fetch_all(db)
    .await?;
    let overdue = rows.into_iter().map(|row| Overdue {
        id: SessionId(row.id),
        key: (ExamId(row.exam_id), UserId(row.user_id)),
        ends_at: row.ends_at,
    });
    Ok(overdue.collect())
}

/// Whether anybody has begun an exam.
pub async fn any_begun(db: &mut PgConnection, exam: ExamId, now: OffsetDateTime) -> Result<bool, StoreError> {
    let begun = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM exam_sessions WHERE exam_id = $1 AND started_at <= $2) AS "begun!""#,
        exam.0,
        now,
    )
    .fetch_one(db)
    .await?;
    Ok(begun)
}

/// The sessions of an exam: those of `users` only, if given; the latest active ones first.
pub async fn of_exam(
    db: &mut PgConnection,
    exam: ExamId,
    users: Option<&[Uuid]>,
    limit: i64,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, exam_id, user_id, user_name, user_avatar, started_at, ends_at, paused_at, completed_at, completed_by,
                reason, current_question, answered, change_count, record_head, recent_progress, autosave_count,
                pause_began_at, pause_ended_at, last_activity
         FROM exam_sessions WHERE exam_id = $1 AND ($2::uuid[] IS NULL OR user_id = ANY($2))
         ORDER BY last_activity DESC LIMIT $3",
        exam.0,
        users,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}
