#![allow(unused)]

use std::error::Error;

use pgjobs::task;

#[task]
async fn pay() -> Result<(), Box<dyn Error>> {
    Ok(())
}

fn main() {}
