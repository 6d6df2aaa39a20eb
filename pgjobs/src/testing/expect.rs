//! The assertions on what was published.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;

use super::database::Database;
use super::error::TestError;
use super::published::Published;
use crate::db::testing;
use crate::task::definition::Task;
use crate::types::options::Keep;

/// How many jobs an assertion expects.
#[derive(Debug, Clone, Copy)]
pub enum Many {
    /// At least one.
    Any,
    /// None.
    No,
    /// This many.
    Exactly(usize),
}

impl Many {
    fn is_met_by(self, found: usize) -> bool {
        match self {
            Many::Any => found > 0,
            Many::No => found == 0,
            Many::Exactly(count) => found == count,
        }
    }

    fn expected(self) -> String {
        match self {
            Many::Any => "at least one job".to_owned(),
            Many::No => "no job".to_owned(),
            Many::Exactly(1) => "exactly one job".to_owned(),
            Many::Exactly(count) => format!("exactly {count} jobs"),
        }
    }
}

/// What an assertion expects.
#[derive(Debug)]
pub struct Expected {
    /// How many jobs.
    pub many: Many,
    /// What they are like, as the test says it.
    pub pattern: &'static str,
}

impl Expected {
    /// Compares with what was published; the error is the message of the assertion.
    pub async fn check<T, F>(self, db: &Database, fits: F) -> Result<(), String>
    where
        T: Task + DeserializeOwned,
        F: Fn(&T) -> bool,
    {
        let jobs = db.published::<T>().await.map_err(|error| self.unknown(T::DEF.name, &error))?;
        let found = jobs.iter().filter(|job| fits(&job.call)).count();
        if self.many.is_met_by(found) {
            return Ok(());
        }
        let mut message = format!("expected {}, found {found}: {}", self.many.expected(), self.pattern);
        list(&mut message, &jobs, &fits);
        let others = testing::tasks_published(db.pool()).await.unwrap_or_default();
        let others = others.iter().filter(|(task, _)| T::DEF.names().all(|name| name != task));
        let others: Vec<String> = others.map(|(task, count)| format!("`{task}` ({count})")).collect();
        if !others.is_empty() {
            let _ = write!(message, "\n  jobs of other tasks: {}", others.join(", "));
        }
        Err(message)
    }

    fn unknown(&self, task: &str, error: &TestError) -> String {
        format!("cannot compare the jobs of `{task}` with {}: {error}", self.pattern)
    }
}

/// The most jobs that a message lists.
const LISTED: usize = 20;

/// Lists those that fit first, since they are what a refutation is about.
fn list<T: Task>(message: &mut String, jobs: &[Published<T>], fits: &impl Fn(&T) -> bool) {
    let task = T::DEF.name;
    let _ = match jobs.is_empty() {
        true => write!(message, "\n  no job of `{task}` was published{}", unless_gone(T::DEF.options.keep)),
        false => {
            write!(message, "\n  jobs of `{task}` that were published{}:", unless_gone(T::DEF.options.keep))
        }
    };
    let (found, others): (Vec<_>, Vec<_>) = jobs.iter().partition(|job| fits(&job.call));
    let found = found.into_iter().map(|job| ('*', job));
    for (mark, job) in found.chain(others.into_iter().map(|job| (' ', job))).take(LISTED) {
        let arguments = serde_json::to_string(&job.call).unwrap_or_else(|error| error.to_string());
        let _ = write!(message, "\n  {mark} {arguments}, {}", job.state);
    }
    if jobs.len() > LISTED {
        let _ = write!(message, "\n    and {} more", jobs.len() - LISTED);
    }
}

/// Jobs that leave no trace may have been published all the same.
fn unless_gone(keep: Keep) -> &'static str {
    match keep {
        Keep::All => "",
        Keep::Failed => ", or it succeeded (`keep = \"failed\"` leaves no trace of that)",
        Keep::None => ", or it has ended (`keep = \"none\"` leaves no trace of that)",
    }
}

/// Gives a closure that was written without the type of its parameter that type.
pub fn closure<T, F: Fn(&T) -> bool>(fits: F) -> F {
    fits
}

/// Fails unless a job of a task was published with these arguments, in the database of the test.
///
/// The call is written as its struct. Each argument is compared with `==`, so a text may be given as `"…"`;
/// `..` leaves the others open, and without it all must be named. What they are compared with is evaluated
/// once, and may `.await` or end the test with `?`. A closure may follow, for what `==` does not say. Jobs count in whatever state they are: pending, running and ended, unless their task does not
/// keep them (option `keep`). `count = n` expects exactly so many.
///
/// It awaits the database, so it stands in an `async` function. When it fails, it lists what was published of
/// the task, with all arguments, and of which other tasks there are jobs.
///
/// ```no_run
/// use pgjobs::testing::{Database, assert_published};
/// use pgjobs::task;
///
/// #[task]
/// async fn welcome(user_id: i64, #[default("en")] locale: String, coupon: Option<String>) {}
///
/// # async fn f(db: Database) {
/// assert_published!(db, welcome { user_id: 7, .. });
/// assert_published!(db, welcome { user_id: 7, locale: "en", coupon: None });
/// assert_published!(db, count = 3, welcome { .. });
/// assert_published!(db, welcome { locale: "pt", .. }, |call| call.user_id > 100 && call.coupon.is_some());
/// # }
/// ```
///
/// # Panics
/// When it does not hold, when the arguments of a job do not fit the task, and when the database cannot be
/// reached.
#[macro_export]
macro_rules! assert_published {
    ($db:expr, count = $count:expr, $($call:tt)+) => {
        $crate::__expect_published!(($crate::testing::__private::Many::Exactly($count), $($call)+) $db, $($call)+)
    };
    ($db:expr, $($call:tt)+) => {
        $crate::__expect_published!(($crate::testing::__private::Many::Any, $($call)+) $db, $($call)+)
    };
    ($($other:tt)*) => {
        ::core::compile_error!("write `assert_published!(db, my_task { argument: value, .. })`")
    };
}

/// Fails if a job of a task was published with these arguments; otherwise as
/// [`assert_published!`](crate::assert_published).
///
/// ```no_run
/// # use pgjobs::{task, testing::{Database, refute_published}};
/// # #[task] async fn welcome(user_id: i64) {}
/// # async fn f(db: Database) {
/// refute_published!(db, welcome { user_id: 8, .. });
/// refute_published!(db, welcome { .. }, |call| call.user_id < 0);
/// # }
/// ```
///
/// # Panics
/// When there is such a job, and as [`assert_published!`](crate::assert_published).
#[macro_export]
macro_rules! refute_published {
    ($db:expr, count = $($other:tt)*) => {
        ::core::compile_error!("`refute_published!` says that there is no such job: leave out the count, or use `assert_published!`")
    };
    ($db:expr, $($call:tt)+) => {
        $crate::__expect_published!(($crate::testing::__private::Many::No, $($call)+) $db, $($call)+)
    };
    ($($other:tt)*) => {
        ::core::compile_error!("write `refute_published!(db, my_task { argument: value, .. })`")
    };
}

/// Reads the call: its struct, with `..` or without, and the closure.
#[doc(hidden)]
#[macro_export]
macro_rules! __expect_published {
    ($expected:tt $db:expr, $task:ident ( $($arguments:tt)* ) $($other:tt)*) => {
        $crate::__expect_published!()
    };
    ($expected:tt $db:expr, $task:path { $($field:ident $(: $value:expr)?,)* .. } $(, $fits:expr)? $(,)?) => {
        $crate::__check_published!($expected, $db, $task, { $($field: _,)* .. }, [$([$field $(, $value)?])*], [$($fits)?])
    };
    ($expected:tt $db:expr, $task:path { $($field:ident $(: $value:expr)?),* $(,)? } $(, $fits:expr)? $(,)?) => {
        $crate::__check_published!($expected, $db, $task, { $($field: _,)* }, [$([$field $(, $value)?])*], [$($fits)?])
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "write the call as its struct, `my_task { argument: value, .. }`, then perhaps a closure, `|call| …`"
        )
    };
}

/// Evaluates what the arguments are compared with, once; compares; and panics where the assertion stands.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_published {
    (($many:expr, $($pattern:tt)+), $db:expr, $task:path, $fields:tt, [$([$field:ident $(, $value:expr)?])*], [$($fits:expr)?]) => {
        // Every expression of the test stands here, outside of the names that the arms bind.
        match (&$db, $many, ($(&$crate::__argument!($field $(, $value)?),)*), $crate::__closure!($task $(, $fits)?)) {
            (db, many, ($($field,)*), fits) => {
                let expected = $crate::testing::__private::Expected {
                    many,
                    pattern: ::core::stringify!($($pattern)+),
                };
                let all_fit = |call: &$task| -> bool {
                    let $task $fields = call; // all are named, unless there is `..`
                    true $(&& call.$field == *$field)* && fits(call)
                };
                if let ::core::result::Result::Err(message) = expected.check::<$task, _>(db, all_fit).await {
                    ::core::panic!("{message}");
                }
            }
        }
    };
}

/// What one argument is compared with; its name alone stands for a variable of that name.
#[doc(hidden)]
#[macro_export]
macro_rules! __argument {
    ($field:ident) => {
        $field
    };
    ($field:ident, $value:expr) => {
        $value
    };
}

/// The closure, or one that says nothing.
#[doc(hidden)]
#[macro_export]
macro_rules! __closure {
    ($task:path) => {
        $crate::testing::__private::closure::<$task, _>(|_| true)
    };
    ($task:path, $fits:expr) => {
        $crate::testing::__private::closure::<$task, _>($fits)
    };
}
