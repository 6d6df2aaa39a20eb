#![allow(unused)]

use pgjobs::task;

#[task(fair_by = tenants)]
async fn sync(tenant: String) {}

fn main() {}
