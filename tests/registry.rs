//! Two functions with one name, in a program of its own: the registry is one for each binary.

use pgjobs::{Error, task};
use pgjobs_tests as _;

#[task(name = "shop.buy")]
async fn buy() {}

#[task(aliases = ["shop.buy"])]
async fn purchase() {}

#[test]
fn a_name_declared_twice_is_refused_with_both_locations() {
    let error = pgjobs::define::linked_tasks().unwrap_err();
    let Error::DuplicateTask { name, locations } = &error else { panic!("{error}") };
    assert_eq!(name, "shop.buy");
    assert!(locations.iter().all(|place| place.contains("registry.rs:")), "{locations:?}");
    assert_ne!(locations[0], locations[1]);
}
