//! Members that join, with old and new snapshots.

use super::*;

#[test]
fn joining_and_leaving_wait_for_no_fetch() {
    let mut room = Room::at(1);
    assert_eq!(room.deliver(3, "three"), ["fetch Gap after 1"]);
    assert_eq!(room.enter("ben", 1), ["admit ben"]);
    assert_eq!(room.enter("cat", 0), ["fetch CatchUp after 0"]);
    assert_eq!(room.leave("ann"), NOTHING);
    assert_eq!(room.answer(Purpose::CatchUp, 0, &[(1, "one"), (2, "two")], false), ["cat: one", "admit cat"]);
    assert_eq!(room.answer(Purpose::Gap, 1, &[(2, "two")], false), ["all: two", "all: three"]);
    for member in ["ben", "cat"] {
        assert!(!room.sequence.is_empty());
        room.leave(member);
    }
    assert!(room.sequence.is_empty());
}

#[test]
fn an_older_snapshot_is_completed_for_that_member_alone_while_the_others_receive() {
    let mut room = Room::at(3);
    assert_eq!(room.enter("ben", 1), ["fetch CatchUp after 1"]);
    assert_eq!(room.deliver(4, "four"), ["all: four"]);
    assert_eq!(room.signal("cat is typing"), ["all: cat is typing"]);
    assert_eq!(
        room.answer(Purpose::CatchUp, 1, &[(2, "two"), (3, "three"), (4, "four")], false),
        ["ben: two", "ben: three", "ben: four", "ben: cat is typing", "admit ben"]
    );
    assert_eq!(room.deliver(5, "five"), ["all: five"]);
}

#[test]
fn one_fetch_completes_all_older_snapshots_that_wait_for_it() {
    let mut room = Room::at(4);
    assert_eq!(room.enter("ben", 3), ["fetch CatchUp after 3"]);
    assert_eq!((room.enter("cat", 2), room.enter("dan", 1), room.enter("eva", 2)), (vec![], vec![], vec![]));
    assert_eq!(room.leave("eva"), NOTHING);
    assert_eq!(
        room.answer(Purpose::CatchUp, 3, &[(4, "four")], false),
        ["ben: four", "admit ben", "fetch CatchUp after 1"]
    );
    assert_eq!(room.answer(Purpose::CatchUp, 1, &[(2, "two")], true), ["dan: two", "fetch CatchUp after 2"]);
    assert_eq!(
        room.answer(Purpose::CatchUp, 2, &[(3, "three"), (4, "four")], false),
        ["cat+dan: three", "cat+dan: four", "admit cat", "admit dan"]
    );
}

#[test]
fn an_older_snapshot_that_can_not_be_completed_is_a_resync_of_that_member() {
    let mut room = Room::at(3);
    room.enter("ben", 1);
    room.deliver(4, "four");
    assert_eq!(room.fail_for_good(Purpose::CatchUp, 1), ["resync ben", "admit ben"]);
    assert_eq!(room.deliver(5, "five"), ["all: five"]);
}

#[test]
fn a_member_that_leaves_while_catching_up_is_not_waited_for() {
    let mut room = Room::at(3);
    room.enter("ben", 1);
    assert_eq!(room.leave("ben"), NOTHING);
    assert_eq!(room.enter("ben", 2), ["fetch CatchUp after 2"]);
    assert_eq!(room.answer(Purpose::CatchUp, 1, &[(2, "two"), (3, "three")], false), NOTHING, "it is not awaited");
    assert_eq!(room.answer(Purpose::CatchUp, 2, &[(3, "three")], false), ["ben: three", "admit ben"]);
}

#[test]
fn a_newer_snapshot_is_admitted_when_the_room_reaches_it() {
    let mut room = Room::at(1);
    assert_eq!(room.enter("ben", 3), NOTHING);
    assert_eq!(room.deliver(2, "two"), ["all: two"]);
    assert_eq!(room.deliver(3, "three"), ["all: three", "admit ben"]);
    assert_eq!(room.sequence.due(), None);
}

#[test]
fn what_a_newer_snapshot_shows_is_fetched_when_no_delivery_comes() {
    let mut room = Room::at(1);
    room.enter("ben", 3);
    assert_eq!(room.sequence.due(), Some(room.now + PATIENCE));
    assert_eq!(room.wait(), ["fetch Gap after 1"]);
    // It goes beyond the snapshot: the member receives that.
    let missed = [(2, "two"), (3, "three"), (4, "four")];
    assert_eq!(room.answer(Purpose::Gap, 1, &missed, false), ["all: two", "all: three", "admit ben", "all: four"]);
}

#[test]
fn a_newer_snapshot_of_what_can_not_be_fetched_is_admitted_and_the_others_resync() {
    let mut room = Room::at(1);
    room.enter("ben", 3);
    room.wait();
    assert_eq!(room.fail_for_good(Purpose::Gap, 1), ["resync all", "admit ben"]);
    assert_eq!(room.deliver(4, "four"), ["all: four"]);
}

#[test]
fn a_newer_snapshot_within_a_gap_that_can_not_be_fetched_resyncs_as_well() {
    let mut room = Room::at(1);
    room.enter("ben", 3);
    room.enter("cat", 4);
    room.deliver(5, "five");
    assert_eq!(room.fail_for_good(Purpose::Gap, 1), ["admit ben", "resync all", "admit cat", "all: five"]);
}

#[test]
fn the_first_member_decides_where_an_empty_room_is() {
    let mut room = Room::at(5);
    room.leave("ann");
    assert_eq!(room.deliver(9, "nine"), ["all: nine"], "nothing is fetched for an empty room");
    assert_eq!(room.enter("ben", 12), ["admit ben"]);
    assert_eq!(room.deliver(12, "twelve"), NOTHING);
    assert_eq!(room.deliver(13, "thirteen"), ["all: thirteen"]);
}

#[test]
fn too_many_deliveries_while_a_member_catches_up_are_a_resync_of_that_member() {
    let mut room = Room::within(Limits { deliveries: 2, bytes: 1_000 }, 2);
    room.enter("ben", 1);
    room.deliver(3, "three");
    room.deliver(4, "four");
    assert_eq!(room.deliver(5, "five"), ["resync ben", "admit ben", "all: five"]);
}

#[test]
fn a_member_that_is_catching_up_when_the_others_resync_has_to_as_well() {
    let mut room = Room::at(3);
    room.enter("ben", 1);
    room.deliver(5, "five");
    assert_eq!(room.fail_for_good(Purpose::Gap, 3), ["admit ben", "resync all", "all: five"]);
}
