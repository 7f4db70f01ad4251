//! Values of listings.

use serde_json::{Map, Value, json};

use crate::types::{CellValue, MAX_WATERMARK, MIN_WATERMARK};

/// A time in milliseconds for a [`Column::time`](crate::session::Column::time): `2026-01-02T03:04:05.000Z`; `end of input`
/// for the last watermark, null for none.
#[must_use]
pub fn time(ms: Option<i64>) -> Value {
    shown(ms, "%Y-%m-%dT%H:%M:%S%.3fZ").map_or(Value::Null, Value::String)
}

/// The same as people read it, `-` for none.
#[must_use]
pub fn time_text(ms: Option<i64>) -> String {
    shown(ms, "%Y-%m-%d %H:%M:%S%.3f").unwrap_or_else(|| "-".to_owned())
}

fn shown(ms: Option<i64>, format: &str) -> Option<String> {
    let ms = ms.filter(|&ms| ms != MIN_WATERMARK)?;
    if ms == MAX_WATERMARK {
        return Some("end of input".to_owned());
    }
    let at = chrono::DateTime::from_timestamp_millis(ms);
    Some(at.map_or_else(|| format!("{ms} ms"), |at| at.format(format).to_string()))
}

/// A subtask as it is typed behind `kill subtask`: `2[0]`.
#[must_use]
pub fn subtask_name(vertex: usize, subtask: usize) -> String {
    format!("{vertex}[{subtask}]")
}

/// `{"auction": 1001, "n": 5}`. A value without a name is named by its place, from 1.
#[must_use]
pub fn named<'a>(names: impl IntoIterator<Item = &'a str>, values: &[CellValue]) -> Value {
    let mut names = names.into_iter();
    let pairs = values.iter().zip(1..).map(|(value, place)| {
        let name = names.next().map_or_else(|| format!("column {place}"), str::to_owned);
        (name, value.to_json())
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// `auction=1001, n=5`
pub(super) fn pairs<'a>(
    names: impl IntoIterator<Item = &'a str>,
    values: impl IntoIterator<Item = &'a CellValue>,
) -> String {
    let pairs = names.into_iter().zip(values).map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(", ")
}

/// The share of `part` in `whole` in whole percent.
pub(super) fn percent(part: u64, whole: u64) -> Value {
    json!(u128::from(part) * 100 / u128::from(whole.max(1)))
}
