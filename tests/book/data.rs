//! Blocks of TOML and JSON: they can be read, and name features and versions that there are.

use toml::{Table, Value};

use crate::{pages, read};

/// Every entry `pgjobs = { … }` in a table or below.
fn dependencies<'t>(table: &'t Table, found: &mut Vec<&'t Table>) {
    for (name, value) in table {
        if let Value::Table(inner) = value {
            if name == "pgjobs" {
                found.push(inner);
            }
            dependencies(inner, found);
        }
    }
}

/// The features of pgjobs, as its manifest has them.
fn features() -> Vec<String> {
    let manifest: Table = read("pgjobs/Cargo.toml").parse().expect("TOML");
    manifest["features"].as_table().expect("a table").keys().cloned().collect()
}

/// What is wrong with a block of TOML.
fn faults(code: &str, features: &[String]) -> Vec<String> {
    let table: Table = match code.parse() {
        Ok(table) => table,
        Err(error) => return vec![error.to_string()],
    };
    let (mut entries, mut found) = (Vec::new(), Vec::new());
    dependencies(&table, &mut entries);
    for entry in entries {
        let named =
            entry.get("features").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let unknown = named.filter(|name| !features.iter().any(|feature| feature == name));
        found.extend(unknown.map(|name| format!("pgjobs has no feature {name}")));
        let version = entry.get("version").and_then(Value::as_str);
        found.extend(
            version.filter(|version| !env!("CARGO_PKG_VERSION").starts_with(version)).map(str::to_owned),
        );
    }
    found
}

#[test]
fn toml_and_json_can_be_read_and_name_features_that_exist() {
    let features = features();
    let (mut seen, mut found) = (0, Vec::new());
    for page in pages() {
        for block in page.blocks() {
            let faults = match block.language {
                "toml" => faults(block.code, &features),
                "json" => {
                    let read = serde_json::from_str::<serde_json::Value>(block.code);
                    read.err().map(|error| error.to_string()).into_iter().collect()
                }
                _ => continue,
            };
            seen += 1;
            found.extend(
                faults.into_iter().map(|fault| format!("docs/src/{}:{}: {fault}", page.path, block.line)),
            );
        }
    }
    assert!(seen > 1, "{seen} blocks");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_unknown_feature_and_an_older_version_are_found() {
    let code = "[dependencies]\npgjobs = { version = \"0.1\", features = [\"cli\", \"nope\"] }";
    assert_eq!(faults(code, &features()), ["pgjobs has no feature nope", "0.1"]);
}
