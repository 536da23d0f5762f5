//! How much may be sent.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use sinaesta_contracts::{ErrorBody, code};
use sinaesta_mutants::mutant;
use sinaesta_settings::LimitSettings;

/// What an event counts as. Each class has an allowance of its own for all sockets of one user, beside the one that a
/// socket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A message.
    Message,
    /// A change to a message that is there: its whole room is notified of it, as of a message.
    Change,
    /// Something is looked up, and the answer may be long.
    Lookup,
    /// An exam is joined: the answer is the whole paper.
    ExamJoin,
    /// Somebody else is notified.
    Invitation,
    /// Anything else.
    Other,
}

/// So many a minute, all of them at once if need be.
pub(crate) struct Limiter(DefaultDirectRateLimiter);

impl Limiter {
    pub(crate) fn per_minute(count: u32) -> Self {
        Self(RateLimiter::direct(Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))))
    }

    /// Takes one; an error says after how long there is another.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.0.check().map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }

    /// Takes some; where there are fewer it takes none, and says after how long there are so many.
    pub(crate) fn take_many(&self, count: u32) -> Result<(), Duration> {
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        match self.0.check_n(count) {
            Ok(taken) => taken.map_err(|until| until.wait_time_from(DefaultClock::default().now())),
            // Never so many at once.
            Err(_) => Err(Duration::from_secs(60)),
        }
    }
}

/// The allowances of one socket.
pub(crate) struct SocketLimits {
    messages: Limiter,
    events: Limiter,
}

impl SocketLimits {
    pub(crate) fn new(limits: &LimitSettings) -> Self {
        Self {
            messages: Limiter::per_minute(limits.messages_per_minute),
            events: Limiter::per_minute(limits.events_per_minute),
        }
    }

    /// Takes one of a class from the socket's allowance and from its user's.
    pub(crate) fn take(&self, user: &UserLimits, class: Class) -> Result<(), Duration> {
        match class {
            Class::Message => self.messages.take()?,
            _ => self.events.take()?,
        }
        mutant!("limit-of-a-socket-only", return Ok(()));
        user.take(class)
    }
}

/// The allowances of one user, whatever the number of their sockets.
pub(crate) struct UserLimits {
    messages: Limiter,
    events: Limiter,
    changes: Limiter,
    lookups: Limiter,
    exam_joins: Limiter,
    invitations: Limiter,
    requests: Limiter,
    uploads: Limiter,
}

impl UserLimits {
    pub(crate) fn new(limits: &LimitSettings) -> Self {
        Self {
            messages: Limiter::per_minute(limits.user_messages_per_minute),
            events: Limiter::per_minute(limits.user_events_per_minute),
            changes: Limiter::per_minute(limits.user_changes_per_minute),
            lookups: Limiter::per_minute(limits.user_lookups_per_minute),
            exam_joins: Limiter::per_minute(limits.user_exam_joins_per_minute),
            invitations: Limiter::per_minute(limits.user_invitations_per_minute),
            requests: Limiter::per_minute(limits.user_requests_per_minute),
            uploads: Limiter::per_minute(limits.user_uploads_per_minute),
        }
    }

    /// Takes one of a class.
    fn take(&self, class: Class) -> Result<(), Duration> {
        if class != Class::Message {
            self.events.take()?;
        }
        self.take_class(class)
    }

    /// Takes one of a class that was counted among the events already.
    pub(crate) fn take_class(&self, class: Class) -> Result<(), Duration> {
        match class {
            Class::Message => self.messages.take(),
            Class::Change => self.changes.take(),
            Class::Lookup => self.lookups.take(),
            Class::ExamJoin => self.exam_joins.take(),
            Class::Invitation => self.invitations.take(),
            Class::Other => Ok(()),
        }
    }

    /// Takes one HTTP request.
    pub(crate) fn take_request(&self) -> Result<(), Duration> {
        self.requests.take()
    }

    /// Takes one upload.
    pub(crate) fn take_upload(&self) -> Result<(), Duration> {
        self.uploads.take()
    }
}

/// What is answered past a limit.
pub(crate) fn exceeded(wait: Duration) -> ErrorBody {
    let error = ErrorBody::new(code::RATE_LIMITED, "Rate limit exceeded. Please slow down.");
    ErrorBody { retry_after_ms: Some(milliseconds(wait)), ..error }
}

/// What is answered when one has too much under way.
pub(crate) fn busy(text: &'static str, wait: Duration) -> ErrorBody {
    ErrorBody { retry_after_ms: Some(milliseconds(wait)), ..ErrorBody::new(code::BUSY, text) }
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// In how long a time refusals are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// How often a refusal is told by an `error` event.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How many acknowledgements that refuse are sent in that time.
const ACKS: u32 = 100;

/// What is done about an event past the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing: the sender was told just now.
    Silent,
    /// It is answered.
    Answer,
    /// The sender does not stop: the socket is told so, and closed.
    Close,
}

/// The refused events of one socket. Refusing must cost next to nothing, or a flood of refused events is as good as one
/// of others.
pub(crate) struct Refusals {
    most: u32,
    window_began: Instant,
    count: u32,
    second_began: Instant,
    acks: u32,
    is_told: bool,
    is_closed: bool,
}

impl Refusals {
    pub(crate) fn new(most: u32, now: Instant) -> Self {
        Self { most, window_began: now, count: 0, second_began: now, acks: 0, is_told: false, is_closed: false }
    }

    /// Whether the socket was closed for its refused events.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// One more event is refused at `now`.
    pub(crate) fn refuse(&mut self, now: Instant, has_ack: bool) -> Refusal {
        if now - self.window_began >= WINDOW {
            (self.window_began, self.count) = (now, 0);
        }
        if now - self.second_began >= TELL_EVERY {
            (self.second_began, self.acks, self.is_told) = (now, 0, false);
        }
        self.count += 1;
        if self.count >= self.most && !mutant!("limit-flooding-goes-on") {
            self.is_closed = true;
            return Refusal::Close;
        }
        if has_ack {
            self.acks += 1;
            return if self.acks <= ACKS || mutant!("limit-refusals-all-answered") {
                Refusal::Answer
            } else {
                Refusal::Silent
            };
        }
        if std::mem::replace(&mut self.is_told, true) { Refusal::Silent } else { Refusal::Answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_and_then_a_time_to_wait() {
        let limiter = Limiter::per_minute(3);
        for _ in 0..3 {
            limiter.take().unwrap();
        }
        let wait = limiter.take().unwrap_err();
        assert!(wait <= Duration::from_secs(20) && !wait.is_zero(), "{wait:?}");
    }

    // The control: with the events' allowance in place of the class's own, a hundred changes go through.
    #[test]
    fn each_class_has_an_allowance_of_its_own_over_all_sockets() {
        let limits = sinaesta_settings::Settings::load(&[]).unwrap().limits;
        let user = UserLimits::new(&limits);
        let sockets = [SocketLimits::new(&limits), SocketLimits::new(&limits)];
        let through = |class| (0..100).filter(|n| sockets[n % 2].take(&user, class).is_ok()).count();
        assert_eq!(through(Class::Change), 60);
        assert_eq!(through(Class::ExamJoin), 10);
        assert_eq!(through(Class::Invitation), 30);
        assert_eq!(through(Class::Message), 100);
        assert_eq!(through(Class::Message), 20);
        assert_eq!(through(Class::Other), 100);
    }

    // The control: without the count of acknowledgements all 500 are answered.
    #[test]
    fn refusals_are_told_seldom_and_end_the_socket() {
        let began = Instant::now();
        let mut refusals = Refusals::new(1_000, began);
        assert_eq!(refusals.refuse(began, false), Refusal::Answer);
        assert_eq!(refusals.refuse(began, false), Refusal::Silent);
        let answered = (0..500).filter(|_| refusals.refuse(began, true) == Refusal::Answer).count();
        assert_eq!(answered, 100);
        let later = began + TELL_EVERY;
        assert_eq!(refusals.refuse(later, false), Refusal::Answer);
        let closed = (0..).take_while(|_| refusals.refuse(later, false) != Refusal::Close).count();
        assert_eq!(503 + closed, 999);
        assert!(refusals.is_closed());
    }

    #[test]
    fn refusals_of_long_ago_do_not_count() {
        let began = Instant::now();
        let mut refusals = Refusals::new(3, began);
        for minute in 0..10 {
            let now = began + WINDOW * minute;
            assert_ne!(refusals.refuse(now, true), Refusal::Close);
            assert_ne!(refusals.refuse(now, true), Refusal::Close);
        }
    }
}
