//! The running look-up join: the rows that wait for answers, and what they find.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use super::asker::Asker;
use super::asks::{Asks, NO_ASK};
use super::spec::{LookupSpec, WAITING};
use crate::api::{Armed, Inputs, Moment, Operator, OperatorContext, Output, show_duration};
use crate::inspect::{CounterView, OperatorView, Section};
use crate::operators::join::pairs::Pairing;
use crate::operators::rows::{decode_batch, encode_batch, index};
use crate::state::{StateChange, StateDelta};
use crate::types::{Batch, CheckpointId, Clock, Error, Result};

/// Batches given in one call.
const BATCHES: usize = 2;
/// Keys of one request, at most.
const KEYS_MAX: usize = 1_024;

pub(super) struct LookupJoinOperator {
    plan: LookupSpec,
    pairing: Pairing,
    asks: Asks,
    asker: Asker,
    /// The requests under way: the asks of each, and when it takes too long.
    requests: BTreeMap<u64, (Vec<u32>, i64)>,
    requested: u64,
    queue: VecDeque<Waiting>,
    /// The rows in it.
    rows: usize,
    /// Those of them that were given in part.
    cut: usize,
    /// Whether some of them could be given but for the length of a call.
    more: bool,
    batch_rows: usize,
    clock: Arc<dyn Clock>,
}

/// What waits, in order.
enum Waiting {
    Rows(Held),
    Watermark(i64),
}

/// Rows of a batch that wait.
struct Held {
    batch: Batch,
    /// The ask of each row.
    asks: Vec<u32>,
    /// The rows that were not given yet.
    todo: VecDeque<Todo>,
}

/// A row that was not given, or not all that it finds.
#[derive(Clone, Copy)]
struct Todo {
    row: u32,
    /// The found rows that were gone through.
    gone_through: usize,
    /// Whether one of them has met the rest of the condition.
    met: bool,
}

/// A row with what it finds, a part of the pairs of a call.
struct Looked {
    row: u32,
    pairs: Range<usize>,
    met: bool,
    /// Whether some of what it finds was given before.
    begun: bool,
    /// Its place among those to do, if not all that it finds was gone through.
    unfinished: Option<usize>,
}

/// Rows of a batch beside the rows of the table that they find.
#[derive(Default)]
struct Pairs {
    rows: Vec<u32>,
    /// The columns that found rows are of, and the row there.
    others: Vec<(usize, usize)>,
}

/// The columns of the rows that were found, of several answers; the first is a row of nulls.
struct Answers {
    of: Vec<Vec<ArrayRef>>,
    /// The place of an answer's columns by their address, which no other has while they are here.
    places: BTreeMap<usize, usize>,
}

impl Answers {
    fn place(&mut self, of: &Arc<arrow_array::RecordBatch>) -> usize {
        *self.places.entry(Arc::as_ptr(of).addr()).or_insert_with(|| {
            self.of.push(of.columns().to_vec());
            self.of.len() - 1
        })
    }
}

impl LookupJoinOperator {
    pub(super) fn new(plan: &LookupSpec, asker: Asker, context: &OperatorContext) -> Result<Self> {
        let spec = &plan.spec;
        let types: Vec<_> = spec.keys[0].iter().map(|&key| spec.inputs[0].fields()[key].ty.to_arrow()).collect();
        let mut this = Self {
            pairing: Pairing::new(spec, context),
            asks: Asks::new(&types, plan.options.cache_ms)?,
            asker,
            requests: BTreeMap::new(),
            requested: 0,
            queue: VecDeque::new(),
            rows: 0,
            cut: 0,
            more: false,
            batch_rows: context.batch_rows.max(1),
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        };
        if let Some(restored) = &context.restored {
            for entry in restored.operator(&WAITING)? {
                this.take_in(decode_batch(&entry)?)?;
            }
            this.send()?;
            this.more = !this.queue.is_empty();
            context.armed.set(this.armed());
        }
        Ok(this)
    }

    fn armed(&self) -> Armed {
        let timeouts = self.requests.values().map(|(_, until_ms)| *until_ms);
        // A row that is given in part, and changes of one row, can't be dealt out to other instances.
        let whole = self.cut > 0 || self.plan.changes && !self.queue.is_empty();
        Armed {
            more: self.more,
            full: if self.rows >= self.batch_rows { Inputs::ALL } else { Inputs::NONE },
            processing_time_ms: timeouts.chain(self.asker.due_ms()).min(),
            woken: !self.requests.is_empty(),
            unfinished: !self.queue.is_empty(),
            indivisible: whole,
            ..Armed::NOTHING
        }
    }

    fn take_in(&mut self, batch: Batch) -> Result<()> {
        let now_ms = self.clock.now_ms();
        self.asks.expire(now_ms);
        let keys: Vec<ArrayRef> = self.plan.spec.keys[0].iter().map(|&key| batch.column(key).clone()).collect();
        let asks = self.asks.of(&keys, batch.rows(), now_ms)?;
        let todo = (0..batch.rows()).map(|row| Todo { row: index(row), gone_through: 0, met: false }).collect();
        self.rows += batch.rows();
        self.queue.push_back(Waiting::Rows(Held { batch, asks, todo }));
        Ok(())
    }

    /// Sends what is asked for, as far as requests may be under way.
    fn send(&mut self) -> Result<()> {
        let until_ms = self.clock.now_ms().saturating_add(self.plan.options.timeout_ms);
        while self.asks.pending() > 0 {
            let room = self.plan.options.concurrency.saturating_sub(self.requests.len());
            if room == 0 {
                break;
            }
            let (asks, keys) = self.asks.send(self.asks.pending().div_ceil(room).min(KEYS_MAX))?;
            self.requested += 1;
            self.requests.insert(self.requested, (asks, until_ms));
            self.asker.ask(self.requested, keys)?;
        }
        Ok(())
    }

    /// Takes the answers that have come.
    fn receive(&mut self) -> Result<()> {
        for (number, found) in self.asker.answers() {
            if let Some((asks, _)) = self.requests.remove(&number) {
                self.asks.answer(&asks, found?)?;
            }
        }
        let now_ms = self.clock.now_ms();
        if self.requests.values().any(|(_, until_ms)| *until_ms <= now_ms) {
            let (table, timeout) = (self.plan.table.describe(), show_duration(self.plan.options.timeout_ms));
            return Err(Error::config(format!(
                "a look-up in {table} has taken longer than {timeout}; `with (timeout = …)` gives it more time"
            )));
        }
        Ok(())
    }

    /// Gives a batch or two of what has its answers.
    fn give(&mut self, out: &mut dyn Output) -> Result<()> {
        self.more = false;
        let mut given = 0;
        loop {
            match self.queue.front() {
                Some(Waiting::Watermark(watermark)) => {
                    let watermark = *watermark;
                    self.queue.pop_front();
                    out.watermark(watermark)?;
                    continue;
                }
                Some(Waiting::Rows(held)) if held.todo.is_empty() => {
                    self.queue.pop_front();
                    continue;
                }
                Some(Waiting::Rows(_)) => {}
                None => return Ok(()),
            }
            let Some(place) = self.answered() else { return Ok(()) };
            if given >= BATCHES || given > 0 && !out.has_room() {
                self.more = true;
                return Ok(());
            }
            given += usize::from(self.give_some(place, out)?);
        }
    }

    /// The place of the next rows of which one can be given.
    fn answered(&self) -> Option<usize> {
        let is_answered = |ask: u32| ask == NO_ASK || self.asks.found(ask).is_some();
        let before_watermark = self.queue.iter().map_while(|waiting| match waiting {
            Waiting::Rows(held) => Some(held),
            Waiting::Watermark(_) => None,
        });
        let some = if self.plan.options.ordered { 1 } else { usize::MAX };
        before_watermark.take(some).position(|held| {
            let mut todo = held.todo.iter().take(some);
            todo.any(|todo| is_answered(held.asks[todo.row as usize]))
        })
    }

    /// Gives a batch, or less, of the rows at this place; whether there was anything to give.
    fn give_some(&mut self, place: usize, out: &mut dyn Output) -> Result<bool> {
        let Some(Waiting::Rows(held)) = self.queue.get_mut(place) else { return Ok(false) };
        let nulls = self.plan.spec.inputs[1].fields().iter();
        let nulls = nulls.map(|field| new_null_array(&field.ty.to_arrow(), 1)).collect();
        let mut answers = Answers { of: vec![nulls], places: BTreeMap::new() };
        let (pairs, looked) = look(held, &self.asks, self.plan.options.ordered, self.batch_rows, &mut answers);
        let batch = held.batch.clone();
        let columns = |columns: &[usize]| self.columns(columns, &batch, &pairs, &answers);
        let keep = self.pairing.meets(pairs.rows.len(), columns, out)?;
        let mut given = Pairs::default();
        let Some(Waiting::Rows(held)) = self.queue.get_mut(place) else { return Ok(false) };
        for Looked { row, pairs: range, mut met, begun, unfinished } in looked {
            self.cut -= usize::from(begun);
            for pair in range {
                if keep.as_ref().is_none_or(|keep| keep[pair]) {
                    met = true;
                    given.rows.push(row);
                    given.others.push(pairs.others[pair]);
                }
            }
            if let Some(at) = unfinished {
                self.cut += 1;
                held.todo[at].met = met;
                continue;
            }
            if !met && self.plan.spec.kind.pads(0) {
                given.rows.push(row);
                given.others.push((0, 0));
            }
            self.rows -= 1;
            let ask = held.asks[row as usize];
            if ask != NO_ASK {
                self.asks.release(ask);
            }
        }
        if given.rows.is_empty() {
            return Ok(false);
        }
        let columns = self.columns(&self.plan.spec.columns, &batch, &given, &answers)?;
        let times = given.rows.iter().map(|&row| batch.times()[row as usize]).collect();
        let kinds = self.plan.changes.then(|| given.rows.iter().map(|&row| batch.kind(row as usize) as i8).collect());
        out.batch(self.pairing.batch(columns, times)?.with_kinds(kinds))?;
        Ok(true)
    }

    /// These columns, over the left ones and then the table's, of pairs.
    fn columns(&self, columns: &[usize], batch: &Batch, pairs: &Pairs, answers: &Answers) -> Result<Vec<ArrayRef>> {
        let rows = UInt32Array::from(pairs.rows.clone());
        let column = |&column: &usize| {
            Ok(match self.plan.spec.place(column) {
                (0, at) => take(batch.column(at), &rows, None)?,
                (_, at) => {
                    let of: Vec<&dyn Array> = answers.of.iter().map(|columns| columns[at].as_ref()).collect();
                    interleave(&of, &pairs.others)?
                }
            })
        };
        columns.iter().map(column).collect()
    }
}

/// Takes rows that have their answers out of `held`, until they find a batch of pairs.
fn look(held: &mut Held, asks: &Asks, ordered: bool, most: usize, answers: &mut Answers) -> (Pairs, Vec<Looked>) {
    let (mut pairs, mut looked, mut at) = (Pairs::default(), Vec::new(), 0);
    let mut left = VecDeque::new();
    while let Some(mut todo) = held.todo.pop_front() {
        let ask = held.asks[todo.row as usize];
        let found = if ask == NO_ASK { None } else { asks.found(ask) };
        if pairs.rows.len() >= most || ask != NO_ASK && found.is_none() {
            left.push_back(todo);
            at += 1;
            if ordered || pairs.rows.len() >= most {
                break;
            }
            continue;
        }
        let (start, begun) = (pairs.rows.len(), todo.gone_through > 0);
        let mut finished = true;
        if let Some(found) = found {
            let of = answers.place(&found.of);
            let rest = found.range.start + todo.gone_through..found.range.end;
            let some = rest.len().min(most - start);
            finished = some == rest.len();
            todo.gone_through += some;
            pairs.rows.extend(std::iter::repeat_n(todo.row, some));
            pairs.others.extend(rest.take(some).map(|row| (of, row)));
        }
        let (row, met) = (todo.row, todo.met);
        let unfinished = (!finished).then_some(at);
        looked.push(Looked { row, pairs: start..pairs.rows.len(), met, begun, unfinished });
        if !finished {
            left.push_back(todo);
            break;
        }
    }
    left.append(&mut held.todo);
    held.todo = left;
    (pairs, looked)
}

impl Operator for LookupJoinOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        self.take_in(batch)?;
        self.send()?;
        self.give(out)?;
        out.arm(self.armed());
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        match self.queue.back_mut() {
            None => return out.watermark(watermark),
            Some(Waiting::Watermark(last)) => *last = watermark,
            Some(Waiting::Rows(_)) => self.queue.push_back(Waiting::Watermark(watermark)),
        }
        Ok(())
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        self.receive()?;
        self.send()?;
        self.give(out)?;
        out.arm(self.armed());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let mut changes = Vec::new();
        for waiting in &self.queue {
            let Waiting::Rows(held) = waiting else { continue };
            if !held.todo.is_empty() {
                let rows: UInt32Array = held.todo.iter().map(|todo| todo.row).collect();
                let entry = encode_batch(&held.batch.take(&rows)?)?;
                changes.push(StateChange::Operator { state: WAITING.name, entry });
            }
        }
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let counter = |name: &str, value: usize| CounterView { name: name.to_owned(), value: value as u64 };
        let counters = vec![
            counter("rows waiting", self.rows),
            counter("requests under way", self.requests.len()),
            counter("keys cached", self.asks.kept()),
        ];
        OperatorView { watermark: None, sections: vec![Section::Counters(counters)] }
    }
}
