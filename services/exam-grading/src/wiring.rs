//! Which handler takes what.

use sinaesta_bus::ServiceBuilder;

use crate::context::Context;
use crate::handlers::{
    complete_exam, create_exam, enter_exam, exit_exam, expire_session, extend_exam, find_sessions, join_exam,
    list_exams, list_results, lose_participants, monitor_exam, pause_exam, publish_exam, read_exam, read_my_record,
    read_my_result, regrade_exam, replace_questions, resume_exam, retell_exams, save_answer, save_progress,
    schedule_exam, set_authors, start_exam,
};

pub(crate) fn handlers(builder: ServiceBuilder, context: &Context) -> ServiceBuilder {
    builder
        .command(join_exam::Handler(context.clone()))
        .command(enter_exam::Handler(context.clone()))
        .command(exit_exam::Handler(context.clone()))
        .command(lose_participants::Handler(context.clone()))
        .command(start_exam::Handler(context.clone()))
        .command(save_answer::Handler(context.clone()))
        .command(save_progress::Handler(context.clone()))
        .command(complete_exam::Handler(context.clone()))
        .command(expire_session::Handler(context.clone()))
        .command(extend_exam::Handler(context.clone()))
        .command(pause_exam::Handler(context.clone()))
        .command(resume_exam::Handler(context.clone()))
        .command(create_exam::Handler(context.clone()))
        .command(replace_questions::Handler(context.clone()))
        .command(publish_exam::Handler(context.clone()))
        .command(schedule_exam::Handler(context.clone()))
        .command(set_authors::Handler(context.clone()))
        .command(regrade_exam::Handler(context.clone()))
        .command(retell_exams::Handler(context.clone()))
        .query(monitor_exam::Handler(context.clone()))
        .query(list_exams::Handler(context.clone()))
        .query(read_exam::Handler(context.clone()))
        .query(list_results::Handler(context.clone()))
        .query(read_my_record::Handler(context.clone()))
        .query(read_my_result::Handler(context.clone()))
        .query(find_sessions::Handler(context.clone()))
}
