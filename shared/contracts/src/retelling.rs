//! Telling again what happened, from the database: for a broker that lost what it had stored. Not for clients.
//!
//! Whoever hears of something twice finds it done, so nothing has to be known of what was lost.

use serde::{Deserialize, Serialize};

use crate::{Actor, Command, ResultId, RoomId, Service, Timestamp};

/// A page of what was told, and where the next one begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retold<P> {
    /// How many messages, results and the like.
    pub count: usize,
    /// Where to go on; `None` after the last page.
    pub next: Option<P>,
}

/// Tells again of messages, and of who has read them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetellMessages {
    /// Those that were posted from then on.
    pub since: Timestamp,
    /// A room and a `seq`: the page comes after it.
    pub after: Option<(RoomId, i64)>,
}

impl Command for RetellMessages {
    const SERVICE: Service = Service::Chat;
    const NAME: &'static str = "retell-messages-v1";
    type Reply = Retold<(RoomId, i64)>;

    fn partition_key(&self, _: &Actor) -> String {
        "retelling".to_owned()
    }
}

/// Tells again of results; and with the first page of exams to come, and of sessions that are not completed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetellExams {
    /// The results that were graded from then on.
    pub since: Timestamp,
    /// The page comes after this result.
    pub after: Option<ResultId>,
}

impl Command for RetellExams {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "retell-exams-v1";
    type Reply = Retold<ResultId>;

    fn partition_key(&self, _: &Actor) -> String {
        "retelling".to_owned()
    }
}
