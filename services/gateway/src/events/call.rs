//! What a handler works with.

use std::sync::Arc;

use sinaesta_bus::Answer;
use sinaesta_contracts::{Audience, Command, ErrorBody, Query, ServerEvent, code};
use sinaesta_mutants::mutant;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::Gateway;
use crate::hub::{Member, PendingJoin};
use crate::sockets::responder::Responder;
use crate::sockets::session::Session;

/// An event of a client on its way to an answer.
pub(crate) struct Call {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) session: Arc<Session>,
    pub(crate) responder: Responder,
    /// When it arrived: what it has to wait for counts from here.
    pub(super) arrived: Instant,
    /// One of the user's permits for unanswered commands; released when this is dropped.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Call {
    pub(super) fn new(gateway: &Arc<Gateway>, session: &Arc<Session>, responder: Responder) -> Self {
        let (gateway, session) = (Arc::clone(gateway), Arc::clone(session));
        Self { gateway, session, responder, arrived: Instant::now(), permit: None }
    }

    /// Sends a command in its order; `done` gets the answer later.
    pub(super) async fn command<C, D, F>(mut self, command: C, done: D)
    where
        C: Command,
        D: FnOnce(Self, Answer) -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        if self.permit.is_none() && !mutant!("open-commands-without-bound") {
            match self.session.user.open_command(self.arrived).await {
                Ok(permit) => self.permit = Some(permit),
                Err(error) => return done(self, Err(error)).await,
            }
        }
        if let Err(error) = self.session.check() {
            return done(self, Err(error)).await;
        }
        match self.gateway.bus.dispatch(self.gateway.bus.new_id(), &self.session.actor, &command).await {
            Ok(sent) => {
                let limit = self.gateway.command_timeout();
                let tasks = self.gateway.tasks.clone();
                let later = async move { done(self, sent.answer(limit).await).await };
                tasks.spawn(later.in_current_span());
            }
            Err(error) => done(self, Err(error)).await,
        }
    }

    /// Asks a service, out of the queue: what follows need not wait.
    pub(super) fn ask<Q: Query>(self, query: Q) {
        let tasks = self.gateway.tasks.clone();
        tasks.spawn(async move {
            let answer = self.asked(&query).await;
            self.respond(answer);
        });
    }

    /// The answer of a service; not to be awaited in the queue.
    pub(super) async fn asked<Q: Query>(&self, query: &Q) -> Answer {
        let _permit = self.session.user.open_query(self.arrived).await?;
        self.session.check()?;
        self.gateway.bus.ask_raw(&self.session.actor, query).await
    }

    /// The socket as a member of an audience.
    pub(super) fn member(&self) -> Member {
        self.gateway.member(self.responder.socket().clone(), &self.session.actor)
    }

    /// Begins to join an audience.
    pub(super) async fn begin_join(&self, audience: Audience) -> Result<PendingJoin, ErrorBody> {
        self.gateway.hub.begin_join(audience).await.map_err(|error| {
            tracing::warn!(%error, user.id = %self.session.actor.user_id, "join refused: the audience can't be subscribed to");
            ErrorBody::new(code::UNAVAILABLE, "The server can't be reached right now")
        })
    }

    /// Answers the client, by the event that tells its sender as well.
    pub(super) fn respond_as<E: ServerEvent>(self, answer: Answer) {
        if let Ok(reply) = &answer {
            self.responder.emit(E::NAME, &**reply);
        }
        self.respond(answer);
    }

    /// Answers the client.
    pub(super) fn respond(self, answer: Answer) {
        match answer {
            Ok(reply) => self.responder.ok(&reply),
            Err(error) => self.responder.error(error),
        }
    }
}
