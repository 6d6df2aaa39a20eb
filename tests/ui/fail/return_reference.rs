#![allow(unused)]

use pgjobs::task;

#[task]
async fn name(#[inject] names: &Vec<String>) -> Result<&str, pgjobs::TaskError> {
    Ok(&names[0])
}

fn main() {}
