//! Which of several servers has a key: the one with the greatest score of name and key (rendezvous hashing, also
//! known as highest random weight).
//!
//! Every program has to come to the same answer, of any version, on any machine and in any language, because jobs of
//! one key that are meant to be unique, limited or in order must lie on one server. So the score is defined here, and
//! never changes:
//!
//! 1. FNV-1a of 64 bits over the bytes of the name, one zero byte, and the bytes of the key in UTF-8: begin with
//!    `0xcbf29ce484222325`; for each byte, exclusive-or it into the lowest 8 bits, then multiply by `0x100000001b3`.
//! 2. The finisher of MurmurHash3, because FNV alone leaves the high bits of short keys alike: `h ^= h >> 33`,
//!    `h *= 0xff51afd7ed558ccd`, `h ^= h >> 33`, `h *= 0xc4ceb9fe1a85ec53`, `h ^= h >> 33`.
//!
//! All arithmetic is modulo 2^64, and scores are compared as unsigned numbers. Of equal scores the name that comes
//! first by its bytes wins, so the order in which servers are listed does not matter.

use std::cmp::Reverse;

/// The position in `names` of the server that has `key`; `None` if there are no names.
///
/// A name that is added takes its share of the keys, one n-th, from all others alike and moves no other key; one that
/// is removed gives up only its own. Costs about a nanosecond for each byte of the key and name.
pub fn owner<'a>(names: impl IntoIterator<Item = &'a str>, key: &str) -> Option<usize> {
    let names = names.into_iter().enumerate();
    names.max_by_key(|(_, name)| (score(name, key), Reverse(*name))).map(|(at, _)| at)
}

/// How much a server wants a key.
fn score(name: &str, key: &str) -> u64 {
    let bytes = name.bytes().chain([0]).chain(key.bytes());
    finish(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }))
}

/// Spreads the differences of a hash over all of its bits.
fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 16] = [
        "main", "eu", "us", "a", "b", "c", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "shard-1",
        "shard-2",
    ];

    const KEYS: usize = 10_000;

    fn keys() -> impl Iterator<Item = String> {
        (0..KEYS).map(|n| n.to_string())
    }

    /// The owners by name of all keys of a form.
    fn owners<'n>(names: &[&'n str], keys: impl Iterator<Item = String>) -> Vec<&'n str> {
        keys.map(|key| names[owner(names.iter().copied(), &key).unwrap()]).collect()
    }

    /// For programs in other languages; the book shows the same ones (`tests/book/sizing.rs`).
    #[test]
    fn scores_are_those_of_the_test_vectors() {
        for (name, key, wanted) in [
            ("main", "", 0xe17a_5019_a4e3_8bfe),
            ("main", "42", 0x23a4_d41c_7a5f_8a5a),
            ("eu", "42", 0x2cd5_5c64_4499_56ce),
            ("us", "42", 0x7816_c8e3_233f_69c0),
            ("eu", "customer-7", 0x788f_c18a_25b2_dee2),
            ("us", "customer-7", 0xf6d7_4fd1_2dc1_47bd),
            ("s-1", "Müller", 0xdeea_7cb1_8b56_46e9),
            ("s-1", "日本", 0xbe74_7ca4_0a28_81d2),
        ] {
            assert_eq!(score(name, key), wanted, "{name} {key}");
        }
    }

    #[test]
    fn no_server_has_no_key_and_one_has_all() {
        assert_eq!(owner([], "42"), None);
        assert!(keys().all(|key| owner(["main"], &key) == Some(0)));
        assert_eq!(owner(["eu", "us"], ""), owner(["eu", "us"], ""));
    }

    #[test]
    fn the_order_of_the_servers_does_not_matter() {
        let mut turned = NAMES;
        turned.reverse();
        assert_eq!(owners(&NAMES, keys()), owners(&turned, keys()));
    }

    /// Chi-square of 2 to 16 servers: a fair hash passes this bound all but once in 10^6 times (z of 4.75, by
    /// Wilson and Hilferty). The keys are fixed, so it passes always or never.
    #[test]
    fn keys_spread_as_chance_would_spread_them() {
        let forms: [fn(usize) -> String; 4] = [
            |n| n.to_string(),
            |n| format!("customer-{n:06}"),
            |n| format!("{{\"tenant\": {n}}}"),
            |n| format!("{:032x}", (n as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        ];
        for (form, servers) in forms.iter().flat_map(|form| (2..=16).map(move |servers| (form, servers))) {
            let owners = owners(&NAMES[..servers], (0..KEYS).map(form));
            let even = KEYS as f64 / servers as f64;
            let share = |name| owners.iter().filter(|owner| *owner == name).count() as f64;
            let square: f64 = NAMES[..servers].iter().map(|name| (share(name) - even).powi(2) / even).sum();
            let free = (servers - 1) as f64;
            let bound = free * (1.0 - 2.0 / (9.0 * free) + 4.75 * (2.0 / (9.0 * free)).sqrt()).powi(3);
            assert!(square < bound, "{servers} servers, keys like {}: {square:.1} of {bound:.1}", form(7));
        }
    }

    #[test]
    fn an_added_server_takes_its_share_and_nothing_else_moves() {
        for servers in 1..NAMES.len() {
            let (before, after) = (owners(&NAMES[..servers], keys()), owners(&NAMES[..=servers], keys()));
            let moved = before.iter().zip(&after).filter(|(before, after)| before != after);
            let to: Vec<_> = moved.map(|(_, after)| *after).collect();
            assert!(to.iter().all(|name| *name == NAMES[servers]), "to an old server: {to:?}");
            let share = 1.0 / (servers + 1) as f64;
            let spread = (KEYS as f64 * share * (1.0 - share)).sqrt();
            let off = (to.len() as f64 - KEYS as f64 * share).abs();
            assert!(off < 5.0 * spread, "{servers} servers: {} of {KEYS} moved", to.len());
        }
    }

    #[test]
    fn a_removed_server_gives_up_only_its_own_keys() {
        for gone in NAMES {
            let left: Vec<&str> = NAMES.iter().copied().filter(|name| *name != gone).collect();
            let (before, after) = (owners(&NAMES, keys()), owners(&left, keys()));
            let moved = before.iter().zip(&after).filter(|(before, after)| before != after);
            assert!(moved.clone().count() > 0 && moved.clone().all(|(before, _)| *before == gone));
        }
    }
}
