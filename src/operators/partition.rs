//! `rebalance`, `shuffle`, `broadcast`, `global`: how rows go on to what follows.

use std::sync::Arc;

use super::select::no_window;
use crate::api::{
    Exchange, Operator, OperatorContext, Output, PlannedOperator, Pruned, Signature, StageArgs, StageContext,
    StageSpec, UpdateKind,
};
use crate::types::{Batch, Diagnostic, Result, Schema};

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

fn bind(args: &StageArgs, stream: &mut dyn StageContext, exchange: Exchange) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let output = stream.shape().schema.clone();
    stream.apply(Arc::new(Partition { exchange, output }));
    Ok(())
}

/// Passes rows as they are; only their exchange matters.
#[derive(Debug, Clone)]
pub struct Partition {
    exchange: Exchange,
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
        Some(column)
    }

    fn needs(&self, _input: usize, output: UpdateKind) -> UpdateKind {
        output
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let operator = Self { exchange: self.exchange.clone(), output: self.output.project(needed) };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![needed.to_vec()] })
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(PassOperator))
    }
}

struct PassOperator;

impl Operator for PassOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        out.batch(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::testing::{FakeStream, Values, batch, run};

    #[test]
    fn rows_pass_as_they_are_and_only_the_exchange_differs() {
        let (schema, rows) = batch(vec![("n", Values::ints(0..2))]);
        for (name, exchange) in [
            ("rebalance", Exchange::Rebalance),
            ("shuffle", Exchange::Rebalance),
            ("broadcast", Exchange::Broadcast),
            ("global", Exchange::Global),
        ] {
            let mut stream = FakeStream::new(&schema);
            stream.stage(name, vec![], vec![]).expect("binds");
            assert_eq!(stream.last().exchange(0), exchange);
            assert_eq!(run(stream.last(), vec![rows.clone()]).elements, ["0", "1"]);
        }
    }
}
