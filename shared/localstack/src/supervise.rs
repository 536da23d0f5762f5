use std::future::Future;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::Result;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A local part that can be started again as it was.
pub trait Part: Sized + Send + 'static {
    type Options: Clone + Send + Sync + 'static;
    const NAME: &'static str;

    fn start(options: Self::Options) -> impl Future<Output = Result<Self>> + Send;

    /// With the ports in use, so that what is started from them has the same address.
    fn options(&self) -> Self::Options;

    fn pid(&self) -> u32;

    /// Completes when the process has ended, whoever ended it.
    fn ended(&self) -> impl Future<Output = ()> + Send + 'static;

    fn stop(self) -> impl Future<Output = ()> + Send;
}

/// Brings a part back, on the same port and data, whenever it ends without being asked to.
#[derive(Debug)]
pub struct Supervised {
    pid: watch::Receiver<u32>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Supervised {
    pub fn new<P: Part>(part: P) -> Self {
        let (pid_changed, pid) = watch::channel(part.pid());
        let (stop, stopping) = oneshot::channel();
        let task = tokio::spawn(run(part, pid_changed, stopping));
        Self { pid, stop, task }
    }

    /// The process now; changes each time the part has come back and is ready.
    pub fn pid(&self) -> watch::Receiver<u32> {
        self.pid.clone()
    }

    /// Ends the part in good order and does not bring it back.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn run<P: Part>(mut part: P, pid: watch::Sender<u32>, mut stopping: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _ = &mut stopping => return part.stop().await,
            () = part.ended() => {}
        }
        tracing::warn!(part = P::NAME, pid = part.pid(), "ended unasked: starting it again");
        let options = part.options();
        drop(part);
        let started = tokio::select! {
            _ = &mut stopping => return,
            started = start_again::<P>(options) => started,
        };
        part = started;
        tracing::info!(part = P::NAME, pid = part.pid(), "is back");
        pid.send_replace(part.pid());
    }
}

async fn start_again<P: Part>(options: P::Options) -> P {
    let mut pause = FIRST_PAUSE;
    loop {
        match P::start(options.clone()).await {
            Ok(part) => return part,
            Err(error) => tracing::error!(part = P::NAME, %error, "could not be started again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
