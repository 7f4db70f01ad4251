//! Who knows whom: people in circles of planted sizes, between which nobody knows anybody.
//!
//! Of every 86 people there are a circle of each of the sizes 2, 3, 5, 8, 13, 21 and 34. Somebody new to a circle knows one of
//! the two who came last, so that the way from one end of a large circle to the other is long. A tie every 100 ms.

use std::ops::Range;

use arrow_array::ArrayRef;

use super::set::{DemoSet, START_MS, numbers, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const STEP_MS: u64 = 100;
const SIZES: [u64; 7] = [2, 3, 5, 8, 13, 21, 34];
/// The people of one circle of each size, and the ties between them: a tie fewer than people in each circle.
const PEOPLE: u64 = 86;
const TIES: u64 = 79;
/// A prime, and a number below it that has no pattern: people of one circle have numbers far apart.
const NUMBERS: u64 = 999_999_937;
const SCATTER: u64 = 618_033_989;

/// The set.
#[derive(Debug)]
pub(super) struct Ties;

impl DemoSet for Ties {
    fn name(&self) -> &'static str {
        "ties"
    }

    fn delay_ms(&self) -> i64 {
        0
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("a", LogicalType::BigInt).not_null(),
            Field::new("b", LogicalType::BigInt).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let noise = Stream::new(seed, "ties");
        Ok(match column {
            0 => numbers(rows, |row| number(newcomer(row).0)),
            1 => numbers(rows, |row| {
                let (person, nth) = newcomer(row);
                number(person - 1 - noise.below(row, nth.min(2)))
            }),
            _ => timestamps(rows, |row| START_MS + (row * STEP_MS).cast_signed()),
        })
    }
}

/// The person that tie `row` is of, counted from the first one, and how many came to the circle before.
fn newcomer(row: u64) -> (u64, u64) {
    let (mut person, mut tie) = (row / TIES * PEOPLE, row % TIES);
    for size in SIZES {
        if tie < size - 1 {
            return (person + tie + 1, tie + 1);
        }
        (person, tie) = (person + size, tie + 1 - size);
    }
    (person, 1)
}

/// The number by which a person is known.
fn number(person: u64) -> u64 {
    1 + (person % NUMBERS) * SCATTER % NUMBERS
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;

    use super::*;

    #[test]
    fn circles_have_the_planted_sizes_and_nobody_knows_a_stranger() {
        assert_eq!((SIZES.iter().sum::<u64>(), SIZES.iter().map(|size| size - 1).sum::<u64>()), (PEOPLE, TIES));
        let column = |nth| Ties.column(7, nth, 0..10 * TIES).unwrap().as_primitive::<Int64Type>().values().to_vec();
        let mut circle: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for (a, b) in column(0).into_iter().zip(column(1)) {
            let all: BTreeSet<i64> =
                [a, b].into_iter().flat_map(|who| circle.get(&who).cloned().unwrap_or([who].into())).collect();
            for who in &all {
                circle.insert(*who, all.clone());
            }
        }
        let circles: BTreeSet<&BTreeSet<i64>> = circle.values().collect();
        let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
        for circle in circles {
            *sizes.entry(circle.len()).or_default() += 1;
        }
        assert_eq!(sizes, SIZES.iter().map(|&size| (usize::try_from(size).unwrap(), 10)).collect());
    }
}
