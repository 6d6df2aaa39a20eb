//! Limits: several of them, with the names of arguments as raw identifiers and from a macro.

use pgjobs::task;

fn region() -> String {
    "eu".to_owned()
}

#[task(
    limit(key = customer, max = 2, rate = "100/s", burst = 20, cost = units, name = "stripe"),
    limit(key = (customer, r#type), rates = ["1000/h", "10/s"]),
    in_order(key = region, on_dead = "hold"),
    fair_by = customer
)]
pub async fn sync(
    customer: i64,
    r#type: String,
    #[default(1)] units: u32,
    #[default(region())] region: String,
) {
    drop((customer, r#type, units, region));
}

#[task(in_order)]
pub async fn post(amount: i64) {
    let _ = amount;
}

macro_rules! limited {
    ($name:ident, $key:ident, $max:expr) => {
        #[task(limit(key = $key, max = $max))]
        pub async fn $name($key: i64) {
            let _ = $key;
        }
    };
}
limited!(one, customer, 1);
