//! `aggregate count(*) as n, avg(price) as mean`

use std::collections::HashSet;
use std::sync::Arc;

use super::group_aggregate::GroupAggregate;
use super::select::{fresh_name, name_of};
use super::window::WindowAggregate;
use crate::api::{PlannedOperator, SelectItem, Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::expr::aggregate::{AggregateCall, aggregates, bind_aggregate, is_aggregate};
use crate::types::{Diagnostic, Spanned};

/// `aggregate`
pub(super) const AGGREGATE: StageSpec = StageSpec {
    name: "aggregate",
    aliases: &[],
    signature: Signature { head: &[Shape::Exprs { star: false }], optional: &[], clauses: &[] },
    summary: "computes aggregates for each key, and for each window if there is one",
    help: "Behind a `window`: one row for each key and window when it fires, with the keys, window_start, window_end \
           and the aggregates. Without a window: a changelog, in which +I is a key's first result and -U and +U are \
           the old and the new one. Without `key_by`: one result for all rows. `filter (where …)` behind a call \
           leaves rows out of that call alone.",
    examples: &[
        "bids | key_by auction | window tumble(10s) | aggregate count(*) as n, avg(price) as mean;",
        "bids | key_by auction | aggregate count(*) as n, count(*) filter (where price > 1000) as dear;",
        "bids | aggregate max(price) as highest;",
    ],
    flink: Some("GROUP BY; windowing TVF aggregation"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    let shape = stream.shape().clone();
    let keys = shape.keys.clone().unwrap_or_default();
    let mut taken: HashSet<String> = keys.iter().map(|&key| shape.schema.fields()[key].name.clone()).collect();
    if shape.window.is_some() {
        taken.extend(["window_start", "window_end"].map(str::to_owned));
    }
    let mut calls: Vec<(String, AggregateCall)> = Vec::new();
    for (position, item) in args.exprs(0)?.iter().enumerate() {
        let SelectItem::Expr(item) = item else {
            return Err(Diagnostic::at(args.span, "`aggregate` takes aggregate calls, not `*`"));
        };
        let call = match item.as_call() {
            Some(call) if is_aggregate(&call.name.node) => call,
            Some(call) => return Err(no_aggregate(&call.name)),
            None => {
                return Err(Diagnostic::at(item.expr.span, "an aggregate call such as `count(*)` was expected")
                    .help("compute with the results in a `map` behind it; the keys are there by themselves"));
            }
        };
        let call = bind_aggregate(call, shape.scope())?;
        let (name, span) = name_of(item, position);
        fresh_name(&mut taken, &name, span)?;
        calls.push((name, call));
    }
    let Some(window) = shape.window else {
        stream.apply(Arc::new(GroupAggregate::new(&shape.schema, &keys, &calls, !shape.changelog.is_append())));
        return Ok(());
    };
    let late_to = window.late_to.clone();
    let operator: Arc<dyn PlannedOperator> = Arc::new(WindowAggregate::new(&shape.schema, &keys, window, &calls));
    stream.apply(operator);
    match late_to {
        Some(name) => stream.name_side_output(0, &name),
        None => Ok(()),
    }
}

fn no_aggregate(name: &Spanned<String>) -> Diagnostic {
    let known = aggregates().iter().flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
    Diagnostic::at(name.span, format!("`{}` is no aggregate function", name.node)).did_you_mean(&name.node, known)
}
