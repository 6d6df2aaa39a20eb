//! What `#[task]` generates, without a database.
#![allow(missing_docs)]
use pgjobs::{schemars, task, Task, TaskError};
pub struct Mailer;
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct Receipt { pub n: i64 }

/// Sends the welcome letter.
#[task(name = "mail.welcome", aliases = ["mail.hello"], retries = 5, timeout = "30s", priority = 3, backoff = "exponential(1s, 1h)")]
pub async fn welcome(#[inject] mailer: &Mailer, #[inject] job: &pgjobs::Job, user_id: i64, #[default("en")] locale: String, coupon: Option<String>) -> Result<Receipt, TaskError> {
    let _ = (mailer, job, locale, coupon);
    Ok(Receipt { n: user_id })
}
#[test]
fn x() {
    println!("{:?}", welcome::DEF);
    println!("{}", serde_json::to_string(&welcome::new(7).coupon("x")).unwrap());
    println!("{}", serde_json::to_string(&(welcome::DEF.args_schema)()).unwrap());
}
