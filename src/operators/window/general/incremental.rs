//! Aggregates of windows: accumulators, which keep no row.

use std::sync::Arc;

use arrow_array::ArrayRef;

use super::elements::{AggregateRows, Elements, element_states};
use super::function::{Contents, Fired, Function, Narrowed, ResultColumn, Results, Taken, WindowInput};
use crate::api::{OperatorContext, Output, WindowSpec, Windows};
use crate::expr::aggregate::{Accumulator, AggregateCall};
use crate::operators::aggregates::{Shared, columns_read, describe_outputs, remap, state_owners};
use crate::state::StateDescriptor;
use crate::types::{Field, LogicalType, Result, Schema};

/// Aggregates per key and window: of accumulators, or where an evictor chooses among the rows of all that are left.
#[derive(Debug, Clone)]
pub(in crate::operators) struct Incremental {
    input: WindowInput,
    calls: Vec<AggregateCall>,
    columns: Vec<ResultColumn>,
    output: Schema,
    /// Whether an evictor needs the rows.
    elements: bool,
    /// Whether rows carry the end of their window.
    windows: bool,
}

impl Incremental {
    /// Aggregates `calls`, each with the name of its column.
    pub(in crate::operators) fn new(
        input: WindowInput,
        window: &WindowSpec,
        calls: &[(String, AggregateCall)],
    ) -> Self {
        let bounds: &[(&str, ResultColumn)] = if window.windows.have_bounds() {
            &[("window_start", ResultColumn::Start), ("window_end", ResultColumn::End)]
        } else {
            &[]
        };
        let keys = input.keys.iter().map(|&key| input.schema.fields()[key].clone());
        let times = bounds.iter().map(|(name, _)| Field::new(*name, LogicalType::Timestamp).not_null());
        let results =
            calls.iter().map(|(name, call)| Field { name: name.clone(), ty: call.ty.clone(), nullable: call.nullable });
        let output = Schema::new(keys.chain(times).chain(results).collect::<Vec<_>>());
        let columns = (0..input.keys.len())
            .map(ResultColumn::Key)
            .chain(bounds.iter().map(|(_, column)| *column))
            .chain((0..calls.len()).map(ResultColumn::Call));
        let merges = matches!(window.windows, Windows::Session(_)) && window.evictor.is_none();
        let calls = calls.iter().map(|(_, call)| if merges { call.in_slices() } else { call.clone() });
        Self {
            columns: columns.collect(),
            calls: calls.collect(),
            output,
            elements: window.evictor.is_some(),
            windows: window.windows.have_bounds(),
            input,
        }
    }
}

impl Function for Incremental {
    fn name(&self) -> &'static str {
        "WindowAggregate"
    }

    fn describe(&self) -> String {
        let select = describe_outputs(&self.output, |index| match self.columns.get(index) {
            Some(ResultColumn::Call(call)) => Some(self.calls[*call].describe()),
            Some(ResultColumn::Key(_) | ResultColumn::Start | ResultColumn::End) | None => None,
        });
        format!("select=[{select}]")
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn calls(&self) -> &[AggregateCall] {
        &self.calls
    }

    fn by_arrival(&self) -> bool {
        !self.elements && self.calls.iter().any(|call| call.by_arrival)
    }

    fn stored_fields(&self) -> Vec<Field> {
        if self.elements {
            return Vec::new();
        }
        state_owners(&self.calls).iter().flat_map(|call| call.stored_fields(false)).collect()
    }

    fn states(&self) -> Vec<StateDescriptor> {
        if self.elements { element_states(&[&self.input], self.windows) } else { Vec::new() }
    }

    fn prune(&self, needed: &[usize]) -> Option<Narrowed> {
        let columns: Vec<ResultColumn> = needed.iter().map(|&index| self.columns[index]).collect();
        let kept: Vec<usize> =
            (0..self.calls.len()).filter(|&call| columns.contains(&ResultColumn::Call(call))).collect();
        let renumber = |column: &ResultColumn| match *column {
            ResultColumn::Call(call) => ResultColumn::Call(kept.iter().position(|&kept| kept == call).unwrap_or(call)),
            column @ (ResultColumn::Key(_) | ResultColumn::Start | ResultColumn::End) => column,
        };
        let calls: Vec<AggregateCall> = kept.iter().map(|&call| self.calls[call].clone()).collect();
        let read = columns_read(&calls);
        let columns = columns.iter().map(renumber).collect();
        Some((Arc::new(Self { columns, calls, output: self.output.project(needed), ..self.clone() }), vec![read]))
    }

    fn moved(&self, inputs: &[WindowInput], moved: &dyn Fn(usize, usize) -> usize) -> Option<Arc<dyn Function>> {
        let calls = self.calls.iter().map(|call| remap(call, &|column| moved(0, column))).collect();
        Some(Arc::new(Self { calls, input: inputs.first()?.clone(), ..self.clone() }))
    }

    fn contents(&self, window: &WindowSpec, context: &OperatorContext) -> Result<Box<dyn Contents>> {
        if self.elements {
            let rows = AggregateRows::new(&self.calls, &self.columns, &self.output, context)?;
            return Ok(Box::new(Elements::new(&[&self.input], window, Box::new(rows), context)));
        }
        let shared = Shared::new(&self.calls)?;
        let accumulators = shared.owners.iter().map(AggregateCall::accumulator).collect::<Result<_>>()?;
        Ok(Box::new(Accumulated { plan: self.clone(), shared, accumulators }))
    }
}

struct Accumulated {
    plan: Incremental,
    shared: Shared,
    accumulators: Vec<Box<dyn Accumulator>>,
}

impl Contents for Accumulated {
    fn resize(&mut self, panes: usize) {
        for accumulator in &mut self.accumulators {
            accumulator.resize(panes);
        }
    }

    fn add(&mut self, rows: &Taken<'_>, _out: &mut dyn Output) -> Result<()> {
        let evaluated = rows.evaluated;
        for ((accumulator, args), keep) in self.accumulators.iter_mut().zip(&evaluated.args).zip(&evaluated.keep) {
            accumulator.update(rows.panes, args, keep.as_ref())?;
        }
        Ok(())
    }

    fn merge(&mut self, into: u32, from: u32) -> Result<()> {
        for accumulator in &mut self.accumulators {
            let state = accumulator.state(&[from])?;
            accumulator.merge(&[into], &state)?;
        }
        self.clear(from, true)
    }

    fn clear(&mut self, pane: u32, _ends: bool) -> Result<()> {
        for accumulator in &mut self.accumulators {
            accumulator.clear(pane);
        }
        Ok(())
    }

    fn fire(&mut self, fired: &Fired<'_>, _out: &mut dyn Output) -> Result<Results> {
        let call = |call: usize| self.shared.values(call, &self.accumulators, fired.panes);
        Ok(Results { rows: fired.rows(&self.plan.output, &self.plan.columns, call)?, windows: None })
    }

    fn stored(&self, panes: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut states = Vec::new();
        for accumulator in &self.accumulators {
            states.extend(accumulator.state(panes)?);
        }
        Ok(states)
    }

    fn restore(&mut self, panes: &[u32], stored: &[ArrayRef]) -> Result<()> {
        let mut at = 0;
        for (accumulator, call) in self.accumulators.iter_mut().zip(&self.shared.owners) {
            let width = call.state_fields().len();
            accumulator.merge(panes, &stored[at..at + width])?;
            at += width;
        }
        Ok(())
    }

    fn shown(&self, panes: &[u32]) -> Result<(Vec<String>, Vec<ArrayRef>)> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (column, name) in self.plan.columns.iter().zip(self.plan.output.names()) {
            if let ResultColumn::Call(call) = column {
                names.push(name.to_owned());
                values.push(self.shared.values(*call, &self.accumulators, panes)?);
            }
        }
        Ok((names, values))
    }

    fn bytes(&self) -> usize {
        self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum()
    }
}
