//! The running process function.
//!
//! What depends on a row alone is evaluated a batch at a time; then the rows are gone through in the order in which they
//! came. A row that fails is rejected, and its changes are taken back. Timers that a watermark makes due run before it is
//! passed on, in the order of their times, a batch of them a call; where rows say which watermark each has met, those that it
//! made due run before the row.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions, TimestampMillisecondArray, UInt32Array, new_null_array,
};
use arrow_buffer::ScalarBuffer;
use arrow_schema::DataType;
use arrow_select::take::take;

use super::machine::Machine;
use super::program::{Program, WATERMARK};
use super::states::{Rows, Store};
use super::steps::Compiled;
use crate::api::{Armed, Inputs, Moment, On, Operator, OperatorContext, Output, Rejected, StateRead, StateReader};
use crate::expr::rowwise::Column;
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery, TimerView};
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::{Timer, Timers};
use crate::operators::rows::{Entries, decode_batch, display, encode_batch, keyed_rows};
use crate::state::{RestoredState, StateChange, StateDelta, intern};
use crate::types::floats::canonical_column;
use crate::types::{
    Batch, Cells, CheckpointId, Clock, Error, LogicalType, MIN_WATERMARK, NO_TIME, Result, Schema, any_untimed,
};

/// Groups that are looked at for what has expired, and for whether their number is free, beside those of a batch.
const SWEPT: usize = 64;

/// The place of the watermark among the [built-in columns](super::program::BUILT_IN).
const CURRENT_WATERMARK: usize = 2;

/// Timers of each kind of time that a view has.
const TIMERS_SHOWN: usize = 20;

/// What timers that rows of a batch make due read of their keys and times, evaluated for all of them at once.
struct Foreseen {
    timers: Vec<Timer>,
    /// The first that was not asked for.
    next: usize,
    /// By handler; `None` where it can't be known before.
    columns: Vec<Option<Vec<Column>>>,
}

impl Foreseen {
    /// The row of a timer, if it was foreseen. They are asked for in their order.
    fn place(&mut self, timer: &Timer) -> Option<usize> {
        while self.timers.get(self.next).is_some_and(|known| known < timer) {
            self.next += 1;
        }
        (self.timers.get(self.next) == Some(timer)).then_some(self.next)
    }
}

pub(super) struct ProcessOperator {
    program: Arc<Program>,
    handlers: Vec<Compiled>,
    /// The handler of each input.
    of_input: Vec<Option<usize>>,
    /// The handler of each timer.
    of_timer: Vec<Option<usize>>,
    machine: Machine,
    table: GroupTable,
    /// The groups whose number is in use.
    alive: Vec<bool>,
    /// The next group to be swept.
    swept: usize,
    /// The watermark that has been passed on: event-time timers that were set behind it wait for the next.
    passed: i64,
    /// Rows of an input that wait for what they give to find room, and when they came: for them it is that time still.
    rest: Option<(usize, Batch, i64)>,
    /// Whether rows say which watermark each has met.
    marked: bool,
    /// Whether it is armed.
    armed: bool,
    /// What stands for built-in columns that nobody reads.
    unread: ArrayRef,
    hot_keys: HotKeys,
    groups: Vec<u32>,
    place: String,
    /// Whether it is the instance that shows what is the same in all.
    first: bool,
    batch_rows: usize,
    max_parallelism: u16,
    clock: Arc<dyn Clock>,
}

impl ProcessOperator {
    pub(super) fn new(program: &Arc<Program>, context: &OperatorContext) -> Result<Self> {
        let handlers: Vec<Compiled> = program.handlers.iter().map(|handler| Compiled::new(handler, program)).collect();
        let find = |on: &On| handlers.iter().position(|handler| handler.on == *on);
        let of_input =
            if program.inputs.len() == 1 { vec![find(&On::Event)] } else { vec![find(&On::Left), find(&On::Right)] };
        let of_timer = program.timers.iter().map(|name| find(&On::Timer(name.clone()))).collect();
        let types: Vec<DataType> = program.keys.fields().iter().map(|field| field.ty.to_arrow()).collect();
        let mut this = Self {
            of_input,
            of_timer,
            handlers,
            machine: Machine::new(program, context.max_parallelism)?,
            table: GroupTable::new(&types, 0)?,
            alive: Vec::new(),
            swept: 0,
            passed: MIN_WATERMARK,
            rest: None,
            marked: false,
            armed: false,
            unread: new_null_array(&LogicalType::Timestamp.to_arrow(), 0),
            hot_keys: HotKeys::default(),
            groups: Vec::new(),
            place: context.place(),
            first: context.subtask == 0,
            batch_rows: context.batch_rows.max(1),
            max_parallelism: context.max_parallelism,
            clock: Arc::clone(&context.clock),
            program: Arc::clone(program),
        };
        for store in this.machine.stores.iter_mut().filter(|store| store.state.broadcast) {
            store.resize(1);
        }
        if let Some(restored) = &context.restored {
            this.restore(&**restored)?;
            context.armed.set(this.wants());
        }
        Ok(this)
    }

    fn restore(&mut self, restored: &dyn RestoredState) -> Result<()> {
        let (program, mut groups) = (Arc::clone(&self.program), Vec::new());
        for state in 0..program.states.len() {
            if program.states[state].broadcast {
                continue;
            }
            for (_, rows) in restored.keyed(&program.states[state].descriptor(&program.keys))? {
                self.table.intern(&rows.columns()[..program.keys.len()], rows.num_rows(), &mut groups)?;
                self.make_room(&groups);
                self.machine.stores[state].restore(&groups, &rows, program.keys.len())?;
            }
        }
        if program.times[0] {
            let marks = restored.operator(&WATERMARK)?;
            let damaged = || Error::state("the watermark of timers is damaged");
            let marks = marks.iter().map(|mark| Ok(i64::from_le_bytes(mark[..].try_into().map_err(|_| damaged())?)));
            self.passed = marks.collect::<Result<Vec<i64>>>()?.into_iter().min().unwrap_or(MIN_WATERMARK);
            self.machine.watermark = self.passed;
            self.machine.met = self.passed;
        }
        for of in (0..2).filter(|&of| program.times[of]) {
            self.machine.timers[of].restore(restored, &mut self.table)?;
        }
        let held: Vec<u32> =
            self.machine.timers.iter().flat_map(|timers| timers.iter().map(|timer| timer.group)).collect();
        self.make_room(&held);
        let descriptors = program.broadcast_states();
        let stores = self.machine.stores.iter_mut().filter(|store| store.state.broadcast);
        for (store, descriptor) in stores.zip(&descriptors) {
            for entry in restored.operator(descriptor)? {
                let rows = decode_batch(&entry)?;
                store.restore(&vec![0; rows.rows()], rows.columns(), 0)?;
            }
        }
        Ok(())
    }

    /// Makes room for these groups, which are in use.
    fn make_room(&mut self, groups: &[u32]) {
        let numbers = self.table.numbers();
        self.machine.stores.iter_mut().filter(|store| !store.state.broadcast).for_each(|store| store.resize(numbers));
        if self.alive.len() < numbers {
            self.alive.resize(numbers, false);
        }
        for &group in groups {
            self.alive[group as usize] = true;
        }
    }

    /// The rows with the columns that are built in behind theirs.
    fn with_built_in(
        &mut self,
        handler: usize,
        columns: &[ArrayRef],
        times: &ScalarBuffer<i64>,
        met: Option<&ScalarBuffer<i64>>,
    ) -> Result<RecordBatch> {
        let rows = times.len();
        if self.unread.len() < rows {
            self.unread = new_null_array(&LogicalType::Timestamp.to_arrow(), rows.max(self.batch_rows));
        }
        let moments = |times: ScalarBuffer<i64>| -> ArrayRef {
            let known = any_untimed(&times).then(|| times.iter().map(|&time| time != NO_TIME).collect());
            Arc::new(TimestampMillisecondArray::new(times, known))
        };
        let same = |time: i64| moments(vec![time; rows].into());
        let handler = &self.handlers[handler];
        let mut all = columns.to_vec();
        for (column, read) in handler.built_in.into_iter().enumerate() {
            all.push(match column {
                _ if !read => self.unread.slice(0, rows),
                1 => same(self.machine.now_ms),
                CURRENT_WATERMARK => match met {
                    Some(met) => moments(met.iter().map(|met| *met.max(&self.passed)).collect()),
                    None => same(self.machine.watermark),
                },
                // Of a timer the event time is its time.
                _ => moments(times.clone()),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(handler.columns.arrow().clone(), all, &options)?)
    }

    fn enter(
        &mut self,
        handler: usize,
        columns: &[ArrayRef],
        times: &ScalarBuffer<i64>,
        met: Option<&ScalarBuffer<i64>>,
    ) -> Result<()> {
        self.machine.columns = self.evaluated(handler, columns, times, met)?;
        self.machine.enter(&self.handlers[handler].locals);
        Ok(())
    }

    /// What a handler reads of rows.
    fn evaluated(
        &mut self,
        handler: usize,
        columns: &[ArrayRef],
        times: &ScalarBuffer<i64>,
        met: Option<&ScalarBuffer<i64>>,
    ) -> Result<Vec<Column>> {
        if !self.handlers[handler].reads_rows() {
            return Ok(Vec::new());
        }
        let rows = self.with_built_in(handler, columns, times, met)?;
        self.handlers[handler].evaluate(&rows, self.machine.now_ms)
    }

    /// Runs the handler of `input` on rows until what they give fills a batch.
    fn work(&mut self, input: usize, batch: &Batch, out: &mut dyn Output) -> Result<()> {
        let Some(handler) = self.of_input[input] else { return Ok(()) };
        let keys: Vec<ArrayRef> =
            self.program.inputs[input].1.iter().map(|&key| canonical_column(batch.column(key))).collect();
        let to_all = self.program.broadcast && input == 1;
        let keyed = !self.program.keys.is_empty() && !to_all;
        let mut groups = std::mem::take(&mut self.groups);
        if keyed {
            self.hot_keys.sample(&keys, batch.rows())?;
            self.table.intern(&keys, batch.rows(), &mut groups)?;
            self.make_room(&groups);
        }
        self.marked |= batch.watermarks().is_some();
        self.enter(handler, batch.columns().columns(), batch.times(), batch.watermarks())?;
        let until = batch.watermarks().and_then(|met| met.iter().max().copied());
        let mut foreseen = self.foresee(until)?;
        let mut rejected = Vec::new();
        let mut done = batch.rows();
        for (row, &time) in batch.times().iter().enumerate() {
            if let Some(met) = batch.watermarks().map(|met| met[row]).filter(|met| *met > self.passed)
                && !self.reach(met, &mut foreseen, &mut rejected)?
            {
                done = row;
                break;
            }
            let machine = &mut self.machine;
            machine.row = row;
            machine.group = if keyed { groups[row] as usize } else { 0 };
            (machine.time, machine.emitted_at) = (time, time);
            machine.begin_row();
            if let Err(fault) = self.handlers[handler].run(machine) {
                machine.roll_back();
                let message = message(&self.program.name, &fault);
                let row = display(batch.columns(), row).into_bytes();
                rejected.push(Rejected { place: self.place.clone(), row, message });
            }
            if self.is_full() {
                done = row + 1;
                break;
            }
        }
        self.groups = groups;
        if done < batch.rows() {
            self.rest = Some((input, batch.slice(done, batch.rows() - done), self.machine.now_ms));
        }
        self.give(rejected, out)
    }

    /// The timers that will be due between rows, when the last of these meets `until`.
    fn foresee(&mut self, until: Option<i64>) -> Result<Foreseen> {
        let due = self.machine.timers[0].iter().take_while(|timer| until.is_some_and(|until| timer.time <= until));
        let coming: Vec<Timer> = due.take(self.batch_rows).copied().collect();
        let mut columns: Vec<Option<Vec<Column>>> = self.handlers.iter().map(|_| None).collect();
        let groups: Vec<u32> = coming.iter().map(|timer| timer.group).collect();
        let keys = if coming.is_empty() { Vec::new() } else { self.table.keys(&groups)? };
        let times: ScalarBuffer<i64> = coming.iter().map(|timer| timer.time).collect();
        for timer in &coming {
            let Some(handler) = self.of_timer[usize::from(timer.name)] else { continue };
            // Which watermark it will meet is not known yet.
            if columns[handler].is_none() && !self.handlers[handler].built_in[CURRENT_WATERMARK] {
                columns[handler] = Some(self.evaluated(handler, &keys, &times, None)?);
            }
        }
        Ok(Foreseen { timers: coming, next: 0, columns })
    }

    /// Event time has reached `met` between two rows: runs what is due, a batch of timers at most. Whether that is done.
    fn reach(&mut self, met: i64, foreseen: &mut Foreseen, rejected: &mut Vec<Rejected>) -> Result<bool> {
        self.machine.watermark = met;
        if self.machine.timers[0].first().is_some_and(|first| first <= met) {
            let aside = self.machine.set_aside();
            self.run_foreseen(met, foreseen, rejected)?;
            self.machine.go_on(aside);
            if self.is_full() || self.machine.timers[0].first().is_some_and(|first| first <= met) {
                return Ok(false);
            }
        }
        (self.passed, self.machine.met) = (met, met);
        Ok(true)
    }

    /// Runs timers that are due, those that were foreseen without making anything for them.
    fn run_foreseen(&mut self, met: i64, foreseen: &mut Foreseen, rejected: &mut Vec<Rejected>) -> Result<()> {
        for _ in 0..self.batch_rows {
            let Some(timer) = self.machine.timers[0].first_timer().filter(|timer| timer.time <= met) else { break };
            let handler = self.of_timer[usize::from(timer.name)];
            let row = foreseen.place(&timer);
            let columns = handler.filter(|_| row.is_some()).and_then(|handler| foreseen.columns[handler].take());
            if let (Some(handler), Some(row), Some(columns)) = (handler, row, columns) {
                self.machine.timers[0].pop(met);
                self.machine.columns = columns;
                self.machine.enter(&self.handlers[handler].locals);
                self.run_timer((0, &timer), handler, row, rejected)?;
                foreseen.columns[handler] = Some(std::mem::take(&mut self.machine.columns));
            } else {
                self.run_timers(0, met, rejected)?;
            }
            if self.is_full() {
                break;
            }
        }
        Ok(())
    }

    /// Whether what is emitted fills a batch.
    fn is_full(&self) -> bool {
        self.machine.outputs.iter().any(|output| output.rows() >= self.batch_rows)
    }

    /// Runs timers that are due, and hands on what they give.
    fn fire(&mut self, of: usize, until: i64, out: &mut dyn Output) -> Result<()> {
        let mut rejected = Vec::new();
        self.run_timers(of, until, &mut rejected)?;
        self.give(rejected, out)
    }

    /// Runs timers that are due, at most a batch of them and until what they give fills one.
    fn run_timers(&mut self, of: usize, until: i64, rejected: &mut Vec<Rejected>) -> Result<()> {
        let due: Vec<Timer> = self.machine.timers[of]
            .iter()
            .take_while(|timer| timer.time <= until)
            .take(self.batch_rows)
            .copied()
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let groups: Vec<u32> = due.iter().map(|timer| timer.group).collect();
        let read = due.iter().filter_map(|timer| self.of_timer[usize::from(timer.name)]);
        let are_read = read.into_iter().any(|handler| self.handlers[handler].reads_rows());
        let keys = if are_read { self.table.keys(&groups)? } else { Vec::new() };
        let times: ScalarBuffer<i64> = due.iter().map(|timer| timer.time).collect();
        let mut entered = None;
        for (row, timer) in due.iter().enumerate() {
            // What ran before may have deleted it, or set one that is due earlier.
            if self.machine.timers[of].first_timer() != Some(*timer) {
                break;
            }
            self.machine.timers[of].pop(until);
            let Some(handler) = self.of_timer[usize::from(timer.name)] else { continue };
            if entered != Some(handler) {
                self.enter(handler, &keys, &times, None)?;
                entered = Some(handler);
            }
            self.run_timer((of, timer), handler, row, rejected)?;
            if self.is_full() {
                break;
            }
        }
        Ok(())
    }

    /// Runs a handler that was entered on a timer, which is row `row` of what was evaluated.
    fn run_timer(
        &mut self,
        (of, timer): (usize, &Timer),
        handler: usize,
        row: usize,
        rejected: &mut Vec<Rejected>,
    ) -> Result<()> {
        let machine = &mut self.machine;
        (machine.row, machine.group) = (row, timer.group as usize);
        machine.time = timer.time;
        machine.emitted_at = if of == 0 { timer.time } else { NO_TIME };
        machine.begin_row();
        if let Err(fault) = self.handlers[handler].run(machine) {
            machine.roll_back();
            let message = message(&self.program.name, &fault);
            let key = self.table.keys(&[timer.group])?;
            let key = display(&self.program.keys.record_batch(key, 1)?, 0);
            let row = format!("timer {} of {key}", self.program.timers[usize::from(timer.name)]).into_bytes();
            rejected.push(Rejected { place: self.place.clone(), row, message });
        }
        Ok(())
    }

    /// Hands on what was emitted.
    fn give(&mut self, rejected: Vec<Rejected>, out: &mut dyn Output) -> Result<()> {
        if !rejected.is_empty() {
            out.reject(rejected)?;
        }
        for (port, output) in self.machine.outputs.iter_mut().enumerate() {
            let Some(batch) = output.take(self.marked)? else { continue };
            match port.checked_sub(1) {
                None => out.batch(batch)?,
                Some(side) => out.side(side, batch)?,
            }
        }
        Ok(())
    }

    /// Looks at some groups: takes away what has expired, and frees those of which nothing is left.
    fn sweep(&mut self, groups: usize) {
        let numbers = self.alive.len();
        for _ in 0..groups.min(numbers) {
            if self.swept >= numbers {
                self.swept = 0;
            }
            let at = self.swept;
            self.swept += 1;
            if !self.alive[at] {
                continue;
            }
            let machine = &mut self.machine;
            let (watermark, now_ms) = (machine.watermark, machine.now_ms);
            let mut free = true;
            for store in machine.stores.iter_mut().filter(|store| !store.state.broadcast) {
                if let Some(ttl) = store.state.ttl {
                    store.expire(at, if ttl.event_time { watermark } else { now_ms });
                }
                free &= store.is_free(at);
            }
            let group = u32::try_from(at).unwrap_or(u32::MAX);
            if free && !machine.timers.iter().any(|timers| timers.holds(group)) {
                self.alive[at] = false;
                self.table.free(group);
            }
        }
    }

    /// The timers that are due next, for people.
    fn due_timers(&self) -> Vec<TimerView> {
        let mut all = Vec::new();
        for (timers, event_time) in self.machine.timers.iter().zip([true, false]) {
            let due: Vec<Timer> = timers.iter().take(TIMERS_SHOWN).copied().collect();
            // Keys that can't be decoded are not worth the job's life.
            let Ok(keys) = self.table.keys(&due.iter().map(|timer| timer.group).collect::<Vec<_>>()) else { continue };
            let cells = Cells::new(&keys);
            all.extend(due.iter().enumerate().map(|(row, timer)| TimerView {
                name: self.program.timers[usize::from(timer.name)].clone(),
                key: self.program.keys.names().map(str::to_owned).zip(cells.row(row)).collect(),
                time: timer.time,
                event_time,
            }));
        }
        all
    }

    fn wants(&self) -> Armed {
        let waits = self.rest.is_some();
        Armed {
            more: waits,
            full: if waits { Inputs::ALL } else { Inputs::NONE },
            event_time: self.machine.timers[0].first().map(|first| first.max(self.passed.saturating_add(1))),
            processing_time_ms: self.machine.timers[1].first(),
            woken: false,
            unfinished: waits,
            indivisible: waits,
        }
    }

    fn arm(&mut self, out: &mut dyn Output) {
        let wants = self.wants();
        if wants != Armed::NOTHING || self.armed {
            out.arm(wants);
        }
        self.armed = wants != Armed::NOTHING;
    }

    /// Entries of keyed state, as a snapshot hands them over.
    fn keyed(&self, store: &Store, rows: Rows, with_values: bool) -> Result<crate::state::KeyedRows> {
        let descriptor = store.state.descriptor(&self.program.keys);
        let schema = if with_values { descriptor.schema } else { descriptor.key_schema() };
        let count = rows.groups.len();
        // The key of a map stands among the values: it does not route.
        let entries = Entries { keys: self.table.keys(&rows.groups)?, values: rows.columns, rows: count };
        keyed_rows(&schema, entries, self.max_parallelism)
    }
}

/// The message of a row that failed.
pub(super) fn message(name: &str, fault: &crate::expr::rowwise::Fault) -> String {
    match fault.line() {
        Some(line) => format!("{fault} ({name}, line {line})"),
        None => format!("{fault} ({name})"),
    }
}

impl Operator for ProcessOperator {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.machine.now_ms = self.clock.now_ms();
        self.work(input, &batch, out)?;
        self.sweep(batch.rows() + SWEPT);
        self.arm(out);
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.passed = self.passed.max(watermark);
        (self.machine.watermark, self.machine.met) = (self.passed, self.passed);
        self.machine.now_ms = self.clock.now_ms();
        self.sweep(SWEPT);
        self.arm(out);
        out.watermark(watermark)
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        self.armed = true;
        self.machine.now_ms = now.now_ms;
        if let Some((input, batch, now_ms)) = self.rest.take() {
            self.machine.now_ms = now_ms;
            self.work(input, &batch, out)?;
        } else {
            // A watermark that is held back until its timers have run.
            let is_new = now.watermark > self.passed;
            if is_new {
                self.machine.watermark = now.watermark;
                self.fire(0, now.watermark, out)?;
            }
            if !is_new || self.machine.timers[0].first().is_none_or(|first| first > now.watermark) {
                self.fire(1, now.now_ms, out)?;
            }
        }
        self.sweep(SWEPT);
        self.arm(out);
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let mut changes = Vec::new();
        for at in 0..self.machine.stores.len() {
            let name = intern(&self.machine.stores[at].state.name);
            if self.machine.stores[at].state.broadcast {
                let store = &self.machine.stores[at];
                let groups = store.all();
                let rows = if store.state.is_map() { store.map_rows(&groups)? } else { store.rows(groups)? };
                let schema = Schema::new(store.state.columns());
                let rows = Batch::untimed(schema.record_batch(rows.columns, rows.groups.len())?);
                changes.push(StateChange::Operator { state: name, entry: encode_batch(&rows)? });
                continue;
            }
            let found = self.machine.stores[at].changes()?;
            let store = &self.machine.stores[at];
            if !found.gone.groups.is_empty() {
                let rows = self.keyed(store, found.gone, false)?;
                changes.push(StateChange::Remove { state: name, namespace: 0, rows });
            }
            if !found.live.groups.is_empty() {
                let rows = self.keyed(store, found.live, true)?;
                changes.push(StateChange::Upsert { state: name, namespace: 0, rows });
            }
        }
        if self.program.times[0] {
            changes.push(StateChange::Operator { state: WATERMARK.name, entry: self.passed.to_le_bytes().to_vec() });
        }
        for of in (0..2).filter(|&of| self.program.times[of]) {
            self.machine.timers[of].changes(&self.table, &mut changes)?;
        }
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let timers: usize = self.machine.timers.iter().map(Timers::len).sum();
        let states: usize = self.machine.stores.iter().map(Store::bytes).sum();
        let bytes = states + self.table.bytes() + self.machine.timers.iter().map(Timers::bytes).sum::<usize>();
        let entries = EntriesView { count: self.table.len() as u64, bytes: bytes as u64 };
        let mut sections = vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())];
        if self.program.times.contains(&true) {
            sections.push(Section::Timers(timers as u64));
            sections.push(Section::DueTimers(self.due_timers()));
        }
        let watermark = Some(self.machine.watermark).filter(|&watermark| watermark > MIN_WATERMARK);
        OperatorView { watermark, sections }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        let mut reads = Vec::new();
        let no_keys = Schema::new([]);
        for store in self.machine.stores.iter().filter(|store| self.first || !store.state.broadcast) {
            let of_key = !store.state.broadcast;
            let descriptor = store.state.descriptor(if of_key { &self.program.keys } else { &no_keys });
            let Some(mut reader) = StateReader::new(query, descriptor, self.max_parallelism)? else { continue };
            let groups = store.all();
            let keys_of = |groups: &[u32]| if of_key { self.table.keys(groups) } else { Ok(Vec::new()) };
            let (keys, rows, values) = if store.state.is_map() {
                let mut rows = store.map_rows(&groups)?;
                let mut keys = keys_of(&rows.groups)?;
                keys.push(rows.columns.remove(0));
                (keys, rows.groups.len(), rows.columns)
            } else {
                (keys_of(&groups)?, groups.len(), Vec::new())
            };
            let mut of = |places: &[u32]| {
                if store.state.is_map() {
                    let places = UInt32Array::from(places.to_vec());
                    return values.iter().map(|column| Ok(take(column, &places, None)?)).collect();
                }
                Ok(store.rows(places.iter().map(|&place| groups[place as usize]).collect())?.columns)
            };
            reader.add(0, &keys, rows, store.bytes() as u64, &mut of)?;
            reads.push(reader.finish());
        }
        Ok(Some(reads))
    }
}
