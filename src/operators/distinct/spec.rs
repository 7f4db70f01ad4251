//! The specification of a `distinct`, and how the plan holds it.

use std::sync::Arc;

use super::due::FirstByTime;
use super::last::LastRow;
use super::seen::FirstByArrival;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned};
use crate::operators::aggregates::names;
use crate::operators::keyed::RowState;
use crate::state::StateDescriptor;
use crate::types::{Field, LogicalType, Result, Schema};

/// Name of the keyed state of keys whose row was given.
pub(super) const SEEN: &str = "seen";
/// Name of the keyed state of rows.
const ROWS: &str = "rows";
/// The processing time at which something was written, epoch milliseconds.
const WRITTEN: &str = "#written";

/// Which row of a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    First,
    Last,
}

/// One row for each key: Flink's `Deduplicate`.
#[derive(Debug, Clone)]
pub struct Distinct {
    pub(super) on: Vec<usize>,
    pub(super) keep: Keep,
    pub(super) by_event_time: bool,
    /// The processing time, milliseconds, after which a key that nobody writes is forgotten.
    pub(super) ttl_ms: Option<i64>,
    /// Whether the old row of an update is told.
    pub(super) update_before: bool,
    /// The input columns that leave.
    pub(super) columns: Vec<usize>,
    pub(super) input: Schema,
    pub(super) output: Schema,
}

impl Distinct {
    pub(super) fn new(input: &Schema, on: Vec<usize>, keep: Keep, by_event_time: bool, ttl_ms: Option<i64>) -> Self {
        let columns = (0..input.len()).collect();
        let (input, output) = (input.clone(), input.clone());
        Self { on, keep, by_event_time, ttl_ms, update_before: true, columns, input, output }
    }

    /// The last row of each key of a changelog that tells updates by the new row alone, so that the old ones are told:
    /// Flink's `ChangelogNormalize`.
    pub(in crate::operators) fn normalize(input: &Schema, key: Vec<usize>, ttl_ms: Option<i64>) -> Self {
        Self::new(input, key, Keep::Last, false, ttl_ms)
    }

    /// The state of the keys whose row was given, and when.
    pub(super) fn seen(&self) -> StateDescriptor {
        let keys = self.on.iter().map(|&key| self.input.fields()[key].clone());
        let written = self.ttl_ms.map(|_| Field::new(WRITTEN, LogicalType::BigInt).not_null());
        let fields: Vec<Field> = keys.chain(written).collect();
        StateDescriptor::new(SEEN, Schema::new(fields), self.on.len())
    }

    pub(super) fn rows(&self) -> RowState {
        let mark = self.ttl_ms.map(|_| WRITTEN);
        RowState { name: ROWS, schema: self.input.clone(), keys: self.on.clone(), mark }
    }
}

impl PlannedOperator for Distinct {
    fn name(&self) -> &'static str {
        "Deduplicate"
    }

    fn describe(&self) -> String {
        let keep = match self.keep {
            Keep::First => "FirstRow",
            Keep::Last => "LastRow",
        };
        let order = if self.by_event_time { "ROWTIME" } else { "PROCTIME" };
        let ttl = self.ttl_ms.map_or_else(String::new, |ttl_ms| format!(", ttl={ttl_ms} ms"));
        format!("keep=[{keep}], key=[{}], order=[{order}]{ttl}", names(&self.input, &self.on))
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Hash(self.on.clone())
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied()
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        if self.keep == Keep::First {
            return ChangelogMode::Append;
        }
        let place = |key: &usize| self.columns.iter().position(|column| column == key);
        match self.on.iter().map(place).collect() {
            Some(key) if !self.update_before => ChangelogMode::Upsert(key),
            key => ChangelogMode::Retract(key),
        }
    }

    fn needs(&self, _input: usize, _output: crate::api::UpdateKind) -> crate::api::UpdateKind {
        // The row that an update replaces is known by its key.
        crate::api::UpdateKind::OnlyAfter
    }

    fn only_after(&self) -> Option<Arc<dyn PlannedOperator>> {
        (self.keep == Keep::Last)
            .then(|| -> Arc<dyn PlannedOperator> { Arc::new(Self { update_before: false, ..self.clone() }) })
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<usize> = needed.iter().map(|&index| self.columns[index]).collect();
        let mut inputs: Vec<usize> = columns.iter().chain(&self.on).copied().collect();
        inputs.sort_unstable();
        inputs.dedup();
        if columns.len() == self.columns.len() && inputs.len() == self.input.len() {
            return None;
        }
        let moved = |columns: &[usize]| -> Vec<usize> {
            columns.iter().map(|column| inputs.binary_search(column).unwrap_or(*column)).collect()
        };
        let operator = Self {
            on: moved(&self.on),
            columns: moved(&columns),
            input: self.input.project(&inputs),
            output: self.output.project(needed),
            ..self.clone()
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        match (self.keep, self.by_event_time) {
            (Keep::Last, _) => vec![self.rows().descriptor()],
            (Keep::First, false) => vec![self.seen()],
            (Keep::First, true) => vec![self.seen(), self.rows().descriptor()],
        }
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(match (self.keep, self.by_event_time) {
            (Keep::Last, _) => Box::new(LastRow::new(self, context)?),
            (Keep::First, false) => Box::new(FirstByArrival::new(self, context)?),
            (Keep::First, true) => Box::new(FirstByTime::new(self, context)?),
        })
    }
}
