//! `with (ttl = 1h)` behind a join.

use crate::api::StageArgs;
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::types::{Diagnostic, Spanned};

/// The options of a join.
#[derive(Debug, Default)]
pub(super) struct JoinOptions<'a> {
    options: &'a [(Spanned<String>, ExprNode)],
}

impl<'a> JoinOptions<'a> {
    /// The options typed, all of which are among `known`.
    pub(super) fn of(args: &'a StageArgs, known: &[&'static str]) -> Result<Self, Diagnostic> {
        let Some(options) = args.clause_options("with")? else { return Ok(Self::default()) };
        for (at, (name, _)) in options.iter().enumerate() {
            if !known.contains(&name.node.as_str()) {
                let error = Diagnostic::at(name.span, format!("this join has no option `{}`", name.node));
                return Err(match known {
                    [] => error.help("it has none at all"),
                    known => error.did_you_mean(&name.node, known.iter().copied()),
                });
            }
            if options[..at].iter().any(|(earlier, _)| earlier.node == name.node) {
                return Err(Diagnostic::at(name.span, format!("option `{}` is given twice", name.node)));
            }
        }
        Ok(Self { options })
    }

    fn get(&self, name: &str) -> Option<&'a ExprNode> {
        self.options.iter().find(|(option, _)| option.node == name).map(|(_, value)| value)
    }

    /// A duration, milliseconds, above 0.
    pub(super) fn duration(&self, name: &str) -> Result<Option<i64>, Diagnostic> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.node {
            Expr::Literal(Literal::IntervalDayTime(ms)) if ms > 0 => Ok(Some(ms)),
            _ => Err(Diagnostic::at(value.span, format!("option `{name}` takes a duration such as 1h, longer than 0"))),
        }
    }
}
