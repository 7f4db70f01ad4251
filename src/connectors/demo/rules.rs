//! The most that may be paid by card in each country, which changes: rules for `transactions`.
//!
//! A rule every 10 s, for one country after the other: 300, 400 or 500.

use std::ops::Range;

use arrow_array::ArrayRef;

use super::set::{DemoSet, START_MS, decimals, pick, texts, timestamps};
use super::transactions::COUNTRIES;
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const STEP_MS: u64 = 10_000;

/// The set.
#[derive(Debug)]
pub(super) struct Rules;

impl DemoSet for Rules {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn delay_ms(&self) -> i64 {
        0
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("country", LogicalType::String).not_null(),
            Field::new("most", LogicalType::Decimal(10, 2)).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let noise = Stream::new(seed, "rules");
        Ok(match column {
            0 => texts(rows, |row, out| out.append_value(pick(COUNTRIES, row))),
            1 => decimals(rows, 2, |row| 10_000 * (3 + noise.below(row, 3)))?,
            _ => timestamps(rows, |row| START_MS + (row * STEP_MS).cast_signed()),
        })
    }
}
