#![allow(unused)]

use std::rc::Rc;

use pgjobs::layers::{Layer, Next, RunResult};
use pgjobs::{Job, Worker};

struct Audit;

struct Counting;

impl Layer for Counting {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        let count = Rc::new(1);
        let result = next.run().await;
        drop(count);
        result
    }
}

fn layers(worker: Worker) -> Worker {
    worker.layer(Audit).layer(Counting)
}

fn main() {}
