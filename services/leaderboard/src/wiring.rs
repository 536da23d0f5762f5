//! Which handler takes what.

use sinaesta_bus::ServiceBuilder;

use crate::context::Context;
use crate::handlers::{exam_graded, find_ranks, recompute, request_leaderboard, tell_board};

pub(crate) fn handlers(builder: ServiceBuilder, context: &Context) -> ServiceBuilder {
    builder
        .event(exam_graded::Handler(context.clone()))
        .command(recompute::Handler(context.clone()))
        .command(tell_board::Handler::new(context.clone()))
        .query(request_leaderboard::Handler(context.clone()))
        .query(find_ranks::Handler(context.clone()))
}
