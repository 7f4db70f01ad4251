//! One state: its values by group, what of them has changed, and when they expire.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};

use super::program::State;
use super::store::{Changed, Entry, EntryColumns, Slots};
use crate::expr::aggregate::Accumulator;
use crate::expr::rowwise::{Key, Values};
use crate::types::{Error, LogicalType, Result};

/// The value changed since the last snapshot.
const DIRTY: u8 = 1;
/// Stored state has an entry of it.
const STORED: u8 = 2;

pub(super) struct Store {
    pub(super) state: State,
    pub(super) slots: Slots,
    /// Of an aggregating state the accumulator, and which groups have rows in it.
    pub(super) aggregate: Option<(Box<dyn Accumulator>, Vec<bool>)>,
    /// When each value was refreshed last, where it expires.
    refreshed: Vec<Cell<i64>>,
    flags: Vec<Cell<u8>>,
    /// The entries of a map that changed.
    changed: RefCell<Changed>,
}

/// What a snapshot says of one state: the groups, map keys and values of what changed, and of what is gone.
pub(super) struct Changes {
    pub(super) live: Rows,
    pub(super) gone: Rows,
}

/// Entries of a state: a group each, then the columns behind the key.
pub(super) struct Rows {
    pub(super) groups: Vec<u32>,
    pub(super) columns: Vec<ArrayRef>,
}

impl Store {
    pub(super) fn new(state: &State) -> Result<Self> {
        let aggregate = state.aggregate.as_ref().map(|call| Ok::<_, Error>((call.accumulator()?, Vec::new())));
        Ok(Self {
            slots: if aggregate.is_some() {
                Slots::One(Values::new(&LogicalType::Boolean))
            } else {
                Slots::new(&state.ty)
            },
            aggregate: aggregate.transpose()?,
            refreshed: Vec::new(),
            flags: Vec::new(),
            changed: RefCell::default(),
            state: state.clone(),
        })
    }

    /// Makes room for `groups`.
    pub(super) fn resize(&mut self, groups: usize) {
        if self.flags.len() >= groups {
            return;
        }
        self.flags.resize(groups, Cell::new(0));
        if let Some((accumulator, any)) = &mut self.aggregate {
            accumulator.resize(groups);
            any.resize(groups, false);
        } else {
            self.slots.resize(groups);
        }
        if self.state.ttl.is_some() {
            self.refreshed.resize(groups, Cell::new(i64::MIN));
        }
    }

    /// Whether the group has a value, expired or not.
    #[inline]
    pub(super) fn is_set(&self, at: usize) -> bool {
        match &self.aggregate {
            Some((_, any)) => any.get(at).copied().unwrap_or(false),
            None => self.slots.is_set(at),
        }
    }

    /// Whether what was refreshed at `refreshed` still counts at `now`.
    #[inline]
    pub(super) fn lives(&self, refreshed: i64, now: i64) -> bool {
        self.state.ttl.is_none_or(|ttl| refreshed.saturating_add(ttl.ttl_ms) > now)
    }

    /// Whether the value of the group, if it has one, still counts. Entries of maps expire one by one.
    #[inline]
    pub(super) fn counts(&self, at: usize, now: i64) -> bool {
        self.state.ttl.is_none() || self.state.is_map() || self.lives(self.refreshed(at), now)
    }

    pub(super) fn refreshed(&self, at: usize) -> i64 {
        self.refreshed.get(at).map_or(i64::MIN, Cell::get)
    }

    /// Says that the group's value was written or read at `now`.
    #[inline]
    pub(super) fn touch(&self, at: usize, now: i64) {
        if self.state.ttl.is_some() {
            self.refreshed[at].set(now);
        }
        self.flags[at].set(self.flags[at].get() | DIRTY);
    }

    /// Says that an entry of the group's map was written.
    pub(super) fn touch_entry(&self, at: usize, key: Key) {
        self.flags[at].set(self.flags[at].get() | DIRTY);
        self.changed.borrow_mut().insert((u32::try_from(at).unwrap_or(u32::MAX), key));
    }

    /// The value of an aggregating state.
    pub(super) fn aggregated(&self, at: usize) -> Result<ArrayRef> {
        let Some((accumulator, _)) = &self.aggregate else { return Err(Error::state("nothing is aggregated")) };
        accumulator.values(&[u32::try_from(at).unwrap_or(u32::MAX)])
    }

    /// Takes the value of the group away, and says so.
    pub(super) fn clear(&mut self, at: usize) {
        if self.state.is_map() {
            let keys: Vec<Key> = self.slots.map(at).into_iter().flatten().map(|(key, _)| key.clone()).collect();
            for key in keys {
                self.touch_entry(at, key);
            }
        } else {
            self.flags[at].set(self.flags[at].get() | DIRTY);
        }
        match &mut self.aggregate {
            Some((accumulator, any)) => {
                accumulator.clear(u32::try_from(at).unwrap_or(u32::MAX));
                any[at] = false;
            }
            None => self.slots.clear(at),
        }
    }

    /// Takes away what has expired of the group.
    pub(super) fn expire(&mut self, at: usize, now: i64) {
        if !self.is_set(at) {
            return;
        }
        if !self.state.is_map() {
            if !self.counts(at, now) {
                self.clear(at);
            }
            return;
        }
        let expired = |(key, entry): (&Key, &Entry)| (!self.lives(entry.refreshed, now)).then(|| key.clone());
        let keys: Vec<Key> = self.slots.map(at).into_iter().flatten().filter_map(expired).collect();
        for key in keys {
            if let Some(map) = self.slots.map_mut(at) {
                map.remove(&key);
            }
            self.touch_entry(at, key);
        }
    }

    /// Whether the number of the group can be given to another key: there is nothing of it, here or stored.
    pub(super) fn is_free(&self, at: usize) -> bool {
        let flags = self.flags[at].get();
        if self.is_set(at) || flags & STORED != 0 || (self.state.is_map() && flags & DIRTY != 0) {
            return false;
        }
        self.flags[at].set(0);
        true
    }

    /// What changed since the last snapshot.
    pub(super) fn changes(&mut self) -> Result<Changes> {
        if self.state.is_map() {
            return self.map_changes();
        }
        let (mut live, mut gone) = (Vec::new(), Vec::new());
        for at in 0..self.flags.len() {
            let flags = self.flags[at].get();
            if flags & DIRTY == 0 {
                continue;
            }
            let group = u32::try_from(at).unwrap_or(u32::MAX);
            let set = self.is_set(at);
            if set {
                live.push(group);
            } else if flags & STORED != 0 {
                gone.push(group);
            }
            self.flags[at].set(if set { STORED } else { 0 });
        }
        Ok(Changes { live: self.rows(live)?, gone: Rows { groups: gone, columns: Vec::new() } })
    }

    /// The groups that have a value.
    pub(super) fn all(&self) -> Vec<u32> {
        (0..self.flags.len()).filter(|&at| self.is_set(at)).filter_map(|at| u32::try_from(at).ok()).collect()
    }

    /// The entries of these groups; not of a map.
    pub(super) fn rows(&self, groups: Vec<u32>) -> Result<Rows> {
        let mut columns = match &self.aggregate {
            Some((accumulator, _)) => accumulator.state(&groups)?,
            None => vec![self.slots.column(&self.state.ty, &groups)?],
        };
        if self.state.ttl.is_some() {
            let times = groups.iter().map(|&group| self.refreshed(group as usize));
            columns.push(Arc::new(times.collect::<Int64Array>()));
        }
        Ok(Rows { groups, columns })
    }

    fn entries(&self) -> Result<EntryColumns> {
        let LogicalType::Map(key, value) = &self.state.ty else { return Err(Error::state("a map has another type")) };
        Ok(EntryColumns::new(key, value))
    }

    fn map_changes(&mut self) -> Result<Changes> {
        let (mut live, mut gone) = (self.entries()?, self.entries()?);
        for (group, key) in std::mem::take(self.changed.get_mut()) {
            match self.slots.map(group as usize).and_then(|map| map.get(&key)) {
                Some(entry) => live.push(group, &key, Some(entry)),
                None => gone.push(group, &key, None),
            }
        }
        for flags in &self.flags {
            flags.set(0);
        }
        let keyed = |entries: EntryColumns, values: bool| {
            let mut columns = vec![entries.keys()?];
            if values {
                columns.extend(entries.values(self.state.ttl.is_some())?);
            }
            Ok::<_, Error>(Rows { groups: entries.groups, columns })
        };
        Ok(Changes { live: keyed(live, true)?, gone: keyed(gone, false)? })
    }

    /// All entries of a map.
    pub(super) fn map_rows(&self, groups: &[u32]) -> Result<Rows> {
        let mut all = self.entries()?;
        for &group in groups {
            for (key, entry) in self.slots.map(group as usize).into_iter().flatten() {
                all.push(group, key, Some(entry));
            }
        }
        let mut columns = vec![all.keys()?];
        columns.extend(all.values(self.state.ttl.is_some())?);
        Ok(Rows { groups: all.groups, columns })
    }

    /// Takes up stored entries: those of `groups`, whose columns begin at `first`.
    pub(super) fn restore(&mut self, groups: &[u32], rows: &RecordBatch, first: usize) -> Result<()> {
        let damaged = || Error::state(format!("the state `{}` is damaged", self.state.name));
        let columns = &rows.columns()[first..];
        let refreshed = match self.state.ttl {
            Some(_) => {
                let column = columns.last().and_then(|column| column.as_primitive_opt::<Int64Type>());
                Some(column.ok_or_else(damaged)?.clone())
            }
            None => None,
        };
        let time = |row: usize| refreshed.as_ref().map_or(i64::MIN, |times| times.value(row));
        if let LogicalType::Map(key, value) = &self.state.ty
            && self.state.is_map()
        {
            let (keys, values) = (Values::of(key, &columns[0])?, Values::of(value, &columns[1])?);
            for (row, &group) in groups.iter().enumerate() {
                let key = keys.get(row).key().ok_or_else(damaged)?;
                let entry = Entry { value: values.get(row), refreshed: time(row) };
                if let Some(map) = self.slots.map_mut(group as usize) {
                    map.insert(key, entry);
                }
            }
            return Ok(());
        }
        if let Some((accumulator, any)) = &mut self.aggregate {
            let states = columns.len() - usize::from(refreshed.is_some());
            accumulator.merge(groups, &columns[..states])?;
            for &group in groups {
                any[group as usize] = true;
            }
        } else {
            let values =
                if let Slots::One(_) = self.slots { Some(Values::of(&self.state.ty, &columns[0])?) } else { None };
            for (row, &group) in groups.iter().enumerate() {
                match (&mut self.slots, &values) {
                    (Slots::One(slots), Some(values)) => slots.put(group as usize, values.get(row)),
                    (slots, _) => slots.take(group as usize, &columns[0], row, i64::MIN)?,
                }
            }
        }
        for (row, &group) in groups.iter().enumerate() {
            self.flags[group as usize].set(STORED);
            if let Some(times) = self.refreshed.get(group as usize) {
                times.set(time(row));
            }
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        let aggregate = self.aggregate.as_ref().map_or(0, |(accumulator, any)| accumulator.bytes() + any.capacity());
        self.slots.bytes() + aggregate + self.refreshed.capacity() * size_of::<i64>() + self.flags.capacity()
    }
}
