//! From typed text to typed expressions.

mod call;
mod column;
mod scope;

pub use scope::Scope;

use super::aggregate::is_aggregate;
use super::ast::{BinaryOp, Call, Expr, ExprNode, IsTest, Length, UnaryOp, UserFunction};
use super::coerce::{coerce, coerce_all, coerce_condition, implicit_cast, misfit};
use super::functions::{self, Binding, CONCAT, EXTRACT, Param, kernel, literal_text};
use super::kernels::{LikePattern, escape_char};
use super::time::Zone;
use super::typed::{ArithmeticOp, CompareOp, Op, TypedExpr};
use super::{cast, literal, operators};
use crate::types::{Diagnostic, Field, LogicalType, Schema, Span};

/// Operations that may stand inside each other. The parser refuses brackets deeper than about 200; this is for what
/// grows without brackets, and keeps every recursion over a typed expression well inside a thread's stack.
const MAX_DEPTH: usize = 500;
/// Operations that the call of a defined function may become: each argument stands wherever its parameter does.
const MAX_SIZE: usize = 20_000;

/// Finds the columns and functions of `expr` and gives every part its type, with Flink's implicit casts.
///
/// # Errors
/// An unknown column or function (with the near name), a column that several inputs have, or types that do not fit, at
/// their place.
pub fn bind<'a>(expr: &ExprNode, scope: impl Into<Scope<'a>>) -> Result<TypedExpr, Diagnostic> {
    let scope = scope.into();
    let bound = Binder { scope: &scope, depth: 0, aggregate: None }.expr(expr)?;
    Ok(bound.in_zone(scope.zone()).fold())
}

/// As [`bind`], with calls of aggregate functions in it: `aggregate` says what stands for the result of each.
///
/// # Errors
/// As [`bind`], and those of `aggregate`.
pub fn bind_over_aggregates<'a>(
    expr: &ExprNode,
    scope: impl Into<Scope<'a>>,
    aggregate: &mut dyn FnMut(&Call) -> Result<TypedExpr, Diagnostic>,
) -> Result<TypedExpr, Diagnostic> {
    let scope = scope.into();
    let bound = Binder { scope: &scope, depth: 0, aggregate: Some(aggregate) }.expr(expr)?;
    Ok(bound.in_zone(scope.zone()).fold())
}

/// As [`bind`], and coerces the result to `ty` as Flink does implicitly.
///
/// # Errors
/// As [`bind`], and when it can't be coerced.
pub fn bind_as<'a>(expr: &ExprNode, scope: impl Into<Scope<'a>>, ty: &LogicalType) -> Result<TypedExpr, Diagnostic> {
    let scope = scope.into();
    Ok(coerce(bind(expr, &scope)?, ty)?.in_zone(scope.zone()).fold())
}

/// As [`bind`], for a condition.
///
/// # Errors
/// As [`bind`], and when it is not boolean.
pub fn bind_predicate<'a>(expr: &ExprNode, scope: impl Into<Scope<'a>>) -> Result<TypedExpr, Diagnostic> {
    Ok(coerce_condition(bind(expr, scope)?)?.fold())
}

struct Binder<'a> {
    scope: &'a Scope<'a>,
    depth: usize,
    /// The binding of an aggregate's result, where there are aggregates.
    aggregate: Option<&'a mut dyn FnMut(&Call) -> Bound>,
}

type Bound = Result<TypedExpr, Diagnostic>;

impl Binder<'_> {
    fn expr(&mut self, node: &ExprNode) -> Bound {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(node.span));
        }
        let bound = self.any(node);
        self.depth -= 1;
        // What the user typed here, whatever it was rewritten to.
        bound.map(|bound| bound.at(node.span)).map_err(|error| error.or_at(node.span))
    }

    fn any(&mut self, node: &ExprNode) -> Bound {
        let span = node.span;
        match &node.node {
            Expr::Column(parts) => column::bind(parts, self.scope, span),
            Expr::Literal(value) => literal::bind(value, false, span),
            Expr::Unary(op, operand) => self.unary(*op, operand, span),
            Expr::Binary(..) => self.binary(node),
            Expr::Is { expr, test, negated } => self.is(expr, *test, *negated),
            Expr::Between { expr, negated, low, high } => self.between([expr, low, high], *negated, span),
            Expr::InList { expr, negated, list } => self.in_list(expr, list, *negated, span),
            Expr::Like { expr, negated, pattern, escape } => self.like(expr, pattern, escape.as_deref(), *negated),
            Expr::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), span)
            }
            Expr::Cast { expr, ty, lenient, length } => {
                let value = self.expr(expr)?;
                explicit_cast(value, &ty.node, *lenient, *length, ty.span)
            }
            Expr::Call(called) => self.call(called, span),
            Expr::Apply(function, args) => self.apply(function, args, span),
            Expr::Extract(unit, of) => {
                let unit = functions::unit(&unit.node, unit.span)?;
                let of = self.expr(of)?;
                kernel(&EXTRACT, vec![unit, of], span)
            }
            Expr::Array(items) => {
                let items = self.list(items)?;
                kernel(&functions::ARRAY, coerce_all("array", items, span)?.0, span)
            }
            Expr::Map(entries) => self.map(entries, span),
            Expr::Row(fields) => {
                let fields = self.list(fields)?;
                kernel(&functions::ROW, fields, span)
            }
            Expr::Index(of, index) => {
                let args = vec![self.expr(of)?, self.expr(index)?];
                kernel(&functions::ITEM, args, span)
            }
            Expr::FieldAccess(of, name) => column::field(self.expr(of)?, name),
        }
    }

    fn call(&mut self, call: &Call, span: Span) -> Bound {
        if let Some(aggregate) = &mut self.aggregate
            && is_aggregate(&call.name.node)
        {
            return aggregate(call);
        }
        let spec = call::callee(call)?;
        let mut args = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.iter().enumerate() {
            let param = match &spec.binding {
                Binding::Kernel(kernel) => kernel.param(i),
                Binding::Special { .. } => None,
            };
            args.push(if param == Some(Param::Unit) { call::unit_argument(arg)? } else { self.expr(arg)? });
        }
        functions::call(spec, args, span)
    }

    /// The body of a function that a person defined, of its arguments.
    fn apply(&mut self, function: &UserFunction, args: &[ExprNode], span: Span) -> Bound {
        let (name, wanted) = (&function.name.node, function.params.len());
        if args.len() != wanted {
            let plural = if wanted == 1 { "" } else { "s" };
            let message = format!("`{name}` takes {wanted} argument{plural}, not {}", args.len());
            return Err(Diagnostic::at(span, message));
        }
        let args = args.iter().zip(&function.params).map(|(arg, (_, ty))| coerce(self.expr(arg)?, &ty.node));
        let args = args.collect::<Result<Vec<_>, _>>()?;
        let fields = function.params.iter().map(|(name, ty)| Field::new(&name.node, ty.node.clone()));
        let params = Schema::new(fields.collect::<Vec<_>>());
        let scope = Scope::from(&params);
        let body = Binder { scope: &scope, depth: self.depth, aggregate: None }.expr(&function.body);
        let body = body.and_then(|body| coerce(body, &function.returns.node));
        // The places in it are those of another text.
        let body = body.map_err(|error| error.inside(&format!("in function `{name}`"), span))?;
        let (sizes, heights): (Vec<usize>, Vec<usize>) =
            args.iter().map(|arg| (arg.size(&[]), arg.height(&[]))).unzip();
        if body.size(&sizes) > MAX_SIZE || body.height(&heights) + self.depth > MAX_DEPTH {
            return Err(Diagnostic::at(span, format!("`{name}` becomes too large an expression here"))
                .help("compute parts of it in a `map` before"));
        }
        Ok(body.substitute(&args))
    }

    fn list(&mut self, nodes: &[ExprNode]) -> Result<Vec<TypedExpr>, Diagnostic> {
        nodes.iter().map(|node| self.expr(node)).collect()
    }

    fn unary(&mut self, op: UnaryOp, operand: &ExprNode, span: Span) -> Bound {
        if let (UnaryOp::Minus, Expr::Literal(value)) = (op, &operand.node)
            && literal::takes_sign(value)
        {
            return literal::bind(value, true, span);
        }
        let bound = self.expr(operand)?;
        match op {
            UnaryOp::Minus => operators::negate(bound, span),
            UnaryOp::Plus if bound.ty().is_numeric() => Ok(bound),
            UnaryOp::Plus => Err(misfit(&bound, "a number", None)),
            UnaryOp::Not => {
                let condition = coerce_condition(bound)?;
                let nullable = condition.nullable();
                Ok(TypedExpr::op(Op::Not, vec![condition], LogicalType::Boolean, nullable))
            }
        }
    }

    /// A chain `a op b op c …` arrives leaning to the left, as deep as it is long; it is walked, not recursed into.
    /// `and`, `or` and `||` stay flat, so that any length of them works.
    fn binary(&mut self, node: &ExprNode) -> Bound {
        let mut operations = Vec::new();
        let mut first = node;
        while let Expr::Binary(left, op, right) = &first.node {
            operations.push((op, right.as_ref(), first.span));
            first = left;
        }
        let mut bound = self.expr(first)?;
        let mut levels = 0;
        let mut rest = operations.into_iter().rev().peekable();
        while let Some((op, right, span)) = rest.next() {
            // The others are not associative.
            let flat = matches!(op.node, BinaryOp::And | BinaryOp::Or | BinaryOp::Concat);
            levels += 1;
            if levels + self.depth > MAX_DEPTH {
                return Err(too_deep(span));
            }
            let right = self.expr(right)?;
            if !flat {
                bound = apply(op.node, bound, right, span).map_err(|error| error.or_at(op.span))?.at(span);
                continue;
            }
            let mut operands = vec![bound, right];
            let mut whole = span;
            while let Some((_, right, span)) = rest.next_if(|(next, ..)| next.node == op.node) {
                operands.push(self.expr(right)?);
                whole = span;
            }
            bound = flat_operation(op.node, operands, whole)?.at(whole);
        }
        Ok(bound)
    }

    fn is(&mut self, expr: &ExprNode, test: IsTest, negated: bool) -> Bound {
        let operand = self.expr(expr)?;
        let operand = match test {
            IsTest::Null => operand,
            IsTest::True | IsTest::False | IsTest::Unknown => coerce_condition(operand)?,
        };
        Ok(TypedExpr::op(Op::Is { test, negated }, vec![operand], LogicalType::Boolean, false))
    }

    /// `x >= low and x <= high`, which it means.
    fn between(&mut self, [expr, low, high]: [&ExprNode; 3], negated: bool, span: Span) -> Bound {
        let (value, low, high) = (self.expr(expr)?, self.expr(low)?, self.expr(high)?);
        let above = operators::compare(CompareOp::GtEq, value.clone(), low, span)?;
        let below = operators::compare(CompareOp::LtEq, value, high, span)?;
        let both = flat_operation(BinaryOp::And, vec![above, below], span)?.at(span);
        if !negated {
            return Ok(both);
        }
        let nullable = both.nullable();
        Ok(TypedExpr::op(Op::Not, vec![both], LogicalType::Boolean, nullable))
    }

    /// Each candidate is compared as `=` would; where that makes all of one type, as one look-up.
    fn in_list(&mut self, expr: &ExprNode, list: &[ExprNode], negated: bool, span: Span) -> Bound {
        let value = self.expr(expr)?;
        let list = self.list(list)?;
        let mut nullable = false;
        let mut comparisons = Vec::with_capacity(list.len());
        for candidate in list {
            let compared = operators::candidate(value.clone(), candidate)?;
            nullable |= compared.nullable();
            comparisons.push(compared);
        }
        let same = comparisons.iter().all(|compared| compared.children()[0] == value);
        if same && !comparisons.is_empty() {
            let candidates = comparisons.iter().map(|compared| compared.children()[1].clone());
            let args = std::iter::once(value).chain(candidates).collect();
            return Ok(TypedExpr::op(Op::In { negated }, args, LogicalType::Boolean, nullable));
        }
        let any = flat_operation(BinaryOp::Or, comparisons, span)?.at(span);
        Ok(if negated { TypedExpr::op(Op::Not, vec![any], LogicalType::Boolean, nullable) } else { any })
    }

    fn like(&mut self, expr: &ExprNode, pattern: &ExprNode, escape: Option<&ExprNode>, negated: bool) -> Bound {
        let mut args = vec![self.expr(expr)?, self.expr(pattern)?];
        if let Some(escape) = escape {
            args.push(self.expr(escape)?);
        }
        let args = args.into_iter().map(|arg| coerce(arg, &LogicalType::String)).collect::<Result<Vec<_>, _>>()?;
        let constant = |arg: Option<&TypedExpr>| arg.and_then(literal_text);
        if let Some(pattern) = constant(args.get(1)) {
            escape_char(constant(args.get(2)).as_deref())
                .and_then(|escape| LikePattern::new(&pattern, escape))
                .map_err(|message| Diagnostic::at(args[args.len() - 1].span(), message))?;
        }
        let nullable = args.iter().any(TypedExpr::nullable);
        Ok(TypedExpr::op(Op::Like { negated }, args, LogicalType::Boolean, nullable))
    }

    fn case(
        &mut self,
        operand: Option<&ExprNode>,
        branches: &[(ExprNode, ExprNode)],
        otherwise: Option<&ExprNode>,
        span: Span,
    ) -> Bound {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let mut conditions = Vec::with_capacity(branches.len());
        let mut values = Vec::with_capacity(branches.len() + 1);
        for (when, then) in branches {
            let when_bound = self.expr(when)?;
            conditions.push(match &operand {
                Some(operand) => operators::compare(CompareOp::Eq, operand.clone(), when_bound, when.span)?,
                None => coerce_condition(when_bound)?,
            });
            values.push(self.expr(then)?);
        }
        values.push(match otherwise {
            Some(otherwise) => self.expr(otherwise)?,
            None => TypedExpr::null(LogicalType::Null).at(span),
        });
        let (mut values, ty) = coerce_all("case", values, span)?;
        let nullable = values.iter().any(TypedExpr::nullable);
        let last = values.pop();
        let args = conditions.into_iter().zip(values).flat_map(|(when, then)| [when, then]).chain(last).collect();
        Ok(TypedExpr::op(Op::Case, args, ty, nullable))
    }

    fn map(&mut self, entries: &[(ExprNode, ExprNode)], span: Span) -> Bound {
        let mut keys = Vec::with_capacity(entries.len());
        let mut values = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            keys.push(self.expr(key)?);
            values.push(self.expr(value)?);
        }
        let (keys, _) = coerce_all("map", keys, span)?;
        let (values, _) = coerce_all("map", values, span)?;
        let args = keys.into_iter().zip(values).flat_map(|(key, value)| [key, value]).collect();
        kernel(&functions::MAP, args, span)
    }
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::at(span, format!("more than {MAX_DEPTH} operations stand inside each other"))
        .help("compute a part of it in a `map` before this stage")
}

/// One operation that is not flat.
fn apply(op: BinaryOp, left: TypedExpr, right: TypedExpr, span: Span) -> Bound {
    if let Some(op) = ArithmeticOp::from_binary(op) {
        return operators::arithmetic(op, left, right, span);
    }
    match CompareOp::from_binary(op) {
        Some(op) => operators::compare(op, left, right, span),
        None => Err(Diagnostic::at(span, format!("`{}` is not an operator of two operands", op.symbol()))),
    }
}

/// `and`, `or`, `||` of any number of operands.
fn flat_operation(op: BinaryOp, operands: Vec<TypedExpr>, span: Span) -> Bound {
    let nullable = operands.iter().any(TypedExpr::nullable);
    if op == BinaryOp::Concat {
        for operand in &operands {
            if !matches!(operand.ty(), LogicalType::String | LogicalType::Bytes | LogicalType::Null) {
                let error = misfit(operand, "a string", Some(&LogicalType::String));
                return Err(error);
            }
        }
        return kernel(&CONCAT, operands, span);
    }
    let conditions = operands.into_iter().map(coerce_condition).collect::<Result<Vec<_>, _>>()?;
    let op = if op == BinaryOp::And { Op::And } else { Op::Or };
    Ok(TypedExpr::op(op, conditions, LogicalType::Boolean, nullable))
}

/// `cast(value as ty)`
fn explicit_cast(value: TypedExpr, ty: &LogicalType, lenient: bool, length: Option<Length>, span: Span) -> Bound {
    if !cast::exists(value.ty(), ty) {
        let error = Diagnostic::at(span, format!("there is no cast from {} to {ty}", value.ty()));
        let instant = |ty: &LogicalType| matches!(ty, LogicalType::Timestamp | LogicalType::TimestampLtz);
        return Err(if value.ty().is_numeric() && instant(ty) {
            error.help(format!("to_timestamp_ltz({value}, 3) reads epoch milliseconds, with 0 seconds"))
        } else if instant(value.ty()) && ty.is_numeric() {
            error.help(format!("extract(epoch from {value}) gives epoch seconds"))
        } else {
            error
        });
    }
    if value.ty() == ty && length.is_none() || value.is_null_literal() {
        return Ok(implicit_cast(value, ty));
    }
    let nullable = value.nullable() || lenient || cast::can_be_null(value.ty(), ty);
    Ok(TypedExpr::op(
        Op::Cast { lenient, implicit: false, length, zone: Zone::default() },
        vec![value],
        ty.clone(),
        nullable,
    ))
}

#[cfg(test)]
mod tests;
