//! Markup that is not checked.

use crate::library;

/// Text of others goes through maud, which escapes it. One module may write markup as it is, from texts of the source.
#[test]
fn only_one_module_writes_markup_that_is_not_checked() {
    let found: Vec<String> = library()
        .into_iter()
        .filter(|(_, _, text)| text.contains("PreEscaped("))
        .map(|(_, path, _)| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(found, ["markup.rs"]);
}
