//! Casts from strings.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, StringArray, Time32MillisecondArray, TimestampMillisecondArray,
};

use super::failures::Failures;
use crate::expr::time::Zone;
use crate::expr::{decimal, time};
use crate::types::{LogicalType, Result};

pub(super) fn cast(texts: &StringArray, to: &LogicalType, failures: &mut Failures) -> Result<ArrayRef> {
    Ok(match to {
        LogicalType::Boolean => Arc::new(each(texts, to, failures, boolean).collect::<BooleanArray>()),
        LogicalType::TinyInt => Arc::new(each(texts, to, failures, integer::<i8>).collect::<Int8Array>()),
        LogicalType::SmallInt => Arc::new(each(texts, to, failures, integer::<i16>).collect::<Int16Array>()),
        LogicalType::Int => Arc::new(each(texts, to, failures, integer::<i32>).collect::<Int32Array>()),
        LogicalType::BigInt => Arc::new(each(texts, to, failures, integer::<i64>).collect::<Int64Array>()),
        LogicalType::Float => Arc::new(each(texts, to, failures, float::<f32>).collect::<Float32Array>()),
        LogicalType::Double => Arc::new(each(texts, to, failures, float::<f64>).collect::<Float64Array>()),
        LogicalType::Decimal(precision, scale) => {
            // Unlike a number, a text that does not fit is an error.
            let parse = |text: &str| decimal::parse(text.trim(), (*precision, *scale)).ok();
            let array: Decimal128Array = each(texts, to, failures, parse).collect();
            Arc::new(array.with_data_type(to.to_arrow()))
        }
        LogicalType::Bytes => Arc::new(BinaryArray::from(texts.clone())),
        LogicalType::Date => {
            let parse = |text: &str| i32::try_from(time::parse_date(text)?).ok();
            Arc::new(each(texts, to, failures, parse).collect::<Date32Array>())
        }
        LogicalType::Time => {
            let parse = |text: &str| i32::try_from(time::parse_time(text)?).ok();
            Arc::new(each(texts, to, failures, parse).collect::<Time32MillisecondArray>())
        }
        LogicalType::Timestamp | LogicalType::TimestampLtz => {
            let zone = if *to == LogicalType::TimestampLtz { failures.zone } else { Zone::default() };
            let parse = |text: &str| time::parse_timestamp(text).map(|wall| zone.instant(wall));
            let array: TimestampMillisecondArray = each(texts, to, failures, parse).collect();
            Arc::new(array.with_data_type(to.to_arrow()))
        }
        LogicalType::Null
        | LogicalType::String
        | LogicalType::IntervalDayTime
        | LogicalType::IntervalYearMonth
        | LogicalType::Array(_)
        | LogicalType::Map(..)
        | LogicalType::Row(_) => {
            return Err(crate::expr::value::mistyped(&(Arc::new(texts.clone()) as ArrayRef), &to.to_string()));
        }
    })
}

fn each<T>(
    texts: &StringArray,
    to: &LogicalType,
    failures: &mut Failures,
    parse: impl Fn(&str) -> Option<T>,
) -> impl Iterator<Item = Option<T>> {
    texts.iter().enumerate().map(move |(row, text)| {
        let text = text?;
        let value = parse(text);
        if value.is_none() {
            failures.text(row, text, to);
        }
        value
    })
}

fn boolean(text: &str) -> Option<bool> {
    const TRUE: [&str; 5] = ["t", "true", "y", "yes", "1"];
    const FALSE: [&str; 5] = ["f", "false", "n", "no", "0"];
    let is = |known: &&str| text.eq_ignore_ascii_case(known);
    if TRUE.iter().any(is) {
        Some(true)
    } else if FALSE.iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// `42`, ` -3.99 ` (the fraction is cut off), `5.`, `.5`.
fn integer<T: TryFrom<i64>>(text: &str) -> Option<T> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let value = if digits.is_empty() {
        // `.5` and `.` have a point, `+` and the empty text are nothing.
        text.contains('.').then_some(0)?
    } else {
        if digits.starts_with(['-', '+']) {
            return None;
        }
        whole.parse::<i64>().ok()?
    };
    T::try_from(value).ok()
}

/// As Java's `parseDouble`: `1.5`, `1e3`, `NaN`, `-Infinity`, with `f` or `d` behind it if need be.
fn float<T: std::str::FromStr>(text: &str) -> Option<T> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "NaN" || unsigned == "Infinity" {
        return text.parse().ok();
    }
    let number = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    // Rust reads `inf` and `nan` in any case, and Java does not.
    if !number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    number.parse().ok()
}
