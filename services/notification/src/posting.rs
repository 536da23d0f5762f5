//! Sending the commands that events become.

use std::fmt;
use std::time::Duration;

use futures::StreamExt as _;
use metrics::counter;
use sinaesta_bus::{Dependency, Failure};
use sinaesta_contracts::{Actor, Command};
use sinaesta_mutants::mutant;
use uuid::Uuid;

use crate::context::Context;

/// How long the broker may take to store a command.
const LIMIT: Duration = Duration::from_secs(5);
/// How many are on their way at once.
const AT_ONCE: usize = 64;

/// The broker did not take commands: all others were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotPosted {
    count: usize,
    reason: String,
}

impl fmt::Display for NotPosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} commands were not taken by the broker: {}", self.count, self.reason)
    }
}

impl From<NotPosted> for Failure {
    /// What was sent has the same id again, and is dropped or known.
    fn from(failed: NotPosted) -> Self {
        Self::Away(Dependency::Broker, failed.to_string())
    }
}

/// Sends commands, each by itself; the same event makes the same ids again.
pub(crate) async fn post<C: Command>(context: &Context, commands: Vec<(Uuid, C)>) -> Result<(), NotPosted> {
    let send = |(id, command): (Uuid, C)| async move {
        let sent = context.bus.post(id, &Actor::system(), &command, LIMIT).await;
        sent.map_err(|error| {
            counter!("notification_posts_failed_total", "command" => C::NAME).increment(1);
            tracing::warn!(%id, command = C::NAME, error = %error.message, "a command was not taken by the broker");
            error.message
        })
    };
    let sent: Vec<_> = futures::stream::iter(commands).map(send).buffer_unordered(AT_ONCE).collect().await;
    let failed: Vec<_> = sent.into_iter().filter_map(Result::err).collect();
    match failed.first().filter(|_| !mutant!("notification-that-was-not-taken-is-forgotten")) {
        Some(reason) => Err(NotPosted { count: failed.len(), reason: reason.to_string() }),
        None => Ok(()),
    }
}
