//! What happens because time passes. Whoever notices publishes a command, and acts only when it comes back: so it does
//! not matter how many replicas notice. What is too old is removed by whoever notices first.

use std::time::Duration;

use futures::future::join_all;
use metrics::counter;
use sinaesta_contracts::notification::{RemoveAnnouncements, RepeatUrgent, SendReminder};
use sinaesta_contracts::{ExamId, NotificationId, UserId};
use sinaesta_settings::NotificationSettings;
use sinaesta_store::StoreError;
use time::OffsetDateTime;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Context;
use crate::store::{exams, notifications, retention};

/// How much of each kind one look notices; the next look notices the next.
const AT_ONCE: i64 = 500;
/// Between two batches of what is removed, so that others get at the database.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let always = async { tokio::join!(look_always(&context), tidy_always(&context)) };
    shutdown.run_until_cancelled(always).await;
}

async fn look_always(context: &Context) {
    let mut tick = every(context.settings.tick_ms);
    loop {
        tick.tick().await;
        warn(look(context).await);
    }
}

async fn tidy_always(context: &Context) {
    let mut tick = every(context.settings.retention_tick_ms);
    loop {
        tick.tick().await;
        warn(tidy(context).await);
    }
}

fn every(ms: u64) -> Interval {
    let mut tick = interval(Duration::from_millis(ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

fn warn(done: Result<(), StoreError>) {
    if let Err(error) = done {
        tracing::warn!(%error, "timers have to wait");
    }
}

async fn look(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    let reminders = exams::due_reminders(&mut db, now, AT_ONCE).await?;
    let urgent = notifications::to_repeat(&mut db, now, AT_ONCE).await?;
    drop(db);
    let remind = async |(exam_id, lead_minutes, due): (ExamId, i32, OffsetDateTime)| {
        let what = Uuid::new_v5(&exam_id.0, &lead_minutes.to_be_bytes());
        context.bus.notice(what, due, now, &SendReminder { exam_id, lead_minutes }).await;
    };
    join_all(reminders.into_iter().map(remind)).await;
    let repeat = async |(notification_id, user_id, due): (NotificationId, Option<UserId>, OffsetDateTime)| {
        context.bus.notice(notification_id.0, due, now, &RepeatUrgent { notification_id, user_id }).await;
    };
    join_all(urgent.into_iter().map(repeat)).await;
    Ok(())
}

/// How long read notifications and announcements are kept.
pub(crate) fn kept_for(settings: &NotificationSettings) -> time::Duration {
    time::Duration::days(i64::from(settings.retention_days))
}

/// Removes what is too old, in batches small enough that nothing waits for them.
async fn tidy(context: &Context) -> Result<(), StoreError> {
    let until = context.clock.now() - kept_for(&context.settings);
    let batch = context.settings.retention_batch;
    let mut db = context.pool.acquire().await?;
    loop {
        let removed = retention::remove_read(&mut db, until, batch).await?;
        counter!("notification_removed_total").increment(removed);
        if removed < batch.unsigned_abs() {
            break;
        }
        sleep(PAUSE).await;
    }
    // What everybody was told is withdrawn stays for an hour, should it have to be told once more.
    let told = context.clock.now() - Duration::from_secs(60 * 60);
    while retention::remove_withdrawn(&mut db, told, batch).await? > 0 {
        sleep(PAUSE).await;
    }
    retention::forget_exams(&mut db, until, batch).await?;
    if retention::has_old_announcement(&mut db, until).await? {
        let what = Uuid::new_v5(&Uuid::nil(), b"old-announcements");
        context.bus.notice(what, until, context.clock.now(), &RemoveAnnouncements {}).await;
    }
    Ok(())
}
