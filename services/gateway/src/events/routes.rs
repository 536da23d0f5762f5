//! From an event's name to its handler.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use sinaesta_bus::Answer;
use sinaesta_contracts::{ClientEvent, Command, Query, ServerEvent};
use tracing::Instrument as _;

use super::Call;
use crate::Gateway;
use crate::sockets::limits::{Class, busy};
use crate::sockets::reader;
use crate::sockets::responder::Responder;
use crate::sockets::session::Session;

/// When a queue that was full has room again.
const FULL: Duration = Duration::from_secs(1);

/// Reads the payload and enqueues the handler.
type Handle = Box<dyn Fn(Call, Option<&RawValue>) + Send + Sync>;

/// How the gateway handles one event.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    /// Which of the user's limits it counts against.
    pub(crate) class: Class,
    handle: Handle,
}

impl Route {
    pub(crate) fn call(
        &self,
        gateway: &Arc<Gateway>,
        session: &Arc<Session>,
        payload: Option<&RawValue>,
        responder: Responder,
    ) {
        (self.handle)(Call::new(gateway, session, responder), payload);
    }
}

/// Every event that clients may send.
#[derive(Default)]
pub(super) struct Routes(HashMap<&'static str, Route>);

impl Routes {
    /// Forwards a command to the service that owns it, and its reply to the client.
    pub(super) fn command<C: ClientEvent + Command>(self, class: Class) -> Self {
        self.custom(class, async |call: Call, command: C| {
            call.command(command, async |call: Call, reply: Answer| call.respond(reply)).await;
        })
    }

    /// The same, where the socket also receives the reply as an event.
    pub(super) fn command_with_event<C: ClientEvent + Command, E: ServerEvent>(self, class: Class) -> Self {
        self.custom(class, async |call: Call, command: C| {
            call.command(command, async |call: Call, reply: Answer| call.respond_as::<E>(reply)).await;
        })
    }

    /// Forwards a query to the service that answers it, and its reply to the client.
    pub(super) fn query<Q: ClientEvent + Query>(self, class: Class) -> Self {
        self.custom(class, async |call: Call, query: Q| call.ask(query))
    }

    /// What is more than forwarded; the handler runs in the order of its user's queue.
    pub(super) fn custom<E, H, F>(self, class: Class, handler: H) -> Self
    where
        E: ClientEvent,
        H: Fn(Call, E) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let handle = move |call: Call, payload: Option<&RawValue>| enqueue(call, payload, &handler);
        self.with::<E>(class, Box::new(handle))
    }

    /// What is answered at once, outside of the queue; its payload is not read.
    pub(super) fn immediate<E: ClientEvent>(self, class: Class, handler: fn(Call)) -> Self {
        self.with::<E>(class, Box::new(move |call, _| handler(call)))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Route> {
        self.0.get(name)
    }

    fn with<E: ClientEvent>(mut self, class: Class, handle: Handle) -> Self {
        self.0.insert(E::NAME, Route { name: E::NAME, class, handle });
        self
    }
}

fn enqueue<E, H, F>(call: Call, payload: Option<&RawValue>, handler: &H)
where
    E: ClientEvent,
    H: Fn(Call, E) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let event = match reader::read::<E>(payload) {
        Ok(event) => event,
        Err(error) => return call.responder.error(error),
    };
    let bytes = payload.map_or(0, |payload| payload.get().len());
    let queue = call.session.user.queue.clone();
    if !queue.has_room(bytes) {
        metrics::counter!("gateway_busy_total", "class" => "queue").increment(1);
        return call.responder.error(busy("Too much of yours waits already; try again", FULL));
    }
    let span =
        sinaesta_telemetry::span!("gateway.event", server, event = E::NAME, user.id = %call.session.actor.user_id);
    // The client may have begun the trace.
    reader::trace(payload).adopt(&span);
    queue.push(bytes, handler(call, event).instrument(span));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sinaesta_contracts::catalog;

    #[test]
    fn there_is_a_route_for_each_event_of_the_catalog_and_no_other() {
        let routed: BTreeSet<_> = super::super::table::routes().0.into_keys().collect();
        let listed: BTreeSet<_> = catalog::client_events().into_iter().map(|entry| entry.name).collect();
        assert_eq!(routed, listed);
    }
}
