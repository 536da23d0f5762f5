//! Every NATS subject there is, in one enum with one `Display`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::leaderboard::BoardId;
use crate::{ExamId, GatewayId, RoomId, UserId};

/// How many partitions the commands of a service are divided into: the most replicas that can share its work.
/// A multiple of 2, 3 and 4, so that these many replicas share evenly. Changing it needs the streams drained.
pub const PARTITIONS: u16 = 12;

/// The services, by the name that subjects and traces use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    Gateway,
    Chat,
    ExamGrading,
    Leaderboard,
    Notification,
}

impl Service {
    /// Those that commands and queries are for: all but the gateway.
    pub const HANDLERS: [Self; 4] = [Self::Chat, Self::ExamGrading, Self::Leaderboard, Self::Notification];
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Gateway, Self::Chat, Self::ExamGrading, Self::Leaderboard, Self::Notification];

    /// The name in subjects, consumers and traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Chat => "chat",
            Self::ExamGrading => "exam-grading",
            Self::Leaderboard => "leaderboard",
            Self::Notification => "notification",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One share of a service's commands: whatever has the same key is in the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u16);

impl Partition {
    /// The partition of a key. FNV-1a with the finaliser of MurmurHash3: stable over versions and platforms,
    /// which a hasher of the standard library is not.
    pub fn of(key: &str) -> Self {
        let hash = key
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Self(((hash ^ (hash >> 33)) % u64::from(PARTITIONS)) as u16)
    }

    /// All partitions, in order.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        (0..PARTITIONS).map(Self)
    }
}

/// Whose sockets a delivery is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Those in a room.
    Room(RoomId),
    /// Those of one person.
    User(UserId),
    /// Those of the students who are in an exam.
    Exam(ExamId),
    /// Those of the mentors and admins who watch an exam.
    Proctors(ExamId),
    /// Those that watch a leaderboard.
    Board(BoardId),
    /// Those that watch the list of study groups.
    Groups,
    /// Everybody's.
    All,
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(room) => write!(f, "room.{room}"),
            Self::User(user) => write!(f, "user.{user}"),
            Self::Exam(exam) => write!(f, "exam.{exam}"),
            Self::Proctors(exam) => write!(f, "proctors.{exam}"),
            Self::Board(board) => write!(f, "board.{board}"),
            Self::Groups => f.write_str("groups"),
            Self::All => f.write_str("all"),
        }
    }
}

/// A kind of audience; as text, a filter over all audiences of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudienceKind {
    Room,
    User,
    Exam,
    Proctors,
    Board,
    Groups,
    All,
}

impl fmt::Display for AudienceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Room => "room.>",
            Self::User => "user.>",
            Self::Exam => "exam.>",
            Self::Proctors => "proctors.>",
            Self::Board => "board.>",
            Self::Groups => "groups",
            Self::All => "all",
        })
    }
}

/// A subject, or a filter over subjects where a part is left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject<'a> {
    /// `cmd.<service>.<name>.<partition>`
    Command(Service, &'a str, Partition),
    /// Every command of one partition of a service.
    CommandPartition(Service, Partition),
    /// Every command of a service.
    Commands(Service),
    /// Every command there is.
    AllCommands,
    /// `query.<service>.<name>`
    Query(Service, &'a str),
    /// Every query of a service.
    Queries(Service),
    /// `event.<domain>.<name>`
    Event(&'a str, &'a str),
    /// Every event of a domain.
    Events(&'a str),
    /// Every event there is.
    AllEvents,
    /// `deliver.<audience>`: what a service publishes.
    Deliver(&'a Audience),
    /// Every delivery to a kind of audience.
    DeliverTo(AudienceKind),
    /// Every delivery there is.
    AllDeliveries,
    /// `live.<audience>`: what a gateway hears: deliveries after the broker stored them, and what is true only now.
    Live(&'a Audience),
    /// Everything live for a kind of audience.
    LiveTo(AudienceKind),
    /// Everything live.
    AllLive,
    /// `signal.<name>`: to whoever listens.
    Signal(&'a str),
    /// `signal.replica.<service>`: by which replicas of a service know of each other.
    Replicas(Service),
    /// `reply.<gateway>`: where answers to a sender's commands go.
    Reply(GatewayId),
    /// All answers to commands.
    AllReplies,
    /// `dead.<service>`
    DeadLetter(Service),
    /// Every dead letter there is.
    AllDeadLetters,
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(service, name, partition) => write!(f, "cmd.{service}.{name}.{}", partition.0),
            Self::CommandPartition(service, partition) => write!(f, "cmd.{service}.*.{}", partition.0),
            Self::Commands(service) => write!(f, "cmd.{service}.>"),
            Self::AllCommands => f.write_str("cmd.>"),
            Self::Query(service, name) => write!(f, "query.{service}.{name}"),
            Self::Queries(service) => write!(f, "query.{service}.*"),
            Self::Events(domain) => write!(f, "event.{domain}.*"),
            Self::Event(domain, name) => write!(f, "event.{domain}.{name}"),
            Self::AllEvents => f.write_str("event.>"),
            Self::Deliver(audience) => write!(f, "deliver.{audience}"),
            Self::DeliverTo(kind) => write!(f, "deliver.{kind}"),
            Self::AllDeliveries => f.write_str("deliver.>"),
            Self::Live(audience) => write!(f, "live.{audience}"),
            Self::LiveTo(kind) => write!(f, "live.{kind}"),
            Self::AllLive => f.write_str("live.>"),
            Self::Signal(name) => write!(f, "signal.{name}"),
            Self::Replicas(service) => write!(f, "signal.replica.{service}"),
            Self::Reply(gateway) => write!(f, "reply.{gateway}"),
            Self::AllReplies => f.write_str("reply.*"),
            Self::DeadLetter(service) => write!(f, "dead.{service}"),
            Self::AllDeadLetters => f.write_str("dead.>"),
        }
    }
}

/// The name and the partition in a command's subject; `None` for any other subject.
pub fn parse_command(subject: &str) -> Option<(&str, Partition)> {
    let mut parts = subject.strip_prefix("cmd.")?.split('.');
    let (_service, name, partition) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(())?;
    Some((name, Partition(partition.parse().ok()?)))
}

/// Whose replies a subject is for; `None` for any other subject.
pub fn parse_reply(subject: &str) -> Option<GatewayId> {
    subject.strip_prefix("reply.")?.parse().ok().map(GatewayId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_subject_parses_back() {
        let subject = Subject::Command(Service::Chat, "post-message-v1", Partition(7)).to_string();
        assert_eq!(subject, "cmd.chat.post-message-v1.7");
        assert_eq!(parse_command(&subject), Some(("post-message-v1", Partition(7))));
        assert_eq!(parse_command("event.chat.x"), None);
    }

    #[test]
    fn keys_spread_over_all_partitions() {
        let mut counts = vec![0_u32; usize::from(PARTITIONS)];
        for n in 0..12_000 {
            counts[usize::from(Partition::of(&format!("room-{n}")).0)] += 1;
        }
        assert!(counts.iter().all(|count| (700..1300).contains(count)), "{counts:?}");
    }
}
