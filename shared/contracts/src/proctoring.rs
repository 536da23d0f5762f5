//! Exams as mentors and admins watch over them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::exam::SessionStatus;
use crate::{
    Actor, BoundedNumber, ClientEvent, Command, ExamId, Points, Query, ServerEvent, Service, Timestamp, UserId,
};

/// The most minutes that one extension gives.
pub const MAX_EXTENSION_MINUTES: u32 = 600;

/// Watches an exam: a snapshot of every participant, then updates as they work.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitorExam {
    pub exam_id: ExamId,
}

impl ClientEvent for MonitorExam {
    const NAME: &'static str = "exam-monitor";
}

impl Query for MonitorExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "monitor-exam-v1";
    type Reply = ExamMonitorSnapshot;
}

/// A student as their proctors see them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct MonitoredParticipant {
    pub user_id: UserId,
    pub user_name: String,
    pub status: SessionStatus,
    pub is_connected: bool,
    pub current_question: u16,
    pub answered_count: u16,
    /// Seconds, by the server's clock.
    #[ts(type = "number")]
    pub time_remaining: i64,
    pub last_activity: Timestamp,
    pub ends_at: Timestamp,
    /// Once completed.
    pub score: Option<Points>,
}

/// Everyone in an exam.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamMonitorSnapshot {
    pub exam_id: ExamId,
    /// Those first who were active last, as many as one answer takes.
    pub participants: Vec<MonitoredParticipant>,
    /// There are more than `participants` has.
    #[serde(default)]
    pub has_more: bool,
    /// How many of them have a live socket in the exam.
    pub participant_count: u32,
    pub server_time: Timestamp,
}

impl ServerEvent for ExamMonitorSnapshot {
    const NAME: &'static str = "exam-monitor-snapshot";
}

/// To those who watch: the participants for whom something changed, as they are now.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamMonitorUpdate {
    pub exam_id: ExamId,
    pub participants: Vec<MonitoredParticipant>,
    pub server_time: Timestamp,
}

impl ServerEvent for ExamMonitorUpdate {
    const NAME: &'static str = "exam-monitor-update";
}

/// Gives more time, to one student or to all who have not completed.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtendExam {
    pub exam_id: ExamId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub user_id: Option<UserId>,
    pub minutes: BoundedNumber<1, MAX_EXTENSION_MINUTES>,
}

impl ClientEvent for ExtendExam {
    const NAME: &'static str = "exam-extend";
}

impl Command for ExtendExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "extend-exam-v1";
    type Reply = Intervened;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// Stops the time, for one student or for all who have not completed.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PauseExam {
    pub exam_id: ExamId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub user_id: Option<UserId>,
}

impl ClientEvent for PauseExam {
    const NAME: &'static str = "exam-pause";
}

impl Command for PauseExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "pause-exam-v1";
    type Reply = Intervened;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// Lets the time run again; what was left when it was stopped is left now.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResumeExam {
    pub exam_id: ExamId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub user_id: Option<UserId>,
}

impl ClientEvent for ResumeExam {
    const NAME: &'static str = "exam-resume";
}

impl Command for ResumeExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "resume-exam-v1";
    type Reply = Intervened;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// How many sessions it concerned.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Intervened {
    pub sessions: u32,
}

/// To each student concerned: there is more time.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamTimeExtended {
    pub exam_id: ExamId,
    pub ends_at: Timestamp,
    pub server_time: Timestamp,
}

impl ServerEvent for ExamTimeExtended {
    const NAME: &'static str = "exam-time-extended";
}

/// To each student concerned: the time stands still.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamPaused {
    pub exam_id: ExamId,
    /// Seconds that will be left.
    #[ts(type = "number")]
    pub time_remaining: i64,
}

impl ServerEvent for ExamPaused {
    const NAME: &'static str = "exam-paused";
}

/// To each student concerned: the time runs again.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamResumed {
    pub exam_id: ExamId,
    pub ends_at: Timestamp,
    pub server_time: Timestamp,
}

impl ServerEvent for ExamResumed {
    const NAME: &'static str = "exam-resumed";
}
