//! `reduce left.price + right.price as price`

use std::collections::HashSet;
use std::sync::Arc;

use super::reducer::Reducer;
use super::spec::Reduce;
use crate::api::{PlannedOperator, SelectItem, Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::expr::{Scope, bind_as};
use crate::operators::select::{fresh_name, name_of};
use crate::operators::window::{WindowOperator, WindowReduce, apply_window};
use crate::types::{Diagnostic, Field, Schema, Span, Spanned};

/// `reduce`
pub(in crate::operators) const REDUCE: StageSpec = StageSpec {
    name: "reduce",
    aliases: &[],
    signature: Signature { head: &[Shape::Exprs { star: false }], optional: &[], clauses: &[] },
    summary: "puts the rows of each key together, two at a time",
    help: "Of `left`, the result so far, and `right`, the row that came, each expression computes a column of the next \
           result; columns that are not named stay those of `left`. The first row of a key is its first result. Without a \
           window each row gives one; behind a `window` there is one each time that it fires.",
    examples: &[
        "bids | key_by auction | reduce greatest(left.price, right.price) as price;",
        "bids | key_by auction | window tumble(10s) | reduce left.price + right.price as price;",
    ],
    flink: Some("KeyedStream.reduce; WindowedStream.reduce"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    let shape = stream.shape().clone();
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(
            args.span,
            "`reduce` can't be over a stream of changes: it could not take rows back",
        ));
    }
    if shape.window.as_ref().is_some_and(|window| window.sides.is_some()) {
        return Err(Diagnostic::at(
            args.span,
            "the rows of a `cogroup` are of two kinds: there is nothing that two could become",
        )
        .help("`aggregate` sees `left.c` and `right.c`"));
    }
    let keys = shape.keys.clone().unwrap_or_default();
    let named = |name: &str| Spanned::new(name.to_owned(), Span::default());
    let (left, right) = (named("left"), named("right"));
    let scope = Scope::named(Some(&left), &shape.schema).and(Some(&right), &shape.schema);
    let mut fields: Vec<Field> = shape.schema.fields().to_vec();
    let (mut exprs, mut taken) = (Vec::new(), HashSet::new());
    for (position, item) in args.exprs(0)?.iter().enumerate() {
        let SelectItem::Expr(item) = item else {
            return Err(Diagnostic::at(args.span, "`reduce` takes expressions, not `*`"));
        };
        let (name, span) = name_of(item, position);
        fresh_name(&mut taken, &name, span)?;
        let Some(column) = shape.schema.index_of(&name) else {
            let error = Diagnostic::at(span, format!("`{name}` is no column of the rows that are put together"))
                .did_you_mean(&name, shape.schema.names());
            return Err(if error.help.is_some() {
                error
            } else {
                error.help("name one of theirs with `as`, or make a column with `map` before it")
            });
        };
        if keys.contains(&column) {
            return Err(Diagnostic::at(span, format!("`{name}` is a key, which stays as it is")));
        }
        let expr =
            bind_as(&item.expr, scope.clone(), &fields[column].ty).map_err(|error| error.or_at(item.expr.span))?;
        fields[column].nullable |= expr.nullable();
        exprs.push((column, expr));
    }
    let reducer = Reducer::new(Schema::new(fields), exprs);
    if let Some(window) = &shape.window {
        return apply_window(window, stream, |window, input| -> Arc<dyn PlannedOperator> {
            let function = WindowReduce::new(&input, &window, reducer);
            Arc::new(WindowOperator::new(window, vec![input], Arc::new(function)))
        });
    }
    stream.apply(Arc::new(Reduce::new(keys, reducer)));
    Ok(())
}
