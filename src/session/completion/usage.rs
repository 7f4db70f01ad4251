//! The usage that is still to be typed, in words, for hints.

use std::fmt::Write as _;

use super::options::{connector, option_of};
use super::words::is_further;
use crate::api::{Clause, Registries, Shape};
use crate::lang::{Expectation, Expected, Frame, Kind};

/// The usage that is still to be typed: these arguments, then those that may be left out, then the clauses.
pub(super) fn rest<'a>(
    head: &[Shape],
    optional: &[Shape],
    clauses: impl IntoIterator<Item = &'a Clause>,
) -> Option<String> {
    let mut text = String::new();
    for &part in head {
        // Writing to a String cannot fail.
        let _ = write!(text, "{} ", part.usage());
    }
    for &part in optional {
        let _ = write!(text, "[{}] ", part.usage());
    }
    for clause in clauses {
        let typed = format!("{} {}", clause.keyword, clause.shape.usage());
        let typed = typed.trim_end();
        let _ = if clause.required { write!(text, "{typed} ") } else { write!(text, "[{typed}] ") };
    }
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The usage that is still to be typed where `items` may stand.
pub(super) fn of(registries: &Registries, items: &[Expectation]) -> Option<String> {
    let further: Vec<&str> = items.iter().filter_map(is_further).collect();
    if !further.is_empty() {
        return Some(further.join("|"));
    }
    items.iter().find_map(|item| of_one(registries, item)).or_else(|| {
        let clauses = items.iter().filter_map(|item| match item.expected {
            Expected::Clause(clause, 0) => Some(clause),
            Expected::Clause(..) | Expected::Exactly(_) | Expected::Kind(_) | Expected::Argument(_) => None,
        });
        rest(&[], &[], clauses)
    })
}

fn of_one(registries: &Registries, item: &Expectation) -> Option<String> {
    let text = match (item.expected, item.within.last()) {
        (Expected::Argument(_), Some(Frame::Arguments { clause: Some(clause), .. })) => clause.shape.usage(),
        (Expected::Argument(_), Some(Frame::Arguments { signature, argument, .. })) => {
            let head = signature.head.get(*argument..).unwrap_or_default();
            let optional = signature.optional.get(argument.saturating_sub(signature.head.len())..).unwrap_or_default();
            return rest(head, optional, signature.clauses);
        }
        (Expected::Kind(Kind::Arguments), Some(Frame::Call(name))) => return arguments_of(name),
        (Expected::Exactly("("), Some(Frame::Window(name))) => format!("({}", window(registries, name)?),
        (Expected::Kind(Kind::Arguments), Some(Frame::Window(name))) => window(registries, name)?,
        (Expected::Kind(Kind::Expression), Some(Frame::Option(name))) => {
            option_of(registries, &item.within, name)?.values.to_owned()
        }
        (Expected::Kind(Kind::Target), Some(Frame::Connector { name, sink })) => {
            let target = connector(registries, name)?.target?;
            let target = if target.starts_with('\'') { target.to_owned() } else { format!("'{target}'") };
            if *sink { format!("{target} [with (…)]") } else { target }
        }
        (Expected::Exactly("("), Some(Frame::Options(_))) => "(OPTION = VALUE, …)".to_owned(),
        (Expected::Exactly("("), Some(Frame::Columns)) => "(NAME TYPE, …)".to_owned(),
        (Expected::Kind(Kind::Name), Some(Frame::Columns)) => "NAME TYPE, …".to_owned(),
        (Expected::Kind(Kind::Name), Some(Frame::Arguments { .. })) => "NAME".to_owned(),
        (Expected::Kind(Kind::OptionName), _) => "OPTION = VALUE, …".to_owned(),
        (Expected::Kind(Kind::NewSource), _) => "NAME from CONNECTOR …".to_owned(),
        (Expected::Kind(Kind::NewSink), _) => "NAME to CONNECTOR …".to_owned(),
        (Expected::Kind(Kind::NewStream), _) => "NAME = PIPELINE".to_owned(),
        (Expected::Kind(Kind::NewJob), _) => {
            "NAME [from latest|savepoint 'DIR'|checkpoint N] [with (…)] = PIPELINE".to_owned()
        }
        (Expected::Kind(Kind::SourceConnector), _) => {
            "CONNECTOR ['TARGET'] [columns (…)] [event_time …] [with (…)]".to_owned()
        }
        (Expected::Kind(Kind::SinkConnector), _) => "CONNECTOR ['TARGET'] [with (…)]".to_owned(),
        (Expected::Kind(Kind::Stream), _) => "SOURCE|STREAM".to_owned(),
        (Expected::Kind(Kind::Stage), _) => "STAGE".to_owned(),
        (Expected::Kind(Kind::Duration), _) => "DURATION, such as 4s".to_owned(),
        (Expected::Exactly(_) | Expected::Clause(..) | Expected::Kind(_) | Expected::Argument(_), _) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The arguments of the window function `name`, with the closing bracket.
fn window(registries: &Registries, name: &str) -> Option<String> {
    registries.windows.iter().find(|window| window.name == name).map(|window| format!("{})", window.arguments))
}

/// The arguments of the function called `typed`, with the closing bracket.
fn arguments_of(typed: &str) -> Option<String> {
    if let Some(function) = crate::expr::function(typed) {
        let signature = function.signature;
        return signature.split_once('(').map(|(_, arguments)| arguments.to_owned());
    }
    let aggregates = crate::expr::aggregate::aggregates();
    let found = aggregates
        .iter()
        .find(|spec| std::iter::once(&spec.name).chain(spec.aliases).any(|name| name.eq_ignore_ascii_case(typed)))?;
    Some(format!("{})", found.arguments))
}
