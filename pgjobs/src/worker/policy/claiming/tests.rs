//! Tests the decisions one by one.

use crate::worker::policy::claiming::*;
use crate::worker::policy::prefetch::MOST;

fn claims(slots: usize, burst: bool) -> Claims {
    let pace = Pace::new(slots, Duration::from_millis(300), Instant::now());
    Claims::new(pace, !burst, burst, Duration::from_secs(15))
}

fn idle() -> View {
    let load = Load { open: 0, waiting: 0, running: 0, finished: 0 };
    View { load, draining: false, lost: false, needs_reconcile: false, stuck: false, paused: false }
}

fn next(claims: &mut Claims) -> Step {
    claims.next(idle(), Instant::now())
}

fn room(claims: &mut Claims) -> (usize, bool) {
    loop {
        match next(claims) {
            Step::Claim { want, apart, .. } => return (want.jobs, apart),
            Step::Rest(_) => {}
            step => panic!("{step:?}"),
        }
    }
}

#[test]
fn a_burst_tends_before_its_first_claim_and_again_before_it_ends() {
    let mut claims = claims(4, true);
    assert_eq!(next(&mut claims), Step::Maintain);
    claims.failed(Step::Maintain);
    assert_eq!(next(&mut claims), Step::Maintain, "until it is done");
    claims.maintained();
    for got in [4, 0] {
        assert!(matches!(next(&mut claims), Step::Claim { .. }));
        claims.claimed(4, got, false, Duration::ZERO);
    }
    assert_eq!(next(&mut claims), Step::Maintain, "while it worked more has come due");
    claims.maintained();
    assert!(matches!(next(&mut claims), Step::Claim { .. }));
    claims.claimed(4, 0, false, Duration::ZERO);
    assert_eq!(next(&mut claims), Step::EndBurst { sure: true });
}

/// Claims nothing, promotes and sweeps, until there is another step.
fn find_nothing(claims: &mut Claims, now: Instant) -> Step {
    loop {
        match claims.next(idle(), now) {
            Step::Claim { want, .. } => claims.claimed(want.jobs, 0, false, Duration::ZERO),
            Step::Maintain => claims.maintained(),
            step => return step,
        }
    }
}

#[test]
fn a_burst_does_not_end_before_a_claim_of_its_own_has_ended() {
    let (now, session) = (Instant::now(), Session::example(7));
    let claim = Unconfirmed { worker: Uuid::nil(), lease: Uuid::nil(), session: Some(session) };
    for ends in [true, false] {
        let mut claims = claims(4, true);
        claims.unconfirmed(claim);
        assert_eq!(claims.next(idle(), now), Step::ReleaseClaim(claim));
        claims.released_claim(claim, now);
        assert_eq!(find_nothing(&mut claims, now), Step::SeeOff(session));
        claims.saw_off(session, false, now);
        assert_eq!(claims.next(idle(), now), Step::Rest(LOOK));
        assert_eq!(find_nothing(&mut claims, now), Step::SeeOff(session), "it looks for jobs in between");
        let later = now + Duration::from_secs(15);
        claims.saw_off(session, ends, later);
        assert_eq!(find_nothing(&mut claims, later), Step::EndBurst { sure: ends });
    }
}

#[test]
fn a_claim_that_cannot_be_released_does_not_delay_a_burst_for_ever() {
    let now = Instant::now();
    let claim = Unconfirmed { worker: Uuid::nil(), lease: Uuid::nil(), session: Some(Session::example(7)) };
    let mut claims = claims(4, true);
    claims.unconfirmed(claim);
    for seconds in [0, 14] {
        claims.kept(claim, now + Duration::from_secs(seconds));
        assert_eq!(claims.next(idle(), now), Step::ReleaseClaim(claim));
    }
    let later = now + Duration::from_secs(15);
    claims.kept(claim, later);
    assert_eq!(find_nothing(&mut claims, later), Step::SeeOff(Session::example(7)));
    claims.saw_off(Session::example(7), false, later);
    assert_eq!(claims.next(idle(), later), Step::EndBurst { sure: false });

    let fetched = Unconfirmed { session: None, ..claim };
    let mut claims = self::claims(4, true);
    claims.unconfirmed(fetched);
    claims.kept(fetched, now);
    claims.kept(fetched, later);
    assert_eq!(
        find_nothing(&mut claims, later),
        Step::EndBurst { sure: false },
        "it holds what it could not return"
    );
}

#[test]
fn after_a_job_that_cannot_be_claimed_has_failed_claims_grow_again() {
    let mut claims = claims(8, false);
    let mut rooms = Vec::new();
    while rooms.len() < 5 {
        let (room, apart) = room(&mut claims);
        assert_eq!(apart, !rooms.is_empty());
        rooms.push(room);
        claims.refused(room, Refusal::Content);
    }
    assert_eq!(rooms, [8, 4, 2, 1, 1]);
    assert_eq!(next(&mut claims), Step::FailNext);
    for expected in [1, 2, 4, 8] {
        let (room, _) = room(&mut claims);
        assert_eq!(room, expected);
        claims.claimed(room, room, false, Duration::ZERO);
    }
    (0..MOST.ilog2()).for_each(|_| claims.claimed(8, 8, false, Duration::ZERO));
    assert_eq!(room(&mut claims), (8, false), "back to one step");
}

#[test]
fn a_slow_claim_condemns_no_job() {
    let mut claims = claims(8, false);
    for nth in 0..50 {
        let (room, apart) = room(&mut claims);
        assert_eq!(apart, nth > 3, "8, 4, 2, 1, and from then on in two steps");
        claims.refused(room, Refusal::Slow);
    }
    assert_eq!(room(&mut claims).0, 1);
}

#[test]
fn a_job_that_does_not_arrive_though_its_claim_is_answered_fails() {
    let mut claims = claims(2, false);
    for (expected, is_reason) in [(2, false), (1, false), (1, true)] {
        let (room, _) = room(&mut claims);
        assert_eq!(room, expected);
        assert_eq!(claims.is_too_heavy(room), is_reason);
        claims.refused(room, Refusal::Slow);
    }
    claims.claimed(1, 1, false, Duration::ZERO);
    assert!(!claims.is_too_heavy(1), "another job");
}

#[test]
fn nothing_is_claimed_while_nothing_would_run() {
    let mut claims = claims(8, false);
    let view = View { stuck: true, ..idle() };
    assert_eq!(claims.next(view, Instant::now()), Step::AwaitRoom);
    assert!(matches!(next(&mut claims), Step::Claim { .. }));
}

/// What follows a claim that got so many, after which a limit opens in so many milliseconds.
fn after(claims: &mut Claims, got: usize, opens_in: u64) -> Step {
    let (room, _) = room(claims);
    claims.claimed(room, got, false, Duration::ZERO);
    claims.opens_in(Duration::from_millis(opens_in), got);
    next(claims)
}

#[test]
fn nothing_sleeps_past_the_time_when_a_limit_opens() {
    let mut claims = claims(4, false);
    let rest = |millis| Step::Rest(Duration::from_millis(millis));
    assert_eq!(after(&mut claims, 0, 7), rest(7), "in place of 50");
    assert_eq!(after(&mut claims, 0, 1000), rest(100), "others may publish before");
    assert_eq!(after(&mut claims, 1, 20), rest(20));
    assert!(matches!(after(&mut claims, 1, 0), Step::Claim { .. }), "at once");
    assert_eq!(after(&mut claims, 0, 0), rest(10), "others have locked what could start");
}

#[test]
fn a_burst_waits_for_a_rate_but_not_for_long_nor_for_ever() {
    let rest = |millis| Step::Rest(Duration::from_millis(millis));
    let began = || {
        let mut claims = claims(4, true);
        assert_eq!(next(&mut claims), Step::Maintain);
        claims.maintained();
        claims
    };
    let mut claims = began();
    assert_eq!(after(&mut claims, 0, 6000), rest(6000));
    assert_eq!(after(&mut claims, 0, 6000), Step::EndBurst { sure: true }, "a clock that stands still");
    let mut claims = began();
    assert_eq!(after(&mut claims, 0, 6000), rest(6000));
    assert!(matches!(after(&mut claims, 1, 6000), Step::Claim { .. }));
    claims.claimed(4, 0, false, Duration::ZERO);
    claims.opens_in(Duration::from_millis(6000), 0);
    assert_eq!(next(&mut claims), Step::Maintain, "a job has run, and may have published");
    claims.maintained();
    assert_eq!(after(&mut claims, 0, 6000), rest(6000), "it waits anew");
    let mut claims = began();
    assert_eq!(after(&mut claims, 0, 60_000), Step::EndBurst { sure: true }, "a key that is closed for long");
}
