//! Whatever keywords a publisher sends.

use std::collections::BTreeMap;

use pgjobs::task;
use serde_json::{Map, Value};

#[derive(Clone)]
pub struct Sink;

#[task]
pub async fn log(level: String, #[kwargs] fields: Map<String, Value>, #[inject] sink: Sink) {
    let _ = (level, fields, sink);
}

#[task]
pub async fn count(#[kwargs] counters: BTreeMap<String, i64>) {
    let _ = counters;
}
