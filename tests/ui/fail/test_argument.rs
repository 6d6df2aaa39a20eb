#[pgjobs::test]
async fn takes_a_mutable_pool(pool: &mut sqlx::PgPool) {}

#[pgjobs::test]
async fn takes_itself(self) {}

#[pgjobs::test]
async fn is_generic<T>(pool: sqlx::PgPool) {}

fn main() {}
