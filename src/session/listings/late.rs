//! Late rows.

use serde_json::{Value, json};

use super::{subtask_name, time};
use crate::inspect::{JobView, OperatorView};
use crate::session::{Column, Listing};

/// The last late rows that nobody reads, with why they were late.
#[must_use]
pub fn late(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("row"),
            Column::text("event_time"),
            Column::text("window_ends"),
            Column::text("watermark"),
            Column::number("late_by_ms"),
        ],
        "no late rows",
    );
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            for late in subtask.operators.iter().flat_map(OperatorView::late) {
                let ends: Vec<Value> = late.window_ends.iter().map(|&end| time(Some(end))).collect();
                let ends: Vec<&str> = ends.iter().map(|end| end.as_str().unwrap_or("-")).collect();
                listing.push(vec![
                    json!(subtask_name(vertex.id, subtask.index)),
                    json!(late.row),
                    time(Some(late.time)),
                    json!(ends.join(", ")),
                    time(Some(late.watermark)),
                    json!(late.late_by_ms),
                ]);
            }
        }
    }
    listing
}
