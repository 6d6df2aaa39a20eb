//! Which database it is, whatever its address.

use sqlx::PgExecutor;

/// What a database has in common with its standbys, and with copies of its data folder; `None` where the role may not
/// know, or it does not answer.
#[cfg(all(feature = "cli", feature = "web"))]
pub(crate) async fn of_data(database: impl PgExecutor<'_>) -> Option<String> {
    let identity = "select format('%s/%s', (select system_identifier from pg_control_system()), oid) \
                    from pg_database where datname = current_database()";
    sqlx::query_scalar(identity).fetch_one(database).await.ok()
}

/// What only this running database has: neither its standbys nor copies of it were started at the same microsecond.
pub(crate) async fn of_instance(database: impl PgExecutor<'_>) -> Option<String> {
    let identity = "select format('%s/%s/%s', oid, datname, extract(epoch from pg_postmaster_start_time())) \
                    from pg_database where datname = current_database()";
    sqlx::query_scalar(identity).fetch_one(database).await.ok()
}
