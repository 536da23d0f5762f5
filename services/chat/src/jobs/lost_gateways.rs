//! What happens because time passes. Whoever notices publishes a command, and acts only when it comes back: so it
//! does not matter how many replicas notice.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use metrics::counter;
use sinaesta_contracts::presence::{ExpirePresence, LoseGateway};
use sinaesta_contracts::{GatewayId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::store::{presence, typing};

const TICK: Duration = Duration::from_secs(1);
/// How many users one look takes offline; the next look takes the next.
const AT_ONCE: i64 = 1_000;
/// How many commands are on their way at once.
const SIDE_BY_SIDE: usize = 64;

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut gateways = match context.bus.watch_gateways().await {
        Ok(gateways) => gateways,
        Err(error) => {
            tracing::error!(%error, "gateways are not heard");
            return;
        }
    };
    counter!("chat_timer_failures_total").increment(0);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if shutdown.run_until_cancelled(gateways.listen_until(tick.tick())).await.is_none() {
            return;
        }
        let silence = Duration::from_millis(context.settings.gateway_silence_ms);
        match AssertUnwindSafe(look(&context, gateways.silent_for(silence))).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed(&error),
            Err(_) => failed(&"it panicked"),
        }
        gateways.forget_silent(silence * 4);
    }
}

fn failed(error: &dyn fmt::Display) {
    counter!("chat_timer_failures_total").increment(1);
    tracing::warn!(%error, "timers have to wait");
}

async fn look(context: &Context, is_silent: impl Fn(GatewayId) -> bool) -> Result<(), StoreError> {
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    if let Err(error) = typing::sweep(&mut db, now).await {
        tracing::warn!(%error, "who typed long ago stays noted for now");
    }
    let gateways = presence::gateways(&mut db).await?;
    let until = now - Duration::from_millis(context.settings.presence_grace_ms);
    let leaving = presence::leaving(&mut db, until, AT_ONCE).await?;
    drop(db);
    for gateway_id in
        gateways.into_iter().filter(|id| is_silent(*id) && !mutant!("presence-users-of-a-lost-gateway-stay"))
    {
        let what = Uuid::new_v5(&gateway_id.0, b"lost");
        context.bus.notice(what, OffsetDateTime::UNIX_EPOCH, now, &LoseGateway { gateway_id }).await;
    }
    let expire = async |(user_id, since): (UserId, OffsetDateTime)| {
        context.bus.notice(Uuid::new_v5(&user_id.0, b"gone"), since, now, &ExpirePresence { user_id }).await;
    };
    mutant!("presence-going-is-never-noticed", return Ok(()));
    futures::stream::iter(leaving).for_each_concurrent(SIDE_BY_SIDE, expire).await;
    Ok(())
}
