#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task]
async fn welcome(#[inject(main)] mailer: &Mailer) {}

fn main() {}
