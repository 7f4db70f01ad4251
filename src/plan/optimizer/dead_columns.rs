//! Columns that nobody reads are not computed, not exchanged, and not parsed.
//!
//! From the sinks backwards it is found which columns of every stream are read; then the plan is rebuilt forwards over
//! narrower streams. Where two readers of one stream want different columns, the stream has those of both and a
//! projection stands before the reader that wants fewer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::OptimizerOps;
use super::rewrite::{Rewrite, as_filter, as_projection};
use crate::api::{EventTimeSpec, Placement, PlannedOperator, StreamRef};
use crate::expr::TypedExpr;
use crate::plan::{LogicalNode, LogicalPlan, NodeKind, Scan};
use crate::types::{FormerUids, LogicalType, OperatorUid, Schema, Span, Spanned};

type Columns = BTreeSet<usize>;

/// The choice for one node.
struct Choice {
    /// The columns it reads of each input, of the old plan's columns.
    reads: Vec<Columns>,
    how: How,
}

enum How {
    /// A scan that outputs these of its old columns.
    Scan(Box<Scan>, Vec<usize>),
    /// A filter, of this predicate over the old columns, outputs whatever columns it gets.
    Filter(TypedExpr),
    /// A projection computes these expressions over the old columns, from whatever columns it gets: the schema and
    /// positions of its output.
    Projection(Vec<TypedExpr>, Schema, Vec<usize>),
    /// Any other operator, and which of the old columns it outputs.
    Operator(Arc<dyn PlannedOperator>, Vec<usize>),
}

pub(super) fn apply(plan: &LogicalPlan, ops: &OptimizerOps) -> LogicalPlan {
    let mut narrowing = Narrowing { rewrite: Rewrite::new(plan), has: Vec::new(), adapters: BTreeMap::new(), ops };
    for (node, choice) in plan.nodes.iter().zip(choose(plan)) {
        let columns = narrowing.rebuild(node, choice);
        narrowing.has.push(columns);
    }
    narrowing.rewrite.finish()
}

/// From the sinks backwards: what each node outputs and reads.
fn choose(plan: &LogicalPlan) -> Vec<Choice> {
    let readers = plan.readers();
    let mut needed: Vec<Columns> = vec![Columns::new(); plan.nodes.len()];
    let mut side_read = vec![false; plan.nodes.len()];
    for stream in plan.nodes.iter().flat_map(|node| &node.inputs) {
        side_read[stream.node] |= stream.output > 0;
    }
    let mut choices = Vec::with_capacity(plan.nodes.len());
    for (at, node) in plan.nodes.iter().enumerate().rev() {
        let mut needed_here = std::mem::take(&mut needed[at]);
        if readers[at].is_empty() {
            needed_here.extend(0..width(node));
        }
        let choice = choose_one(plan, node, needed_here, side_read[at]);
        for (stream, reads) in node.inputs.iter().zip(&choice.reads) {
            if stream.output == 0 {
                needed[stream.node].extend(reads);
            }
        }
        choices.push(choice);
    }
    choices.reverse();
    choices
}

fn choose_one(plan: &LogicalPlan, node: &LogicalNode, mut needed: Columns, side_read: bool) -> Choice {
    // A filter or projection is made anew over whatever its input turns out to have; over a side output, whose columns
    // stay as they are, it is like any operator.
    let over_main = node.inputs.first().is_some_and(|stream| stream.output == 0);
    if let (Some(predicate), true) = (as_filter(node), over_main) {
        let reads = needed.into_iter().chain(predicate.columns()).collect();
        return Choice { reads: vec![reads], how: How::Filter(predicate.clone()) };
    }
    if needed.is_empty() {
        // A count of rows reads no column; but rows without any are a special case that nobody needs.
        needed.extend(carried(node));
    }
    let columns: Vec<usize> = needed.iter().copied().collect();
    let operator = match &node.kind {
        NodeKind::Scan(scan) => {
            return Choice { reads: Vec::new(), how: How::Scan(Box::new(narrow_scan(scan, &columns)), columns) };
        }
        NodeKind::Operator(operator) => operator,
    };
    if let (Some(exprs), true) = (as_projection(node), over_main) {
        let reads = columns.iter().flat_map(|&column| exprs[column].columns()).collect();
        let kept = columns.iter().map(|&column| exprs[column].clone()).collect();
        let output = operator.output().project(&columns);
        return Choice { reads: vec![reads], how: How::Projection(kept, output, columns) };
    }
    // What a side output holds follows from the input's columns, so an operator whose side output is read keeps them.
    let pruned = if side_read { None } else { operator.prune(&columns) };
    match pruned {
        Some(pruned) if pruned.inputs.len() == node.inputs.len() => {
            let reads = pruned.inputs.into_iter().map(|columns| columns.into_iter().collect()).collect();
            Choice { reads, how: How::Operator(pruned.operator, columns) }
        }
        _ => {
            let all = |stream: &StreamRef| (0..plan.schema(*stream).map_or(0, |schema| schema.len())).collect();
            let reads = node.inputs.iter().map(all).collect();
            Choice { reads, how: How::Operator(operator.clone(), (0..width(node)).collect()) }
        }
    }
}

/// The column to carry along when none is read: one that is parsed anyway, else the cheapest.
fn carried(node: &LogicalNode) -> Option<usize> {
    if let NodeKind::Scan(scan) = &node.kind {
        let parsed = scan.event_time.iter().flat_map(EventTimeSpec::columns);
        let parsed: Columns = parsed.chain(scan.filter.iter().flat_map(TypedExpr::columns)).collect();
        if let Some(carried) = scan.output.iter().position(|column| parsed.contains(column)) {
            return Some(carried);
        }
    }
    node.schema(0).as_ref().and_then(cheapest)
}

/// The scan that outputs just these of the columns it did, and parses what they, its time and its filter need.
fn narrow_scan(scan: &Scan, columns: &[usize]) -> Scan {
    let output: Vec<usize> = columns.iter().map(|&column| scan.output[column]).collect();
    let mut parsed: Columns = output.iter().copied().collect();
    parsed.extend(scan.event_time.iter().flat_map(EventTimeSpec::columns));
    parsed.extend(scan.filter.iter().flat_map(TypedExpr::columns));
    let parsed: Vec<usize> = parsed.into_iter().collect();
    let moved = |column| position(&parsed, column);
    Scan {
        projection: parsed.iter().map(|&column| scan.projection[column]).collect(),
        event_time: scan.event_time.as_ref().map(|event_time| event_time.remap(&moved)),
        filter: scan.filter.as_ref().map(|filter| filter.remap(&moved)),
        output: output.into_iter().map(moved).collect(),
        schema: scan.schema.project(columns),
        ..scan.clone()
    }
}

/// The way forwards: the plan over narrower streams.
struct Narrowing<'a> {
    rewrite: Rewrite<'a>,
    /// For each old node, which of its old columns its main output has now, ascending.
    has: Vec<Vec<usize>>,
    /// Projections put before readers, by old stream and columns: two readers that want the same share one.
    adapters: BTreeMap<(StreamRef, Columns), StreamRef>,
    ops: &'a OptimizerOps,
}

impl Narrowing<'_> {
    /// Puts the node into the new plan; returns the old columns that it has now.
    fn rebuild(&mut self, node: &LogicalNode, choice: Choice) -> Vec<usize> {
        match choice.how {
            How::Scan(scan, columns) => {
                self.rewrite.keep_as(node, NodeKind::Scan(*scan));
                columns
            }
            How::Filter(predicate) => {
                let columns = self.has[node.inputs[0].node].clone();
                let input = self.rewrite.schema(self.rewrite.now(node.inputs[0]));
                let predicate = predicate.remap(&|column| position(&columns, column));
                self.rewrite.keep_as(node, NodeKind::Operator((self.ops.filter)(input, predicate)));
                columns
            }
            How::Projection(exprs, output, columns) => {
                let inputs = &self.has[node.inputs[0].node];
                let input = self.rewrite.schema(self.rewrite.now(node.inputs[0]));
                let exprs = exprs.iter().map(|expr| expr.remap(&|column| position(inputs, column)));
                self.rewrite.keep_as(node, NodeKind::Operator(self.ops.project(input, &output, exprs)));
                columns
            }
            How::Operator(operator, columns) => {
                let reads = node.inputs.iter().zip(&choice.reads).enumerate();
                let inputs = reads.map(|(input, (&stream, reads))| self.adapt(node, input, stream, reads)).collect();
                self.rewrite.put(LogicalNode { kind: NodeKind::Operator(operator), inputs, ..node.clone() });
                columns
            }
        }
    }

    /// The stream with just the columns that input `input` of `reader` reads.
    fn adapt(&mut self, reader: &LogicalNode, input: usize, stream: StreamRef, reads: &Columns) -> StreamRef {
        let now = self.rewrite.now(stream);
        let schema = self.rewrite.schema(now);
        let has = if stream.output == 0 { self.has[stream.node].clone() } else { (0..schema.len()).collect() };
        // Who reads no column at all (a count of rows) takes any.
        if reads.is_empty() || has.iter().eq(reads) {
            return now;
        }
        if let Some(made) = self.adapters.get(&(stream, reads.clone())) {
            return *made;
        }
        let columns: Vec<usize> = reads.iter().map(|&column| position(&has, column)).collect();
        // Where its input is, so that rows stay in order: dealt out to more subtasks they would overtake each other.
        let own = self.rewrite.nodes[now.node].own_parallelism();
        let max_parallelism = self.rewrite.nodes[now.node].placement.max_parallelism;
        let made = self.rewrite.insert(LogicalNode {
            kind: NodeKind::Operator(self.ops.select(&schema, &columns)),
            inputs: vec![now],
            uid: OperatorUid::new(format!("{}.columns{input}", reader.uid)),
            former: FormerUids::default(),
            parallelism: own.map(|own| Spanned::new(own, Span::default())),
            placement: Placement { max_parallelism, ..Placement::default() },
            sink: None,
        });
        self.adapters.insert((stream, reads.clone()), made);
        made
    }
}

/// The position of `column` among `columns`, ascending; every column read is among those chosen.
fn position(columns: &[usize], column: usize) -> usize {
    columns.binary_search(&column).unwrap_or_else(|next| next)
}

fn width(node: &LogicalNode) -> usize {
    node.schema(0).map_or(0, |schema| schema.len())
}

/// The column that costs least to carry along.
fn cheapest(schema: &Schema) -> Option<usize> {
    let cost = |ty: &LogicalType| match ty {
        LogicalType::Null | LogicalType::Boolean | LogicalType::TinyInt | LogicalType::SmallInt => 0,
        LogicalType::Int
        | LogicalType::BigInt
        | LogicalType::Float
        | LogicalType::Double
        | LogicalType::Date
        | LogicalType::Time
        | LogicalType::IntervalDayTime
        | LogicalType::IntervalYearMonth => 1,
        LogicalType::Timestamp | LogicalType::TimestampLtz | LogicalType::Decimal(..) => 2,
        LogicalType::String | LogicalType::Bytes => 3,
        LogicalType::Array(_) | LogicalType::Map(..) | LogicalType::Row(_) => 4,
    };
    schema.fields().iter().enumerate().min_by_key(|(_, field)| cost(&field.ty)).map(|(at, _)| at)
}
