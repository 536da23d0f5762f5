//! Messages that all members lack.

use std::time::Duration;

use super::*;

#[test]
fn the_next_message_is_emitted_at_once_and_a_repeat_is_dropped() {
    let mut room = Room::at(1);
    assert_eq!(room.deliver(2, "two"), ["all: two"]);
    assert_eq!(room.deliver(2, "two"), NOTHING);
    assert_eq!(room.deliver(1, "one"), NOTHING);
    assert_eq!(room.deliver(3, "three"), ["all: three"]);
}

#[test]
fn a_gap_is_fetched_before_what_follows_it_is_emitted() {
    let mut room = Room::at(1);
    assert_eq!(room.deliver(4, "four"), ["fetch Gap after 1"]);
    // Chat has stored five too: that comes as a delivery.
    let missed = [(2, "two"), (3, "three"), (4, "four"), (5, "five")];
    assert_eq!(room.answer(Purpose::Gap, 1, &missed, false), ["all: two", "all: three", "all: four"]);
    assert_eq!(room.deliver(5, "five"), ["all: five"]);
}

#[test]
fn a_gap_is_fetched_page_by_page() {
    let mut room = Room::at(1);
    assert_eq!(room.deliver(5, "five"), ["fetch Gap after 1"]);
    assert_eq!(
        room.answer(Purpose::Gap, 1, &[(2, "two"), (3, "three")], true),
        ["all: two", "all: three", "fetch Gap after 3"]
    );
    assert_eq!(room.answer(Purpose::Gap, 3, &[(4, "four")], true), ["all: four", "all: five"]);
}

#[test]
fn what_comes_behind_a_fetch_keeps_its_order_with_and_without_a_seq() {
    let mut room = Room::at(1);
    assert_eq!(room.signal("ben is typing"), ["all: ben is typing"]);
    room.deliver(3, "three");
    assert_eq!(room.signal("three is edited"), NOTHING);
    assert_eq!(room.deliver(4, "four"), NOTHING);
    assert_eq!(room.deliver(3, "three"), NOTHING);
    assert_eq!(room.deliver(6, "six"), NOTHING);
    assert_eq!(
        room.answer(Purpose::Gap, 1, &[(2, "two")], false),
        ["all: two", "all: three", "all: three is edited", "all: four", "fetch Gap after 4"]
    );
    assert_eq!(room.answer(Purpose::Gap, 4, &[(5, "five")], false), ["all: five", "all: six"]);
}

#[test]
fn a_query_is_retried_after_pauses_that_grow_and_at_last_the_members_resync() {
    let mut room = Room::at(1);
    room.deliver(3, "three");
    for failures in 1..ATTEMPTS {
        assert_eq!(room.fail(Purpose::Gap, 1), NOTHING);
        assert_eq!(room.sequence.due(), Some(room.now + PAUSE * failures));
        assert_eq!(room.wait(), ["fetch Gap after 1"]);
    }
    assert_eq!(room.fail(Purpose::Gap, 1), ["resync all", "all: three"]);
    assert_eq!(room.sequence.due(), None);
    assert_eq!(room.deliver(4, "four"), ["all: four"]);
}

#[test]
fn a_page_that_was_answered_counts_even_if_the_next_one_fails() {
    let mut room = Room::at(1);
    room.deliver(5, "five");
    room.answer(Purpose::Gap, 1, &[(2, "two")], true);
    assert_eq!(room.fail_for_good(Purpose::Gap, 2), ["resync all", "all: five"]);
}

#[test]
fn after_a_disruption_chat_is_asked_for_what_no_delivery_shows() {
    let mut room = Room::at(1);
    assert_eq!(room.disrupted(), ["fetch Gap after 1"]);
    assert_eq!(
        room.answer(Purpose::Gap, 1, &[(2, "two"), (3, "three")], true),
        ["all: two", "all: three", "fetch Gap after 3"]
    );
    assert_eq!(room.answer(Purpose::Gap, 3, &[], false), NOTHING);
    assert_eq!(room.deliver(4, "four"), ["all: four"]);
}

#[test]
fn while_nothing_is_missing_a_fetch_holds_up_no_delivery() {
    let mut room = Room::at(1);
    assert_eq!(room.disrupted(), ["fetch Gap after 1"]);
    assert_eq!(room.deliver(2, "two"), ["all: two"]);
    assert_eq!(room.signal("ben is typing"), ["all: ben is typing"]);
    assert_eq!(room.deliver(4, "four"), NOTHING);
    assert_eq!(room.answer(Purpose::Gap, 1, &[(2, "two"), (3, "three")], false), ["all: three", "all: four"]);
}

#[test]
fn a_disruption_during_a_fetch_is_followed_by_another_one() {
    let mut room = Room::at(1);
    room.deliver(3, "three");
    assert_eq!(room.disrupted(), NOTHING);
    assert_eq!(room.answer(Purpose::Gap, 1, &[(2, "two")], false), ["all: two", "all: three", "fetch Gap after 3"]);
}

#[test]
fn after_a_disruption_in_which_chat_does_not_answer_the_members_resync() {
    let mut room = Room::at(1);
    room.disrupted();
    assert_eq!(room.fail_for_good(Purpose::Gap, 1), ["resync all"]);
    assert_eq!(room.deliver(2, "two"), ["all: two"]);
}

#[test]
fn an_answer_from_before_a_delivery_says_nothing_about_it() {
    let mut room = Room::at(1);
    room.disrupted();
    assert_eq!(room.deliver(3, "three"), NOTHING);
    assert_eq!(room.answer(Purpose::Gap, 1, &[], false), ["fetch Gap after 1"], "chat may have stored it since");
    assert_eq!(room.answer(Purpose::Gap, 1, &[], false), ["resync all", "all: three"], "now it should have had it");
}

#[test]
fn too_many_deliveries_behind_a_fetch_are_a_resync() {
    let mut room = Room::within(Limits { deliveries: 2, bytes: 1_000 }, 1);
    room.deliver(3, "three");
    room.deliver(4, "four");
    assert_eq!(room.deliver(5, "five"), ["resync all", "all: three", "all: four", "all: five"]);
    assert_eq!(room.answer(Purpose::Gap, 1, &[(2, "two")], false), NOTHING, "it is not awaited any more");
}

#[test]
fn too_many_bytes_behind_a_fetch_are_a_resync() {
    let mut room = Room::within(Limits { deliveries: 100, bytes: 8 }, 1);
    room.deliver(3, "three");
    assert_eq!(room.deliver(4, "four"), ["resync all", "all: three", "all: four"]);
    room.deliver(6, "longer than eight bytes");
    assert_eq!(room.answer(Purpose::Gap, 4, &[(5, "five")], false), ["all: five", "all: longer than eight bytes"]);
}

#[test]
fn pauses_end_and_patience_is_short() {
    let total: Duration = (1..ATTEMPTS).map(|failures| PAUSE * failures).sum();
    assert_eq!((total, PATIENCE), (Duration::from_secs(2), Duration::from_millis(300)));
}
