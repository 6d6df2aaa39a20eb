//! Two JSON Schemas compared, as `schemars` writes them.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::Narrowed;

/// Two documents whose parts are compared. Types that hold themselves end at what is known of a pair already.
pub(super) struct Comparison<'a> {
    roots: (&'a Value, &'a Value),
    known: HashMap<(*const Value, *const Value), Vec<Narrowed>>,
}

/// Bounds by keyword: whether the greater value is the narrower one.
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

    /// Where the newer schema takes less than the older one.
    pub(super) fn compare(&mut self, old: &'a Value, new: &'a Value) -> Vec<Narrowed> {
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

    fn compare_resolved(&mut self, old: &'a Value, new: &'a Value) -> Vec<Narrowed> {
        if *new == Value::Bool(false) {
            return vec![Narrowed::new("", "takes nothing any more")];
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
                found.push(Narrowed::new("", "takes listed values alone now"));
            }
        }
        if let Some(older) = old.as_object().filter(|_| found.is_empty()) {
            found.extend(bounds(older, newer));
            found.extend(self.compare_fields(older, newer));
            found.extend(self.compare_items(older, newer));
        }
        found
    }

    /// Each older variant must fit a newer one; if only one has its type, that one says why it does not.
    fn compare_variants(&mut self, old: &'a Value, new: &'a Value) -> Vec<Narrowed> {
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
                _ => found.push(Narrowed::new("", format!("does not take {} any more", words(variant)))),
            }
        }
        found
    }

    /// Of an older schema of several types it is enough that each is among the newer variants.
    fn is_covered(&mut self, old: &'a Value, news: &[&'a Value]) -> bool {
        match types(old).filter(|_| old["type"].is_array()) {
            Some(several) => several
                .iter()
                .all(|ty| news.iter().any(|newer| types(newer).is_none_or(|types| types.contains(ty)))),
            None => news.iter().any(|newer| self.compare(old, newer).is_empty()),
        }
    }

    fn compare_fields(&mut self, old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> Vec<Narrowed> {
        let mut found: Vec<Narrowed> = names(new.get("required"))
            .filter(|name| !names(old.get("required")).any(|before| before == *name))
            .map(|name| Narrowed::new(name, "must be given now"))
            .collect();
        let rest = new.get("additionalProperties");
        let older = old.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, schema) in older {
            let newer = new.get("properties").and_then(|properties| properties.get(name)).or(rest);
            match newer {
                Some(Value::Bool(false)) => found.push(Narrowed::new(name, "is not taken any more")),
                Some(newer) => found.extend(self.compare(schema, newer).into_iter().map(|n| n.within(name))),
                None => {}
            }
        }
        match (old.get("additionalProperties"), rest) {
            (Some(before @ Value::Object(_)), Some(now @ Value::Object(_))) => {
                found.extend(self.compare(before, now).into_iter().map(|n| n.within("*")));
            }
            (before, Some(Value::Bool(false))) if before != rest && is_object(old) => {
                found.push(Narrowed::new("", "does not take fields of other names any more"));
            }
            _ => {}
        }
        found
    }

    fn compare_items(&mut self, old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> Vec<Narrowed> {
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

/// What a reference into the same document points at.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut at = schema;
    for _ in 0..16 {
        let target = at.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        match target.and_then(|path| root.pointer(path)) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

fn has_variants(schema: &Value) -> bool {
    schema.get("anyOf").is_some() || schema.get("oneOf").is_some()
}

fn variants(schema: &Value) -> Vec<&Value> {
    let list = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    list.map_or_else(|| vec![schema], |list| list.iter().collect())
}

/// All values there are, of a schema that lists them.
fn values(schema: &Value) -> Option<Vec<&Value>> {
    if let Some(value) = schema.get("const") {
        return Some(vec![value]);
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return Some(list.iter().collect());
    }
    if !has_variants(schema) {
        return None;
    }
    let lists: Option<Vec<_>> = variants(schema).into_iter().map(values).collect();
    Some(lists?.concat())
}

/// Listed values that the newer schema does not list, or whose type it does not take.
fn unlisted(old: &[&Value], new: &Value) -> Vec<Narrowed> {
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
    if gone.is_empty() { Vec::new() } else { vec![Narrowed::new("", reason())] }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The types that a schema takes; none said is any. What is a number is an integer as well.
fn types(schema: &Value) -> Option<BTreeSet<&str>> {
    let mut types: BTreeSet<&str> = match schema.get("type")? {
        Value::String(ty) => BTreeSet::from([ty.as_str()]),
        list => list.as_array()?.iter().filter_map(Value::as_str).collect(),
    };
    if types.contains("number") {
        types.insert("integer");
    }
    Some(types)
}

fn types_gone(old: &Value, new: &Value) -> Vec<Narrowed> {
    let Some(now) = types(new) else { return Vec::new() };
    let Some(before) = types(old) else {
        return vec![Narrowed::new("", format!("takes {} alone now, and took anything", listed(&now)))];
    };
    let gone: BTreeSet<&str> = before.difference(&now).copied().collect();
    match gone.len() {
        0 => Vec::new(),
        _ if gone.contains("null") && gone.len() == 1 => {
            vec![Narrowed::new("", "may not be null any more")]
        }
        _ => vec![Narrowed::new("", format!("takes {} now, and took {}", listed(&now), listed(&before)))],
    }
}

fn listed(types: &BTreeSet<&str>) -> String {
    let both = types.contains("number");
    types.iter().filter(|ty| !(both && **ty == "integer")).copied().collect::<Vec<_>>().join(" or ")
}

fn bounds(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Narrowed> {
    let mut found = Vec::new();
    for (keyword, greater_is_narrower) in BOUNDS {
        let Some(now) = new.get(keyword).and_then(Value::as_f64) else { continue };
        let before = old.get(keyword).and_then(Value::as_f64);
        let harmless = keyword.starts_with("min") && keyword != "minimum" && now == 0.0;
        let narrower = before.is_none_or(|before| (now > before) == greater_is_narrower && now != before);
        if narrower && !harmless {
            let was = old.get(keyword).map_or_else(|| "none".to_owned(), Value::to_string);
            found.push(Narrowed::new("", format!("has the {keyword} {} now, which was {was}", new[keyword])));
        }
    }
    for keyword in ["multipleOf", "pattern"] {
        if new.get(keyword).is_some_and(|now| old.get(keyword) != Some(now)) {
            found.push(Narrowed::new("", format!("has another {keyword} now")));
        }
    }
    let format = new
        .get("format")
        .filter(|_| types(&Value::Object(new.clone())).is_some_and(|t| t.contains("string")));
    if let Some(format) = format.filter(|now| old.get("format") != Some(now)) {
        found.push(Narrowed::new("", format!("must be a text of the format {format} now")));
    }
    found
}

fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn is_object(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|ty| ty == "object") || schema.contains_key("properties")
}

/// A variant in words about its form.
fn words(schema: &Value) -> String {
    if let Some(values) = values(schema) {
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    let fields = schema.get("properties").and_then(Value::as_object);
    if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
        let tag = fields.iter().find_map(|(name, schema)| Some((name, schema.get("const")?)));
        return match (tag, fields.keys().next()) {
            (Some((name, value)), _) => format!("an object whose `{name}` is `{value}`"),
            (None, Some(name)) => format!("an object with `{name}` as before"),
            (None, None) => "an object".to_owned(),
        };
    }
    types(schema).map_or_else(|| "a variant".to_owned(), |types| listed(&types))
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::{Value, json};

    use super::Comparison;
    use crate::__private::schema;

    fn narrowed(old: &Value, new: &Value) -> Vec<String> {
        Comparison::new(old, new).compare(old, new).iter().map(ToString::to_string).collect()
    }

    fn of<Old: JsonSchema, New: JsonSchema>() -> Vec<String> {
        narrowed(schema::<Old>().as_value(), schema::<New>().as_value())
    }

    mod old {
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        pub(super) struct Order {
            pub(super) id: i64,
            pub(super) lines: Vec<Line>,
            pub(super) parent: Option<Box<Order>>,
        }
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        pub(super) struct Line {
            pub(super) count: i64,
            pub(super) note: Option<String>,
        }
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        pub(super) enum Way {
            Land,
            Sea,
            Air { height: i64 },
        }
    }

    mod new {
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        pub(super) struct Order {
            pub(super) id: i64,
            pub(super) lines: Vec<Line>,
            pub(super) parent: Option<Box<Order>>,
            pub(super) weight: Option<f64>,
        }
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        pub(super) struct Line {
            pub(super) count: i32,
            pub(super) note: String,
        }
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        pub(super) enum Way {
            Land,
            Air { height: i64 },
        }
    }

    #[test]
    fn what_is_as_wide_is_no_narrowing() {
        let none = Vec::<String>::new();
        assert_eq!(of::<old::Order, old::Order>(), none);
        assert_eq!(of::<i32, i64>(), none);
        assert_eq!(of::<i64, f64>(), none);
        assert_eq!(of::<i64, Option<i64>>(), none);
        assert_eq!(of::<old::Line, Option<old::Line>>(), none);
        assert_eq!(of::<Option<i64>, Option<serde_json::Value>>(), none);
        assert_eq!(of::<new::Way, old::Way>(), none);
        assert_eq!(of::<String, Value>(), none);
    }

    #[test]
    fn what_is_narrower_is_named_where_it_stands() {
        assert_eq!(of::<i64, String>(), ["takes string now, and took integer"]);
        assert_eq!(of::<f64, i64>().len(), 1);
        assert_eq!(of::<Option<String>, String>(), ["may not be null any more"]);
        assert_eq!(of::<Value, String>(), ["takes string alone now, and took anything"]);
        assert_eq!(of::<old::Way, new::Way>(), ["does not take `\"Sea\"` any more"]);
        assert_eq!(
            of::<i64, i32>(),
            [
                "has the minimum -2147483648 now, which was -9223372036854775808",
                "has the maximum 2147483647 now, which was 9223372036854775807"
            ]
        );
        let order = of::<old::Order, new::Order>();
        assert!(order.iter().any(|found| found.starts_with("`lines[].count` has the minimum")), "{order:?}");
        assert!(order.contains(&"`lines[].note` must be given now".to_owned()), "{order:?}");
        assert_eq!(of::<Vec<i64>, Vec<String>>(), ["`[]` takes string now, and took integer"]);
    }

    #[test]
    fn fields_texts_and_lists_are_compared() {
        let open = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
        let closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
        assert_eq!(
            narrowed(&open, &closed),
            ["`a` is not taken any more", "does not take fields of other names any more"]
        );
        let text = json!({ "type": "string" });
        let uuid = json!({ "type": "string", "format": "uuid" });
        assert_eq!(narrowed(&text, &uuid), ["must be a text of the format \"uuid\" now"]);
        assert_eq!(narrowed(&uuid, &text), Vec::<String>::new());
        let listed = json!({ "enum": ["a"] });
        assert_eq!(narrowed(&text, &listed), ["takes listed values alone now"]);
        assert_eq!(narrowed(&listed, &text), Vec::<String>::new());
        assert_eq!(narrowed(&listed, &json!({ "enum": ["b", "c"] })), ["does not take `\"a\"` any more"]);
    }
}
