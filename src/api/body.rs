//! Stages that run again and again on their own rows: what was typed of them, and what they become.

use std::sync::Arc;

use super::{PlannedOperator, Stage, StreamRef, StreamShape};
use crate::expr::ast::ExprNode;
use crate::types::{Schema, Spanned};

/// `10 until changed = 0 { stages }`
#[derive(Debug, Clone, PartialEq)]
pub struct Rounds {
    /// Rounds, at most.
    pub most: Spanned<u64>,
    /// The condition, over what a round has done, that makes it the last.
    pub until: Option<ExprNode>,
    /// The stages of a round.
    pub stages: Vec<Stage>,
}

/// The operators that such stages become, each before its readers.
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
