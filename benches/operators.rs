//! Hash aggregation, windowed and running, beside the loop that one would write by hand for just these columns.
//!
//! `cargo bench --bench operators`. Both compute the same result, which is compared.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints, and a failure ends it")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "the numbers are those of the benchmark, and small"
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::sync::Arc;
use std::task::Waker;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, RecordBatch};
use hashbrown::HashMap;
use lotic::api::{Armed, Operator, OperatorContext, Output, PlannedOperator, Rejected, WindowSpec, Windows};
use lotic::expr::aggregate::{AggregateCall, bind_aggregate};
use lotic::expr::ast::{Call, Expr};
use lotic::operators::window::assigners::{Hop, Tumble};
use lotic::operators::{GroupAggregate, WindowAggregate};
use lotic::types::key_group::mix;
use lotic::types::{
    Batch, Clock, Field, LogicalType, MAX_WATERMARK, OperatorUid, Result, Schema, Span, Spanned, SpillSpace,
    SystemClock,
};

const ROWS: usize = 4_000_000;
const BATCH: usize = 8_192;
/// Rows a window of ten seconds.
const WINDOW_ROWS: usize = 1_000_000;
const TURNS: usize = 9;
const SIZE_MS: i64 = 10_000;

struct Data {
    batches: Vec<Batch>,
    schema: Schema,
}

fn data(keys: u64) -> Data {
    let schema = Schema::new([Field::new("auction", LogicalType::BigInt), Field::new("price", LogicalType::BigInt)]);
    let batches = (0..ROWS.div_ceil(BATCH)).map(|batch| {
        let rows = batch * BATCH..((batch + 1) * BATCH).min(ROWS);
        let key = rows.clone().map(|row| (mix(row as u64) % keys).cast_signed() + 1000);
        let price = rows.clone().map(|row| (mix(row as u64 ^ 0xabc) % 10_000).cast_signed());
        let times = rows.map(|row| row as i64 * SIZE_MS / WINDOW_ROWS as i64).collect();
        let columns = RecordBatch::try_new(
            schema.arrow().clone(),
            vec![Arc::new(Int64Array::from_iter_values(key)), Arc::new(Int64Array::from_iter_values(price))],
        );
        Batch::new(columns.expect("columns fit"), times)
    });
    Data { batches: batches.collect(), schema }
}

#[derive(Default)]
struct MixHasher(u64);

impl Hasher for MixHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_i64(&mut self, value: i64) {
        self.0 = mix(value.cast_unsigned());
    }
}

type Map = HashMap<i64, (i64, i64), BuildHasherDefault<MixHasher>>;

/// Rows, and a sum over all columns that does not depend on their order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Digest {
    rows: usize,
    sum: i64,
}

impl Digest {
    fn add(&mut self, columns: &[&[i64]]) {
        self.rows += columns[0].len();
        for column in columns {
            self.sum = column.iter().fold(self.sum, |sum, &value| sum.wrapping_add(value));
        }
    }
}

fn hand_window(data: &Data, slices_a_window: i64) -> Digest {
    let mut digest = Digest::default();
    let slice_ms = SIZE_MS / slices_a_window;
    let mut slices: BTreeMap<i64, Map> = BTreeMap::new();
    let mut spare: Option<Map> = None;
    let mut fire = |slices: &mut BTreeMap<i64, Map>, end: i64, spare: &mut Option<Map>| {
        let mut merged = Map::default();
        let window = if slices_a_window == 1 {
            match slices.get(&end) {
                Some(map) => map,
                None => return,
            }
        } else {
            for (_, map) in slices.range(end - SIZE_MS + 1..=end) {
                for (&key, &(count, sum)) in map {
                    let held = merged.entry(key).or_default();
                    held.0 += count;
                    held.1 += sum;
                }
            }
            &merged
        };
        let (mut keys, mut counts, mut sums, mut means) = (vec![], vec![], vec![], vec![]);
        for (&key, &(count, sum)) in window {
            keys.push(key);
            counts.push(count);
            sums.push(sum);
            means.push(sum / count);
        }
        digest.add(&[&keys, &counts, &sums, &means]);
        if let Some(mut map) = slices.remove(&(end - SIZE_MS + slice_ms)) {
            map.clear();
            *spare = Some(map);
        }
    };
    let mut current = 0;
    let mut map = Map::default();
    for batch in &data.batches {
        let keys = batch.column(0).as_primitive::<Int64Type>().values();
        let prices = batch.column(1).as_primitive::<Int64Type>().values();
        for ((&key, &price), &time) in keys.iter().zip(prices).zip(batch.times()) {
            if time >= current {
                if current != 0 {
                    slices.insert(current, std::mem::replace(&mut map, spare.take().unwrap_or_default()));
                    fire(&mut slices, current, &mut spare);
                }
                current = time - time % slice_ms + slice_ms;
            }
            let held = map.entry(key).or_default();
            held.0 += 1;
            held.1 += price;
        }
    }
    slices.insert(current, map);
    for more in 0..slices_a_window {
        fire(&mut slices, current + more * slice_ms, &mut spare);
    }
    digest
}

fn hand_running(data: &Data) -> Digest {
    let mut digest = Digest::default();
    let mut map = Map::default();
    for batch in &data.batches {
        let keys = batch.column(0).as_primitive::<Int64Type>().values();
        let prices = batch.column(1).as_primitive::<Int64Type>().values();
        let (mut out_keys, mut counts, mut sums, mut means) = (vec![], vec![], vec![], vec![]);
        let mut kinds: Vec<i8> = vec![];
        let mut times = vec![];
        for ((&key, &price), &time) in keys.iter().zip(prices).zip(batch.times()) {
            let held = map.entry(key).or_default();
            if held.0 != 0 {
                out_keys.push(key);
                counts.push(held.0);
                sums.push(held.1);
                means.push(held.1 / held.0);
                kinds.push(1);
                times.push(time);
            }
            let kind = if held.0 == 0 { 0 } else { 2 };
            held.0 += 1;
            held.1 += price;
            out_keys.push(key);
            counts.push(held.0);
            sums.push(held.1);
            means.push(held.1 / held.0);
            kinds.push(kind);
            times.push(time);
        }
        black_box((&kinds, &times));
        digest.add(&[&out_keys, &counts, &sums, &means]);
    }
    digest
}

#[derive(Default)]
struct Sink {
    digest: Digest,
}

impl Output for Sink {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        black_box((batch.kinds(), batch.times()));
        let columns: Vec<&[i64]> = batch
            .columns()
            .columns()
            .iter()
            .filter_map(|column| column.as_primitive_opt::<Int64Type>())
            .map(|column| &column.values()[..])
            .collect();
        self.digest.add(&columns);
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

fn calls(schema: &Schema) -> Vec<(String, AggregateCall)> {
    let name = |text: &str| Spanned::new(text.to_owned(), Span::default());
    [("count", None), ("sum", Some("price")), ("avg", Some("price"))]
        .map(|(function, arg)| {
            let args = arg.map(|arg| Spanned::new(Expr::Column(vec![name(arg)]), Span::default()));
            let call = Call {
                name: name(function),
                star: args.is_none(),
                args: args.into_iter().collect(),
                distinct: false,
                filter: None,
            };
            (function.to_owned(), bind_aggregate(&call, schema).expect("binds"))
        })
        .to_vec()
}

fn context() -> OperatorContext {
    OperatorContext {
        uid: OperatorUid::new("bench"),
        subtask: 0,
        parallelism: 1,
        max_parallelism: 128,
        batch_rows: BATCH,
        restored: None,
        memory: None,
        spill: Arc::new(SpillSpace::temporary(1 << 20)),
        metrics: Arc::default(),
        row_watermarks: false,
        clock: Arc::new(SystemClock::new()),
        waker: Waker::noop().clone(),
        armed: Cell::default(),
    }
}

fn run(data: &Data, mut operator: Box<dyn Operator>) -> Digest {
    let mut sink = Sink::default();
    for batch in &data.batches {
        operator.process(0, batch.clone(), &mut sink).expect("processes");
        let watermark = batch.times()[batch.rows() - 1];
        operator.watermark(watermark, &mut sink).expect("fires");
    }
    operator.watermark(MAX_WATERMARK, &mut sink).expect("fires");
    sink.digest
}

/// The best times of both, run in turn: the machine may have other things to do.
fn race(clock: &SystemClock, hand: impl Fn() -> Digest, ours: impl Fn() -> Digest) -> [(f64, Digest); 2] {
    let mut best = [(f64::INFINITY, Digest::default()); 2];
    for _ in 0..TURNS {
        for (best, work) in best.iter_mut().zip([&hand as &dyn Fn() -> Digest, &ours]) {
            let start = clock.nanos();
            let digest = work();
            *best = (best.0.min((clock.nanos() - start) as f64 / 1e9), digest);
        }
    }
    best
}

fn report(what: &str, keys: u64, [(hand, expected), (ours, found)]: [(f64, Digest); 2]) {
    assert_eq!(expected, found, "{what}: the results differ");
    let million = |seconds: f64| ROWS as f64 / seconds / 1e6;
    println!(
        "{what:<22} {keys:>9} keys  by hand {:>6.1} M rows/s  operator {:>6.1} M rows/s  time ratio {:.2}",
        million(hand),
        million(ours),
        ours / hand
    );
}

fn main() {
    let clock = SystemClock::new();
    for keys in [100, 10_000, 1_000_000] {
        let data = data(keys);
        let window = |operator: Arc<dyn lotic::api::WindowAssigner>| {
            let spec = Arc::new(WindowSpec::new(Windows::Aligned(operator)));
            WindowAggregate::new(&data.schema, &[0], spec, &calls(&data.schema)).expect("aligned windows")
        };
        let tumble = window(Arc::new(Tumble { size_ms: SIZE_MS, offset_ms: 0 }));
        let run_it = |planned: &dyn PlannedOperator| run(&data, planned.create(&context()).expect("creates"));
        report("tumble(10s)", keys, race(&clock, || hand_window(&data, 1), || run_it(&tumble)));
        let hop = window(Arc::new(Hop::new(SIZE_MS, SIZE_MS / 5, 0)));
        report("hop(10s, 2s)", keys, race(&clock, || hand_window(&data, 5), || run_it(&hop)));
        let running = GroupAggregate::new(&data.schema, &[0], &calls(&data.schema), false);
        report("running (changelog)", keys, race(&clock, || hand_running(&data), || run_it(&running)));
    }
}
