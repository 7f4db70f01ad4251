//! `aggregate count(*) as n, avg(price) as mean`

use std::collections::HashSet;
use std::sync::Arc;

use super::group_aggregate::GroupAggregate;
use super::map::Project;
use super::options::StageOptions;
use super::select::{Selected, fresh_name, name_of};
use super::window::{Incremental, WindowAggregate, WindowOperator, apply_window};
use crate::api::{
    Clause, NamedExpr, PlannedOperator, SelectItem, Shape, Signature, StageArgs, StageContext, StageSpec,
};
use crate::expr::aggregate::{AggregateCall, aggregates, bind_aggregate, is_aggregate};
use crate::expr::ast::Call;
use crate::expr::{Scope, TypedExpr, bind_over_aggregates, function};
use crate::formats::CHANGE;
use crate::types::{Diagnostic, Field, LogicalType, Schema};

/// `aggregate`
pub(super) const AGGREGATE: StageSpec = StageSpec {
    name: "aggregate",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Exprs { star: false }],
        optional: &[],
        clauses: &[Clause {
            keyword: "with",
            shape: Shape::Options,
            required: false,
            help: "ttl: how long a key that nobody writes is kept, where there is no window",
        }],
    },
    summary: "computes aggregates for each key, and for each window if there is one",
    help: "Behind a `window`, each window that fires gives a row for each key: the key, `window_start`, \
           `window_end` (not those of count and global windows, which have no bounds), then the aggregates.\n\
           \n\
           Without a window, the result changes with each row that comes. It is a changelog: `+I` is a key's first \
           result, `-U` and `+U` are the old result and the new one. With `ttl`, a key that no row has come for in that \
           time is forgotten, and begins anew.\n\
           \n\
           Without `key_by`, there is one result for all rows. `filter (where …)` behind a call leaves rows out of \
           that call alone. Calls may stand in an expression: `sum(price) / count(*) as mean`.",
    examples: &[
        "bids | key_by auction | window tumble(10s) | aggregate count(*) as n, avg(price) as mean;",
        "bids | key_by auction | aggregate count(*) as n, count(*) filter (where price > 1000) as dear;",
        "bids | key_by bidder | aggregate count(*) as n with (ttl = 1h);",
        "bids | limit 1000 | aggregate max(price) as highest, max(price) - min(price) as span;",
    ],
    flink: Some("GROUP BY; windowing TVF aggregation"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    let shape = stream.shape().clone();
    let keys = shape.keys.clone().unwrap_or_default();
    let mut group: Vec<Field> = keys.iter().map(|&key| shape.schema.fields()[key].clone()).collect();
    let mut taken: HashSet<String> = group.iter().map(|field| field.name.clone()).collect();
    if shape.window.as_ref().is_some_and(|window| window.windows.have_bounds()) {
        for name in ["window_start", "window_end"] {
            fresh_name(&mut taken, name, args.span)?;
            group.push(Field::new(name, LogicalType::Timestamp).not_null());
        }
    }
    let group = Schema::new(group);
    let scope = Scope::named(shape.name.as_ref(), &group);
    let mut calls = Calls { input: shape.scope(), group: group.len(), named: Vec::new(), read: 0 };
    let mut results = Selected::all(&group);
    let mut computed = false;
    for (position, item) in args.exprs(0)?.iter().enumerate() {
        let SelectItem::Expr(item) = item else {
            return Err(Diagnostic::at(args.span, "`aggregate` takes aggregate functions, not `*`")
                .help("such as `aggregate count(*) as n`"));
        };
        let (name, span) = name_of(item, position);
        let result = match item.as_call() {
            Some(call) if is_aggregate(&call.name.node) => calls.push(name.clone(), call)?,
            call => {
                let before = calls.read;
                let bound = bind_over_aggregates(&item.expr, &scope, &mut |call| calls.find(call));
                if calls.read == before {
                    return Err(no_aggregate(item, call));
                }
                computed = true;
                bound?
            }
        };
        fresh_name(&mut taken, &name, span)?;
        results.push(name, result);
    }
    if shape.window.is_none() && taken.contains(CHANGE) {
        let message = format!("`{CHANGE}` names the kind of a change, so no column of a changelog can have this name");
        return Err(Diagnostic::at(args.span, message).help("give the column another name with `as`"));
    }
    let calls = calls.named;
    let ttl_ms = StageOptions::of(args, &["ttl"])?.duration("ttl")?;
    let Some(window) = shape.window else {
        let aggregate = GroupAggregate::new(&shape.schema, &keys, &calls, !shape.changelog.is_append());
        let ttl_ms = ttl_ms.or_else(|| stream.state_ttl_ms());
        stream.apply(Arc::new(aggregate.expiring(ttl_ms)));
        if computed {
            stream.apply(Arc::new(Project::new(results)));
        }
        return Ok(());
    };
    if ttl_ms.is_some() {
        return Err(Diagnostic::at(args.span, "`ttl` has no effect in a window").help("a window's state goes with it"));
    }
    apply_window(&window, stream, |window, input| -> Arc<dyn PlannedOperator> {
        match WindowAggregate::new(&input.schema, &input.keys, window, &calls) {
            Ok(sliced) => Arc::new(sliced),
            Err(window) => {
                let function = Incremental::new(input.clone(), &window, &calls);
                Arc::new(WindowOperator::new(window, vec![input], Arc::new(function)))
            }
        }
    })?;
    if computed {
        stream.apply(Arc::new(Project::new(results)));
    }
    Ok(())
}

/// The calls of one stage, with the names of their columns behind those of the group.
struct Calls<'a> {
    input: Scope<'a>,
    /// Columns of the group.
    group: usize,
    named: Vec<(String, AggregateCall)>,
    /// The number of calls that were found in expressions.
    read: usize,
}

impl Calls<'_> {
    /// The result of a call that is a column under `name`.
    fn push(&mut self, name: String, call: &Call) -> Result<TypedExpr, Diagnostic> {
        let call = bind_aggregate(call, &self.input)?;
        self.named.push((name, call));
        Ok(self.result(self.named.len() - 1))
    }

    /// The result of a call in an expression; equal calls are one.
    fn find(&mut self, call: &Call) -> Result<TypedExpr, Diagnostic> {
        self.read += 1;
        let call = bind_aggregate(call, &self.input)?;
        let place = self.named.iter().position(|(_, known)| *known == call).unwrap_or_else(|| {
            self.named.push((call.describe(), call));
            self.named.len() - 1
        });
        Ok(self.result(place))
    }

    fn result(&self, place: usize) -> TypedExpr {
        let (name, call) = &self.named[place];
        let field = Field { name: name.clone(), ty: call.ty.clone(), nullable: call.nullable };
        TypedExpr::column(self.group + place, &field)
    }
}

fn no_aggregate(item: &NamedExpr, call: Option<&Call>) -> Diagnostic {
    if let Some(Call { name, .. }) = call
        && function(&name.node).is_none()
    {
        let known = aggregates().iter().flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
        return Diagnostic::at(name.span, format!("there is no aggregate function `{}`", name.node))
            .help("`show functions` lists them")
            .did_you_mean(&name.node, known);
    }
    Diagnostic::at(item.expr.span, "expected an aggregate function such as `count(*)`")
        .help("the columns of `key_by` are there already; compute others in a `map` before")
}
