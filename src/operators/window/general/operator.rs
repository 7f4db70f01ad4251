//! The running window operator.
//!
//! Rows are put into their windows one by one, as a window may fire for each; what is made of them is computed many at a
//! time: rows wait until a window that fires is to change, or the batch ends. Windows whose time has come fire a batch of
//! results a call, in the order of their times.

mod late;
mod results;
mod stored;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{DurationMillisecondType, Float64Type};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, UInt32Array};
use arrow_schema::DataType;

use results::Pending;

use super::function::{Contents, Fired, Taken};
use super::moments::{Moments, last_moment};
use super::panes::{NONE, Panes};
use super::spec::WindowOperator;
use crate::api::{
    Armed, Gap, Inputs, Moment, Operator, OperatorContext, OperatorMetrics, Output, StateRead, When, WindowAssigner,
    WindowTime, Windows,
};
use crate::expr::{EvalContext, Evaluator, RowError};
use crate::inspect::{FiredWindowView, OperatorView, StateQuery};
use crate::operators::aggregates::{Aggregates, Evaluated};
use crate::operators::hot_keys::HotKeys;
use crate::operators::late_rows::LateRows;
use crate::operators::rows::{evaluated, index, reject_failed};
use crate::operators::window::operator::{FiredWindows, ends_of};
use crate::state::StateDelta;
use crate::types::{Batch, CheckpointId, Clock, MAX_WATERMARK, MIN_WATERMARK, NO_TIME, Result, any_untimed};

/// Batches given within one call.
const BATCHES: usize = 2;
/// Windows looked at within one call for each row of a batch.
const LOOKED_AT: usize = 8;

pub(super) struct WindowOperatorInstance {
    pub(super) plan: WindowOperator,
    pub(super) panes: Panes,
    pub(super) contents: Box<dyn Contents>,
    pub(super) moments: Moments,
    inputs: Vec<RowsOf>,
    /// The gap of all rows, where they have one.
    gap_ms: i64,
    purging: bool,
    pub(super) watermark: i64,
    /// The number of the row that comes next, where contents are told.
    pub(super) next_arrival: Option<i64>,
    waiting: Waiting,
    fires: Vec<Fire>,
    pending: Pending,
    pub(super) late_rows: LateRows,
    pub(super) fired: FiredWindows,
    pub(super) hot_keys: HotKeys,
    keys: Vec<u32>,
    place: String,
    batch_rows: usize,
    pub(super) max_parallelism: u16,
    metrics: Arc<OperatorMetrics>,
    clock: Arc<dyn Clock>,
}

/// What is evaluated of the rows of an input.
struct RowsOf {
    aggregates: Aggregates,
    gap: Option<Evaluator>,
    value: Option<Evaluator>,
}

/// The rows of a batch with what was evaluated of them.
struct Rows {
    input: usize,
    batch: Batch,
    evaluated: Evaluated,
    /// Gaps, milliseconds, where each row has its own.
    gaps: Vec<i64>,
    values: Option<Float64Array>,
}

/// Rows of a batch that are in windows but not in their contents yet.
#[derive(Default)]
struct Waiting {
    rows: Vec<u32>,
    panes: Vec<u32>,
    places: Vec<i64>,
}

/// A window that is about to fire, and whether it is gone after that.
struct Fire {
    pane: u32,
    ends: bool,
}

impl WindowOperatorInstance {
    pub(super) fn new(plan: &WindowOperator, context: &OperatorContext) -> Result<Self> {
        let window = &plan.window;
        let first = &plan.inputs[0];
        let types: Vec<DataType> = first.keys.iter().map(|&key| first.schema.fields()[key].ty.to_arrow()).collect();
        let inputs = plan.inputs.iter().map(|input| RowsOf {
            aggregates: Aggregates::new(plan.function.calls(), &input.keys, false),
            gap: match &window.windows {
                Windows::Session(Gap::Of(gap)) => Some(Evaluator::new(gap)),
                Windows::Session(Gap::Fixed(_)) | Windows::Aligned(_) | Windows::Global | Windows::Count { .. } => None,
            },
            value: match &window.trigger.when {
                When::Delta(_, of) => Some(Evaluator::new(of)),
                When::AtEnd | When::Every(_) | When::Count(_) | When::OnEvent | When::Never => None,
            },
        });
        let lateness_ms = if window.time == WindowTime::Event { window.lateness_ms } else { 0 };
        let mut this = Self {
            panes: Panes::new(&types)?,
            contents: plan.function.contents(window, context)?,
            moments: Moments { when: window.trigger.when.clone(), time: window.time, lateness_ms },
            inputs: inputs.collect(),
            gap_ms: if let Windows::Session(Gap::Fixed(ms)) = window.windows { ms } else { 0 },
            purging: window.trigger.purging,
            watermark: MIN_WATERMARK,
            next_arrival: plan.function.by_arrival().then_some(0),
            waiting: Waiting::default(),
            fires: Vec::new(),
            pending: Pending::default(),
            late_rows: LateRows::default(),
            fired: FiredWindows::default(),
            hot_keys: HotKeys::default(),
            keys: Vec::new(),
            place: context.place(),
            batch_rows: context.batch_rows.max(1),
            max_parallelism: context.max_parallelism,
            metrics: Arc::clone(&context.metrics),
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        };
        if let Some(restored) = &context.restored {
            this.restore(&**restored)?;
            context.armed.set(this.wants());
        }
        Ok(this)
    }

    /// The last moment that is over, of the time that windows go by: no row of it will come.
    fn now(&self) -> i64 {
        match self.moments.time {
            WindowTime::Event => self.watermark,
            WindowTime::Processing if self.watermark == MAX_WATERMARK => MAX_WATERMARK,
            WindowTime::Processing => self.clock.now_ms().saturating_sub(1),
        }
    }

    /// What is evaluated of the rows of `batch`, of which those that fail are rejected.
    fn evaluate(&self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<Rows> {
        let of = &self.inputs[input];
        let columns = |rows: &RecordBatch, context: &mut EvalContext| {
            let evaluated = of.aggregates.columns(rows, context)?;
            let gaps = of.gap.as_ref().map(|gap| gap.evaluate(rows, context)).transpose()?;
            let gaps = gaps.map_or_else(Vec::new, |gaps| valid_gaps(&gaps, &mut context.errors));
            let values = of.value.as_ref().map(|value| value.evaluate(rows, context)).transpose()?;
            Ok((evaluated, gaps, values.map(|values| values.as_primitive::<Float64Type>().clone())))
        };
        let (batch, (evaluated, gaps, values)) = evaluated(batch, self.clock.now_ms(), &self.place, out, columns)?;
        Ok(Rows { input, batch, evaluated, gaps, values })
    }

    /// Rejects the rows that have no event time, where windows go by it.
    fn with_times(&self, batch: Batch, out: &mut dyn Output) -> Result<Batch> {
        let needed = self.plan.window.windows.have_bounds() || matches!(self.moments.when, When::Every(_));
        if self.moments.time == WindowTime::Processing || !needed || !any_untimed(batch.times()) {
            return Ok(batch);
        }
        let timeless = batch.times().iter().enumerate().filter(|&(_, &time)| time == NO_TIME);
        let errors: Vec<RowError> =
            timeless.map(|(row, _)| RowError { row, message: "no event time".to_owned() }).collect();
        reject_failed(&batch, &errors, &self.place, out)
    }

    /// Takes rows in.
    fn take_in(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let batch = self.with_times(batch, out)?;
        let mut rows = self.evaluate(input, batch, out)?;
        if rows.batch.is_empty() {
            return Ok(());
        }
        if let Some(next) = &mut self.next_arrival {
            self.inputs[input].aggregates.number(&mut rows.evaluated, next);
        }
        self.hot_keys.sample(&rows.evaluated.keys, rows.evaluated.rows)?;
        let mut keys = std::mem::take(&mut self.keys);
        self.panes.keys_of(&rows.evaluated.keys, rows.evaluated.rows, &mut keys)?;
        let late = self.assign(&rows, &keys, out)?;
        self.flush(&rows, out)?;
        self.late(&rows, &late, out)?;
        for row in late {
            self.panes.idle(keys[row as usize]);
        }
        self.keys = keys;
        self.panes.forget_keys();
        Ok(())
    }

    /// Puts rows into their windows; gives those that came too late for all of them.
    fn assign(&mut self, rows: &Rows, keys: &[u32], out: &mut dyn Output) -> Result<Vec<u32>> {
        let now = self.now();
        let times = rows.batch.times();
        let windows = self.plan.window.windows.clone();
        let mut late = Vec::new();
        let mut slice = OfSlice::default();
        for (row, &key) in keys.iter().enumerate() {
            let time = match self.moments.time {
                WindowTime::Event => times[row],
                WindowTime::Processing => now.saturating_add(1),
            };
            match &windows {
                Windows::Session(_) => {
                    let gap = rows.gaps.get(row).copied().unwrap_or(self.gap_ms);
                    let pane = self.session(rows, key, (time, time.saturating_add(gap)), now, out)?;
                    if pane == NONE {
                        late.push(index(row));
                    } else {
                        self.put(rows, row, pane, (time, now), time, out)?;
                    }
                }
                Windows::Global | Windows::Count { .. } => {
                    let pane = self.panes.aligned(key, (i64::MIN, i64::MAX), NONE);
                    self.put(rows, row, pane, (time, now), 0, out)?;
                }
                Windows::Aligned(assigner) => {
                    if !slice.has(time) {
                        slice = OfSlice::new(&**assigner, time, |end| {
                            self.moments.time == WindowTime::Event && self.is_gone(end)
                        });
                    }
                    if slice.late {
                        late.push(index(row));
                    }
                    let mut behind = NONE;
                    for (bounds, pane) in slice.windows.iter_mut().rev() {
                        behind = self.panes.aligned(key, *bounds, behind);
                        *pane = behind;
                    }
                    for &at in &slice.order {
                        let ((_, end), pane) = slice.windows[at];
                        self.put(rows, row, pane, (time, now), end, out)?;
                    }
                }
            }
        }
        Ok(late)
    }

    const fn is_gone(&self, end: i64) -> bool {
        self.moments.gone_at(end) <= self.watermark
    }

    /// The session of `key` that a row with these bounds belongs to, merged with all it touches; [`NONE`] when it is late.
    fn session(
        &mut self,
        rows: &Rows,
        key: u32,
        (start, end): (i64, i64),
        now: i64,
        out: &mut dyn Output,
    ) -> Result<u32> {
        let pane = self.panes.touching(key, (start, end));
        if pane == NONE {
            if self.moments.time == WindowTime::Event && self.is_gone(end) {
                return Ok(NONE);
            }
            return Ok(self.panes.open_apart(key, (start, end)));
        }
        let known = self.panes.get(pane);
        let mut bounds = (known.start.min(start), known.end.max(end));
        let before = (known.start, known.end);
        while let Some(other) = self.panes.next_touching(pane, start) {
            // Their rows must be where they are merged from, and what fires must have fired.
            self.flush(rows, out)?;
            let merged = *self.panes.get(other);
            bounds.0 = bounds.0.min(merged.start);
            let into = self.panes.change(pane);
            into.filled |= merged.filled;
            into.rows += merged.rows;
            Moments::merge(&mut into.progress, &merged.progress, now);
            self.contents.merge(pane, other)?;
            self.panes.close(other);
        }
        if bounds != before {
            if self.panes.get(pane).firing {
                self.flush(rows, out)?;
            }
            let (start, end) = bounds;
            let at = self.panes.change(pane);
            (at.start, at.end) = (start, end);
            self.moments.moved(&mut at.progress, end, now);
        }
        Ok(pane)
    }

    /// Puts a row at `time` into a window, and lets that fire if it is to.
    fn put(
        &mut self,
        rows: &Rows,
        row: usize,
        pane: u32,
        (time, now): (i64, i64),
        place: i64,
        out: &mut dyn Output,
    ) -> Result<()> {
        if self.panes.get(pane).firing {
            self.flush(rows, out)?;
            // A window without bounds is gone when it has fired and holds nothing.
            if !self.panes.get(pane).is_open() {
                let reopened = self.panes.aligned(self.panes.get(pane).key, (i64::MIN, i64::MAX), NONE);
                return self.put(rows, row, reopened, (time, now), place, out);
            }
        }
        self.waiting.rows.push(index(row));
        self.waiting.panes.push(pane);
        self.waiting.places.push(place);
        let value = rows.values.as_ref().filter(|values| values.is_valid(row)).map(|values| values.value(row));
        let at = self.panes.change(pane);
        at.filled = true;
        at.rows += 1;
        let fires = self.moments.row(&mut at.progress, at.end, (time, now), value);
        let due = self.moments.due(&at.progress, at.end);
        if let Some(due) = due {
            self.panes.queue(pane, due);
        }
        if fires {
            self.fire(pane, false);
        }
        Ok(())
    }

    fn fire(&mut self, pane: u32, ends: bool) {
        self.panes.note(pane).firing = true;
        self.fires.push(Fire { pane, ends });
    }

    /// Puts the rows that wait into their windows' contents, then lets the windows fire that are about to.
    fn flush(&mut self, rows: &Rows, out: &mut dyn Output) -> Result<()> {
        self.contents.resize(self.panes.numbers());
        let waiting = std::mem::take(&mut self.waiting);
        if let (Some(&first), Some(&last)) = (waiting.rows.first(), waiting.rows.last()) {
            let (first, count) = (first as usize, waiting.rows.len());
            let straight = last as usize - first + 1 == count && waiting.rows.is_sorted_by(|a, b| a < b);
            let (batch, evaluated) = if straight {
                (rows.batch.slice(first, count), rows.evaluated.slice(first, count))
            } else {
                let rows_at = UInt32Array::from(waiting.rows.clone());
                (rows.batch.take(&rows_at)?, rows.evaluated.take(&rows_at)?)
            };
            let taken = Taken {
                input: rows.input,
                batch: &batch,
                evaluated: &evaluated,
                panes: &waiting.panes,
                places: &waiting.places,
            };
            self.contents.add(&taken, out)?;
        }
        self.waiting = waiting;
        self.waiting.clear();
        self.fire_all(out)
    }

    /// Lets the windows fire that are about to.
    fn fire_all(&mut self, out: &mut dyn Output) -> Result<()> {
        if self.fires.is_empty() {
            return Ok(());
        }
        let due = std::mem::take(&mut self.fires);
        let panes: Vec<u32> = due.iter().map(|fire| fire.pane).filter(|&pane| self.panes.get(pane).filled).collect();
        if !panes.is_empty() {
            let keys = self.panes.keys(&panes)?;
            let (starts, ends): (Vec<i64>, Vec<i64>) =
                panes.iter().map(|&pane| (self.panes.get(pane).start, self.panes.get(pane).end)).unzip();
            let fired = Fired { panes: &panes, keys: &keys, starts: &starts, ends: &ends, watermark: self.watermark };
            let results = self.contents.fire(&fired, out)?;
            let bounded = self.plan.window.windows.have_bounds();
            let times: Vec<i64> = ends.iter().map(|&end| if bounded { last_moment(end) } else { NO_TIME }).collect();
            self.pending.push(results, &times);
        }
        for &pane in &panes {
            self.note_fired(pane);
            if self.purging {
                self.contents.clear(pane, false)?;
            }
            let filled = !self.purging && self.contents.holds(pane);
            let at = self.panes.change(pane);
            at.filled = filled;
        }
        for Fire { pane, ends } in due {
            self.panes.note(pane).firing = false;
            let at = self.panes.get(pane);
            let empty = at.end == i64::MAX && !at.filled && at.progress == super::moments::Progress::default();
            if ends || empty {
                self.close(pane)?;
            }
        }
        Ok(())
    }

    fn note_fired(&mut self, pane: u32) {
        let watermark = self.watermark;
        let at = self.panes.note(pane);
        let again = std::mem::replace(&mut at.fired, true);
        self.fired.push(FiredWindowView { start: at.start, end: at.end, keys: 1, watermark, again });
    }

    /// A window is gone with all it holds.
    fn close(&mut self, pane: u32) -> Result<()> {
        self.contents.clear(pane, true)?;
        self.panes.close(pane);
        Ok(())
    }

    /// Lets windows fire whose time has come, up to a batch of them; whether there may be more.
    fn fire_due(&mut self, out: &mut dyn Output) -> Result<bool> {
        let now = self.now();
        let mut looked_at = self.batch_rows.saturating_mul(LOOKED_AT);
        while self.fires.len() < self.batch_rows && looked_at > 0 {
            let Some((time, pane)) = self.panes.next_queued(now) else {
                self.fire_all(out)?;
                self.panes.forget_keys();
                return Ok(false);
            };
            looked_at -= 1;
            let at = self.panes.get(pane);
            let Some(due) = self.moments.due(&at.progress, at.end) else { continue };
            if due > time {
                self.panes.queue(pane, due);
                continue;
            }
            if at.firing {
                self.fire_all(out)?;
            }
            let at = self.panes.change(pane);
            let fires = self.moments.reached(&mut at.progress, at.end, due, now);
            let ends = self.moments.gone_at(at.end) == due && due != i64::MAX && !at.progress.fires_at_end;
            let next = self.moments.due(&at.progress, at.end);
            if fires {
                self.fire(pane, ends);
            } else if ends {
                self.close(pane)?;
            }
            if !ends && let Some(next) = next {
                self.panes.queue(pane, next);
            }
        }
        self.fire_all(out)?;
        self.panes.forget_keys();
        Ok(true)
    }

    /// Gives a batch or two of results, and says what the operator waits for.
    fn give(&mut self, out: &mut dyn Output) -> Result<()> {
        for nth in 0..BATCHES {
            if nth > 0 && !out.has_room() {
                break;
            }
            match self.pending.take(self.plan.function.output(), self.batch_rows)? {
                Some(batch) => out.batch(batch)?,
                None => break,
            }
        }
        let wants = self.wants();
        if wants != Armed::NOTHING {
            out.arm(wants);
        }
        Ok(())
    }

    fn wants(&self) -> Armed {
        if !self.pending.is_empty() {
            // Whose key a result is can't be told any more.
            let event_time = Some(MIN_WATERMARK);
            return Armed { more: true, full: Inputs::ALL, indivisible: true, event_time, ..Armed::NOTHING };
        }
        let first = self.panes.first_queued();
        match self.moments.time {
            WindowTime::Event => Armed { event_time: first, ..Armed::NOTHING },
            // What is left when the input ends fires then.
            WindowTime::Processing => {
                let event_time = first.is_some().then_some(MAX_WATERMARK);
                Armed { processing_time_ms: first.map(|time| time.saturating_add(1)), event_time, ..Armed::NOTHING }
            }
        }
    }
}

/// The windows of the rows of one slice of time.
#[derive(Default)]
struct OfSlice {
    from: i64,
    until: i64,
    /// The bounds of those that are not gone, in the order of their ends, and the window that the row at hand has there.
    windows: Vec<((i64, i64), u32)>,
    /// In the order in which Flink's assigners name them: the last start first.
    order: Vec<usize>,
    /// Whether there are windows and all are gone.
    late: bool,
}

impl OfSlice {
    fn new(assigner: &dyn WindowAssigner, time: i64, is_gone: impl Fn(i64) -> bool) -> Self {
        let until = assigner.slice_end(time);
        let all: Vec<i64> = ends_of(assigner, until).collect();
        let held = all.iter().filter(|&&end| !is_gone(end));
        let windows: Vec<_> = held.map(|&end| ((assigner.window_start(end), end), NONE)).collect();
        let mut order: Vec<usize> = (0..windows.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(windows[at].0.0));
        let late = windows.is_empty() && !all.is_empty();
        Self { from: until.saturating_sub(assigner.slice_ms()), until, windows, order, late }
    }

    const fn has(&self, time: i64) -> bool {
        self.from <= time && time < self.until
    }
}

/// The gaps, milliseconds; those that are none are errors of their rows.
fn valid_gaps(gaps: &ArrayRef, errors: &mut Vec<RowError>) -> Vec<i64> {
    let gaps = gaps.as_primitive::<DurationMillisecondType>();
    let gap = |(row, gap): (usize, Option<i64>)| match gap {
        Some(gap) if gap > 0 => gap,
        _ => {
            let message = "the gap of a session must be longer than zero".to_owned();
            errors.push(RowError { row, message });
            1
        }
    };
    gaps.iter().enumerate().map(gap).collect()
}

impl Waiting {
    fn clear(&mut self) {
        self.rows.clear();
        self.panes.clear();
        self.places.clear();
    }
}

impl Operator for WindowOperatorInstance {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        self.take_in(input, batch, out)?;
        self.give(out)
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.watermark = self.watermark.max(watermark);
        out.watermark(watermark)
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        self.watermark = self.watermark.max(now.watermark);
        let mut more = true;
        while more && self.pending.len() < self.batch_rows {
            more = self.fire_due(out)?;
            if more && self.pending.is_empty() {
                break;
            }
        }
        self.give(out)
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
