//! Two functions with one name, in a program of its own: the registry is one for each binary.

use pgjobs::{Error, task};
use pgjobs_tests as _;

#[task(name = "shop.buy")]
async fn buy() {}

#[task(aliases = ["shop.buy"])]
async fn purchase() {}

#[test]
fn a_name_declared_twice_is_refused_with_both_places() {
    let error = pgjobs::linked_tasks().unwrap_err();
    let Error::DuplicateTask { name, places } = &error else { panic!("{error}") };
    assert_eq!(name, "shop.buy");
    assert!(places.iter().all(|place| place.contains("registry.rs:")), "{places:?}");
    assert_ne!(places[0], places[1]);
}
