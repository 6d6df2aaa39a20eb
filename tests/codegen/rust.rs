//! The generated file for Rust compiles, as a module of this program, and its calls are worked on.

#[path = "golden/demo.rs"]
#[rustfmt::skip]
mod demo;
#[path = "golden/odd.rs"]
#[rustfmt::skip]
mod odd;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::support::{declared, worker};
use demo::{
    Address, Country, DemoGreetArgs, DemoOrderPackArgs, Id, JobError, Options, Payment, PaymentCardContent,
    Shape, Size, Tree,
};

const LIMIT: Duration = Duration::from_secs(180);

#[tokio::test]
async fn typed_calls_are_worked_on_and_their_results_are_typed() -> Result<(), Box<dyn std::error::Error>> {
    let db = declared().await;
    let pool = &db.pool;
    let options = Options::default();

    let mut tx = pool.begin().await?;
    let ping = demo::demo_ping(&mut *tx, &demo::DemoPingArgs::new(), &options).await?;
    let full =
        DemoGreetArgs { title: Some("Dr.".into()), times: Some(1), ..DemoGreetArgs::new("Ada".into()) };
    let greet = demo::demo_greet(&mut *tx, &full, &Options { priority: Some(9), ..options }).await?;
    let short = demo::demo_greet(&mut *tx, &DemoGreetArgs::new("Ada".into()), &options).await?;
    tx.commit().await?;

    let address = Address { street: "Main 1".into(), zip: None, country: Country::NewZealand };
    let prices = BTreeMap::from([("tea".to_owned(), 2.5)]);
    let order = DemoOrderPackArgs::new(7, vec![address.clone()], Size::Large, prices, (1, "z".into()));
    let pack = demo::demo_order_pack(pool, &order, &options).await?;
    let shapes =
        vec![Shape::Circle { radius: 1.0 }, Shape::Square { side: 2.0, note: None }, Shape::Nothing {}];
    let area = demo::demo_area(pool, &demo::DemoAreaArgs::new(shapes), &options).await?;
    let card = Payment::Card(PaymentCardContent { number: "1".into(), month: 2 });
    let pay = demo::DemoPayArgs::new(card.clone(), Id::Integer(3));
    let pay = demo::demo_pay(pool, &pay, &options).await?;
    let leaf = Tree { label: "leaf".into(), children: None, parent: None };
    let root =
        Tree { label: "root".into(), children: Some(vec![leaf.clone()]), parent: Some(Box::new(leaf)) };
    let tree = demo::demo_tree(pool, &demo::DemoTreeArgs::new(root.clone()), &options).await?;
    let open = demo::DemoOpenArgs::new("warn".into(), json!([1]));
    let open = demo::DemoOpenArgs { further: BTreeMap::from([("n".into(), 4)]), ..open };
    let open = demo::demo_open(pool, &open, &options).await?;
    let change = demo::Change::Count { how: 1 };
    let first = demo::Created::Text { name: "a".into(), how: "b".into() };
    let removed = demo::Event::WasRemoved(demo::EventWasRemoved { event: "was_removed".into(), id: 2 });
    let events = demo::DemoEventArgs::new(vec![removed.clone()], first.clone(), change.clone());
    let events = demo::demo_event(pool, &events, &options).await?;
    let fail = demo::demo_fail(pool, &demo::DemoFailArgs::new("no tea".into()), &options).await?;
    assert!(matches!(fail.result(pool).await, Ok(None)), "it waits for a worker");

    let defaults = "select timeout::float8 = 90 and priority = 3 and max_retries = 5 from jobs.all where task = 'demo.scalars'";
    let scalars = demo::DemoScalarsArgs::new(true, 2, -3, 0.5, "x".into(), "y".into());
    let scalars = demo::demo_scalars(pool, &scalars, &options).await?;
    assert!(db.one::<bool>(defaults).await, "the task's own defaults hold");

    worker(&db).burst().run().await?;
    ping.wait(pool, LIMIT).await?;
    assert_eq!(greet.wait(pool, LIMIT).await?, "en: Dr. Ada");
    assert_eq!(short.wait(pool, LIMIT).await?, "en: Ada Ada");
    let receipt = pack.wait(pool, LIMIT).await?;
    assert_eq!(
        (receipt.sent_to, receipt.class, receipt.range),
        (vec![address], Size::Large, (1, "z".into()))
    );
    assert_eq!(area.wait(pool, LIMIT).await?, 7.0);
    assert_eq!(pay.wait(pool, LIMIT).await?, (card, Id::Integer(3), None));
    assert_eq!(events.wait(pool, LIMIT).await?, (vec![removed], first, change));
    let grown = tree.wait(pool, LIMIT).await?;
    assert_eq!((grown.label, grown.parent.map(|tree| tree.label)), ("root".into(), Some("leaf".into())));
    assert_eq!(open.wait(pool, LIMIT).await?["fields"], json!({ "n": 4 }));
    assert_eq!(scalars.wait(pool, LIMIT).await?, "true 2 -3 0.5 x y");
    let failed = fail.wait(pool, LIMIT).await.expect_err("it fails");
    assert!(matches!(&failed, JobError::Failed(Some(error)) if error.contains("no tea")), "{failed}");
    Ok(())
}

#[tokio::test]
async fn what_has_no_result_is_an_error_of_its_own() -> Result<(), Box<dyn std::error::Error>> {
    let db = declared().await;
    let pending = demo::demo_ping(&db.pool, &demo::DemoPingArgs::new(), &Options::default()).await?;
    let short = Duration::from_millis(50);
    assert!(matches!(pending.wait(&db.pool, short).await, Err(JobError::Timeout)));
    db.run(&format!("select jobs.cancel(array['{}'])", pending.id)).await;
    assert!(matches!(pending.wait(&db.pool, LIMIT).await, Err(JobError::Cancelled)));
    let unknown: demo::Job<()> = demo::Job::of("nonesuch");
    assert!(matches!(unknown.result(&db.pool).await, Err(JobError::Unknown)));
    Ok(())
}
