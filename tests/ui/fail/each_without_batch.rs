#![allow(unused)]

use pgjobs::{TaskError, task};

#[task]
async fn index(#[each] n: Vec<i64>) -> Vec<Result<(), TaskError>> {
    Vec::new()
}

fn main() {}
