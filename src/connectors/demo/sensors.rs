//! Sensor readings with out-of-order and late rows, and a sensor that falls silent.
//!
//! Twelve sensors in four rooms report once a second. Rows stand in the order of their arrival:
//!
//! - 15 of 100 arrive 0.5 to 4 s after later ones: within the watermark's delay of 5 s;
//! - 1 of 100 arrives 10 to 60 s late: behind any watermark;
//! - `s-07` is silent in seconds 90 to 179 of every 300 (by arrival);
//! - `s-06` reads 20 degrees more in seconds 200 to 215 of every 300.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};

use super::set::{DemoSet, START_MS, pick, texts, timestamps};
use crate::connectors::random::Stream;
use crate::types::{Field, LogicalType, Result};

const SENSORS: u64 = 12;
const ROOMS: &[&str] = &["kitchen", "office", "server room", "workshop"];
const ROOM_DEGREES: &[f64] = &[21.0, 22.0, 24.0, 17.0];
const SILENT: u64 = 7;
const HOT: u64 = 6;
const CYCLE_SECONDS: u64 = 300;
const SILENT_SECONDS: Range<u64> = 90..180;
const HOT_SECONDS: Range<u64> = 200..216;
const ROWS_BEFORE: u64 = SILENT_SECONDS.start * SENSORS;
const ROWS_WITHIN: u64 = (SILENT_SECONDS.end - SILENT_SECONDS.start) * (SENSORS - 1);
const CYCLE_ROWS: u64 = ROWS_BEFORE + ROWS_WITHIN + (CYCLE_SECONDS - SILENT_SECONDS.end) * SENSORS;

/// The set.
#[derive(Debug)]
pub(super) struct Sensors;

impl DemoSet for Sensors {
    fn name(&self) -> &'static str {
        "sensors"
    }

    fn delay_ms(&self) -> i64 {
        5_000
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("sensor", LogicalType::String).not_null(),
            Field::new("room", LogicalType::String).not_null(),
            Field::new("temperature", LogicalType::Double).not_null(),
            Field::new("humidity", LogicalType::Double).not_null(),
            Field::new("event_time", LogicalType::Timestamp).not_null(),
        ]
    }

    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let house = House::new(seed);
        Ok(match column {
            0 => texts(rows, |row, out| {
                // Writing to a builder in memory cannot fail.
                let _ = write!(out, "s-{:02}", arrival(row).1);
                out.append_value("");
            }),
            1 => texts(rows, |row, out| out.append_value(pick(ROOMS, arrival(row).1 / 3))),
            2 => Arc::new(Float64Array::from_iter_values(rows.map(|row| house.temperature(row)))),
            3 => Arc::new(Float64Array::from_iter_values(rows.map(|row| house.humidity(row)))),
            _ => timestamps(rows, |row| house.time_ms(row)),
        })
    }
}

/// The second that row `row` arrives in, and the number of its sensor.
const fn arrival(row: u64) -> (u64, u64) {
    let (cycle, row) = (row / CYCLE_ROWS, row % CYCLE_ROWS);
    let (second, sensor) = if row < ROWS_BEFORE {
        (row / SENSORS, row % SENSORS)
    } else if row < ROWS_BEFORE + ROWS_WITHIN {
        let row = row - ROWS_BEFORE;
        let sensor = row % (SENSORS - 1);
        (SILENT_SECONDS.start + row / (SENSORS - 1), if sensor < SILENT { sensor } else { sensor + 1 })
    } else {
        let row = row - ROWS_BEFORE - ROWS_WITHIN;
        (SILENT_SECONDS.end + row / SENSORS, row % SENSORS)
    };
    (cycle * CYCLE_SECONDS + second, sensor)
}

struct House {
    lags: Stream,
    noise: Stream,
}

impl House {
    fn new(seed: u64) -> Self {
        Self { lags: Stream::new(seed, "sensors lag"), noise: Stream::new(seed, "sensors") }
    }

    /// The time between the measurement of row `row` and its arrival, milliseconds.
    fn lag_ms(&self, row: u64) -> u64 {
        let more = self.lags.at(row) >> 32;
        match self.lags.below(row, 100) {
            0 => 10_000 + more % 50_001,
            1..=15 => 500 + more % 3_501,
            _ => 0,
        }
    }

    fn time_ms(&self, row: u64) -> i64 {
        let (second, sensor) = arrival(row);
        START_MS + (second * 1_000 + sensor * 80).cast_signed() - self.lag_ms(row).cast_signed()
    }

    fn temperature(&self, row: u64) -> f64 {
        let (second, sensor) = arrival(row);
        let measured = second.saturating_sub(self.lag_ms(row) / 1_000);
        // A slow wave of straight lines, from -1.5 to 1.5 and back in ten minutes.
        #[expect(clippy::cast_precision_loss, reason = "below 600")]
        let wave = ((measured % 600) as f64 / 300.0 - 1.0).abs() * 3.0 - 1.5;
        let hot = if sensor == HOT && HOT_SECONDS.contains(&(second % CYCLE_SECONDS)) { 20.0 } else { 0.0 };
        hundredths(pick(ROOM_DEGREES, sensor / 3) + wave + hot + (self.noise.unit(row) - 0.5) * 0.6)
    }

    fn humidity(&self, row: u64) -> f64 {
        hundredths(35.0 + Stream::new(self.noise.at(row), "humidity").unit(row) * 25.0)
    }
}

/// A measurement as a sensor shows it.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sensor_falls_silent_and_the_others_never_do() {
        let mut seen = vec![Vec::new(); 12];
        for row in 0..2 * CYCLE_ROWS {
            let (second, sensor) = arrival(row);
            seen[usize::try_from(sensor).unwrap()].push(second);
        }
        for (sensor, seconds) in seen.iter().enumerate() {
            let expected: Vec<u64> =
                (0..600).filter(|second| sensor != 7 || !SILENT_SECONDS.contains(&(second % 300))).collect();
            assert_eq!(*seconds, expected, "s-{sensor:02}");
        }
    }

    #[test]
    fn rows_are_out_of_order_and_late_as_often_as_it_is_said() {
        let house = House::new(7);
        let mut newest = i64::MIN;
        let (mut behind, mut late) = (0, 0);
        for row in 0..100_000 {
            let time = house.time_ms(row);
            behind += u32::from(time < newest);
            late += u32::from(time <= newest.saturating_sub(Sensors.delay_ms()));
            newest = newest.max(time);
        }
        assert!((15_000..17_000).contains(&behind), "{behind}");
        assert!((850..1_150).contains(&late), "{late}");
    }

    #[test]
    fn one_sensor_runs_hot() {
        let house = House::new(0);
        for row in 0..CYCLE_ROWS {
            let (second, sensor) = arrival(row);
            let hot = sensor == HOT && HOT_SECONDS.contains(&second);
            assert_eq!(house.temperature(row) > 40.0, hot, "row {row}");
            assert!((35.0..=60.0).contains(&house.humidity(row)));
        }
    }
}
