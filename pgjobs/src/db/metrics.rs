//! What the database measures for monitors, `jobs.metrics`.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::db::transaction;
use crate::types::error::Error;

/// One series with its value now.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// A look that takes longer is given up: a monitor must not load a database that has enough to do.
const LIMIT: &str = "select set_config('statement_timeout', '2s', true)";

const METRICS: &str =
    "select m.name, m.labels::text, m.value from jobs.metrics() m order by m.name, m.labels::text";

pub(crate) async fn metrics(connection: &mut PgConnection) -> Result<Vec<Series>, Error> {
    let mut look = transaction::begin(connection).await?;
    sqlx::query(LIMIT).execute(&mut *look).await?;
    let rows = sqlx::query(METRICS).fetch_all(&mut *look).await?;
    look.commit().await?;
    rows.iter().map(series).collect()
}

fn series(row: &PgRow) -> Result<Series, Error> {
    let labels = serde_json::from_str(row.try_get(1)?).unwrap_or_default();
    Ok(Series { name: row.try_get(0)?, labels, value: row.try_get(2)? })
}
