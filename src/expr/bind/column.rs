//! Finding columns and the fields of rows.

use crate::expr::functions;
use crate::expr::typed::{Op, TypedExpr};
use crate::types::{Diagnostic, LogicalType, Schema, Span, Spanned};

/// `a`, `a.b.c`: a column and then fields of it, with or without the name of its stream before it.
pub(super) fn bind(parts: &[Spanned<String>], schema: &Schema, span: Span) -> Result<TypedExpr, Diagnostic> {
    let whole = parts.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join(".");
    if let Some(index) = schema.index_of(&whole) {
        return Ok(TypedExpr::column(index, &schema.fields()[index]));
    }
    let Some((first, rest)) = parts.split_first() else {
        return Err(Diagnostic::at(span, "a column name is missing"));
    };
    if let Some(index) = schema.index_of(&first.node) {
        let column = TypedExpr::column(index, &schema.fields()[index]).at(first.span);
        return rest.iter().try_fold(column, field);
    }
    if let Some((second, rest)) = rest.split_first()
        && let Some(index) = schema.index_of(&second.node)
    {
        // The stream's name is checked where streams are known.
        let column = TypedExpr::column(index, &schema.fields()[index]).at(second.span);
        return rest.iter().try_fold(column, field);
    }
    if rest.is_empty()
        && let Some(spec) = functions::function(&first.node)
        && functions::takes_nothing(spec)
    {
        // `current_timestamp` is a function without brackets.
        return functions::kernel(spec, Vec::new(), span);
    }
    let wrong = rest.first().unwrap_or(first);
    Err(unknown(wrong, schema))
}

fn unknown(name: &Spanned<String>, schema: &Schema) -> Diagnostic {
    const SHOWN: usize = 12;
    let error =
        Diagnostic::at(name.span, format!("unknown column `{}`", name.node)).did_you_mean(&name.node, schema.names());
    if error.help.is_some() {
        return error;
    }
    if schema.is_empty() {
        return error.label("no columns can be read here");
    }
    let more = if schema.len() > SHOWN { ", …" } else { "" };
    let names = schema.names().take(SHOWN).collect::<Vec<_>>().join(", ");
    error.help(format!("columns here: {names}{more}"))
}

/// `row.name`
pub(super) fn field(of: TypedExpr, name: &Spanned<String>) -> Result<TypedExpr, Diagnostic> {
    let LogicalType::Row(fields) = of.ty() else {
        return Err(Diagnostic::at(name.span, format!("`{of}` has no fields: it is {}", of.ty())));
    };
    let find = |same: fn(&str, &str) -> bool| fields.iter().position(|(field, _)| same(field, &name.node));
    let Some(index) = find(|a, b| a == b).or_else(|| find(str::eq_ignore_ascii_case)) else {
        let names = fields.iter().map(|(field, _)| field.as_str());
        let error = Diagnostic::at(name.span, format!("`{of}` has no field `{}`", name.node));
        let error = error.did_you_mean(&name.node, names.clone());
        return Err(if error.help.is_some() {
            error
        } else {
            error.help(format!("fields: {}", names.collect::<Vec<_>>().join(", ")))
        });
    };
    let (field, ty) = fields[index].clone();
    let span = of.span().to(name.span);
    Ok(TypedExpr::op(Op::Field { index, name: field }, vec![of], ty, true).at(span))
}
