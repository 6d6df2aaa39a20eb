#[pgjobs::test]
fn nothing_is_awaited(db: pgjobs::testing::Database) {}

fn main() {}
