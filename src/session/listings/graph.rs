//! The job graph.

use serde_json::json;

use crate::inspect::{JobView, SubtaskView};
use crate::session::{Column, Listing};

/// One row a vertex, in topological order, with the edges that lead to it.
#[must_use]
pub fn graph(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::number("vertex"),
            Column::text("name"),
            Column::text("operators"),
            Column::number("parallelism"),
            Column::text("inputs"),
            Column::number("rows_in"),
            Column::number("rows_out"),
            Column::number("busy_pct"),
            Column::number("backpressured_pct"),
            Column::number("idle_pct"),
        ],
        "no vertices",
    );
    for vertex in &view.vertices {
        let inputs = view.edges.iter().filter(|edge| edge.to == vertex.id);
        let inputs = inputs.map(|edge| format!("{} {} ({} rows)", edge.from, edge.exchange, edge.rows));
        let sum = |of: fn(&SubtaskView) -> u64| vertex.subtasks.iter().map(of).sum::<u64>();
        let (busy, held, idle) = (sum(|s| s.busy_ns), sum(|s| s.backpressured_ns), sum(|s| s.idle_ns));
        let percent = |part: u64| json!(u128::from(part) * 100 / u128::from((busy + held + idle).max(1)));
        listing.push(vec![
            json!(vertex.id),
            json!(vertex.name),
            json!(vertex.operators.join(" -> ")),
            json!(vertex.subtasks.len()),
            json!(inputs.collect::<Vec<_>>().join(", ")),
            json!(sum(|subtask| subtask.rows_in)),
            json!(sum(|subtask| subtask.rows_out)),
            percent(busy),
            percent(held),
            percent(idle),
        ]);
    }
    listing
}
