//! Constants: from text to typed values.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, DurationMillisecondArray, Float64Array, Int32Array,
    Int64Array, IntervalYearMonthArray, StringArray, Time32MillisecondArray, TimestampMillisecondArray,
};

use super::ast::Literal;
use super::decimal;
use super::time;
use super::typed::TypedExpr;
use crate::types::{Diagnostic, LogicalType, Span};

/// The value of a literal, negated if a minus stood before it: `-9223372036854775808` is a bigint, and only so.
///
/// # Errors
/// When the text is out of range or no date.
pub(super) fn bind(literal: &Literal, negative: bool, span: Span) -> Result<TypedExpr, Diagnostic> {
    let typed = |array: ArrayRef, ty| Ok(TypedExpr::literal(array, ty).at(span));
    match literal {
        Literal::Null => Ok(TypedExpr::null(LogicalType::Null).at(span)),
        Literal::Boolean(value) => Ok(TypedExpr::boolean(*value).at(span)),
        Literal::Integer(digits) => integer(digits, negative, span),
        Literal::Decimal(digits) => exact(digits, negative, span),
        Literal::Double(digits) => {
            let value: f64 = digits.parse().map_err(|_| Diagnostic::at(span, format!("`{digits}` is not a number")))?;
            if value.is_infinite() {
                return Err(
                    Diagnostic::at(span, "the number is out of the range of a double").label("the largest is 1.8e308")
                );
            }
            let value = if negative { -value } else { value };
            typed(Arc::new(Float64Array::from(vec![value])), LogicalType::Double)
        }
        Literal::String(text) => typed(Arc::new(StringArray::from(vec![text.as_str()])), LogicalType::String),
        Literal::Bytes(bytes) => typed(Arc::new(BinaryArray::from(vec![bytes.as_slice()])), LogicalType::Bytes),
        Literal::Date(text) => {
            let days = strict_date(text).and_then(|days| i32::try_from(days).ok());
            let days = days.ok_or_else(|| not_a("date", "YYYY-MM-DD", text, span))?;
            typed(Arc::new(Date32Array::from(vec![days])), LogicalType::Date)
        }
        Literal::Time(text) => {
            let ms = time::parse_time(text).and_then(|ms| i32::try_from(ms).ok());
            let ms = ms.ok_or_else(|| not_a("time", "hh:mm:ss[.fff]", text, span))?;
            typed(Arc::new(Time32MillisecondArray::from(vec![ms])), LogicalType::Time)
        }
        Literal::Timestamp(text) => {
            let date = text.split(' ').next().unwrap_or_default();
            let ms = strict_date(date).and_then(|_| time::parse_timestamp(text));
            let ms = ms.ok_or_else(|| not_a("timestamp", "YYYY-MM-DD hh:mm:ss[.fff]", text, span))?;
            typed(Arc::new(TimestampMillisecondArray::from(vec![ms])), LogicalType::Timestamp)
        }
        Literal::IntervalDayTime(ms) => {
            let ms = if negative { ms.wrapping_neg() } else { *ms };
            typed(Arc::new(DurationMillisecondArray::from(vec![ms])), LogicalType::IntervalDayTime)
        }
        Literal::IntervalYearMonth(months) => {
            let months = if negative { months.wrapping_neg() } else { *months };
            typed(Arc::new(IntervalYearMonthArray::from(vec![months])), LogicalType::IntervalYearMonth)
        }
    }
}

/// Whether a minus before it belongs to the literal.
pub(super) const fn takes_sign(literal: &Literal) -> bool {
    matches!(literal, Literal::Integer(_) | Literal::Decimal(_) | Literal::Double(_))
}

fn strict_date(text: &str) -> Option<i64> {
    if text.matches('-').count() == 2 { time::parse_date(text) } else { None }
}

fn not_a(what: &str, form: &str, text: &str, span: Span) -> Diagnostic {
    Diagnostic::at(span, format!("'{text}' is not a {what}")).label(format!("expected an existing {what}: {form}"))
}

fn integer(digits: &str, negative: bool, span: Span) -> Result<TypedExpr, Diagnostic> {
    let value = if negative { format!("-{digits}").parse::<i128>() } else { digits.parse::<i128>() };
    let value = value.ok().filter(|&value| decimal::fits(value, decimal::MAX_PRECISION));
    let Some(value) = value else { return Err(too_long(span)) };
    Ok(if let Ok(value) = i32::try_from(value) {
        TypedExpr::literal(Arc::new(Int32Array::from(vec![value])), LogicalType::Int)
    } else if let Ok(value) = i64::try_from(value) {
        TypedExpr::literal(Arc::new(Int64Array::from(vec![value])), LogicalType::BigInt)
    } else {
        let precision = value.unsigned_abs().to_string().len();
        decimal_literal(value, u8::try_from(precision).unwrap_or(decimal::MAX_PRECISION), 0)
    }
    .at(span))
}

/// The exact number of these digits. Its digits are its precision, as in Flink: `0.05` is a `DECIMAL(3, 2)`, `.5` a
/// `DECIMAL(1, 1)`.
fn exact(digits: &str, negative: bool, span: Span) -> Result<TypedExpr, Diagnostic> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let precision = u8::try_from(whole.len() + fraction.len()).unwrap_or(u8::MAX);
    let scale = u8::try_from(fraction.len()).unwrap_or(u8::MAX);
    if precision > decimal::MAX_PRECISION {
        return Err(too_long(span));
    }
    let precision = precision.max(1);
    let value = decimal::parse(digits, (precision, scale))
        .map_err(|_| Diagnostic::at(span, format!("`{digits}` is not a number")))?;
    Ok(decimal_literal(if negative { -value } else { value }, precision, scale).at(span))
}

fn decimal_literal(value: i128, precision: u8, scale: u8) -> TypedExpr {
    let ty = LogicalType::Decimal(precision, scale);
    TypedExpr::literal(Arc::new(Decimal128Array::from(vec![value]).with_data_type(ty.to_arrow())), ty)
}

fn too_long(span: Span) -> Diagnostic {
    Diagnostic::at(span, "an exact number has at most 38 digits").help("write it as a double: 1e39")
}
