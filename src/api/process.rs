//! Process functions and expression functions as typed: `process name { … }`, `function f(x t) returns t = e`.

use super::NamedExpr;
use crate::expr::ast::{Call, ExprNode};
use crate::types::{LogicalType, Span, Spanned};

/// `process name { state …; on event { … } … }`
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessFunction {
    /// The function's name.
    pub name: Spanned<String>,
    /// Its states, in order.
    pub states: Vec<StateDecl>,
    /// The blocks that run.
    pub handlers: Vec<Handler>,
    /// The whole statement.
    pub span: Span,
    /// The text of the whole statement.
    pub text: String,
}

/// `state name kind [ttl d] [on read] [on event_time] [broadcast] [per window]`
#[derive(Debug, Clone, PartialEq)]
pub struct StateDecl {
    /// The state's name.
    pub name: Spanned<String>,
    /// The kind of the state.
    pub kind: StateKind,
    /// When it expires; `None` for never.
    pub ttl: Option<StateTtl>,
    /// Whether it belongs to the instances, each the same, and not to keys.
    pub broadcast: Option<Span>,
    /// Whether each window of a key has its own.
    pub per_window: Option<Span>,
}

/// The kinds of state.
#[derive(Debug, Clone, PartialEq)]
pub enum StateKind {
    /// A value, a list (an array type) or a map (a map type).
    Value(Spanned<LogicalType>),
    /// `reducing<t> by e`: a value to which others are added by an expression of `left` and `right`.
    Reducing(Spanned<LogicalType>, ExprNode),
    /// `aggregating sum(e)`: rows are added to an aggregate.
    Aggregating(Call),
}

/// The time to live of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateTtl {
    /// An entry is gone so many milliseconds after it was refreshed.
    pub ttl_ms: i64,
    /// `on read`: reading refreshes too, not only writing.
    pub on_read: bool,
    /// `on event_time`: by event time, not by the clock.
    pub event_time: bool,
}

/// `on event { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    /// What it is run on.
    pub on: Spanned<On>,
    /// The actions, in order.
    pub body: Vec<Spanned<Action>>,
}

/// What a handler is run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// A row of the only input.
    Event,
    /// A row of the first of two inputs.
    Left,
    /// A row of the second.
    Right,
    /// A timer of this name is due.
    Timer(String),
    /// A window fires.
    Window,
}

/// One action of a handler.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `let name [type] = e`
    Let {
        /// The variable.
        name: Spanned<String>,
        /// Its type, where it is not that of the value.
        ty: Option<Spanned<LogicalType>>,
        /// The value.
        value: ExprNode,
    },
    /// `name = e`, `name[i] = e`
    Set {
        /// The state or variable.
        name: Spanned<String>,
        /// The position in a list, or the key of a map.
        index: Option<ExprNode>,
        /// The value.
        value: ExprNode,
    },
    /// `add e to name`; `add to name` of an aggregating state.
    Add {
        /// The list, reducing or aggregating state.
        name: Spanned<String>,
        /// What is added.
        value: Option<ExprNode>,
    },
    /// `clear name`, `clear name[i]`
    Clear {
        /// The state or variable.
        name: Spanned<String>,
        /// The position in a list, or the key of a map.
        index: Option<ExprNode>,
    },
    /// `if e { … } else if e { … } else { … }`
    If {
        /// Conditions, each with what is done where it is the first to hold.
        branches: Vec<(ExprNode, Vec<Spanned<Action>>)>,
        /// What is done where none holds.
        otherwise: Vec<Spanned<Action>>,
    },
    /// `for v in list { … }`, `for k, v in map { … }`
    For {
        /// The variables: an item, or a key and a value.
        names: Vec<Spanned<String>>,
        /// The list or map.
        of: ExprNode,
        /// What is done with each.
        body: Vec<Spanned<Action>>,
    },
    /// `while e { … }`
    While {
        /// The condition.
        condition: ExprNode,
        /// What is done as long as it holds.
        body: Vec<Spanned<Action>>,
    },
    /// `emit e [as n], … [to side]`
    Emit {
        /// The columns.
        items: Vec<NamedExpr>,
        /// The side output.
        to: Option<Spanned<String>>,
    },
    /// `timer name at e`
    Timer {
        /// The timer's name.
        name: Spanned<String>,
        /// When it is due.
        at: ExprNode,
    },
    /// `delete timer name`
    DeleteTimer {
        /// The timer's name.
        name: Spanned<String>,
    },
}

impl ProcessFunction {
    /// The handler that is run on `on`.
    #[must_use]
    pub fn handler(&self, on: &On) -> Option<&Handler> {
        self.handlers.iter().find(|handler| handler.on.node == *on)
    }

    /// The number, from 1, and the text of the line of the definition on which `span` begins.
    #[must_use]
    pub fn line(&self, span: Span) -> (usize, &str) {
        let at = span.start.saturating_sub(self.span.start).min(self.text.len());
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count();
        (line + 1, self.text.lines().nth(line).unwrap_or_default().trim())
    }
}

/// Calls `f` with every action of `body`, those inside of others too.
pub fn each_action<'a>(body: &'a [Spanned<Action>], f: &mut dyn FnMut(&'a Spanned<Action>)) {
    for action in body {
        f(action);
        match &action.node {
            Action::If { branches, otherwise } => {
                for (_, body) in branches {
                    each_action(body, f);
                }
                each_action(otherwise, f);
            }
            Action::For { body, .. } | Action::While { body, .. } => each_action(body, f),
            Action::Let { .. }
            | Action::Set { .. }
            | Action::Add { .. }
            | Action::Clear { .. }
            | Action::Emit { .. }
            | Action::Timer { .. }
            | Action::DeleteTimer { .. } => {}
        }
    }
}
