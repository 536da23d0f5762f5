//! Exams as students take them: joining, answering, completing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use ts_rs::TS;

use crate::exam_grading::{CompletionReason, ExamResult};
use crate::{
    Actor, ClientEvent, Command, ExamId, GatewayId, Points, Query, RoomId, ServerEvent, Service, SessionId, Timestamp,
    UserId,
};

/// So long after a session's end its student's answers still count, by the time at which the broker stored them:
/// what was sent in the last second is not lost on its way. Milliseconds.
pub const GRACE_MS: u64 = 2_000;
/// The most questions an exam may have.
pub const MAX_QUESTIONS: usize = 300;

/// What kind of answer a question wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionKind {
    /// The index of one option.
    SingleChoice,
    /// The indexes of all options that are right.
    SeveralCorrect,
    /// The index of one of two options, the first of which says that it is true.
    TrueFalse,
    /// A number.
    Numeric,
}

/// A question without its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Question {
    /// 0, 1, 2 …: what `questionIndex` names.
    pub index: u16,
    pub kind: QuestionKind,
    pub text: String,
    /// Empty for a numeric question.
    pub options: Vec<String>,
    pub points: Points,
    pub category: Option<String>,
}

/// What can be known of an exam before it is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ExamInfo {
    pub id: ExamId,
    pub title: String,
    pub description: Option<String>,
    pub specialty: String,
    pub duration_minutes: u32,
    pub total_questions: u16,
    pub max_score: Points,
    /// What a wrong answer takes away, in hundredths of what its question is worth.
    pub negative_marking_percent: u8,
    /// A synchronised exam begins for all at this moment …
    pub scheduled_start: Option<Timestamp>,
    /// … and ends for all at this one.
    pub scheduled_end: Option<Timestamp>,
}

/// An exam as those get it who take it: no key, no explanations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Exam {
    #[serde(flatten)]
    pub info: ExamInfo,
    /// Empty while the exam has not begun.
    pub questions: Vec<Question>,
}

/// An answer: an option's index, several of them, or a number, as its question wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(untagged, expecting = "must be a number, a list of options' indexes, or null")]
pub enum Answer {
    /// An option's index, or the value of a numeric question.
    Number(
        #[ts(type = "number")]
        #[schemars(with = "f64")]
        Number,
    ),
    /// Options' indexes.
    Several(Vec<u16>),
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionStatus {
    /// In the waiting room of a synchronised exam that has not begun.
    Waiting,
    InProgress,
    /// Stopped by a proctor: the time does not run, and nothing is taken.
    Paused,
    Completed,
}

/// One student's sitting of one exam.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ExamSession {
    pub id: SessionId,
    pub exam_id: ExamId,
    pub user_id: UserId,
    /// The exam's proctoring chat.
    pub room_id: RoomId,
    pub current_question: u16,
    /// By question index; `null` where there is none.
    pub answers: Vec<Option<Answer>>,
    /// Seconds, by the server's clock.
    #[ts(type = "number")]
    pub time_remaining: i64,
    pub status: SessionStatus,
    pub last_activity: Timestamp,
    pub started_at: Timestamp,
    pub completed_at: Option<Timestamp>,
    pub ends_at: Timestamp,
}

/// Begins an exam, or returns to it.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinExam {
    pub exam_id: ExamId,
}

impl ClientEvent for JoinExam {
    const NAME: &'static str = "join-exam";
}

impl Command for JoinExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "join-exam-v1";
    type Reply = ExamEntered;

    fn partition_key(&self, actor: &Actor) -> String {
        session_key(self.exam_id, actor.user_id)
    }
}

/// Whatever concerns one session is applied in one order.
fn session_key(exam: ExamId, user: UserId) -> String {
    format!("{exam}:{user}")
}

/// The exam and the session as they are.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamEntered {
    pub exam_id: ExamId,
    pub exam: Exam,
    pub session: ExamSession,
    /// Once the session is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub result: Option<ExamResult>,
    pub server_time: Timestamp,
}

/// The student is in the exam.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamJoined {
    #[serde(flatten)]
    pub entered: ExamEntered,
    /// How many students have a live socket in the exam.
    pub participant_count: u32,
    /// In an acknowledgement only: this socket has had these questions with an earlier one, so `exam.questions` is empty
    /// here. The event always has them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub questions_unchanged: bool,
}

impl ServerEvent for ExamJoined {
    const NAME: &'static str = "exam-joined";
}

/// A student's first socket in an exam on a gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnterExam {
    pub exam_id: ExamId,
    pub gateway_id: GatewayId,
}

impl Command for EnterExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "enter-exam-v1";
    type Reply = Participation;

    /// One order for all who come and go, so that every count that is told follows the one before.
    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// How many students have a live socket in an exam.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participation {
    pub participant_count: u32,
    /// Whether the exam had begun: whoever enters it after that has not heard of it.
    pub has_started: bool,
}

/// Goes out of an exam; the session goes on. For a proctor: watches it no more.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaveExam {
    pub exam_id: ExamId,
}

impl ClientEvent for LeaveExam {
    const NAME: &'static str = "leave-exam";
}

/// A student's last socket in an exam on a gateway is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitExam {
    pub exam_id: ExamId,
    pub gateway_id: GatewayId,
}

impl Command for ExitExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "exit-exam-v1";
    type Reply = Participation;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// A gateway was not heard of for too long: whoever was in the exam through it is not any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoseParticipants {
    pub exam_id: ExamId,
    pub gateway_id: GatewayId,
}

impl Command for LoseParticipants {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "lose-participants-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// To the one who left.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamLeft {
    pub exam_id: ExamId,
}

impl ServerEvent for ExamLeft {
    const NAME: &'static str = "exam-left";
}

/// To the others in the exam. In one with many participants not every coming is told, but every count is right.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantJoinedExam {
    pub exam_id: ExamId,
    pub user_id: UserId,
    pub user_name: String,
    pub participant_count: u32,
}

impl ServerEvent for ParticipantJoinedExam {
    const NAME: &'static str = "participant-joined-exam";
}

/// To the others in the exam, when a student's last socket in it is gone.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantLeftExam {
    pub exam_id: ExamId,
    pub user_id: UserId,
    pub user_name: String,
    pub participant_count: u32,
}

impl ServerEvent for ParticipantLeftExam {
    const NAME: &'static str = "participant-left-exam";
}

/// To the others in the exam; without the score.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantCompletedExam {
    pub exam_id: ExamId,
    pub user_id: UserId,
    pub user_name: String,
    pub participant_count: u32,
}

impl ServerEvent for ParticipantCompletedExam {
    const NAME: &'static str = "participant-completed-exam";
}

/// A synchronised exam begins: to everyone who waits for it.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamStarted {
    pub exam_id: ExamId,
    /// With its questions now.
    pub exam: Exam,
    pub ends_at: Timestamp,
    pub server_time: Timestamp,
}

impl ServerEvent for ExamStarted {
    const NAME: &'static str = "exam-started";
}

/// A synchronised exam's moment has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartExam {
    pub exam_id: ExamId,
}

impl Command for StartExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "start-exam-v1";
    type Reply = ();

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// Saves one answer.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaveAnswer {
    pub exam_id: ExamId,
    pub question_index: u16,
    /// `null` takes the answer back.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schemars(required)]
    pub answer: Option<Answer>,
}

impl ClientEvent for SaveAnswer {
    const NAME: &'static str = "exam-answer";
}

impl Command for SaveAnswer {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "save-answer-v1";
    type Reply = ExamAnswerSaved;

    fn partition_key(&self, actor: &Actor) -> String {
        session_key(self.exam_id, actor.user_id)
    }
}

/// The answer is durable.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamAnswerSaved {
    pub exam_id: ExamId,
    pub question_index: u16,
    pub answer: Option<Answer>,
    /// When the broker stored it: the time that counts.
    pub timestamp: Timestamp,
}

impl ServerEvent for ExamAnswerSaved {
    const NAME: &'static str = "exam-answer-saved";
}

/// Saves where the student is, and all answers as this client has them.
///
/// An entry of `answers` that is `null` or missing says nothing. One that repeats what was given by `exam-answer`
/// before and was changed by it since is out of date, and is passed over: a forgotten tab undoes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaveProgress {
    pub exam_id: ExamId,
    pub current_question: u16,
    /// Never believed: the server's clock counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub time_remaining: Option<f64>,
    #[serde(default)]
    #[ts(optional, as = "Option<Vec<Option<Answer>>>")]
    pub answers: Vec<Option<Answer>>,
}

impl ClientEvent for SaveProgress {
    const NAME: &'static str = "exam-progress";
}

impl Command for SaveProgress {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "save-progress-v1";
    type Reply = ExamProgressSaved;

    fn partition_key(&self, actor: &Actor) -> String {
        session_key(self.exam_id, actor.user_id)
    }
}

/// The progress is durable.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamProgressSaved {
    pub exam_id: ExamId,
    pub current_question: u16,
    /// Seconds, by the server's clock.
    #[ts(type = "number")]
    pub time_remaining: i64,
    pub timestamp: Timestamp,
}

impl ServerEvent for ExamProgressSaved {
    const NAME: &'static str = "exam-progress-saved";
}

/// Hands the exam in.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompleteExam {
    pub exam_id: ExamId,
}

impl ClientEvent for CompleteExam {
    const NAME: &'static str = "exam-complete";
}

impl Command for CompleteExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "complete-exam-v1";
    type Reply = ExamCompleted;

    fn partition_key(&self, actor: &Actor) -> String {
        session_key(self.exam_id, actor.user_id)
    }
}

/// A session's time is over, and with it the grace: nothing that counts can come any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpireSession {
    pub exam_id: ExamId,
    pub user_id: UserId,
}

impl Command for ExpireSession {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "expire-session-v1";
    type Reply = ();

    /// Behind every answer that counts.
    fn partition_key(&self, _: &Actor) -> String {
        session_key(self.exam_id, self.user_id)
    }
}

/// To all sockets of the student: the session is completed and graded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamCompleted {
    pub exam_id: ExamId,
    pub result: ExamResult,
    pub reason: CompletionReason,
}

impl ServerEvent for ExamCompleted {
    const NAME: &'static str = "exam-completed";
}

/// Chat asks who may enter an exam's room: those who have a session. Not for clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindSessions {
    pub of: Vec<(ExamId, UserId)>,
}

impl Query for FindSessions {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "find-sessions-v1";
    /// Those among them who have one.
    type Reply = Vec<(ExamId, UserId)>;
}
