//! Workers that serve metrics and health, and what they say.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use pgjobs_tests::{Db, until};

/// A worker with `--metrics`, killed when the test ends before it.
pub(crate) struct Serving {
    child: Child,
    /// Where it serves, such as `127.0.0.1:40000`.
    pub(crate) address: String,
}

/// The test's program with these arguments, on a database.
pub(crate) fn app(db: &Db, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(arguments).env("DATABASE_URL", &db.url).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Serving {
    /// Starts a worker on a port that is free, and returns once it serves.
    pub(crate) async fn start(db: &Db, arguments: &[&str]) -> Self {
        let all = [&["worker", "--metrics", "127.0.0.1:0"], arguments].concat();
        let mut child = app(db, &all).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("metrics at http://")?.1.split_once('/')?.0.to_owned()));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let serving = Serving { child, address: address.expect("it says where") };
        until("it is ready", async || serving.get("/readyz").await.0 == 200).await;
        serving
    }

    /// The status and the text of an answer; 0 where nobody answers.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        match reqwest::get(format!("http://{}{path}", self.address)).await {
            Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
            Err(error) => (0, error.to_string()),
        }
    }

    /// The value of a series of this process; `None` when it is not there.
    pub(crate) async fn value(&self, series: &str) -> Option<f64> {
        value(&self.get("/metrics").await.1, series)
    }

    /// Waits until a series has this value.
    pub(crate) async fn shows(&self, series: &str, wanted: f64) {
        until(&format!("{series} is {wanted}"), async || self.value(series).await == Some(wanted)).await;
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value of a series in the text format; labels are in the order in which they are written there.
pub(crate) fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}
