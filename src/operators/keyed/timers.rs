//! Timers of keys, in the order in which they are due: Flink's timer service. There is one of each name, key and time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, StringArray};

use crate::operators::group_table::GroupTable;
use crate::operators::rows::{Entries, keyed_rows};
use crate::state::{RestoredState, StateChange, StateDescriptor};
use crate::types::{Error, Field, LogicalType, Result, Schema};

/// The state that [`Timers`] are, as the plan declares it.
#[derive(Debug, Clone)]
pub(in crate::operators) struct TimerState {
    /// The state's name: `event_time_timers`.
    pub(in crate::operators) name: &'static str,
    /// The columns of the key, which routes.
    pub(in crate::operators) keys: Schema,
    /// The names of timers, by their number.
    pub(in crate::operators) timers: Vec<String>,
}

impl TimerState {
    /// Stored as the key, the timer's name and its time, epoch milliseconds.
    pub(in crate::operators) fn descriptor(&self) -> StateDescriptor {
        let timer = Field::new("timer", LogicalType::String).not_null();
        let time = Field::new("time", LogicalType::BigInt).not_null();
        let columns: Vec<Field> = self.keys.fields().iter().cloned().chain([timer, time]).collect();
        let mut state = StateDescriptor::new(self.name, Schema::new(columns), self.keys.len() + 2);
        state.partition = (0..self.keys.len()).collect();
        state
    }
}

/// A timer: ordered by its time, then by the number of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::operators) struct Timer {
    /// The time at which it is due, epoch milliseconds.
    pub(in crate::operators) time: i64,
    /// The group of its key.
    pub(in crate::operators) group: u32,
    /// The number of its name.
    pub(in crate::operators) name: u16,
}

/// The timers of an operator instance; groups are those of a [`GroupTable`] of the operator's.
#[derive(Debug)]
pub(in crate::operators) struct Timers {
    state: TimerState,
    max_parallelism: u16,
    due: BTreeSet<Timer>,
    /// The timers that a stored state does not know (true), or still has (false).
    changed: BTreeMap<Timer, bool>,
    /// The same by group and name, where [asked for](Self::by_key).
    by_key: Option<BTreeSet<(u32, u16, i64)>>,
    /// For each group its timers, those included that a stored state still has.
    held: Vec<u32>,
}

impl Timers {
    /// No timers.
    pub(in crate::operators) const fn new(state: TimerState, max_parallelism: u16) -> Self {
        Self { state, max_parallelism, due: BTreeSet::new(), changed: BTreeMap::new(), by_key: None, held: Vec::new() }
    }

    /// The same that can tell the timers of a key.
    pub(in crate::operators) fn by_key(self) -> Self {
        Self { by_key: Some(BTreeSet::new()), ..self }
    }

    /// The timers of a group by one name, if they were [asked for](Self::by_key).
    pub(in crate::operators) fn of_key(&self, group: u32, name: u16) -> Vec<Timer> {
        let all = (group, name, i64::MIN)..=(group, name, i64::MAX);
        let found = self.by_key.iter().flat_map(|by_key| by_key.range(all.clone()));
        found.map(|&(group, name, time)| Timer { time, group, name }).collect()
    }

    /// The number of timers.
    pub(in crate::operators) fn len(&self) -> usize {
        self.due.len()
    }

    /// The time of the first one.
    pub(in crate::operators) fn first(&self) -> Option<i64> {
        self.due.first().map(|timer| timer.time)
    }

    /// The first one.
    pub(in crate::operators) fn first_timer(&self) -> Option<Timer> {
        self.due.first().copied()
    }

    /// The timers, the first that is due first.
    pub(in crate::operators) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.due.iter()
    }

    /// Whether the number of `group` can't be given to another key yet: it has timers, or had at the last snapshot.
    pub(in crate::operators) fn holds(&self, group: u32) -> bool {
        self.held.get(group as usize).is_some_and(|&held| held > 0)
    }

    /// Sets a timer; one that is set already stays. Whether it was not.
    pub(in crate::operators) fn set(&mut self, timer: Timer) -> bool {
        if !self.due.insert(timer) {
            return false;
        }
        if let Some(by_key) = &mut self.by_key {
            by_key.insert((timer.group, timer.name, timer.time));
        }
        let group = timer.group as usize;
        if self.held.len() <= group {
            self.held.resize(group + 1, 0);
        }
        // One that the stored state still has is there again as it was.
        if self.changed.remove(&timer).is_none() {
            self.changed.insert(timer, true);
            self.held[group] += 1;
        }
        true
    }

    /// Deletes a timer, if it is set.
    pub(in crate::operators) fn delete(&mut self, timer: Timer) {
        if self.due.remove(&timer) {
            self.forget(timer);
        }
    }

    /// Takes the first timer out, if it is due at `time`.
    pub(in crate::operators) fn pop(&mut self, time: i64) -> Option<Timer> {
        if self.first()? > time {
            return None;
        }
        let timer = self.due.pop_first()?;
        self.forget(timer);
        Some(timer)
    }

    fn forget(&mut self, timer: Timer) {
        if let Some(by_key) = &mut self.by_key {
            by_key.remove(&(timer.group, timer.name, timer.time));
        }
        if self.changed.remove(&timer).is_some() {
            self.held[timer.group as usize] -= 1;
        } else {
            self.changed.insert(timer, false);
        }
    }

    /// Pushes the changes since the last snapshot.
    ///
    /// # Errors
    /// When keys can't be read: a defect of ours.
    pub(in crate::operators) fn changes(&mut self, table: &GroupTable, changes: &mut Vec<StateChange>) -> Result<()> {
        let (set, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.changed).into_iter().partition(|&(_, set)| set);
        let schema = self.state.descriptor().schema;
        let rows = |timers: &[(Timer, bool)]| {
            let groups: Vec<u32> = timers.iter().map(|(timer, _)| timer.group).collect();
            let names = timers.iter().map(|(timer, _)| self.state.timers[usize::from(timer.name)].as_str());
            let times = timers.iter().map(|(timer, _)| timer.time);
            let values: Vec<ArrayRef> =
                vec![Arc::new(names.map(Some).collect::<StringArray>()), Arc::new(times.collect::<Int64Array>())];
            let entries = Entries { keys: table.keys(&groups)?, values, rows: timers.len() };
            keyed_rows(&schema, entries, self.max_parallelism)
        };
        let (state, namespace) = (self.state.name, 0);
        if !gone.is_empty() {
            changes.push(StateChange::Remove { state, namespace, rows: rows(&gone)? });
        }
        if !set.is_empty() {
            changes.push(StateChange::Upsert { state, namespace, rows: rows(&set)? });
        }
        for (timer, _) in gone {
            self.held[timer.group as usize] -= 1;
        }
        Ok(())
    }

    /// Takes up stored timers; their keys become groups of `table`. Those of a name that is no more are left behind.
    ///
    /// # Errors
    /// When they can't be read.
    pub(in crate::operators) fn restore(&mut self, restored: &dyn RestoredState, table: &mut GroupTable) -> Result<()> {
        let keys = self.state.keys.len();
        for (_, rows) in restored.keyed(&self.state.descriptor())? {
            let mut groups = Vec::new();
            table.intern(&rows.columns()[..keys], rows.num_rows(), &mut groups)?;
            let damaged = || Error::state("a stored timer has no name or time");
            let names = rows.column(keys).as_string_opt::<i32>().ok_or_else(damaged)?;
            let times = rows.column(keys + 1).as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
            for (at, &group) in groups.iter().enumerate() {
                let name = self.state.timers.iter().position(|name| name == names.value(at));
                if let Some(name) = name.and_then(|name| u16::try_from(name).ok()) {
                    self.set(Timer { time: times.value(at), group, name });
                }
            }
        }
        self.changed.clear();
        Ok(())
    }

    /// Bytes held, roughly.
    pub(in crate::operators) fn bytes(&self) -> usize {
        (self.due.len() + self.changed.len()) * 2 * size_of::<Timer>() + self.held.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::testing::{MemoryState, Random};
    use crate::state::{Instance, StateDelta};

    fn state() -> TimerState {
        let keys = Schema::new([Field::new("k", LogicalType::BigInt)]);
        TimerState { name: "timers", keys, timers: vec!["a".to_owned(), "b".to_owned()] }
    }

    fn table() -> GroupTable {
        GroupTable::new(&[arrow_schema::DataType::Int64], 0).expect("numbers are keys")
    }

    fn group(table: &mut GroupTable, key: i64) -> u32 {
        let mut groups = Vec::new();
        let key: ArrayRef = Arc::new(Int64Array::from(vec![key]));
        table.intern(&[key], 1, &mut groups).expect("interns");
        groups[0]
    }

    fn key(table: &GroupTable, group: u32) -> i64 {
        table.keys(&[group]).expect("has a key")[0].as_primitive::<Int64Type>().value(0)
    }

    #[test]
    fn timers_are_a_set_that_lasts() {
        for seed in 0..crate::operators::testing::script::cases(50) {
            let mut random = Random(seed * 104_729);
            let (mut table, mut timers) = (table(), Timers::new(state(), 128));
            let mut model: BTreeSet<(i64, i64, u16)> = BTreeSet::new();
            let mut stored = MemoryState::default();
            for now in 0..200 {
                let (time, key_of, name) = (now + random.int(20), random.int(6), u16::from(random.below(2) == 0));
                let timer = Timer { time, group: group(&mut table, key_of), name };
                match random.below(6) {
                    0..=2 => {
                        timers.set(timer);
                        model.insert((time, key_of, name));
                        assert!(timers.holds(timer.group));
                    }
                    3 => {
                        timers.delete(timer);
                        model.remove(&(time, key_of, name));
                    }
                    4 => {
                        let mut due: Vec<_> = std::iter::from_fn(|| timers.pop(now))
                            .map(|timer| (timer.time, key(&table, timer.group), timer.name))
                            .collect();
                        assert!(due.is_sorted_by_key(|(time, ..)| *time));
                        due.sort_unstable();
                        let expected: Vec<_> = model.iter().copied().filter(|(time, ..)| *time <= now).collect();
                        assert_eq!(due, expected, "seed {seed}");
                        model.retain(|(time, ..)| *time > now);
                    }
                    _ => {
                        let mut delta = StateDelta::default();
                        timers.changes(&table, &mut delta.changes).expect("tells");
                        stored.apply(&Instance::new(0, 1, 128), &delta, &|_| 3);
                        assert_eq!(stored.entries(), model.len(), "seed {seed}");
                        for group in table.groups() {
                            let some = model.iter().any(|(_, of, _)| *of == key(&table, group));
                            assert_eq!(timers.holds(group), some);
                        }
                        if random.below(2) == 0 {
                            (table, timers) = (self::table(), Timers::new(state(), 128));
                            timers.restore(&stored, &mut table).expect("restores");
                        }
                    }
                }
                assert_eq!((timers.len(), timers.first()), (model.len(), model.first().map(|(time, ..)| *time)));
            }
        }
    }
}
