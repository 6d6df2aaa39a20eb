//! Orders.

use pgjobs::workflow::{Flow, OnFailure, WorkflowHandle};
use sqlx::{PgConnection, PgPool};

use crate::{billing, customers, delivery, stock};

const TABLES: &str = "
    create table if not exists item (name text primary key, cents bigint not null, stock int not null check (stock >= 0));
    insert into item values ('teapot', 1900, 10), ('cup', 450, 100), ('unicorn', 99900, 0) on conflict do nothing;
    create table if not exists purchase (
        id bigint generated always as identity primary key, customer bigint not null references customer,
        item text not null references item, count int not null check (count > 0), workflow bigint)";

/// What was ordered, and for how much.
struct Purchase {
    id: i64,
    address: String,
    item: String,
    count: i32,
    cents: i64,
}

/// Makes all tables of the shop, where they are missing, and puts a few things on the shelf.
///
/// # Errors
/// When the database cannot be reached.
pub async fn create_tables(pool: &PgPool) -> Result<(), sqlx::Error> {
    customers::create_tables(pool).await?;
    let mut tx = pool.begin().await?;
    sqlx::raw_sql(customers::ALONE).execute(&mut *tx).await?;
    sqlx::raw_sql(TABLES).execute(&mut *tx).await?;
    tx.commit().await
}

/// Writes an order down and starts its workflow, both or neither; returns the order's number, or nothing when
/// there is no such customer or item.
///
/// # Errors
/// When the count is not at least 1, or the database cannot be reached.
pub async fn place(
    pool: &PgPool,
    customer: i64,
    item: &str,
    count: i32,
) -> Result<Option<i64>, pgjobs::Error> {
    let mut tx = pool.begin().await?;
    let Some(order) = write(&mut tx, customer, item, count).await? else { return Ok(None) };
    let number = order.id;
    let run = workflow(order).publish(&mut *tx).await?;
    let update = "update purchase set workflow = $2 where id = $1";
    sqlx::query(update).bind(number).bind(run.id()).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Some(number))
}

/// The workflow of an order, whose result says where it was delivered; nothing when there is no such order.
///
/// # Errors
/// When the database cannot be reached.
pub async fn find(pool: &PgPool, order: i64) -> Result<Option<WorkflowHandle<String>>, sqlx::Error> {
    let select = "select workflow from purchase where id = $1";
    let id: Option<i64> = sqlx::query_scalar(select).bind(order).fetch_optional(pool).await?;
    Ok(id.map(WorkflowHandle::new))
}

/// Goods are reserved, then paid, then shipped. When one of these fails for good, what was done is undone,
/// the last first.
fn workflow(order: Purchase) -> Flow<String> {
    let mut flow = Flow::new("shop.order");
    let reserved =
        flow.node("reserve", stock::reserve::new(order.item, order.count)).undo(stock::put_back::after());
    let charged = flow
        .node("charge", billing::charge::new(order.address, order.cents))
        .after(&reserved)
        .undo(billing::refund::after());
    let shipped = flow.node("ship", delivery::ship::new(order.id)).after(&charged);
    flow.on_failure(OnFailure::Compensate).meta("order", order.id).returns(&shipped)
}

async fn write(
    tx: &mut PgConnection,
    customer: i64,
    item: &str,
    count: i32,
) -> Result<Option<Purchase>, sqlx::Error> {
    let insert = "
        with placed as (
            insert into purchase (customer, item, count)
            select customer.id, item.name, $3 from customer, item where customer.id = $1 and item.name = $2
            returning id, customer, item, count)
        select placed.id, address, item, count, count * cents as cents
        from placed join customer on customer.id = placed.customer join item on item.name = placed.item";
    let row = sqlx::query_as(insert).bind(customer).bind(item).bind(count).fetch_optional(tx).await?;
    Ok(row.map(|(id, address, item, count, cents)| Purchase { id, address, item, count, cents }))
}
