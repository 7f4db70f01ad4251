//! Connectors: where rows come from and go to.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use super::{ChangelogMode, LookupTable, PlannedOperator, Rejected};
use crate::expr::ast::ExprNode;
use crate::types::{Batch, CheckpointId, Clock, Diagnostic, Result, Schema, Span, Spanned};

/// Plans a source from what its statement says.
pub type SourceFactory = fn(&SourceRequest) -> Result<Arc<dyn PlannedSource>, Diagnostic>;
/// Plans a sink from what its statement says.
pub type SinkFactory = fn(&SinkRequest) -> Result<Arc<dyn PlannedOperator>, Diagnostic>;

/// One connector: the registry entry.
#[derive(Debug, Clone, Copy)]
pub struct ConnectorSpec {
    /// `file`
    pub name: &'static str,
    /// One line for listings.
    pub summary: &'static str,
    /// The help text.
    pub help: &'static str,
    /// The meaning of `'…'` behind the name, if the connector takes one: `a path or glob`.
    pub target: Option<&'static str>,
    /// The options of `with (…)`.
    pub options: &'static [OptionSpec],
    /// Statements that run as they stand.
    pub examples: &'static [&'static str],
    /// Flink's connector of the same purpose.
    pub flink: Option<&'static str>,
    /// Makes a source, if it can be one.
    pub source: Option<SourceFactory>,
    /// Makes a sink, if it can be one.
    pub sink: Option<SinkFactory>,
}

/// One option of a connector.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// `format`
    pub name: &'static str,
    /// The values that the option takes: `'json' | 'csv'`.
    pub values: &'static str,
    /// The option's meaning, and its default.
    pub help: &'static str,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    /// `'json'`, or a bare word
    Text(String),
    /// `100000`, negative too
    Integer(i64),
    /// `0.5`
    Double(f64),
    /// `true`
    Boolean(bool),
    /// `5s`, milliseconds
    Duration(i64),
    /// Anything else, as typed: `values` takes rows this way.
    Expr(ExprNode),
}

/// The options of one `with (…)`, names already checked against the connector's [`OptionSpec`]s.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    entries: Vec<(String, Spanned<OptionValue>)>,
}

macro_rules! option {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $ty:ty, $($pattern:pat => $value:expr),+) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// When the option holds another type, at its place.
        pub fn $name(&self, name: &str) -> Result<Option<$ty>, Diagnostic> {
            match self.get(name) {
                None => Ok(None),
                Some(value) => match &value.node {
                    $($pattern => Ok(Some($value)),)+
                    _ => Err(Diagnostic::at(value.span, format!("option `{name}` takes {}", $expected))),
                },
            }
        }
    };
}

impl Options {
    /// These options.
    #[must_use]
    pub const fn new(entries: Vec<(String, Spanned<OptionValue>)>) -> Self {
        Self { entries }
    }

    /// The value of option `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Spanned<OptionValue>> {
        self.entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Names and values as typed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Spanned<OptionValue>)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    option!(/// A text option.
        text, "a text in single quotes", &str, OptionValue::Text(text) => text.as_str());
    option!(/// A whole number.
        integer, "a whole number", i64, OptionValue::Integer(number) => *number);
    option!(/// A number.
        #[expect(clippy::cast_precision_loss, reason = "an option typed as 10 where 10.0 is meant")]
        double, "a number", f64, OptionValue::Double(number) => *number, OptionValue::Integer(number) => *number as f64);
    option!(/// A truth value.
        boolean, "true or false", bool, OptionValue::Boolean(flag) => *flag);
    option!(/// A duration in milliseconds.
        duration, "a duration such as 5s", i64, OptionValue::Duration(ms) => *ms);
}

/// The request by which a connector makes a source.
#[derive(Debug, Clone)]
pub struct SourceRequest {
    /// The source's name in the catalog.
    pub name: String,
    /// The text behind the connector's name.
    pub target: Option<Spanned<String>>,
    /// `columns (…)`; `None` to infer.
    pub columns: Option<Schema>,
    /// `with (…)`
    pub options: Options,
    /// Relative paths start here.
    pub base_dir: PathBuf,
    /// The whole statement, for errors without a better place.
    pub span: Span,
}

/// The request by which a connector makes a sink.
#[derive(Clone)]
pub struct SinkRequest {
    /// The sink's name.
    pub name: String,
    /// The text behind the connector's name.
    pub target: Option<Spanned<String>>,
    /// The columns that arrive.
    pub schema: Schema,
    /// The changes that they arrive as.
    pub changelog: ChangelogMode,
    /// `with (…)`
    pub options: Options,
    /// Relative paths start here.
    pub base_dir: PathBuf,
    /// The destination of rows for the person at the terminal (`print`).
    pub results: Arc<dyn ResultSink>,
    /// The whole statement, for errors without a better place.
    pub span: Span,
}

/// Takes rows meant for a person or for standard output. Called by worker threads, one batch at a time; may block, which
/// is back-pressure.
pub trait ResultSink: Send + Sync {
    /// Rows of a preview come next. Returns how many of them are wanted: the first so many, or all of them (`None`).
    fn preview(&self, _start: &PreviewStart<'_>) -> Option<u64> {
        None
    }

    /// Rows of the sink `name`.
    ///
    /// # Errors
    /// When they can't be taken. One that says that nobody reads them any more
    /// ([`is_broken_pipe`](crate::types::Error::is_broken_pipe)) ends the sink, any other fails the job.
    fn rows(&self, name: &str, batch: &Batch) -> Result<()>;
}

/// The things to know of a preview before its rows come.
#[derive(Debug, Clone, Copy)]
pub struct PreviewStart<'a> {
    /// The changes that its rows tell of.
    pub changelog: &'a ChangelogMode,
    /// Remarks for the person, a line each: which columns were inferred.
    pub remarks: &'a [String],
}

/// A source as the plan holds it.
pub trait PlannedSource: Debug + Send + Sync {
    /// The source's connector and target in `explain`: `file 'bid.ndjson'`.
    fn describe(&self) -> String;

    /// All columns of the source.
    fn schema(&self) -> &Schema;

    /// The number of records that the columns were inferred from, when they were not declared.
    fn inferred_from(&self) -> Option<usize> {
        None
    }

    /// Whether the source ends.
    fn bounds(&self) -> Bounds;

    /// The event time that the source brings with it (`nexmark` does), used when the statement declares none: column and
    /// delay in milliseconds.
    fn event_time(&self) -> Option<(usize, i64)> {
        None
    }

    /// The table for look-ups, of a source whose outside can be asked for single keys. Of any other that ends, a look-up
    /// reads all rows.
    fn lookup(&self) -> Option<Arc<dyn LookupTable>> {
        None
    }

    /// A text that is the same as long as its rows are; `None` of a source whose rows never change.
    ///
    /// # Errors
    /// When the input can't be found.
    fn version(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Opens the readers of all subtasks, at once because they share out the input between them. Reader *i* goes on where
    /// the reader was that wrote `start.restored[i]`; there are as many as snapshots or subtasks, whichever is more.
    ///
    /// When there are more readers than subtasks, a subtask reads several, one after the other. All but the last
    /// `start.parallelism` readers then end with what they had begun and take nothing new.
    ///
    /// # Errors
    /// When the input can't be opened, or the restored positions do not fit it.
    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>>;
}

/// A source as the plan of a look-up join finds it.
#[derive(Debug, Clone)]
pub struct LookupSource {
    /// The source's name.
    pub name: String,
    /// The connector's side of it.
    pub source: Arc<dyn PlannedSource>,
    /// The columns by which a row replaces the one before it.
    pub primary_key: Option<Vec<usize>>,
    /// Whether rows that can't be read are passed over; else they are an error.
    pub skips_unreadable: bool,
}

/// Whether a source ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// The source ends.
    Bounded,
    /// The source goes on until the job is stopped.
    Unbounded,
}

/// The values that readers are opened with.
#[derive(Debug, Clone)]
pub struct SourceStart {
    /// The number of subtasks that read.
    pub parallelism: usize,
    /// The columns anybody reads, ascending indices into the schema; batches have just these, in this order.
    pub projection: Vec<usize>,
    /// The bytes from [`Source::snapshot`] of each reader of the run that is restored; `None` on a fresh start.
    pub restored: Option<Vec<Vec<u8>>>,
    /// Rows a full batch should have.
    pub batch_rows: usize,
    /// Time, for rates.
    pub clock: Arc<dyn Clock>,
}

/// A running reader: one a subtask, called by one thread.
pub trait Source: Send {
    /// The next rows, up to the batch size; never blocks longer than a read of a local file takes.
    ///
    /// # Errors
    /// Fails the job. A row that can't be read is not an error but [`SourcePoll::Rows::rejected`].
    fn poll(&mut self) -> Result<SourcePoll>;

    /// The splits that the reader reads side by side, each with an event time of its own: partitions, by names that
    /// last. They change by polls alone. `None` for a reader whose rows have one event time.
    fn splits(&self) -> Option<&[String]> {
        None
    }

    /// As [`poll`](Self::poll), the next rows of one of the [`splits`](Self::splits); at its end it is no longer among
    /// them. Of a reader that has splits, `poll` looks only for new ones, and is called when none has anything now.
    ///
    /// # Errors
    /// As `poll`.
    fn poll_split(&mut self, _split: &str) -> Result<SourcePoll> {
        self.poll()
    }

    /// The position behind the last row that `poll` returned, to be read back by [`PlannedSource::start`].
    ///
    /// # Errors
    /// Fails the checkpoint and the job.
    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<Vec<u8>>;

    /// Whether the reader knows, before it is polled, that it has nothing more: then it never holds back event time.
    fn is_at_end(&self) -> bool {
        false
    }

    /// The reader's progress.
    fn progress(&self) -> SourceProgress {
        SourceProgress::default()
    }
}

/// The result of polling a reader.
#[derive(Debug)]
pub enum SourcePoll {
    /// Rows, columns as projected; possibly none when all were rejected.
    Rows {
        /// The rows; event times are not set yet.
        rows: arrow_array::RecordBatch,
        /// Rows between them that could not be read, each with how many of the rows stand before it, ascending.
        rejected: Vec<(usize, Rejected)>,
    },
    /// Nothing now; ask again at this time of the clock, or as soon as convenient.
    Pending(Option<i64>),
    /// Nothing ever again.
    End,
}

/// The progress of a reader. All readers of a source report shares of one total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceProgress {
    /// Bytes (or rows, for a generator) done by this reader.
    pub done: u64,
    /// The total of all readers together; `None` when unbounded.
    pub total: Option<u64>,
}
