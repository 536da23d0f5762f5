//! Doors that have closed behind somebody, and one of which nobody can say whether it is open.

use sinaesta_contracts::chat::SetTyping;
use sinaesta_contracts::room_list::ListRooms;
use sinaesta_contracts::study_group::{CreateGroup, JoinGroup, LeaveGroup};
use sinaesta_contracts::{GroupId, code};

use super::*;

/// The controls: without the door in `list_rooms` the room stands in the list with what was said there last; without the one in
/// `set_typing` whoever has left is shown to type; without `is_unsure` the student is told that they may not enter.
#[tokio::test]
async fn what_is_behind_a_door_that_has_closed_is_shown_no_more_and_no_door_is_closed_for_want_of_knowing() {
    let stack = Stack::start().await;
    let (one, other) = (person(1), person(2));
    // As it stands where open rooms were closed when people had met there.
    let user = one.user_id;
    for sql in [
        "INSERT INTO chat_rooms (id, type, last_seq, created_at) VALUES ('open', 'OPEN', 1, now())".to_owned(),
        format!(
            "INSERT INTO chat_participants (room_id, user_id, user_name, joined_at, joined_by)
             VALUES ('open', '{user}', 'N', now(), gen_random_uuid())"
        ),
        format!(
            "INSERT INTO chat_messages (id, room_id, seq, sender_id, sender_name, message, message_type, created_at)
             VALUES (gen_random_uuid(), 'open', 1, '{user}', 'N', 'demam', 'text', now())"
        ),
    ] {
        stack.sql(&sql).await;
    }
    let _replica = stack.replica_with(Clock::system(), |settings| settings.chat.open_rooms = false);
    let group = CreateGroup {
        name: "EKG".to_owned().try_into().unwrap(),
        description: None,
        specialty: None,
        max_members: 5.try_into().unwrap(),
        is_public: true,
    };
    let group_id: GroupId = stack.send(&one, group).await.unwrap().0.id;
    let rooms = [room("open"), RoomId::from(group_id)];
    stack.join(&one, &rooms[1]).await;
    let listed = stack.bus.ask(&one, &ListRooms {}).await.unwrap().rooms;
    assert_eq!(listed.into_iter().map(|one| one.room_id).collect::<Vec<_>>(), [rooms[1].clone()]);
    let types = async |who: &Actor, room_id: &RoomId| {
        stack.bus.ask(who, &SetTyping { room_id: room_id.clone(), is_typing: true }).await.map_err(|error| error.code)
    };
    stack.send(&other, JoinGroup { group_id }).await.unwrap();
    assert_eq!(types(&other, &rooms[1]).await, Ok(()));
    stack.send(&other, LeaveGroup { group_id }).await.unwrap();
    for (who, room) in [(&one, &rooms[0]), (&other, &rooms[1])] {
        assert_eq!(types(who, room).await.unwrap_err(), code::ROOM_FORBIDDEN);
    }
    // Nobody is there who knows of exams: that is no refusal.
    let exam = room(&format!("exam:{}", Uuid::now_v7()));
    let join = async |who: &Actor| stack.send(who, JoinRoom { room_id: exam.clone(), since_seq: None }).await;
    assert_eq!(join(&one).await.unwrap_err().code, code::UNAVAILABLE);
    join(&mentor()).await.unwrap();
}
