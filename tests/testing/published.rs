//! What was published, and what an assertion says when it was something else.

use std::time::Duration;

use pgjobs::testing::{Database, assert_published, refute_published};
use pgjobs::{JobState, Task};

use crate::Outcome;
use crate::tasks::{Mailer, echo, forget, welcome};

/// Two letters, and an echo that is none of them.
async fn publish(db: &Database) -> Outcome {
    welcome::publish(db.pool(), 7, "ada@example.org".to_owned()).await?;
    let call = welcome::new(8, "eve@example.org".to_owned()).locale("pt").coupon("tea");
    call.publish(db.pool()).priority(9).tag("vip").meta("tenant", 3).await?;
    echo::publish(db.pool(), 1).await?;
    Ok(())
}

#[pgjobs::test]
async fn what_was_published_is_found_by_its_arguments(db: Database) -> Outcome {
    publish(&db).await?;
    let address = "ada@example.org";
    assert_published!(db, welcome { user_id: 7, .. });
    assert_published!(db, welcome { user_id: 7, address, .. });
    assert_published!(db, welcome { user_id: 3 + 4, address: "ada@example.org", locale: "en", coupon: None });
    assert_published!(db, count = 2, welcome { .. });
    assert_published!(db, count = 1, welcome { locale: "pt", .. },);
    assert_published!(db, welcome { .. }, |call| call.user_id > 7 && call.coupon.as_deref() == Some("tea"));
    assert_published!(&db, crate::tasks::echo { value: 1 });
    refute_published!(db, welcome { user_id: 9, .. });
    refute_published!(db, welcome { user_id: 7, locale: "pt", .. });
    refute_published!(db, welcome { .. }, |call| call.address.is_empty());
    Ok(())
}

#[pgjobs::test]
async fn jobs_count_in_whatever_state_they_are(db: Database) -> Outcome {
    publish(&db).await?;
    db.drain().topic("testing.*").state(Mailer::default()).await?.no_failures()?;
    assert_published!(db, welcome { user_id: 7, .. });
    let states: Vec<JobState> = db.published::<welcome>().await?.iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Success, JobState::Success]);
    Ok(())
}

#[pgjobs::test]
async fn a_published_job_has_its_options(db: Database) -> Outcome {
    publish(&db).await?;
    let jobs = db.published::<welcome>().await?;
    let [ada, eve] = &jobs[..] else { panic!("{jobs:?}") };
    assert_eq!((ada.call.user_id, ada.priority, ada.max_retries), (7, 0, 3));
    assert_eq!((ada.timeout, ada.scheduled_at), (Duration::from_secs(60), None));
    assert_eq!((eve.priority, eve.tags(), eve.meta["tenant"].as_i64()), (9, vec!["vip".to_owned()], Some(3)));

    echo::publish(db.pool(), 2).delay(Duration::from_secs(7200)).await?;
    let later = db.published::<echo>().await?;
    let delay = later[1].scheduled_at.ok_or("it is scheduled")? - later[1].created_at;
    assert!((7199..=7200).contains(&delay.num_seconds()), "{delay}");
    assert_eq!(later[1].state, JobState::Pending);
    Ok(())
}

#[pgjobs::test]
async fn jobs_of_an_earlier_name_are_jobs_of_the_task(db: Database) -> Outcome {
    pgjobs::NewJob::named("plain.repeat").arg(5).publish(db.pool()).await?;
    assert_published!(db, echo { value: 5 });
    Ok(())
}

#[pgjobs::test]
async fn what_a_transaction_did_not_commit_was_not_published(db: Database) -> Outcome {
    let mut tx = db.pool().begin().await?;
    echo::publish(&mut *tx, 1).await?;
    refute_published!(db, echo { .. });
    tx.commit().await?;
    assert_published!(db, echo { value: 1 });
    Ok(())
}

/// The message of an assertion that fails.
async fn message(assertion: impl Future<Output = ()> + Send + 'static) -> String {
    let failed = tokio::spawn(assertion).await.expect_err("the assertion holds");
    *failed.into_panic().downcast().expect("a text")
}

#[pgjobs::test]
async fn a_failure_lists_what_was_published_instead(db: Database) -> Outcome {
    publish(&db).await?;
    let other = db.clone();
    let said =
        message(async move { assert_published!(other, welcome { user_id: 9, locale: "en", .. }) }).await;
    assert_eq!(
        said,
        "expected at least one job, found 0: welcome { user_id: 9, locale: \"en\", .. }\n  \
         jobs of `testing.tasks.welcome` that were published:\n    \
         {\"user_id\":7,\"address\":\"ada@example.org\",\"locale\":\"en\",\"coupon\":null}, pending\n    \
         {\"user_id\":8,\"address\":\"eve@example.org\",\"locale\":\"pt\",\"coupon\":\"tea\"}, pending\n  \
         jobs of other tasks: `plain.echo` (1)"
    );
    Ok(())
}

#[pgjobs::test]
async fn a_refutation_that_fails_marks_what_it_found(db: Database) -> Outcome {
    publish(&db).await?;
    let other = db.clone();
    let said = message(async move { refute_published!(other, echo { value: 1 }) }).await;
    assert!(said.starts_with("expected no job, found 1: echo { value: 1 }"), "{said}");
    assert!(said.contains("\n  * {\"value\":1}, pending"), "{said}");
    let other = db.clone();
    let said = message(async move { assert_published!(other, count = 2, echo { .. }) }).await;
    assert!(said.starts_with("expected exactly 2 jobs, found 1: echo { .. }"), "{said}");
    Ok(())
}

#[pgjobs::test]
async fn a_refutation_lists_what_it_found_before_the_others(db: Database) -> Outcome {
    pgjobs::publish_all(db.pool(), (0..30).map(echo::new)).await?;
    let said = message(async move { refute_published!(db, echo { value: 25 }) }).await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines[2], lines[3]), ("  * {\"value\":25}, pending", "    {\"value\":0}, pending"), "{said}");
    assert!(said.contains("and 10 more"), "{said}");
    Ok(())
}

#[pgjobs::test]
async fn a_failure_says_that_a_job_may_have_left_no_trace(db: Database) -> Outcome {
    forget::publish(db.pool(), 1).await?;
    assert_published!(db, forget { value: 1 });
    db.drain().topic("plain.*").await?.no_failures()?;
    let said = message(async move { assert_published!(db, forget { .. }) }).await;
    assert!(
        said.ends_with("no job of `plain.forget` was published, or it has ended (`keep = \"none\"` leaves no trace of that)"),
        "{said}"
    );
    Ok(())
}

/// Counts how often it is asked.
async fn seven(asked: &mut u32) -> Result<i64, std::num::ParseIntError> {
    *asked += 1;
    "7".parse()
}

#[pgjobs::test]
async fn arguments_are_evaluated_once_however_many_jobs_there_are(db: Database) -> Outcome {
    let mut asked = 0;
    refute_published!(db, echo { value: seven(&mut asked).await? });
    pgjobs::publish_all(db.pool(), (5..10).map(echo::new)).await?;
    assert_published!(db, echo { value: seven(&mut asked).await? });
    assert_published!(db, count = 1, echo { .. }, |call| call.value == i64::from(asked) + 5);
    assert_eq!(asked, 2);
    Ok(())
}

#[pgjobs::test]
#[should_panic(expected = "index out of bounds")]
async fn an_argument_that_panics_does_so_without_jobs(db: Database) {
    let ids: Vec<i64> = vec![1];
    refute_published!(db, echo { value: ids[3] });
}

#[pgjobs::test]
async fn names_of_arguments_hide_nothing_of_the_test(db: Database) -> Outcome {
    publish(&db).await?;
    let (user_id, address) = ("ada@example.org", 7);
    assert_published!(db, welcome { user_id: address, address: user_id, .. }, |call| call.user_id == address);
    Ok(())
}

#[pgjobs::test]
async fn a_failure_says_that_nothing_was_published(db: Database) -> Outcome {
    let said = message(async move { assert_published!(db, echo { .. }) }).await;
    assert_eq!(
        said,
        "expected at least one job, found 0: echo { .. }\n  no job of `plain.echo` was published"
    );
    Ok(())
}

#[pgjobs::test]
async fn arguments_that_do_not_fit_fail_the_assertion(db: Database) -> Outcome {
    let body = r#"select jobs.publish('plain.echo', '{"args": ["seven"]}')"#;
    pgjobs::sqlx::query(body).execute(db.pool()).await?;
    let said = message(async move { refute_published!(db, echo { .. }) }).await;
    assert!(said.ends_with("arguments do not fit: `value`: expected i64, found string"), "{said}");
    Ok(())
}
