//! Carries out commands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cancelling;
use super::shared::Shared;
use super::shutdown::Phase;
use crate::control;
use crate::db::beat::Received;
use crate::types::command::CommandState::{Applied, Expired, Refused};

/// Carries out a command, unless that was begun before, or its time was over before it arrived. `asked_at`:
/// when the beat was sent that brought it; its time counts from there, by a clock that runs on while the
/// process is stopped.
pub(super) fn carry_out(shared: &Arc<Shared>, command: Received, asked_at: Instant) {
    if !shared.commands.begin(command.id) {
        return;
    }
    let time = Duration::try_from_secs_f64(command.expires_in).unwrap_or_default();
    if asked_at.elapsed() >= time {
        return shared.commands.answer(&command, Expired, "it arrived when its time was over".to_owned());
    }
    if command.kind == "cancel" {
        return cancelling::cancel(shared, command);
    }
    let (state, done) = match apply(shared, &command) {
        Ok(done) => (Applied, done),
        Err(why) => (Refused, why),
    };
    shared.commands.answer(&command, state, done);
}

/// What was done, or why nothing was.
fn apply(shared: &Shared, command: &Received) -> Result<String, String> {
    match command.kind.as_str() {
        "ping" => Ok(format!("here, with {}", runs(shared.counts.load().running))),
        "pause" => Ok(pause(shared)),
        "resume" => resume(shared),
        "slots" => slots(shared, command),
        "drain" => Ok(drain(shared)),
        "stop" => Ok(stop(shared)),
        "log" => control::set_log(command.details["filter"].as_str().unwrap_or_default()),
        _ => Err("unknown command".to_owned()),
    }
}

fn runs(running: usize) -> String {
    match running {
        1 => "1 job running".to_owned(),
        jobs => format!("{jobs} jobs running"),
    }
}

fn pause(shared: &Shared) -> String {
    let was_paused = shared.commands.pause(true);
    let released = shared.release(shared.in_flight.stop_unbegun());
    let again = if was_paused { "was paused already" } else { "paused" };
    format!("{again}: {}, {released} released", runs(shared.counts.load().running))
}

fn resume(shared: &Shared) -> Result<String, String> {
    if shared.stop.is_draining() {
        return Err("the worker ends already".to_owned());
    }
    // A drain of the worker is taken back at all of its servers; a pause is of this one.
    let drained = shared.team.set_draining(false);
    let was_paused = shared.commands.pause(false);
    shared.wake_claims();
    Ok(if was_paused || drained { "resumed" } else { "was not paused" }.to_owned())
}

fn slots(shared: &Shared, command: &Received) -> Result<String, String> {
    let asked = command.details["slots"].as_u64().and_then(|slots| usize::try_from(slots).ok());
    let Some(slots) = asked.filter(|slots| (1..=10_000).contains(slots)) else {
        return Err("slots lie within 1 and 10,000".to_owned());
    };
    let before = shared.slots.set(slots);
    for engine in shared.team.engines() {
        engine.commands.note_change();
        engine.wake_claims();
    }
    Ok(format!("slots from {before} to {slots}"))
}

fn drain(shared: &Shared) -> String {
    shared.team.set_draining(true);
    for engine in shared.team.engines() {
        engine.release(engine.in_flight.stop_unbegun());
    }
    let running = runs(shared.team.running());
    shared.end_if_drained();
    format!("ends when its last run has ended: {running}")
}

fn stop(shared: &Shared) -> String {
    let running = runs(shared.team.running());
    shared.stop.advance(Phase::HandingBack);
    format!("ends now and releases what it runs: {running}")
}
