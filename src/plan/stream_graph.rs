//! The stream graph: operators with their parallelism, edges with their exchange.

use super::{LogicalNode, Port};
use crate::api::Exchange;

/// A job's operators and exchanges, before chaining and at a given default parallelism.
#[derive(Debug, Clone)]
pub struct StreamGraph {
    /// The job's name.
    pub name: String,
    /// The parallelism of nodes that do not say otherwise.
    pub parallelism: usize,
    /// The number of key groups.
    pub max_parallelism: u16,
    /// In topological order.
    pub nodes: Vec<StreamNode>,
    /// Ordered by reader, then by input.
    pub edges: Vec<StreamEdge>,
}

/// One operator.
#[derive(Debug, Clone)]
pub struct StreamNode {
    /// What it does.
    pub node: LogicalNode,
    /// How many instances.
    pub parallelism: usize,
    /// Whether its own parallelism was fixed (typed, or by the operator), so that rescaling the job leaves it alone.
    pub fixed: bool,
}

/// One stream between two operators.
#[derive(Debug, Clone)]
pub struct StreamEdge {
    /// The producer's position in [`StreamGraph::nodes`].
    pub from: usize,
    /// Which of its outputs; `operator` of [`Port::Side`] is 0 here.
    pub port: Port,
    /// The reader's position.
    pub to: usize,
    /// Which of its inputs.
    pub input: usize,
    /// How rows are distributed.
    pub exchange: Exchange,
}
