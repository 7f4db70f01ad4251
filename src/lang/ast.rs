//! Statements as typed.

use crate::api::{Pipeline, ProcessFunction, RunStatement, StageArgs, WatermarkClause};
use crate::expr::ast::{ExprNode, UserFunction};
use crate::types::{LogicalType, Span, Spanned};

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// `source name from connector …`
    Source(SourceStatement),
    /// `sink name to connector …`
    Sink(SinkStatement),
    /// `stream name = pipeline`
    Stream {
        /// The stream's name.
        name: Spanned<String>,
        /// The stream's body.
        pipeline: Pipeline,
        /// The text of the whole statement.
        text: String,
    },
    /// `process name { … }`
    Process(ProcessFunction),
    /// `function name(…) returns … = …`
    Function(UserFunction),
    /// A bare pipeline: shown on the screen.
    Preview(Pipeline),
    /// `run name with (…) from … = pipeline` or `run name with (…) from … { pipeline; … }`
    Run(RunStatement),
    /// Anything from the commands' registry.
    Command(StageArgs),
}

/// A statement that gives a name to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition<'a> {
    /// The word that begins it.
    pub kind: &'static str,
    /// The name.
    pub name: &'a Spanned<String>,
    /// The text of the whole statement.
    pub text: &'a str,
}

impl Statement {
    /// The definition that the statement is.
    #[must_use]
    pub fn definition(&self) -> Option<Definition<'_>> {
        let (kind, name, text) = match self {
            Self::Source(source) => ("source", &source.name, &source.text),
            Self::Sink(sink) => ("sink", &sink.name, &sink.text),
            Self::Stream { name, text, .. } => ("stream", name, text),
            Self::Process(process) => ("process", &process.name, &process.text),
            Self::Function(function) => ("function", &function.name, &function.text),
            Self::Preview(_) | Self::Run(_) | Self::Command(_) => return None,
        };
        Some(Definition { kind, name, text })
    }
}

/// `source bids from file 'bid.ndjson' columns (…) event_time t watermark 4s with (…)`
#[derive(Debug, Clone, PartialEq)]
pub struct SourceStatement {
    /// The source's name.
    pub name: Spanned<String>,
    /// The connector.
    pub connector: Spanned<String>,
    /// The text behind the connector.
    pub target: Option<Spanned<String>>,
    /// `columns (a bigint not null, …)`
    pub columns: Option<Vec<ColumnDef>>,
    /// `event_time expr [watermark 4s [align 10s]]`
    pub event_time: Option<Box<EventTimeClause>>,
    /// `primary key (c, …)`
    pub primary_key: Option<Vec<Spanned<String>>>,
    /// `with (…)`
    pub options: Vec<(Spanned<String>, ExprNode)>,
    /// The whole statement.
    pub span: Span,
    /// The text of the whole statement.
    pub text: String,
}

/// One column of `columns (…)`.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    /// The column's name.
    pub name: Spanned<String>,
    /// The column's type.
    pub ty: Spanned<LogicalType>,
    /// Whether it may be null: false with `not null`.
    pub nullable: bool,
}

/// `event_time expr [watermark 4s [align 10s]]`
#[derive(Debug, Clone, PartialEq)]
pub struct EventTimeClause {
    /// The time of a row.
    pub time: ExprNode,
    /// What raises the watermark.
    pub watermark: Option<WatermarkClause>,
    /// `align`: how far the source may be ahead of others, milliseconds.
    pub align_ms: Option<i64>,
}

/// `sink name to connector 'target' with (…)`
#[derive(Debug, Clone, PartialEq)]
pub struct SinkStatement {
    /// The sink's name.
    pub name: Spanned<String>,
    /// The connector.
    pub connector: Spanned<String>,
    /// The text behind the connector.
    pub target: Option<Spanned<String>>,
    /// `with (…)`
    pub options: Vec<(Spanned<String>, ExprNode)>,
    /// The whole statement.
    pub span: Span,
    /// The text of the whole statement.
    pub text: String,
}
