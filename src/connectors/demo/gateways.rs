//! Sensors behind two gateways, which are partitions: one of them falls silent.
//!
//! Each gateway passes on the temperatures of four sensors, once a second, in order of time. From second 60 to 240 of every
//! 600 nothing comes from `south`.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};

use super::set::{DemoSet, PARTITION_ROWS, START_MS, texts, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const GATEWAYS: &[&str] = &["north", "south"];
const SOUTH: u64 = 1;
const SENSORS: u64 = 4;
const CYCLE_SECONDS: u64 = 600;
const SILENT_SECONDS: Range<u64> = 60..240;

/// The set.
#[derive(Debug)]
pub(super) struct Gateways;

impl DemoSet for Gateways {
    fn name(&self) -> &'static str {
        "gateways"
    }

    fn delay_ms(&self) -> i64 {
        1_000
    }

    fn partitions(&self) -> &'static [&'static str] {
        GATEWAYS
    }

    fn is_silent(&self, row: u64) -> bool {
        let (gateway, second, _) = place(row);
        gateway == SOUTH && SILENT_SECONDS.contains(&(second % CYCLE_SECONDS))
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("gateway", LogicalType::String).not_null(),
            Field::new("sensor", LogicalType::String).not_null(),
            Field::new("temperature", LogicalType::Double).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let noise = Stream::new(seed, "gateways");
        Ok(match column {
            0 => texts(rows, |row, out| {
                let (gateway, _, _) = place(row);
                out.append_value(if gateway == SOUTH { GATEWAYS[1] } else { GATEWAYS[0] });
            }),
            1 => texts(rows, |row, out| {
                let (gateway, _, sensor) = place(row);
                // Writing to a builder in memory cannot fail.
                let _ = write!(out, "s-{}", gateway * SENSORS + sensor);
                out.append_value("");
            }),
            2 => Arc::new(Float64Array::from_iter_values(rows.map(|row| {
                // North of the house it is cooler. In tenths of a degree, as the sensors have it.
                let (gateway, _, _) = place(row);
                let tenths = u32::try_from(180 + 40 * gateway + noise.below(row, 30)).unwrap_or(0);
                f64::from(tenths) / 10.0
            }))),
            _ => timestamps(rows, |row| {
                let (_, second, sensor) = place(row);
                START_MS + (second * 1_000 + sensor * 250).cast_signed()
            }),
        })
    }
}

/// The gateway of a row, its second, and its sensor.
const fn place(row: u64) -> (u64, u64, u64) {
    let within = row % PARTITION_ROWS;
    (row / PARTITION_ROWS, within / SENSORS, within % SENSORS)
}
