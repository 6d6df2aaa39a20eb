//! Writes structs, their fields and documentation.

use super::types::optional;
use crate::model::{Record, Type};
use crate::names::{Names, is_plain, snake};
use crate::source::{Source, lines};

/// Reserved words that `r#` turns into identifiers, and (`UNUSABLE`) those for which it does not.
pub(crate) const RESERVED: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
const UNUSABLE: &[&str] = &["crate", "self", "super", "_"];

/// An identifier, and whether the JSON name differs from it.
pub(crate) fn identifier(names: &mut Names, name: &str) -> (String, bool) {
    let wanted =
        if is_plain(name) && name == name.to_ascii_lowercase() { name.to_owned() } else { snake(name) };
    let wanted = if UNUSABLE.contains(&wanted.as_str()) { wanted + "_" } else { wanted };
    let unique = names.unique(&wanted, "_");
    let renamed = unique != name;
    (if RESERVED.contains(&unique.as_str()) { format!("r#{unique}") } else { unique }, renamed)
}

pub(crate) fn structure(source: &mut Source, name: &str, record: &Record, ty: &dyn Fn(&Type) -> String) {
    if record.is_empty() {
        return source.line(format!("pub struct {name} {{}}"));
    }
    source.block(format!("pub struct {name} {{"), "}", |source| fields(source, record, "pub ", ty));
}

/// Writes the fields of a struct or of a variant.
pub(crate) fn fields(source: &mut Source, record: &Record, public: &str, ty: &dyn Fn(&Type) -> String) {
    let mut names = Names::default();
    for field in &record.fields {
        doc(source, &field.about());
        if let Type::Constant(value) = &field.ty {
            doc(source, &format!("Always `{value}`."));
        }
        let (name, renamed) = identifier(&mut names, &field.name);
        if renamed {
            source.line(format!("#[serde(rename = {:?})]", field.name));
        }
        if field.required {
            source.line(format!("{public}{name}: {},", ty(&field.ty)));
        } else {
            source.line("#[serde(default, skip_serializing_if = \"Option::is_none\")]");
            source.line(format!("{public}{name}: {},", optional(&ty(&field.ty), &field.ty)));
        }
    }
    if let Some(rest) = &record.rest {
        doc(source, "Further keys.");
        source.line("#[serde(flatten)]");
        source.line(format!("{public}{}: BTreeMap<String, {}>,", names.unique("further", "_"), ty(rest)));
    }
}

/// Writes documentation. Its code blocks become plain text, so that nothing compiles them.
pub(crate) fn doc(source: &mut Source, doc: &str) {
    let mut in_code = false;
    for line in lines(doc) {
        let fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        let opens = fence && !in_code;
        in_code ^= fence;
        // Four leading spaces would begin a code block as well.
        let line = if in_code { line.as_str() } else { line.trim_start() };
        let line = if opens {
            "```text"
        } else if fence {
            "```"
        } else {
            line
        };
        source.line(format!("/// {line}").trim_end());
    }
    if in_code {
        source.line("/// ```");
    }
}
