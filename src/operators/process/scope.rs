//! The names that a handler's expressions may read.

use super::program::{BUILT_IN, LOCALS_MAX, Program, State, Var};
use crate::api::StreamShape;
use crate::expr::ast::ExprNode;
use crate::expr::{Scope, TypedExpr, bind};
use crate::types::{Diagnostic, Field, LogicalType, Schema, Span, Spanned};

/// A name that expressions may read, and what it stands for.
struct Known {
    field: Field,
    var: usize,
}

/// The names of a handler: its variables, innermost last, the states, the row's columns.
pub(super) struct Names<'a> {
    program: &'a Program,
    /// The name that qualifies the row's columns.
    input: Option<&'a Spanned<String>>,
    /// The columns of the row that may be read, each with its position.
    columns: Vec<(usize, Field)>,
    /// All columns, and the built-in ones.
    pub(super) row: Schema,
    timer: bool,
    /// Whether the rows go to every instance.
    pub(super) to_all: bool,
    locals: Vec<Known>,
    /// The types of all variables so far.
    pub(super) types: Vec<LogicalType>,
}

impl<'a> Names<'a> {
    /// Of a handler of rows of `shape`, or of a timer: then only the columns of the key may be read.
    pub(super) fn new(program: &'a Program, shape: Option<&'a StreamShape>, to_all: bool) -> Self {
        let schema = shape.map_or(&program.keys, |shape| &shape.schema);
        let built_in = BUILT_IN.iter().map(|name| Field::new(*name, LogicalType::Timestamp));
        let row = Schema::new(schema.fields().iter().cloned().chain(built_in).collect::<Vec<_>>());
        let columns = schema.fields().iter().cloned().enumerate().collect();
        let input = shape.and_then(|shape| shape.name.as_ref());
        Self { program, input, columns, row, timer: shape.is_none(), to_all, locals: Vec::new(), types: Vec::new() }
    }

    /// The number of variables in sight, to go [back](Self::leave) to.
    pub(super) fn enter(&self) -> usize {
        self.locals.len()
    }

    /// Forgets the variables of a block.
    pub(super) fn leave(&mut self, locals: usize) {
        self.locals.truncate(locals);
    }

    /// A new variable, which hides others of its name.
    pub(super) fn declare(&mut self, name: &Spanned<String>, ty: LogicalType) -> Result<Var, Diagnostic> {
        if BUILT_IN.contains(&name.node.as_str()) {
            return Err(Diagnostic::at(name.span, format!("`{}` can't be the name of a variable", name.node)));
        }
        let var = self.hidden(ty.clone(), name.span)?;
        self.locals.push(Known { field: Field::new(&name.node, ty), var });
        Ok(var)
    }

    /// A new variable without a name.
    pub(super) fn hidden(&mut self, ty: LogicalType, span: Span) -> Result<Var, Diagnostic> {
        if self.types.len() == LOCALS_MAX {
            return Err(Diagnostic::at(span, format!("a handler has at most {LOCALS_MAX} variables")));
        }
        self.types.push(ty);
        Ok(self.program.local() + self.types.len() - 1)
    }

    /// The state or variable called `name`, and its type.
    pub(super) fn variable(&self, name: &Spanned<String>) -> Result<(Var, LogicalType), Diagnostic> {
        let of = |same: fn(&str, &str) -> bool| {
            let local = self.locals.iter().rev().find(|known| same(&known.field.name, &name.node));
            let local = local.map(|known| (known.var, known.field.ty.clone()));
            local.or_else(|| {
                let states = &self.program.states;
                let state = states.iter().position(|state| same(&state.name, &name.node));
                state.map(|state| (state, states[state].ty.clone()))
            })
        };
        if let Some(found) = of(|a, b| a == b).or_else(|| of(str::eq_ignore_ascii_case)) {
            return Ok(found);
        }
        if self.columns.iter().any(|(_, field)| field.name.eq_ignore_ascii_case(&name.node)) {
            return Err(Diagnostic::at(name.span, format!("`{}` is a column, which can't be changed", name.node)));
        }
        let states = self.program.states.iter().map(|state| state.name.as_str());
        let names = states.chain(self.locals.iter().map(|known| known.field.name.as_str()));
        Err(Diagnostic::at(name.span, format!("there is no state or variable `{}`", name.node))
            .did_you_mean(&name.node, names))
    }

    /// The state that `var` is, if it is one.
    pub(super) fn state(&self, var: Var) -> Option<&State> {
        self.program.states.get(var)
    }

    /// The names of timers.
    pub(super) fn timers(&self) -> &[String] {
        &self.program.timers
    }

    /// `expr`, typed.
    pub(super) fn expr(&self, expr: &ExprNode) -> Result<TypedExpr, Diagnostic> {
        self.bind(expr, &[])
    }

    /// `expr`, in which `others` are names too.
    pub(super) fn bind(&self, expr: &ExprNode, others: &[(&str, Var, LogicalType)]) -> Result<TypedExpr, Diagnostic> {
        self.scoped(others, |scope| bind(expr, scope)).and_then(|(bound, place)| {
            let bound = bound.remap(&|column| place[column]);
            let keyed = |column: usize| self.program.states.get(column).is_some_and(|state| !state.broadcast);
            // Each instance has its own part of the keys: what all have alike must not depend on it.
            if self.to_all && bound.columns().into_iter().any(keyed) {
                return Err(Diagnostic::at(expr.span, "a row that goes to every instance has no state of a key"));
            }
            Ok(bound)
        })
    }

    /// What `f` makes of the scope, and the place of each of its columns.
    pub(super) fn scoped<T>(
        &self,
        others: &[(&str, Var, LogicalType)],
        f: impl FnOnce(&Scope<'_>) -> Result<T, Diagnostic>,
    ) -> Result<(T, Vec<usize>), Diagnostic> {
        let first = self.program.first_column();
        let mut known: Vec<(Field, usize)> = Vec::new();
        let mut add = |field: Field, at: usize| {
            if !known.iter().any(|(earlier, _)| earlier.name.eq_ignore_ascii_case(&field.name)) {
                known.push((field, at));
            }
        };
        for (name, var, ty) in others {
            add(Field::new(*name, ty.clone()), *var);
        }
        for local in self.locals.iter().rev() {
            add(local.field.clone(), local.var);
        }
        for (at, state) in self.program.states.iter().enumerate() {
            add(Field::new(&state.name, state.ty.clone()), at);
        }
        let built_in = self.row.len() - BUILT_IN.len();
        for (at, name) in BUILT_IN.iter().enumerate().filter(|&(at, _)| self.timer || at != BUILT_IN.len() - 1) {
            add(Field::new(*name, LogicalType::Timestamp), first + built_in + at);
        }
        let hidden = |field: &Field| known.iter().any(|(known, _)| known.name.eq_ignore_ascii_case(&field.name));
        let columns: Vec<&(usize, Field)> = self.columns.iter().filter(|(_, field)| !hidden(field)).collect();
        let row = Schema::new(columns.iter().map(|(_, field)| field.clone()).collect::<Vec<_>>());
        let place = known.iter().map(|(_, at)| *at).chain(columns.iter().map(|(at, _)| first + at)).collect();
        let variables = Schema::new(known.into_iter().map(|(field, _)| field).collect::<Vec<_>>());
        let scope = Scope::named(None, &variables).and(self.input, &row);
        Ok((f(&scope)?, place))
    }
}
