//! The running service on a real broker and a real Postgres, asked as a gateway asks it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at what it did not expect")]

mod bounds;
mod clocks;
mod doors;
mod late;
mod repeats;

use std::time::Duration;

use async_nats::jetstream::stream::StorageType;
use futures::StreamExt as _;
use serde_json::Value;
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_contracts::chat::{JoinRoom, SendMessage};
use sinaesta_contracts::{Actor, Command, Envelope, ErrorBody, Partition, Role, RoomId, Service, Stream, Subject};
use sinaesta_settings::Settings;
use sinaesta_testkit::{TestDatabase, TestNats, actor};
use time::OffsetDateTime;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(20);
/// Where a test hears answers to commands that it sends by itself.
const REPLIES: &str = "reply.0190a000-0000-7000-8000-000000000000";

/// A broker, a database, and a connection such as a gateway has.
struct Stack {
    nats: TestNats,
    database: TestDatabase,
    bus: Bus,
}

impl Stack {
    /// Without the service.
    async fn start() -> Self {
        let (nats, database) = (TestNats::start().await.unwrap(), TestDatabase::create().await.unwrap());
        let bus = nats.bus("gateway").await.unwrap();
        let stack = Self { nats, database, bus };
        for number in 1..=9 {
            stack
                .sql(&format!(
                    "INSERT INTO users (id, name, role) VALUES ('{}', 'N', 'STUDENT')",
                    person(number).user_id
                ))
                .await;
        }
        stack
    }

    /// A replica of the service.
    fn replica(&self, clock: Clock) -> DropGuard {
        self.replica_with(clock, |_| {})
    }

    /// The same with other settings.
    fn replica_with(&self, clock: Clock, change: impl FnOnce(&mut Settings)) -> DropGuard {
        let mut settings = self.nats.settings().unwrap();
        settings.database.url = self.database.url.clone().into();
        settings.chat.http_port = 0;
        change(&mut settings);
        let stop = CancellationToken::new();
        tokio::spawn(sinaesta_chat::run_with(settings, clock, stop.clone()));
        stop.drop_guard()
    }

    async fn sql(&self, sql: &str) {
        sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&self.database.pool).await.unwrap();
    }

    async fn read<T>(&self, sql: &str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::query_scalar(sql).fetch_one(&self.database.pool).await.unwrap()
    }

    async fn send<C: Command>(&self, who: &Actor, command: C) -> Result<C::Reply, ErrorBody> {
        let answer = self.bus.dispatch(Uuid::now_v7(), who, &command).await.unwrap().answer(LIMIT).await?;
        Ok(serde_json::from_str(answer.get()).unwrap())
    }

    /// Stores a command as a gateway does; gives its number in the stream.
    async fn store<C: Command>(&self, id: Uuid, who: &Actor, command: &C) -> u64 {
        self.store_through(REPLIES, id, who, command).await
    }

    /// Stores a command as the gateway does that is answered at `replies`.
    async fn store_through<C: Command>(&self, replies: &str, id: Uuid, who: &Actor, command: &C) -> u64 {
        let key = command.partition_key(who);
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{id}#{}", Uuid::now_v7()));
        headers.insert("Sinaesta-Key", key.as_str());
        headers.insert("Sinaesta-Reply", replies);
        let subject = Subject::Command(C::SERVICE, C::NAME, Partition::of(&key)).to_string();
        let payload = serde_json::to_vec(&Envelope { actor: who.clone(), body: command }).unwrap();
        let jetstream = async_nats::jetstream::new(self.nats.client().await.unwrap());
        jetstream.publish_with_headers(subject, headers, payload.into()).await.unwrap().await.unwrap().sequence
    }

    /// The stamp of a command that no replica takes yet: one that was taken is no longer in the stream.
    async fn stamp(&self, service: Service, sequence: u64) -> OffsetDateTime {
        let jetstream = async_nats::jetstream::new(self.nats.client().await.unwrap());
        let stream = jetstream.get_stream(Stream::Commands(service).to_string()).await.unwrap();
        stream.get_raw_message(sequence).await.unwrap().time
    }

    /// The answers to so many commands that were stored.
    async fn answers(&self, count: usize, replies: &mut async_nats::Subscriber) -> Vec<(Uuid, Value)> {
        let mut answers = Vec::new();
        while answers.len() < count {
            let reply = tokio::time::timeout(LIMIT, replies.next()).await.unwrap().unwrap();
            for line in serde_json::from_slice::<Vec<Value>>(&reply.payload).unwrap() {
                answers.push((line["id"].as_str().unwrap().parse().unwrap(), line["body"].clone()));
            }
        }
        answers
    }

    async fn replies(&self) -> async_nats::Subscriber {
        self.replies_to(REPLIES).await
    }

    async fn replies_to(&self, subject: &'static str) -> async_nats::Subscriber {
        let client = self.nats.client().await.unwrap();
        let replies = client.subscribe(subject).await.unwrap();
        client.flush().await.unwrap();
        // The subscription lives as long as its connection.
        std::mem::forget(client);
        replies
    }

    /// What was delivered: subjects and ids, in order.
    async fn delivered(&self) -> Vec<(String, String)> {
        self.stored(Stream::Deliveries).await
    }

    /// What is in a stream: subjects and ids, in order.
    async fn stored(&self, stream: Stream) -> Vec<(String, String)> {
        let jetstream = async_nats::jetstream::new(self.nats.client().await.unwrap());
        let stream = jetstream.get_stream(stream.to_string()).await.unwrap();
        let state = stream.cached_info().state.clone();
        let mut found = Vec::new();
        let has_any = state.messages > 0;
        for sequence in state.first_sequence.max(1)..=if has_any { state.last_sequence } else { 0 } {
            let message = stream.get_raw_message(sequence).await.unwrap();
            found.push((message.subject.to_string(), message.headers.get("Nats-Msg-Id").unwrap().to_string()));
        }
        found
    }

    /// How many commands of a service are not acknowledged.
    async fn waiting(&self, service: Service) -> u64 {
        let jetstream = async_nats::jetstream::new(self.nats.client().await.unwrap());
        let stream = jetstream.get_stream(Stream::Commands(service).to_string()).await.unwrap();
        stream.cached_info().state.messages
    }

    /// The broker loses the deliveries, and which of them it had.
    async fn lose_deliveries(&self) {
        let jetstream = async_nats::jetstream::new(self.nats.client().await.unwrap());
        let name = Stream::Deliveries.to_string();
        let config = jetstream.get_stream(&name).await.unwrap().cached_info().config.clone();
        assert_eq!(config.storage, StorageType::Memory);
        jetstream.delete_stream(&name).await.unwrap();
        jetstream.create_stream(config).await.unwrap();
    }

    async fn join(&self, who: &Actor, room: &RoomId) {
        self.send(who, JoinRoom { room_id: room.clone(), since_seq: None }).await.unwrap();
    }
}

fn person(number: u128) -> Actor {
    actor(number, Role::Student)
}

fn mentor() -> Actor {
    actor(99, Role::Mentor)
}

fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

fn message(room: &RoomId, text: &str) -> SendMessage {
    SendMessage {
        room_id: room.clone(),
        message: text.to_owned().try_into().unwrap(),
        message_type: Default::default(),
        file_url: None,
        file_name: None,
        file_size: None,
        client_message_id: None,
        reply_to: None,
    }
}
