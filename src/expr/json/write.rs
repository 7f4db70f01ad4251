//! Values written as JSON.

use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, cast::AsArray};

use super::tree::{quote, separate};
use crate::expr::cast::write_value;
use crate::expr::{text, time};
use crate::types::LogicalType;

/// The name of the only field of a row that is JSON already.
const RAW: &str = "$json";

/// The type of a text that is JSON already.
pub(in crate::expr) fn raw_type() -> LogicalType {
    LogicalType::Row(vec![(RAW.to_owned(), LogicalType::String)])
}

/// Whether values of this type can be the keys of an object.
pub(in crate::expr) const fn is_key(ty: &LogicalType) -> bool {
    matches!(ty, LogicalType::String)
}

/// Whether values of this type have a JSON form.
///
/// # Errors
/// What has none.
pub(in crate::expr) fn writable(ty: &LogicalType) -> Result<(), String> {
    match ty {
        LogicalType::Date | LogicalType::Time | LogicalType::IntervalDayTime | LogicalType::IntervalYearMonth => {
            Err(format!("{ty} has no JSON form"))
        }
        LogicalType::Array(item) => writable(item),
        LogicalType::Map(key, _) if !is_key(key) => Err(format!("the keys of a JSON object are strings, not {key}")),
        LogicalType::Map(_, value) => writable(value),
        LogicalType::Row(fields) => fields.iter().try_for_each(|(_, ty)| writable(ty)),
        LogicalType::Null
        | LogicalType::Boolean
        | LogicalType::TinyInt
        | LogicalType::SmallInt
        | LogicalType::Int
        | LogicalType::BigInt
        | LogicalType::Float
        | LogicalType::Double
        | LogicalType::Decimal(..)
        | LogicalType::String
        | LogicalType::Bytes
        | LogicalType::Timestamp
        | LogicalType::TimestampLtz => Ok(()),
    }
}

/// Writes row `row` of `data`, which is of the type `ty`.
pub(in crate::expr) fn write_json(out: &mut String, data: &ArrayRef, ty: &LogicalType, row: usize) {
    if *ty == LogicalType::Null || data.is_null(row) {
        return out.push_str("null");
    }
    match ty {
        LogicalType::Boolean => out.push_str(if data.as_boolean().value(row) { "true" } else { "false" }),
        LogicalType::String => quote(out, data.as_string::<i32>().value(row)),
        LogicalType::Bytes => {
            out.push('"');
            text::write_base64(out, data.as_binary::<i32>().value(row));
            out.push('"');
        }
        LogicalType::Decimal(_, scale) => {
            text::write_decimal(out, data.as_primitive::<Decimal128Type>().value(row), *scale);
        }
        LogicalType::Float | LogicalType::Double => {
            let mut shown = String::new();
            write_value(&mut shown, data, ty, row);
            // JSON has no such numbers.
            if shown.contains(['N', 'I']) {
                quote(out, &shown);
            } else {
                out.push_str(&shown.replace('E', "E+").replace("+-", "-"));
            }
        }
        LogicalType::Timestamp | LogicalType::TimestampLtz => quoted(out, |out| {
            let ms = data.as_primitive::<TimestampMillisecondType>().value(row);
            let mut shown = String::new();
            time::write_timestamp(&mut shown, ms);
            let (shown, zone) = (shown.trim_end_matches('0').trim_end_matches('.').replacen(' ', "T", 1), "Z");
            out.push_str(&shown);
            if *ty == LogicalType::TimestampLtz {
                out.push_str(zone);
            }
        }),
        LogicalType::Array(item) => {
            let items = data.as_list::<i32>().value(row);
            out.push('[');
            for i in 0..items.len() {
                separate(out, i);
                write_json(out, &items, item, i);
            }
            out.push(']');
        }
        LogicalType::Map(_, value) => {
            let entries = data.as_map().value(row);
            let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1));
            out.push('{');
            for i in 0..entries.len() {
                separate(out, i);
                quote(out, keys.value(i));
                out.push(':');
                write_json(out, values, value, i);
            }
            out.push('}');
        }
        LogicalType::Row(fields) => {
            let columns = data.as_struct().columns();
            if let [(name, LogicalType::String)] = &fields[..]
                && name == RAW
            {
                return out.push_str(columns[0].as_string::<i32>().value(row));
            }
            out.push('{');
            for (i, ((name, ty), column)) in fields.iter().zip(columns).enumerate() {
                separate(out, i);
                quote(out, name);
                out.push(':');
                write_json(out, column, ty, row);
            }
            out.push('}');
        }
        LogicalType::Null
        | LogicalType::TinyInt
        | LogicalType::SmallInt
        | LogicalType::Int
        | LogicalType::BigInt
        | LogicalType::Date
        | LogicalType::Time
        | LogicalType::IntervalDayTime
        | LogicalType::IntervalYearMonth => write_value(out, data, ty, row),
    }
}

fn quoted(out: &mut String, write: impl FnOnce(&mut String)) {
    out.push('"');
    write(out);
    out.push('"');
}
