#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task]
async fn welcome(#[inject] #[inject] mailer: &Mailer) {}

fn main() {}
