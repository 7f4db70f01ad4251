//! Subtasks and their counters.

use serde_json::json;

use super::text::percent;
use super::{subtask_name, time};
use crate::inspect::JobView;
use crate::session::{Column, Listing};

/// One row a subtask.
#[must_use]
pub fn subtasks(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("vertex"),
            Column::text("status"),
            Column::number("rows_in"),
            Column::number("rows_out"),
            Column::number("bytes_in"),
            Column::number("bytes_out"),
            Column::number("busy_pct"),
            Column::number("backpressured_pct"),
            Column::number("idle_pct"),
            Column::time("watermark"),
            Column::text("queue").for_people(),
            Column::number("queue_waiting").for_json(),
            Column::number("queue_capacity").for_json(),
            Column::number("late"),
            Column::number("rejected"),
            Column::number("checkpoint"),
            Column::number("checkpoint_age_ms"),
            Column::number("latency_p50_us"),
            Column::number("latency_p99_us"),
        ],
        "no subtasks",
    );
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let total = subtask.busy_ns + subtask.backpressured_ns + subtask.idle_ns;
            let percent = |part: u64| percent(part, total);
            listing.push(vec![
                json!(subtask_name(vertex.id, subtask.index)),
                json!(vertex.name),
                json!(subtask.status.name()),
                json!(subtask.rows_in),
                json!(subtask.rows_out),
                json!(subtask.bytes_in),
                json!(subtask.bytes_out),
                percent(subtask.busy_ns),
                percent(subtask.backpressured_ns),
                percent(subtask.idle_ns),
                time(subtask.watermark),
                json!(format!("{}/{}", subtask.queue.0, subtask.queue.1)),
                json!(subtask.queue.0),
                json!(subtask.queue.1),
                json!(subtask.late_rows),
                json!(subtask.rejected_rows),
                json!(subtask.acknowledged.map(|(id, _)| id)),
                json!(subtask.acknowledged.map(|(_, at_ms)| view.now_ms.saturating_sub(at_ms).max(0))),
                json!(subtask.latency.map(|latency| latency.p50_us)),
                json!(subtask.latency.map(|latency| latency.p99_us)),
            ]);
        }
    }
    listing
}
