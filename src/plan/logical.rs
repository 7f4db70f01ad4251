//! The logical plan: a graph of sources and operators, each reading streams of earlier ones.

use std::sync::Arc;

use crate::api::{ChangelogMode, EventTimeSpec, OnError, Placement, PlannedOperator, PlannedSource, StreamRef};
use crate::expr::TypedExpr;
use crate::types::{FormerUids, OperatorUid, Schema, Spanned};

/// A job's plan. Nodes stand in topological order: inputs before their readers.
#[derive(Debug, Clone, Default)]
pub struct LogicalPlan {
    /// The nodes; a [`StreamRef`] points into them.
    pub nodes: Vec<LogicalNode>,
    /// The sinks of rejected rows.
    pub dead_letters: Vec<DeadLetterSink>,
    /// The treatment of rows that operators reject; rows that a source can't read follow [`Scan::on_error`].
    pub on_error: OnError,
}

/// A sink of rejected rows, of the columns of [`dead_letter_schema`](crate::api::dead_letter_schema).
#[derive(Debug, Clone)]
pub struct DeadLetterSink {
    /// The scan whose rows it takes; `None` for those of every operator, and of scans without a sink of their own.
    pub scan: Option<OperatorUid>,
    /// The sink's name across restarts.
    pub uid: OperatorUid,
    /// The sink's title: `dead_letters/bids`.
    pub name: String,
    /// The sink.
    pub operator: Arc<dyn PlannedOperator>,
}

/// One node.
#[derive(Debug, Clone)]
pub struct LogicalNode {
    /// The kind of the node.
    pub kind: NodeKind,
    /// The streams that the node reads, by input.
    pub inputs: Vec<StreamRef>,
    /// The node's name across restarts: typed with `uid`, else made of what its pipeline reads and writes, its kind, and
    /// its number among those of its kind there. Unique.
    pub uid: OperatorUid,
    /// The names that its state may be stored under besides.
    pub former: FormerUids,
    /// `parallelism n`; `None` for the job's.
    pub parallelism: Option<Spanned<u64>>,
    /// Where it runs.
    pub placement: Placement,
    /// For a sink the name it was written to by: the catalog's, or its connector's.
    pub sink: Option<String>,
}

/// The kind of a node.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a plan has as many nodes as its writer typed stages")]
pub enum NodeKind {
    /// Reads a source.
    Scan(Scan),
    /// Computes.
    Operator(Arc<dyn PlannedOperator>),
}

/// A read of a source: rows, then their times and watermarks, then the filter, then the projection.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The source's name in the catalog.
    pub name: String,
    /// The source.
    pub source: Arc<dyn PlannedSource>,
    /// The columns that are parsed, ascending indices into the source's schema.
    pub projection: Vec<usize>,
    /// Event time, over the *projected* columns; `None` when the stream has no event time.
    pub event_time: Option<EventTimeSpec>,
    /// Rows for which this (over the projected columns) is not true are dropped, after they have counted for the
    /// watermark.
    pub filter: Option<TypedExpr>,
    /// The columns that leave, indices into the projected ones.
    pub output: Vec<usize>,
    /// The schema of what leaves.
    pub schema: Schema,
    /// `pace = '10x'`: rows flow by their event time, this many times faster than it happened.
    pub pace: Option<f64>,
    /// The treatment of rows that can't be read.
    pub on_error: OnError,
}

impl LogicalPlan {
    /// The columns of `stream`; `None` when the plan has no such stream.
    #[must_use]
    pub fn schema(&self, stream: StreamRef) -> Option<Schema> {
        self.nodes.get(stream.node)?.schema(stream.output)
    }

    /// For each node, who reads its main output: reader and input, in order.
    #[must_use]
    pub fn readers(&self) -> Vec<Vec<(usize, usize)>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            for (input, stream) in node.inputs.iter().enumerate().filter(|(_, stream)| stream.output == 0) {
                readers[stream.node].push((at, input));
            }
        }
        readers
    }

    /// For each node, the changes of its main output.
    #[must_use]
    pub fn changelogs(&self) -> Vec<ChangelogMode> {
        let mut changelogs: Vec<ChangelogMode> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let inputs: Vec<_> = node.inputs.iter().map(|&stream| self.changelog(stream, &changelogs)).collect();
            changelogs.push(match &node.kind {
                NodeKind::Scan(_) => ChangelogMode::Append,
                NodeKind::Operator(operator) => operator.changelog(&inputs),
            });
        }
        changelogs
    }

    /// The changes that the plan's sink hears of; of several sinks, the last one's.
    #[must_use]
    pub fn written(&self) -> ChangelogMode {
        let main = self.changelogs();
        let sink = self.nodes.iter().rfind(|node| node.sink.is_some());
        let input = sink.and_then(|sink| sink.inputs.first());
        input.map_or(ChangelogMode::Append, |&input| self.changelog(input, &main))
    }

    /// The changes of `stream`, given those of the nodes' main outputs. A side output holds rows of its operator's
    /// inputs.
    pub(super) fn changelog(&self, stream: StreamRef, main: &[ChangelogMode]) -> ChangelogMode {
        if stream.output == 0 {
            return main[stream.node].clone();
        }
        let mut inputs = self.nodes[stream.node].inputs.iter();
        if inputs.all(|input| self.changelog(*input, main).is_append()) {
            ChangelogMode::Append
        } else {
            ChangelogMode::Retract(None)
        }
    }
}

impl LogicalNode {
    /// The parallelism that it has whatever the job's is: the one it must have, or the one typed for it.
    #[must_use]
    pub fn own_parallelism(&self) -> Option<u64> {
        let must = match &self.kind {
            NodeKind::Scan(_) => None,
            NodeKind::Operator(operator) => operator.parallelism(),
        };
        must.map(|must| must as u64).or_else(|| self.typed_parallelism())
    }

    /// The parallelism typed for it.
    #[must_use]
    pub fn typed_parallelism(&self) -> Option<u64> {
        self.parallelism.as_ref().map(|parallelism| parallelism.node)
    }

    /// The node's name as Flink shows it: `Source: bids`, `Calc`, `Sink: hot_file`.
    #[must_use]
    pub fn title(&self) -> String {
        match (&self.kind, &self.sink) {
            (NodeKind::Scan(scan), _) => format!("Source: {}", scan.name),
            (NodeKind::Operator(_), Some(sink)) => format!("Sink: {sink}"),
            (NodeKind::Operator(operator), None) => operator.name().to_owned(),
        }
    }

    /// The columns of output `output` (0 main, 1 + port a side output).
    #[must_use]
    pub fn schema(&self, output: usize) -> Option<Schema> {
        match &self.kind {
            NodeKind::Scan(scan) => (output == 0).then(|| scan.schema.clone()),
            NodeKind::Operator(operator) => match output.checked_sub(1) {
                None => Some(operator.output().clone()),
                Some(port) => operator.side_outputs().into_iter().nth(port).map(|side| side.schema),
            },
        }
    }
}
