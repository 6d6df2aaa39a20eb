//! The SQL API against a plain model of it: random operations on three sessions, two of which may keep
//! transactions open, and after each the whole database compared with what the model says.
//! README.md explains the model, how a failure is repeated, and how to add an operation.

mod calls;
mod claiming;
mod database;
mod job;
mod leases;
mod operation;
mod publishing;
mod settle_calls;
mod settling;
mod step;
mod transactions;
mod world;

use std::cell::RefCell;

use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use pgjobs_tests::amount;
use world::World;

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/model/failed_seeds");

#[test]
fn the_database_does_what_the_model_says() {
    let cases = std::env::var("PGJOBS_MODEL_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(amount(40, 300));
    let config = Config {
        cases,
        max_shrink_iters: 600,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let world = RefCell::new(runtime.block_on(World::new()));
    let outcome = TestRunner::new(config)
        .run(&operation::operations(), |operations| runtime.block_on(world.borrow_mut().play(&operations)));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
