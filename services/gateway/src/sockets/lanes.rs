//! Keeps the events of a user in the order in which they came.
//!
//! Socket.IO handlers may not wait, and tasks of their own would overtake each other. So an event is put into the
//! lane of its user, and each lane hands one event after another to the bus; answers are awaited outside.

use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::Pin;

use futures::future::join_all;
use sinaesta_contracts::UserId;
use tokio::sync::mpsc;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How many events may wait in one lane.
const WAITING: usize = 4_096;

/// The entrances of the lanes.
pub(crate) struct Lanes(Vec<(mpsc::Sender<Job>, mpsc::UnboundedSender<Job>)>);

/// The far end of one lane.
pub(crate) struct Ordered(mpsc::Receiver<Job>, mpsc::UnboundedReceiver<Job>);

/// A place in a lane.
pub(crate) struct Place<'l>(mpsc::Permit<'l, Job>);

impl Place<'_> {
    pub(crate) fn put(self, job: impl Future<Output = ()> + Send + 'static) {
        self.0.send(Box::pin(job));
    }
}

/// The lane is full: the server has more work than it can take.
#[derive(Debug)]
pub(crate) struct Full;

pub(crate) fn new(count: usize) -> (Lanes, Vec<Ordered>) {
    let lane = || {
        let ((event, events), (note, notes)) = (mpsc::channel(WAITING), mpsc::unbounded_channel());
        ((event, note), Ordered(events, notes))
    };
    let (entrances, ends) = std::iter::repeat_with(lane).take(count).unzip();
    (Lanes(entrances), ends)
}

impl Lanes {
    fn of(&self, user: UserId) -> Option<&(mpsc::Sender<Job>, mpsc::UnboundedSender<Job>)> {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        self.0.get((hasher.finish() % self.0.len() as u64) as usize)
    }

    /// A place in the lane of a user, for one event.
    pub(crate) fn reserve(&self, user: UserId) -> Result<Place<'_>, Full> {
        let (events, _) = self.of(user).ok_or(Full)?;
        events.try_reserve().map(Place).map_err(|_| Full)
    }

    /// Puts in what must not get lost and comes at most twice for each connection.
    pub(crate) fn push_always(&self, user: UserId, job: impl Future<Output = ()> + Send + 'static) {
        if let Some((_, notes)) = self.of(user) {
            notes.send(Box::pin(job)).ok();
        }
    }
}

/// Works all lanes until their entrances are gone.
pub(crate) async fn run(lanes: Vec<Ordered>) {
    let work = lanes.into_iter().map(|Ordered(mut events, mut notes)| {
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    Some(job) = notes.recv() => job.await,
                    Some(job) = events.recv() => job.await,
                    else => return,
                }
            }
        })
    });
    join_all(work).await;
}
