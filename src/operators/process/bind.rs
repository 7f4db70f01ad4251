//! From a process function as typed, and the streams that it reads, to a program.

use std::collections::HashSet;

use super::program::{Act, BUILT_IN, Handler, Op, Program, State, TIMERS, Var, WATERMARK, each_emit};
use super::scope::Names;
use crate::api::{Action, On, ProcessFunction, SideOutput, StateKind, StreamShape, WindowSpec, Windows};
use crate::expr::aggregate::{AggregateCall, bind_aggregate};
use crate::expr::ast::{Expr, ExprNode};
use crate::expr::rowwise::Key;
use crate::expr::{TypedExpr, coerce, common_type};
use crate::operators::select::{fresh_name, name_of};
use crate::types::{Diagnostic, Field, LogicalType, Schema, Span, Spanned};

type Actions = [Spanned<Action>];

/// The program that `function` is over streams of these shapes: one, or two that are connected; or the shape of what it reads
/// of a window.
///
/// # Errors
/// A mistake, at its place in the definition of the function.
pub(super) fn program(
    function: &ProcessFunction,
    inputs: &[StreamShape],
    broadcast: bool,
    window: Option<&WindowSpec>,
) -> Result<Program, Diagnostic> {
    let left = &inputs[0];
    let keys = left.keys.as_deref().unwrap_or_default();
    let keyed = left.keys.is_some();
    let mut program = Program {
        name: function.name.node.clone(),
        keys: left.schema.project(keys),
        inputs: inputs.iter().map(|of| (of.schema.clone(), of.keys.clone().unwrap_or_default())).collect(),
        broadcast,
        states: Vec::new(),
        timers: Vec::new(),
        times: [false; 2],
        output: Schema::new([]),
        sides: Vec::new(),
        handlers: Vec::new(),
    };
    let mut binder =
        Binder { function, outputs: vec![Emitted::default()], sides: Vec::new(), event_time: true, keyed, window };
    binder.event_time = inputs.iter().all(|shape| shape.time.event_time);
    for handler in &function.handlers {
        if let On::Timer(name) = &handler.on.node {
            program.timers.push(name.clone());
        }
    }
    for state in &function.states {
        program.states.push(binder.state(state, inputs)?);
    }
    let expected: &[On] = match inputs.len() {
        1 if window.is_some() => &[On::Window],
        1 => &[On::Event],
        _ => &[On::Left, On::Right],
    };
    for handler in &function.handlers {
        let shape = match &handler.on.node {
            On::Timer(_) if window.is_some() => {
                return Err(Diagnostic::at(handler.on.span, "a function over windows has no timers")
                    .help("when it runs is said by the window and its `trigger`"));
            }
            On::Timer(_) => None,
            On::Window if window.is_none() => {
                return Err(Diagnostic::at(handler.on.span, "there is no window whose rows it could have")
                    .help("put one before: … | window tumble(10s) | process …"));
            }
            on @ (On::Event | On::Left | On::Right | On::Window) => match expected
                .iter()
                .position(|expected| expected == on)
            {
                Some(input) => Some((input, &inputs[input])),
                None if window.is_some() => {
                    return Err(Diagnostic::at(handler.on.span, "behind a window its rows are handled by `on window`")
                        .help("they are the list `rows`: for r in rows { … r.price … }"));
                }
                None if inputs.len() == 1 => {
                    return Err(Diagnostic::at(
                        handler.on.span,
                        "there is one input: its rows are handled by `on event`",
                    )
                    .help("`connect s` in front of the stage gives it a second one"));
                }
                None => {
                    return Err(Diagnostic::at(
                        handler.on.span,
                        "there are two inputs: `on left` and `on right` handle them",
                    ));
                }
            },
        };
        let to_all = broadcast && handler.on.node == On::Right;
        let mut names = Names::new(&program, shape.map(|(_, shape)| shape), to_all);
        let body = binder.body(&handler.body, &mut names)?;
        let (columns, locals) = (names.row, names.types);
        program.handlers.push(Handler { on: handler.on.node.clone(), columns, locals, body });
    }
    if window.is_some() && program.handlers.is_empty() {
        return Err(Diagnostic::at(function.name.span, "there is no `on window { … }` for the rows of a window"));
    }
    binder.finish(program)
}

/// What is emitted to an output.
#[derive(Debug, Default)]
struct Emitted {
    fields: Vec<Field>,
    /// The first emission.
    span: Option<Span>,
}

struct Binder<'a> {
    function: &'a ProcessFunction,
    /// The main output, then side outputs.
    outputs: Vec<Emitted>,
    /// The names of side outputs.
    sides: Vec<String>,
    event_time: bool,
    keyed: bool,
    window: Option<&'a WindowSpec>,
}

impl Binder<'_> {
    fn state(&self, state: &crate::api::StateDecl, inputs: &[StreamShape]) -> Result<State, Diagnostic> {
        let name = &state.name;
        match (state.per_window, self.window) {
            (Some(span), None) => {
                return Err(Diagnostic::at(span, "there is no window that it could be of").help("put one before"));
            }
            (Some(span), Some(WindowSpec { windows: Windows::Session(_), .. })) => {
                return Err(Diagnostic::at(span, "sessions merge, and state of one can't follow them")
                    .help("so it is in Flink too; without `per window` it is state of the key"));
            }
            _ => {}
        }
        if BUILT_IN.iter().chain(&TIMERS).chain([&WATERMARK.name]).any(|taken| taken.eq_ignore_ascii_case(&name.node)) {
            return Err(Diagnostic::at(name.span, format!("`{}` can't be the name of a state", name.node)));
        }
        let broadcast = state.broadcast.is_some();
        if let Some(span) = state.broadcast.filter(|_| inputs.len() == 1) {
            return Err(Diagnostic::at(span, "there is no stream to fill it")
                .help("`connect s broadcast` in front of the stage gives one"));
        }
        if !broadcast && !self.keyed {
            return Err(Diagnostic::at(name.span, "the stream has no key to keep state of").help("put `key_by` before"));
        }
        for shape in inputs {
            if shape.schema.index_of(&name.node).is_some() {
                return Err(Diagnostic::at(name.span, format!("the stream has a column `{}` too", name.node))
                    .help("give the state another name"));
            }
        }
        let (ty, aggregate) = match &state.kind {
            StateKind::Value(ty) | StateKind::Reducing(ty, _) => (ty.clone(), None),
            StateKind::Aggregating(call) => {
                let call = aggregate_of(call, inputs)?;
                (Spanned::new(call.ty.clone(), name.span), Some(call))
            }
        };
        if let LogicalType::Map(key, _) = &ty.node
            && aggregate.is_none()
            && !Key::can_be(key)
        {
            return Err(Diagnostic::at(ty.span, format!("a map can't have keys of type {key}")));
        }
        if ty.node == LogicalType::Null {
            return Err(Diagnostic::at(ty.span, "a state needs a type"));
        }
        // A key has one window that has no end.
        let bounded = self.window.is_some_and(|window| window.windows.have_bounds());
        let per_window = bounded && state.per_window.is_some();
        Ok(State { name: name.node.clone(), ty: ty.node, aggregate, ttl: state.ttl, broadcast, per_window })
    }

    fn body(&mut self, actions: &Actions, names: &mut Names<'_>) -> Result<Vec<Act>, Diagnostic> {
        let outer = names.enter();
        let mut body = Vec::with_capacity(actions.len());
        for action in actions {
            let line = self.function.line(action.span).0;
            let op = self.action(action, names, &mut body)?;
            body.push(Act { line, op });
        }
        names.leave(outer);
        Ok(body)
    }

    /// The operation that `action` is; what must be done before it goes to `before`.
    fn action(
        &mut self,
        action: &Spanned<Action>,
        names: &mut Names<'_>,
        before: &mut Vec<Act>,
    ) -> Result<Op, Diagnostic> {
        let line = self.function.line(action.span).0;
        Ok(match &action.node {
            Action::Let { name, ty, value } => {
                let value = names.expr(value)?;
                let value = match ty {
                    Some(ty) => coerce(value, &ty.node)?,
                    // A counter that begins as 0 is not to be of 32 bits.
                    None if value.ty().is_integer() => coerce(value, &LogicalType::BigInt)?,
                    None => value,
                };
                if *value.ty() == LogicalType::Null {
                    return Err(Diagnostic::at(name.span, format!("what type is `{}`?", name.node))
                        .help(format!("write it: let {} bigint = null", name.node)));
                }
                if let LogicalType::Map(key, _) = value.ty()
                    && !Key::can_be(key)
                {
                    return Err(Diagnostic::at(name.span, format!("a map can't have keys of type {key}")));
                }
                Op::Set(names.declare(name, value.ty().clone())?, value)
            }
            Action::Set { name, index, value } => {
                let (var, ty) = Self::written(name, names)?;
                match index {
                    None => {
                        Self::no_aggregate(name, var, names)?;
                        Op::Set(var, coerce(names.expr(value)?, &ty)?)
                    }
                    Some(index) => {
                        let (index, item) = item(name, names.expr(index)?, &ty)?;
                        Op::SetItem(var, index, coerce(names.expr(value)?, &item)?)
                    }
                }
            }
            Action::Add { name, value } => {
                let (var, ty) = Self::written(name, names)?;
                self.add(name, var, &ty, value.as_ref(), names, (before, line))?
            }
            Action::Clear { name, index } => {
                let (var, ty) = Self::written(name, names)?;
                match index {
                    None => Op::Clear(var),
                    Some(index) => Op::ClearItem(var, item(name, names.expr(index)?, &ty)?.0),
                }
            }
            Action::If { branches, otherwise } => {
                let mut bound = Vec::with_capacity(branches.len());
                for (condition, body) in branches {
                    let condition = coerce(names.expr(condition)?, &LogicalType::Boolean)?;
                    bound.push((condition, self.body(body, names)?));
                }
                Op::If(bound, self.body(otherwise, names)?)
            }
            Action::While { condition, body } => {
                let condition = coerce(names.expr(condition)?, &LogicalType::Boolean)?;
                Op::While(condition, self.body(body, names)?)
            }
            Action::For { names: declared, of, body } => self.each(declared, of, body, names)?,
            Action::Emit { items, to } => {
                let output = to.as_ref().map_or(0, |to| self.side(to));
                self.emit(output, items, action.span, names)?
            }
            Action::Timer { name, at } => self.timer(name, at, names)?,
            Action::DeleteTimer { name } => Op::DeleteTimer(self.timer_number(name, names)?),
        })
    }

    /// The state or variable that an action changes.
    fn written(name: &Spanned<String>, names: &Names<'_>) -> Result<(Var, LogicalType), Diagnostic> {
        let (var, ty) = names.variable(name)?;
        if let Some(state) = names.state(var) {
            if state.broadcast && !names.to_all {
                return Err(Diagnostic::at(
                    name.span,
                    "broadcast state is the same in every instance: only `on right` changes it",
                ));
            }
            if !state.broadcast && names.to_all {
                return Err(Diagnostic::at(name.span, "a row that goes to every instance has no state of a key"));
            }
        }
        Ok((var, ty))
    }

    fn no_aggregate(name: &Spanned<String>, var: Var, names: &Names<'_>) -> Result<(), Diagnostic> {
        match names.state(var).and_then(|state| state.aggregate.as_ref()) {
            Some(_) => Err(Diagnostic::at(name.span, format!("`{}` is aggregated", name.node))
                .help(format!("write `add to {0};` or `clear {0};`", name.node))),
            None => Ok(()),
        }
    }

    fn add(
        &mut self,
        name: &Spanned<String>,
        var: Var,
        ty: &LogicalType,
        value: Option<&ExprNode>,
        names: &mut Names<'_>,
        (before, line): (&mut Vec<Act>, usize),
    ) -> Result<Op, Diagnostic> {
        let declared = self.function.states.iter().find(|state| state.name.node.eq_ignore_ascii_case(&name.node));
        let kind = declared.filter(|_| names.state(var).is_some()).map(|state| &state.kind);
        if let Some(StateKind::Aggregating(call)) = kind {
            if let Some(value) = value {
                return Err(Diagnostic::at(
                    value.span,
                    format!("what is added stands in the definition of `{}`", name.node),
                )
                .help(format!("write `add to {};`", name.node)));
            }
            let (bound, place) = names.scoped(&[], |scope| bind_aggregate(call, scope))?;
            let moved = |expr: &TypedExpr| expr.remap(&|column| place[column]);
            return Ok(Op::Accumulate(var, bound.args.iter().map(moved).collect(), bound.filter.as_ref().map(moved)));
        }
        let Some(value) = value else {
            return Err(Diagnostic::at(name.span, format!("what is to be added to `{}`?", name.node))
                .help(format!("add … to {}", name.node)));
        };
        let bound = names.expr(value)?;
        match (kind, ty) {
            (Some(StateKind::Reducing(ty, by)), _) => {
                let added = names.hidden(ty.node.clone(), value.span)?;
                before.push(Act { line, op: Op::Set(added, coerce(bound, &ty.node)?) });
                let sides = [("left", var, ty.node.clone()), ("right", added, ty.node.clone())];
                Ok(Op::Fold(var, added, coerce(names.bind(by, &sides)?, &ty.node)?))
            }
            (_, LogicalType::Array(item)) => Ok(Op::Push(var, coerce(bound, item)?)),
            _ => Err(Diagnostic::at(name.span, format!("nothing can be added to `{}`: it is {ty}", name.node))
                .help("it can to a list, and to reducing and aggregating state")),
        }
    }

    fn each(
        &mut self,
        declared: &[Spanned<String>],
        of: &ExprNode,
        body: &Actions,
        names: &mut Names<'_>,
    ) -> Result<Op, Diagnostic> {
        let bound = names.expr(of)?;
        let outer = names.enter();
        let types = match (bound.ty(), declared) {
            (LogicalType::Array(item), [_]) => vec![(**item).clone()],
            (LogicalType::Map(key, value), [_, _]) => vec![(**key).clone(), (**value).clone()],
            (LogicalType::Map(key, _), [_]) => vec![(**key).clone()],
            (LogicalType::Array(_), _) => {
                return Err(Diagnostic::at(declared[1].span, "a list has items alone"));
            }
            (ty, _) => return Err(Diagnostic::at(of.span, format!("expected a list or a map, found {ty}"))),
        };
        if let LogicalType::Map(key, _) = bound.ty()
            && !Key::can_be(key)
        {
            return Err(Diagnostic::at(of.span, format!("a map with keys of type {key} can't be gone through")));
        }
        let list = names.hidden(bound.ty().clone(), of.span)?;
        let vars = declared.iter().zip(types).map(|(name, ty)| names.declare(name, ty)).collect::<Result<_, _>>()?;
        let body = self.body(body, names)?;
        names.leave(outer);
        Ok(Op::For(list, vars, bound, body))
    }

    /// The number of the output called `name`.
    fn side(&mut self, name: &Spanned<String>) -> usize {
        let found = self.sides.iter().position(|known| *known == name.node);
        1 + found.unwrap_or_else(|| {
            self.sides.push(name.node.clone());
            self.outputs.push(Emitted::default());
            self.sides.len() - 1
        })
    }

    fn emit(
        &mut self,
        output: usize,
        items: &[crate::api::NamedExpr],
        span: Span,
        names: &Names<'_>,
    ) -> Result<Op, Diagnostic> {
        let mut values = Vec::with_capacity(items.len());
        let mut fields = Vec::with_capacity(items.len());
        let mut taken = HashSet::new();
        for (position, item) in items.iter().enumerate() {
            let value = names.expr(&item.expr)?;
            let (name, place) = name_of(item, position);
            fresh_name(&mut taken, &name, place)?;
            if *value.ty() == LogicalType::Null {
                return Err(Diagnostic::at(item.expr.span, format!("what type is `{name}`?"))
                    .help("cast it: cast(null as bigint)"));
            }
            fields.push(Field { name, ty: value.ty().clone(), nullable: true });
            values.push(value);
        }
        let emitted = &mut self.outputs[output];
        let Some(first) = emitted.span else {
            *emitted = Emitted { fields, span: Some(span) };
            return Ok(Op::Emit(output, values));
        };
        let other = |what: String| {
            let error = Diagnostic::at(span, what).also(first, "the columns are those of this one");
            Err(error.help("every emission to an output has the same columns in the same order"))
        };
        if emitted.fields.len() != fields.len() {
            return other(format!("{} columns are emitted here, {} before", fields.len(), emitted.fields.len()));
        }
        for (known, field) in emitted.fields.iter_mut().zip(fields) {
            if known.name != field.name {
                return other(format!("column `{}` is called `{}` before", field.name, known.name));
            }
            match common_type(&known.ty, &field.ty) {
                Some(ty) => known.ty = ty,
                None => return other(format!("column `{}` is {} here, {} before", field.name, field.ty, known.ty)),
            }
        }
        Ok(Op::Emit(output, values))
    }

    fn timer_number(&self, name: &Spanned<String>, names: &Names<'_>) -> Result<u16, Diagnostic> {
        if names.to_all {
            return Err(Diagnostic::at(name.span, "a row that goes to every instance has no timers of a key"));
        }
        if !self.keyed {
            return Err(
                Diagnostic::at(name.span, "the stream has no key to keep timers of").help("put `key_by` before")
            );
        }
        let found = names.timers().iter().position(|known| *known == name.node);
        found
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| Diagnostic::at(name.span, format!("the timer `{}` has no `on timer {0}`", name.node)))
    }

    fn timer(&mut self, name: &Spanned<String>, at: &ExprNode, names: &Names<'_>) -> Result<Op, Diagnostic> {
        let number = self.timer_number(name, names)?;
        let bound = names.expr(at)?;
        let event_time = !reads(at, "processing_time");
        if event_time && !self.event_time {
            return Err(Diagnostic::at(at.span, "the stream has no event time: the timer would never be due")
                .help("declare one with `event_time`, or write `processing_time + …`"));
        }
        if matches!(bound.ty(), LogicalType::Timestamp | LogicalType::TimestampLtz | LogicalType::BigInt) {
            return Ok(Op::Timer(number, event_time, bound));
        }
        Err(Diagnostic::at(at.span, format!("expected a time, found {}", bound.ty()))
            .help(format!("timer {} at event_time + 1m", name.node)))
    }

    /// Brings every emission to the types of its output.
    fn finish(self, mut program: Program) -> Result<Program, Diagnostic> {
        let outputs: Vec<Schema> = self.outputs.into_iter().map(|emitted| Schema::new(emitted.fields)).collect();
        for handler in &mut program.handlers {
            each_emit(&mut handler.body, &mut |output, values| {
                for (value, field) in values.iter_mut().zip(outputs[output].fields()) {
                    *value = coerce(value.clone(), &field.ty)?;
                }
                Ok::<(), Diagnostic>(())
            })?;
            super::program::each_timer(&handler.body, &mut |event_time| {
                program.times[usize::from(!event_time)] = true;
            });
        }
        let mut outputs = outputs.into_iter();
        program.output = outputs.next().unwrap_or_else(|| Schema::new([]));
        program.sides = self.sides.into_iter().zip(outputs).map(|(name, schema)| SideOutput { name, schema }).collect();
        Ok(program)
    }
}

/// The position in a list, or the key of a map, and the type of what is there.
fn item(name: &Spanned<String>, index: TypedExpr, ty: &LogicalType) -> Result<(TypedExpr, LogicalType), Diagnostic> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else has items")]
    match ty {
        LogicalType::Array(item) => Ok((coerce(index, &LogicalType::BigInt)?, (**item).clone())),
        LogicalType::Map(key, value) => Ok((coerce(index, key)?, (**value).clone())),
        ty => Err(Diagnostic::at(name.span, format!("`{}` is {ty}: it has no items", name.node))),
    }
}

/// The call of an aggregating state, over the first input whose columns it fits.
fn aggregate_of(call: &crate::expr::ast::Call, inputs: &[StreamShape]) -> Result<AggregateCall, Diagnostic> {
    let mut bound = inputs.iter().map(|shape| bind_aggregate(call, shape.scope()));
    let first = bound.next().unwrap_or_else(|| Err(Diagnostic::at(call.name.span, "there is no input")));
    first.or_else(|error| bound.find_map(Result::ok).ok_or(error))
}

/// Whether `expr` names `column`.
fn reads(expr: &ExprNode, column: &str) -> bool {
    if let Expr::Column(parts) = &expr.node {
        return parts.last().is_some_and(|name| name.node.eq_ignore_ascii_case(column));
    }
    let mut parts = expr.node.clone();
    // What is found ends the search.
    parts.each_part(&mut |part| if reads(part, column) { Err(()) } else { Ok(()) }).is_err()
}
