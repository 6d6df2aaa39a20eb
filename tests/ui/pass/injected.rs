//! State borrowed, cloned, shared, taken apart, and the job itself.

use std::sync::{Arc, Mutex};

use pgjobs::{Job, task};

pub trait Mail: Send + Sync {}

pub struct Counter(pub u64);

#[derive(Clone)]
pub struct Config {
    pub limit: u64,
}

#[task]
pub async fn welcome(
    #[inject] mailer: &Arc<dyn Mail>,
    #[inject] counter: &Mutex<Counter>,
    #[inject] Config { limit }: Config,
    #[inject] names: &'_ Vec<String>,
    #[inject] greeting: &&'static str,
    #[inject] job: &Job,
    user_id: i64,
) {
    let _ = (mailer, counter, limit, names, greeting, job, user_id);
}
