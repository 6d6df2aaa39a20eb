//! `new` writes a service; `--test template` compiles and runs it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::{Printed, bare, folder, run};

const FILES: [&str; 8] = [
    "Cargo.toml",
    "src/lib.rs",
    "src/bin/worker.rs",
    "src/bin/web.rs",
    "tests/sign_up.rs",
    "README.md",
    "Dockerfile",
    ".gitignore",
];

fn new(within: &Path, arguments: &[&str]) -> Printed {
    run(bare(&["new"]).args(arguments).current_dir(within))
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_service_is_written_and_says_what_to_do_next() {
    let within = folder();
    let said = new(&within, &["my-shop"]).data();
    assert!(said.starts_with("made my-shop with 8 files; pgjobs: path /"), "{said}");
    for next in ["  cd my-shop", "  cargo run -- dev", "--bin web", "/sign-ups", "  cargo test"] {
        assert!(said.contains(next), "{next}: {said}");
    }
    let manifest = read(within.join("my-shop/Cargo.toml"));
    assert!(manifest.starts_with("[package]\nname = \"my-shop\"\n"), "{manifest}");
    assert!(read(within.join("my-shop/src/bin/worker.rs")).contains("pgjobs::link!(my_shop);"));
    assert!(read(within.join("my-shop/README.md")).starts_with("# my-shop\n"));
}

#[test]
fn the_document_names_every_file_that_was_written() {
    let within = folder();
    let pgjobs = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../pgjobs")).unwrap();
    let document = new(&within, &["shop", "--path", "a/b c", "--json"]).json();
    let next = document["next"].as_array().unwrap();
    assert_eq!(document["files"], json!(FILES));
    assert_eq!(document["pgjobs"], json!({ "path": pgjobs }));
    assert_eq!((&document["name"], &document["folder"]), (&json!("shop"), &json!("a/b c")));
    assert_eq!((&next[0], &next[1]), (&json!("cd 'a/b c'"), &json!("cargo run -- dev")));
    for file in FILES {
        assert_ne!(read(within.join("a/b c").join(file)), "", "{file}");
    }
}

#[test]
fn what_exists_is_not_touched() {
    let within = folder();
    fs::create_dir(within.join("shop")).unwrap();
    fs::write(within.join("file"), "mine").unwrap();
    std::os::unix::fs::symlink("/nowhere", within.join("link")).unwrap();
    for path in ["shop", "file", "link"] {
        let said = new(&within, &["shop", "--path", path, "--json"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        let message =
            format!("{path} exists already, and nothing is changed in it: name another folder with --path");
        assert_eq!(said.json()["error"]["message"], message);
    }
    let said = new(&within, &["shop", "--path", "file/shop"]);
    assert!(said.code == Some(1) && said.err.contains("file/shop cannot be made"), "{said:?}");
    assert_eq!(fs::read_dir(within.join("shop")).unwrap().count(), 0);
    assert_eq!(read(within.join("file")), "mine");
}

#[test]
fn a_name_that_is_none_for_a_crate_is_refused() {
    let within = folder();
    for (name, reason) in [
        ("My Shop", "small letters"),
        ("../shop", "small letters"),
        ("async", "word of Rust"),
        ("std", "another crate"),
    ] {
        let said = new(&within, &[name]);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(&format!("'{name}'")) && said.err.contains(reason), "{said:?}");
        assert!(said.err.contains("write a name such as my-service"), "{said:?}");
    }
    assert_eq!(fs::read_dir(&within).unwrap().count(), 0);
}

#[test]
fn pgjobs_comes_from_where_the_user_says() {
    let within = folder();
    let url = "https://git.example.org/pgjobs.git";
    new(&within, &["of-git", "--pgjobs", url]).data();
    let manifest = read(within.join("of-git/Cargo.toml"));
    assert!(manifest.contains(&format!("pgjobs = {{ git = \"{url}\", features = [\"cli\"")), "{manifest}");
    let clone = format!("{}/..", env!("CARGO_MANIFEST_DIR"));
    new(&within, &["of-clone", "--pgjobs", &clone]).data();
    let manifest = read(within.join("of-clone/Cargo.toml"));
    assert!(manifest.contains("/pgjobs\", features = [\"testing\"] }"), "{manifest}");
    let said = new(&within, &["of-nowhere", "--pgjobs", "nowhere"]);
    assert!(said.code == Some(2) && said.err.contains("write the path of a clone or the URL"), "{said:?}");
    assert!(!within.join("of-nowhere").exists());
}
