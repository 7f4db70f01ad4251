//! `union more_bids`

use std::sync::Arc;

use super::select::no_window;
use crate::api::{
    Operator, OperatorContext, Output, PlannedOperator, Pruned, Role, Shape, Signature, StageArgs, StageContext,
    StageSpec,
};
use crate::types::{Batch, Diagnostic, Field, Result, Schema, Spanned, counted};

/// `union`
pub(super) const UNION: StageSpec = StageSpec {
    name: "union",
    aliases: &["union all"],
    signature: Signature { head: &[Shape::Names], optional: &[], clauses: &[] },
    summary: "puts the rows of several streams into one",
    help: "The streams must have the same number of columns, with the same types in the same order. The names are \
           those of the first stream. Equal rows all stay. The watermark is the least of theirs.",
    examples: &["stream dear = bids | filter price > 1000;\nbids | filter price < 10 | union dear;"],
    flink: Some("UNION ALL; DataStream.union"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let mut output = stream.shape().schema.clone();
    let mut others = Vec::new();
    for name in args.words(0)? {
        let (other, theirs) = stream.stream(name)?;
        output = same_columns(&output, &theirs.schema, name)?;
        others.push(other);
    }
    stream.apply_many(Arc::new(Union { inputs: others.len() + 1, output }), &others);
    Ok(())
}

/// The columns of rows of both streams, under the names of the first; `name` is the second.
pub(super) fn same_columns(ours: &Schema, theirs: &Schema, name: &Spanned<String>) -> Result<Schema, Diagnostic> {
    if theirs.len() != ours.len() {
        let (theirs, count) = (counted(theirs.len() as u64, "column"), ours.len());
        let message = format!("`{}` has {theirs}, and the stream so far has {count}", name.node);
        return Err(Diagnostic::at(name.span, message)
            .help(format!("pick the columns with `map`: the stream so far has {ours}")));
    }
    let both = ours.fields().iter().zip(theirs.fields()).map(|(ours, theirs)| {
        if ours.ty == theirs.ty {
            return Ok(Field { nullable: ours.nullable || theirs.nullable, ..ours.clone() });
        }
        let message = format!("column `{}` of `{}` is of type {}, not {}", theirs.name, name.node, theirs.ty, ours.ty);
        Err(Diagnostic::at(name.span, message).help("cast it with `map` first"))
    });
    Ok(Schema::new(both.collect::<Result<Vec<_>, _>>()?))
}

/// The rows of several inputs.
#[derive(Debug, Clone)]
pub struct Union {
    inputs: usize,
    output: Schema,
}

impl Union {
    /// The rows of one input, under the names and as nullable as in `schema`.
    pub(super) fn of_one(schema: &Schema) -> Self {
        Self { inputs: 1, output: schema.clone() }
    }
}

impl PlannedOperator for Union {
    fn name(&self) -> &'static str {
        "Union"
    }

    fn describe(&self) -> String {
        format!("inputs={}", self.inputs)
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn passes(&self, column: usize) -> Option<usize> {
        Some(column)
    }

    fn role(&self) -> Role<'_> {
        Role::Union
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let operator = Self { inputs: self.inputs, output: self.output.project(needed) };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![needed.to_vec(); self.inputs] })
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(UnionOperator { output: self.output.clone() }))
    }
}

struct UnionOperator {
    output: Schema,
}

impl Operator for UnionOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        // Under the names of the first input.
        let columns = batch.columns().columns().to_vec();
        out.batch(batch.with_columns(self.output.arrow().clone(), columns)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Arg, StreamShape, TimeAttributes};
    use crate::operators::testing::{FakeStream, Recorder, Values, at, batch, context};

    fn shape(schema: Schema, event_time: bool) -> StreamShape {
        let time = TimeAttributes { event_time, ..TimeAttributes::default() };
        StreamShape { time, ..StreamShape::of(schema) }
    }

    #[test]
    fn rows_of_all_inputs_come_out_under_the_names_of_the_first() {
        let (ours, one) = batch(vec![("a", Values::ints([1])), ("b", Values::ints([2]))]);
        let (theirs, two) = batch(vec![("x", Values::ints([3])), ("y", Values::ints([4]))]);
        let mut stream = FakeStream::new(&ours);
        stream.others = vec![("more", shape(theirs, false))];
        stream.stage("union", vec![Arg::Names(vec![at("more".to_owned())])], vec![]).expect("binds");
        assert!(!stream.shape.time.event_time, "one of the streams has no event time");
        let pruned = stream.last().prune(&[1]).expect("narrows");
        assert_eq!(pruned.inputs, [vec![1], vec![1]]);
        let mut out = Recorder::default();
        let mut running = stream.last().create(&context()).expect("creates");
        running.process(0, one, &mut out).expect("processes");
        running.process(1, two, &mut out).expect("processes");
        assert_eq!(out.elements, ["1|2", "3|4"]);
        assert!(out.batches.iter().all(|batch| batch.columns().schema_ref() == ours.arrow()));
    }

    #[test]
    fn streams_of_other_columns_are_refused() {
        let (ours, _) = batch(vec![("a", Values::ints([1]))]);
        let (wider, _) = batch(vec![("a", Values::ints([1])), ("b", Values::ints([2]))]);
        let (other, _) = batch(vec![("t", Values::Text(vec![]))]);
        let mut stream = FakeStream::new(&ours);
        stream.others = vec![("wider", shape(wider, true)), ("other", shape(other, true))];
        let mut refused = |name: &str| {
            let arg = Arg::Names(vec![at(name.to_owned())]);
            stream.stage("union", vec![arg], vec![]).expect_err("is refused").message
        };
        assert_eq!(refused("wider"), "`wider` has 2 columns, and the stream so far has 1");
        assert_eq!(refused("other"), "column `t` of `other` is of type string, not bigint");
    }
}
