//! A limit for what the database is asked. Its own limits end a statement; they do not help where the connection is lost
//! without a word, since the driver then waits for ever.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

/// Longer than the statements of any page take, which end after two seconds each.
const LIMIT: Duration = Duration::from_secs(15);

/// The answer, or that there was none in time; the connection is dropped then.
pub(super) async fn in_time<T, E: From<sqlx::Error>>(
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", LIMIT.as_secs()));
    timeout(LIMIT, question).await.unwrap_or_else(|_| Err(sqlx::Error::Io(late()).into()))
}
