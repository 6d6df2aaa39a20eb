//! What the examples share: a database and a table.
//!
//! With DATABASE_URL (or PGHOST, PGDATABASE, PGUSER) set they use that database: they add schema
//! `jobs`, keep tables of their own in schema `pgjobs_examples`, and speak only of jobs that they
//! published themselves. Without it each starts a PostgreSQL of its own, which ends with it.

use std::error::Error;

use comfy_table::{Table, presets};
use pgjobs::local_postgres::{Database, LocalPostgres};
use sqlx::PgPool;

/// A database with schema `jobs` in it; keep the first value for as long as the pool is used.
///
/// # Errors
/// When there is no database to be had, or it cannot be migrated.
pub async fn database() -> Result<(Database, PgPool), Box<dyn Error>> {
    let builder = LocalPostgres::builder().allow_download(true);
    let database = Database::from_env_or_local(builder).await?;
    eprintln!("{}", database.describe());
    let pool = PgPool::connect_with(database.options()).await?;
    pgjobs::migrate(&pool).await?;
    Ok((database, pool))
}

/// Rows under a header, as text.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}
