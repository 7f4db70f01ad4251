//! Options that hold one value for all columns, or a map from column to value.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::api::{OptionValue, Options};
use crate::expr::ast::{Expr, ExprNode, Literal, UnaryOp};
use crate::types::{Diagnostic, Schema, Span};

/// A setting as typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// A text or word.
    Text(String),
    /// A duration, milliseconds.
    Duration(i64),
    /// A date, days since 1970-01-01.
    Date(i64),
    /// A time of day or timestamp, milliseconds.
    Time(i64),
}

impl Setting {
    pub(super) fn integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// A number, whole or not.
    #[expect(clippy::cast_precision_loss, reason = "typed as 10 where 10.0 is meant")]
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Double(number) => Some(*number),
            Self::Text(_) | Self::Duration(_) | Self::Date(_) | Self::Time(_) => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// The setting of `option` for `column` and its place: the map's entry, or the one value for all.
///
/// # Errors
/// When the option holds something else.
pub(super) fn setting(options: &Options, option: &str, column: &str) -> Result<Option<(Setting, Span)>, Diagnostic> {
    let Some(value) = options.get(option) else { return Ok(None) };
    let single = match &value.node {
        OptionValue::Integer(number) => Setting::Integer(*number),
        OptionValue::Double(number) => Setting::Double(*number),
        OptionValue::Text(text) => Setting::Text(text.clone()),
        OptionValue::Duration(ms) => Setting::Duration(*ms),
        OptionValue::Boolean(flag) => Setting::Text(flag.to_string()),
        OptionValue::Expr(expr) => {
            if let Expr::Map(entries) = &expr.node {
                let entry = entries.iter().find(|(key, _)| key_of(key).is_some_and(|key| key == column));
                return entry.map(|(_, value)| Ok((literal(option, value)?, value.span))).transpose();
            }
            literal(option, expr)?
        }
    };
    Ok(Some((single, value.span)))
}

/// Checks that the maps of `names` name only columns of `schema`.
///
/// # Errors
/// At the first key that is no column, with the near name.
pub(super) fn check_keys(options: &Options, names: &[&str], schema: &Schema) -> Result<(), Diagnostic> {
    for name in names {
        let Some(OptionValue::Expr(expr)) = options.get(name).map(|value| &value.node) else { continue };
        let Expr::Map(entries) = &expr.node else { continue };
        for (key, _) in entries {
            let column = key_of(key).ok_or_else(|| {
                Diagnostic::at(key.span, "expected the name of a column").help("such as map['price', 1]")
            })?;
            if !schema.names().any(|name| name == column) {
                return Err(Diagnostic::at(key.span, format!("there is no column `{column}`"))
                    .did_you_mean(column, schema.names()));
            }
        }
    }
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "two of many forms are names")]
fn key_of(key: &ExprNode) -> Option<&str> {
    match &key.node {
        Expr::Literal(Literal::String(name)) => Some(name),
        Expr::Column(parts) => match parts.as_slice() {
            [name] => Some(&name.node),
            _ => None,
        },
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "settings are constants")]
fn literal(option: &str, expr: &ExprNode) -> Result<Setting, Diagnostic> {
    let refused = || Diagnostic::at(expr.span, format!("option `{option}` takes constants, such as 5 or 'a'"));
    match &expr.node {
        Expr::Literal(literal) => constant(literal).ok_or_else(refused),
        Expr::Unary(UnaryOp::Minus, inner) => match (&inner.node, self::literal(option, inner)?) {
            // The most negative number has no positive counterpart.
            (Expr::Literal(Literal::Integer(digits)), _) => {
                format!("-{digits}").parse().map(Setting::Integer).map_err(|_| refused())
            }
            (_, Setting::Double(number)) => Ok(Setting::Double(-number)),
            (_, Setting::Duration(ms)) => ms.checked_neg().map(Setting::Duration).ok_or_else(refused),
            _ => Err(refused()),
        },
        Expr::Column(parts) if parts.len() == 1 => Ok(Setting::Text(parts[0].node.clone())),
        _ => Err(refused()),
    }
}

fn constant(literal: &Literal) -> Option<Setting> {
    Some(match literal {
        Literal::Integer(digits) => match digits.parse() {
            Ok(number) => Setting::Integer(number),
            Err(_) => Setting::Double(digits.parse().ok()?),
        },
        Literal::Decimal(text) | Literal::Double(text) => Setting::Double(text.parse().ok()?),
        Literal::String(text) => Setting::Text(text.clone()),
        Literal::Boolean(flag) => Setting::Text(flag.to_string()),
        Literal::IntervalDayTime(ms) => Setting::Duration(*ms),
        Literal::Date(text) => {
            let date: NaiveDate = text.trim().parse().ok()?;
            Setting::Date(i64::from(date.to_epoch_days()))
        }
        Literal::Time(text) => {
            let time: NaiveTime = text.trim().parse().ok()?;
            Setting::Time(NaiveDate::default().and_time(time).and_utc().timestamp_millis())
        }
        Literal::Timestamp(text) => {
            let time: NaiveDateTime = text.trim().replace(' ', "T").parse().ok()?;
            Setting::Time(time.and_utc().timestamp_millis())
        }
        Literal::Null | Literal::Bytes(_) | Literal::IntervalYearMonth(_) => return None,
    })
}
