//! From typed text to typed expressions.

use super::TypedExpr;
use super::ast::ExprNode;
use crate::types::{Diagnostic, LogicalType, Schema};

/// Finds the columns and functions of `expr` and gives every part its type, with Flink's implicit casts.
///
/// # Errors
/// An unknown column or function (with the near name), or types that do not fit, at their place.
pub fn bind(expr: &ExprNode, schema: &Schema) -> Result<TypedExpr, Diagnostic> {
    if let super::ast::Expr::Column(parts) = &expr.node
        && let Some(index) = schema.index_of(&parts[0].node)
    {
        return Ok(TypedExpr::column(index, &schema.fields()[index]));
    }
    unimplemented!()
}

/// As [`bind`], and coerces the result to `ty` as Flink does implicitly.
///
/// # Errors
/// As [`bind`], and when it can't be coerced.
pub fn bind_as(_expr: &ExprNode, _schema: &Schema, _ty: &LogicalType) -> Result<TypedExpr, Diagnostic> {
    unimplemented!()
}

/// As [`bind`], for a condition.
///
/// # Errors
/// As [`bind`], and when it is not boolean.
pub fn bind_predicate(_expr: &ExprNode, _schema: &Schema) -> Result<TypedExpr, Diagnostic> {
    unimplemented!()
}
