//! What may stand at the cursor, before it is known what of it there is.

use super::candidate::CandidateKind;
use crate::api::{Clause, ConnectorSpec, OptionSpec};

/// One kind of thing that may stand at the cursor.
#[derive(Clone)]
pub(super) enum Want {
    /// The first word of a statement.
    Statement,
    /// One of these words, each with its help.
    Words(CandidateKind, Vec<(String, String)>),
    /// A source, a stream, or one of these streams of the job at hand.
    Stream(Vec<String>),
    /// A sink, or a connector that can be one.
    Sink,
    /// A connector that can be read from (`false`) or written to (`true`).
    Connector(bool),
    /// A stage.
    Stage,
    /// A window function.
    Window,
    /// The beginning of an expression.
    Operand {
        /// Whether aggregate functions may stand there.
        aggregates: bool,
        /// Whether `*` may.
        star: bool,
    },
    /// The name of a column, nothing else.
    Column,
    /// A field of this row column.
    Field(String),
    /// One of these clauses.
    Clauses(Vec<&'static Clause>),
    /// `|`
    Pipe,
    /// An option that is not yet given.
    Option(Vec<&'static OptionSpec>),
    /// A value of this option.
    OptionValue(&'static OptionSpec),
    /// The text behind this connector's name.
    Target(&'static ConnectorSpec),
    /// A data type.
    Type,
    /// A job.
    Job,
    /// A source, sink or stream.
    Entry,
    /// A topic of help.
    Topic,
    /// A subtask of a job.
    Subtask,
    /// The number of a checkpoint.
    Checkpoint,
    /// The path of a file or directory, in quotes.
    Path,
}

/// The columns that expressions at the cursor are about.
#[derive(Debug, Clone, Default)]
pub(super) enum Scope {
    /// None in particular.
    #[default]
    Anything,
    /// The stream at the end of these pipelines' last one; those before it stand in the same job.
    Pipelines(Vec<String>),
    /// The source that this statement defines, as far as it is typed.
    Source(String),
}

/// What the text before the cursor comes to.
#[derive(Clone, Default)]
pub(super) struct Place {
    /// What may stand there, the likeliest first.
    pub(super) wants: Vec<Want>,
    /// Whose columns are meant.
    pub(super) scope: Scope,
    /// What is still to be typed, in words.
    pub(super) usage: Option<String>,
}
