//! Leaderboards: who stands where, by period and specialty.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    Actor, BoundedNumber, BoundedText, ClientEvent, Command, Event, Points, Query, ServerEvent, Service, Timestamp,
    UserId,
};

/// How many entries a board shows when the client does not say.
pub const DEFAULT_ENTRIES: u32 = 50;
/// The most entries a board shows.
pub const MAX_ENTRIES: u32 = 100;

/// Over which results a board counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From Monday to Sunday.
    #[default]
    Weekly,
    /// From the first day of a month to its last.
    Monthly,
    AllTime,
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Weekly, Self::Monthly, Self::AllTime];

    /// The name in subjects and as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::AllTime => "all_time",
        }
    }

    /// The period with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == name)
    }
}

/// A specialty's name: 1 to 100 characters.
pub type Specialty = BoundedText<100>;

/// Which board: of a period that runs, and of one specialty or of all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardId {
    pub period: Period,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specialty: Option<String>,
}

/// As one token of a subject: a specialty's name may have any characters, so it stands there as a hash.
impl fmt::Display for BoardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.period.as_str())?;
        match &self.specialty {
            Some(name) => write!(f, "-{}", uuid::Uuid::new_v5(&uuid::Uuid::nil(), name.as_bytes()).simple()),
            None => Ok(()),
        }
    }
}

/// Asks for a board, and watches it from then on unless `periodStart` is given.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestLeaderboard {
    #[serde(default)]
    #[ts(optional, as = "Option<Period>")]
    pub period: Period,
    /// Left out: over everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub specialty: Option<Specialty>,
    /// 1 to 100; 50 when left out.
    #[serde(default = "default_entries")]
    #[ts(optional, as = "Option<BoundedNumber<1, MAX_ENTRIES>>")]
    pub limit: BoundedNumber<1, MAX_ENTRIES>,
    /// The caller's neighbours instead of the top: so many as `limit` says, the caller in their midst.
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub around: bool,
    /// A moment within the period that is wanted: not before 1970, and not in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub period_start: Option<Timestamp>,
}

const fn default_entries() -> BoundedNumber<1, MAX_ENTRIES> {
    BoundedNumber::nearest(DEFAULT_ENTRIES)
}

impl RequestLeaderboard {
    /// Which board it asks for.
    pub fn board(&self) -> BoardId {
        BoardId { period: self.period, specialty: self.specialty.as_ref().map(|name| name.as_str().to_owned()) }
    }
}

impl ClientEvent for RequestLeaderboard {
    const NAME: &'static str = "leaderboard-request";
}

impl Query for RequestLeaderboard {
    const SERVICE: Service = Service::Leaderboard;
    const NAME: &'static str = "request-leaderboard-v1";
    type Reply = LeaderboardData;
}

/// Somebody's place on a board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LeaderboardEntry {
    pub user_id: UserId,
    pub user_name: String,
    pub user_avatar: Option<String>,
    /// The board's; `null` on one over everyone.
    pub specialty: Option<String>,
    pub total_score: Points,
    pub exams_completed: u32,
    /// With two decimals.
    pub average_score: Points,
    /// From 1. Total score decides, then average score, then who got there first.
    pub rank: u32,
    /// Where they stood when the board was last told; `null` where that is not known.
    pub previous_rank: Option<u32>,
    pub period: Period,
}

/// The caller's own place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct UserRank {
    pub user_id: UserId,
    pub rank: u32,
    pub previous_rank: Option<u32>,
    pub total_score: Points,
    pub exams_completed: u32,
    pub average_score: Points,
    /// How many are on the board.
    pub participants: u32,
}

/// A board as it is.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaderboardData {
    pub period: Period,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub specialty: Option<String>,
    /// When the period began; `null` for all time.
    pub period_start: Option<Timestamp>,
    pub entries: Vec<LeaderboardEntry>,
    /// `null` for one who is not on the board.
    pub user_rank: Option<UserRank>,
    pub timestamp: Timestamp,
}

impl ServerEvent for LeaderboardData {
    const NAME: &'static str = "leaderboard-data";
}

/// Watches a board no more.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnsubscribeLeaderboard {
    #[serde(default)]
    #[ts(optional, as = "Option<Period>")]
    pub period: Period,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub specialty: Option<Specialty>,
}

impl UnsubscribeLeaderboard {
    /// Which board.
    pub fn board(&self) -> BoardId {
        BoardId { period: self.period, specialty: self.specialty.as_ref().map(|name| name.as_str().to_owned()) }
    }
}

impl ClientEvent for UnsubscribeLeaderboard {
    const NAME: &'static str = "leaderboard-unsubscribe";
}

/// Counts all boards anew from the results; for admins.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, JsonSchema)]
#[ts(type = "Record<string, never>")]
pub struct UpdateLeaderboard {}

impl ClientEvent for UpdateLeaderboard {
    const NAME: &'static str = "leaderboard-update";
}

impl Command for UpdateLeaderboard {
    const SERVICE: Service = Service::Leaderboard;
    const NAME: &'static str = "recompute-v1";
    type Reply = Recomputed;

    /// One at a time.
    fn partition_key(&self, _: &Actor) -> String {
        "recompute".to_owned()
    }
}

/// What a recomputation found.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recomputed {
    /// How many entries were not as the results say; they are now.
    pub repaired: u32,
}

/// To a board's watchers, at most once a second and only if it changed: as many entries as each asked for.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaderboardUpdated {
    pub period: Period,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub specialty: Option<String>,
    pub period_start: Option<Timestamp>,
    pub entries: Vec<LeaderboardEntry>,
    pub timestamp: Timestamp,
}

impl ServerEvent for LeaderboardUpdated {
    const NAME: &'static str = "leaderboard-updated";
}

/// To one watcher whose own place changed, however far from the top.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaderboardRankChanged {
    pub period: Period,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub specialty: Option<String>,
    pub user_rank: Option<UserRank>,
}

impl ServerEvent for LeaderboardRankChanged {
    const NAME: &'static str = "leaderboard-rank-changed";
}

/// A gateway asks where its watchers stand. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindRanks {
    pub board: BoardId,
    pub users: Vec<UserId>,
}

impl Query for FindRanks {
    const SERVICE: Service = Service::Leaderboard;
    const NAME: &'static str = "find-ranks-v1";
    /// Those of them who are on the board.
    type Reply = Vec<UserRank>;
}

/// A board changed: it is to be told, unless that was done within the same second.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TellBoard {
    pub board: BoardId,
}

impl Command for TellBoard {
    const SERVICE: Service = Service::Leaderboard;
    const NAME: &'static str = "tell-board-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.board.to_string()
    }
}

/// Somebody's standing on one board of one period, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    pub board: BoardId,
    /// When the period began; the beginning of time for all time.
    pub period_start: Timestamp,
    pub user_id: UserId,
    pub total_score: Points,
    /// 0: no longer on the board.
    pub exams_completed: u32,
    /// When they got to this total.
    pub reached_at: Timestamp,
    /// One more with each change.
    pub version: i64,
}

/// Standings changed: each replica of the leaderboard keeps its boards by it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingsChanged {
    pub standings: Vec<Standing>,
    /// Names and avatars of those in it.
    pub people: Vec<Person>,
    /// So much may have changed that the boards are to be read anew.
    #[serde(default)]
    pub is_reload: bool,
}

/// How somebody is shown on boards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub user_id: UserId,
    pub name: String,
    pub avatar: Option<String>,
    /// The completion of the latest exam that says so: an older one changes nothing.
    pub seen_at: Timestamp,
}

impl Event for StandingsChanged {
    const DOMAIN: &'static str = "leaderboard";
    const NAME: &'static str = "standings-changed-v1";
}

/// Somebody was passed on a board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overtake {
    pub user_id: UserId,
    /// Who passed them.
    pub by: UserId,
    pub by_name: String,
    pub board: BoardId,
    /// Where `user_id` stands since.
    pub rank: u32,
    /// The completion of the exam by which it came.
    pub at: Timestamp,
}

/// People were passed on boards: of each who moved up, the few right behind them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeopleOvertaken {
    pub overtakes: Vec<Overtake>,
}

impl Event for PeopleOvertaken {
    const DOMAIN: &'static str = "leaderboard";
    const NAME: &'static str = "people-overtaken-v1";
}
