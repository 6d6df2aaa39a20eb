#![allow(unused)]

use pgjobs::task;
use pgjobs::testing::{Database, assert_published, refute_published};

#[task]
async fn welcome(user_id: i64) {}

async fn asserts(db: Database) {
    assert_published!(db, welcome);
    assert_published!(db, welcome(7));
    assert_published!(db);
    refute_published!(db, count = 2, welcome { .. });
}

fn main() {}
