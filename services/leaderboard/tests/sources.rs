//! What the sources of this service must not say: see the guards.

use sinaesta_testkit::guards;

#[test]
fn the_stamp_decides_nothing_is_inserted_bare_and_nothing_retried_by_hand() {
    assert_eq!(guards::check_service(env!("CARGO_MANIFEST_DIR")), Vec::<String>::new());
}
