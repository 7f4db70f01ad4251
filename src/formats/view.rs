//! Columns looked at as typed values, for writing them row by row: downcast once a batch, matched once a cell.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalYearMonthType, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};

use super::{base64, time};
use crate::types::{Error, Result};

/// One column of a batch.
pub(super) struct View<'a> {
    nulls: Option<&'a NullBuffer>,
    pub(super) values: ViewValues<'a>,
}

/// The column's values by type.
pub(super) enum ViewValues<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal(&'a [i128], u32),
    String(&'a StringArray),
    Bytes(&'a BinaryArray),
    Date(&'a [i32]),
    Time(&'a [i32]),
    Timestamp(&'a [i64]),
    Instant(&'a [i64]),
    List { offsets: &'a [i32], item: Box<View<'a>> },
    Map { offsets: &'a [i32], key: Box<View<'a>>, value: Box<View<'a>> },
    Row(Vec<(&'a str, View<'a>)>),
}

impl<'a> View<'a> {
    pub(super) fn new(array: &'a ArrayRef) -> Result<Self> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "arrow's enum is open, and what we lack is refused")]
        let values = match array.data_type() {
            DataType::Null => ViewValues::Null,
            DataType::Boolean => ViewValues::Boolean(array.as_boolean()),
            DataType::Int8 => ViewValues::Int8(array.as_primitive::<Int8Type>().values()),
            DataType::Int16 => ViewValues::Int16(array.as_primitive::<Int16Type>().values()),
            DataType::Int32 => ViewValues::Int32(array.as_primitive::<Int32Type>().values()),
            DataType::Int64 => ViewValues::Int64(array.as_primitive::<Int64Type>().values()),
            DataType::Float32 => ViewValues::Float32(array.as_primitive::<Float32Type>().values()),
            DataType::Float64 => ViewValues::Float64(array.as_primitive::<Float64Type>().values()),
            DataType::Decimal128(_, scale) => ViewValues::Decimal(
                array.as_primitive::<Decimal128Type>().values(),
                u32::try_from(*scale).map_err(|_| unwritable(array.data_type()))?,
            ),
            DataType::Utf8 => ViewValues::String(array.as_string()),
            DataType::Binary => ViewValues::Bytes(array.as_binary()),
            DataType::Date32 => ViewValues::Date(array.as_primitive::<Date32Type>().values()),
            DataType::Time32(TimeUnit::Millisecond) => {
                ViewValues::Time(array.as_primitive::<Time32MillisecondType>().values())
            }
            DataType::Timestamp(TimeUnit::Millisecond, None) => {
                ViewValues::Timestamp(array.as_primitive::<TimestampMillisecondType>().values())
            }
            DataType::Timestamp(TimeUnit::Millisecond, Some(_)) => {
                ViewValues::Instant(array.as_primitive::<TimestampMillisecondType>().values())
            }
            DataType::Duration(TimeUnit::Millisecond) => {
                ViewValues::Int64(array.as_primitive::<DurationMillisecondType>().values())
            }
            DataType::Interval(arrow_schema::IntervalUnit::YearMonth) => {
                ViewValues::Int32(array.as_primitive::<IntervalYearMonthType>().values())
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                ViewValues::List { offsets: list.value_offsets(), item: Box::new(Self::new(list.values())?) }
            }
            DataType::Map(..) => {
                let map = array.as_map();
                ViewValues::Map {
                    offsets: map.value_offsets(),
                    key: Box::new(Self::new(map.keys())?),
                    value: Box::new(Self::new(map.values())?),
                }
            }
            DataType::Struct(fields) => ViewValues::Row(
                fields
                    .iter()
                    .zip(array.as_struct().columns())
                    .map(|(field, column)| Ok((field.name().as_str(), Self::new(column)?)))
                    .collect::<Result<_>>()?,
            ),
            other => return Err(unwritable(other)),
        };
        Ok(Self { nulls: array.nulls(), values })
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row)) || matches!(self.values, ViewValues::Null)
    }

    /// Appends the value of `row`, which is not null, as plain text; false when it has no such form (strings have, but
    /// every format has its own way with them; so have arrays, maps and rows).
    pub(super) fn write_plain(&self, row: usize, out: &mut Vec<u8>) -> bool {
        match &self.values {
            ViewValues::Boolean(values) => {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
            }
            ViewValues::Int8(values) => write_integer(values[row], out),
            ViewValues::Int16(values) => write_integer(values[row], out),
            ViewValues::Int32(values) => write_integer(values[row], out),
            ViewValues::Int64(values) => write_integer(values[row], out),
            ViewValues::Float32(values) => write_float(values[row], f64::from(values[row]), out),
            ViewValues::Float64(values) => write_float(values[row], values[row], out),
            ViewValues::Decimal(values, scale) => write_decimal(values[row], *scale as usize, out),
            ViewValues::Bytes(values) => base64::encode(values.value(row), out),
            ViewValues::Date(values) => time::write_date(i64::from(values[row]), out),
            ViewValues::Time(values) => time::write_time(i64::from(values[row]), out),
            ViewValues::Timestamp(values) => time::write_timestamp(values[row], out),
            ViewValues::Instant(values) => {
                time::write_timestamp(values[row], out);
                out.push(b'Z');
            }
            ViewValues::Null
            | ViewValues::String(_)
            | ViewValues::List { .. }
            | ViewValues::Map { .. }
            | ViewValues::Row(_) => return false,
        }
        true
    }
}

fn unwritable(ty: &DataType) -> Error {
    Error::config(format!("a column of type {ty} has no text form"))
}

fn write_integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `value` in the fewest digits that are read back as it; `wide` is the same value.
fn write_float(value: impl ryu::Float, wide: f64, out: &mut Vec<u8>) {
    let mut buffer = ryu::Buffer::new();
    let text = if wide.is_nan() {
        "NaN"
    } else if wide == f64::INFINITY {
        "Infinity"
    } else if wide == f64::NEG_INFINITY {
        "-Infinity"
    } else {
        buffer.format_finite(value)
    };
    out.extend_from_slice(text.as_bytes());
}

fn write_decimal(value: i128, scale: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs()).as_bytes();
    if value < 0 {
        out.push(b'-');
    }
    if scale == 0 {
        out.extend_from_slice(digits);
        return;
    }
    let whole = digits.len().saturating_sub(scale);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits[..whole] });
    out.push(b'.');
    out.resize(out.len() + scale.saturating_sub(digits.len()), b'0');
    out.extend_from_slice(&digits[whole..]);
}
