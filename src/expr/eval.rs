//! Evaluation, a batch at a time.

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::ArrowError;

use super::TypedExpr;
use super::compile::{Node, Step};
use super::functions::{Args, Function};
use super::kernels;
use super::typed::{CompareOp, Op};
use super::value::{RowError, Scope, Value};
use crate::types::{LogicalType, Result, key_group};

/// The facts that evaluation needs besides the rows, and where it reports rows that fail.
#[derive(Debug, Default)]
pub struct EvalContext {
    /// Processing time, for `current_timestamp` and its like; milliseconds.
    pub now_ms: i64,
    /// Told apart by it, two subtasks draw other random numbers at the same time.
    pub seed: u64,
    /// The rows that failed, each with its first error, in no particular order. Their value is null.
    pub errors: Vec<RowError>,
}

/// A typed expression made ready to run: constants folded, functions chosen, patterns compiled.
#[derive(Debug)]
pub struct Evaluator {
    node: Node,
}

impl EvalContext {
    /// At `now_ms`, at the subtask called `place`.
    #[must_use]
    pub fn new(now_ms: i64, place: &str) -> Self {
        Self { now_ms, seed: key_group::hash_bytes(place.as_bytes()), errors: Vec::new() }
    }
}

impl Evaluator {
    /// Compiles `expr`.
    #[must_use]
    pub fn new(expr: &TypedExpr) -> Self {
        Self::unfolded(&expr.clone().fold())
    }

    /// Compiles `expr` as it is.
    pub(super) fn unfolded(expr: &TypedExpr) -> Self {
        Self { node: Node::compile(expr) }
    }

    /// The expression's value for every row, as a column of the expression's type.
    ///
    /// # Errors
    /// When a kernel refuses its input: a defect of ours. A row's own failure goes to [`EvalContext::errors`].
    pub fn evaluate(&self, rows: &RecordBatch, context: &mut EvalContext) -> Result<ArrayRef> {
        self.value(rows, context)?.into_array(rows.num_rows())
    }

    /// The rows for which a boolean expression is true: null counts as false, and the mask has no nulls.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_predicate(&self, rows: &RecordBatch, context: &mut EvalContext) -> Result<BooleanArray> {
        let value = self.value(rows, context)?;
        Ok(BooleanArray::new(kernels::trues(&value, rows.num_rows())?, None))
    }

    fn value(&self, rows: &RecordBatch, context: &mut EvalContext) -> Result<Value> {
        let before = context.errors.len();
        let value = eval(&self.node, &mut Scope::new(rows, (context.now_ms, context.seed), &mut context.errors))?;
        if context.errors.len() > before {
            keep_first(&mut context.errors);
            return without_failed(value, &context.errors, rows.num_rows());
        }
        Ok(value)
    }
}

/// Leaves each row its first error.
fn keep_first(errors: &mut Vec<RowError>) {
    let mut seen = hashbrown::HashSet::new();
    errors.retain(|error| seen.insert(error.row));
}

/// Null in the rows that failed, whatever was computed from their nulls further out.
fn without_failed(value: Value, errors: &[RowError], rows: usize) -> Result<Value> {
    let mut failed = vec![false; rows];
    for error in errors {
        if let Some(failed) = failed.get_mut(error.row) {
            *failed = true;
        }
    }
    let array = value.into_array(rows)?;
    if *array.data_type() == arrow_schema::DataType::Null {
        return Ok(Value::Array(array));
    }
    Ok(Value::Array(arrow_select::nullif::nullif(&array, &BooleanArray::from(failed))?))
}

fn eval(node: &Node, scope: &mut Scope<'_>) -> Result<Value> {
    match &node.step {
        Step::Column(index) => match scope.batch.columns().get(*index) {
            Some(column) => Ok(Value::Array(column.clone())),
            None => Err(ArrowError::InvalidArgumentError(format!("no column {index} in the batch")).into()),
        },
        Step::Literal(value) => Ok(Value::Scalar(value.clone())),
        Step::Op(op) => operation(op, node, scope),
    }
}

fn operation(op: &Op, node: &Node, scope: &mut Scope<'_>) -> Result<Value> {
    let args = &node.args;
    match op {
        Op::Arithmetic(op) => {
            let (left, right) = (eval(&args[0], scope)?, eval(&args[1], scope)?);
            kernels::arithmetic(*op, (&left, &args[0].ty), (&right, &args[1].ty), &node.ty, scope)
        }
        Op::Negate => kernels::negate(&eval(&args[0], scope)?, &node.ty),
        Op::Compare(op) => {
            if let Some(multiples) = node.multiples {
                return multiples.test(&eval(&args[0], scope)?, *op == CompareOp::Eq);
            }
            let (left, right) = (eval(&args[0], scope)?, eval(&args[1], scope)?);
            kernels::compare(*op, (&left, &args[0].ty), (&right, &args[1].ty), scope)
        }
        Op::And => connective(args, scope, kernels::and, kernels::falses),
        Op::Or => connective(args, scope, kernels::or, kernels::trues),
        Op::Not => kernels::not(&eval(&args[0], scope)?),
        Op::Is { test, negated } => kernels::is(&eval(&args[0], scope)?, *test, *negated),
        Op::In { negated } => in_list(node, *negated, scope),
        Op::Like { negated } => {
            let compiled = node.like.as_ref();
            let count = if compiled.is_some() { 1 } else { args.len() };
            let values = args[..count].iter().map(|arg| eval(arg, scope)).collect::<Result<Vec<_>>>()?;
            kernels::like(&values, compiled, *negated, scope)
        }
        Op::Case => case(args, &node.ty, scope),
        Op::Coalesce => coalesce(args, scope),
        Op::Extreme(op) => extreme(*op, args, scope),
        Op::Cast { lenient, length, zone, .. } => {
            let value = eval(&args[0], scope)?;
            let value = super::cast::cast(&value, (&args[0].ty, &node.ty), (*lenient, *zone), scope)?;
            Ok(match length {
                Some(length) => super::cast::fit(&value, *length),
                None => value,
            })
        }
        Op::Field { index, .. } => field(&eval(&args[0], scope)?, *index),
        Op::Function(called) => function(called, node, scope),
    }
}

/// `and`, `or`: a side that can fail is asked only about the rows that the sides before it left open.
fn connective(
    args: &[Node],
    scope: &mut Scope<'_>,
    combine: fn(&Value, &Value, usize) -> Result<Value>,
    decided: fn(&Value, usize) -> Result<arrow_buffer::BooleanBuffer>,
) -> Result<Value> {
    let rows = scope.rows();
    let Some((first, rest)) = args.split_first() else { return Ok(Value::null(&LogicalType::Boolean)) };
    let mut result = eval(first, scope)?;
    for arg in rest {
        let next = if arg.fallible {
            let open = &scope.mask() & &!&decided(&result, rows)?;
            if open.count_set_bits() == 0 {
                continue;
            }
            scope.only(open, |scope| eval(arg, scope))?
        } else {
            eval(arg, scope)?
        };
        result = combine(&result, &next, rows)?;
    }
    Ok(result)
}

fn in_list(node: &Node, negated: bool, scope: &mut Scope<'_>) -> Result<Value> {
    let value = eval(&node.args[0], scope)?;
    if let Some(set) = &node.set {
        return set.contains(&value, negated);
    }
    let list = node.args[1..]
        .iter()
        .map(|candidate| Ok((eval(candidate, scope)?, candidate.ty.clone())))
        .collect::<Result<Vec<_>>>()?;
    kernels::in_list((&value, &node.args[0].ty), &list, negated, scope)
}

/// Each branch is asked only about the rows that reach it.
fn case(args: &[Node], ty: &LogicalType, scope: &mut Scope<'_>) -> Result<Value> {
    let rows = scope.rows();
    let mut open = scope.mask();
    let mut chosen = Vec::with_capacity(args.len() / 2);
    let mut otherwise = Value::null(ty);
    for pair in args.chunks(2) {
        if open.count_set_bits() == 0 {
            break;
        }
        let [condition, value] = pair else {
            otherwise = scope.only(open.clone(), |scope| eval(&pair[0], scope))?;
            break;
        };
        let condition = scope.only(open.clone(), |scope| eval(condition, scope))?;
        let mask = &open & &kernels::trues(&condition, rows)?;
        if mask.count_set_bits() == 0 {
            continue;
        }
        let value = scope.only(mask.clone(), |scope| eval(value, scope))?;
        open = &open & &!&mask;
        chosen.push((mask, value));
    }
    // The masks are disjoint, so the order of the choices is free.
    chosen.iter().rev().try_fold(otherwise, |rest, (mask, value)| kernels::select(mask, value, &rest))
}

fn coalesce(args: &[Node], scope: &mut Scope<'_>) -> Result<Value> {
    let rows = scope.rows();
    let Some((first, rest)) = args.split_first() else { return Ok(Value::null(&LogicalType::Null)) };
    let mut result = eval(first, scope)?;
    for arg in rest {
        let Some(nulls) = result.data().logical_nulls().filter(|nulls| nulls.null_count() > 0) else {
            return Ok(result);
        };
        if result.is_scalar() {
            result = eval(arg, scope)?;
            continue;
        }
        let missing = !nulls.inner();
        let open = &scope.mask() & &missing;
        if open.count_set_bits() == 0 {
            continue;
        }
        let next = scope.only(open, |scope| eval(arg, scope))?;
        debug_assert_eq!(missing.len(), rows, "one answer a row");
        result = kernels::select(&missing, &next, &result)?;
    }
    Ok(result)
}

fn extreme(op: CompareOp, args: &[Node], scope: &mut Scope<'_>) -> Result<Value> {
    let rows = scope.rows();
    let values = args.iter().map(|arg| eval(arg, scope)).collect::<Result<Vec<_>>>()?;
    let Some((first, rest)) = values.split_first() else { return Ok(Value::null(&LogicalType::Null)) };
    let ty = &args[0].ty;
    let mut best = first.clone();
    for value in rest {
        // Null where either is null, and that is chosen: the result is then null as well.
        let keep = kernels::compare_sorted(op, &best, value, ty, scope)?;
        let known = kernels::select(&kernels::trues(&keep, rows)?, &best, value)?;
        let null = kernels::is(&keep, super::ast::IsTest::Null, false)?;
        best = kernels::select(&kernels::trues(&null, rows)?, &Value::null(ty), &known)?;
    }
    Ok(best)
}

fn field(of: &Value, index: usize) -> Result<Value> {
    use arrow_array::cast::AsArray;
    let Some(row) = of.data().as_struct_opt() else { return Err(super::value::mistyped(of.data(), "row")) };
    let column = row.column(index);
    let nulls = arrow_buffer::NullBuffer::union(row.nulls(), column.logical_nulls().as_ref());
    let data = column.to_data().into_builder().nulls(nulls).build()?;
    Ok(of.with(arrow_array::make_array(data)))
}

fn function(called: &Function, node: &Node, scope: &mut Scope<'_>) -> Result<Value> {
    let values = node.args.iter().map(|arg| eval(arg, scope)).collect::<Result<Vec<_>>>()?;
    let scalar = values.iter().all(Value::is_scalar) && !called.body.per_row;
    let mut args = Args {
        values: &values,
        types: &node.arg_types,
        ty: &node.ty,
        rows: if scalar { 1 } else { scope.rows() },
        now_ms: scope.now_ms,
        zone: called.zone,
        seed: scope.seed ^ key_group::mix(node.seed),
        draws: &node.draws,
        prepared: node.prepared.as_ref(),
        failures: Vec::new(),
    };
    let data = (called.body.run)(&mut args)?;
    let failures = args.failures;
    scope.report(failures, scalar);
    Ok(if scalar { Value::Scalar(data) } else { Value::Array(data) })
}

#[cfg(test)]
mod tests;
