//! The helpers that the rules share: a plan is rebuilt node by node, and references follow.

use std::sync::Arc;

use crate::api::{ChangelogMode, PlannedOperator, Role, StreamRef};
use crate::expr::TypedExpr;
use crate::plan::{LogicalNode, LogicalPlan, NodeKind};
use crate::types::Schema;

/// Makes, for an input schema, the operator that keeps the rows for which the predicate is true.
pub type MakeFilter = fn(Schema, TypedExpr) -> Arc<dyn PlannedOperator>;

/// Makes, for an input schema, the operator that computes these columns.
pub type MakeProjection = fn(Schema, Vec<(String, TypedExpr)>) -> Arc<dyn PlannedOperator>;

/// Makes the operators that the optimizer puts into a plan. They are passed in because operators are of the same layer
/// as the plan.
#[derive(Debug, Clone, Copy)]
pub struct OptimizerOps {
    /// Makes a filter; its role is [`Role::Filter`].
    pub filter: MakeFilter,
    /// Makes a projection; its role is [`Role::Projection`].
    pub projection: MakeProjection,
    /// Makes what tells the changes of a table that has one row a key.
    pub normalize: MakeNormalize,
    /// Makes what gives, at the end of a changelog, the rows that are left.
    pub final_rows: MakeFinalRows,
}

/// Of rows of a schema, which are these changes.
pub(super) type MakeFinalRows = fn(&Schema, &ChangelogMode) -> Arc<dyn PlannedOperator>;

/// Of rows of a schema, whose key these columns are; and the column that says what a row does.
pub(super) type MakeNormalize = fn(&Schema, Vec<usize>, Option<usize>) -> Arc<dyn PlannedOperator>;

impl OptimizerOps {
    /// The projection of `input` to the columns at `columns`.
    pub(super) fn select(&self, input: &Schema, columns: &[usize]) -> Arc<dyn PlannedOperator> {
        let items = columns
            .iter()
            .map(|&column| {
                let field = &input.fields()[column];
                (field.name.clone(), TypedExpr::column(column, field))
            })
            .collect();
        (self.projection)(input.clone(), items)
    }

    /// A projection of `exprs` under the names of `output`.
    pub(super) fn project(
        &self,
        input: Schema,
        output: &Schema,
        exprs: impl IntoIterator<Item = TypedExpr>,
    ) -> Arc<dyn PlannedOperator> {
        (self.projection)(input, output.names().map(str::to_owned).zip(exprs).collect())
    }
}

/// A plan under construction, from an old one whose nodes come by in order.
pub(super) struct Rewrite<'a> {
    old: &'a LogicalPlan,
    /// Readers of each old node's main output.
    readers: Vec<usize>,
    /// The new nodes.
    pub(super) nodes: Vec<LogicalNode>,
    /// For each old node that came by, where its main output is now.
    main: Vec<StreamRef>,
    /// For each old node that came by, its new node.
    moved: Vec<usize>,
}

impl<'a> Rewrite<'a> {
    pub(super) fn new(old: &'a LogicalPlan) -> Self {
        let readers = old.readers().iter().map(Vec::len).collect();
        Self { old, readers, nodes: Vec::new(), main: Vec::new(), moved: Vec::new() }
    }

    /// The new stream that the old one is now.
    pub(super) fn now(&self, stream: StreamRef) -> StreamRef {
        match stream.output {
            0 => self.main[stream.node],
            output => StreamRef { node: self.moved[stream.node], output },
        }
    }

    /// Whether the old stream is read once, as the main output of a node.
    pub(super) fn read_once(&self, stream: StreamRef) -> bool {
        stream.output == 0 && self.readers[stream.node] == 1
    }

    /// The columns of a new stream.
    pub(super) fn schema(&self, stream: StreamRef) -> Schema {
        self.nodes[stream.node].schema(stream.output).unwrap_or_else(|| Schema::new([]))
    }

    /// Adds a node that is not in the old plan; its inputs are new streams.
    pub(super) fn insert(&mut self, node: LogicalNode) -> StreamRef {
        self.nodes.push(node);
        StreamRef { node: self.nodes.len() - 1, output: 0 }
    }

    /// The next old node becomes `node`, whose inputs are new streams.
    pub(super) fn put(&mut self, node: LogicalNode) {
        let stream = self.insert(node);
        self.main.push(stream);
        self.moved.push(stream.node);
    }

    /// The next old node becomes itself, over the new streams.
    pub(super) fn keep(&mut self, node: &LogicalNode) {
        self.keep_as(node, node.kind.clone());
    }

    /// The next old node stays in its place and becomes `kind`.
    pub(super) fn keep_as(&mut self, node: &LogicalNode, kind: NodeKind) {
        let inputs = node.inputs.iter().map(|&stream| self.now(stream)).collect();
        self.put(LogicalNode { kind, inputs, ..node.clone() });
    }

    /// The next old node goes; who read it reads `stream`. Only for nodes without side outputs.
    pub(super) fn bypass(&mut self, stream: StreamRef) {
        self.main.push(stream);
        self.moved.push(stream.node);
    }

    pub(super) fn finish(self) -> LogicalPlan {
        LogicalPlan { nodes: self.nodes, dead_letters: self.old.dead_letters.clone(), on_error: self.old.on_error }
    }
}

/// The expression that the node filters by, if it is a filter.
pub(super) fn as_filter(node: &LogicalNode) -> Option<&TypedExpr> {
    match node.kind {
        NodeKind::Scan(_) => None,
        NodeKind::Operator(ref operator) => match operator.role() {
            Role::Filter(predicate) => Some(predicate),
            Role::Projection(_) | Role::Union | Role::Opaque => None,
        },
    }
}

/// The expressions that the node computes, if it is a projection.
pub(super) fn as_projection(node: &LogicalNode) -> Option<&[TypedExpr]> {
    match node.kind {
        NodeKind::Scan(_) => None,
        NodeKind::Operator(ref operator) => match operator.role() {
            Role::Projection(exprs) => Some(exprs),
            Role::Filter(_) | Role::Union | Role::Opaque => None,
        },
    }
}

/// Whether the node only brings streams together.
pub(super) fn is_union(node: &LogicalNode) -> bool {
    matches!(&node.kind, NodeKind::Operator(operator) if matches!(operator.role(), Role::Union))
}

/// Whether two nodes run in the same place, so that either can do the other's work.
pub(super) fn same_place(a: &LogicalNode, b: &LogicalNode) -> bool {
    a.typed_parallelism() == b.typed_parallelism() && a.placement == b.placement
}

/// Whether the expression costs nothing to compute twice: a column, or a constant that folding has left.
pub(super) fn is_plain(expr: &TypedExpr) -> bool {
    expr.as_column().is_some() || expr.is_true()
}
