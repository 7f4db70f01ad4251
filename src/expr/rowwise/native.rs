//! The operations that need no kernel.

use std::borrow::Cow;
use std::cmp::Ordering;

use arrow_array::Array;

use super::code::{Code, Get, Row, text};
use super::fault::{Eval, Fault};
use super::values::{Class, Key, Scalar};
use crate::expr::ast::IsTest;
use crate::expr::typed::{ArithmeticOp, CompareOp};
use crate::types::LogicalType;

/// The operands, when there are two.
fn two<R>(codes: Vec<Code<R>>) -> Option<[Code<R>; 2]> {
    codes.try_into().ok()
}

fn bools<R>(codes: Vec<Code<R>>) -> Option<Vec<Get<R, bool>>> {
    codes.into_iter().map(|code| if let Code::Bool(get) = code { Some(get) } else { None }).collect()
}

pub(super) fn and<R: Row>(codes: Vec<Code<R>>) -> Option<Code<R>> {
    connective(bools(codes)?, false)
}

pub(super) fn or<R: Row>(codes: Vec<Code<R>>) -> Option<Code<R>> {
    connective(bools(codes)?, true)
}

/// `and`, which one false decides, or `or`, which one true does.
fn connective<R: Row>(mut parts: Vec<Get<R, bool>>, decides: bool) -> Option<Code<R>> {
    if parts.len() == 2 {
        let (right, left) = (parts.pop()?, parts.pop()?);
        return Some(Code::Bool(Box::new(move |row| {
            let first = left(row)?;
            if first == Some(decides) {
                return Ok(first);
            }
            let second = right(row)?;
            Ok(if second == Some(decides) || first.is_some() { second } else { None })
        })));
    }
    Some(Code::Bool(Box::new(move |row| {
        let mut unknown = false;
        for part in &parts {
            match part(row)? {
                Some(value) if value == decides => return Ok(Some(decides)),
                Some(_) => {}
                None => unknown = true,
            }
        }
        Ok(if unknown { None } else { Some(!decides) })
    })))
}

pub(super) fn not<R: Row>(codes: Vec<Code<R>>) -> Option<Code<R>> {
    let get = bools(codes)?.pop()?;
    Some(Code::Bool(Box::new(move |row| Ok(get(row)?.map(|value| !value)))))
}

pub(super) fn is<R: Row>(mut codes: Vec<Code<R>>, test: IsTest, negated: bool) -> Option<Code<R>> {
    let code = codes.pop()?;
    if test == IsTest::Null {
        macro_rules! null {
            ($get:ident) => {
                Code::Bool(Box::new(move |row| Ok(Some($get(row)?.is_none() != negated))))
            };
        }
        return Some(match code {
            Code::Bool(get) => null!(get),
            Code::Int(get) => null!(get),
            Code::Float(get) => null!(get),
            Code::Wide(get) => null!(get),
            Code::Text(get) => null!(get),
            Code::Any(get) => Code::Bool(Box::new(move |row| Ok(Some(get(row)?.is_null(0) != negated)))),
        });
    }
    let Code::Bool(get) = code else { return None };
    let wanted = match test {
        IsTest::True => Some(true),
        IsTest::False => Some(false),
        IsTest::Null | IsTest::Unknown => None,
    };
    Some(Code::Bool(Box::new(move |row| Ok(Some((get(row)? == wanted) != negated)))))
}

/// Code that chooses among codes of one class: `$choose` gives the chosen one.
macro_rules! chosen {
    ($class:expr, $codes:expr, |$row:ident, $all:ident| $choose:expr) => {{
        macro_rules! of {
            ($kind:ident) => {{
                let get = $codes.into_iter().map(|code| if let Code::$kind(get) = code { Some(get) } else { None });
                let $all = get.collect::<Option<Vec<_>>>()?;
                Code::$kind(Box::new(move |$row| $choose))
            }};
        }
        match $class {
            Class::Bool => of!(Bool),
            Class::Int => of!(Int),
            Class::Float => of!(Float),
            Class::Wide => of!(Wide),
            Class::Text => {
                let get = $codes.into_iter().map(|code| if let Code::Text(get) = code { Some(get) } else { None });
                let $all = get.collect::<Option<Vec<_>>>()?;
                text(move |$row: &R| $choose)
            }
            Class::Any => return None,
        }
    }};
}

/// Condition, value, condition, value, …, and the value if none holds.
pub(super) fn case<R: Row>(codes: Vec<Code<R>>, class: Class) -> Option<Code<R>> {
    let (mut conditions, mut values) = (Vec::new(), Vec::new());
    let last = codes.len() - 1;
    for (at, code) in codes.into_iter().enumerate() {
        if at % 2 == 1 || at == last {
            values.push(code);
        } else {
            let Code::Bool(get) = code else { return None };
            conditions.push(get);
        }
    }
    Some(chosen!(class, values, |row, values| {
        for (condition, value) in conditions.iter().zip(&values) {
            if condition(row)? == Some(true) {
                return value(row);
            }
        }
        match values.get(conditions.len()) {
            Some(value) => value(row),
            None => Ok(None),
        }
    }))
}

pub(super) fn coalesce<R: Row>(codes: Vec<Code<R>>, class: Class) -> Option<Code<R>> {
    Some(chosen!(class, codes, |row, values| {
        for value in &values {
            let found = value(row)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }))
}

/// The one that compares so with all others; null if any is.
pub(super) fn extreme<R: Row>(op: CompareOp, codes: Vec<Code<R>>) -> Option<Code<R>> {
    let largest = op == CompareOp::GtEq;
    let values = codes.into_iter().map(|code| if let Code::Int(get) = code { Some(get) } else { None });
    let values: Vec<Get<R, i64>> = values.collect::<Option<_>>()?;
    Some(Code::Int(Box::new(move |row| {
        let mut best: Option<i64> = None;
        for value in &values {
            let Some(value) = value(row)? else { return Ok(None) };
            best = Some(best.map_or(value, |best| if largest { best.max(value) } else { best.min(value) }));
        }
        Ok(best)
    })))
}

/// Whether values of these types are compared without a kernel.
pub(super) fn compares(types: &[&LogicalType]) -> bool {
    let [left, right] = types else { return false };
    left == right && !matches!(Class::of(left), Class::Any)
}

const fn holds(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Eq | CompareOp::NotDistinct => order.is_eq(),
        CompareOp::NotEq | CompareOp::Distinct => order.is_ne(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::LtEq => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::GtEq => order.is_ge(),
    }
}

/// The comparison of two values that may be missing. `order` is `None` for what has no order: NaN.
fn compared<T>(
    op: CompareOp,
    left: Option<T>,
    right: Option<T>,
    order: impl FnOnce(&T, &T) -> Option<Ordering>,
) -> Option<bool> {
    let unordered = matches!(op, CompareOp::NotEq | CompareOp::Distinct);
    match (left, right, op) {
        (Some(left), Some(right), _) => Some(order(&left, &right).map_or(unordered, |order| holds(op, order))),
        (left, right, CompareOp::Distinct) => Some(left.is_some() != right.is_some()),
        (left, right, CompareOp::NotDistinct) => Some(left.is_some() == right.is_some()),
        _ => None,
    }
}

pub(super) fn compare<R: Row>(op: CompareOp, codes: Vec<Code<R>>) -> Option<Code<R>> {
    macro_rules! by {
        ($left:ident, $right:ident, $order:expr) => {
            Code::Bool(Box::new(move |row| Ok(compared(op, $left(row)?, $right(row)?, $order))))
        };
    }
    Some(match two(codes)? {
        [Code::Bool(left), Code::Bool(right)] => by!(left, right, |a, b| Some(a.cmp(b))),
        [Code::Int(left), Code::Int(right)] => by!(left, right, |a, b| Some(a.cmp(b))),
        [Code::Wide(left), Code::Wide(right)] => by!(left, right, |a, b| Some(a.cmp(b))),
        [Code::Float(left), Code::Float(right)] => by!(left, right, f64::partial_cmp),
        [Code::Text(left), Code::Text(right)] => by!(left, right, |a, b| Some(a.cmp(b))),
        _ => return None,
    })
}

/// Whether `op` on these types is done without a kernel.
pub(super) fn calculates(op: ArithmeticOp, ty: &LogicalType, types: &[&LogicalType]) -> bool {
    let [left, right] = types else { return false };
    let shifts = matches!(op, ArithmeticOp::Add | ArithmeticOp::Subtract)
        && matches!(ty, LogicalType::Timestamp | LogicalType::TimestampLtz)
        && *left == ty
        && **right == LogicalType::IntervalDayTime;
    shifts
        || (left == right && *left == ty && matches!(ty, LogicalType::BigInt | LogicalType::Double))
        || (ty.is_integer() && left == right && *left == ty)
}

/// `value` in the width of `ty`, as Java's integers wrap.
#[expect(clippy::cast_possible_truncation, reason = "integers wrap")]
fn wrapped(ty: &LogicalType) -> fn(i64) -> i64 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are 64 bits wide")]
    match ty {
        LogicalType::TinyInt => |value| i64::from(value as i8),
        LogicalType::SmallInt => |value| i64::from(value as i16),
        LogicalType::Int => |value| i64::from(value as i32),
        _ => |value| value,
    }
}

pub(super) fn arithmetic<R: Row>(op: ArithmeticOp, ty: &LogicalType, codes: Vec<Code<R>>) -> Option<Code<R>> {
    macro_rules! of {
        ($kind:ident, $left:ident, $right:ident, |$a:ident, $b:ident| $value:expr) => {
            Code::$kind(Box::new(move |row| {
                let (Some($a), Some($b)) = ($left(row)?, $right(row)?) else { return Ok(None) };
                Ok(Some($value))
            }))
        };
    }
    let narrow = wrapped(ty);
    let by_zero = || Fault::new("division by zero");
    Some(match two(codes)? {
        [Code::Int(left), Code::Int(right)] => match op {
            ArithmeticOp::Add => of!(Int, left, right, |a, b| narrow(a.wrapping_add(b))),
            ArithmeticOp::Subtract => of!(Int, left, right, |a, b| narrow(a.wrapping_sub(b))),
            ArithmeticOp::Multiply => of!(Int, left, right, |a, b| narrow(a.wrapping_mul(b))),
            ArithmeticOp::Divide => of!(Int, left, right, |a, b| {
                if b == 0 {
                    return Err(by_zero());
                }
                narrow(a.wrapping_div(b))
            }),
            ArithmeticOp::Modulo => of!(Int, left, right, |a, b| {
                if b == 0 {
                    return Err(by_zero());
                }
                narrow(a.wrapping_rem(b))
            }),
        },
        [Code::Float(left), Code::Float(right)] => match op {
            ArithmeticOp::Add => of!(Float, left, right, |a, b| a + b),
            ArithmeticOp::Subtract => of!(Float, left, right, |a, b| a - b),
            ArithmeticOp::Multiply => of!(Float, left, right, |a, b| a * b),
            ArithmeticOp::Divide => of!(Float, left, right, |a, b| a / b),
            ArithmeticOp::Modulo => of!(Float, left, right, |a, b| a % b),
        },
        _ => return None,
    })
}

pub(super) fn negate<R: Row>(mut codes: Vec<Code<R>>) -> Option<Code<R>> {
    Some(match codes.pop()? {
        Code::Int(get) => Code::Int(Box::new(move |row| Ok(get(row)?.map(i64::wrapping_neg)))),
        Code::Float(get) => Code::Float(Box::new(move |row| Ok(get(row)?.map(|value| -value)))),
        Code::Bool(_) | Code::Wide(_) | Code::Text(_) | Code::Any(_) => return None,
    })
}

/// Whether the cast is done without a kernel.
pub(super) fn casts(from: &LogicalType, to: &LogicalType) -> bool {
    (from.is_integer() && (to.is_integer() || *to == LogicalType::Double))
        || (*from == LogicalType::Float && *to == LogicalType::Double)
}

pub(super) fn cast<R: Row>(mut codes: Vec<Code<R>>, to: &LogicalType) -> Option<Code<R>> {
    let narrow = wrapped(to);
    Some(match codes.pop()? {
        #[expect(clippy::cast_precision_loss, reason = "as Java's")]
        Code::Int(get) if *to == LogicalType::Double => {
            Code::Float(Box::new(move |row| Ok(get(row)?.map(|value| value as f64))))
        }
        Code::Int(get) => Code::Int(Box::new(move |row| Ok(get(row)?.map(narrow)))),
        Code::Float(get) => Code::Float(get),
        Code::Bool(_) | Code::Wide(_) | Code::Text(_) | Code::Any(_) => return None,
    })
}

/// `list[i]` or `map[k]` of variable `var`, which is of type `of`.
pub(super) fn item<R: Row>(
    var: usize,
    (of, key): (&LogicalType, &LogicalType),
    ty: &LogicalType,
    code: Code<R>,
) -> Option<Code<R>> {
    let found: Find<R> = match (of, code) {
        (LogicalType::Array(_), Code::Int(index)) => Box::new(move |row| {
            let Some(index) = index(row)? else { return Ok(Found::Nothing) };
            Ok(row.item(var, index).map_or(Found::Nothing, |(values, at)| Found::Item(values, at)))
        }),
        (LogicalType::Map(of, _), code) if Key::can_be(of) && same_key(of, key) => Box::new(move |row| {
            let Some(key) = code.scalar(row)?.key() else { return Ok(Found::Nothing) };
            Ok(row.entry(var, &key).map_or(Found::Nothing, Found::Value))
        }),
        _ => return None,
    };
    Some(match Class::of(ty) {
        Class::Bool => Code::Bool(Box::new(move |row| Ok(found(row)?.int().map(|value| value != 0)))),
        Class::Int => Code::Int(Box::new(move |row| Ok(found(row)?.int()))),
        Class::Float => Code::Float(Box::new(move |row| Ok(found(row)?.float()))),
        Class::Wide => Code::Wide(Box::new(move |row| Ok(found(row)?.wide()))),
        Class::Text => text(move |row: &R| -> Eval<Cow<'_, str>> { Ok(found(row)?.text().map(Cow::Borrowed)) }),
        Class::Any => {
            let null = arrow_array::new_null_array(&ty.to_arrow(), 1);
            Code::Any(Box::new(move |row| {
                Ok(match found(row)? {
                    Found::Item(values, at) => {
                        if let Scalar::Any(value) = values.get(at) {
                            value
                        } else {
                            null.clone()
                        }
                    }
                    Found::Value(Scalar::Any(value)) => value.clone(),
                    Found::Value(_) | Found::Nothing => null.clone(),
                })
            }))
        }
    })
}

/// Whether a key of type `key` is found among those of type `of` as it is.
fn same_key(of: &LogicalType, key: &LogicalType) -> bool {
    of == key || (of.is_integer() && key.is_integer())
}

/// Finds an item or entry.
type Find<R> = Box<dyn for<'r> Fn(&'r R) -> Result<Found<'r>, Fault> + Send>;

enum Found<'r> {
    Item(&'r super::values::Values, usize),
    Value(&'r Scalar),
    Nothing,
}

impl<'r> Found<'r> {
    fn int(&self) -> Option<i64> {
        match self {
            Self::Item(values, at) => values.int(*at),
            Self::Value(Scalar::Int(value)) => Some(*value),
            Self::Value(_) | Self::Nothing => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Item(values, at) => values.float(*at),
            Self::Value(Scalar::Float(value)) => Some(*value),
            Self::Value(_) | Self::Nothing => None,
        }
    }

    fn wide(&self) -> Option<i128> {
        match self {
            Self::Item(values, at) => values.wide(*at),
            Self::Value(Scalar::Wide(value)) => Some(*value),
            Self::Value(_) | Self::Nothing => None,
        }
    }

    fn text(&self) -> Option<&'r str> {
        match self {
            Self::Item(values, at) => values.text(*at),
            Self::Value(Scalar::Text(value)) => Some(value),
            Self::Value(_) | Self::Nothing => None,
        }
    }
}
