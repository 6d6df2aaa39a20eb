//! An order is paid, packed and shipped; when something fails for good, what was done is taken back.
//!
//! ```text
//! cargo run --example order
//! ```
//!
//! Payment and packing go on side by side, shipping waits for both and takes what they return. The second
//! order is for something that is not in stock: its payment is refunded, and the customer hears of it.

use std::error::Error;

use pgjobs::schemars::JsonSchema;
use pgjobs::serde::{Deserialize, Serialize};
use pgjobs::workflow::{Flow, OnFailure, WorkflowHandle};
use pgjobs::{TaskError, Worker, task};
use sqlx::PgPool;

/// What a customer wants.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Order {
    id: i64,
    item: String,
    cents: i64,
}

/// A charge that can be taken back.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Payment {
    order: i64,
    cents: i64,
}

/// Charges the customer's card.
#[task(name = "order.charge", retries = 3)]
async fn charge(order: Order) -> Result<Payment, TaskError> {
    println!("order {}: {} cents charged", order.id, order.cents);
    Ok(Payment { order: order.id, cents: order.cents })
}

/// Takes a charge back.
#[task(name = "order.refund")]
async fn refund(payment: Payment) {
    println!("order {}: {} cents refunded", payment.order, payment.cents);
}

/// Packs the item.
#[task(name = "order.pack")]
async fn pack(order: Order) -> Result<String, TaskError> {
    if order.item == "unicorn" {
        return Err(TaskError::fatal("out of stock")); // no retry would help
    }
    println!("order {}: packed", order.id);
    Ok(format!("a parcel with one {}", order.item))
}

/// Unpacks the parcel.
#[task(name = "order.unpack")]
async fn unpack(parcel: String) {
    println!("{parcel} goes back on the shelf");
}

/// Hands the parcel over, once it is paid.
#[task(name = "order.ship")]
async fn ship(#[from] payment: Payment, #[from] parcel: String, town: String) -> Result<String, TaskError> {
    Ok(format!("order {}: {parcel} is on its way to {town}", payment.order))
}

/// Says sorry.
#[task(name = "order.apologise")]
async fn apologise(order: Order) {
    println!("order {}: sorry, there is no {}", order.id, order.item);
}

async fn publish(pool: &PgPool, order: Order) -> Result<WorkflowHandle<String>, pgjobs::Error> {
    let mut flow = Flow::new("order");
    let payment = flow.node("charge", charge::new(order.clone())).undo(refund::after());
    // After the charge, so that this example always has something to take back.
    let parcel = flow.node("pack", pack::new(order.clone())).after(&payment).undo(unpack::after());
    let shipped = flow.then("ship", (&payment, &parcel), ship::after("Lisbon".to_owned()));
    flow.node("apologise", apologise::new(order)).after(&parcel).when_failed();
    flow.on_failure(OnFailure::Compensate).returns(&shipped).publish(pool).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let worker = Worker::new(pool.clone()).topic("order.*").start().await?;
    for (id, item) in [(1, "teapot"), (2, "unicorn")] {
        let run = publish(&pool, Order { id, item: item.to_owned(), cents: 1900 }).await?;
        match run.wait(&pool).await {
            Ok(shipped) => println!("{shipped}"),
            Err(_) => {
                let ended = run.fetch(&pool).await?;
                println!("order {id} is {}: {}", ended.state, ended.reason.unwrap_or_default());
            }
        }
        for node in run.nodes(&pool).await? {
            println!("  {:<10} {}", node.name, node.state);
        }
    }
    worker.shutdown().await;
    Ok(())
}
