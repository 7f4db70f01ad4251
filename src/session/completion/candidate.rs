//! The candidates that are offered.

/// The completions that may stand at a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completions {
    /// The byte from which a candidate replaces the text, up to the cursor.
    pub start: usize,
    /// The candidates, the likeliest kind first; none twice.
    pub candidates: Vec<Candidate>,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The text that takes the place of the typed part.
    pub replacement: String,
    /// The text it is listed under.
    pub label: String,
    /// The kind of thing that is offered.
    pub kind: CandidateKind,
    /// A line about it: a column's type, a function's arguments, a clause's meaning. May be empty.
    pub help: String,
}

/// The kind of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// A word of the language that is none of the following.
    Keyword,
    /// A shell command.
    Command,
    /// A stage of a pipeline.
    Stage,
    /// A clause of a stage, command or definition.
    Clause,
    /// A window function.
    Window,
    /// A scalar function.
    Function,
    /// An aggregate function.
    Aggregate,
    /// A column of the stream at hand.
    Column,
    /// A source.
    Source,
    /// A stream.
    Stream,
    /// A sink.
    Sink,
    /// A connector.
    Connector,
    /// The name of an option.
    Option,
    /// A value.
    Value,
    /// A data type.
    Type,
    /// A job.
    Job,
    /// A subtask of a job.
    Subtask,
    /// A topic of help.
    Topic,
    /// A file or directory.
    File,
}

impl Candidate {
    /// A candidate that is listed as it is typed.
    pub(super) fn plain(text: impl Into<String>, kind: CandidateKind, help: impl Into<String>) -> Self {
        let replacement = text.into();
        Self { label: replacement.clone(), replacement, kind, help: help.into() }
    }

    /// The same, listed as `label`.
    pub(super) fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }
}
