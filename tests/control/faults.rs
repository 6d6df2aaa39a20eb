//! Whatever happens to a worker, a command to it ends in a receipt.

use std::process::{Child, Command as Program, Stdio};
use std::time::Duration;

use pgjobs::control::{self, Command, CommandRow, CommandState, To};
use pgjobs::{Worker, inspect};
use pgjobs_tests::{Db, Proxy, until};
use sqlx::postgres::PgPoolOptions;

use crate::tasks::Stage;
use crate::{ended, tell};

/// A worker process; killed when the test ends.
struct Process(Child);

impl Process {
    async fn start(db: &Db) -> Self {
        let mut command = Program::new(env!("CARGO_BIN_EXE_app"));
        command.args(["worker", "--topic", "app.*", "--lease", "3s"]).env("DATABASE_URL", &db.url);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process(command.spawn().expect("the worker"));
        until("it is there", async || !inspect::workers(&db.pool).await.unwrap().is_empty()).await;
        process
    }

    fn signal(&self, signal: &str) {
        let sent = Program::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn send(db: &Db, command: &Command, expires: u64) -> Vec<i64> {
    control::send(&db.pool, &To::all(), command).expires(Duration::from_secs(expires)).await.unwrap()
}

fn said(receipt: &CommandRow) -> (CommandState, &str) {
    (receipt.state, receipt.answer.as_deref().unwrap_or_default())
}

/// Every command there is but stop and drain, which end the worker.
const ALL: [fn() -> Command; 5] = [
    || Command::Ping,
    || Command::Pause,
    || Command::Resume,
    || Command::Slots(3),
    || Command::Log("warn".to_owned()),
];

#[tokio::test]
async fn commands_to_a_killed_worker_expire_when_it_is_found_dead() {
    let db = Db::new().await;
    let mut worker = Process::start(&db).await;
    worker.0.kill().unwrap();
    worker.0.wait().unwrap();
    let mut sent = Vec::new();
    for command in ALL.iter().map(|make| make()).chain([Command::Drain, Command::Stop]) {
        sent.extend(send(&db, &command, 3600).await);
    }
    assert_eq!(sent.len(), 7);
    let (stage, _hears) = Stage::new();
    let other = Worker::new(db.pool.clone()).topic("control.*").state(stage).start().await.unwrap(); // sweeps
    for receipt in ended(&db, &sent).await {
        assert_eq!(said(&receipt), (CommandState::Expired, "the worker died"), "{}", receipt.kind);
    }
    other.shutdown().await;
}

#[tokio::test]
async fn without_anybody_to_find_it_dead_a_command_expires_by_its_time() {
    let db = Db::new().await;
    let mut worker = Process::start(&db).await;
    worker.0.kill().unwrap();
    worker.0.wait().unwrap();
    let sent = send(&db, &Command::Pause, 1).await;
    let receipt = ended(&db, &sent).await.remove(0);
    let (state, answer) = said(&receipt);
    assert_eq!(state, CommandState::Expired);
    assert!(answer.starts_with("no answer came in time: the last sign of life"), "{answer}");
    assert_eq!(receipt.answered_at, Some(receipt.expires_at));
}

#[tokio::test]
async fn a_frozen_worker_that_wakes_up_does_not_do_what_has_expired() {
    let db = Db::new().await;
    let worker = Process::start(&db).await;
    tell(&db, Command::Ping).await;
    worker.signal("-STOP");
    let mut sent = Vec::new();
    for command in [Command::Pause, Command::Slots(3), Command::Drain, Command::Stop] {
        sent.extend(send(&db, &command, 1).await);
    }
    for receipt in ended(&db, &sent).await {
        assert_eq!(receipt.state, CommandState::Expired, "{}", receipt.kind);
    }
    worker.signal("-CONT");
    // It may have to register anew; then it is asked again.
    until("it answers", async || {
        let workers = inspect::workers(&db.pool).await.unwrap();
        let Some(found) = workers.into_iter().find(|worker| worker.alive) else { return false };
        let ping = control::send(&db.pool, &To::worker(found.id), &Command::Ping).await;
        let Ok(sent) = ping else { return false };
        let receipts = control::wait(&db.pool, &sent, Duration::from_secs(5)).await.unwrap();
        receipts.first().is_some_and(|receipt| receipt.state == CommandState::Applied)
    })
    .await;
    let found = inspect::workers(&db.pool).await.unwrap().into_iter().find(|worker| worker.alive).unwrap();
    assert_eq!((found.paused_at, found.slots), (None, 16));
    for receipt in ended(&db, &sent).await {
        assert_eq!(receipt.state, CommandState::Expired, "{}", receipt.kind);
    }
}

#[tokio::test]
async fn a_command_waits_for_a_worker_whose_connections_were_cut() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let proxy = Proxy::before(&db);
    let pool = PgPoolOptions::new().max_connections(4).connect_lazy_with(proxy.options(&db));
    let running = Worker::new(pool).topic("control.*").state(stage).start().await.unwrap();
    assert_eq!(tell(&db, Command::Ping).await.0, "applied");
    proxy.set_up(false);
    let (lost, sent) = (send(&db, &Command::Pause, 1).await, send(&db, &Command::Slots(3), 600).await);
    assert_eq!(ended(&db, &lost).await[0].state, CommandState::Expired);
    proxy.set_up(true);
    let receipt = ended(&db, &sent).await.remove(0);
    assert_eq!(said(&receipt), (CommandState::Applied, "slots from 16 to 3"));
    assert_eq!(tell(&db, Command::Slots(5)).await.1, "slots from 3 to 5", "and it was applied once");
    assert!(inspect::workers(&db.pool).await.unwrap()[0].paused_at.is_none());
    running.shutdown().await;
}

#[tokio::test]
async fn a_worker_refuses_a_command_that_it_does_not_know() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = Worker::new(db.pool.clone()).topic("control.*").state(stage).start().await.unwrap();
    // As a newer release might send it, to a worker that says it knew it.
    db.run("update jobs.worker set commands = commands || '{dance}'").await;
    let dance = "select command from jobs._send_commands('dance', array(select id from jobs.worker), array[null::jsonb], 'me', null, 60, jobs.now())";
    let sent = db.one::<i64>(dance).await;
    assert_eq!(said(&ended(&db, &[sent]).await[0]), (CommandState::Refused, "unknown command"));
    running.shutdown().await;
}

#[tokio::test]
async fn a_command_to_a_worker_of_an_older_version_is_refused_at_once() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await; // registers as it did before there were commands
    for make in ALL {
        let sent = send(&db, &make(), 60).await;
        let receipts = control::wait(&db.pool, &sent, Duration::ZERO).await.unwrap();
        let (state, answer) = said(&receipts[0]);
        assert_eq!(state, CommandState::Refused);
        assert!(answer.starts_with("unknown command: a worker of version 1 does not know"), "{answer}");
    }
    db.run("select jobs.publish('a')").await;
    worker.claim(1).await;
    db.run("select jobs.cancel(array(select job_id::text from jobs.running))").await;
    let cancel = "select state from jobs.commands() where kind = 'cancel'";
    assert_eq!(db.one::<String>(cancel).await, "refused", "its code goes on, and that is said");
}

#[tokio::test]
async fn commands_to_a_worker_that_leaves_expire_then() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.run("update jobs.worker set commands = '{ping}'").await;
    let sent = send(&db, &Command::Ping, 600).await;
    db.run(&format!("select jobs.unregister_worker('{}')", worker.id)).await;
    assert_eq!(said(&ended(&db, &sent).await[0]), (CommandState::Expired, "the worker has left"));
}
