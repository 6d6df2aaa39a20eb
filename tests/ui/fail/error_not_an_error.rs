#![allow(unused)]

use pgjobs::task;

struct Refused;

#[task]
async fn pay() -> Result<(), Refused> {
    Err(Refused)
}

fn main() {}
