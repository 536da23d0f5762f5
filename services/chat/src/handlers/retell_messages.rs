//! After the broker lost what it had: other services hear again of messages, and of who has read them.

use std::collections::HashMap;

use sinaesta_bus::{CommandHandler, Failure, Outbound, Outcome, Received, one_by_one};
use sinaesta_contracts::RoomId;
use sinaesta_contracts::chat::{MessagesPosted, PostedMessage, RoomRead};
use sinaesta_contracts::retelling::{RetellMessages, Retold};
use sinaesta_store::StoreError;

use crate::context::Context;
use crate::store::{messages, participants};

/// How many messages one page has.
const PAGE: i64 = 1_000;

pub struct Handler(pub(crate) Context);

impl CommandHandler for Handler {
    type Command = RetellMessages;

    async fn handle(&self, batch: &[Received<RetellMessages>]) -> Result<Vec<Outcome<Retold<(RoomId, i64)>>>, Failure> {
        one_by_one(batch, |one| retell(&self.0, &one.command)).await
    }
}

async fn retell(context: &Context, asked: &RetellMessages) -> Result<Outcome<Retold<(RoomId, i64)>>, Failure> {
    let mut db = context.pool.acquire().await.map_err(StoreError::from)?;
    let page = messages::posted_since(&mut db, asked.since.0, asked.after.as_ref(), PAGE).await?;
    let count = page.len();
    let next = page.last().filter(|_| count as i64 == PAGE).map(|(room, last)| (room.clone(), last.seq));
    let mut posted: HashMap<RoomId, Vec<PostedMessage>> = HashMap::new();
    for (room, message) in page {
        posted.entry(room).or_default().push(message);
    }
    let rooms: Vec<&str> = posted.keys().map(RoomId::as_str).collect();
    let read = participants::positions(&mut db, &rooms).await?;
    drop(db);
    let mut outcome = Outcome::done(Retold { count, next });
    for (room_id, messages) in posted {
        outcome.outbound.push(Outbound::event(&MessagesPosted { room_id, messages })?);
    }
    for (room_id, user_id, seq) in read {
        outcome.outbound.push(Outbound::event(&RoomRead { room_id, user_id, seq })?);
    }
    Ok(outcome)
}
