//! Compares two JSON Schemas, as `schemars` writes them.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::Incompatible;
use super::facts::{has_variants, is_object, kind, listed, names, resolve, types, values, variants, words};

/// Two documents whose parts are compared. `known` holds the pairs that were compared already, so that
/// recursive types end.
pub(super) struct Comparison<'a> {
    roots: (&'a Value, &'a Value),
    known: HashMap<(*const Value, *const Value), Vec<Incompatible>>,
}

/// Bounds by keyword, and whether the greater value is the narrower one.
const BOUNDS: [(&str, bool); 8] = [
    ("minimum", true),
    ("exclusiveMinimum", true),
    ("minLength", true),
    ("minItems", true),
    ("maximum", false),
    ("exclusiveMaximum", false),
    ("maxLength", false),
    ("maxItems", false),
];

impl<'a> Comparison<'a> {
    pub(super) fn new(old: &'a Value, new: &'a Value) -> Self {
        Comparison { roots: (old, new), known: HashMap::new() }
    }

    /// The differences where the newer schema takes less than the older one.
    pub(super) fn compare(&mut self, old: &'a Value, new: &'a Value) -> Vec<Incompatible> {
        let (old, new) = (resolve(self.roots.0, old), resolve(self.roots.1, new));
        let pair = (std::ptr::from_ref(old), std::ptr::from_ref(new));
        if let Some(known) = self.known.get(&pair) {
            return known.clone();
        }
        self.known.insert(pair, Vec::new());
        let mut found = self.compare_resolved(old, new);
        found.dedup();
        self.known.insert(pair, found.clone());
        found
    }

    fn compare_resolved(&mut self, old: &'a Value, new: &'a Value) -> Vec<Incompatible> {
        if *new == Value::Bool(false) {
            return vec![Incompatible::new("", "takes nothing any more")];
        }
        let Some(newer) = new.as_object() else { return Vec::new() };
        if let Some(values) = values(old) {
            return unlisted(&values, new);
        }
        let mut found = Vec::new();
        if has_variants(old) || has_variants(new) {
            found.extend(self.compare_variants(old, new));
        }
        if !has_variants(old) && !has_variants(new) {
            found.extend(types_gone(old, new));
            if newer.contains_key("enum") || newer.contains_key("const") {
                found.push(Incompatible::new("", "takes listed values alone now"));
            }
        }
        if let Some(older) = old.as_object().filter(|_| found.is_empty()) {
            found.extend(bounds(older, newer));
            found.extend(self.compare_fields(older, newer));
            found.extend(self.compare_items(older, newer));
        }
        found
    }

    /// Each older variant must fit a newer one; if only one newer variant takes its type, the differences
    /// from that one are reported.
    fn compare_variants(&mut self, old: &'a Value, new: &'a Value) -> Vec<Incompatible> {
        let news: Vec<&Value> = variants(new).into_iter().map(|v| resolve(self.roots.1, v)).collect();
        let mut found = Vec::new();
        for variant in variants(old) {
            let variant = resolve(self.roots.0, variant);
            if self.is_covered(variant, &news) {
                continue;
            }
            let alike: Vec<&&Value> =
                news.iter().filter(|newer| types_gone(variant, newer).is_empty()).collect();
            match alike[..] {
                [newer] => found.extend(self.compare(variant, newer)),
                _ => found.push(Incompatible::new("", format!("does not take {} any more", words(variant)))),
            }
        }
        found
    }

    /// For an older schema with several types it is enough that the newer variants include each of them.
    fn is_covered(&mut self, old: &'a Value, news: &[&'a Value]) -> bool {
        match types(old).filter(|_| old["type"].is_array()) {
            Some(several) => several
                .iter()
                .all(|ty| news.iter().any(|newer| types(newer).is_none_or(|types| types.contains(ty)))),
            None => news.iter().any(|newer| self.compare(old, newer).is_empty()),
        }
    }

    fn compare_fields(
        &mut self,
        old: &'a Map<String, Value>,
        new: &'a Map<String, Value>,
    ) -> Vec<Incompatible> {
        let mut found: Vec<Incompatible> = names(new.get("required"))
            .filter(|name| !names(old.get("required")).any(|before| before == *name))
            .map(|name| Incompatible::new(name, "must be given now"))
            .collect();
        let rest = new.get("additionalProperties");
        let older = old.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, schema) in older {
            let newer = new.get("properties").and_then(|properties| properties.get(name)).or(rest);
            match newer {
                Some(Value::Bool(false)) => found.push(Incompatible::new(name, "is not taken any more")),
                Some(newer) => found.extend(self.compare(schema, newer).into_iter().map(|n| n.within(name))),
                None => {}
            }
        }
        match (old.get("additionalProperties"), rest) {
            (Some(before @ Value::Object(_)), Some(now @ Value::Object(_))) => {
                found.extend(self.compare(before, now).into_iter().map(|n| n.within("*")));
            }
            (before, Some(Value::Bool(false))) if before != rest && is_object(old) => {
                found.push(Incompatible::new("", "does not take fields of other names any more"));
            }
            _ => {}
        }
        found
    }

    fn compare_items(
        &mut self,
        old: &'a Map<String, Value>,
        new: &'a Map<String, Value>,
    ) -> Vec<Incompatible> {
        let mut found = Vec::new();
        if let (Some(before), Some(now)) = (old.get("items"), new.get("items")) {
            found.extend(self.compare(before, now).into_iter().map(|n| n.within("[]")));
        }
        let list = |schema: &'a Map<String, Value>| schema.get("prefixItems").and_then(Value::as_array);
        let pairs = list(old).into_iter().flatten().zip(list(new).into_iter().flatten());
        for (at, (before, now)) in pairs.enumerate() {
            found.extend(self.compare(before, now).into_iter().map(|n| n.within(&format!("[{at}]"))));
        }
        found
    }
}

/// The listed values that the newer schema does not list, or whose type it does not take.
fn unlisted(old: &[&Value], new: &Value) -> Vec<Incompatible> {
    let gone: Vec<String> = match values(new) {
        Some(listed) => {
            old.iter().filter(|value| !listed.contains(value)).map(|value| format!("`{value}`")).collect()
        }
        None if has_variants(new) => Vec::new(),
        None => match types(new) {
            Some(types) => {
                old.iter().filter(|v| !types.contains(kind(v))).map(|v| format!("`{v}`")).collect()
            }
            None => Vec::new(),
        },
    };
    let reason = || format!("does not take {} any more", gone.join(", "));
    if gone.is_empty() { Vec::new() } else { vec![Incompatible::new("", reason())] }
}

fn types_gone(old: &Value, new: &Value) -> Vec<Incompatible> {
    let Some(now) = types(new) else { return Vec::new() };
    let Some(before) = types(old) else {
        return vec![Incompatible::new("", format!("takes {} alone now, and took anything", listed(&now)))];
    };
    let gone: BTreeSet<&str> = before.difference(&now).copied().collect();
    match gone.len() {
        0 => Vec::new(),
        _ if gone.contains("null") && gone.len() == 1 => {
            vec![Incompatible::new("", "may not be null any more")]
        }
        _ => vec![Incompatible::new("", format!("takes {} now, and took {}", listed(&now), listed(&before)))],
    }
}

fn bounds(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Incompatible> {
    let mut found = Vec::new();
    for (keyword, greater_is_narrower) in BOUNDS {
        let Some(now) = new.get(keyword).and_then(Value::as_f64) else { continue };
        let before = old.get(keyword).and_then(Value::as_f64);
        let harmless = keyword.starts_with("min") && keyword != "minimum" && now == 0.0;
        let narrower = before.is_none_or(|before| (now > before) == greater_is_narrower && now != before);
        if narrower && !harmless {
            let was = old.get(keyword).map_or_else(|| "none".to_owned(), Value::to_string);
            found.push(Incompatible::new(
                "",
                format!("has the {keyword} {} now, which was {was}", new[keyword]),
            ));
        }
    }
    for keyword in ["multipleOf", "pattern"] {
        if new.get(keyword).is_some_and(|now| old.get(keyword) != Some(now)) {
            found.push(Incompatible::new("", format!("has another {keyword} now")));
        }
    }
    let format = new
        .get("format")
        .filter(|_| types(&Value::Object(new.clone())).is_some_and(|t| t.contains("string")));
    if let Some(format) = format.filter(|now| old.get("format") != Some(now)) {
        found.push(Incompatible::new("", format!("must be a text of the format {format} now")));
    }
    found
}
