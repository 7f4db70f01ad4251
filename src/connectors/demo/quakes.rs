//! A week of real earthquakes: all that the USGS recorded from 31 January to 7 February 2018, in the order of their time.
//! U.S. public domain; `demo-data/earthquakes` says where from.

use std::ops::Range;
use std::sync::LazyLock;

use arrow_array::{ArrayRef, RecordBatch};

use super::set::DemoSet;
use crate::formats::{DecoderRequest, FormatOptions, format_named};
use crate::types::{Error, Field, LogicalType, Result, Schema};

const TEXT: &str = include_str!("../../../demo-data/earthquakes/earthquakes.ndjson");

/// The rows, read when somebody first asks for one.
static ROWS: LazyLock<Result<RecordBatch>> = LazyLock::new(read);

/// The set.
#[derive(Debug)]
pub(super) struct Quakes;

fn fields() -> Vec<Field> {
    vec![
        Field::new("id", LogicalType::String).not_null(),
        Field::new("magnitude", LogicalType::Double).not_null(),
        Field::new("place", LogicalType::String).not_null(),
        Field::new("depth", LogicalType::Double).not_null(),
        Field::new("lon", LogicalType::Double).not_null(),
        Field::new("lat", LogicalType::Double).not_null(),
        Field::new("kind", LogicalType::String).not_null(),
        Field::new("felt", LogicalType::BigInt),
        Field::new("time", LogicalType::Timestamp).not_null(),
    ]
}

fn read() -> Result<RecordBatch> {
    let schema = Schema::new(fields());
    let projection: Vec<usize> = (0..schema.len()).collect();
    let options = FormatOptions::new(Vec::new());
    let request = DecoderRequest { schema: &schema, projection: &projection, options: &options, at_file_start: true };
    let json = format_named("json").ok_or_else(|| Error::config("there is no format `json`"))?;
    let mut decoder = (json.decoder)(&request).map_err(Error::config)?;
    let mut rest = TEXT.as_bytes();
    while !rest.is_empty() {
        match decoder.decode(rest, true, usize::MAX)? {
            0 => break,
            read => rest = &rest[read..],
        }
    }
    decoder.flush().map(|(rows, _)| rows)
}

impl DemoSet for Quakes {
    fn name(&self) -> &'static str {
        "quakes"
    }

    fn delay_ms(&self) -> i64 {
        0
    }

    fn rows(&self) -> Option<u64> {
        Some(1_707)
    }

    fn fields(&self) -> Vec<Field> {
        fields()
    }

    fn column(&self, _seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef> {
        let all = ROWS.as_ref().map_err(Clone::clone)?;
        let at = |row: u64| usize::try_from(row).unwrap_or(usize::MAX).min(all.num_rows());
        let (first, end) = (at(rows.start), at(rows.end));
        Ok(all.column(column).slice(first, end.saturating_sub(first)))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, TimestampMillisecondType};

    use super::*;

    #[test]
    fn every_record_is_a_row_and_their_times_are_in_order() {
        let rows = Quakes.rows().expect("so many");
        assert_eq!(TEXT.lines().count() as u64, rows);
        let times = Quakes.column(0, 8, 0..rows + 5).expect("read");
        let times = times.as_primitive::<TimestampMillisecondType>();
        assert_eq!((times.values().len() as u64, times.iter().flatten().count() as u64), (rows, rows));
        assert!(times.values().is_sorted());
        let magnitudes = Quakes.column(0, 1, 10..20).expect("read");
        assert_eq!(magnitudes.len(), 10);
        let strongest = Quakes.column(0, 1, 0..rows).expect("read");
        let strongest = strongest.as_primitive::<Float64Type>().iter().flatten().fold(0.0, f64::max);
        assert!((6.0..8.0).contains(&strongest), "{strongest}");
    }
}
