//! Sources and sinks as they are defined.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::api::{ConnectorSpec, EventTimeSpec, OnError, Options, PlannedSource, StreamShape, TimeAttributes};
use crate::types::Spanned;

/// The kinds of what is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// `source …`
    Source,
    /// `sink …`
    Sink,
    /// `stream …`
    Stream,
    /// `process …`
    Process,
    /// `function …`
    Function,
}

impl EntryKind {
    /// The kind in messages, and the word that defines one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Stream => "stream",
            Self::Process => "process",
            Self::Function => "function",
        }
    }

    /// Whether rows can be read from one.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Source | Self::Stream)
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Source, Self::Sink, Self::Stream, Self::Process, Self::Function]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A source: where rows come from, and their time.
#[derive(Debug, Clone)]
pub struct SourceDef {
    /// The source's name.
    pub name: String,
    /// The connector's side of it.
    pub source: Arc<dyn PlannedSource>,
    /// Event time over all its columns; `None` when the stream has none.
    pub event_time: Option<EventTimeSpec>,
    /// The columns of which a row replaces the one before it; `None` where rows stay.
    pub primary_key: Option<PrimaryKey>,
    /// `pace = '10x'`: rows flow by their event time, this many times faster than it happened.
    pub pace: Option<f64>,
    /// The treatment of rows that can't be read; where nothing was typed (`None`) a job fails, and a preview passes over
    /// them.
    pub on_error: Option<OnError>,
    /// The path where those rows are written under [`OnError::DeadLetter`]; `None` for `dead_letters/<name>`.
    pub dead_letter: Option<String>,
    /// A relative path of those starts here.
    pub base_dir: PathBuf,
}

/// The columns of a source by which its rows replace one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryKey {
    /// The key's columns.
    pub columns: Vec<usize>,
    /// The column that says what a row does (insert, update, delete); it is no column of the table.
    pub kind: Option<usize>,
}

impl SourceDef {
    /// The remark on columns that were inferred: what they are, and of how many records.
    #[must_use]
    pub fn inferred(&self) -> Option<String> {
        let records = self.source.inferred_from()?;
        let (columns, plural) = (self.source.schema(), if records == 1 { "" } else { "s" });
        Some(format!("{} has columns {columns}, by its first {records} record{plural}", self.name))
    }

    /// The shape of a pipeline that begins with the source.
    #[must_use]
    pub fn shape(&self) -> StreamShape {
        let time = self.event_time.as_ref().map(|spec| TimeAttributes::of_event_time(spec.time.as_column()));
        StreamShape { time: time.unwrap_or_default(), ..StreamShape::of(self.source.schema().clone()) }
    }
}

/// A sink: made into an operator when the columns that arrive are known.
#[derive(Clone)]
pub struct SinkDef {
    /// The sink's name.
    pub name: String,
    /// The connector.
    pub connector: ConnectorSpec,
    /// The text behind the connector's name.
    pub target: Option<Spanned<String>>,
    /// `with (…)`, names checked.
    pub options: Options,
    /// Relative paths start here.
    pub base_dir: PathBuf,
}

impl fmt::Debug for SinkDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkDef")
            .field("name", &self.name)
            .field("connector", &self.connector.name)
            .field("target", &self.target)
            .field("options", &self.options)
            .field("base_dir", &self.base_dir)
            .finish()
    }
}
