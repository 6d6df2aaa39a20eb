//! The predicate that a schema is compiled to says the same as the walk: over schemas of the kind that
//! Rust's types have and values that nearly fit them.

use fastrand::Rng;
use pgjobs_tests::{Db, amount};
use serde_json::{Map, Value, json};
use sqlx::Row;

const SCHEMAS: u32 = amount(80, 250);
const VALUES: usize = 24;

const TEXTS: &[&str] =
    &["", "a", "b", "ä", "naïve\n", "a\"b\\", "2024-05-01", "-7", "x7", "abcdef", "\u{1F600}"];

fn pick<'t>(rng: &mut Rng, texts: &[&'t str]) -> &'t str {
    texts[rng.usize(..texts.len())]
}

fn leaf(rng: &mut Rng) -> Value {
    match rng.u8(..14) {
        0 => json!(true),
        1 => json!({"type": "boolean"}),
        2 => json!({"type": "null"}),
        3 => json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX}),
        4 => json!({"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255}),
        5 => json!({"type": ["integer", "null"], "format": "uint32", "minimum": 0}),
        6 => json!({"type": "number", "format": "double", "exclusiveMinimum": -1.5}),
        7 => json!({"type": "string", "format": "date-time"}),
        8 => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        9 => json!({"type": ["string", "null"], "maxLength": 3}),
        10 => json!({"type": "string", "enum": ["a", "b", "a\"b\\"]}),
        11 => json!({"type": "integer", "not": {"const": 0}}),
        12 => json!({"enum": [1, "a", null, 1.5]}),
        _ => json!({"type": "string", "pattern": "^-?\\d+$"}),
    }
}

fn object(rng: &mut Rng, depth: u32) -> Value {
    let names = ["a", "b", "tag", "ä b", "a\"b\\"];
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for name in &names[..rng.usize(..=names.len())] {
        properties.insert((*name).into(), schema(rng, depth));
        if rng.bool() {
            required.push(json!(name));
        }
    }
    let mut object = json!({"type": "object", "properties": properties, "required": required});
    match rng.u8(..4) {
        0 => object["additionalProperties"] = json!(false),
        1 => object["additionalProperties"] = schema(rng, depth),
        _ => {}
    }
    object
}

/// A variant of an enum in one of serde's taggings.
fn variant(rng: &mut Rng, name: &str, tagging: u8, depth: u32) -> Value {
    let content = schema(rng, depth);
    let tag = json!({"type": "string", "const": name});
    match tagging {
        0 => {
            json!({"type": "object", "properties": {name: content}, "required": [name], "additionalProperties": false})
        }
        1 => json!({"type": "object", "properties": {"tag": tag, "a": content}, "required": ["tag"]}),
        2 => json!({"type": "object", "properties": {"tag": tag, "a": content}, "required": ["tag", "a"]}),
        _ => content,
    }
}

fn schema(rng: &mut Rng, depth: u32) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return leaf(rng) };
    match rng.u8(..13) {
        0..=2 => leaf(rng),
        3 => object(rng, depth),
        4 => json!({"type": "array", "items": schema(rng, depth), "minItems": rng.u8(..2), "maxItems": 3}),
        5 => json!({"type": ["array", "null"], "items": schema(rng, depth)}),
        6 => {
            json!({"type": "array", "prefixItems": [schema(rng, depth), schema(rng, depth)], "minItems": 2, "maxItems": 2})
        }
        7 => json!({"type": "array", "prefixItems": [schema(rng, depth)], "items": schema(rng, depth)}),
        8 => json!({"anyOf": [schema(rng, depth), {"type": "null"}]}),
        9 => {
            json!({"type": "object", "patternProperties": {"^-?\\d+$": schema(rng, depth)}, "additionalProperties": false})
        }
        10 => json!({"allOf": [object(rng, depth), {"$ref": "#/$defs/Inner"}]}),
        11 => json!({"$ref": "#/$defs/Inner"}),
        _ => {
            let tagging = rng.u8(..4);
            let variants: Vec<Value> =
                ["a", "b", "c"].iter().map(|name| variant(rng, name, tagging, depth)).collect();
            json!({ pick(rng, &["oneOf", "anyOf"]): variants })
        }
    }
}

/// Any value.
fn anything(rng: &mut Rng) -> Value {
    match rng.u8(..9) {
        0 => json!(null),
        1 => json!(rng.bool()),
        2 => json!(rng.i8(..)),
        3 => json!(pick(rng, TEXTS)),
        4 => json!([[]]),
        5 => json!([1, "a"]),
        6 => json!({"a": 1, "tag": "a"}),
        7 => json!({"-7": 1.0}),
        _ => json!(0.5),
    }
}

/// A value that fits a schema, or nearly does.
fn value(rng: &mut Rng, schema: &Value, defs: &Value) -> Value {
    if rng.u8(..16) == 0 {
        return anything(rng);
    }
    let among = |rng: &mut Rng, list: &Value| {
        let list = list.as_array().unwrap();
        list[rng.usize(..list.len())].clone()
    };
    for keyword in ["const", "enum", "anyOf", "oneOf", "allOf", "$ref"] {
        match (keyword, &schema[keyword]) {
            (_, Value::Null) => {}
            ("const", constant) => return constant.clone(),
            ("enum", list) => return among(rng, list),
            ("$ref", _) => return value(rng, &defs["Inner"], defs),
            (_, list) => {
                let one = among(rng, list);
                return value(rng, &one, defs);
            }
        }
    }
    let types = &schema["type"];
    let ty = if types.is_array() { among(rng, types) } else { types.clone() };
    match ty.as_str() {
        Some("integer") => json!(*rng.choice(&[0, 1, 7, 255, 256, -1, i64::MAX]).unwrap()),
        Some("number") => json!(*rng.choice(&[0.0, 1.5, -1.5, 1e20]).unwrap()),
        Some("string") => json!(pick(rng, TEXTS)),
        Some("boolean") => json!(rng.bool()),
        Some("null") => Value::Null,
        Some("array") => {
            let fixed = schema["prefixItems"].as_array().map_or(0, Vec::len);
            (0..rng.usize(..4).max(fixed))
                .map(|at| value(rng, schema["prefixItems"].get(at).unwrap_or(&schema["items"]), defs))
                .collect()
        }
        Some("object") => {
            let mut object = Map::new();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if rng.u8(..5) > 0 {
                    object.insert(name.clone(), value(rng, property, defs));
                }
            }
            let others = schema["patternProperties"].as_object().and_then(|p| p.values().next());
            if rng.u8(..3) == 0 {
                let other = others.unwrap_or(&schema["additionalProperties"]);
                object.insert(pick(rng, TEXTS).into(), value(rng, other, defs));
            }
            Value::Object(object)
        }
        _ => anything(rng),
    }
}

const ASK: &str = "
    with given as materialized (select $1::jsonb as schema, jobs._predicate($1, '$', $1) as predicate)
    select v, (jobs._schema_error(g.schema, v, '', g.schema)).path is null, coalesce(v @@ ('strict ' || g.predicate)::jsonpath, false), g.predicate
    from given g, jsonb_array_elements($2) v where g.predicate is not null";

#[tokio::test]
async fn the_predicate_says_what_the_walk_says() {
    let db = Db::new().await;
    let mut rng = Rng::with_seed(5);
    let (mut fitting, mut unfit) = (0, 0);
    for _ in 0..SCHEMAS {
        let mut root = schema(&mut rng, 3);
        let defs = json!({"Inner": object(&mut rng, 0)});
        if root.is_object() {
            root["$defs"] = defs.clone();
        }
        let values: Vec<Value> = (0..VALUES).map(|_| value(&mut rng, &root, &defs)).collect();
        for row in sqlx::query(ASK).bind(&root).bind(json!(values)).fetch_all(&db.pool).await.unwrap() {
            let (value, walk, predicate): (Value, bool, bool) = (row.get(0), row.get(1), row.get(2));
            assert_eq!(walk, predicate, "{value} by {root}: {}", row.get::<String, _>(3));
            *(if walk { &mut fitting } else { &mut unfit }) += 1;
        }
    }
    println!("{fitting} values fit and {unfit} do not, by walk and predicate alike");
    assert!(
        fitting > 4 * SCHEMAS && unfit > 4 * SCHEMAS,
        "{fitting} fit, {unfit} do not: too one-sided to tell"
    );
}

const ASK_OF_BODIES: &str = "
    with given as materialized (select jobs._compiled($1, $2, $3) as fits, array(select p->>'name' from jsonb_array_elements($2) p) as names)
    select b, jobs._schema_error_of_body(b, $2, $3, $1), jobs._is_fit(b, g.fits, case when not $3 then g.names end), g.fits is not null
    from given g, jsonb_array_elements($4) b";

/// Arguments by position and by keyword, some left out, some twice, some of another name.
fn body(rng: &mut Rng, names: &[&str], schema: &Value, defs: &Value) -> Value {
    let by_position = rng.usize(..=names.len());
    let args: Vec<Value> =
        names[..by_position].iter().map(|name| value(rng, &schema["properties"][name], defs)).collect();
    let mut kwargs = Map::new();
    for name in &names[by_position..] {
        if rng.u8(..6) > 0 {
            kwargs.insert((*name).into(), value(rng, &schema["properties"][name], defs));
        }
    }
    if rng.u8(..8) == 0 {
        kwargs.insert(pick(rng, &["p", "q", "z"]).into(), anything(rng));
    }
    let half = |rng: &mut Rng, empty: bool, half: Value| match rng.u8(..12) {
        0 => anything(rng),
        1..=4 if empty => Value::Null,
        _ => half,
    };
    let (no_args, no_kwargs) = (args.is_empty(), kwargs.is_empty());
    let mut body =
        json!({"args": half(rng, no_args, json!(args)), "kwargs": half(rng, no_kwargs, json!(kwargs))});
    if no_args && rng.bool() {
        body.as_object_mut().unwrap().remove("args");
    }
    if rng.u8(..20) == 0 { anything(rng) } else { body }
}

#[tokio::test]
async fn the_predicate_of_a_body_binds_as_the_walk_does() {
    let db = Db::new().await;
    let mut rng = Rng::with_seed(6);
    let (mut fitting, mut unfit) = (0, 0);
    for _ in 0..SCHEMAS {
        let names = &["p", "q", "a\"b\\"][..rng.usize(..4)];
        let defs = json!({"Inner": object(&mut rng, 0)});
        let properties: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), schema(&mut rng, 1))).collect();
        let open = rng.u8(..4) == 0;
        let schema =
            json!({"type": "object", "properties": properties, "additionalProperties": open, "$defs": defs});
        let params: Vec<Value> =
            names.iter().map(|name| json!({"name": name, "type": "T", "required": rng.bool()})).collect();
        let bodies: Vec<Value> = (0..VALUES).map(|_| body(&mut rng, names, &schema, &defs)).collect();
        let query =
            sqlx::query(ASK_OF_BODIES).bind(&schema).bind(json!(params)).bind(open).bind(json!(bodies));
        for row in query.fetch_all(&db.pool).await.unwrap() {
            let (body, reason, fits): (Value, Option<String>, bool) = (row.get(0), row.get(1), row.get(2));
            assert!(row.get::<bool, _>(3), "not compiled: {schema}");
            // Without a word of the predicate the walk decides: by position into an open task, for one.
            let silent = !fits && (open || body.is_null());
            assert!(
                silent || fits == reason.is_none(),
                "{body} for {params:?} by {schema}: {fits}, {reason:?}"
            );
            *(if fits { &mut fitting } else { &mut unfit }) += 1;
        }
    }
    println!("{fitting} bodies fit and {unfit} do not, by walk and predicate alike");
    assert!(
        fitting > 2 * SCHEMAS && unfit > 4 * SCHEMAS,
        "{fitting} fit, {unfit} do not: too one-sided to tell"
    );
}
