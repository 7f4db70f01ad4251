//! Statements as typed.

use crate::api::{Pipeline, RunStatement, StageArgs};
use crate::expr::ast::ExprNode;
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
    },
    /// A bare pipeline: shown on the screen.
    Preview(Pipeline),
    /// `run name with (…) = pipeline` or `run name with (…) { pipeline; … }`
    Run(RunStatement),
    /// Anything from the commands' registry.
    Command(StageArgs),
}

impl Statement {
    /// The name that it defines, if it is a definition.
    #[must_use]
    pub const fn defines(&self) -> Option<&Spanned<String>> {
        match self {
            Self::Source(source) => Some(&source.name),
            Self::Sink(sink) => Some(&sink.name),
            Self::Stream { name, .. } => Some(name),
            Self::Preview(_) | Self::Run(_) | Self::Command(_) => None,
        }
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
    /// `event_time expr [watermark delay]`
    pub event_time: Option<EventTimeClause>,
    /// `with (…)`
    pub options: Vec<(Spanned<String>, ExprNode)>,
    /// The whole statement.
    pub span: Span,
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

/// `event_time expr [watermark delay]`
#[derive(Debug, Clone, PartialEq)]
pub struct EventTimeClause {
    /// The time of a row.
    pub time: ExprNode,
    /// The delay in milliseconds; 0 when not typed.
    pub delay_ms: i64,
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
}
