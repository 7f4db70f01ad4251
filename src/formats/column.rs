//! Typed column builders that text is converted into: one vector of values each, and a null bitmap only once a null came.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalYearMonthType, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, ListArray, MapArray, NullArray, PrimitiveArray, StringArray,
    StructArray,
};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;

use super::{base64, number, time};
use crate::types::{Error, Field, LogicalType, Result, printable};

/// Values of one column, row by row.
#[derive(Debug)]
pub(super) struct Column {
    ty: LogicalType,
    kind: Kind,
    arrow: DataType,
    len: usize,
    values: Values,
    nulls: NullBufferBuilder,
}

/// The kinds of type that a hot loop distinguishes without looking at the whole type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    BigInt,
    Timestamp,
    String,
    Other,
}

#[derive(Debug)]
enum Values {
    Null,
    Boolean(BooleanBufferBuilder),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal(Vec<i128>),
    Bytes { ends: Vec<i32>, data: Vec<u8> },
    List { ends: Vec<i32>, item: Box<Column> },
    Map { ends: Vec<i32>, key: Box<Column>, value: Box<Column> },
    Row(Vec<Column>),
}

impl Column {
    pub(super) fn new(ty: &LogicalType) -> Self {
        let kind = if *ty == LogicalType::BigInt {
            Kind::BigInt
        } else if matches!(ty, LogicalType::Timestamp | LogicalType::TimestampLtz) {
            Kind::Timestamp
        } else if *ty == LogicalType::String {
            Kind::String
        } else {
            Kind::Other
        };
        Self {
            ty: ty.clone(),
            kind,
            arrow: ty.to_arrow(),
            len: 0,
            values: Values::new(ty, 0),
            nulls: NullBufferBuilder::new(0),
        }
    }

    pub(super) const fn ty(&self) -> &LogicalType {
        &self.ty
    }

    #[inline]
    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Values held, nulls included.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        !self.nulls.is_valid(row)
    }

    /// Forgets all values behind the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        self.len = len;
        self.nulls.truncate(len);
        self.values.truncate(len);
    }

    /// A 64-bit value, of a column that holds such.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    pub(super) fn push_i64(&mut self, value: i64) {
        if let Values::Int64(values) = &mut self.values {
            values.push(value);
            self.valid();
        }
    }

    /// 64-bit values up to the first `None`, of a column that holds such; returns how many.
    #[inline]
    pub(super) fn extend_i64(&mut self, more: impl ExactSizeIterator<Item = Option<i64>>) -> usize {
        let Values::Int64(values) = &mut self.values else { return 0 };
        let before = values.len();
        // Room first: a push would look for it at every value.
        values.resize(before + more.len(), 0);
        let mut added = 0;
        for (slot, value) in values[before..].iter_mut().zip(more) {
            let Some(value) = value else { break };
            *slot = value;
            added += 1;
        }
        values.truncate(before + added);
        self.nulls.append_n_non_nulls(added);
        self.len += added;
        added
    }

    /// Text as it stands, of a string column; it must be UTF-8.
    #[inline]
    pub(super) fn push_str(&mut self, text: &[u8]) {
        if let Values::Bytes { ends, data } = &mut self.values {
            data.extend_from_slice(text);
            ends.push(end_of(data.len()));
            self.valid();
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    fn valid(&mut self) {
        self.nulls.append_non_null();
        self.len += 1;
    }

    pub(super) fn push_null(&mut self) {
        self.nulls.append_null();
        self.len += 1;
        self.values.push_default();
    }

    /// The value that `text` (a cell, or the content of a JSON string) is; `None`, and nothing pushed, when it is not
    /// of the type.
    pub(super) fn push_text(&mut self, text: &[u8]) -> Option<()> {
        let trimmed = text.trim_ascii();
        match (&mut self.values, &self.ty) {
            (Values::Bytes { .. }, LogicalType::String) => {
                self.push_str(text);
                return Some(());
            }
            (Values::Bytes { ends, data }, _) => {
                base64::decode(text, data)?;
                ends.push(end_of(data.len()));
            }
            (Values::Boolean(values), _) => values.append(match trimmed {
                word if word.eq_ignore_ascii_case(b"true") => true,
                word if word.eq_ignore_ascii_case(b"false") => false,
                _ => return None,
            }),
            (Values::Int8(values), _) => values.push(number::integer(trimmed)?.try_into().ok()?),
            (Values::Int16(values), _) => values.push(number::integer(trimmed)?.try_into().ok()?),
            (Values::Int32(values), LogicalType::Date) => values.push(time::parse_date(trimmed)?),
            (Values::Int32(values), LogicalType::Time) => values.push(time::parse_time(trimmed)?),
            (Values::Int32(values), _) => values.push(number::integer(trimmed)?.try_into().ok()?),
            (Values::Int64(values), LogicalType::Timestamp) => values.push(time::parse_timestamp(trimmed)?),
            (Values::Int64(values), LogicalType::TimestampLtz) => values.push(time::parse_instant(trimmed)?),
            (Values::Int64(values), _) => values.push(number::integer(trimmed)?),
            (Values::Float32(values), _) => values.push(number::float(trimmed)?),
            (Values::Float64(values), _) => values.push(number::double(trimmed)?),
            (Values::Decimal(values), LogicalType::Decimal(precision, scale)) => {
                values.push(number::decimal(trimmed, *precision, *scale)?);
            }
            (Values::Null | Values::Decimal(_) | Values::List { .. } | Values::Map { .. } | Values::Row(_), _) => {
                return None;
            }
        }
        self.valid();
        Some(())
    }

    /// The value that a number of JSON's grammar is; `None`, and nothing pushed, when the type has no such value.
    pub(super) fn push_number(&mut self, text: &[u8]) -> Option<()> {
        match (&mut self.values, &self.ty) {
            (Values::Int8(values), _) => values.push(number::integral(text)?.try_into().ok()?),
            (Values::Int16(values), _) => values.push(number::integral(text)?.try_into().ok()?),
            (Values::Int32(values), LogicalType::Int | LogicalType::IntervalYearMonth) => {
                values.push(number::integral(text)?.try_into().ok()?);
            }
            // Timestamps too: a number is epoch milliseconds.
            (Values::Int64(values), _) => values.push(number::integral(text)?),
            (Values::Float32(_) | Values::Float64(_) | Values::Decimal(_), _) | (_, LogicalType::String) => {
                return self.push_text(text);
            }
            _ => return None,
        }
        self.valid();
        Some(())
    }

    /// A JSON truth value; `None`, and nothing pushed, when the column is neither boolean nor string.
    pub(super) fn push_boolean(&mut self, value: bool) -> Option<()> {
        match (&mut self.values, &self.ty) {
            (Values::Boolean(values), _) => {
                values.append(value);
                self.valid();
                Some(())
            }
            (_, LogicalType::String) => self.push_text(if value { b"true" } else { b"false" }),
            _ => None,
        }
    }

    /// The column of an array's items, when this is an array column.
    pub(super) fn items(&mut self) -> Option<&mut Self> {
        if let Values::List { item, .. } = &mut self.values { Some(item) } else { None }
    }

    /// The columns of a map's keys and values, when this is a map column.
    pub(super) fn entries(&mut self) -> Option<(&mut Self, &mut Self)> {
        if let Values::Map { key, value, .. } = &mut self.values { Some((key, value)) } else { None }
    }

    /// The name and column of field `at` of a row, when this is a row column that has it.
    pub(super) fn field(&mut self, at: usize) -> Option<(&str, &mut Self)> {
        match (&mut self.values, &self.ty) {
            (Values::Row(fields), LogicalType::Row(names)) => Some((&names.get(at)?.0, fields.get_mut(at)?)),
            _ => None,
        }
    }

    /// The place of the field called `name`, when this is a row column that has it.
    pub(super) fn field_named(&self, name: &[u8]) -> Option<usize> {
        let LogicalType::Row(names) = &self.ty else { return None };
        names.iter().position(|(known, _)| known.as_bytes() == name)
    }

    /// Ends an array, map or row whose parts were pushed.
    pub(super) fn end_nested(&mut self) {
        match &mut self.values {
            Values::List { ends, item } => ends.push(end_of(item.len)),
            Values::Map { ends, key, .. } => ends.push(end_of(key.len)),
            Values::Row(fields) => {
                for field in fields {
                    if field.len == self.len {
                        field.push_null();
                    }
                }
            }
            Values::Null
            | Values::Boolean(_)
            | Values::Int8(_)
            | Values::Int16(_)
            | Values::Int32(_)
            | Values::Int64(_)
            | Values::Float32(_)
            | Values::Float64(_)
            | Values::Decimal(_)
            | Values::Bytes { .. } => {}
        }
        self.valid();
    }

    /// The values as an array; the column is empty afterwards and keeps room for as many.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let values = std::mem::replace(&mut self.values, Values::new(&self.ty, self.len));
        let nulls = self.nulls.finish();
        let len = std::mem::take(&mut self.len);
        values.into_array(&self.arrow, len, nulls)
    }
}

impl Values {
    fn new(ty: &LogicalType, room: usize) -> Self {
        match ty {
            LogicalType::Null => Self::Null,
            LogicalType::Boolean => Self::Boolean(BooleanBufferBuilder::new(room)),
            LogicalType::TinyInt => Self::Int8(Vec::with_capacity(room)),
            LogicalType::SmallInt => Self::Int16(Vec::with_capacity(room)),
            LogicalType::Int | LogicalType::Date | LogicalType::Time | LogicalType::IntervalYearMonth => {
                Self::Int32(Vec::with_capacity(room))
            }
            LogicalType::BigInt | LogicalType::Timestamp | LogicalType::TimestampLtz | LogicalType::IntervalDayTime => {
                Self::Int64(Vec::with_capacity(room))
            }
            LogicalType::Float => Self::Float32(Vec::with_capacity(room)),
            LogicalType::Double => Self::Float64(Vec::with_capacity(room)),
            LogicalType::Decimal(..) => Self::Decimal(Vec::with_capacity(room)),
            LogicalType::String | LogicalType::Bytes => {
                Self::Bytes { ends: Vec::with_capacity(room), data: Vec::new() }
            }
            LogicalType::Array(item) => Self::List { ends: Vec::new(), item: Box::new(Column::new(item)) },
            LogicalType::Map(key, value) => {
                Self::Map { ends: Vec::new(), key: Box::new(Column::new(key)), value: Box::new(Column::new(value)) }
            }
            LogicalType::Row(fields) => Self::Row(fields.iter().map(|(_, ty)| Column::new(ty)).collect()),
        }
    }

    fn truncate(&mut self, len: usize) {
        match self {
            Self::Null => {}
            Self::Boolean(values) => values.truncate(len),
            Self::Int8(values) => values.truncate(len),
            Self::Int16(values) => values.truncate(len),
            Self::Int32(values) => values.truncate(len),
            Self::Int64(values) => values.truncate(len),
            Self::Float32(values) => values.truncate(len),
            Self::Float64(values) => values.truncate(len),
            Self::Decimal(values) => values.truncate(len),
            Self::Bytes { ends, data } => {
                ends.truncate(len);
                data.truncate(last_end(ends));
            }
            Self::List { ends, item } => {
                ends.truncate(len);
                item.truncate(last_end(ends));
            }
            Self::Map { ends, key, value } => {
                ends.truncate(len);
                key.truncate(last_end(ends));
                value.truncate(last_end(ends));
            }
            Self::Row(fields) => fields.iter_mut().for_each(|field| field.truncate(len)),
        }
    }

    /// Appends the value that stands under a null.
    fn push_default(&mut self) {
        match self {
            Self::Null => {}
            Self::Boolean(values) => values.append(false),
            Self::Int8(values) => values.push(0),
            Self::Int16(values) => values.push(0),
            Self::Int32(values) => values.push(0),
            Self::Int64(values) => values.push(0),
            Self::Float32(values) => values.push(0.0),
            Self::Float64(values) => values.push(0.0),
            Self::Decimal(values) => values.push(0),
            Self::Bytes { ends, data } => ends.push(end_of(data.len())),
            Self::List { ends, item } => ends.push(end_of(item.len)),
            Self::Map { ends, key, .. } => ends.push(end_of(key.len)),
            Self::Row(fields) => fields.iter_mut().for_each(Column::push_null),
        }
    }

    fn into_array(self, arrow: &DataType, len: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(match self {
            Self::Null => Arc::new(NullArray::new(len)),
            Self::Boolean(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Self::Int8(values) => primitive::<Int8Type>(values, nulls)?,
            Self::Int16(values) => primitive::<Int16Type>(values, nulls)?,
            #[expect(clippy::wildcard_enum_match_arm, reason = "four of arrow's types are held in 32 bits here")]
            Self::Int32(values) => match arrow {
                DataType::Date32 => primitive::<Date32Type>(values, nulls)?,
                DataType::Time32(_) => primitive::<Time32MillisecondType>(values, nulls)?,
                DataType::Interval(_) => primitive::<IntervalYearMonthType>(values, nulls)?,
                _ => primitive::<Int32Type>(values, nulls)?,
            },
            #[expect(clippy::wildcard_enum_match_arm, reason = "three of arrow's types are held in 64 bits here")]
            Self::Int64(values) => match arrow {
                DataType::Timestamp(_, zone) => Arc::new(
                    PrimitiveArray::<TimestampMillisecondType>::try_new(values.into(), nulls)?
                        .with_timezone_opt(zone.clone()),
                ),
                DataType::Duration(_) => primitive::<DurationMillisecondType>(values, nulls)?,
                _ => primitive::<Int64Type>(values, nulls)?,
            },
            Self::Float32(values) => primitive::<Float32Type>(values, nulls)?,
            Self::Float64(values) => primitive::<Float64Type>(values, nulls)?,
            Self::Decimal(values) => {
                Arc::new(Decimal128Array::try_new(values.into(), nulls)?.with_data_type(arrow.clone()))
            }
            Self::Bytes { ends, data } => {
                let (offsets, data) = (offsets(&ends), Buffer::from_vec(data));
                if *arrow == DataType::Binary {
                    Arc::new(BinaryArray::try_new(offsets, data, nulls)?)
                } else {
                    Arc::new(StringArray::try_new(offsets, data, nulls)?)
                }
            }
            Self::List { ends, mut item } => {
                let DataType::List(field) = arrow else { return Err(mismatch(arrow)) };
                Arc::new(ListArray::try_new(Arc::clone(field), offsets(&ends), item.finish()?, nulls)?)
            }
            Self::Map { ends, mut key, mut value } => {
                let DataType::Map(field, sorted) = arrow else { return Err(mismatch(arrow)) };
                let DataType::Struct(parts) = field.data_type() else { return Err(mismatch(arrow)) };
                let entries = StructArray::try_new(parts.clone(), vec![key.finish()?, value.finish()?], None)?;
                Arc::new(MapArray::try_new(Arc::clone(field), offsets(&ends), entries, nulls, *sorted)?)
            }
            Self::Row(mut fields) => {
                let DataType::Struct(parts) = arrow else { return Err(mismatch(arrow)) };
                let columns = fields.iter_mut().map(Column::finish).collect::<Result<_>>()?;
                Arc::new(StructArray::try_new_with_length(parts.clone(), columns, nulls, len)?)
            }
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    Ok(Arc::new(PrimitiveArray::<T>::try_new(ScalarBuffer::from(values), nulls)?))
}

fn offsets(ends: &[i32]) -> OffsetBuffer<i32> {
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.extend_from_slice(ends);
    OffsetBuffer::new(offsets.into())
}

fn mismatch(arrow: &DataType) -> Error {
    Error::config(format!("a column of type {arrow} was built as another"))
}

fn last_end(ends: &[i32]) -> usize {
    ends.last().map_or(0, |&end| usize::try_from(end).unwrap_or(0))
}

/// A decoder stops long before a column holds 2 GiB (`lines::HELD_BYTES_MAX`).
fn end_of(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

/// The message for row `row` when a field that is not null has no value there.
pub(super) fn missing_value(fields: &[Field], columns: &[Column], row: usize) -> Option<String> {
    let missing = |(field, column): &(&Field, &Column)| !field.nullable && column.is_null(row);
    let (field, _) = fields.iter().zip(columns).find(missing)?;
    Some(format!("column {}: expected a value ({} not null), found none", field.name, field.ty))
}

/// `expected a bigint, found 'x'`, the text made safe to show and short.
pub(super) fn expectation(ty: &LogicalType, found: &[u8]) -> String {
    let name = ty.to_string();
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("expected {article} {name}, found {}", quoted(found))
}

/// `found`, in quotes, made safe to show and short.
pub(super) fn quoted(found: &[u8]) -> String {
    const SHOWN: usize = 60;
    let head = String::from_utf8_lossy(&found[..found.len().min(4 * SHOWN)]);
    let short: String = head.chars().take(SHOWN).collect();
    let dots = if short.len() < head.len() || found.len() > 4 * SHOWN { "…" } else { "" };
    format!("'{}{dots}'", printable(&short))
}
