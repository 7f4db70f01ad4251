//! The rows of windows, kept for an evictor or a function of all of them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};

use super::function::{Contents, Fired, OverRows, ResultColumn, Results, SideRows, Taken, WindowInput};
use super::panes::{NONE, Panes};
use crate::api::{Evictor, OperatorContext, Output, StateRead, WindowSpec, Windows};
use crate::expr::aggregate::AggregateCall;
use crate::expr::{EvalContext, Evaluator};
use crate::inspect::StateQuery;
use crate::operators::aggregates::{Aggregates, Shared};
use crate::operators::keyed::{RowState, RowStore};
use crate::state::{RestoredState, StateChange, StateDescriptor};
use crate::types::{Batch, Clock, Error, Field, LogicalType, NO_TIME, Result, Schema};

/// The column that finds the window of a stored row again.
const PLACE: &str = "#window";

/// The states of the rows of these inputs; where windows have bounds each row says where it belongs.
pub(in crate::operators) fn element_states(inputs: &[&WindowInput], bounded: bool) -> Vec<StateDescriptor> {
    row_states(inputs, bounded).iter().map(RowState::descriptor).collect()
}

pub(super) fn row_states(inputs: &[&WindowInput], bounded: bool) -> Vec<RowState> {
    let names: &[&'static str] = if inputs.len() == 1 { &["rows"] } else { &["left_rows", "right_rows"] };
    let place = bounded.then(|| Field::new(PLACE, LogicalType::BigInt).not_null());
    let state = |(input, name): (&&WindowInput, &&'static str)| RowState {
        name,
        schema: Schema::new(input.schema.fields().iter().cloned().chain(place.clone()).collect::<Vec<_>>()),
        keys: input.keys.clone(),
        mark: None,
    };
    inputs.iter().zip(names).map(state).collect()
}

/// All rows of windows.
pub(in crate::operators) struct Elements {
    stores: Vec<RowStore>,
    schemas: Vec<Schema>,
    stored: Vec<Schema>,
    windows: Windows,
    evictor: Option<Evicts>,
    function: Box<dyn OverRows>,
    clock: Arc<dyn Clock>,
    rows: Vec<u32>,
}

/// An evictor, ready to run.
enum Evicts {
    Last(usize),
    Within(i64),
    Delta(f64, Box<Evaluator>),
}

impl Elements {
    pub(in crate::operators) fn new(
        inputs: &[&WindowInput],
        window: &WindowSpec,
        function: Box<dyn OverRows>,
        context: &OperatorContext,
    ) -> Self {
        let states = row_states(inputs, window.windows.have_bounds());
        let evictor = window.evictor.as_ref().map(|evictor| match evictor {
            Evictor::Last(rows) => Evicts::Last(usize::try_from(*rows).unwrap_or(usize::MAX)),
            Evictor::Within(ms) => Evicts::Within(*ms),
            Evictor::Delta(threshold, of) => Evicts::Delta(*threshold, Box::new(Evaluator::new(of))),
        });
        Self {
            schemas: inputs.iter().map(|input| input.schema.clone()).collect(),
            stored: states.iter().map(|state| state.schema.clone()).collect(),
            stores: states.into_iter().map(|state| RowStore::new(state, context.max_parallelism)).collect(),
            windows: window.windows.clone(),
            evictor,
            function,
            clock: Arc::clone(&context.clock),
            rows: Vec::new(),
        }
    }

    /// The rows that the evictor lets go.
    fn evicted(&self, panes: usize, rows: &SideRows<'_>) -> Result<Vec<u32>> {
        let Some(evictor) = &self.evictor else { return Ok(Vec::new()) };
        let values = if let Evicts::Delta(_, of) = evictor {
            let mut context = EvalContext::new(self.clock.now_ms(), "evict");
            // A row that fails has no value: it stays.
            Some(of.evaluate(&rows.rows()?, &mut context)?)
        } else {
            None
        };
        let times = rows.store.times(&rows.ids);
        let mut keep = vec![true; rows.ids.len()];
        let mut from = 0;
        for window in 0..u32::try_from(panes).unwrap_or(NONE) {
            let length = rows.windows[from..].iter().take_while(|&&of| of == window).count();
            let until = from + length;
            match evictor {
                Evicts::Last(last) => keep[from..until - length.min(*last)].fill(false),
                Evicts::Within(ms) => {
                    let times = &times[from..until];
                    if times.first().is_some_and(|&first| first != NO_TIME) {
                        let latest = times.iter().copied().max().unwrap_or(NO_TIME);
                        let cut = latest.saturating_sub(*ms);
                        keep[from..until].iter_mut().zip(times).for_each(|(keep, &time)| *keep = time > cut);
                    }
                }
                Evicts::Delta(threshold, _) => {
                    let values = values.as_ref().map(AsArray::as_primitive::<Float64Type>);
                    if let Some(values) = values
                        && length > 0
                        && values.is_valid(until - 1)
                    {
                        let last = values.value(until - 1);
                        for row in (from..until).filter(|&row| values.is_valid(row)) {
                            keep[row] = (values.value(row) - last).abs() < *threshold;
                        }
                    }
                }
            }
            from = until;
        }
        Ok(rows.ids.iter().zip(keep).filter(|(_, keep)| !keep).map(|(&row, _)| row).collect())
    }
}

/// The rows that windows have, of each input; those are left out of which `gives` is false, told of which inputs they have rows.
fn sides<'a>(
    stores: &'a [RowStore],
    schemas: &'a [Schema],
    panes: &[u32],
    gives: impl Fn(&[bool]) -> bool,
) -> Vec<SideRows<'a>> {
    let side = |(store, schema)| SideRows { store, schema, ids: Vec::new(), windows: Vec::new() };
    let mut sides: Vec<SideRows<'a>> = stores.iter().zip(schemas).map(side).collect();
    let mut has = vec![false; stores.len()];
    for (window, &pane) in (0_u32..).zip(panes) {
        for (has, store) in has.iter_mut().zip(stores) {
            *has = !store.is_empty(pane);
        }
        if !gives(&has) {
            continue;
        }
        for side in &mut sides {
            side.ids.extend(side.store.of(pane));
            side.windows.resize(side.ids.len(), window);
        }
    }
    sides
}

impl Contents for Elements {
    fn resize(&mut self, _panes: usize) {}

    fn add(&mut self, rows: &Taken<'_>, _out: &mut dyn Output) -> Result<()> {
        let (store, schema) = (&mut self.stores[rows.input], &self.stored[rows.input]);
        self.rows.clear();
        if schema.len() == self.schemas[rows.input].len() {
            return store.append(rows.batch, rows.panes, &mut self.rows);
        }
        let places: ArrayRef = Arc::new(Int64Array::from(rows.places.to_vec()));
        let columns = rows.batch.columns().columns().iter().cloned().chain([places]).collect();
        let columns = schema.record_batch(columns, rows.batch.rows())?;
        store.append(&Batch::new(columns, rows.batch.times().clone()), rows.panes, &mut self.rows)
    }

    fn merge(&mut self, into: u32, from: u32) -> Result<()> {
        for store in &mut self.stores {
            store.merge(from, into);
        }
        self.function.ended(from);
        Ok(())
    }

    fn clear(&mut self, pane: u32, ends: bool) -> Result<()> {
        for store in &mut self.stores {
            store.clear(pane)?;
        }
        if ends {
            self.function.ended(pane);
        }
        Ok(())
    }

    fn holds(&self, pane: u32) -> bool {
        self.stores.iter().any(|store| !store.is_empty(pane))
    }

    fn fire(&mut self, fired: &Fired<'_>, out: &mut dyn Output) -> Result<Results> {
        if self.evictor.is_some() {
            let mut gone = Vec::with_capacity(self.stores.len());
            // A window that gives nothing loses rows too.
            for side in sides(&self.stores, &self.schemas, fired.panes, |_| true) {
                gone.push(self.evicted(fired.panes.len(), &side)?);
            }
            for (store, rows) in self.stores.iter_mut().zip(gone) {
                rows.into_iter().try_for_each(|row| store.remove(row))?;
            }
        }
        let sides = sides(&self.stores, &self.schemas, fired.panes, |has| self.function.gives(has));
        self.function.apply(fired, &sides, out)
    }

    fn changes(&mut self, changes: &mut Vec<StateChange>) -> Result<()> {
        self.stores.iter_mut().try_for_each(|store| store.changes(changes))?;
        self.function.changes(changes)
    }

    fn restore_states(&mut self, restored: &dyn RestoredState, panes: &mut Panes) -> Result<()> {
        let windows = self.windows.clone();
        for store in &mut self.stores {
            store.restore_into(restored, &mut |keys, rows, groups| find(keys, rows, &windows, panes, groups))?;
        }
        self.function.restore(restored, panes)
    }

    fn read(&self, query: &StateQuery) -> Result<Vec<StateRead>> {
        let reads = self.stores.iter().map(|store| store.read(query)).collect::<Result<Vec<_>>>()?;
        Ok(reads.into_iter().flatten().chain(self.function.read(query)?).collect())
    }

    fn bytes(&self) -> usize {
        self.stores.iter().map(RowStore::bytes).sum::<usize>() + self.function.bytes()
    }
}

/// The windows of stored rows.
pub(in crate::operators) fn find(
    keys: &[ArrayRef],
    rows: &RecordBatch,
    windows: &Windows,
    panes: &mut Panes,
    found: &mut Vec<u32>,
) -> Result<()> {
    let mut keys_of = Vec::new();
    panes.keys_of(keys, rows.num_rows(), &mut keys_of)?;
    let places = rows.columns().last().and_then(|column| column.as_primitive_opt::<Int64Type>());
    for (row, key) in keys_of.into_iter().enumerate() {
        let place = places.map_or(0, |places| places.value(row));
        let pane = match windows {
            Windows::Aligned(_) => panes.ending(key, place),
            Windows::Session(_) => panes.containing(key, place),
            Windows::Global | Windows::Count { .. } => panes.ending(key, i64::MAX),
        };
        if pane == NONE {
            return Err(Error::state("a stored row belongs to no window"));
        }
        found.push(pane);
    }
    Ok(())
}

/// Aggregates of all rows that an evictor has left.
pub(super) struct AggregateRows {
    aggregates: Aggregates,
    shared: Shared,
    columns: Vec<ResultColumn>,
    output: Schema,
    clock: Arc<dyn Clock>,
}

impl AggregateRows {
    pub(super) fn new(
        calls: &[AggregateCall],
        columns: &[ResultColumn],
        output: &Schema,
        context: &OperatorContext,
    ) -> Result<Self> {
        let shared = Shared::new(calls)?;
        Ok(Self {
            aggregates: Aggregates::new(&shared.owners, &[], false),
            shared,
            columns: columns.to_vec(),
            output: output.clone(),
            clock: Arc::clone(&context.clock),
        })
    }
}

impl OverRows for AggregateRows {
    fn apply(&mut self, fired: &Fired<'_>, sides: &[SideRows<'_>], _out: &mut dyn Output) -> Result<Results> {
        let mut accumulators = self.aggregates.accumulators()?;
        for accumulator in &mut accumulators {
            accumulator.resize(fired.panes.len());
        }
        for side in sides {
            // Rows that fail have failed when they came.
            let mut context = EvalContext::new(self.clock.now_ms(), "evict");
            let evaluated = self.aggregates.columns(&side.rows()?, &mut context)?;
            for ((accumulator, args), keep) in accumulators.iter_mut().zip(&evaluated.args).zip(&evaluated.keep) {
                accumulator.update(&side.windows, args, keep.as_ref())?;
            }
        }
        let groups: Vec<u32> = (0_u32..).take(fired.panes.len()).collect();
        let call = |call: usize| self.shared.values(call, &accumulators, &groups);
        Ok(Results { rows: fired.rows(&self.output, &self.columns, call)?, windows: None })
    }
}
