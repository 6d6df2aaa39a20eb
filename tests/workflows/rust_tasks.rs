//! Tasks of which flows are made.

use std::sync::Mutex;

use pgjobs::sqlx::PgPool;
use pgjobs::workflow::{Flow, NodeFailure, Results};
use pgjobs::{Job, TaskError, task};

/// What ran, in order.
#[derive(Clone, Default)]
pub(crate) struct Seen(std::sync::Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[task(name = "flow.number")]
pub(crate) async fn number(n: i64) -> Result<i64, TaskError> {
    Ok(n)
}

#[task(name = "flow.square")]
pub(crate) async fn square(n: i64) -> Result<i64, TaskError> {
    Ok(n * n)
}

#[task(name = "flow.add")]
pub(crate) async fn add(#[from] a: i64, #[default(100)] b: i64, c: Option<i64>) -> Result<i64, TaskError> {
    Ok(a + b + c.unwrap_or(0))
}

/// The number, or nothing for 0.
#[task(name = "flow.maybe")]
pub(crate) async fn maybe(n: i64) -> Result<Option<i64>, TaskError> {
    Ok((n != 0).then_some(n))
}

#[task(name = "flow.or_zero")]
pub(crate) async fn or_zero(n: Option<i64>) -> Result<i64, TaskError> {
    Ok(n.unwrap_or(0))
}

/// All three forms of what a parent gives may be absent.
#[task(name = "flow.optional_outcomes")]
pub(crate) async fn optional_outcomes(
    #[from] one: Option<Result<i64, NodeFailure>>,
    #[from] all: Option<Vec<Result<i64, NodeFailure>>>,
    #[from] pages: Option<Results<i64>>,
) -> Result<String, TaskError> {
    let one = one.and_then(Result::ok).unwrap_or(-1);
    let all = all.unwrap_or_default().into_iter().filter_map(Result::ok).sum::<i64>();
    Ok(format!("{one} {all} {}", pages.is_some_and(|pages| pages.node() == "many")))
}

#[task(name = "flow.sum")]
pub(crate) async fn sum(numbers: Vec<i64>) -> Result<i64, TaskError> {
    Ok(numbers.iter().sum())
}

#[task(name = "flow.join")]
pub(crate) async fn join(
    prefix: String,
    #[from] first: i64,
    #[from] all: Vec<i64>,
) -> Result<String, TaskError> {
    Ok(format!("{prefix}{first}:{all:?}"))
}

#[task(name = "flow.count_to")]
pub(crate) async fn count_to(n: i64) -> Result<Vec<i64>, TaskError> {
    Ok((1..=n).collect())
}

#[task(name = "flow.say")]
pub(crate) async fn say(#[inject] seen: &Seen, what: String) {
    seen.say(what);
}

/// Fails for good for multiples of this number.
#[task(name = "flow.picky")]
pub(crate) async fn picky(n: i64, #[default(3)] refused: i64) -> Result<i64, TaskError> {
    if n % refused == 0 { Err(TaskError::fatal(format!("{n} is a multiple of {refused}"))) } else { Ok(n) }
}

#[task(name = "flow.outcome")]
pub(crate) async fn outcome(of: Result<i64, NodeFailure>) -> Result<String, TaskError> {
    Ok(match of {
        Ok(n) => format!("got {n}"),
        Err(failure) => format!("{}: {}", failure.state, failure.error),
    })
}

#[task(name = "flow.outcomes")]
pub(crate) async fn outcomes(of: Vec<Result<i64, NodeFailure>>) -> Result<(Vec<i64>, usize), TaskError> {
    let all = of.len();
    let good: Vec<i64> = of.into_iter().filter_map(Result::ok).collect();
    let bad = all - good.len();
    Ok((good, bad))
}

#[task(name = "flow.stream_sum")]
pub(crate) async fn stream_sum(#[inject] pool: &PgPool, numbers: Results<i64>) -> Result<i64, TaskError> {
    let mut sum = 0;
    for number in numbers.all(pool).await? {
        sum += number?;
    }
    Ok(sum)
}

#[task(name = "flow.undo")]
pub(crate) async fn undo(#[inject] seen: &Seen, n: i64, #[default("undo")] how: String) {
    seen.say(format!("{how} {n}"));
}

/// Adds a group of squares, and lets `before` wait for them.
#[task(name = "flow.grow")]
pub(crate) async fn grow(
    #[inject] job: &Job,
    #[inject] pool: &PgPool,
    n: i64,
    before: Option<String>,
) -> Result<i64, TaskError> {
    let mut more = Flow::new("more");
    let squares = more.group("squares", (1..=n).map(square::new));
    more.then("sum", squares, sum::after());
    let mut tx = pool.begin().await?;
    let workflow = job.workflow();
    let workflow = match &before {
        Some(node) => workflow.before(node.as_str()),
        None => workflow,
    };
    workflow.add(&mut *tx, more).await?;
    job.finish(&mut tx, &n).await?;
    tx.commit().await?;
    Ok(n)
}
