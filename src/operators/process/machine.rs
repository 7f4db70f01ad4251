//! The row at hand with everything that a handler reads and changes.

use std::borrow::Cow;

use arrow_array::ArrayRef;
use arrow_buffer::ScalarBuffer;

use super::program::{Program, TIMERS, Var};
use super::states::Store;
use super::store::{Entries, Entry, Slots};
use super::undo::Undo;
use crate::expr::rowwise::{Column, Fault, Key, Row, Scalar, Values};
use crate::operators::keyed::{Timer, Timers};
use crate::types::{Batch, LogicalType, MIN_WATERMARK, NO_TIME, Result, Schema};

/// Steps of loops that one row may take.
const STEPS_MAX: u32 = 100_000;

pub(super) struct Machine {
    pub(super) stores: Vec<Store>,
    /// Of event time, then of processing time.
    pub(super) timers: [Timers; 2],
    pub(super) outputs: Vec<Emissions>,
    /// The variables of the handler at hand.
    pub(super) locals: Vec<Slots>,
    local_types: Vec<LogicalType>,
    /// What was evaluated of the batch at hand.
    pub(super) columns: Vec<Column>,
    pub(super) row: usize,
    pub(super) group: usize,
    /// The number of the window at hand, which has state of its own.
    pub(super) window: usize,
    /// The event time of the row, or of the timer.
    pub(super) time: i64,
    /// The event time of the rows that it emits.
    pub(super) emitted_at: i64,
    pub(super) watermark: i64,
    /// The watermark behind which it emits: of a timer the one before that which made it due.
    pub(super) met: i64,
    pub(super) now_ms: i64,
    steps: u32,
    undo: Vec<Undo>,
}

/// What was evaluated of rows, and the variables of their handler.
pub(super) struct Aside {
    columns: Vec<Column>,
    locals: Vec<Slots>,
    types: Vec<LogicalType>,
}

/// Rows that were emitted to an output.
pub(super) struct Emissions {
    schema: Schema,
    columns: Vec<Values>,
    times: Vec<i64>,
    /// The watermark that each meets.
    met: Vec<i64>,
    /// The rows before the row at hand.
    before: usize,
}

impl Emissions {
    fn new(schema: &Schema) -> Self {
        let columns = schema.fields().iter().map(|field| Values::new(&field.ty)).collect();
        Self { schema: schema.clone(), columns, times: Vec::new(), met: Vec::new(), before: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, column: usize, value: Scalar) {
        self.columns[column].push(value);
    }

    pub(super) fn end_row(&mut self, time: i64, met: i64) {
        self.times.push(time);
        self.met.push(met);
    }

    pub(super) fn rows(&self) -> usize {
        self.times.len()
    }

    /// The rows, which are gone then; `marked` with the watermarks that they meet.
    pub(super) fn take(&mut self, marked: bool) -> Result<Option<Batch>> {
        if self.times.is_empty() {
            return Ok(None);
        }
        let fields = self.schema.fields();
        let arrays = self.columns.iter().zip(fields).map(|(values, field)| values.whole(&field.ty));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let rows = self.schema.record_batch(arrays, self.times.len())?;
        self.columns.iter_mut().for_each(|values| values.resize(0));
        let times: ScalarBuffer<i64> = std::mem::take(&mut self.times).into();
        let met: ScalarBuffer<i64> = std::mem::take(&mut self.met).into();
        Ok(Some(Batch::new(rows, times).with_watermarks(marked.then_some(met))))
    }
}

impl Machine {
    pub(super) fn new(program: &Program, max_parallelism: u16) -> Result<Self> {
        let timers = |of: usize| Timers::new(program.timer_state(of), max_parallelism).by_key();
        debug_assert_eq!(TIMERS.len(), 2, "of event time and the other");
        let outputs = std::iter::once(&program.output).chain(program.sides.iter().map(|side| &side.schema));
        Ok(Self {
            stores: program.states.iter().map(Store::new).collect::<Result<_>>()?,
            timers: [timers(0), timers(1)],
            outputs: outputs.map(Emissions::new).collect(),
            locals: Vec::new(),
            local_types: Vec::new(),
            columns: Vec::new(),
            row: 0,
            group: 0,
            window: 0,
            time: NO_TIME,
            emitted_at: NO_TIME,
            watermark: MIN_WATERMARK,
            met: MIN_WATERMARK,
            now_ms: 0,
            steps: 0,
            undo: Vec::new(),
        })
    }

    /// Sets the variables for the rows of a handler.
    pub(super) fn enter(&mut self, types: &[LogicalType]) {
        if self.local_types != types {
            self.local_types = types.to_vec();
            self.locals = types.iter().map(Slots::new).collect();
            self.locals.iter_mut().for_each(|slots| slots.resize(1));
        }
    }

    /// Puts the rows at hand aside, for a handler that runs between two of them.
    pub(super) fn set_aside(&mut self) -> Aside {
        let types = std::mem::take(&mut self.local_types);
        Aside { columns: std::mem::take(&mut self.columns), locals: std::mem::take(&mut self.locals), types }
    }

    /// Goes on with them.
    pub(super) fn go_on(&mut self, Aside { columns, locals, types }: Aside) {
        (self.columns, self.locals, self.local_types) = (columns, locals, types);
    }

    pub(super) fn begin_row(&mut self) {
        self.steps = 0;
        self.undo.clear();
        for output in &mut self.outputs {
            output.before = output.times.len();
        }
    }

    /// Takes back what the row has done.
    pub(super) fn roll_back(&mut self) {
        for output in &mut self.outputs {
            output.times.truncate(output.before);
            output.met.truncate(output.before);
            output.columns.iter_mut().for_each(|values| values.resize(output.before));
        }
        while let Some(undo) = self.undo.pop() {
            self.take_back(undo);
        }
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::One { state, at, old, refreshed } => {
                let store = &mut self.stores[state];
                if let Slots::One(values) = &mut store.slots {
                    values.put(at, old);
                }
                store.touch(at, refreshed);
            }
            Undo::List { state, at, old, refreshed } => {
                let store = &mut self.stores[state];
                if let Some(list) = store.slots.list_mut(at) {
                    *list = old;
                }
                store.touch(at, refreshed);
            }
            Undo::Item { state, at, index, old } => {
                if let Some(list) = self.stores[state].slots.list_mut(at) {
                    list.put(index, old);
                }
            }
            Undo::Pushed { state, at } => {
                if let Some(list) = self.stores[state].slots.list_mut(at) {
                    list.resize(list.len() - 1);
                }
            }
            Undo::Map { state, at, old } => {
                if let Some(map) = self.stores[state].slots.map_mut(at) {
                    *map = old;
                }
            }
            Undo::Entry { state, at, key, old } => {
                if let Some(map) = self.stores[state].slots.map_mut(at) {
                    match old {
                        Some(entry) => map.insert(key, entry),
                        None => map.remove(&key),
                    };
                }
            }
            Undo::Aggregate { state, at, old, refreshed } => {
                let store = &mut self.stores[state];
                let group = u32::try_from(at).unwrap_or(u32::MAX);
                if let Some((accumulator, any)) = &mut store.aggregate {
                    accumulator.clear(group);
                    // What it gave itself it takes again.
                    any[at] = old.is_some_and(|old| accumulator.merge(&[group], &old).is_ok());
                }
                store.touch(at, refreshed);
            }
            Undo::Set(of, timer) => self.timers[of].delete(timer),
            Undo::Deleted(of, timer) => {
                self.timers[of].set(timer);
            }
        }
    }

    /// Counts a step of a loop.
    pub(super) fn step(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Fault::new(format!("its loops take more than {STEPS_MAX} steps")));
        }
        Ok(())
    }

    /// The time by which the values of a state expire.
    #[inline]
    fn now(&self, store: &Store) -> i64 {
        if store.state.ttl.is_some_and(|ttl| ttl.event_time) { self.watermark } else { self.now_ms }
    }

    /// The time at which a value of a state is refreshed.
    #[inline]
    fn refreshing(&self, store: &Store) -> i64 {
        if store.state.ttl.is_some_and(|ttl| ttl.event_time) { self.time.max(self.watermark) } else { self.now_ms }
    }

    #[inline]
    fn place(&self, store: &Store) -> usize {
        if store.state.broadcast {
            0
        } else if store.state.per_window {
            self.window
        } else {
            self.group
        }
    }

    /// The state that `var` is, and the place of its value, if it has one.
    #[inline]
    fn read(&self, var: Var) -> Option<(&Store, usize)> {
        let store = &self.stores[var];
        let at = self.place(store);
        if !store.is_set(at) {
            return None;
        }
        if let Some(ttl) = store.state.ttl {
            if !store.counts(at, self.now(store)) {
                return None;
            }
            if ttl.on_read && !store.state.is_map() {
                store.touch(at, self.refreshing(store));
            }
        }
        Some((store, at))
    }

    /// Whether `var` has a value.
    pub(super) fn is_set(&self, var: Var) -> bool {
        match var.checked_sub(self.stores.len()) {
            Some(local) => self.locals[local].is_set(0),
            None => self.read(var).is_some(),
        }
    }

    fn slots(&self, var: Var) -> Option<(&Slots, usize)> {
        match var.checked_sub(self.stores.len()) {
            Some(local) => Some((&self.locals[local], 0)),
            None => self.read(var).map(|(store, at)| (&store.slots, at)),
        }
    }

    /// The value of an aggregating state.
    fn aggregated(&self, var: Var) -> Option<Values> {
        let (store, at) = self.read(var).filter(|(store, _)| store.aggregate.is_some())?;
        Values::of(&store.state.ty, &store.aggregated(at).ok()?).ok()
    }

    #[inline]
    fn is_aggregated(&self, var: Var) -> bool {
        self.stores.get(var).is_some_and(|store| store.aggregate.is_some())
    }

    /// Takes away what has expired, before it is changed.
    fn expire(&mut self, state: usize, at: usize) {
        let store = &self.stores[state];
        if store.state.ttl.is_some() && store.is_set(at) && !store.state.is_map() {
            let now = self.now(store);
            if !store.counts(at, now) {
                self.save(state, at);
                self.stores[state].clear(at);
            }
        }
    }

    /// Remembers the whole value of a state.
    fn save(&mut self, state: usize, at: usize) {
        let store = &self.stores[state];
        let refreshed = store.refreshed(at);
        let group = u32::try_from(at).unwrap_or(u32::MAX);
        // A loop changes the same again and again.
        if let Some(Undo::One { state: last, at: there, .. }) = self.undo.last()
            && (*last, *there) == (state, at)
        {
            return;
        }
        let undo = if let Some((accumulator, any)) = &store.aggregate {
            let old = if any[at] { accumulator.state(&[group]).ok() } else { None };
            Undo::Aggregate { state, at, old, refreshed }
        } else {
            match &store.slots {
                Slots::One(values) => Undo::One { state, at, old: values.get(at), refreshed },
                Slots::List(_, lists) => Undo::List { state, at, old: lists[at].clone(), refreshed },
                Slots::Map(_, _, maps) => Undo::Map { state, at, old: maps[at].clone() },
            }
        };
        self.undo.push(undo);
    }

    /// Sets a value that is held as one.
    #[inline]
    pub(super) fn put(&mut self, var: Var, value: Scalar) {
        if let Some(local) = var.checked_sub(self.stores.len()) {
            if let Slots::One(values) = &mut self.locals[local] {
                values.put(0, value);
            }
            return;
        }
        let at = self.place(&self.stores[var]);
        self.save(var, at);
        let refreshing = self.refreshing(&self.stores[var]);
        let store = &mut self.stores[var];
        if let Slots::One(values) = &mut store.slots {
            values.put(at, value);
        }
        store.touch(at, refreshing);
    }

    /// Sets a list or map, or anything else that is a column of one row.
    pub(super) fn put_array(&mut self, var: Var, value: &ArrayRef) -> Result<(), Fault> {
        if let Some(local) = var.checked_sub(self.stores.len()) {
            return Ok(self.locals[local].take(0, value, 0, i64::MIN)?);
        }
        let at = self.place(&self.stores[var]);
        self.save(var, at);
        let refreshing = self.refreshing(&self.stores[var]);
        let store = &mut self.stores[var];
        if store.state.is_map() {
            store.clear(at);
        }
        store.slots.take(at, value, 0, refreshing)?;
        if store.state.is_map() {
            let keys: Vec<Key> = store.slots.map(at).into_iter().flatten().map(|(key, _)| key.clone()).collect();
            for key in keys {
                store.touch_entry(at, key);
            }
        } else {
            store.touch(at, refreshing);
        }
        Ok(())
    }

    /// Sets a value of any type.
    pub(super) fn assign(&mut self, var: Var, value: Scalar) -> Result<(), Fault> {
        if let Scalar::Any(value) = &value {
            return self.put_array(var, value);
        }
        if value.is_null() {
            self.clear(var);
        } else {
            self.put(var, value);
        }
        Ok(())
    }

    /// Takes a value away.
    pub(super) fn clear(&mut self, var: Var) {
        if let Some(local) = var.checked_sub(self.stores.len()) {
            self.locals[local].clear(0);
            return;
        }
        let at = self.place(&self.stores[var]);
        if self.stores[var].is_set(at) {
            self.save(var, at);
            self.stores[var].clear(at);
        }
    }

    /// The list that `var` is, to be changed.
    fn list(&mut self, var: Var) -> Option<(&mut Values, usize)> {
        if let Some(local) = var.checked_sub(self.stores.len()) {
            return self.locals[local].list_mut(0).map(|list| (list, 0));
        }
        let at = self.place(&self.stores[var]);
        self.expire(var, at);
        let refreshing = self.refreshing(&self.stores[var]);
        self.stores[var].touch(at, refreshing);
        self.stores[var].slots.list_mut(at).map(|list| (list, at))
    }

    fn is_state(&self, var: Var) -> bool {
        var < self.stores.len()
    }

    /// Adds an item to a list.
    pub(super) fn push(&mut self, var: Var, value: Scalar) {
        let is_state = self.is_state(var);
        let Some((list, at)) = self.list(var) else { return };
        list.push(value);
        if is_state {
            self.undo.push(Undo::Pushed { state: var, at });
        }
    }

    /// Sets an item of a list; the place behind the last one adds it.
    pub(super) fn set_item(&mut self, var: Var, index: i64, value: Scalar) -> Result<(), Fault> {
        let is_state = self.is_state(var);
        let Some((list, at)) = self.list(var) else { return Ok(()) };
        let len = list.len();
        let place = usize::try_from(index).ok().and_then(|index| index.checked_sub(1)).filter(|&place| place <= len);
        let Some(place) = place else { return Err(no_item(index, len)) };
        let undo = if place == len {
            list.push(value);
            Undo::Pushed { state: var, at }
        } else {
            let old = list.get(place);
            list.put(place, value);
            Undo::Item { state: var, at, index: place, old }
        };
        if is_state {
            self.undo.push(undo);
        }
        Ok(())
    }

    /// Takes an item out of a list.
    pub(super) fn clear_item(&mut self, var: Var, index: i64) -> Result<(), Fault> {
        let is_state = self.is_state(var);
        let at = if is_state { self.place(&self.stores[var]) } else { 0 };
        if is_state {
            self.expire(var, at);
            self.save(var, at);
        }
        let Some((list, _)) = self.list(var) else { return Ok(()) };
        let len = list.len();
        let place = usize::try_from(index).ok().and_then(|index| index.checked_sub(1)).filter(|&place| place < len);
        let Some(place) = place else { return Err(no_item(index, len)) };
        list.remove(place);
        Ok(())
    }

    /// Sets the value of a map for `key`; without one it is taken out.
    pub(super) fn set_entry(&mut self, var: Var, key: Key, value: Option<Scalar>) {
        if let Some(local) = var.checked_sub(self.stores.len()) {
            if let Some(map) = self.locals[local].map_mut(0) {
                match value {
                    Some(value) => map.insert(key, Entry { value, refreshed: i64::MIN }),
                    None => map.remove(&key),
                };
            }
            return;
        }
        let at = self.place(&self.stores[var]);
        let refreshed = self.refreshing(&self.stores[var]);
        let store = &mut self.stores[var];
        store.touch_entry(at, key.clone());
        let Some(map) = store.slots.map_mut(at) else { return };
        let old = match value {
            Some(value) => map.insert(key.clone(), Entry { value, refreshed }),
            None => map.remove(&key),
        };
        self.undo.push(Undo::Entry { state: var, at, key, old });
    }

    /// The entries of a map that count.
    pub(super) fn entries(&self, var: Var) -> Vec<(Key, Scalar)> {
        let live =
            |(key, entry): (&Key, &Entry)| self.entry_lives(var, entry).then(|| (key.clone(), entry.value.clone()));
        let entries: Option<&Entries> = self.slots(var).and_then(|(slots, at)| slots.map(at));
        entries.into_iter().flatten().filter_map(live).collect()
    }

    fn entry_lives(&self, var: Var, entry: &Entry) -> bool {
        self.stores.get(var).is_none_or(|store| store.lives(entry.refreshed, self.now(store)))
    }

    /// Adds the row to an aggregate.
    pub(super) fn accumulate(&mut self, var: Var, args: &[ArrayRef]) -> Result<(), Fault> {
        let at = self.place(&self.stores[var]);
        self.expire(var, at);
        self.save(var, at);
        let refreshing = self.refreshing(&self.stores[var]);
        let store = &mut self.stores[var];
        if let Some((accumulator, any)) = &mut store.aggregate {
            accumulator.update(&[u32::try_from(at).unwrap_or(u32::MAX)], args, None)?;
            any[at] = true;
        }
        store.touch(at, refreshing);
        Ok(())
    }

    /// Sets a timer of the key at hand.
    pub(super) fn set_timer(&mut self, name: u16, event_time: bool, time: i64) {
        let of = usize::from(!event_time);
        let timer = Timer { time, group: u32::try_from(self.group).unwrap_or(u32::MAX), name };
        if self.timers[of].set(timer) {
            self.undo.push(Undo::Set(of, timer));
        }
    }

    /// Deletes the timers of the key at hand that have this name.
    pub(super) fn delete_timers(&mut self, name: u16) {
        let group = u32::try_from(self.group).unwrap_or(u32::MAX);
        for of in 0..self.timers.len() {
            for timer in self.timers[of].of_key(group, name) {
                self.timers[of].delete(timer);
                self.undo.push(Undo::Deleted(of, timer));
            }
        }
    }
}

fn no_item(index: i64, len: usize) -> Fault {
    Fault::new(format!("there is no item {index} in a list of {len}"))
}

impl Row for Machine {
    #[inline]
    fn int(&self, var: usize) -> Option<i64> {
        if self.is_aggregated(var) {
            return self.aggregated(var)?.int(0);
        }
        let (slots, at) = self.slots(var)?;
        slots.one()?.int(at)
    }

    #[inline]
    fn float(&self, var: usize) -> Option<f64> {
        if self.is_aggregated(var) {
            return self.aggregated(var)?.float(0);
        }
        let (slots, at) = self.slots(var)?;
        slots.one()?.float(at)
    }

    fn wide(&self, var: usize) -> Option<i128> {
        if self.is_aggregated(var) {
            return self.aggregated(var)?.wide(0);
        }
        let (slots, at) = self.slots(var)?;
        slots.one()?.wide(at)
    }

    fn text(&self, var: usize) -> Option<Cow<'_, str>> {
        if self.is_aggregated(var) {
            return self.aggregated(var)?.text(0).map(|text| Cow::Owned(text.to_owned()));
        }
        let (slots, at) = self.slots(var)?;
        slots.one()?.text(at).map(Cow::Borrowed)
    }

    fn any(&self, var: usize) -> Result<ArrayRef, Fault> {
        if let Some(local) = var.checked_sub(self.stores.len()) {
            return Ok(self.locals[local].array(&self.local_types[local], 0, &|_| true)?);
        }
        let store = &self.stores[var];
        let ty = &store.state.ty;
        match self.read(var) {
            Some((store, at)) if store.aggregate.is_some() => Ok(store.aggregated(at)?),
            Some((store, at)) => Ok(store.slots.array(ty, at, &|entry| self.entry_lives(var, entry))?),
            None if store.aggregate.is_none() => {
                // A list or map without a value is empty.
                let mut none = Slots::new(ty);
                none.resize(1);
                Ok(none.array(ty, 0, &|_| true)?)
            }
            None => Ok(arrow_array::new_null_array(&ty.to_arrow(), 1)),
        }
    }

    fn count(&self, var: usize) -> usize {
        let Some((slots, at)) = self.slots(var) else { return 0 };
        match slots.list(at) {
            Some(list) => list.len(),
            None => slots.map(at).into_iter().flatten().filter(|(_, entry)| self.entry_lives(var, entry)).count(),
        }
    }

    #[inline]
    fn item(&self, var: usize, index: i64) -> Option<(&Values, usize)> {
        let (slots, at) = self.slots(var)?;
        let place = usize::try_from(index).ok()?.checked_sub(1)?;
        slots.list(at).filter(|list| place < list.len()).map(|list| (list, place))
    }

    fn entry(&self, var: usize, key: &Key) -> Option<&Scalar> {
        let (slots, at) = self.slots(var)?;
        let entry = slots.map(at)?.get(key).filter(|entry| self.entry_lives(var, entry))?;
        Some(&entry.value)
    }

    #[inline]
    fn column(&self, column: usize) -> (&Column, usize) {
        (&self.columns[column], self.row)
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }
}
