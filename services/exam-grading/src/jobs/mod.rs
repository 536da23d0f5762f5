//! What happens because time passes. Any replica may find that something is due: it publishes a command under an id that is the
//! same in all of them, and the change is made when the command is handled.

mod sweeps;

use sinaesta_service::Frame;

use crate::context::Context;

pub(crate) fn start(frame: &mut Frame, context: &Context) {
    let sweeps = sweeps::run(context.clone(), frame.shutdown.clone());
    frame.job("sweeps", sweeps);
}
