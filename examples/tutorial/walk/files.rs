//! The files that the pages show, and those of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::pages::Page;

/// Compares them, or with BLESS writes them.
pub(crate) fn compare(pages: &[Page]) {
    let crate_of_the_reader = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = files(pages);
    assert!(files.len() > 8, "{:?}", files.keys());
    let mut differ = Vec::new();
    for (name, text) in files {
        let path = crate_of_the_reader.join(&name);
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder to be made");
            fs::write(path, text).expect("a file to be written");
        } else if fs::read_to_string(path).unwrap_or_default() != text {
            differ.push(name);
        }
    }
    assert!(
        differ.is_empty(),
        "not as their page shows them: {differ:?}; `BLESS=1` writes them"
    );
}

/// Each file's name, and its text as the last page has it.
fn files(pages: &[Page]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut modules = BTreeSet::new();
    for page in pages {
        modules.extend(
            page.text
                .split("`pub mod ")
                .skip(1)
                .filter_map(|rest| rest.split(";`").next()),
        );
        for block in page.blocks("rust") {
            if let Some((name, code)) = block
                .strip_prefix("// ")
                .and_then(|rest| rest.split_once('\n'))
                && name.ends_with(".rs")
            {
                files.insert(name.to_owned(), shown(code));
            }
        }
    }
    let declared = modules
        .into_iter()
        .map(|module| format!("pub mod {module};\n"));
    files.insert("src/lib.rs".to_owned(), declared.collect());
    files
}

/// The code without its hidden lines.
fn shown(code: &str) -> String {
    let lines = code
        .lines()
        .filter(|line| *line != "#" && !line.starts_with("# "));
    lines.map(|line| format!("{line}\n")).collect()
}
