//! Prepares the sessions of a worker before their first statement.
//!
//! *The problem.* The settings of a role or a database are not made for a worker: a stricter isolation level
//! fails when claims and settles of several workers conflict. And a deadline on the client alone leaves the
//! session behind: a session that waits for a lock does not notice that its client is gone, and one that
//! writes to a client that does not read waits for it, with all its locks.
//!
//! *The solution.* Each session gets deadlines, a little shorter than those of its client, and checks whether
//! the client is still connected. All settings are sent in one message, and as statements: poolers refuse
//! them as options of the connection.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

use crate::types::error::Error;

/// The interval at which the server checks, while a statement runs, whether the client is still connected.
const LOOK: Duration = Duration::from_secs(1);

/// A session of the server: its process id and start time, since process ids are reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) pid: i32,
    began: i64,
}

/// When process `a` started; the server does not show it for a process of another role.
macro_rules! began {
    () => {
        "coalesce((extract(epoch from a.backend_start) * 1000000)::bigint, 0)"
    };
}

const ITSELF: &str = concat!("select a.pid, ", began!(), " from pg_stat_get_activity(pg_backend_pid()) a");
const LIVES: &str =
    concat!("select exists (select from pg_stat_get_activity($1) a where ", began!(), " = $2)");

/// Applies the settings to the session, and identifies it.
pub(crate) async fn prepare(connection: &mut PgConnection, deadline: Duration) -> Result<Session, Error> {
    let statements = format!("{}; {ITSELF}", settings(deadline));
    let rows = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_all(connection).await?;
    let row = rows.last().ok_or(sqlx::Error::RowNotFound)?;
    Ok(Session { pid: row.try_get(0)?, began: row.try_get(1)? })
}

/// Whether a session has not ended: its last statement may still be running.
pub(crate) async fn lives(connection: &mut PgConnection, session: Session) -> Result<bool, Error> {
    let row = sqlx::query(LIVES).bind(session.pid).bind(session.began).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

#[cfg(test)]
impl Session {
    /// For tests of the worker's decisions.
    pub(crate) fn example(pid: i32) -> Self {
        Session { pid, began: 0 }
    }
}

fn settings(deadline: Duration) -> String {
    // Shorter than the client's deadline, so that the client receives the result of its statement.
    let statement = deadline - (deadline / 10).min(Duration::from_millis(500));
    let ms = |time: Duration| time.as_millis().clamp(1, 86_400_000);
    format!(
        "set session characteristics as transaction isolation level read committed; \
         set search_path = pg_catalog; \
         set statement_timeout = {statement}; set lock_timeout = {statement}; \
         set idle_in_transaction_session_timeout = {deadline}; set tcp_user_timeout = {deadline}; \
         set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3; \
         do $$ begin set client_connection_check_interval = {look}; \
           exception when others then null; end $$",
        statement = ms(statement),
        deadline = ms(deadline),
        look = ms(LOOK.min(deadline)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_gives_up_a_little_before_its_client_does() {
        let timeout = |deadline| {
            let text = settings(deadline);
            let (_, rest) = text.split_once("statement_timeout = ").unwrap();
            rest.split_once(';').unwrap().0.parse::<u64>().unwrap()
        };
        assert_eq!(timeout(Duration::from_secs(15)), 14_500);
        assert_eq!(timeout(Duration::from_millis(333)), 299);
    }
}
