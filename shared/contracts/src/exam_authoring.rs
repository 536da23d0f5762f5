//! Exams as their authors make them: over HTTP, by mentors and admins.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::exam::{ExamInfo, MAX_QUESTIONS, QuestionKind};
use crate::{Actor, BoundedNumber, BoundedText, Command, Event, ExamId, Points, Query, Service, Timestamp, UserId};

/// The longest exam, in minutes.
pub const MAX_DURATION_MINUTES: u32 = 24 * 60;
/// The most exams one page of a list has.
pub const MAX_EXAM_PAGE: u32 = 100;
/// The longest text of a question, and the longest explanation, in characters.
pub const MAX_TEXT: usize = 8_000;
/// The longest option, in characters.
pub const MAX_OPTION: usize = 1_000;
/// The longest category, in characters.
pub const MAX_CATEGORY: usize = 100;
/// How a schema says that a text has something that is seen.
const NOT_BLANK: &str = r"\S";
/// The most options a question has.
pub const MAX_OPTIONS: usize = 20;
/// The most a question is worth.
pub const MAX_POINTS: Points = Points::from_hundredths(100_000);

/// How far an exam is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExamStatus {
    /// Being written: only its authors and admins see it.
    Draft,
    /// Students can take it; its questions stand.
    Published,
}

/// What is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Key {
    /// One option.
    SingleChoice {
        /// Its index.
        #[schemars(range(max = MAX_OPTIONS - 1))]
        correct: u16,
    },
    /// Every one of these options and no other. Each right one that is chosen earns its share of the points, each
    /// wrong one loses as much.
    SeveralCorrect {
        /// Their indexes.
        #[schemars(length(min = 1), inner(range(max = MAX_OPTIONS - 1)), extend("uniqueItems" = true))]
        correct: Vec<u16>,
    },
    /// The first of two options if it is true, the second if not.
    TrueFalse {
        /// Whether the question's statement is true.
        correct: bool,
    },
    /// A number.
    Numeric {
        /// The number.
        value: f64,
        /// How far from it an answer may be and still be right.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        tolerance: f64,
    },
}

impl Key {
    /// The kind of question that has such a key.
    pub const fn kind(&self) -> QuestionKind {
        match self {
            Self::SingleChoice { .. } => QuestionKind::SingleChoice,
            Self::SeveralCorrect { .. } => QuestionKind::SeveralCorrect,
            Self::TrueFalse { .. } => QuestionKind::TrueFalse,
            Self::Numeric { .. } => QuestionKind::Numeric,
        }
    }
}

/// A question as its author writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewQuestion {
    /// 1 to 8,000 characters.
    #[schemars(length(max = MAX_TEXT), extend("pattern" = NOT_BLANK))]
    pub text: String,
    /// 2 to 20 for choices, of up to 1,000 characters; left out for a numeric question; for a true-or-false one, two words
    /// for it, or none for `True` and `False`.
    #[serde(default)]
    #[schemars(with = "Vec<Choice>", length(max = MAX_OPTIONS), extend("uniqueItems" = true))]
    pub options: Vec<String>,
    pub key: Key,
    /// More than 0, and up to 1,000.
    #[serde(default = "one_point")]
    #[schemars(with = "f64", extend("exclusiveMinimum" = 0, "maximum" = MAX_POINTS.hundredths() / 100, "multipleOf" = 0.01))]
    pub points: Points,
    /// 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_CATEGORY), extend("pattern" = NOT_BLANK))]
    pub category: Option<String>,
    /// 1 to 8,000 characters, for those who look at the exam's key; students never get it with the exam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_TEXT), extend("pattern" = NOT_BLANK))]
    pub explanation: Option<String>,
}

/// One of a question's options, for the schema.
#[derive(JsonSchema)]
#[schemars(inline, transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct Choice(#[schemars(length(max = MAX_OPTION), extend("pattern" = NOT_BLANK))] String);

const fn nothing() -> BoundedNumber<0, 100> {
    BoundedNumber::nearest(0)
}

const fn one_point() -> Points {
    Points::ONE
}

/// An exam as its author begins it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewExam {
    pub title: BoundedText<200>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<BoundedText<4_000>>,
    pub specialty: BoundedText<100>,
    pub duration_minutes: BoundedNumber<1, MAX_DURATION_MINUTES>,
    /// What a wrong answer takes away, in hundredths of what its question is worth.
    #[serde(default = "nothing")]
    pub negative_marking_percent: BoundedNumber<0, 100>,
    #[serde(default)]
    #[schemars(length(max = MAX_QUESTIONS))]
    pub questions: Vec<NewQuestion>,
}

/// Makes a draft.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CreateExam(pub NewExam);

impl Command for CreateExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "create-exam-v1";
    type Reply = ExamDetails;

    fn partition_key(&self, actor: &Actor) -> String {
        actor.user_id.to_string()
    }
}

/// Those who may change an exam besides its author and admins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CoAuthors {
    /// Up to 20; whoever is left out is one no longer.
    #[serde(deserialize_with = "up_to_most")]
    #[schemars(length(max = 20))]
    pub co_authors: Vec<UserId>,
}

/// The most co-authors an exam has.
pub const MAX_CO_AUTHORS: usize = 20;

fn up_to_most<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UserId>, D::Error> {
    let ids = Vec::<UserId>::deserialize(deserializer)?;
    if ids.len() > MAX_CO_AUTHORS {
        return Err(D::Error::custom(format!("an exam has up to {MAX_CO_AUTHORS} co-authors")));
    }
    Ok(ids)
}

/// Names an exam's co-authors: by its author, or an admin.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAuthors {
    pub exam_id: ExamId,
    pub authors: CoAuthors,
}

impl Command for SetAuthors {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "set-authors-v1";
    type Reply = ExamDetails;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// Questions, in one of the forms that authors have them in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "format", content = "content", rename_all = "lowercase")]
pub enum QuestionSource {
    Json(Vec<NewQuestion>),
    Csv(String),
    /// Moodle's GIFT.
    Gift(String),
}

/// Gives a draft its questions, in place of those it has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplaceQuestions {
    pub exam_id: ExamId,
    pub source: QuestionSource,
}

impl Command for ReplaceQuestions {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "replace-questions-v1";
    type Reply = ExamDetails;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// Lets students take an exam.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishExam {
    pub exam_id: ExamId,
}

impl Command for PublishExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "publish-exam-v1";
    type Reply = ExamDetails;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// When a synchronised exam takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    pub scheduled_start: Timestamp,
    /// Left out: the exam's duration after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_end: Option<Timestamp>,
}

/// Makes an exam a synchronised one, or moves it; not once it has begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleExam {
    pub exam_id: ExamId,
    pub schedule: Schedule,
}

impl Command for ScheduleExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "schedule-exam-v1";
    type Reply = ExamDetails;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// A question's right key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Correction {
    pub question_index: u16,
    /// Of the same kind as before.
    pub key: Key,
}

/// Keys to be corrected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Corrections {
    #[schemars(length(min = 1))]
    pub corrections: Vec<Correction>,
}

/// Corrects keys and grades every result anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegradeExam {
    pub exam_id: ExamId,
    pub corrections: Vec<Correction>,
}

impl Command for RegradeExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "regrade-exam-v1";
    type Reply = Regraded;

    fn partition_key(&self, _: &Actor) -> String {
        self.exam_id.to_string()
    }
}

/// What a correction came to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Regraded {
    pub exam_id: ExamId,
    pub key_version: u32,
    /// Whose score changed.
    pub changed: Vec<ScoreChange>,
    /// How many results stayed as they were.
    pub unchanged: u32,
}

/// A result before and after.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScoreChange {
    pub user_id: UserId,
    pub user_name: String,
    pub before: Points,
    pub after: Points,
}

/// Exams, newest first: those published; to their authors, drafts as well; to admins, all.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListExams {
    /// Only those of this specialty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specialty: Option<BoundedText<100>>,
    /// Only those older than this one: the last of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ExamId>,
    /// 1 to 100; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<BoundedNumber<1, MAX_EXAM_PAGE>>,
}

impl Query for ListExams {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "list-exams-v1";
    type Reply = ExamList;
}

/// A page of exams.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExamList {
    pub exams: Vec<ExamSummary>,
    pub has_more: bool,
}

/// An exam in a list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ExamSummary {
    #[serde(flatten)]
    pub info: ExamInfo,
    pub status: ExamStatus,
    pub created_at: Timestamp,
}

/// One exam; with its key for mentors and admins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadExam {
    pub exam_id: ExamId,
}

impl Query for ReadExam {
    const SERVICE: Service = Service::ExamGrading;
    const NAME: &'static str = "read-exam-v1";
    type Reply = ExamDetails;
}

/// An exam as its authors see it; students get no questions here: they come with `exam-joined`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ExamDetails {
    #[serde(flatten)]
    pub summary: ExamSummary,
    /// 1, and one more with each correction.
    pub key_version: u32,
    /// Who made it. For mentors and admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<UserId>,
    /// Who else may change it. For mentors and admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co_authors: Option<Vec<UserId>>,
    /// For mentors and admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions: Option<Vec<NewQuestion>>,
}

/// An exam that students can take was scheduled, or moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExamScheduled {
    pub exam_id: ExamId,
    pub exam_title: String,
    pub specialty: String,
    pub scheduled_start: Timestamp,
    /// When that was decided: of two, the later one counts.
    pub decided_at: Timestamp,
}

impl Event for ExamScheduled {
    const DOMAIN: &'static str = "exam";
    const NAME: &'static str = "scheduled-v1";
}
