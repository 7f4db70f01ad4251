//! The running rounds.

use std::cell::Cell;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use arrow_row::{RowConverter, SortField};

use super::round::{Round, nothing};
use super::spec::{Iterate, round_schema};
use crate::api::{Moment, Operator, OperatorContext, Output};
use crate::expr::{EvalContext, Evaluator};
use crate::inspect::{OperatorView, RoundView, RoundsView, Section};
use crate::operators::batch::{AT_THE_END, Sorted, Sorter, places};
use crate::types::{Batch, CellValue, Cells, Error, Kept, KeptRows, Result, RowKind, Spool};

/// Rounds that are kept to be shown.
const ROUNDS_SHOWN: usize = 1_000;
/// Those of them whose rows are shown too, and how many rows of each.
const ROUNDS_SAMPLED: usize = 100;
const ROWS_SAMPLED: usize = 8;

pub(super) struct IterateOperator {
    plan: Iterate,
    context: OperatorContext,
    /// Whether a round is the last.
    until: Option<Evaluator>,
    /// The rows that come in: of the stream, and of those that the stages read besides.
    coming: Vec<Spool>,
    others: Vec<Kept>,
    phase: Phase,
    rounds: Vec<RoundView>,
    /// Rounds that are done.
    done: u64,
    /// When the round at hand began.
    since_ms: i64,
    place: String,
}

enum Phase {
    Coming,
    /// A round, and the rows that it was given.
    Running(Round, Kept),
    /// What a round gave is compared with what it was given.
    Comparing(Box<Comparing>),
    Giving(KeptRows),
    Given,
}

/// Counts the rows of a round that it was not given.
struct Comparing {
    next: Kept,
    sides: [Option<KeptRows>; 2],
    sorter: Option<Sorter>,
    sorted: Option<Sorted>,
    converter: RowConverter,
    /// The row that was looked at last, in the bytes of the converter.
    row: Option<Compared>,
    changed: u64,
    /// The first rows that the round gave: those that it was not given, and the others.
    sample: [Vec<Vec<u8>>; 2],
}

struct Compared {
    place: Vec<u8>,
    /// How often it is more, or less, than it was.
    more: i64,
    given: bool,
}

/// What a round has changed.
struct Changes {
    rows: u64,
    sample: Vec<Vec<CellValue>>,
}

impl IterateOperator {
    pub(super) fn new(plan: &Iterate, context: &OperatorContext) -> Self {
        let others = plan.body.others.iter().map(|(_, schema)| schema);
        let schemas = std::iter::once(&plan.schema).chain(others);
        let context = OperatorContext {
            uid: context.uid.clone(),
            subtask: context.subtask,
            parallelism: context.parallelism,
            max_parallelism: context.max_parallelism,
            batch_rows: context.batch_rows,
            restored: None,
            memory: None,
            metrics: Arc::clone(&context.metrics),
            row_watermarks: false,
            spill: Arc::clone(&context.spill),
            clock: Arc::clone(&context.clock),
            waker: context.waker.clone(),
            armed: Cell::default(),
        };
        Self {
            until: plan.until.as_ref().map(Evaluator::new),
            coming: schemas.map(|schema| Spool::new(schema, &context.spill)).collect(),
            others: Vec::new(),
            phase: Phase::Coming,
            rounds: Vec::new(),
            done: 0,
            since_ms: 0,
            place: context.place(),
            plan: plan.clone(),
            context,
        }
    }

    fn begin(&mut self) -> Result<Phase> {
        let mut kept = std::mem::take(&mut self.coming).into_iter().map(Spool::finish);
        let rows = kept.next().unwrap_or_else(|| nothing(&self.plan.schema, &self.context.spill))?;
        self.others = kept.collect::<Result<_>>()?;
        Ok(self.round(rows))
    }

    fn round(&mut self, rows: Kept) -> Phase {
        self.since_ms = self.context.clock.now_ms();
        Phase::Running(Round::new(rows.clone(), &self.others), rows)
    }

    fn compare(&self, given: Kept, next: Kept) -> Result<Comparing> {
        let types = self.plan.schema.fields().iter().map(|field| SortField::new(field.ty.to_arrow()));
        Ok(Comparing {
            sides: [Some(given.read()?), Some(next.clone().read()?)],
            next,
            sorter: Some(Sorter::new(self.plan.schema.arrow(), self.context.batch_rows, &self.context.spill)),
            sorted: None,
            converter: RowConverter::new(types.collect())?,
            row: None,
            changed: 0,
            sample: Default::default(),
        })
    }

    /// The round is done: another one, or the end.
    fn conclude(&mut self, next: Kept, found: Changes) -> Result<Phase> {
        self.done += 1;
        let now_ms = self.context.clock.now_ms();
        let took_ms = now_ms.saturating_sub(self.since_ms).max(0).unsigned_abs();
        let Changes { rows: changed, sample } = found;
        let round = RoundView { round: self.done, rows: next.rows(), changed, took_ms, sample };
        let last = self.done >= self.plan.most || self.is_last(&round, now_ms)?;
        if let Some(old) = self.rounds.len().checked_sub(ROUNDS_SAMPLED).and_then(|old| self.rounds.get_mut(old)) {
            old.sample = Vec::new();
        }
        if self.rounds.len() == ROUNDS_SHOWN {
            self.rounds.remove(0);
        }
        self.rounds.push(round);
        if last {
            return Ok(Phase::Giving(next.read()?));
        }
        Ok(self.round(next))
    }

    fn is_last(&self, round: &RoundView, now_ms: i64) -> Result<bool> {
        let Some(until) = &self.until else { return Ok(false) };
        let number =
            |value: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(value).unwrap_or(i64::MAX)])) };
        let columns = [round.round, round.rows, round.changed].map(number).to_vec();
        let rows = round_schema().record_batch(columns, 1)?;
        let mut context = EvalContext::new(now_ms, &self.place);
        let last = until.evaluate_predicate(&rows, &mut context)?;
        match context.errors.first() {
            Some(error) => {
                Err(Error::Row { place: self.place.clone(), message: error.message.clone(), row: String::new() })
            }
            None => Ok(last.value(0)),
        }
    }
}

impl Comparing {
    /// Does a batch of work; the changes when all are compared.
    fn step(&mut self) -> Result<Option<Changes>> {
        for (side, kind) in self.sides.iter_mut().zip([RowKind::Delete, RowKind::Insert]) {
            let Some(rows) = side else { continue };
            let Some(batch) = rows.next_batch()? else {
                *side = None;
                return Ok(None);
            };
            let count = batch.rows();
            let places = places(Some(&self.converter), batch.columns().columns(), count)?;
            let batch = batch.with_kinds(Some(vec![kind as i8; count].into()));
            if let Some(sorter) = &mut self.sorter {
                sorter.push(&batch, places)?;
            }
            return Ok(None);
        }
        if let Some(sorter) = self.sorter.take() {
            self.sorted = Some(sorter.finish()?);
        }
        let Some((batch, places)) = self.sorted.as_mut().map(Sorted::next).transpose()?.flatten() else {
            self.end_row();
            return Ok(Some(Changes { rows: self.changed, sample: self.shown()? }));
        };
        for row in 0..batch.rows() {
            let place = places.value(row);
            if self.row.as_ref().is_none_or(|last| last.place != place) {
                self.end_row();
                self.row = Some(Compared { place: place.to_vec(), more: 0, given: false });
            }
            if let Some(compared) = &mut self.row {
                let adds = batch.kind(row).adds();
                compared.more += if adds { 1 } else { -1 };
                compared.given |= adds;
            }
        }
        Ok(None)
    }

    fn end_row(&mut self) {
        let Some(row) = self.row.take().filter(|row| row.given) else { return };
        self.changed += row.more.max(0).unsigned_abs();
        let of = &mut self.sample[usize::from(row.more <= 0)];
        if of.len() < ROWS_SAMPLED {
            of.push(row.place);
        }
    }

    /// The values of the rows that are shown of the round.
    fn shown(&self) -> Result<Vec<Vec<CellValue>>> {
        let [changed, others] = &self.sample;
        let rows = if changed.is_empty() { others } else { changed };
        let parser = self.converter.parser();
        let columns = self.converter.convert_rows(rows.iter().map(|row| parser.parse(row)))?;
        let cells = Cells::new(&columns);
        Ok((0..rows.len()).map(|row| cells.row(row)).collect())
    }
}

impl Operator for IterateOperator {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        // What comes back may be null where the first rows are not.
        let batch = match input {
            0 => batch.with_columns(self.plan.schema.arrow().clone(), batch.columns().columns().to_vec())?,
            _ => batch,
        };
        if let Some(spool) = self.coming.get_mut(input) {
            spool.push(batch)?;
        }
        out.arm(AT_THE_END);
        Ok(())
    }

    /// Does a batch of the work of a round.
    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Given) {
            Phase::Coming => self.begin()?,
            Phase::Running(mut round, given) => match round.step(&self.plan.body, &self.context, out)? {
                Some(next) => Phase::Comparing(Box::new(self.compare(given, next)?)),
                None => Phase::Running(round, given),
            },
            Phase::Comparing(mut comparing) => match comparing.step()? {
                Some(changed) => self.conclude(comparing.next, changed)?,
                None => Phase::Comparing(comparing),
            },
            Phase::Giving(mut rows) => match rows.next_batch()? {
                Some(batch) => {
                    out.batch(batch.with_kinds(None))?;
                    Phase::Giving(rows)
                }
                None => Phase::Given,
            },
            Phase::Given => Phase::Given,
        };
        if !matches!(self.phase, Phase::Given) {
            out.arm(AT_THE_END);
        }
        Ok(())
    }

    fn inspect(&mut self) -> OperatorView {
        let now = match &self.phase {
            Phase::Coming => Some("takes its rows".to_owned()),
            Phase::Running(round, _) => Some(format!("round {}: {}", self.done + 1, round.now(&self.plan.body))),
            Phase::Comparing(_) => Some(format!("round {}: compares", self.done + 1)),
            Phase::Giving(_) | Phase::Given => None,
        };
        let columns = self.plan.schema.fields().iter().map(|field| field.name.clone()).collect();
        let rounds = RoundsView { done: self.rounds.clone(), now, most: self.plan.most, columns };
        OperatorView { watermark: None, sections: vec![Section::Rounds(rounds)] }
    }
}
