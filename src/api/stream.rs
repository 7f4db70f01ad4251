//! The shape of a stream: its columns, keys, changes and times.

use std::sync::Arc;

use super::{ChangelogMode, PlannedOperator, WindowSpec};
use crate::expr::{Scope, Zone};
use crate::types::{Schema, Spanned};

/// The shape of a stream while its pipeline is bound: Flink's `DataStream`, `KeyedStream` and `WindowedStream` in
/// one.
#[derive(Debug, Clone)]
pub struct StreamShape {
    /// The name that qualifies its columns, where it was typed.
    pub name: Option<Spanned<String>>,
    /// Behind a join, the streams that its columns came from, in place of that name: each with its columns as it calls
    /// them, one after the other.
    pub inputs: Vec<(Spanned<String>, Schema)>,
    /// The stream's columns.
    pub schema: Schema,
    /// After `key_by`: the key columns.
    pub keys: Option<Vec<usize>>,
    /// After `window`: what the next `aggregate` uses.
    pub window: Option<Arc<WindowSpec>>,
    /// After `connect`: the stream beside it that the next `process` reads too.
    pub connected: Option<Arc<Connected>>,
    /// The changes that its rows are.
    pub changelog: ChangelogMode,
    /// The time attributes of the stream.
    pub time: TimeAttributes,
    /// The zone in which its instants are read as dates and times of day: that of the job.
    pub zone: Zone,
}

/// A stream that is connected to another: Flink's `ConnectedStreams`.
#[derive(Debug, Clone)]
pub struct Connected {
    /// The stream.
    pub stream: StreamRef,
    /// Its shape.
    pub shape: StreamShape,
    /// Whether its rows go to every instance.
    pub broadcast: bool,
}

/// The times of a stream. Event times stand beside the columns, so that they last where no column has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeAttributes {
    /// Whether rows carry event times and watermarks flow.
    pub event_time: bool,
    /// The columns that are time attributes, ascending.
    pub columns: Vec<(usize, TimeAttribute)>,
}

/// The attribute that makes a column more than a timestamp: Flink's time attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeAttribute {
    /// The column's value is the event time of the row.
    RowTime,
    /// The column's value is the time at which the row is looked at.
    ProcessingTime,
}

impl StreamShape {
    /// A stream of these columns, of rows that are only added, about which nothing else is known.
    #[must_use]
    pub fn of(schema: Schema) -> Self {
        let (changelog, time) = (ChangelogMode::Append, TimeAttributes::default());
        Self {
            name: None,
            inputs: Vec::new(),
            schema,
            keys: None,
            window: None,
            connected: None,
            changelog,
            time,
            zone: Zone::default(),
        }
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
        let changelog = operator.changelog(&changelogs);
        let name = inputs.first().and_then(|first| first.name.clone());
        let same = |input: &&&Self| {
            input.schema.len() == schema.len() && (0..schema.len()).all(|at| operator.passes(at) == Some(at))
        };
        let from = inputs.first().filter(|_| inputs.len() == 1).filter(same);
        let from = from.map(|input| input.inputs.clone()).unwrap_or_default();
        let zone = inputs.first().map_or_else(Zone::default, |first| first.zone);
        Self { name, inputs: from, schema, keys: None, window: None, connected: None, changelog, time, zone }
    }

    /// The columns that an expression over the stream may read.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        if let Some([left, right]) = self.window.as_ref().and_then(|window| window.sides.as_deref()) {
            let scope = Scope::named(Some(&left.name), &left.schema).and(Some(&right.name), &right.schema);
            return scope.in_zone(self.zone);
        }
        if self.inputs.is_empty() {
            return Scope::named(self.name.as_ref(), &self.schema).in_zone(self.zone);
        }
        let mut first = 0;
        self.inputs.iter().fold(Scope::named(None, &self.schema).in_zone(self.zone), |scope, (name, columns)| {
            first += columns.len();
            scope.also(name, columns, first - columns.len())
        })
    }

    /// The streams that its columns came from; itself, where it is no join. None where it has no name.
    #[must_use]
    pub fn parts(&self) -> Vec<(Spanned<String>, Schema)> {
        if !self.inputs.is_empty() {
            return self.inputs.clone();
        }
        self.name.iter().map(|name| (name.clone(), self.schema.clone())).collect()
    }
}

impl TimeAttributes {
    /// The attributes of a stream whose event time is that of the column `row_time`, or is computed.
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

    /// Makes `column` one whose value is the processing time.
    pub fn set_processing_time(&mut self, column: usize) {
        self.columns.retain(|&(at, _)| at != column);
        self.columns.push((column, TimeAttribute::ProcessingTime));
        self.columns.sort_unstable_by_key(|&(at, _)| at);
    }

    /// The time attribute that `column` is, if it is one.
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
