//! Through the real macro and the real database: what Rust writes is taken, and what is refused could not
//! have been read.

#![allow(clippy::too_many_arguments, clippy::unit_arg, reason = "one task holds every kind of type")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fastrand::Rng;
use pgjobs::__private::readers;

use pgjobs::define::TaskDef;
use pgjobs::{Task, task};
use pgjobs_tests::{Db, amount};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refused_of;

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
pub(crate) enum External {
    Unit,
    Newtype(i32),
    Pair(String, u8),
    Fields { a: Option<i64>, b: char },
}

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Internal {
    Unit,
    Wrapped(Line),
    Fields { a: f64 },
}

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
#[serde(tag = "t", content = "c")]
pub(crate) enum Adjacent {
    Unit,
    Newtype(bool),
    Fields { a: Vec<String> },
}

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
#[serde(untagged)]
pub(crate) enum Untagged {
    Number(i64),
    Text(String),
    Line(Line),
    Nothing,
}

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
pub(crate) struct Line {
    sku: String,
    #[serde(default)]
    count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    lines: Vec<Line>,
    #[serde(rename = "shipTo")]
    ship_to: (f64, f64),
    small: [i8; 2],
}

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
pub(crate) struct Flat {
    id: u64,
    #[serde(flatten)]
    line: Line,
    #[serde(flatten)]
    rest: HashMap<String, Value>,
}

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
pub(crate) struct Meters(f64);

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
pub(crate) struct Marker;

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
pub(crate) struct Tree {
    name: String,
    children: Vec<Tree>,
}

type Maybe = Option<i16>;

/// Most of what serde can write of numbers, texts and collections.
#[task(name = "types.plain")]
async fn plain(
    id: u64,
    small: i8,
    wide: i128,
    ratio: f64,
    letter: char,
    bytes: Vec<u8>,
    twice: Option<Option<i64>>,
    pair: (String, Option<bool>),
    by_number: BTreeMap<i32, String>,
    by_name: HashMap<String, Vec<Maybe>>,
    set: BTreeSet<u8>,
    nothing: (),
    at: std::net::IpAddr,
    day: std::path::PathBuf,
    nonzero: std::num::NonZeroI32,
    lasting: std::time::Duration,
    any: Value,
    #[default("en")] locale: String,
) {
    let _ = (
        id, small, wide, ratio, letter, bytes, twice, pair, by_number, by_name, set, nothing, at, day,
        nonzero,
    );
    let _ = (lasting, any, locale);
}

/// The shapes of structs and enums.
#[task(name = "types.shapes")]
async fn shapes(
    external: Vec<External>,
    internal: Vec<Internal>,
    adjacent: Vec<Adjacent>,
    untagged: Vec<Untagged>,
    order: Order,
    flat: Flat,
    meters: Meters,
    marker: Marker,
    tree: Box<Tree>,
    maybe: Maybe,
    result: Result<u8, String>,
) {
    let _ = (external, internal, adjacent, untagged, order, flat, meters, marker, tree, maybe, result);
}

/// Takes keywords of any name.
#[task(name = "types.open")]
async fn open(id: i64, #[kwargs] rest: HashMap<String, Value>) {
    let _ = (id, rest);
}

/// Takes keywords of any name that are numbers.
#[task(name = "types.counts")]
async fn counts(#[kwargs] rest: HashMap<String, u16>) {
    let _ = rest;
}

fn line() -> Line {
    Line { sku: "ä-7".into(), count: 2, note: None }
}

fn a_plain() -> plain {
    plain {
        id: u64::MAX,
        small: -128,
        wide: i128::from(i64::MIN),
        ratio: 1.0,
        letter: '\u{1F600}',
        bytes: vec![0, 255],
        twice: Some(Some(i64::MIN)),
        pair: ("a".into(), None),
        by_number: BTreeMap::from([(-7, "x".into()), (7, String::new())]),
        by_name: HashMap::from([("a b".into(), vec![None, Some(-5)])]),
        set: BTreeSet::from([1, 2]),
        nothing: (),
        at: std::net::Ipv4Addr::LOCALHOST.into(),
        day: "a/b".into(),
        nonzero: std::num::NonZeroI32::MIN,
        lasting: std::time::Duration::from_millis(1500),
        any: json!({"a": [1, null]}),
        locale: "pt".into(),
    }
}

fn some_shapes() -> shapes {
    let tree = Tree { name: "a".into(), children: vec![Tree { name: "b".into(), children: vec![] }] };
    shapes {
        external: vec![
            External::Unit,
            External::Newtype(-1),
            External::Pair("a".into(), 1),
            External::Fields { a: None, b: 'ß' },
        ],
        internal: vec![Internal::Unit, Internal::Wrapped(line()), Internal::Fields { a: 2.0 }],
        adjacent: vec![Adjacent::Unit, Adjacent::Newtype(true), Adjacent::Fields { a: vec!["x".into()] }],
        untagged: vec![
            Untagged::Number(1),
            Untagged::Text("a".into()),
            Untagged::Line(line()),
            Untagged::Nothing,
        ],
        order: Order { lines: vec![line()], ship_to: (1.5, -2.0), small: [1, 2] },
        flat: Flat { id: 1, line: line(), rest: HashMap::from([("extra".into(), json!([1]))]) },
        meters: Meters(0.5),
        marker: Marker,
        tree: Box::new(tree),
        maybe: Some(1),
        result: Err("no".into()),
    }
}

/// Declares what this binary has, as `migrate` and every worker do.
async fn declared() -> Db {
    let db = Db::new().await;
    let worker = pgjobs::Worker::new(db.pool.clone()).topic("types.*").burst().run().await.unwrap();
    assert_eq!(worker.succeeded, 0);
    db
}

fn body_of<T: Task>(call: &T) -> Value {
    json!({"args": [], "kwargs": call})
}

#[tokio::test]
async fn what_rust_writes_is_taken() {
    let db = declared().await;
    for (task, body) in [
        ("types.plain", body_of(&a_plain())),
        ("types.plain", body_of(&plain { twice: None, ..a_plain() })),
        ("types.shapes", body_of(&some_shapes())),
        ("types.shapes", body_of(&shapes { maybe: None, result: Ok(1), ..some_shapes() })),
        ("types.open", body_of(&open::new(1).rest(HashMap::from([("a".into(), json!({"b": 1}))])))),
        ("types.counts", body_of(&counts::new().rest(HashMap::from([("a".into(), 7)])))),
    ] {
        assert_eq!(refused_of(&db, task, &body).await, None, "{body}");
    }
    // Few of these are for the walk: a type that holds itself is.
    let walked: Vec<String> = db.all("select name from jobs.publish_check where fits is null").await;
    assert_eq!(walked, ["types.shapes"]);
}

/// Breaks a value somewhere: another value, a field or an item less, a field or an item more.
fn broken(rng: &mut Rng, value: &Value) -> Value {
    let others = [
        json!(null),
        json!(true),
        json!(7),
        json!(-1),
        json!(1e30),
        json!(0.5),
        json!("x"),
        json!([]),
        json!({}),
        json!({"a": 1}),
    ];
    match value {
        Value::Array(items) if !items.is_empty() && rng.u8(..4) > 0 => {
            let mut items = items.clone();
            let at = rng.usize(..items.len());
            match rng.u8(..6) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => items[at] = broken(rng, &items[at]),
            }
            Value::Array(items)
        }
        Value::Object(fields) if !fields.is_empty() && rng.u8(..4) > 0 => {
            let mut fields = fields.clone();
            let name = fields.keys().nth(rng.usize(..fields.len())).unwrap().clone();
            match rng.u8(..6) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert("more".into(), json!(1))),
                _ => drop(fields.insert(name.clone(), broken(rng, &fields[&name]))),
            }
            Value::Object(fields)
        }
        _ => others[rng.usize(..others.len())].clone(),
    }
}

/// Forms that serde reads and never writes: a struct as an array, a variant without content as an object.
fn is_odd(reason: &str) -> bool {
    reason.contains("found array") || reason.contains("length")
}

/// Broken bodies for each task.
const ROUNDS: u32 = amount(150, 400);

/// Publishes broken bodies: whatever is refused, the worker could not have read either.
async fn compare<T: Task + DeserializeOwned>(db: &Db, rng: &mut Rng, call: &T) -> (u32, u32) {
    let def: &TaskDef = T::DEF;
    let (mut taken, mut unfit) = (0, 0);
    for round in 0..ROUNDS {
        let mut body = body_of(call);
        if round % 3 == 0 {
            let kwargs = body["kwargs"].as_object_mut().unwrap();
            let args: Vec<Value> =
                def.params.iter().take(rng.usize(..4)).filter_map(|p| kwargs.remove(p.name)).collect();
            body["args"] = json!(args);
        }
        let half = if rng.u8(..4) == 0 { "args" } else { "kwargs" };
        body[half] = broken(rng, &body[half]);
        let Some(reason) = refused_of(db, def.name, &body).await else {
            taken += 1;
            continue;
        };
        unfit += 1;
        let read = readers::body::<T>(&body.to_string(), def.params, def.extra_kwargs);
        assert!(
            read.is_err() || is_odd(&reason),
            "{}: {body} is refused, yet can be read: {reason}",
            def.name
        );
    }
    (taken, unfit)
}

#[tokio::test]
async fn what_is_refused_could_not_have_been_read() {
    let db = declared().await;
    let mut rng = Rng::with_seed(7);
    let mut all = (0, 0);
    for (taken, unfit) in [
        compare(&db, &mut rng, &a_plain()).await,
        compare(&db, &mut rng, &some_shapes()).await,
        compare(&db, &mut rng, &open::new(1)).await,
        compare(&db, &mut rng, &counts::new().rest(HashMap::from([("a".into(), 7)]))).await,
    ] {
        all = (all.0 + taken, all.1 + unfit);
    }
    println!("{} broken bodies were taken, {} refused, and none of these can be read", all.0, all.1);
    assert!(all.0 > ROUNDS / 4 && all.1 > ROUNDS, "{all:?}: too one-sided to tell");
}
