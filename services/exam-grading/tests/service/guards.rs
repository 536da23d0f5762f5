//! What the service's sources must not say.

#[test]
fn the_stamp_decides_and_nothing_is_tried_for_ever() {
    let offences = sinaesta_testkit::guards::check_service(env!("CARGO_MANIFEST_DIR"));
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}
