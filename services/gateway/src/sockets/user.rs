//! What all sockets and requests of one user on this gateway share: their allowances, their queue, what they have open.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sinaesta_contracts::presence::SetStatus;
use sinaesta_contracts::{ErrorBody, RoomId, UserId};
use sinaesta_mutants::mutant;
use sinaesta_settings::{FileSettings, LimitSettings};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::latest::{Latest, Paced};
use super::limits::{UserLimits, busy};
use super::queue::UserQueue;
use crate::events::Call;
use crate::events::typing::Said;

/// How long a user is remembered who has no socket and no request here: a reconnect brings no fresh allowance.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many of those are remembered.
const MOST_REMEMBERED: usize = 20_000;
/// How often it is looked who can be forgotten; and after how many new users.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const LOOK_AFTER: usize = 10_000;
/// How often a user's status may change.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How many HTTP requests of one user are under way: the bodies of all of them may be slow, and are in memory.
const REQUESTS: usize = 16;
/// How many exams one user joins at a time, and of how many images one is looked into.
const ONE: usize = 1;

/// A user on this gateway.
pub(crate) struct UserEntry {
    pub(crate) limits: UserLimits,
    pub(crate) queue: UserQueue,
    /// The typing that is asked for in each room.
    pub(crate) typing: Latest<RoomId, Said>,
    /// The status that is set.
    pub(crate) status: Paced<(Call, SetStatus)>,
    commands: Arc<Semaphore>,
    queries: Arc<Semaphore>,
    exam_joins: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    images: Arc<Semaphore>,
    open_wait: Duration,
    /// The rooms that sockets of theirs are about to enter.
    joining: Mutex<Vec<RoomId>>,
    /// How many of their sockets are in each room.
    rooms: Mutex<HashMap<RoomId, usize>>,
    /// Until when new sockets of theirs are refused.
    held_off: Mutex<Option<Instant>>,
}

/// Somebody is about to enter a room, for as long as this is kept.
pub(crate) struct Joining {
    user: Arc<UserEntry>,
    room: RoomId,
}

impl UserEntry {
    fn new(limits: &LimitSettings, files: &FileSettings, tasks: TaskTracker) -> Self {
        let permits = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self {
            limits: UserLimits::new(limits),
            queue: UserQueue::new(tasks),
            typing: Latest::default(),
            status: Paced::new(STATUS_EVERY),
            commands: permits(limits.open_commands),
            queries: permits(limits.open_queries),
            exam_joins: permits(ONE),
            requests: permits(REQUESTS),
            uploads: permits(files.user_uploads),
            images: permits(ONE),
            open_wait: Duration::from_millis(limits.open_wait_ms),
            joining: Mutex::default(),
            rooms: Mutex::default(),
            held_off: Mutex::default(),
        }
    }

    /// Leave to have one more command without an answer: waits for it for a moment from its arrival.
    pub(crate) async fn open_command(&self, arrived: Instant) -> Result<OwnedSemaphorePermit, ErrorBody> {
        let text = "You have as many commands without an answer as one may have; try again";
        self.open(&self.commands, "command", text, arrived).await
    }

    /// The same for a query.
    pub(crate) async fn open_query(&self, arrived: Instant) -> Result<OwnedSemaphorePermit, ErrorBody> {
        let text = "You have as many queries without an answer as one may have; try again";
        self.open(&self.queries, "query", text, arrived).await
    }

    /// The same for joining an exam.
    pub(crate) async fn open_exam_join(&self, arrived: Instant) -> Result<OwnedSemaphorePermit, ErrorBody> {
        self.open(&self.exam_joins, "exam-join", "You are about to join an exam; try again", arrived).await
    }

    /// The same for an HTTP request.
    pub(crate) async fn open_request(&self) -> Result<OwnedSemaphorePermit, ErrorBody> {
        let text = "You have as many requests under way as one may have; try again";
        self.open(&self.requests, "request", text, Instant::now()).await
    }

    async fn open(
        &self,
        permits: &Arc<Semaphore>,
        class: &'static str,
        text: &'static str,
        arrived: Instant,
    ) -> Result<OwnedSemaphorePermit, ErrorBody> {
        match timeout_at(arrived + self.open_wait, Arc::clone(permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.too_much(class, text)),
        }
    }

    /// Leave to upload one more file; nobody waits for it.
    pub(crate) fn open_upload(&self) -> Result<OwnedSemaphorePermit, ErrorBody> {
        let text = "You upload as many files as one may at once; try again";
        Arc::clone(&self.uploads).try_acquire_owned().map_err(|_| self.too_much("upload", text))
    }

    /// Leave to have an image looked into, until `deadline`.
    pub(crate) async fn open_image(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        timeout_at(deadline, Arc::clone(&self.images).acquire_owned()).await.ok()?.ok()
    }

    fn too_much(&self, class: &'static str, text: &'static str) -> ErrorBody {
        metrics::counter!("gateway_busy_total", "class" => class).increment(1);
        busy(text, self.open_wait)
    }

    /// New sockets of theirs are refused until then.
    pub(crate) fn hold_off(&self, until: Instant) {
        *self.held_off.lock() = Some(until);
    }

    /// Whether new sockets of theirs are refused.
    pub(crate) fn is_held_off(&self, now: Instant) -> bool {
        self.held_off.lock().is_some_and(|until| until > now)
    }

    /// A socket of theirs is about to enter a room.
    pub(crate) fn join(self: &Arc<Self>, room: RoomId) -> Joining {
        self.joining.lock().push(room.clone());
        Joining { user: Arc::clone(self), room }
    }

    /// Whether a socket of theirs is about to enter a room.
    pub(crate) fn is_joining(&self, room: &RoomId) -> bool {
        self.joining.lock().contains(room)
    }

    /// A socket of theirs has entered a room.
    pub(crate) fn enter(&self, room: &RoomId) {
        *self.rooms.lock().entry(room.clone()).or_default() += 1;
    }

    /// A socket of theirs has left a room.
    pub(crate) fn leave(&self, room: &RoomId) {
        let mut rooms = self.rooms.lock();
        if let Some(sockets) = rooms.get_mut(room) {
            *sockets -= 1;
            if *sockets == 0 {
                rooms.remove(room);
            }
        }
    }

    /// Whether any socket of theirs is in a room.
    pub(crate) fn is_in(&self, room: &RoomId) -> bool {
        self.rooms.lock().contains_key(room)
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        let mut joining = self.user.joining.lock();
        if let Some(at) = joining.iter().position(|room| *room == self.room) {
            joining.swap_remove(at);
        }
    }
}

struct Known {
    entry: Arc<UserEntry>,
    /// Since when nobody has used it.
    idle_since: Option<Instant>,
}

/// The users who are here, or were here until just now.
pub(crate) struct Entries {
    limits: LimitSettings,
    files: FileSettings,
    tasks: TaskTracker,
    known: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    users: HashMap<UserId, Known>,
    /// How many were added since it was looked who can be forgotten.
    added: usize,
}

impl Entries {
    pub(crate) fn new(limits: &LimitSettings, files: &FileSettings, tasks: TaskTracker) -> Self {
        Self { limits: limits.clone(), files: files.clone(), tasks, known: Mutex::default() }
    }

    /// What the sockets and requests of a user share.
    pub(crate) fn of(&self, user: UserId) -> Arc<UserEntry> {
        let mut table = self.known.lock();
        if let Some(known) = table.users.get_mut(&user) {
            known.idle_since = None;
            return Arc::clone(&known.entry);
        }
        table.added += 1;
        if table.added > LOOK_AFTER {
            forget(&mut table, Instant::now(), MOST_REMEMBERED);
        }
        let entry = Arc::new(UserEntry::new(&self.limits, &self.files, self.tasks.clone()));
        table.users.insert(user, Known { entry: Arc::clone(&entry), idle_since: None });
        entry
    }

    /// Forgets those who have not been here for a while, until `background` ends.
    pub(crate) async fn run(&self, background: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = background.cancelled() => return,
                _ = tick.tick() => forget(&mut self.known.lock(), Instant::now(), MOST_REMEMBERED),
            }
        }
    }
}

/// Forgets whoever has been idle for long enough, and of the others who are idle the longest while they are too many.
fn forget(table: &mut Table, now: Instant, most: usize) {
    table.added = 0;
    let mut idle = Vec::new();
    for (user, known) in &mut table.users {
        // Nobody can take another reference while the table is locked.
        if Arc::strong_count(&known.entry) > 1 || !known.entry.queue.is_idle() {
            known.idle_since = None;
        } else {
            idle.push((*known.idle_since.get_or_insert(now), *user));
        }
    }
    idle.sort_unstable_by_key(|(since, _)| *since);
    let over = idle.len().saturating_sub(most);
    for (index, (since, user)) in idle.into_iter().enumerate() {
        if index < over || now - since >= REMEMBERED || mutant!("limit-fresh-after-a-reconnect") {
            table.users.remove(&user);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::sockets::limits::Class;

    fn entries(change: impl FnOnce(&mut LimitSettings)) -> Entries {
        let mut settings = sinaesta_settings::Settings::load(&[]).unwrap();
        change(&mut settings.limits);
        Entries::new(&settings.limits, &settings.files, TaskTracker::new())
    }

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    // The control: with entries that end with their last socket all of the second ten go through.
    #[tokio::test]
    async fn a_reconnect_within_a_minute_brings_no_fresh_allowance() {
        let entries = entries(|_| {});
        let through = |entry: &UserEntry| (0..20).filter(|_| entry.limits.take_class(Class::ExamJoin).is_ok()).count();
        assert_eq!(through(&entries.of(user(1))), 10);
        let now = Instant::now();
        forget(&mut entries.known.lock(), now, 10);
        forget(&mut entries.known.lock(), now + REMEMBERED - Duration::from_secs(1), 10);
        assert_eq!(through(&entries.of(user(1))), 0);
        forget(&mut entries.known.lock(), now, 10);
        forget(&mut entries.known.lock(), now + REMEMBERED, 10);
        assert!(entries.known.lock().users.is_empty());
    }

    #[tokio::test]
    async fn whoever_is_here_is_kept_and_of_the_others_no_more_than_so_many() {
        let entries = entries(|_| {});
        let here = entries.of(user(0));
        for n in 1..=10 {
            drop(entries.of(user(n)));
        }
        let now = Instant::now();
        forget(&mut entries.known.lock(), now, 3);
        assert_eq!(entries.known.lock().users.len(), 4);
        forget(&mut entries.known.lock(), now + REMEMBERED, 3);
        assert!(Arc::ptr_eq(&here, &entries.of(user(0))));
        assert_eq!(entries.known.lock().users.len(), 1);
    }

    // The control: without the deadline the third one waits for ever.
    #[tokio::test(start_paused = true)]
    async fn what_is_over_waits_for_a_moment_and_is_refused() {
        let entries = entries(|limits| limits.open_commands = 2);
        let (entry, began) = (entries.of(user(1)), Instant::now());
        let first = entry.open_command(began).await.unwrap();
        let _second = entry.open_command(began).await.unwrap();
        let refused = entry.open_command(began).await.unwrap_err();
        assert_eq!((refused.code.as_ref(), refused.retry_after_ms), (sinaesta_contracts::code::BUSY, Some(1_000)));
        assert_eq!(began.elapsed(), Duration::from_secs(1));
        drop(first);
        // Its moment is over, but there is room.
        drop(entry.open_command(began).await.unwrap());
        drop(entry.open_query(began).await.unwrap());
    }
}
