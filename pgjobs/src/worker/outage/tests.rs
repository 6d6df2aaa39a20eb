//! Tests which messages are logged.

use crate::worker::outage::*;

const SECOND: Duration = Duration::from_secs(1);

const AWAY: Line = Line::Fails(Kind::Away);

#[test]
fn an_outage_of_all_parts_is_one_line_and_its_end_another() {
    let (mut state, start) = (State::default(), Instant::now());
    let opened = Some(start);
    let mut now = start + SECOND;
    assert_eq!(state.fail("claim", Call::Claim, Kind::Away, opened, now), AWAY);
    for _ in 0..5 {
        now += SECOND;
        assert_eq!(state.fail("heartbeat", Call::Maintain, Kind::Away, None, now), Line::Nothing);
        assert_eq!(state.fail("claim", Call::Claim, Kind::Away, None, now), Line::Nothing);
    }
    assert_eq!(state.succeed("claim", Call::ReleaseClaim, now), Line::Nothing, "the lease is still away");
    let back = Line::Back { after: 6 * SECOND, was_away: true };
    assert_eq!(state.succeed("heartbeat", Call::Heartbeat, now + SECOND), back);
    assert_eq!(state.succeed("heartbeat", Call::Maintain, now + SECOND), Line::Nothing);
    // The settle loop sent nothing meanwhile, and finds its connection closed.
    let later = now + 2 * SECOND;
    assert_eq!(state.fail("settle", Call::Settle, Kind::Away, opened, later), Line::Nothing);
    assert_eq!(state.fail("settle", Call::Settle, Kind::Away, None, later), AWAY, "a new one fails as well");
}

/// What was cut off first is not made again for a while, and what was told of it must not hide the next outage.
#[test]
fn each_outage_is_told_whatever_was_left_of_the_one_before() {
    let (mut state, start) = (State::default(), Instant::now());
    for nth in 0..4 {
        let down = start + 20 * nth * SECOND;
        state.fail("heartbeat", Call::Maintain, Kind::Unknown, Some(down), down);
        assert_eq!(state.fail("claim", Call::Claim, Kind::Away, None, down), AWAY, "outage {nth}");
        state.fail("heartbeat", Call::Heartbeat, Kind::Away, None, down + SECOND);
        assert_eq!(state.succeed("claim", Call::Claim, down + 9 * SECOND), Line::Nothing);
        let back = Line::Back { after: 10 * SECOND, was_away: true };
        assert_eq!(state.succeed("heartbeat", Call::Heartbeat, down + 10 * SECOND), back, "outage {nth}");
    }
    assert_eq!(state.began, 4);
}

/// All connections are opened anew before the last loop finds the database back.
#[test]
fn an_outage_right_after_another_is_told() {
    let (mut state, start) = (State::default(), Instant::now());
    state.fail("claim", Call::Claim, Kind::Away, Some(start), start + SECOND);
    state.succeed("claim", Call::Claim, start + 3 * SECOND);
    let (opened, later) = (Some(start + 2 * SECOND), start + 4 * SECOND);
    assert_eq!(state.fail("claim", Call::Claim, Kind::Away, opened, later), Line::Nothing, "unused since");
    assert_eq!(state.fail("claim", Call::Claim, Kind::Away, opened, later), AWAY, "no other one opens");
}

#[test]
fn an_outage_that_lasts_is_told_each_minute() {
    let (mut state, start) = (State::default(), Instant::now());
    let lines =
        (0..180).map(|second| state.fail("claim", Call::Claim, Kind::Away, None, start + second * SECOND));
    assert_eq!(lines.filter(|line| *line == AWAY).count(), 3);
}

#[test]
fn a_call_that_is_refused_is_told_once_whatever_else_goes_well() {
    let (mut state, start) = (State::default(), Instant::now());
    let mut lines = Vec::new();
    for nth in 0..5 {
        let now = start + nth * 10 * SECOND;
        lines.push(state.fail("heartbeat", Call::Maintain, Kind::Refused, None, now));
        lines.push(state.succeed("heartbeat", Call::Heartbeat, now));
        lines.push(state.fail("claim", Call::Claim, Kind::Refused, None, now));
        lines.push(state.succeed("claim", Call::Start, now));
    }
    lines.retain(|line| *line != Line::Nothing);
    assert_eq!(lines, [Line::Fails(Kind::Refused)]);
    assert_eq!(state.succeed("claim", Call::Claim, start + 50 * SECOND), Line::Nothing);
    let back = Line::Back { after: 51 * SECOND, was_away: false };
    assert_eq!(state.succeed("heartbeat", Call::Maintain, start + 51 * SECOND), back);
}

#[test]
fn a_late_answer_is_an_outage_only_where_no_connection_opens() {
    let (start, first) = (Instant::now(), Some(Instant::now()));
    let mut state = State::default();
    assert_eq!(state.fail("claim", Call::Claim, Kind::Unknown, first, start), Line::Nothing);
    assert_eq!(state.fail("claim", Call::ReleaseClaim, Kind::Unknown, first, start + SECOND), AWAY);

    let (mut state, second) = (State::default(), Some(start + SECOND));
    assert_eq!(state.fail("claim", Call::Fetch, Kind::Unknown, first, start), Line::Nothing);
    assert_eq!(state.succeed("claim", Call::ReleaseClaim, start + SECOND), Line::Nothing);
    let slow = Line::Fails(Kind::Refused);
    assert_eq!(state.fail("claim", Call::Fetch, Kind::Unknown, second, start + 2 * SECOND), slow);
    assert_eq!(state.fail("claim", Call::Fetch, Kind::Unknown, None, start + 3 * SECOND), Line::Nothing);
    let back = Line::Back { after: 4 * SECOND, was_away: false };
    assert_eq!(state.succeed("claim", Call::Fetch, start + 4 * SECOND), back);
}

/// After a server that hung: a call that was cut off may not be made again for long.
#[test]
fn a_database_that_answers_again_is_not_away_for_a_call_that_waits() {
    let (outage, opened) = (Outage::default(), Some(Instant::now()));
    outage.failed("heartbeat", Call::Maintain, &Error::Database(sqlx::Error::PoolTimedOut), opened);
    let gone = || Error::Database(sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into()));
    outage.failed("heartbeat", Call::Heartbeat, &gone(), None);
    outage.failed("claim", Call::Claim, &gone(), None);
    assert!(outage.is_away() && outage.is_away_for(&["claim"]) && !outage.is_away_for(&["settle"]));
    outage.went_well("claim", Call::Claim);
    assert!(outage.is_away() && !outage.is_away_for(&["claim"]), "each loop has a session of its own");
    outage.went_well("heartbeat", Call::Heartbeat);
    assert!(!outage.is_away());
}

#[test]
fn times_are_for_people() {
    let texts = [1300, 8000, 125_000, 7_260_000].map(|ms| in_seconds(Duration::from_millis(ms)));
    assert_eq!(texts, ["1.3 s", "8 s", "2 min 5 s", "2 h 1 min"]);
}
