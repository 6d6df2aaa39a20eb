//! What the deploy check says of steps that open jobs have recorded.

use pgjobs::define::TaskDef;
use pgjobs::deploy::{Code, DeployCheck, Finding};
use pgjobs_tests::Db;

use crate::support::{Run, consume};

static OLD: TaskDef = TaskDef::new("a", |context| Box::pin(async move { context.finish(()) }));
static SAME: TaskDef =
    TaskDef::new("a", |context| Box::pin(async move { context.finish(()) })).steps(&["one", "go/*"]);
static NEW: TaskDef = TaskDef::new("b", |context| Box::pin(async move { context.finish(()) }))
    .aliases(&["a"])
    .steps(&["uno", "go/*"]);

async fn findings(db: &Db, task: &'static TaskDef) -> Vec<Finding> {
    let report = DeployCheck::new().tasks(vec![task]).run(&db.pool).await.unwrap();
    report.findings.into_iter().filter(|finding| finding.code == Code::StepsUnknown).collect()
}

#[tokio::test]
async fn a_deploy_names_open_jobs_whose_steps_the_program_does_not_know() {
    let db = Db::new().await;
    let run = Run::of(&db).await;
    run.save(&db, "'one', '1'").await;
    run.ask(&db, "go/7", 3600.0).await;
    run.settle(&db, "snooze", 3600.0).await;
    assert!(findings(&db, &OLD).await.is_empty(), "a task that does not say which steps it has");
    assert!(findings(&db, &SAME).await.is_empty());
    let found = findings(&db, &NEW).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].task, "a");
    assert!(
        found[0].message.contains("\"one\"") && found[0].message.contains(&run.job),
        "{}",
        found[0].message
    );
    // A job that has ended has nothing to lose.
    db.run(&format!("select jobs.cancel(array['{}'])", run.job)).await;
    assert!(findings(&db, &NEW).await.is_empty());
    db.run(&format!("select jobs.retry(array['{}'])", run.job)).await;
    assert_eq!(findings(&db, &NEW).await.len(), 1);
    consume(&db).await;
    assert_eq!(findings(&db, &NEW).await.len(), 1, "a running one too");
}
