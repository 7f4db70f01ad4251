//! Logins with planted guessing of passwords.
//!
//! A login every two seconds; sixty people take turns, and one in ten logins fails. Rows come up to 4 s out of order. Rows
//! stand in blocks of 200; in each block
//!
//! - **a guess**: somebody's logins fail 2 to 5 times, six seconds apart, and the next one succeeds: [`Guess`] says whose;
//! - **a decoy**: somebody fails twice, and gets in after more than a minute.
//!
//! Nobody else fails twice in a row within a minute.

use std::fmt::Write;
use std::ops::Range;

use arrow_array::ArrayRef;

use super::set::{DemoSet, START_MS, pick, texts, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const STEP_MS: u64 = 2_000;
const BLOCK_ROWS: u64 = 200;
const PEOPLE: u64 = 60;
/// Rows between two tries of one guess.
const TRIES_APART: u64 = 3;
const DECOY_FAILS: [u64; 2] = [120, 125];
const DECOY_ENTERS: u64 = 170;
const FROM: &[&str] = &["office", "office", "home", "home", "train"];

/// The set.
#[derive(Debug)]
pub(super) struct Logins;

impl DemoSet for Logins {
    fn name(&self) -> &'static str {
        "logins"
    }

    fn delay_ms(&self) -> i64 {
        5_000
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("user", LogicalType::String).not_null(),
            Field::new("outcome", LogicalType::String).not_null(),
            Field::new("place", LogicalType::String).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let noise = Stream::new(seed, "logins");
        Ok(match column {
            0 => texts(rows, |row, out| {
                // Writing to a builder in memory cannot fail.
                let _ = write!(out, "user-{:02}", login(seed, row).0);
                out.append_value("");
            }),
            1 => texts(rows, |row, out| out.append_value(if login(seed, row).1 { "failed" } else { "ok" })),
            2 => texts(rows, |row, out| out.append_value(pick(FROM, noise.at(row) >> 8))),
            _ => timestamps(rows, |row| {
                let lag = if noise.below(row, 8) == 0 { noise.at(row) % 4_000 } else { 0 };
                START_MS + (row * STEP_MS).cast_signed() - lag.cast_signed()
            }),
        })
    }
}

/// What is planted in a block.
struct Guess {
    victim: u64,
    /// The row, within the block, of the first failure.
    first: u64,
    failures: u64,
    /// Who fails twice and takes their time.
    decoy: u64,
}

impl Guess {
    fn of(seed: u64, block: u64) -> Self {
        let dice = Stream::new(seed, "logins guess").of_row(block);
        let victim = dice.below(0, PEOPLE);
        Self {
            victim,
            first: 40 + dice.below(1, 60),
            failures: 2 + dice.below(2, 4),
            decoy: (victim + 1 + dice.below(3, PEOPLE - 1)) % PEOPLE,
        }
    }

    /// Whose login stands at `place` of the block, and whether it fails, where that is planted.
    fn at(&self, place: u64) -> Option<(u64, bool)> {
        let since = place.wrapping_sub(self.first);
        if since <= self.failures * TRIES_APART && since.is_multiple_of(TRIES_APART) {
            return Some((self.victim, since < self.failures * TRIES_APART));
        }
        let fails = DECOY_FAILS.contains(&place);
        (fails || place == DECOY_ENTERS).then_some((self.decoy, fails))
    }
}

/// The user of row `row`, and whether the login fails.
fn login(seed: u64, row: u64) -> (u64, bool) {
    let guess = Guess::of(seed, row / BLOCK_ROWS);
    guess.at(row % BLOCK_ROWS).unwrap_or_else(|| {
        // In turn: nobody comes back within a minute. Those of whom something is planted do nothing else.
        let user = (row * 37) % PEOPLE;
        let is_planted = [guess.victim, guess.decoy].contains(&user);
        let user = if is_planted { PEOPLE + row % PEOPLE } else { user };
        (user, Stream::new(seed, "logins outcome").below(row, 10) == 0)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn nobody_but_the_planted_fails_twice_and_enters_within_a_minute() {
        let mut open: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let (mut found, mut slow) = (Vec::new(), 0);
        for row in 0..200 * BLOCK_ROWS {
            let (user, failed) = login(7, row);
            if failed {
                open.entry(user).or_default().push(row);
            } else {
                let fails = open.remove(&user).unwrap_or_default();
                let soon = fails.iter().filter(|&&fail| (row - fail) * STEP_MS < 60_000).count() as u64;
                if soon >= 2 {
                    found.push((user, soon));
                } else {
                    slow += usize::from(fails.len() >= 2);
                }
            }
        }
        let planted = |block| {
            let guess = Guess::of(7, block);
            (guess.victim, guess.failures)
        };
        assert_eq!(found, (0..200).map(planted).collect::<Vec<_>>());
        assert!(slow >= 200, "the decoys, {slow}");
    }
}
