//! A job's view from the counters of its subtasks.

use super::deploy::AttemptControl;
use super::looks::{Found, found};
use crate::api::{Bounds, DEFAULT_SLOT_GROUP};
use crate::inspect::{EdgeView, JobView, TrendView, VertexView};
use crate::plan::explain::exchange;
use crate::plan::{JobGraph, Port};
use crate::types::VertexId;

/// Fills in vertices, edges and sums, and asks the subtasks to show their operators for the next view.
pub(super) fn fill(view: &mut JobView, control: &AttemptControl, now_ns: u64) {
    let graph = &control.graph;
    let mut progress: Option<(u64, u64)> = None;
    let mut unbounded = false;
    for (id, (vertex, subtasks)) in graph.vertices.iter().zip(&control.metrics).enumerate() {
        let (look, unanswered) = match found(subtasks) {
            Found::All(look) => (Some(look), 0),
            Found::Without(missing) => (None, missing),
        };
        let subtasks: Vec<_> = subtasks.iter().enumerate().map(|(index, metrics)| metrics.view(index, look)).collect();
        control.look_at(VertexId(id), now_ns);
        if let Some(task) = &vertex.source {
            view.source_rows += subtasks.iter().map(|subtask| subtask.rows_in).sum::<u64>();
            let of_source: Vec<_> = control.metrics[id].iter().filter_map(|metrics| metrics.progress()).collect();
            unbounded |= task.source.bounds() == Bounds::Unbounded || of_source.is_empty();
            let done: u64 = of_source.iter().map(|(done, _)| done).sum();
            // Every reader names the same total.
            let total = of_source.iter().map(|(_, total)| *total).max().unwrap_or(0);
            let (all_done, all_total) = progress.unwrap_or((0, 0));
            progress = Some((all_done + done, all_total + total));
        }
        let is_sink = !graph.edges.iter().any(|edge| edge.from.0 == id && edge.port == Port::Main);
        if is_sink {
            view.sink_rows += subtasks.iter().map(|subtask| subtask.rows_out).sum::<u64>();
        }
        let sources = vertex.source.iter().map(|source| source.uid.as_str().to_owned());
        let operators = vertex.operators.iter().map(|chained| chained.uid.as_str().to_owned());
        view.vertices.push(VertexView {
            id,
            name: vertex.name.clone(),
            operators: sources.chain(operators).collect(),
            subtasks,
            unanswered,
            source: vertex.source.is_some(),
            slot_group: (vertex.slot_group != DEFAULT_SLOT_GROUP).then(|| vertex.slot_group.clone()),
            sink: is_sink,
            columns: output_columns(graph, id).unwrap_or_default(),
        });
    }
    view.progress = progress.filter(|_| !unbounded);
    let mut outgoing = vec![0; graph.vertices.len()];
    for edge in &graph.edges {
        // Subtasks count their edges in the order in which the graph lists them.
        let own = &mut outgoing[edge.from.0];
        let rows = control.metrics[edge.from.0].iter().map(|metrics| metrics.edge_rows(*own)).sum();
        *own += 1;
        let schema = super::deploy::port_schema(&graph.vertices[edge.from.0], edge.port);
        let exchange = exchange(&edge.exchange, Some(&schema));
        view.edges.push(EdgeView { from: edge.from.0, to: edge.to.0, exchange, rows });
    }
    view.max_parallelism = graph.max_parallelism;
    control.wake_to_look();
}

/// The moment as it is kept while nobody looks: a few counters are read.
pub(super) fn moment(control: &AttemptControl, at_ms: i64, restarts: u32, parallelism: usize) -> TrendView {
    let sources = control.graph.vertices.iter().zip(&control.metrics).filter(|(vertex, _)| vertex.source.is_some());
    let times = || control.metrics.iter().flatten().map(|metrics| metrics.event_time());
    let newest = times().filter_map(|(_, newest)| newest).max();
    let slowest = times().filter_map(|(watermark, _)| watermark).min();
    TrendView {
        at_ms,
        restarts,
        parallelism,
        source_rows: sources.flat_map(|(_, subtasks)| subtasks).map(|metrics| metrics.rows_in()).sum(),
        lag_ms: newest.zip(slowest).map(|(newest, slowest)| newest.saturating_sub(slowest).max(0)),
    }
}

/// The names of the columns that leave vertex `id`; of a sink those that it writes, which are those of its input.
fn output_columns(graph: &JobGraph, id: usize) -> Option<Vec<String>> {
    let vertex = graph.vertices.get(id)?;
    let is_sink = !graph.edges.iter().any(|edge| edge.from.0 == id && edge.port == Port::Main);
    let schema = match vertex.operators.len().checked_sub(2) {
        Some(before_last) if is_sink => vertex.operators[before_last].operator.output().clone(),
        None if is_sink && !vertex.operators.is_empty() => {
            let edge = graph.edges.iter().find(|edge| edge.to.0 == id);
            let of_edge = edge.map(|edge| super::deploy::port_schema(&graph.vertices[edge.from.0], edge.port));
            vertex.source.as_ref().map(|source| source.schema.clone()).or(of_edge)?
        }
        Some(_) | None => super::deploy::port_schema(vertex, Port::Main),
    };
    Some(schema.names().map(str::to_owned).collect())
}
