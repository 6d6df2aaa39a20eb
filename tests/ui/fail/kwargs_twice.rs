#![allow(unused)]

use pgjobs::task;
use serde_json::{Map, Value};

#[task]
async fn log(#[kwargs] fields: Map<String, Value>, #[kwargs] more: Map<String, Value>) {}

fn main() {}
