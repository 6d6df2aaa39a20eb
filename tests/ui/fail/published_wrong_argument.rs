use pgjobs::task;
use pgjobs::testing::{Database, assert_published};

#[task]
async fn welcome(user_id: i64, address: String) {}

async fn asserts(db: Database) {
    assert_published!(db, welcome { user: 7, .. });
    assert_published!(db, welcome { user_id: 7 });
}

fn main() {}
