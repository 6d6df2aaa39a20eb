//! Splits arrays into statements by their size in bytes as well as by their number of rows.
//!
//! The server keeps a statement's values several times over while it executes it: a thousand jobs of a
//! megabyte each once grew one backend to 9 GB. So every function that sends an array without a bound takes a
//! [`Chunk`], and only [`chunks`] makes one (`tests/architecture/arrays.rs` checks every function of this module).

use std::ops::Deref;

/// Rows in one statement. Larger statements are slower: what the server keeps of their rows between the steps
/// of the statement no longer fits in the processor's cache.
pub(crate) const ROWS: usize = 1024;

/// Bytes in one statement, approximately, counting only the parts that vary in size. A single row may be
/// larger.
pub(crate) const BYTES: usize = 8 << 20;

/// The rows that one statement sends.
#[derive(Debug)]
pub(crate) struct Chunk<'a, T> {
    rows: &'a [T],
    /// Index of the first of these rows in the whole array.
    pub(crate) at: usize,
}

// Derived implementations would demand the same of `T`.
impl<T> Copy for Chunk<'_, T> {}

impl<T> Clone for Chunk<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T> Chunk<'a, T> {
    /// Both halves; `None` for a single row.
    pub(crate) fn halves(self) -> Option<[Chunk<'a, T>; 2]> {
        let (first, second) = self.rows.split_at(self.rows.len() / 2);
        let second = Chunk { rows: second, at: self.at + first.len() };
        (!first.is_empty()).then_some([Chunk { rows: first, at: self.at }, second])
    }
}

impl<T> Deref for Chunk<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.rows
    }
}

/// Splits rows, in order, into chunks of one statement each; `bytes` returns the size of a row.
pub(crate) fn chunks<T>(rows: &[T], bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = Chunk<'_, T>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = rows.get(at..).filter(|rest| !rest.is_empty())?;
        let chunk = Chunk { rows: &rest[..fitting(rest, &bytes)], at };
        at += chunk.rows.len();
        Some(chunk)
    })
}

/// How many of these rows fit into one statement; at least one.
fn fitting<T>(rows: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    let mut sum = 0_usize;
    let fit = |row: &&T| {
        sum = sum.saturating_add(bytes(row));
        sum <= BYTES
    };
    rows.iter().take(ROWS).take_while(fit).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(weights: &[usize]) -> Vec<(usize, usize)> {
        chunks(weights, |weight| *weight).map(|chunk| (chunk.at, chunk.len())).collect()
    }

    #[test]
    fn halves_are_the_whole_and_a_single_row_has_none() {
        let rows = [0, 1, 2, 3, 4];
        let whole = chunks(&rows, |_| 1).next().unwrap();
        let [first, second] = whole.halves().unwrap();
        assert_eq!((first.at, &*first, second.at, &*second), (0, &rows[..2], 2, &rows[2..]));
        assert!(first.halves().unwrap().map(|half| half.halves().is_none()).iter().all(|single| *single));
    }

    #[test]
    fn a_statement_ends_at_its_rows_or_at_its_bytes_whichever_comes_first() {
        assert_eq!(cut(&[]), []);
        assert_eq!(cut(&[1; 1025]), [(0, 1024), (1024, 1)]);
        assert_eq!(cut(&[BYTES / 4; 9]), [(0, 4), (4, 4), (8, 1)]);
        assert_eq!(cut(&[BYTES / 4 + 1; 4]), [(0, 3), (3, 1)]);
        assert_eq!(
            cut(&[1, BYTES, 1, usize::MAX, usize::MAX, 1]),
            [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]
        );
    }
}
