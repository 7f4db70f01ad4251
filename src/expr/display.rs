//! Typed expressions as text, close to what was typed; the same expression always gives the same text.

use std::fmt;

use arrow_array::types::{DurationMillisecondType, IntervalYearMonthType};
use arrow_array::{Array, ArrayRef, cast::AsArray};

use super::ast::{IsTest, Length};
use super::cast::write_value;
use super::typed::{ArithmeticOp, Op, TypedExpr, TypedKind};
use crate::types::LogicalType;

/// The level at which an expression's outermost operator binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Sign,
    Atom,
}

fn level(expr: &TypedExpr) -> Level {
    match &expr.kind {
        TypedKind::Column { .. } => Level::Atom,
        TypedKind::Literal(value) => {
            let text = literal_text(value, &expr.ty);
            if text.starts_with('-') { Level::Sign } else { Level::Atom }
        }
        TypedKind::Op(op, args) => match op {
            Op::Arithmetic(ArithmeticOp::Add | ArithmeticOp::Subtract) => Level::Sum,
            Op::Arithmetic(ArithmeticOp::Multiply | ArithmeticOp::Divide | ArithmeticOp::Modulo) => Level::Product,
            Op::Negate => Level::Sign,
            Op::Compare(_) | Op::Is { .. } | Op::In { .. } | Op::Like { .. } => Level::Comparison,
            Op::Or => Level::Or,
            Op::And => Level::And,
            Op::Not => Level::Not,
            Op::Cast { implicit: true, .. } => args.first().map_or(Level::Atom, level),
            Op::Cast { .. } | Op::Case | Op::Coalesce | Op::Extreme(_) | Op::Field { .. } | Op::Function(_) => {
                Level::Atom
            }
        },
    }
}

/// An operand: in brackets if it binds less tightly than `least`.
struct Operand<'a>(&'a TypedExpr, Level);

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if level(self.0) < self.1 { write!(f, "({})", self.0) } else { write!(f, "{}", self.0) }
    }
}

struct List<'a>(&'a [TypedExpr]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.0.iter().enumerate() {
            write!(f, "{}{arg}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for TypedExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TypedKind::Column { name, .. } => f.write_str(&identifier(name)),
            TypedKind::Literal(value) => f.write_str(&literal_text(value, &self.ty)),
            TypedKind::Op(op, args) => operation(f, op, args, &self.ty),
        }
    }
}

/// A name as it would have to be typed.
fn identifier(name: &str) -> String {
    let plain = name.chars().all(|c| c == '_' || c.is_alphanumeric()) && !name.starts_with(|c: char| c.is_numeric());
    let plain = plain && !name.is_empty();
    if plain { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

fn operation(f: &mut fmt::Formatter<'_>, op: &Op, args: &[TypedExpr], ty: &LogicalType) -> fmt::Result {
    let not = |negated: bool| if negated { "not " } else { "" };
    match (op, args) {
        (Op::Arithmetic(op), [left, right]) => {
            let (outer, inner) = match op {
                ArithmeticOp::Add | ArithmeticOp::Subtract => (Level::Sum, Level::Product),
                ArithmeticOp::Multiply | ArithmeticOp::Divide | ArithmeticOp::Modulo => (Level::Product, Level::Sign),
            };
            write!(f, "{} {} {}", Operand(left, outer), op.symbol(), Operand(right, inner))
        }
        (Op::Negate, [operand]) => write!(f, "-{}", Operand(operand, Level::Atom)),
        (Op::Compare(op), [left, right]) => {
            write!(f, "{} {} {}", Operand(left, Level::Sum), op.symbol(), Operand(right, Level::Sum))
        }
        (Op::And, args) => joined(f, args, " and ", Level::Not),
        (Op::Or, args) => joined(f, args, " or ", Level::And),
        (Op::Not, [operand]) => write!(f, "not {}", Operand(operand, Level::Comparison)),
        (Op::Is { test, negated }, [operand]) => {
            let test = match test {
                IsTest::Null => "null",
                IsTest::True => "true",
                IsTest::False => "false",
                IsTest::Unknown => "unknown",
            };
            write!(f, "{} is {}{test}", Operand(operand, Level::Sum), not(*negated))
        }
        (Op::In { negated }, [value, list @ ..]) => {
            write!(f, "{} {}in ({})", Operand(value, Level::Sum), not(*negated), List(list))
        }
        (Op::Like { negated }, [value, pattern, rest @ ..]) => {
            write!(f, "{} {}like {}", Operand(value, Level::Sum), not(*negated), Operand(pattern, Level::Sum))?;
            rest.iter().try_for_each(|escape| write!(f, " escape {escape}"))
        }
        (Op::Case, args) => {
            f.write_str("case")?;
            for pair in args.chunks(2) {
                match pair {
                    [condition, value] => write!(f, " when {condition} then {value}")?,
                    [otherwise] if !otherwise.is_null_literal() => write!(f, " else {otherwise}")?,
                    _ => {}
                }
            }
            f.write_str(" end")
        }
        (Op::Coalesce, args) => write!(f, "coalesce({})", List(args)),
        (Op::Extreme(super::typed::CompareOp::GtEq), args) => write!(f, "greatest({})", List(args)),
        (Op::Extreme(_), args) => write!(f, "least({})", List(args)),
        (Op::Cast { implicit: true, .. }, [operand]) => write!(f, "{operand}"),
        (Op::Cast { lenient, length, .. }, [operand]) => {
            write!(f, "{}cast({operand} as ", if *lenient { "try_" } else { "" })?;
            match (length, ty) {
                (None, ty) => write!(f, "{ty})"),
                (Some(Length { most, fixed }), ty) => {
                    let name = if *ty == LogicalType::Bytes { "binary" } else { "char" };
                    write!(f, "{}{name}({most}))", if *fixed { "" } else { "var" })
                }
            }
        }
        (Op::Field { name, .. }, [of]) => write!(f, "{}.{}", Operand(of, Level::Atom), identifier(name)),
        (Op::Function(spec), args) => match (spec.name, args) {
            ("array", args) => write!(f, "array[{}]", List(args)),
            ("map", args) => write!(f, "map[{}]", List(args)),
            ("item", [of, index]) => write!(f, "{}[{index}]", Operand(of, Level::Atom)),
            ("extract", [unit, of]) => match unit.as_literal().and_then(|unit| unit.as_string_opt::<i32>()) {
                Some(unit) => write!(f, "extract({} from {of})", unit.value(0)),
                None => write!(f, "extract({unit} from {of})"),
            },
            (name, args) => write!(f, "{name}({})", List(args)),
        },
        (op, args) => write!(f, "{op:?}({})", List(args)),
    }
}

fn joined(f: &mut fmt::Formatter<'_>, args: &[TypedExpr], between: &str, least: Level) -> fmt::Result {
    for (i, arg) in args.iter().enumerate() {
        write!(f, "{}{}", if i == 0 { "" } else { between }, Operand(arg, least))?;
    }
    Ok(())
}

/// A constant as it would have to be typed.
fn literal_text(value: &ArrayRef, ty: &LogicalType) -> String {
    use LogicalType as T;
    if value.logical_null_count() > 0 {
        return "null".to_owned();
    }
    let mut text = String::new();
    write_value(&mut text, value, ty, 0);
    match ty {
        T::Boolean => text.to_lowercase(),
        T::String => format!("'{}'", text.replace('\'', "''")),
        T::Date => format!("date '{text}'"),
        T::Time => format!("time '{text}'"),
        T::Timestamp | T::TimestampLtz => {
            format!("{} '{text}'", if *ty == T::Timestamp { "timestamp" } else { "timestamp_ltz" })
        }
        T::IntervalDayTime => day_time(value.as_primitive::<DurationMillisecondType>().value(0)),
        T::IntervalYearMonth => {
            let months = value.as_primitive::<IntervalYearMonthType>().value(0);
            if months % 12 == 0 {
                format!("interval '{}' year", months / 12)
            } else {
                format!("interval '{months}' month")
            }
        }
        T::Double | T::Float if !text.contains(['E', 'N', 'I']) => format!("{text}e0"),
        T::Null
        | T::TinyInt
        | T::SmallInt
        | T::Int
        | T::BigInt
        | T::Float
        | T::Double
        | T::Decimal(..)
        | T::Bytes
        | T::Array(_)
        | T::Map(..)
        | T::Row(_) => text,
    }
}

fn day_time(ms: i64) -> String {
    for (length, unit) in [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")] {
        if ms % length == 0 {
            return format!("interval '{}' {unit}", ms / length);
        }
    }
    let sign = if ms < 0 { "-" } else { "" };
    format!("interval '{sign}{}.{:03}' second", ms.unsigned_abs() / 1_000, ms.unsigned_abs() % 1_000)
}
