//! An operator that does one row after another, over input that ends: it takes the rows of all its inputs in the order of
//! their event times, and event time passes with them. So it does what it would do on a stream whose rows come in order, at
//! any parallelism; in Flink's batch mode event time stands still until the last row of a key.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;

use super::final_rows::{AT_THE_END, places};
use super::{Sorted, Sorter};
use crate::api::{Armed, Inputs, Moment, Operator, OperatorContext, Output, Rejected, StateRead};
use crate::inspect::{OperatorView, StateQuery};
use crate::types::{Batch, MAX_WATERMARK, MIN_WATERMARK, NO_TIME, Result, SpillSpace};

/// The operator, and the rows that it is yet to take.
pub(super) struct TimeOrdered {
    operator: Box<dyn Operator>,
    converter: RowConverter,
    inputs: Vec<Input>,
    passes: Passes,
    armed: Armed,
    watermark: i64,
    /// The watermark that is passed on when what it has made the operator give is given.
    ending: Option<i64>,
    now_ms: i64,
    /// Rows taken since event time passed last.
    taken: usize,
    batch_rows: usize,
    spill: Arc<SpillSpace>,
}

/// What is asked for when event time has come to its end and there is more to give.
const MORE: Armed = Armed { more: true, full: Inputs::ALL, ..Armed::NOTHING };

/// When event time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::operators) enum Passes {
    /// When all rows have come: the operator does not look at it.
    AtTheEnd,
    /// About once a batch: it lets go of what is past.
    ByBatch,
    /// Between any two rows: it has timers.
    ByRow,
}

enum Input {
    /// `None` before the first rows.
    Coming(Option<Sorter>),
    /// The rows of the batch that is at hand, from the first that was not taken.
    Sorted(Sorted, Option<Batch>),
    Given,
}

impl Input {
    /// The rows at hand.
    fn head(&self) -> Option<&Batch> {
        if let Self::Sorted(_, head) = self { head.as_ref() } else { None }
    }

    /// Takes the first `rows` of those at hand.
    fn take(&mut self, rows: usize) -> Result<Option<Batch>> {
        let Self::Sorted(sorted, head) = self else { return Ok(None) };
        let Some(batch) = head.take() else { return Ok(None) };
        let taken = batch.slice(0, rows);
        if rows < batch.rows() {
            *head = Some(batch.slice(rows, batch.rows() - rows));
        } else {
            *head = sorted.next()?.map(|(batch, _)| batch);
        }
        Ok(Some(taken))
    }
}

impl TimeOrdered {
    /// Over `operator` of `inputs` inputs.
    pub(super) fn new(
        operator: Box<dyn Operator>,
        inputs: usize,
        passes: Passes,
        context: &OperatorContext,
    ) -> Result<Self> {
        Ok(Self {
            operator,
            converter: RowConverter::new(vec![SortField::new(DataType::Int64)])?,
            inputs: (0..inputs).map(|_| Input::Coming(None)).collect(),
            passes,
            armed: context.armed.take(),
            watermark: MIN_WATERMARK,
            ending: None,
            now_ms: context.clock.now_ms(),
            taken: 0,
            batch_rows: context.batch_rows.max(1),
            spill: Arc::clone(&context.spill),
        })
    }

    /// The input whose next row is the earliest, and the event time of that row.
    fn next(&self) -> Option<(usize, i64)> {
        let heads = self.inputs.iter().enumerate();
        let times = heads.filter_map(|(input, of)| Some((input, *of.head()?.times().first()?)));
        times.min_by_key(|&(input, time)| (time, input))
    }

    /// The rows of `input` that may be taken at once.
    fn run(&self, input: usize) -> usize {
        let Some(head) = self.inputs[input].head() else { return 0 };
        if self.passes == Passes::ByRow {
            return 1;
        }
        let others = self.inputs.iter().enumerate().filter(|(other, _)| *other != input);
        let limit = others.filter_map(|(other, of)| Some((*of.head()?.times().first()?, other))).min();
        let earlier = |time: &i64| limit.is_none_or(|limit| (*time, input) < limit);
        head.times().iter().take_while(|time| earlier(time)).count().max(1)
    }

    /// Does one thing; whether there is more.
    fn step(&mut self, now_ms: i64, out: &mut dyn Output) -> Result<bool> {
        let mut inner = Inner { armed: self.armed, out };
        let more = if self.armed.more || self.armed.full != Inputs::NONE {
            inner.armed = Armed::NOTHING;
            self.operator.advance(Moment { watermark: self.watermark, now_ms }, &mut inner)?;
            true
        } else if let Some((input, time)) = self.next() {
            // Event time has passed what is before the row.
            let reached = if time == NO_TIME { MIN_WATERMARK } else { time - 1 };
            let passes = match self.passes {
                Passes::AtTheEnd => false,
                Passes::ByBatch => self.taken >= self.batch_rows,
                Passes::ByRow => true,
            };
            if passes && self.armed.event_time.is_some_and(|due| due <= reached) {
                self.watermark = self.watermark.max(reached);
                inner.armed = Armed::NOTHING;
                let moment = Moment { watermark: self.watermark, now_ms };
                self.operator.advance(moment, &mut inner)?;
                if inner.armed.event_time.is_none_or(|due| due > reached) {
                    self.taken = 0;
                    self.operator.watermark(self.watermark, &mut inner)?;
                }
            } else if passes && reached > self.watermark {
                (self.watermark, self.taken) = (reached, 0);
                self.operator.watermark(reached, &mut inner)?;
            } else {
                let rows = self.run(input);
                if let Some(batch) = self.inputs[input].take(rows)? {
                    self.taken += batch.rows();
                    self.operator.process(input, batch, &mut inner)?;
                }
            }
            true
        } else if self.armed.event_time.is_some() {
            inner.armed = Armed::NOTHING;
            self.operator.advance(Moment { watermark: MAX_WATERMARK, now_ms }, &mut inner)?;
            true
        } else {
            false
        };
        self.armed = inner.armed;
        Ok(more)
    }

    fn begin(&mut self) -> Result<()> {
        for input in &mut self.inputs {
            if !matches!(input, Input::Coming(_)) {
                continue;
            }
            if let Input::Coming(Some(sorter)) = std::mem::replace(input, Input::Given) {
                let mut sorted = sorter.finish()?;
                let first = sorted.next()?.map(|(batch, _)| batch);
                *input = Input::Sorted(sorted, first);
            }
        }
        Ok(())
    }
}

impl Operator for TimeOrdered {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let times: ArrayRef = Arc::new(Int64Array::new(batch.times().clone(), None));
        let places = places(Some(&self.converter), &[times], batch.rows())?;
        if let Input::Coming(sorter) = &mut self.inputs[input] {
            let schema = batch.columns().schema_ref();
            let sorter = sorter.get_or_insert_with(|| Sorter::new(schema, self.batch_rows, &self.spill));
            sorter.push(&batch, places)?;
        }
        out.arm(AT_THE_END);
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        (self.watermark, self.ending) = (watermark, Some(watermark));
        let mut inner = Inner { armed: self.armed, out };
        self.operator.watermark(watermark, &mut inner)?;
        self.armed = inner.armed;
        self.advance(Moment { watermark, now_ms: self.now_ms }, out)
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        self.now_ms = now.now_ms;
        self.begin()?;
        for _ in 0..self.batch_rows {
            if !self.step(now.now_ms, out)? {
                // Behind it event time passes when all is given.
                return self.ending.take().map_or(Ok(()), |watermark| out.watermark(watermark));
            }
            if !out.has_room() {
                break;
            }
        }
        out.arm(if self.ending.is_some() { MORE } else { AT_THE_END });
        Ok(())
    }

    fn end_of_input(&mut self, input: usize, out: &mut dyn Output) -> Result<()> {
        let mut inner = Inner { armed: self.armed, out };
        self.operator.end_of_input(input, &mut inner)?;
        self.armed = inner.armed;
        if self.armed.more {
            out.arm(MORE);
        }
        Ok(())
    }

    fn inspect(&mut self) -> OperatorView {
        self.operator.inspect()
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        self.operator.read_state(query)
    }
}

/// The output of the operator within.
struct Inner<'o> {
    out: &'o mut dyn Output,
    armed: Armed,
}

impl Output for Inner<'_> {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        self.out.batch(batch)
    }

    fn watermark(&mut self, _watermark: i64) -> Result<()> {
        Ok(())
    }

    fn side(&mut self, port: usize, batch: Batch) -> Result<()> {
        self.out.side(port, batch)
    }

    fn reject(&mut self, rows: Vec<Rejected>) -> Result<()> {
        self.out.reject(rows)
    }

    fn arm(&mut self, armed: Armed) {
        self.armed = armed;
    }

    fn has_room(&self) -> bool {
        self.out.has_room()
    }

    fn close(&mut self) {
        self.out.close();
    }
}
