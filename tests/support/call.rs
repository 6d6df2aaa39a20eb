//! Who makes a call: any connection of the pool, or a session of the test's own and its transaction.

use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgRow, Postgres};
use sqlx::query::Query;

pub(crate) enum Caller<'a> {
    Pool(&'a PgPool),
    Session(&'a mut PgConnection),
}

impl Caller<'_> {
    pub(crate) async fn rows(
        self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        match self {
            Caller::Pool(pool) => query.fetch_all(pool).await,
            Caller::Session(session) => query.fetch_all(session).await,
        }
    }
}
