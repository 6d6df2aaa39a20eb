//! Thousands of hostile jobs and their neighbours.

use std::collections::BTreeMap;
use std::time::Instant;

use pgjobs::Worker;
use pgjobs_tests::{Db, amount, until};

use super::generator::{CANARY, Case, Generator};
use super::publishing::{self, Refusal};
use super::tasks::{NAMES, neighbour};

const CASES: usize = amount(2_000, 10_000) as usize;
const CHUNK: usize = 100;

/// Printed, and given back with `PGJOBS_SEED`.
fn seed() -> u64 {
    std::env::var("PGJOBS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_123)
}

/// What became of the calls.
#[derive(Default)]
struct Tally {
    published: Vec<String>,
    refused: BTreeMap<String, usize>,
}

impl Tally {
    fn note(&mut self, case: &Case, said: Result<String, Refusal>) {
        match said {
            Ok(id) => self.published.push(id),
            Err(refusal) => {
                let Refusal { code, words } = refusal;
                let known = matches!(
                    &*code,
                    "PT400" | "PT413" | "PT422" | "22P02" | "22P05" | "22021" | "22003" | "54001" | "54000"
                );
                assert!(known || code == "encode" || code == "option", "{code}: {words} ({:?})", case.task);
                assert!(!words.contains(CANARY), "{code}: {words}");
                *self.refused.entry(code).or_default() += 1;
            }
        }
    }
}

async fn publish(db: &Db, generator: &mut Generator) -> (Tally, usize) {
    let (mut tally, mut neighbours) = (Tally::default(), 0);
    for chunk in 0..CASES / CHUNK {
        if chunk == CASES / CHUNK / 2 {
            db.run("select jobs.set_validation(name, 'strict') from jobs.task").await;
        }
        let cases: Vec<Case> = (0..CHUNK).map(|_| generator.case()).collect();
        match chunk % 5 {
            way @ 0..3 => {
                for case in &cases {
                    let said = match way {
                        0 => publishing::one(db, case).await,
                        1 => publishing::named(db, case).await,
                        _ => publishing::typed(db, case).await,
                    };
                    tally.note(case, said);
                }
            }
            way => {
                let said = publishing::bulk(db, &cases, way == 4).await;
                cases.iter().zip(said).for_each(|(case, said)| tally.note(case, said));
            }
        }
        neighbours += pgjobs::publish_all(&db.pool, (0..10).map(neighbour::new)).await.unwrap().len();
    }
    (tally, neighbours)
}

const WAITING: &str = "select count(*) from jobs.job_queue where task = any ($1)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_hostile_jobs_end_with_a_reason_and_others_succeed() {
    println!("PGJOBS_SEED={}", seed());
    let (db, begun) = (Db::new().await, Instant::now());
    let worker = Worker::new(db.pool.clone()).topic("hostile.*").start().await.unwrap();
    // The worker's own judgement first; then that of the check before it.
    db.run("select jobs.set_validation(name, 'off') from jobs.task").await;
    let (tally, neighbours) = publish(&db, &mut Generator::new(seed())).await;
    let published = begun.elapsed();
    until("all ended that have a task", async || {
        let waiting: i64 =
            sqlx::query_scalar(WAITING).bind(NAMES.as_slice()).fetch_one(&db.pool).await.unwrap();
        waiting == 0
    })
    .await;
    let report = worker.shutdown().await;
    let refused: usize = tally.refused.values().sum();
    assert_eq!(tally.published.len() + refused, CASES);
    let states: Vec<String> = sqlx::query_scalar(
        "select coalesce(a.status || case when a.task <> all ($2) then ' unknown' else '' end, 'lost')
         from unnest($1) j left join jobs.all a on a.job_id = j",
    )
    .bind(&tally.published)
    .bind(NAMES.as_slice())
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let mut ends = BTreeMap::new();
    states.into_iter().for_each(|state| *ends.entry(state).or_insert(0_usize) += 1);
    println!(
        "refused {:?}, ended {ends:?}, {report:?}, {published:?} of {:?}",
        tally.refused,
        begun.elapsed()
    );
    assert!(ends.keys().all(|end| matches!(&**end, "success" | "failed" | "pending unknown")), "{ends:?}");
    assert!(tally.refused["PT422"] > CASES / 20, "{:?}", tally.refused);
    assert!(refused > CASES / 10 && ends["failed"] > CASES / 10);
    assert!(ends["success"] > CASES / 20 && ends["pending unknown"] > CASES / 200);
    check_history(&db, neighbours).await;
}

async fn check_history(db: &Db, neighbours: usize) {
    let well = "select count(*) from jobs.job where task = 'hostile.neighbour' and status = 'success'";
    assert_eq!(db.one::<i64>(well).await as usize, neighbours);
    let reasons: Vec<Option<String>> =
        db.all("select distinct traceback from jobs.job where status = 'failed'").await;
    for reason in reasons {
        let reason = reason.expect("a failed job says why");
        assert!(!reason.is_empty());
        // A keyword may be named; the generator puts the word into values only.
        assert!(!reason.contains(CANARY), "{reason}");
    }
}
