//! Stages of the dataflow language: how one line of a registry becomes syntax, help and a planned operator.

use std::sync::Arc;

use super::{ChangelogMode, PlannedOperator, Signature, StageArgs, WindowSpec};
use crate::types::{Diagnostic, Schema, Span, Spanned};

/// One stage of the language: the registry entry.
#[derive(Debug, Clone, Copy)]
pub struct StageSpec {
    /// The name: `filter`.
    pub name: &'static str,
    /// Other names: `where`.
    pub aliases: &'static [&'static str],
    /// Its syntax.
    pub signature: Signature,
    /// One line for listings.
    pub summary: &'static str,
    /// The help text, Markdown-free prose.
    pub help: &'static str,
    /// Statements that run as they stand on the built-in `bids` source; they run as tests.
    pub examples: &'static [&'static str],
    /// The Flink counterpart (`WHERE`, `DataStream.union`), or `None` when Flink has none.
    pub flink: Option<&'static str>,
    /// Checks the arguments against the stream so far and extends it.
    pub bind: fn(&StageArgs, &mut dyn StageContext) -> Result<(), Diagnostic>,
}

/// What is known of a stream while its pipeline is bound: Flink's `DataStream`, `KeyedStream` and `WindowedStream` in
/// one.
#[derive(Debug, Clone)]
pub struct StreamShape {
    /// Its columns.
    pub schema: Schema,
    /// After `key_by`: the key columns.
    pub keys: Option<Vec<usize>>,
    /// After `window`: what the next `aggregate` uses.
    pub window: Option<Arc<WindowSpec>>,
    /// Which changes its rows are.
    pub changelog: ChangelogMode,
    /// What it knows of time.
    pub time: TimeAttributes,
}

/// What a stream knows of time. Event times stand beside the columns, so that they last where no column has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeAttributes {
    /// Whether rows carry event times and watermarks flow.
    pub event_time: bool,
    /// The columns that are time attributes, ascending.
    pub columns: Vec<(usize, TimeAttribute)>,
}

/// What makes a column more than a timestamp: Flink's time attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeAttribute {
    /// Its value is the event time of the row.
    RowTime,
    /// Its value is the time at which the row is looked at.
    ProcessingTime,
}

impl StreamShape {
    /// A stream of these columns, of rows that are only added, about which nothing else is known.
    #[must_use]
    pub fn of(schema: Schema) -> Self {
        let (changelog, time) = (ChangelogMode::Append, TimeAttributes::default());
        Self { schema, keys: None, window: None, changelog, time }
    }

    /// The stream behind `operator` over streams of these shapes. It has event times where all of those have: one
    /// without watermarks would hold the others back for ever.
    #[must_use]
    pub fn behind(operator: &dyn PlannedOperator, inputs: &[&Self]) -> Self {
        let changelogs: Vec<_> = inputs.iter().map(|input| input.changelog.clone()).collect();
        let schema = operator.output().clone();
        let columns = (0..schema.len()).filter_map(|column| {
            let passed = operator.passes(column)?;
            let (first, others) = inputs.split_first()?;
            let attribute = first.time.attribute(passed)?;
            let same = others.iter().all(|other| other.time.attribute(passed) == Some(attribute));
            same.then_some((column, attribute))
        });
        let time =
            TimeAttributes { event_time: inputs.iter().all(|input| input.time.event_time), columns: columns.collect() };
        Self { schema, keys: None, window: None, changelog: ChangelogMode::behind(operator, &changelogs), time }
    }
}

impl TimeAttributes {
    /// Of a stream whose event time is that of the column `row_time`, or is computed.
    #[must_use]
    pub fn of_event_time(row_time: Option<usize>) -> Self {
        let mut this = Self::default();
        this.set_event_time(row_time);
        this
    }

    /// Gives the stream a new event time, that of the column `row_time`, or a computed one.
    pub fn set_event_time(&mut self, row_time: Option<usize>) {
        self.event_time = true;
        self.columns.retain(|&(at, attribute)| attribute == TimeAttribute::ProcessingTime && Some(at) != row_time);
        self.columns.extend(row_time.map(|at| (at, TimeAttribute::RowTime)));
        self.columns.sort_unstable_by_key(|&(at, _)| at);
    }

    /// Which time attribute `column` is, if it is one.
    #[must_use]
    pub fn attribute(&self, column: usize) -> Option<TimeAttribute> {
        self.columns.iter().find(|(at, _)| *at == column).map(|&(_, attribute)| attribute)
    }
}

/// A stream in the plan under construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamRef {
    /// The node.
    pub node: usize,
    /// 0 for its main output, 1 + port for a side output.
    pub output: usize,
}

/// What a stage may do to the pipeline it stands in. Implemented by the lowering.
pub trait StageContext {
    /// The stream so far.
    fn shape(&self) -> &StreamShape;

    /// The stream so far, to set keys or a window on.
    fn shape_mut(&mut self) -> &mut StreamShape;

    /// Puts `operator` behind the stream so far, which becomes the operator's main output: its columns and changes,
    /// no keys, no window (set them anew through [`shape_mut`](Self::shape_mut) where they last).
    fn apply(&mut self, operator: Arc<dyn PlannedOperator>);

    /// Puts `operator` behind the stream so far and `others`, as inputs 0, 1, ….
    fn apply_many(&mut self, operator: Arc<dyn PlannedOperator>, others: &[StreamRef]);

    /// The stream or source called `name`, lowered into this plan.
    ///
    /// # Errors
    /// When there is none, with the near name.
    fn stream(&mut self, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic>;

    /// Makes side output `port` of the operator applied last known as the stream `name` in this job.
    ///
    /// # Errors
    /// When the name is taken.
    fn name_side_output(&mut self, port: usize, name: &Spanned<String>) -> Result<(), Diagnostic>;

    /// The window function `call` names, bound.
    ///
    /// # Errors
    /// When there is none of that name or its arguments do not fit.
    fn window(&self, call: &super::WindowCall) -> Result<Arc<dyn super::WindowAssigner>, Diagnostic>;

    /// The sink that [`Arg::Sink`](super::Arg::Sink) names or spells out, for the stream so far.
    ///
    /// # Errors
    /// When there is none of that name or its options do not fit.
    fn sink(&mut self, arg: &super::Arg, span: Span) -> Result<Arc<dyn PlannedOperator>, Diagnostic>;

    /// Gives the operator applied last this uid.
    ///
    /// # Errors
    /// When it is taken in this job, or nothing was applied yet.
    fn set_uid(&mut self, uid: &Spanned<String>) -> Result<(), Diagnostic>;

    /// Gives the operator applied last (and those behind it, until said otherwise) this parallelism.
    ///
    /// # Errors
    /// When it is 0 or above the maximum parallelism.
    fn set_parallelism(&mut self, parallelism: &Spanned<u64>) -> Result<(), Diagnostic>;
}
