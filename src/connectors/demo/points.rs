//! Points near a plane, for a model to find: `y = 4 + 3 x - 2 z`, give or take a half.
//!
//! `x` and `z` are from -1 to 1. A point every 100 ms.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};

use super::set::{DemoSet, START_MS, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const STEP_MS: u64 = 100;

/// The set.
#[derive(Debug)]
pub(super) struct Points;

impl DemoSet for Points {
    fn name(&self) -> &'static str {
        "points"
    }

    fn delay_ms(&self) -> i64 {
        0
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("x", LogicalType::Double).not_null(),
            Field::new("z", LogicalType::Double).not_null(),
            Field::new("y", LogicalType::Double).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        // From -1 to 1.
        let draw = |name| {
            let stream = Stream::new(seed, name);
            move |row| stream.unit(row) * 2.0 - 1.0
        };
        let (x, z, noise) = (draw("points x"), draw("points z"), draw("points noise"));
        let value = |row| match column {
            0 => x(row),
            1 => z(row),
            _ => 4.0 + 3.0 * x(row) - 2.0 * z(row) + noise(row) / 2.0,
        };
        Ok(match column {
            0..=2 => Arc::new(Float64Array::from_iter_values(rows.map(value))),
            _ => timestamps(rows, |row| START_MS + (row * STEP_MS).cast_signed()),
        })
    }
}
