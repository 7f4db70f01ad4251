//! The un-windowed aggregate: scripts of rows in, changes out, and a plain reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{Arg, Armed, ChangelogMode, Operator, Output, PlannedOperator, Rejected, StateRead};
use crate::expr::ast::{Expr, Literal};
use crate::expr::{EvalContext, Evaluator, bind};
use crate::inspect::{StateOrigin, StateQuery};
use crate::operators::testing::{
    FakeStream, MemoryState, Random, Recorder, Values, aggregates, apply, at, batch, context, given_at_the_end,
    instance, names, run, with_memory,
};
use crate::types::{Batch, ChangelogTable, CheckpointId, Field, LogicalType, Result, RowKind, Schema};

mod cold;

fn planned(input: &Batch, changelog: bool, calls: Arg) -> Arc<dyn PlannedOperator> {
    let fields: Vec<Field> = input
        .columns()
        .schema_ref()
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), LogicalType::from_arrow(field.data_type()).expect("a type of ours")))
        .collect();
    let mut stream = FakeStream::new(&Schema::new(fields));
    stream.shape.changelog = if changelog { ChangelogMode::Retract(None) } else { ChangelogMode::Append };
    stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    stream.stage("aggregate", vec![calls], vec![]).expect("binds");
    assert!(!stream.shape.changelog.is_append());
    stream.applied.pop().expect("an operator")
}

fn changes(kinds: &[RowKind], keys: &[i64], prices: &[Option<i64>]) -> Batch {
    let (_, rows) = batch(vec![("key", Values::ints(keys.iter().copied())), ("price", Values::Int(prices.to_vec()))]);
    if kinds.is_empty() { rows } else { rows.with_kinds(Some(kinds.iter().map(|&kind| kind as i8).collect())) }
}

#[test]
fn each_row_gives_the_old_and_the_new_result() {
    let input = changes(&[], &[1, 2, 1, 1], &[Some(10), None, Some(5), None]);
    let calls = aggregates(&[("count", None, "n"), ("sum", Some("price"), "total"), ("avg", Some("price"), "mean")]);
    let out = run(&*planned(&input, false, calls), vec![input.slice(0, 2), input.slice(2, 2)]);
    assert_eq!(
        out.elements,
        ["+I 1|1|10|10", "+I 2|1|null|null", "-U 1|1|10|10", "+U 1|2|15|7", "-U 1|2|15|7", "+U 1|3|15|7",]
    );
}

#[test]
fn a_result_that_stays_the_same_is_not_emitted() {
    let input = changes(&[], &[1, 1, 1, 1], &[Some(10), Some(3), None, Some(11)]);
    let out = run(&*planned(&input, false, aggregates(&[("max", Some("price"), "top")])), vec![input]);
    assert_eq!(out.elements, ["+I 1|10", "-U 1|10", "+U 1|11"]);
}

/// A batch of one key with a column `x`: array, map and row of each number.
fn nested(numbers: &[i64]) -> Vec<Batch> {
    let schema = Schema::new([Field::new("n", LogicalType::BigInt)]);
    let n = || at(Expr::Column(vec![at("n".to_owned())]));
    let text = |text: &str| at(Expr::Literal(Literal::String(text.to_owned())));
    let exprs = [Expr::Array(vec![n()]), Expr::Map(vec![(text("k"), n())]), Expr::Row(vec![n(), text("a")])];
    let (_, rows) = batch(vec![("n", Values::ints(numbers.iter().copied()))]);
    exprs
        .into_iter()
        .map(|expr| {
            let expr = bind(&at(expr), &schema).expect("binds");
            let x = Evaluator::new(&expr).evaluate(rows.columns(), &mut EvalContext::default()).expect("evaluates");
            let keys = Values::ints(numbers.iter().map(|_| 1));
            batch(vec![("key", keys), ("x", Values::Any(expr.ty().clone(), x))]).1
        })
        .collect()
}

#[test]
fn first_and_last_hold_arrays_maps_and_rows() {
    let calls = || aggregates(&[("first_value", Some("x"), "first"), ("last_value", Some("x"), "last")]);
    let shown: Vec<Vec<String>> = nested(&[7, 7, 8])
        .into_iter()
        .map(|input| run(&*planned(&input, false, calls()), vec![input]).elements)
        .collect();
    assert_eq!(shown[0], ["+I 1|[7]|[7]", "-U 1|[7]|[7]", "+U 1|[7]|[8]"]);
    assert_eq!(shown[1], ["+I 1|{k: 7}|{k: 7}", "-U 1|{k: 7}|{k: 7}", "+U 1|{k: 7}|{k: 8}"]);
    let row = |n: i64| format!("{{EXPR$0: {n}, EXPR$1: a}}");
    let (seven, eight) = (row(7), row(8));
    assert_eq!(
        shown[2],
        [format!("+I 1|{seven}|{seven}"), format!("-U 1|{seven}|{seven}"), format!("+U 1|{seven}|{eight}")]
    );
}

#[test]
fn every_nan_is_one_value_above_all_and_zeros_are_two() {
    // A computed NaN has another bit pattern than one that was read.
    let values = || Values::Double(vec![Some(1.0), Some(-f64::NAN), Some(f64::NAN), Some(0.0), Some(-0.0)]);
    let (schema, input) = batch(vec![("key", values()), ("x", values())]);
    let calls =
        || aggregates(&[("min", Some("x"), "low"), ("max", Some("x"), "high"), ("count distinct", Some("x"), "n")]);
    let mut all = FakeStream::new(&schema);
    all.stage("aggregate", vec![calls()], vec![]).expect("binds");
    assert_eq!(run(all.last(), vec![input.clone()]).elements.last().expect("a result"), "+U -0.0|NaN|4");
    let by_key = run(&*planned(&input, false, aggregates(&[("count", None, "n")])), vec![input.clone()]);
    assert_eq!(by_key.elements, ["+I 1.0|1", "+I NaN|1", "-U NaN|1", "+U NaN|2", "+I 0.0|1", "+I -0.0|1"]);
    // The same when rows may be taken back: every value is kept then.
    all.shape = FakeStream::new(&schema).shape;
    all.shape.changelog = ChangelogMode::Retract(None);
    all.stage("aggregate", vec![calls()], vec![]).expect("binds");
    let input = input.with_kinds(Some(vec![RowKind::Insert as i8; 5].into()));
    assert_eq!(run(all.last(), vec![input]).elements.last().expect("a result"), "+U -0.0|NaN|4");
}

#[test]
fn rows_are_taken_back_and_an_empty_group_is_deleted() {
    use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
    let input = changes(
        &[Delete, Insert, Insert, UpdateBefore, UpdateAfter, Delete, Delete, Insert],
        &[7, 1, 1, 1, 1, 1, 1, 1],
        &[Some(1), Some(10), Some(20), Some(20), Some(5), Some(5), Some(10), Some(2)],
    );
    let calls = aggregates(&[
        ("max", Some("price"), "top"),
        ("min", Some("price"), "low"),
        ("last", Some("price"), "last"),
        ("count distinct", Some("price"), "d"),
        ("sum", Some("price"), "total"),
    ]);
    let operator = planned(&input, true, calls);
    let expected = [
        "+I 1|10|10|10|1|10",
        "-U 1|10|10|10|1|10",
        "+U 1|20|10|20|2|30",
        "-U 1|20|10|20|2|30",
        "+U 1|10|10|10|1|10",
        "-U 1|10|10|10|1|10",
        "+U 1|10|5|5|2|15",
        "-U 1|10|5|5|2|15",
        "+U 1|10|10|10|1|10",
        "-D 1|10|10|10|1|10",
        "+I 1|2|2|2|1|2",
    ];
    assert_eq!(run(&*operator, vec![input.clone()]).elements, expected);
    let one_by_one = (0..input.rows()).map(|row| input.slice(row, 1)).collect();
    assert_eq!(run(&*operator, one_by_one).elements, expected);
}

#[test]
fn without_keys_nothing_comes_of_nothing() {
    let (schema, input) = batch(vec![("price", Values::ints([1, 2]))]);
    let mut stream = FakeStream::new(&schema);
    stream.stage("aggregate", vec![aggregates(&[("count", None, "n")])], vec![]).expect("binds");
    assert_eq!(stream.last().parallelism(), Some(1));
    assert_eq!(run(stream.last(), vec![]).elements, Vec::<String>::new());
    assert_eq!(run(stream.last(), vec![input]).elements, ["+I 1", "-U 1", "+U 2"]);
}

/// The table that the changelog of `rows` describes when it is over.
fn table(rows: &[&str]) -> BTreeMap<String, usize> {
    let mut table = ChangelogTable::new(None);
    for row in rows {
        let (kind, content) = row.split_at(3);
        let kind = if kind.starts_with('+') { RowKind::Insert } else { RowKind::Delete };
        assert!(table.apply(kind, vec![content.to_owned()]), "{row} takes back what is not there");
    }
    let mut counts = BTreeMap::new();
    for row in table.rows() {
        *counts.entry(row.concat()).or_default() += 1;
    }
    counts
}

/// A changelog over few keys in which rows come and go, some of them taken back.
fn random_changes(seed: u64, count: usize) -> Batch {
    let mut random = Random(seed << 32);
    let mut held: Vec<(i64, Option<i64>)> = Vec::new();
    let (mut kinds, mut keys, mut prices) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        let taken = (random.below(5) < 2).then(|| random.below(held.len().max(1) as u64));
        let taken = taken.and_then(|at| usize::try_from(at).ok()).filter(|&at| at < held.len());
        let (kind, (key, price)) = if let Some(at) = taken {
            (RowKind::Delete, held.swap_remove(at))
        } else {
            let price = (random.below(6) > 0).then(|| random.int(9));
            held.push((random.int(5), price));
            (RowKind::Insert, held[held.len() - 1])
        };
        kinds.push(kind);
        keys.push(key);
        prices.push(price);
    }
    changes(&kinds, &keys, &prices)
}

fn reference(input: &Batch) -> BTreeMap<String, usize> {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    let keys = input.column(0).as_primitive::<Int64Type>();
    let prices = input.column(1).as_primitive::<Int64Type>();
    let mut groups: BTreeMap<i64, Vec<Option<i64>>> = BTreeMap::new();
    for row in 0..input.rows() {
        let price = arrow_array::Array::is_valid(prices, row).then(|| prices.value(row));
        let values = groups.entry(keys.value(row)).or_default();
        if input.kind(row).adds() {
            values.push(price);
        } else {
            let at = values.iter().position(|value| *value == price).expect("it was added");
            values.remove(at);
        }
    }
    let show = |value: Option<i64>| value.map_or("null".to_owned(), |value| value.to_string());
    let mut table = BTreeMap::new();
    for (key, values) in groups.into_iter().filter(|(_, values)| !values.is_empty()) {
        let mut known: Vec<i64> = values.iter().flatten().copied().collect();
        let total = (!known.is_empty()).then(|| known.iter().sum());
        known.sort_unstable();
        let (low, top) = (known.first().copied(), known.last().copied());
        known.dedup();
        let line = format!("{key}|{}|{}|{}|{}|{}", values.len(), show(total), show(low), show(top), known.len());
        *table.entry(line).or_default() += 1;
    }
    table
}

fn checked_calls() -> Arg {
    aggregates(&[
        ("count", None, "n"),
        ("sum", Some("price"), "total"),
        ("min", Some("price"), "low"),
        ("max", Some("price"), "top"),
        ("count distinct", Some("price"), "d"),
    ])
}

#[test]
fn the_changes_describe_the_right_table_in_any_batch_size() {
    for seed in 0..10 {
        let input = random_changes(seed, 300);
        let operator = planned(&input, true, checked_calls());
        let mut whole: Option<Vec<String>> = None;
        for size in [1, 7, 300] {
            let pieces = (0..input.rows()).step_by(size);
            let pieces = pieces.map(|from| input.slice(from, size.min(input.rows() - from))).collect();
            let out = run(&*operator, pieces);
            assert_eq!(table(&out.rows()), reference(&input), "seed {seed}, batches of {size}");
            assert_eq!(whole.get_or_insert(out.elements.clone()), &out.elements, "seed {seed}, batches of {size}");
        }
    }
}

#[test]
fn snapshots_restored_at_another_parallelism_change_nothing() {
    for seed in 20..30 {
        let input = random_changes(seed, 240);
        let operator = planned(&input, true, checked_calls());
        let straight = run(&*operator, vec![input.clone()]);
        let mut state = MemoryState::default();
        let mut restored: Option<MemoryState> = None;
        let mut rows: Vec<String> = Vec::new();
        let mut random = Random(seed);
        let mut from = 0;
        for parallelism in [1, 3, 2, 1] {
            let contexts: Vec<_> =
                (0..parallelism).map(|subtask| instance(subtask, parallelism, restored.as_ref())).collect();
            let mut instances: Vec<Box<dyn Operator>> =
                contexts.iter().map(|context| operator.create(context).expect("creates")).collect();
            for part in 0..2 {
                let rest = input.rows() - from;
                let last = rows.len() == usize::MAX || (parallelism == 1 && restored.is_some() && part == 1);
                let count = if last { rest } else { usize::try_from(random.below(40)).expect("small").min(rest) };
                for row in from..from + count {
                    let row = input.slice(row, 1);
                    let mut hashes = Vec::new();
                    crate::types::key_group::hash_keys(&[row.column(0).clone()], &mut hashes).expect("hashes");
                    let group = crate::types::key_group::key_group(hashes[0], 128);
                    let owner = crate::types::key_group::subtask_of(group, parallelism, 128);
                    let mut out = Recorder::default();
                    instances[owner].process(0, row, &mut out).expect("processes");
                    rows.extend(out.elements);
                }
                from += count;
                for (context, operator) in contexts.iter().zip(&mut instances) {
                    apply(&mut state, context, &operator.snapshot(CheckpointId(1)).expect("snapshots"), 1);
                }
            }
            restored = Some(state.clone());
        }
        assert_eq!(from, input.rows());
        assert_eq!(rows, straight.elements, "seed {seed}");
        assert_eq!(state.entries(), reference(&input).values().sum::<usize>(), "an empty group is still stored");
    }
}

#[test]
fn an_untouched_group_is_not_written_again() {
    let input = changes(&[], &[1, 2], &[Some(1), Some(2)]);
    let operator = planned(&input, false, checked_calls());
    let mut running = operator.create(&context()).expect("creates");
    let mut out = Recorder::default();
    running.process(0, input.clone(), &mut out).expect("processes");
    let written = |running: &mut dyn Operator| {
        let mut state = MemoryState::default();
        apply(&mut state, &context(), &running.snapshot(CheckpointId(1)).expect("snapshots"), 1);
        state.entries()
    };
    assert_eq!(written(&mut *running), 2);
    assert_eq!(written(&mut *running), 0);
    running.process(0, input.slice(1, 1), &mut out).expect("processes");
    assert_eq!(written(&mut *running), 1);
    assert_eq!(running.inspect().entries().count, 2);
}

#[test]
fn pruned_it_reads_only_what_is_needed() {
    let input = changes(&[], &[1, 1], &[Some(1), Some(2)]);
    let calls = aggregates(&[("count", None, "n"), ("sum", Some("price"), "total")]);
    let pruned = planned(&input, false, calls).prune(&[1]).expect("narrows");
    assert_eq!(pruned.inputs, [vec![0]]);
    let narrowed = Batch::untimed(input.columns().project(&[0]).expect("projects"));
    assert_eq!(run(&*pruned.operator, vec![narrowed]).elements, ["+I 1", "-U 1", "+U 2"]);
}

#[test]
fn without_old_rows_it_tells_only_what_is_so_now() {
    use RowKind::{Delete, Insert};
    let input =
        changes(&[Insert, Insert, Insert, Delete, Delete], &[1, 1, 2, 1, 2], &[Some(3), Some(5), None, Some(5), None]);
    let calls = aggregates(&[("count", None, "n"), ("max", Some("price"), "top")]);
    let operator = planned(&input, true, calls);
    assert_eq!(operator.gives(&[]), ChangelogMode::Retract(Some(vec![0])));
    let operator = operator.only_after().expect("it can");
    assert_eq!(operator.gives(&[]), ChangelogMode::Upsert(vec![0]));
    let told = ["+I 1|1|3", "+U 1|2|5", "+I 2|1|null", "+U 1|1|3", "-D 2|1|null"];
    assert_eq!(run(&*operator, vec![input.clone()]).elements, told);
    // A result that stays the same is not told again.
    let operator = planned(&input, true, aggregates(&[("max", Some("price"), "top")])).only_after().expect("it can");
    let again = changes(&[Insert, Insert], &[1, 1], &[Some(3), Some(2)]);
    assert_eq!(run(&*operator, vec![again]).elements, ["+I 1|3"]);
}

#[test]
fn a_group_that_is_empty_is_not_shown() {
    use RowKind::{Delete, Insert};
    let input = changes(&[Insert, Insert, Delete, Insert], &[1, 2, 1, 3], &[Some(1), Some(2), Some(1), None]);
    let operator = planned(&input, true, checked_calls());
    let mut running = operator.create(&context()).expect("creates");
    running.process(0, input.slice(0, 2), &mut Recorder::default()).expect("processes");
    // What is stored is removed by the next snapshot only.
    running.snapshot(CheckpointId(1)).expect("snapshots");
    running.process(0, input.slice(2, 2), &mut Recorder::default()).expect("processes");
    let query = StateQuery { limit: 10, ..StateQuery::default() };
    let reads = running.read_state(&query).expect("reads").expect("shows live state");
    let view = StateRead::view(reads, ("test", "GroupAggregate"), StateOrigin::Live, &|_| 0).expect("one state");
    let keys: Vec<_> = view.rows.iter().map(|row| row.values[..2].join(" ")).collect();
    assert_eq!(keys, ["2 1", "3 1"]);
    // Looking asks for a sample of keys; it comes with the next batch.
    assert!(running.inspect().hot_keys().is_empty());
    running.process(0, input.slice(0, 2), &mut Recorder::default()).expect("processes");
    assert_eq!(running.inspect().hot_keys().len(), 2);
}

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture a_million_keys"]
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn a_million_keys_are_read_in_some_tens_of_milliseconds() {
    let keys: Vec<i64> = (0..1_000_000).map(|key| crate::types::key_group::mix(key).cast_signed() >> 20).collect();
    let input = changes(&[], &keys, &vec![Some(1); keys.len()]);
    let operator = planned(&input, false, aggregates(&[("count", None, "n"), ("sum", Some("price"), "total")]));
    let mut running = operator.create(&context()).expect("creates");
    for from in (0..keys.len()).step_by(8_000) {
        running.process(0, input.slice(from, 8_000), &mut Recorder::default()).expect("processes");
    }
    let by_key =
        StateQuery { keys: vec![("key".to_owned(), keys[7].to_string())], limit: 100, ..StateQuery::default() };
    let search = StateQuery { search: Some("777".to_owned()), limit: 100, ..StateQuery::default() };
    let first = StateQuery { limit: 100, ..StateQuery::default() };
    for (what, query) in [("first hundred", first), ("one key", by_key), ("search", search)] {
        let from = std::time::Instant::now();
        let reads = running.read_state(&query).expect("reads").expect("shows live state");
        let took = from.elapsed();
        let view = StateRead::view(reads, ("test", ""), StateOrigin::Live, &|_| 0).expect("one state");
        eprintln!("{what}: {} of {} entries match, read in {took:?}", view.matching, view.entries);
        assert!(took.as_millis() < 500, "{what} took {took:?}");
    }
}

#[test]
fn a_key_that_nobody_writes_is_forgotten_and_begins_anew() {
    use crate::operators::testing::script::{Step, broken_anywhere, in_order};
    use RowKind::{Delete, Insert};
    let rows = |kinds: &[RowKind], keys: &[i64]| Step::Rows(0, changes(kinds, keys, &vec![Some(5); keys.len()]));
    let ttl = || {
        let ttl = at(Expr::Literal(Literal::IntervalDayTime(10)));
        vec![("with", Arg::Options(vec![(at("ttl".to_owned()), ttl)]))]
    };
    for changelog in [false, true] {
        let (schema, _) = batch(vec![("key", Values::ints([])), ("price", Values::ints([]))]);
        let mut stream = FakeStream::new(&schema);
        if changelog {
            stream.shape.changelog = ChangelogMode::Retract(None);
        }
        stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
        stream.stage("aggregate", vec![checked_calls()], ttl()).expect("binds");
        let none: &[RowKind] = if changelog { &[Insert, Insert] } else { &[] };
        let mut steps = vec![
            rows(none, &[1, 2]),
            Step::Clock(5),
            rows(&none[..none.len() / 2], &[2]),
            Step::Clock(10),
            rows(none, &[1, 2]),
            Step::Clock(19),
            rows(&none[..none.len() / 2], &[1]),
            Step::Clock(20),
            rows(none, &[3, 2]),
        ];
        if changelog {
            // Nothing is left to be taken back of the key that was forgotten.
            steps.extend([Step::Clock(29), rows(&[Delete, Delete], &[1, 2]), Step::Clock(60)]);
        }
        let found = in_order(stream.last(), &steps).rows;
        let counts: Vec<String> =
            found.iter().map(|line| line.split('|').take(2).collect::<Vec<_>>().join("|")).collect();
        let mut told = vec!["+I 1|1", "+I 2|1", "-U 2|1", "+U 2|2", "+I 1|1", "-U 2|2", "+U 2|3", "-U 1|1", "+U 1|2"];
        told.extend(["+I 3|1", "+I 2|1"]);
        if changelog {
            told.push("-D 2|1");
        }
        assert_eq!(counts, told, "changelog: {changelog}");
        broken_anywhere(stream.last(), &steps);
    }
}

/// Takes what is emitted and keeps nothing of it.
struct Nowhere;

impl Output for Nowhere {
    fn batch(&mut self, _: Batch) -> Result<()> {
        Ok(())
    }

    fn watermark(&mut self, _: i64) -> Result<()> {
        Ok(())
    }

    fn side(&mut self, _: usize, _: Batch) -> Result<()> {
        Ok(())
    }

    fn reject(&mut self, _: Vec<Rejected>) -> Result<()> {
        Ok(())
    }

    fn arm(&mut self, _: Armed) {}

    fn has_room(&self) -> bool {
        true
    }

    fn close(&mut self) {}
}

#[test]
#[ignore = "a measurement of this process: cargo test --lib -- --ignored --nocapture 48_bytes_a_key"]
fn count_and_sum_take_at_most_48_bytes_a_key() {
    const BATCH: i64 = 8_000;
    let keys: i64 = std::env::var("LOTIC_KEYS").ok().and_then(|keys| keys.parse().ok()).unwrap_or(10_000_000);
    let resident = || -> i64 {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
        pages.split(' ').nth(1).expect("the second figure").parse::<i64>().expect("a number") * 4_096
    };
    let input = changes(&[], &[7], &[Some(7)]);
    let operator = planned(&input, false, aggregates(&[("count", None, "n"), ("sum", Some("price"), "total")]));
    let mut running = operator.create(&context()).expect("creates");
    running.process(0, input, &mut Nowhere).expect("processes");
    let before = resident();
    for from in (0..keys).step_by(8_000) {
        let key = |key: i64| crate::types::key_group::mix(key.cast_unsigned()).cast_signed() >> 8;
        let numbers: Vec<i64> = (from..from + BATCH).map(key).collect();
        let input = changes(&[], &numbers, &vec![Some(1); numbers.len()]);
        running.process(0, input, &mut Nowhere).expect("processes");
    }
    let bytes = (resident() - before) / keys;
    eprintln!("{bytes} bytes a key at {keys} keys");
    assert!(bytes <= 48, "{bytes} bytes a key");
}

/// With less memory than groups, partial results of a key are merged from several runs.
#[test]
fn the_final_results_are_those_of_all_rows_however_little_memory_there_is() {
    for seed in 0..crate::operators::testing::script::cases(30) {
        let mut random = Random(seed << 20);
        let changelog = seed % 2 == 1;
        let calls = [("count", None, "n"), ("sum", Some("price"), "s"), ("max", Some("price"), "m")];
        let planned = planned(&changes(&[], &[], &[]), changelog, aggregates(&calls));
        let planned = planned.for_batch().expect("it can");
        assert!(planned.gives(&[ChangelogMode::Append]).is_append());
        let (mut input, mut left): (Vec<Batch>, BTreeMap<i64, Vec<Option<i64>>>) = (Vec::new(), BTreeMap::new());
        let keys = 1 + random.below(400);
        for _ in 0..random.below(40) {
            let (mut kinds, mut of, mut prices) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..=random.below(100) {
                let key = random.int(keys);
                let there = left.entry(key).or_default();
                let removes = changelog && !there.is_empty() && random.below(3) == 0;
                let price =
                    if removes { there.swap_remove(0) } else { Some(random.int(100)).filter(|price| *price > 9) };
                if !removes {
                    there.push(price);
                }
                kinds.push(if removes { RowKind::Delete } else { RowKind::Insert });
                of.push(key);
                prices.push(price);
            }
            input.push(changes(if changelog { &kinds } else { &[] }, &of, &prices));
        }
        let context = with_memory(1 << (6 + random.below(14)), 1 + usize::try_from(random.below(50)).expect("small"));
        let mut operator = planned.create(&context).expect("creates");
        let mut found = given_at_the_end(&mut *operator, input);
        found.sort();
        let shown = |(key, prices): (&i64, &Vec<Option<i64>>)| {
            let valid: Vec<i64> = prices.iter().flatten().copied().collect();
            let or_null = |value: Option<i64>| value.map_or("null".to_owned(), |value| value.to_string());
            let sum = or_null((!valid.is_empty()).then(|| valid.iter().sum()));
            format!("{key}|{}|{sum}|{}", prices.len(), or_null(valid.iter().max().copied()))
        };
        let mut plain: Vec<String> = left.iter().filter(|(_, prices)| !prices.is_empty()).map(shown).collect();
        plain.sort();
        assert_eq!(found, plain, "seed {seed}");
    }
}
