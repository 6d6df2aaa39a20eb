#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(user_id: i64, #[default("en")] locale: String) {}

fn call() -> welcome {
    welcome::new()
}

fn main() {}
