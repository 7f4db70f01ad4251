//! Aggregates over an input that takes rows back: every value is kept, so that the next one is known when one goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, StringArray};

use super::AggregateCall;
use super::accumulator::{Accumulator, column, selection};
use super::encoded::Codec;
use super::numbered::Numbered;
use crate::types::{Field, LogicalType, Result};

/// The value that is the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pick {
    Smallest,
    Largest,
    First,
    Last,
    /// All, joined by this.
    Joined(String),
}

impl Pick {
    const fn sorted(&self) -> bool {
        matches!(self, Self::Smallest | Self::Largest)
    }
}

/// The values of one group.
#[derive(Debug)]
enum Values {
    /// The number of times each value stands there; negative when it was taken back before it was added, as in Flink.
    Sorted(BTreeMap<Box<[u8]>, i64>),
    /// In the order of their arrival.
    Arrival(Vec<Box<[u8]>>),
}

/// Keeps all values of a group.
#[derive(Debug)]
pub(super) struct Bag {
    codec: Codec,
    ty: LogicalType,
    pick: Pick,
    groups: Vec<Values>,
    bytes: usize,
}

impl Bag {
    pub(super) fn new(ty: &LogicalType, pick: Pick) -> Result<Self> {
        Ok(Self { codec: Codec::new(ty)?, ty: ty.clone(), pick, groups: Vec::new(), bytes: 0 })
    }

    pub(super) fn state_fields(call: &AggregateCall) -> Vec<Field> {
        let ty = call.args[0].ty().clone();
        vec![
            Field::new("values", LogicalType::Array(Box::new(ty))),
            Field::new("counts", LogicalType::Array(Box::new(LogicalType::BigInt))),
        ]
    }

    fn shift(&mut self, group: u32, value: &[u8], by: i64) {
        match &mut self.groups[group as usize] {
            Values::Sorted(values) => {
                if let Some(count) = values.get_mut(value) {
                    *count += by;
                    if *count == 0 {
                        values.remove(value);
                        self.bytes -= value.len();
                    }
                } else {
                    values.insert(value.into(), by);
                    self.bytes += value.len();
                }
            }
            Values::Arrival(values) if by > 0 => {
                values.push(value.into());
                self.bytes += value.len();
            }
            Values::Arrival(values) => {
                if let Some(at) = values.iter().position(|held| **held == *value) {
                    values.remove(at);
                    self.bytes -= value.len();
                }
            }
        }
    }

    fn apply(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>, by: i64) -> Result<()> {
        let values = column(args, 0)?;
        let rows = self.codec.encode(values)?;
        let selected = selection(values.nulls(), keep);
        for (row, &group) in groups.iter().enumerate() {
            if selected.as_ref().is_none_or(|selected| selected.value(row)) {
                self.shift(group, rows.row(row).as_ref(), by);
            }
        }
        Ok(())
    }

    fn picked(&self, group: u32) -> Option<&[u8]> {
        match (&self.groups[group as usize], &self.pick) {
            (Values::Sorted(values), Pick::Largest) => {
                values.iter().rev().find(|(_, count)| **count > 0).map(|(value, _)| &**value)
            }
            (Values::Sorted(values), _) => values.iter().find(|(_, count)| **count > 0).map(|(value, _)| &**value),
            (Values::Arrival(values), Pick::Last) => values.last().map(|value| &**value),
            (Values::Arrival(values), _) => values.first().map(|value| &**value),
        }
    }

    fn joined(&self, groups: &[u32], separator: &str) -> Result<ArrayRef> {
        let mut joined = Vec::with_capacity(groups.len());
        for &group in groups {
            joined.push(match &self.groups[group as usize] {
                Values::Arrival(values) if !values.is_empty() => {
                    let texts = self.codec.decode(values.iter().map(|value| Some(&**value)))?;
                    let texts: Vec<&str> = texts.as_string::<i32>().iter().flatten().collect();
                    Some(texts.join(separator))
                }
                Values::Arrival(_) | Values::Sorted(_) => None,
            });
        }
        Ok(Arc::new(StringArray::from(joined)))
    }
}

impl Accumulator for Bag {
    fn resize(&mut self, groups: usize) {
        while self.groups.len() < groups {
            let sorted = self.pick.sorted();
            self.groups.push(if sorted { Values::Sorted(BTreeMap::new()) } else { Values::Arrival(Vec::new()) });
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        self.apply(groups, args, keep, 1)
    }

    fn retract(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        self.apply(groups, args, keep, -1)
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let held = Numbered::of(state)?;
        for (row, &group) in groups.iter().enumerate() {
            let (values, counts) = held.row(row, &self.codec)?;
            for (value, &count) in values.iter().zip(counts.values()) {
                self.shift(group, value.as_ref(), count);
            }
        }
        Ok(())
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        if let Pick::Joined(separator) = &self.pick {
            return self.joined(groups, separator);
        }
        self.codec.decode(groups.iter().map(|&group| self.picked(group)))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut values: Vec<&[u8]> = Vec::new();
        let mut counts = Vec::new();
        let mut lengths = Vec::with_capacity(groups.len());
        for &group in groups {
            let before = values.len();
            match &self.groups[group as usize] {
                Values::Sorted(held) => {
                    values.extend(held.keys().map(|value| &**value));
                    counts.extend(held.values());
                }
                Values::Arrival(held) => {
                    values.extend(held.iter().map(|value| &**value));
                    counts.extend(std::iter::repeat_n(1_i64, held.len()));
                }
            }
            lengths.push(values.len() - before);
        }
        let values = self.codec.decode(values.into_iter().map(Some))?;
        Ok(Numbered::columns(values, Int64Array::from(counts), &lengths, &self.ty))
    }

    fn clear(&mut self, group: u32) {
        let empty = if self.pick.sorted() { Values::Sorted(BTreeMap::new()) } else { Values::Arrival(Vec::new()) };
        let old = std::mem::replace(&mut self.groups[group as usize], empty);
        self.bytes -= match old {
            Values::Sorted(values) => values.keys().map(|value| value.len()).sum::<usize>(),
            Values::Arrival(values) => values.iter().map(|value| value.len()).sum(),
        };
    }

    fn bytes(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Values>()
    }
}
