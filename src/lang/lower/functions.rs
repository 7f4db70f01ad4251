//! `process …` and `function …` into the catalog.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::{Action, On, ProcessFunction, each_action};
use crate::expr::ast::UserFunction;
use crate::expr::{aggregate, function};
use crate::plan::{Catalog, Entry, check_name};
use crate::types::{Diagnostic, Spanned};

/// Defines a process function; returns what had its name before. Its expressions are typed where it is used, by the stream
/// that it reads; what can be told without is told here.
///
/// # Errors
/// A mistake in it, at its place.
pub fn define_process(catalog: &mut Catalog, process: &ProcessFunction) -> Result<Option<Entry>, Diagnostic> {
    check_name("process function", &process.name)?;
    let mut names = BTreeSet::new();
    for state in &process.states {
        if !names.insert(state.name.node.to_ascii_lowercase()) {
            return Err(Diagnostic::at(state.name.span, format!("there is a state `{}` already", state.name.node)));
        }
    }
    if !process.handlers.iter().any(|handler| !matches!(handler.on.node, On::Timer(_))) {
        return Err(Diagnostic::at(process.name.span, format!("`{}` handles no rows", process.name.node))
            .help("give it an `on event { … }`"));
    }
    let mut set: Vec<&str> = Vec::new();
    let mut result = Ok(());
    let handled = |name: &str| process.handler(&On::Timer(name.to_owned())).is_some();
    for handler in &process.handlers {
        each_action(&handler.body, &mut |action| {
            let (Action::Timer { name, .. } | Action::DeleteTimer { name }) = &action.node else { return };
            set.push(&name.node);
            if result.is_ok() && !handled(&name.node) {
                result = Err(unhandled(process, name));
            }
        });
    }
    result?;
    for handler in &process.handlers {
        if let On::Timer(name) = &handler.on.node
            && !set.contains(&name.as_str())
        {
            return Err(Diagnostic::at(handler.on.span, format!("nothing sets the timer `{name}`"))
                .did_you_mean(name, set.iter().copied()));
        }
    }
    Ok(catalog.define(Entry::Process(Arc::new(process.clone()))))
}

fn unhandled(process: &ProcessFunction, name: &Spanned<String>) -> Diagnostic {
    let timers = process
        .handlers
        .iter()
        .filter_map(|handler| if let On::Timer(name) = &handler.on.node { Some(name.as_str()) } else { None });
    let error = Diagnostic::at(name.span, format!("the timer `{}` has no `on timer {0}`", name.node));
    error.did_you_mean(&name.node, timers)
}

/// Defines a function; returns what had its name before.
///
/// # Errors
/// A mistake in it, at its place.
pub fn define_function(catalog: &mut Catalog, defined: &UserFunction) -> Result<Option<Entry>, Diagnostic> {
    let name = &defined.name;
    check_name("function", name)?;
    if function(&name.node).is_some() || aggregate::is_aggregate(&name.node) {
        return Err(Diagnostic::at(name.span, format!("`{}` is a function already, built in", name.node)));
    }
    let mut names = BTreeSet::new();
    for (param, _) in &defined.params {
        if !names.insert(param.node.to_ascii_lowercase()) {
            return Err(Diagnostic::at(param.span, format!("the parameter `{}` is given twice", param.node)));
        }
    }
    crate::plan::check_function(catalog, defined)?;
    Ok(catalog.define(Entry::Function(Arc::new(defined.clone()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Registries;
    use crate::lang::ast::Statement;
    use crate::lang::parse;

    /// The errors with which statements are refused, one after the other.
    fn refused(text: &str) -> String {
        let mut catalog = Catalog::new();
        let statements = parse(text, &Registries::default()).unwrap_or_else(|error| panic!("{error}"));
        let errors = statements.iter().filter_map(|statement| {
            if let Statement::Process(process) = &statement.node {
                define_process(&mut catalog, process).err()
            } else if let Statement::Function(function) = &statement.node {
                define_function(&mut catalog, function).err()
            } else {
                panic!("{:?}", statement.node)
            }
        });
        errors.map(|error| error.render(text, "test", false)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_can_be_told_when_a_process_function_is_defined_is() {
        let found = [
            "process p { state n bigint; state N bigint; on event { } }",
            "process p { on timer t { } }",
            "process p { on event { timer expire at event_time; } on timer expiry { } }",
            "process p { on event { } on timer t { } }",
        ];
        let found = found.map(refused).join("\n");
        insta::assert_snapshot!(found);
        assert_eq!(refused("process p { on event { emit nothing; } }"), "", "columns are known where it is used");
    }

    #[test]
    fn a_function_is_typed_when_it_is_defined() {
        let found = [
            "function f(x bigint) returns bigint = x * y",
            "function f(x bigint) returns bigint = upper(x)",
            "function f(x bigint) returns bigint = 'text'",
            "function f(x bigint, X string) returns bigint = 1",
            "function upper(x bigint) returns bigint = 1",
            "function f(x bigint) returns bigint = f(x - 1)",
            "function twice(x bigint) returns bigint = x * 2; function f(s string) returns bigint = twice(s)",
            "function twice(x bigint) returns bigint = x * 2; function f(s string) returns bigint = twice(1, 2)",
        ];
        let found = found.map(refused).join("\n");
        insta::assert_snapshot!(found);
        assert_eq!(
            refused(
                "function twice(x bigint) returns bigint = x * 2; function four() returns double = twice(twice(1))"
            ),
            ""
        );
    }
}
