//! Checkpoints and savepoints.

use serde_json::{Value, json};

use super::time;
use crate::checkpoint::Manifest;
use crate::inspect::JobView;
use crate::session::{Column, Listing};

fn empty() -> Listing {
    Listing::new(
        vec![
            Column::number("checkpoint"),
            Column::text("status"),
            Column::time("triggered"),
            Column::number("duration_ms"),
            Column::number("alignment_ms"),
            Column::number("delta_bytes"),
            Column::number("full_bytes"),
            Column::text("savepoint"),
            Column::text("cause"),
        ],
        "no checkpoints yet",
    )
}

/// The checkpoints of these manifests: those of a job that does not run.
#[must_use]
pub fn kept_checkpoints(manifests: &[Manifest]) -> Listing {
    let mut listing = empty();
    for manifest in manifests {
        let mut row = vec![json!(manifest.checkpoint), json!("completed"), time(Some(manifest.taken_at_ms))];
        row.resize(listing.columns.len(), Value::Null);
        listing.push(row);
    }
    listing
}

/// Checkpoints, oldest first, then savepoints; a note says when the next is due.
#[must_use]
pub fn checkpoints(view: &JobView) -> Listing {
    let mut listing = empty();
    for checkpoint in &view.checkpoints {
        listing.push(vec![
            json!(checkpoint.id),
            json!(checkpoint.status.name()),
            time(Some(checkpoint.triggered_ms)),
            json!(checkpoint.duration_ms),
            json!(checkpoint.alignment_ms),
            json!(checkpoint.delta_bytes),
            json!(checkpoint.full_bytes),
            Value::Null,
            json!(checkpoint.cause),
        ]);
    }
    for savepoint in &view.savepoints {
        let status = if savepoint.cause.is_none() { "savepoint" } else { "savepoint failed" };
        let mut row = vec![json!(savepoint.checkpoint), json!(status), time(Some(savepoint.written_ms))];
        row.extend([Value::Null, Value::Null, Value::Null, Value::Null]);
        row.extend([json!(savepoint.directory), json!(savepoint.cause)]);
        listing.push(row);
    }
    if let Some(due_ms) = view.next_checkpoint_ms {
        let to_go = due_ms.saturating_sub(view.now_ms).max(0);
        listing.note = Some(format!("the next is due in {to_go} ms"));
    }
    listing
}
