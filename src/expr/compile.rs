//! A typed expression made ready to run.

use std::slice;

use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::DataType;
use arrow_select::concat::concat;

use super::cast;
use super::functions::{Draws, Prepared};
use super::kernels::{self, LikePattern, Multiples, Set, escape_char};
use super::typed::{ArithmeticOp, CompareOp, Op, TypedExpr, TypedKind};
use crate::types::LogicalType;

/// Lists at least this long are looked up, shorter ones compared one after the other.
const SET_FROM: usize = 8;

/// One operation, with what could be computed before the first row.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) step: Step,
    pub(super) args: Vec<Node>,
    pub(super) arg_types: Vec<LogicalType>,
    pub(super) ty: LogicalType,
    /// Some row can fail here or further in.
    pub(super) fallible: bool,
    pub(super) like: Option<LikePattern>,
    pub(super) set: Option<Set>,
    /// For `x % n = 0`: the only argument is `x` then.
    pub(super) multiples: Option<Multiples>,
    pub(super) prepared: Option<Prepared>,
    /// What a function of random numbers has drawn.
    pub(super) draws: Draws,
    /// Tells calls of one expression apart.
    pub(super) seed: u64,
}

#[derive(Debug)]
pub(super) enum Step {
    Column(usize),
    Literal(ArrayRef),
    Op(Op),
}

impl Node {
    pub(super) fn compile(expr: &TypedExpr) -> Self {
        let step = match &expr.kind {
            TypedKind::Column { index, .. } => Step::Column(*index),
            TypedKind::Literal(value) => Step::Literal(value.clone()),
            TypedKind::Op(op, _) => Step::Op(op.clone()),
        };
        let divided = divided(expr);
        let children = divided.map_or_else(|| expr.children(), |(dividend, _)| slice::from_ref(dividend));
        let args: Vec<Self> = children.iter().map(Self::compile).collect();
        let mut node = Self {
            step,
            fallible: fails(expr) || args.iter().any(|arg| arg.fallible),
            arg_types: args.iter().map(|arg| arg.ty.clone()).collect(),
            args,
            ty: expr.ty.clone(),
            like: None,
            set: None,
            multiples: divided.map(|(_, multiples)| multiples),
            prepared: None,
            draws: Draws::default(),
            seed: expr.span.start as u64,
        };
        match &expr.kind {
            TypedKind::Op(Op::Like { .. }, args) => node.like = like(args),
            TypedKind::Op(Op::In { .. }, args) => node.set = set(args),
            TypedKind::Op(Op::Function(function), args) => {
                let constants: Vec<_> = args.iter().map(TypedExpr::as_literal).collect();
                // What binding refused does not come here.
                node.prepared = function.body.prepare.and_then(|prepare| prepare(&constants).ok().flatten());
            }
            TypedKind::Op(..) | TypedKind::Column { .. } | TypedKind::Literal(_) => {}
        }
        node
    }
}

/// Whether the operation itself can fail in some row.
fn fails(expr: &TypedExpr) -> bool {
    let TypedKind::Op(op, args) = &expr.kind else { return false };
    match op {
        Op::Arithmetic(op) => args.get(1).is_some_and(|right| kernels::can_fail(*op, &expr.ty, right)),
        Op::Cast { lenient, .. } => !lenient && args.first().is_some_and(|arg| cast::can_fail(&arg.ty, &expr.ty)),
        Op::Like { .. } => like(args).is_none(),
        Op::Function(function) => function.body.fallible,
        Op::Negate
        | Op::Compare(_)
        | Op::And
        | Op::Or
        | Op::Not
        | Op::Is { .. }
        | Op::In { .. }
        | Op::Case
        | Op::Coalesce
        | Op::Extreme(_)
        | Op::Field { .. } => false,
    }
}

fn text(expr: &TypedExpr) -> Option<&str> {
    let array = expr.as_literal()?.as_string_opt::<i32>()?;
    array.is_valid(0).then(|| array.value(0))
}

fn like(args: &[TypedExpr]) -> Option<LikePattern> {
    let pattern = text(args.get(1)?)?;
    let escape = match args.get(2) {
        Some(escape) => Some(text(escape)?),
        None => None,
    };
    escape_char(escape).and_then(|escape| LikePattern::new(pattern, escape)).ok()
}

/// `x` and `n` of `x % n = 0` and `x % n <> 0`, where `x` is a bigint and `n` a constant: rows are often sampled so.
fn divided(expr: &TypedExpr) -> Option<(&TypedExpr, Multiples)> {
    let TypedKind::Op(Op::Compare(CompareOp::Eq | CompareOp::NotEq), args) = &expr.kind else { return None };
    let [remainder, zero] = &args[..] else { return None };
    let mut remainder = remainder;
    // The remainder is of the type that `n` was typed in: it fits. Who casts it to another may see it fail.
    while let TypedKind::Op(Op::Cast { implicit: true, .. }, args) = &remainder.kind {
        remainder = args.first().filter(|_| remainder.ty.is_integer())?;
    }
    let TypedKind::Op(Op::Arithmetic(ArithmeticOp::Modulo), args) = &remainder.kind else { return None };
    let [dividend, divisor] = &args[..] else { return None };
    let is_bigint = [&dividend.ty, &divisor.ty].iter().all(|ty| **ty == LogicalType::BigInt);
    let is_zero = integer(zero)? == 0;
    let multiples = Multiples::of(integer(divisor)?)?;
    (is_bigint && is_zero).then_some((dividend, multiples))
}

/// The constant, when it is a whole number.
fn integer(expr: &TypedExpr) -> Option<i64> {
    let literal = expr.as_literal()?;
    let bigint = arrow_cast::cast(literal, &DataType::Int64).ok().filter(|_| expr.ty.is_integer())?;
    let bigint = bigint.as_primitive::<Int64Type>();
    bigint.is_valid(0).then(|| bigint.value(0))
}

fn set(args: &[TypedExpr]) -> Option<Set> {
    let (value, list) = args.split_first()?;
    // Floats are equal by other rules than those of sorting.
    let sortable =
        value.ty.is_integer() || matches!(value.ty, LogicalType::String | LogicalType::Date | LogicalType::Timestamp);
    if !sortable || list.len() < SET_FROM {
        return None;
    }
    let values: Vec<&dyn Array> =
        list.iter().map(|item| item.as_literal().map(AsRef::as_ref)).collect::<Option<_>>()?;
    Set::new(&concat(&values).ok()?).ok()
}
