//! The steps of CI: each is a script in `.ci/steps`, done by `.ci/run` and by a job of a workflow.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::root;

/// Steps that `.ci/run` without arguments leaves to a workflow; each script says why.
const ELSEWHERE: [(&str, &str); 6] = [
    ("msrv", "ci.yml"),
    ("patroni", "ci.yml"),
    ("soak", "nightly.yml"),
    ("model", "nightly.yml"),
    ("mutations", "nightly.yml"),
    ("semver", "release.yml"),
];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn scripts() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(".ci/steps")).unwrap().map(Result::unwrap);
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The words of a text, without its comments.
fn words(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '/')).collect()
}

#[test]
fn every_step_is_done_by_ci() {
    let (scripts, run, ci) = (scripts(), read(".ci/run"), read(".github/workflows/ci.yml"));
    let list = run.split_once("set -- ").expect("the list of steps").1.split_once("\nfi").unwrap().0;
    let (list, jobs) = (words(list), words(&ci));
    assert!(scripts.len() > 12, "{scripts:?}");
    for script in scripts {
        if let Some((_, workflow)) = ELSEWHERE.iter().find(|(step, _)| *step == script) {
            let workflow = read(&format!(".github/workflows/{workflow}"));
            assert!(words(&workflow).contains(script.as_str()), "no workflow does {script}");
        } else {
            assert!(list.contains(script.as_str()), ".ci/run does not do {script}");
            assert!(jobs.contains(script.as_str()), "no job of ci.yml does {script}");
        }
    }
}

#[test]
fn every_step_can_be_run_alone() {
    for script in scripts() {
        let path = root().join(".ci/steps").join(&script);
        assert!(path.metadata().unwrap().permissions().mode() & 0o111 == 0o111, "{script} is not executable");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("#!/usr/bin/env bash\n# "), "{script} does not say what it is for");
    }
}

#[test]
fn each_command_that_ci_takes_from_the_readme_is_there() {
    let readme = read("README.md");
    let scripts = scripts().into_iter().map(|script| read(&format!(".ci/steps/{script}")));
    let commands: Vec<String> = scripts
        .filter_map(|text| {
            text.split_once("/fresh\" \"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
        })
        .collect();
    assert!(commands.len() > 1, "{commands:?}");
    for command in commands {
        assert!(
            readme.lines().any(|line| line.starts_with(&command)),
            "the README has no line that begins with {command}"
        );
    }
}
