//! The running pattern match.
//!
//! A call takes a batch of the rows that the watermark has passed, in the order of their times. Conditions that read only
//! the row are columns of the batch. Where others read the partial match as well, the first rows of all keys are asked
//! together, then the second ones, and so on. When no rows are due, partial matches whose time is over are ended.

mod stored;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use arrow_select::take::take;
use hashbrown::HashMap;

use super::matcher::{Matcher, NONE, Results, Row};
use super::references::{Chains, Compiled};
use super::spec::{Column, MatchRecognize};
use crate::api::{Armed, Moment, Operator, OperatorContext, OperatorMetrics, Output, StateRead};
use crate::expr::{EvalContext, Evaluator, RowError};
use crate::inspect::{OperatorView, StateQuery};
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::RowStore;
use crate::operators::late_rows::LateRows;
use crate::operators::rows::{index, reject_failed};
use crate::state::StateDelta;
use crate::types::floats::canonical_column;
use crate::types::{Batch, CheckpointId, Clock, MAX_WATERMARK, MIN_WATERMARK, NO_TIME, Result, Schema, any_untimed};

pub(super) struct MatchOperator {
    plan: MatchRecognize,
    row_schema: Schema,
    /// The part of each variable's condition that reads only the row.
    conditions: Vec<Option<Evaluator>>,
    /// The rest of it.
    with: Vec<Option<Compiled>>,
    measures: Vec<Compiled>,
    table: GroupTable,
    waiting: RowStore,
    matched: RowStore,
    matcher: Matcher,
    /// Rows that the watermark has passed, in order; the next one last.
    due: Vec<u32>,
    /// When a group is looked at next, and which: not later than its first partial match is over.
    deadlines: BTreeSet<(i64, u32)>,
    scheduled: Vec<Option<i64>>,
    /// The last rows of each group, as many as `prev` looks back.
    recent: Vec<Vec<u32>>,
    look_back: usize,
    /// The matches of each group, where they are numbered.
    numbers: Option<Vec<i64>>,
    numbers_dirty: Vec<u32>,
    hot_keys: HotKeys,
    watermark: i64,
    results: Results,
    place: String,
    batch_rows: usize,
    max_parallelism: u16,
    metrics: Arc<OperatorMetrics>,
    late_rows: LateRows,
    clock: Arc<dyn Clock>,
}

/// A batch of rows whose conditions are known, in the order in which they are matched.
struct Judged {
    batch: Batch,
    groups: Vec<u32>,
    /// For each variable the rows that satisfy its condition as far as it reads only the row; `None` for all.
    masks: Vec<Option<BooleanArray>>,
    /// Rows that some variable may take.
    may: BooleanBuffer,
    /// The rows as the matcher is given them.
    rows: Vec<Row>,
}

impl Judged {
    fn satisfies(&self, variable: usize, row: usize) -> bool {
        self.masks[variable].as_ref().is_none_or(|mask| mask.value(row))
    }
}

/// The answers of conditions that read the match, by row, variable and partial match.
type Answers = HashMap<(usize, usize, u32), bool>;

impl MatchOperator {
    pub(super) fn new(plan: &MatchRecognize, context: &OperatorContext) -> Result<Self> {
        let types: Vec<DataType> = plan.keys.iter().map(|&key| plan.input.fields()[key].ty.to_arrow()).collect();
        let row_schema = plan.row_schema();
        let compiled = |over| Compiled::new(over, &row_schema);
        let variables = plan.variables.iter();
        let mut this = Self {
            conditions: variables.clone().map(|variable| variable.row.as_ref().map(Evaluator::new)).collect(),
            with: variables.map(|variable| variable.with.as_ref().map(compiled)).collect(),
            measures: plan.measures.iter().map(compiled).collect(),
            table: GroupTable::new(&types, 0)?,
            waiting: RowStore::new(plan.waiting_rows(), context.max_parallelism),
            matched: RowStore::new(plan.matched_rows(), context.max_parallelism),
            matcher: Matcher::new(plan.nfa.clone(), plan.skip, plan.within_ms),
            due: Vec::new(),
            deadlines: BTreeSet::new(),
            scheduled: Vec::new(),
            recent: Vec::new(),
            look_back: plan.previous.iter().map(|previous| previous.offset).max().unwrap_or(0),
            numbers: plan.match_numbers().map(|_| Vec::new()),
            numbers_dirty: Vec::new(),
            hot_keys: HotKeys::default(),
            watermark: MIN_WATERMARK,
            results: Results::default(),
            place: context.place(),
            batch_rows: context.batch_rows,
            max_parallelism: context.max_parallelism,
            metrics: Arc::clone(&context.metrics),
            late_rows: LateRows::default(),
            clock: Arc::clone(&context.clock),
            row_schema,
            plan: plan.clone(),
        };
        if let Some(restored) = &context.restored {
            this.restore(&**restored)?;
            context.armed.set(this.armed());
        }
        Ok(this)
    }

    fn make_room(&mut self) {
        let groups = self.table.numbers();
        self.matcher.make_room(groups);
        if self.scheduled.len() < groups {
            self.scheduled.resize(groups, None);
            self.recent.resize_with(groups, Vec::new);
            if let Some(numbers) = &mut self.numbers {
                numbers.resize(groups, 0);
            }
        }
    }

    /// The next thing that waits for a time.
    fn armed(&self) -> Armed {
        let deadline = self.deadlines.first().map(|&(time, _)| time);
        if self.plan.event_time {
            let row = match self.due.last() {
                Some(&row) => Some(self.waiting.time(row)),
                None => self.waiting.first_time(),
            };
            return Armed { event_time: row.into_iter().chain(deadline).min(), ..Armed::NOTHING };
        }
        let over = deadline.map(|_| MAX_WATERMARK);
        let timed = deadline.filter(|&deadline| deadline < MAX_WATERMARK);
        Armed { event_time: over, processing_time_ms: timed, ..Armed::NOTHING }
    }

    /// The keys in one form, and each row's group.
    fn grouped(&mut self, batch: &Batch) -> Result<(Batch, Vec<u32>)> {
        let mut columns = batch.columns().columns().to_vec();
        for &key in &self.plan.keys {
            columns[key] = canonical_column(&columns[key]);
        }
        let keys: Vec<ArrayRef> = self.plan.keys.iter().map(|&key| columns[key].clone()).collect();
        self.hot_keys.sample(&keys, batch.rows())?;
        let mut groups = Vec::new();
        self.table.intern(&keys, batch.rows(), &mut groups)?;
        self.make_room();
        Ok((batch.with_columns(self.plan.input.arrow().clone(), columns)?, groups))
    }

    /// The rows that are neither late nor without a time.
    fn on_time(&mut self, batch: Batch, out: &mut dyn Output) -> Result<Batch> {
        let batch = if any_untimed(batch.times()) {
            let untimed = batch.times().iter().enumerate().filter(|&(_, &time)| time == NO_TIME);
            let error = |(row, _)| RowError { row, message: "no event time".to_owned() };
            reject_failed(&batch, &untimed.map(error).collect::<Vec<_>>(), &self.place, out)?
        } else {
            batch
        };
        let watermark = self.watermark;
        let late: BooleanArray = batch.times().iter().map(|&time| Some(time <= watermark)).collect();
        let count = late.true_count();
        if count == 0 {
            return Ok(batch);
        }
        self.metrics.add_late(count as u64);
        if self.plan.late_to.is_some() {
            out.side(0, batch.filter(&late)?)?;
        } else {
            let rows: Vec<usize> = (0..batch.rows()).filter(|&row| late.value(row)).collect();
            self.late_rows.keep_each(&batch, &rows, |_| None, watermark);
        }
        Ok(batch.filter(&late.iter().map(|late| late.map(|late| !late)).collect())?)
    }

    /// Takes a batch of the rows that are due out of those that wait.
    fn next_due(&mut self, watermark: i64) -> Result<Option<(Batch, Vec<u32>)>> {
        if self.due.is_empty() {
            let waiting = &mut self.waiting;
            self.due = waiting.due(watermark.saturating_add(1));
            let (due, waiting) = (&mut self.due, &self.waiting);
            due.sort_unstable_by_key(|&row| std::cmp::Reverse((waiting.time(row), waiting.number(row))));
        }
        if self.due.is_empty() {
            return Ok(None);
        }
        let mut rows = self.due.split_off(self.due.len().saturating_sub(self.batch_rows));
        rows.reverse();
        let all: Vec<usize> = (0..self.plan.input.len()).collect();
        let columns = self.plan.input.record_batch(self.waiting.gather(&rows, &all)?, rows.len())?;
        let batch = Batch::new(columns, self.waiting.times(&rows));
        let groups = rows.iter().map(|&row| self.waiting.group(row)).collect();
        for row in rows {
            self.waiting.remove(row)?;
        }
        Ok(Some((batch, groups)))
    }

    /// Matches rows that stand in their order, and gives what comes of it.
    fn match_rows(&mut self, batch: Batch, groups: Vec<u32>, out: &mut dyn Output) -> Result<()> {
        let judged = self.judge(batch, groups, out)?;
        let mut touched = judged.groups.clone();
        if self.with.iter().all(Option::is_none) {
            let none = Answers::new();
            for row in 0..judged.groups.len() {
                self.advance(&judged, row, &none);
            }
        } else {
            for wave in waves(&judged.groups) {
                self.advance_together(&judged, wave, out)?;
            }
        }
        self.look_back_on(&judged);
        self.give(out)?;
        let fresh = judged.rows.iter().map(|row| row.id).filter(|&row| row != NONE);
        self.forget_rows(fresh.collect())?;
        touched.sort_unstable();
        touched.dedup();
        self.tidy(&touched);
        Ok(())
    }

    /// Asks the conditions that read only the row; rows in which one fails are rejected.
    fn judge(&mut self, mut batch: Batch, mut groups: Vec<u32>, out: &mut dyn Output) -> Result<Judged> {
        let now_ms = self.clock.now_ms();
        loop {
            let rows = self.with_previous(&batch, &groups)?;
            let mut context = EvalContext::new(now_ms, &self.place);
            let mut masks = Vec::with_capacity(self.conditions.len());
            for condition in &self.conditions {
                masks.push(match condition {
                    Some(condition) => Some(condition.evaluate_predicate(rows.columns(), &mut context)?),
                    None => None,
                });
            }
            if context.errors.is_empty() {
                return self.numbered(rows, groups, masks);
            }
            let mut errors = context.errors;
            if self.look_back > 0 {
                // What is rejected is no row before the next one, which is therefore asked again.
                errors.sort_by_key(|error| error.row);
                let mut seen = hashbrown::HashSet::new();
                errors.retain(|error| seen.insert(groups[error.row]));
            }
            let failed: hashbrown::HashSet<usize> = errors.iter().map(|error| error.row).collect();
            batch = reject_failed(&batch, &errors, &self.place, out)?;
            let mut row = 0;
            groups.retain(|_| {
                row += 1;
                !failed.contains(&(row - 1))
            });
        }
    }

    /// Keeps those rows that some variable may take, so that each has its number.
    fn numbered(&mut self, batch: Batch, groups: Vec<u32>, masks: Vec<Option<BooleanArray>>) -> Result<Judged> {
        let count = groups.len();
        let may = if self.look_back > 0 || masks.iter().any(Option::is_none) {
            BooleanBuffer::new_set(count)
        } else {
            let masks = masks.iter().flatten().map(|mask| mask.values().clone());
            masks.reduce(|some, more| &some | &more).unwrap_or_else(|| BooleanBuffer::new_unset(count))
        };
        let mut ids = Vec::new();
        if may.count_set_bits() == count {
            self.matched.append(&batch, &groups, &mut ids)?;
        } else {
            let keep = BooleanArray::new(may.clone(), None);
            let kept: Vec<u32> = may.set_indices().map(|row| groups[row]).collect();
            self.matched.append(&batch.filter(&keep)?, &kept, &mut ids)?;
        }
        let mut ids = ids.into_iter();
        let row = |at: usize| {
            let id = if may.value(at) { ids.next().unwrap_or(NONE) } else { NONE };
            let order = if id == NONE { 0 } else { self.matched.number(id) };
            Row { id, order, time: batch.times()[at] }
        };
        let rows = (0..count).map(row).collect();
        Ok(Judged { batch, groups, masks, may, rows })
    }

    /// The rows with the columns of the rows before them.
    fn with_previous(&self, batch: &Batch, groups: &[u32]) -> Result<Batch> {
        if self.look_back == 0 {
            return Ok(batch.clone());
        }
        // For each row the places of those before it: in the batch, or behind its end among the kept ones.
        let mut last: HashMap<u32, Vec<usize>> = HashMap::new();
        let (mut kept, mut before) = (Vec::new(), Vec::with_capacity(groups.len()));
        for (row, group) in groups.iter().enumerate() {
            let seen = last.entry(*group).or_insert_with(|| {
                let recent = &self.recent[*group as usize];
                let from = groups.len() + kept.len();
                kept.extend_from_slice(recent);
                (from..from + recent.len()).collect()
            });
            before.push(seen.iter().rev().take(self.look_back).copied().collect::<Vec<usize>>());
            seen.push(row);
        }
        let mut columns = batch.columns().columns().to_vec();
        for previous in &self.plan.previous {
            let own = batch.column(previous.column);
            let earlier = self.matched.gather(&kept, &[previous.column])?;
            let both = concat(&[own.as_ref(), earlier[0].as_ref()])?;
            let place = |before: &Vec<usize>| before.get(previous.offset.checked_sub(1)?).map(|&at| index(at));
            let places = if previous.offset == 0 {
                UInt32Array::from_iter_values(0..index(groups.len()))
            } else {
                before.iter().map(place).collect()
            };
            columns.push(take(&both, &places, None)?);
        }
        Ok(batch.with_columns(self.row_schema.arrow().clone(), columns)?)
    }

    /// Keeps the last rows of each group for the columns of rows before.
    fn look_back_on(&mut self, judged: &Judged) {
        if self.look_back == 0 {
            return;
        }
        for (row, &group) in judged.rows.iter().zip(&judged.groups) {
            let recent = &mut self.recent[group as usize];
            self.matcher.keep(row.id);
            recent.push(row.id);
            if recent.len() > self.look_back {
                let gone = recent.remove(0);
                self.matcher.let_go(gone);
            }
        }
    }

    /// Moves the partial matches of a row's key on by it.
    fn advance(&mut self, judged: &Judged, at: usize, answers: &Answers) {
        let (group, row) = (judged.groups[at], judged.rows[at]);
        if !judged.may.value(at) && self.matcher.is_idle(group) {
            return;
        }
        self.matcher.expire(group, row.time, row.time, &mut self.results);
        let with = &self.with;
        let holds = |variable: usize, node: u32| {
            judged.satisfies(variable, at)
                && (with[variable].is_none() || answers.get(&(at, variable, node)).copied().unwrap_or(false))
        };
        self.matcher.advance(group, row, holds, &mut self.results);
        self.schedule(group);
    }

    /// Moves on by rows of different keys: what they ask of partial matches is computed together.
    fn advance_together(&mut self, judged: &Judged, wave: Vec<usize>, out: &mut dyn Output) -> Result<()> {
        let mut asked: Vec<Vec<(usize, u32)>> = vec![Vec::new(); self.with.len()];
        for &at in &wave {
            let (group, row) = (judged.groups[at], judged.rows[at]);
            if !judged.may.value(at) {
                continue;
            }
            self.matcher.expire(group, row.time, row.time, &mut self.results);
            self.matcher.ask(group, |variable, node| {
                if self.with[variable].is_some() && judged.satisfies(variable, at) {
                    asked[variable].push((at, node));
                }
            });
        }
        let mut answers = Answers::new();
        let mut errors: Vec<RowError> = Vec::new();
        for (variable, asked) in asked.iter_mut().enumerate() {
            let Some(condition) = &self.with[variable] else { continue };
            asked.sort_unstable();
            asked.dedup();
            let (mut ends, mut rows, mut variables) = (Vec::new(), Vec::new(), Vec::new());
            for &(at, node) in asked.iter() {
                self.matcher.chain(node, &mut rows, &mut variables);
                rows.push(judged.rows[at].id);
                variables.push(variable);
                ends.push(rows.len());
            }
            if ends.is_empty() {
                continue;
            }
            let chains = Chains { ends: &ends, rows: &rows, variables: &variables, numbers: None };
            let mut context = EvalContext::new(self.clock.now_ms(), &self.place);
            let found = condition.holds(chains, &self.matched, &mut context)?;
            for (asked, &(at, node)) in asked.iter().enumerate() {
                answers.insert((at, variable, node), found.value(asked));
            }
            errors.extend(context.errors.into_iter().map(|error| RowError { row: asked[error.row].0, ..error }));
        }
        if !errors.is_empty() {
            reject_failed(&judged.batch, &errors, &self.place, out)?;
        }
        for at in wave {
            // A rejected row is as if it had not come.
            if errors.iter().all(|error| error.row != at) {
                self.advance(judged, at, &answers);
            }
        }
        Ok(())
    }

    /// Ends partial matches whose time is over at `now`, those of a batch of keys.
    fn expire(&mut self, now: i64, out: &mut dyn Output) -> Result<()> {
        let mut touched = Vec::new();
        while touched.len() < self.batch_rows
            && let Some(&(time, group)) = self.deadlines.first()
            && time <= now
        {
            self.deadlines.pop_first();
            self.scheduled[group as usize] = None;
            // What ends with the input is not to come late behind what has been said.
            let late = self.watermark.saturating_add(1).min(MAX_WATERMARK - 1);
            self.matcher.expire(group, now, late, &mut self.results);
            self.schedule(group);
            touched.push(group);
        }
        self.give(out)?;
        self.forget_rows(Vec::new())?;
        touched.sort_unstable();
        touched.dedup();
        self.tidy(&touched);
        Ok(())
    }

    /// Notes when a group is to be looked at, unless that is soon enough already.
    fn schedule(&mut self, group: u32) {
        if self.scheduled[group as usize].is_none()
            && let Some(deadline) = self.matcher.deadline(group)
        {
            self.scheduled[group as usize] = Some(deadline);
            self.deadlines.insert((deadline, group));
        }
    }

    /// Takes out the rows that nobody needs: of those that came just now, and of those before.
    fn forget_rows(&mut self, fresh: Vec<u32>) -> Result<()> {
        let mut gone = fresh;
        gone.append(&mut self.matcher.unused);
        gone.retain(|&row| !self.matcher.uses(row));
        gone.sort_unstable();
        gone.dedup();
        for row in gone {
            self.matched.remove(row)?;
        }
        Ok(())
    }

    /// Gives the numbers of groups free that hold nothing any more.
    fn tidy(&mut self, groups: &[u32]) {
        if self.numbers.is_some() {
            return;
        }
        for &group in groups {
            let at = group as usize;
            let said = self.matcher.groups[at].unsaid == 0;
            let empty = self.matcher.is_idle(group) && self.waiting.is_empty(group) && self.matched.is_empty(group);
            if said && empty {
                if let Some(time) = self.scheduled[at].take() {
                    self.deadlines.remove(&(time, group));
                }
                self.table.free(group);
            }
        }
    }

    /// Gives the matches that were found, and what ran out of time.
    fn give(&mut self, out: &mut dyn Output) -> Result<()> {
        if self.results.matches.len() > 0 {
            let batch = self.output(true)?;
            self.emit(batch, None, out)?;
        }
        if self.results.timed_out.len() > 0 && self.plan.timed_out_to.is_some() {
            let batch = self.output(false)?;
            self.emit(batch, Some(usize::from(self.plan.late_to.is_some())), out)?;
        }
        self.results.matches.clear();
        self.results.timed_out.clear();
        Ok(())
    }

    fn emit(&self, (batch, errors): (Batch, Vec<RowError>), port: Option<usize>, out: &mut dyn Output) -> Result<()> {
        let batch = if errors.is_empty() { batch } else { reject_failed(&batch, &errors, &self.place, out)? };
        for from in (0..batch.rows()).step_by(self.batch_rows.max(1)) {
            let some = batch.slice(from, self.batch_rows.min(batch.rows() - from));
            match port {
                None => out.batch(some)?,
                Some(port) => out.side(port, some)?,
            }
        }
        Ok(())
    }

    /// The keys and measures of what was found, and the errors in them.
    fn output(&mut self, whole: bool) -> Result<(Batch, Vec<RowError>)> {
        let found = if whole { &self.results.matches } else { &self.results.timed_out };
        let numbers: Option<Vec<Option<i64>>> = self.numbers.as_mut().filter(|_| whole).map(|numbers| {
            let next = |&group: &u32| {
                let number = &mut numbers[group as usize];
                *number += 1;
                Some(*number)
            };
            self.numbers_dirty.extend_from_slice(&found.groups);
            found.groups.iter().map(next).collect()
        });
        let chains =
            Chains { ends: &found.ends, rows: &found.rows, variables: &found.variables, numbers: numbers.as_deref() };
        let mut context = EvalContext::new(self.clock.now_ms(), &self.place);
        let keys = self.table.keys(&found.groups)?;
        let measures = self.measures.iter().map(|measure| measure.evaluate(chains, &self.matched, &mut context));
        let measures: Vec<ArrayRef> = measures.collect::<Result<_>>()?;
        let column = |column: &Column| match *column {
            Column::Key(key) => keys[key].clone(),
            Column::Measure(measure) => measures[measure].clone(),
        };
        let columns = self.plan.columns.iter().map(column).collect();
        let rows = self.plan.output.record_batch(columns, found.len())?;
        let last_row = found.ends.iter().map(|&end| self.matched.time(found.rows[end - 1]));
        let times = found.times.iter().zip(last_row).map(|(&time, of_row)| time.max(of_row));
        let has_time = self.plan.event_time;
        let times: ScalarBuffer<i64> = times.map(|time| if has_time { time } else { NO_TIME }).collect();
        Ok((Batch::new(rows, times), context.errors))
    }
}

impl Operator for MatchOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        if self.plan.event_time {
            let batch = self.on_time(batch, out)?;
            if !batch.is_empty() {
                let (batch, groups) = self.grouped(&batch)?;
                self.waiting.append(&batch, &groups, &mut Vec::new())?;
            }
        } else if !batch.is_empty() {
            let now_ms = self.clock.now_ms();
            let (batch, groups) = self.grouped(&batch)?;
            let times = vec![now_ms; batch.rows()];
            self.match_rows(batch.with_times(times.into()), groups, out)?;
        }
        out.arm(self.armed());
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.watermark = watermark;
        out.arm(self.armed());
        out.watermark(watermark)
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        if self.plan.event_time {
            match self.next_due(now.watermark)? {
                Some((batch, groups)) => self.match_rows(batch, groups, out)?,
                None => self.expire(now.watermark, out)?,
            }
        } else {
            self.expire(if now.watermark == MAX_WATERMARK { MAX_WATERMARK } else { now.now_ms }, out)?;
        }
        out.arm(self.armed());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        self.changes()
    }

    fn inspect(&mut self) -> OperatorView {
        self.view()
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        self.read(query).map(Some)
    }
}

/// The rows in waves: the first of each group, then the second ones, and so on.
fn waves(groups: &[u32]) -> Vec<Vec<usize>> {
    let mut count: HashMap<u32, usize> = HashMap::new();
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for (row, &group) in groups.iter().enumerate() {
        let wave = count.entry(group).or_default();
        if waves.len() <= *wave {
            waves.push(Vec::new());
        }
        waves[*wave].push(row);
        *wave += 1;
    }
    waves
}
