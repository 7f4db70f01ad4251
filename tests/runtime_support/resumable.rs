//! Operators that can't do their work within one call: rows that each become many, timers, an answer from another thread.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use lotic::api::{Armed, Inputs, Moment, Operator, OperatorContext, Output, PlannedOperator};
use lotic::state::{KeyedRows, OperatorStateDescriptor, StateChange, StateDelta, StateDescriptor};
use lotic::types::{Batch, CheckpointId, Clock, NO_TIME, Result, Schema};

use super::{groups_of_keys, pairs, rows, schema};

/// Makes `each` rows of every row, `batch` of them at a time: (k, v) becomes (k, v * each), (k, v * each + 1), ….
#[derive(Debug)]
pub(crate) struct Fan {
    pub(crate) schema: Schema,
    pub(crate) each: i64,
    pub(crate) batch: usize,
    /// Whether a barrier waits until nothing is left.
    pub(crate) indivisible: bool,
}

struct Fanning {
    each: i64,
    batch: usize,
    indivisible: bool,
    /// Rows that still become some: key, the next value, the end.
    left: VecDeque<(i64, i64, i64)>,
}

/// Every instance is given what all had left, and takes its share.
const LEFT: OperatorStateDescriptor = OperatorStateDescriptor::union("left");

impl PlannedOperator for Fan {
    fn name(&self) -> &'static str {
        "Fan"
    }

    fn describe(&self) -> String {
        self.each.to_string()
    }

    fn output(&self) -> &Schema {
        &self.schema
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![LEFT]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let mut left = VecDeque::new();
        if let Some(restored) = &context.restored {
            // What instances had left is dealt out to those that are there now.
            for (index, entry) in restored.operator(&LEFT)?.iter().enumerate() {
                if index % context.parallelism == context.subtask {
                    let (words, _) = entry.as_chunks::<8>();
                    let words: Vec<i64> = words.iter().map(|word| i64::from_le_bytes(*word)).collect();
                    left.extend(words.chunks(3).map(|row| (row[0], row[1], row[2])));
                }
            }
        }
        let fanning = Fanning { each: self.each, batch: self.batch, indivisible: self.indivisible, left };
        context.armed.set(fanning.wants());
        Ok(Box::new(fanning))
    }
}

impl Fanning {
    fn wants(&self) -> Armed {
        let more = !self.left.is_empty();
        let full = if more { Inputs::ALL } else { Inputs::NONE };
        Armed { more, full, indivisible: more && self.indivisible, ..Armed::NOTHING }
    }

    fn give(&mut self, out: &mut dyn Output) -> Result<()> {
        let mut batches = 0;
        while !self.left.is_empty() && batches < 2 && (batches == 0 || out.has_room()) {
            let mut given = Vec::with_capacity(self.batch);
            while given.len() < self.batch
                && let Some((key, next, end)) = self.left.front_mut()
            {
                let room = i64::try_from(self.batch - given.len()).unwrap_or(i64::MAX);
                let upto = (*end).min(*next + room);
                given.extend((*next..upto).map(|value| (*key, value)));
                *next = upto;
                if next == end {
                    self.left.pop_front();
                }
            }
            out.batch(Batch::new(rows(&given), vec![NO_TIME; given.len()].into()))?;
            batches += 1;
        }
        out.arm(self.wants());
        Ok(())
    }
}

impl Operator for Fanning {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        assert!(self.left.is_empty(), "rows for an operator that is full");
        self.left
            .extend(pairs(&batch).into_iter().map(|(key, value)| (key, value * self.each, (value + 1) * self.each)));
        self.give(out)
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        self.give(out)
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        assert!(self.left.is_empty() || !self.indivisible, "a barrier has not waited");
        let entry = self.left.iter().flat_map(|(key, next, end)| [*key, *next, *end]);
        let entry: Vec<u8> = entry.flat_map(i64::to_le_bytes).collect();
        Ok(StateDelta { changes: vec![StateChange::Operator { state: LEFT.name, entry }] })
    }
}

/// Timers of both kinds. Of key `k` every row sets one at the end of the ten milliseconds of event time that it falls into,
/// which emits (k, that end) once, however many rows have set it; its first row sets one of processing time, which emits
/// (1,000,000 + k, 0).
#[derive(Debug)]
pub(crate) struct Timers(pub(crate) Schema);

/// A processing-time timer that has fired.
const FIRED: i64 = i64::MAX;
/// Timers that fire within one call.
const AT_ONCE: usize = 2;

struct Timing {
    /// End of the ten milliseconds, key.
    event: BTreeSet<(i64, i64)>,
    /// By key: when it is due.
    clock: BTreeMap<i64, i64>,
    /// Timers that were set since the last snapshot, and those that fired.
    set: BTreeSet<(i64, i64)>,
    gone: BTreeSet<(i64, i64)>,
    touched: BTreeSet<i64>,
    time: Arc<dyn Clock>,
    max: u16,
}

impl Timers {
    /// Of event time: key and time, both of them the key of the entry.
    fn event() -> StateDescriptor {
        StateDescriptor { partition: vec![0], ..StateDescriptor::new("event_timers", schema(), 2) }
    }

    fn clock() -> StateDescriptor {
        StateDescriptor::new("clock_timers", schema(), 1)
    }
}

impl PlannedOperator for Timers {
    fn name(&self) -> &'static str {
        "Timers"
    }

    fn describe(&self) -> String {
        String::new()
    }

    fn output(&self) -> &Schema {
        &self.0
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![Self::event(), Self::clock()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let mut timing = Timing {
            event: BTreeSet::new(),
            clock: BTreeMap::new(),
            set: BTreeSet::new(),
            gone: BTreeSet::new(),
            touched: BTreeSet::new(),
            time: Arc::clone(&context.clock),
            max: context.max_parallelism,
        };
        if let Some(restored) = &context.restored {
            for (_, batch) in restored.keyed(&Timers::event())? {
                timing.event.extend(pairs(&Batch::untimed(batch)).into_iter().map(|(key, time)| (time, key)));
            }
            for (_, batch) in restored.keyed(&Timers::clock())? {
                timing.clock.extend(pairs(&Batch::untimed(batch)));
            }
        }
        context.armed.set(timing.wants());
        Ok(Box::new(timing))
    }
}

impl Timing {
    fn wants(&self) -> Armed {
        let due_ms = self.clock.values().copied().filter(|&due_ms| due_ms != FIRED).min();
        Armed {
            event_time: self.event.first().map(|(time, _)| time - 1),
            processing_time_ms: due_ms,
            // Flink waits for no timer at the end of its input; this one shows that an operator can.
            unfinished: due_ms.is_some(),
            ..Armed::NOTHING
        }
    }

    fn change(&self, state: &'static str, changed: &[(i64, i64)], removed: bool) -> Option<StateChange> {
        if changed.is_empty() {
            return None;
        }
        let keys: Vec<i64> = changed.iter().map(|(key, _)| *key).collect();
        let rows = KeyedRows { rows: rows(changed), key_groups: groups_of_keys(&keys, self.max) };
        Some(if removed {
            StateChange::Remove { state, namespace: 0, rows }
        } else {
            StateChange::Upsert { state, namespace: 0, rows }
        })
    }
}

impl Operator for Timing {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        for (key, value) in pairs(&batch) {
            let end = (value / 10 + 1) * 10;
            if self.event.insert((end, key)) {
                self.set.insert((key, end));
                self.gone.remove(&(key, end));
            }
            let due_ms = self.time.now_ms() + 3;
            self.clock.entry(key).or_insert_with(|| {
                self.touched.insert(key);
                due_ms
            });
        }
        out.arm(self.wants());
        Ok(())
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        let mut fired = Vec::new();
        while let Some(&(end, key)) = self.event.first()
            && end - 1 <= now.watermark
            && fired.len() < AT_ONCE
        {
            self.event.pop_first();
            if !self.set.remove(&(key, end)) {
                self.gone.insert((key, end));
            }
            fired.push((key, end));
        }
        for (key, due_ms) in &mut self.clock {
            if *due_ms <= now.now_ms && fired.len() < AT_ONCE {
                *due_ms = FIRED;
                self.touched.insert(*key);
                fired.push((1_000_000 + key, 0));
            }
        }
        if !fired.is_empty() {
            out.batch(Batch::untimed(rows(&fired)))?;
        }
        out.arm(self.wants());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let set: Vec<_> = std::mem::take(&mut self.set).into_iter().collect();
        let gone: Vec<_> = std::mem::take(&mut self.gone).into_iter().collect();
        let clock: Vec<_> = std::mem::take(&mut self.touched).into_iter().map(|key| (key, self.clock[&key])).collect();
        let changes = [
            self.change("event_timers", &gone, true),
            self.change("event_timers", &set, false),
            self.change("clock_timers", &clock, false),
        ];
        Ok(StateDelta { changes: changes.into_iter().flatten().collect() })
    }
}
