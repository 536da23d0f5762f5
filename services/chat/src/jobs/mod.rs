//! What happens because time passes. Any replica may find that something is due: it publishes a command under an id that is the
//! same in all of them, and the change is made when the command is handled.

mod lost_gateways;
mod partitions;
pub(crate) mod search_index;
mod unused_files;

use sinaesta_service::Frame;

use crate::context::Context;

pub(crate) fn start(frame: &mut Frame, context: &Context) {
    let shutdown = &frame.shutdown.clone();
    frame.job("lost gateways", lost_gateways::run(context.clone(), shutdown.clone()));
    frame.job("partitions", partitions::keep_ahead(context.clone(), shutdown.clone()));
    frame.job("search index", search_index::keep(context.clone(), shutdown.clone()));
    frame.job("unused files", unused_files::tidy(context.clone(), shutdown.clone()));
}
