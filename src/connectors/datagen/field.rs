//! The rule by which one column is made up: every value follows from the seed and the row's number.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DurationMillisecondArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, IntervalYearMonthArray, Time32MillisecondArray,
    TimestampMillisecondArray, new_null_array,
};
use arrow_buffer::NullBuffer;

use super::settings::{Setting, setting};
use crate::api::Options;
use crate::connectors::random::Stream;
use crate::types::{Diagnostic, Error, Field, LogicalType, Result};

/// 2024-01-01 00:00:00, milliseconds.
const START_MS: i64 = 1_704_067_200_000;
const DAY_MS: i64 = 86_400_000;
const LENGTH_MAX: i64 = 1 << 20;

/// One column's rule.
#[derive(Debug, Clone)]
pub(super) struct FieldRule {
    ty: LogicalType,
    values: Values,
    random: Stream,
    nulls: Option<(Stream, f64)>,
}

#[derive(Debug, Clone, Copy)]
enum Values {
    /// `start + row * step`, held back at random by up to `late`
    Sequence { start: i64, step: i64, rows: Option<u64>, late: u64 },
    /// `min..=max`
    Whole { min: i64, max: i64 },
    /// `min..max`
    Real { min: f64, max: f64 },
    /// Letters, so many.
    Letters(usize),
    /// `true` or `false`
    Coin,
}

/// The values of a column when nothing is said: whether it counts up, the least and the greatest value.
fn defaults(ty: &LogicalType) -> Option<(bool, i64, i64)> {
    Some(match ty {
        LogicalType::TinyInt => (false, i64::from(i8::MIN), i64::from(i8::MAX)),
        LogicalType::SmallInt => (false, i64::from(i16::MIN), i64::from(i16::MAX)),
        LogicalType::Int => (false, i64::from(i32::MIN), i64::from(i32::MAX)),
        LogicalType::BigInt => (false, i64::MIN, i64::MAX),
        LogicalType::Decimal(precision, _) => (false, 0, 10_i64.pow(u32::from(*precision).min(18)) - 1),
        LogicalType::Date => (true, 0, i64::from(i32::MAX)),
        LogicalType::Time => (false, 0, DAY_MS - 1),
        LogicalType::Timestamp | LogicalType::TimestampLtz => (true, 0, i64::MAX),
        LogicalType::IntervalDayTime => (false, 0, DAY_MS),
        LogicalType::IntervalYearMonth => (false, 0, 11),
        LogicalType::Null
        | LogicalType::Boolean
        | LogicalType::Float
        | LogicalType::Double
        | LogicalType::String
        | LogicalType::Bytes
        | LogicalType::Array(_)
        | LogicalType::Map(..)
        | LogicalType::Row(_) => return None,
    })
}

impl FieldRule {
    /// The rule that `options` give for `field`; `late_ms` is by how much at most a time that counts up is held back.
    ///
    /// # Errors
    /// When the column's type can't be made up, or a setting does not fit it.
    pub(super) fn new(field: &Field, options: &Options, seed: u64, late_ms: u64) -> Result<Self, Diagnostic> {
        let values = match &field.ty {
            LogicalType::Boolean => Values::Coin,
            LogicalType::String | LogicalType::Bytes => {
                let length = read(options, "length", field, |setting| {
                    setting.integer().filter(|length| (0..=LENGTH_MAX).contains(length))
                })?;
                Values::Letters(usize::try_from(length.unwrap_or(16)).unwrap_or(0))
            }
            LogicalType::Float | LogicalType::Double => {
                let real = Setting::number;
                let min = read(options, "min", field, real)?.unwrap_or(0.0);
                let max = read(options, "max", field, real)?.unwrap_or(if min < 1.0 { 1.0 } else { min });
                ordered(options, field, min <= max)?;
                Values::Real { min, max }
            }
            ty @ (LogicalType::TinyInt
            | LogicalType::SmallInt
            | LogicalType::Int
            | LogicalType::BigInt
            | LogicalType::Decimal(..)
            | LogicalType::Date
            | LogicalType::Time
            | LogicalType::Timestamp
            | LogicalType::TimestampLtz
            | LogicalType::IntervalDayTime
            | LogicalType::IntervalYearMonth
            | LogicalType::Null
            | LogicalType::Array(_)
            | LogicalType::Map(..)
            | LogicalType::Row(_)) => match defaults(ty) {
                Some(defaults) => Self::whole(field, options, defaults, late_ms)?,
                None => {
                    return Err(Diagnostic::new(format!(
                        "the connector `datagen` can't make column `{}` of type {ty}",
                        field.name
                    ))
                    .help("leave the column out, and compute it with `map`"));
                }
            },
        };
        let null_rate =
            read(options, "null_rate", field, |setting| setting.number().filter(|rate| (0.0..=1.0).contains(rate)))?
                .filter(|&rate| rate > 0.0);
        let random = Stream::new(seed, &field.name);
        let nulls = null_rate.map(|rate| (Stream::new(seed ^ 1, &field.name), rate));
        Ok(Self { ty: field.ty.clone(), values, random, nulls })
    }

    fn whole(
        field: &Field,
        options: &Options,
        (counts, least, greatest): (bool, i64, i64),
        late_ms: u64,
    ) -> Result<Values, Diagnostic> {
        let counts = read(options, "kind", field, |setting| {
            let kind = setting.text()?;
            if kind.eq_ignore_ascii_case("sequence") {
                Some(true)
            } else {
                kind.eq_ignore_ascii_case("random").then_some(false)
            }
        })?
        .unwrap_or(counts);
        let number = |setting: &Setting| whole_number(&field.ty, setting);
        if !counts {
            let min = read(options, "min", field, number)?.unwrap_or(least);
            let max = read(options, "max", field, number)?.unwrap_or(greatest.max(min));
            ordered(options, field, min <= max && least <= min && max <= greatest)?;
            return Ok(Values::Whole { min, max });
        }
        let timed = matches!(field.ty, LogicalType::Timestamp | LogicalType::TimestampLtz);
        let (start, step) = if timed {
            (START_MS, 1_000)
        } else if field.ty == LogicalType::Date {
            (START_MS / DAY_MS, 1)
        } else if matches!(field.ty, LogicalType::IntervalDayTime | LogicalType::Time) {
            (0, 1_000)
        } else {
            (0, 1)
        };
        let start = read(options, "start", field, number)?.unwrap_or(start);
        let step = read(options, "step", field, number)?.unwrap_or(step);
        let end = read(options, "end", field, number)?;
        let bound = if step < 0 { end.unwrap_or(least).max(least) } else { end.unwrap_or(greatest).min(greatest) };
        let steps = (i128::from(bound) - i128::from(start)).checked_div(i128::from(step));
        let rows = match steps {
            // A step of 0 repeats for ever; so, as good as, does a count to the end of BIGINT.
            None => None,
            Some(_) if end.is_none() && matches!(bound, i64::MIN | i64::MAX) => None,
            Some(steps) if steps < 0 => Some(0),
            Some(steps) => Some(u64::try_from(steps + 1).unwrap_or(u64::MAX)),
        };
        Ok(Values::Sequence { start, step, rows, late: if timed { late_ms } else { 0 } })
    }

    /// The number of rows that the column has values for; `None` for any number.
    pub(super) const fn rows_max(&self) -> Option<u64> {
        match &self.values {
            Values::Sequence { rows, .. } => *rows,
            Values::Whole { .. } | Values::Real { .. } | Values::Letters(_) | Values::Coin => None,
        }
    }

    /// The values of rows `first..first + count`.
    ///
    /// # Errors
    /// When a decimal does not fit its type: a defect of ours.
    pub(super) fn column(&self, first: u64, count: usize) -> Result<ArrayRef> {
        let rows = (first..).take(count);
        let nulls = self.nulls.map(|(stream, rate)| rows.clone().map(|row| stream.unit(row) >= rate).collect());
        let nulls: Option<NullBuffer> = nulls;
        Ok(match self.values {
            Values::Coin => Arc::new(BooleanArray::new(rows.map(|row| self.random.at(row) & 1 == 1).collect(), nulls)),
            Values::Real { min, max } => {
                let values: Vec<f64> = rows.map(|row| self.random.unit(row).mul_add(max - min, min)).collect();
                if self.ty == LogicalType::Float {
                    #[expect(clippy::cast_possible_truncation, reason = "a FLOAT is what was asked for")]
                    let values = values.into_iter().map(|value| value as f32).collect();
                    Arc::new(Float32Array::new(values, nulls))
                } else {
                    Arc::new(Float64Array::new(values.into(), nulls))
                }
            }
            Values::Letters(length) => self.letters(first, count, length, nulls.as_ref()),
            Values::Whole { min, max } => {
                let span = u128::from(max.abs_diff(min)) + 1;
                let value = |row| match u64::try_from(span) {
                    Ok(span) => min.wrapping_add_unsigned(self.random.below(row, span)),
                    Err(_) => self.random.at(row).cast_signed(),
                };
                return self.typed(rows.map(value).collect(), nulls);
            }
            Values::Sequence { start, step, late, .. } => {
                let value = |row: u64| {
                    let value = start.wrapping_add(step.wrapping_mul(row.cast_signed()));
                    if late == 0 { value } else { value.saturating_sub_unsigned(self.random.below(row, late + 1)) }
                };
                return self.typed(rows.map(value).collect(), nulls);
            }
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "the rule keeps whole numbers in the range of the type")]
    fn typed(&self, values: Vec<i64>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(match &self.ty {
            LogicalType::TinyInt => Arc::new(Int8Array::new(values.iter().map(|&v| v as i8).collect(), nulls)),
            LogicalType::SmallInt => Arc::new(Int16Array::new(values.iter().map(|&v| v as i16).collect(), nulls)),
            LogicalType::Int => Arc::new(Int32Array::new(values.iter().map(|&v| v as i32).collect(), nulls)),
            LogicalType::Date => Arc::new(Date32Array::new(values.iter().map(|&v| v as i32).collect(), nulls)),
            LogicalType::Time => {
                Arc::new(Time32MillisecondArray::new(values.iter().map(|&v| v as i32).collect(), nulls))
            }
            LogicalType::IntervalYearMonth => {
                Arc::new(IntervalYearMonthArray::new(values.iter().map(|&v| v as i32).collect(), nulls))
            }
            LogicalType::Timestamp => Arc::new(TimestampMillisecondArray::new(values.into(), nulls)),
            LogicalType::TimestampLtz => {
                Arc::new(TimestampMillisecondArray::new(values.into(), nulls).with_timezone("UTC"))
            }
            LogicalType::IntervalDayTime => Arc::new(DurationMillisecondArray::new(values.into(), nulls)),
            LogicalType::Decimal(precision, scale) => Arc::new(
                Decimal128Array::new(values.iter().map(|&v| i128::from(v)).collect(), nulls)
                    .with_precision_and_scale(*precision, scale.cast_signed())
                    .map_err(Error::from)?,
            ),
            LogicalType::BigInt => Arc::new(Int64Array::new(values.into(), nulls)),
            ty @ (LogicalType::Null
            | LogicalType::Boolean
            | LogicalType::Float
            | LogicalType::Double
            | LogicalType::String
            | LogicalType::Bytes
            | LogicalType::Array(_)
            | LogicalType::Map(..)
            | LogicalType::Row(_)) => new_null_array(&ty.to_arrow(), values.len()),
        })
    }

    fn letters(&self, first: u64, count: usize, length: usize, nulls: Option<&NullBuffer>) -> ArrayRef {
        let mut word = String::with_capacity(length);
        let mut spell = |row: u64| {
            let random = self.random.of_row(row);
            word.clear();
            word.extend(
                (0_u64..).take(length).map(|at| char::from(b'a' + u8::try_from(random.below(at, 26)).unwrap_or(0))),
            );
            word.as_str().to_owned()
        };
        let valid = |at: usize| nulls.is_none_or(|nulls| nulls.is_valid(at));
        let rows = (first..).take(count).enumerate();
        if self.ty == LogicalType::Bytes {
            let mut bytes = BinaryBuilder::with_capacity(count, count * length);
            rows.for_each(|(at, row)| bytes.append_option(valid(at).then(|| spell(row))));
            return Arc::new(bytes.finish());
        }
        let mut text = StringBuilder::with_capacity(count, count * length);
        rows.for_each(|(at, row)| text.append_option(valid(at).then(|| spell(row))));
        Arc::new(text.finish())
    }
}

fn read<T>(
    options: &Options,
    name: &str,
    field: &Field,
    parse: impl Fn(&Setting) -> Option<T>,
) -> Result<Option<T>, Diagnostic> {
    let Some((value, span)) = setting(options, name, &field.name)? else { return Ok(None) };
    parse(&value).map(Some).ok_or_else(|| {
        Diagnostic::at(span, format!("option `{name}` does not fit column `{}` of type {}", field.name, field.ty))
    })
}

fn ordered(options: &Options, field: &Field, ordered: bool) -> Result<(), Diagnostic> {
    if ordered {
        return Ok(());
    }
    let span = ["min", "max"].iter().find_map(|name| options.get(name)).map(|value| value.span).unwrap_or_default();
    Err(Diagnostic::at(span, format!("`min` to `max` is not a range of column `{}` of type {}", field.name, field.ty)))
}

/// A setting in the unit that columns of type `ty` hold.
fn whole_number(ty: &LogicalType, setting: &Setting) -> Option<i64> {
    if let LogicalType::Decimal(_, scale) = ty {
        let unit = 10_f64.powi(i32::from(*scale));
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        return setting.number().map(|number| (number * unit).round() as i64);
    }
    match setting {
        Setting::Integer(number) => Some(*number),
        Setting::Date(days) if *ty == LogicalType::Date => Some(*days),
        Setting::Duration(ms) if *ty == LogicalType::Date => Some(ms / DAY_MS),
        Setting::Date(days) if matches!(ty, LogicalType::Timestamp | LogicalType::TimestampLtz) => Some(days * DAY_MS),
        Setting::Time(ms) | Setting::Duration(ms)
            if matches!(
                ty,
                LogicalType::Timestamp | LogicalType::TimestampLtz | LogicalType::Time | LogicalType::IntervalDayTime
            ) =>
        {
            Some(*ms)
        }
        Setting::Double(_) | Setting::Text(_) | Setting::Duration(_) | Setting::Date(_) | Setting::Time(_) => None,
    }
}
