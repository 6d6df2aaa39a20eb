//! What `#[task]` writes down, without a database.

use std::collections::BTreeMap;
use std::time::Duration;

use pgjobs::define::{Param, TaskDef, TaskOptions};
use pgjobs::schemars::{self, JsonSchema};
use pgjobs::{Backoff, Keep, Task, TaskError, Validation, task};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

struct Mailer;

#[derive(Clone)]
struct Limits;

#[derive(serde::Serialize, JsonSchema)]
struct Receipt {
    letter: i64,
}

/// Sends the welcome letter.
///
/// It is sent once.
#[task(
    name = "mail.welcome",
    aliases = ["mail.hello", "greet"],
    retries = 5,
    timeout = "1m30s",
    priority = -3,
    backoff = "exponential(1s, 1h)",
    keep = "failed",
    validate = "warn"
)]
async fn welcome(
    #[inject] mailer: &Mailer,
    /// Who has joined.
    user_id: i64,
    #[default("en")] locale: String,
    coupon: Option<String>,
    #[inject] limits: Limits,
) -> Result<Receipt, TaskError> {
    let Mailer = mailer;
    if locale == "tlh" {
        return Err(TaskError::fatal("no letter in this language"));
    }
    drop((coupon, limits));
    Ok(Receipt { letter: user_id })
}

mod shop {
    pub(super) mod mail {
        #[pgjobs::task]
        pub(crate) async fn remind(user_id: i64) {
            let _ = user_id;
        }

        #[pgjobs::task(timeout = 5)]
        pub(crate) async fn r#move(r#type: String) -> Result<Vec<u8>, String> {
            Ok(r#type.into_bytes())
        }
    }

    pub(super) mod r#async {
        #[pgjobs::task(timeout = "250ms", backoff = "fixed(5s)")]
        pub(crate) async fn tidy() {}
    }
}

#[task(backoff = "linear(10s)")]
async fn log(level: String, #[default(3)] depth: u64, #[kwargs] fields: BTreeMap<String, Value>) {
    drop((level, depth, fields));
}

fn json_of(call: &impl Task) -> Value {
    serde_json::to_value(call).expect("a call is JSON")
}

fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, String> {
    serde_json::from_value(arguments).map_err(|e| e.to_string())
}

fn schema_of(schema: fn() -> schemars::Schema) -> Value {
    schema().to_value()
}

#[test]
fn a_definition_holds_what_the_attribute_says() {
    let def: &TaskDef = welcome::DEF;
    assert_eq!(def.names().collect::<Vec<_>>(), ["mail.welcome", "mail.hello", "greet"]);
    assert_eq!(def.doc, "Sends the welcome letter.\n\nIt is sent once.");
    let expected = TaskOptions::new()
        .retries(5)
        .timeout(Duration::from_secs(90))
        .priority(-3)
        .backoff(Backoff::exponential(Duration::from_secs(1), Duration::from_secs(3600)))
        .keep(Keep::Failed)
        .validation(Validation::Warn);
    assert_eq!(def.options, expected);
}

#[test]
fn what_the_attribute_does_not_say_stays_with_the_default() {
    assert_eq!(shop::mail::remind::DEF.options, TaskOptions::DEFAULT);
    let tidy = TaskOptions::new()
        .timeout(Duration::from_millis(250))
        .backoff(Backoff::fixed(Duration::from_secs(5)));
    assert_eq!(shop::r#async::tidy::DEF.options, tidy);
    assert_eq!(shop::mail::r#move::DEF.options.timeout, Duration::from_secs(5));
    assert_eq!(log::DEF.options.backoff, Backoff::linear(Duration::from_secs(10)));
}

#[test]
fn a_definition_lists_the_published_parameters_and_the_needed_state() {
    let param = |name, ty, required| Param { name, ty, required };
    let expected = [
        param("user_id", "i64", true),
        param("locale", "String", false),
        param("coupon", "Option<String>", false),
    ];
    assert_eq!(welcome::DEF.params, expected);
    let needs: Vec<_> = welcome::DEF.needs.iter().map(|need| (need.name)()).collect();
    assert!(needs[0].ends_with("::Mailer") && needs[1].ends_with("::Limits"), "{needs:?}");
    assert_eq!(shop::mail::r#move::DEF.params, [param("type", "String", true)]);
    assert!(shop::r#async::tidy::DEF.params.is_empty());
}

#[test]
fn a_kwargs_parameter_opens_the_task_and_is_no_parameter() {
    assert!(log::DEF.extra_kwargs && !welcome::DEF.extra_kwargs);
    let names: Vec<_> = log::DEF.params.iter().map(|param| param.name).collect();
    assert_eq!(names, ["level", "depth"]);
}

#[test]
fn a_name_is_the_module_path_with_dots() {
    assert_eq!(shop::mail::remind::DEF.name, "macro_behaviour.shop.mail.remind");
    assert_eq!(shop::mail::r#move::DEF.name, "macro_behaviour.shop.mail.move");
    assert_eq!(shop::r#async::tidy::DEF.name, "macro_behaviour.shop.async.tidy");
}

#[test]
fn a_location_is_the_line_of_the_function() {
    #[task]
    async fn here() {}
    let expected = format!("{}:{}", file!(), line!() - 1);
    assert_eq!(here::DEF.location, expected);
    assert_eq!(here::DEF.name, "macro_behaviour.here");
}

#[test]
fn a_call_is_written_as_the_object_of_its_arguments() {
    assert_eq!(json_of(&welcome::new(7)), json!({"user_id": 7, "locale": "en", "coupon": null}));
    let call = welcome::new(7).locale("pt").coupon("HELLO");
    assert_eq!(json_of(&call), json!({"user_id": 7, "locale": "pt", "coupon": "HELLO"}));
    assert_eq!(json_of(&shop::r#async::tidy::new()), json!({}));
    assert_eq!(json_of(&shop::mail::r#move::new("file".into())), json!({"type": "file"}));
}

#[test]
fn further_keywords_are_written_beside_the_arguments() {
    let call = log::new("warn".into()).depth(1).fields(BTreeMap::from([("disk".into(), json!(97))]));
    assert_eq!(json_of(&call), json!({"level": "warn", "depth": 1, "disk": 97}));
    assert_eq!(json_of(&log::new("info".into())), json!({"level": "info", "depth": 3}));
}

#[test]
fn a_call_can_be_written_field_by_field() {
    let call = welcome { user_id: 7, locale: "pt".into(), coupon: None };
    assert_eq!(json_of(&call), json_of(&welcome::new(7).locale("pt")));
}

#[test]
fn reading_fills_in_defaults() {
    let call: welcome = read(json!({"user_id": 7})).expect("the rest has defaults");
    assert_eq!((call.user_id, call.locale.as_str(), call.coupon), (7, "en", None));
    let call: welcome = read(json!({"user_id": 7, "locale": "pt", "coupon": null})).expect("null is None");
    assert_eq!((call.locale.as_str(), call.coupon), ("pt", None));
    let call: log = read(json!({"level": "warn", "disk": 97})).expect("further keywords are let through");
    assert_eq!((call.depth, call.fields), (3, BTreeMap::from([("disk".into(), json!(97))])));
}

#[test]
fn reading_refuses_what_is_missing_or_unknown() {
    assert!(read::<welcome>(json!({})).is_err_and(|e| e.contains("user_id")));
    assert!(read::<welcome>(json!({"user_id": 7, "lokale": "pt"})).is_err_and(|e| e.contains("lokale")));
}

#[test]
fn the_schema_of_the_arguments_says_what_may_be_published() {
    let schema = schema_of(welcome::DEF.args_schema);
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["required"], json!(["user_id"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["locale"], json!({"type": "string", "default": "en"}));
    assert_eq!(schema["properties"]["coupon"], json!({"type": ["string", "null"], "default": null}));
    assert_eq!(schema["properties"]["user_id"]["description"], "Who has joined.");
    assert_ne!(schema_of(log::DEF.args_schema)["additionalProperties"], false);
    assert_eq!(schema_of(shop::mail::r#move::DEF.args_schema)["required"], json!(["type"]));
}

#[test]
fn the_schema_of_the_result_is_that_of_the_value() {
    let schema = schema_of(welcome::DEF.result_schema);
    assert_eq!(schema["properties"]["letter"]["type"], "integer");
    assert_eq!(schema_of(shop::mail::remind::DEF.result_schema)["type"], "null");
    assert_eq!(schema_of(shop::mail::r#move::DEF.result_schema)["type"], "array");
}

#[test]
fn every_task_is_linked_in_order_of_name() {
    let tasks = pgjobs::define::linked_tasks().expect("no two tasks share a name");
    let names: Vec<_> = tasks.iter().map(|def| def.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    for name in
        ["mail.welcome", "macro_behaviour.log", "macro_behaviour.shop.mail.remind", "macro_behaviour.here"]
    {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
}

#[tokio::test]
async fn a_task_is_still_a_function() {
    let receipt = welcome(&Mailer, 7, "pt".into(), None, Limits).await.expect("it does not fail");
    assert_eq!(receipt.letter, 7);
    let error = welcome(&Mailer, 7, "tlh".into(), None, Limits).await.err().expect("it fails");
    assert_eq!(error.message(), "no letter in this language");
    assert_eq!(shop::mail::r#move("ab".into()).await, Ok(vec![97, 98]));
}
