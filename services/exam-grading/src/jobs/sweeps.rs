//! What happens because time passes. Whoever notices publishes a command, and acts only when it comes back: so it does
//! not matter how many replicas notice, nor whether one notices too early. The command decides by its stamp.
//!
//! One that can't be done keeps no other from being done: each sweep runs by itself, each item of a page is published by
//! itself, and the next page begins behind the last item of this one, whatever became of it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use metrics::counter;
use sinaesta_contracts::exam::{ExpireSession, GRACE_MS, LoseParticipants, StartExam};
use sinaesta_contracts::{ExamId, GatewayId};
use sinaesta_mutants::mutant;
use sinaesta_store::StoreError;
use time::OffsetDateTime;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::store::sessions::Overdue;
use crate::store::{exams, participants, sessions};

/// How many sessions one look ends; the next look takes the next.
const AT_ONCE: usize = 1_000;
/// How often gateways are looked after, and how soon it is tried again to hear them.
const GATEWAYS: Duration = Duration::from_secs(1);
/// How long one item may keep a sweep waiting.
const PATIENCE: Duration = Duration::from_secs(2);
/// The sweeps, as they are named in logs and metrics.
const SWEEPS: [&str; 3] = ["start", "expire", "lose"];

pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    for sweep in SWEEPS {
        // Shown from the beginning: a count that begins to exist when something goes wrong shows no change.
        counter!("exam_timer_failures_total", "sweep" => sweep).increment(0);
    }
    let sweeps = async { tokio::join!(start(&context), expire(&context), lose(&context)) };
    tokio::select! {
        () = shutdown.cancelled() => {}
        _ = sweeps => {}
    }
}

/// Synchronised exams whose moment has come.
async fn start(context: &Context) {
    let (mut tick, mut after) = (every(Duration::from_millis(context.settings.tick_ms)), None);
    loop {
        tick.tick().await;
        attempt("start", look_for_starts(context, &mut after)).await;
    }
}

/// Sessions whose time is over, and with it the grace.
async fn expire(context: &Context) {
    let (mut tick, mut after) = (every(Duration::from_millis(context.settings.tick_ms)), None);
    loop {
        tick.tick().await;
        attempt("expire", look_for_ends(context, &mut after)).await;
    }
}

/// Gateways that are not heard any more.
async fn lose(context: &Context) {
    let mut tick = every(GATEWAYS);
    let mut gateways = loop {
        match context.bus.watch_gateways().await {
            Ok(gateways) => break gateways,
            Err(error) => failed("lose", &error),
        }
        tick.tick().await;
    };
    let silence = Duration::from_millis(context.settings.gateway_silence_ms);
    loop {
        gateways.listen_until(tick.tick()).await;
        attempt("lose", look_for_silence(context, gateways.silent_for(silence))).await;
        gateways.forget_silent(silence * 4);
    }
}

fn every(period: Duration) -> Interval {
    let mut tick = interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

/// Whatever becomes of one look, there is a next one.
async fn attempt(sweep: &'static str, look: impl Future<Output = Result<(), StoreError>>) {
    match AssertUnwindSafe(look).catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => failed(sweep, &error),
        Err(_) => failed(sweep, &"it panicked"),
    }
}

fn failed(sweep: &'static str, error: &dyn fmt::Display) {
    counter!("exam_timer_failures_total", "sweep" => sweep).increment(1);
    tracing::warn!(sweep, %error, "a sweep failed; it is tried again with the next tick");
}

async fn look_for_starts(context: &Context, after: &mut Option<(ExamId, OffsetDateTime)>) -> Result<(), StoreError> {
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    let starting = exams::to_start(&mut db, now, *after, AT_ONCE as i64).await?;
    drop(db);
    *after = next(&starting);
    mutant!("exam-begins-for-nobody", return Ok(()));
    join_all(starting.into_iter().map(async |(exam_id, at)| {
        let command = StartExam { exam_id };
        let notice = context.bus.notice(exam_id.0, at, now, &command);
        patiently("start", exam_id, None, notice).await;
    }))
    .await;
    Ok(())
}

async fn look_for_ends(context: &Context, after: &mut Option<Overdue>) -> Result<(), StoreError> {
    let now = context.clock.now();
    let mut db = context.pool.acquire().await?;
    let until = now - Duration::from_millis(GRACE_MS);
    let overdue = sessions::overdue(&mut db, until, after.as_ref(), AT_ONCE as i64).await?;
    drop(db);
    *after = next(&overdue);
    mutant!("exam-end-noticed-by-clients-only", return Ok(()));
    join_all(overdue.into_iter().map(async |Overdue { id, key: (exam_id, user_id), ends_at }| {
        let what = Uuid::new_v5(&exam_id.0, user_id.0.as_bytes());
        let command = ExpireSession { exam_id, user_id };
        patiently("expire", exam_id, Some(id.0), context.bus.notice(what, ends_at, now, &command)).await;
    }))
    .await;
    Ok(())
}

async fn look_for_silence(context: &Context, is_silent: impl Fn(GatewayId) -> bool) -> Result<(), StoreError> {
    let through = participants::gateways(&mut *context.pool.acquire().await?).await?;
    let silent = through.into_iter().filter(|(_, gateway)| is_silent(*gateway));
    join_all(silent.map(async |(exam_id, gateway_id)| {
        let what = Uuid::new_v5(&exam_id.0, gateway_id.0.as_bytes());
        let command = LoseParticipants { exam_id, gateway_id };
        let notice = context.bus.notice(what, OffsetDateTime::UNIX_EPOCH, context.clock.now(), &command);
        patiently("lose", exam_id, Some(gateway_id.0), notice).await;
    }))
    .await;
    Ok(())
}

/// Where the next page begins: behind this one if it is full, and otherwise with the first.
fn next<T: Clone>(page: &[T]) -> Option<T> {
    page.last().filter(|_| page.len() == AT_ONCE).cloned()
}

/// Publishes one item, and goes on without it if that takes too long: while it is due, it is published again.
async fn patiently(sweep: &'static str, exam: ExamId, item: Option<Uuid>, notice: impl Future<Output = ()>) {
    if timeout(PATIENCE, notice).await.is_err() {
        counter!("exam_timer_failures_total", "sweep" => sweep).increment(1);
        tracing::warn!(sweep, %exam, ?item, "the broker did not take a command in time; it is published again while it is due");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_is_followed_by_the_next_and_the_last_one_by_the_first() {
        let page: Vec<usize> = (0..AT_ONCE).collect();
        assert_eq!(next(&page), Some(AT_ONCE - 1));
        assert_eq!(next(&page[1..]), None);
        assert_eq!(next::<usize>(&[]), None);
    }

    #[tokio::test]
    async fn a_look_that_panics_is_not_the_last() {
        attempt("expire", async { panic!("a row that can't be read") }).await;
        attempt("expire", async { Ok(()) }).await;
    }
}
