//! The expectations of the parser: the words of an error, and what may stand at the cursor of an unfinished text.

use std::cell::RefCell;

use crate::api::{Clause, Pipeline, Shape, Signature};
use crate::lang::ast::SourceStatement;

/// Something a parser looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A word or sign.
    Exactly(&'static str),
    /// A clause, so many of whose words stand there already.
    Clause(&'static Clause, usize),
    /// A kind of thing.
    Kind(Kind),
    /// The argument of a stage, command or clause.
    Argument(Shape),
}

/// A kind of thing that a parser looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A statement.
    Statement,
    /// A stage.
    Stage,
    /// A source or stream that is read.
    Stream,
    /// The name of a source that is being defined.
    NewSource,
    /// The name of a sink that is being defined.
    NewSink,
    /// The name of a stream that is being defined.
    NewStream,
    /// The name of a job that is being defined.
    NewJob,
    /// The name of a process function that is being defined.
    NewProcess,
    /// The name of a function that is being defined.
    NewFunction,
    /// An action of a process function.
    Action,
    /// A connector to read from.
    SourceConnector,
    /// A connector to write to.
    SinkConnector,
    /// The text behind a connector's name.
    Target,
    /// A sink, or a connector to write to.
    Sink,
    /// A window function.
    Window,
    /// A subtask.
    Subtask,
    /// The beginning of an expression.
    Expression,
    /// The continuation of an expression that could be over.
    Operator,
    /// The arguments of a call.
    Arguments,
    /// A column.
    Column,
    /// A field of a row.
    Field,
    /// The name of an option.
    OptionName,
    /// A data type.
    Type,
    /// A unit of time.
    Unit,
    /// A unit of an interval.
    IntervalUnit,
    /// A duration.
    Duration,
    /// A whole number.
    Integer,
    /// A text in single quotes.
    Text,
    /// Any name.
    Name,
    /// Nothing more of an expression.
    EndOfExpression,
    /// Nothing more of a statement.
    EndOfStatement,
}

impl Kind {
    /// The kind as errors call it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Statement => "a statement",
            Self::Stage => "a stage",
            Self::Stream => "the name of a source or stream",
            Self::NewSource => "the name of the source",
            Self::NewSink => "the name of the sink",
            Self::NewStream => "the name of the stream",
            Self::NewJob => "the name of the job",
            Self::NewProcess => "the name of the process function",
            Self::NewFunction => "the name of the function",
            Self::Action => "an action, such as `emit` or `x = …`",
            Self::SourceConnector | Self::SinkConnector => "the name of a connector, such as `file`",
            Self::Sink => "the name of a sink or connector",
            Self::Window => "a window, such as `tumble(10s)`",
            Self::Subtask => "a subtask, such as `window[1]`",
            Self::Expression | Self::Arguments => "an expression",
            Self::Operator => "an operator",
            Self::Column | Self::Field | Self::Name => "a name",
            Self::OptionName => "the name of an option",
            Self::Type => "a type",
            Self::Unit => "a unit of time",
            Self::IntervalUnit => "the unit of the interval, such as `second`",
            Self::Duration => "a duration, such as `10s`",
            Self::Integer => "a whole number",
            Self::Target | Self::Text => "a text in single quotes",
            Self::EndOfExpression => "the end of the expression",
            Self::EndOfStatement => "the end of the statement",
        }
    }
}

/// Something that the parser was in the middle of.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// The arguments of a stage or command.
    Arguments {
        /// The name of it as registered.
        of: &'static str,
        /// Whether it is a command, not a stage.
        command: bool,
        /// The syntax of it.
        signature: Signature,
        /// The number of arguments before the one at hand.
        argument: usize,
        /// The clause that the argument at hand belongs to.
        clause: Option<&'static Clause>,
    },
    /// The text behind the name of a connector.
    Connector {
        /// The connector as typed.
        name: String,
        /// Whether it is written to, not read from.
        sink: bool,
    },
    /// The columns of a source.
    Columns,
    /// A list of options, with the names of those before the one at hand.
    Options(Vec<String>),
    /// The value of this option.
    Option(String),
    /// The brackets of a call of this function.
    Call(String),
    /// The brackets of this window function.
    Window(String),
    /// The definition of a process function: its states so far.
    Process(Vec<String>),
    /// Other brackets inside of an expression.
    Brackets,
    /// A column's field, or a field's: the names before the point.
    Path(Vec<String>),
}

/// Something that may stand at the cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// The thing itself.
    pub expected: Expected,
    /// The frames that the parser was in the middle of, the innermost last.
    pub within: Vec<Frame>,
}

/// The stream whose columns are meant at the cursor.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Scope {
    /// None in particular.
    #[default]
    Anything,
    /// The columns that leave the last of these pipelines, which ends where the cursor's stage begins; those before it
    /// stand in the same job.
    Pipelines(Vec<Pipeline>),
    /// The source that is being defined, as far as it stands before the cursor.
    Source(Box<SourceStatement>),
}

/// All that may stand at the cursor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expectations {
    /// Each thing that may stand there, in the order in which the parser looked for them.
    pub items: Vec<Expectation>,
    /// The stream whose columns are meant.
    pub scope: Scope,
}

/// Collects what the parser looks for at the end of its tokens, where the cursor is.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The token behind the last one.
    at: usize,
    frames: RefCell<Vec<Frame>>,
    found: RefCell<Expectations>,
}

impl Cursor {
    pub(super) fn behind(tokens: usize) -> Self {
        Self { at: tokens, frames: RefCell::default(), found: RefCell::default() }
    }

    /// Notes `expected` if token `at` would stand at the cursor.
    pub(super) fn note(&self, at: usize, expected: Expected) {
        if at != self.at {
            return;
        }
        let items = &mut self.found.borrow_mut().items;
        let within = self.frames.borrow();
        if !items.iter().any(|item| item.expected == expected && item.within == *within) {
            items.push(Expectation { expected, within: within.clone() });
        }
    }

    /// Whether anything may stand at the cursor, as far as is known.
    pub(super) fn is_reached(&self) -> bool {
        !self.found.borrow().items.is_empty()
    }

    pub(super) fn enter(&self, frame: Frame) {
        self.frames.borrow_mut().push(frame);
    }

    pub(super) fn leave(&self) {
        self.frames.borrow_mut().pop();
    }

    /// From here on the columns are those behind `pipeline`, which stands in a job with those noted before.
    pub(super) fn follow(&self, pipeline: Pipeline) {
        let scope = &mut self.found.borrow_mut().scope;
        match scope {
            Scope::Pipelines(earlier) => earlier.push(pipeline),
            Scope::Anything | Scope::Source(_) => *scope = Scope::Pipelines(vec![pipeline]),
        }
    }

    /// From here on the columns are those of `source`.
    pub(super) fn define(&self, source: SourceStatement) {
        self.found.borrow_mut().scope = Scope::Source(Box::new(source));
    }

    /// From here on nobody knows the columns.
    pub(super) fn lose(&self) {
        self.found.borrow_mut().scope = Scope::Anything;
    }

    pub(super) fn into_found(self) -> Expectations {
        self.found.into_inner()
    }
}
