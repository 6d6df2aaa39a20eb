//! Counts the lines and words of every file below a folder, and digests each: two jobs a file.
//!
//! ```text
//! cargo run --example quickstart
//! cargo run --example quickstart -- FOLDER --workers 8
//! cargo run --example quickstart -- --stay
//! ```
//!
//! It prints the URL of its dashboard; with `--stay` that stays open until Ctrl-C.
//!
//! All jobs are published in one transaction and worked by several workers at once. Three more
//! jobs show what else happens in a day: one fails twice before it succeeds, one fails for good,
//! and one is scheduled for two seconds later. The summary is read back from the view `jobs.all`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use pgjobs::{JobHandle, Worker, WorkerHandle};
use sqlx::PgPool;

use crate::tasks::Folder;

mod dashboard;
mod files;
mod progress;
mod summary;
mod tasks;

/// Counts and digests the files below a folder, one job each.
#[derive(Parser)]
struct Options {
    /// The folder; this repository when none is given.
    #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."), hide_default_value = true)]
    folder: PathBuf,
    /// How many workers share the work, each with eight slots.
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// Leaves the dashboard open at the end, until Ctrl-C.
    #[arg(long)]
    stay: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let (_database, pool) = pgjobs_examples::database().await?;
    println!("dashboard: {}", dashboard::serve(pool.clone()).await?);
    let started = Instant::now();

    let folder = options.folder.canonicalize()?;
    let paths = files::below(&folder)?;
    let workers = start(&pool, &folder, options.workers).await?;
    let jobs = publish(&pool, &paths).await?;
    println!("published {} jobs for {} files in one transaction", jobs.len(), paths.len());
    progress::watch(&pool, &jobs).await?;
    for worker in workers {
        worker.shutdown().await;
    }

    summary::print(&pool, &jobs).await?;
    println!(
        "{} jobs in {:.1} s, from the first worker's start to this line",
        jobs.len(),
        started.elapsed().as_secs_f64()
    );
    if options.stay {
        println!("the dashboard stays open; Ctrl-C ends it");
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}

/// Publishes everything or nothing, and returns the jobs' ids.
async fn publish(pool: &PgPool, paths: &[String]) -> Result<Vec<String>, pgjobs::Error> {
    let mut tx = pool.begin().await?;
    let counts = pgjobs::publish_all(&mut *tx, paths.iter().cloned().map(tasks::count::new)).await?;
    let digests = pgjobs::publish_all(&mut *tx, paths.iter().cloned().map(tasks::digest::new)).await?;
    let unsteady = tasks::unsteady::publish(&mut *tx, 2).await?;
    let hopeless = tasks::hopeless::publish(&mut *tx).await?;
    let later = tasks::later::publish(&mut *tx).delay(Duration::from_secs(2)).await?;
    tx.commit().await?;

    let mut jobs: Vec<String> = counts.iter().map(id).chain(digests.iter().map(id)).collect();
    jobs.extend([id(&unsteady), id(&hopeless), id(&later)]);
    Ok(jobs)
}

fn id<R>(job: &JobHandle<R>) -> String {
    job.id().to_string()
}

/// Starts workers that share the pool; they could as well be programs on several machines.
async fn start(pool: &PgPool, folder: &Path, workers: usize) -> Result<Vec<WorkerHandle>, pgjobs::Error> {
    let mut handles = Vec::new();
    for _ in 0..workers {
        let worker = Worker::new(pool.clone()).concurrency(8).state(Folder(folder.to_owned()));
        handles.push(worker.start().await?);
    }
    Ok(handles)
}
