//! A limit that the code declares with its task.

use serde_json::{Map, Value, json};

use super::limit::OnDead;

/// A limit of a task as the code declares it, with `#[task(limit(…))]`, `in_order(…)`, `fair_by = …` or by
/// hand. A worker saves it when it starts, under the name of the task and of its key (`eu.sync/customer`)
/// unless [`name`](TaskLimit::name) gives another; what an operator changes stays until the code says
/// something else. What each option means: [`limits`](mod@crate::limits).
///
/// ```
/// use pgjobs::define::TaskLimit;
/// use pgjobs::limits::OnDead;
///
/// const EACH_CUSTOMER: TaskLimit = TaskLimit::new().key(&["customer"]).max(2).rates(&["100/s"]).burst(20);
/// const IN_ORDER: TaskLimit = TaskLimit::in_order().key(&["account"]).on_dead(OnDead::Hold);
/// const FAIR: TaskLimit = TaskLimit::fair_by(&["tenant"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TaskLimit {
    name: Option<&'static str>,
    key: &'static [&'static str],
    max: Option<u32>,
    rates: &'static [&'static str],
    burst: Option<u32>,
    cost: Option<&'static str>,
    in_order: bool,
    on_dead: Option<OnDead>,
    fair: bool,
}

impl TaskLimit {
    /// A limit that says nothing yet: it needs a [`max`](TaskLimit::max) or [`rates`](TaskLimit::rates).
    pub const fn new() -> Self {
        TaskLimit {
            name: None,
            key: &[],
            max: None,
            rates: &[],
            burst: None,
            cost: None,
            in_order: false,
            on_dead: None,
            fair: false,
        }
    }

    /// One job of a key after another, in the order of publishing, also while one waits for its next run.
    pub const fn in_order() -> Self {
        TaskLimit { in_order: true, ..TaskLimit::new() }
    }

    /// The values of these arguments take turns by the time that their jobs run.
    pub const fn fair_by(key: &'static [&'static str]) -> Self {
        TaskLimit { fair: true, key, ..TaskLimit::new() }
    }

    /// Sets its name; no two limits of a database have the same.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Sets the arguments that make the key, at most 10: it holds for each of their values by itself.
    pub const fn key(mut self, arguments: &'static [&'static str]) -> Self {
        self.key = arguments;
        self
    }

    /// Sets how many jobs of a key run at once.
    pub const fn max(mut self, jobs: u32) -> Self {
        self.max = Some(jobs);
        self
    }

    /// Sets how many jobs of a key start in a time, such as `100/s`, `300/m`, `1000/h`, `5000/d`, `100/10s`;
    /// all of several hold, at most 8.
    pub const fn rates(mut self, rates: &'static [&'static str]) -> Self {
        self.rates = rates;
        self
    }

    /// Sets how many jobs may start at once after a pause, by the first rate; otherwise what a second brings,
    /// and at least 1.
    pub const fn burst(mut self, jobs: u32) -> Self {
        self.burst = Some(jobs);
        self
    }

    /// Sets the argument that says how many slots and starts a job takes; otherwise 1.
    pub const fn cost(mut self, argument: &'static str) -> Self {
        self.cost = Some(argument);
        self
    }

    /// Sets what follows when a job in order fails for good; otherwise the next one runs.
    pub const fn on_dead(mut self, on_dead: OnDead) -> Self {
        self.on_dead = Some(on_dead);
        self
    }

    /// The descriptions that the database stores, for a task of this name. A name that the code does not give
    /// is made of the task's and the key's, and a number from the second of the same on.
    pub(crate) fn describe_all(limits: &[TaskLimit], task: &str) -> Value {
        let mut names: Vec<String> = Vec::new();
        let mut described = Vec::new();
        for limit in limits {
            let name = limit.unlike(task, &names);
            described.push(limit.describe(&name));
            names.push(name);
        }
        Value::Array(described)
    }

    /// Its name, unlike these.
    fn unlike(&self, task: &str, names: &[String]) -> String {
        let plain = self.name.map_or_else(|| named(task, &self.suffix()), str::to_owned);
        let others = (2..).map(|number| named(task, &format!("{}/{number}", self.suffix())));
        let mut candidates = std::iter::once(plain).chain(others);
        candidates.find(|name| !names.contains(name)).unwrap_or_default()
    }

    fn suffix(&self) -> String {
        if self.key.is_empty() { String::new() } else { format!("/{}", self.key.join(",")) }
    }

    fn describe(&self, name: &str) -> Value {
        let fields = [
            ("name", Some(name.into())),
            ("key", (!self.key.is_empty()).then(|| json!(self.key))),
            ("max", self.max.map(Value::from)),
            ("rates", (!self.rates.is_empty()).then(|| json!(self.rates))),
            ("burst", self.burst.map(Value::from)),
            ("cost", self.cost.map(Value::from)),
            ("in_order", self.in_order.then_some(Value::Bool(true))),
            ("on_dead", self.on_dead.map(|on_dead| on_dead.as_str().into())),
            ("fair", self.fair.then_some(Value::Bool(true))),
        ];
        let set = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(set.collect::<Map<String, Value>>())
    }
}

impl Default for TaskLimit {
    fn default() -> Self {
        TaskLimit::new()
    }
}

/// The longest name that the database takes, in characters.
const LONGEST_NAME: usize = 200;

/// The task's name, as much of it as there is room for, and this.
fn named(task: &str, suffix: &str) -> String {
    let suffix: String = suffix.chars().take(LONGEST_NAME / 2).collect();
    let room = LONGEST_NAME - suffix.chars().count();
    task.chars().take(room).chain(suffix.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(limits: &[TaskLimit], task: &str) -> Vec<String> {
        let described = TaskLimit::describe_all(limits, task);
        let names = described.as_array().into_iter().flatten().filter_map(|limit| limit["name"].as_str());
        names.map(str::to_owned).collect()
    }

    #[test]
    fn a_name_is_made_of_the_task_and_the_key_and_differs_from_others() {
        let each = TaskLimit::new().key(&["customer", "day"]).max(1);
        let all = TaskLimit::new().max(1);
        let named = all.name("stripe");
        let limits = [each, all, named, each, all, all];
        let expected =
            ["eu.sync/customer,day", "eu.sync", "stripe", "eu.sync/customer,day/2", "eu.sync/2", "eu.sync/3"];
        assert_eq!(names(&limits, "eu.sync"), expected);
    }

    #[test]
    fn a_name_has_room_in_the_database() {
        let each = TaskLimit::new().key(&["customer"]).max(1);
        let of_long = names(&[each, each], &"ä".repeat(200));
        assert!(of_long.iter().all(|name| name.chars().count() == 200), "{of_long:?}");
        assert!(of_long[0].ends_with("ä/customer") && of_long[1].ends_with("ä/customer/2"), "{of_long:?}");
    }

    #[test]
    fn what_is_not_said_is_not_described() {
        let limits = [
            TaskLimit::new().key(&["a"]).max(2).rates(&["1/s"]).burst(3).cost("n"),
            TaskLimit::in_order().on_dead(OnDead::Pause),
            TaskLimit::fair_by(&["t"]),
        ];
        let expected = json!([
            {"name": "x/a", "key": ["a"], "max": 2, "rates": ["1/s"], "burst": 3, "cost": "n"},
            {"name": "x", "in_order": true, "on_dead": "pause"},
            {"name": "x/t", "key": ["t"], "fair": true},
        ]);
        assert_eq!(TaskLimit::describe_all(&limits, "x"), expected);
    }
}
