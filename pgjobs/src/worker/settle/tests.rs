//! What becomes of a batch.

use uuid::Uuid;

use super::*;
use crate::job_id::JobId;

fn settlement(place: i32, verdict: Verdict) -> Settlement {
    Settlement::new(JobId::generate(), Uuid::nil(), place, verdict, false)
}

#[test]
fn a_verdict_goes_before_the_word_that_its_run_is_nobodys() {
    let fail = || Verdict::Fail("no".to_owned());
    let mut batch =
        vec![settlement(1, fail()), settlement(2, Verdict::Disown), settlement(1, Verdict::Disown)];
    assert_eq!(own(&mut batch), 1);
    let left: Vec<_> = batch.iter().map(|one| (one.place, matches!(one.verdict, Verdict::Disown))).collect();
    assert_eq!(left, [(1, false), (2, true)]);
    assert_eq!(own(&mut batch), 0);
}

#[tokio::test]
async fn gathering_up_to_a_full_batch_loses_no_verdict() {
    let (sender, mut verdicts) = mpsc::unbounded_channel();
    let verdict = |place| settlement(place, Verdict::Release);
    (0..1005).for_each(|place| sender.send(verdict(place)).unwrap());
    let mut batch = vec![verdict(-1)];
    gather(&mut verdicts, &mut batch, Duration::ZERO).await;
    assert_eq!(batch.len(), BATCH);
    assert_eq!(verdicts.len(), 1005 + 1 - BATCH, "the rest waits for the next batch");
}
