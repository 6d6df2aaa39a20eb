#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task]
impl Mailer {}

fn main() {}
