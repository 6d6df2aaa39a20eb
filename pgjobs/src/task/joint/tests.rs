//! Meetings and joint runs, without a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::meeting::{Callee, Meeting, Seat};
use crate::db::claimed::Claimed;
use crate::task::definition::TaskDef;
use crate::task::handler::{Handler, Many};
use crate::task::job::Job;
use crate::task::layer::Next;
use crate::task::state::State;
use crate::types::task_error::{RunResult, TaskError};

/// How many calls are under way, and how many there were.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// A call that is under way until it ends or is dropped.
struct Call;

impl Call {
    fn begins() -> Self {
        UNDER_WAY.fetch_add(1, Ordering::SeqCst);
        Call
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says how many jobs there were; the body of the first says what else to do.
static COUNT: TaskDef = TaskDef::many(
    "t",
    Many::new(10, |context| {
        Box::pin(async move {
            let jobs = context.jobs().len();
            match context.jobs()[0].body() {
                Some("nothing") => Ok(()),
                Some("hang") => std::future::pending().await,
                Some("hang and count") => {
                    let _call = Call::begins();
                    std::future::pending().await
                }
                Some("panic") => panic!("at once"),
                _ => context.finish((0..jobs).map(|_| Ok::<_, TaskError>(jobs)).collect::<Vec<_>>()),
            }
        })
    }),
);

fn callee() -> Callee {
    let Handler::Many(many) = COUNT.run else { unreachable!("a batch handler") };
    Callee { def: &COUNT, many, state: Arc::default() }
}

fn meeting(jobs: usize) -> Vec<Seat> {
    let (meeting, seats) = Meeting::of(callee(), jobs);
    tokio::spawn(meeting.hold());
    seats
}

/// One run in its seat, or alone.
async fn run(body: &'static str, timeout: Duration, seat: Option<Seat>) -> RunResult {
    let claimed = Claimed { body: Some(body.to_owned()), timeout, ..Claimed::example("t", 1) };
    let (job, state) = (Arc::new(Job::example(claimed)), Arc::new(State::default()));
    Next::all(&[], &COUNT, &job, &state).seated(seat).run().await
}

/// Runs of as many jobs with this body, and what each ended with.
async fn together(body: &'static str, seats: Vec<Seat>) -> Vec<String> {
    let runs = seats.into_iter().map(|seat| run(body, Duration::from_secs(5), Some(seat)));
    futures_util::future::join_all(runs).await.into_iter().map(said).collect()
}

fn said(result: RunResult) -> String {
    match result {
        Ok(value) => value.get().to_owned(),
        Err(error) => error.message().to_owned(),
    }
}

#[tokio::test]
async fn a_call_is_for_all_who_came_and_not_for_those_who_left() {
    assert_eq!(together("", meeting(3)).await, ["3", "3", "3"]);
    let mut seats = meeting(3);
    drop(seats.remove(1));
    assert_eq!(together("", seats).await, ["2", "2"]);
}

#[tokio::test]
async fn a_job_without_a_seat_runs_alone() {
    assert_eq!(said(run("", Duration::from_secs(5), None).await), "1");
    assert_eq!(said(run("panic", Duration::from_secs(5), None).await), "panicked: at once");
    let error = run("hang", Duration::from_millis(20), None).await.unwrap_err();
    assert!(error.is_timeout() && error.message() == "timed out after 20ms", "{error}");
}

#[tokio::test]
async fn every_job_gets_an_outcome_whatever_the_call_does() {
    assert_eq!(
        together("nothing", meeting(2)).await,
        ["the joint run of 2 jobs: the batch handler gave this job no outcome"; 2]
    );
    assert_eq!(together("panic", meeting(2)).await, ["the joint run of 2 jobs: panicked: at once"; 2]);
}

#[tokio::test]
async fn who_comes_when_its_time_is_over_does_not_join() {
    let mut seats = meeting(2);
    let late = run("", Duration::ZERO, seats.pop());
    let (late, in_time) = tokio::join!(late, run("", Duration::from_secs(5), seats.pop()));
    assert!(late.is_err_and(|error| error.is_timeout()));
    assert_eq!(said(in_time), "1");
}

#[tokio::test]
async fn a_call_ends_when_the_last_of_its_runs_was_cut_off() {
    let runs: Vec<_> = meeting(3)
        .into_iter()
        .map(|seat| tokio::spawn(run("hang and count", Duration::from_secs(600), Some(seat))))
        .collect();
    let until = async |calls| {
        while UNDER_WAY.load(Ordering::SeqCst) != calls {
            tokio::task::yield_now().await;
        }
    };
    until(1).await;
    for run in &runs[..2] {
        run.abort();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(UNDER_WAY.load(Ordering::SeqCst), 1, "one run still waits for it");
    runs[2].abort();
    until(0).await;
}
