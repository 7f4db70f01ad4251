//! Numbers.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, cast::AsArray};

use super::args::Args;
use super::round;
use super::spec::{Binding, Family, FunctionSpec, Kernel, Param, gives_double, gives_first, gives_string};
use crate::expr::TypedExpr;
use crate::expr::operators;
use crate::expr::typed::ArithmeticOp;
use crate::expr::value::mistyped;
use crate::types::{Diagnostic, LogicalType, Result, Span};
use Param::{Double, Int, Number, NumberOrText};

const fn math(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    examples: &'static [(&'static str, &'static str)],
    binding: Binding,
) -> FunctionSpec {
    FunctionSpec::new(Family::Math, name, signature, summary, examples, binding)
}

/// A function of one double.
macro_rules! of_double {
    ($name:literal, $summary:literal, $example:expr, $f:expr) => {
        math(
            $name,
            concat!($name, "(x double) -> double"),
            $summary,
            &[$example],
            Kernel::new(&[Double], gives_double, |args| unary(args, $f)).bind(),
        )
    };
}

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    math(
        "abs",
        "abs(x number) -> the type of x",
        "a number without its sign",
        &[("abs(-5)", "5")],
        Kernel::new(&[Number], gives_first, abs).bind(),
    ),
    math(
        "sign",
        "sign(x number) -> the type of x",
        "-1, 0 or 1: whether a number is negative, zero or positive",
        &[("sign(-2.5)", "-1.0")],
        Kernel::new(&[Number], gives_first, sign).bind(),
    ),
    math(
        "mod",
        "mod(a number, b number) -> the type of b for integers",
        "the remainder of a division, with the sign of `a`; `a % b` does the same",
        &[("mod(7, 3)", "1")],
        Binding::Special { arity: (2, 2), build: modulo },
    ),
    math(
        "ceil",
        "ceil(x number) -> number, or ceil(time, unit) -> its type",
        "the least whole number that is not below x, or the next start of a unit of time",
        &[("ceil(1.2)", "2"), ("ceil(timestamp '2020-02-29 13:14:15', hour)", "2020-02-29 14:00:00.000")],
        Kernel::new(&[Param::Any, Param::Unit], round::whole_type, round::ceil).least(1).bind(),
    )
    .aliases(&["ceiling"]),
    math(
        "floor",
        "floor(x number) -> number, or floor(time, unit) -> its type",
        "the greatest whole number that is not above x, or the start of a unit of time",
        &[("floor(-1.2)", "-2"), ("floor(timestamp '2020-02-29 13:14:15', hour)", "2020-02-29 13:00:00.000")],
        Kernel::new(&[Param::Any, Param::Unit], round::whole_type, round::floor).least(1).bind(),
    ),
    math(
        "round",
        "round(x number[, digits int]) -> number",
        "a number rounded to so many digits behind the point, a half away from zero",
        &[("round(123.456, 2)", "123.46"), ("round(155, -1)", "160")],
        Kernel::new(&[Number, Int], round::scaled_type, round::round).least(1).bind(),
    ),
    math(
        "truncate",
        "truncate(x number[, digits int]) -> number",
        "a number cut off after so many digits behind the point",
        &[("truncate(42.345, 2)", "42.34")],
        Kernel::new(&[Number, Int], round::scaled_type, round::truncate).least(1).bind(),
    ),
    of_double!("sqrt", "the square root of x", ("sqrt(9)", "3.0"), f64::sqrt),
    math(
        "power",
        "power(x double, exponent double) -> double",
        "x to the power of the exponent",
        &[("power(2, 10)", "1024.0")],
        Kernel::new(&[Double, Double], gives_double, |args| binary(args, f64::powf)).bind(),
    ),
    of_double!("exp", "e to the power of x", ("exp(0)", "1.0"), f64::exp),
    of_double!("ln", "the natural logarithm of x", ("ln(1)", "0.0"), f64::ln),
    of_double!("log10", "the logarithm of x to base 10", ("log10(100)", "2.0"), f64::log10),
    of_double!("log2", "the logarithm of x to base 2", ("log2(8)", "3.0"), f64::log2),
    math(
        "log",
        "log([base double,] x double) -> double",
        "the logarithm of x to a base; the natural one without a base",
        &[("log(2, 8)", "3.0")],
        Kernel::new(&[Double, Double], gives_double, log).least(1).bind(),
    ),
    of_double!("sin", "the sine of an angle in radians", ("sin(0)", "0.0"), f64::sin),
    of_double!("cos", "the cosine of an angle in radians", ("cos(0)", "1.0"), f64::cos),
    of_double!("tan", "the tangent of an angle in radians", ("tan(0)", "0.0"), f64::tan),
    of_double!("cot", "the cotangent of an angle in radians", ("cot(1)", "0.6420926159343306"), |x: f64| 1.0 / x.tan()),
    of_double!("asin", "the angle, in radians, whose sine is x", ("asin(0)", "0.0"), f64::asin),
    of_double!("acos", "the angle, in radians, whose cosine is x", ("acos(1)", "0.0"), f64::acos),
    of_double!("atan", "the angle, in radians, whose tangent is x", ("atan(0)", "0.0"), f64::atan),
    math(
        "atan2",
        "atan2(y double, x double) -> double",
        "the angle, in radians, from the x axis to the point (x, y)",
        &[("atan2(0, 1)", "0.0")],
        Kernel::new(&[Double, Double], gives_double, |args| binary(args, f64::atan2)).bind(),
    ),
    of_double!("sinh", "the hyperbolic sine of x", ("sinh(0)", "0.0"), f64::sinh),
    of_double!("cosh", "the hyperbolic cosine of x", ("cosh(0)", "1.0"), f64::cosh),
    of_double!("tanh", "the hyperbolic tangent of x", ("tanh(0)", "0.0"), f64::tanh),
    of_double!("degrees", "an angle in radians, as degrees", ("degrees(pi())", "180.0"), f64::to_degrees),
    of_double!("radians", "an angle in degrees, as radians", ("radians(0)", "0.0"), |x: f64| x / 180.0
        * std::f64::consts::PI),
    math(
        "pi",
        "pi() -> double",
        "the number π",
        &[("pi()", "3.141592653589793")],
        Kernel::new(&[], gives_double, |args| args.numbers::<Float64Type>(|_| Some(std::f64::consts::PI))).bind(),
    ),
    math(
        "e",
        "e() -> double",
        "Euler's number, the base of the natural logarithm",
        &[("e()", "2.718281828459045")],
        Kernel::new(&[], gives_double, |args| args.numbers::<Float64Type>(|_| Some(std::f64::consts::E))).bind(),
    ),
    math(
        "bin",
        "bin(x bigint) -> string",
        "a number in binary; two's complement if it is negative",
        &[("bin(4)", "100")],
        Kernel::new(&[Param::BigInt], gives_string, |args| {
            let value = args.bigint(0)?;
            args.strings(|row, out| {
                // Writing to a String cannot fail.
                let _ = write!(out, "{:b}", value.get(row)?);
                Some(())
            })
        })
        .bind(),
    ),
    math(
        "hex",
        "hex(x bigint or string) -> string",
        "a number, or the bytes of a text, in hexadecimal",
        &[("hex(255)", "FF"), ("hex('hello')", "68656C6C6F")],
        Kernel::new(&[NumberOrText], gives_string, hex).bind(),
    ),
];

fn unary(args: &Args<'_>, f: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    let array = args.values[0].data();
    let array = array.as_primitive_opt::<Float64Type>().ok_or_else(|| mistyped(array, "double"))?;
    Ok(Arc::new(array.unary::<_, Float64Type>(f)))
}

fn binary(args: &Args<'_>, f: impl Fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (a, b) = (args.double(0)?, args.double(1)?);
    args.numbers::<Float64Type>(|row| Some(f(a.get(row)?, b.get(row)?)))
}

fn log(args: &mut Args<'_>) -> Result<ArrayRef> {
    if args.count() == 1 { unary(args, f64::ln) } else { binary(args, |base, x| x.ln() / base.ln()) }
}

fn modulo(args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    match <[TypedExpr; 2]>::try_from(args) {
        Ok([a, b]) => operators::arithmetic(ArithmeticOp::Modulo, a, b, span),
        Err(_) => Err(Diagnostic::at(span, "`mod` takes two numbers")),
    }
}

/// Applies `f` to a column of one native type.
fn map<T: ArrowPrimitiveType>(args: &Args<'_>, f: impl Fn(T::Native) -> T::Native) -> Result<ArrayRef> {
    let data = args.values[0].data();
    let array: &PrimitiveArray<T> = data.as_primitive_opt().ok_or_else(|| mistyped(data, "a number"))?;
    Ok(Arc::new(array.unary::<_, T>(f).with_data_type(data.data_type().clone())))
}

fn abs(args: &mut Args<'_>) -> Result<ArrayRef> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "binding lets only numbers through")]
    match &args.types[0] {
        LogicalType::TinyInt => map::<Int8Type>(args, i8::wrapping_abs),
        LogicalType::SmallInt => map::<Int16Type>(args, i16::wrapping_abs),
        LogicalType::Int => map::<Int32Type>(args, i32::wrapping_abs),
        LogicalType::BigInt => map::<Int64Type>(args, i64::wrapping_abs),
        LogicalType::Float => map::<Float32Type>(args, f32::abs),
        LogicalType::Decimal(..) => map::<Decimal128Type>(args, i128::wrapping_abs),
        _ => map::<Float64Type>(args, f64::abs),
    }
}

fn sign(args: &mut Args<'_>) -> Result<ArrayRef> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "binding lets only numbers through")]
    match &args.types[0] {
        LogicalType::TinyInt => map::<Int8Type>(args, i8::signum),
        LogicalType::SmallInt => map::<Int16Type>(args, i16::signum),
        LogicalType::Int => map::<Int32Type>(args, i32::signum),
        LogicalType::BigInt => map::<Int64Type>(args, i64::signum),
        LogicalType::Float => map::<Float32Type>(args, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
        LogicalType::Decimal(_, scale) => {
            let one = crate::expr::decimal::POW10[usize::from(*scale)];
            map::<Decimal128Type>(args, |x| x.signum() * one)
        }
        _ => map::<Float64Type>(args, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
    }
}

fn hex(args: &mut Args<'_>) -> Result<ArrayRef> {
    if args.types[0] == LogicalType::String {
        let text = args.text(0)?;
        return args.strings(|row, out| {
            text.get(row)?.bytes().for_each(|byte| {
                let _ = write!(out, "{byte:02X}");
            });
            Some(())
        });
    }
    let longs = crate::expr::kernels::Longs::new(&args.values[0])?;
    let nulls = args.values[0].data().nulls();
    args.strings(|row, out| {
        if nulls.is_some_and(|nulls| nulls.is_null(args.place(0, row))) {
            return None;
        }
        let _ = write!(out, "{:X}", longs.get(row));
        Some(())
    })
}
