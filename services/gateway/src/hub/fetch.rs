//! What a room emits: deliveries, and messages that no delivery brought, which are fetched from chat.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::value::{RawValue, to_raw_value};
use sinaesta_bus::{Bus, Delivery};
use sinaesta_contracts::chat::{ChatMessage, MissedMessages, ReceiveMessage};
use sinaesta_contracts::{Actor, RoomId};

use super::sequence::{Fetch, Page, Purpose, Unavailable, Weight};

/// What a room emits.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Delivered(Delivery),
    /// A message that no delivery brought.
    Fetched(Arc<RawValue>),
}

impl Weight for Message {
    fn bytes(&self) -> usize {
        match self {
            Self::Delivered(delivery) => delivery.payload.len(),
            Self::Fetched(payload) => payload.get().len(),
        }
    }
}

/// The answer to a fetch.
pub(super) type Fetched = (Fetch, Result<Page<Message>, Unavailable>);

/// The queries that are under way: at most one for each purpose.
#[derive(Default)]
pub(super) struct Fetches {
    gap: Option<BoxFuture<'static, Fetched>>,
    catch_up: Option<BoxFuture<'static, Fetched>>,
}

impl Fetches {
    /// Sends a query; one with the same purpose that was under way is not awaited any more.
    pub(super) fn start(&mut self, bus: Bus, room_id: RoomId, fetch: Fetch) {
        let query = match fetch.purpose {
            Purpose::Gap => &mut self.gap,
            Purpose::CatchUp => &mut self.catch_up,
        };
        *query = Some(async move { (fetch, ask(&bus, room_id, fetch.after_seq).await) }.boxed());
    }

    /// The next answer; waits for ever while none is awaited. May be dropped at any moment.
    pub(super) async fn next(&mut self) -> Fetched {
        poll_fn(|context| {
            for query in [&mut self.gap, &mut self.catch_up] {
                if let Some(Poll::Ready(fetched)) = query.as_mut().map(|query| query.poll_unpin(context)) {
                    *query = None;
                    return Poll::Ready(fetched);
                }
            }
            Poll::Pending
        })
        .await
    }
}

async fn ask(bus: &Bus, room_id: RoomId, after_seq: i64) -> Result<Page<Message>, Unavailable> {
    let query = MissedMessages { room_id, after_seq };
    let page = bus.ask(&Actor::system(), &query).await.map_err(|error| {
        let room_id = query.room_id.as_str();
        tracing::debug!(error = %error.message, room_id, after_seq, "missed messages not fetched: chat did not answer");
        Unavailable
    })?;
    let messages = page.messages.into_iter().map(encode).collect::<Result<_, _>>().map_err(|error| {
        tracing::error!(%error, room_id = query.room_id.as_str(), after_seq, "missed messages can't be serialised");
        Unavailable
    })?;
    Ok(Page { messages, has_more: page.has_more })
}

fn encode(message: ChatMessage) -> serde_json::Result<(i64, Message)> {
    let seq = message.seq;
    let payload = to_raw_value(&ReceiveMessage(message))?;
    Ok((seq, Message::Fetched(Arc::from(payload))))
}
