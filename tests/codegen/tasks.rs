//! Tasks with everything that a signature may hold.

use std::collections::BTreeMap;

use pgjobs::{TaskError, task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where a letter goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Address {
    /// Street and number.
    street: String,
    zip: Option<String>,
    country: Country,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Country {
    /// Brasil.
    Brazil,
    NewZealand,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Size {
    Small,
    Large,
}

/// Something with an area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Shape {
    /// Round.
    Circle {
        radius: f64,
    },
    Square {
        side: f64,
        note: Option<String>,
    },
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Payment {
    Cash,
    Card { number: String, month: u8 },
    Voucher(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Id {
    Number(u32),
    Name(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Created {
    name: String,
    #[serde(flatten)]
    change: Change,
}

/// Tagged within, with a variant that is a type of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    WasCreated(Created),
    WasRemoved { id: u32 },
}

/// Tagged beside its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", content = "how")]
pub(crate) enum Change {
    Text(String),
    Count(u8),
    Nothing,
}

/// It holds more of its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Tree {
    label: String,
    #[serde(default)]
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    order_id: i64,
    #[serde(rename = "class")]
    kind: Size,
    sent_to: Vec<Address>,
    totals: BTreeMap<String, f64>,
    range: (i32, String),
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Does nothing.
#[task(name = "demo.ping")]
async fn ping() {}

/// Says what it was given, with a `"""`, a */ and a \ in its documentation.
///
/// ```
/// this is no Rust
/// ```
#[task(name = "demo.scalars", timeout = "1m30s", priority = 3, retries = 5)]
async fn scalars(
    yes: bool,
    small: u8,
    whole: i64,
    ratio: f64,
    text: String,
    letter: char,
) -> Result<String, TaskError> {
    Ok(format!("{yes} {small} {whole} {ratio} {text} {letter}"))
}

/// Greets.
#[task(name = "demo.greet")]
async fn greet(
    /// Whom.
    name: String,
    #[default("en")] locale: String,
    #[default(2)] times: u32,
    title: Option<String>,
) -> Result<String, TaskError> {
    Ok(format!(
        "{locale}: {}{}",
        title.map(|title| title + " ").unwrap_or_default(),
        vec![name; times as usize].join(" ")
    ))
}

/// Packs an order.
#[task(name = "demo.order.pack")]
async fn pack(
    id: i64,
    addresses: Vec<Address>,
    size: Size,
    prices: BTreeMap<String, f64>,
    range: (i32, String),
    note: Option<String>,
) -> Result<Receipt, TaskError> {
    Ok(Receipt { order_id: id, kind: size, sent_to: addresses, totals: prices, range, note })
}

#[task(name = "demo.area")]
async fn area(shapes: Vec<Shape>) -> Result<f64, TaskError> {
    let area = |shape: &Shape| match shape {
        Shape::Circle { radius } => radius * radius * 3.0,
        Shape::Square { side, .. } => side * side,
        Shape::Nothing => 0.0,
    };
    Ok(shapes.iter().map(area).sum())
}

#[task(name = "demo.pay")]
async fn pay(
    by: Payment,
    id: Id,
    fallback: Option<Payment>,
) -> Result<(Payment, Id, Option<Payment>), TaskError> {
    Ok((by, id, fallback))
}

#[task(name = "demo.event")]
async fn event(
    events: Vec<Event>,
    first: Created,
    change: Change,
) -> Result<(Vec<Event>, Created, Change), TaskError> {
    Ok((events, first, change))
}

#[task(name = "demo.tree")]
async fn tree(root: Tree) -> Result<Tree, TaskError> {
    Ok(root)
}

/// Takes whatever it is given.
#[task(name = "demo.open")]
async fn open(
    level: String,
    anything: Value,
    #[kwargs] fields: BTreeMap<String, i64>,
) -> Result<Value, TaskError> {
    Ok(json!({ "level": level, "anything": anything, "fields": fields }))
}

/// Its arguments are words that languages reserve, and names that the clients use themselves.
#[task(name = "demo.class")]
async fn class(
    r#type: String,
    from: i32,
    connection: i32,
    #[default(1)] options: i32,
    #[default(2)] self_: i32,
) -> Result<(String, i32), TaskError> {
    Ok((r#type, from + connection + options + self_))
}

/// Another task, whose name makes the same identifier.
#[task(name = "demo.order_pack")]
async fn order_pack() -> Result<Option<Size>, TaskError> {
    Ok(Some(Size::Large))
}

/// Never works.
#[task(name = "demo.fail")]
async fn fail(reason: String) -> Result<Receipt, TaskError> {
    Err(TaskError::fatal(reason))
}
