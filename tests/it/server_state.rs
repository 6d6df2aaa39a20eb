//! Draining: what a server says of itself to publishers that use several.

use pgjobs_tests::Db;

const STATE: &str = "select coalesce(string_agg(concat_ws(' ', d.note, d.actor, d.since = jobs.now()), ','), 'none') from jobs.draining() d";

#[tokio::test]
async fn a_server_is_draining_from_one_call_to_another() {
    let db = Db::with_clock().await;
    assert_eq!(db.one::<String>(STATE).await, "none");
    assert!(db.one::<bool>("select jobs.set_draining(true, 'too old')").await);
    assert_eq!(db.one::<String>(STATE).await, "too old postgres t");
    db.advance(std::time::Duration::from_secs(60)).await;
    assert!(!db.one::<bool>("select jobs.set_draining(true, 'since a minute')").await);
    assert_eq!(
        db.one::<String>(STATE).await,
        "since a minute postgres f",
        "the time is that of the first call"
    );
    assert!(db.one::<bool>("select jobs.set_draining(false)").await);
    assert!(!db.one::<bool>("select jobs.set_draining(false)").await);
    assert_eq!(db.one::<String>(STATE).await, "none");
    let audit = "select string_agg(concat_ws(' ', a.action, a.details->>'draining', a.reason), ',' order by a.id) from jobs.audit a";
    let said =
        "set_draining true too old,set_draining true since a minute,set_draining false,set_draining false";
    assert_eq!(db.one::<String>(audit).await, said);
}

#[tokio::test]
async fn a_draining_server_takes_what_is_published_and_its_jobs_run() {
    let db = Db::new().await;
    db.run("select jobs.set_draining(true); select jobs.publish('noop', '{}')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume('noop', 5)").await, 1);
}

#[tokio::test]
async fn draining_is_refused_without_an_answer_and_with_a_long_note() {
    let db = Db::new().await;
    let refused = db.refusal("select jobs.set_draining(null)").await;
    assert_eq!(refused, ("PT400".to_owned(), "draining is true or false".to_owned()));
    let refused = db.refusal("select jobs.set_draining(true, repeat('x', 1001))").await;
    assert_eq!(refused, ("PT400".to_owned(), "the note has at most 1000 characters".to_owned()));
}
