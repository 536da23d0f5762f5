//! `room-list`: one's rooms, and what is new in each.

use sinaesta_contracts::room_list::ListRooms;

use super::Call;

pub(crate) async fn handle(call: Call, event: ListRooms) {
    call.ask(event);
}
