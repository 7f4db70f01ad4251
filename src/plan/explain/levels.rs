//! The parts of its nodes that each level shows.

use serde_json::{Value, json};

use super::graph::PARSED;
use super::{GraphInput, GraphNode, GraphView};
use crate::api::{Bounds, Chaining, DEFAULT_SLOT_GROUP, Exchange, OnError, Placement};
use crate::inspect::ExchangeView;
use crate::plan::job_graph::is_blocking;
use crate::plan::{JobGraph, JobVertex, LogicalNode, LogicalPlan, Mode, NodeKind, Port, Scan, SourceTask, StreamGraph};
use crate::types::{Schema, typed_duration};

/// The logical plan: what is computed, from which columns.
#[must_use]
pub fn logical(plan: &LogicalPlan) -> GraphView {
    let changelogs = plan.changelogs();
    let nodes = plan.nodes.iter().zip(&changelogs).map(|(node, gives)| {
        // Of a sink what it takes: it gives nothing.
        let takes = node.sink.as_ref().and_then(|_| Some(plan.changelog(*node.inputs.first()?, &changelogs)));
        let changelog = takes.as_ref().unwrap_or(gives);
        let mut facts = vec![("columns", columns(&node.schema(0).unwrap_or_else(|| Schema::new([]))))];
        facts.extend(scan_facts(node));
        if !changelog.is_append() {
            facts.push(("changelog", json!(changelog.kinds())));
        }
        if let Some(parallelism) = node.typed_parallelism() {
            facts.push(("parallelism", json!(parallelism)));
        }
        facts.push(("uid", json!(node.uid.as_str())));
        let inputs = node.inputs.iter().map(|stream| GraphInput {
            from: stream.node,
            port: stream.output.checked_sub(1).map(|port| side_name(&plan.nodes[stream.node], port)),
            exchange: None,
        });
        GraphNode { name: node.title(), details: details(node), facts, inputs: inputs.collect() }
    });
    GraphView { nodes: nodes.collect() }
}

/// The stream graph: the operators with their parallelism, and the exchanges between them.
#[must_use]
pub fn stream_graph(graph: &StreamGraph) -> GraphView {
    let mut nodes: Vec<GraphNode> = graph
        .nodes
        .iter()
        .map(|node| {
            let mut facts = vec![("parallelism", json!(node.parallelism))];
            if node.fixed {
                facts.push(("fixed", json!(true)));
            }
            facts.extend(placement(&node.node.placement));
            if node.slot_group != DEFAULT_SLOT_GROUP {
                facts.push(("slot_group", json!(node.slot_group)));
            }
            facts.push(("uid", json!(node.node.uid.as_str())));
            GraphNode { name: node.node.title(), details: details(&node.node), facts, inputs: Vec::new() }
        })
        .collect();
    for edge in &graph.edges {
        let producer = &graph.nodes[edge.from];
        let shown = edge.exchange_between(producer.parallelism, graph.nodes[edge.to].parallelism);
        nodes[edge.to].inputs.push(GraphInput {
            from: edge.from,
            port: match edge.port {
                Port::Main => None,
                Port::Side { port, .. } => Some(side_name(&producer.node, port)),
                Port::DeadLetter | Port::SourceDeadLetter => Some("dead letters".into()),
            },
            exchange: Some(label(graph.mode, &shown, producer.node.schema(output_of(edge.port)).as_ref())),
        });
    }
    GraphView { nodes }
}

/// The job graph: the chains with their parallelism, and the exchanges between them.
#[must_use]
pub fn job_graph(graph: &JobGraph) -> GraphView {
    let mut nodes: Vec<GraphNode> = graph
        .vertices
        .iter()
        .map(|vertex| {
            let source = vertex.source.iter().map(|source| source.uid.as_str());
            let uids: Vec<_> = source.chain(vertex.operators.iter().map(|chained| chained.uid.as_str())).collect();
            let mut facts = vec![("parallelism", json!(vertex.parallelism))];
            if vertex.slot_group != DEFAULT_SLOT_GROUP {
                facts.push(("slot_group", json!(vertex.slot_group)));
            }
            facts.push(("uids", json!(uids)));
            GraphNode { name: vertex.name.clone(), details: String::new(), facts, inputs: Vec::new() }
        })
        .collect();
    for edge in &graph.edges {
        let producer = &graph.vertices[edge.from.0];
        nodes[edge.to.0].inputs.push(GraphInput {
            from: edge.from.0,
            port: match edge.port {
                Port::Main => None,
                Port::Side { operator, port } => Some(side_of(producer, operator, port)),
                Port::DeadLetter | Port::SourceDeadLetter => Some("dead letters".into()),
            },
            exchange: Some(label(graph.mode, &edge.exchange, vertex_schema(producer, edge.port).as_ref())),
        });
    }
    GraphView { nodes }
}

/// What was typed of where a node runs, but for its slot group, which others inherit.
fn placement(placement: &Placement) -> Vec<(&'static str, Value)> {
    let mut facts = Vec::new();
    if let Some(most) = placement.max_parallelism {
        facts.push(("max_parallelism", json!(most)));
    }
    match placement.chaining {
        Chaining::Always => {}
        Chaining::New => facts.push(("chain", json!("new"))),
        Chaining::Off => facts.push(("chain", json!("off"))),
    }
    facts
}

/// An exchange as it is shown; key columns are named by `schema`, the producer's.
#[must_use]
pub fn exchange(exchange: &Exchange, schema: Option<&Schema>) -> ExchangeView {
    match exchange {
        Exchange::Forward => ExchangeView::Forward,
        Exchange::Rebalance => ExchangeView::Rebalance,
        Exchange::Rescale => ExchangeView::Rescale,
        Exchange::Broadcast => ExchangeView::Broadcast,
        Exchange::Global => ExchangeView::Global,
        Exchange::Hash(columns) => {
            let name = |&column: &usize| {
                let field = schema.and_then(|schema| schema.fields().get(column));
                field.map_or_else(|| format!("#{column}"), |field| field.name.clone())
            };
            ExchangeView::Hash(columns.iter().map(name).collect())
        }
    }
}

/// `hash[auction]`, `hash[auction], blocking`
fn label(mode: Mode, shown: &Exchange, schema: Option<&Schema>) -> String {
    let blocking = if is_blocking(mode, shown) { ", blocking" } else { "" };
    format!("{}{blocking}", exchange(shown, schema))
}

const fn output_of(port: Port) -> usize {
    match port {
        Port::Main | Port::DeadLetter | Port::SourceDeadLetter => 0,
        Port::Side { port, .. } => port + 1,
    }
}

fn vertex_schema(vertex: &JobVertex, port: Port) -> Option<Schema> {
    match port {
        Port::Main => match vertex.operators.last() {
            Some(last) => Some(last.operator.output().clone()),
            None => vertex.source.as_ref().map(|source: &SourceTask| source.schema.clone()),
        },
        Port::Side { operator, port } => {
            let sides = vertex.operators.get(operator)?.operator.side_outputs();
            sides.into_iter().nth(port).map(|side| side.schema)
        }
        Port::DeadLetter | Port::SourceDeadLetter => Some(crate::api::dead_letter_schema()),
    }
}

fn side_name(node: &LogicalNode, port: usize) -> String {
    let name = match &node.kind {
        NodeKind::Scan(_) => None,
        NodeKind::Operator(operator) => operator.side_outputs().into_iter().nth(port).map(|side| side.name),
    };
    format!("side {}", name.unwrap_or_else(|| port.to_string()))
}

fn side_of(vertex: &JobVertex, operator: usize, port: usize) -> String {
    let sides = vertex.operators.get(operator).map(|chained| chained.operator.side_outputs()).unwrap_or_default();
    let name = sides.into_iter().nth(port).map(|side| side.name);
    format!("side {}", name.unwrap_or_else(|| port.to_string()))
}

fn details(node: &LogicalNode) -> String {
    match &node.kind {
        NodeKind::Scan(scan) => scan.source.describe(),
        NodeKind::Operator(operator) => operator.describe(),
    }
}

/// `[{"column": "auction", "type": "bigint", "nullable": true}, …]`
fn columns(schema: &Schema) -> Value {
    let column = |field: &crate::types::Field| json!({ "column": field.name, "type": field.ty.to_string(), "nullable": field.nullable });
    schema.fields().iter().map(column).collect()
}

fn scan_facts(node: &LogicalNode) -> Vec<(&'static str, Value)> {
    let NodeKind::Scan(scan) = &node.kind else { return Vec::new() };
    let mut facts = vec![(PARSED, json!(parsed(scan)))];
    if let Some(event_time) = &scan.event_time {
        let time = if event_time.ingestion { "ingestion".to_owned() } else { event_time.time.to_string() };
        facts.push(("event_time", json!(time)));
        facts.push(("watermark", json!(event_time.watermark.to_string())));
        if let Some(align) = event_time.align_ms {
            facts.push(("align", json!(typed_duration(align))));
        }
        if let Some(idle) = event_time.idle_timeout_ms {
            facts.push(("idle_timeout", json!(typed_duration(idle))));
        }
    }
    if let Some(filter) = &scan.filter {
        facts.push(("filter", json!(filter.to_string())));
    }
    if let Some(pace) = scan.pace {
        facts.push(("pace", json!(format!("{pace}x"))));
    }
    match scan.on_error {
        OnError::Fail => {}
        OnError::Skip => facts.push(("on_error", json!("skip"))),
        OnError::DeadLetter => facts.push(("on_error", json!("dead_letter"))),
    }
    if scan.source.bounds() == Bounds::Unbounded {
        facts.push(("unbounded", json!(true)));
    }
    facts
}

/// The names of the columns that are parsed.
fn parsed(scan: &Scan) -> Vec<&str> {
    let fields = scan.source.schema().fields();
    scan.projection.iter().filter_map(|&column| Some(fields.get(column)?.name.as_str())).collect()
}
