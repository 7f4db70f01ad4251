//! From typed text to an aggregate call.

use super::registry::{aggregates, find};
use super::{AggregateCall, AggregateSpec};
use crate::expr::ast::{Call, Expr, ExprNode, Literal};
use crate::expr::{Scope, TypedExpr, bind, bind_as, bind_predicate};
use crate::types::Diagnostic;

/// Binds an aggregate call.
///
/// # Errors
/// An unknown function (with the near name), or arguments that do not fit, at their place.
pub fn bind_aggregate<'a>(call: &Call, scope: impl Into<Scope<'a>>) -> Result<AggregateCall, Diagnostic> {
    let scope = scope.into();
    let typed = &call.name.node;
    let spec = find(typed).ok_or_else(|| {
        let names = aggregates().iter().flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
        Diagnostic::at(call.name.span, format!("there is no aggregate function `{typed}`"))
            .help("`show functions` lists them")
            .did_you_mean(typed, names)
    })?;
    let (args, separator) = arguments(spec, call, &scope)?;
    let filter = call.filter.as_deref().map(|filter| bind_predicate(filter, &scope)).transpose()?;
    let (ty, nullable) = (spec.result)(&args).map_err(|expected| {
        let span = call.args.first().map_or(call.name.span, |arg| arg.span);
        let found = args.first().map_or_else(String::new, |arg| format!(", not {}", arg.ty()));
        Diagnostic::at(span, format!("`{}` takes {expected}{found}", spec.name))
    })?;
    let args = match (&spec.coerce, call.args.as_slice()) {
        (Some(wanted), [value, ..]) if args[0].ty() != wanted => vec![bind_as(value, &scope, wanted)?],
        _ => args,
    };
    let nullable = nullable || (filter.is_some() && spec.name != "count");
    let distinct = call.distinct;
    Ok(AggregateCall { function: spec.name, args, distinct, filter, by_arrival: false, separator, ty, nullable })
}

fn arguments(
    spec: &AggregateSpec,
    call: &Call,
    scope: &Scope<'_>,
) -> Result<(Vec<TypedExpr>, Option<String>), Diagnostic> {
    let name = spec.name;
    if call.star {
        return if !spec.star {
            Err(Diagnostic::at(call.name.span, format!("`{name}` takes an argument, not `*`")))
        } else if call.distinct {
            Err(Diagnostic::at(call.name.span, "`distinct` takes a column, not `*`").help("count(distinct bidder)"))
        } else {
            Ok((Vec::new(), None))
        };
    }
    let (value, separator) = match call.args.as_slice() {
        [value] => (value, None),
        [value, separator] if name == "listagg" => (value, Some(text_literal(separator)?)),
        args => {
            let wanted = if name == "listagg" { "one or two arguments" } else { "one argument" };
            let found = args.len();
            return Err(Diagnostic::at(call.name.span, format!("`{name}` takes {wanted}, not {found}"))
                .help(format!("write `{name}({})`", spec.arguments)));
        }
    };
    Ok((vec![bind(value, scope)?], separator))
}

fn text_literal(node: &ExprNode) -> Result<String, Diagnostic> {
    if let Expr::Literal(Literal::String(text)) = &node.node {
        return Ok(text.clone());
    }
    Err(Diagnostic::at(node.span, "the separator must be a text in single quotes"))
}
