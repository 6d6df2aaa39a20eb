#![allow(unused)]

use pgjobs::task;
use serde_json::{Map, Value};

#[task]
async fn log(#[kwargs] #[default(Map::new())] fields: Map<String, Value>) {}

fn main() {}
