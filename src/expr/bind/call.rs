//! The special rules for the call of a function as it was typed.

use crate::expr::aggregate;
use crate::expr::ast::{Call, Expr, ExprNode, Literal};
use crate::expr::functions::{self, FunctionSpec, unit};
use crate::expr::typed::TypedExpr;
use crate::types::Diagnostic;

/// The function that is called.
///
/// # Errors
/// When there is none of this name, or the call is of an aggregate's form.
pub(super) fn callee(call: &Call) -> Result<&'static FunctionSpec, Diagnostic> {
    let spec = functions::function(&call.name.node).ok_or_else(|| unknown(call))?;
    if call.star || call.distinct || call.filter.is_some() {
        return Err(Diagnostic::at(call.name.span, format!("`{}` is not an aggregate", spec.name))
            .label("only aggregates take `*`, `distinct` and `filter`"));
    }
    Ok(spec)
}

fn unknown(call: &Call) -> Diagnostic {
    let name = &call.name;
    if aggregate::is_aggregate(&name.node) {
        return Diagnostic::at(name.span, format!("`{}` is an aggregate function, which can't stand here", name.node))
            .help(format!("it stands in the stage `aggregate`: … | aggregate {}(…) as NAME", name.node));
    }
    Diagnostic::at(name.span, format!("there is no function `{}`", name.node))
        .help("`show functions` lists them")
        .did_you_mean(&name.node, functions::function_names())
}

/// `day`, typed bare or as a string.
pub(super) fn unit_argument(arg: &ExprNode) -> Result<TypedExpr, Diagnostic> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else names a unit")]
    match &arg.node {
        Expr::Column(parts) if parts.len() == 1 => unit(&parts[0].node, arg.span),
        Expr::Literal(Literal::String(name)) => unit(name, arg.span),
        _ => Err(Diagnostic::at(arg.span, "expected a unit of time").label("such as day, hour or month")),
    }
}
