//! Windows as they are stored, restored and shown.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, TimestampMillisecondArray};

use super::WindowOperatorInstance;
use crate::api::{StateRead, StateReader, When};
use crate::inspect::StateQuery;
use crate::operators::rows::{Entries, keyed_rows};
use crate::operators::window::general::panes::Pane;
use crate::operators::window::general::spec::WINDOWS;
use crate::operators::window::operator::read_number;
use crate::operators::window::spec::{ARRIVALS, WATERMARK};
use crate::state::{RestoredState, StateChange, StateDelta};
use crate::types::{Error, MIN_WATERMARK, Result};

/// Windows of one entry at most.
const ENTRIES: usize = 8_192;

impl WindowOperatorInstance {
    /// The changes since the last snapshot.
    pub(super) fn changes(&mut self) -> Result<StateDelta> {
        let mut changes = Vec::new();
        let schema = self.plan.descriptor().schema;
        let routed = self.plan.inputs[0].keys.len();
        let (keys, numbers) = self.panes.take_gone()?;
        if !numbers.is_empty() {
            let rows = numbers.len();
            let entries = Entries { keys, values: vec![Arc::new(Int64Array::from(numbers))], rows };
            let key_schema = schema.project(&(0..=routed).collect::<Vec<_>>());
            let rows = keyed_rows(&key_schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Remove { state: WINDOWS, namespace: 0, rows });
        }
        for part in self.panes.take_dirty().chunks(ENTRIES) {
            let entries = Entries { keys: self.panes.keys(part)?, values: self.values(part)?, rows: part.len() };
            let rows = keyed_rows(&schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Upsert { state: WINDOWS, namespace: 0, rows });
        }
        self.contents.changes(&mut changes)?;
        self.panes.forget_keys();
        changes.push(StateChange::Operator { state: WATERMARK.name, entry: self.watermark.to_le_bytes().to_vec() });
        let reached = self.next_arrival.map(|next| next.to_le_bytes().to_vec());
        changes.extend(reached.map(|entry| StateChange::Operator { state: ARRIVALS.name, entry }));
        Ok(StateDelta { changes })
    }

    /// The columns of these windows behind their keys.
    fn values(&self, panes: &[u32]) -> Result<Vec<ArrayRef>> {
        let of = || panes.iter().map(|&pane| self.panes.get(pane));
        let mut values: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(of().map(|pane| pane.number)))];
        if self.plan.window.windows.have_bounds() {
            values.push(Arc::new(TimestampMillisecondArray::from_iter_values(of().map(|pane| pane.start))));
            values.push(Arc::new(TimestampMillisecondArray::from_iter_values(of().map(|pane| pane.end))));
        }
        values.push(Arc::new(of().map(|pane| Some(pane.filled)).collect::<BooleanArray>()));
        values.push(Arc::new(of().map(|pane| Some(pane.progress.fires_at_end)).collect::<BooleanArray>()));
        match self.moments.when {
            When::Every(_) => {
                let times: [fn(&Pane) -> i64; 2] = [|pane| pane.progress.next_firing, |pane| pane.progress.fires_from];
                for time in times {
                    values.push(Arc::new(Int64Array::from_iter_values(of().map(time))));
                }
            }
            When::Count(_) => {
                let rows = of().map(|pane| pane.progress.rows.cast_signed());
                values.push(Arc::new(Int64Array::from_iter_values(rows)));
            }
            When::Delta(..) => values.push(Arc::new(of().map(|pane| pane.progress.last).collect::<Float64Array>())),
            When::AtEnd | When::OnEvent | When::Never => {}
        }
        values.extend(self.contents.stored(panes)?);
        Ok(values)
    }

    /// Takes stored windows up.
    pub(super) fn restore(&mut self, restored: &dyn RestoredState) -> Result<()> {
        let damaged = || Error::state("a stored window is damaged");
        let marks = restored.operator(&WATERMARK)?;
        let marks = marks.iter().map(|mark| read_number(mark)).collect::<Result<Vec<i64>>>()?;
        self.watermark = marks.into_iter().min().unwrap_or(MIN_WATERMARK);
        if let Some(next) = &mut self.next_arrival {
            for reached in restored.operator(&ARRIVALS)? {
                *next = read_number(&reached)?.max(*next);
            }
        }
        let routed = self.plan.inputs[0].keys.len();
        let bounded = self.plan.window.windows.have_bounds();
        for (_, rows) in restored.keyed(&self.plan.descriptor())? {
            let mut keys = Vec::new();
            self.panes.keys_of(&rows.columns()[..routed], rows.num_rows(), &mut keys)?;
            let mut columns = rows.columns()[routed..].iter();
            let mut column = || columns.next().ok_or_else(damaged);
            let numbers = column()?.as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
            let bounds = if bounded {
                let mut bound = || column()?.as_primitive_opt::<TimestampMillisecondType>().ok_or_else(damaged);
                Some((bound()?, bound()?))
            } else {
                None
            };
            let filled = column()?.as_boolean_opt().ok_or_else(damaged)?;
            let fires_at_end = column()?.as_boolean_opt().ok_or_else(damaged)?;
            let number = |column: &ArrayRef| column.as_primitive_opt::<Int64Type>().cloned().ok_or_else(damaged);
            let (trigger, fires_from) = match self.moments.when {
                When::Every(_) => (Some(column()?.clone()), Some(number(column()?)?)),
                When::Count(_) | When::Delta(..) => (Some(column()?.clone()), None),
                When::AtEnd | When::OnEvent | When::Never => (None, None),
            };
            let mut panes = Vec::with_capacity(keys.len());
            for (row, &key) in keys.iter().enumerate() {
                let bounds = bounds.map_or((i64::MIN, i64::MAX), |(start, end)| (start.value(row), end.value(row)));
                let pane = self.panes.restore(key, bounds, numbers.value(row));
                let at = self.panes.note(pane);
                at.filled = filled.value(row);
                at.progress.fires_at_end = fires_at_end.value(row);
                if let Some(fires_from) = &fires_from {
                    at.progress.fires_from = fires_from.value(row);
                }
                let trigger = trigger.as_ref().filter(|column| column.is_valid(row));
                match (&self.moments.when, trigger) {
                    (When::Every(_), Some(next)) => {
                        at.progress.next_firing = next.as_primitive::<Int64Type>().value(row);
                    }
                    (When::Count(_), Some(rows)) => {
                        at.progress.rows = rows.as_primitive::<Int64Type>().value(row).cast_unsigned();
                    }
                    (When::Delta(..), Some(last)) => {
                        at.progress.last = Some(last.as_primitive::<Float64Type>().value(row));
                    }
                    _ => {}
                }
                if let Some(due) = self.moments.due(&at.progress, at.end) {
                    self.panes.queue(pane, due);
                }
                panes.push(pane);
            }
            self.contents.resize(self.panes.numbers());
            self.contents.restore(&panes, columns.as_slice())?;
        }
        self.contents.restore_states(restored, &mut self.panes)
    }

    /// Reads the state for people.
    pub(super) fn read(&self, query: &StateQuery) -> Result<Vec<StateRead>> {
        let mut reads = Vec::new();
        if let Some(mut reader) = StateReader::new(query, self.plan.descriptor(), self.max_parallelism)? {
            let panes: Vec<u32> = self.panes.iter().map(|(pane, _)| pane).collect();
            let mut keys = self.panes.keys(&panes)?;
            keys.push(Arc::new(panes.iter().map(|&pane| self.panes.get(pane).number).collect::<Int64Array>()));
            let bytes = (self.panes.bytes() + self.contents.bytes()) as u64;
            reader.add(0, &keys, panes.len(), bytes, &mut |rows| {
                let panes: Vec<u32> = rows.iter().map(|&row| panes[row as usize]).collect();
                Ok(self.values(&panes)?.split_off(1))
            })?;
            reads.push(reader.finish());
        }
        reads.extend(self.contents.read(query)?);
        Ok(reads)
    }
}
