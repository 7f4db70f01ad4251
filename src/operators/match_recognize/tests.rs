//! Patterns against a naive matcher on random streams, and broken at every position.

mod model;
mod random;

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};

use crate::api::{Arg, Link, Pattern, PlannedOperator};
use crate::expr::testing::parse;
use crate::operators::testing::script::{Outcome, Step, broken, broken_anywhere, cases, in_order, straight};
use crate::operators::testing::{FakeStream, Random, Values, at, batch, item};
use crate::types::{Batch, LogicalType, Schema, Span};

use model::Event;

/// Columns k, p and id with the time of each row beside them.
pub(super) fn events(events: &[Event]) -> (Schema, Batch) {
    let ids: ArrayRef = Arc::new(events.iter().map(|event| Some(format!("{}", event.id))).collect::<StringArray>());
    let (schema, rows) = batch(vec![
        ("k", Values::Int(events.iter().map(|event| event.key).collect())),
        ("p", Values::Int(events.iter().map(|event| event.p).collect())),
        ("id", Values::Any(LogicalType::String, ids)),
    ]);
    (schema, rows.with_times(events.iter().map(|event| event.time).collect::<Vec<_>>().into()))
}

pub(super) fn variable(name: &str) -> Pattern {
    Pattern::Variable(at(name.to_owned()))
}

pub(super) fn not(name: &str) -> Pattern {
    Pattern::Not(at(name.to_owned()))
}

pub(super) fn times(pattern: Pattern, min: u32, max: Option<u32>, reluctant: bool) -> Pattern {
    Pattern::Repeat { pattern: Box::new(pattern), min, max, reluctant, span: Span::default() }
}

/// A stage as its parts are typed.
pub(super) struct Stage {
    pub(super) pattern: Pattern,
    pub(super) define: Vec<(&'static str, String)>,
    pub(super) measures: Vec<(String, String)>,
    pub(super) within_ms: Option<i64>,
    pub(super) skip: (&'static str, Arg),
    pub(super) event_time: bool,
}

impl Stage {
    pub(super) fn new(pattern: Pattern, define: &[(&'static str, &str)], measures: &[&str]) -> Self {
        Self {
            pattern,
            define: define.iter().map(|(name, condition)| (*name, (*condition).to_owned())).collect(),
            measures: measures.iter().enumerate().map(|(at, text)| ((*text).to_owned(), format!("m{at}"))).collect(),
            within_ms: None,
            skip: ("after skip past last row", Arg::Flag),
            event_time: true,
        }
    }

    pub(super) fn within(self, ms: i64) -> Self {
        Self { within_ms: Some(ms), ..self }
    }

    /// The operator, with late rows and what ran out of time on side outputs.
    pub(super) fn plan(&self) -> Arc<dyn PlannedOperator> {
        let (schema, _) = events(&[]);
        let mut stream = FakeStream::new(&schema);
        stream.shape.time.event_time = self.event_time;
        let select = |(text, name): &(String, String)| item(parse(text), Some(name));
        let define = self.define.iter().map(|(name, text)| item(parse(text), Some(name))).collect();
        let mut clauses = vec![
            ("per", Arg::Names(vec![at("k".to_owned())])),
            ("define", Arg::Exprs(define)),
            ("measures", Arg::Exprs(self.measures.iter().map(select).collect())),
            self.skip.clone(),
            ("late_to", Arg::Name(at("late".to_owned()))),
            ("timed_out to", Arg::Name(at("over".to_owned()))),
        ];
        if let Some(within_ms) = self.within_ms {
            clauses.push(("within", Arg::Duration(at(within_ms))));
        }
        if self.define.is_empty() {
            clauses.remove(1);
        }
        stream.stage("match", vec![Arg::Pattern(self.pattern.clone())], clauses).expect("binds");
        Arc::clone(stream.applied.last().expect("applied"))
    }
}

fn event(key: Option<i64>, time: i64, p: i64, id: i64) -> Event {
    Event { key, time, p: Some(p), id }
}

/// Rows of `p` one behind the other, a second apart, of key 1.
fn prices(prices: &[i64]) -> Vec<Step> {
    let rows: Vec<Event> = prices.iter().zip(0_i64..).map(|(&p, at)| event(Some(1), 1_000 * at, p, at)).collect();
    vec![Step::Rows(0, events(&rows).1)]
}

fn sequence(parts: Vec<(Link, Pattern)>) -> Pattern {
    Pattern::Sequence(parts)
}

const STRICT: Link = Link::Strict;

fn strict(parts: Vec<Pattern>) -> Pattern {
    sequence(parts.into_iter().map(|part| (STRICT, part)).collect())
}

#[test]
fn rows_are_sorted_late_ones_go_aside_and_each_key_is_matched_for_itself() {
    let stage = Stage::new(
        strict(vec![variable("A"), variable("B")]),
        &[("B", "B.p > A.p")],
        &["A.id", "B.id", "match_number()"],
    );
    let plan = stage.plan();
    let steps = [
        Step::Rows(
            0,
            events(&[
                event(Some(1), 3_000, 9, 2),
                event(None, 1_000, 4, 10),
                event(Some(1), 1_000, 5, 0),
                event(Some(1), 3_000, 8, 3),
                event(Some(1), 2_000, 3, 1),
                event(None, 3_000, 5, 11),
            ])
            .1,
        ),
        Step::Watermark(2_500),
        Step::Rows(0, events(&[event(Some(1), 2_500, 1, 7), event(Some(1), 4_000, 9, 4)]).1),
        Step::Watermark(9_000),
        Step::Rows(0, events(&[event(None, 9_000, 1, 12), event(None, 9_001, 6, 13), event(None, 9_002, 7, 14)]).1),
    ];
    let found = in_order(&*plan, &steps);
    assert_eq!(found.rows, ["1|1|2|1 @3000", "null|10|11|1 @3000", "1|3|4|2 @4000", "null|13|14|2 @9002"]);
    assert_eq!(found.side, ["late: 1|1|7 @2500", "late: null|1|12 @9000"]);
    assert_eq!(found.late, 2);
    broken_anywhere(&*plan, &steps);
}

#[test]
fn what_runs_out_of_time_goes_aside_and_frees_what_waited() {
    let pattern = sequence(vec![(STRICT, variable("A")), (Link::Next, variable("B"))]);
    let stage = Stage::new(pattern, &[("A", "p < 5"), ("B", "p = A.p * 10")], &["A.id", "B.id"]).within(4_000);
    let plan = stage.plan();
    let mut steps = prices(&[4, 2, 20, 7, 7, 1, 7]);
    steps.extend([Step::Watermark(4_500), Step::Watermark(6_500)]);
    // The match of 2 and 20 waits for the row before it, whose time is over with that of the row at 4 s.
    let found = in_order(&*plan, &steps);
    assert_eq!(found.rows, ["1|1|2 @4000"]);
    assert_eq!(found.side, ["side 1: 1|0|null @4000", "side 1: 1|5|null @9000"]);
    broken_anywhere(&*plan, &steps);
}

#[test]
fn a_pattern_can_end_with_what_does_not_come() {
    let pattern = sequence(vec![(STRICT, variable("A")), (Link::Next, not("B"))]);
    let stage = Stage::new(pattern, &[("A", "p = 1"), ("B", "p = 2")], &["A.id"]).within(3_000);
    let plan = stage.plan();
    let steps = [prices(&[1, 5, 5, 2, 1, 5, 2]), vec![Step::Watermark(6_000), Step::Watermark(7_000)]].concat();
    assert_eq!(in_order(&*plan, &steps).rows, ["1|0 @3000"]);
    broken_anywhere(&*plan, &steps);
    // Directly behind it: the next row decides, or the end of the input.
    let stage = Stage::new(strict(vec![variable("A"), not("B")]), &[("A", "p = 1"), ("B", "p = 2")], &["A.id"]);
    assert_eq!(straight(&*stage.plan(), &prices(&[1, 2, 1, 3, 1])).rows, ["1|2 @3000", "1|4 @4000"]);
}

#[test]
fn a_greedy_end_is_complete_with_the_first_row_that_is_no_more() {
    let pattern = strict(vec![variable("A"), times(variable("B"), 1, None, false)]);
    let stage = Stage::new(pattern, &[("A", "p = 1"), ("B", "p > 1")], &["listagg(B.id)"]);
    assert_eq!(straight(&*stage.plan(), &prices(&[1, 2, 3, 0, 1, 7])).rows, ["1|1,2 @3000", "1|5 @5000"]);
}

#[test]
fn a_row_in_which_a_condition_fails_is_rejected_and_as_if_it_had_not_come() {
    let pattern = strict(vec![variable("A"), variable("B")]);
    for (condition, message) in [("12 / p > 3", "by zero"), ("12 / p > A.p - A.p + 3", "by zero")] {
        let stage = Stage::new(pattern.clone(), &[("A", "p is not null"), ("B", condition)], &["A.id", "B.id"]);
        let steps = prices(&[9, 0, 2, 8]);
        let found = straight(&*stage.plan(), &steps);
        assert_eq!(found.rows, ["1|0|2 @2000"], "{condition}");
        assert!(found.rejected.len() == 1 && found.rejected[0].contains(message), "{:?}", found.rejected);
    }
    let stage = Stage::new(pattern, &[("B", "p > 5")], &["A.id", "100 / A.p"]);
    let found = straight(&*stage.plan(), &prices(&[0, 9, 5, 9]));
    assert_eq!((found.rows, found.rejected.len()), (vec!["1|2|20 @3000".to_owned()], 1));
}

#[test]
fn columns_of_rows_before_are_those_of_the_row_before_whichever_it_is() {
    let pattern = strict(vec![variable("A"), variable("B")]);
    let define = [("A", "p > prev(p)"), ("B", "p < prev(p, 2) and prev(A.p) is not null")];
    let stage = Stage::new(pattern, &define, &["A.id", "prev(A.p)", "B.id", "first(prev(p, 2))"]);
    let plan = stage.plan();
    let rows = [5, 9, 4, 2, 8, 1, 3, 2, 6, 5];
    let steps: Vec<Step> = rows
        .iter()
        .zip(0_i64..)
        .flat_map(|(&p, at)| {
            let time = 1_000 * at;
            [Step::Rows(0, events(&[event(Some(1), time, p, at)]).1), Step::Watermark(time - 500)]
        })
        .collect();
    assert_eq!(straight(&*plan, &steps).rows, ["1|1|5|2|null @2000", "1|4|2|5|4 @5000"]);
    broken_anywhere(&*plan, &steps);
    // At once the same as one by one.
    assert_eq!(straight(&*plan, &prices(&rows)).rows, straight(&*plan, &steps).rows);
}

#[test]
fn without_event_time_rows_are_matched_as_they_come_and_wait_by_the_clock() {
    let pattern = sequence(vec![(STRICT, variable("A")), (Link::Next, variable("B"))]);
    let mut stage = Stage::new(pattern, &[("A", "p = 1"), ("B", "p = 2")], &["A.id", "B.id"]).within(1_000);
    stage.event_time = false;
    let plan = stage.plan();
    let row = |p, at| Step::Rows(0, events(&[event(Some(1), 50 - at, p, at)]).1);
    let steps = [
        row(1, 0),
        row(5, 1),
        row(2, 2),
        row(1, 3),
        Step::Clock(999),
        row(7, 4),
        Step::Clock(1_000),
        row(2, 5),
        row(1, 6),
        row(2, 7),
    ];
    let found = in_order(&*plan, &steps);
    assert_eq!(
        (&found.rows[..], &found.side[..]),
        (&["1|0|2".to_owned(), "1|6|7".to_owned()][..], &["side 1: 1|3|null".to_owned()][..])
    );
    broken_anywhere(&*plan, &steps);
}

#[test]
fn only_what_is_read_is_asked_for() {
    let pattern = strict(vec![variable("A"), variable("B")]);
    let mut stage = Stage::new(pattern, &[("A", "p > prev(p)")], &["last(A.id)", "B.p"]);
    let plan = {
        let plan = stage.plan();
        assert!(plan.prune(&[0, 1]).is_none(), "partial matches have all columns");
        stage.measures.truncate(2);
        plan
    };
    assert_eq!(plan.states().len(), 3);
    let expected = straight(&*plan, &prices(&[1, 5, 2, 7, 9]));
    assert_eq!(expected.rows, ["1|1|2 @2000", "1|3|9 @4000"]);
    let shown = plan.describe();
    assert!(shown.contains("pattern=(A B), define=[A as p > prev(p)], after=skip past last row"), "{shown}");
}

/// Patterns against the naive matcher: every construct, skipping, and time, with late, equal-time and null-key rows; straight
/// and broken at one place.
#[test]
fn patterns_find_what_the_naive_matcher_finds() {
    let mut found = 0;
    for seed in 0..cases(60) {
        let mut random = Random(seed * 15_485_863);
        let case = random::case(&mut random);
        let plan = case.stage().plan();
        let expected = case.expected();
        let given = |outcome: Outcome| {
            let late = outcome.side.iter().filter(|line| line.starts_with("late: ")).count() as u64;
            assert_eq!((late, outcome.late), (expected.late, expected.late), "seed {seed}");
            let timed = case.skips_nothing();
            let row = |line: String| if timed { line } else { line.split(" @").next().unwrap_or_default().to_owned() };
            let mut rows: Vec<String> = outcome.rows.into_iter().map(row).collect();
            rows.sort();
            let over = outcome.side.into_iter().filter_map(|line| line.strip_prefix("side 1: ").map(str::to_owned));
            let mut over: Vec<String> = over.collect();
            over.sort();
            (rows, over)
        };
        let wanted = (expected.rows.clone(), expected.over.clone());
        found += wanted.0.len();
        let shown = plan.describe();
        assert_eq!(given(straight(&*plan, &case.steps)), wanted, "seed {seed}: {shown}\n{case}");
        let position = random::place(&mut random, case.steps.len() + 1);
        let parallelism = [(1, 1), (1, 3), (2, 1), (3, 2)][random::place(&mut random, 4)];
        let broken = broken(&*plan, &case.steps, position, parallelism, seed);
        assert_eq!(given(broken), wanted, "seed {seed}, broken before {position}: {shown}\n{case}");
    }
    assert!(found as u64 > cases(60), "only {found} matches");
}
