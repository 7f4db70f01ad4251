//! Windows: open, and just fired.

use serde_json::{Value, json};

use super::text::{named, pairs};
use super::{subtask_name, time, time_text};
use crate::inspect::{JobView, VertexView, WindowEntryView, WindowView, WindowsView};
use crate::session::{Column, Listing};

/// Entries of a window in a table, where a line each is worth more than all of them.
const ENTRIES: usize = 1;

/// The windows that hold state, the next to fire first, then those that fired last.
#[must_use]
pub fn windows(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("window").for_people(),
            Column::time("window_start").for_json(),
            Column::time("window_end").for_json(),
            Column::text("state"),
            Column::number("keys").for_people(),
            Column::number("keys").for_json(),
            Column::text("keys_at_least").for_json(),
            Column::number("rows_in"),
            Column::number("rows_out"),
            Column::number("fires_in").for_people(),
            Column::number("fires_in_ms").for_json(),
            Column::text("values").for_people(),
            Column::text("values").for_json(),
        ],
        "no open windows",
    );
    let mut left_out = 0;
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let name = subtask_name(vertex.id, subtask.index);
            for operator in subtask.operators.iter() {
                let Some(windows) = operator.windows() else { continue };
                left_out += windows.left_out;
                for window in &windows.open {
                    let at = operator.watermark.or(subtask.watermark);
                    let to_go = at
                        .filter(|_| window.end != i64::MAX)
                        .map(|at| window.end.saturating_sub(1).saturating_sub(at).max(0));
                    let at_least = if window.keys_at_least { "at least " } else { "" };
                    listing.push(vec![
                        json!(name),
                        json!(bounds(window.start, window.end)),
                        time(bound(window.start)),
                        time(bound(window.end)),
                        json!(if window.fired { "takes late rows" } else { "open" }),
                        json!(format!("{at_least}{}", window.keys)),
                        json!(window.keys),
                        json!(window.keys_at_least),
                        json!(window.rows),
                        Value::Null,
                        json!(to_go.map(|ms| format!("{ms} ms"))),
                        json!(to_go),
                        json!(some(windows, window)),
                        all(windows, window),
                    ]);
                }
                for fired in windows.fired.iter().rev() {
                    let mut row = vec![
                        json!(name),
                        json!(bounds(fired.start, fired.end)),
                        time(bound(fired.start)),
                        time(bound(fired.end)),
                        json!(if fired.again { "fired again" } else { "fired" }),
                    ];
                    row.extend(vec![Value::Null; 4]);
                    row.push(json!(fired.keys));
                    row.extend(vec![Value::Null; 4]);
                    listing.push(row);
                }
            }
        }
    }
    listing.total = Some(listing.rows.len() as u64 + left_out);
    let unanswered: usize = view.vertices.iter().filter(|vertex| has_windows(vertex)).map(|v| v.unanswered).sum();
    let notes =
        [(left_out > 0).then(|| format!("{left_out} more open windows are not listed")), unanswered_note(unanswered)];
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    listing.note = (!notes.is_empty()).then(|| notes.join("; "));
    listing
}

fn has_windows(vertex: &VertexView) -> bool {
    vertex.subtasks.iter().any(|subtask| subtask.operators.iter().any(|operator| operator.windows().is_some()))
}

/// The remark that so many subtasks have not answered what the others have, if there are any.
#[must_use]
pub fn unanswered_note(subtasks: usize) -> Option<String> {
    match subtasks {
        0 => None,
        1 => Some("1 subtask has not answered yet: of it older figures".to_owned()),
        more => Some(format!("{more} subtasks have not answered yet: of them older figures")),
    }
}

/// `2026-01-02 03:04:00 – 03:04:10`: of the end what differs from the start, and milliseconds where there are some.
fn bounds(start: i64, end: i64) -> String {
    if end == i64::MAX {
        return "all rows".to_owned();
    }
    let (start, end) = (time_text(Some(start)), time_text(Some(end)));
    let short = |text: &str| text.strip_suffix(".000").unwrap_or(text).to_owned();
    let to = match (start.split_once(' '), end.split_once(' ')) {
        (Some((day, _)), Some((other, time))) if day == other => short(time),
        _ => short(&end),
    };
    format!("{} – {to}", short(&start))
}

/// A bound of a window, if it is one.
fn bound(time: i64) -> Option<i64> {
    (time != i64::MIN && time != i64::MAX).then_some(time)
}

/// The first entries of a window: `auction=1001: n=5, total=12; … 38 more`.
fn some(windows: &WindowsView, window: &WindowView) -> String {
    let mut texts: Vec<String> = window.entries.iter().take(ENTRIES).map(|of| entry(windows, of)).collect();
    let more = window.keys.saturating_sub(texts.len() as u64);
    if more > 0 && !texts.is_empty() {
        texts.push(format!("… {more} more"));
    }
    texts.join("; ")
}

/// `auction=1001: n=5, total=12`
fn entry(windows: &WindowsView, entry: &WindowEntryView) -> String {
    let key = pairs(windows.keys.iter().map(String::as_str), &entry.key);
    let values = pairs(windows.values.iter().map(String::as_str), &entry.values);
    if key.is_empty() { values } else { format!("{key}: {values}") }
}

/// The entries of a window that are known, and whether there are more.
fn all(windows: &WindowsView, window: &WindowView) -> Value {
    let entry = |entry: &WindowEntryView| {
        json!({
            "key": named(windows.keys.iter().map(String::as_str), &entry.key),
            "value": named(windows.values.iter().map(String::as_str), &entry.values),
        })
    };
    let truncated = window.keys_at_least || window.keys > window.entries.len() as u64;
    json!({
        "rows": window.entries.iter().map(entry).collect::<Vec<_>>(),
        "total": window.keys,
        "truncated": truncated,
    })
}
