//! A limit before it is saved.

use serde_json::{Map, Value, json};
use sqlx::PgExecutor;

use crate::db::limit as db;
use crate::types::error::Error;
use crate::types::limit::OnDead;

/// A limit that is about to be saved: made, or changed in what is said here.
#[must_use = "a limit is made by .save(…).await"]
#[derive(Debug, Clone)]
pub struct Limit {
    name: String,
    topic: Option<String>,
    options: Map<String, Value>,
}

impl Limit {
    /// The limit of this name, 1 to 200 characters.
    pub fn new(name: impl Into<String>) -> Self {
        Limit { name: name.into(), topic: None, options: Map::new() }
    }

    /// The tasks that it covers, `eu.*`. A new limit needs it.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// The arguments that make the key, 1 to 10: the limit holds for each of their values by itself. A task
    /// under the topic without such an argument has null for it.
    pub fn key<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.with("key", arguments.into_iter().collect())
    }

    /// No key any more: all jobs under the topic count together.
    pub fn without_key(self) -> Self {
        self.with("key", Value::Null)
    }

    /// How many jobs of a key run at once, up to 1,000,000,000; with 0 none starts.
    pub fn max(self, jobs: u32) -> Self {
        self.with("max", jobs.into())
    }

    /// Any number runs at once.
    pub fn without_max(self) -> Self {
        self.with("max", Value::Null)
    }

    /// How many jobs of a key start in a time: `100/s`, `300/m`, `1000/h`, `5000/d`, `100/10s`. Several may
    /// be given, up to 8, and all of them hold; they replace those that there were.
    pub fn rate(mut self, rate: impl Into<String>) -> Self {
        let rates = self.options.entry("rates").or_insert(Value::Null);
        match rates {
            Value::Array(rates) => rates.push(rate.into().into()),
            _ => *rates = json!([rate.into()]),
        }
        self
    }

    /// Any number starts.
    pub fn without_rates(self) -> Self {
        self.with("rates", Value::Null).with("burst", Value::Null)
    }

    /// How many jobs may start at once after a pause, by the first rate, 1 to 9,999,999; otherwise what a
    /// second brings, and at least 1.
    pub fn burst(self, jobs: u32) -> Self {
        self.with("burst", jobs.into())
    }

    /// The argument that says how many slots and starts a job takes; 1 where it is no whole number above 0.
    pub fn cost(self, argument: impl Into<String>) -> Self {
        self.with("cost", Value::String(argument.into()))
    }

    /// Every job takes 1.
    pub fn without_cost(self) -> Self {
        self.with("cost", Value::Null)
    }

    /// Whether one job of a key runs after another, in the order of publishing, also while one waits for its
    /// next run. It cannot have a `max`.
    pub fn in_order(self, in_order: bool) -> Self {
        self.with("in_order", in_order.into())
    }

    /// What follows when a job in order fails for good; otherwise the next one runs.
    pub fn on_dead(self, on_dead: OnDead) -> Self {
        self.with("on_dead", on_dead.as_str().into())
    }

    /// Whether keys take turns by the time that their jobs run; it needs a key.
    pub fn fair(self, fair: bool) -> Self {
        self.with("fair", fair.into())
    }

    /// The share of a key of a fair limit, by its text, from 0.001 to 1,000,000; others have 1. The weights
    /// that are given here replace those that there were.
    pub fn weight(mut self, key: impl Into<String>, share: f64) -> Self {
        let weights = self.options.entry("weights").or_insert(Value::Null);
        match weights {
            Value::Object(weights) => {
                weights.insert(key.into(), share.into());
            }
            _ => *weights = json!({ key.into(): share }),
        }
        self
    }

    fn with(mut self, option: &str, value: Value) -> Self {
        self.options.insert(option.to_owned(), value);
        self
    }

    /// Makes the limit, or changes the one of this name in what is said here. It holds from the next claim
    /// on, also for the jobs that wait; runs go on. A change of topic, key, order or fairness makes a new
    /// limit, under which no job runs yet.
    ///
    /// Inside a transaction of yours it holds from the commit on; until then claims of the jobs that an older
    /// limit of this name covers wait.
    ///
    /// # Errors
    /// [`Error::Refused`] with `PT400` for what cannot be meant, and with `PT404` when there is no limit of
    /// this name and no topic is given.
    pub async fn save(self, database: impl PgExecutor<'_>) -> Result<(), Error> {
        db::set(database, &self.name, self.topic.as_deref(), &Value::Object(self.options)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_several_times_adds_up_and_what_is_taken_back_is_null() {
        let limit = Limit::new("a").rate("1/s").rate("10/m").burst(3).weight("x", 2.0).weight("y", 0.5);
        let expected = json!({"rates": ["1/s", "10/m"], "burst": 3, "weights": {"x": 2.0, "y": 0.5}});
        assert_eq!(Value::Object(limit.options.clone()), expected);
        let taken_back = Value::Object(limit.without_rates().rate("5/h").max(1).options);
        let expected = json!({"rates": ["5/h"], "burst": null, "weights": {"x": 2.0, "y": 0.5}, "max": 1});
        assert_eq!(taken_back, expected);
    }
}
