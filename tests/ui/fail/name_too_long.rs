#![allow(unused)]

use pgjobs::task;

#[task(name = "mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.mail.x")]
async fn welcome(user_id: i64) {}

fn main() {}
