//! Typed expressions: what binding gives, plans carry and evaluation compiles.

use arrow_array::{Array, ArrayRef, BooleanArray, cast::AsArray};

use super::ast::{BinaryOp, IsTest, Length};
use super::functions::Function;
use super::time::Zone;
use crate::types::{Field, LogicalType, Span};

/// An expression whose columns are found and whose types are known.
///
/// Two are equal when they compute the same, wherever they were typed.
#[derive(Debug, Clone)]
pub struct TypedExpr {
    pub(super) kind: TypedKind,
    pub(super) ty: LogicalType,
    pub(super) nullable: bool,
    pub(super) span: Span,
}

/// The computation of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TypedKind {
    /// An input column.
    Column {
        /// The column's position.
        index: usize,
        /// The column's name, for people.
        name: String,
    },
    /// A constant: an array of one row.
    Literal(ArrayRef),
    /// An operation on other expressions.
    Op(Op, Vec<TypedExpr>),
}

/// An operation. What its arguments are is said for each; binding has already made their types fit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    /// `left op right`. Integers and floats have one type; integers and decimals may be mixed; temporal arithmetic
    /// takes one instant and one interval, in either order.
    Arithmetic(ArithmeticOp),
    /// `-x`
    Negate,
    /// `left op right` of one type.
    Compare(CompareOp),
    /// `a and b and …`: one or more.
    And,
    /// `a or b or …`: one or more.
    Or,
    /// `not x`
    Not,
    /// `x is [not] …`
    Is {
        /// The test.
        test: IsTest,
        /// With `not`.
        negated: bool,
    },
    /// `x [not] in (list)`: the value looked for, then the list.
    In {
        /// With `not`.
        negated: bool,
    },
    /// `x [not] like pattern [escape c]`: two or three strings.
    Like {
        /// With `not`.
        negated: bool,
    },
    /// Condition, value, condition, value, …, and the value if none holds.
    Case,
    /// The first that is not null.
    Coalesce,
    /// The one that compares so (`>=`, `<=`) with all others; null if any is.
    Extreme(CompareOp),
    /// To the type of the expression.
    Cast {
        /// Null instead of an error.
        lenient: bool,
        /// Put in by binding; not shown.
        implicit: bool,
        /// To this length then.
        length: Option<Length>,
        /// Where it is between instants and dates or times of day.
        zone: Zone,
    },
    /// A field of a row.
    Field {
        /// The field's position.
        index: usize,
        /// The field's name.
        name: String,
    },
    /// A function of the registry.
    Function(Function),
}

/// `+ - * / %`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl ArithmeticOp {
    pub(super) const fn from_binary(op: BinaryOp) -> Option<Self> {
        Some(match op {
            BinaryOp::Plus => Self::Add,
            BinaryOp::Minus => Self::Subtract,
            BinaryOp::Multiply => Self::Multiply,
            BinaryOp::Divide => Self::Divide,
            BinaryOp::Modulo => Self::Modulo,
            BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Eq
            | BinaryOp::NotEq
            | BinaryOp::Lt
            | BinaryOp::LtEq
            | BinaryOp::Gt
            | BinaryOp::GtEq
            | BinaryOp::IsDistinctFrom
            | BinaryOp::IsNotDistinctFrom
            | BinaryOp::Concat => return None,
        })
    }

    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

/// `= <> < <= > >=`, `is [not] distinct from`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
    Distinct,
    NotDistinct,
}

impl CompareOp {
    pub(super) const fn from_binary(op: BinaryOp) -> Option<Self> {
        Some(match op {
            BinaryOp::Eq => Self::Eq,
            BinaryOp::NotEq => Self::NotEq,
            BinaryOp::Lt => Self::Lt,
            BinaryOp::LtEq => Self::LtEq,
            BinaryOp::Gt => Self::Gt,
            BinaryOp::GtEq => Self::GtEq,
            BinaryOp::IsDistinctFrom => Self::Distinct,
            BinaryOp::IsNotDistinctFrom => Self::NotDistinct,
            BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Plus
            | BinaryOp::Minus
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo
            | BinaryOp::Concat => return None,
        })
    }

    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
            Self::Distinct => "is distinct from",
            Self::NotDistinct => "is not distinct from",
        }
    }

    /// Equality in any of its forms, which is defined for more types than order is.
    pub(super) const fn is_equality(self) -> bool {
        matches!(self, Self::Eq | Self::NotEq | Self::Distinct | Self::NotDistinct)
    }
}

impl PartialEq for TypedExpr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.ty == other.ty && self.nullable == other.nullable
    }
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

    /// A constant of `ty`: `value` has one row.
    pub(super) fn literal(value: ArrayRef, ty: LogicalType) -> Self {
        let nullable = value.logical_null_count() > 0;
        Self { kind: TypedKind::Literal(value), ty, nullable, span: Span::default() }
    }

    /// A boolean constant.
    pub(super) fn boolean(value: bool) -> Self {
        Self::literal(std::sync::Arc::new(BooleanArray::from(vec![value])), LogicalType::Boolean)
    }

    /// Null, of `ty`.
    pub(super) fn null(ty: LogicalType) -> Self {
        Self::literal(arrow_array::new_null_array(&ty.to_arrow(), 1), ty)
    }

    /// `op` on `args`.
    pub(super) fn op(op: Op, args: Vec<Self>, ty: LogicalType, nullable: bool) -> Self {
        Self { kind: TypedKind::Op(op, args), ty, nullable, span: Span::default() }
    }

    /// The same, typed at `span`.
    #[must_use]
    pub(super) fn at(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    /// The expression's type.
    #[must_use]
    pub const fn ty(&self) -> &LogicalType {
        &self.ty
    }

    /// Whether it can be null.
    #[must_use]
    pub const fn nullable(&self) -> bool {
        self.nullable
    }

    /// The place where the expression was typed.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The column, when it is nothing but one.
    #[must_use]
    pub const fn as_column(&self) -> Option<usize> {
        match &self.kind {
            TypedKind::Column { index, .. } => Some(*index),
            TypedKind::Literal(_) | TypedKind::Op(..) => None,
        }
    }

    /// The value, an array of one row, when it is nothing but a constant.
    #[must_use]
    pub const fn as_literal(&self) -> Option<&ArrayRef> {
        match &self.kind {
            TypedKind::Literal(value) => Some(value),
            TypedKind::Column { .. } | TypedKind::Op(..) => None,
        }
    }

    /// The expressions it is made of.
    pub(super) fn children(&self) -> &[Self] {
        match &self.kind {
            TypedKind::Op(_, args) => args,
            TypedKind::Column { .. } | TypedKind::Literal(_) => &[],
        }
    }

    /// The input columns it reads, ascending, each once.
    #[must_use]
    pub fn columns(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.visit(&mut |expr| found.extend(expr.as_column()));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The number of operations in it, where column `i` stands for as many as `columns[i]`.
    pub(super) fn size(&self, columns: &[usize]) -> usize {
        match self.as_column() {
            Some(column) => columns.get(column).copied().unwrap_or(1),
            None => self.children().iter().fold(1, |sum, child| sum.saturating_add(child.size(columns))),
        }
    }

    /// The number of operations that stand in one another, where column `i` is as high as `columns[i]`.
    pub(super) fn height(&self, columns: &[usize]) -> usize {
        match self.as_column() {
            Some(column) => columns.get(column).copied().unwrap_or(1),
            None => 1 + self.children().iter().map(|child| child.height(columns)).max().unwrap_or(0),
        }
    }

    fn visit(&self, f: &mut dyn FnMut(&Self)) {
        f(self);
        for child in self.children() {
            child.visit(f);
        }
    }

    /// The same expression with each input column `i` at `map(i)`.
    #[must_use]
    pub fn remap(&self, map: &dyn Fn(usize) -> usize) -> Self {
        self.replace_columns(&|expr, index, name| Self {
            kind: TypedKind::Column { index: map(index), name: name.to_owned() },
            ..expr.clone()
        })
    }

    /// The same expression with each input column replaced by the expression that computes it: how a filter moves
    /// below a projection.
    #[must_use]
    pub fn substitute(&self, inputs: &[Self]) -> Self {
        self.replace_columns(&|expr, index, _| inputs.get(index).unwrap_or(expr).clone())
    }

    /// The same expression, instants being read as dates and times of day in `zone`.
    pub(super) fn in_zone(mut self, zone: Zone) -> Self {
        if !zone.is_utc() {
            self.set_zone(zone);
        }
        self
    }

    fn set_zone(&mut self, zone: Zone) {
        let TypedKind::Op(op, args) = &mut self.kind else { return };
        if let Op::Cast { zone: of_op, .. } | Op::Function(Function { zone: of_op, .. }) = op {
            *of_op = zone;
        }
        for arg in args {
            arg.set_zone(zone);
        }
    }

    fn replace_columns(&self, f: &dyn Fn(&Self, usize, &str) -> Self) -> Self {
        match &self.kind {
            TypedKind::Column { index, name } => f(self, *index, name),
            TypedKind::Literal(_) => self.clone(),
            TypedKind::Op(op, args) => Self {
                kind: TypedKind::Op(op.clone(), args.iter().map(|arg| arg.replace_columns(f)).collect()),
                ty: self.ty.clone(),
                nullable: self.nullable,
                span: self.span,
            },
        }
    }

    /// The conjunction of predicates.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self.is_true() {
            return other;
        }
        if other.is_true() {
            return self;
        }
        let nullable = self.nullable || other.nullable;
        let span = self.span.to(other.span);
        let mut parts = Vec::new();
        for side in [self, other] {
            match side.kind {
                TypedKind::Op(Op::And, args) => parts.extend(args),
                TypedKind::Op(..) | TypedKind::Column { .. } | TypedKind::Literal(_) => parts.push(side),
            }
        }
        Self::op(Op::And, parts, LogicalType::Boolean, nullable).at(span)
    }

    /// The expression's parts when it is a conjunction, else itself: each can be pushed down by itself.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<Self> {
        match &self.kind {
            TypedKind::Op(Op::And, args) => args.clone(),
            TypedKind::Op(..) | TypedKind::Column { .. } | TypedKind::Literal(_) => vec![self.clone()],
        }
    }

    /// The two sides of `a = b`, or of `a is not distinct from b`, and whether null equals null.
    #[must_use]
    pub fn equality(&self) -> Option<(&Self, &Self, bool)> {
        let TypedKind::Op(Op::Compare(op @ (CompareOp::Eq | CompareOp::NotDistinct)), args) = &self.kind else {
            return None;
        };
        let [a, b] = args.as_slice() else { return None };
        Some((a, b, *op == CompareOp::NotDistinct))
    }

    /// Whether it is the constant true.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.constant_boolean() == Some(true)
    }

    /// The expression's value when it is the constant true or false.
    pub(super) fn constant_boolean(&self) -> Option<bool> {
        let value = self.as_literal()?.as_boolean_opt()?;
        (value.is_valid(0)).then(|| value.value(0))
    }

    /// Whether it is the constant null.
    pub(super) fn is_null_literal(&self) -> bool {
        self.as_literal().is_some_and(|value| value.logical_null_count() > 0)
    }
}
