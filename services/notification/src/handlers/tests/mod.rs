//! Handlers on a real Postgres and a real broker, called as the runtime calls them: batches are put together by hand, with
//! the ids and stamps that are wanted. The service's own clock is wrong throughout: nothing here may depend on it.

mod overlaps;
mod quotas;
mod repeats;
mod stamps;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};
use sinaesta_bus::{CommandHandler, EventHandler, Failure, Heard, Outbound, Outcome, Received};
use sinaesta_clock::Clock;
use sinaesta_contracts::exam_authoring::ExamScheduled;
use sinaesta_contracts::exam_grading::{SessionBegun, SessionsBegun};
use sinaesta_contracts::notification::{
    Data, Notice, NotificationType, Notify, Preferences, Priority, SendNotification, TypePreference,
};
use sinaesta_contracts::{
    Actor, Command, ExamId, NotificationId, ResultId, Role, RoomId, SessionId, Timestamp, UserId,
};
use sinaesta_testkit::{TestDatabase, TestNats, actor};
use sqlx::AssertSqlSafe;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::context::Context;
use crate::push::{Key, Services};

/// When the broker stored the first command: a Monday, 15:00 in Jakarta.
pub(super) const START: OffsetDateTime = datetime!(2026-11-23 08:00 UTC);
/// What the service's clock says all the time.
const WRONG: OffsetDateTime = datetime!(2031-01-01 00:00 UTC);

pub(super) struct Bench {
    pub(super) context: Context,
    nats: TestNats,
    _database: TestDatabase,
}

impl Bench {
    pub(super) async fn client(&self) -> async_nats::Client {
        self.nats.client().await.unwrap()
    }

    pub(super) async fn start() -> Self {
        let (nats, database) = (TestNats::start().await.unwrap(), TestDatabase::create().await.unwrap());
        let settings = nats.settings().unwrap().notifications;
        let context = Context {
            bus: nats.bus("notification").await.unwrap(),
            queries: database.pool.clone(),
            pool: database.pool.clone(),
            clock: Clock::manual(WRONG),
            time_zone: TimeZone::get(&settings.time_zone).unwrap(),
            push_key: Key::load(&database.pool).await.unwrap(),
            push_services: Services::new(&["push.example".to_owned()]).unwrap(),
            settings: Arc::new(settings),
        };
        Self { context, nats, _database: database }
    }

    /// Somebody who has been here for long.
    pub(super) async fn user(&self, number: u128, role: Role) -> Actor {
        let actor = actor(number, role);
        sqlx::query("INSERT INTO users (id, name, role, created_at) VALUES ($1, $2, $3, '2020-01-01')")
            .bind(actor.user_id.0)
            .bind(&actor.name)
            .bind(role.as_str())
            .execute(&self.context.pool)
            .await
            .unwrap();
        actor
    }

    pub(super) async fn sql(&self, text: &str) {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&self.context.pool).await.unwrap();
    }

    /// The values of a query's only column, as JSON.
    pub(super) async fn values(&self, text: &str) -> Vec<Value> {
        let text = format!("SELECT COALESCE(to_jsonb(t.v), 'null')::text FROM ({text}) t (v)");
        let values: Vec<String> = sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(&self.context.pool).await.unwrap();
        values.iter().map(|value| serde_json::from_str(value).unwrap()).collect()
    }

    /// Everything that the service has stored, table by table.
    pub(super) async fn everything(&self) -> BTreeMap<String, Vec<Value>> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'
             AND table_type = 'BASE TABLE' AND (table_name LIKE 'notification%' OR table_name LIKE 'push%')",
        )
        .fetch_all(&self.context.pool)
        .await
        .unwrap();
        let mut all = BTreeMap::new();
        for table in tables {
            let rows = self.values(&format!("SELECT to_jsonb(r) FROM {table} r ORDER BY r::text")).await;
            all.insert(table, rows);
        }
        all
    }

    /// The titles of what a user has not read and sees, oldest first.
    pub(super) async fn unread(&self, user: &Actor) -> Vec<Value> {
        let of = user.user_id;
        self.values(&format!(
            "SELECT title FROM notification_seen WHERE reader_id = '{of}' AND read_at IS NULL ORDER BY created_at, id"
        ))
        .await
    }

    /// A browser of a user's.
    pub(super) async fn browser(&self, user: &Actor, endpoint: &str) {
        let of = user.user_id;
        self.sql(&format!(
            "INSERT INTO push_subscriptions (endpoint, user_id, p256dh, auth, created_at)
             VALUES ('{endpoint}', '{of}', '', '', '2026-01-01')"
        ))
        .await;
    }
}

/// What came of a command: its answer, and what is published of it.
pub(super) type Came = (Value, Vec<(String, Value)>);

fn came<R: Serialize>(outcome: &Outcome<R>) -> Came {
    let answer = match &outcome.answer {
        Ok(reply) => json!({ "ok": reply }),
        Err(error) => json!({ "error": error }),
    };
    (answer, outcome.outbound.iter().map(published).collect())
}

pub(super) fn published(outbound: &Outbound) -> (String, Value) {
    match outbound {
        Outbound::Deliver { audience, event, payload, .. } => {
            (format!("{event} to {audience:?}"), serde_json::from_str(payload.get()).unwrap())
        }
        Outbound::Event { name, payload, id, .. } => {
            (format!("{name} {id:?}"), serde_json::from_str(payload.get()).unwrap())
        }
    }
}

/// What came of a batch.
pub(super) async fn apply<H: CommandHandler>(handler: &H, batch: &[Received<H::Command>]) -> Vec<Came>
where
    <H::Command as Command>::Reply: Serialize,
{
    try_apply(handler, batch).await.unwrap()
}

pub(super) async fn try_apply<H: CommandHandler>(
    handler: &H,
    batch: &[Received<H::Command>],
) -> Result<Vec<Came>, Failure>
where
    <H::Command as Command>::Reply: Serialize,
{
    Ok(handler.handle(batch).await?.iter().map(came).collect())
}

pub(super) async fn hear<H: EventHandler>(handler: &H, batch: &[Heard<H::Event>]) -> Vec<(String, Value)> {
    handler.handle(batch).await.unwrap().iter().map(published).collect()
}

/// A command under the id that a number stands for, stored so many seconds after [`START`].
pub(super) fn command<C>(number: u128, who: &Actor, command: C, seconds: i64) -> Received<C> {
    let stamped_at = START + Duration::seconds(seconds);
    Received { id: Uuid::from_u128(number), actor: who.clone(), command, stamped_at, from: None }
}

/// The same command, sent once more after its answer got lost: the same id, and another stamp.
pub(super) fn again<C: Clone>(one: &Received<C>) -> Received<C> {
    Received { stamped_at: one.stamped_at + Duration::seconds(30), ..one.clone() }
}

pub(super) fn event<E>(id: &str, event: E, seconds: i64) -> Heard<E> {
    Heard { id: id.to_owned(), stamped_at: START + Duration::seconds(seconds), event }
}

pub(super) fn note(title: &str, priority: Priority) -> SendNotification {
    SendNotification {
        user_id: None,
        audience: None,
        kind: NotificationType::System,
        title: title.to_owned().try_into().unwrap(),
        message: "Text".to_owned().try_into().unwrap(),
        data: Data::default(),
        priority,
        action_url: None,
    }
}

pub(super) fn note_to_all(title: &str, priority: Priority) -> SendNotification {
    let audience = serde_json::from_value(json!({ "all": true })).unwrap();
    SendNotification { audience: Some(audience), ..note(title, priority) }
}

pub(super) fn system() -> Actor {
    Actor::system()
}

pub(super) fn waiting(user: UserId, room: &str, first_seq: i64, last_seq: i64) -> Notify {
    let room_id: RoomId = room.parse().unwrap();
    let (sender_name, excerpt) = ("dr. Bayu".to_owned(), format!("Number {last_seq}"));
    Notify { user_id: user, notice: Notice::MessagesWaiting { room_id, first_seq, last_seq, sender_name, excerpt } }
}

pub(super) fn graded(user: UserId, number: u128, key_version: u32) -> Notify {
    let notice = Notice::ExamGraded {
        exam_id: ExamId(Uuid::from_u128(number)),
        exam_title: "Tryout".into(),
        session_id: SessionId(Uuid::from_u128(number)),
        result_id: ResultId(Uuid::from_u128(number)),
        key_version,
        is_correction: false,
        score: "12.5".into(),
        max_score: "20".into(),
    };
    Notify { user_id: user, notice }
}

pub(super) fn begun(user: UserId, number: u128, seconds: i64) -> SessionsBegun {
    let session = SessionBegun {
        exam_id: ExamId(Uuid::from_u128(number)),
        session_id: SessionId(Uuid::from_u128(number)),
        user_id: user,
        started_at: Timestamp(START + Duration::seconds(seconds)),
    };
    SessionsBegun { sessions: vec![session] }
}

pub(super) fn scheduled(number: u128, starts_at: OffsetDateTime, decided_at: OffsetDateTime) -> ExamScheduled {
    ExamScheduled {
        exam_id: ExamId(Uuid::from_u128(number)),
        exam_title: "Tryout".into(),
        specialty: "Kardiologi".into(),
        scheduled_start: Timestamp(starts_at),
        decided_at: Timestamp(decided_at),
    }
}

pub(super) fn system_is(enabled: bool) -> Preferences {
    Preferences { system: Some(TypePreference { enabled, quiet_hours: None }), ..Preferences::default() }
}

pub(super) fn id(number: u128) -> NotificationId {
    NotificationId(Uuid::from_u128(number))
}
