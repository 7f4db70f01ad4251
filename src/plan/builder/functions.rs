//! Functions by name: process functions, and the expression functions that calls stand for.

use std::sync::Arc;

use super::{Builder, Named, Names, unusable};
use crate::api::{
    Action, Arg, EvictorCall, NamedExpr, ProcessFunction, SelectItem, StageArgs, StateKind, TriggerCall, TriggerWhen,
    WatermarkClause,
};
use crate::expr::ast::{Call, Expr, ExprNode, UserFunction};
use crate::expr::bind_as;
use crate::plan::definitions::EntryKind;
use crate::plan::name::unknown;
use crate::types::{Diagnostic, Field, Schema, Spanned};

/// Functions that may be defined of one another, and of themselves: they would never end.
const DEEPEST_FUNCTION: usize = 50;

impl Builder<'_> {
    /// The process function called `name`, with the functions that it calls put into its expressions.
    ///
    /// # Errors
    /// When there is none, with the near name.
    pub fn process_function(&self, name: &Spanned<String>) -> Result<Arc<ProcessFunction>, Diagnostic> {
        let function = match self.names.find(&name.node) {
            Some(Named::Process(function)) => function,
            Some(Named::Broken(called, kind @ EntryKind::Process, error)) => {
                return Err(unusable(called, kind, error, name.span));
            }
            Some(other) => {
                let message = format!("`{}` is no process function", other.name());
                return Err(Diagnostic::at(name.span, message).help("`process name { … }` defines one"));
            }
            None => {
                let known = self.names.all().filter(|(_, kind)| *kind == EntryKind::Process).map(|(name, _)| name);
                return Err(unknown("process function", name, known));
            }
        };
        let mut expanded = ProcessFunction::clone(function);
        let mut each = |expr: &mut ExprNode| self.expand(expr, 0);
        for state in &mut expanded.states {
            match &mut state.kind {
                StateKind::Value(_) => {}
                StateKind::Reducing(_, by) => each(by)?,
                StateKind::Aggregating(call) => call.args.iter_mut().try_for_each(&mut each)?,
            }
        }
        for handler in &mut expanded.handlers {
            actions(&mut handler.body, &mut each)?;
        }
        Ok(Arc::new(expanded))
    }

    /// The arguments of a stage, with the functions that they call put into their expressions.
    ///
    /// # Errors
    /// When a function can't be used.
    pub fn with_functions(&self, args: &StageArgs) -> Result<StageArgs, Diagnostic> {
        let mut args = args.clone();
        let mut each = |expr: &mut ExprNode| self.expand(expr, 0);
        for arg in args.head.iter_mut().chain(args.clauses.iter_mut().map(|(_, arg)| arg)) {
            match arg {
                Arg::Expr(expr) => each(expr)?,
                Arg::Exprs(items) => {
                    for item in items {
                        if let SelectItem::Expr(NamedExpr { expr, .. }) = item {
                            each(expr)?;
                        }
                    }
                }
                // Those of the stages, when they are bound.
                Arg::Rounds(rounds) => rounds.until.iter_mut().try_for_each(&mut each)?,
                Arg::Window(call) => call.args.iter_mut().try_for_each(&mut each)?,
                Arg::Order(items) => items.iter_mut().try_for_each(|item| each(&mut item.expr))?,
                Arg::Trigger(TriggerCall { when: TriggerWhen::Delta(by, of), .. })
                | Arg::Evictor(EvictorCall::Delta(by, of)) => {
                    each(by)?;
                    each(of)?;
                }
                Arg::Watermark(WatermarkClause::Behind { when: Some(expr), .. } | WatermarkClause::As(expr)) => {
                    each(expr)?;
                }
                Arg::Trigger(_)
                | Arg::Watermark(_)
                | Arg::Evictor(_)
                | Arg::Duration(_)
                | Arg::Integer(_)
                | Arg::Name(_)
                | Arg::Names(_)
                | Arg::Stream(_)
                | Arg::Pattern(_)
                | Arg::Range(_)
                | Arg::Options(_)
                | Arg::Flag
                | Arg::Subtask(..)
                | Arg::Pipeline(_)
                | Arg::Run(_)
                | Arg::File { .. }
                | Arg::Sink { .. } => {}
            }
        }
        Ok(args)
    }

    fn expand(&self, expr: &mut ExprNode, depth: usize) -> Result<(), Diagnostic> {
        expand(self.names, expr, depth)
    }
}

/// Checks the body of a function that is being defined.
///
/// # Errors
/// A mistake in it, at its place.
pub fn check_function(names: &dyn Names, function: &UserFunction) -> Result<(), Diagnostic> {
    let mut body = function.body.clone();
    refuse_calls_of(&function.name.node, &mut body)?;
    expand(names, &mut body, 1)?;
    let fields = function.params.iter().map(|(name, ty)| Field::new(&name.node, ty.node.clone()));
    let params = Schema::new(fields.collect::<Vec<_>>());
    bind_as(&body, &params, &function.returns.node).map(|_| ())
}

fn refuse_calls_of(name: &str, expr: &mut ExprNode) -> Result<(), Diagnostic> {
    if let Expr::Call(call) = &expr.node
        && call.name.node.eq_ignore_ascii_case(name)
    {
        return Err(Diagnostic::at(call.name.span, format!("`{name}` calls itself")));
    }
    expr.node.each_part(&mut |part| refuse_calls_of(name, part))
}

/// Puts the functions that `expr` calls in the place of their names.
fn expand(names: &dyn Names, expr: &mut ExprNode, depth: usize) -> Result<(), Diagnostic> {
    expr.node.each_part(&mut |part| expand(names, part, depth))?;
    let Expr::Call(call) = &mut expr.node else { return Ok(()) };
    let Some(function) = defined(names, call)? else { return Ok(()) };
    if depth >= DEEPEST_FUNCTION {
        let message = format!("`{}` calls itself, or functions stand too deep in one another", function.name.node);
        return Err(Diagnostic::at(call.name.span, message));
    }
    let mut own = UserFunction::clone(&function);
    expand(names, &mut own.body, depth + 1)
        .map_err(|error| error.inside(&format!("in function `{}`", own.name.node), call.name.span))?;
    expr.node = Expr::Apply(Arc::new(own), std::mem::take(&mut call.args));
    Ok(())
}

/// The function that a person has defined and `call` names.
fn defined(names: &dyn Names, call: &Call) -> Result<Option<Arc<UserFunction>>, Diagnostic> {
    // What is built in goes before what is defined, so that nothing changes its meaning.
    if crate::expr::function(&call.name.node).is_some() || crate::expr::aggregate::is_aggregate(&call.name.node) {
        return Ok(None);
    }
    match names.find(&call.name.node) {
        Some(Named::Function(_)) if call.star || call.distinct || call.filter.is_some() => {
            Err(Diagnostic::at(call.name.span, format!("`{}` is not an aggregate", call.name.node)))
        }
        Some(Named::Function(function)) => Ok(Some(Arc::clone(function))),
        Some(Named::Broken(called, kind @ EntryKind::Function, error)) => {
            Err(unusable(called, kind, error, call.name.span))
        }
        _ => Ok(None),
    }
}

type Each<'f> = &'f mut dyn FnMut(&mut ExprNode) -> Result<(), Diagnostic>;

fn actions(body: &mut [Spanned<Action>], f: Each<'_>) -> Result<(), Diagnostic> {
    for action in body {
        match &mut action.node {
            Action::Let { value, .. } => f(value)?,
            Action::Set { index, value, .. } => {
                index.iter_mut().try_for_each(&mut *f)?;
                f(value)?;
            }
            Action::Add { value, .. } => value.iter_mut().try_for_each(&mut *f)?,
            Action::Clear { index, .. } => index.iter_mut().try_for_each(&mut *f)?,
            Action::If { branches, otherwise } => {
                for (condition, body) in branches {
                    f(condition)?;
                    actions(body, f)?;
                }
                actions(otherwise, f)?;
            }
            Action::For { of, body, .. } => {
                f(of)?;
                actions(body, f)?;
            }
            Action::While { condition, body } => {
                f(condition)?;
                actions(body, f)?;
            }
            Action::Emit { items, .. } => items.iter_mut().try_for_each(|item| f(&mut item.expr))?,
            Action::Timer { at, .. } => f(at)?,
            Action::DeleteTimer { .. } => {}
        }
    }
    Ok(())
}
