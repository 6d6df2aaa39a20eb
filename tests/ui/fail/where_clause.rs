#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(user_id: i64)
where
    i64: Copy,
{
}

fn main() {}
