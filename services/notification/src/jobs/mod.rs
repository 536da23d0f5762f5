//! What happens because time passes. Any replica may find that something is due: it publishes a command under an id that is the
//! same in all of them, and the change is made when the command is handled.

mod timers;

use sinaesta_service::Frame;

use crate::context::Context;
use crate::push;

pub(crate) fn start(frame: &mut Frame, context: &Context) {
    let shutdown = &frame.shutdown.clone();
    frame.job("timers", timers::run(context.clone(), shutdown.clone()));
    frame.job("web push", push::run(context.clone(), shutdown.clone()));
}
