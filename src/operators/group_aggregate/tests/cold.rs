//! The same answers in little memory.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

use super::{
    Arg, ChangelogMode, Expr, FakeStream, Literal, Nowhere, Recorder, at, changes, checked_calls, names, planned,
    random_changes, reference, table,
};
use crate::api::{Moment, Operator, Output, PlannedOperator, StateRead};
use crate::inspect::{StateOrigin, StateQuery};
use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order};
use crate::operators::testing::{
    MemoryState, Random, Values, Within, aggregates, apply, batch, context, instance, lines,
};
use crate::state::{Instance, ManagedMemory, RestoredState};
use crate::types::files::failing::CrashingFiles;
use crate::types::{Batch, CheckpointId, Clock, MIN_WATERMARK, Result, VirtualClock, key_group};

fn steps(input: &Batch, size: usize) -> Vec<Step> {
    let starts = (0..input.rows()).step_by(size);
    starts.map(|from| Step::Rows(0, input.slice(from, size.min(input.rows() - from)))).collect()
}

/// Rows whose keys, some of them null, are texts or numbers out of so many.
fn random_rows(seed: u64, count: usize, keys: u64, texts: bool) -> Batch {
    let mut random = Random(seed << 32 | 5);
    let numbers: Vec<Option<i64>> = (0..count).map(|_| Some(random.int(keys)).filter(|key| *key != 3)).collect();
    let prices = (0..count).map(|_| (random.below(6) > 0).then(|| random.int(90))).collect();
    let keys = if texts {
        let text = |key: i64| format!("{}{key}", "key ".repeat(usize::try_from(key % 9).expect("small")));
        let column: arrow_array::StringArray = numbers.iter().map(|key| key.map(text)).collect();
        Values::Any(crate::types::LogicalType::String, Arc::new(column))
    } else {
        Values::Int(numbers)
    };
    batch(vec![("key", keys), ("price", Values::Int(prices))]).1
}

#[test]
fn any_budget_gives_the_same_changes() {
    for seed in 0..cases(3) {
        let input = random_changes(seed, 300);
        let operator = planned(&input, true, checked_calls());
        let expected = in_order(&*operator, &steps(&input, 7));
        for bytes in [0, 300, 2_000, 1 << 20] {
            let found = in_order(&Within::bytes(&operator, bytes), &steps(&input, 7));
            assert_eq!(found, expected, "seed {seed}, {bytes} bytes");
        }
        let rows: Vec<&str> = expected.rows.iter().map(String::as_str).collect();
        assert_eq!(table(&rows), reference(&input));
        for (texts, keys) in [(false, 2_000), (true, 700)] {
            let input = random_rows(seed, 6_000, keys, texts);
            let operator = planned(&input, false, checked_calls());
            let expected = in_order(&*operator, &steps(&input, 90));
            for bytes in [0, 40_000, 120_000] {
                let found = in_order(&Within::bytes(&operator, bytes), &steps(&input, 90));
                assert_eq!(found, expected, "seed {seed}, {bytes} bytes, {keys} keys");
            }
        }
    }
}

#[test]
fn broken_anywhere_and_restored_it_goes_on() {
    for (changelog, input) in [(true, random_changes(77, 120)), (false, random_rows(78, 200, 20, false))] {
        let operator = planned(&input, changelog, checked_calls());
        for bytes in [0, 700] {
            broken_anywhere(&Within::bytes(&operator, bytes), &steps(&input, 9));
        }
    }
}

/// The aggregate where keys that nobody writes for 10 ms are forgotten.
fn expiring(changelog: bool) -> Arc<dyn PlannedOperator> {
    let (schema, _) = batch(vec![("key", Values::ints([])), ("price", Values::ints([]))]);
    let mut stream = FakeStream::new(&schema);
    if changelog {
        stream.shape.changelog = ChangelogMode::Retract(None);
    }
    let ttl = at(Expr::Literal(Literal::IntervalDayTime(10)));
    let ttl = vec![("with", Arg::Options(vec![(at("ttl".to_owned()), ttl)]))];
    stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
    stream.stage("aggregate", vec![checked_calls()], ttl).expect("binds");
    stream.applied.pop().expect("an operator")
}

/// The same, a few milliseconds before each.
fn timed(steps: Vec<Step>, random: &mut Random) -> Vec<Step> {
    let mut now_ms = 0;
    let mut timed = |step| {
        now_ms += random.int(5);
        [Step::Clock(now_ms), step]
    };
    steps.into_iter().flat_map(&mut timed).collect()
}

#[test]
fn keys_that_have_left_memory_are_forgotten_in_time_too() {
    for seed in 0..cases(3) {
        let mut random = Random(seed << 32 | 9);
        for (changelog, input) in [(true, random_changes(seed, 300)), (false, random_rows(seed, 1_500, 400, false))] {
            let operator = expiring(changelog);
            let steps = timed(steps(&input, input.rows() / 30), &mut random);
            let expected = in_order(&*operator, &steps);
            for bytes in [0, 900, 20_000] {
                let found = in_order(&Within::bytes(&operator, bytes), &steps);
                assert_eq!(found, expected, "seed {seed}, {bytes} bytes");
            }
        }
    }
    for (changelog, input) in [(true, random_changes(79, 60)), (false, random_rows(80, 60, 20, false))] {
        let steps = timed(steps(&input, 9), &mut Random(7));
        for bytes in [0, 700] {
            broken_anywhere(&Within::bytes(&expiring(changelog), bytes), &steps);
        }
    }
}

#[test]
fn what_expires_leaves_the_file_and_stored_state() {
    let operator = expiring(false);
    let clock = Arc::new(VirtualClock::at(0));
    let mut context = context();
    context.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let mut running = Within::bytes(&operator, 2_000).create(&context).expect("creates");
    let mut out = Recorder::default();
    let input = random_rows(3, 20_000, 9_000, false);
    for step in steps(&input, 500) {
        let Step::Rows(_, rows) = step else { continue };
        running.process(0, rows, &mut out).expect("processes");
    }
    let mut state = MemoryState::default();
    apply(&mut state, &context, &running.snapshot(CheckpointId(1)).expect("snapshots"), 1);
    let held = running.inspect().entries().count;
    assert_eq!((held > 5_000, entries(&state, &*operator).len() as u64), (true, held));
    let one = StateQuery { limit: 9, keys: vec![("key".to_owned(), "44".to_owned())], ..StateQuery::default() };
    let shown = |operator: &mut dyn Operator| {
        let reads = operator.read_state(&one).expect("reads").expect("shows live state");
        StateRead::view(reads, ("test", ""), StateOrigin::Live, &|_| 0).expect("one state").rows.len()
    };
    assert_eq!(shown(&mut *running), 1);
    clock.advance_to(10);
    assert_eq!(shown(&mut *running), 0, "before anything is swept");
    for _ in 0..200 {
        let Some(next_ms) = out.armed.processing_time_ms else { break };
        clock.advance_to(next_ms.max(10));
        running.advance(Moment { watermark: MIN_WATERMARK, now_ms: clock.now_ms() }, &mut out).expect("advances");
    }
    assert_eq!((running.inspect().entries().count, out.armed.processing_time_ms), (0, None));
    apply(&mut state, &context, &running.snapshot(CheckpointId(2)).expect("snapshots"), 1);
    assert_eq!(entries(&state, &*operator), [""; 0]);
}

/// The entries of a state, as text, in order.
fn entries(state: &MemoryState, operator: &dyn PlannedOperator) -> Vec<String> {
    let of = state.for_instance(Instance::new(0, 1, 128));
    let held = of.keyed(&operator.states()[0]).expect("is read");
    let mut lines: Vec<String> = held.into_iter().flat_map(|(_, rows)| lines(&Batch::untimed(rows))).collect();
    lines.sort();
    lines
}

#[test]
fn snapshots_have_what_left_memory_and_may_be_written_late() {
    for seed in 0..cases(2) {
        let (few, many) = (random_changes(seed, 400), random_rows(seed, 4_000, 900, seed % 2 == 0));
        for (changelog, input) in [(true, few), (false, many)] {
            let operator = planned(&input, changelog, checked_calls());
            for bytes in [0, 900, 30_000] {
                let within = Within::bytes(&operator, bytes);
                let (mut plain, mut cold) = (operator.create(&context()), within.create(&context()));
                let (plain, cold) = (plain.as_mut().expect("creates"), cold.as_mut().expect("creates"));
                let (mut expected, mut found) = (MemoryState::default(), MemoryState::default());
                let mut late = Vec::new();
                let mut random = Random(seed);
                for step in steps(&input, input.rows() / 40) {
                    let Step::Rows(_, rows) = step else { continue };
                    plain.process(0, rows.clone(), &mut Nowhere).expect("processes");
                    cold.process(0, rows, &mut Nowhere).expect("processes");
                    if random.below(3) == 0 {
                        let delta = plain.snapshot(CheckpointId(1)).expect("snapshots");
                        apply(&mut expected, &context(), &delta, 1);
                        late.push(cold.snapshot(CheckpointId(1)).expect("snapshots"));
                    }
                    if late.len() > 3 {
                        late.drain(..).for_each(|delta| apply(&mut found, &context(), &delta, 1));
                        assert_eq!(entries(&found, &*operator), entries(&expected, &*operator));
                    }
                }
                late.drain(..).for_each(|delta| apply(&mut found, &context(), &delta, 1));
                assert_eq!(entries(&found, &*operator), entries(&expected, &*operator), "seed {seed}, {bytes} bytes");
                let count = plain.inspect().entries().count;
                // One that is empty may be kept longer, to be told of.
                let kept = if changelog { count..=count + 6 } else { count..=count };
                assert!(kept.contains(&cold.inspect().entries().count), "{count} entries");
            }
        }
    }
}

#[test]
fn what_has_left_memory_is_shown_and_found() {
    let input = random_rows(5, 3_000, 800, false);
    let operator = planned(&input, false, checked_calls());
    let shown = |operator: &mut dyn Operator, query: &StateQuery| {
        let reads = operator.read_state(query).expect("reads").expect("shows live state");
        let view = StateRead::view(reads, ("test", ""), StateOrigin::Live, &|_| 0).expect("one state");
        let rows: Vec<String> =
            view.rows.iter().map(|row| format!("{} {}", row.key_group, row.values.join(" "))).collect();
        let groups: Vec<(u16, u64)> = view.key_groups.iter().map(|group| (group.key_group, group.entries)).collect();
        (view.entries, view.matching, rows, groups)
    };
    let queries = [
        StateQuery { limit: 100, ..StateQuery::default() },
        StateQuery { limit: 9, search: Some("77".to_owned()), ..StateQuery::default() },
        StateQuery { limit: 9, keys: vec![("key".to_owned(), "44".to_owned())], ..StateQuery::default() },
        StateQuery { limit: 9, keys: vec![("key".to_owned(), "null".to_owned())], ..StateQuery::default() },
        StateQuery { limit: 9, keys: vec![("key".to_owned(), "99999".to_owned())], ..StateQuery::default() },
    ];
    for bytes in [0, 20_000] {
        let mut plain = operator.create(&context()).expect("creates");
        let mut cold = Within::bytes(&operator, bytes).create(&context()).expect("creates");
        for step in steps(&input, 100) {
            let Step::Rows(_, rows) = step else { continue };
            plain.process(0, rows.clone(), &mut Nowhere).expect("processes");
            cold.process(0, rows, &mut Nowhere).expect("processes");
        }
        assert_eq!(cold.inspect().entries().count, plain.inspect().entries().count);
        for query in &queries {
            let expected = shown(&mut *plain, query);
            let found = shown(&mut *cold, query);
            if query.keys.is_empty() {
                assert_eq!(found, expected, "{query:?}");
            } else {
                assert_eq!((found.1, found.2), (expected.1, expected.2), "{query:?}");
            }
        }
    }
}

#[test]
fn it_stays_within_its_memory_whatever_it_holds() {
    let texts =
        |name: &'static str| aggregates(&[("count distinct", Some("price"), "d"), ("listagg", Some("key"), name)]);
    for (calls, texts) in [(checked_calls(), false), (checked_calls(), true), (texts("all"), true)] {
        let input = random_rows(1, 60_000, 20_000, texts);
        let operator = planned(&input, false, calls);
        let bytes = 400_000;
        let mut cold = Within::bytes(&operator, bytes).create(&context()).expect("creates");
        let mut most = 0;
        for step in steps(&input, 500) {
            let Step::Rows(_, rows) = step else { continue };
            cold.process(0, rows, &mut Nowhere).expect("processes");
            most = most.max(cold.inspect().entries().bytes);
        }
        let mut plain = operator.create(&context()).expect("creates");
        plain.process(0, input, &mut Nowhere).expect("processes");
        let held = plain.inspect().entries().bytes;
        assert!(held > 3 * bytes as u64, "{held} bytes are enough to be tried");
        // A table of distinct values doubles when it is full.
        assert!(most < bytes as u64 * 3 / 2, "{most} of {bytes} bytes");
    }
}

#[test]
fn a_file_that_fails_fails_the_job_in_words() {
    let input = random_rows(1, 100, 90, false);
    let operator = planned(&input, false, checked_calls());
    for at in 0..3 {
        let memory =
            ManagedMemory { bytes: 0, directory: std::env::temp_dir(), files: Arc::new(CrashingFiles::new(Some(at))) };
        let within = Within { operator: Arc::clone(&operator), memory };
        let mut running = within.create(&context()).expect("creates");
        let mut errors = (0..4).filter_map(|_| running.process(0, input.clone(), &mut Nowhere).err());
        let error = errors.next().expect("fails").to_string();
        assert!(error.starts_with("state that does not fit into memory can't be kept in"), "{error}");
    }
}

/// Adds up what is emitted.
#[derive(Default)]
struct Sum(i64);

impl Output for Sum {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        let mut sum = self.0;
        for column in 0..batch.columns().num_columns() {
            let factor = [31, 17, 1].get(column).copied().unwrap_or(7);
            for &value in batch.column(column).as_primitive::<Int64Type>().values() {
                sum = sum.rotate_left(1) ^ value.wrapping_mul(factor);
            }
        }
        self.0 = sum;
        Ok(())
    }

    fn watermark(&mut self, _: i64) -> Result<()> {
        Ok(())
    }

    fn side(&mut self, _: usize, _: Batch) -> Result<()> {
        Ok(())
    }

    fn reject(&mut self, _: Vec<crate::api::Rejected>) -> Result<()> {
        Ok(())
    }

    fn arm(&mut self, _: crate::api::Armed) {}

    fn has_room(&self) -> bool {
        true
    }

    fn close(&mut self) {}
}

/// Ranks by Zipf's law with exponent 1, by the inverse of their sum: ln(k + ½) + γ, to four digits.
struct Zipf {
    total: f64,
    keys: u64,
}

impl Zipf {
    const GAMMA: f64 = 0.577_215_664_9;

    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    fn new(keys: u64) -> Self {
        Self { total: (keys as f64 + 0.5).ln() + Self::GAMMA, keys }
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    fn rank(&self, random: u64) -> u64 {
        let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = (uniform * self.total - Self::GAMMA).exp().round() as u64;
        rank.clamp(1, self.keys) - 1
    }
}

#[test]
#[ignore = "a measurement of this process: cargo test --release --lib -- --ignored --nocapture four_times_its_budget"]
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn state_of_four_times_its_budget() {
    const ROWS: u64 = 8_192;
    let variable =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (keys, updates) = (variable("LOTIC_KEYS", 1_000_000), variable("LOTIC_UPDATES", 10_000_000));
    let bytes = variable("LOTIC_MEMORY", keys * 10);
    let status = |field: &str| -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a field");
        line.split_whitespace().nth(1).expect("a figure").parse::<u64>().expect("a number") / 1_024
    };
    let zipf = Zipf::new(keys);
    let one = changes(&[], &[7], &[Some(7)]);
    let operator = planned(&one, false, aggregates(&[("count", None, "n"), ("sum", Some("price"), "total")]));
    let within = Within::bytes(&operator, usize::try_from(bytes).expect("fits"));
    let key = |rank: u64| key_group::mix(rank).cast_signed() >> 8;
    for law in ["zipf", "uniform"] {
        let run = |planned: &dyn PlannedOperator| {
            let mut running = planned.create(&instance(0, 1, None)).expect("creates");
            let (mut sum, mut took, mut loaded) = (Sum::default(), 0.0, 0.0);
            for from in (0..keys + updates).step_by(8_192) {
                let rank = |row: u64| {
                    let random = key_group::mix(row);
                    match law {
                        _ if row < keys => row,
                        "zipf" => zipf.rank(random),
                        _ => random % keys,
                    }
                };
                let numbers: Vec<i64> = (from..from + ROWS).map(|row| key(rank(row))).collect();
                let input = changes(&[], &numbers, &vec![Some(3); numbers.len()]);
                let start = std::time::Instant::now();
                running.process(0, input, &mut sum).expect("processes");
                *if from < keys { &mut loaded } else { &mut took } += start.elapsed().as_secs_f64();
            }
            (running, sum.0, loaded, took)
        };
        std::fs::write("/proc/self/clear_refs", "5").expect("Linux forgets the peak");
        let before = status("VmRSS");
        let (mut cold, found, loaded, took) = run(&within);
        let (peak, shown) = (status("VmHWM"), cold.inspect().entries());
        eprintln!(
            "{law}: {} keys in {} MB of {} MB, peak {peak} MB ({before} before), loaded in {loaded:.1} s, then {took:.1} s",
            shown.count,
            shown.bytes >> 20,
            bytes >> 20,
        );
        drop(cold);
        let (mut warm, expected, loaded_warm, took_warm) = run(&*operator);
        let held = warm.inspect().entries();
        let right = found == expected && shown.count == held.count;
        eprintln!(
            "{law}: in memory {} MB, {} % of the budget, loaded in {loaded_warm:.1} s, then {took_warm:.1} s: {:.2} of its speed, {}",
            held.bytes >> 20,
            held.bytes * 100 / bytes,
            took_warm / took,
            if right { "right" } else { "WRONG" },
        );
        assert!(right);
        assert!(peak * 10 <= (bytes >> 20) * 12 + 2_000, "{peak} MB");
    }
}
