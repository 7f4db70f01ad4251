//! Signatures in words, for hints.

use std::fmt::Write as _;

use crate::api::{Clause, Shape};

/// A shape as it stands in a usage line.
pub(super) fn shape(shape: Shape) -> String {
    match shape {
        Shape::Expr => "EXPRESSION".to_owned(),
        Shape::Exprs { .. } => "EXPRESSION [as NAME], …".to_owned(),
        Shape::Duration => "DURATION".to_owned(),
        Shape::Integer => "N".to_owned(),
        Shape::Name => "NAME".to_owned(),
        Shape::Names => "NAME, …".to_owned(),
        Shape::Text => "'TEXT'".to_owned(),
        Shape::Keyword(words) => words.join("|"),
        Shape::Window => "WINDOW(…)".to_owned(),
        Shape::Sink => "SINK".to_owned(),
        Shape::Options => "(OPTION = VALUE, …)".to_owned(),
        Shape::Flag => String::new(),
        Shape::Subtask => "VERTEX[I]".to_owned(),
        Shape::Pipeline => "PIPELINE|NAME|run …".to_owned(),
    }
}

/// What is still to be typed: these arguments, then those that may be left out, then the clauses.
pub(super) fn rest<'a>(
    head: &[Shape],
    optional: &[Shape],
    clauses: impl IntoIterator<Item = &'a Clause>,
) -> Option<String> {
    let mut text = String::new();
    for &part in head {
        // Writing to a String cannot fail.
        let _ = write!(text, "{} ", shape(part));
    }
    for &part in optional {
        let _ = write!(text, "[{}] ", shape(part));
    }
    for clause in clauses {
        let typed = format!("{} {}", clause.keyword, shape(clause.shape));
        let typed = typed.trim_end();
        let _ = if clause.required { write!(text, "{typed} ") } else { write!(text, "[{typed}] ") };
    }
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}
