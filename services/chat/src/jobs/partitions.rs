//! Messages are kept by month: the next one is made before it begins; and what can't be repeated any more is forgotten.

use std::time::Duration;

use sinaesta_store::StoreError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::store::{messages, newest, posting};

const SELDOM: Duration = Duration::from_secs(60 * 60);
/// How many are forgotten at a time, and the pause between.
const AT_ONCE: i64 = 5_000;
const PAUSE: Duration = Duration::from_millis(50);
/// How far ahead there is always a month.
const AHEAD: time::Duration = time::Duration::days(31);

pub(crate) async fn keep_ahead(context: Context, shutdown: CancellationToken) {
    let mut tick = interval(SELDOM);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ticking = async {
        loop {
            tick.tick().await;
            if let Err(error) = look(&context).await {
                tracing::warn!(%error, "the next month of messages can't be made yet");
            }
        }
    };
    shutdown.run_until_cancelled(ticking).await;
}

async fn look(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    messages::make_month(&mut db, now).await?;
    messages::make_month(&mut db, now + AHEAD).await?;
    // What a client_message_id meant when a repeat could still come, and a day for clocks that differ.
    let until = now - posting::REPEATS - time::Duration::days(1);
    drop(db);
    loop {
        let mut db = context.pool.acquire().await?;
        let ids = posting::forget_client_ids(&mut db, until, AT_ONCE).await?;
        if ids.max(newest::forget(&mut db, now - newest::KEPT, AT_ONCE).await?) < AT_ONCE as u64 {
            return Ok(());
        }
        drop(db);
        tokio::time::sleep(PAUSE).await;
    }
}
