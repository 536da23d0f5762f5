//! `heartbeat`: is the server there?

use sinaesta_contracts::session::HeartbeatAck;
use sinaesta_contracts::{ServerEvent as _, Timestamp};

use super::Call;

pub(crate) fn handle(call: Call) {
    let ack = HeartbeatAck { server_time: Timestamp(call.gateway.clock.now()) };
    call.responder.emit(HeartbeatAck::NAME, &ack);
    call.responder.ok_with(&ack);
}
