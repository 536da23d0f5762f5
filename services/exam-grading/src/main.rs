//! The exam-grading service as a process of its own.

use sinaesta_contracts::Service;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    sinaesta_service::main(
        Service::ExamGrading,
        "Sinaesta's exam service",
        |settings| settings.exams.http_port,
        sinaesta_exam_grading::run,
    )
    .await
}
