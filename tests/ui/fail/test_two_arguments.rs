#[pgjobs::test]
async fn takes_two(db: pgjobs::testing::Database, pool: sqlx::PgPool) {}

fn main() {}
