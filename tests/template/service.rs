//! The service of the test: its folder, its worker and its web server.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pgjobs_tests::{Db, ended, output};
use serde_json::Value;

/// A service in a folder of its own, which is removed at the end. What is compiled goes where the workspace's
/// goes.
pub(crate) struct Service {
    folder: PathBuf,
    target: PathBuf,
}

impl Service {
    /// Has `pgjobs new` write it; it has the dependencies in the versions that the workspace has.
    pub(crate) fn new(name: &str) -> Self {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = tmp.join(format!("template-{}", std::process::id()));
        let folder_text = folder.to_str().expect("UTF-8");
        let said = output(Command::new(env!("CARGO_BIN_EXE_app")).args(["new", name, "--path", folder_text]));
        assert!(said.status.success(), "{said:?}");
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        fs::copy(lock, folder.join("Cargo.lock")).expect("the workspace has a Cargo.lock");
        // The one of the workspace, which is above this folder, is not what a user has.
        fs::write(folder.join("rustfmt.toml"), "").expect("a file");
        Service { folder, target: tmp.parent().expect("target").to_owned() }
    }

    /// Runs cargo in it, without a warning.
    pub(crate) fn cargo(&self, arguments: &[&str]) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        // What the cargo that runs us says of this package; build scripts that look at it would run again.
        for (name, _) in std::env::vars_os() {
            let is_ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
            if name.to_str().is_some_and(|name| is_ours(name) || name == "DATABASE_URL") {
                cargo.env_remove(name);
            }
        }
        // As long as it takes: the first build compiles what the workspace has with other features.
        let said = cargo.output().expect("cargo");
        let [out, err] = [said.stdout, said.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(said.status.success(), "cargo {arguments:?}:\n{out}\n{err}");
        assert!(!err.contains("warning"), "cargo {arguments:?}:\n{err}");
    }

    fn program(&self, name: &str, db: &Db) -> Command {
        let mut command = Command::new(self.target.join("debug").join(name));
        command.env("DATABASE_URL", &db.url).current_dir(&self.folder);
        command
    }

    /// Runs a command of its worker, and returns the document that it printed.
    pub(crate) fn worker(&self, db: &Db, arguments: &[&str]) -> Value {
        let said = output(self.program("worker", db).args(arguments));
        assert!(said.status.success(), "{arguments:?}: {said:?}");
        crate::document(&String::from_utf8_lossy(&said.stdout))
    }

    /// On an address of other machines there is no password that is printed.
    pub(crate) fn refuses_to_be_reached_without_a_password(&self, db: &Db) {
        let said =
            output(self.program("web", db).env("LISTEN", "0.0.0.0:0").env_remove("DASHBOARD_PASSWORD"));
        assert!(!said.status.success(), "{said:?}");
        assert!(String::from_utf8_lossy(&said.stderr).contains("set DASHBOARD_PASSWORD"), "{said:?}");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Its web server, on a free port.
pub(crate) struct Web {
    child: Child,
    address: String,
    password: String,
}

impl Web {
    pub(crate) fn start(service: &Service, db: &Db) -> Self {
        let mut command = service.program("web", db);
        command.env("LISTEN", "127.0.0.1:0").env_remove("DASHBOARD_PASSWORD");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines().map_while(Result::ok);
        let (said, other) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let Some((address, login)) =
            said.strip_prefix("dashboard: ").and_then(|rest| rest.split_once("/jobs ("))
        else {
            let _ = child.kill();
            let mut error = String::new();
            let _ = child.stderr.take().expect("stderr").read_to_string(&mut error);
            panic!("{said}\n{other}\n{error}");
        };
        let password = login.trim_end_matches(')').rsplit(' ').next().unwrap_or_default().to_owned();
        Web { child, address: address.to_owned(), password }
    }

    /// The status of the answer.
    pub(crate) async fn sign_up(&self, address: &str) -> u16 {
        let request =
            reqwest::Client::new().post(format!("{}/sign-ups", self.address)).body(address.to_owned());
        request.send().await.expect("an answer").status().as_u16()
    }

    /// A page of the dashboard, which nobody sees before they have logged in.
    pub(crate) async fn jobs(&self, path: &str) -> String {
        let client = reqwest::Client::builder().cookie_store(true).build().expect("a client");
        let page = || client.get(format!("{}{path}", self.address)).send();
        assert!(page().await.expect("an answer").url().path().ends_with("/login"));
        let form = [("name", "admin"), ("password", &*self.password)];
        let login = client
            .post(format!("{}/jobs/login", self.address))
            .header("sec-fetch-site", "same-origin")
            .form(&form);
        login.send().await.expect("an answer").error_for_status().expect("the password is right");
        page().await.expect("an answer").text().await.expect("a page")
    }

    /// Ends in order when it is asked to.
    pub(crate) fn end(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        assert!(ended(&mut self.child).success());
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
