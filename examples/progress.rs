//! Progress and logs: a job says how far it is, and what it logs is kept with it.
//!
//! ```text
//! cargo run --example progress
//! ```
//!
//! One job imports three files. The program watches it from outside, and reads its log when it has ended.

use std::error::Error;
use std::time::Duration;

use pgjobs::{Job, TaskError, Worker, inspect, task};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Imports files, one after another.
#[task(name = "progress.import", log = "info")]
async fn import(#[inject] job: &Job, files: Vec<String>) -> Result<usize, TaskError> {
    for (done, file) in files.iter().enumerate() {
        job.progress(done, files.len(), file.as_str());
        tracing::info!(%file, "importing");
        tokio::time::sleep(Duration::from_millis(700)).await; // the work
    }
    job.progress(files.len(), files.len(), None);
    tracing::info!("done");
    Ok(files.len())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    tracing_subscriber::registry().with(pgjobs::logs::layer()).init();

    let files = ["a.csv", "b.csv", "c.csv"].map(str::to_owned).to_vec();
    let job = import::publish(&pool, files).await?;
    let worker = Worker::new(pool.clone()).topic("progress.*").start().await?;

    // What a web page would do that shows a bar.
    let mut shown = None;
    while !job.fetch(&pool).await?.state.has_ended() {
        let progress = job.progress(&pool).await?;
        if let Some(progress) = progress.filter(|progress| shown != Some(progress.done)) {
            let part = progress.fraction().unwrap_or_default() * 100.0;
            println!("{part:.0} %: {}", progress.note.unwrap_or_default());
            shown = Some(progress.done);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let imported = job.wait(&pool).await?;
    worker.shutdown().await;

    let last = job.progress(&pool).await?.ok_or("it has said something")?;
    println!("{imported} files, {} of {:?} done", last.done, last.total);
    for line in inspect::log(&pool, job.id(), Some(0), 100).await? {
        println!(
            "{} {} {}",
            line.level,
            line.message,
            line.fields.map(|json| json.to_string()).unwrap_or_default()
        );
    }
    Ok(())
}
