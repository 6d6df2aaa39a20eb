#![allow(unused)]

use pgjobs::task;

struct Mailer;

impl Mailer {
    #[task]
    async fn welcome(user_id: i64) {}
}

fn main() {}
