//! `key_by auction`

use std::sync::Arc;

use super::map::Project;
use super::select::{Selected, name_of, no_window};
use crate::api::{SelectItem, Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::expr::bind as bind_expr;
use crate::types::{Diagnostic, LogicalType};

/// `key_by`
pub(super) const KEY_BY: StageSpec = StageSpec {
    name: "key_by",
    aliases: &["group_by"],
    signature: Signature { head: &[Shape::Exprs { star: false }], optional: &[], clauses: &[] },
    summary: "says which rows belong together",
    help: "Rows with equal keys go to the same subtask, in order. What follows is done for each key by itself. A key \
           may be an expression: it becomes a column, which `as` names. Null is a key like any other.",
    examples: &[
        "bids | key_by auction | aggregate count(*) as n;",
        "bids | key_by coalesce(channel, '?') as channel, bidder | window tumble(10s) | aggregate count(*) as n;",
    ],
    flink: Some("GROUP BY; DataStream.keyBy"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    let schema = &shape.schema;
    let mut selected = Selected::all(schema);
    let mut keys = Vec::new();
    let mut computed = false;
    for (position, item) in args.exprs(0)?.iter().enumerate() {
        let SelectItem::Expr(item) = item else {
            return Err(Diagnostic::at(args.span, "a key is a column or an expression, not `*`"));
        };
        let expr = bind_expr(&item.expr, shape.scope())?;
        if matches!(expr.ty(), LogicalType::Map(..) | LogicalType::Null) {
            return Err(Diagnostic::at(item.expr.span, format!("a key can't be of type {}", expr.ty())));
        }
        let (name, span) = name_of(item, position);
        let key = match expr.as_column() {
            Some(column) if item.name.is_none() || schema.fields()[column].name == name => column,
            _ => {
                computed = true;
                // A key that is named like a column takes its place: later stages mean the key.
                let place = selected.fields.iter().position(|field| field.name == name);
                if let Some(place) = place {
                    selected.fields[place].ty = expr.ty().clone();
                    selected.fields[place].nullable = expr.nullable();
                    selected.exprs[place] = expr;
                    place
                } else {
                    selected.push(name.clone(), expr);
                    selected.exprs.len() - 1
                }
            }
        };
        if keys.contains(&key) {
            return Err(Diagnostic::at(span, format!("`{name}` is a key already")));
        }
        keys.push(key);
    }
    if computed {
        stream.apply(Arc::new(Project::new(selected)));
    }
    stream.shape_mut().keys = Some(keys);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::api::Arg;
    use crate::operators::testing::{FakeStream, Values, batch, column, item, names};

    #[test]
    fn plain_columns_need_no_operator_and_a_named_key_becomes_a_column() {
        let (schema, _) = batch(vec![("a", Values::ints([])), ("b", Values::ints([]))]);
        let mut stream = FakeStream::new(&schema);
        stream.stage("key_by", vec![names(&["b", "A"])], vec![]).expect("binds");
        assert_eq!((stream.shape.keys.clone(), stream.applied.len()), (Some(vec![1, 0]), 0));
        stream.stage("key_by", vec![Arg::Exprs(vec![item(column("a"), Some("k"))])], vec![]).expect("binds");
        assert_eq!(
            (stream.shape.keys.clone(), stream.last().describe()),
            (Some(vec![2]), "select=[a, b, a as k]".to_owned())
        );
        let swapped = vec![item(column("a"), Some("b"))];
        stream.stage("key_by", vec![Arg::Exprs(swapped)], vec![]).expect("binds");
        assert_eq!(
            (stream.shape.keys.clone(), stream.last().describe()),
            (Some(vec![1]), "select=[a, a as b, k]".to_owned())
        );
        let twice = stream.stage("key_by", vec![names(&["a", "a"])], vec![]).expect_err("is refused");
        assert_eq!(twice.message, "`a` is a key already");
    }
}
