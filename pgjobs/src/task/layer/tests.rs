//! Layers around a task, without a worker.

use std::sync::Mutex;

use super::*;
use crate::db::claimed::Claimed;

static TASK: TaskDef = TaskDef::new("t", |context| {
    Box::pin(async move {
        match context.job().body() {
            Some("hang") => std::future::pending().await,
            Some("panic") => panic!("at the disco"),
            _ => context.finish(Ok::<_, TaskError>(7)),
        }
    })
});

/// Runs the task within 50 ms, inside of these layers.
async fn run(body: &str, layers: Vec<Arc<dyn AnyLayer>>) -> RunResult {
    let claimed = Claimed {
        body: Some(body.to_owned()),
        timeout: Duration::from_millis(50),
        ..Claimed::example("t", 1)
    };
    let (job, state) = (Arc::new(Job::example(claimed)), Arc::new(State::default()));
    Next::all(&layers, &TASK, &job, &state).run().await
}

static BLOCKING: TaskDef = TaskDef::new("t", |context| {
    Box::pin(async move {
        let token = context.job().cancel_token();
        let _ = tokio::task::spawn_blocking(move || while !token.is_cancelled() {}).await;
        context.finish(Ok::<_, TaskError>(7))
    })
});

/// The runtime of this test ends only when the thread has.
#[tokio::test]
async fn a_thread_that_a_task_began_hears_of_the_end_of_its_time() {
    let claimed = Claimed { timeout: Duration::from_millis(50), ..Claimed::example("t", 1) };
    let (job, state) = (Arc::new(Job::example(claimed)), Arc::new(State::default()));
    let result = Next::all(&[], &BLOCKING, &job, &state).run().await;
    assert!(result.unwrap_err().is_timeout());
    assert!(!job.is_cancelled(), "its time is over, which is no cancel");
}

type Log = Arc<Mutex<Vec<String>>>;

/// Writes down what happens inside of it.
struct Noted(&'static str, Log);

impl Noted {
    fn note(&self, what: &str) {
        self.1.lock().unwrap().push(format!("{} {what}", self.0));
    }
}

impl Layer for Noted {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        self.note("begins");
        let result = next.run().await;
        match &result {
            Ok(value) => self.note(value.get()),
            Err(error) => self.note(&format!("{error}, {}, {}", error.is_panic(), error.is_timeout())),
        }
        result
    }
}

fn noted(name: &'static str, log: &Log) -> Arc<dyn AnyLayer> {
    Arc::new(Noted(name, log.clone()))
}

fn said(log: &Log) -> Vec<String> {
    log.lock().unwrap().clone()
}

/// Waits for so many milliseconds before the task, and again after it.
struct Slow(u64, u64);

impl Layer for Slow {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        tokio::time::sleep(Duration::from_millis(self.0)).await;
        let result = next.run().await;
        tokio::time::sleep(Duration::from_millis(self.1)).await;
        result
    }
}

struct Panicking;

impl Layer for Panicking {
    async fn run(&self, _: &Job, _: Next<'_>) -> RunResult {
        panic!("in a layer")
    }
}

struct Skipping;

impl Layer for Skipping {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        next.skip(&"done already")
    }
}

#[tokio::test]
async fn the_first_layer_is_the_outermost() {
    let log = Log::default();
    assert_eq!(run("", vec![noted("a", &log), noted("b", &log)]).await.unwrap().get(), "7");
    assert_eq!(said(&log), ["a begins", "b begins", "b 7", "a 7"]);
}

#[tokio::test]
async fn a_layer_sees_a_panic_and_a_timeout_of_the_task_as_errors() {
    let log = Log::default();
    assert!(run("panic", vec![noted("a", &log)]).await.unwrap_err().is_panic());
    assert!(run("hang", vec![noted("a", &log)]).await.unwrap_err().is_timeout());
    let [panicked, timed_out] =
        ["a panicked: at the disco, true, false", "a timed out after 50ms, false, true"];
    assert_eq!(said(&log), ["a begins", panicked, "a begins", timed_out]);
}

#[tokio::test]
async fn a_panic_in_a_layer_is_an_error_that_names_it() {
    let log = Log::default();
    let error = run("", vec![noted("a", &log), Arc::new(Panicking), noted("b", &log)]).await.unwrap_err();
    assert_eq!(error.message(), "layer `pgjobs::task::layer::tests::Panicking` panicked: in a layer");
    assert_eq!(said(&log), ["a begins".to_owned(), format!("a {error}, true, false")]);
}

#[tokio::test]
async fn a_layer_may_work_on_a_timeout_for_a_while_but_not_for_ever() {
    assert_eq!(run("hang", vec![Arc::new(Slow(0, 10))]).await.unwrap_err().message(), "timed out after 50ms");
    let log = Log::default();
    let error = run("hang", vec![noted("a", &log), Arc::new(Slow(0, 3_600_000))]).await.unwrap_err();
    assert_eq!(error.message(), "layer `pgjobs::task::layer::tests::Slow` timed out after 1.05s");
    assert_eq!(said(&log), ["a begins".to_owned(), format!("a {error}, false, true")]);
}

#[tokio::test]
async fn what_a_layer_takes_before_the_task_is_taken_from_the_tasks_time() {
    let log = Log::default();
    let error = run("", vec![Arc::new(Slow(60, 0)), noted("within", &log)]).await.unwrap_err();
    assert_eq!(error.message(), "timed out after 50ms", "the task, which did not start");
    assert_eq!(said(&log), ["within begins", "within timed out after 50ms, false, true"]);
}

#[tokio::test]
async fn a_layer_may_skip_the_task_with_a_result() {
    let log = Log::default();
    let result = run("panic", vec![noted("a", &log), Arc::new(Skipping), noted("b", &log)]).await;
    assert_eq!(result.unwrap().get(), r#""done already""#);
    assert_eq!(said(&log), ["a begins", r#"a "done already""#]);
}
