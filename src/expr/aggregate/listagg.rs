//! `listagg`

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, StringArray};

use super::accumulator::{Accumulator, column, selection, wrong_type};
use super::bag::{Bag, Pick};
use super::min_max::value_field;
use super::{AggregateSpec, arrivals};
use crate::types::{LogicalType, Result};

/// `listagg`
pub(super) const LISTAGG: AggregateSpec = AggregateSpec {
    name: "listagg",
    aliases: &[],
    arguments: "text[, separator]",
    summary: "the texts one after another, by arrival, joined by the separator (a comma); nulls left out",
    examples: &["bids | key_by auction | window tumble(10s) | aggregate listagg(channel, '; ') as channels;"],
    flink: Some("LISTAGG"),
    star: false,
    arity: (1, 2),
    coerce: None,
    result: |args| {
        if *args[0].ty() == LogicalType::String {
            Ok((LogicalType::String, args[0].nullable()))
        } else {
            Err("a string (write `cast(x as string)`)".to_owned())
        }
    },
    state: |call, retracts| match (retracts, call.by_arrival) {
        (true, _) => Bag::state_fields(call),
        (false, true) => arrivals::All::state_fields(call),
        (false, false) => value_field(call),
    },
    make: |call, retracts| {
        let separator = call.separator.clone().unwrap_or_else(|| ",".to_owned());
        Ok(match (retracts, call.by_arrival) {
            (true, _) => Box::new(Bag::new(&LogicalType::String, Pick::Joined(separator))?),
            (false, true) => Box::new(arrivals::All::new(call, Some(separator))?),
            (false, false) => Box::new(Joined { separator, texts: Vec::new(), bytes: 0 }),
        })
    },
};

struct Joined {
    separator: String,
    texts: Vec<Option<String>>,
    /// Bytes of all texts.
    bytes: usize,
}

impl Accumulator for Joined {
    fn resize(&mut self, groups: usize) {
        if groups > self.texts.len() {
            self.texts.resize(groups, None);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        let values = column(args, 0)?;
        let selected = selection(values.nulls(), keep);
        let values = values.as_string_opt::<i32>().ok_or_else(|| wrong_type(values.data_type()))?;
        for (row, &group) in groups.iter().enumerate() {
            if selected.as_ref().is_some_and(|selected| !selected.value(row)) {
                continue;
            }
            match &mut self.texts[group as usize] {
                Some(text) => {
                    let before = text.capacity();
                    text.push_str(&self.separator);
                    text.push_str(values.value(row));
                    self.bytes += text.capacity() - before;
                }
                empty => self.bytes += empty.insert(values.value(row).to_owned()).capacity(),
            }
        }
        Ok(())
    }

    /// Never called: a [`Bag`] is chosen where rows are taken back.
    fn retract(&mut self, _: &[u32], _: &[ArrayRef], _: Option<&BooleanArray>) -> Result<()> {
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.update(groups, state, None)
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        let texts: StringArray = groups.iter().map(|&group| self.texts[group as usize].as_deref()).collect();
        Ok(Arc::new(texts))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.values(groups)?])
    }

    fn clear(&mut self, group: u32) {
        self.bytes -= self.texts[group as usize].take().map_or(0, |text| text.capacity());
    }

    fn bytes(&self) -> usize {
        self.bytes + self.texts.capacity() * size_of::<Option<String>>()
    }
}
