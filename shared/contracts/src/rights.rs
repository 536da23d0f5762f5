//! What each service may say and hear, and the broker's configuration that holds it to that.
//!
//! A service logs in as a user with its own name. Whatever is not listed here is refused by the broker: a service that was
//! broken into can read and write its own messages, and nobody else's.

use std::fmt::Write as _;

use crate::chat::{MessagesPosted, RoomRead};
use crate::exam_authoring::ExamScheduled;
use crate::exam_grading::{ExamGraded, SessionsBegun};
use crate::leaderboard::{PeopleOvertaken, StandingsChanged};
use crate::session::GatewayAlive;
use crate::study_group::GroupInvited;
use crate::{AudienceKind, Event, FILE_BUCKET, FILE_STREAM, Service, Signal, Stream, Subject};

/// The user of the people who run the broker: may do anything.
pub const OPERATOR: &str = "operator";

/// The name of the durable consumer by which a service hears an event.
pub fn consumer_name<E: Event>(service: Service) -> String {
    format!("{service}-{}-{}", E::DOMAIN, E::NAME)
}

/// The subjects that a service may publish to and subscribe to.
#[derive(Debug, Clone)]
pub struct Rights {
    service: Service,
    publish: Vec<String>,
    subscribe: Vec<String>,
    /// The consumers of events: each is its service's own.
    hears: Vec<String>,
    follows: bool,
}

impl Rights {
    /// Those of a service.
    pub fn of(service: Service) -> Self {
        let rights = Self::common(service);
        match service {
            Service::Gateway => Service::HANDLERS
                .into_iter()
                .fold(rights, |rights, to| rights.commands(to).asks(to))
                .publishes(Subject::LiveTo(AudienceKind::User))
                .signals::<GatewayAlive>()
                .subscribes(Subject::AllReplies)
                .listens()
                .keeps_files(),
            Service::Chat => rights
                .handles()
                .asks(Service::ExamGrading)
                .publishes(Subject::Events("chat"))
                .delivers(&[AudienceKind::Room, AudienceKind::User, AudienceKind::Groups])
                .publishes(Subject::LiveTo(AudienceKind::Room))
                .subscribes(Subject::Signal(GatewayAlive::NAME))
                .keeps_files(),
            Service::ExamGrading => rights
                .handles()
                .publishes(Subject::Events("exam"))
                .delivers(&[AudienceKind::Exam, AudienceKind::Proctors, AudienceKind::User])
                .subscribes(Subject::Signal(GatewayAlive::NAME)),
            Service::Leaderboard => rights
                .handles()
                .hears::<ExamGraded>()
                .publishes(Subject::Events("leaderboard"))
                .follows::<StandingsChanged>()
                .delivers(&[AudienceKind::Board]),
            Service::Notification => rights
                .handles()
                .asks(Service::Chat)
                .hears::<ExamGraded>()
                .hears::<ExamScheduled>()
                .hears::<SessionsBegun>()
                .hears::<MessagesPosted>()
                .hears::<RoomRead>()
                .hears::<PeopleOvertaken>()
                .hears::<GroupInvited>()
                .delivers(&[AudienceKind::User, AudienceKind::All]),
        }
    }

    /// What everybody may: look whether the streams are there, make those that are not, and get answers.
    fn common(service: Service) -> Self {
        let mut rights =
            Self { service, publish: Vec::new(), subscribe: Vec::new(), hears: Vec::new(), follows: false };
        rights.publish.push("$JS.API.INFO".to_owned());
        for stream in Stream::all() {
            for verb in ["CREATE", "INFO"] {
                rights.publish.push(format!("$JS.API.STREAM.{verb}.{stream}"));
            }
        }
        rights.subscribe.push(format!("{}.>", inbox(service.as_str())));
        rights
    }

    fn publishes(mut self, subject: Subject<'_>) -> Self {
        self.publish.push(subject.to_string());
        self
    }

    fn subscribes(mut self, subject: Subject<'_>) -> Self {
        self.subscribe.push(subject.to_string());
        self
    }

    /// Works on the commands and answers the queries that are its own.
    fn handles(mut self) -> Self {
        let own = Stream::Commands(self.service);
        self.publish.extend([
            format!("$JS.API.CONSUMER.*.{own}"),
            format!("$JS.API.CONSUMER.*.{own}.>"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{own}.*"),
            format!("$JS.ACK.{own}.>"),
        ]);
        // How the broker's service API makes itself known.
        self.subscribe.push("$SRV.>".to_owned());
        let service = self.service;
        self.commands(service)
            .subscribes(Subject::Queries(service))
            .publishes(Subject::AllReplies)
            .publishes(Subject::DeadLetter(service))
            .publishes(Subject::Replicas(service))
            .subscribes(Subject::Replicas(service))
    }

    fn commands(self, to: Service) -> Self {
        self.publishes(Subject::Commands(to))
    }

    fn asks(self, whom: Service) -> Self {
        self.publishes(Subject::Queries(whom))
    }

    fn signals<S: Signal>(self) -> Self {
        self.publishes(Subject::Signal(S::NAME))
    }

    fn delivers(self, to: &[AudienceKind]) -> Self {
        to.iter().fold(self, |rights, kind| rights.publishes(Subject::DeliverTo(*kind)))
    }

    /// Hears what is delivered to anybody, and reads what it missed.
    fn listens(mut self) -> Self {
        // The subject of what is read is in the request, and not in the subject by which it is asked for.
        self.publish.push(format!("$JS.API.DIRECT.GET.{}", Stream::Deliveries));
        self.subscribes(Subject::AllLive)
    }

    /// Takes events of a kind, by a consumer of its own.
    fn hears<E: Event>(mut self) -> Self {
        let (events, consumer) = (Stream::Events, consumer_name::<E>(self.service));
        let filter = Subject::Event(E::DOMAIN, E::NAME);
        self.publish.extend([
            format!("$JS.API.CONSUMER.CREATE.{events}.{consumer}.{filter}"),
            format!("$JS.API.CONSUMER.INFO.{events}.{consumer}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{events}.{consumer}"),
            format!("$JS.ACK.{events}.{consumer}.>"),
        ]);
        self.hears.push(consumer);
        self
    }

    /// Follows events of a kind, by consumers that each replica names: so it may read from any but those of others.
    fn follows<E: Event>(mut self) -> Self {
        let events = Stream::Events;
        let filter = Subject::Event(E::DOMAIN, E::NAME);
        self.publish.extend([
            format!("$JS.API.CONSUMER.CREATE.{events}.*.{filter}"),
            format!("$JS.API.CONSUMER.INFO.{events}.*"),
            format!("$JS.API.CONSUMER.DELETE.{events}.*"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{events}.*"),
        ]);
        self.follows = true;
        self
    }

    fn keeps_files(mut self) -> Self {
        let files = FILE_STREAM;
        self.publish.extend([
            format!("$O.{FILE_BUCKET}.>"),
            format!("$JS.API.STREAM.CREATE.{files}"),
            format!("$JS.API.STREAM.INFO.{files}"),
            format!("$JS.API.STREAM.PURGE.{files}"),
            format!("$JS.API.STREAM.MSG.GET.{files}"),
            format!("$JS.API.DIRECT.GET.{files}.>"),
            format!("$JS.API.CONSUMER.*.{files}"),
            format!("$JS.API.CONSUMER.*.{files}.>"),
            format!("$JS.ACK.{files}.>"),
            format!("$JS.FC.{files}.>"),
        ]);
        self
    }

    /// What would let it touch the consumers of others.
    fn denied(&self, all: &[Self]) -> Vec<String> {
        if !self.follows {
            return Vec::new();
        }
        let others = all.iter().filter(|one| one.service != self.service).flat_map(|one| &one.hears);
        let events = Stream::Events;
        others
            .flat_map(|name| ["MSG.NEXT", "DELETE"].map(|verb| format!("$JS.API.CONSUMER.{verb}.{events}.{name}")))
            .collect()
    }
}

/// Where the answers to a user's requests go: nobody else hears them.
pub fn inbox(user: &str) -> String {
    format!("_INBOX.{user}")
}

/// The variable of the broker's environment or configuration that holds a user's password.
pub fn password_variable(user: &str) -> String {
    format!("NATS_PASSWORD_{}", user.to_uppercase().replace('-', "_"))
}

/// The users of the broker: the services and the operator.
pub fn users() -> impl Iterator<Item = &'static str> {
    Service::ALL.into_iter().map(Service::as_str).chain([OPERATOR])
}

/// The part of the broker's configuration that says who may do what. Passwords are taken from variables: in the
/// broker's environment, or set above.
pub fn nats_configuration() -> String {
    let all: Vec<Rights> = Service::ALL.into_iter().map(Rights::of).collect();
    let mut text = String::from(
        "# Who may publish and hear what. Generated from the contract by `cargo xtask codegen`; not to be edited.\n\
         # Passwords come from variables of the environment, and begin with a letter.\n\n\
         authorization {\n  users = [\n",
    );
    for rights in &all {
        let user = rights.service;
        let _ = writeln!(text, "    {{\n      user: {user}, password: ${}", password_variable(user.as_str()));
        text.push_str("      permissions {\n");
        block(&mut text, "publish", &rights.publish, &rights.denied(&all));
        block(&mut text, "subscribe", &rights.subscribe, &[]);
        // One answer to each query, wherever its asker waits.
        text.push_str("        allow_responses: { max: 1, expires: \"1m\" }\n      }\n    }\n");
    }
    let _ = writeln!(text, "    {{ user: {OPERATOR}, password: ${} }}\n  ]\n}}", password_variable(OPERATOR));
    text
}

fn block(text: &mut String, verb: &str, allow: &[String], deny: &[String]) {
    let _ = writeln!(text, "        {verb} {{");
    for (word, subjects) in [("allow", allow), ("deny", deny)] {
        if !subjects.is_empty() {
            let _ = writeln!(text, "          {word}: [");
            for subject in subjects {
                let _ = writeln!(text, "            \"{subject}\"");
            }
            text.push_str("          ]\n");
        }
    }
    text.push_str("        }\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_publish_or_hear_everything() {
        for service in Service::ALL {
            let rights = Rights::of(service);
            for subject in rights.publish.iter().chain(&rights.subscribe) {
                assert!(
                    !matches!(
                        subject.as_str(),
                        ">" | "cmd.>" | "event.>" | "deliver.>" | "$JS.>" | "$JS.API.>" | "_INBOX.>"
                    ),
                    "{service}: {subject}"
                );
            }
        }
    }

    #[test]
    fn only_its_owner_reads_a_services_commands() {
        for service in Service::ALL {
            let theirs = |other: &Service| *other != service;
            for other in Service::HANDLERS.iter().filter(|other| theirs(other)) {
                let stream = format!("CONSUMER.MSG.NEXT.{}", Stream::Commands(*other));
                assert!(
                    !Rights::of(service).publish.iter().any(|subject| subject.contains(&stream)),
                    "{service} {other}"
                );
            }
        }
    }
}
