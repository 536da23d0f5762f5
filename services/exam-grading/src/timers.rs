//! What happens because time passes. Whoever notices publishes a command, and acts only when it comes back: so it does
//! not matter how many replicas notice.

use std::time::Duration;

use futures::future::join_all;
use sinaesta_contracts::GatewayId;
use sinaesta_contracts::exam::{ExpireSession, GRACE_MS, LoseParticipants, StartExam};
use sinaesta_store::StoreError;
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Context;
use crate::store::{exams, participants, sessions};

/// How many sessions one look ends; the next look takes the next.
const AT_ONCE: i64 = 1_000;
/// How often gateways are looked after.
const GATEWAYS: Duration = Duration::from_secs(1);

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut gateways = match context.bus.watch_gateways().await {
        Ok(gateways) => gateways,
        Err(error) => {
            tracing::error!(%error, "gateways are not heard");
            return;
        }
    };
    let silence = Duration::from_millis(context.settings.gateway_silence_ms);
    let (mut tick, mut seldom) = (interval(Duration::from_millis(context.settings.tick_ms)), interval(GATEWAYS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seldom.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let looked = tokio::select! {
            () = shutdown.cancelled() => return,
            () = gateways.listen() => Ok(()),
            _ = tick.tick() => look(&context).await,
            _ = seldom.tick() => {
                let looked = look_for_silent(&context, gateways.silent_for(silence)).await;
                gateways.forget_silent(silence * 4);
                looked
            }
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "timers have to wait");
        }
    }
}

async fn look(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    let starting = exams::to_start(&mut db, now, AT_ONCE).await?;
    let overdue = sessions::overdue(&mut db, now - Duration::from_millis(GRACE_MS), AT_ONCE).await?;
    drop(db);
    join_all(starting.into_iter().map(async |(exam_id, at)| {
        context.bus.notice(exam_id.0, at, now, &StartExam { exam_id }).await;
    }))
    .await;
    join_all(overdue.into_iter().map(async |((exam_id, user_id), ends_at)| {
        let what = Uuid::new_v5(&exam_id.0, user_id.0.as_bytes());
        context.bus.notice(what, ends_at, now, &ExpireSession { exam_id, user_id }).await;
    }))
    .await;
    Ok(())
}

async fn look_for_silent(context: &Context, is_silent: impl Fn(GatewayId) -> bool) -> Result<(), StoreError> {
    let through = participants::gateways(&mut *context.pool.acquire().await?).await?;
    for (exam_id, gateway_id) in through.into_iter().filter(|(_, gateway)| is_silent(*gateway)) {
        let what = Uuid::new_v5(&exam_id.0, gateway_id.0.as_bytes());
        let command = LoseParticipants { exam_id, gateway_id };
        context.bus.notice(what, OffsetDateTime::UNIX_EPOCH, context.clock.now(), &command).await;
    }
    Ok(())
}
