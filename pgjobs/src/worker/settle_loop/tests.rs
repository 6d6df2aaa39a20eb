//! Tests how a batch is gathered and cleaned up.

use uuid::Uuid;

use crate::types::job_id::JobId;
use crate::worker::settle_loop::*;

fn settlement(batch_index: i32, outcome: Outcome) -> Settlement {
    Settlement::new(JobId::generate(), Uuid::nil(), batch_index, outcome, false)
}

#[test]
fn an_outcome_is_sent_before_the_release_of_an_unknown_run() {
    let fail = || Outcome::Fail("no".to_owned());
    let mut batch = vec![
        settlement(1, fail()),
        settlement(2, Outcome::ReleaseUnknown),
        settlement(1, Outcome::ReleaseUnknown),
    ];
    assert_eq!(own(&mut batch), 1);
    let left: Vec<_> =
        batch.iter().map(|one| (one.batch_index, matches!(one.outcome, Outcome::ReleaseUnknown))).collect();
    assert_eq!(left, [(1, false), (2, true)]);
    assert_eq!(own(&mut batch), 0);
}

#[tokio::test]
async fn gathering_up_to_a_full_batch_loses_no_outcome() {
    let (sender, mut outcomes) = mpsc::unbounded_channel();
    let outcome = |batch_index| settlement(batch_index, Outcome::Release);
    (0..1005).for_each(|batch_index| sender.send(outcome(batch_index)).unwrap());
    let mut batch = vec![outcome(-1)];
    gather(&mut outcomes, &mut batch, Duration::ZERO).await;
    assert_eq!(batch.len(), BATCH);
    assert_eq!(outcomes.len(), 1005 + 1 - BATCH, "the rest waits for the next batch");
}
