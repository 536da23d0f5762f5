//! A socket lives no longer than its token counts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use sinaesta_contracts::session::TokenExpiring;
use sinaesta_contracts::{ServerEvent as _, Timestamp};
use sinaesta_mutants::mutant;
use socketioxide::SocketIo;
use socketioxide_core::Sid;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;
use tokio_util::time::delay_queue::Key;

use crate::Gateway;
use crate::sockets::session::Session;

enum Change {
    Watch(Sid, OffsetDateTime),
    Forget(Sid),
}

/// Where sockets are entered.
pub(crate) struct Expiry(mpsc::UnboundedSender<Change>);

/// What was entered.
pub(crate) struct Expiring(mpsc::UnboundedReceiver<Change>);

pub(crate) fn new() -> (Expiry, Expiring) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Expiry(sender), Expiring(receiver))
}

impl Expiry {
    /// The socket's token expires then; said again, it is extended.
    pub(crate) fn watch(&self, sid: Sid, expires_at: OffsetDateTime) {
        self.0.send(Change::Watch(sid, expires_at)).ok();
    }

    pub(crate) fn forget(&self, sid: Sid) {
        self.0.send(Change::Forget(sid)).ok();
    }
}

/// The longest wait that the queue takes; a token that counts longer is looked at again then.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Warns sockets shortly before their tokens expire, and disconnects those whose tokens count no more.
pub(crate) async fn run(gateway: Arc<Gateway>, io: SocketIo, mut expiring: Expiring, background: CancellationToken) {
    let mut queue: DelayQueue<Sid> = DelayQueue::new();
    let mut keys: HashMap<Sid, Key> = HashMap::new();
    let warning = Duration::from_secs(gateway.settings.gateway.token_warning_s);
    loop {
        tokio::select! {
            () = background.cancelled() => return,
            Some(change) = expiring.0.recv() => match change {
                Change::Watch(sid, expires_at) => {
                    let wait = remaining(&gateway, expires_at).saturating_sub(warning).min(FAR);
                    match keys.get(&sid) {
                        Some(key) => queue.reset(key, wait),
                        None => drop(keys.insert(sid, queue.insert(sid, wait))),
                    }
                }
                Change::Forget(sid) => {
                    if let Some(key) = keys.remove(&sid) {
                        queue.remove(&key);
                    }
                }
            },
            Some(due) = queue.next(), if !queue.is_empty() => {
                let sid = due.into_inner();
                keys.remove(&sid);
                if let Some(wait) = look(&gateway, &io, sid, warning) {
                    keys.insert(sid, queue.insert(sid, wait));
                }
            }
        }
    }
}

fn remaining(gateway: &Gateway, until: OffsetDateTime) -> Duration {
    Duration::try_from(until - gateway.clock.now()).unwrap_or_default()
}

/// What is due for a socket; gives when to look again.
fn look(gateway: &Gateway, io: &SocketIo, sid: Sid, warning: Duration) -> Option<Duration> {
    let socket = io.get_socket(sid)?;
    let session = socket.extensions.get::<Arc<Session>>()?;
    let token = session.token();
    let left = remaining(gateway, token.counts_until);
    mutant!("token-that-expired-keeps-its-socket", return None);
    if left.is_zero() {
        tracing::debug!(%sid, "a token has expired");
        socket.disconnect().ok();
        return None;
    }
    let to_expiry = remaining(gateway, token.expires_at);
    if to_expiry > warning {
        return Some((to_expiry - warning).min(FAR));
    }
    socket.emit(TokenExpiring::NAME, &TokenExpiring { expires_at: Timestamp(token.expires_at) }).ok();
    Some(left.min(FAR))
}
