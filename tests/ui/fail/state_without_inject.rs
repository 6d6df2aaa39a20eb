#![allow(unused)]

use pgjobs::sqlx::PgPool;
use pgjobs::{Job, task};

#[task]
async fn one(pool: PgPool, user_id: i64) {}

#[task]
async fn two(job: Job) {}

#[task]
async fn three(job: &Job) {}

fn main() {}
