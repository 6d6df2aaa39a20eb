use pgjobs::TaskError;
use pgjobs::workflow::Flow;

#[pgjobs::task]
async fn charge(order: i64) -> Result<String, TaskError> {
    Ok(order.to_string())
}

#[pgjobs::task]
async fn refund(payment: i64) {
    let _ = payment;
}

fn main() {
    let mut flow = Flow::new("order");
    flow.node("charge", charge::new(1)).undo(refund::after());
}
