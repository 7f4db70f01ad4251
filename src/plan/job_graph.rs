//! The job graph: chains of operators that run in one subtask, and the exchanges between them.

use std::sync::Arc;

use crate::api::{EventTimeSpec, Exchange, OnError, PlannedOperator, PlannedSource};
use crate::expr::TypedExpr;
use crate::types::{OperatorUid, Schema, VertexId};

/// What the runtime runs.
#[derive(Debug, Clone)]
pub struct JobGraph {
    /// The job's name.
    pub name: String,
    /// The number of key groups.
    pub max_parallelism: u16,
    /// In topological order; a [`VertexId`] is a position here.
    pub vertices: Vec<JobVertex>,
    /// Ordered by reader, then by input.
    pub edges: Vec<JobEdge>,
}

/// A chain: an optional source, then operators that call each other directly.
#[derive(Debug, Clone)]
pub struct JobVertex {
    /// `Source: bids -> Calc`
    pub name: String,
    /// How many subtasks.
    pub parallelism: usize,
    /// What it reads, when it begins with a source; else it reads the edges that lead to it.
    pub source: Option<SourceTask>,
    /// The operators, in order. The first takes the source's rows or the inputs, each next the main output of the one
    /// before. Empty for a source alone.
    pub operators: Vec<ChainedOperator>,
    /// What becomes of rows that an operator rejects ([`Output::reject`](crate::api::Output::reject)).
    pub on_error: OnError,
}

/// One operator of a chain.
#[derive(Debug, Clone)]
pub struct ChainedOperator {
    /// Its name across restarts.
    pub uid: OperatorUid,
    /// It.
    pub operator: Arc<dyn PlannedOperator>,
}

/// The source end of a chain: read, assign times and watermarks, hold back by pace, filter, project.
#[derive(Debug, Clone)]
pub struct SourceTask {
    /// Its name across restarts.
    pub uid: OperatorUid,
    /// The source's name in the catalog.
    pub name: String,
    /// It.
    pub source: Arc<dyn PlannedSource>,
    /// The columns that are parsed.
    pub projection: Vec<usize>,
    /// Event time over the projected columns.
    pub event_time: Option<EventTimeSpec>,
    /// The filter over the projected columns.
    pub filter: Option<TypedExpr>,
    /// The columns that leave, indices into the projected ones.
    pub output: Vec<usize>,
    /// The schema of what leaves.
    pub schema: Schema,
    /// Event time runs this many times faster than it happened.
    pub pace: Option<f64>,
    /// What becomes of rows that can't be read.
    pub on_error: OnError,
}

/// One stream between two chains.
#[derive(Debug, Clone)]
pub struct JobEdge {
    /// The producer.
    pub from: VertexId,
    /// Which of its outputs.
    pub port: Port,
    /// The reader.
    pub to: VertexId,
    /// Which input of the reader's first operator.
    pub input: usize,
    /// How rows are distributed.
    pub exchange: Exchange,
}

/// An output of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Port {
    /// The main output of the last operator (or of the source, where there is none).
    Main,
    /// Side output `port` of the operator at this position of the chain.
    Side {
        /// Position in [`JobVertex::operators`].
        operator: usize,
        /// Which side output.
        port: usize,
    },
    /// Rejected rows of the whole chain, as rows of [`dead_letter_schema`](crate::api::dead_letter_schema).
    DeadLetter,
}
