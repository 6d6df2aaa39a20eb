#![allow(unused)]

use chrono_tz::Tz;
use pgjobs::task;

#[task]
async fn report(zone: Tz) {}

fn main() {}
