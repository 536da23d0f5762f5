//! `/api/exams`: writing exams, and reading what came of them.

use std::sync::Arc;

use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with, put_with};
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, SchemaObject};
use aide::transform::TransformOperation;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use sinaesta_contracts::exam_authoring::{
    CoAuthors, Corrections, CreateExam, ExamDetails, ExamList, ListExams, NewExam, NewQuestion, PublishExam,
    QuestionSource, ReadExam, RegradeExam, Regraded, ReplaceQuestions, Schedule, ScheduleExam, SetAuthors,
};
use sinaesta_contracts::exam_grading::{ExamRecord, ExamResult, ListResults, ReadMyRecord, ReadMyResult, ResultList};
use sinaesta_contracts::{ErrorBody, ExamId, code};

use super::caller::Caller;
use super::payload::{Body, Created, Parameters, Reply, media_type, read_json, text};
use super::problem::Problem;
use crate::Gateway;

/// The types in which questions are taken.
const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const GIFT: &str = "text/x-gift";

pub(super) fn routes() -> ApiRouter<Arc<Gateway>> {
    let exams = get_with(list, says("List exams, newest first")).post_with(create, says("Make a draft"));
    ApiRouter::new()
        .api_route("/api/exams", exams)
        .api_route("/api/exams/{id}", get_with(read, says("Read an exam; mentors and admins with its key")))
        .api_route("/api/exams/{id}/questions", put_with(replace_questions, says("Give a draft its questions")))
        .api_route("/api/exams/{id}/publish", post_with(publish, says("Let students take an exam")))
        .api_route("/api/exams/{id}/schedule", put_with(schedule, says("Begin and end an exam for all at one moment")))
        .api_route("/api/exams/{id}/authors", put_with(set_authors, says("Name those who may change an exam as well")))
        .api_route("/api/exams/{id}/regrade", post_with(regrade, says("Correct keys, and grade every result anew")))
        .api_route("/api/exams/{id}/results", get_with(results, says("List an exam's results, best first")))
        .api_route("/api/exams/{id}/my-result", get_with(my_result, says("Read one's own result")))
        .api_route("/api/exams/{id}/my-record", get_with(my_record, says("Read one's own answers as they were given")))
}

fn says(summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| operation.summary(summary).tag("exams")
}

async fn create(caller: Caller, Body(exam): Body<NewExam>) -> Created<ExamDetails> {
    Created(caller.command(&CreateExam(exam)).await)
}

async fn list(caller: Caller, Parameters(query): Parameters<ListExams>) -> Reply<ExamList> {
    caller.ask(&query).await
}

async fn read(caller: Caller, At(exam_id): At) -> Reply<ExamDetails> {
    caller.ask(&ReadExam { exam_id }).await
}

async fn replace_questions(caller: Caller, At(exam_id): At, Questions(source): Questions) -> Reply<ExamDetails> {
    caller.command(&ReplaceQuestions { exam_id, source }).await
}

async fn publish(caller: Caller, At(exam_id): At) -> Reply<ExamDetails> {
    caller.command(&PublishExam { exam_id }).await
}

async fn schedule(caller: Caller, At(exam_id): At, Body(schedule): Body<Schedule>) -> Reply<ExamDetails> {
    caller.command(&ScheduleExam { exam_id, schedule }).await
}

async fn set_authors(caller: Caller, At(exam_id): At, Body(authors): Body<CoAuthors>) -> Reply<ExamDetails> {
    caller.command(&SetAuthors { exam_id, authors }).await
}

async fn regrade(
    caller: Caller,
    At(exam_id): At,
    Body(Corrections { corrections }): Body<Corrections>,
) -> Reply<Regraded> {
    caller.command(&RegradeExam { exam_id, corrections }).await
}

async fn results(caller: Caller, At(exam_id): At) -> Reply<ResultList> {
    caller.ask(&ListResults { exam_id }).await
}

async fn my_result(caller: Caller, At(exam_id): At) -> Reply<ExamResult> {
    caller.ask(&ReadMyResult { exam_id }).await
}

async fn my_record(caller: Caller, At(exam_id): At) -> Reply<ExamRecord> {
    caller.ask(&ReadMyRecord { exam_id }).await
}

/// Which exam.
struct At(ExamId);

#[derive(Deserialize, JsonSchema)]
struct ExamPath {
    id: ExamId,
}

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<ExamPath>::from_request_parts(parts, state).await {
            Ok(Path(path)) => Ok(Self(path.id)),
            // What is no id names no exam.
            Err(_) => Err(ErrorBody::new(code::EXAM_NOT_FOUND, "There is no such exam").into()),
        }
    }
}

impl OperationInput for At {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Path::<ExamPath>::operation_input(ctx, operation);
    }
}

/// Questions, in the form that the body's type says.
struct Questions(QuestionSource);

impl<S: Send + Sync> FromRequest<S> for Questions {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let read: fn(String) -> Result<QuestionSource, ErrorBody> = match &*media_type(request.headers()) {
            JSON => |text| read_json(&text).map(QuestionSource::Json),
            CSV => |text| Ok(QuestionSource::Csv(text)),
            GIFT => |text| Ok(QuestionSource::Gift(text)),
            _ => {
                let text = format!("The body must be {JSON}, {CSV} or {GIFT}");
                return Err(ErrorBody::new(code::MEDIA_TYPE, text).into());
            }
        };
        Ok(Self(read(text(request).await?)?))
    }
}

impl OperationInput for Questions {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let of = |json_schema| MediaType {
            schema: Some(SchemaObject { json_schema, example: None, external_docs: None }),
            ..MediaType::default()
        };
        let list = ctx.schema.subschema_for::<Vec<NewQuestion>>();
        let text = || json_schema!({ "type": "string" });
        let content = [(JSON, of(list)), (CSV, of(text())), (GIFT, of(text()))];
        operation.request_body = Some(ReferenceOr::Item(RequestBody {
            content: content.into_iter().map(|(name, media)| (name.to_owned(), media)).collect(),
            required: true,
            ..RequestBody::default()
        }));
    }
}
