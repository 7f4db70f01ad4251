//! From a typed expression to closures.

use std::borrow::Cow;

use super::code::{Code, GetAny, Row, text};
use super::fault::Fault;
use super::native;
use super::values::{Class, Scalar, scalar};
use crate::expr::ast::IsTest;
use crate::expr::eval::{EvalContext, Evaluator};
use crate::expr::typed::{Op, TypedExpr, TypedKind};
use crate::types::{Field, LogicalType, Schema};

/// Compiles expressions whose first columns are variables and whose others are columns of the batch.
#[derive(Debug)]
pub struct Compiler {
    /// The number of variables.
    variables: usize,
    /// The expressions to be evaluated a batch at a time, each once.
    hoisted: Vec<TypedExpr>,
}

impl Compiler {
    /// For expressions whose first `variables` columns are variables.
    #[must_use]
    pub const fn new(variables: usize) -> Self {
        Self { variables, hoisted: Vec::new() }
    }

    /// The expressions that are to be evaluated a batch at a time, over the columns of the batch: the columns of a
    /// [`Row`], in order.
    #[must_use]
    pub fn into_hoisted(self) -> Vec<TypedExpr> {
        let variables = self.variables;
        self.hoisted.iter().map(|expr| expr.remap(&|column| column - variables)).collect()
    }

    /// The place among the hoisted expressions of one that reads no variable.
    pub fn hoist(&mut self, expr: &TypedExpr) -> usize {
        self.hoisted.iter().position(|known| known == expr).unwrap_or_else(|| {
            self.hoisted.push(expr.clone());
            self.hoisted.len() - 1
        })
    }

    /// Whether `expr` depends on the row alone.
    #[must_use]
    pub fn is_of_row(&self, expr: &TypedExpr) -> bool {
        expr.columns().iter().all(|&column| column >= self.variables)
    }

    /// The code of `expr`.
    pub fn code<R: Row>(&mut self, expr: &TypedExpr) -> Code<R> {
        match &expr.kind {
            TypedKind::Literal(value) => {
                if let Ok(value) = scalar(&expr.ty, value, 0) {
                    return constant(&expr.ty, &value);
                }
                let value = value.clone();
                Code::Any(Box::new(move |_| Ok(value.clone())))
            }
            _ if self.is_of_row(expr) => column(&expr.ty, self.hoist(expr)),
            TypedKind::Column { index, .. } => variable(&expr.ty, *index),
            TypedKind::Op(op, args) => self.op(expr, op, args),
        }
    }

    fn op<R: Row>(&mut self, expr: &TypedExpr, op: &Op, args: &[TypedExpr]) -> Code<R> {
        let ty = &expr.ty;
        let types: Vec<&LogicalType> = args.iter().map(|arg| &arg.ty).collect();
        let all = |args: &[TypedExpr], this: &mut Self| args.iter().map(|arg| this.code(arg)).collect::<Vec<Code<R>>>();
        if let Op::Function(function) = op
            && let Some(TypedKind::Column { index, .. }) = args.first().map(|arg| &arg.kind)
            && *index < self.variables
        {
            match (function.name, args) {
                ("cardinality", [_]) => {
                    let var = *index;
                    return Code::Int(Box::new(move |row| Ok(Some(i64::try_from(row.count(var)).unwrap_or(i64::MAX)))));
                }
                ("item", [of, key]) => {
                    let key_code = self.code(key);
                    if let Some(code) = native::item(*index, (&of.ty, &key.ty), ty, key_code) {
                        return code;
                    }
                }
                _ => {}
            }
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others have a kernel alone")]
        let native = match op {
            Op::And => native::and(all(args, self)),
            Op::Or => native::or(all(args, self)),
            Op::Not => native::not(all(args, self)),
            Op::Is { test, negated } => {
                if *test == IsTest::Null || Class::of(types[0]) == Class::Bool {
                    native::is(all(args, self), *test, *negated)
                } else {
                    None
                }
            }
            Op::Case => native::case(all(args, self), Class::of(ty)),
            Op::Coalesce => native::coalesce(all(args, self), Class::of(ty)),
            Op::Compare(op) if native::compares(&types) => native::compare(*op, all(args, self)),
            Op::Extreme(op) if Class::of(ty) == Class::Int => native::extreme(*op, all(args, self)),
            Op::Arithmetic(op) if native::calculates(*op, ty, &types) => native::arithmetic(*op, ty, all(args, self)),
            Op::Negate if *ty == LogicalType::BigInt || *ty == LogicalType::Double => native::negate(all(args, self)),
            Op::Cast { length: None, .. } if native::casts(types[0], ty) => native::cast(all(args, self), ty),
            _ => None,
        };
        native.unwrap_or_else(|| self.kernel(expr, op, args))
    }

    /// The operation by its kernel, over one row that has its operands.
    fn kernel<R: Row>(&mut self, expr: &TypedExpr, op: &Op, args: &[TypedExpr]) -> Code<R> {
        let mut inputs: Vec<(Code<R>, LogicalType)> = Vec::new();
        let mut fields = Vec::new();
        let operands = args.iter().map(|arg| {
            if arg.as_literal().is_some() {
                return arg.clone();
            }
            let field = Field { name: format!("#{}", inputs.len()), ty: arg.ty.clone(), nullable: arg.nullable };
            let operand = TypedExpr::column(inputs.len(), &field).at(arg.span);
            fields.push(field);
            inputs.push((self.code(arg), arg.ty.clone()));
            operand
        });
        let operands = operands.collect();
        let whole = TypedExpr::op(op.clone(), operands, expr.ty.clone(), expr.nullable).at(expr.span);
        let (evaluator, schema) = (Evaluator::unfolded(&whole), Schema::new(fields));
        let get: GetAny<R> = Box::new(move |row| {
            let columns = inputs.iter().map(|(code, ty)| code.array(row, ty)).collect::<Result<Vec<_>, Fault>>()?;
            let rows = schema.record_batch(columns, 1)?;
            let mut context = EvalContext::new(row.now_ms(), "row");
            let value = evaluator.evaluate(&rows, &mut context)?;
            match context.errors.pop() {
                Some(error) => Err(Fault::new(error.message)),
                None => Ok(value),
            }
        });
        Code::of_array(&expr.ty, get)
    }
}

fn variable<R: Row>(ty: &LogicalType, var: usize) -> Code<R> {
    match Class::of(ty) {
        Class::Bool => Code::Bool(Box::new(move |row| Ok(row.int(var).map(|value| value != 0)))),
        Class::Int => Code::Int(Box::new(move |row| Ok(row.int(var)))),
        Class::Float => Code::Float(Box::new(move |row| Ok(row.float(var)))),
        Class::Wide => Code::Wide(Box::new(move |row| Ok(row.wide(var)))),
        Class::Text => text(move |row: &R| Ok(row.text(var))),
        Class::Any => Code::Any(Box::new(move |row| row.any(var))),
    }
}

fn column<R: Row>(ty: &LogicalType, column: usize) -> Code<R> {
    macro_rules! get {
        ($kind:ident, $get:ident) => {
            Code::$kind(Box::new(move |row| {
                let (column, at) = row.column(column);
                column.$get(at)
            }))
        };
    }
    match Class::of(ty) {
        Class::Bool => get!(Bool, bool),
        Class::Int => get!(Int, int),
        Class::Float => get!(Float, float),
        Class::Wide => get!(Wide, wide),
        Class::Text => text(move |row: &R| {
            let (column, at) = row.column(column);
            column.text(at)
        }),
        Class::Any => get!(Any, any),
    }
}

fn constant<R: Row>(ty: &LogicalType, value: &Scalar) -> Code<R> {
    match (Class::of(ty), value) {
        (Class::Bool, Scalar::Int(value)) => {
            let value = *value != 0;
            Code::Bool(Box::new(move |_| Ok(Some(value))))
        }
        (Class::Bool, _) => Code::Bool(Box::new(|_| Ok(None))),
        (Class::Int, Scalar::Int(value)) => {
            let value = *value;
            Code::Int(Box::new(move |_| Ok(Some(value))))
        }
        (Class::Int, _) => Code::Int(Box::new(|_| Ok(None))),
        (Class::Float, Scalar::Float(value)) => {
            let value = *value;
            Code::Float(Box::new(move |_| Ok(Some(value))))
        }
        (Class::Float, _) => Code::Float(Box::new(|_| Ok(None))),
        (Class::Wide, Scalar::Wide(value)) => {
            let value = *value;
            Code::Wide(Box::new(move |_| Ok(Some(value))))
        }
        (Class::Wide, _) => Code::Wide(Box::new(|_| Ok(None))),
        (Class::Text, Scalar::Text(value)) => {
            let value: String = value.clone().into_string();
            text(move |_: &R| Ok(Some(Cow::Owned(value.clone()))))
        }
        (Class::Text, _) => text(|_: &R| Ok(None)),
        (Class::Any, Scalar::Any(value)) => {
            let value = value.clone();
            Code::Any(Box::new(move |_| Ok(value.clone())))
        }
        (Class::Any, _) => {
            let value = arrow_array::new_null_array(&ty.to_arrow(), 1);
            Code::Any(Box::new(move |_| Ok(value.clone())))
        }
    }
}
