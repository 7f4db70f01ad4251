//! Casts to strings.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalYearMonthType, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, cast::AsArray};

use crate::expr::{text, time};
use crate::types::LogicalType;

pub(super) fn cast(data: &ArrayRef, from: &LogicalType) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(data.len(), data.len() * 12);
    let mut scratch = String::new();
    let nulls = data.logical_nulls();
    for row in 0..data.len() {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            builder.append_null();
            continue;
        }
        scratch.clear();
        if *from == LogicalType::Bytes {
            scratch.push_str(&String::from_utf8_lossy(data.as_binary::<i32>().value(row)));
        } else {
            write_value(&mut scratch, data, from, row);
        }
        builder.append_value(&scratch);
    }
    Arc::new(builder.finish())
}

/// Writes one value as Flink prints it; a null is `NULL`.
///
/// # Panics
/// When `data` is not of the type `ty`.
pub(in crate::expr) fn write_value(out: &mut String, data: &ArrayRef, ty: &LogicalType, row: usize) {
    let integer = |out: &mut String, value: i64| out.push_str(itoa::Buffer::new().format(value));
    if *ty == LogicalType::Null || data.is_null(row) {
        out.push_str("NULL");
        return;
    }
    match ty {
        LogicalType::Null => {}
        LogicalType::Boolean => out.push_str(if data.as_boolean().value(row) { "TRUE" } else { "FALSE" }),
        LogicalType::TinyInt => integer(out, data.as_primitive::<Int8Type>().value(row).into()),
        LogicalType::SmallInt => integer(out, data.as_primitive::<Int16Type>().value(row).into()),
        LogicalType::Int => integer(out, data.as_primitive::<Int32Type>().value(row).into()),
        LogicalType::BigInt => integer(out, data.as_primitive::<Int64Type>().value(row)),
        LogicalType::Float => text::write_float(out, data.as_primitive::<Float32Type>().value(row)),
        LogicalType::Double => text::write_double(out, data.as_primitive::<Float64Type>().value(row)),
        LogicalType::Decimal(_, scale) => {
            text::write_decimal(out, data.as_primitive::<Decimal128Type>().value(row), *scale);
        }
        LogicalType::String => out.push_str(data.as_string::<i32>().value(row)),
        LogicalType::Bytes => {
            out.push_str("x'");
            for byte in data.as_binary::<i32>().value(row) {
                out.extend([byte >> 4, byte & 15].iter().filter_map(|&digit| char::from_digit(digit.into(), 16)));
            }
            out.push('\'');
        }
        LogicalType::Date => time::write_date(out, data.as_primitive::<Date32Type>().value(row).into()),
        LogicalType::Time => time::write_time(out, data.as_primitive::<Time32MillisecondType>().value(row).into()),
        LogicalType::Timestamp | LogicalType::TimestampLtz => {
            time::write_timestamp(out, data.as_primitive::<TimestampMillisecondType>().value(row));
        }
        LogicalType::IntervalDayTime => {
            text::write_day_time(out, data.as_primitive::<DurationMillisecondType>().value(row));
        }
        LogicalType::IntervalYearMonth => {
            text::write_year_month(out, data.as_primitive::<IntervalYearMonthType>().value(row));
        }
        LogicalType::Array(item) => {
            let items = data.as_list::<i32>().value(row);
            write_items(out, ["[", "]"], items.len(), |out, i| write_value(out, &items, item, i));
        }
        LogicalType::Map(key, value) => {
            let entries = data.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            write_items(out, ["{", "}"], entries.len(), |out, i| {
                write_value(out, keys, key, i);
                out.push('=');
                write_value(out, values, value, i);
            });
        }
        LogicalType::Row(fields) => {
            let columns = data.as_struct().columns();
            write_items(out, ["(", ")"], columns.len(), |out, i| write_value(out, &columns[i], &fields[i].1, row));
        }
    }
}

fn write_items(out: &mut String, [open, close]: [&str; 2], count: usize, item: impl Fn(&mut String, usize)) {
    out.push_str(open);
    for i in 0..count {
        if i > 0 {
            out.push_str(", ");
        }
        item(out, i);
    }
    out.push_str(close);
}
