//! Keeps the events of a user in the order in which they came.
//!
//! Socket.IO handlers may not wait, and tasks of their own would overtake each other. So each user has a queue, worked
//! off one after another by a task that lives as long as there is work: what one user sends delays nobody else.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt as _;
use parking_lot::Mutex;
use sinaesta_mutants::mutant;
use tokio_util::task::TaskTracker;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How many events of one user may wait, and how many bytes of them.
const WAITING: usize = 1_000;
const WAITING_BYTES: usize = 4 * 1024 * 1024;

/// The queue of one user; clones share it.
#[derive(Clone)]
pub(crate) struct UserQueue {
    state: Arc<Mutex<State>>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    /// What must not get lost, before everything else.
    notes: VecDeque<Job>,
    events: VecDeque<(usize, Job)>,
    bytes: usize,
    is_worked: bool,
}

impl State {
    fn next(&mut self) -> Option<Job> {
        if let Some(note) = self.notes.pop_front() {
            return Some(note);
        }
        let Some((bytes, job)) = mutant!("open-events-out-of-order", self.events.pop_back(), self.events.pop_front())
        else {
            self.is_worked = false;
            // A burst's room is given back.
            (self.notes, self.events) = (VecDeque::new(), VecDeque::new());
            return None;
        };
        self.bytes -= bytes;
        Some(job)
    }
}

impl UserQueue {
    /// An empty queue; `tasks` waits for what is in it.
    pub(crate) fn new(tasks: TaskTracker) -> Self {
        Self { state: Arc::default(), tasks }
    }

    /// Whether one more event of this size may wait.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let state = self.state.lock();
        (state.events.len() < WAITING && state.bytes + bytes <= WAITING_BYTES) || mutant!("open-events-without-bound")
    }

    /// Whether nothing is in it and nothing of it is under way.
    pub(crate) fn is_idle(&self) -> bool {
        !self.state.lock().is_worked
    }

    /// Puts an event in, of so many bytes.
    pub(crate) fn push(&self, bytes: usize, job: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.state.lock();
        state.bytes += bytes;
        state.events.push_back((bytes, Box::pin(job)));
        self.work(&mut state);
    }

    /// Puts in what must not get lost and comes at most a few times for each connection.
    pub(crate) fn push_always(&self, job: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.state.lock();
        state.notes.push_back(Box::pin(job));
        self.work(&mut state);
    }

    fn work(&self, state: &mut State) {
        if std::mem::replace(&mut state.is_worked, true) {
            return;
        }
        let state = Arc::clone(&self.state);
        self.tasks.spawn(async move {
            loop {
                let Some(job) = state.lock().next() else { return };
                // One that fails must not keep the ones behind it waiting for ever.
                if AssertUnwindSafe(job).catch_unwind().await.is_err() {
                    tracing::error!("an event's handler panicked");
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{mpsc, oneshot};
    use tokio::time::timeout;

    use super::*;

    fn queue() -> UserQueue {
        UserQueue::new(TaskTracker::new())
    }

    #[tokio::test]
    async fn events_keep_their_order_and_notes_come_first() {
        let queue = queue();
        let (sender, mut done) = mpsc::unbounded_channel();
        let (open, gate) = oneshot::channel::<()>();
        queue.push(0, async move { gate.await.unwrap() });
        for n in 0..100 {
            let sender = sender.clone();
            queue.push(1, async move { sender.send(n).unwrap() });
        }
        queue.push_always(async move { sender.send(-1).unwrap() });
        open.send(()).unwrap();
        let mut order = Vec::new();
        while let Some(n) = done.recv().await {
            order.push(n);
        }
        assert_eq!(order, (-1..100).collect::<Vec<_>>());
    }

    // The control: with one queue for both users the second one's event waits for ever.
    #[tokio::test]
    async fn what_one_user_waits_for_nobody_else_waits_for() {
        let (slow, quick) = (queue(), queue());
        slow.push(0, std::future::pending());
        let (sender, done) = oneshot::channel();
        quick.push(0, async move { sender.send(()).unwrap() });
        timeout(Duration::from_secs(5), done).await.unwrap().unwrap();
        assert!(!slow.is_idle());
    }

    #[tokio::test]
    async fn it_is_bounded_in_number_and_in_bytes() {
        let full = queue();
        // Not begun before this test waits for something.
        for _ in 0..WAITING {
            assert!(full.has_room(1));
            full.push(1, std::future::pending());
        }
        assert!(!full.has_room(0));
        let large = queue();
        large.push(WAITING_BYTES - 10, std::future::pending());
        assert!(large.has_room(10) && !large.has_room(11));
    }

    // The control: without `catch_unwind` the second event is never run.
    #[tokio::test]
    async fn a_handler_that_panics_ends_nothing_but_itself() {
        let queue = queue();
        queue.push(0, async { panic!("on purpose") });
        let (sender, done) = oneshot::channel();
        queue.push(0, async move { sender.send(()).unwrap() });
        timeout(Duration::from_secs(5), done).await.unwrap().unwrap();
    }
}
