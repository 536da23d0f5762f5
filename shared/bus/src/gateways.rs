//! Which gateways live.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use sinaesta_contracts::GatewayId;
use sinaesta_contracts::session::GatewayAlive;
use sinaesta_mutants::mutant;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::{Bus, BusError};

/// Hears the gateways, so that those which fell silent can be told apart.
pub struct GatewayWatch {
    alive: BoxStream<'static, GatewayAlive>,
    reconnects: watch::Receiver<u64>,
    heard: HashMap<GatewayId, Instant>,
    listening_since: Instant,
}

impl Bus {
    /// Begins to hear the gateways.
    pub async fn watch_gateways(&self) -> Result<GatewayWatch, BusError> {
        let (alive, reconnects) = (self.signals::<GatewayAlive>().await?, self.reconnects());
        Ok(GatewayWatch { alive, reconnects, heard: HashMap::new(), listening_since: Instant::now() })
    }
}

impl GatewayWatch {
    /// Takes what is heard, for ever; may be dropped at any moment.
    pub async fn listen(&mut self) {
        loop {
            tokio::select! {
                Some(signal) = self.alive.next() => drop(self.heard.insert(signal.gateway_id, Instant::now())),
                // While the broker was away nobody could be heard.
                Ok(()) = self.reconnects.changed() => {
                    mutant!("bus-away-broker-makes-gateways-silent", continue);
                    self.listening_since = Instant::now();
                }
                else => return std::future::pending().await,
            }
        }
    }

    /// Takes what is heard until something else happens; what had been said before that is taken first, so that nobody counts as
    /// silent whose words only had to wait.
    pub async fn listen_until<F: Future>(&mut self, moment: F) -> F::Output {
        tokio::select! {
            biased;
            () = self.listen() => std::future::pending().await,
            output = moment => output,
        }
    }

    /// Tells of a gateway whether it was not heard of for longer than `silence` by now, and could have been.
    pub fn silent_for(&self, silence: Duration) -> impl Fn(GatewayId) -> bool + Send + use<> {
        let (heard, since) = (self.heard.clone(), self.listening_since);
        move |id| heard.get(&id).copied().unwrap_or(since).max(since).elapsed() > silence
    }

    /// Forgets the gateways that have been silent for longer than `silence`.
    pub fn forget_silent(&mut self, silence: Duration) {
        self.heard.retain(|_, at| at.elapsed() < silence);
    }
}
