//! Follows the broker's clock: commands and events are stamped by it, so everything else that asks for the time of day
//! asks it, too.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Deserialize;
use sinaesta_clock::Clock;
use sinaesta_contracts::{Service, Stream};
use sinaesta_mutants::mutant;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::Bus;

/// How often the broker's clock is read, and how often at first.
const OFTEN: Duration = Duration::from_secs(5);
const AT_FIRST: Duration = Duration::from_millis(200);
/// How many readings are compared: the one with the shortest round trip is the most exact.
const READINGS: usize = 8;
/// How long one reading may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// A reading that differs from what was expected by more than its round trip and this says that the clock was set.
const WAS_SET: Duration = Duration::from_millis(50);

/// What the broker's clock showed in the middle of a round trip.
#[derive(Debug, Clone, Copy)]
struct Reading {
    shown: OffsetDateTime,
    at: Instant,
    round_trip: Duration,
}

/// What of a stream's description tells the time.
#[derive(Deserialize)]
struct Described {
    #[serde(with = "time::serde::rfc3339")]
    ts: OffsetDateTime,
}

/// Reads the broker's clock once, and goes on doing so for as long as the connection lives.
pub(crate) async fn follow(bus: Bus, name: &str) {
    // In a cluster each stream is stamped by its own leader, which is also who describes it.
    let service = Service::HANDLERS.into_iter().find(|service| service.as_str() == name);
    let stream = service.map_or(Stream::Events, Stream::Commands);
    let subject = format!("$JS.API.STREAM.INFO.{stream}");
    let mut readings = Readings::default();
    readings.take(&bus, &subject).await;
    tokio::spawn(async move {
        let mut reconnects = bus.reconnects();
        reconnects.mark_unchanged();
        loop {
            let pause = if readings.0.len() < READINGS { AT_FIRST } else { OFTEN };
            tokio::select! {
                () = bus.closed().cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                changed = reconnects.changed() => if changed.is_err() { return },
            }
            readings.take(&bus, &subject).await;
            if let Some(difference) = bus.clock().difference() {
                metrics::gauge!("clock_difference_seconds").set(difference.as_seconds_f64());
            }
        }
    });
}

#[derive(Default)]
struct Readings(VecDeque<Reading>);

impl Readings {
    async fn take(&mut self, bus: &Bus, subject: &str) {
        match read(bus, subject).await {
            Some(reading) => self.add(reading, bus.clock()),
            None => tracing::debug!("the broker's clock could not be read; counting on from the last reading"),
        }
    }

    fn add(&mut self, reading: Reading, clock: &Clock) {
        if let Some(best) = self.best() {
            let expected = best.shown + (reading.at - best.at);
            let tolerance = reading.round_trip.max(best.round_trip) + WAS_SET;
            if (reading.shown - expected).abs() > tolerance && !mutant!("bus-clock-that-was-set-unnoticed") {
                tracing::warn!(by_ms = (reading.shown - expected).whole_milliseconds(), "the broker's clock was set");
                self.0.clear();
            }
        }
        if self.0.len() == READINGS {
            self.0.pop_front();
        }
        self.0.push_back(reading);
        if let Some(best) = self.best() {
            clock.follow(best.shown, best.at);
        }
    }

    fn best(&self) -> Option<Reading> {
        self.0.iter().min_by_key(|reading| reading.round_trip).copied()
    }
}

async fn read(bus: &Bus, subject: &str) -> Option<Reading> {
    let before = Instant::now();
    let asked = bus.client().request(subject.to_owned(), Vec::new().into());
    let answer = timeout(PATIENCE, asked).await.ok()?.ok()?;
    let round_trip = before.elapsed();
    let described: Described = serde_json::from_slice(&answer.payload).ok()?;
    Some(Reading { shown: described.ts, at: before + round_trip / 2, round_trip })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = time::macros::datetime!(2026-12-01 00:00 UTC);

    fn reading(start: Instant, at_ms: u64, shown_ms: i64, round_trip_ms: u64) -> Reading {
        Reading {
            shown: START + time::Duration::milliseconds(shown_ms),
            at: start + Duration::from_millis(at_ms),
            round_trip: Duration::from_millis(round_trip_ms),
        }
    }

    /// What the clock shows `at_ms` after the start, in milliseconds after `START`.
    fn shown(readings: &Readings, start: Instant, at_ms: u64) -> i128 {
        let best = readings.best().unwrap();
        (best.shown + (start + Duration::from_millis(at_ms) - best.at) - START).whole_milliseconds()
    }

    #[test]
    fn the_shortest_round_trip_counts() {
        let (clock, start, mut readings) = (Clock::system(), Instant::now(), Readings::default());
        readings.add(reading(start, 0, 30, 80), &clock);
        readings.add(reading(start, 1_000, 1_001, 2), &clock);
        readings.add(reading(start, 2_000, 1_960, 90), &clock);
        assert_eq!(shown(&readings, start, 3_000), 3_001);
    }

    #[test]
    fn a_broker_whose_clock_is_set_is_followed_at_once() {
        let (clock, start, mut readings) = (Clock::system(), Instant::now(), Readings::default());
        readings.add(reading(start, 0, 0, 1), &clock);
        readings.add(reading(start, 1_000, 91_000, 20), &clock);
        assert_eq!(shown(&readings, start, 2_000), 92_000);
    }
}
