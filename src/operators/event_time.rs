//! `event_time ts watermark 4s`

use std::sync::Arc;

use super::filter::{Narrowed, passed, project};
use super::rows::evaluated;
use super::select::no_window;
use crate::api::{
    Armed, Clause, EventTimeEvaluator, EventTimeSpec, Inputs, Moment, Operator, OperatorContext, Output,
    PlannedOperator, Pruned, Shape, Signature, StageArgs, StageContext, StageSpec, TimeSpans, WatermarkGenerator,
    WatermarkSpec,
};
use crate::state::{OperatorStateDescriptor, StateChange, StateDelta};
use crate::types::{Batch, CheckpointId, Clock, Diagnostic, Error, MAX_WATERMARK, MIN_WATERMARK, Result, Schema};

/// `event_time`
pub(super) const EVENT_TIME: StageSpec = StageSpec {
    name: "event_time",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Expr],
        optional: &[],
        clauses: &[Clause {
            keyword: "watermark",
            shape: Shape::Watermark,
            required: false,
            help: "the delay: how far rows may be out of order; 0s by default; with `when`, which rows raise it",
        }],
    },
    summary: "says when each row happened, and how late rows may come",
    help: "The expression gives a timestamp, or a bigint of milliseconds since 1970; `ingestion` is the time at which \
           the row comes here. The watermark, which says how far event time has come, is the largest event time so \
           far minus the delay. With `when` only rows of which the condition is true raise it; `ascending` lets rows \
           of the newest time come still; `as` takes the watermark itself from an expression, and none where that is \
           null. Event time and watermark replace those that the stream had before. A row whose expression is null \
           has no event time. A source takes the same, and `align 10s` behind it: while its watermark is more than \
           10s ahead of the slowest such source of the job, it waits.",
    examples: &[
        "bids | event_time date_time watermark 4s | key_by auction | window tumble(10s) | aggregate count(*) as n;",
        "sensors | event_time event_time watermark 1s when sensor = 's-11' | key_by room | window tumble(1m) | aggregate count(*) as n;",
        "clicks | event_time event_time watermark as event_time - interval '5' second | window tumble(1h) | aggregate count(*) as n;",
    ],
    flink: Some("WATERMARK FOR; DataStream.assignTimestampsAndWatermarks"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(args.span, "a changelog can't be given an event time")
            .help("put `event_time` before the `aggregate`, or make rows of the changes with `to_changelog`"));
    }
    let spec = EventTimeSpec::bind(args.expr(0)?, args.clause_watermark("watermark")?, shape.scope())?;
    let row_time = spec.time.as_column();
    stream.apply(Arc::new(AssignEventTime { spec, columns: None, output: shape.schema }));
    let shape_now = stream.shape_mut();
    shape_now.keys = shape.keys;
    shape_now.time.set_event_time(row_time);
    Ok(())
}

/// Gives rows their event times and makes watermarks of them.
#[derive(Debug, Clone)]
pub struct AssignEventTime {
    spec: EventTimeSpec,
    columns: Option<Vec<usize>>,
    output: Schema,
}

/// The operator state: the event times that were reached, two or three words of eight bytes, little endian: the largest mark
/// so far, the one that a row must exceed to raise the watermark, and flags: [`OVER`], [`PUNCTUATED`].
const MAX_TIME: OperatorStateDescriptor = OperatorStateDescriptor::union("max_time");

/// The input was over.
const OVER: i64 = 1;
/// What was reached are marks of an expression, and not times of rows.
const PUNCTUATED: i64 = 2;

/// The event times that one instance had reached.
#[derive(Debug, Clone, Copy)]
struct Reached {
    least: i64,
    largest: i64,
    over: bool,
    punctuated: bool,
}

impl Reached {
    fn read(entry: &[u8]) -> Result<Self> {
        let time = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes);
        let (least, largest, flags) = match entry.as_chunks::<8>() {
            ([least, largest], []) => (time(least), time(largest), 0),
            ([least, largest, flags], []) => (time(least), time(largest), time(flags)),
            _ => return Err(Error::state("stored event times are not two or three times eight bytes")),
        };
        Ok(Self { least, largest, over: flags & OVER != 0, punctuated: flags & PUNCTUATED != 0 })
    }

    /// The times that instance `subtask` of `parallelism` goes on from: where it was itself, if there were as many
    /// before. If not, rows of any may come to it, so it begins where the slowest was that had not come to its end.
    fn of(reached: &[Self], subtask: usize, parallelism: usize) -> Option<Self> {
        if reached.len() == parallelism {
            return reached.get(subtask).copied();
        }
        let largest = reached.iter().map(|reached| reached.largest).max()?;
        let least = reached.iter().filter(|reached| !reached.over).map(|reached| reached.least).min();
        Some(Self { least: least.unwrap_or(largest), largest, ..*reached.first()? })
    }
}

impl PlannedOperator for AssignEventTime {
    fn name(&self) -> &'static str {
        "WatermarkAssigner"
    }

    fn describe(&self) -> String {
        let time = if self.spec.ingestion { "ingestion".to_owned() } else { self.spec.time.to_string() };
        match &self.spec.watermark {
            WatermarkSpec::Bounded(delay_ms) => format!("rowtime=[{time}], delay={delay_ms}ms"),
            punctuated @ (WatermarkSpec::When { .. } | WatermarkSpec::As(_)) => {
                format!("rowtime=[{time}], watermark=[{punctuated}]")
            }
        }
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn passes(&self, column: usize) -> Option<usize> {
        passed(self.columns.as_deref(), column)
    }

    fn keeps_event_times(&self) -> bool {
        false
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        if self.columns.is_some() {
            return None;
        }
        let narrowed = Narrowed::new(needed, self.spec.columns());
        let operator = Self {
            spec: self.spec.remap(&|column| narrowed.moved(column)),
            columns: narrowed.projection(),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![narrowed.inputs] })
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![MAX_TIME]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let delay_ms = self.spec.watermark.delay_ms();
        let punctuated = self.spec.watermark.is_punctuated();
        let mut generator = WatermarkGenerator::new(delay_ms);
        if let Some(restored) = &context.restored {
            let entries = restored.operator(&MAX_TIME)?;
            let mut reached = entries.iter().map(|entry| Reached::read(entry)).collect::<Result<Vec<_>>>()?;
            // Marks and times say nothing of each other: what has become another watermark begins anew.
            reached.retain(|reached| reached.punctuated == punctuated);
            if let Some(reached) = Reached::of(&reached, context.subtask, context.parallelism) {
                generator = WatermarkGenerator::restored(delay_ms, reached.least, reached.largest);
            }
            if generator.current() > MIN_WATERMARK {
                context.armed.set(Armed { more: true, full: Inputs::ALL, ..Armed::NOTHING });
            }
        }
        Ok(Box::new(EventTimeOperator {
            times: EventTimeEvaluator::new(&self.spec),
            generator,
            flags: if punctuated { PUNCTUATED } else { 0 },
            columns: self.columns.clone(),
            output: self.output.clone(),
            place: context.place(),
            row_watermarks: context.row_watermarks,
            clock: Arc::clone(&context.clock),
        }))
    }
}

struct EventTimeOperator {
    times: EventTimeEvaluator,
    generator: WatermarkGenerator,
    /// As they are stored: [`OVER`] when no more rows will come.
    flags: i64,
    columns: Option<Vec<usize>>,
    output: Schema,
    place: String,
    row_watermarks: bool,
    clock: Arc<dyn Clock>,
}

impl Operator for EventTimeOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let reached = self.generator.max_time();
        let (batch, found) = evaluated(batch, self.clock.now_ms(), &self.place, out, |rows, context| {
            self.times.evaluate(rows, reached, context)
        })?;
        let batch = project(batch, self.columns.as_deref(), &self.output)?.with_times(found.times);
        let times = batch.times().clone();
        let met = || self.generator.met_by_each(found.marks.as_deref().unwrap_or(&times)).into();
        let batch = batch.with_watermarks(self.row_watermarks.then(met));
        self.generator.advance_over(&times, &TimeSpans::of(&times), found.marks.as_deref(), |rows, watermark| {
            if !rows.is_empty() {
                let whole = rows.len() == batch.rows();
                out.batch(if whole { batch.clone() } else { batch.slice(rows.start, rows.len()) })?;
            }
            watermark.map_or(Ok(()), |watermark| out.watermark(watermark))
        })
    }

    /// Watermarks of the old event time mean nothing any more, except that there will be no more rows.
    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        if watermark < MAX_WATERMARK {
            return Ok(());
        }
        self.flags |= OVER;
        out.watermark(watermark)
    }

    /// Says at the start how far event time had come when the operator was restored: with no row of its own it must not
    /// hold others back more than it did then.
    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        out.watermark(self.generator.current())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let times = [self.generator.max_time(), self.generator.raised_above(), self.flags];
        let entry = times.iter().flat_map(|time| time.to_le_bytes()).collect();
        Ok(StateDelta { changes: vec![StateChange::Operator { state: MAX_TIME.name, entry }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Arg, TimeAttributes, WatermarkClause};
    use crate::expr::ast::{BinaryOp, Expr};
    use crate::operators::testing::{
        FakeStream, MemoryState, Recorder, Values, advance, apply, at, batch, column, context, instance,
    };
    use crate::types::NO_TIME;

    fn planned(schema: &Schema, delay_ms: i64) -> Arc<dyn PlannedOperator> {
        let mut stream = FakeStream::new(schema);
        stream.shape.time = TimeAttributes::default();
        stream.shape.keys = Some(vec![0]);
        let delay = vec![("watermark", Arg::Watermark(WatermarkClause::Behind { delay_ms, when: None }))];
        stream.stage("event_time", vec![Arg::Expr(column("at"))], delay).expect("binds");
        assert_eq!(stream.shape.time, TimeAttributes::of_event_time(Some(1)));
        assert_eq!(stream.shape.keys, Some(vec![0]));
        stream.applied.pop().expect("an operator")
    }

    #[test]
    fn rows_get_times_and_watermarks_follow_them_exactly() {
        let times = vec![Some(3), Some(10), Some(6), None, Some(20), Some(7)];
        for (values, shown) in [(Values::Int(times.clone()), "3"), (Values::Time(times), "00:00:00.003")] {
            let (schema, rows) = batch(vec![("n", Values::ints(0..6)), ("at", values)]);
            let operator = planned(&schema, 4);
            let mut running = operator.create(&context()).expect("creates");
            let mut out = Recorder::default();
            running.process(0, rows.clone(), &mut out).expect("processes");
            running.watermark(5, &mut out).expect("is swallowed");
            running.watermark(MAX_WATERMARK, &mut out).expect("passes");
            assert_eq!(out.elements[0], format!("0|{shown} @3"));
            let ends: Vec<&str> = out.elements.iter().map(|line| line.rsplit(' ').next().unwrap_or("")).collect();
            let max = format!("~{MAX_WATERMARK}");
            assert_eq!(ends, ["@3", "@10", "~6", "@6", "3|null", "@20", "~16", "@7", &max]);

            let pruned = operator.prune(&[0]).expect("narrows");
            assert_eq!(
                (pruned.inputs, pruned.operator.output().to_string()),
                (vec![vec![0, 1]], "(n bigint)".to_owned())
            );
            let mut running = pruned.operator.create(&context()).expect("creates");
            let mut out = Recorder::default();
            running.process(0, rows.slice(0, 2), &mut out).expect("processes");
            assert_eq!(out.elements, ["0 @3", "1 @10", "~6"]);
        }
    }

    /// The first watermark of an instance, which is given a row of time `at` after it was restored from `written`.
    fn first_watermarks(written: &[&[i64]], subtask: usize, parallelism: usize, at: i64) -> Vec<String> {
        let (schema, rows) = batch(vec![("n", Values::ints([0])), ("at", Values::ints([at]))]);
        let operator = planned(&schema, 4);
        let mut state = MemoryState::default();
        for (subtask, words) in written.iter().enumerate() {
            let entry = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let change = StateChange::Operator { state: MAX_TIME.name, entry };
            apply(&mut state, &instance(subtask, written.len(), None), &StateDelta { changes: vec![change] }, 0);
        }
        let context = instance(subtask, parallelism, Some(&state));
        let mut running = operator.create(&context).expect("creates");
        let mut out = Recorder { armed: context.armed.get(), ..Recorder::default() };
        assert!(!advance(&mut *running, &mut out, 2));
        running.process(0, rows, &mut out).expect("processes");
        out.elements
    }

    #[test]
    fn a_restored_instance_goes_on_from_its_own_time_or_from_the_slowest_of_others() {
        let written: &[&[i64]] = &[&[12, 12, 0], &[10, 10, 0]];
        assert_eq!(first_watermarks(written, 0, 2, 8), ["~8", "~8", "0|8 @8"], "its own time, before the late row");
        assert_eq!(first_watermarks(written, 1, 2, 8), ["~6", "0|8 @8", "~6"]);
        assert_eq!(first_watermarks(written, 0, 1, 11), ["~6", "0|11 @11", "~6"], "the other's is to come, up to 12");
        assert_eq!(first_watermarks(written, 0, 1, 13), ["~6", "0|13 @13", "~9"]);
        let over: &[&[i64]] = &[&[12, 12, 0], &[NO_TIME, NO_TIME, 1]];
        assert_eq!(first_watermarks(over, 0, 1, 8), ["~8", "~8", "0|8 @8"], "who is over holds nothing back");
        let version_1: &[&[i64]] = &[&[12, 13], &[10, 11]];
        assert_eq!(first_watermarks(version_1, 0, 1, 8), ["~6", "0|8 @8", "~6"]);
    }

    /// The stage over the column `at` with this watermark.
    fn staged(schema: &Schema, watermark: WatermarkClause) -> Arc<dyn PlannedOperator> {
        let mut stream = FakeStream::new(schema);
        let clause = vec![("watermark", Arg::Watermark(watermark))];
        stream.stage("event_time", vec![Arg::Expr(column("at"))], clause).expect("binds");
        stream.applied.pop().expect("an operator")
    }

    /// The elements that `operator` gives of `rows`, from `state` on.
    fn given(operator: &dyn PlannedOperator, rows: &Batch, state: Option<&MemoryState>) -> (Vec<String>, StateDelta) {
        let context = instance(0, 1, state);
        let mut running = operator.create(&context).expect("creates");
        let mut out = Recorder { armed: context.armed.get(), ..Recorder::default() };
        advance(&mut *running, &mut out, 2);
        running.process(0, rows.clone(), &mut out).expect("processes");
        (out.elements, running.snapshot(CheckpointId(1)).expect("its state"))
    }

    #[test]
    fn marks_of_rows_raise_the_watermark_and_are_told_from_times_after_a_restore() {
        let times = vec![Some(10), Some(30), Some(12), Some(40), Some(20)];
        let marks = vec![None, Some(15), None, Some(14), None];
        let (schema, rows) = batch(vec![("at", Values::Int(times)), ("mark", Values::Int(marks))]);
        let operator = staged(&schema, WatermarkClause::As(column("mark")));
        assert_eq!(operator.describe(), "rowtime=[at], watermark=[as mark]");
        let narrowed = operator.prune(&[0]).expect("narrows");
        assert_eq!(narrowed.inputs, [vec![0, 1]], "what the watermark reads is read");
        let (elements, delta) = given(&*narrowed.operator, &rows, None);
        assert_eq!(elements, ["10 @10", "30 @30", "~15", "12 @12", "40 @40", "20 @20"]);
        let mut state = MemoryState::default();
        apply(&mut state, &instance(0, 1, None), &delta, 0);
        let (elements, _) = given(&*narrowed.operator, &rows, Some(&state));
        assert_eq!(elements[..3], ["~15", "~15", "10 @10"], "what is behind it meets it");
        let bounded = staged(&schema, WatermarkClause::Behind { delay_ms: 4, when: None });
        let (elements, _) = given(&*bounded, &rows, Some(&state));
        assert_eq!(elements[0], "10|null @10", "a mark says nothing of times");
    }

    #[test]
    fn only_rows_that_fit_the_condition_raise_the_watermark() {
        let (schema, rows) = batch(vec![
            ("at", Values::ints([10, 30, 12, 40])),
            ("n", Values::ints([1, 0, 1, 1])),
            ("none", Values::ints([0, 0, 0, 0])),
        ]);
        let is_one = Expr::Binary(Box::new(column("n")), at(BinaryOp::Gt), Box::new(column("none")));
        let operator = staged(&schema, WatermarkClause::Behind { delay_ms: 4, when: Some(at(is_one)) });
        let (elements, _) = given(&*operator, &rows, None);
        assert_eq!(elements, ["10|1|0 @10", "30|0|0 @30", "12|1|0 @12", "40|1|0 @40", "~36"]);
        let ascending = given(&*staged(&schema, WatermarkClause::Ascending), &rows, None).0;
        assert_eq!(ascending, ["10|1|0 @10", "30|0|0 @30", "~29", "12|1|0 @12", "40|1|0 @40", "~39"]);
    }

    #[test]
    fn a_column_that_is_no_time_is_refused() {
        let (schema, _) = batch(vec![("at", Values::Text(vec![]))]);
        let mut stream = FakeStream::new(&schema);
        let refused = stream.stage("event_time", vec![Arg::Expr(column("at"))], vec![]).expect_err("is refused");
        assert_eq!(refused.message, "an event time can't be of type string");
    }
}
