//! What the fuzzers do, for a while, without their compiler flags: the same checks over the same seeds.

use std::fs;
use std::path::Path;

use fastrand::Rng;

use super::checks;

const MUTATIONS: usize = 20_000;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Cut, doubled, swapped for another seed's, or a few bytes changed.
fn mutate(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[rng.usize(..seeds.len())].clone();
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..6) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => {
                let other = &seeds[rng.usize(..seeds.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[rng.usize(..=other.len())..]);
            }
            3 => bytes.insert(at, rng.u8(..)),
            4 => bytes.insert(at, b"[]{}\",:\\0*%\n"[rng.usize(..12)]),
            _ if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(rng.u8(1..)),
            _ => {}
        }
        bytes.truncate(4096);
    }
    bytes
}

fn run(target: &str, check: fn(&[u8])) {
    let (seeds, mut rng) = (seeds(target), Rng::with_seed(20_261_123));
    assert!(seeds.len() >= 10, "{target}: the seeds are missing");
    seeds.iter().for_each(|seed| check(seed));
    for nth in 0..MUTATIONS {
        let input = mutate(&mut rng, &seeds);
        let held = std::panic::catch_unwind(|| check(&input));
        assert!(held.is_ok(), "{target}: mutation {nth}: {:?}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn bodies_bind_or_are_refused_without_a_value() {
    run("body", checks::body);
}

#[test]
fn topics_hold_what_trying_every_split_says() {
    run("topic", checks::topic);
}

#[test]
fn records_are_read_or_refused() {
    run("record", checks::record);
}
