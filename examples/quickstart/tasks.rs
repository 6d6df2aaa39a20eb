//! The tasks: plain async functions. Each is stored under its path, `quickstart.tasks.count`.

use std::path::PathBuf;
use std::time::Duration;

use pgjobs::{Job, TaskError, task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where the files lie: state that the worker is given, no argument of any job.
pub(crate) struct Folder(pub(crate) PathBuf);

/// What is counted in a file; stored as the job's result.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counts {
    bytes: usize,
    lines: usize,
    words: usize,
}

/// Counts the lines and words of a file.
#[task]
pub(crate) async fn count(#[inject] folder: &Folder, path: String) -> Result<Counts, TaskError> {
    let bytes = tokio::fs::read(folder.0.join(path)).await?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(Counts { bytes: bytes.len(), lines: text.lines().count(), words: text.split_whitespace().count() })
}

/// The SHA-256 of a file.
#[task]
pub(crate) async fn digest(#[inject] folder: &Folder, path: String) -> Result<String, TaskError> {
    let bytes = tokio::fs::read(folder.0.join(path)).await?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Fails so many times, then tells which run went well.
#[task(retries = 5, backoff = "fixed(200ms)")]
pub(crate) async fn unsteady(#[inject] job: &Job, failures: i32) -> Result<i32, TaskError> {
    if job.retries() < failures {
        return Err(TaskError::new("the line is busy"));
    }
    Ok(job.attempt())
}

/// Fails in a way that no further run can mend.
#[task]
pub(crate) async fn hopeless() -> Result<(), TaskError> {
    Err(TaskError::fatal("the file was never written"))
}

/// Does a moment's work; published for later.
#[task(timeout = "5s")]
pub(crate) async fn later() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
