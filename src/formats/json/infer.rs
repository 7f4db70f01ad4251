//! The columns of NDJSON from its first records.

use serde_json::Value;

use super::super::guess::{Guess, RECORDS_MAX, merge};
use super::super::{FormatOptions, Inferred};
use crate::types::{Field, Schema};

/// The columns that hold the records of `sample`, in the order in which they first appear. The last line is left out when
/// the sample may have cut it; broken lines are left out too: reading reports them.
///
/// # Errors
/// When no line is an object.
pub fn infer(sample: &[u8], _options: &FormatOptions) -> Result<Inferred, String> {
    let sample = sample.strip_prefix("\u{feff}".as_bytes()).unwrap_or(sample);
    let mut columns: Option<Vec<(String, Guess)>> = None;
    let mut records = 0;
    for line in sample.split(|&byte| byte == b'\n').take(RECORDS_MAX) {
        if let Ok(Value::Object(record)) = serde_json::from_slice(line) {
            let fields = record.into_iter().map(|(name, value)| (name, guess(value))).collect();
            records += 1;
            columns = Some(merge(columns.unwrap_or_default(), fields));
        }
    }
    match columns {
        None => Err("no line of the sample is a JSON object".to_owned()),
        Some(columns) if columns.is_empty() => Err("the objects of the sample have no fields".to_owned()),
        Some(columns) => {
            let fields = columns.into_iter().map(|(name, guess)| Field::new(name, guess.into_type()));
            Ok(Inferred { schema: Schema::new(fields.collect::<Vec<_>>()), records })
        }
    }
}

fn guess(value: Value) -> Guess {
    match value {
        Value::Null => Guess::Nothing,
        Value::Bool(_) => Guess::Boolean,
        Value::Number(number) if number.is_i64() => Guess::BigInt,
        Value::Number(number) if number.is_u64() => Guess::Decimal,
        Value::Number(_) => Guess::Double,
        Value::String(text) => Guess::of_time(&text),
        Value::Array(items) => Guess::Array(Box::new(items.into_iter().map(guess).fold(Guess::Nothing, Guess::or))),
        Value::Object(fields) if fields.is_empty() => Guess::Nothing,
        Value::Object(fields) => Guess::Row(fields.into_iter().map(|(name, value)| (name, guess(value))).collect()),
    }
}
