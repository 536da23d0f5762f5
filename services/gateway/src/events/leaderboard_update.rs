//! `leaderboard-update`: counts all boards anew.

use sinaesta_contracts::leaderboard::UpdateLeaderboard;

use super::Call;

pub(crate) async fn handle(call: Call, event: UpdateLeaderboard) {
    call.command(event, async |call: Call, answer| call.respond(answer)).await;
}
