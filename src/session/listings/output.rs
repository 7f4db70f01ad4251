//! The listing of what sinks write now.

use serde_json::json;

use super::subtask_name;
use super::text::{named, pairs};
use crate::inspect::JobView;
use crate::session::{Column, Listing};

/// The sample of rows that each sink subtask wrote last, oldest first.
#[must_use]
pub fn output(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("vertex"),
            Column::number("sequence"),
            Column::text("kind"),
            Column::text("row").for_people(),
            Column::text("row").for_json(),
        ],
        "no sink has written a row while somebody looked",
    );
    for vertex in view.vertices.iter().filter(|vertex| vertex.sink) {
        for subtask in &vertex.subtasks {
            for row in &subtask.output {
                listing.push(vec![
                    json!(subtask_name(vertex.id, subtask.index)),
                    json!(vertex.name),
                    json!(row.sequence),
                    json!(row.kind),
                    json!(pairs(vertex.columns.iter().map(String::as_str), &row.values)),
                    named(vertex.columns.iter().map(String::as_str), &row.values),
                ]);
            }
        }
    }
    listing.total = Some(view.sink_rows.max(listing.rows.len() as u64));
    listing
}
