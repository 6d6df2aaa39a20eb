//! Workers as real processes: killed, stopped and resumed, asked to end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgjobs::NewJob;
use pgjobs_tests::{Db, Lateness, ended, until};

/// A worker process; killed when the test ends.
struct Worker(Child);

impl Worker {
    fn start(db: &Db, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
        command.args(["worker", "--topic", "app.hold"]).args(options);
        command.env("DATABASE_URL", &db.url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Worker(command.spawn().expect("the worker"))
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }

    fn kill(&mut self) {
        self.0.kill().expect("kill -9");
        self.0.wait().expect("its end");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the jobs of a test note their starts and ends.
fn journal(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}.journal", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// Runs end when this is dropped, and not before: however slow the machine is, they still run when the test looks.
struct Held(PathBuf);

impl Held {
    fn runs_of(journal: &Path) -> Self {
        let file = journal.with_added_extension("held");
        std::fs::write(&file, "").expect("the file");
        Held(file)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn noted(journal: &Path, what: &str) -> usize {
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    text.lines().filter(|line| line.starts_with(what)).count()
}

async fn hold(db: &Db, journal: &Path, jobs: usize, millis: u64) {
    let mut tx = db.pool.begin().await.unwrap();
    for _ in 0..jobs {
        let file = journal.to_str().expect("a path in UTF-8");
        NewJob::named("app.hold").arg(file).arg(millis).retries(3).publish(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

const ENDED_WELL: &str = "select count(*) from jobs.job where status = 'success'";

/// What the dead attempts know, kept aside so that a test can say it later.
const REMEMBER: &str = "create table dead as select job_id, lease from jobs._runs";
const LATE_ACKS: &str = "
    select count(*) from jobs.settle((select array_agg(job_id::text order by job_id) from dead),
      (select array_agg(lease order by job_id) from dead), (select array_agg('success'::text) from dead),
      (select array_agg('0'::jsonb) from dead), (select array_agg(null::text) from dead),
      (select array_agg(null::float8) from dead))";

#[tokio::test]
async fn fifty_jobs_of_a_killed_worker_run_again_elsewhere_and_succeed() {
    let lateness = Lateness::watch();
    let (db, journal) = (Db::new().await, journal("kill"));
    let held = Held::runs_of(&journal);
    hold(&db, &journal, 50, 0).await;
    let mut first = Worker::start(&db, &["--concurrency", "50", "--lease", "3s"]);
    until("50 run", async || noted(&journal, "start") == 50).await;
    db.run(REMEMBER).await;
    first.kill();
    let killed = Instant::now();
    let _second = Worker::start(&db, &["--concurrency", "50", "--lease", "3s"]);
    until("50 run again", async || noted(&journal, "start") == 100).await;
    let back = killed.elapsed();
    assert_eq!(
        db.one::<i64>(LATE_ACKS).await,
        50,
        "acks of the dead attempts are refused while the next run"
    );
    drop(held);
    until("50 ended", async || db.one::<i64>(ENDED_WELL).await == 50).await;
    assert_eq!(db.one::<i64>(LATE_ACKS).await, 50, "and after");
    assert_eq!(
        db.one::<i64>("select count(distinct job_id) from jobs.job where attempt = 2 and retries = 1").await,
        50
    );
    assert_eq!(noted(&journal, "end"), 50);
    println!("all 50 ran again {back:?} after the kill, with a lease of 3 s");
    assert!(back < lateness.allow(Duration::from_secs(3 + 2)), "{back:?}");
}

#[tokio::test]
async fn a_worker_that_was_stopped_and_resumed_is_fenced_and_works_on() {
    let (db, journal) = (Db::new().await, journal("stop"));
    hold(&db, &journal, 5, 100).await;
    let zombie = Worker::start(&db, &["--concurrency", "5", "--lease", "3s"]);
    until("they ended", async || db.one::<i64>(ENDED_WELL).await == 5).await;
    let held = Held::runs_of(&journal);
    hold(&db, &journal, 5, 0).await;
    until("5 more run", async || noted(&journal, "start") == 10).await;
    zombie.signal("-STOP");
    let other = Worker::start(&db, &["--concurrency", "5", "--lease", "3s"]);
    until("they run elsewhere", async || noted(&journal, "start") == 15).await;
    zombie.signal("-CONT");
    drop(held);
    until("all ended", async || db.one::<i64>(ENDED_WELL).await == 10).await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job where attempt = 2").await,
        5,
        "one completion each, by the second attempt"
    );
    drop(other);
    hold(&db, &journal, 5, 10).await;
    until("the resumed worker works", async || db.one::<i64>(ENDED_WELL).await == 15).await;
}

#[tokio::test]
async fn sigterm_lets_jobs_finish_and_releases_the_rest() {
    let (db, journal) = (Db::new().await, journal("term"));
    let held = Held::runs_of(&journal);
    hold(&db, &journal, 6, 0).await;
    let mut worker = Worker::start(&db, &["--concurrency", "2"]);
    until("2 run", async || noted(&journal, "start") == 2).await;
    worker.signal("-TERM");
    drop(held);
    assert_eq!(ended(&mut worker.0).code(), Some(0));
    assert_eq!((noted(&journal, "start"), noted(&journal, "end")), (2, 2), "nothing new was started");
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job_queue where run_at is null and retries = 0").await,
        4
    );
    assert!(pgjobs::inspect::workers(&db.pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let (db, journal) = (Db::new().await, journal("twice"));
    let _held = Held::runs_of(&journal);
    hold(&db, &journal, 1, 0).await;
    let mut worker = Worker::start(&db, &[]);
    until("it runs", async || noted(&journal, "start") == 1).await;
    // Two signals sent at once may arrive as one, so they are repeated until it has ended.
    let begun = Instant::now();
    while worker.0.try_wait().expect("its status").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(180), "it goes on");
        worker.signal("-INT");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ended(&mut worker.0).code(), Some(130));
}

#[tokio::test]
async fn killing_workers_again_and_again_loses_nothing() {
    let (db, journal) = (Db::new().await, journal("again"));
    hold(&db, &journal, 200, 60).await;
    db.run("update jobs.pending set max_retries = 50").await;
    let options = ["--concurrency", "8", "--lease", "1s"];
    let mut workers: Vec<Worker> = (0..2).map(|_| Worker::start(&db, &options)).collect();
    for kill in 0..6 {
        let before = noted(&journal, "start");
        until("work goes on", async || {
            noted(&journal, "start") > before + 3 || db.one::<i64>(ENDED_WELL).await == 200
        })
        .await;
        workers[kill % 2].kill();
        workers[kill % 2] = Worker::start(&db, &options);
    }
    until("all ended", async || db.one::<i64>(ENDED_WELL).await == 200).await;
    assert_eq!(
        db.one::<i64>("select count(distinct job_id) from jobs.job").await,
        200,
        "one completion each"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 0);
}

/// Jobs that were claimed ahead of their turn, and have one run only.
#[tokio::test]
async fn jobs_that_a_killed_worker_had_not_begun_are_requeued_uncharged() {
    let db = Db::new().await;
    let journal = journal("ahead");
    let file = journal.to_str().expect("a path in UTF-8");
    let publish = async |jobs: usize, millis: u64| {
        let mut tx = db.pool.begin().await.unwrap();
        for _ in 0..jobs {
            NewJob::named("app.hold").arg(file).arg(millis).retries(1).publish(&mut tx).await.unwrap();
        }
        tx.commit().await.unwrap();
    };
    publish(3000, 0).await; // fast, so that the worker claims ahead; then slow ones
    publish(3000, 60_000).await;
    let mut worker = Worker::start(&db, &["--concurrency", "16", "--lease", "2s"]);
    // Also of the fast ones that have ended: one whose ack is still on its way when the worker dies has begun, and is charged.
    until("all fast ones have ended, slow ones fill its slots, and more are claimed ahead", async || {
        noted(&journal, "start") == 3016
            && db.one::<i64>(ENDED_WELL).await == 3000
            && db.one::<i64>("select count(*) from jobs.running").await > 16
    })
    .await;
    worker.kill();
    until("all are back", async || {
        db.run("select jobs.sweep(10000)").await;
        db.one::<i64>("select count(*) from jobs.running").await == 0
    })
    .await;
    let lost =
        "select count(*) from jobs.job where status = 'failed' and traceback = 'lost: the worker died'";
    assert_eq!(db.one::<i64>(lost).await, 16, "those that had begun, and no other");
    let left = "select count(*) from jobs.job_queue where retries = 0";
    assert_eq!(db.one::<i64>(left).await, 3000 - 16);
}

/// How many jobs end in a second, the median of ten.
async fn rate(db: &Db) -> i64 {
    let ended = async || db.one::<i64>("select count(*) from jobs.job").await;
    let (mut rates, mut before) = (Vec::new(), ended().await);
    for _ in 0..10 {
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = ended().await;
        rates.push((now - before) * 1_000 / i64::try_from(begun.elapsed().as_millis()).unwrap());
        before = now;
    }
    rates.sort_unstable();
    rates[5]
}

/// Stops the worker again and again, until it is stopped while a large answer is on its way to it.
async fn freeze_in_a_claim(db: &Db, worker: &Worker) {
    let writes = "select exists (select from pg_stat_activity where application_name like '%pgjobs claim'
                                 and datname = current_database() and wait_event = 'ClientWrite')";
    until("it is frozen in a claim", async || {
        worker.signal("-STOP");
        tokio::time::sleep(Duration::from_millis(30)).await;
        let is_frozen = db.one::<bool>(writes).await;
        if !is_frozen {
            worker.signal("-CONT");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        is_frozen
    })
    .await;
}

/// A virtual machine that is paused, a network that is gone without a word: the answer to a claim finds nobody who reads it.
#[tokio::test]
async fn a_worker_that_is_frozen_in_a_claim_stops_nobody() {
    let (db, journal, lateness) = (Db::new().await, journal("frozen"), Lateness::watch());
    let echo = ["--topic", "app.echo", "--lease", "3s"];
    let mut frozen = Worker::start(&db, &[&echo[..], &["--concurrency", "300"]].concat());
    hold(&db, &journal, 1, 600_000).await;
    until("it runs a long job", async || noted(&journal, "start") == 1).await;
    db.run("update jobs.batch set jobs[1].priority = 2").await; // before the large ones, when it comes back
    // Jobs that sleep, so that the rate is that of the slots and not of the machine.
    db.run(
        "select jobs.publish_arrays('{app.slow}', array_fill('{\"args\": [0.05]}'::jsonb, array[1000]), null, null, null, null, null)
         from generate_series(1, 30)",
    )
    .await;
    let mut healthy =
        Worker::start(&db, &[&echo[..], &["--topic", "app.slow", "--concurrency", "20"]].concat());
    until("the other works", async || db.one::<i64>(ENDED_WELL).await > 0).await;
    // Each time beside a rate of its own: what else the machine does passes, what a frozen worker holds does not.
    let mut moved = None;
    for attempt in 1.. {
        let alone = rate(&db).await;
        db.run(
            "select jobs.publish_arrays('{app.echo}', array_fill(jsonb_build_object('args', array[repeat('large ', 7000)]), array[100]),
                                     null, null, null, '{1}', null)
             from generate_series(1, 80)",
        )
        .await;
        freeze_in_a_claim(&db, &frozen).await;
        let begun = Instant::now();
        let (beside, elsewhere) = tokio::join!(rate(&db), async {
            until("its long job runs elsewhere", async || noted(&journal, "start") == 2).await;
            begun.elapsed()
        });
        let moved = *moved.get_or_insert(elsewhere);
        println!("{alone} jobs/s alone, {beside} beside a frozen worker, whose job moved after {moved:?}");
        assert!(moved <= lateness.allow(Duration::from_secs(3 + 2)), "moved after {moved:?}");
        if beside * 10 >= alone * 8 {
            break;
        }
        assert!(attempt < 3, "{beside} jobs/s, {alone} alone");
        frozen.signal("-CONT");
    }
    until("all large ones end", async || {
        db.one::<i64>("select count(*) from jobs.job_queue where task = 'app.echo'").await == 0
    })
    .await;
    healthy.kill();
    frozen.signal("-CONT");
    frozen.kill();
}

/// Schedules that are due every second, and workers that are killed while they tick: each second publishes once.
#[tokio::test]
async fn each_tick_publishes_once_whichever_worker_is_killed() {
    let db = Db::new().await;
    db.run("select jobs.set_schedule('s' || g, 'app.nobody', i_every => '1 s', i_catch_up => 'all') from generate_series(1, 5) g").await;
    let start: i64 = db.one("select extract(epoch from max(created_at))::bigint from jobs.schedules()").await;
    let mut workers: Vec<Worker> = (0..3).map(|_| Worker::start(&db, &[])).collect();
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..8 {
        let before: i64 = db.one("select count(*) from jobs.pending").await;
        until("a worker ticked", async || db.one::<i64>("select count(*) from jobs.pending").await > before)
            .await;
        let at = random.usize(..workers.len());
        workers[at].kill();
        workers[at] = Worker::start(&db, &[]);
    }
    let end: i64 = db.one("select extract(epoch from clock_timestamp())::bigint").await;
    until("all up to now has ticked", async || {
        db.one::<bool>(&format!("select min(next_at) > to_timestamp({end}) from jobs.schedules()")).await
    })
    .await;
    let wrong: Vec<String> = db
        .all(&format!(
            "select s.name || ' ' || t || ' ' || count(q.id) from jobs.schedules() s cross join generate_series({start} + 1, {end}) t
             left join jobs.pending q on q.meta->'tick'->>'at' = jobs._utc(to_timestamp(t)) and q.meta->'tick'->>'schedule' = s.name
             group by s.name, t having count(q.id) <> 1"
        ))
        .await;
    assert!(wrong.is_empty(), "of {} seconds: {wrong:?}", end - start);
}
