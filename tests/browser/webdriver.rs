//! A headless Chromium of a test's own, driven by chromedriver. WebDriver is JSON over HTTP: these few calls
//! are all that the tests need.

use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A browser, which ends with the test.
pub(crate) struct Browser {
    http: reqwest::Client,
    session: String,
    driver: Child,
    _folder: Folder,
}

/// A folder that is deleted at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("pgjobs-chromium-{}-{}", std::process::id(), fastrand::u64(..));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the browser");
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A browser that ends goes on writing for a moment: until nothing is left to remove.
        for _ in 0..50 {
            if std::fs::remove_dir_all(&self.0).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With its browser, which would outlive it: they are of one group.
        let group = format!("-{}", self.driver.id());
        drop(Command::new("kill").args(["-9", "--", &group]).status());
        drop(self.driver.wait());
    }
}

const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
];

impl Browser {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let folder = Folder::new();
        let (driver, port) = start_driver();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client");
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|argument| (*argument).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", folder.0.display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"},
            "unhandledPromptBehavior": "ignore",
        }}});
        let base = format!("http://127.0.0.1:{port}/session");
        let answer = post(&http, &base, &wanted).await.unwrap_or_else(|error| panic!("no session: {error}"));
        let id = answer["sessionId"].as_str().expect("a session").to_owned();
        Browser { http, session: format!("{base}/{id}"), driver, _folder: folder }
    }

    async fn call(&self, path: &str, body: Value) -> Value {
        let said = post(&self.http, &format!("{}/{path}", self.session), &body).await;
        said.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    /// Opens a page, and waits until it is loaded.
    pub(crate) async fn open(&self, url: &str) {
        self.call("url", json!({ "url": url })).await;
    }

    /// Runs a script in the page; what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.call("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Runs a script that calls its last argument when it has ended.
    pub(crate) async fn run_async(&self, script: &str) -> Value {
        self.call("execute/async", json!({ "script": script, "args": [] })).await
    }

    /// The text of the first element that fits; empty when none does.
    pub(crate) async fn text(&self, css: &str) -> String {
        let found =
            self.run(&format!("return document.querySelector({})?.innerText ?? ''", Value::from(css))).await;
        found.as_str().unwrap_or_default().to_owned()
    }

    /// How many elements fit.
    pub(crate) async fn count(&self, css: &str) -> u64 {
        let found = self.run(&format!("return document.querySelectorAll({}).length", Value::from(css))).await;
        found.as_u64().unwrap_or_default()
    }

    async fn element(&self, css: &str) -> String {
        let found = self.call("element", json!({"using": "css selector", "value": css})).await;
        found
            .as_object()
            .and_then(|found| found.values().next())
            .and_then(Value::as_str)
            .expect("an element")
            .to_owned()
    }

    /// Clicks as a person does: on what is seen and not covered.
    pub(crate) async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.call(&format!("element/{element}/click"), json!({})).await;
    }

    /// Clicks on what leads to another page, or to this one anew, and waits until that is loaded.
    pub(crate) async fn follow(&self, css: &str) {
        self.run("window.isLeft = true").await;
        self.click(css).await;
        self.until(
            &format!("{css} leads somewhere"),
            "return !window.isLeft && document.readyState === 'complete'",
        )
        .await;
    }

    /// Writes into a field, after what is there was deleted.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let element = self.element(css).await;
        self.call(&format!("element/{element}/clear"), json!({})).await;
        self.call(&format!("element/{element}/value"), json!({ "text": text })).await;
    }

    /// Presses keys where the focus is.
    pub(crate) async fn keys(&self, text: &str) {
        let press = |key: char| {
            [
                json!({"type": "keyDown", "value": key.to_string()}),
                json!({"type": "keyUp", "value": key.to_string()}),
            ]
        };
        let actions: Vec<Value> = text.chars().flat_map(press).collect();
        self.call("actions", json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]})).await;
    }

    /// Waits until this script returns true.
    pub(crate) async fn until(&self, what: &str, script: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.run(script).await != true {
            assert!(
                Instant::now() < end,
                "{what}: not within 20 s; the page says: {}",
                self.text("main").await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A command of Chromium's own protocol.
    pub(crate) async fn cdp(&self, command: &str, params: Value) -> Value {
        self.call("goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    /// Makes the page this wide and high, as a phone or a screen would.
    pub(crate) async fn size(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// The system's theme: `light` or `dark`.
    pub(crate) async fn theme(&self, theme: &str) {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.cdp("Emulation.setEmulatedMedia", media).await;
    }

    /// What the console has said since the last call, of warnings and errors.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.call("se/log", json!({"type": "browser"})).await;
        let lines = log.as_array().cloned().unwrap_or_default();
        let bad = lines.into_iter().filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING");
        bad.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Whether a dialog of a script is open.
    pub(crate) async fn has_dialog(&self) -> bool {
        self.http
            .get(format!("{}/alert/text", self.session))
            .send()
            .await
            .expect("an answer")
            .status()
            .is_success()
    }

    /// Keeps a picture of the whole page under target/screenshots.
    pub(crate) async fn picture(&self, name: &str) {
        let shot =
            self.cdp("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true})).await;
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/screenshots"));
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        let png = decode(shot["data"].as_str().expect("a picture"));
        std::fs::write(folder.join(format!("{name}.png")), png).expect("a picture is written");
    }
}

async fn post(http: &reqwest::Client, url: &str, body: &Value) -> Result<Value, String> {
    let answer = http.post(url).json(body).send().await.map_err(|error| error.to_string())?;
    let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
    let value = answer["value"].clone();
    match value["error"].as_str() {
        Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
        None => Ok(value),
    }
}

/// A chromedriver on a port that it chose.
fn start_driver() -> (Child, u16) {
    let mut driver = Command::new("chromedriver")
        .args(["--port=0", "--log-level=WARNING"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("chromedriver is there: .ci/steps/browser installs it");
    let lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
    let port = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_suffix('.')?.rsplit_once("on port ")?.1.parse().ok());
    (driver, port.expect("chromedriver names its port"))
}

/// Base64 without line breaks, as Chromium writes it.
fn decode(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values: Vec<u32> = text
        .bytes()
        .filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte))
        .map(|at| u32::try_from(at).expect("below 64"))
        .collect();
    let three = |four: &[u32]| {
        let bits = four.iter().enumerate().fold(0, |bits, (nth, value)| bits | value << (18 - 6 * nth));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    values.chunks(4).flat_map(three).collect()
}
