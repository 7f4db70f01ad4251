//! Typed expressions.

use std::fmt;

use crate::types::{Field, LogicalType, Span};

/// An expression whose columns are found and whose types are known.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedExpr {
    pub(super) kind: TypedKind,
    pub(super) ty: LogicalType,
    pub(super) nullable: bool,
    pub(super) span: Span,
}

/// What it computes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TypedKind {
    /// An input column.
    Column {
        /// Its position.
        index: usize,
        /// Its name, for people.
        name: String,
    },
}

impl TypedExpr {
    /// The input column at `index`.
    #[must_use]
    pub fn column(index: usize, field: &Field) -> Self {
        Self {
            kind: TypedKind::Column { index, name: field.name.clone() },
            ty: field.ty.clone(),
            nullable: field.nullable,
            span: Span::default(),
        }
    }

    /// Its type.
    #[must_use]
    pub const fn ty(&self) -> &LogicalType {
        &self.ty
    }

    /// Whether it can be null.
    #[must_use]
    pub const fn nullable(&self) -> bool {
        self.nullable
    }

    /// Where it was typed.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The column, when it is nothing but one.
    #[must_use]
    pub const fn as_column(&self) -> Option<usize> {
        match &self.kind {
            TypedKind::Column { index, .. } => Some(*index),
        }
    }

    /// The input columns it reads, ascending, each once.
    #[must_use]
    pub fn columns(&self) -> Vec<usize> {
        self.as_column().into_iter().collect()
    }

    /// The same expression with each input column `i` at `map(i)`.
    #[must_use]
    pub fn remap(&self, map: &dyn Fn(usize) -> usize) -> Self {
        match &self.kind {
            TypedKind::Column { index, name } => {
                Self { kind: TypedKind::Column { index: map(*index), name: name.clone() }, ..self.clone() }
            }
        }
    }

    /// The same expression with each input column replaced by the expression that computes it: how a filter moves
    /// below a projection.
    #[must_use]
    pub fn substitute(&self, inputs: &[Self]) -> Self {
        match &self.kind {
            TypedKind::Column { index, .. } => inputs[*index].clone(),
        }
    }

    /// The same expression with its constant parts computed. A constant part that would fail stays as it is, to fail
    /// when (and if) a row reaches it.
    #[must_use]
    pub fn fold(self) -> Self {
        self
    }

    /// The conjunction of predicates.
    #[must_use]
    pub fn and(self, _other: Self) -> Self {
        unimplemented!()
    }

    /// Whether it is the constant true.
    #[must_use]
    pub fn is_true(&self) -> bool {
        false
    }
}

impl fmt::Display for TypedExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TypedKind::Column { name, .. } => f.write_str(name),
        }
    }
}
