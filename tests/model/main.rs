//! Random work on a dataset against a model that is too simple to be wrong: after each step, everything is equal.
//!
//! The model is a map from address to row a version. A failing case is shrunk, printed with its seed, and kept in
//! `tests/model/main.regressions`, from where it is tried first.

mod compare;
mod draft;
mod state;
mod steps;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: std::env::var("PROPTEST_MAX_SHRINK_ITERS")
            .ok()
            .and_then(|most| most.parse().ok())
            .unwrap_or(400),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_dataset_is_equal_to_its_model_after_every_step(steps in prop::collection::vec(steps::step(), 1..9)) {
        let mut world = steps::World::new();
        for step in &steps {
            world.take(step);
        }
        world.check_all_versions();
        world.check_folders();
    }
}
