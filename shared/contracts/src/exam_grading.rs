//! What a session was graded as, and the record it can be held against.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::exam::Answer;
use crate::{Event, ExamId, Points, Query, ResultId, Service, SessionId, Timestamp, UserId};

/// Why a session was completed, or its result told anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CompletionReason {
    /// The student handed it in.
    Submitted,
    /// Its time was over.
    TimeExpired,
    /// A key was corrected, and this result with it.
    Regraded,
}

/// The points in one category of an exam's questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CategoryScore {
    pub category: String,
    pub score: Points,
    pub max_score: Points,
    pub correct_count: u16,
    pub total_questions: u16,
}

/// What a session was graded as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ExamResult {
    pub id: ResultId,
    pub exam_id: ExamId,
    pub user_id: UserId,
    /// Points; never less than 0.
    pub score: Points,
    pub max_score: Points,
    /// Of the most that could be had, with two decimals.
    pub percentage: f64,
    pub total_questions: u16,
    /// Questions whose full points were earned.
    pub correct_count: u16,
    /// As they were graded, by question index.
    pub answers: Vec<Option<Answer>>,
    pub breakdown: Vec<CategoryScore>,
    /// Which version of the key it was graded by: 1, and one more with each correction.
    pub key_version: u32,
    /// The last link of the record's hash chain: SHA-256, in hexadecimal.
    pub record_head: String,
    pub completed_at: Timestamp,
}

/// A session was graded; again, with a higher `key_version`, when a key was corrected.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExamGraded {
    pub exam_id: ExamId,
    pub exam_title: String,
    pub specialty: String,
    pub session_id: SessionId,
    pub result_id: ResultId,
    pub key_version: u32,
    /// The student knows a result of this session already.
    #[serde(default)]
    pub is_correction: bool,
    pub user_id: UserId,
    pub user_name: String,
    pub user_avatar: Option<String>,
    pub score: Points,
    pub max_score: Points,
    pub percentage: f64,
    pub correct_count: u16,
    pub total_questions: u16,
    pub completed_at: Timestamp,
}

impl Event for ExamGraded {
    const DOMAIN: &'static str = "exam";
    const NAME: &'static str = "graded-v1";
}

/// Students joined exams: their sessions begin.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsBegun {
    pub sessions: Vec<SessionBegun>,
}

/// One student's session, as it is when they join.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionBegun {
    pub exam_id: ExamId,
    pub session_id: SessionId,
    pub user_id: UserId,
    /// In the future for one who waits for a synchronised exam.
    pub started_at: Timestamp,
}

impl Event for SessionsBegun {
    const DOMAIN: &'static str = "exam";
    const NAME: &'static str = "sessions-begun-v1";
}

/// By which event an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnswerSource {
    /// `exam-answer`
    Answer,
    /// `exam-progress`
    Progress,
}

impl AnswerSource {
    /// The name as stored and hashed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Progress => "progress",
        }
    }

    /// The source with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Answer, Self::Progress].into_iter().find(|source| source.as_str() == name)
    }
}

/// One answer as it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordEntry {
    /// 1, 2, 3 … in its session.
    pub number: u32,
    pub question_index: u16,
    pub answer: Option<Answer>,
    pub source: AnswerSource,
    /// When the broker stored it.
    pub given_at: Timestamp,
    /// SHA-256, in hexadecimal, of the hash before it, a line feed, and
    /// `number|questionIndex|answer as compact JSON|source|givenAt`.
    pub hash: String,
}

/// Every answer of a session as it was given, chained by hashes so that none can be changed or left out unseen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamRecord {
    pub exam_id: ExamId,
    pub session_id: SessionId,
    pub user_id: UserId,
    /// What the first entry's hash goes on from: SHA-256, in hexadecimal, of `sinaesta-exam-record-v1|sessionId`.
    pub genesis: String,
    pub entries: Vec<RecordEntry>,
    /// The last entry's hash, or `genesis` where there is none: the result's `record_head`.
    pub head: String,
    /// Once the session is completed.
    pub result: Option<ExamResult>,
}

/// The caller's own record.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadMyRecord {
    pub exam_id: ExamId,
}

impl Query for ReadMyRecord {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "read-my-record-v1";
    type Reply = ExamRecord;
}

/// The caller's own result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadMyResult {
    pub exam_id: ExamId,
}

impl Query for ReadMyResult {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "read-my-result-v1";
    type Reply = ExamResult;
}

/// An exam's results, best first; for mentors and admins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResults {
    pub exam_id: ExamId,
}

impl Query for ListResults {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "list-results-v1";
    type Reply = ResultList;
}

/// A student's result as proctors see it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ResultRow {
    pub user_id: UserId,
    pub user_name: String,
    pub score: Points,
    pub max_score: Points,
    pub percentage: f64,
    pub correct_count: u16,
    pub total_questions: u16,
    pub key_version: u32,
    pub completed_at: Timestamp,
}

/// An exam's results.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResultList {
    pub exam_id: ExamId,
    /// Best first, as many as one answer takes.
    pub results: Vec<ResultRow>,
    /// There are more than `results` has.
    #[serde(default)]
    pub has_more: bool,
}
