//! A job that begins to wait and somebody who sends the signal, in every order of their statements.

use std::time::Duration;

use pgjobs_tests::{Db, waiting};

use crate::support::{Run, consume, execute, left};

/// The statements of the waiting side: it has claimed, it asks, it settles. The sender begins and sends at one of
/// these moments, and ends its transaction at the same or a later one.
const MOMENTS: [usize; 3] = [0, 1, 2];

async fn sent_at(db: &Db, sends: usize, ends: usize, commits: bool) {
    let run = Run::of(db).await;
    let (mut sender, mut seconds) = (db.connect().await, 3600.0);
    for moment in MOMENTS {
        match moment {
            // A job that has its answer at once runs again here, to be asked for it.
            1 if run.ask(db, "go", 3600.0).await != "waiting" => seconds = 0.0,
            2 => run.settle(db, "snooze", seconds).await,
            _ => {}
        }
        if moment == sends {
            execute(&mut sender, "begin").await;
            execute(&mut sender, "select jobs.signal('go', '7')").await;
        }
        if moment == ends {
            execute(&mut sender, if commits { "commit" } else { "rollback" }).await;
        }
    }
}

#[tokio::test]
async fn no_signal_is_missed_whenever_its_transaction_begins_and_ends() {
    for sends in MOMENTS {
        for ends in sends..MOMENTS.len() {
            let db = Db::with_clock().await;
            sent_at(&db, sends, ends, true).await;
            // At once, or within the second after which the job asks again.
            db.advance(Duration::from_secs(1)).await;
            db.run("select jobs.maintain()").await;
            let again = consume(&db).await;
            assert_eq!(again.ask(&db, "go", 3600.0).await, "sent 7", "sent at {sends}, committed at {ends}");
        }
    }
}

#[tokio::test]
async fn a_signal_that_is_rolled_back_wakes_nobody_for_good() {
    for sends in MOMENTS {
        for ends in sends..MOMENTS.len() {
            let db = Db::with_clock().await;
            sent_at(&db, sends, ends, false).await;
            db.advance(Duration::from_secs(1)).await;
            db.run("select jobs.maintain()").await;
            // A job that found the signal being sent asks again, and waits then.
            if db.one::<bool>("select exists (select from jobs.pending where ready_seq is not null)").await {
                let again = consume(&db).await;
                assert_eq!(
                    again.ask(&db, "go", 3600.0).await,
                    "waiting",
                    "sent at {sends}, undone at {ends}"
                );
                again.settle(&db, "snooze", 3600.0).await;
            }
            assert_eq!(left(&db).await, "1 0 1 1");
            db.run("select jobs.signal('go', '8')").await;
            assert_eq!(consume(&db).await.ask(&db, "go", 3600.0).await, "sent 8");
        }
    }
}

/// The waiting side's own transactions are open when the signal is sent.
#[tokio::test]
async fn a_sender_sees_whoever_is_just_about_to_wait() {
    let db = Db::with_clock().await;
    // The question is not committed.
    let run = Run::of(&db).await;
    let mut asker = db.connect().await;
    execute(&mut asker, "begin").await;
    execute(&mut asker, &run.call("await_signal", "'go', 3600")).await;
    let sent = waiting(&db, db.connect().await, "select jobs.signal('go', '7')".to_owned()).await;
    execute(&mut asker, "commit").await;
    sent.await.unwrap().unwrap();
    run.settle(&db, "snooze", 3600.0).await;
    assert_eq!(consume(&db).await.ask(&db, "go", 3600.0).await, "sent 7");
    // The settle is not committed.
    let run = Run::of(&db).await;
    run.ask(&db, "on", 3600.0).await;
    execute(&mut asker, "begin").await;
    execute(&mut asker, &run.settle_call("snooze", 3600.0)).await;
    let sent = waiting(&db, db.connect().await, "select jobs.signal('on', '8')".to_owned()).await;
    execute(&mut asker, "commit").await;
    sent.await.unwrap().unwrap();
    assert_eq!(consume(&db).await.ask(&db, "on", 3600.0).await, "sent 8");
}

#[tokio::test]
async fn a_settle_waits_for_no_sender() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    run.ask(&db, "go", 3600.0).await;
    let mut sender = db.connect().await;
    execute(&mut sender, "begin").await;
    execute(&mut sender, "select jobs.signal('go', '7')").await;
    // For as long as that transaction is open the job asks again, once a second.
    let mut asks = run;
    for _ in 0..3 {
        db.run(&format!("set statement_timeout = '10s'; {}", asks.settle_call("snooze", 3600.0))).await;
        let due: f64 =
            db.one("select extract(epoch from scheduled_at - jobs.now())::float8 from jobs.pending").await;
        assert!(due <= 1.0, "{due}");
        db.advance(Duration::from_secs(1)).await;
        asks = consume(&db).await;
        assert_eq!(asks.ask(&db, "go", 3600.0).await, "waiting");
    }
    execute(&mut sender, "commit").await;
    asks.settle(&db, "snooze", 3600.0).await;
    assert_eq!(consume(&db).await.ask(&db, "go", 3600.0).await, "sent 7");
}

#[tokio::test]
async fn a_question_waits_half_a_second_for_a_new_signal() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    let mut sender = db.connect().await;
    execute(&mut sender, "begin").await;
    execute(&mut sender, "select jobs.signal('go', '7')").await;
    let seconds: f64 =
        db.one(&run.call("await_signal", "'go', 3600").replace("select *", "select seconds")).await;
    assert_eq!(seconds, 1.0, "the row of its name is not its own: it asks again");
    run.settle(&db, "snooze", seconds).await;
    execute(&mut sender, "commit").await;
    db.advance(Duration::from_secs(1)).await;
    assert_eq!(consume(&db).await.ask(&db, "go", 3600.0).await, "sent 7");
}

#[tokio::test]
async fn jobs_that_are_locked_when_their_signal_is_sent_are_woken_later() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    run.ask(&db, "go", 3600.0).await;
    run.settle(&db, "snooze", 3600.0).await;
    let mut editor = db.connect().await;
    execute(&mut editor, "begin").await;
    execute(&mut editor, &format!("select from jobs.pending where job_id = '{}' for update", run.job)).await;
    db.run("set statement_timeout = '10s'; select jobs.signal('go', '7')").await;
    db.run("select jobs.maintain()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.signal where is_left").await, 1);
    let ready = "select count(*) from jobs.pending where ready_seq is not null";
    assert_eq!(db.one::<i64>(ready).await, 0);
    execute(&mut editor, "rollback").await;
    db.run("select jobs.maintain()").await;
    assert_eq!(consume(&db).await.ask(&db, "go", 3600.0).await, "sent 7");
    assert_eq!(db.one::<i64>("select count(*) from jobs.signal where is_left").await, 0);
}

/// A sender with an old snapshot does not see who waits only since then.
#[tokio::test]
async fn a_sender_in_repeatable_read_misses_nobody() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    run.ask(&db, "go", 3600.0).await;
    let mut sender = db.connect().await;
    execute(&mut sender, "begin isolation level repeatable read").await;
    execute(&mut sender, "select 1 from jobs.config").await;
    run.settle(&db, "snooze", 3600.0).await;
    execute(&mut sender, "select jobs.signal('go', '7')").await;
    execute(&mut sender, "commit").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where ready_seq is not null").await, 0);
    db.run("select jobs.maintain()").await;
    assert_eq!(consume(&db).await.ask(&db, "go", 3600.0).await, "sent 7");
}

#[tokio::test]
async fn of_two_who_send_a_signal_one_is_the_first() {
    let db = Db::new().await;
    let mut first = db.connect().await;
    execute(&mut first, "begin").await;
    execute(&mut first, "select jobs.signal('go', '1')").await;
    let second = waiting(&db, db.connect().await, "select jobs.signal('go', '2')".to_owned()).await;
    execute(&mut first, "commit").await;
    let rows = second.await.unwrap().unwrap();
    assert!(!sqlx::Row::get::<bool, _>(&rows[0], 0));
    assert_eq!(db.one::<String>("select payload::text from jobs.signal").await, "1");
}
