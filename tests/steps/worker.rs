//! Tasks in steps, in a worker.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pgjobs::sqlx::{self, PgPool};
use pgjobs::{Error, JobHandle, OnChange, StepError, Steps, TaskError, Worker, inspect, task};
use pgjobs_tests::Db;

use crate::support::left;

/// Runs what is due, with the code of one run after another.
async fn work(db: &Db) {
    Worker::new(db.pool.clone()).topic("steps.*").burst().listen(false).run().await.unwrap();
}

async fn error<R>(db: &Db, job: &JobHandle<R>) -> String {
    inspect::job(&db.pool, job.id()).await.unwrap().traceback.unwrap_or_default()
}

async fn state<R>(db: &Db, job: &JobHandle<R>) -> &'static str {
    inspect::job(&db.pool, job.id()).await.unwrap().state.as_str()
}

static DRAWN: AtomicU32 = AtomicU32::new(0);

/// A number that differs with each call.
fn draw() -> u32 {
    DRAWN.fetch_add(1, Ordering::Relaxed)
}

#[task(name = "steps.twice", retries = 3, backoff = "fixed(1ms)")]
async fn twice(#[inject] steps: &Steps) -> Result<Vec<u32>, TaskError> {
    let first = steps.step("first", async || Ok(draw())).await?;
    let text = steps.step("text", async || Ok("x".repeat(20_000))).await?;
    let second = match steps.step("second", async || second(steps)).await {
        Err(StepError::Failed(error)) if steps.job().attempt() == 1 => return Err(error),
        second => second?,
    };
    Ok(vec![first, text.len() as u32, second])
}

fn second(steps: &Steps) -> Result<u32, TaskError> {
    if steps.job().attempt() == 1 { Err(TaskError::new("not yet")) } else { Ok(7) }
}

#[tokio::test]
async fn a_run_after_a_failure_goes_on_behind_what_is_done() {
    let db = Db::with_clock().await;
    let job = twice::publish(&db.pool).await.unwrap();
    work(&db).await;
    assert!(error(&db, &job).await.contains("not yet"));
    let recorded = inspect::steps(&db.pool, job.id()).await.unwrap();
    let names: Vec<&str> = recorded.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["first", "text"]);
    let first: i32 = db.one("select value::integer from jobs.checkpoint where name = 'first'").await;
    db.advance(Duration::from_secs(1)).await;
    work(&db).await;
    let result = job.wait(&db.pool).await.unwrap();
    assert_eq!(result, [first.unsigned_abs(), 20_000, 7]);
    assert_eq!(left(&db).await, "0 0 0 0");
}

#[task(name = "steps.wait", steps("nap", "go/*", "before"))]
async fn wait(#[inject] steps: &Steps, order: i64) -> Result<Option<String>, TaskError> {
    steps.step("before", async || Ok(draw())).await?;
    steps.sleep("nap", Duration::from_secs(3600)).await?;
    Ok(steps.wait_for(format!("go/{order}"), Duration::from_secs(7200)).await?)
}

#[tokio::test]
async fn sleeps_and_waits_hold_no_slot_and_count_no_run() {
    let db = Db::with_clock().await;
    let answered = wait::publish(&db.pool, 1).await.unwrap();
    let forgotten = wait::publish(&db.pool, 2).await.unwrap();
    let why = async |job: &JobHandle<Option<String>>| job.explain(&db.pool).await.unwrap()[0].code.clone();
    work(&db).await;
    assert_eq!(why(&answered).await, "sleeps");
    db.advance(Duration::from_secs(3600)).await;
    work(&db).await;
    assert_eq!(why(&answered).await, "waits_for_signal");
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 0);
    let mut tx = db.pool.begin().await.unwrap();
    assert!(pgjobs::signal(&mut *tx, "go/1", "yes").await.unwrap());
    tx.commit().await.unwrap();
    assert!(!pgjobs::signal(&db.pool, "go/1", "no").await.unwrap());
    work(&db).await;
    assert_eq!(answered.wait(&db.pool).await.unwrap().as_deref(), Some("yes"));
    assert_eq!(state(&db, &forgotten).await, "pending");
    db.advance(Duration::from_secs(7200)).await;
    work(&db).await;
    assert_eq!(forgotten.wait(&db.pool).await.unwrap(), None);
    assert_eq!(db.one::<i32>("select max(retries) from jobs.job").await, 0);
}

#[task(name = "steps.book", retries = 3, backoff = "fixed(1ms)")]
async fn book(#[inject] pool: &PgPool, #[inject] steps: &Steps) -> Result<i64, TaskError> {
    let mut tx = pool.begin().await?;
    let insert = async |tx: &mut sqlx::PgConnection| {
        Ok(sqlx::query_scalar::<_, i64>("insert into entry (n) values (1) returning id")
            .fetch_one(tx)
            .await?)
    };
    let id = steps.step_in(&mut tx, "book", insert).await?;
    match steps.job().attempt() {
        1 => return Err(TaskError::new("undone")), // the transaction is rolled back
        _ => tx.commit().await?,
    }
    if steps.job().attempt() == 2 { Err(TaskError::new("done, and then failed")) } else { Ok(id) }
}

#[tokio::test]
async fn an_effect_in_the_transaction_of_its_step_is_there_once() {
    let db = Db::with_clock().await;
    db.run("create table entry (id bigint generated always as identity, n integer)").await;
    let job = book::publish(&db.pool).await.unwrap();
    for _ in 0..3 {
        work(&db).await;
        db.advance(Duration::from_secs(1)).await;
    }
    let id = job.wait(&db.pool).await.unwrap();
    assert_eq!(db.all::<i64>("select id from entry").await, [id]);
    assert_eq!(id, 2, "the first was rolled back");
}

#[task(name = "steps.of", retries = 1)]
async fn of(#[inject] steps: &Steps, input: i64, policy: String) -> Result<u32, TaskError> {
    let on_change = match policy.as_str() {
        "fail" => OnChange::Fail,
        "keep" => OnChange::Keep,
        _ => OnChange::Rerun,
    };
    let drawn = steps.step_with("draw", &input, on_change, async || Ok(draw())).await?;
    steps.step("again", async || Err::<(), _>(TaskError::fatal("stop"))).await?;
    Ok(drawn)
}

#[tokio::test]
async fn a_step_for_other_inputs_runs_again_fails_or_stays() {
    for (policy, changes, ends) in
        [("rerun", true, "stop"), ("keep", false, "stop"), ("fail", false, "other inputs")]
    {
        let db = Db::new().await;
        let value = "select value::integer from jobs.checkpoint";
        let job = of::publish(&db.pool, 1, policy.to_owned()).await.unwrap();
        work(&db).await;
        let first: i32 = db.one(value).await;
        let retry = format!("select jobs.retry(array['{}'])", job.id());
        db.run(&retry).await;
        work(&db).await;
        assert_eq!(db.one::<i32>(value).await, first, "{policy}: the same inputs");
        db.run(&format!("select jobs.edit('{}', i_body => '{{\"args\": [2, \"{policy}\"]}}')", job.id()))
            .await;
        db.run(&retry).await;
        work(&db).await;
        assert_eq!(db.one::<i32>(value).await != first, changes, "{policy}");
        assert!(error(&db, &job).await.contains(ends), "{policy}: {}", error(&db, &job).await);
    }
}

#[task(name = "steps.wrong", steps("one", "two/*"))]
async fn wrong(#[inject] steps: &Steps, how: String) -> Result<(), TaskError> {
    match how.as_str() {
        "undeclared" => steps.step("three", async || Ok(())).await?,
        "twice" => {
            steps.step("one", async || Ok(1)).await?;
            steps.step("one", async || Ok(2)).await?;
        }
        "kind" => {
            steps.step("two/a", async || Ok(1)).await?;
            steps.sleep("two/a", Duration::from_secs(1)).await?;
        }
        "large" => drop(steps.step("one", async || Ok("x".repeat(2 << 20))).await?),
        "type" => drop(steps.wait_for::<u8>("two/b", Duration::ZERO).await?),
        _ => drop(steps.step("", async || Ok(())).await?),
    }
    Ok(())
}

#[tokio::test]
async fn mistakes_with_steps_fail_for_good_and_say_what_to_do() {
    let db = Db::new().await;
    db.run("select jobs.signal('two/b', '\"secret\"')").await;
    for (how, says) in [
        ("undeclared", "task `steps.wrong` does not declare the step `three`: add it to #[task(steps(…))]"),
        ("twice", "`one` was asked for twice in one run"),
        ("kind", "`two/a` was asked for twice in one run"),
        ("large", "step `one`: the value of 'one' takes 2097154 bytes as text, the limit is 1048576"),
        ("type", "step `two/b`: what is recorded is no u8"),
        ("empty", "1 to 200 characters"),
    ] {
        let job = wrong::publish(&db.pool, how.to_owned()).await.unwrap();
        work(&db).await;
        let error = error(&db, &job).await;
        assert!(error.contains(says) && !error.contains("secret"), "{how}: {error}");
        assert_eq!(state(&db, &job).await, "failed", "{how}");
    }
}

#[task(name = "steps.parent", retries = 2, backoff = "fixed(1ms)")]
async fn parent(#[inject] steps: &Steps, fails: bool) -> Result<u8, TaskError> {
    let child = child::publish(steps.on_success(), 1).priority(4).await?;
    let all = pgjobs::publish_all(steps.on_success(), [2, 3].map(child::new)).await?;
    assert!(all.len() == 2 && *child.id() != *all[0].id());
    if fails { Err(TaskError::new("no")) } else { Ok(9) }
}

#[task(name = "other.child")]
async fn child(n: i64) {
    let _ = n;
}

#[tokio::test]
async fn jobs_published_on_success_are_there_with_it_or_not_at_all() {
    let db = Db::with_clock().await;
    let children = "select count(*) from jobs.pending where task = 'other.child'";
    let failed = parent::publish(&db.pool, true).await.unwrap();
    for _ in 0..2 {
        work(&db).await;
        db.advance(Duration::from_secs(1)).await;
    }
    assert_eq!((state(&db, &failed).await, db.one::<i64>(children).await), ("failed", 0));
    let job = parent::publish(&db.pool, false).await.unwrap();
    work(&db).await;
    assert_eq!(job.wait(&db.pool).await.unwrap(), 9);
    assert_eq!(db.one::<i64>(children).await, 3);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.pending where task = 'other.child' and priority = 4").await,
        1
    );
    // What the database refuses fails the run, and nothing is published.
    db.run("delete from jobs.pending; update jobs.config set max_bulk = 1").await;
    let refused = parent::publish(&db.pool, false).await.unwrap();
    for _ in 0..2 {
        work(&db).await;
        db.advance(Duration::from_secs(1)).await;
    }
    assert_eq!((state(&db, &refused).await, db.one::<i64>(children).await), ("failed", 0));
    assert!(error(&db, &refused).await.contains("publishing on success"), "{}", error(&db, &refused).await);
}

#[task(name = "steps.both", retries = 1)]
async fn both(#[inject] pool: &PgPool, #[inject] steps: &Steps) -> Result<(), TaskError> {
    child::publish(steps.on_success(), 1).await?;
    let mut tx = pool.begin().await?;
    let refused = steps.job().finish(&mut tx, &()).await;
    assert!(matches!(refused, Err(Error::Option { name: "on_success", .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_task_ends_its_job_itself_or_publishes_with_its_success() {
    let db = Db::new().await;
    let job = both::publish(&db.pool).await.unwrap();
    work(&db).await;
    job.wait(&db.pool).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where task = 'other.child'").await, 1);
}

/// An error type of a program's own, as `thiserror` makes them.
#[derive(Debug)]
struct Mine(StepError);

impl std::fmt::Display for Mine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("mine")
    }
}

impl std::error::Error for Mine {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Nothing that the code does with errors makes a wait an answer.
#[task(name = "steps.careless")]
async fn careless(#[inject] steps: &Steps, how: u8) -> Result<bool, Mine> {
    let time = Duration::from_secs(60);
    match how {
        0 => Ok(steps.wait_for::<bool>("careless", time).await.unwrap_or_default().unwrap_or_default()),
        1 => steps.wait_for::<bool>("careless", time).await.map(Option::unwrap_or_default).map_err(Mine),
        _ => tokio::select! {
            _ = steps.sleep("careless sleep", time) => Ok(true),
            () = tokio::time::sleep(Duration::from_secs(50)) => Ok(false),
        },
    }
}

#[tokio::test]
async fn a_wait_is_no_error_that_code_could_swallow() {
    let db = Db::with_clock().await;
    for how in 0..3 {
        let job = careless::publish(&db.pool, how).await.unwrap();
        work(&db).await;
        assert_eq!(state(&db, &job).await, "pending", "{how}");
    }
    db.run("select jobs.signal('careless', 'true')").await;
    db.advance(Duration::from_secs(60)).await;
    work(&db).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where result = 'true'").await, 3);
}

static FLAKY: AtomicU32 = AtomicU32::new(0);

#[task(name = "steps.beside", retries = 1)]
async fn beside(#[inject] steps: &Steps) -> Result<Vec<String>, TaskError> {
    let said = |result: Result<u32, StepError>| match result {
        Ok(value) => value.to_string(),
        Err(StepError::Twice { .. }) => "twice".to_owned(),
        Err(error) => error.to_string(),
    };
    let (one, two) = tokio::join!(steps.step("same", async || Ok(1)), steps.step("same", async || Ok(2)));
    // One that failed may run again, also for other inputs than those recorded.
    steps.step_with("inputs", &1, OnChange::Rerun, async || Ok(1_u32)).await?;
    Ok(vec![said(one), said(two)])
}

#[tokio::test]
async fn a_name_belongs_to_the_step_that_runs() {
    let db = Db::new().await;
    let job = beside::publish(&db.pool).await.unwrap();
    work(&db).await;
    assert_eq!(job.wait(&db.pool).await.unwrap(), ["1", "twice"]);
}

#[task(name = "steps.again", retries = 3, backoff = "fixed(1ms)")]
async fn again(#[inject] steps: &Steps) -> Result<u32, TaskError> {
    let attempt = steps.job().attempt();
    let flaky = async || match FLAKY.fetch_add(1, Ordering::Relaxed) {
        1 => Err(TaskError::new("flaky")),
        nth => Ok(nth),
    };
    let first = steps.step_with("inputs", &attempt, OnChange::Rerun, flaky).await;
    match (attempt, first) {
        (1, _) => Err(TaskError::new("another run, with other inputs")),
        (_, Err(StepError::Failed(_))) => {
            Ok(steps.step_with("inputs", &attempt, OnChange::Rerun, flaky).await?)
        }
        (_, other) => Ok(other?),
    }
}

#[tokio::test]
async fn a_step_for_other_inputs_that_failed_may_run_again() {
    let db = Db::with_clock().await;
    let job = again::publish(&db.pool).await.unwrap();
    work(&db).await;
    db.advance(Duration::from_secs(1)).await;
    work(&db).await;
    assert_eq!(job.wait(&db.pool).await.unwrap(), 2);
}

#[task(name = "steps.graft", retries = 1)]
async fn graft(#[inject] pool: &PgPool, #[inject] steps: &Steps) -> Result<f64, TaskError> {
    let mut tx = pool.begin().await?;
    let mut more = pgjobs::workflow::Flow::new("more");
    more.node("child", child::new(1));
    steps.job().workflow().add(&mut *tx, more).await?;
    let value = steps.step_in(&mut tx, "one", async |_| Ok(0.1_f64 + 0.2)).await?;
    tx.commit().await?;
    Ok(value)
}

/// The transaction has the run locked, and no other connection is needed.
#[tokio::test]
async fn a_step_in_a_transaction_uses_its_connection_alone() {
    let db = Db::new().await;
    let mut flow = pgjobs::workflow::Flow::new("graft");
    flow.node("graft", graft::new());
    flow.publish(&db.pool).await.unwrap();
    work(&db).await;
    let result = "select state || ' ' || (result #>> '{}') from jobs.node where name = 'graft'";
    assert_eq!(db.one::<String>(result).await, "success 0.30000000000000004", "as it was, to the last digit");
}

#[task(name = "steps.large_number", retries = 2)]
async fn large_number(#[inject] steps: &Steps) -> Result<String, TaskError> {
    let number = steps.step("number", async || Ok(u128::MAX)).await?;
    if steps.job().attempt() == 1 {
        return Err("once more".into());
    }
    let not = steps.step("not a number", async || Ok(f64::NAN)).await.unwrap_err();
    Ok(format!("{} {not}", number == u128::MAX))
}

/// A step returns in later runs what it returned in the first, or is not recorded at all.
#[tokio::test]
async fn numbers_stay_what_they_are_and_what_is_no_number_is_not_recorded() {
    let db = Db::with_clock().await;
    let job = large_number::publish(&db.pool).await.unwrap();
    work(&db).await;
    db.advance(Duration::from_secs(60)).await;
    work(&db).await;
    let said = job.wait(&db.pool).await.unwrap();
    assert!(said.starts_with("true step `not a number`: its JSON is no f64"), "{said}");
}
