//! The parts that stages with lists of expressions share.

use std::collections::HashSet;

use crate::api::{NamedExpr, SelectItem, StageArgs, StageContext, StreamShape};
use crate::expr::ast::Expr;
use crate::expr::{TypedExpr, bind};
use crate::types::{Diagnostic, Field, Schema, Span, Spanned};

/// Expressions with the names of the columns that they become.
#[derive(Debug, Clone, Default)]
pub(super) struct Selected {
    pub(super) exprs: Vec<TypedExpr>,
    pub(super) fields: Vec<Field>,
}

impl Selected {
    /// All columns of `schema`.
    pub(super) fn all(schema: &Schema) -> Self {
        let exprs = schema.fields().iter().enumerate().map(|(index, field)| TypedExpr::column(index, field)).collect();
        Self { exprs, fields: schema.fields().to_vec() }
    }

    pub(super) fn push(&mut self, name: String, expr: TypedExpr) {
        self.fields.push(Field { name, ty: expr.ty().clone(), nullable: expr.nullable() });
        self.exprs.push(expr);
    }
}

/// Binds a select list.
pub(super) fn bind_list(items: &[SelectItem], shape: &StreamShape) -> Result<Selected, Diagnostic> {
    let schema = &shape.schema;
    let mut selected = Selected::default();
    let mut taken = HashSet::new();
    for (position, item) in items.iter().enumerate() {
        match item {
            SelectItem::Star { except, span } => {
                let dropped: HashSet<usize> = columns(except, schema)?.into_iter().collect();
                let before = selected.exprs.len();
                for (index, field) in schema.fields().iter().enumerate() {
                    if !dropped.contains(&index) {
                        fresh_name(&mut taken, &field.name, *span)?;
                        selected.push(field.name.clone(), TypedExpr::column(index, field));
                    }
                }
                if selected.exprs.len() == before {
                    return Err(Diagnostic::at(*span, "`except` leaves no column"));
                }
            }
            SelectItem::Expr(item) => {
                let (name, span) = name_of(item, position);
                fresh_name(&mut taken, &name, span)?;
                selected.push(name, bind(&item.expr, shape.scope())?);
            }
        }
    }
    Ok(selected)
}

/// The columns of these names.
pub(super) fn columns(names: &[Spanned<String>], schema: &Schema) -> Result<Vec<usize>, Diagnostic> {
    let find = |name: &Spanned<String>| {
        schema.index_of(&name.node).ok_or_else(|| {
            Diagnostic::at(name.span, format!("there is no column `{}`", name.node))
                .did_you_mean(&name.node, schema.names())
        })
    };
    names.iter().map(find).collect()
}

/// The name of item `position`: as typed, else that of the column it is, else Flink's `EXPR$0`.
pub(super) fn name_of(item: &NamedExpr, position: usize) -> (String, Span) {
    match (&item.name, &item.expr.node) {
        (Some(name), _) => (name.node.clone(), name.span),
        (None, Expr::Column(parts)) if let Some(last) = parts.last() => (last.node.clone(), last.span),
        _ => (format!("EXPR${position}"), item.expr.span),
    }
}

/// Takes a name, unless it is taken.
pub(super) fn fresh_name(taken: &mut HashSet<String>, name: &str, span: Span) -> Result<(), Diagnostic> {
    if !taken.insert(name.to_owned()) {
        return Err(Diagnostic::at(span, format!("there is a column `{name}` already"))
            .help("give one of the two another name with `as`"));
    }
    Ok(())
}

/// Refuses a stage between `window` and its `aggregate`.
pub(super) fn no_window(args: &StageArgs, stream: &dyn StageContext) -> Result<(), Diagnostic> {
    if stream.shape().window.is_none() {
        return Ok(());
    }
    let message = format!("`{}` can't stand between `window` and its `aggregate`", args.name.node);
    Err(Diagnostic::at(args.name.span, message).help("move it before the window or behind the `aggregate`"))
}
