//! Aggregates of all values of a group, by arrival: `array_agg`, `collect`, `percentile`, `json_arrayagg`,
//! `json_objectagg` and their like.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, MapArray, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::DataType;
use hashbrown::HashMap;

use super::accumulator::{Accumulator, column, selection, wrong_type};
use super::encoded::{Codec, encodable};
use super::numbered::Numbered;
use super::{AggregateCall, AggregateSpec, arrivals};
use crate::expr::TypedExpr;
use crate::expr::json::{is_key as is_json_key, quote, write_json};
use crate::types::{Field, LogicalType, Result};

const fn collecting(
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    examples: &'static [&'static str],
    flink: &'static str,
    arity: usize,
    result: super::spec::ResultType,
) -> AggregateSpec {
    AggregateSpec {
        name,
        aliases: &[],
        arguments,
        summary,
        examples,
        flink: Some(flink),
        star: false,
        arity: (arity, arity),
        coerce: None,
        result,
        state: |call, _| state_fields(call),
        make: |call, _| Ok(Box::new(Collected::new(call)?)),
    }
}

/// `array_agg`
pub(super) const ARRAY_AGG: AggregateSpec = collecting(
    "array_agg",
    "x",
    "an array of all values by arrival, nulls too; null when there is none",
    &["bids | key_by auction | window tumble(10s) | aggregate array_agg(price) as prices;"],
    "ARRAY_AGG",
    1,
    |args| kept(args).map(|ty| (LogicalType::Array(Box::new(ty)), true)),
);

/// `collect`
pub(super) const COLLECT: AggregateSpec = collecting(
    "collect",
    "x",
    "how often each value stands there, nulls left out: a map from values to numbers",
    &["bids | key_by auction | window tumble(10s) | aggregate collect(channel) as channels;"],
    "COLLECT",
    1,
    |args| kept(args).map(|ty| (LogicalType::Map(Box::new(ty), Box::new(LogicalType::Int)), false)),
);

/// `percentile`
pub(super) const PERCENTILE: AggregateSpec = collecting(
    "percentile",
    "x, share",
    "the value below which a share of them lies, from 0 to 1, between two of them by their distance",
    &["bids | key_by auction | window tumble(10s) | aggregate percentile(price, 0.5) as middle;"],
    "PERCENTILE",
    2,
    |args| match args {
        [value, share] if value.ty().is_numeric() => match constant(share) {
            Some(0.0..=1.0) => Ok((LogicalType::Double, true)),
            _ => Err("a share from 0 to 1 that is constant".to_owned()),
        },
        _ => Err("a number".to_owned()),
    },
);

/// `json_arrayagg`
pub(super) const JSON_ARRAYAGG: AggregateSpec = collecting(
    "json_arrayagg",
    "x",
    "a JSON array of the values by arrival, nulls left out",
    &["bids | key_by auction | window tumble(10s) | aggregate json_arrayagg(price) as prices;"],
    "JSON_ARRAYAGG",
    1,
    |args| kept(args).map(|_| (LogicalType::String, false)),
);

/// `json_arrayagg_null_on_null`
pub(super) const JSON_ARRAYAGG_NULL: AggregateSpec = collecting(
    "json_arrayagg_null_on_null",
    "x",
    "as json_arrayagg, with nulls",
    &["bids | key_by auction | window tumble(10s) | aggregate json_arrayagg_null_on_null(price) as prices;"],
    "JSON_ARRAYAGG … NULL ON NULL",
    1,
    |args| kept(args).map(|_| (LogicalType::String, false)),
);

/// `json_objectagg`
pub(super) const JSON_OBJECTAGG: AggregateSpec = collecting(
    "json_objectagg",
    "key, value",
    "a JSON object of keys and values, the last value of a key",
    &["bids | key_by auction | window tumble(10s) | aggregate json_objectagg(channel, price) as prices;"],
    "JSON_OBJECTAGG",
    2,
    object,
);

/// `json_objectagg_absent_on_null`
pub(super) const JSON_OBJECTAGG_ABSENT: AggregateSpec = collecting(
    "json_objectagg_absent_on_null",
    "key, value",
    "as json_objectagg, without the keys of nulls",
    &[
        "bids | key_by auction | window tumble(10s) | aggregate json_objectagg_absent_on_null(channel, price) as prices;",
    ],
    "JSON_OBJECTAGG … ABSENT ON NULL",
    2,
    object,
);

fn kept(args: &[TypedExpr]) -> Result<LogicalType, String> {
    let ty = args[0].ty();
    if encodable(ty) { Ok(ty.clone()) } else { Err("a value that can be kept".to_owned()) }
}

fn object(args: &[TypedExpr]) -> Result<(LogicalType, bool), String> {
    if args.len() == 2 && is_json_key(args[0].ty()) && encodable(args[1].ty()) {
        Ok((LogicalType::String, false))
    } else {
        Err("a string as the key and a value that can be kept".to_owned())
    }
}

/// The value of a constant number.
fn constant(expr: &TypedExpr) -> Option<f64> {
    let number = arrow_cast::cast(expr.as_literal()?, &DataType::Float64).ok()?;
    let number = number.as_primitive_opt::<Float64Type>()?;
    number.is_valid(0).then(|| number.value(0))
}

/// The type of what is kept of a row: the value, or the key and the value.
fn held_type(call: &AggregateCall) -> LogicalType {
    match (call.function, &call.args[..]) {
        ("json_objectagg" | "json_objectagg_absent_on_null", [key, value]) => {
            LogicalType::Row(vec![("key".to_owned(), key.ty().clone()), ("value".to_owned(), value.ty().clone())])
        }
        (_, args) => args[0].ty().clone(),
    }
}

fn state_fields(call: &AggregateCall) -> Vec<Field> {
    arrivals::state_fields_of(held_type(call))
}

/// The result that is made of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Finish {
    Array,
    Counts,
    Percentile(f64),
    JsonArray { nulls: bool },
    JsonObject { nulls: bool },
}

struct Collected {
    codec: Codec,
    held: LogicalType,
    ty: LogicalType,
    finish: Finish,
    /// Whether rows say when they came.
    by_arrival: bool,
    /// The values of each group and when they came, ascending.
    groups: Vec<Vec<(i64, Box<[u8]>)>>,
    bytes: usize,
}

impl Collected {
    fn new(call: &AggregateCall) -> Result<Self> {
        let held = held_type(call);
        let finish = match call.function {
            "collect" => Finish::Counts,
            "percentile" => Finish::Percentile(call.args.get(1).and_then(constant).unwrap_or(0.5)),
            "json_arrayagg" => Finish::JsonArray { nulls: false },
            "json_arrayagg_null_on_null" => Finish::JsonArray { nulls: true },
            "json_objectagg" => Finish::JsonObject { nulls: true },
            "json_objectagg_absent_on_null" => Finish::JsonObject { nulls: false },
            _ => Finish::Array,
        };
        let (codec, ty, by_arrival) = (Codec::new(&held)?, call.ty.clone(), call.by_arrival);
        Ok(Self { codec, held, ty, finish, by_arrival, groups: Vec::new(), bytes: 0 })
    }

    /// What is kept of the rows, and which of them.
    fn rows(
        &self,
        args: &[ArrayRef],
        keep: Option<&BooleanArray>,
    ) -> Result<(ArrayRef, Option<arrow_buffer::BooleanBuffer>)> {
        let first = column(args, 0)?;
        let with_nulls = matches!(self.finish, Finish::Array | Finish::JsonArray { nulls: true });
        let selected = selection(if with_nulls { None } else { first.nulls() }, keep);
        let LogicalType::Row(_) = &self.held else { return Ok((Arc::clone(first), selected)) };
        if !matches!(self.finish, Finish::JsonObject { .. }) {
            return Ok((Arc::clone(first), selected));
        }
        let DataType::Struct(fields) = self.held.to_arrow() else { return Err(wrong_type(first.data_type())) };
        let pair = StructArray::try_new(fields, vec![Arc::clone(first), Arc::clone(column(args, 1)?)], None)?;
        Ok((Arc::new(pair), selected))
    }

    fn add(&mut self, group: u32, arrival: Option<i64>, value: &[u8]) {
        let values = &mut self.groups[group as usize];
        let next = values.last().map_or(0, |&(last, _)| last.saturating_add(1));
        let arrival = arrival.unwrap_or(next);
        let place = if arrival >= next { values.len() } else { values.partition_point(|&(known, _)| known <= arrival) };
        values.insert(place, (arrival, value.into()));
        self.bytes += value.len() + size_of::<(i64, Box<[u8]>)>();
    }

    fn column_of(&self, group: u32) -> Result<ArrayRef> {
        self.codec.decode(self.groups[group as usize].iter().map(|(_, value)| Some(&**value)))
    }

    /// How often each of the values of the groups stands there, in the order in which they came first.
    fn counts(&self, groups: &[u32]) -> Result<ArrayRef> {
        let (mut values, mut counts, mut lengths): (Vec<&[u8]>, Vec<i32>, Vec<usize>) = Default::default();
        for &group in groups {
            let first = values.len();
            let mut places: HashMap<&[u8], usize> = HashMap::new();
            for (_, value) in &self.groups[group as usize] {
                let place = *places.entry(&**value).or_insert_with(|| {
                    values.push(value);
                    counts.push(0);
                    values.len() - 1
                });
                counts[place] += 1;
            }
            lengths.push(values.len() - first);
        }
        let keys = self.codec.decode(values.into_iter().map(Some))?;
        let DataType::Map(field, sorted) = self.ty.to_arrow() else { return Err(wrong_type(keys.data_type())) };
        let DataType::Struct(fields) = field.data_type() else { return Err(wrong_type(keys.data_type())) };
        let entries = StructArray::try_new(fields.clone(), vec![keys, Arc::new(Int32Array::from(counts))], None)?;
        Ok(Arc::new(MapArray::try_new(field, OffsetBuffer::from_lengths(lengths), entries, None, sorted)?))
    }

    fn arrays(&self, groups: &[u32]) -> Result<ArrayRef> {
        let held = |&group: &u32| &self.groups[group as usize];
        let values = groups.iter().flat_map(held).map(|(_, value)| Some(&**value));
        let values = self.codec.decode(values)?;
        let DataType::List(field) = self.ty.to_arrow() else { return Err(wrong_type(values.data_type())) };
        let offsets = OffsetBuffer::from_lengths(groups.iter().map(|group| held(group).len()));
        let nulls: NullBuffer = groups.iter().map(|group| !held(group).is_empty()).collect();
        Ok(Arc::new(ListArray::try_new(field, offsets, values, Some(nulls))?))
    }

    fn json(&self, group: u32, nulls: bool, out: &mut String) -> Result<()> {
        let values = self.column_of(group)?;
        let mut written = 0;
        let mut separate = |out: &mut String| {
            if written > 0 {
                out.push(',');
            }
            written += 1;
        };
        if !matches!(self.finish, Finish::JsonObject { .. }) {
            for row in 0..values.len() {
                separate(out);
                write_json(out, &values, &self.held, row);
            }
            return Ok(());
        }
        let (LogicalType::Row(fields), columns) = (&self.held, values.as_struct().columns()) else { return Ok(()) };
        let (keys, values, ty) = (columns[0].as_string::<i32>(), &columns[1], &fields[1].1);
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut order = Vec::new();
        for (row, key) in keys.iter().enumerate().filter_map(|(row, key)| Some((row, key?))) {
            if last.insert(key, row).is_none() {
                order.push(key);
            }
        }
        for key in order {
            let row = last[key];
            if nulls || values.is_valid(row) {
                separate(out);
                quote(out, key);
                out.push(':');
                write_json(out, values, ty, row);
            }
        }
        Ok(())
    }

    fn percentile(&self, group: u32, share: f64) -> Result<Option<f64>> {
        let values = arrow_cast::cast(&self.column_of(group)?, &DataType::Float64)?;
        let mut values: Vec<f64> = values.as_primitive::<Float64Type>().iter().flatten().collect();
        values.sort_by(f64::total_cmp);
        let Some(last) = values.len().checked_sub(1) else { return Ok(None) };
        #[expect(clippy::cast_precision_loss, reason = "fewer values than a double has digits")]
        let place = share * last as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the last")]
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        let (below, above) = (values[low], values[high.min(last)]);
        Ok(Some(if low == high { below } else { below + (above - below) * (place - place.floor()) }))
    }
}

impl Accumulator for Collected {
    fn resize(&mut self, groups: usize) {
        if groups > self.groups.len() {
            self.groups.resize_with(groups, Vec::new);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        let (values, selected) = self.rows(args, keep)?;
        let rows = self.codec.encode(&values)?;
        let arrivals = if self.by_arrival {
            let last = column(args, args.len().saturating_sub(1))?;
            Some(last.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(last.data_type()))?.values())
        } else {
            None
        };
        for (row, &group) in groups.iter().enumerate() {
            if selected.as_ref().is_none_or(|selected| selected.value(row)) {
                self.add(group, arrivals.map(|arrivals| arrivals[row]), rows.row(row).as_ref());
            }
        }
        Ok(())
    }

    fn retract(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        let (values, selected) = self.rows(args, keep)?;
        let rows = self.codec.encode(&values)?;
        for (row, &group) in groups.iter().enumerate() {
            if selected.as_ref().is_some_and(|selected| !selected.value(row)) {
                continue;
            }
            let (held, value) = (&mut self.groups[group as usize], rows.row(row));
            if let Some(place) = held.iter().position(|(_, held)| **held == *value.as_ref()) {
                held.remove(place);
                self.bytes -= value.as_ref().len() + size_of::<(i64, Box<[u8]>)>();
            }
        }
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let held = Numbered::of(state)?;
        for (row, &group) in groups.iter().enumerate() {
            let (values, arrivals) = held.row(row, &self.codec)?;
            for (value, &arrival) in values.iter().zip(arrivals.values()) {
                // Where rows do not say when they came, those that are merged come behind.
                self.add(group, self.by_arrival.then_some(arrival), value.as_ref());
            }
        }
        Ok(())
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        match self.finish {
            Finish::Array => self.arrays(groups),
            Finish::Counts => self.counts(groups),
            Finish::Percentile(share) => {
                let found =
                    groups.iter().map(|&group| self.percentile(group, share)).collect::<Result<Float64Array>>()?;
                Ok(Arc::new(found))
            }
            Finish::JsonArray { nulls } | Finish::JsonObject { nulls } => {
                let [open, close] =
                    if matches!(self.finish, Finish::JsonObject { .. }) { ['{', '}'] } else { ['[', ']'] };
                let mut texts = Vec::with_capacity(groups.len());
                for &group in groups {
                    let mut text = String::from(open);
                    self.json(group, nulls, &mut text)?;
                    text.push(close);
                    texts.push(text);
                }
                Ok(Arc::new(StringArray::from(texts)))
            }
        }
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let held = |&group: &u32| &self.groups[group as usize];
        let lengths: Vec<usize> = groups.iter().map(|group| held(group).len()).collect();
        let values = self.codec.decode(groups.iter().flat_map(held).map(|(_, value)| Some(&**value)))?;
        let arrivals: Int64Array = groups.iter().flat_map(held).map(|(arrival, _)| *arrival).collect();
        Ok(Numbered::columns(values, arrivals, &lengths, &self.held))
    }

    fn clear(&mut self, group: u32) {
        let old = std::mem::take(&mut self.groups[group as usize]);
        self.bytes -= old.iter().map(|(_, value)| value.len() + size_of::<(i64, Box<[u8]>)>()).sum::<usize>();
    }

    fn bytes(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Vec<(i64, Box<[u8]>)>>()
    }
}
