//! Values as the text of cells.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, FieldRef};
use chrono_tz::Tz;

use super::super::cells::safe;
use crate::types::{Batch, Error, Result, grouped};

/// The text of a null. An empty text shows as nothing, and a text that reads like this in double quotes.
pub(super) const NULL: &str = "NULL";

/// How values are shown where people read them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::shell) struct Look {
    /// Whether thousands are separated.
    pub(in crate::shell) thousands: bool,
    /// The digits of floating-point numbers behind the point; all with `None`.
    pub(in crate::shell) digits: Option<u8>,
    /// The zone in which instants are shown; UTC with `None`.
    pub(in crate::shell) zone: Option<Tz>,
    /// Whether nulls are drawn dim.
    pub(in crate::shell) dim: bool,
}

/// The columns of a batch as they are shown: instants in the zone of `look`, those in arrays, maps and rows too.
pub(in crate::shell) fn shown_columns(batch: &Batch, look: Look) -> Result<Vec<ArrayRef>> {
    let columns = batch.columns().columns();
    let Some(zone) = look.zone else { return Ok(columns.to_vec()) };
    let shown = |column: &ArrayRef| match zoned(column.data_type(), zone) {
        local if local == *column.data_type() => Ok(column.clone()),
        local => arrow_cast::cast(column, &local).map_err(Error::from),
    };
    columns.iter().map(shown).collect()
}

/// The type with its instants in `zone`.
fn zoned(ty: &DataType, zone: Tz) -> DataType {
    let within = |field: &FieldRef| {
        let ty = zoned(field.data_type(), zone);
        Arc::new(field.as_ref().clone().with_data_type(ty))
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else holds instants")]
    match ty {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(zone.name().into())),
        DataType::List(field) => DataType::List(within(field)),
        DataType::Map(field, sorted) => DataType::Map(within(field), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(within).collect()),
        other => other.clone(),
    }
}

/// A column, its nulls, and what makes text of the rest.
struct Column<'a> {
    array: &'a ArrayRef,
    nulls: Option<NullBuffer>,
    formatter: ArrayFormatter<'a>,
}

/// The cells of columns as safe text.
pub(in crate::shell) struct Cells<'a> {
    columns: Vec<Column<'a>>,
    look: Look,
}

impl<'a> Cells<'a> {
    pub(in crate::shell) fn new(columns: &'a [ArrayRef], look: Look) -> Result<Self> {
        let local = look.zone.is_some_and(|zone| zone != Tz::UTC);
        let options = FormatOptions::new()
            .with_null(NULL)
            .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.3f"))
            .with_timestamp_tz_format(Some(if local { "%Y-%m-%d %H:%M:%S%.3f%:z" } else { "%Y-%m-%d %H:%M:%S%.3fZ" }))
            .with_time_format(Some("%H:%M:%S%.3f"));
        let formatted = |array: &'a ArrayRef| {
            let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
            Ok(Column { array, nulls: array.logical_nulls(), formatter })
        };
        Ok(Self { columns: columns.iter().map(formatted).collect::<Result<_>>()?, look })
    }

    pub(in crate::shell) fn text(&self, row: usize, column: usize) -> String {
        let Column { array, nulls, formatter } = &self.columns[column];
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return NULL.to_owned();
        }
        if let (Some(digits), Some(number)) = (self.look.digits, double(array, row)) {
            let rounded = format!("{number:.*}", usize::from(digits));
            return if self.look.thousands { grouped(&rounded) } else { rounded };
        }
        match formatter.value(row).try_to_string() {
            Ok(text) if self.look.thousands && array.data_type().is_numeric() => grouped(&text),
            Ok(text) if text == NULL => format!("\"{NULL}\""),
            Ok(text) => safe(&text).into_owned(),
            Err(_) => "?".to_owned(),
        }
    }
}

/// The floating-point number of a row.
fn double(array: &ArrayRef, row: usize) -> Option<f64> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is rounded")]
    match array.data_type() {
        DataType::Float64 => Some(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => Some(f64::from(array.as_primitive::<Float32Type>().value(row))),
        _ => None,
    }
}
