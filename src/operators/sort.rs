//! `order_by event_time`

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow_array::BooleanArray;
use arrow_buffer::ScalarBuffer;

use super::batch::sort_all;
use super::group_table::GroupTable;
use super::keyed::{RowState, RowStore};
use super::select::no_window;
use crate::api::{
    Armed, Clause, Exchange, Moment, Operator, OperatorContext, OperatorMetrics, OrderItem, Output, PlannedOperator,
    Pruned, Shape, SideOutput, Signature, StageArgs, StageContext, StageSpec, StateRead,
};
use crate::expr::ast::Expr;
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::state::{OperatorStateDescriptor, StateChange, StateDelta, StateDescriptor};
use crate::types::{Batch, CheckpointId, Diagnostic, Error, MIN_WATERMARK, Result, Schema};

/// `order_by`
pub(super) const ORDER_BY: StageSpec = StageSpec {
    name: "order_by",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Order],
        optional: &[],
        clauses: &[Clause {
            keyword: "late_to",
            shape: Shape::Name,
            required: false,
            help: "the stream that takes rows which come too late for their place",
        }],
    },
    summary: "sorts rows by their event time",
    help: "A stream that goes on is sorted by `event_time`. A row waits until the watermark has passed it; then all that wait are given in the order of their event times, \
           rows of the same time in the order in which they came. It runs with parallelism 1: one order of all rows. A row \
           whose place has been passed, or that has no event time, is late: it is counted, and goes to the `late_to` stream. \
           In a job with (mode = 'batch') the order is of any expressions, `desc` for the greatest first; null is the least \
           value unless `nulls first` or `nulls last` says otherwise, and equal rows stay as they came. Rows that are more \
           than the job's `memory` are sorted in files. Elsewhere `top … by` keeps the first.",
    examples: &[
        "bids | order_by event_time | map date_time, price;",
        "run strongest with (mode = 'batch') = quakes | order_by magnitude desc, place | limit 3 \
         | map magnitude, place | into print;",
    ],
    flink: Some("ORDER BY"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let items = args.order(0)?;
    let by_time = is_event_time(items) && stream.shape().time.event_time;
    if stream.is_batch() {
        return sort_all((!by_time).then_some(items), stream);
    }
    if !is_event_time(items) {
        let span = items.first().map_or(args.span, |item| item.expr.span);
        return Err(Diagnostic::at(span, "rows that keep coming can be sorted by their event time alone").help(
            "`order_by event_time`; `top N by …` keeps the first N in any order; a job with (mode = 'batch') sorts all \
                   rows of its input by anything",
        ));
    }
    let shape = stream.shape().clone();
    if !shape.time.event_time {
        return Err(Diagnostic::at(args.span, "this stream has no event time to sort by")
            .help("declare it on the source or before this: `event_time ts watermark 4s`"));
    }
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(args.span, "a stream of changes is in the order in which they were made")
            .help("`to_changelog` makes rows of them; `top … by` keeps the first rows in an order"));
    }
    let late_to = args.clause_word("late_to")?.cloned();
    let columns = (0..shape.schema.len()).collect();
    let late = late_to.as_ref().map(|name| name.node.clone());
    let (input, output) = (shape.schema.clone(), shape.schema);
    stream.apply(Arc::new(Sort { columns, late, input, output }));
    if let Some(name) = late_to {
        stream.name_side_output(0, &name)?;
    }
    stream.shape_mut().keys = shape.keys;
    Ok(())
}

/// Whether the order is that of event times, ascending.
fn is_event_time(items: &[OrderItem]) -> bool {
    let [OrderItem { expr, descending: false, nulls_first: None }] = items else { return false };
    matches!(&expr.node, Expr::Column(parts) if matches!(parts.as_slice(), [name] if name.node.eq_ignore_ascii_case("event_time")))
}

/// Sorts rows by their event time: Flink's `TemporalSort`.
#[derive(Debug, Clone)]
pub struct Sort {
    /// The input columns that leave.
    columns: Vec<usize>,
    /// The stream of late rows, all of whose columns are kept for it.
    late: Option<String>,
    input: Schema,
    output: Schema,
}

/// The operator state: the event time that was given last, and the watermark, eight bytes each, little endian.
const GIVEN: OperatorStateDescriptor = OperatorStateDescriptor::union("given");

impl Sort {
    fn rows(&self) -> RowState {
        RowState { name: "rows", schema: self.input.clone(), keys: Vec::new(), mark: None }
    }
}

impl PlannedOperator for Sort {
    fn name(&self) -> &'static str {
        "TemporalSort"
    }

    fn describe(&self) -> String {
        "orderBy=[event_time ASC]".to_owned()
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        let side = |name: &String| SideOutput { name: name.clone(), schema: self.input.clone() };
        self.late.iter().map(side).collect()
    }

    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Global
    }

    fn parallelism(&self) -> Option<usize> {
        Some(1)
    }

    fn is_ordered(&self) -> bool {
        true
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied()
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        if self.late.is_some() {
            return None;
        }
        let inputs: Vec<usize> = needed.iter().map(|&index| self.columns[index]).collect();
        let input = self.input.project(&inputs);
        let operator = Self { columns: (0..inputs.len()).collect(), late: None, output: input.clone(), input };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.rows().descriptor()]
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![GIVEN]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let mut operator = SortOperator {
            store: RowStore::new(self.rows(), context.max_parallelism),
            waiting: BTreeMap::new(),
            given: MIN_WATERMARK,
            watermark: MIN_WATERMARK,
            plan: self.clone(),
            metrics: Arc::clone(&context.metrics),
            batch_rows: context.batch_rows,
        };
        if let Some(restored) = &context.restored {
            for entry in restored.operator(&GIVEN)? {
                let words = entry.as_chunks::<8>().0.iter().map(|word| i64::from_le_bytes(*word));
                let [given, watermark] = words.collect::<Vec<_>>()[..] else {
                    return Err(Error::state("a stored event time and watermark are not sixteen bytes"));
                };
                operator.given = operator.given.max(given);
                operator.watermark = operator.watermark.max(watermark);
            }
            operator.store.restore(&**restored, &mut GroupTable::new(&[], 0)?)?;
            for row in operator.store.of(0) {
                operator.waiting.entry(operator.store.time(row)).or_default().push_back(row);
            }
            context.armed.set(operator.armed());
        }
        Ok(Box::new(operator))
    }
}

struct SortOperator {
    plan: Sort,
    store: RowStore,
    /// The rows that wait, by their event time, in the order of their arrival.
    waiting: BTreeMap<i64, VecDeque<u32>>,
    /// No row of this event time or an earlier one can be given any more.
    given: i64,
    /// Rows that come behind it wait for the next.
    watermark: i64,
    metrics: Arc<OperatorMetrics>,
    batch_rows: usize,
}

impl SortOperator {
    fn armed(&self) -> Armed {
        let event_time = self.waiting.keys().next().map(|&first| first.max(self.watermark.saturating_add(1)));
        Armed { event_time, ..Armed::NOTHING }
    }

    /// The rows that are in time; the others are counted, and go to the side.
    fn in_time(&self, batch: Batch, out: &mut dyn Output) -> Result<Batch> {
        let late = batch.times().iter().filter(|&&time| time <= self.given).count();
        if late == 0 {
            return Ok(batch);
        }
        self.metrics.add_late(late as u64);
        if self.plan.late.is_some() {
            let is_late: BooleanArray = batch.times().iter().map(|&time| Some(time <= self.given)).collect();
            out.side(0, batch.filter(&is_late)?)?;
        }
        let keep: BooleanArray = batch.times().iter().map(|&time| Some(time > self.given)).collect();
        Ok(batch.filter(&keep)?)
    }
}

impl Operator for SortOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let batch = self.in_time(batch, out)?;
        let mut rows = Vec::with_capacity(batch.rows());
        self.store.append(&batch, &vec![0; batch.rows()], &mut rows)?;
        for (&row, &time) in rows.iter().zip(batch.times().iter()) {
            self.waiting.entry(time).or_default().push_back(row);
        }
        out.arm(self.armed());
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.watermark = watermark;
        out.watermark(watermark)
    }

    /// Gives the rows that the watermark has passed, about a batch of them.
    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        let mut rows = Vec::new();
        while rows.len() < self.batch_rows
            && let Some(mut first) = self.waiting.first_entry().filter(|first| *first.key() <= now.watermark)
        {
            self.given = *first.key();
            let room = self.batch_rows - rows.len();
            let of_time = first.get_mut();
            rows.extend(of_time.drain(..room.min(of_time.len())));
            if of_time.is_empty() {
                first.remove();
            }
        }
        if !rows.is_empty() {
            let columns = self.store.gather(&rows, &self.plan.columns)?;
            let columns = self.plan.output.record_batch(columns, rows.len())?;
            let times: ScalarBuffer<i64> = self.store.times(&rows);
            out.batch(Batch::new(columns, times))?;
            rows.into_iter().try_for_each(|row| self.store.remove(row))?;
        }
        out.arm(self.armed());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let entry = [self.given, self.watermark].iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut changes = vec![StateChange::Operator { state: GIVEN.name, entry }];
        self.store.changes(&mut changes)?;
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let entries = EntriesView { count: self.store.len() as u64, bytes: self.store.bytes() as u64 };
        OperatorView {
            watermark: None,
            sections: vec![Section::Entries(entries), Section::Timers(self.waiting.len() as u64)],
        }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(Some(self.store.read(query)?.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Arg, ChangelogMode};
    use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order};
    use crate::operators::testing::{FakeStream, Random, Values, at, batch, column};
    use crate::types::NO_TIME;

    fn by(name: &str) -> Arg {
        Arg::Order(vec![OrderItem { expr: column(name), descending: false, nulls_first: None }])
    }

    fn planned(late_to: bool) -> Arc<dyn PlannedOperator> {
        let mut stream = FakeStream::new(&rows(&[], 0).0);
        let late = late_to.then(|| ("late_to", Arg::Name(at("late".to_owned()))));
        let clauses = late.into_iter().collect();
        stream.stage("order_by", vec![by("event_time")], clauses).expect("binds");
        stream.applied.pop().expect("an operator")
    }

    fn rows(times: &[i64], first: i64) -> (Schema, Batch) {
        let (schema, rows) = batch(vec![("n", Values::ints((first..).take(times.len())))]);
        (schema, rows.with_times(times.to_vec().into()))
    }

    /// Random rows and watermarks, some late, some without a time, and what comes of them: in order, late, and still waiting.
    fn random(random: &mut Random) -> (Vec<Step>, Vec<String>, Vec<String>) {
        let (mut script, mut told, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let mut waiting: Vec<(i64, i64)> = Vec::new();
        let (mut number, mut watermark, mut given) = (0, 0, i64::MIN);
        for step in 0..16 {
            if random.below(3) == 0 || step == 15 {
                watermark = if step == 15 { i64::MAX } else { watermark + 1 + random.int(6) };
                script.push(Step::Watermark(watermark));
                // Stable.
                waiting.sort_by_key(|row| row.0);
                let due = waiting.iter().take_while(|row| row.0 <= watermark).count();
                for (time, number) in waiting.drain(..due) {
                    given = time;
                    told.push(format!("{number} @{time}"));
                }
                continue;
            }
            let times: Vec<i64> = (0..=random.below(5))
                .map(|_| if random.below(9) == 0 { NO_TIME } else { watermark - 3 + random.int(8) })
                .collect();
            script.push(Step::Rows(0, rows(&times, number).1));
            for time in times {
                if time > given {
                    waiting.push((time, number));
                } else if time == NO_TIME {
                    late.push(format!("late: {number}"));
                } else {
                    late.push(format!("late: {number} @{time}"));
                }
                number += 1;
            }
        }
        (script, told, late)
    }

    #[test]
    fn rows_come_in_the_order_of_their_event_times_and_late_ones_do_not() {
        for seed in 0..cases(60) {
            let (script, told, late) = random(&mut Random(seed << 16));
            let found = in_order(&*planned(true), &script);
            assert_eq!((found.rows, found.side, found.late), (told, late.clone(), late.len() as u64), "seed {seed}");
        }
    }

    #[test]
    fn broken_anywhere_the_order_is_the_same() {
        for seed in 0..4 {
            broken_anywhere(&*planned(true), &random(&mut Random(seed << 16)).0);
        }
    }

    #[test]
    fn what_nobody_reads_is_not_kept_but_for_late_rows() {
        assert!(planned(true).prune(&[]).is_none());
        let pruned = planned(false).prune(&[]).expect("narrows");
        let (_, input) = rows(&[3, 1], 0);
        let input = Batch::new(input.columns().project(&[]).expect("projects"), input.times().clone());
        assert_eq!(pruned.inputs, [Vec::<usize>::new()]);
        assert_eq!(in_order(&*pruned.operator, &[Step::Rows(0, input)]).rows, [" @1", " @3"]);
    }

    #[test]
    fn changes_and_rows_without_times_are_refused() {
        let head = || vec![by("event_time")];
        let mut stream = FakeStream::new(&rows(&[], 0).0);
        stream.shape.changelog = ChangelogMode::Retract(None);
        let refused = stream.stage("order_by", head(), vec![]).expect_err("is refused");
        assert!(refused.to_string().contains("`to_changelog` makes rows of them"), "{refused}");
        stream.shape.time.event_time = false;
        let refused = stream.stage("order_by", head(), vec![]).expect_err("is refused");
        assert!(refused.message.contains("no event time"), "{refused}");
    }
}
