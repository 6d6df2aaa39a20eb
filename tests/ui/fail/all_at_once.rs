#![allow(unused)]

use pgjobs::task;

#[task(retires = 5, timeout = "soon", priority = 3000000000)]
fn welcome<T>(locale: &str, (x, y): (i32, i32), #[default] limit: i64, value: T) {}

fn call() -> welcome {
    welcome::new("en", (1, 2), 3).limit(4)
}

fn main() {}
