#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task]
async fn welcome(#[inject] mailer: &'static Mailer) {}

fn main() {}
