//! A call whose arguments are bound: coerced to the function's parameters, and typed.

use std::sync::Arc;

use arrow_array::{Array, StringArray, cast::AsArray};

use super::body::{Body, Function};
use super::spec::{Binding, FunctionSpec, Kernel, Nulls, Param};
use crate::expr::coerce::{coerce, misfit};
use crate::expr::time::{Unit, Zone};
use crate::expr::typed::{Op, TypedExpr};
use crate::types::{Diagnostic, LogicalType, Span};

type Bound = Result<TypedExpr, Diagnostic>;

/// A call of any function.
///
/// # Errors
/// When the arguments do not fit.
pub(in crate::expr) fn call(spec: &'static FunctionSpec, args: Vec<TypedExpr>, span: Span) -> Bound {
    match &spec.binding {
        Binding::Kernel(_) => kernel(spec, args, span),
        Binding::Special { arity: (least, most), build } => {
            if args.len() < *least || args.len() > *most {
                return Err(wrong_count(spec, args.len(), span));
            }
            build(args, span)
        }
    }
}

/// The unit called `name` as a constant argument.
pub(in crate::expr) fn unit(name: &str, span: Span) -> Bound {
    let Some(unit) = Unit::parse(name) else {
        return Err(Diagnostic::at(span, format!("there is no unit of time `{name}`"))
            .did_you_mean(name, Unit::NAMES.iter().map(|&(name, _)| name))
            .label("expected year, month, day, hour, minute, second, …"));
    };
    let array = StringArray::from(vec![unit.name()]);
    Ok(TypedExpr::literal(Arc::new(array), LogicalType::String).at(span))
}

/// Whether a function is called without brackets as well.
pub(in crate::expr) const fn takes_nothing(spec: &FunctionSpec) -> bool {
    matches!(
        &spec.binding,
        Binding::Kernel(Kernel { params: [], body: Body { volatile: true, per_row: false, .. }, .. })
    )
}

/// The text of a constant string.
pub(in crate::expr) fn literal_text(expr: &TypedExpr) -> Option<String> {
    let array = expr.as_literal()?.as_string_opt::<i32>()?;
    array.is_valid(0).then(|| array.value(0).to_owned())
}

/// A call of a function that has a kernel, its arguments coerced to its parameters.
pub(in crate::expr) fn kernel(spec: &'static FunctionSpec, args: Vec<TypedExpr>, span: Span) -> Bound {
    let Binding::Kernel(kernel) = &spec.binding else {
        return Err(Diagnostic::at(span, format!("`{}` has no kernel", spec.name)));
    };
    let most = if kernel.variadic { usize::MAX } else { kernel.params.len() };
    if args.len() < kernel.least || args.len() > most {
        return Err(wrong_count(spec, args.len(), span));
    }
    let mut coerced = Vec::with_capacity(args.len());
    for (i, arg) in args.into_iter().enumerate() {
        let place = arg.span();
        let Some(param) = kernel.param(i) else { continue };
        coerced.push(argument(param, arg).map_err(|error| {
            help_or(error.or_at(if place == Span::default() { span } else { place }), spec.signature)
        })?);
    }
    let ty = (kernel.result)(&coerced).map_err(|message| Diagnostic::at(span, message).help(spec.signature))?;
    if let Some(prepare) = kernel.body.prepare {
        // Whatever cannot be compiled is a mistake in the text; its product is made again for each evaluator.
        let folded: Vec<TypedExpr> = coerced.iter().map(|arg| arg.clone().fold()).collect();
        let constants: Vec<_> = folded.iter().map(TypedExpr::as_literal).collect();
        prepare(&constants).map_err(|message| {
            let pattern =
                coerced.iter().rev().find(|arg| arg.ty() == &LogicalType::String && arg.as_literal().is_some());
            Diagnostic::at(pattern.map_or(span, TypedExpr::span), message)
        })?;
    }
    let nullable = match kernel.nulls {
        Nulls::Propagate => coerced.iter().any(TypedExpr::nullable),
        Nulls::Possible => true,
        Nulls::Never => false,
    };
    Ok(TypedExpr::op(
        Op::Function(Function { name: spec.name, body: &kernel.body, zone: Zone::default() }),
        coerced,
        ty,
        nullable,
    )
    .at(span))
}

fn wrong_count(spec: &FunctionSpec, found: usize, span: Span) -> Diagnostic {
    let plural = if found == 1 { "" } else { "s" };
    Diagnostic::at(span, format!("`{}` does not take {found} argument{plural}", spec.name)).help(spec.signature)
}

impl Kernel {
    /// The parameter that argument `i` is for.
    pub(in crate::expr) fn param(&self, i: usize) -> Option<Param> {
        let last = if self.variadic { self.params.last() } else { None };
        self.params.get(i).or(last).copied()
    }
}

/// Adds a way out unless there is one.
fn help_or(error: Diagnostic, help: &str) -> Diagnostic {
    if error.help.is_some() { error } else { error.help(help) }
}

fn argument(param: Param, arg: TypedExpr) -> Bound {
    use LogicalType as T;
    let ty = arg.ty().clone();
    if ty == T::Null {
        return coerce(arg, &param.default_type());
    }
    let instant = matches!(ty, T::Date | T::Time | T::Timestamp | T::TimestampLtz);
    let (fits, expected) = match param {
        Param::Text => return coerce(arg, &T::String),
        Param::Int => return coerce(arg, &T::Int),
        Param::BigInt => return coerce(arg, &T::BigInt),
        Param::Double => return coerce(arg, &T::Double),
        Param::Boolean => return coerce(arg, &T::Boolean),
        Param::Bytes => return coerce(arg, &T::Bytes),
        Param::Number => (ty.is_numeric(), "a number"),
        Param::Instant => (instant, "a date, time or timestamp"),
        Param::InstantOrInterval => {
            (instant || matches!(ty, T::IntervalDayTime | T::IntervalYearMonth), "a date, time, timestamp or interval")
        }
        Param::TimestampOrText => (matches!(ty, T::Timestamp | T::TimestampLtz | T::String), "a timestamp or a string"),
        Param::NumberOrText => (ty.is_numeric() || ty == T::String, "a number or a string"),
        Param::TextOrInt => (ty == T::String || ty == T::Int, "a string or an int"),
        Param::Array => (matches!(ty, T::Array(_)), "an array"),
        Param::Map => (matches!(ty, T::Map(..)), "a map"),
        Param::Collection => (matches!(ty, T::Array(_) | T::Map(..)), "an array or a map"),
        Param::Unit | Param::Any => (true, ""),
    };
    if fits { Ok(arg) } else { Err(misfit(&arg, expected, None)) }
}

impl Param {
    /// The type that a bare null has here.
    fn default_type(self) -> LogicalType {
        match self {
            Self::Text | Self::NumberOrText | Self::TextOrInt | Self::Unit => LogicalType::String,
            Self::Int => LogicalType::Int,
            Self::BigInt => LogicalType::BigInt,
            Self::Double | Self::Number => LogicalType::Double,
            Self::Boolean => LogicalType::Boolean,
            Self::Bytes => LogicalType::Bytes,
            Self::Instant | Self::InstantOrInterval | Self::TimestampOrText => LogicalType::Timestamp,
            Self::Array | Self::Collection => LogicalType::Array(Box::new(LogicalType::Null)),
            Self::Map => LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::Null)),
            Self::Any => LogicalType::Null,
        }
    }
}
