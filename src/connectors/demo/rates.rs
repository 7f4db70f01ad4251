//! Orders in six currencies, and what a unit of each is worth in euros.
//!
//! An order comes every half second, up to 2 s out of order. Rates come as often, in turn, so that each changes every 3 s.
//! They stray by up to 1 % from the middle, which `MIDDLE` has.

use std::ops::Range;

use arrow_array::ArrayRef;

use super::set::{DemoSet, START_MS, decimals, numbers, pick, texts, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const STEP_MS: u64 = 500;
const CURRENCIES: &[&str] = &["CHF", "DKK", "GBP", "NOK", "SEK", "USD"];
/// The middle of each rate, in ten-thousandths of a euro.
const MIDDLE: &[u64] = &[10_600, 1_340, 11_700, 880, 910, 9_200];
/// Changes of one rate from its lowest to its highest.
const WAVE: u64 = 100;

/// The orders.
#[derive(Debug)]
pub(super) struct Orders;

impl DemoSet for Orders {
    fn name(&self) -> &'static str {
        "orders"
    }

    fn delay_ms(&self) -> i64 {
        2_000
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("id", LogicalType::BigInt).not_null(),
            Field::new("currency", LogicalType::String).not_null(),
            Field::new("amount", LogicalType::Decimal(10, 2)).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let noise = Stream::new(seed, "orders");
        Ok(match column {
            0 => numbers(rows, |row| 1 + row),
            1 => texts(rows, |row, out| out.append_value(pick(CURRENCIES, noise.at(row) >> 8))),
            2 => decimals(rows, 2, |row| 500 + noise.below(row, 50_000))?,
            _ => timestamps(rows, |row| {
                let lag = if noise.at(row).is_multiple_of(8) { noise.at(row) % 2_000 } else { 0 };
                time_ms(row) - lag.cast_signed()
            }),
        })
    }
}

/// The rates.
#[derive(Debug)]
pub(super) struct Rates;

impl DemoSet for Rates {
    fn name(&self) -> &'static str {
        "rates"
    }

    fn delay_ms(&self) -> i64 {
        0
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("currency", LogicalType::String).not_null(),
            Field::new("rate", LogicalType::Decimal(10, 4)).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let noise = Stream::new(seed, "rates");
        Ok(match column {
            0 => texts(rows, |row, out| out.append_value(pick(CURRENCIES, row))),
            1 => decimals(rows, 4, |row| {
                let middle = pick(MIDDLE, row);
                let change = row / MIDDLE.len() as u64 + noise.below(row % MIDDLE.len() as u64, 2 * WAVE);
                // 0 to 2 * WAVE.
                let high = 2 * (change % (2 * WAVE)).abs_diff(WAVE);
                middle + middle * high / (100 * WAVE) - middle / 100
            })?,
            _ => timestamps(rows, time_ms),
        })
    }
}

const fn time_ms(row: u64) -> i64 {
    START_MS + (row * STEP_MS).cast_signed()
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Decimal128Type;

    use super::*;

    #[test]
    fn rates_stray_around_the_middle() {
        let rates = Rates.column(7, 1, 0..6_000).unwrap();
        let rates = rates.as_primitive::<Decimal128Type>().values();
        for (currency, &middle) in MIDDLE.iter().enumerate() {
            let of: Vec<u64> =
                rates.iter().skip(currency).step_by(6).map(|&rate| u64::try_from(rate).unwrap()).collect();
            let (low, high) = (of.iter().min().unwrap(), of.iter().max().unwrap());
            assert!(middle - low <= middle / 100 + 1 && high - middle <= middle / 100 + 1, "{low} {middle} {high}");
            assert!(high - low > middle / 60, "it changes");
        }
    }
}
