#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task]
async fn welcome(#[inject] mailer: &mut Mailer) {}

fn main() {}
