//! Finding columns and the fields of rows.

use super::scope::{Found, Scope};
use crate::expr::functions;
use crate::expr::typed::{Op, TypedExpr};
use crate::types::{Diagnostic, LogicalType, Span, Spanned};

/// `a`, `a.b.c`: a column and then fields of it, with or without the name of its input before it.
pub(super) fn bind(parts: &[Spanned<String>], scope: &Scope<'_>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let found = |(index, field): Found<'_>, span: Span| TypedExpr::column(index, field).at(span);
    let Some((first, rest)) = parts.split_first() else {
        return Err(Diagnostic::at(span, "a column name is missing"));
    };
    let whole = parts.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join(".");
    if let Some(column) = scope.column(&Spanned::new(whole, span))? {
        return Ok(found(column, span));
    }
    let of_input = rest.split_first().and_then(|(second, fields)| Some((scope.input(&first.node)?, second, fields)));
    if let Some((input, second, fields)) = &of_input
        && let Some(column) = input.column(second)?
    {
        return fields.iter().try_fold(found(column, first.span.to(second.span)), field);
    }
    if let Some(column) = scope.column(first)? {
        return rest.iter().try_fold(found(column, first.span), field);
    }
    if rest.is_empty()
        && let Some(spec) = functions::function(&first.node)
        && functions::takes_nothing(spec)
    {
        // `current_timestamp` is a function without brackets.
        return functions::kernel(spec, Vec::new(), span);
    }
    Err(match of_input {
        Some((input, second, _)) => unknown(second, &input),
        None if rest.is_empty() => unknown(first, scope),
        None => Diagnostic::at(first.span, format!("there is no input or column `{}`", first.node))
            .did_you_mean(&first.node, scope.inputs().chain(scope.names())),
    })
}

fn unknown(name: &Spanned<String>, scope: &Scope<'_>) -> Diagnostic {
    const SHOWN: usize = 12;
    let error = Diagnostic::at(name.span, format!("there is no column `{}`", name.node))
        .did_you_mean(&name.node, scope.names());
    if error.help.is_some() {
        return error;
    }
    let columns = scope.names().count();
    if columns == 0 {
        return error.help("no column can be read here: write a constant");
    }
    let more = if columns > SHOWN { ", …" } else { "" };
    let names = scope.names().take(SHOWN).collect::<Vec<_>>().join(", ");
    error.help(format!("the columns here are {names}{more}"))
}

/// `row.name`
pub(super) fn field(of: TypedExpr, name: &Spanned<String>) -> Result<TypedExpr, Diagnostic> {
    let LogicalType::Row(fields) = of.ty() else {
        return Err(Diagnostic::at(name.span, format!("`{of}` has no fields: it is of type {}", of.ty())));
    };
    let find = |same: fn(&str, &str) -> bool| fields.iter().position(|(field, _)| same(field, &name.node));
    let Some(index) = find(|a, b| a == b).or_else(|| find(str::eq_ignore_ascii_case)) else {
        let names = fields.iter().map(|(field, _)| field.as_str());
        let error = Diagnostic::at(name.span, format!("`{of}` has no field `{}`", name.node));
        let error = error.did_you_mean(&name.node, names.clone());
        return Err(if error.help.is_some() {
            error
        } else {
            error.help(format!("the fields are {}", names.collect::<Vec<_>>().join(", ")))
        });
    };
    let (field, ty) = fields[index].clone();
    let span = of.span().to(name.span);
    Ok(TypedExpr::op(Op::Field { index, name: field }, vec![of], ty, true).at(span))
}
