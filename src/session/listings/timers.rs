//! Timers of keys that wait.

use serde_json::{Value, json};

use super::text::{named, pairs};
use super::{subtask_name, time};
use crate::inspect::JobView;
use crate::session::{Column, Listing};

/// The timers that are due next, the first of each subtask first.
#[must_use]
pub fn timers(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("timer"),
            Column::text("key").for_people(),
            Column::text("key").for_json(),
            Column::time("due"),
            Column::text("time"),
            Column::number("due_in").for_people(),
            Column::number("due_in_ms").for_json(),
        ],
        "no timers wait",
    );
    let mut waiting = 0;
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let name = subtask_name(vertex.id, subtask.index);
            for operator in subtask.operators.iter() {
                let due = operator.due_timers();
                if !due.is_empty() {
                    waiting += operator.timers();
                }
                for timer in due {
                    let names = || timer.key.iter().map(|(name, _)| name.as_str());
                    let values: Vec<_> = timer.key.iter().map(|(_, value)| value.clone()).collect();
                    let at = operator.watermark.or(subtask.watermark).filter(|_| timer.event_time);
                    let to_go = at.map(|at| timer.time.saturating_sub(at).max(0));
                    listing.push(vec![
                        json!(name),
                        json!(timer.name),
                        json!(pairs(names(), &values)),
                        named(names(), &values),
                        time(Some(timer.time)),
                        json!(if timer.event_time { "event time" } else { "processing time" }),
                        json!(to_go.map(|ms| format!("{ms} ms"))),
                        to_go.map_or(Value::Null, |ms| json!(ms)),
                    ]);
                }
            }
        }
    }
    let left_out = waiting.saturating_sub(listing.rows.len() as u64);
    listing.total = Some(listing.rows.len() as u64 + left_out);
    listing.note = (left_out > 0).then(|| format!("{left_out} more timers wait"));
    listing
}
