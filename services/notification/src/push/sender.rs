//! One push: encrypted for the browser, signed by us, posted to its push service.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{AUTHORIZATION, HeaderName, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use serde::Serialize;
use sinaesta_contracts::NotificationId;
use sinaesta_contracts::notification::{NotificationType, Priority};
use time::OffsetDateTime;
use url::Url;
use web_push_native::p256::PublicKey;
use web_push_native::{Auth, WebPushBuilder};

use super::Key;
use crate::store::inboxes::State;
use crate::store::push::{Content, Queued};

/// How long a push service may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a push service keeps what a browser that is switched off did not get.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a signature is good: less than the day that RFC 8292 allows.
const SIGNED: Duration = Duration::from_secs(12 * 60 * 60);
/// How much of a text is pushed, in characters: push services take 4,096 bytes in all.
const EXCERPT: usize = 120;
/// A longer address is left out, in bytes.
const LONGEST_URL: usize = 1_000;
/// The longest time that a push service can put us off.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// What came of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    Delivered,
    /// The browser is not known any more.
    Gone,
    /// The push service does not take it, now or later.
    Refused,
    /// To be tried again: after so long, if the push service says.
    Later(Option<Duration>),
}

impl Pushed {
    /// The name under which it is counted.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Later(_) => "later",
        }
    }
}

/// What a browser gets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    id: NotificationId,
    #[serde(rename = "type")]
    kind: NotificationType,
    priority: Priority,
    title: &'a str,
    message: String,
    action_url: Option<&'a str>,
    unread_count: u32,
    version: i64,
}

/// Pushes.
pub(super) struct Sender {
    client: Client,
    key: Key,
    contact: String,
}

impl Sender {
    pub(super) fn new(key: Key, contact: &str) -> anyhow::Result<Self> {
        // Another part of the process may have chosen one: any does.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).build()?;
        Ok(Self { client, key, contact: contact.to_owned() })
    }

    pub(super) async fn push(&self, one: &Queued, content: &Content, state: &State, now: OffsetDateTime) -> Pushed {
        let request = match self.request(one, content, state, now) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(%error, "something can't be pushed");
                return Pushed::Refused;
            }
        };
        match self.client.execute(request).await {
            Ok(response) => outcome(&response),
            Err(error) => {
                tracing::debug!(%error, "a push service does not answer");
                Pushed::Later(None)
            }
        }
    }

    fn request(
        &self,
        one: &Queued,
        content: &Content,
        state: &State,
        now: OffsetDateTime,
    ) -> anyhow::Result<reqwest::Request> {
        let payload = Payload {
            id: one.notification_id,
            kind: content.kind,
            priority: content.priority,
            title: &content.title,
            message: content.message.chars().take(EXCERPT).collect(),
            action_url: content.action_url.as_deref().filter(|url| url.len() <= LONGEST_URL),
            unread_count: state.unread_count,
            version: state.version,
        };
        let browser = PublicKey::from_sec1_bytes(&one.p256dh).context("p256dh")?;
        let auth: [u8; 16] = one.auth.as_slice().try_into().context("auth")?;
        let encrypted = WebPushBuilder::new(one.endpoint.parse()?, browser, Auth::from(auth))
            .with_valid_duration(KEPT)
            .build(serde_json::to_vec(&payload)?)?;
        let origin = Url::parse(&one.endpoint)?.origin().ascii_serialization();
        let signature = self.key.authorization(&origin, &self.contact, (now + SIGNED).unix_timestamp())?;
        let mut request = reqwest::Request::try_from(encrypted)?;
        request.headers_mut().insert(AUTHORIZATION, signature.parse()?);
        request.headers_mut().insert(HeaderName::from_static("urgency"), urgency(content.priority).parse()?);
        // A later one with the same topic takes the place of one that was not delivered yet.
        let topic = one.notification_id.0.simple().to_string();
        request.headers_mut().insert(HeaderName::from_static("topic"), topic.parse()?);
        Ok(request)
    }
}

const fn urgency(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High | Priority::Urgent => "high",
    }
}

fn outcome(response: &Response) -> Pushed {
    let after = || {
        let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds).min(LONGEST))
    };
    match response.status() {
        status if status.is_success() => Pushed::Delivered,
        StatusCode::NOT_FOUND | StatusCode::GONE => Pushed::Gone,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Pushed::Later(after()),
        status if status.is_server_error() => Pushed::Later(after()),
        status => {
            tracing::warn!(%status, "a push service refuses what is pushed");
            Pushed::Refused
        }
    }
}
