//! Properties of a [`Sequence`](super::Sequence) that hold in whatever order things happen; [`Model`] checks them.

use proptest::prelude::*;

use super::Limits;
use super::model::{Model, Step};

const ROOMY: Limits = Limits { deliveries: 1_000, bytes: 1_000_000 };
const TIGHT: Limits = Limits { deliveries: 3, bytes: 1_000_000 };
/// Two of the model's deliveries.
const TIGHT_IN_BYTES: Limits = Limits { deliveries: 1_000, bytes: 250 };

/// What happens to a room while chat answers everything, sooner or later.
fn healthy() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Store),
        6 => Just(Step::Deliver),
        2 => Just(Step::Lose),
        1 => (0..6_i64).prop_map(Step::DeliverOld),
        1 => Just(Step::Signal),
        3 => (0..5_u8, 0..5_i64).prop_map(|(member, age)| Step::Join { member, age }),
        1 => (0..5_u8).prop_map(Step::Leave),
        6 => (0..2_usize, 1..5_i64, any::<bool>())
            .prop_map(|(which, page, is_late)| Step::Answer { which, page, is_late }),
        1 => Just(Step::Disrupt),
        2 => (0..400_u64).prop_map(Step::Wait),
    ]
}

/// And while queries to it fail.
fn failing() -> impl Strategy<Value = Step> {
    let fail = (0..2_usize).prop_map(|which| Step::Fail { which });
    prop_oneof![4 => healthy(), 1 => fail, 1 => Just(Step::Wait(1_000))]
}

fn run(stored: i64, limits: Limits, steps: Vec<Step>) -> Model {
    let mut model = Model::new(stored, limits);
    steps.into_iter().for_each(|step| model.step(step));
    model.settle();
    model
}

proptest! {
    /// Messages lost, repeated and out of order, joining and leaving, answers late and in pages.
    #[test]
    fn each_member_receives_all_that_follows_its_snapshot_in_order_and_once(
        stored in 0..5_i64,
        steps in prop::collection::vec(healthy(), 0..150),
    ) {
        let model = run(stored, ROOMY, steps);
        prop_assert_eq!(model.resyncs, 0, "while chat answers, no member has to resync");
    }

    #[test]
    fn where_messages_can_not_be_fetched_each_member_has_to_resync(
        stored in 0..5_i64,
        steps in prop::collection::vec(failing(), 0..150),
    ) {
        run(stored, ROOMY, steps);
    }

    #[test]
    fn where_too_much_waits_for_a_fetch_each_member_has_to_resync(
        stored in 0..5_i64,
        limits in prop_oneof![Just(TIGHT), Just(TIGHT_IN_BYTES)],
        steps in prop::collection::vec(failing(), 0..150),
    ) {
        run(stored, limits, steps);
    }
}

/// Every order in which so many of these can happen.
#[test]
fn every_interleaving_of_five_steps_settles() {
    const STEPS: [Step; 11] = [
        Step::Store,
        Step::Deliver,
        Step::Lose,
        Step::Signal,
        Step::Join { member: 1, age: 0 },
        Step::Join { member: 2, age: 1 },
        Step::Leave(0),
        Step::Answer { which: 0, page: 1, is_late: false },
        Step::Fail { which: 0 },
        Step::Disrupt,
        Step::Wait(300),
    ];
    fn explore(model: &Model, depth: u32) {
        model.clone().settle();
        if depth > 0 {
            for step in STEPS {
                let mut model = model.clone();
                model.step(step);
                explore(&model, depth - 1);
            }
        }
    }
    let mut model = Model::new(1, TIGHT);
    model.step(Step::Join { member: 0, age: 0 });
    explore(&model, 5);
}
