//! Tests of this program in processes of their own, on a server that was started for them.

use std::process::{Command, Output};

use pgjobs::local_postgres::LocalPostgres;
use pgjobs::sqlx::{self, ConnectOptions};
use pgjobs_tests::output;

/// What runs a test, also one that is ignored.
pub fn command(url: &str, test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env("DATABASE_URL", url).args(["--exact", test, "--nocapture", "--include-ignored"]);
    command
}

pub fn run(url: &str, test: &str) -> Output {
    output(&mut command(url, test))
}

/// Runs a test that fails, and returns what it says.
pub fn fails(url: &str, test: &str) -> String {
    let ran = run(url, test);
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(!ran.status.success() && said.contains("1 failed"), "{said}");
    said
}

/// The databases that tests have made there.
pub async fn databases(server: &LocalPostgres) -> Result<Vec<String>, sqlx::Error> {
    let mut session = server.options().connect().await?;
    let ours = "select datname::text from pg_database where datname like 'pgjobs\\_%' order by 1";
    sqlx::query_scalar(ours).fetch_all(&mut session).await
}
