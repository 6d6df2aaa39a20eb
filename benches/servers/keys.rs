//! Keys, how many jobs each has, and on which server they lie.

use pgjobs::__private::owner;

use crate::random::Random;

pub(crate) const NAMES: [&str; 16] =
    ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16"];

/// The most keys that are assigned one by one. The many small keys after them count as spread evenly, which they are
/// to a thousandth.
const ASSIGNED: usize = 100_000;

/// The shares of keys by Zipf's law: that of the i-th is proportional to 1 / i^exponent. 0 is even; sales, tenants and
/// words are near 1.
pub(crate) fn zipf(keys: usize, exponent: f64) -> Vec<f64> {
    let mut weights: Vec<f64> = (1..=keys).map(|rank| (rank as f64).powf(-exponent)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

/// The position of the owner of each key, by the product's own function.
pub(crate) fn owners(names: &[&str], keys: usize) -> Vec<usize> {
    let owner = |key: usize| owner(names.iter().copied(), &format!("customer-{key}"));
    (0..keys.min(ASSIGNED)).map(|key| owner(key).expect("there are servers")).collect()
}

/// The share of each server, when a draw decides which key is how large.
pub(crate) fn shares(servers: usize, owners: &[usize], weights: &[f64], random: &mut Random) -> Vec<f64> {
    let (large, rest) = weights.split_at(owners.len());
    let mut shares = vec![rest.iter().sum::<f64>() / servers as f64; servers];
    let (step, start) = (coprime(owners.len(), random), random.next() as usize % owners.len());
    for (rank, weight) in large.iter().enumerate() {
        shares[owners[(start + rank * step) % owners.len()]] += weight;
    }
    shares
}

/// A random step that visits each of `count` places once.
fn coprime(count: usize, random: &mut Random) -> usize {
    loop {
        let step = 1 + random.next() as usize % (count - 1).max(1);
        if gcd(step, count) == 1 {
            return step;
        }
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_keys_and_of_servers_add_up_to_one() {
        let weights = zipf(1000, 1.0);
        assert!((weights[0] / weights[9] - 10.0).abs() < 1e-9, "the tenth has a tenth of the first");
        let shares = shares(3, &owners(&NAMES[..3], 1000), &weights, &mut Random::new(1));
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
    }
}
