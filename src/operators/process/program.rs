//! A process function whose expressions are typed.

use crate::api::{On, SideOutput, StateTtl};
use crate::expr::TypedExpr;
use crate::expr::aggregate::AggregateCall;
use crate::operators::keyed::TimerState;
use crate::state::{Expiry, OperatorStateDescriptor, Refresh, StateDescriptor, intern};
use crate::types::{Field, LogicalType, Schema};

/// The variables of a handler beside states. The columns of its expressions are the states, so many variables, then the
/// columns of the row.
pub(super) const LOCALS_MAX: usize = 256;

/// The columns behind those of a row.
pub(super) const BUILT_IN: [&str; 4] = ["event_time", "processing_time", "current_watermark", "timer_time"];

/// The column that says when an entry was refreshed.
const REFRESHED: &str = "#time";

/// The watermark that timers have been run up to.
pub(super) const WATERMARK: OperatorStateDescriptor = OperatorStateDescriptor::union("watermark");

/// The state of event-time timers, and that of the others.
pub(super) const TIMERS: [&str; 2] = ["event_time_timers", "processing_time_timers"];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Program {
    pub(super) name: String,
    /// The columns of the key.
    pub(super) keys: Schema,
    /// For each input its columns, and which of them are the key.
    pub(super) inputs: Vec<(Schema, Vec<usize>)>,
    /// Whether the rows of the second input go to every instance.
    pub(super) broadcast: bool,
    pub(super) states: Vec<State>,
    /// The names of timers, by number.
    pub(super) timers: Vec<String>,
    /// Whether there are timers of event time, and of the other.
    pub(super) times: [bool; 2],
    pub(super) output: Schema,
    pub(super) sides: Vec<SideOutput>,
    pub(super) handlers: Vec<Handler>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) name: String,
    /// The type of its value: of a list that of an array.
    pub(super) ty: LogicalType,
    pub(super) aggregate: Option<AggregateCall>,
    pub(super) ttl: Option<StateTtl>,
    pub(super) broadcast: bool,
    /// Whether each window of a key has its own, which goes with it.
    pub(super) per_window: bool,
}

/// What runs on a row of an input, or on a timer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Handler {
    pub(super) on: On,
    /// The columns of the row, then [`BUILT_IN`].
    pub(super) columns: Schema,
    /// The types of its variables.
    pub(super) locals: Vec<LogicalType>,
    pub(super) body: Vec<Act>,
}

/// An action on a line of the definition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Act {
    pub(super) line: usize,
    pub(super) op: Op,
}

/// A state or variable, by its number: that of a state, or [`Program::local`].
pub(super) type Var = usize;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    Set(Var, TypedExpr),
    SetItem(Var, TypedExpr, TypedExpr),
    Push(Var, TypedExpr),
    /// The value is set, or where there is one becomes that of the expression, in which the variable is what is added.
    Fold(Var, Var, TypedExpr),
    /// The row is added to an aggregate: the arguments and the filter of the call.
    Accumulate(Var, Vec<TypedExpr>, Option<TypedExpr>),
    Clear(Var),
    ClearItem(Var, TypedExpr),
    If(Vec<(TypedExpr, Vec<Act>)>, Vec<Act>),
    /// The list or map is put into a variable; then its items, or keys and values, into others.
    For(Var, Vec<Var>, TypedExpr, Vec<Act>),
    While(TypedExpr, Vec<Act>),
    /// To the main output, 0, or a side output.
    Emit(usize, Vec<TypedExpr>),
    /// Sets a timer, of event time or not.
    Timer(u16, bool, TypedExpr),
    DeleteTimer(u16),
}

impl Program {
    /// The first variable that is no state.
    pub(super) fn local(&self) -> Var {
        self.states.len()
    }

    /// The first column of the row.
    pub(super) fn first_column(&self) -> usize {
        self.states.len() + LOCALS_MAX
    }

    pub(super) fn keyed_states(&self) -> Vec<StateDescriptor> {
        let states = self.states.iter().filter(|state| !state.broadcast).map(|state| state.descriptor(&self.keys));
        let timers = (0..2).filter(|&of| self.times[of]).map(|of| self.timer_state(of).descriptor());
        states.chain(timers).collect()
    }

    /// Whether a handler of rows reads the watermark, or lets state expire by it.
    pub(super) fn reads_watermark(&self) -> bool {
        let first = self.first_column();
        let by_event_time = self.states.iter().any(|state| state.ttl.is_some_and(|ttl| ttl.event_time));
        by_event_time
            || self.handlers.iter().any(|handler| {
                let column = first + handler.columns.len() - BUILT_IN.len() + 2;
                let (mut body, mut reads) = (handler.body.clone(), false);
                each_expr(&mut body, &mut |expr| reads |= expr.columns().contains(&column));
                reads
            })
    }

    /// The details in `explain`, with the keys where they are not told otherwise.
    pub(super) fn describe(&self, with_keys: bool) -> String {
        let mut parts = vec![format!("function=[{}]", self.name)];
        if with_keys && !self.keys.is_empty() {
            parts.push(format!("keys=[{}]", self.keys.names().collect::<Vec<_>>().join(", ")));
        }
        let states = self.states.iter().map(|state| format!("{} {}", state.name, state.ty)).collect::<Vec<_>>();
        if !states.is_empty() {
            parts.push(format!("state=[{}]", states.join(", ")));
        }
        if !self.timers.is_empty() {
            parts.push(format!("timers=[{}]", self.timers.join(", ")));
        }
        parts.join(", ")
    }

    pub(super) fn timer_state(&self, of: usize) -> TimerState {
        TimerState { name: TIMERS[of], keys: self.keys.clone(), timers: self.timers.clone() }
    }

    pub(super) fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        self.broadcast_states().into_iter().chain(self.times[0].then_some(WATERMARK)).collect()
    }

    pub(super) fn broadcast_states(&self) -> Vec<OperatorStateDescriptor> {
        let states = self.states.iter().filter(|state| state.broadcast);
        states.map(|state| OperatorStateDescriptor::broadcast(intern(&state.name))).collect()
    }
}

impl State {
    /// The columns behind the key: of a map its key first.
    pub(super) fn columns(&self) -> Vec<Field> {
        let (name, mut fields) = (&self.name, Vec::new());
        match (&self.ty, &self.aggregate) {
            (_, Some(call)) => fields.extend(call.stored_fields(false)),
            (LogicalType::Map(key, value), None) => {
                fields.push(Field::new(format!("{name}.key"), (**key).clone()));
                fields.push(Field::new(name, (**value).clone()));
            }
            (ty, None) => fields.push(Field::new(name, ty.clone())),
        }
        if self.ttl.is_some() {
            fields.push(Field::new(REFRESHED, LogicalType::BigInt));
        }
        fields
    }

    /// Whether its entries have keys of their own.
    pub(super) fn is_map(&self) -> bool {
        matches!(self.ty, LogicalType::Map(..)) && self.aggregate.is_none()
    }

    pub(super) fn descriptor(&self, keys: &Schema) -> StateDescriptor {
        let end = self.per_window.then(|| Field::new("window_end", LogicalType::Timestamp).not_null());
        let columns: Vec<Field> = keys.fields().iter().cloned().chain(end).chain(self.columns()).collect();
        let key_columns = keys.len() + usize::from(self.per_window) + usize::from(self.is_map());
        let mut state = StateDescriptor::new(intern(&self.name), Schema::new(columns), key_columns);
        state.partition = (0..keys.len()).collect();
        state.expiry = self.ttl.filter(|ttl| !ttl.event_time).map(|ttl| Expiry {
            ttl_ms: ttl.ttl_ms,
            refreshed_on: if ttl.on_read { Refresh::Read } else { Refresh::Write },
        });
        state
    }
}

/// Calls `f` with every expression of `body`.
pub(super) fn each_expr(body: &mut [Act], f: &mut dyn FnMut(&mut TypedExpr)) {
    for act in body {
        match &mut act.op {
            Op::Set(_, expr)
            | Op::Push(_, expr)
            | Op::Fold(_, _, expr)
            | Op::ClearItem(_, expr)
            | Op::Timer(_, _, expr) => {
                f(expr);
            }
            Op::SetItem(_, index, value) => {
                f(index);
                f(value);
            }
            Op::Accumulate(_, args, filter) => args.iter_mut().chain(filter).for_each(&mut *f),
            Op::Clear(_) | Op::DeleteTimer(_) => {}
            Op::If(branches, otherwise) => {
                for (condition, body) in branches {
                    f(condition);
                    each_expr(body, f);
                }
                each_expr(otherwise, f);
            }
            Op::For(_, _, of, body) => {
                f(of);
                each_expr(body, f);
            }
            Op::While(condition, body) => {
                f(condition);
                each_expr(body, f);
            }
            Op::Emit(_, values) => values.iter_mut().for_each(&mut *f),
        }
    }
}

/// Calls `f` with every timer that `body` sets: whether it is one of event time.
pub(super) fn each_timer(body: &[Act], f: &mut dyn FnMut(bool)) {
    for act in body {
        match &act.op {
            Op::Timer(_, event_time, _) => f(*event_time),
            Op::If(branches, otherwise) => {
                for (_, body) in branches {
                    each_timer(body, f);
                }
                each_timer(otherwise, f);
            }
            Op::For(_, _, _, body) | Op::While(_, body) => each_timer(body, f),
            Op::Set(..)
            | Op::SetItem(..)
            | Op::Push(..)
            | Op::Fold(..)
            | Op::Accumulate(..)
            | Op::Clear(_)
            | Op::ClearItem(..)
            | Op::Emit(..)
            | Op::DeleteTimer(_) => {}
        }
    }
}

/// Looks at an emission: its output and its values.
type Emitting<'f, E> = &'f mut dyn FnMut(usize, &mut Vec<TypedExpr>) -> Result<(), E>;

/// Calls `f` with every emission of `body`: its output and its values.
pub(super) fn each_emit<E>(body: &mut [Act], f: Emitting<'_, E>) -> Result<(), E> {
    for act in body {
        match &mut act.op {
            Op::Emit(output, values) => f(*output, values)?,
            Op::If(branches, otherwise) => {
                branches.iter_mut().try_for_each(|(_, body)| each_emit(body, f))?;
                each_emit(otherwise, f)?;
            }
            Op::For(_, _, _, body) | Op::While(_, body) => each_emit(body, f)?,
            Op::Set(..)
            | Op::SetItem(..)
            | Op::Push(..)
            | Op::Fold(..)
            | Op::Accumulate(..)
            | Op::Clear(_)
            | Op::ClearItem(..)
            | Op::Timer(..)
            | Op::DeleteTimer(_) => {}
        }
    }
    Ok(())
}
