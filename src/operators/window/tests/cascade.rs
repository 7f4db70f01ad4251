//! Windows over windows, whose order of results decides which of them are late: against a model that looks at each row by
//! itself.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use super::{Event, events_batch, schema};
use crate::api::{
    Arg, Armed, Moment, Operator, OperatorContext, Output, PlannedOperator, Rejected, WatermarkClause,
    WatermarkGenerator, WindowAssigner,
};
use crate::operators::testing::{
    FakeStream, Random, aggregates, assigner, at, column, context, lines, names, window_call,
};
use crate::types::{Batch, MAX_WATERMARK, MIN_WATERMARK, Result};

/// A window function with its arguments, and how long its windows wait for late rows.
#[derive(Debug, Clone, Copy)]
struct Windows {
    name: &'static str,
    args: &'static [i64],
    lateness: i64,
}

impl Windows {
    fn assigner(self) -> Arc<dyn WindowAssigner> {
        assigner(self.name, self.args)
    }
}

/// A row: event time, key, value.
type Row = (i64, i64, i64);

/// Flink's `WindowOperator` over sums, a row at a time.
struct Model {
    assigner: Arc<dyn WindowAssigner>,
    lateness: i64,
    watermark: i64,
    /// By window end: its rows by slice, in the order of their arrival.
    windows: BTreeMap<i64, BTreeMap<i64, Vec<(i64, i64)>>>,
    late: Vec<Row>,
}

impl Model {
    fn new(windows: Windows) -> Self {
        let (assigner, lateness) = (windows.assigner(), windows.lateness);
        Self { assigner, lateness, watermark: MIN_WATERMARK, windows: BTreeMap::new(), late: Vec::new() }
    }

    fn is_gone(&self, end: i64) -> bool {
        end - 1 + self.lateness <= self.watermark
    }

    /// The sum of `key` in the window that ends at `end`: a row of the window's end.
    fn result(&self, end: i64, key: i64) -> Row {
        let rows = self.windows[&end].values().flatten();
        (end, key, rows.filter(|row| row.0 == key).map(|row| row.1).sum())
    }

    /// The results that a row gives at once.
    fn row(&mut self, row: Row) -> Vec<Row> {
        let (time, key, value) = row;
        let slice = self.assigner.slice_end(time);
        let mut ends = vec![self.assigner.first_window_end(slice)];
        while ends[ends.len() - 1] < self.assigner.last_window_end(slice) {
            ends.push(self.assigner.next_window_end(ends[ends.len() - 1]));
        }
        ends.sort_by_key(|&end| Reverse(self.assigner.window_start(end)));
        ends.retain(|&end| !self.is_gone(end));
        if ends.is_empty() {
            self.late.push(row);
        }
        let mut results = Vec::new();
        for end in ends {
            self.windows.entry(end).or_default().entry(slice).or_default().push((key, value));
            if end - 1 <= self.watermark {
                results.push(self.result(end, key));
            }
        }
        results
    }

    /// The results that a watermark fires.
    fn rise(&mut self, watermark: i64) -> Vec<Row> {
        let mut results = Vec::new();
        for (&end, slices) in self.windows.range(self.watermark.saturating_add(2)..) {
            if end - 1 > watermark {
                break;
            }
            let mut keys: Vec<i64> = Vec::new();
            for (key, _) in slices.values().flatten() {
                if !keys.contains(key) {
                    keys.push(*key);
                }
            }
            results.extend(keys.into_iter().map(|key| self.result(end, key)));
        }
        self.watermark = watermark;
        let gone: Vec<i64> = self.windows.keys().copied().filter(|&end| self.is_gone(end)).collect();
        for end in gone {
            self.windows.remove(&end);
        }
        results
    }
}

/// The highest time less a delay, after each row.
struct Highest {
    delay: i64,
    watermark: i64,
}

impl Highest {
    fn after(&mut self, time: i64) -> Option<i64> {
        let reached = time - self.delay;
        (reached > self.watermark).then(|| {
            self.watermark = reached;
            reached
        })
    }
}

/// The output of both windows, the second's in order, and what is late for each.
#[derive(Debug, PartialEq, Eq)]
struct Given {
    results: Vec<Row>,
    late: [Vec<Row>; 2],
}

fn modelled(windows: [Windows; 2], delays: [i64; 2], events: &[Event]) -> Given {
    let [mut first, mut second] = windows.map(Model::new);
    let [mut source, mut between] = delays.map(|delay| Highest { delay, watermark: MIN_WATERMARK });
    let mut results = Vec::new();
    let mut pass = |rows: Vec<Row>, results: &mut Vec<Row>| {
        for row in rows {
            results.extend(second.row(row));
            if let Some(watermark) = between.after(row.0) {
                results.extend(second.rise(watermark));
            }
        }
    };
    for &(time, key, value, _) in events {
        pass(first.row((time, key.expect("a key"), value)), &mut results);
        if let Some(watermark) = source.after(time) {
            pass(first.rise(watermark), &mut results);
        }
    }
    pass(first.rise(MAX_WATERMARK), &mut results);
    results.extend(second.rise(MAX_WATERMARK));
    Given { results, late: [first.late, second.late] }
}

/// The elements that an operator has given, in order, and what it asks for.
#[derive(Default)]
struct Log {
    given: VecDeque<Element>,
    late: Vec<Batch>,
    armed: Armed,
}

enum Element {
    Batch(Batch),
    Watermark(i64),
}

impl Output for Log {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        self.given.push_back(Element::Batch(batch));
        Ok(())
    }

    fn watermark(&mut self, watermark: i64) -> Result<()> {
        self.given.push_back(Element::Watermark(watermark));
        Ok(())
    }

    fn side(&mut self, _port: usize, batch: Batch) -> Result<()> {
        self.late.push(batch);
        Ok(())
    }

    fn reject(&mut self, _rows: Vec<Rejected>) -> Result<()> {
        panic!("a row is rejected")
    }

    fn arm(&mut self, armed: Armed) {
        self.armed = armed;
    }

    fn has_room(&self) -> bool {
        true
    }

    fn close(&mut self) {}
}

/// Operators behind each other: each is given what those before it gave, when it takes it.
struct Chain(Vec<(Box<dyn Operator>, Log)>);

impl Chain {
    fn give(&mut self, at: usize, element: Element) {
        while self.0[at].1.armed.full.contains(0) {
            self.advance(at);
        }
        let (operator, log) = &mut self.0[at];
        match element {
            Element::Batch(batch) => operator.process(0, batch, log).expect("processes"),
            Element::Watermark(watermark) => operator.watermark(watermark, log).expect("fires"),
        }
        self.pass_on(at);
    }

    fn advance(&mut self, at: usize) {
        let (operator, log) = &mut self.0[at];
        if std::mem::take(&mut log.armed).more {
            operator.advance(Moment { watermark: MIN_WATERMARK, now_ms: 0 }, log).expect("goes on");
            self.pass_on(at);
        }
    }

    fn pass_on(&mut self, at: usize) {
        if at + 1 < self.0.len() {
            while let Some(element) = self.0[at].1.given.pop_front() {
                self.give(at + 1, element);
            }
        }
    }
}

/// `key_by key | window … | aggregate sum(price) as price | event_time window_end | window … | aggregate sum(price) as price`
fn cascade(windows: [Windows; 2], delay: i64) -> Vec<Arc<dyn PlannedOperator>> {
    let mut stream = FakeStream::new(&schema());
    for (place, windows) in windows.iter().enumerate() {
        stream.stage("key_by", vec![names(&["key"])], vec![]).expect("binds");
        let late = at(format!("late_{place}"));
        let clauses = vec![("lateness", Arg::Duration(at(windows.lateness))), ("late_to", Arg::Name(late))];
        stream.stage("window", vec![Arg::Window(window_call(windows.name, windows.args))], clauses).expect("binds");
        stream.stage("aggregate", vec![aggregates(&[("sum", Some("price"), "price")])], vec![]).expect("binds");
        if place == 0 {
            // The bounds of the second window are columns too.
            let named = |name: &str, alias| crate::operators::testing::item(column(name), alias);
            let kept = vec![named("key", None), named("price", None), named("window_end", Some("at"))];
            stream.stage("map", vec![Arg::Exprs(kept)], vec![]).expect("binds");
            let delay = vec![("watermark", Arg::Watermark(WatermarkClause::Behind { delay_ms: delay, when: None }))];
            stream.stage("event_time", vec![Arg::Expr(column("at"))], delay).expect("binds");
        }
    }
    stream.applied
}

/// Rows of event time, key and the value in column `value`. The time of a result is one before the end of its window.
fn rows(batch: &Batch, value: usize, after: i64) -> Vec<Row> {
    let number = |text: &str| text.parse().expect("a number");
    let of = |line: String| {
        let (columns, time) = line.split_once(" @").expect("a time");
        let columns: Vec<&str> = columns.split('|').collect();
        (number(time) + after, number(columns[0]), number(columns[value]))
    };
    lines(batch).into_iter().map(of).collect()
}

fn run(
    operators: &[Arc<dyn PlannedOperator>],
    delay: i64,
    events: &[Event],
    batch_rows: usize,
    random: &mut Random,
) -> Given {
    let context = OperatorContext { batch_rows, ..context() };
    let started = operators.iter().map(|operator| (operator.create(&context).expect("creates"), Log::default()));
    let mut chain = Chain(started.collect());
    let mut generator = WatermarkGenerator::new(delay);
    for events in events.chunks(batch_rows) {
        let (_, batch) = events_batch(events);
        let done: Result<(), Infallible> = generator.advance(&batch.times().clone(), |rows, watermark| {
            if !rows.is_empty() {
                chain.give(0, Element::Batch(batch.slice(rows.start, rows.len())));
            }
            if let Some(watermark) = watermark {
                chain.give(0, Element::Watermark(watermark));
            }
            for at in 0..chain.0.len() {
                (0..random.below(3)).for_each(|_| chain.advance(at));
            }
            Ok(())
        });
        done.expect("nothing fails");
    }
    chain.give(0, Element::Watermark(MAX_WATERMARK));
    for at in 0..chain.0.len() {
        while chain.0[at].1.armed.more {
            chain.advance(at);
        }
    }
    let last = chain.0.pop().expect("several operators").1;
    let results = last.given.iter().flat_map(|element| match element {
        Element::Batch(batch) => rows(batch, 3, 1),
        Element::Watermark(_) => Vec::new(),
    });
    let late = |log: &Log, value| log.late.iter().flat_map(|batch| rows(batch, value, 0)).collect();
    Given { results: results.collect(), late: [late(&chain.0[0].1, 1), late(&last, 1)] }
}

const FIRST: [Windows; 8] = [
    Windows { name: "cumulate", args: &[10, 40], lateness: 25 },
    Windows { name: "cumulate", args: &[5, 60], lateness: 200 },
    Windows { name: "cumulate", args: &[7, 21], lateness: 5 },
    Windows { name: "hop", args: &[30, 10], lateness: 40 },
    Windows { name: "hop", args: &[25, 10], lateness: 15 },
    Windows { name: "hop", args: &[100, 10], lateness: 30 },
    Windows { name: "tumble", args: &[10], lateness: 60 },
    Windows { name: "cumulate", args: &[10, 40], lateness: 0 },
];

const SECOND: [Windows; 6] = [
    Windows { name: "tumble", args: &[40], lateness: 0 },
    Windows { name: "tumble", args: &[60], lateness: 20 },
    Windows { name: "hop", args: &[60, 20], lateness: 0 },
    Windows { name: "hop", args: &[80, 20], lateness: 30 },
    Windows { name: "cumulate", args: &[20, 80], lateness: 10 },
    Windows { name: "tumble", args: &[10], lateness: 0 },
];

#[test]
fn windows_over_windows_give_what_a_model_of_single_rows_does() {
    let (mut updated, mut late) = (0, 0);
    for seed in 0..1_200_u64 {
        let mut random = Random(seed << 32);
        let mut pick = |count: usize| usize::try_from(random.below(count as u64)).expect("small");
        let windows = [FIRST[pick(FIRST.len())], SECOND[pick(SECOND.len())]];
        let delays = [[0, 5, 20][pick(3)], [0, 10, 35][pick(3)]];
        let events: Vec<Event> = (0..40)
            .map(|row| {
                let back = if random.below(4) == 0 { random.int(90) } else { random.int(8) };
                (row * 4 - back, Some(random.int(4)), 1 + random.int(100), None)
            })
            .collect();
        let expected = modelled(windows, delays, &events);
        let results = expected.results.len();
        let mut distinct: Vec<_> = expected.results.iter().map(|row| (row.0, row.1)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        updated += results - distinct.len();
        late += expected.late[1].len();
        let operators = cascade(windows, delays[1]);
        for batch_rows in [1, 3, 8_192] {
            let given = run(&operators, delays[0], &events, batch_rows, &mut random);
            assert_eq!(given, expected, "seed {seed}: {windows:?}, delays {delays:?}, batches of {batch_rows}");
        }
    }
    println!("{updated} updates, {late} late rows");
    assert!(updated > 1_000 && late > 1_000, "{updated} updates, {late} late rows");
}
