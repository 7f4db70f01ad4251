//! `on window`: the function over the rows of windows against a model, broken anywhere.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::operators::testing::script::{cases, straight};
use crate::operators::window::assigners::window_functions;

/// `key_by k | <window> | process …`
pub(super) fn over(text: &str, window: &str) -> Result<FakeStream, Diagnostic> {
    let function = function(text);
    let registries =
        Registries { stages: crate::operators::stages(), windows: window_functions(), ..Registries::default() };
    let pipeline = format!("x | {window} | process {};", function.name.node);
    let mut parsed = lotic::lang::parse(&pipeline, &registries)
        .unwrap_or_else(|error| panic!("{}", error.render(&pipeline, "", false)));
    let Some(Statement::Preview(pipeline)) = parsed.pop().map(|statement| statement.node) else { panic!("{pipeline}") };
    let mut stream = FakeStream::new(&schema());
    stream.functions = vec![function];
    for stage in &pipeline.stages {
        (stage.spec.bind)(&stage.args, &mut stream)?;
    }
    Ok(stream)
}

const AGAIN: &str = "process p {
    state f bigint per window; state m map<bigint, bigint> per window; state xs list<bigint> per window;
    state r reducing<bigint> by left * 3 + right; state all bigint;
    on window {
        f = coalesce(f, 0) + 1; all = coalesce(all, 0) + 1;
        let sum = 0;
        for r in rows { sum = (sum * 2 + coalesce(r.v, 1)) % 1000003; if r.v is not null { m[r.v] = f; } }
        add sum to xs; add f to r;
        emit k, f, cardinality(rows) as n, sum, cardinality(m) as known, cardinality(xs) as sums, r % 1000003 as r, all;
        if sum % 3 = 0 { emit k, sum to third; }
    }
}";

/// A window of a key, as the model has it.
#[derive(Default)]
struct Window {
    rows: Vec<Option<i64>>,
    firings: i64,
    known: BTreeSet<i64>,
}

#[derive(Default)]
struct Model {
    windows: BTreeMap<(i64, Option<i64>), Window>,
    /// Of each key the reduced number of firings, and how often its windows fired.
    keys: BTreeMap<Option<i64>, (Option<i64>, i64)>,
    rows: Vec<String>,
    side: Vec<String>,
    late: u64,
}

impl Model {
    fn fire(&mut self, end: i64, key: Option<i64>) {
        let Some(window) = self.windows.get_mut(&(end, key)) else { return };
        window.firings += 1;
        let sum = window.rows.iter().fold(0, |sum, v| (sum * 2 + v.unwrap_or(1)) % 1_000_003);
        window.known.extend(window.rows.iter().flatten());
        let (reduced, all) = self.keys.entry(key).or_default();
        *reduced = Some(reduced.map_or(window.firings, |left| left.wrapping_mul(3).wrapping_add(window.firings)));
        *all += 1;
        let (f, n, known) = (window.firings, window.rows.len(), window.known.len());
        let r = reduced.unwrap_or(0) % 1_000_003;
        let (k, at) = (shown(key), end - 1);
        self.rows.push(format!("{k}|{f}|{n}|{sum}|{known}|{f}|{r}|{all} @{at}"));
        if sum % 3 == 0 {
            self.side.push(format!("late: {k}|{sum} @{at}"));
        }
    }

    /// Of `tumble(10ms)` with this lateness.
    fn of(steps: &[Step], lateness: i64) -> Self {
        let (mut model, mut watermark) = (Self::default(), i64::MIN);
        let end_of_input = [Step::Watermark(i64::MAX)];
        for step in steps.iter().chain(&end_of_input) {
            match step {
                Step::Clock(_) => {}
                Step::Watermark(reached) => {
                    let due: Vec<_> = model.windows.keys().copied().collect();
                    for (end, key) in due.into_iter().filter(|(end, _)| end - 1 > watermark && end - 1 <= *reached) {
                        model.fire(end, key);
                    }
                    watermark = *reached;
                    model.windows.retain(|(end, _), _| end - 1 + lateness > watermark);
                }
                Step::Rows(_, rows) => each_row(&[Step::Rows(0, rows.clone())], |key, v, time, _| {
                    let end = time.div_euclid(10) * 10 + 10;
                    if watermark >= end - 1 + lateness {
                        model.late += 1;
                        return;
                    }
                    model.windows.entry((end, key)).or_default().rows.push(v);
                    if watermark >= end - 1 {
                        model.fire(end, key);
                    }
                }),
            }
        }
        model
    }
}

#[test]
fn windows_and_their_states() {
    for seed in 0..cases(30) {
        let lateness = [0, 5, 12][usize::try_from(seed % 3).expect("small")];
        let stream = over(AGAIN, &format!("key_by k | window tumble(10ms) lateness {lateness}ms")).expect("binds");
        assert_eq!(stream.side_outputs, ["third"]);
        let steps = random_steps(seed, 40, 4);
        let Model { mut rows, mut side, late, .. } = Model::of(&steps, lateness);
        rows.sort();
        side.sort();
        let expected = Outcome { rows, side, rejected: Vec::new(), late };
        assert_eq!(straight(stream.last(), &steps), expected, "seed {seed}");
        let mut random = Random(seed);
        let position = usize::try_from(random.below(steps.len() as u64 + 1)).expect("small");
        let parallelism = [(1, 2), (2, 1), (2, 3), (3, 2)][usize::try_from(random.below(4)).expect("small")];
        let again = broken(stream.last(), &steps, position, parallelism, seed);
        assert_eq!(again, expected, "seed {seed}, broken before {position}, {parallelism:?}");
    }
    let stream = over(AGAIN, "key_by k | window tumble(10ms) lateness 8ms").expect("binds");
    broken_anywhere(stream.last(), &random_steps(4, 25, 3));
}

#[test]
fn every_kind_of_window_trigger_and_evictor() {
    let text = "process p { state n bigint; on window { n = coalesce(n, 0) + cardinality(rows); emit k, n, rows[1].v as v; } }";
    for window in [
        "key_by k | window hop(20ms, 10ms)",
        "key_by k | window session(6ms) lateness 10ms",
        "key_by k | window count(3)",
        "key_by k | window global trigger purging count 2",
        "key_by k | window tumble(20ms) trigger every 5ms",
        "key_by k | window tumble(20ms) evict last 2",
    ] {
        let stream = over(text, window).expect("binds");
        let steps = random_steps(7, 20, 3);
        assert!(straight(stream.last(), &steps).rows.len() > 3, "{window}");
        broken_anywhere(stream.last(), &steps);
    }
    // Without a key there is one state for all.
    let all = "process p { state n bigint; on window { n = coalesce(n, 0) + cardinality(rows); emit n; } }";
    let stream = over(all, "window tumble(10ms)").expect("binds");
    let steps: Vec<Step> = [3, 5, 14].map(|time| Step::Rows(0, super::rows(&[(Some(1), Some(1), time)]))).into();
    assert_eq!(straight(stream.last(), &steps).rows, ["2 @9", "3 @19"]);
    broken_anywhere(stream.last(), &steps);
}

#[test]
fn late_rows_go_first_and_a_fault_takes_back_what_its_window_did() {
    let text = "process p { state n bigint; on window { n = coalesce(n, 0) + 1; emit n to tried; emit k, 6 / (rows[1].v - 2) as q, n; } }";
    let stream = over(text, "key_by k | window tumble(10ms) late_to late").expect("binds");
    assert_eq!(stream.side_outputs, ["late", "tried"]);
    let row = |v: i64, time: i64| Step::Rows(0, super::rows(&[(Some(1), Some(v), time)]));
    let steps = [row(4, 5), row(2, 15), row(5, 25), Step::Watermark(40), row(9, 1)];
    let Outcome { rows, side, rejected, late } = in_order(stream.last(), &steps);
    assert_eq!((rows, late), (vec!["1|3|1 @9".to_owned(), "1|2|2 @29".to_owned()], 1));
    assert_eq!(side, ["side 1: 1 @9", "side 1: 2 @29", "late: 1|9|a @1"]);
    insta::assert_snapshot!(rejected.join("\n"), @"division by zero (p, line 1)");
    insta::assert_snapshot!(stream.last().describe(), @"keys=[k], window=tumble(10ms), late_to=late, function=[p], state=[n bigint]");
}

#[test]
fn what_makes_no_sense_over_windows_is_refused() {
    let refused = |text: &str, window: &str| over(text, window).err().expect("is refused").to_string();
    let window = "key_by k | window tumble(10ms)";
    insta::assert_snapshot!([
        refused("process p { on event { emit k; } }", window),
        refused("process p { on window { emit k; } }", "key_by k"),
        refused("process p { on window { emit v; } }", window),
        refused("process p { on window { emit k; } on timer t { emit k; } }", window),
        refused("process p { state n bigint per window; on window { emit n; } }", "key_by k | window session(1s)"),
        refused("process p { state n bigint per window; on event { emit n; } }", "key_by k"),
        refused("process p { on window { emit window_end; } }", "key_by k | window count(3)"),
    ].join("\n"), @r"
    in process `p`, line 1: behind a window its rows are handled by `on window` (they are the list `rows`: for r in rows { … r.price … })
    in process `p`, line 1: there is no window whose rows it could have (put one before: … | window tumble(10s) | process …)
    in process `p`, line 1: there is no column `v` (did you mean `k`?)
    in process `p`, line 1: a function over windows has no timers (when it runs is said by the window and its `trigger`)
    in process `p`, line 1: sessions merge, and state of one can't follow them (so it is in Flink too; without `per window` it is state of the key)
    in process `p`, line 1: there is no window that it could be of (put one before)
    in process `p`, line 1: there is no column `window_end` (the columns here are event_time, processing_time, current_watermark, k, rows)
    ");
}
