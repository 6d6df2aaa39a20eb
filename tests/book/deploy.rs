//! The files for deployments, `examples/shop/deploy`: pages show them as they are, and what they say holds of the programs.

use std::process::{Command, Output};

use pgjobs_tests::output;
use serde_json::Value;

use crate::{pages, read};

/// In which the last outcomes reach the database, after the grace (docs/src/operating.md).
const LAST_OUTCOMES: u64 = 15;

pub(crate) fn deploy(file: &str) -> String {
    read(&format!("examples/shop/deploy/{file}"))
}

pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

/// The specifications of pods anywhere in a document.
fn pods(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) if fields.contains_key("containers") => vec![value],
        Value::Object(fields) => fields.values().flat_map(pods).collect(),
        Value::Array(items) => items.iter().flat_map(pods).collect(),
        _ => Vec::new(),
    }
}

/// The words of a container's command line, behind the program.
fn arguments(pod: &Value) -> Vec<String> {
    texts(&pod["containers"][0]["args"])
}

fn texts(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten();
    words.map(|word| word.as_str().expect("a text").to_owned()).collect()
}

/// The pods of the Kubernetes file that run a worker, each with its arguments.
pub(crate) fn workers(documents: &[Value]) -> Vec<(&Value, Vec<String>)> {
    let all = documents.iter().flat_map(pods).map(|pod| (pod, arguments(pod)));
    let workers: Vec<_> =
        all.filter(|(_, words)| words.first().is_some_and(|word| word == "worker")).collect();
    assert!(workers.len() > 2, "{workers:?}");
    workers
}

/// What stands behind an option, as `--grace=30s` or `--grace 30s`.
fn option<'w>(words: &'w [String], name: &str) -> Option<&'w str> {
    let at = words.iter().position(|word| word.split('=').next() == Some(name))?;
    words[at].split_once('=').map(|(_, value)| value).or_else(|| words.get(at + 1).map(String::as_str))
}

fn seconds(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    number.parse::<u64>().expect(text) * if unit == "m" { 60 } else { 1 }
}

/// The command line that systemd starts, without the path of its credentials.
pub(crate) fn unit_command() -> Vec<String> {
    let unit = deploy("mail-worker.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    line.split_whitespace().map(str::to_owned).collect()
}

/// What the program says to these words, `--help` behind them: an error where it does not know one.
fn help(words: &[String]) -> Output {
    output(Command::new(env!("CARGO_BIN_EXE_app")).args(words).arg("--help"))
}

#[test]
fn every_block_that_a_page_shows_of_a_file_is_in_that_file() {
    let files = [("ini", "mail-worker.service"), ("yaml", "kubernetes.yaml"), ("dockerfile", "Dockerfile")];
    let mut seen = 0;
    for page in pages().iter().filter(|page| page.path.starts_with("how-to/")) {
        for block in page.blocks() {
            let Some((_, file)) = files.iter().find(|(language, _)| *language == block.language) else {
                continue;
            };
            let wanted = format!("\n{}", block.code.trim_end());
            assert!(deploy(file).contains(&wanted), "{}: not in {file}:\n{}", page.path, block.code);
            seen += 1;
        }
    }
    assert!(seen >= files.len(), "{seen} blocks");
}

#[test]
fn every_command_of_the_files_is_one_that_the_program_knows() {
    let documents = documents(&deploy("kubernetes.yaml"));
    let pods = documents.iter().flat_map(pods).filter(|pod| pod["containers"][0]["command"].is_null());
    let mut commands: Vec<_> = pods.map(arguments).collect(); // of the image's own program
    commands.push(unit_command()[1..].to_vec());
    for words in &commands {
        let said = help(words);
        assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
    }
    let misspelt = ["worker".to_owned(), "--grase=30s".to_owned()];
    assert!(!help(&misspelt).status.success(), "it looks at the words before `--help`");
}

/// Who is killed while its last outcomes are on their way runs those jobs again, with an attempt less.
#[test]
fn a_worker_is_killed_after_its_grace_and_its_last_outcomes() {
    for (pod, words) in workers(&documents(&deploy("kubernetes.yaml"))) {
        let grace = seconds(option(&words, "--grace").expect("its grace"));
        let killed = pod["terminationGracePeriodSeconds"].as_u64().expect("a time");
        assert!(killed > grace + LAST_OUTCOMES, "{words:?}: killed after {killed} s");
    }
    let unit = deploy("mail-worker.service");
    let killed = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).expect("a time");
    let grace = seconds(option(&unit_command(), "--grace").expect("its grace"));
    assert!(killed.parse::<u64>().expect("seconds") > grace + LAST_OUTCOMES, "killed after {killed} s");
}

/// The programs that files start are those of the crate, and the image has what it starts.
#[test]
fn every_program_of_the_files_is_one_of_the_shop() {
    let manifest = read("examples/shop/Cargo.toml");
    let binaries: Vec<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|part| part.split_once("name = \"")?.1.split('"').next())
        .collect();
    let dockerfile = deploy("Dockerfile");
    let built = dockerfile.split("target/release/").skip(1).filter_map(|rest| rest.split_whitespace().next());
    let (unit, kubernetes) = (&unit_command()[0], deploy("kubernetes.yaml"));
    let places =
        [&dockerfile, unit, &kubernetes].into_iter().flat_map(|text| text.split("/usr/local/bin/").skip(1));
    let started = places.filter_map(|rest| rest.split(['"', '\n']).next()).filter(|name| !name.is_empty());
    let named: Vec<&str> = built.chain(started).collect();
    assert!(named.len() > 4, "{named:?}");
    assert!(named.iter().all(|name| binaries.contains(name)), "{named:?} of {binaries:?}");
}

/// A task of which no worker was started waits for ever.
#[test]
fn every_task_of_the_shop_has_a_worker_in_kubernetes() {
    let documents = documents(&deploy("kubernetes.yaml"));
    let words: Vec<String> = workers(&documents).into_iter().flat_map(|(_, words)| words).collect();
    let topics: Vec<&str> = words.iter().filter_map(|word| word.strip_prefix("--topic=")).collect();
    let tasks: Value = serde_json::from_str(&read("examples/shop/jobs.schema.json")).expect("JSON");
    let names: Vec<&str> =
        tasks.as_array().expect("tasks").iter().filter_map(|task| task["name"].as_str()).collect();
    assert!(names.len() > 4, "{names:?}");
    for name in names {
        let has_one = topics.iter().any(|topic| name.starts_with(topic.trim_end_matches('*')));
        assert!(has_one, "{name}: not under {topics:?}");
    }
}

#[test]
fn the_image_compiles_with_a_rust_that_is_new_enough() {
    let version = |text: &str, before: &str| -> (u32, u32) {
        let rest = text.split_once(before).expect(before).1;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').expect("an end");
        let (major, minor) = rest[..end].split_once('.').expect("two numbers");
        (major.parse().expect("a number"), minor.parse().expect("a number"))
    };
    let least = version(&read("Cargo.toml"), "rust-version = \"");
    assert!(version(&deploy("Dockerfile"), "FROM rust:") >= least, "{least:?}");
}

/// KEDA finds the Deployment by its name, and the URL of the database in the environment of its pods.
#[test]
fn keda_scales_a_deployment_that_is_there() {
    let scaled = &documents(&read("contrib/keda/scaledobject.yaml"))[0]["spec"];
    let documents = documents(&deploy("kubernetes.yaml"));
    let deployment = documents
        .iter()
        .find(|one| {
            one["kind"] == "Deployment" && one["metadata"]["name"] == scaled["scaleTargetRef"]["name"]
        })
        .expect("a Deployment of this name");
    let variable = &scaled["triggers"][0]["metadata"]["connectionFromEnv"];
    assert_eq!(pods(deployment)[0]["containers"][0]["env"][0]["name"], *variable);
}
