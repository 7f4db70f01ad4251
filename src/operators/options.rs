//! `with (ttl = 1h)` behind a stage.

use crate::api::StageArgs;
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::types::{Diagnostic, Spanned};

/// The options of a stage.
#[derive(Debug)]
pub(super) struct StageOptions<'a> {
    options: &'a [(Spanned<String>, ExprNode)],
}

impl<'a> StageOptions<'a> {
    /// The options typed, all of which are among `known`.
    ///
    /// # Errors
    /// An unknown one, with the near name, and one that is typed twice.
    pub(super) fn of(args: &'a StageArgs, known: &[&'static str]) -> Result<Self, Diagnostic> {
        Self::named(&format!("`{}`", args.name.node), args, known)
    }

    /// As [`of`](Self::of), where messages call the stage `name`.
    pub(super) fn named(name: &str, args: &'a StageArgs, known: &[&'static str]) -> Result<Self, Diagnostic> {
        let options = args.clause_options("with")?.map_or(&[][..], Vec::as_slice);
        for (at, (option, _)) in options.iter().enumerate() {
            if !known.iter().any(|known| known.eq_ignore_ascii_case(&option.node)) {
                let message = format!("{name} has no option `{}`", option.node);
                let error = Diagnostic::at(option.span, message).did_you_mean(&option.node, known.iter().copied());
                return Err(if error.help.is_some() {
                    error
                } else if known.is_empty() {
                    error.help("it has none at all")
                } else {
                    error.help(format!("it has {}", known.join(", ")))
                });
            }
            if options[..at].iter().any(|(earlier, _)| earlier.node.eq_ignore_ascii_case(&option.node)) {
                return Err(Diagnostic::at(option.span, format!("option `{}` is given twice", option.node)));
            }
        }
        Ok(Self { options })
    }

    fn get(&self, name: &str) -> Option<&'a ExprNode> {
        self.options.iter().find(|(option, _)| option.node.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A duration, milliseconds, above 0.
    pub(super) fn duration(&self, name: &str) -> Result<Option<i64>, Diagnostic> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if let Expr::Literal(Literal::IntervalDayTime(ms)) = value.node
            && ms > 0
        {
            return Ok(Some(ms));
        }
        Err(Diagnostic::at(value.span, format!("option `{name}` takes a duration such as 1h, longer than 0")))
    }

    /// A number from 1 to `most`.
    pub(super) fn count(&self, name: &str, most: usize) -> Result<Option<usize>, Diagnostic> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if let Expr::Literal(Literal::Integer(digits)) = &value.node
            && let Ok(count @ 1..) = digits.parse::<usize>()
            && count <= most
        {
            return Ok(Some(count));
        }
        Err(Diagnostic::at(value.span, format!("option `{name}` takes a whole number from 1 to {most}")))
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Diagnostic> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if let Expr::Literal(Literal::Boolean(flag)) = value.node {
            return Ok(Some(flag));
        }
        Err(Diagnostic::at(value.span, format!("option `{name}` takes true or false")))
    }

    /// A text, and its place.
    pub(super) fn text(&self, name: &str) -> Result<Option<Spanned<&'a str>>, Diagnostic> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if let Expr::Literal(Literal::String(text)) = &value.node {
            return Ok(Some(Spanned::new(text, value.span)));
        }
        Err(Diagnostic::at(value.span, format!("option `{name}` takes a text in single quotes")))
    }
}
