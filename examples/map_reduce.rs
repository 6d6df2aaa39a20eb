//! Words are counted in the files of a folder, a job for each ten files, and the counts are added up.
//!
//! ```text
//! cargo run --example map_reduce -- docs/src
//! ```
//!
//! Which files there are is known when the first job has looked; the jobs for them, and how many there are,
//! follow from its result.

use std::collections::BTreeMap;
use std::error::Error;

use pgjobs::workflow::{NodeFailure, chain};
use pgjobs::{TaskError, Worker, task};

type Counts = BTreeMap<String, u64>;

/// The text files of a folder.
#[task(name = "words.list")]
async fn list(folder: String) -> Result<Vec<String>, TaskError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|error| TaskError::fatal(format!("{folder}: {error}")))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ["md", "rs", "txt"].iter().any(|text| ending == *text)) {
            files.push(path.display().to_string());
        }
    }
    files.sort();
    Ok(files)
}

/// Counts the words of some files.
#[task(name = "words.count")]
async fn count(files: Vec<String>) -> Result<Counts, TaskError> {
    let mut counts = Counts::new();
    for file in files {
        let text = tokio::fs::read_to_string(&file).await?;
        let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 4);
        for word in words {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Adds up what was counted, and says the most frequent words; what could not be read is left out.
#[task(name = "words.top")]
async fn top(
    parts: Vec<Result<Counts, NodeFailure>>,
    #[default(5)] number: usize,
) -> Result<Vec<(String, u64)>, TaskError> {
    let mut total = Counts::new();
    for (word, count) in parts.into_iter().flatten().flatten() {
        *total.entry(word).or_default() += count;
    }
    let mut words: Vec<_> = total.into_iter().collect();
    words.sort_by_key(|(word, count)| (std::cmp::Reverse(*count), word.clone()));
    words.truncate(number);
    Ok(words)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "docs/src".to_owned());
    let (_database, pool) = pgjobs_examples::database().await?;
    let worker = Worker::new(pool.clone()).topic("words.*").start().await?;

    let flow =
        chain(list::new(folder)).chunks(10, count::after()).then(top::after().number(3)).named("words");
    let run = flow.publish(&pool).await?;
    for (word, count) in run.wait(&pool).await? {
        println!("{count:>6} {word}");
    }
    for node in run.nodes(&pool).await? {
        println!("{}: {} jobs", node.name, node.jobs);
    }
    worker.shutdown().await;
    Ok(())
}
