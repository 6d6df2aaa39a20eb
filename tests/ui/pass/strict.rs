//! Under lints that a strict crate turns on.

#![deny(warnings, missing_docs, unreachable_pub, non_camel_case_types, clippy::all, clippy::pedantic)]
#![deny(missing_debug_implementations, unused_qualifications, clippy::nursery)]
#![forbid(unsafe_code)]
// These hold of the functions as written, with or without `#[task]`.
#![allow(clippy::unused_async, clippy::missing_errors_doc, clippy::too_many_arguments)]

use pgjobs::{TaskError, task};

/// Sends the welcome letter.
///
/// # Examples
///
/// ```
/// panic!("this would run again for each copy of the documentation");
/// ```
#[task(retries = 5, timeout = "30s")]
pub async fn welcome(
    #[inject] job: &pgjobs::Job,
    user_id: i64,
    /// The language to write in.
    #[default("en")]
    locale: String,
    coupon: Option<String>,
    #[default(1)] to_address: u8,
    #[default(false)] is_new: bool,
    from_name: Option<String>,
    #[default(1.5)] default: f64,
) -> Result<i64, TaskError> {
    drop((job.id(), locale, coupon, to_address, is_new, from_name, default));
    Ok(user_id)
}

/// Takes nothing.
#[task]
pub async fn sweep() {}

/// Is not used.
#[task]
async fn unused(_first: i64, _second: Option<i64>) {}

/// Takes many.
#[task]
pub(crate) async fn many(aa: u8, bb: u8, cc: u8, dd: u8, ee: u8, ff: u8, gg: u8) {
    let _ = (aa, bb, cc, dd, ee, ff, gg);
}

/// Should no longer be called.
#[deprecated = "call `welcome`"]
#[task]
pub async fn greet(user_id: i64) {
    let _ = user_id;
}

/// Should no longer be called.
#[task]
#[deprecated = "call `welcome`"]
pub async fn salute(user_id: i64, #[default("en")] locale: String) {
    let _ = (user_id, locale);
}

#[test]
fn setters_of_any_name_compile() {
    let call =
        welcome::new(7).locale("pt").coupon("HELLO").to_address(2).is_new(true).from_name("Ana").default(2.0);
    assert_eq!(call.to_address, 2);
}
