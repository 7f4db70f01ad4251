//! `iterate 10 until changed = 0 { … }`: its arguments.

use std::sync::Arc;

use super::spec::{Iterate, round_schema};
use crate::api::{Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::expr::{Scope, bind as bind_expr};
use crate::operators::select::no_window;
use crate::operators::union::Union;
use crate::types::{Diagnostic, Field, LogicalType, Schema};

/// `iterate`
pub(in crate::operators) const ITERATE: StageSpec = StageSpec {
    name: "iterate",
    aliases: &[],
    signature: Signature { head: &[Shape::Rounds], optional: &[], clauses: &[] },
    summary: "runs stages again and again on their own rows",
    help: "In a job with (mode = 'batch'): the stages in braces run over all rows, and then over the rows that they gave, \
           as many rounds as the number says. They give the columns that they are given. With `until` the round is the last \
           for which it is true: it reads `round`, from 1, `rows`, those that the round gave, and `changed`, those of them \
           that the round was not given. So `until changed = 0` ends where nothing changes any more. Other streams that the \
           stages read are read once and given whole to each round. `rounds JOB` lists what each has done. It runs with \
           parallelism 1.",
    examples: &["run halved with (mode = 'batch') = quakes | map kind, felt as n \
         | iterate 20 until changed = 0 { map kind, n / 2 as n } | limit 3 | into print;"],
    flink: Some("DataStream.iterate; DataSet's bulk and delta iterations"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let rounds = args.rounds(0)?;
    if !stream.is_batch() {
        return Err(Diagnostic::at(args.name.span, "`iterate` needs all rows of its input before the first round")
            .help("run it as a job that reads all of its input first: run NAME with (mode = 'batch') = …"));
    }
    if rounds.most.node == 0 {
        return Err(Diagnostic::at(rounds.most.span, "there must be a round at least"));
    }
    stream.final_rows();
    let until = match &rounds.until {
        None => None,
        Some(until) => {
            let schema = round_schema();
            let bound = bind_expr(until, Scope::named(None, &schema))?.fold();
            if *bound.ty() != LogicalType::Boolean {
                return Err(Diagnostic::at(until.span, format!("a condition is a boolean, not a {}", bound.ty())));
            }
            Some(bound)
        }
    };
    let keys = stream.shape().keys.clone();
    // What comes back may be null where the first rows are not.
    let fields = stream.shape().schema.fields().iter().map(|field| Field { nullable: true, ..field.clone() });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    stream.shape_mut().keys = None;
    let body = stream.body(Arc::new(Union::of_one(&schema)), &rounds.stages)?;
    stream.shape_mut().keys.clone_from(&keys);
    let columns = |schema: &Schema| {
        schema.fields().iter().map(|field| format!("{} {}", field.name, field.ty)).collect::<Vec<_>>().join(", ")
    };
    if body.shape.window.is_some() || columns(&body.shape.schema) != columns(&schema) {
        let span = rounds.stages.last().map_or(args.span, |stage| stage.args.span);
        let message =
            format!("the stages give ({}), and are given ({})", columns(&body.shape.schema), columns(&schema));
        return Err(Diagnostic::at(span, message).help("let a `map` at their end give the columns of the next round"));
    }
    let others: Vec<_> = body.others.iter().map(|(stream, _)| *stream).collect();
    stream.apply_many(Arc::new(Iterate::new(schema, body, rounds.most.node, until)), &others);
    Ok(())
}
