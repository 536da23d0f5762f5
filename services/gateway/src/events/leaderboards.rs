//! Watching leaderboards.

use std::sync::Arc;

use serde_json::value::RawValue;
use sinaesta_contracts::leaderboard::{LeaderboardData, RequestLeaderboard, UnsubscribeLeaderboard};
use sinaesta_contracts::{Audience, ErrorBody, ServerEvent as _, code};

use super::Call;
use crate::hub::{JoinState, PendingJoin};

/// `leaderboard-request`: replies with a board, and subscribes the socket to its updates.
pub(super) async fn request(call: Call, event: RequestLeaderboard) {
    if !call.session.may_watch(&event.board()) {
        let text = "You watch too many boards; unsubscribe from one";
        return call.responder.error(ErrorBody::new(code::TOO_MANY_BOARDS, text));
    }
    // Subscribed to before it is asked for, so that nothing falls between the reply and the deliveries.
    let join = match call.begin_join(Audience::Board(event.board())).await {
        Ok(join) => join,
        Err(error) => return call.responder.error(error),
    };
    let tasks = call.gateway.tasks.clone();
    tasks.spawn(async move {
        let answer = call.asked(&event).await;
        // A period that is over changes no more.
        if event.period_start.is_some() {
            drop(join);
            return call.respond_as::<LeaderboardData>(answer);
        }
        match answer {
            Ok(data) => watch(call, &event, data, join),
            Err(error) => call.responder.error(error),
        }
    });
}

fn watch(call: Call, event: &RequestLeaderboard, data: Arc<RawValue>, join: PendingJoin) {
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
    join.complete(member, JoinState::Board { limit: event.limit.into(), rank }, greet);
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
