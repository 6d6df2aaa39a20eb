//! A task that this build leaves out, with everything generated for it.

use pgjobs::task;

#[task]
#[cfg(any())]
pub async fn absent(value: TypeThatDoesNotExist) {}

#[task(retries = 0)]
#[cfg(any())]
pub async fn absent_and_wrong(value: &str) {}

#[task]
#[cfg(test)]
pub async fn present(value: i64) {
    let _ = value;
}

#[cfg(any())]
#[task]
pub async fn absent_before(value: TypeThatDoesNotExist) {}

#[test]
fn the_others_are_there() {
    assert_eq!(present::new(7).value, 7);
}
