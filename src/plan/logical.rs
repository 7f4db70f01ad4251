//! The logical plan: a graph of sources and operators, each reading streams of earlier ones.

use std::sync::Arc;

use crate::api::{EventTimeSpec, OnError, PlannedOperator, PlannedSource, StreamRef};
use crate::expr::TypedExpr;
use crate::types::{OperatorUid, Schema, Spanned};

/// A job's plan. Nodes stand in topological order: inputs before their readers.
#[derive(Debug, Clone, Default)]
pub struct LogicalPlan {
    /// The nodes; a [`StreamRef`] points into them.
    pub nodes: Vec<LogicalNode>,
}

/// One node.
#[derive(Debug, Clone)]
pub struct LogicalNode {
    /// What it is.
    pub kind: NodeKind,
    /// What it reads, by input.
    pub inputs: Vec<StreamRef>,
    /// Its name across restarts: typed with `uid`, else made from its place in the plan. Unique.
    pub uid: OperatorUid,
    /// `parallelism n`; `None` for the job's.
    pub parallelism: Option<Spanned<u64>>,
}

/// What a node is.
#[derive(Debug, Clone)]
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
    /// It.
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
    /// What becomes of rows that can't be read.
    pub on_error: OnError,
}

impl LogicalNode {
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
