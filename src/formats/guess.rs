//! Guessing types: what a column's values so far allow.

use super::{number, time};
use crate::types::LogicalType;

/// The narrowest type that holds every value seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Guess {
    /// Nothing but nulls.
    Nothing,
    Boolean,
    BigInt,
    /// Whole numbers beyond 64 bits.
    Decimal,
    Double,
    Date,
    Timestamp,
    /// A timestamp with a zone.
    Instant,
    String,
    Array(Box<Guess>),
    Row(Vec<(String, Guess)>),
}

impl Guess {
    /// The guess of what a text is the text of; only a date or timestamp, when the format marks the rest otherwise.
    pub(super) fn of_time(text: &str) -> Self {
        let text = text.as_bytes();
        if time::parse_date(text).is_some() {
            Self::Date
        } else if time::parse_timestamp(text).is_some() && !text.ends_with(b"Z") {
            Self::Timestamp
        } else if time::parse_instant(text).is_some() {
            Self::Instant
        } else {
            Self::String
        }
    }

    /// The guess of what a text without marks is the text of.
    pub(super) fn of_text(text: &str) -> Self {
        let bytes = text.trim_ascii().as_bytes();
        let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
        // A number with a needless zero is a code: a postcode, a telephone number.
        let coded = matches!(digits, [b'0', b'0'..=b'9', ..]) || bytes.starts_with(b"+");
        if bytes.eq_ignore_ascii_case(b"true") || bytes.eq_ignore_ascii_case(b"false") {
            Self::Boolean
        } else if coded {
            Self::String
        } else if number::integer(bytes).is_some() {
            Self::BigInt
        } else if number::decimal(bytes, 20, 0).is_some() && digits.iter().all(u8::is_ascii_digit) {
            Self::Decimal
        } else if digits.first().is_some_and(|&byte| byte.is_ascii_digit() || byte == b'.')
            && number::double(bytes).is_some()
        {
            Self::Double
        } else {
            Self::of_time(text.trim_ascii())
        }
    }

    /// The guess that holds the values of both.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (one, other) if one == other => one,
            (Self::BigInt, Self::Decimal) | (Self::Decimal, Self::BigInt) => Self::Decimal,
            (Self::BigInt | Self::Decimal | Self::Double, Self::BigInt | Self::Decimal | Self::Double) => Self::Double,
            (Self::Timestamp | Self::Instant, Self::Timestamp | Self::Instant) => Self::Instant,
            (Self::Array(one), Self::Array(other)) => Self::Array(Box::new(one.or(*other))),
            (Self::Row(one), Self::Row(other)) => Self::Row(merge(one, other)),
            _ => Self::String,
        }
    }

    /// The type; a column of nulls is a string.
    pub(super) fn into_type(self) -> LogicalType {
        match self {
            Self::Boolean => LogicalType::Boolean,
            Self::BigInt => LogicalType::BigInt,
            Self::Decimal => LogicalType::Decimal(20, 0),
            Self::Double => LogicalType::Double,
            Self::Date => LogicalType::Date,
            Self::Timestamp => LogicalType::Timestamp,
            Self::Instant => LogicalType::TimestampLtz,
            Self::Nothing | Self::String => LogicalType::String,
            Self::Array(item) => LogicalType::Array(Box::new(item.into_type())),
            Self::Row(fields) => {
                LogicalType::Row(fields.into_iter().map(|(name, guess)| (name, guess.into_type())).collect())
            }
        }
    }
}

/// The fields of both, in the order in which they were first seen.
pub(super) fn merge(mut one: Vec<(String, Guess)>, other: Vec<(String, Guess)>) -> Vec<(String, Guess)> {
    for (at, (name, guess)) in other.into_iter().enumerate() {
        // Records mostly have their fields in one order.
        let place = if one.get(at).is_some_and(|(known, _)| *known == name) {
            Some(at)
        } else {
            one.iter().position(|(known, _)| *known == name)
        };
        match place {
            Some(place) => {
                let known = std::mem::replace(&mut one[place].1, Guess::Nothing);
                one[place].1 = known.or(guess);
            }
            None => one.push((name, guess)),
        }
    }
    one
}

/// Records looked at.
pub(super) const RECORDS_MAX: usize = 1_000;
