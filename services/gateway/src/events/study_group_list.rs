//! `study-group-list`: a page of groups, and from then on, if that is wanted, whatever is new among them.

use sinaesta_contracts::Audience;
use sinaesta_contracts::study_group::ListGroups;

use super::Call;
use crate::hub::Place;

pub(crate) async fn handle(call: Call, event: ListGroups) {
    match event.watch {
        Some(true) => {
            // The list is watched before it is asked for, so that nothing falls between.
            match call.hold(Audience::Groups).await {
                Ok(hold) if call.session.watch_groups() => hold.enter(call.member(), Place::Anywhere, Box::new(|| {})),
                Ok(_) => {}
                Err(error) => return call.responder.error(error),
            }
        }
        Some(false) => call.gateway.hub.leave(&Audience::Groups, call.session.sid),
        None => {}
    }
    call.ask(event);
}
