#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task]
async fn send(#[inject] #[schemars(with = "String")] mailer: &Mailer) {}

fn main() {}
