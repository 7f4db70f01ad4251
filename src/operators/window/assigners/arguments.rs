//! The arguments that window functions take, and the arithmetic that they share.

use crate::api::WindowCall;
use crate::expr::ast::{Expr, ExprNode, Literal, UnaryOp};
use crate::types::{Diagnostic, Spanned};

/// Slices that may belong to one window: each is looked at when the window fires.
const MAX_SLICES: i64 = 100_000;
/// Some 285,000 years: longer than the time that a timestamp of four-digit years can tell.
const MAX_MS: i64 = 1 << 53;

/// Between `least` and `most` durations.
pub(super) fn durations(
    call: &WindowCall,
    least: usize,
    most: usize,
    usage: &str,
) -> Result<Vec<Spanned<i64>>, Diagnostic> {
    if !(least..=most).contains(&call.args.len()) {
        let found = call.args.len();
        return Err(Diagnostic::at(
            call.name.span,
            format!("wrong number of arguments for `{}`: {found}", call.name.node),
        )
        .help(format!("write `{usage}`")));
    }
    call.args.iter().map(|arg| duration(arg, usage)).collect()
}

fn duration(arg: &ExprNode, usage: &str) -> Result<Spanned<i64>, Diagnostic> {
    let (literal, sign) =
        if let Expr::Unary(UnaryOp::Minus, inner) = &arg.node { (&inner.node, -1) } else { (&arg.node, 1) };
    let Expr::Literal(Literal::IntervalDayTime(ms)) = literal else {
        return Err(Diagnostic::at(arg.span, "a duration such as `10s` was expected").help(format!("write `{usage}`")));
    };
    let ms = ms.saturating_mul(sign);
    if ms.saturating_abs() > MAX_MS {
        return Err(Diagnostic::at(arg.span, "this duration is longer than time can tell"));
    }
    Ok(Spanned::new(ms, arg.span))
}

/// A duration above zero.
pub(super) fn positive(ms: &Spanned<i64>, what: &str) -> Result<i64, Diagnostic> {
    if ms.node > 0 {
        Ok(ms.node)
    } else {
        Err(Diagnostic::at(ms.span, format!("the {what} of a window must be longer than zero")))
    }
}

/// Refuses windows of too many slices.
pub(super) fn check_slices(size: &Spanned<i64>, slice: i64, what: &str) -> Result<(), Diagnostic> {
    let slices = size.node / slice;
    if slices <= MAX_SLICES {
        return Ok(());
    }
    Err(Diagnostic::at(
        size.span,
        format!("each window would consist of {slices} slices of {}; at most {MAX_SLICES} are held", show(slice)),
    )
    .help(format!("make the window shorter or its {what} longer")))
}

/// The end of the stretch of `length`, counted from `offset`, that `time` falls into; the end of time for the last.
pub(super) fn stretch_end(time: i64, length: i64, offset: i64) -> i64 {
    let (time, length, offset) = (i128::from(time), i128::from(length), i128::from(offset));
    let end = (time - offset).div_euclid(length) * length + length + offset;
    saturate(end)
}

/// `value` where it fits, else the end of time on its side.
pub(super) fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// A duration as typed: `10s`, `250ms`.
pub(in crate::operators) fn show(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.into_iter().find(|(length, _)| ms != 0 && ms % length == 0).unwrap_or((1, "ms"));
    format!("{}{}", ms / unit.0, unit.1)
}
