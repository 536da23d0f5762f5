//! `leaderboard-unsubscribe`: watches a board no more.

use sinaesta_contracts::leaderboard::UnsubscribeLeaderboard;
use sinaesta_contracts::{Audience, ErrorBody, code};

use super::Call;

pub(crate) async fn handle(call: Call, event: UnsubscribeLeaderboard) {
    let board = event.board();
    if !call.session.unwatch(&board) {
        return call.responder.error(ErrorBody::new(code::BOARD_NOT_WATCHED, "You do not watch this board"));
    }
    call.gateway.hub.leave(&Audience::Board(board), call.session.sid);
    call.responder.ok_with(&());
}
