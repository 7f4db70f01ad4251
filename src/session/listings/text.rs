//! Values as people read them.

use serde_json::{Value, json};

use crate::types::{MAX_WATERMARK, MIN_WATERMARK};

/// A time in milliseconds; `end of input` for the last watermark, null for none.
#[must_use]
pub fn time(ms: Option<i64>) -> Value {
    match ms {
        None | Some(MIN_WATERMARK) => Value::Null,
        Some(MAX_WATERMARK) => json!("end of input"),
        Some(ms) => match chrono::DateTime::from_timestamp_millis(ms) {
            Some(at) => json!(at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()),
            None => json!(format!("{ms} ms")),
        },
    }
}

/// A subtask as it is typed behind `kill subtask`: `2[0]`.
#[must_use]
pub fn subtask_name(vertex: usize, subtask: usize) -> String {
    format!("{vertex}[{subtask}]")
}

/// `auction=1001, n=5`
pub(super) fn named<'a>(
    names: impl IntoIterator<Item = &'a str>,
    values: impl IntoIterator<Item = &'a String>,
) -> String {
    let pairs = names.into_iter().zip(values).map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(", ")
}
