//! `event_time ts watermark 4s`

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::ScalarBuffer;

use super::filter::{Narrowed, passed, project};
use super::rows::evaluated;
use super::select::no_window;
use crate::api::{
    Armed, Clause, EventTimeSpec, Inputs, Moment, Operator, OperatorContext, Output, PlannedOperator, Pruned, Shape,
    Signature, StageArgs, StageContext, StageSpec, WatermarkGenerator,
};
use crate::expr::{Evaluator, bind as bind_expr};
use crate::state::{OperatorStateDescriptor, StateChange, StateDelta};
use crate::types::{
    Batch, CheckpointId, Clock, Diagnostic, Error, MAX_WATERMARK, MIN_WATERMARK, NO_TIME, Result, Schema,
};

/// `event_time`
pub(super) const EVENT_TIME: StageSpec = StageSpec {
    name: "event_time",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Expr],
        optional: &[],
        clauses: &[Clause {
            keyword: "watermark",
            shape: Shape::Duration,
            required: false,
            help: "the delay: how far rows may be out of order; 0s by default",
        }],
    },
    summary: "says when each row happened, and how late rows may come",
    help: "The expression gives a timestamp, or a bigint of milliseconds since 1970. The watermark, which says how \
           far event time has come, is the largest event time so far minus the delay. Both replace the event time \
           and the watermark that the stream had before. A row whose expression is null has no event time.",
    examples: &[
        "bids | event_time date_time watermark 4s | key_by auction | window tumble(10s) | aggregate count(*) as n;",
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
    let node = args.expr(0)?;
    let time = bind_expr(node, shape.scope())?;
    if !time.ty().is_event_time() {
        let message = format!("an event time is a timestamp or a bigint of milliseconds, not {}", time.ty());
        return Err(Diagnostic::at(node.span, message));
    }
    let delay_ms = args.clause_duration("watermark")?.map_or(0, |delay| delay.node);
    let spec = EventTimeSpec { time: time.fold(), delay_ms, idle_timeout_ms: None };
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

/// The operator state: the event times that were reached, two or three words of eight bytes, little endian: the largest so
/// far, the one that a row must exceed to raise the watermark, and 1 where the input was over.
const MAX_TIME: OperatorStateDescriptor = OperatorStateDescriptor::union("max_time");

/// The event times that one instance had reached.
#[derive(Debug, Clone, Copy)]
struct Reached {
    least: i64,
    largest: i64,
    over: bool,
}

impl Reached {
    fn read(entry: &[u8]) -> Result<Self> {
        let time = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes);
        match entry.as_chunks::<8>() {
            ([least, largest], []) => Ok(Self { least: time(least), largest: time(largest), over: false }),
            ([least, largest, over], []) => {
                Ok(Self { least: time(least), largest: time(largest), over: time(over) != 0 })
            }
            _ => Err(Error::state("stored event times are not two or three times eight bytes")),
        }
    }

    /// The times that instance `subtask` of `parallelism` goes on from: where it was itself, if there were as many
    /// before. If not, rows of any may come to it, so it begins where the slowest was that had not come to its end.
    fn of(reached: &[Self], subtask: usize, parallelism: usize) -> Option<Self> {
        if reached.len() == parallelism {
            return reached.get(subtask).copied();
        }
        let largest = reached.iter().map(|reached| reached.largest).max()?;
        let least = reached.iter().filter(|reached| !reached.over).map(|reached| reached.least).min();
        Some(Self { least: least.unwrap_or(largest), largest, over: false })
    }
}

impl PlannedOperator for AssignEventTime {
    fn name(&self) -> &'static str {
        "WatermarkAssigner"
    }

    fn describe(&self) -> String {
        format!("rowtime=[{}], delay={}ms", self.spec.time, self.spec.delay_ms)
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
        let narrowed = Narrowed::new(needed, self.spec.time.columns());
        let time = self.spec.time.remap(&|column| narrowed.moved(column));
        let operator = Self {
            spec: EventTimeSpec { time, ..self.spec.clone() },
            columns: narrowed.projection(),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![narrowed.inputs] })
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![MAX_TIME]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let delay_ms = self.spec.delay_ms;
        let mut generator = WatermarkGenerator::new(delay_ms);
        if let Some(restored) = &context.restored {
            let entries = restored.operator(&MAX_TIME)?;
            let reached = entries.iter().map(|entry| Reached::read(entry)).collect::<Result<Vec<_>>>()?;
            if let Some(reached) = Reached::of(&reached, context.subtask, context.parallelism) {
                generator = WatermarkGenerator::restored(delay_ms, reached.least, reached.largest);
            }
            if generator.current() > MIN_WATERMARK {
                context.armed.set(Armed { more: true, full: Inputs::ALL, ..Armed::NOTHING });
            }
        }
        Ok(Box::new(EventTimeOperator {
            time: Evaluator::new(&self.spec.time),
            generator,
            over: false,
            columns: self.columns.clone(),
            output: self.output.clone(),
            place: format!("{}[{}]", context.uid, context.subtask),
            clock: Arc::clone(&context.clock),
        }))
    }
}

struct EventTimeOperator {
    time: Evaluator,
    generator: WatermarkGenerator,
    /// No more rows will come.
    over: bool,
    columns: Option<Vec<usize>>,
    output: Schema,
    place: String,
    clock: Arc<dyn Clock>,
}

impl Operator for EventTimeOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (batch, times) =
            evaluated(batch, self.clock.now_ms(), &self.place, out, |rows, context| self.time.evaluate(rows, context))?;
        let batch = project(batch, self.columns.as_deref(), &self.output)?.with_times(event_times(&times)?);
        let times = batch.times().clone();
        self.generator.advance(&times, |rows, watermark| {
            if !rows.is_empty() {
                let whole = rows.len() == batch.rows();
                out.batch(if whole { batch.clone() } else { batch.slice(rows.start, rows.len()) })?;
            }
            watermark.map_or(Ok(()), |watermark| out.watermark(watermark))
        })
    }

    /// Watermarks of the old event time mean nothing any more, except that there will be no more rows.
    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.over = watermark == MAX_WATERMARK;
        if self.over { out.watermark(watermark) } else { Ok(()) }
    }

    /// Says at the start how far event time had come when the operator was restored: with no row of its own it must not
    /// hold others back more than it did then.
    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        out.watermark(self.generator.current())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let times = [self.generator.max_time(), self.generator.raised_above(), i64::from(self.over)];
        let entry = times.iter().flat_map(|time| time.to_le_bytes()).collect();
        Ok(StateDelta { changes: vec![StateChange::Operator { state: MAX_TIME.name, entry }] })
    }
}

fn event_times(column: &ArrayRef) -> Result<ScalarBuffer<i64>> {
    let values = if let Some(column) = column.as_primitive_opt::<Int64Type>() {
        column.values()
    } else if let Some(column) = column.as_primitive_opt::<TimestampMillisecondType>() {
        column.values()
    } else {
        return Err(Error::state(format!("an event time came as {}", column.data_type())));
    };
    Ok(match column.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => values.clone(),
        Some(nulls) => {
            values.iter().zip(nulls.iter()).map(|(&time, valid)| if valid { time } else { NO_TIME }).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Arg, TimeAttributes};
    use crate::operators::testing::{
        FakeStream, MemoryState, Recorder, Values, advance, apply, at, batch, column, context, instance,
    };

    fn planned(schema: &Schema, delay_ms: i64) -> Arc<dyn PlannedOperator> {
        let mut stream = FakeStream::new(schema);
        stream.shape.time = TimeAttributes::default();
        stream.shape.keys = Some(vec![0]);
        let delay = vec![("watermark", Arg::Duration(at(delay_ms)))];
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

    #[test]
    fn a_column_that_is_no_time_is_refused() {
        let (schema, _) = batch(vec![("at", Values::Text(vec![]))]);
        let mut stream = FakeStream::new(&schema);
        let refused = stream.stage("event_time", vec![Arg::Expr(column("at"))], vec![]).expect_err("is refused");
        assert_eq!(refused.message, "an event time is a timestamp or a bigint of milliseconds, not string");
    }
}
