//! The connection to the broker.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectOptions, Event};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sinaesta_clock::Clock;
use sinaesta_contracts::{
    Actor, Audience, Envelope, ErrorBody, GatewayId, Query, ServerEvent, Signal, Subject, UserId, code, rights,
};
use sinaesta_settings::{BusSettings, NatsSettings};
use sinaesta_telemetry::TraceContext;
use thiserror::Error;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::{ContextV7, Uuid};

use crate::answer::{AnswerBody, AnswerLine};
use crate::waiting::Waiting;
use crate::{Answer, clock, headers, streams};

/// How many publishes may wait for the broker's acknowledgement.
const IN_FLIGHT: usize = 16_384;
/// After this long a publish that was not acknowledged is repeated with the same id.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(2);

/// So long is waited for another that is run alone.
const LONGEST_ALONE: Duration = Duration::from_secs(5);

/// The broker can't be used.
#[derive(Debug, Error)]
pub enum BusError {
    /// No connection could be made.
    #[error("no NATS server answers at {url}: {reason}")]
    Connect {
        /// The address as configured.
        url: String,
        /// What the client says.
        reason: String,
    },
    /// A stream could not be made or changed.
    #[error("the stream {name} can't be set up: {reason}")]
    Stream {
        /// Its name.
        name: String,
        /// What the broker says.
        reason: String,
    },
    /// A subscription or a service endpoint could not be made.
    #[error("can't subscribe: {0}")]
    Subscribe(String),
    /// What an operator asked for can't be had or done.
    #[error("the broker refuses: {0}")]
    Admin(String),
}

/// A connection to the broker; clones share it.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    id: GatewayId,
    client: Client,
    jetstream: jetstream::Context,
    pending: Mutex<HashMap<Uuid, oneshot::Sender<Answer>>>,
    /// Filled once answers to commands are listened for, which only those need who send commands.
    listening: OnceCell<()>,
    disruptions: watch::Receiver<u64>,
    reconnects: watch::Receiver<u64>,
    request_timeout: Duration,
    /// Follows the broker's.
    clock: Clock,
    /// What keeps the ids of one millisecond in order.
    ids: Mutex<ContextV7>,
    waiting: Waiting,
    /// One permit.
    alone: Arc<Semaphore>,
    closed: CancellationToken,
}

impl Bus {
    /// Connects, waiting up to 30 s for a server that is still starting, and makes the streams.
    pub async fn connect(name: &str, nats: &NatsSettings, bus: &BusSettings) -> Result<Self, BusError> {
        Self::connect_with(name, nats, bus, Clock::system()).await
    }

    /// The same with another clock, which follows the broker's from then on unless it is a manual one.
    pub async fn connect_with(
        name: &str,
        nats: &NatsSettings,
        bus: &BusSettings,
        clock: Clock,
    ) -> Result<Self, BusError> {
        let (disrupted, disruptions) = watch::channel(0_u64);
        let (reconnected, reconnects) = watch::channel(0_u64);
        let options = login(name, nats)
            .ping_interval(Duration::from_secs(5))
            .client_capacity(8_192)
            .reconnect_delay_callback(|attempts| Duration::from_millis((attempts as u64 * 50).min(1_000)))
            .event_callback(move |event| {
                match &event {
                    Event::Connected => tracing::info!("connected to the broker"),
                    Event::Draining | Event::Closed => tracing::debug!("the connection to the broker is closed"),
                    Event::Disconnected => tracing::warn!("the broker is gone; reconnecting"),
                    other => tracing::warn!(event = %other, "broker"),
                }
                if matches!(event, Event::Connected) {
                    reconnected.send_modify(|count| *count += 1);
                }
                // A reconnect or an overflow may have cost messages: whoever cares looks after what it follows.
                if matches!(event, Event::Connected | Event::SlowConsumer(_)) {
                    disrupted.send_modify(|count| *count += 1);
                }
                std::future::ready(())
            });
        let client = connect_within(options, &nats.url, Duration::from_secs(30)).await?;
        let jetstream = ContextBuilder::new()
            .timeout(PUBLISH_TIMEOUT)
            .max_ack_inflight(IN_FLIGHT)
            .backpressure_on_inflight(true)
            .build(client.clone());
        streams::ensure(&jetstream, nats.stream_replicas).await?;
        let bus = Self(Arc::new(Inner {
            id: GatewayId(Uuid::now_v7()),
            client,
            jetstream,
            pending: Mutex::default(),
            listening: OnceCell::new(),
            disruptions,
            reconnects,
            request_timeout: Duration::from_millis(bus.request_timeout_ms),
            clock,
            ids: Mutex::new(ContextV7::new()),
            waiting: Waiting::default(),
            alone: Arc::new(Semaphore::new(1)),
            closed: CancellationToken::new(),
        }));
        clock::follow(bus.clone(), name).await;
        tokio::spawn(keep_streams(bus.clone(), nats.stream_replicas));
        Ok(bus)
    }

    /// This connection's id: where answers go, and a gateway's name to the others.
    pub fn id(&self) -> GatewayId {
        self.0.id
    }

    /// The broker's time of day, as it is known here: the same clock that stamps commands and events. Handlers of commands
    /// and events go by the stamp and do not ask.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// A new id (UUID version 7) that begins with the broker's time.
    pub fn new_id(&self) -> Uuid {
        let now = self.0.clock.now();
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(&*self.0.ids.lock(), seconds, now.nanosecond()))
    }

    /// What waits for something that is away.
    pub(crate) fn waiting(&self) -> &Waiting {
        &self.0.waiting
    }

    /// A permit to run what may have ended a process, alone: while it is held nothing else of this process can be blamed. What
    /// goes on for seconds is not waited for any longer: it ends no process, or never ends itself.
    pub(crate) async fn alone(&self) -> Option<OwnedSemaphorePermit> {
        timeout(LONGEST_ALONE, Arc::clone(&self.0.alone).acquire_owned()).await.ok()?.ok()
    }

    /// What operators look at when something does not go on: how far this machine's clock is from the broker's, and what
    /// waits for what since when.
    pub fn status(&self) -> serde_json::Value {
        let ahead = self.0.clock.difference().map(time::Duration::as_seconds_f64);
        serde_json::json!({ "clockAheadOfBrokerSeconds": ahead, "waiting": self.0.waiting.describe() })
    }

    /// Ends when the connection is closed for good.
    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.0.closed
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn jetstream(&self) -> &jetstream::Context {
        &self.0.jetstream
    }

    /// Counts the moments in which something may have been missed: reconnects and overflows.
    pub fn disruptions(&self) -> watch::Receiver<u64> {
        self.0.disruptions.clone()
    }

    /// Counts the connections made: with each, what the broker had in memory may be gone. An overflow is none of these,
    /// so that a busy moment does not set off work that makes it busier.
    pub fn reconnects(&self) -> watch::Receiver<u64> {
        self.0.reconnects.clone()
    }

    /// A round trip to the broker.
    pub async fn check(&self) -> Result<(), String> {
        match tokio::time::timeout(Duration::from_secs(2), self.0.client.flush()).await {
            Ok(Ok(())) if self.0.client.connection_state() == async_nats::connection::State::Connected => Ok(()),
            Ok(Err(error)) => Err(format!("broker: {error}")),
            Ok(Ok(())) | Err(_) => Err("the broker can't be reached".to_owned()),
        }
    }

    /// Sends what is still in the buffers.
    pub async fn flush(&self) {
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(2), self.0.client.flush()).await {
            tracing::warn!(%error, "the broker did not take the last messages");
        }
    }

    /// Asks a service, and waits for its answer up to `bus.request_timeout_ms`.
    pub async fn ask<Q: Query>(&self, actor: &Actor, query: &Q) -> Result<Q::Reply, ErrorBody> {
        let raw = self.ask_raw(actor, query).await?;
        serde_json::from_str(raw.get()).map_err(|error| internal(&error))
    }

    /// The same, with the answer as the service wrote it.
    pub async fn ask_raw<Q: Query>(&self, actor: &Actor, query: &Q) -> Answer {
        let envelope = Envelope { actor: actor.clone(), body: query };
        let payload = serde_json::to_vec(&envelope).map_err(|error| internal(&error))?;
        let subject = Subject::Query(Q::SERVICE, Q::NAME).to_string();
        let span = sinaesta_telemetry::span!(
            "query.ask",
            client,
            messaging.system = "nats",
            messaging.destination.name = subject
        );
        let mut sent = async_nats::HeaderMap::new();
        headers::add_trace(&mut sent, &TraceContext::of(&span));
        let reply = self.request(subject, sent, payload.into()).instrument(span).await?;
        serde_json::from_slice::<AnswerBody>(&reply.payload).map_err(|error| internal(&error))?.into_answer()
    }

    /// Asked once: a service that is slow because it has too much to do must not be asked the same again meanwhile. How long
    /// is waited travels with the question, so that nobody works on what nobody waits for.
    async fn request(
        &self,
        subject: String,
        mut sent: async_nats::HeaderMap,
        payload: Bytes,
    ) -> Result<async_nats::Message, ErrorBody> {
        sent.insert(headers::TIMEOUT, self.0.request_timeout.as_millis().to_string());
        let request = async_nats::Request::new().payload(payload).headers(sent);
        let request = request.timeout(Some(self.0.request_timeout));
        self.0.client.send_request(subject, request).await.map_err(|error| match error.kind() {
            async_nats::RequestErrorKind::TimedOut => ErrorBody::new(code::TIMEOUT, "No answer in time"),
            _ => ErrorBody::new(code::UNAVAILABLE, "The service can't be reached right now"),
        })
    }

    /// Says something that is true only now, to whoever listens.
    pub async fn signal<S: Signal>(&self, signal: &S) {
        self.send_signal(Subject::Signal(S::NAME), signal).await;
    }

    /// Emits something that is true only now to the sockets of an audience, passing over those of `except`.
    /// It travels where the audience's deliveries do, but is never stored.
    pub async fn signal_to<E: ServerEvent>(&self, audience: &Audience, event: &E, except: Option<UserId>) {
        let mut sent = async_nats::HeaderMap::new();
        sent.insert(headers::EVENT, E::NAME);
        if let Some(user) = except {
            sent.insert(headers::EXCEPT, user.to_string());
        }
        headers::add_trace(&mut sent, &TraceContext::current());
        self.send_now(Subject::Live(audience), sent, event).await;
    }

    pub(crate) async fn send_signal<T: Serialize>(&self, subject: Subject<'_>, signal: &T) {
        self.send_now(subject, async_nats::HeaderMap::new(), signal).await;
    }

    async fn send_now<T: Serialize>(&self, subject: Subject<'_>, sent: async_nats::HeaderMap, body: &T) {
        // Best effort is all a signal promises: while the broker is away it is not even queued.
        if self.0.client.connection_state() != async_nats::connection::State::Connected {
            return;
        }
        match serde_json::to_vec(body) {
            Ok(payload) => {
                self.0.client.publish_with_headers(subject.to_string(), sent, payload.into()).await.ok();
            }
            Err(error) => tracing::error!(%error, "a signal could not be written"),
        }
    }

    /// The signals of a kind, as they come.
    pub async fn signals<S: Signal>(&self) -> Result<futures::stream::BoxStream<'static, S>, BusError> {
        self.receive_signals(Subject::Signal(S::NAME)).await
    }

    pub(crate) async fn receive_signals<T: DeserializeOwned + Send + 'static>(
        &self,
        subject: Subject<'_>,
    ) -> Result<futures::stream::BoxStream<'static, T>, BusError> {
        let messages = self
            .0
            .client
            .subscribe(subject.to_string())
            .await
            .map_err(|error| BusError::Subscribe(error.to_string()))?;
        Ok(messages.filter_map(async |message| serde_json::from_slice(&message.payload).ok()).boxed())
    }

    /// Sends what is still in the buffers, and closes the connection.
    pub async fn close(&self) {
        self.0.closed.cancel();
        self.flush().await;
        if let Err(error) = self.0.client.drain().await {
            tracing::debug!(%error, "the connection to the broker is closed already");
        }
    }

    /// Where the answer to a command will come.
    pub(crate) async fn expect_reply(&self, id: Uuid) -> Result<oneshot::Receiver<Answer>, BusError> {
        self.0.listening.get_or_try_init(|| self.listen_for_replies()).await?;
        let (sender, receiver) = oneshot::channel();
        self.0.pending.lock().insert(id, sender);
        Ok(receiver)
    }

    async fn listen_for_replies(&self) -> Result<(), BusError> {
        let replies = self.0.client.subscribe(Subject::Reply(self.id()).to_string()).await;
        let replies = replies.map_err(|error| BusError::Subscribe(error.to_string()))?;
        tokio::spawn(self.clone().take_replies(replies));
        Ok(())
    }

    pub(crate) fn forget_reply(&self, id: Uuid) {
        self.0.pending.lock().remove(&id);
    }

    async fn take_replies(self, mut replies: async_nats::Subscriber) {
        while let Some(message) = replies.next().await {
            let Ok(lines) = serde_json::from_slice::<Vec<AnswerLine>>(&message.payload) else {
                tracing::error!("an answer could not be read");
                continue;
            };
            let mut pending = self.0.pending.lock();
            for line in lines {
                if let Some(sender) = pending.remove(&line.id) {
                    drop(sender.send(line.body.into_answer()));
                }
            }
        }
    }
}

/// How a service logs in: as the user with its own name, where there is a password; its requests are answered where
/// nobody else hears it.
pub fn login(name: &str, nats: &NatsSettings) -> ConnectOptions {
    // Another part of the process may have chosen one for TLS: any does.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut options = ConnectOptions::new().name(name).custom_inbox_prefix(rights::inbox(name));
    let password = nats.password.expose_secret();
    if !password.is_empty() {
        options = options.user_and_password(name.to_owned(), password.to_owned());
    }
    if !nats.tls_ca_file.is_empty() {
        options = options.add_root_certificates(PathBuf::from(&nats.tls_ca_file)).require_tls(true);
    }
    options
}

/// A broker that was restarted has lost what it had in memory, the stream of deliveries itself included.
async fn keep_streams(bus: Bus, replicas: usize) {
    let mut reconnects = bus.reconnects();
    reconnects.mark_unchanged();
    while let Some(Ok(())) = bus.closed().run_until_cancelled(reconnects.changed()).await {
        if let Err(error) = streams::ensure(bus.jetstream(), replicas).await {
            tracing::error!(%error, "the streams are not as they should be");
        }
    }
}

pub(crate) fn internal(error: &dyn std::fmt::Display) -> ErrorBody {
    tracing::error!(%error, "a message could not be written or read");
    ErrorBody::new(code::INTERNAL, "Something went wrong on our side")
}

async fn connect_within(options: ConnectOptions, url: &str, limit: Duration) -> Result<Client, BusError> {
    let failed = |reason: String| BusError::Connect { url: url.to_owned(), reason };
    let connect = async {
        loop {
            match options.clone().connect(url).await {
                Ok(client) => return client,
                Err(error) => tracing::debug!(%error, "no broker yet"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(limit, connect.boxed()).await.map_err(|_| failed(format!("none within {} s", limit.as_secs())))
}
