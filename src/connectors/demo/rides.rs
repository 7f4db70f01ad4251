//! Rides of taxis, and the fares that are paid at their end.
//!
//! A ride begins every 1.5 s, and row *n* of `fares` is the payment of ride *n*, 4 to 14 minutes later: longer and shorter
//! with the traffic. So payments are a little out of order. Of 25 rides one is never paid; in place of its fare stands one
//! of a ride that nobody knows.

use std::ops::Range;

use arrow_array::ArrayRef;

use super::set::{DemoSet, START_MS, decimals, numbers, pick, texts, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const STEP_MS: u64 = 1_500;
const FIRST_RIDE: u64 = 10_000;
const UNPAID_OF: u64 = 25;
/// Numbers that no ride has.
const UNKNOWN_RIDE: u64 = 1_000_000_000;
/// Rides from the quickest traffic to the slowest.
const TRAFFIC_RIDES: u64 = 1_200;
const ZONES: &[&str] = &["airport", "harbour", "old town", "station", "university"];

/// The rides.
#[derive(Debug)]
pub(super) struct Rides;

impl DemoSet for Rides {
    fn name(&self) -> &'static str {
        "rides"
    }

    fn delay_ms(&self) -> i64 {
        0
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("ride", LogicalType::BigInt).not_null(),
            Field::new("zone", LogicalType::String).not_null(),
            Field::new("passengers", LogicalType::BigInt).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let noise = Stream::new(seed, "rides");
        Ok(match column {
            0 => numbers(rows, |row| FIRST_RIDE + row),
            1 => texts(rows, |row, out| out.append_value(pick(ZONES, noise.at(row) >> 8))),
            2 => numbers(rows, |row| 1 + noise.below(row, 4)),
            _ => timestamps(rows, begins_ms),
        })
    }
}

/// The fares.
#[derive(Debug)]
pub(super) struct Fares;

impl DemoSet for Fares {
    fn name(&self) -> &'static str {
        "fares"
    }

    fn delay_ms(&self) -> i64 {
        25_000
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("ride", LogicalType::BigInt).not_null(),
            Field::new("fare", LogicalType::Decimal(10, 2)).not_null(),
            Field::new("tip", LogicalType::Decimal(10, 2)).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let noise = Stream::new(seed, "fares");
        Ok(match column {
            0 => numbers(rows, |row| if is_paid(row) { FIRST_RIDE + row } else { UNKNOWN_RIDE + row }),
            // 3.00, and 2.40 a minute.
            1 => decimals(rows, 2, |row| 300 + lasts_ms(noise, row) / 250)?,
            2 => decimals(rows, 2, |row| if noise.below(row, 3) == 0 { 0 } else { 50 * (1 + noise.at(row) % 8) })?,
            _ => timestamps(rows, |row| begins_ms(row) + lasts_ms(noise, row).cast_signed()),
        })
    }
}

const fn is_paid(row: u64) -> bool {
    row % UNPAID_OF != UNPAID_OF - 1
}

const fn begins_ms(row: u64) -> i64 {
    START_MS + (row * STEP_MS).cast_signed()
}

/// 4 to 14 minutes.
fn lasts_ms(noise: Stream, row: u64) -> u64 {
    let wave = (row % (2 * TRAFFIC_RIDES)).abs_diff(TRAFFIC_RIDES);
    240_000 + wave * 580_000 / TRAFFIC_RIDES + noise.at(row) % 20_000
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int64Type, TimestampMillisecondType};

    use super::*;

    #[test]
    fn a_fare_is_paid_within_15_minutes_and_no_later_than_the_delay_behind_others() {
        let (rides, fares) = (0..10_000, 0..10_000);
        let times = |set: &dyn DemoSet, rows| {
            let column = set.column(7, 3, rows).unwrap();
            column.as_primitive::<TimestampMillisecondType>().values().to_vec()
        };
        let numbers =
            |set: &dyn DemoSet, rows| set.column(7, 0, rows).unwrap().as_primitive::<Int64Type>().values().to_vec();
        let (begun, paid) = (times(&Rides, rides.clone()), times(&Fares, fares.clone()));
        let known = numbers(&Rides, rides).into_iter().zip(numbers(&Fares, fares)).filter(|(ride, fare)| ride == fare);
        assert_eq!(known.count(), 9_600);
        let mut newest = i64::MIN;
        for (begun, paid) in begun.into_iter().zip(paid) {
            assert!((240_000..840_000).contains(&(paid - begun)), "{}", paid - begun);
            assert!(paid > newest.saturating_sub(Fares.delay_ms()));
            newest = newest.max(paid);
        }
    }
}
