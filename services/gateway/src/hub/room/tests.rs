//! What sockets of a room are sent.

use serde_json::{Value, json};
use sinaesta_contracts::chat::TYPING_LAPSE_MS;
use sinaesta_contracts::session::ResyncRequired;
use uuid::Uuid;

use super::*;
use crate::hub::fake::{BUFFER_BYTES, Fake, delivery};
use crate::hub::sequence::{Page, Purpose, Unavailable};

struct Test {
    room: Room<Fake>,
    now: Instant,
}

impl Test {
    fn new() -> Self {
        let id = "room-1".parse().unwrap();
        Self { room: Room::new(id, Clock::system(), Fake::on_removed), now: Instant::now() }
    }

    /// A socket of a user joins, with a snapshot.
    fn join(&mut self, user: u128, last_seq: i64) -> Fake {
        let socket = Fake::new();
        self.room.enter(socket.member(user), (last_seq, Vec::new()), || {}, self.now);
        socket
    }

    fn message(&mut self, seq: i64) {
        let delivery = Delivery { seq: Some(seq), ..delivery(ReceiveMessage::NAME, &json!({ "seq": seq })) };
        self.room.deliver(delivery, self.now);
    }

    fn deliver(&mut self, event: &str, payload: &Value, except: Option<u128>) {
        let except = except.map(|user| UserId(Uuid::from_u128(user)));
        self.room.deliver(Delivery { except, ..delivery(event, payload) }, self.now);
    }

    fn typing(&mut self, user: u128, is_typing: bool) {
        let user_id = UserId(Uuid::from_u128(user));
        let typing = TypingIndicator { room_id: self.room.id.clone(), user_id, user_name: "Ann".to_owned(), is_typing };
        self.deliver(TypingIndicator::NAME, &serde_json::to_value(typing).unwrap(), Some(user));
    }

    fn remove(&mut self, user: u128) {
        let removed = RoomRemoved { room_id: self.room.id.clone(), user_id: UserId(Uuid::from_u128(user)) };
        self.deliver(RoomRemoved::NAME, &serde_json::to_value(removed).unwrap(), None);
    }

    fn wait(&mut self) {
        self.now = self.room.due().expect("something is due");
        self.room.timeout(self.now);
    }
}

fn page(seqs: std::ops::RangeInclusive<i64>) -> Page<Message> {
    let payload = |seq| serde_json::value::to_raw_value(&json!({ "seq": seq })).unwrap();
    Page { messages: seqs.map(|seq| (seq, Message::Fetched(payload(seq).into()))).collect(), has_more: false }
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_socket_is_greeted_before_what_follows_its_snapshot() {
    let mut test = Test::new();
    let ann = test.join(1, 1);
    test.message(2);
    let ben = Fake::new();
    let greeted = ben.clone();
    let greet = move || drop(greeted.emit("room-joined", &json!({})));
    test.room.enter(ben.member(2), (1, Vec::new()), greet, test.now);
    test.message(3);
    let [fetch] = test.room.take_fetches()[..] else { panic!("one fetch") };
    test.room.fetched((fetch, Ok(page(2..=2))), test.now);
    assert_eq!(ann.take_names(), ["receive-message 2", "receive-message 3"]);
    assert_eq!(ben.take_names(), ["room-joined", "receive-message 2", "receive-message 3"]);
}

#[test]
fn a_socket_that_has_disconnected_does_not_join() {
    let mut test = Test::new();
    let socket = Fake::new();
    socket.close();
    test.room.enter(socket.member(1), (1, Vec::new()), || panic!("it is not greeted"), test.now);
    assert!(test.room.is_empty());
}

#[test]
fn joining_again_begins_at_the_new_snapshot() {
    let mut test = Test::new();
    let ann = test.join(1, 1);
    test.message(2);
    test.room.enter(ann.member(1), (2, Vec::new()), || {}, test.now);
    test.message(3);
    assert_eq!(ann.take_names(), ["receive-message 2", "receive-message 3"], "it is there once");
    test.room.leave(ann.sid(), test.now);
    assert!(test.room.is_empty() && test.room.sequence.is_empty());
}

#[test]
fn a_delivery_passes_over_its_own_user() {
    let mut test = Test::new();
    let (ann, ben) = (test.join(1, 1), test.join(2, 1));
    test.deliver("user-joined-room", &json!({}), Some(1));
    assert_eq!((ann.take_names(), ben.take_names()), (vec![], vec!["user-joined-room".to_owned()]));
}

#[test]
fn a_removed_user_leaves_at_once_and_receives_nothing_that_follows() {
    let mut test = Test::new();
    let (ann, ben) = (test.join(1, 1), test.join(2, 1));
    let joining = test.join(1, 5);
    // A fetch keeps no member in the room.
    test.message(3);
    test.remove(1);
    for socket in [&ann, &joining] {
        assert_eq!(
            (socket.take_names(), socket.removed_from()),
            (vec![RoomRemoved::NAME.to_owned()], vec!["room-1".to_owned()])
        );
    }
    let [fetch] = test.room.take_fetches()[..] else { panic!("one fetch") };
    test.room.fetched((fetch, Ok(page(2..=2))), test.now);
    test.message(4);
    assert_eq!((ann.take_names(), joining.take_names()), (vec![], vec![]));
    assert_eq!(ben.take_names(), ["receive-message 2", "receive-message 3", "receive-message 4"]);
    assert_eq!(ben.removed_from(), NOTHING);
}

#[test]
fn a_removed_user_may_join_again_while_a_fetch_is_under_way() {
    let mut test = Test::new();
    test.join(2, 1);
    let ann = test.join(1, 1);
    test.message(3);
    test.remove(1);
    test.room.enter(ann.member(1), (3, Vec::new()), || {}, test.now);
    let [fetch] = test.room.take_fetches()[..] else { panic!("one fetch") };
    test.room.fetched((fetch, Ok(page(2..=2))), test.now);
    test.message(4);
    assert_eq!(ann.take_names(), ["room-removed", "receive-message 4"]);
}

#[test]
fn members_have_to_resync_when_chat_does_not_answer() {
    let mut test = Test::new();
    let ann = test.join(1, 1);
    test.message(3);
    while let [fetch] = test.room.take_fetches()[..] {
        assert_eq!(fetch.purpose, Purpose::Gap);
        test.room.fetched((fetch, Err(Unavailable)), test.now);
        if test.room.due().is_some() {
            test.wait();
        }
    }
    assert_eq!(ann.take_names(), ["resync-required", "receive-message 3"]);
}

#[test]
fn a_delivery_that_was_too_large_is_a_resync_in_its_place() {
    let mut test = Test::new();
    let ann = test.join(1, 1);
    let lost = Delivery { seq: Some(2), ..delivery(ResyncRequired::NAME, &json!({ "roomId": "room-1" })) };
    test.room.deliver(lost, test.now);
    test.message(3);
    assert_eq!(ann.take_names(), ["resync-required", "receive-message 3"]);
}

#[test]
fn a_lagging_socket_is_sent_resync_required_before_anything_else() {
    let mut test = Test::new();
    let (slow, fast) = (test.join(1, 1), test.join(2, 1));
    slow.fill(true);
    test.message(2);
    test.message(3);
    slow.fill(false);
    test.message(4);
    assert_eq!(slow.take_names(), ["resync-required", "receive-message 4"]);
    assert_eq!(fast.take_names(), ["receive-message 2", "receive-message 3", "receive-message 4"]);
}

#[test]
fn a_lagging_socket_is_sent_resync_required_when_there_is_room_and_no_message_comes() {
    let mut test = Test::new();
    let slow = test.join(1, 1);
    slow.fill(true);
    test.message(2);
    test.wait();
    assert_eq!(slow.take_names(), NOTHING);
    slow.fill(false);
    test.wait();
    assert_eq!(slow.take_names(), ["resync-required"]);
    assert_eq!(test.room.due(), None);
}

#[test]
fn a_sockets_buffer_for_deliveries_has_a_bound_in_bytes() {
    let mut test = Test::new();
    let slow = test.join(1, 1);
    slow.buffers(BUFFER_BYTES);
    test.message(2);
    assert_eq!(slow.take_names(), NOTHING);
    slow.buffers(BUFFER_BYTES - 1);
    test.message(3);
    assert_eq!(slow.take_names(), ["resync-required", "receive-message 3"]);
}

#[test]
fn a_closed_socket_leaves_with_the_next_message() {
    let mut test = Test::new();
    let ann = test.join(1, 1);
    ann.close();
    test.message(2);
    assert!(test.room.is_empty() && test.room.sequence.is_empty());
}

#[test]
fn typing_lapses_by_itself_for_the_others() {
    let mut test = Test::new();
    let (ann, ben) = (test.join(1, 1), test.join(2, 1));
    test.typing(1, true);
    assert_eq!(test.room.due(), Some(test.now + Duration::from_millis(TYPING_LAPSE_MS)));
    test.wait();
    let [(_, began), (_, ended)] = &ben.take()[..] else { panic!("two signals") };
    assert_eq!((began["isTyping"].clone(), ended["isTyping"].clone()), (json!(true), json!(false)));
    assert_eq!((ann.take_names(), test.room.due()), (vec![], None));
}
