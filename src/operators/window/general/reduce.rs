//! `reduce` behind a window: a row a window, or where an evictor chooses among the rows all that are left.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};

use super::elements::{Elements, element_states, find, row_states};
use super::function::{Contents, Fired, Function, Narrowed, OverRows, Results, SideRows, Taken, WindowInput};
use super::panes::Panes;
use crate::api::{OperatorContext, Output, StateRead, WindowSpec, Windows};
use crate::inspect::StateQuery;
use crate::operators::keyed::RowStore;
use crate::operators::reduce::Reducer;
use crate::state::{RestoredState, StateChange, StateDescriptor};
use crate::types::{Batch, Clock, Result, Schema};

/// The rows of a window put together two at a time.
#[derive(Debug, Clone)]
pub(in crate::operators) struct WindowReduce {
    input: WindowInput,
    reducer: Reducer,
    /// The columns of a result.
    columns: Vec<usize>,
    output: Schema,
    /// Whether an evictor needs the rows.
    elements: bool,
    bounded: bool,
}

impl WindowReduce {
    pub(in crate::operators) fn new(input: &WindowInput, window: &WindowSpec, reducer: Reducer) -> Self {
        let (elements, bounded) = (window.evictor.is_some(), window.windows.have_bounds());
        let output = reducer.schema.clone();
        Self { input: input.clone(), columns: (0..output.len()).collect(), output, reducer, elements, bounded }
    }

    /// The result of reduced rows.
    fn result(&self, columns: &[ArrayRef], rows: usize) -> Result<RecordBatch> {
        self.output.record_batch(self.columns.iter().map(|&column| columns[column].clone()).collect(), rows)
    }
}

impl Function for WindowReduce {
    fn name(&self) -> &'static str {
        "WindowReduce"
    }

    fn describe(&self) -> String {
        format!("reduce=[{}]", self.reducer.describe())
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn prune(&self, needed: &[usize]) -> Option<Narrowed> {
        let columns: Vec<usize> = needed.iter().map(|&column| self.columns[column]).collect();
        let reads = self.reducer.reads(columns.iter().chain(&self.input.keys).copied());
        Some((Arc::new(Self { columns, output: self.output.project(needed), ..self.clone() }), vec![reads]))
    }

    fn moved(&self, inputs: &[WindowInput], moved: &dyn Fn(usize, usize) -> usize) -> Option<Arc<dyn Function>> {
        let input = inputs.first()?.clone();
        let kept: Vec<usize> = input.schema.names().filter_map(|name| self.input.schema.index_of(name)).collect();
        let columns = self.columns.iter().map(|&column| moved(0, column)).collect();
        Some(Arc::new(Self { input, columns, reducer: self.reducer.over(&kept), ..self.clone() }))
    }

    fn states(&self) -> Vec<StateDescriptor> {
        element_states(&[&self.input], self.bounded)
    }

    fn contents(&self, window: &WindowSpec, context: &OperatorContext) -> Result<Box<dyn Contents>> {
        let place = context.place();
        let clock = Arc::clone(&context.clock);
        if self.elements {
            let rows = Box::new(ReduceRows { plan: self.clone(), place, clock });
            return Ok(Box::new(Elements::new(&[&self.input], window, rows, context)));
        }
        let mut states = row_states(&[&self.input], self.bounded);
        let state = states.swap_remove(0);
        let (stored, store) = (state.schema.clone(), RowStore::new(state, context.max_parallelism));
        Ok(Box::new(Reduced { plan: self.clone(), stored, store, windows: window.windows.clone(), place, clock }))
    }
}

/// The result so far of each window.
struct Reduced {
    plan: WindowReduce,
    /// The columns of the result, then the place that finds the window again.
    stored: Schema,
    store: RowStore,
    windows: Windows,
    place: String,
    clock: Arc<dyn Clock>,
}

impl Reduced {
    /// Puts results in place of those of these windows.
    fn put(&mut self, rows: &RecordBatch, panes: &[u32], places: &dyn Fn(usize) -> i64) -> Result<()> {
        let mut columns = rows.columns().to_vec();
        if columns.len() < self.stored.len() {
            columns.push(Arc::new((0..panes.len()).map(places).collect::<Int64Array>()));
        }
        let rows = self.stored.record_batch(columns, panes.len())?;
        self.store.replace(&Batch::untimed(rows), panes)
    }
}

impl Contents for Reduced {
    fn resize(&mut self, _panes: usize) {}

    fn add(&mut self, rows: &Taken<'_>, out: &mut dyn Output) -> Result<()> {
        let (store, width) = (&self.store, self.plan.reducer.schema.len());
        let before = |panes: &[u32]| {
            let (has, mut columns) = store.single(panes)?;
            columns.truncate(width);
            Ok((has, columns))
        };
        let now = (self.clock.now_ms(), self.place.as_str());
        let fold = self.plan.reducer.fold(rows.batch.columns(), rows.panes, before, now, out)?;
        let last = fold.last(&self.plan.reducer.schema)?;
        let panes: Vec<u32> = fold.groups.iter().map(|(pane, _)| *pane).collect();
        let place = |at: usize| {
            // The last row of the window stands for all.
            let row = rows.panes.iter().rposition(|&pane| pane == panes[at]).unwrap_or(0);
            rows.places[row]
        };
        self.put(&last, &panes, &place)
    }

    fn merge(&mut self, into: u32, from: u32) -> Result<()> {
        let (_, left) = self.store.single(&[into])?;
        let (_, right) = self.store.single(&[from])?;
        match (left.first().is_some_and(|left| !left.is_empty()), right.first().is_some_and(|right| !right.is_empty()))
        {
            (_, false) => {}
            (false, true) => self.store.merge(from, into),
            (true, true) => {
                let width = self.plan.reducer.schema.len();
                let (columns, _) =
                    self.plan.reducer.combine(&left[..width], &right[..width], 1, self.clock.now_ms())?;
                let columns = columns.into_iter().chain(left[width..].iter().cloned()).collect();
                self.store.clear(from)?;
                let rows = self.stored.record_batch(columns, 1)?;
                self.store.replace(&Batch::untimed(rows), &[into])?;
            }
        }
        Ok(())
    }

    fn clear(&mut self, pane: u32, _ends: bool) -> Result<()> {
        self.store.clear(pane)
    }

    fn holds(&self, pane: u32) -> bool {
        !self.store.is_empty(pane)
    }

    fn fire(&mut self, fired: &Fired<'_>, _out: &mut dyn Output) -> Result<Results> {
        let (has, columns) = self.store.single(fired.panes)?;
        let windows: Vec<u32> = (0_u32..).zip(has).filter_map(|(window, has)| has.then_some(window)).collect();
        let rows = self.plan.result(&columns, windows.len())?;
        Ok(Results { rows, windows: Some(windows) })
    }

    fn changes(&mut self, changes: &mut Vec<StateChange>) -> Result<()> {
        self.store.changes(changes)
    }

    fn restore_states(&mut self, restored: &dyn RestoredState, panes: &mut Panes) -> Result<()> {
        let windows = self.windows.clone();
        self.store.restore_into(restored, &mut |keys, rows, groups| find(keys, rows, &windows, panes, groups))
    }

    fn read(&self, query: &StateQuery) -> Result<Vec<StateRead>> {
        Ok(self.store.read(query)?.into_iter().collect())
    }

    fn shown(&self, panes: &[u32]) -> Result<(Vec<String>, Vec<ArrayRef>)> {
        let (has, mut columns) = self.store.single(panes)?;
        if has.contains(&false) {
            return Ok((Vec::new(), Vec::new()));
        }
        columns.truncate(self.plan.reducer.schema.len());
        Ok((self.plan.reducer.schema.names().map(str::to_owned).collect(), columns))
    }

    fn bytes(&self) -> usize {
        self.store.bytes()
    }
}

/// The rows that an evictor has left, put together.
struct ReduceRows {
    plan: WindowReduce,
    place: String,
    clock: Arc<dyn Clock>,
}

impl OverRows for ReduceRows {
    fn apply(&mut self, _fired: &Fired<'_>, sides: &[SideRows<'_>], out: &mut dyn Output) -> Result<Results> {
        let side = &sides[0];
        let rows = side.rows()?;
        let none = |groups: &[u32]| {
            let columns = rows.columns().iter().map(|column| column.slice(0, 0)).collect();
            Ok((vec![false; groups.len()], columns))
        };
        let now = (self.clock.now_ms(), self.place.as_str());
        let fold = self.plan.reducer.fold(&rows, &side.windows, none, now, out)?;
        let rows = fold.last(&self.plan.reducer.schema)?;
        let windows: Vec<u32> = fold.groups.iter().map(|(window, _)| *window).collect();
        let rows = self.plan.result(rows.columns(), windows.len())?;
        Ok(Results { rows, windows: Some(windows) })
    }
}
