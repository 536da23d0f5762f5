//! Watching leaderboards.

use std::sync::Arc;

use serde_json::value::RawValue;
use sinaesta_contracts::leaderboard::{LeaderboardData, RequestLeaderboard, UnsubscribeLeaderboard};
use sinaesta_contracts::{Audience, ErrorBody, ServerEvent as _, code};

use super::Call;
use crate::hub::{Hold, Place};

/// `leaderboard-request`: replies with a board, and subscribes the socket to its updates.
pub(super) async fn request(call: Call, event: RequestLeaderboard) {
    if !call.session.may_watch(&event.board()) {
        let text = "You watch too many boards; unsubscribe from one";
        return call.responder.error(ErrorBody::new(code::TOO_MANY_BOARDS, text));
    }
    // The board is watched before it is asked for, so that nothing falls between the answer and what follows it.
    let hold = match call.hold(Audience::Board(event.board())).await {
        Ok(hold) => hold,
        Err(error) => return call.responder.error(error),
    };
    let tasks = call.gateway.tasks.clone();
    tasks.spawn(async move {
        let answer = call.asked(&event).await;
        // A period that is over changes no more.
        if event.period_start.is_some() {
            drop(hold);
            return call.respond_as::<LeaderboardData>(answer);
        }
        match answer {
            Ok(data) => watch(call, &event, data, hold),
            Err(error) => call.responder.error(error),
        }
    });
}

fn watch(call: Call, event: &RequestLeaderboard, data: Arc<RawValue>, hold: Hold) {
    // The socket went while the board was asked for.
    if !call.session.watch(&event.board()) {
        return;
    }
    let rank = serde_json::from_str::<LeaderboardData>(data.get()).ok().and_then(|data| data.user_rank);
    let member = call.member();
    let greet = move || {
        call.responder.emit(LeaderboardData::NAME, &*data);
        call.responder.ok(&data);
    };
    hold.enter(member, Place::Board { limit: event.limit.into(), rank }, Box::new(greet));
}

/// `leaderboard-unsubscribe`: ends the subscription.
pub(super) async fn unsubscribe(call: Call, event: UnsubscribeLeaderboard) {
    let board = event.board();
    if !call.session.unwatch(&board) {
        return call.responder.error(ErrorBody::new(code::BOARD_NOT_WATCHED, "You do not watch this board"));
    }
    call.gateway.hub.leave(&Audience::Board(board), call.session.sid);
    call.responder.ok_with(&());
}
