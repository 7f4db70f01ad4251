//! `first_value`, `last_value` and `listagg` where a group's values do not come in the order of their arrival: merged of
//! slices of time, they say of each value when it came.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, StringArray};
use arrow_select::filter::filter;

use super::AggregateCall;
use super::accumulator::{Accumulator, column, selection, wrong_type};
use super::encoded::Codec;
use super::numbered::Numbered;
use crate::types::{Field, LogicalType, Result};

/// The numbers of rows in the order of their arrival.
fn arrivals(columns: &[ArrayRef]) -> Result<&[i64]> {
    let column = column(columns, 1)?;
    Ok(column.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(column.data_type()))?.values())
}

/// Keeps the value of each group that came first, or last.
pub(super) struct End {
    last: bool,
    /// Holds what it was given last.
    values: Box<dyn Accumulator>,
    arrivals: Vec<Option<i64>>,
}

impl End {
    /// `values` keeps the last value that it is given.
    pub(super) fn new(last: bool, values: Box<dyn Accumulator>) -> Self {
        Self { last, values, arrivals: Vec::new() }
    }

    pub(super) fn state_fields(call: &AggregateCall) -> Vec<Field> {
        vec![Field::new("value", call.ty.clone()), Field::new("arrival", LogicalType::BigInt)]
    }

    /// Whether a value that came at `arrival` takes the place of the group's.
    fn takes(&mut self, group: u32, arrival: i64) -> bool {
        let held = &mut self.arrivals[group as usize];
        let takes = held.is_none_or(|held| if self.last { arrival > held } else { arrival < held });
        if takes {
            *held = Some(arrival);
        }
        takes
    }
}

impl Accumulator for End {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups);
        if groups > self.arrivals.len() {
            self.arrivals.resize(groups, None);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        let (values, arrivals) = (column(args, 0)?, arrivals(args)?);
        let selected = selection(values.nulls(), keep);
        let taken = groups.iter().zip(arrivals).enumerate().map(|(row, (&group, &arrival))| {
            let counts = selected.as_ref().is_none_or(|selected| selected.value(row));
            Some(counts && self.takes(group, arrival))
        });
        let taken: BooleanArray = taken.collect();
        self.values.update(groups, &args[..1], Some(&taken))
    }

    /// Never called: a [`Bag`](super::bag::Bag) is chosen where rows are taken back.
    fn retract(&mut self, _: &[u32], _: &[ArrayRef], _: Option<&BooleanArray>) -> Result<()> {
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let (values, arrivals) = (column(state, 0)?, arrivals(state)?);
        let valid = selection(values.nulls(), None);
        let (mut into, mut won) = (Vec::new(), Vec::with_capacity(groups.len()));
        for (row, (&group, &arrival)) in groups.iter().zip(arrivals).enumerate() {
            let wins = valid.as_ref().is_none_or(|valid| valid.value(row)) && self.takes(group, arrival);
            won.push(wins);
            if wins {
                into.push(group);
            }
        }
        self.values.merge(&into, &[filter(values, &BooleanArray::from(won))?])
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        self.values.values(groups)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut state = self.values.state(groups)?;
        let arrivals: Int64Array = groups.iter().map(|&group| self.arrivals[group as usize]).collect();
        state.push(Arc::new(arrivals));
        Ok(state)
    }

    fn clear(&mut self, group: u32) {
        self.values.clear(group);
        self.arrivals[group as usize] = None;
    }

    fn bytes(&self) -> usize {
        self.values.bytes() + self.arrivals.capacity() * size_of::<Option<i64>>()
    }
}

/// The values of one group.
enum Values {
    /// Each by its arrival.
    All(BTreeMap<i64, Box<[u8]>>),
    /// The first arrival of each.
    Distinct(BTreeMap<Box<[u8]>, i64>),
}

impl Values {
    const fn new(distinct: bool) -> Self {
        if distinct { Self::Distinct(BTreeMap::new()) } else { Self::All(BTreeMap::new()) }
    }

    /// In the order of their arrival.
    fn ordered(&self) -> Vec<(i64, &[u8])> {
        match self {
            Self::All(values) => values.iter().map(|(&arrival, value)| (arrival, &**value)).collect(),
            Self::Distinct(values) => {
                let mut values: Vec<_> = values.iter().map(|(value, &arrival)| (arrival, &**value)).collect();
                values.sort_unstable();
                values
            }
        }
    }
}

/// The columns of a state of all values of the type `ty`.
pub(super) fn state_fields_of(ty: LogicalType) -> Vec<Field> {
    vec![
        Field::new("values", LogicalType::Array(Box::new(ty))),
        Field::new("arrivals", LogicalType::Array(Box::new(LogicalType::BigInt))),
    ]
}

/// Keeps all values of a group, or its distinct ones.
pub(super) struct All {
    codec: Codec,
    ty: LogicalType,
    distinct: bool,
    /// The result is the values joined by this; without it, the last.
    separator: Option<String>,
    groups: Vec<Values>,
    bytes: usize,
}

impl All {
    pub(super) fn new(call: &AggregateCall, separator: Option<String>) -> Result<Self> {
        let ty = call.args[0].ty().clone();
        let codec = Codec::new(&ty)?;
        Ok(Self { codec, ty, distinct: call.distinct, separator, groups: Vec::new(), bytes: 0 })
    }

    pub(super) fn state_fields(call: &AggregateCall) -> Vec<Field> {
        state_fields_of(call.args[0].ty().clone())
    }

    fn add(&mut self, group: u32, arrival: i64, value: &[u8]) {
        let grown = match &mut self.groups[group as usize] {
            Values::All(values) => values.insert(arrival, value.into()).is_none(),
            Values::Distinct(values) => match values.get_mut(value) {
                Some(first) => {
                    *first = arrival.min(*first);
                    false
                }
                None => values.insert(value.into(), arrival).is_none(),
            },
        };
        self.bytes += if grown { value.len() + size_of::<(i64, Box<[u8]>)>() } else { 0 };
    }
}

impl Accumulator for All {
    fn resize(&mut self, groups: usize) {
        while self.groups.len() < groups {
            self.groups.push(Values::new(self.distinct));
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        let (values, arrivals) = (column(args, 0)?, arrivals(args)?);
        let (rows, selected) = (self.codec.encode(values)?, selection(values.nulls(), keep));
        for (row, (&group, &arrival)) in groups.iter().zip(arrivals).enumerate() {
            if selected.as_ref().is_none_or(|selected| selected.value(row)) {
                self.add(group, arrival, rows.row(row).as_ref());
            }
        }
        Ok(())
    }

    /// Never called: a [`Bag`](super::bag::Bag) is chosen where rows are taken back.
    fn retract(&mut self, _: &[u32], _: &[ArrayRef], _: Option<&BooleanArray>) -> Result<()> {
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let held = Numbered::of(state)?;
        for (row, &group) in groups.iter().enumerate() {
            let (values, arrivals) = held.row(row, &self.codec)?;
            for (value, &arrival) in values.iter().zip(arrivals.values()) {
                self.add(group, arrival, value.as_ref());
            }
        }
        Ok(())
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        let ordered = groups.iter().map(|&group| self.groups[group as usize].ordered());
        let Some(separator) = &self.separator else {
            let last: Vec<_> = ordered.map(|values| values.last().map(|(_, value)| *value)).collect();
            return self.codec.decode(last.into_iter());
        };
        let mut joined: Vec<Option<String>> = Vec::with_capacity(groups.len());
        for values in ordered {
            let texts = self.codec.decode(values.iter().map(|(_, value)| Some(*value)))?;
            let texts: Vec<&str> = texts.as_string::<i32>().iter().flatten().collect();
            joined.push((!texts.is_empty()).then(|| texts.join(separator)));
        }
        Ok(Arc::new(StringArray::from(joined)))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let ordered: Vec<_> = groups.iter().map(|&group| self.groups[group as usize].ordered()).collect();
        let lengths: Vec<usize> = ordered.iter().map(Vec::len).collect();
        let values = self.codec.decode(ordered.iter().flatten().map(|(_, value)| Some(*value)))?;
        let arrivals: Int64Array = ordered.iter().flatten().map(|(arrival, _)| *arrival).collect();
        Ok(Numbered::columns(values, arrivals, &lengths, &self.ty))
    }

    fn clear(&mut self, group: u32) {
        let old = std::mem::replace(&mut self.groups[group as usize], Values::new(self.distinct));
        let bytes = old.ordered().iter().map(|(_, value)| value.len() + size_of::<(i64, Box<[u8]>)>()).sum::<usize>();
        self.bytes -= bytes;
    }

    fn bytes(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Values>()
    }
}
