//! Expressions as typed: the one tree that the DSL's parser and the SQL front end both build.

use std::sync::Arc;

use crate::types::{LogicalType, Spanned};

/// An expression with its place.
pub type ExprNode = Spanned<Expr>;

/// An untyped expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `price`, or `bids.price`: one or more identifiers. What the parts name (column, qualifier, row field) is found
    /// by binding.
    Column(Vec<Spanned<String>>),
    /// A constant.
    Literal(Literal),
    /// `-x`, `+x`, `not x`
    Unary(UnaryOp, Box<ExprNode>),
    /// `l op r`
    Binary(Box<ExprNode>, Spanned<BinaryOp>, Box<ExprNode>),
    /// `x is [not] null | true | false | unknown`
    Is {
        /// The expression that is asked about.
        expr: Box<ExprNode>,
        /// The test.
        test: IsTest,
        /// With `not`.
        negated: bool,
    },
    /// `x [not] between low and high`
    Between {
        /// The expression that is asked about.
        expr: Box<ExprNode>,
        /// With `not`.
        negated: bool,
        /// Lower bound, inclusive.
        low: Box<ExprNode>,
        /// Upper bound, inclusive.
        high: Box<ExprNode>,
    },
    /// `x [not] in (a, b, …)`
    InList {
        /// The expression that is looked for.
        expr: Box<ExprNode>,
        /// With `not`.
        negated: bool,
        /// The list where it is looked for.
        list: Vec<ExprNode>,
    },
    /// `x [not] like pattern [escape c]`
    Like {
        /// The expression that is matched.
        expr: Box<ExprNode>,
        /// With `not`.
        negated: bool,
        /// The pattern, `%` and `_`.
        pattern: Box<ExprNode>,
        /// The escape character, a one-character string.
        escape: Option<Box<ExprNode>>,
    },
    /// `case [operand] when … then … [else …] end`
    Case {
        /// The operand of the simple form.
        operand: Option<Box<ExprNode>>,
        /// `when … then …`
        branches: Vec<(ExprNode, ExprNode)>,
        /// `else …`
        otherwise: Option<Box<ExprNode>>,
    },
    /// `cast(x as t)`, `try_cast(x as t)`
    Cast {
        /// The expression that is cast.
        expr: Box<ExprNode>,
        /// To what.
        ty: Spanned<LogicalType>,
        /// Null instead of an error.
        lenient: bool,
        /// The length of a text or bytes, if one was typed.
        length: Option<Length>,
    },
    /// `f(a, b)`, an aggregate as well: which of the two is found by binding.
    Call(Call),
    /// A call of a function that a person defined, put in place of [`Call`](Self::Call) where its name is looked up.
    Apply(Arc<UserFunction>, Vec<ExprNode>),
    /// `extract(year from ts)`: the field name in lower case.
    Extract(Spanned<String>, Box<ExprNode>),
    /// `array[a, b]`
    Array(Vec<ExprNode>),
    /// `map[k, v, …]`
    Map(Vec<(ExprNode, ExprNode)>),
    /// `row(a, b)`
    Row(Vec<ExprNode>),
    /// `x[i]`: array element (from 1) or map value
    Index(Box<ExprNode>, Box<ExprNode>),
    /// `x.f` where `x` is not itself an identifier
    FieldAccess(Box<ExprNode>, Spanned<String>),
}

impl Expr {
    /// Calls `f` with the expressions that stand directly in this one.
    ///
    /// # Errors
    /// What `f` fails with.
    pub fn each_part<E>(&mut self, f: &mut dyn FnMut(&mut ExprNode) -> Result<(), E>) -> Result<(), E> {
        self.children_mut().into_iter().try_for_each(f)
    }
}

/// `name([distinct] args | *) [filter (where e)]`
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function's name as typed.
    pub name: Spanned<String>,
    /// The call's arguments; empty with `star`.
    pub args: Vec<ExprNode>,
    /// `count(*)`
    pub star: bool,
    /// `count(distinct x)`
    pub distinct: bool,
    /// `filter (where e)`
    pub filter: Option<Box<ExprNode>>,
}

/// `function f(x t, …) returns t = e`
#[derive(Debug, Clone, PartialEq)]
pub struct UserFunction {
    /// The function's name.
    pub name: Spanned<String>,
    /// The parameters, each with its type.
    pub params: Vec<(Spanned<String>, Spanned<LogicalType>)>,
    /// The type of the result.
    pub returns: Spanned<LogicalType>,
    /// The expression, of the parameters alone.
    pub body: ExprNode,
    /// The text of the whole statement.
    pub text: String,
}

impl UserFunction {
    /// The parameters and the result: `(x bigint) returns bigint`.
    #[must_use]
    pub fn signature(&self) -> String {
        let params = self.params.iter().map(|(name, ty)| format!("{} {}", name.node, ty.node));
        format!("({}) returns {}", params.collect::<Vec<_>>().join(", "), self.returns.node)
    }
}

/// The length in `varchar(n)`, `char(n)`, `varbinary(n)` and `binary(n)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// In characters, or bytes: what is longer is cut off.
    pub most: u32,
    /// With `char` and `binary`: what is shorter is filled up, with spaces or zeros.
    pub fixed: bool,
}

/// A constant as typed.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// Digits only, as text: whether it is an `INT`, a `BIGINT` or a `DECIMAL` follows from its size.
    Integer(String),
    /// Digits with a point: an exact `DECIMAL`, as text.
    Decimal(String),
    /// With an exponent: a `DOUBLE`, as text.
    Double(String),
    /// `'it''s'`, unquoted
    String(String),
    /// `x'0aff'`
    Bytes(Vec<u8>),
    /// `date '2020-01-01'`: the text, checked by binding
    Date(String),
    /// `time '10:00:00'`
    Time(String),
    /// `timestamp '2020-01-01 10:00:00.000'`
    Timestamp(String),
    /// A day-time interval in milliseconds: `interval '4' second`, or the shell's `4s`.
    IntervalDayTime(i64),
    /// A year-month interval in months.
    IntervalYearMonth(i32),
}

/// Operators of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `+`
    Plus,
    /// `not`
    Not,
}

/// Operators of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `=`
    Eq,
    /// `<>`, `!=`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// `is distinct from`
    IsDistinctFrom,
    /// `is not distinct from`
    IsNotDistinctFrom,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `||`
    Concat,
}

impl BinaryOp {
    /// As typed.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
            Self::IsDistinctFrom => "is distinct from",
            Self::IsNotDistinctFrom => "is not distinct from",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Concat => "||",
        }
    }
}

/// The right side of `is`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsTest {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// `unknown`
    Unknown,
}

impl Expr {
    /// The expressions that it is made of, to be replaced.
    pub fn children_mut(&mut self) -> Vec<&mut ExprNode> {
        match self {
            Self::Column(_) | Self::Literal(_) => Vec::new(),
            Self::Unary(_, expr)
            | Self::Is { expr, .. }
            | Self::Cast { expr, .. }
            | Self::Extract(_, expr)
            | Self::FieldAccess(expr, _) => vec![expr],
            Self::Binary(left, _, right) | Self::Index(left, right) => vec![left, right],
            Self::Between { expr, low, high, .. } => vec![expr, low, high],
            Self::InList { expr, list, .. } => std::iter::once(&mut **expr).chain(list).collect(),
            Self::Like { expr, pattern, escape, .. } => {
                [expr, pattern].into_iter().chain(escape).map(|node| &mut **node).collect()
            }
            Self::Case { operand, branches, otherwise } => {
                let branches = branches.iter_mut().flat_map(|(when, then)| [when, then]);
                let ends = operand.iter_mut().chain(otherwise).map(|node| &mut **node);
                branches.chain(ends).collect()
            }
            Self::Call(call) => call.args.iter_mut().chain(call.filter.as_deref_mut()).collect(),
            Self::Apply(_, items) | Self::Array(items) | Self::Row(items) => items.iter_mut().collect(),
            Self::Map(entries) => entries.iter_mut().flat_map(|(key, value)| [key, value]).collect(),
        }
    }
}
