//! A `top` as the plan holds it.

use std::sync::Arc;

use super::append::AppendTop;
use super::retract::RetractTop;
use super::spec::{Column, Kind, TopN};
use super::windowed::WindowTop;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned};
use crate::operators::aggregates::names;
use crate::operators::batch::{InTimeOrder, Passes};
use crate::state::StateDescriptor;
use crate::types::{Result, Schema};

impl PlannedOperator for TopN {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Append | Kind::Retract(_) => "Rank",
            Kind::Window { .. } => "WindowRank",
        }
    }

    fn describe(&self) -> String {
        let strategy = match &self.kind {
            Kind::Append => "append",
            Kind::Retract(_) => "retract",
            Kind::Window { .. } => "window",
        };
        let partition = if self.per.is_empty() {
            String::new()
        } else {
            format!(", partitionBy=[{}]", names(&self.input, &self.per))
        };
        let order = self.order.describe();
        let order = if order.is_empty() { order } else { format!(", orderBy=[{order}]") };
        let ttl = self.ttl_ms.map_or_else(String::new, |ttl_ms| format!(", ttl={ttl_ms} ms"));
        let select = self.output.names().collect::<Vec<_>>().join(", ");
        format!("strategy={strategy}, rankRange=[1, {}]{partition}{order}{ttl}, select=[{select}]", self.n)
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        if self.per.is_empty() { Exchange::Global } else { Exchange::Hash(self.per.clone()) }
    }

    fn parallelism(&self) -> Option<usize> {
        self.per.is_empty().then_some(1)
    }

    fn passes(&self, column: usize) -> Option<usize> {
        match self.columns.get(column)? {
            Column::Input(input) => Some(*input),
            Column::Rank => None,
        }
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        let place = |wanted: Column| self.columns.iter().position(|column| *column == wanted);
        if matches!(self.kind, Kind::Window { .. }) {
            return ChangelogMode::Append;
        }
        if !self.replaces() {
            let key = inputs.first().and_then(ChangelogMode::key);
            let key = key.and_then(|key| key.iter().map(|&column| place(Column::Input(column))).collect());
            return ChangelogMode::Retract(key);
        }
        let rank = (self.n > 1).then_some(Column::Rank);
        let key = self.per.iter().map(|&column| Column::Input(column)).chain(rank).map(place).collect();
        match key {
            Some(key) if !self.update_before => ChangelogMode::Upsert(key),
            key => ChangelogMode::Retract(key),
        }
    }

    fn only_after(&self) -> Option<Arc<dyn PlannedOperator>> {
        self.replaces().then(|| -> Arc<dyn PlannedOperator> { Arc::new(Self { update_before: false, ..self.clone() }) })
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<Column> = needed.iter().map(|&index| self.columns[index]).collect();
        let passed = columns.iter().filter_map(|column| match column {
            Column::Input(input) => Some(*input),
            Column::Rank => None,
        });
        let mut inputs: Vec<usize> = passed.chain(self.order.columns()).chain(self.per.iter().copied()).collect();
        match &self.kind {
            Kind::Append | Kind::Retract(None) => {}
            Kind::Retract(Some(key)) => inputs.extend(key),
            Kind::Window { end } => inputs.push(*end),
        }
        inputs.sort_unstable();
        inputs.dedup();
        if columns.len() == self.columns.len() && inputs.len() == self.input.len() {
            return None;
        }
        let moved = |column: usize| inputs.binary_search(&column).unwrap_or(column);
        let move_all = |columns: &[usize]| columns.iter().map(|&column| moved(column)).collect::<Vec<_>>();
        let kind = match &self.kind {
            Kind::Append => Kind::Append,
            Kind::Retract(key) => Kind::Retract(key.as_deref().map(move_all)),
            Kind::Window { end } => Kind::Window { end: moved(*end) },
        };
        let renumber = |column: &Column| match *column {
            Column::Input(input) => Column::Input(moved(input)),
            Column::Rank => Column::Rank,
        };
        // A rank that nobody reads still says which changes are told: they must not differ by what is read of them.
        if self.has_rank() && !columns.contains(&Column::Rank) {
            return None;
        }
        let operator = Self {
            kind,
            n: self.n,
            order: self.order.remap(&moved),
            per: move_all(&self.per),
            ttl_ms: self.ttl_ms,
            update_before: self.update_before,
            columns: columns.iter().map(renumber).collect(),
            input: self.input.project(&inputs),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.state().descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(match &self.kind {
            Kind::Append => Box::new(AppendTop::new(self, context)?),
            Kind::Retract(_) => Box::new(RetractTop::new(self, context)?),
            Kind::Window { end } => Box::new(WindowTop::new(self, *end, context)?),
        })
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        match self.kind {
            Kind::Window { .. } => Some(InTimeOrder::of(self.clone(), 1, Passes::ByBatch)),
            Kind::Append | Kind::Retract(_) => None,
        }
    }
}
