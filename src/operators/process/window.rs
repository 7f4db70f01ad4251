//! `on window { … }`: a process function over the rows of windows that fire, Flink's `ProcessWindowFunction`.
//!
//! Its states are those of the key (Flink's `globalState`), or of one window of it (`windowState`), which go with the window.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Int64Array, ListArray, RecordBatch, StructArray, TimestampMillisecondArray, UInt32Array, new_null_array,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use arrow_select::take::take;

use super::machine::Machine;
use super::program::{Program, State};
use super::states::{Rows, Store};
use super::steps::Compiled;
use crate::api::{
    OperatorContext, Output, Rejected, SideOutput, StateRead, StateReader, StreamShape, WindowSpec, Windows,
};
use crate::inspect::StateQuery;
use crate::operators::group_table::GroupTable;
use crate::operators::rows::{Entries, display, keyed_rows};
use crate::operators::window::{
    Contents, Elements, Fired, Function, OverRows, Panes, Results, SideRows, WindowInput, element_states, find,
};
use crate::state::{RestoredState, StateChange, StateDescriptor, intern};
use crate::types::floats::canonical_column;
use crate::types::{Clock, Error, Field, LogicalType, NO_TIME, Result, Schema};

/// Groups that are looked at for what has expired, and for whether their number is free, beside those that fire.
const SWEPT: usize = 64;
/// The list of a window's rows.
const ROWS: &str = "rows";
/// The window that did not fire since the instance began.
const NONE: u32 = u32::MAX;

/// What `on window` reads of a window over `input`: the keys, the rows, and the bounds where there are any.
pub(super) fn shape_of(input: &StreamShape, window: &WindowSpec) -> StreamShape {
    let keys = input.schema.project(input.keys.as_deref().unwrap_or_default());
    let row = input.schema.fields().iter().map(|field| (field.name.clone(), field.ty.clone())).collect();
    let mut fields = keys.fields().to_vec();
    fields.push(Field::new(ROWS, LogicalType::Array(Box::new(LogicalType::Row(row)))).not_null());
    if window.windows.have_bounds() {
        fields.extend(["window_start", "window_end"].map(|name| Field::new(name, LogicalType::Timestamp).not_null()));
    }
    let time = input.time.clone();
    StreamShape {
        keys: Some((0..keys.len()).collect()),
        time,
        zone: input.zone,
        ..StreamShape::of(Schema::new(fields))
    }
}

/// A process function over windows, as the plan holds it.
#[derive(Debug, Clone)]
pub(super) struct ProcessWindow {
    pub(super) program: Arc<Program>,
    pub(super) input: WindowInput,
    pub(super) bounded: bool,
}

impl Function for ProcessWindow {
    fn name(&self) -> &'static str {
        "WindowProcess"
    }

    fn describe(&self) -> String {
        self.program.describe(false)
    }

    fn output(&self) -> &Schema {
        &self.program.output
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        self.program.sides.clone()
    }

    fn states(&self) -> Vec<StateDescriptor> {
        let mut states = element_states(&[&self.input], self.bounded);
        states.extend(self.program.keyed_states());
        states
    }

    fn contents(&self, window: &WindowSpec, context: &OperatorContext) -> Result<Box<dyn Contents>> {
        let rows = ProcessRows::new(&self.program, window, context)?;
        Ok(Box::new(Elements::new(&[&self.input], window, Box::new(rows), context)))
    }
}

/// Numbers for keys, or for windows of them.
struct Space {
    table: GroupTable,
    /// The numbers in use.
    alive: Vec<bool>,
    /// The next to be swept.
    swept: usize,
}

impl Space {
    fn new(types: &[DataType]) -> Result<Self> {
        Ok(Self { table: GroupTable::new(types, 0)?, alive: Vec::new(), swept: 0 })
    }

    fn number(&mut self, keys: &[ArrayRef], rows: usize, stores: &mut [Store], per_window: bool) -> Result<Vec<u32>> {
        let keys: Vec<ArrayRef> = keys.iter().map(canonical_column).collect();
        let mut numbers = Vec::new();
        self.table.intern(&keys, rows, &mut numbers)?;
        let room = self.table.numbers();
        stores.iter_mut().filter(|store| store.state.per_window == per_window).for_each(|store| store.resize(room));
        self.alive.resize(room.max(self.alive.len()), false);
        for &number in &numbers {
            self.alive[number as usize] = true;
        }
        Ok(numbers)
    }

    /// Looks at some numbers: takes away what has expired, and frees those of which nothing is left.
    fn sweep(&mut self, most: usize, stores: &mut [Store], per_window: bool, watermark: i64, now_ms: i64) {
        let numbers = self.alive.len();
        for _ in 0..most.min(numbers) {
            if self.swept >= numbers {
                self.swept = 0;
            }
            let at = self.swept;
            self.swept += 1;
            if !self.alive[at] {
                continue;
            }
            let mut free = true;
            for store in stores.iter_mut().filter(|store| store.state.per_window == per_window) {
                if let Some(ttl) = store.state.ttl {
                    store.expire(at, if ttl.event_time { watermark } else { now_ms });
                }
                free &= store.is_free(at);
            }
            if free {
                self.alive[at] = false;
                self.table.free(u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
    }
}

/// The running function.
struct ProcessRows {
    program: Arc<Program>,
    handler: Compiled,
    machine: Machine,
    keys: Space,
    /// Of keys and the ends of windows.
    windows: Space,
    /// The number of each window that has fired and may have state of its own, by its pane.
    of_pane: Vec<u32>,
    bounded: Windows,
    /// The first side output of the function.
    first_side: usize,
    place: String,
    max_parallelism: u16,
    clock: Arc<dyn Clock>,
}

impl ProcessRows {
    fn new(program: &Arc<Program>, window: &WindowSpec, context: &OperatorContext) -> Result<Self> {
        let handler = program.handlers.first().ok_or_else(|| Error::state("a process function has no `on window`"))?;
        let keys: Vec<DataType> = program.keys.fields().iter().map(|field| field.ty.to_arrow()).collect();
        let of_windows: Vec<DataType> = keys.iter().cloned().chain([DataType::Int64]).collect();
        Ok(Self {
            handler: Compiled::new(handler, program),
            machine: Machine::new(program, context.max_parallelism)?,
            keys: Space::new(&keys)?,
            windows: Space::new(&of_windows)?,
            of_pane: Vec::new(),
            bounded: window.windows.clone(),
            first_side: usize::from(window.late_to.is_some()),
            place: context.place(),
            max_parallelism: context.max_parallelism,
            clock: Arc::clone(&context.clock),
            program: Arc::clone(program),
        })
    }

    fn has_window_states(&self) -> bool {
        self.program.states.iter().any(|state| state.per_window)
    }

    /// What the handler reads of windows that fire: a row each.
    fn columns(&self, fired: &Fired<'_>, side: &SideRows) -> Result<(RecordBatch, ScalarBuffer<i64>)> {
        let count = fired.panes.len();
        let moments = |times: Vec<i64>| -> ArrayRef {
            let known = times.contains(&NO_TIME).then(|| times.iter().map(|&time| time != NO_TIME).collect());
            Arc::new(TimestampMillisecondArray::new(times.into(), known))
        };
        let bounded = self.bounded.have_bounds();
        let times: Vec<i64> = fired.ends.iter().map(|&end| if bounded { end - 1 } else { NO_TIME }).collect();
        let mut columns = fired.keys.to_vec();
        columns.push(lists(&self.handler.columns.fields()[columns.len()].ty, side, count)?);
        if bounded {
            columns.extend([moments(fired.starts.to_vec()), moments(fired.ends.to_vec())]);
        }
        let (now_ms, watermark) = (self.machine.now_ms, self.machine.watermark);
        columns.push(moments(times.clone()));
        columns.push(moments(vec![now_ms; count]));
        columns.push(moments(vec![watermark; count]));
        columns.push(new_null_array(&LogicalType::Timestamp.to_arrow(), count));
        Ok((self.handler.columns.record_batch(columns, count)?, times.into()))
    }

    /// The key's columns of these numbers, and behind them what else finds the entries again.
    fn keys_of(&self, state: &State, groups: &[u32]) -> Result<(Vec<ArrayRef>, Option<ArrayRef>)> {
        if !state.per_window {
            return Ok((self.keys.table.keys(groups)?, None));
        }
        let mut keys = self.windows.table.keys(groups)?;
        let end = keys.pop().ok_or_else(|| Error::state("a window has no end"))?;
        Ok((keys, Some(arrow_cast::cast(&end, &LogicalType::Timestamp.to_arrow())?)))
    }

    fn entries(&self, state: &State, rows: Rows, with_values: bool) -> Result<crate::state::KeyedRows> {
        let descriptor = state.descriptor(&self.program.keys);
        let schema = if with_values { descriptor.schema } else { descriptor.key_schema() };
        let count = rows.groups.len();
        let (keys, end) = self.keys_of(state, &rows.groups)?;
        // Neither the window nor the key of a map routes.
        let values = end.into_iter().chain(rows.columns).collect();
        keyed_rows(&schema, Entries { keys, values, rows: count }, self.max_parallelism)
    }
}

/// The rows of each window as a list.
fn lists(ty: &LogicalType, side: &SideRows<'_>, windows: usize) -> Result<ArrayRef> {
    let wrong = || Error::state("the rows of a window have another type");
    let DataType::List(field) = ty.to_arrow() else { return Err(wrong()) };
    let DataType::Struct(fields) = field.data_type() else { return Err(wrong()) };
    let all = side.rows()?;
    let rows = all.num_rows();
    let items = if fields.is_empty() {
        StructArray::new_empty_fields(rows, None)
    } else {
        StructArray::try_new(fields.clone(), all.columns().to_vec(), None)?
    };
    let mut lengths = vec![0; windows];
    for &window in &side.windows {
        lengths[window as usize] += 1;
    }
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), Arc::new(items), None)?))
}

impl OverRows for ProcessRows {
    fn apply(&mut self, fired: &Fired<'_>, sides: &[SideRows], out: &mut dyn Output) -> Result<Results> {
        let count = fired.panes.len();
        (self.machine.now_ms, self.machine.watermark) = (self.clock.now_ms(), fired.watermark);
        let stores = &mut self.machine.stores;
        let keys = self.keys.number(fired.keys, count, stores, false)?;
        let mut windows = vec![0; count];
        if self.has_window_states() {
            let end: ArrayRef = Arc::new(Int64Array::from(fired.ends.to_vec()));
            let of: Vec<ArrayRef> = fired.keys.iter().cloned().chain([end]).collect();
            windows = self.windows.number(&of, count, &mut self.machine.stores, true)?;
            for (&pane, &window) in fired.panes.iter().zip(&windows) {
                note(&mut self.of_pane, pane, window);
            }
        }
        let (rows, times) = self.columns(fired, &sides[0])?;
        self.machine.columns = self.handler.evaluate(&rows, self.machine.now_ms)?;
        self.machine.enter(&self.handler.locals);
        let mut rejected = Vec::new();
        for row in 0..count {
            let machine = &mut self.machine;
            (machine.row, machine.group, machine.window) = (row, keys[row] as usize, windows[row] as usize);
            // What it emits says by its time which window it is of.
            (machine.time, machine.emitted_at) = (times[row], i64::try_from(row).unwrap_or(i64::MAX));
            machine.begin_row();
            if let Err(fault) = self.handler.run(machine) {
                machine.roll_back();
                let message = super::operator::message(&self.program.name, &fault);
                let at = UInt32Array::from(vec![u32::try_from(row).unwrap_or(0)]);
                let key = fired.keys.iter().map(|key| take(key, &at, None)).collect::<Result<Vec<_>, _>>()?;
                let key = display(&self.program.keys.record_batch(key, 1)?, 0);
                let row = format!("a window of {key}").into_bytes();
                rejected.push(Rejected { place: self.place.clone(), row, message });
            }
        }
        if !rejected.is_empty() {
            out.reject(rejected)?;
        }
        let mut results =
            Results { rows: RecordBatch::new_empty(self.program.output.arrow().clone()), windows: Some(Vec::new()) };
        for (port, emitted) in self.machine.outputs.iter_mut().enumerate() {
            let Some(batch) = emitted.take(false)? else { continue };
            let windows = batch.times().iter().map(|&window| u32::try_from(window).unwrap_or(0));
            if let Some(side) = port.checked_sub(1) {
                let times = windows.map(|window| times[window as usize]).collect::<Vec<_>>();
                out.side(self.first_side + side, batch.with_times(times.into()))?;
            } else {
                let windows = Some(windows.collect());
                results = Results { rows: batch.columns().clone(), windows };
            }
        }
        let Machine { stores, watermark, now_ms, .. } = &mut self.machine;
        self.keys.sweep(count + SWEPT, stores, false, *watermark, *now_ms);
        self.windows.sweep(count + SWEPT, stores, true, *watermark, *now_ms);
        Ok(results)
    }

    fn ended(&mut self, pane: u32) {
        let Some(window) = self.of_pane.get_mut(pane as usize) else { return };
        let window = std::mem::replace(window, NONE);
        if window != NONE {
            for store in self.machine.stores.iter_mut().filter(|store| store.state.per_window) {
                store.clear(window as usize);
            }
        }
    }

    fn changes(&mut self, changes: &mut Vec<StateChange>) -> Result<()> {
        for at in 0..self.machine.stores.len() {
            let found = self.machine.stores[at].changes()?;
            let state = &self.machine.stores[at].state;
            let name = intern(&state.name);
            if !found.gone.groups.is_empty() {
                let rows = self.entries(state, found.gone, false)?;
                changes.push(StateChange::Remove { state: name, namespace: 0, rows });
            }
            if !found.live.groups.is_empty() {
                let rows = self.entries(state, found.live, true)?;
                changes.push(StateChange::Upsert { state: name, namespace: 0, rows });
            }
        }
        Ok(())
    }

    fn restore(&mut self, restored: &dyn RestoredState, panes: &mut Panes) -> Result<()> {
        let program = Arc::clone(&self.program);
        let width = program.keys.len();
        for (at, state) in program.states.iter().enumerate() {
            for (_, rows) in restored.keyed(&state.descriptor(&program.keys))? {
                let (keys, stores) = (&rows.columns()[..width], &mut self.machine.stores);
                if !state.per_window {
                    let groups = self.keys.number(keys, rows.num_rows(), stores, false)?;
                    stores[at].restore(&groups, &rows, width)?;
                    continue;
                }
                let end = arrow_cast::cast(rows.column(width), &DataType::Int64)?;
                let of: Vec<ArrayRef> = keys.iter().cloned().chain([end.clone()]).collect();
                let windows = self.windows.number(&of, rows.num_rows(), stores, true)?;
                stores[at].restore(&windows, &rows, width + 1)?;
                let ends = RecordBatch::try_from_iter([("end", end)])?;
                let mut found = Vec::new();
                find(keys, &ends, &self.bounded, panes, &mut found)?;
                for (pane, window) in found.into_iter().zip(windows) {
                    note(&mut self.of_pane, pane, window);
                }
            }
        }
        Ok(())
    }

    fn read(&self, query: &StateQuery) -> Result<Vec<StateRead>> {
        let mut reads = Vec::new();
        for store in &self.machine.stores {
            let descriptor = store.state.descriptor(&self.program.keys);
            let Some(mut reader) = StateReader::new(query, descriptor, self.max_parallelism)? else { continue };
            let groups = store.all();
            let (groups, columns) = if store.state.is_map() {
                let Rows { groups, columns } = store.map_rows(&groups)?;
                (groups, columns)
            } else {
                let Rows { groups, columns } = store.rows(groups)?;
                (groups, columns)
            };
            let (mut keys, end) = self.keys_of(&store.state, &groups)?;
            let mapped = usize::from(store.state.is_map());
            keys.extend(end.into_iter().chain(columns[..mapped].iter().cloned()));
            let values = &columns[mapped..];
            let mut of = |places: &[u32]| {
                let places = UInt32Array::from(places.to_vec());
                values.iter().map(|column| Ok(take(column, &places, None)?)).collect()
            };
            reader.add(0, &keys, groups.len(), store.bytes() as u64, &mut of)?;
            reads.push(reader.finish());
        }
        Ok(reads)
    }

    fn bytes(&self) -> usize {
        let states: usize = self.machine.stores.iter().map(Store::bytes).sum();
        states + self.keys.table.bytes() + self.windows.table.bytes()
    }
}

/// Notes the number of the window that is `pane` now.
fn note(of_pane: &mut Vec<u32>, pane: u32, window: u32) {
    let at = pane as usize;
    if of_pane.len() <= at {
        of_pane.resize(at + 1, NONE);
    }
    of_pane[at] = window;
}
