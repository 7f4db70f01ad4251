//! The job graph.

use serde_json::{Value, json};

use super::text::percent;
use crate::inspect::{EdgeView, ExchangeView, JobView, SubtaskView};
use crate::session::{Column, Listing};

/// One row a vertex, in topological order, with the edges that lead to it.
#[must_use]
pub fn graph(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::number("vertex"),
            Column::text("name"),
            Column::text("operators").for_people(),
            Column::text("operators").for_json(),
            Column::number("parallelism"),
            Column::text("inputs").for_people(),
            Column::text("inputs").for_json(),
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
        let shown = inputs.clone().map(|edge| format!("{} {} ({} rows)", edge.from, edge.exchange, edge.rows));
        let sum = |of: fn(&SubtaskView) -> u64| vertex.subtasks.iter().map(of).sum::<u64>();
        let (busy, held, idle) = (sum(|s| s.busy_ns), sum(|s| s.backpressured_ns), sum(|s| s.idle_ns));
        let percent = |part: u64| percent(part, busy + held + idle);
        listing.push(vec![
            json!(vertex.id),
            json!(vertex.name),
            json!(vertex.operators.join(" -> ")),
            json!(vertex.operators),
            json!(vertex.subtasks.len()),
            json!(shown.collect::<Vec<_>>().join(", ")),
            json!(inputs.map(input).collect::<Vec<_>>()),
            json!(sum(|subtask| subtask.rows_in)),
            json!(sum(|subtask| subtask.rows_out)),
            percent(busy),
            percent(held),
            percent(idle),
        ]);
    }
    listing
}

fn input(edge: &EdgeView) -> Value {
    let (exchange, columns) = match &edge.exchange {
        ExchangeView::Hash(columns) => ("hash".to_owned(), &columns[..]),
        other @ (ExchangeView::Forward
        | ExchangeView::Rebalance
        | ExchangeView::Rescale
        | ExchangeView::Broadcast
        | ExchangeView::Global) => (other.to_string(), &[][..]),
    };
    json!({ "vertex": edge.from, "exchange": exchange, "columns": columns, "rows": edge.rows })
}
