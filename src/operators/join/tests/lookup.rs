//! `lookup`: what each row finds at the time at which its key is asked for. No look-up source that comes with Flink is at
//! hand here (its file system has none), so that a plain model stands for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Wake;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};

use super::{Row, column, key, on, rows, schemas, text};
use crate::api::{
    Arg, Bounds, ChangelogMode, Found, Lookup, LookupSource, LookupStart, LookupTable, NamedStream, PlannedOperator,
    PlannedSource, Rejected, Source, SourcePoll, SourceStart, StreamShape,
};
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order, straight};
use crate::operators::testing::{FakeStream, Random, Recorder, at, context};
use crate::types::{CheckpointId, Clock, MIN_WATERMARK, Result, RowKind, Schema, SystemClock, VirtualClock};

/// The values that the table has of key `k` as of `version`: none, one, or several.
fn values(k: i64, version: i64) -> Vec<i64> {
    (0..(k + version).rem_euclid(4)).map(|n| 10 * version + n).collect()
}

/// A table of keys 0, 1 and 2, of which there is a version at any time.
#[derive(Debug, Default)]
struct Table {
    version: AtomicI64,
    /// When the next version comes, every so many milliseconds; 0 for never.
    every_ms: i64,
    /// Whether it can be asked for single keys.
    asked: bool,
    /// Asked so, an answer on `k` takes `delays[k]`.
    delays: [i64; 3],
    reads: AtomicUsize,
    bad_row: AtomicBool,
    unbounded: bool,
}

impl Table {
    fn now(&self, now_ms: i64) -> i64 {
        self.version.load(Ordering::SeqCst) + now_ms.checked_div(self.every_ms).unwrap_or(0)
    }

    fn rows(&self, keys: impl IntoIterator<Item = i64>, now_ms: i64) -> (Vec<(i64, i64)>, Vec<usize>) {
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for k in keys {
            let known = if (0..3).contains(&k) { values(k, self.now(now_ms)) } else { Vec::new() };
            rows.extend(known.into_iter().map(|w| (k, w)));
            ends.push(rows.len());
        }
        (rows, ends)
    }
}

fn record(rows: &[(i64, i64)], columns: &[usize]) -> RecordBatch {
    let [_, right] = schemas();
    let all: [ArrayRef; 2] = [
        Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
    ];
    let columns_of: Vec<ArrayRef> = columns.iter().map(|&column| all[column].clone()).collect();
    right.project(columns).record_batch(columns_of, rows.len()).expect("fits")
}

/// The table as a source.
#[derive(Debug, Clone)]
struct Of(Arc<Table>, Schema);

impl Of {
    fn new(table: Table) -> (Arc<Table>, Arc<Self>) {
        let table = Arc::new(table);
        let [_, right] = schemas();
        (Arc::clone(&table), Arc::new(Self(table, right)))
    }
}

impl PlannedSource for Of {
    fn describe(&self) -> String {
        "fake 'table'".to_owned()
    }

    fn schema(&self) -> &Schema {
        &self.1
    }

    fn bounds(&self) -> Bounds {
        if self.0.unbounded { Bounds::Unbounded } else { Bounds::Bounded }
    }

    fn version(&self) -> Result<Option<String>> {
        Ok(Some(self.0.version.load(Ordering::SeqCst).to_string()))
    }

    fn lookup(&self) -> Option<Arc<dyn LookupTable>> {
        self.0.asked.then(|| -> Arc<dyn LookupTable> { Arc::new(self.clone()) })
    }

    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        let (rows, _) = self.0.rows(0..3, start.clock.now_ms());
        let bad = self.0.bad_row.load(Ordering::SeqCst);
        Ok(vec![Box::new(Reader { rows: Some(record(&rows, &start.projection)), bad })])
    }
}

struct Reader {
    rows: Option<RecordBatch>,
    bad: bool,
}

impl Source for Reader {
    fn poll(&mut self) -> Result<SourcePoll> {
        let bad = || Rejected { place: "table.csv:3".into(), row: b"0,x".to_vec(), message: "`x` is no bigint".into() };
        let rejected = self.bad.then(|| (0, bad())).into_iter().collect();
        Ok(self.rows.take().map_or(SourcePoll::End, |rows| SourcePoll::Rows { rows, rejected }))
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

impl LookupTable for Of {
    fn describe(&self) -> String {
        PlannedSource::describe(self)
    }

    fn open(&self, start: &LookupStart) -> Result<Arc<dyn Lookup>> {
        Ok(Arc::new(Open { of: self.clone(), start: start.clone() }))
    }
}

struct Open {
    of: Of,
    start: LookupStart,
}

impl Lookup for Open {
    fn ask(&self, keys: &[ArrayRef]) -> Result<Found> {
        let now_ms = self.start.clock.now_ms();
        self.of.0.reads.fetch_add(1, Ordering::SeqCst);
        let keys = keys[0].as_primitive::<Int64Type>().values().to_vec();
        let (rows, ends) = self.of.0.rows(keys, now_ms);
        Ok(Found { rows: record(&rows, &self.start.columns), ends, as_of_ms: now_ms })
    }

    fn takes_ms(&self, keys: &[ArrayRef]) -> i64 {
        let keys = keys[0].as_primitive::<Int64Type>().values().iter();
        keys.filter_map(|k| self.of.0.delays.get(usize::try_from(k.rem_euclid(3)).ok()?).copied()).max().unwrap_or(0)
    }
}

fn literal(literal: Literal) -> ExprNode {
    at(Expr::Literal(literal))
}

fn duration(ms: i64) -> ExprNode {
    literal(Literal::IntervalDayTime(ms))
}

type Setting = (&'static str, ExprNode);

fn bound(
    source: Arc<Of>,
    stage: &str,
    on: ExprNode,
    changes: bool,
    settings: Vec<Setting>,
) -> Result<(Arc<dyn PlannedOperator>, StreamShape), crate::types::Diagnostic> {
    let [left, right] = schemas();
    let mut stream = FakeStream::new(&left);
    stream.shape.name = Some(at("l".to_owned()));
    if changes {
        stream.shape.changelog = ChangelogMode::Retract(None);
    }
    let source = LookupSource { name: "right".to_owned(), source, primary_key: None, skips_unreadable: false };
    stream.tables = vec![(source, StreamShape::of(right))];
    let named = NamedStream { name: at("right".to_owned()), alias: Some(at("r".to_owned())) };
    let settings = settings.into_iter().map(|(name, value)| (at(name.to_owned()), value)).collect();
    let clauses = vec![("on", Arg::Expr(on)), ("lookup", Arg::Flag), ("with", Arg::Options(settings))];
    stream.stage(stage, vec![Arg::Stream(named)], clauses)?;
    Ok((Arc::clone(stream.applied.last().expect("applied")), stream.shape))
}

fn settings(ordered: bool, concurrency: usize, cache_ms: i64) -> Vec<Setting> {
    let mut all = vec![
        ("ordered", literal(Literal::Boolean(ordered))),
        ("concurrency", literal(Literal::Integer(concurrency.to_string()))),
    ];
    if cache_ms > 0 {
        all.push(("cache", duration(cache_ms)));
    }
    all
}

fn line((k, v, t): Row, w: Option<i64>) -> String {
    let found = w.map_or_else(|| "null|null".to_owned(), |w| format!("{}|{w}", text(k)));
    format!("{}|{v}|{found} @{t}", text(k))
}

/// The lines of a row that finds `found`.
fn joined(row: Row, found: Vec<i64>, left_join: bool, residual: bool) -> Vec<String> {
    let met: Vec<i64> = found.into_iter().filter(|w| !residual || row.1 <= *w).collect();
    if met.is_empty() && left_join {
        return vec![line(row, None)];
    }
    met.into_iter().map(|w| line(row, Some(w))).collect()
}

fn random_rows(random: &mut Random, most: u64) -> Vec<Row> {
    let row = |random: &mut Random| {
        // Key 3 is none of the table's; times go back and forth.
        let k = if random.below(6) == 0 { Some(3) } else { key(random) };
        (k, random.below(40).cast_signed(), random.below(20).cast_signed())
    };
    (0..=random.below(most)).map(|_| row(random)).collect()
}

fn requests(random: &mut Random) -> usize {
    usize::try_from(random.below(4)).unwrap_or(0) + 1
}

#[test]
fn each_row_finds_what_the_table_has_when_it_comes() {
    for case in 0..cases(30) {
        let mut random = Random(case);
        let (left_join, residual) = (random.below(2) == 0, random.below(2) == 0);
        let (cache_ms, asked) = (random.below(3).cast_signed() * 20, random.below(2) == 0);
        // Read whole, a table is another only when its version says so.
        let every_ms = if asked { 15 } else { 0 };
        let (table, source) = Of::new(Table { every_ms, asked, ..Table::default() });
        let stage = if left_join { "left join" } else { "join" };
        let concurrency = requests(&mut random);
        let (planned, _) =
            bound(source, stage, on(residual), false, settings(true, concurrency, cache_ms)).expect("binds");
        let (mut steps, mut expected, mut now_ms) = (Vec::new(), Vec::new(), 0);
        let mut known: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for _ in 0..random.below(20) {
            if random.below(2) == 0 {
                now_ms += random.below(30).cast_signed();
                steps.push(Step::Clock(now_ms));
            }
            let some = random_rows(&mut random, 8);
            for &row in &some {
                let version = row.0.map(|k| {
                    let fresh = known.get(&k).filter(|(until, _)| cache_ms > 0 && now_ms < *until);
                    let version = fresh.map_or_else(|| table.now(now_ms), |(_, version)| *version);
                    let until = fresh.map_or(now_ms + cache_ms, |(until, _)| *until);
                    known.insert(k, (until, version));
                    if (0..3).contains(&k) { values(k, version) } else { Vec::new() }
                });
                expected.extend(joined(row, version.unwrap_or_default(), left_join, residual));
            }
            steps.push(Step::Rows(0, rows(0, &some)));
            // What a batch asks for is answered before the clock goes on.
            steps.push(Step::Clock(now_ms));
        }
        assert_eq!(in_order(&*planned, &steps).rows, expected, "case {case}");
    }
}

#[test]
fn a_run_that_breaks_anywhere_loses_no_row_and_gives_none_twice() {
    for case in 0..cases(30) {
        let mut random = Random(case);
        let delays = [0; 3].map(|_| random.below(3).cast_signed() * 7);
        let changes = random.below(4) == 0;
        let (_, source) = Of::new(Table { asked: random.below(4) > 0, delays, version: 1.into(), ..Table::default() });
        let (left_join, residual, ordered) = (random.below(2) == 0, random.below(2) == 0, random.below(2) == 0);
        let settings = settings(ordered, requests(&mut random), random.below(2).cast_signed() * 10);
        let stage = if left_join { "left join" } else { "join" };
        let (planned, shape) = bound(source, stage, on(residual), changes, settings).expect("binds");
        assert_eq!(shape.changelog.is_append(), !changes);
        let (mut steps, mut expected, mut now_ms) = (Vec::new(), Vec::new(), 0);
        for _ in 0..=random.below(5) {
            let some = random_rows(&mut random, 6);
            let kinds: Vec<RowKind> =
                some.iter().map(|_| if random.below(2) == 0 { RowKind::Insert } else { RowKind::Delete }).collect();
            for (&row, kind) in some.iter().zip(&kinds) {
                let found = row.0.filter(|k| (0..3).contains(k)).map_or_else(Vec::new, |k| values(k, 1));
                let kind = if changes { format!("{} ", kind.short()) } else { String::new() };
                let lines = joined(row, found, left_join, residual);
                expected.extend(lines.into_iter().map(|line| format!("{kind}{line}")));
            }
            let kinds = changes.then(|| kinds.iter().map(|kind| *kind as i8).collect());
            steps.push(Step::Rows(0, rows(0, &some).with_kinds(kinds)));
            if random.below(2) == 0 {
                now_ms += random.below(20).cast_signed();
                steps.push(Step::Clock(now_ms));
            }
        }
        // Time passes until all is answered.
        steps.extend((1..40).map(|n| Step::Clock(now_ms + n * 7)));
        if ordered || changes {
            assert_eq!(in_order(&*planned, &steps).rows, expected, "case {case}");
        }
        expected.sort();
        assert_eq!(straight(&*planned, &steps).rows, expected, "case {case}");
        if steps.len() < 46 {
            broken_anywhere(&*planned, &steps);
        }
    }
}

/// Runs an instance on a virtual clock: rows that come, watermarks, and the time that passes.
fn run(planned: &dyn PlannedOperator, script: &[(&str, i64)]) -> Vec<String> {
    let clock = VirtualClock::at(0);
    let mut context = context();
    context.clock = Arc::new(clock.clone());
    let mut operator = planned.create(&context).expect("creates");
    let mut out = Recorder::default();
    for &(what, value) in script {
        match what {
            "row" => operator.process(0, rows(0, &[(Some(value), 0, value)]), &mut out).expect("processes"),
            "watermark" => operator.watermark(value, &mut out).expect("waits"),
            _ => clock.advance_to(value),
        }
        while out.armed.more || out.armed.processing_time_ms.is_some_and(|due_ms| due_ms <= clock.now_ms()) {
            out.armed = crate::api::Armed::NOTHING;
            let now = crate::api::Moment { watermark: MIN_WATERMARK, now_ms: clock.now_ms() };
            if let Err(error) = operator.advance(now, &mut out) {
                out.elements.push(error.to_string());
                return out.elements;
            }
        }
    }
    out.elements
}

#[test]
fn unordered_rows_overtake_each_other_but_no_watermark() {
    let table = || Table { asked: true, delays: [30, 20, 10], version: 1.into(), ..Table::default() };
    let script = [
        ("row", 0),
        ("row", 1),
        ("watermark", 5),
        ("row", 2),
        ("watermark", 6),
        ("time", 10),
        ("time", 20),
        ("time", 30),
    ];
    let of = |ordered: bool| {
        let (_, source) = Of::new(table());
        let (planned, _) = bound(source, "join", on(false), false, settings(ordered, 8, 0)).expect("binds");
        run(&*planned, &script)
    };
    let [zero, one, one_more] = ["0|0|0|10 @0", "1|0|1|10 @1", "1|0|1|11 @1"];
    let two = ["2|0|2|10 @2", "2|0|2|11 @2", "2|0|2|12 @2"];
    let rest = ["~5", two[0], two[1], two[2], "~6"];
    assert_eq!(of(true), [&[zero, one, one_more][..], &rest].concat());
    assert_eq!(of(false), [&[one, one_more, zero][..], &rest].concat());
}

#[test]
fn one_request_at_a_time_and_a_slow_one_is_an_error() {
    let of = |concurrency: usize, timeout: i64| {
        let (_, source) = Of::new(Table { asked: true, delays: [30; 3], version: 1.into(), ..Table::default() });
        let mut settings = settings(true, concurrency, 0);
        settings.push(("timeout", duration(timeout)));
        let (planned, _) = bound(source, "join", on(false), false, settings).expect("binds");
        run(&*planned, &[("row", 0), ("row", 1), ("time", 20), ("time", 30), ("time", 45), ("time", 60)])
    };
    assert_eq!(of(1, 40), ["0|0|0|10 @0", "1|0|1|10 @1", "1|0|1|11 @1"]);
    insta::assert_snapshot!(of(2, 20).join("\n"), @"a look-up in fake 'table' has taken longer than 20ms; `with (timeout = …)` gives it more time");
}

#[test]
fn a_table_that_is_read_whole_is_read_again_when_it_has_changed() {
    let (table, source) = Of::new(Table { version: 1.into(), ..Table::default() });
    let (planned, _) = bound(source, "join", on(false), false, settings(true, 4, 100)).expect("binds");
    let clock = VirtualClock::at(0);
    let mut context = context();
    context.clock = Arc::new(clock.clone());
    let mut operator = planned.create(&context).expect("creates");
    let mut ask = |now_ms: i64| {
        clock.advance_to(now_ms);
        let mut out = Recorder::default();
        operator.process(0, rows(0, &[(Some(0), 0, 0)]), &mut out).expect("processes");
        while out.armed.processing_time_ms.is_some_and(|due_ms| due_ms <= now_ms) {
            out.armed = crate::api::Armed::NOTHING;
            let now = crate::api::Moment { watermark: MIN_WATERMARK, now_ms };
            operator.advance(now, &mut out).map_err(|error| error.to_string())?;
        }
        Ok::<_, String>(out.elements.len())
    };
    assert_eq!((ask(0), ask(50)), (Ok(1), Ok(1)));
    table.version.store(2, Ordering::SeqCst);
    assert_eq!((ask(99), table.reads.load(Ordering::SeqCst)), (Ok(1), 1), "the entry's time is not over");
    assert_eq!((ask(100), table.reads.load(Ordering::SeqCst)), (Ok(2), 2));
    assert_eq!((ask(500), table.reads.load(Ordering::SeqCst)), (Ok(2), 2), "it has not changed");
    table.version.store(3, Ordering::SeqCst);
    table.bad_row.store(true, Ordering::SeqCst);
    insta::assert_snapshot!(ask(700).unwrap_err(), @"table.csv:3: `x` is no bigint, in the row 0,x");
}

/// Set when an operator is woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn threads_ask_where_time_is_not_virtual() {
    let (table, source) = Of::new(Table { asked: true, version: 1.into(), ..Table::default() });
    let (planned, _) = bound(source, "left join", on(false), false, settings(true, 3, 60_000)).expect("binds");
    let woken = Arc::new(Flag::default());
    let clock = Arc::new(SystemClock::new());
    let mut context = context();
    (context.clock, context.waker) = (clock.clone(), Arc::clone(&woken).into());
    context.batch_rows = 16;
    let mut operator = planned.create(&context).expect("creates");
    let (mut out, mut random, mut expected) = (Recorder::default(), Random(1), Vec::new());
    let begun = Mutex::new(clock.nanos());
    for batch in 0..50 {
        let some = random_rows(&mut random, 30);
        for &row in &some {
            let found = row.0.filter(|k| (0..3).contains(k)).map_or_else(Vec::new, |k| values(k, 1));
            expected.extend(joined(row, found, true, false));
        }
        operator.process(0, rows(0, &some), &mut out).expect("processes");
        operator.watermark(batch, &mut out).expect("waits");
        expected.push(format!("~{batch}"));
        while out.armed.unfinished {
            assert!(clock.nanos() - *begun.lock().expect("alone") < 60_000_000_000, "no answer comes");
            if out.armed.more || woken.0.swap(false, Ordering::SeqCst) {
                out.armed = crate::api::Armed::NOTHING;
                let now = crate::api::Moment { watermark: MIN_WATERMARK, now_ms: clock.now_ms() };
                operator.advance(now, &mut out).expect("goes on");
            } else {
                std::thread::yield_now();
            }
        }
    }
    assert_eq!(out.elements, expected);
    // Four keys, each asked for once; several may go in one request.
    assert!((1..=4).contains(&table.reads.load(Ordering::SeqCst)));
}

#[test]
fn what_can_not_be_looked_up_is_refused() {
    let refused = |table: Table, stage: &str, on: ExprNode, settings: Vec<Setting>| {
        bound(Of::new(table).1, stage, on, false, settings).expect_err("is refused").to_string()
    };
    let equals = |a: &[&str], b: &[&str]| super::binary(column(a), crate::expr::ast::BinaryOp::Eq, column(b));
    insta::assert_snapshot!([
        refused(Table { unbounded: true, ..Table::default() }, "join", on(false), Vec::new()),
        refused(Table::default(), "full join", on(false), Vec::new()),
        refused(Table::default(), "join", equals(&["l", "k"], &["v"]), Vec::new()),
        refused(Table::default(), "join", on(false), vec![("concurrency", literal(Literal::Integer("0".into())))]),
        refused(Table::default(), "join", on(false), vec![("ordered", literal(Literal::Null))]),
        refused(Table::default(), "join", on(false), vec![("ttl", duration(1))]),
    ].join("\n"), @r"
    rows can't be looked up in `right`: it has no end (a look-up goes to a table that can be read whole; `as of` joins with a stream of versions)
    `full join` takes no `lookup` (rows are looked up for each left row: there are `join` and `left join`)
    `on` must say what a column of `r` equals (its rows are looked up by that; where types differ, cast the left value to the column's type)
    option `concurrency` takes a whole number from 1 to 4096
    option `ordered` takes true or false
    this join has no option `ttl` (it has cache, concurrency, ordered, timeout)
    ");
    let (planned, shape) =
        bound(Of::new(Table::default()).1, "left join", on(true), false, settings(false, 4, 60_000)).expect("binds");
    assert_eq!(shape.schema.to_string(), "(k bigint, v bigint, r_k bigint, w bigint)");
    assert!(shape.time.event_time);
    insta::assert_snapshot!(planned.describe(), @"joinType=[LeftOuterJoin], table=[fake 'table'], async=[unordered, concurrency 4, timeout 3m], cache=[1m], where=[k = k and v <= w], select=[k, v, r_k, w]");
    let pruned = planned.prune(&[3]).expect("narrows");
    assert_eq!((pruned.inputs, pruned.operator.output().to_string()), (vec![vec![0, 1]], "(w bigint)".to_owned()));
}
