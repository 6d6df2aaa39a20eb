//! The library under another path, as a framework that re-exports it would have it.

mod framework {
    pub use pgjobs as jobs;
}

use framework::jobs::task;

#[task(crate = framework::jobs, timeout = 5, backoff = "linear(1s)")]
pub async fn welcome(
    user_id: i64,
    #[default("en")] locale: String,
    coupon: Option<String>,
) -> Result<i64, String> {
    drop((locale, coupon));
    Ok(user_id)
}
