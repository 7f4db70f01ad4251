//! The parts that the windowed and the un-windowed aggregate share: their calls, evaluated a batch at a time, and their
//! state.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow_select::take::take;

use super::rows::evaluated;
use crate::api::Output;
use crate::expr::aggregate::{Accumulator, AggregateCall};
use crate::expr::{EvalContext, Evaluator, TypedExpr};
use crate::state::StateDescriptor;
use crate::types::floats::canonical_column;
use crate::types::{Batch, Field, LogicalType, Result, Schema};

/// The keys and aggregate calls of an operator, ready to be evaluated; an expression that several use is computed once.
#[derive(Debug)]
pub(super) struct Aggregates {
    calls: Vec<AggregateCall>,
    exprs: Vec<Evaluator>,
    args: Vec<Vec<usize>>,
    predicates: Vec<Evaluator>,
    filters: Vec<Option<usize>>,
    keys: Vec<usize>,
    changelog_input: bool,
}

/// The keys, arguments and filters of a batch's rows; floats are [canonical](crate::types::floats).
#[derive(Debug, Clone)]
pub(super) struct Evaluated {
    pub(super) rows: usize,
    pub(super) keys: Vec<ArrayRef>,
    /// The arguments of each call.
    pub(super) args: Vec<Vec<ArrayRef>>,
    /// The filter of each call.
    pub(super) keep: Vec<Option<BooleanArray>>,
}

impl Aggregates {
    pub(super) fn new(calls: &[AggregateCall], keys: &[usize], changelog_input: bool) -> Self {
        let (mut exprs, mut predicates) = (Vec::new(), Vec::new());
        let args = calls.iter().map(|call| call.args.iter().map(|arg| once(&mut exprs, arg)).collect()).collect();
        let filters =
            calls.iter().map(|call| call.filter.as_ref().map(|filter| once(&mut predicates, filter))).collect();
        Self {
            calls: calls.to_vec(),
            exprs: exprs.iter().map(Evaluator::new).collect(),
            args,
            predicates: predicates.iter().map(Evaluator::new).collect(),
            filters,
            keys: keys.to_vec(),
            changelog_input,
        }
    }

    /// Accumulators with no groups.
    pub(super) fn accumulators(&self) -> Result<Vec<Box<dyn Accumulator>>> {
        self.calls.iter().map(|call| call.accumulator_for(self.changelog_input)).collect()
    }

    /// Evaluates the rows of `batch`. Rows that fail are rejected; the batch of those that are left comes back too.
    pub(super) fn evaluate(
        &self,
        batch: Batch,
        now_ms: i64,
        place: &str,
        out: &mut dyn Output,
    ) -> Result<(Batch, Evaluated)> {
        evaluated(batch, now_ms, place, out, |rows, context| self.columns(rows, context))
    }

    /// Tells the calls that depend on it in which order the rows came: as `next`, and one more each.
    pub(super) fn number(&self, rows: &mut Evaluated, next: &mut i64) {
        let first = *next;
        *next = first.saturating_add_unsigned(rows.rows as u64);
        let arrivals: ArrayRef = Arc::new(Int64Array::from_iter_values(first..*next));
        for (_, args) in self.calls.iter().zip(&mut rows.args).filter(|(call, _)| call.by_arrival) {
            args.push(Arc::clone(&arrivals));
        }
    }

    /// The keys, arguments and filters of these rows.
    pub(super) fn columns(&self, rows: &RecordBatch, context: &mut EvalContext) -> Result<Evaluated> {
        let exprs = self.exprs.iter().map(|expr| Ok(canonical_column(&expr.evaluate(rows, context)?)));
        let exprs: Vec<ArrayRef> = exprs.collect::<Result<_>>()?;
        let predicates: Vec<BooleanArray> =
            self.predicates.iter().map(|expr| expr.evaluate_predicate(rows, context)).collect::<Result<_>>()?;
        Ok(Evaluated {
            rows: rows.num_rows(),
            keys: self.keys.iter().map(|&key| canonical_column(rows.column(key))).collect(),
            args: self.args.iter().map(|args| args.iter().map(|&arg| exprs[arg].clone()).collect()).collect(),
            keep: self.filters.iter().map(|filter| filter.map(|filter| predicates[filter].clone())).collect(),
        })
    }
}

/// The states that calls share, and who reads which: `sum(x)` and `avg(x)` need theirs but once.
pub(super) struct Shared {
    /// The calls that own a state, the first of those that share it.
    pub(super) owners: Vec<AggregateCall>,
    /// For each call the place of its state among the owners.
    states: Vec<usize>,
    /// For each call that does not own its state accumulators without groups, to read it as theirs.
    readers: Vec<Option<Box<dyn Accumulator>>>,
}

impl Shared {
    pub(super) fn new(calls: &[AggregateCall]) -> Result<Self> {
        let owners = state_owners(calls);
        let mut shared = Self { states: Vec::new(), readers: Vec::new(), owners };
        for call in calls {
            let state = shared.owners.iter().position(|owner| call.shares_state(owner)).unwrap_or(0);
            shared.states.push(state);
            let owns = *call == shared.owners[state];
            shared.readers.push(if owns { None } else { Some(call.accumulator()?) });
        }
        Ok(shared)
    }

    /// The results of call `call` in these groups of the owners' accumulators.
    pub(super) fn values(&self, call: usize, states: &[Box<dyn Accumulator>], groups: &[u32]) -> Result<ArrayRef> {
        let state = states[self.states[call]].as_ref();
        match &self.readers[call] {
            Some(reader) => reader.values_from(state, groups),
            None => state.values(groups),
        }
    }
}

/// The calls that own a state.
pub(super) fn state_owners(calls: &[AggregateCall]) -> Vec<AggregateCall> {
    let mut owners: Vec<AggregateCall> = Vec::new();
    for call in calls {
        if !owners.iter().any(|owner| call.shares_state(owner)) {
            owners.push(call.clone());
        }
    }
    owners
}

/// The position of `expr` in `all`, put there if it is new.
fn once(all: &mut Vec<TypedExpr>, expr: &TypedExpr) -> usize {
    all.iter().position(|known| known == expr).unwrap_or_else(|| {
        all.push(expr.clone());
        all.len() - 1
    })
}

impl Evaluated {
    /// Rows `offset..offset + length`.
    pub(super) fn slice(&self, offset: usize, length: usize) -> Self {
        if length == self.rows {
            return self.clone();
        }
        Self {
            rows: length,
            keys: self.keys.iter().map(|key| key.slice(offset, length)).collect(),
            args: self.args.iter().map(|args| args.iter().map(|arg| arg.slice(offset, length)).collect()).collect(),
            keep: self.keep.iter().map(|keep| keep.as_ref().map(|keep| keep.slice(offset, length))).collect(),
        }
    }

    /// The rows at `indices`.
    pub(super) fn take(&self, indices: &UInt32Array) -> Result<Self> {
        let pick = |column: &ArrayRef| take(column, indices, None);
        let columns = |columns: &Vec<ArrayRef>| columns.iter().map(pick).collect::<Result<Vec<_>, _>>();
        let keep = |keep: &Option<BooleanArray>| {
            keep.as_ref().map(|keep| Ok(BooleanArray::from(take(keep, indices, None)?.to_data()))).transpose()
        };
        Ok(Self {
            rows: indices.len(),
            keys: columns(&self.keys)?,
            args: self.args.iter().map(columns).collect::<Result<_, _>>()?,
            keep: self.keep.iter().map(keep).collect::<Result<_, arrow_schema::ArrowError>>()?,
        })
    }
}

/// The place where the state of a call is stored.
pub(super) struct StatePlace {
    /// The state's columns among those of all calls.
    pub(super) columns: Range<usize>,
    /// Whether it is the first of the calls that share it.
    pub(super) owned: bool,
}

/// The places where the states of the calls are stored: those that are shared but once.
pub(super) fn state_places(calls: &[AggregateCall], changelog_input: bool) -> Vec<StatePlace> {
    let mut places: Vec<StatePlace> = Vec::new();
    let mut end = 0;
    for (index, call) in calls.iter().enumerate() {
        let owner = calls[..index].iter().position(|owner| call.shares_state(owner));
        let columns = match owner {
            Some(owner) => places[owner].columns.clone(),
            None => end..end + call.state_fields_for(changelog_input).len(),
        };
        end = end.max(columns.end);
        places.push(StatePlace { columns, owned: owner.is_none() });
    }
    places
}

/// The keyed state `name` of aggregates: the keys; how many rows each has, where rows are taken back; the calls' states.
pub(super) fn state_descriptor(
    name: &'static str,
    keys: Vec<Field>,
    calls: &[AggregateCall],
    changelog_input: bool,
) -> StateDescriptor {
    let (key_columns, mut fields) = (keys.len(), keys);
    // Version 1 named columns by their call's position, and stored what calls share with each of them.
    let mut version_1 = Vec::new();
    if changelog_input {
        version_1.push(("rows".to_owned(), fields.len()));
        fields.push(Field::new("rows", LogicalType::BigInt).not_null());
    }
    let first = fields.len();
    for (index, (call, place)) in calls.iter().zip(state_places(calls, changelog_input)).enumerate() {
        let parts = call.state_fields_for(changelog_input);
        let positions = parts.into_iter().zip(place.columns);
        version_1.extend(positions.map(|(part, column)| (format!("a{index}_{}", part.name), first + column)));
        if place.owned {
            fields.extend(call.stored_fields(changelog_input));
        }
    }
    StateDescriptor { version_1, ..StateDescriptor::new(name, Schema::new(fields), key_columns) }
}

/// The same calls over narrowed inputs.
pub(super) fn remap(call: &AggregateCall, map: &dyn Fn(usize) -> usize) -> AggregateCall {
    AggregateCall {
        args: call.args.iter().map(|arg| arg.remap(map)).collect(),
        filter: call.filter.as_ref().map(|filter| filter.remap(map)),
        ..call.clone()
    }
}

/// The input columns that the calls read, unsorted.
pub(super) fn columns_read(calls: &[AggregateCall]) -> Vec<usize> {
    calls.iter().flat_map(|call| call.args.iter().chain(&call.filter)).flat_map(TypedExpr::columns).collect()
}

/// The output columns for `explain`: `auction, count(*) as n`.
pub(super) fn describe_outputs(output: &Schema, call: impl Fn(usize) -> Option<String>) -> String {
    let columns = output.names().enumerate().map(|(index, name)| match call(index) {
        Some(call) => format!("{call} as {name}"),
        None => name.to_owned(),
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// The names of the columns at `indices`.
pub(super) fn names(schema: &Schema, indices: &[usize]) -> String {
    indices.iter().map(|&index| schema.fields()[index].name.as_str()).collect::<Vec<_>>().join(", ")
}
