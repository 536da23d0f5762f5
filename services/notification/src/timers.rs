//! What happens because time passes. Whoever notices publishes a command, and acts only when it comes back: so it does
//! not matter how many replicas notice. What is too old is removed by whoever notices first.

use std::time::Duration;

use metrics::counter;
use sinaesta_contracts::notification::{RemoveAnnouncements, RepeatUrgent, SendReminder};
use sinaesta_settings::NotificationSettings;
use sinaesta_store::StoreError;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Context;
use crate::store::{exams, notifications, retention};

/// How much of each kind one look notices; the next look notices the next.
const AT_ONCE: i64 = 500;
/// Between two batches of what is removed, so that others get at the database.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut tick = interval(Duration::from_millis(context.settings.tick_ms));
    let mut seldom = interval(Duration::from_millis(context.settings.retention_tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seldom.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let looked = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => look(&context).await,
            _ = seldom.tick() => tidy(&context, &shutdown).await,
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "timers have to wait");
        }
    }
}

async fn look(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    let reminders = exams::due_reminders(&mut db, now, AT_ONCE).await?;
    let urgent = notifications::to_repeat(&mut db, now, AT_ONCE).await?;
    drop(db);
    for (exam_id, lead_minutes, due) in reminders {
        let what = Uuid::new_v5(&exam_id.0, &lead_minutes.to_be_bytes());
        context.bus.notice(what, due, now, &SendReminder { exam_id, lead_minutes }).await;
    }
    for (notification_id, user_id, due) in urgent {
        context.bus.notice(notification_id.0, due, now, &RepeatUrgent { notification_id, user_id }).await;
    }
    Ok(())
}

/// How long read notifications and announcements are kept.
pub(crate) fn kept_for(settings: &NotificationSettings) -> time::Duration {
    time::Duration::days(i64::from(settings.retention_days))
}

/// Removes what is too old, in batches small enough that nothing waits for them.
async fn tidy(context: &Context, shutdown: &CancellationToken) -> Result<(), StoreError> {
    let until = context.clock.now() - kept_for(&context.settings);
    let batch = context.settings.retention_batch;
    let mut db = context.pool.acquire().await?;
    while !shutdown.is_cancelled() {
        let removed = retention::remove_read(&mut db, until, batch).await?;
        counter!("notification_removed_total").increment(removed);
        if removed < batch.unsigned_abs() {
            break;
        }
        sleep(PAUSE).await;
    }
    retention::forget_exams(&mut db, until, batch).await?;
    if retention::has_old_announcement(&mut db, until).await? {
        let what = Uuid::new_v5(&Uuid::nil(), b"old-announcements");
        context.bus.notice(what, until, context.clock.now(), &RemoveAnnouncements {}).await;
    }
    Ok(())
}
