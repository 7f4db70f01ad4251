//! What stages become that run again and again on their own rows.

use std::sync::Arc;

use super::{PlannedOperator, StreamRef, StreamShape};
use crate::types::Schema;

/// The operators that stages become which run again and again, each before its readers.
#[derive(Debug, Clone)]
pub struct Body {
    /// The operators. The first takes the rows of the round.
    pub nodes: Vec<BodyNode>,
    /// The output that the rows of the next round come from.
    pub end: BodyInput,
    /// The streams that they read besides, with their columns.
    pub others: Vec<(StreamRef, Schema)>,
    /// The shape of what comes out.
    pub shape: StreamShape,
}

/// One operator of a body.
#[derive(Debug, Clone)]
pub struct BodyNode {
    /// The operator.
    pub operator: Arc<dyn PlannedOperator>,
    /// What it reads, by input.
    pub inputs: Vec<BodyInput>,
}

/// What an operator of a body reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyInput {
    /// The rows of the round.
    Round,
    /// Output of an operator of the body: its number; 0 for its main output, 1 + port for a side output.
    Node(usize, usize),
    /// A stream from outside, by its place in [`Body::others`].
    Other(usize),
}
