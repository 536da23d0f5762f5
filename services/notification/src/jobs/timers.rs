//! What happens because time passes. Whoever notices publishes a command, and acts only when it comes back: so it does
//! not matter how many replicas notice, nor what their clocks say: the command's stamp decides. Each kind is looked for
//! by itself, and what is noticed again and again lets the others pass.
//!
//! What is removed is removed by whoever notices first, without a command. That is harmless: it is older by days than
//! anything that a clock can be wrong by, nobody counts it any more, and what a repeat would be known by is kept for
//! longer than a repeat takes to come.

use std::time::Duration;

use futures::future::join_all;
use metrics::counter;
use sinaesta_contracts::notification::{RemoveAnnouncements, RepeatUrgent, SendReminder};
use sinaesta_store::StoreError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::retention::kept_for;
use crate::patience::Patience;
use crate::postponed;
use crate::store::{exams, retention, urgent};

/// How much of each kind one look notices; the next look notices the next.
const AT_ONCE: i64 = 500;
/// What has been due for so long is given up: an exam has begun by then, and what was urgent is old.
const WORTH: time::Duration = time::Duration::days(1);
/// Between two batches of what is removed, so that others get at the database.
const PAUSE: Duration = Duration::from_millis(50);
/// How long it is known of a command that it is done: a repeat comes within minutes, or when the service is back.
const COMMANDS_KEPT: time::Duration = time::Duration::days(7);
/// What everybody was told is withdrawn stays for so long, should it have to be told once more.
const WITHDRAWN_KEPT: time::Duration = time::Duration::hours(1);

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    for kind in ["reminder", "urgent"] {
        counter!("notification_stuck_total", "kind" => kind).increment(0);
    }
    for step in Step::ALL {
        counter!("notification_tidying_failures_total", "step" => step.as_str()).increment(0);
    }
    for name in ["notification_rooms_given_up_total", "notification_rooms_put_off_total"] {
        counter!(name).increment(0);
    }
    let always = async {
        tokio::join!(remind_always(&context), repeat_always(&context), tell_always(&context), tidy_always(&context))
    };
    shutdown.run_until_cancelled(always).await;
}

/// The first look is a while after the start: what waited for the service comes first.
fn every(ms: u64) -> Interval {
    let period = Duration::from_millis(ms);
    let mut tick = interval_at(Instant::now() + period, period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

async fn remind_always(context: &Context) {
    let (mut tick, mut patience) = (every(context.settings.tick_ms), Patience::default());
    loop {
        tick.tick().await;
        if let Err(error) = remind(context, &mut patience).await {
            tracing::warn!(%error, "reminders have to wait");
        }
    }
}

async fn remind(context: &Context, patience: &mut Patience<exams::Due>) -> Result<(), StoreError> {
    let (now, passed_over) = (context.clock.now(), patience.waiting(Instant::now()));
    let mut db = context.pool.acquire().await?;
    let due = exams::due_reminders(&mut db, (now - WORTH, now), &passed_over, AT_ONCE).await?;
    drop(db);
    for (exam_id, lead_minutes, due_at) in &due {
        if patience.note((*exam_id, *lead_minutes, *due_at), Instant::now()) {
            counter!("notification_stuck_total", "kind" => "reminder").increment(1);
            tracing::error!(%exam_id, lead_minutes, %due_at, "a reminder is due again and again");
        }
    }
    let notice = async |(exam_id, lead_minutes, due_at): exams::Due| {
        let what = Uuid::new_v5(&exam_id.0, &lead_minutes.to_be_bytes());
        context.bus.notice(what, due_at, now, &SendReminder { exam_id, lead_minutes }).await;
    };
    join_all(due.into_iter().map(notice)).await;
    Ok(())
}

async fn repeat_always(context: &Context) {
    let (mut tick, mut patience) = (every(context.settings.tick_ms), Patience::default());
    loop {
        tick.tick().await;
        if let Err(error) = repeat(context, &mut patience).await {
            tracing::warn!(%error, "what is urgent has to wait");
        }
    }
}

async fn repeat(context: &Context, patience: &mut Patience<urgent::Due>) -> Result<(), StoreError> {
    let (now, passed_over) = (context.clock.now(), patience.waiting(Instant::now()));
    let mut db = context.pool.acquire().await?;
    let due = urgent::to_repeat(&mut db, (now - WORTH, now), &passed_over, AT_ONCE).await?;
    drop(db);
    for (notification_id, user_id, due_at) in &due {
        if patience.note((*notification_id, *user_id, *due_at), Instant::now()) {
            counter!("notification_stuck_total", "kind" => "urgent").increment(1);
            tracing::error!(%notification_id, %due_at, "something urgent is due again and again");
        }
    }
    let notice = async |(notification_id, user_id, due_at): urgent::Due| {
        context.bus.notice(notification_id.0, due_at, now, &RepeatUrgent { notification_id, user_id }).await;
    };
    join_all(due.into_iter().map(notice)).await;
    Ok(())
}

async fn tell_always(context: &Context) {
    let mut tick = every(context.settings.tick_ms);
    loop {
        tick.tick().await;
        if let Err(error) = postponed::tell_due(context).await {
            tracing::warn!(%error, "what was put off has to wait");
        }
    }
}

async fn tidy_always(context: &Context) {
    let mut tick = every(context.settings.retention_tick_ms);
    loop {
        tick.tick().await;
        tidy(context).await;
    }
}

/// One thing that is tidied up, by itself.
#[derive(Debug, Clone, Copy)]
enum Step {
    Read,
    Withdrawn,
    Exams,
    Commands,
    Announcements,
}

impl Step {
    const ALL: [Self; 5] = [Self::Read, Self::Withdrawn, Self::Exams, Self::Commands, Self::Announcements];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Withdrawn => "withdrawn",
            Self::Exams => "exams",
            Self::Commands => "commands",
            Self::Announcements => "announcements",
        }
    }
}

/// Removes what is too old, in batches small enough that nothing waits for them.
async fn tidy(context: &Context) {
    for step in Step::ALL {
        if let Err(error) = tidy_one(context, step).await {
            counter!("notification_tidying_failures_total", "step" => step.as_str()).increment(1);
            tracing::warn!(%error, step = step.as_str(), "tidying has to wait; the other steps do not");
        }
    }
}

async fn tidy_one(context: &Context, step: Step) -> Result<(), StoreError> {
    loop {
        let (now, batch) = (context.clock.now(), context.settings.retention_batch);
        let until = now - kept_for(&context.settings);
        let mut db = context.pool.acquire().await?;
        let removed = match step {
            Step::Read => {
                let removed = retention::remove_read(&mut db, until, batch).await?;
                counter!("notification_removed_total").increment(removed);
                removed
            }
            Step::Withdrawn => retention::remove_withdrawn(&mut db, now - WITHDRAWN_KEPT, batch).await?,
            Step::Exams => retention::forget_exams(&mut db, until, batch).await?,
            Step::Commands => retention::forget_commands(&mut db, now - COMMANDS_KEPT, batch).await?,
            Step::Announcements => {
                let oldest = retention::oldest_announcement(&mut db, until).await?;
                drop(db);
                if let Some(oldest) = oldest {
                    let what = Uuid::new_v5(&Uuid::nil(), b"old-announcements");
                    context.bus.notice(what, oldest, now, &RemoveAnnouncements {}).await;
                }
                return Ok(());
            }
        };
        drop(db);
        if removed == 0 {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}
