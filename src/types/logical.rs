//! Flink's data types and their Arrow representation.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields, IntervalUnit, TimeUnit};
use serde::{Deserialize, Serialize};

/// A Flink SQL data type. Nullability belongs to the [`Field`](super::Field) or expression that has the type.
///
/// `CHAR(n)`/`VARCHAR(n)` are read as [`String`](LogicalType::String). Timestamps are held in milliseconds whatever
/// precision was declared; `TIMESTAMP(0)`…`TIMESTAMP(9)` are read as `TIMESTAMP(3)`.
///
/// The type's serialised form is part of the state and savepoint formats: names may be added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogicalType {
    /// The type of a bare `NULL` before it is coerced.
    Null,
    /// `BOOLEAN`
    Boolean,
    /// `TINYINT`, 8 bits
    TinyInt,
    /// `SMALLINT`, 16 bits
    SmallInt,
    /// `INT`, 32 bits
    Int,
    /// `BIGINT`, 64 bits
    BigInt,
    /// `FLOAT`, 32 bits
    Float,
    /// `DOUBLE`, 64 bits
    Double,
    /// `DECIMAL(precision, scale)`, 1 ≤ precision ≤ 38, 0 ≤ scale ≤ precision
    Decimal(u8, u8),
    /// `STRING`
    String,
    /// `BYTES`
    Bytes,
    /// `DATE`, days since 1970-01-01
    Date,
    /// `TIME(3)`, milliseconds since midnight
    Time,
    /// `TIMESTAMP(3)`: wall-clock milliseconds, without a zone
    Timestamp,
    /// `TIMESTAMP_LTZ(3)`: an instant, milliseconds since the epoch
    #[serde(rename = "timestamp_ltz")]
    TimestampLtz,
    /// `INTERVAL DAY TO SECOND(3)`, milliseconds
    #[serde(rename = "interval_day_time")]
    IntervalDayTime,
    /// `INTERVAL YEAR TO MONTH`, months
    #[serde(rename = "interval_year_month")]
    IntervalYearMonth,
    /// `ARRAY<t>`
    Array(Box<LogicalType>),
    /// `MAP<k, v>`
    Map(Box<LogicalType>, Box<LogicalType>),
    /// `ROW<name t, …>`
    Row(Vec<(String, LogicalType)>),
}

impl LogicalType {
    /// The Arrow type that columns of this type have.
    #[must_use]
    pub fn to_arrow(&self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Boolean => DataType::Boolean,
            Self::TinyInt => DataType::Int8,
            Self::SmallInt => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal(precision, scale) => DataType::Decimal128(*precision, scale.cast_signed()),
            Self::String => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time32(TimeUnit::Millisecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, None),
            Self::TimestampLtz => DataType::Timestamp(TimeUnit::Millisecond, Some(Arc::from("UTC"))),
            Self::IntervalDayTime => DataType::Duration(TimeUnit::Millisecond),
            Self::IntervalYearMonth => DataType::Interval(IntervalUnit::YearMonth),
            Self::Array(item) => DataType::List(Arc::new(ArrowField::new("item", item.to_arrow(), true))),
            Self::Map(key, value) => {
                let entries = Fields::from(vec![
                    ArrowField::new("keys", key.to_arrow(), false),
                    ArrowField::new("values", value.to_arrow(), true),
                ]);
                DataType::Map(Arc::new(ArrowField::new("entries", DataType::Struct(entries), false)), false)
            }
            Self::Row(fields) => DataType::Struct(
                fields.iter().map(|(name, ty)| ArrowField::new(name, ty.to_arrow(), true)).collect::<Fields>(),
            ),
        }
    }

    /// The type whose [`to_arrow`](Self::to_arrow) is `arrow`, for reading Parquet and savepoints; `None` for Arrow
    /// types that no column here has.
    #[must_use]
    pub fn from_arrow(arrow: &DataType) -> Option<Self> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "arrow's enum is open, and what we lack is refused")]
        Some(match arrow {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean,
            DataType::Int8 => Self::TinyInt,
            DataType::Int16 => Self::SmallInt,
            DataType::Int32 => Self::Int,
            DataType::Int64 => Self::BigInt,
            DataType::Float32 => Self::Float,
            DataType::Float64 => Self::Double,
            DataType::Decimal128(precision, scale) => Self::Decimal(*precision, u8::try_from(*scale).ok()?),
            DataType::Utf8 => Self::String,
            DataType::Binary => Self::Bytes,
            DataType::Date32 => Self::Date,
            DataType::Time32(TimeUnit::Millisecond) => Self::Time,
            DataType::Timestamp(TimeUnit::Millisecond, None) => Self::Timestamp,
            DataType::Timestamp(TimeUnit::Millisecond, Some(_)) => Self::TimestampLtz,
            DataType::Duration(TimeUnit::Millisecond) => Self::IntervalDayTime,
            DataType::Interval(IntervalUnit::YearMonth) => Self::IntervalYearMonth,
            DataType::List(item) => Self::Array(Box::new(Self::from_arrow(item.data_type())?)),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Self::Map(
                    Box::new(Self::from_arrow(fields[0].data_type())?),
                    Box::new(Self::from_arrow(fields[1].data_type())?),
                ),
                _ => return None,
            },
            DataType::Struct(fields) => Self::Row(
                fields
                    .iter()
                    .map(|field| Some((field.name().clone(), Self::from_arrow(field.data_type())?)))
                    .collect::<Option<_>>()?,
            ),
            _ => return None,
        })
    }

    /// `TINYINT` to `BIGINT`.
    #[must_use]
    pub const fn is_integer(&self) -> bool {
        matches!(self, Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt)
    }

    /// Integers, decimals, floats.
    #[must_use]
    pub const fn is_numeric(&self) -> bool {
        self.is_integer() || matches!(self, Self::Decimal(..) | Self::Float | Self::Double)
    }

    /// Whether a column of this type can be an event time: a timestamp, or a bigint of epoch milliseconds.
    #[must_use]
    pub const fn is_event_time(&self) -> bool {
        matches!(self, Self::Timestamp | Self::TimestampLtz | Self::BigInt)
    }
}

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean => f.write_str("boolean"),
            Self::TinyInt => f.write_str("tinyint"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Int => f.write_str("int"),
            Self::BigInt => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision}, {scale})"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp => f.write_str("timestamp(3)"),
            Self::TimestampLtz => f.write_str("timestamp_ltz(3)"),
            Self::IntervalDayTime => f.write_str("interval day to second"),
            Self::IntervalYearMonth => f.write_str("interval year to month"),
            Self::Array(item) => write!(f, "array<{item}>"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Row(fields) => {
                f.write_str("row<")?;
                for (i, (name, ty)) in fields.iter().enumerate() {
                    write!(f, "{}{name} {ty}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(">")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LogicalType;

    #[test]
    fn every_type_survives_the_way_through_arrow() {
        for ty in [
            LogicalType::Boolean,
            LogicalType::Decimal(22, 3),
            LogicalType::TimestampLtz,
            LogicalType::IntervalDayTime,
            LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::Array(Box::new(LogicalType::Int)))),
            LogicalType::Row(vec![("a".into(), LogicalType::Time), ("b".into(), LogicalType::Bytes)]),
        ] {
            assert_eq!(LogicalType::from_arrow(&ty.to_arrow()), Some(ty));
        }
    }
}
