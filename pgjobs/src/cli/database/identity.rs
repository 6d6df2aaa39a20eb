//! Which database it is, whatever its address.

use sqlx::PgPool;

/// What no other database has but its standbys; `None` where the role may not know, or it does not answer.
pub(crate) async fn of(pool: &PgPool) -> Option<String> {
    let identity = "select format('%s/%s', (select system_identifier from pg_control_system()), oid) \
                    from pg_database where datname = current_database()";
    sqlx::query_scalar(identity).fetch_one(pool).await.ok()
}
