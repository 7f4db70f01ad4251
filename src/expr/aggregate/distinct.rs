//! `distinct`: an aggregate that takes each value of a group once.

use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow_row::Rows;
use hashbrown::HashTable;

use super::AggregateCall;
use super::accumulator::{Accumulator, Running, RunningEmit, column, selection, wrong_type};
use super::encoded::Codec;
use super::numbered::lists;
use crate::types::key_group::{hash_bytes, mix};
use crate::types::{Field, LogicalType, Result};

/// Passes a value on to the inner aggregate when it is the first of its kind in its group, and takes it back when the
/// last of its kind goes. The inner aggregate has no state of its own: it is made from the values again.
pub(super) struct Distinct {
    inner: Box<dyn Accumulator>,
    codec: Codec,
    ty: LogicalType,
    counted: bool,
    table: HashTable<u32>,
    entries: Vec<Entry>,
    /// The first free entry; the free ones are chained by `next`.
    free: u32,
    groups: Vec<Chain>,
    bytes: usize,
}

const NONE: u32 = u32::MAX;

/// One value of one group, chained to the group's others in the order of their arrival: after a restore the inner
/// aggregate takes them in the same order, so that sums of floats come out alike.
struct Entry {
    hash: u64,
    value: Box<[u8]>,
    count: i64,
    group: u32,
    previous: u32,
    next: u32,
}

#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

impl fmt::Debug for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Distinct({:?}, {} values)", self.codec, self.table.len())
    }
}

impl Distinct {
    pub(super) fn new(call: &AggregateCall, inner: Box<dyn Accumulator>, counted: bool) -> Result<Self> {
        let ty = call.args[0].ty().clone();
        Ok(Self {
            inner,
            codec: Codec::new(&ty)?,
            ty,
            counted,
            table: HashTable::new(),
            entries: Vec::new(),
            free: NONE,
            groups: Vec::new(),
            bytes: 0,
        })
    }

    /// The values; where they are taken back also how often each stands there.
    pub(super) fn state_fields(call: &AggregateCall, counted: bool) -> Vec<Field> {
        let mut fields = vec![Field::new("values", LogicalType::Array(Box::new(call.args[0].ty().clone())))];
        if counted {
            fields.push(Field::new("counts", LogicalType::Array(Box::new(LogicalType::BigInt))));
        }
        fields
    }

    fn hash(group: u32, value: &[u8]) -> u64 {
        mix(hash_bytes(value) ^ u64::from(group))
    }

    /// Adds a value `count` times; true when it is new.
    fn add(&mut self, group: u32, value: &[u8], count: i64) -> bool {
        let hash = Self::hash(group, value);
        let entries = &mut self.entries;
        let same = |&at: &u32| {
            let entry = &entries[at as usize];
            entry.hash == hash && entry.group == group && *entry.value == *value
        };
        if let Some(&at) = self.table.find(hash, same) {
            entries[at as usize].count += count;
            return false;
        }
        let chain = &mut self.groups[group as usize];
        let entry = Entry { hash, value: value.into(), count, group, previous: chain.last, next: NONE };
        let at = if self.free == NONE {
            entries.push(entry);
            u32::try_from(entries.len() - 1).unwrap_or(NONE)
        } else {
            let at = self.free;
            self.free = entries[at as usize].next;
            entries[at as usize] = entry;
            at
        };
        match chain.last {
            NONE => chain.first = at,
            last => entries[last as usize].next = at,
        }
        chain.last = at;
        self.table.insert_unique(hash, at, |&at| entries[at as usize].hash);
        self.bytes += value.len();
        true
    }

    /// Takes a value back; true when it was the last of its kind.
    fn remove(&mut self, group: u32, value: &[u8]) -> bool {
        let hash = Self::hash(group, value);
        let entries = &mut self.entries;
        let same = |&at: &u32| {
            let entry = &entries[at as usize];
            entry.hash == hash && entry.group == group && *entry.value == *value
        };
        let Ok(found) = self.table.find_entry(hash, same) else { return false };
        let at = *found.get();
        entries[at as usize].count -= 1;
        if entries[at as usize].count > 0 {
            return false;
        }
        found.remove();
        let (previous, next) = (entries[at as usize].previous, entries[at as usize].next);
        let chain = &mut self.groups[group as usize];
        match previous {
            NONE => chain.first = next,
            previous => entries[previous as usize].next = next,
        }
        match next {
            NONE => chain.last = previous,
            next => entries[next as usize].previous = previous,
        }
        self.release(at);
        true
    }

    fn release(&mut self, at: u32) {
        let entry = &mut self.entries[at as usize];
        self.bytes -= entry.value.len();
        entry.value = Box::default();
        entry.next = self.free;
        self.free = at;
    }

    fn clear_values(&mut self, group: u32) {
        let empty = Chain { first: NONE, last: NONE };
        let mut at = std::mem::replace(&mut self.groups[group as usize], empty).first;
        while at != NONE {
            let (hash, next) = (self.entries[at as usize].hash, self.entries[at as usize].next);
            if let Ok(found) = self.table.find_entry(hash, |&other| other == at) {
                found.remove();
            }
            self.release(at);
            at = next;
        }
    }

    /// The rows that the inner aggregate is to take.
    fn pass(
        &mut self,
        groups: &[u32],
        args: &[ArrayRef],
        keep: Option<&BooleanArray>,
        mut step: impl FnMut(&mut Self, usize, u32, Option<&[u8]>) -> bool,
    ) -> Result<BooleanArray> {
        let values = column(args, 0)?;
        let rows: Rows = self.codec.encode(values)?;
        let selected = selection(values.nulls(), keep);
        let mut passed = Vec::with_capacity(groups.len());
        for (row, &group) in groups.iter().enumerate() {
            let counts = selected.as_ref().is_none_or(|selected| selected.value(row));
            let value = rows.row(row);
            passed.push(step(self, row, group, counts.then(|| value.as_ref())));
        }
        Ok(BooleanArray::from(passed))
    }
}

impl Accumulator for Distinct {
    fn resize(&mut self, groups: usize) {
        self.inner.resize(groups);
        if groups > self.groups.len() {
            self.groups.resize(groups, Chain { first: NONE, last: NONE });
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        let passed = self
            .pass(groups, args, keep, |this, _, group, value| value.is_some_and(|value| this.add(group, value, 1)))?;
        self.inner.update(groups, args, Some(&passed))
    }

    fn retract(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        let passed = self
            .pass(groups, args, keep, |this, _, group, value| value.is_some_and(|value| this.remove(group, value)))?;
        self.inner.retract(groups, args, Some(&passed))
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let lists = column(state, 0)?;
        let lists = lists.as_list_opt::<i32>().ok_or_else(|| wrong_type(lists.data_type()))?;
        let counts = state.get(1).and_then(|counts| counts.as_list_opt::<i32>());
        for (row, &group) in groups.iter().enumerate() {
            let values = lists.value(row);
            let counts = counts.map(|counts| counts.value(row));
            let counts = counts.as_ref().and_then(|counts| counts.as_primitive_opt::<Int64Type>());
            let group = vec![group; values.len()];
            let args = [values];
            let passed = self.pass(&group, &args, None, |this, at, group, value| {
                let count = counts.map_or(1, |counts| counts.value(at));
                value.is_some_and(|value| this.add(group, value, count))
            })?;
            self.inner.update(&group, &args, Some(&passed))?;
        }
        Ok(())
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        self.inner.values(groups)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut values: Vec<&[u8]> = Vec::new();
        let mut counts = Vec::new();
        let mut lengths = Vec::with_capacity(groups.len());
        for &group in groups {
            let before = values.len();
            let mut at = self.groups[group as usize].first;
            while at != NONE {
                let entry = &self.entries[at as usize];
                values.push(&entry.value);
                counts.push(entry.count);
                at = entry.next;
            }
            lengths.push(values.len() - before);
        }
        let mut columns = vec![lists(self.codec.decode(values.into_iter().map(Some))?, &lengths, &self.ty)];
        if self.counted {
            columns.push(lists(Arc::new(Int64Array::from(counts)), &lengths, &LogicalType::BigInt));
        }
        Ok(columns)
    }

    fn clear(&mut self, group: u32) {
        self.clear_values(group);
        self.inner.clear(group);
    }

    fn bytes(&self) -> usize {
        self.inner.bytes()
            + self.bytes
            + self.entries.capacity() * size_of::<Entry>()
            + self.table.capacity() * (size_of::<u32>() + 1)
            + self.groups.capacity() * size_of::<Chain>()
    }

    fn update_running(
        &mut self,
        rows: &Running<'_>,
        args: &[ArrayRef],
        keep: Option<&BooleanArray>,
    ) -> Result<ArrayRef> {
        let passed = self.pass(rows.groups, args, keep, |this, row, group, value| {
            let emit = rows.emits[row];
            if emit == RunningEmit::BEFORE {
                this.clear_values(group);
            }
            match value {
                Some(value) if emit.has_after() && rows.adds(row) => this.add(group, value, 1),
                Some(value) if emit.has_after() => this.remove(group, value),
                _ => false,
            }
        })?;
        self.inner.update_running(rows, args, Some(&passed))
    }
}
