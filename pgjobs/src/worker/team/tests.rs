use std::time::Duration;

use tokio::time::timeout;

use super::Team;

/// Whether this server learns that gathered jobs hold every slot.
async fn hears(team: &Team, me: usize) -> bool {
    timeout(Duration::from_millis(1), team.all_gather(me)).await.is_ok()
}

#[tokio::test]
async fn gathered_jobs_of_all_servers_together_hold_every_slot() {
    let team = Team::new(["a", "b", "c"].map(str::to_owned).to_vec(), 6);
    assert_eq!((team.gathered(0, 3), team.gathered(1, 2)), (3, 5));
    assert!(!hears(&team, 0).await, "one slot may bring another");
    assert_eq!(team.gathered(1, 3), 6);
    assert_eq!(
        [hears(&team, 0).await, hears(&team, 2).await],
        [true, false],
        "the last one has none to begin"
    );
    assert_eq!((team.gathered(1, 0), team.gathered(0, 0)), (3, 0));
}
