//! `rebalance`, `shuffle`, `rescale`, `broadcast`, `global`, `partition_by e`: how rows go on to what follows.

use std::sync::Arc;

use super::filter::{Narrowed, passed, project};
use super::map::Project;
use super::select::{Selected, no_window};
use crate::api::{
    Exchange, Operator, OperatorContext, Output, PlannedOperator, Pruned, Shape, Signature, StageArgs, StageContext,
    StageSpec, UpdateKind,
};
use crate::expr::bind as bind_expr;
use crate::types::{Batch, Diagnostic, LogicalType, Result, Schema};

const BARE: Signature = Signature { head: &[], optional: &[], clauses: &[] };

/// `rebalance`
pub(super) const REBALANCE: StageSpec = StageSpec {
    name: "rebalance",
    aliases: &[],
    signature: BARE,
    summary: "deals rows out evenly over the subtasks that follow",
    help: "Batches are dealt out in turn. Use it where some subtasks have far more rows than others.",
    examples: &["bids | rebalance | filter price > 1000;"],
    flink: Some("DataStream.rebalance"),
    bind: |args, stream| bind(args, stream, Exchange::Rebalance),
};

/// `shuffle`
pub(super) const SHUFFLE: StageSpec = StageSpec {
    name: "shuffle",
    aliases: &[],
    signature: BARE,
    summary: "deals rows out over the subtasks that follow, as `rebalance` does",
    help: "Flink's `shuffle` deals rows out at random. Here they are dealt out in turn, which is as even and the \
           same each time.",
    examples: &["bids | shuffle | filter price > 1000;"],
    flink: Some("DataStream.shuffle"),
    bind: |args, stream| bind(args, stream, Exchange::Rebalance),
};

/// `rescale`
pub(super) const RESCALE: StageSpec = StageSpec {
    name: "rescale",
    aliases: &[],
    signature: BARE,
    summary: "deals rows out evenly over the subtasks that are near",
    help: "As `rebalance`, but each subtask deals only to its own share of those that follow: of 2 to 4 the first to the \
           first two. Where they share slots nothing goes far. Rows are not evened out between the shares.",
    examples: &["bids | parallelism 1 | rescale | filter price > 1000 | parallelism 2;"],
    flink: Some("DataStream.rescale"),
    bind: |args, stream| bind(args, stream, Exchange::Rescale),
};

/// `partition_by`
pub(super) const PARTITION_BY: StageSpec = StageSpec {
    name: "partition_by",
    aliases: &[],
    signature: Signature { head: &[Shape::Expr], optional: &[], clauses: &[] },
    summary: "sends rows with equal values to the same subtask",
    help: "By the hash of an expression, as `key_by` does, but the stream is not keyed by it: what follows is done for all \
           rows of a subtask. Of use before a sink that writes a file a subtask, and where rows of one value must not \
           overtake each other.",
    examples: &["bids | partition_by bidder % 10 | filter price > 1000 | parallelism 2;"],
    flink: Some("DataStream.partitionCustom"),
    bind: bind_by,
};

/// `broadcast`
pub(super) const BROADCAST: StageSpec = StageSpec {
    name: "broadcast",
    aliases: &[],
    signature: BARE,
    summary: "gives every row to every subtask that follows",
    help: "At parallelism 2, what follows sees each row twice: once in each subtask.",
    examples: &["bids | broadcast | limit 5;"],
    flink: Some("DataStream.broadcast"),
    bind: |args, stream| bind(args, stream, Exchange::Broadcast),
};

/// `global`
pub(super) const GLOBAL: StageSpec = StageSpec {
    name: "global",
    aliases: &[],
    signature: BARE,
    summary: "gives every row to the first subtask that follows",
    help: "What follows works as if it had one subtask.",
    examples: &["bids | global | filter price > 1000;"],
    flink: Some("DataStream.global"),
    bind: |args, stream| bind(args, stream, Exchange::Global),
};

fn bind_by(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    let node = args.expr(0)?;
    let expr = bind_expr(node, shape.scope())?;
    if matches!(expr.ty(), LogicalType::Map(..) | LogicalType::Null) {
        return Err(Diagnostic::at(node.span, format!("rows can't be told apart by type {}", expr.ty())));
    }
    let width = shape.schema.len();
    if let Some(column) = expr.as_column() {
        stream.apply(Arc::new(Partition {
            exchange: Exchange::Hash(vec![column]),
            columns: None,
            output: shape.schema,
        }));
    } else {
        // Computed where the rows come from, and left behind when they have come.
        let mut selected = Selected::all(&shape.schema);
        selected.push("#partition".to_owned(), expr);
        stream.apply(Arc::new(Project::new(selected)));
        let columns = Some((0..width).collect());
        stream.apply(Arc::new(Partition { exchange: Exchange::Hash(vec![width]), columns, output: shape.schema }));
    }
    stream.shape_mut().keys = shape.keys;
    Ok(())
}

fn bind(args: &StageArgs, stream: &mut dyn StageContext, exchange: Exchange) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let output = stream.shape().schema.clone();
    stream.apply(Arc::new(Partition { exchange, columns: None, output }));
    Ok(())
}

/// Passes rows as they are; only their exchange matters.
#[derive(Debug, Clone)]
pub struct Partition {
    exchange: Exchange,
    /// The input columns that leave; `None` for all.
    columns: Option<Vec<usize>>,
    output: Schema,
}

impl PlannedOperator for Partition {
    fn name(&self) -> &'static str {
        "Partition"
    }

    fn describe(&self) -> String {
        match &self.exchange {
            Exchange::Forward => "forward".to_owned(),
            Exchange::Hash(_) => "hash".to_owned(),
            Exchange::Rebalance => "rebalance".to_owned(),
            Exchange::Rescale => "rescale".to_owned(),
            Exchange::Broadcast => "broadcast".to_owned(),
            Exchange::Global => "global".to_owned(),
        }
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        self.exchange.clone()
    }

    fn passes(&self, column: usize) -> Option<usize> {
        passed(self.columns.as_deref(), column)
    }

    fn needs(&self, _input: usize, output: UpdateKind) -> UpdateKind {
        output
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let leaving: Vec<usize> = needed.iter().filter_map(|&column| self.passes(column)).collect();
        let read = if let Exchange::Hash(columns) = &self.exchange { columns.clone() } else { Vec::new() };
        let narrowed = Narrowed::new(&leaving, read);
        let exchange = match &self.exchange {
            Exchange::Hash(columns) => Exchange::Hash(columns.iter().map(|&column| narrowed.moved(column)).collect()),
            other @ (Exchange::Forward
            | Exchange::Rebalance
            | Exchange::Rescale
            | Exchange::Broadcast
            | Exchange::Global) => other.clone(),
        };
        let operator = Self { exchange, columns: narrowed.projection(), output: self.output.project(needed) };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![narrowed.inputs] })
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(PassOperator { columns: self.columns.clone(), output: self.output.clone() }))
    }
}

struct PassOperator {
    columns: Option<Vec<usize>>,
    output: Schema,
}

impl Operator for PassOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        out.batch(project(batch, self.columns.as_deref(), &self.output)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Arg;
    use crate::expr::ast::{BinaryOp, Expr};
    use crate::operators::testing::{FakeStream, Values, at, batch, column, run};

    #[test]
    fn rows_pass_as_they_are_and_only_the_exchange_differs() {
        let (schema, rows) = batch(vec![("n", Values::ints(0..2))]);
        for (name, exchange) in [
            ("rebalance", Exchange::Rebalance),
            ("shuffle", Exchange::Rebalance),
            ("rescale", Exchange::Rescale),
            ("broadcast", Exchange::Broadcast),
            ("global", Exchange::Global),
        ] {
            let mut stream = FakeStream::new(&schema);
            stream.stage(name, vec![], vec![]).expect("binds");
            assert_eq!(stream.last().exchange(0), exchange);
            assert_eq!(run(stream.last(), vec![rows.clone()]).elements, ["0", "1"]);
        }
    }

    #[test]
    fn rows_go_by_the_hash_of_an_expression_that_does_not_stay() {
        let (schema, rows) = batch(vec![("a", Values::ints(0..2)), ("b", Values::ints(5..7))]);
        let mut stream = FakeStream::new(&schema);
        stream.shape.keys = Some(vec![0]);
        stream.stage("partition_by", vec![Arg::Expr(column("b"))], vec![]).expect("binds");
        assert_eq!((stream.last().exchange(0), stream.applied.len()), (Exchange::Hash(vec![1]), 1));
        let pruned = stream.last().prune(&[0]).expect("narrows");
        assert_eq!((pruned.inputs, pruned.operator.exchange(0)), (vec![vec![0, 1]], Exchange::Hash(vec![1])));
        assert_eq!(run(&*pruned.operator, vec![rows.clone()]).elements, ["0", "1"]);
        let sum = Expr::Binary(Box::new(column("a")), at(BinaryOp::Plus), Box::new(column("b")));
        stream.stage("partition_by", vec![Arg::Expr(at(sum))], vec![]).expect("binds");
        assert_eq!((stream.last().exchange(0), stream.applied.len()), (Exchange::Hash(vec![2]), 3));
        assert_eq!((stream.shape.schema.clone(), stream.shape.keys.clone()), (schema, Some(vec![0])));
        let computed = run(&*stream.applied[1], vec![rows]);
        assert_eq!(computed.elements, ["0|5|5", "1|6|7"]);
        assert_eq!(run(stream.last(), computed.batches).elements, ["0|5", "1|6"]);
        let pruned = stream.last().prune(&[1]).expect("narrows");
        assert_eq!((pruned.inputs, pruned.operator.exchange(0)), (vec![vec![1, 2]], Exchange::Hash(vec![1])));
    }
}
