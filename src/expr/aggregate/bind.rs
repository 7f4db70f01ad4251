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
    let found = call.args.len();
    if found < spec.arity.0 || found > spec.arity.1 {
        let wanted = match spec.arity {
            (1, 1) => "one argument",
            (1, 2) => "one or two arguments",
            _ => "two arguments",
        };
        return Err(Diagnostic::at(call.name.span, format!("`{name}` takes {wanted}, not {found}"))
            .help(format!("write `{name}({})`", spec.arguments)));
    }
    if call.distinct && spec.arity.0 > 1 {
        return Err(Diagnostic::at(call.name.span, format!("`{name}` takes no `distinct`")));
    }
    match call.args.as_slice() {
        [value, separator] if name == "listagg" => Ok((vec![bind(value, scope)?], Some(text_literal(separator)?))),
        args => Ok((args.iter().map(|arg| bind(arg, scope)).collect::<Result<_, _>>()?, None)),
    }
}

fn text_literal(node: &ExprNode) -> Result<String, Diagnostic> {
    if let Expr::Literal(Literal::String(text)) = &node.node {
        return Ok(text.clone());
    }
    Err(Diagnostic::at(node.span, "the separator must be a text in single quotes"))
}
