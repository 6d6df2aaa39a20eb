//! A trigger publishes: whoever inserts a parcel, from whatever program, a Rust task handles it.
//!
//! ```text
//! cargo run --example sql_trigger
//! ```
//!
//! `jobs.publish` is a function of the database, open to triggers, psql and every language. The
//! job belongs to the transaction that inserted the row.

use std::error::Error;

use pgjobs::{TaskError, Worker, task};
use sqlx::PgPool;

const TABLES: &str = "
    create schema if not exists pgjobs_examples;

    create table if not exists pgjobs_examples.parcel (
      id bigint generated always as identity primary key,
      city text not null,
      label text
    );

    create or replace function pgjobs_examples.parcel_inserted() returns trigger
    language plpgsql as $$
    begin
      perform jobs.publish(
        i_task => 'parcels.label',
        i_body => jsonb_build_object('kwargs', jsonb_build_object('parcel', new.id, 'city', new.city)),
        i_priority => case when new.city = 'Lisbon' then 5 end
      );
      return null;
    end $$;

    create or replace trigger parcel_inserted after insert on pgjobs_examples.parcel
    for each row execute function pgjobs_examples.parcel_inserted();";

const INSERT: &str = "
    insert into pgjobs_examples.parcel (city) values ('Porto'), ('Lisbon'), ('Faro') returning id";

const LABELS: &str = "select city, label from pgjobs_examples.parcel where id = any ($1) order by id";

/// Prints a parcel's label. SQL calls the task by this name, so it does not follow the module path.
#[task(name = "parcels.label")]
async fn label(#[inject] pool: &PgPool, parcel: i64, city: String) -> Result<(), TaskError> {
    let code: String = city.chars().take(3).collect();
    sqlx::query("update pgjobs_examples.parcel set label = $2 where id = $1")
        .bind(parcel)
        .bind(format!("{}-{parcel:04}", code.to_uppercase()))
        .execute(pool)
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;

    // No Rust publishes here: this could be psql.
    let parcels: Vec<i64> = sqlx::query_scalar(INSERT).fetch_all(&pool).await?;
    println!("inserted {} parcels", parcels.len());

    Worker::new(pool.clone()).burst().run().await?;

    let labels: Vec<(String, Option<String>)> = sqlx::query_as(LABELS).bind(parcels).fetch_all(&pool).await?;
    for (city, label) in labels {
        println!("  {city}: {}", label.ok_or("a parcel has no label")?);
    }
    Ok(())
}
