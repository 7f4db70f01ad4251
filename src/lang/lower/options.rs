//! `with (…)`: names checked, values read.

use crate::api::{ConnectorSpec, OnError, OptionSpec, OptionValue, Options};
use crate::expr::ast::{Expr, ExprNode, Literal, UnaryOp};
use crate::types::{Diagnostic, Spanned, nearest};

/// Options as typed.
pub(super) type Typed = [(Spanned<String>, ExprNode)];

/// Checks the names against `known` (slices that may come from two registries) and reads the values. Names are told
/// apart without regard to case.
///
/// # Errors
/// An unknown name (with the near one), a name twice, a number that fits no type, at its place.
pub(super) fn read(typed: &Typed, whose: &str, known: &[&[OptionSpec]]) -> Result<Options, Diagnostic> {
    let mut entries: Vec<(String, Spanned<OptionValue>)> = Vec::with_capacity(typed.len());
    for (name, value) in typed {
        let names = || known.iter().flat_map(|specs| specs.iter()).map(|spec| spec.name);
        let Some(found) = names().find(|known| known.eq_ignore_ascii_case(&name.node)) else {
            let error = Diagnostic::at(name.span, format!("{whose} has no option `{}`", name.node));
            let mut names: Vec<_> = names().collect();
            // A connector lists the options that every source takes, and so does the plan.
            let mut listed = std::collections::BTreeSet::new();
            names.retain(|name| listed.insert(*name));
            return Err(match nearest(&name.node, names.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None if names.is_empty() => error.help("leave out `with (…)`: there are no options"),
                None => error.help(format!("the options are {}", names.join(", "))),
            });
        };
        if entries.iter().any(|(earlier, _)| earlier == found) {
            return Err(Diagnostic::at(name.span, format!("option `{found}` is given twice")));
        }
        entries.push((found.to_owned(), Spanned::new(value_of(value)?, value.span)));
    }
    Ok(Options::new(entries))
}

/// The options that `connector` knows, without the generic ones it leaves to us.
pub(super) fn for_connector(options: &Options, connector: &ConnectorSpec) -> Options {
    let own = |name: &str| connector.options.iter().any(|spec| spec.name == name);
    let kept = options.iter().filter(|(name, _)| own(name));
    Options::new(kept.map(|(name, value)| (name.to_owned(), value.clone())).collect())
}

fn value_of(node: &ExprNode) -> Result<OptionValue, Diagnostic> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever is no constant is left to the connector")]
    match &node.node {
        Expr::Literal(literal) => constant(node, literal, ""),
        Expr::Unary(UnaryOp::Plus, inner) => match &inner.node {
            Expr::Literal(literal) if is_number(literal) => constant(node, literal, ""),
            _ => Ok(OptionValue::Expr(node.clone())),
        },
        // The sign is part of the number: the smallest bigint has no positive twin.
        Expr::Unary(UnaryOp::Minus, inner) => match &inner.node {
            Expr::Literal(literal) if is_number(literal) => constant(node, literal, "-"),
            _ => Ok(OptionValue::Expr(node.clone())),
        },
        Expr::Column(parts) => match parts.as_slice() {
            [word] => Ok(OptionValue::Text(word.node.clone())),
            _ => Ok(OptionValue::Expr(node.clone())),
        },
        _ => Ok(OptionValue::Expr(node.clone())),
    }
}

const fn is_number(literal: &Literal) -> bool {
    matches!(literal, Literal::Integer(_) | Literal::Decimal(_) | Literal::Double(_) | Literal::IntervalDayTime(_))
}

fn constant(node: &ExprNode, literal: &Literal, sign: &str) -> Result<OptionValue, Diagnostic> {
    Ok(match literal {
        Literal::Boolean(flag) => OptionValue::Boolean(*flag),
        Literal::String(text) => OptionValue::Text(text.clone()),
        Literal::Integer(digits) => OptionValue::Integer(
            format!("{sign}{digits}")
                .parse()
                .map_err(|_| Diagnostic::at(node.span, "the number is out of the range of a bigint"))?,
        ),
        Literal::Decimal(digits) | Literal::Double(digits) => {
            let number: f64 =
                format!("{sign}{digits}").parse().map_err(|_| Diagnostic::at(node.span, "this is not a number"))?;
            if !number.is_finite() {
                return Err(Diagnostic::at(node.span, "the number is out of the range of a double"));
            }
            OptionValue::Double(number)
        }
        Literal::IntervalDayTime(ms) if sign == "-" => OptionValue::Duration(ms.saturating_neg()),
        Literal::IntervalDayTime(ms) => OptionValue::Duration(*ms),
        Literal::Null
        | Literal::Bytes(_)
        | Literal::Date(_)
        | Literal::Time(_)
        | Literal::Timestamp(_)
        | Literal::IntervalYearMonth(_) => OptionValue::Expr(node.clone()),
    })
}

/// `on_error = 'fail' | 'skip' | 'dead_letter'`.
pub(super) fn on_error(options: &Options) -> Result<Option<OnError>, Diagnostic> {
    const WAYS: [(&str, OnError); 3] =
        [("fail", OnError::Fail), ("skip", OnError::Skip), ("dead_letter", OnError::DeadLetter)];
    let Some(typed) = options.text("on_error")? else { return Ok(None) };
    if let Some((_, way)) = WAYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(typed)) {
        return Ok(Some(*way));
    }
    let error = Diagnostic::new(format!("option `on_error` can't be '{typed}'"));
    let error = match nearest(typed, WAYS.map(|(name, _)| name)) {
        Some(near) => error.help(format!("did you mean '{near}'?")),
        None => error.help("write 'fail', 'skip' or 'dead_letter'"),
    };
    Err(placed(options, "on_error", error))
}

/// A duration above zero.
pub(super) fn positive_duration(options: &Options, name: &str) -> Result<Option<i64>, Diagnostic> {
    match options.duration(name)? {
        Some(ms) if ms <= 0 => {
            Err(placed(options, name, Diagnostic::new(format!("option `{name}` must be longer than 0s"))))
        }
        duration => Ok(duration),
    }
}

/// A whole number within `low..=high`.
pub(super) fn integer_in(options: &Options, name: &str, low: i64, high: i64) -> Result<Option<i64>, Diagnostic> {
    match options.integer(name)? {
        Some(number) if number < low || number > high => Err(placed(
            options,
            name,
            Diagnostic::new(format!("option `{name}` must be from {low} to {high}, not {number}")),
        )),
        number => Ok(number),
    }
}

/// The error, at the place of option `name`'s value.
pub(super) fn placed(options: &Options, name: &str, error: Diagnostic) -> Diagnostic {
    match options.get(name) {
        Some(value) => error.or_at(value.span),
        None => error,
    }
}
