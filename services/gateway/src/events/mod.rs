//! One file for each event that a client sends. A handler hands its command to the bus in the order of its user's
//! queue, and awaits the answer outside of it.

mod auth_refresh;
mod exam_answer;
mod exam_complete;
mod exam_extend;
mod exam_monitor;
mod exam_pause;
mod exam_progress;
mod exam_resume;
mod heartbeat;
mod join_exam;
mod join_room;
mod leaderboard_request;
mod leaderboard_unsubscribe;
mod leaderboard_update;
mod leave_exam;
pub(crate) mod leave_room;
mod mark_message_read;
mod message_edit;
mod message_history;
mod message_react;
mod message_remove;
mod message_search;
mod message_thread;
mod mute_user;
mod notification_list;
mod notification_preferences;
mod notification_preferences_set;
mod notification_read;
mod notification_read_all;
mod notification_send;
mod room_list;
mod send_message;
mod set_status;
mod study_group_create;
mod study_group_invite;
mod study_group_join;
mod study_group_leave;
mod study_group_list;
mod study_group_message;
mod study_group_remove;
pub(crate) mod typing;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use sinaesta_bus::Answer;
use sinaesta_contracts::chat::{JoinRoom, LeaveRoom, MarkMessageRead, MessageHistory, SendMessage, SetTyping};
use sinaesta_contracts::exam::{CompleteExam, JoinExam, LeaveExam, SaveAnswer, SaveProgress};
use sinaesta_contracts::leaderboard::{RequestLeaderboard, UnsubscribeLeaderboard, UpdateLeaderboard};
use sinaesta_contracts::moderation::{
    EditMessage, MuteUser, ReactToMessage, ReadThread, RemoveMessage, SearchMessages,
};
use sinaesta_contracts::notification::{
    ListNotifications, ReadAllNotifications, ReadNotification, ReadPreferences, SendNotification, SetPreferences,
};
use sinaesta_contracts::presence::SetStatus;
use sinaesta_contracts::proctoring::{ExtendExam, MonitorExam, PauseExam, ResumeExam};
use sinaesta_contracts::room_list::ListRooms;
use sinaesta_contracts::session::{AuthRefresh, Heartbeat};
use sinaesta_contracts::study_group::{
    CreateGroup, InviteMember, JoinGroup, LeaveGroup, ListGroups, RemoveMember, SendGroupMessage,
};
use sinaesta_contracts::{Audience, ClientEvent, Command, ErrorBody, Query, ServerEvent, code};
use sinaesta_mutants::mutant;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::Gateway;
use crate::hub::{Hold, Member};
use crate::sockets::limits::{Class, busy};
use crate::sockets::reader;
use crate::sockets::responder::Responder;
use crate::sockets::session::Session;

/// When something fits into a queue again that was full.
const FULL: Duration = Duration::from_secs(1);

const AUTH_REFRESH: &str = <AuthRefresh as ClientEvent>::NAME;
const EXAM_ANSWER: &str = <SaveAnswer as ClientEvent>::NAME;
const EXAM_COMPLETE: &str = <CompleteExam as ClientEvent>::NAME;
const EXAM_EXTEND: &str = <ExtendExam as ClientEvent>::NAME;
const EXAM_MONITOR: &str = <MonitorExam as ClientEvent>::NAME;
const EXAM_PAUSE: &str = <PauseExam as ClientEvent>::NAME;
const EXAM_PROGRESS: &str = <SaveProgress as ClientEvent>::NAME;
const EXAM_RESUME: &str = <ResumeExam as ClientEvent>::NAME;
const HEARTBEAT: &str = <Heartbeat as ClientEvent>::NAME;
const JOIN_EXAM: &str = <JoinExam as ClientEvent>::NAME;
const LEADERBOARD_REQUEST: &str = <RequestLeaderboard as ClientEvent>::NAME;
const LEADERBOARD_UNSUBSCRIBE: &str = <UnsubscribeLeaderboard as ClientEvent>::NAME;
const LEADERBOARD_UPDATE: &str = <UpdateLeaderboard as ClientEvent>::NAME;
const LEAVE_EXAM: &str = <LeaveExam as ClientEvent>::NAME;
const JOIN_ROOM: &str = <JoinRoom as ClientEvent>::NAME;
const LEAVE_ROOM: &str = <LeaveRoom as ClientEvent>::NAME;
const MARK_MESSAGE_READ: &str = <MarkMessageRead as ClientEvent>::NAME;
const MESSAGE_HISTORY: &str = <MessageHistory as ClientEvent>::NAME;
const MESSAGE_EDIT: &str = <EditMessage as ClientEvent>::NAME;
const MESSAGE_REMOVE: &str = <RemoveMessage as ClientEvent>::NAME;
const MESSAGE_REACT: &str = <ReactToMessage as ClientEvent>::NAME;
const MUTE_USER: &str = <MuteUser as ClientEvent>::NAME;
const MESSAGE_THREAD: &str = <ReadThread as ClientEvent>::NAME;
const ROOM_LIST: &str = <ListRooms as ClientEvent>::NAME;
const MESSAGE_SEARCH: &str = <SearchMessages as ClientEvent>::NAME;
const NOTIFICATION_LIST: &str = <ListNotifications as ClientEvent>::NAME;
const NOTIFICATION_PREFERENCES: &str = <ReadPreferences as ClientEvent>::NAME;
const NOTIFICATION_PREFERENCES_SET: &str = <SetPreferences as ClientEvent>::NAME;
const NOTIFICATION_READ: &str = <ReadNotification as ClientEvent>::NAME;
const NOTIFICATION_READ_ALL: &str = <ReadAllNotifications as ClientEvent>::NAME;
const NOTIFICATION_SEND: &str = <SendNotification as ClientEvent>::NAME;
const SEND_MESSAGE: &str = <SendMessage as ClientEvent>::NAME;
const SET_STATUS: &str = <SetStatus as ClientEvent>::NAME;
const STUDY_GROUP_CREATE: &str = <CreateGroup as ClientEvent>::NAME;
const STUDY_GROUP_INVITE: &str = <InviteMember as ClientEvent>::NAME;
const STUDY_GROUP_JOIN: &str = <JoinGroup as ClientEvent>::NAME;
const STUDY_GROUP_LEAVE: &str = <LeaveGroup as ClientEvent>::NAME;
const STUDY_GROUP_LIST: &str = <ListGroups as ClientEvent>::NAME;
const STUDY_GROUP_MESSAGE: &str = <SendGroupMessage as ClientEvent>::NAME;
const STUDY_GROUP_REMOVE: &str = <RemoveMember as ClientEvent>::NAME;
const TYPING_INDICATOR: &str = <SetTyping as ClientEvent>::NAME;

const EVENTS: &[&str] = &[
    AUTH_REFRESH,
    EXAM_ANSWER,
    EXAM_COMPLETE,
    EXAM_EXTEND,
    EXAM_MONITOR,
    EXAM_PAUSE,
    EXAM_PROGRESS,
    EXAM_RESUME,
    HEARTBEAT,
    JOIN_EXAM,
    JOIN_ROOM,
    LEADERBOARD_REQUEST,
    LEADERBOARD_UNSUBSCRIBE,
    LEADERBOARD_UPDATE,
    LEAVE_EXAM,
    LEAVE_ROOM,
    MARK_MESSAGE_READ,
    MESSAGE_HISTORY,
    MESSAGE_EDIT,
    MESSAGE_REMOVE,
    MESSAGE_REACT,
    MUTE_USER,
    MESSAGE_THREAD,
    ROOM_LIST,
    MESSAGE_SEARCH,
    NOTIFICATION_LIST,
    NOTIFICATION_PREFERENCES,
    NOTIFICATION_PREFERENCES_SET,
    NOTIFICATION_READ,
    NOTIFICATION_READ_ALL,
    NOTIFICATION_SEND,
    SEND_MESSAGE,
    SET_STATUS,
    STUDY_GROUP_CREATE,
    STUDY_GROUP_INVITE,
    STUDY_GROUP_JOIN,
    STUDY_GROUP_LEAVE,
    STUDY_GROUP_LIST,
    STUDY_GROUP_MESSAGE,
    STUDY_GROUP_REMOVE,
    TYPING_INDICATOR,
];

/// The event's name as ours, if there is such an event.
pub(crate) fn known(name: &str) -> Option<&'static str> {
    EVENTS.iter().find(|event| **event == name).copied()
}

/// What an event counts as.
pub(crate) fn class(event: &'static str) -> Class {
    match event {
        STUDY_GROUP_MESSAGE if mutant!("limit-not-of-group-messages") => Class::Other,
        SEND_MESSAGE | STUDY_GROUP_MESSAGE => Class::Message,
        MESSAGE_EDIT | MESSAGE_REMOVE | MESSAGE_REACT => Class::Change,
        JOIN_EXAM => Class::ExamJoin,
        STUDY_GROUP_INVITE | NOTIFICATION_SEND => Class::Invitation,
        EXAM_MONITOR | JOIN_ROOM | LEADERBOARD_REQUEST | LEADERBOARD_UPDATE | MESSAGE_HISTORY | MESSAGE_SEARCH
        | MESSAGE_THREAD | NOTIFICATION_LIST | ROOM_LIST | STUDY_GROUP_CREATE | STUDY_GROUP_JOIN | STUDY_GROUP_LIST => {
            Class::Lookup
        }
        _ => Class::Other,
    }
}

/// What a handler works with.
pub(crate) struct Call {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) session: Arc<Session>,
    pub(crate) responder: Responder,
    /// When it arrived: what it has to wait for counts from here.
    arrived: Instant,
    /// Leave to have a command without an answer; kept until this is dropped.
    permit: Option<OwnedSemaphorePermit>,
}

/// Reads the payload and puts the event into its user's queue.
pub(crate) fn route(
    gateway: &Arc<Gateway>,
    session: &Arc<Session>,
    name: &str,
    payload: Option<&RawValue>,
    responder: Responder,
) {
    let (gateway, session) = (Arc::clone(gateway), Arc::clone(session));
    let call = Call { gateway, session, responder, arrived: Instant::now(), permit: None };
    match name {
        HEARTBEAT => heartbeat::handle(call),
        AUTH_REFRESH => enqueue(call, payload, auth_refresh::handle),
        JOIN_ROOM => enqueue(call, payload, join_room::handle),
        LEAVE_ROOM => enqueue(call, payload, leave_room::handle),
        SEND_MESSAGE => enqueue(call, payload, send_message::handle),
        MARK_MESSAGE_READ => enqueue(call, payload, mark_message_read::handle),
        MESSAGE_HISTORY => enqueue(call, payload, message_history::handle),
        TYPING_INDICATOR => enqueue(call, payload, typing::handle),
        JOIN_EXAM => enqueue(call, payload, join_exam::handle),
        LEAVE_EXAM => enqueue(call, payload, leave_exam::handle),
        EXAM_ANSWER => enqueue(call, payload, exam_answer::handle),
        EXAM_COMPLETE => enqueue(call, payload, exam_complete::handle),
        EXAM_EXTEND => enqueue(call, payload, exam_extend::handle),
        EXAM_MONITOR => enqueue(call, payload, exam_monitor::handle),
        EXAM_PAUSE => enqueue(call, payload, exam_pause::handle),
        EXAM_PROGRESS => enqueue(call, payload, exam_progress::handle),
        EXAM_RESUME => enqueue(call, payload, exam_resume::handle),
        LEADERBOARD_REQUEST => enqueue(call, payload, leaderboard_request::handle),
        LEADERBOARD_UNSUBSCRIBE => enqueue(call, payload, leaderboard_unsubscribe::handle),
        LEADERBOARD_UPDATE => enqueue(call, payload, leaderboard_update::handle),
        MESSAGE_EDIT => enqueue(call, payload, message_edit::handle),
        MESSAGE_REMOVE => enqueue(call, payload, message_remove::handle),
        MESSAGE_REACT => enqueue(call, payload, message_react::handle),
        MUTE_USER => enqueue(call, payload, mute_user::handle),
        MESSAGE_THREAD => enqueue(call, payload, message_thread::handle),
        ROOM_LIST => enqueue(call, payload, room_list::handle),
        MESSAGE_SEARCH => enqueue(call, payload, message_search::handle),
        NOTIFICATION_LIST => enqueue(call, payload, notification_list::handle),
        NOTIFICATION_PREFERENCES => enqueue(call, payload, notification_preferences::handle),
        NOTIFICATION_PREFERENCES_SET => enqueue(call, payload, notification_preferences_set::handle),
        NOTIFICATION_READ => enqueue(call, payload, notification_read::handle),
        NOTIFICATION_READ_ALL => enqueue(call, payload, notification_read_all::handle),
        NOTIFICATION_SEND => enqueue(call, payload, notification_send::handle),
        SET_STATUS => enqueue(call, payload, set_status::handle),
        STUDY_GROUP_CREATE => enqueue(call, payload, study_group_create::handle),
        STUDY_GROUP_INVITE => enqueue(call, payload, study_group_invite::handle),
        STUDY_GROUP_JOIN => enqueue(call, payload, study_group_join::handle),
        STUDY_GROUP_LEAVE => enqueue(call, payload, study_group_leave::handle),
        STUDY_GROUP_LIST => enqueue(call, payload, study_group_list::handle),
        STUDY_GROUP_MESSAGE => enqueue(call, payload, study_group_message::handle),
        STUDY_GROUP_REMOVE => enqueue(call, payload, study_group_remove::handle),
        _ => call.responder.error(ErrorBody::new(code::UNKNOWN_EVENT, "There is no such event")),
    }
}

fn enqueue<E, F>(call: Call, payload: Option<&RawValue>, handle: fn(Call, E) -> F)
where
    E: ClientEvent,
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
    queue.push(bytes, handle(call, event).instrument(span));
}

impl Call {
    /// Sends a command in its order; `done` gets the answer later.
    async fn command<C, D, F>(mut self, command: C, done: D)
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
    fn ask<Q: Query>(self, query: Q) {
        let tasks = self.gateway.tasks.clone();
        tasks.spawn(async move {
            let answer = self.asked(&query).await;
            self.respond(answer);
        });
    }

    /// The answer of a service; not to be awaited in the queue.
    async fn asked<Q: Query>(&self, query: &Q) -> Answer {
        let _permit = self.session.user.open_query(self.arrived).await?;
        self.session.check()?;
        self.gateway.bus.ask_raw(&self.session.actor, query).await
    }

    /// The socket as a member of an audience.
    fn member(&self) -> Member {
        self.gateway.member(self.responder.socket().clone(), &self.session.actor)
    }

    /// Begins to hear an audience.
    async fn hold(&self, audience: Audience) -> Result<Hold, ErrorBody> {
        self.gateway.hub.hold(audience).await.map_err(|error| {
            tracing::warn!(%error, "an audience can't be heard");
            ErrorBody::new(code::UNAVAILABLE, "The server can't be reached right now")
        })
    }

    /// Answers the client, by the event that tells its sender as well.
    fn respond_as<E: ServerEvent>(self, answer: Answer) {
        if let Ok(reply) = &answer {
            self.responder.emit(E::NAME, &**reply);
        }
        self.respond(answer);
    }

    /// Answers the client.
    fn respond(self, answer: Answer) {
        match answer {
            Ok(reply) => self.responder.ok(&reply),
            Err(error) => self.responder.error(error),
        }
    }
}
