//! Windows: open, and just fired.

use serde_json::json;

use super::text::named;
use super::{subtask_name, time};
use crate::inspect::{JobView, WindowEntryView, WindowsView};
use crate::session::{Column, Listing};

/// The windows that hold state, the next to fire first, then those that fired last.
#[must_use]
pub fn windows(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("window_start"),
            Column::text("window_end"),
            Column::text("state"),
            Column::number("keys"),
            Column::number("rows"),
            Column::number("fires_in_ms"),
            Column::text("values"),
        ],
        "no open windows",
    );
    let (mut left_out, mut at_least) = (0, false);
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let name = subtask_name(vertex.id, subtask.index);
            for operator in subtask.operators.iter() {
                let Some(windows) = operator.windows() else { continue };
                left_out += windows.left_out;
                for window in &windows.open {
                    at_least |= window.keys_at_least;
                    let at = operator.watermark.or(subtask.watermark);
                    let to_go = at.map(|at| window.end.saturating_sub(1).saturating_sub(at).max(0));
                    let entries: Vec<String> = window.entries.iter().map(|of| entry(windows, of)).collect();
                    listing.push(vec![
                        json!(name),
                        time(Some(window.start)),
                        time(Some(window.end)),
                        json!(if window.fired { "takes late rows" } else { "open" }),
                        json!(window.keys),
                        json!(window.rows),
                        json!(to_go),
                        json!(entries.join("; ")),
                    ]);
                }
                for fired in windows.fired.iter().rev() {
                    listing.push(vec![
                        json!(name),
                        time(Some(fired.start)),
                        time(Some(fired.end)),
                        json!(if fired.again { "fired again" } else { "fired" }),
                        json!(fired.keys),
                        json!(null),
                        json!(null),
                        json!(null),
                    ]);
                }
            }
        }
    }
    let left_out = (left_out > 0).then(|| format!("{left_out} more open windows are not listed"));
    let at_least = at_least.then(|| "of windows of several slices, keys may be those of the fullest slice".to_owned());
    let notes: Vec<String> = left_out.into_iter().chain(at_least).collect();
    listing.note = (!notes.is_empty()).then(|| notes.join("; "));
    listing
}

/// `auction=1001: n=5, total=12`
fn entry(windows: &WindowsView, entry: &WindowEntryView) -> String {
    let key = named(windows.keys.iter().map(String::as_str), &entry.key);
    let values = named(windows.values.iter().map(String::as_str), &entry.values);
    if key.is_empty() { values } else { format!("{key}: {values}") }
}
