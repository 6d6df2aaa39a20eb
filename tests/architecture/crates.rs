//! The crates that stand on their own: nothing of pgjobs in them, and no circles.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::graph::{circles, graph};

/// Crates that pgjobs builds on, and that must not build on it.
const INDEPENDENT: [&str; 2] = ["pgjobs-codegen", "pgjobs-local-postgres"];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// Lines of a manifest that name pgjobs, or a crate of it, as a dependency.
fn dependencies_on_pgjobs(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let is_one = |line: &&str| {
        inside = if line.starts_with('[') { line.contains("dependencies") } else { inside };
        inside && !line.starts_with('#') && line.contains("pgjobs")
    };
    manifest.lines().filter(is_one).collect()
}

#[test]
fn what_stands_on_its_own_does_not_depend_on_pgjobs() {
    for name in INDEPENDENT {
        let manifest = read(&format!("{name}/Cargo.toml"));
        assert!(manifest.contains("[dependencies]"), "{name}");
        assert_eq!(dependencies_on_pgjobs(&manifest), Vec::<&str>::new(), "{name}");
    }
    assert_eq!(dependencies_on_pgjobs(&read("pgjobs/Cargo.toml")).len(), 4);
}

#[test]
fn the_modules_of_the_generator_form_no_circle() {
    let modules = graph("pgjobs-codegen/src");
    let names = |module: &str| modules[&vec![module.to_owned()]].len();
    assert!(names("lower") > 4, "its imports are seen: {modules:?}");
    assert_eq!(circles(&modules), BTreeSet::new());
}

/// The generator escapes in source what pgjobs escapes on a terminal, by the same code, which is too short for a crate.
#[test]
fn the_two_escapes_are_the_same() {
    let code = |path: &str| {
        let text = read(path);
        let from = text.find("/// Whether a character is only displayed").unwrap();
        let to = text.find("#[cfg(test)]").unwrap();
        text[from..to].to_owned()
    };
    let ours = code("pgjobs/src/types/text.rs");
    assert!(ours.contains("fn is_shown") && ours.contains("fn is_printable"), "{ours}");
    assert_eq!(ours, code("pgjobs-codegen/src/text.rs"), "a change of one is a change of both");
}
