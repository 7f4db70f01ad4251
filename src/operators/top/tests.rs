//! Against a model that sorts all rows anew for each, and broken at every position.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{Arg, ChangelogMode, OrderItem, PlannedOperator, UpdateKind};
use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order, straight};
use crate::operators::testing::{FakeStream, Random, Values, at, batch, column, names};
use crate::types::{Batch, Diagnostic, RowKind, Schema};

fn order(columns: &[(&str, bool, Option<bool>)]) -> Arg {
    let item = |&(name, descending, nulls_first)| OrderItem { expr: column(name), descending, nulls_first };
    Arg::Order(columns.iter().map(item).collect())
}

fn words(words: &[&str]) -> Arg {
    Arg::Names(words.iter().map(|word| at((*word).to_owned())).collect())
}

/// A key and a value.
type Pair = (Option<i64>, Option<i64>);
/// A row: its key, its value, its number.
type Row = (Option<i64>, Option<i64>, i64);

fn rows(rows: &[(RowKind, Row)], times: &[i64], changes: bool) -> (Schema, Batch) {
    let (schema, batch) = batch(vec![
        ("k", Values::Int(rows.iter().map(|(_, row)| row.0).collect())),
        ("v", Values::Int(rows.iter().map(|(_, row)| row.1).collect())),
        ("id", Values::ints(rows.iter().map(|(_, row)| row.2))),
    ]);
    let kinds = changes.then(|| rows.iter().map(|(kind, _)| *kind as i8).collect::<Vec<_>>().into());
    (schema, batch.with_times(times.to_vec().into()).with_kinds(kinds))
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one way to ask for it")]
struct Case {
    n: u64,
    descending: bool,
    nulls_first: bool,
    per: bool,
    rank: bool,
    changes: bool,
    ttl: Option<i64>,
}

fn planned(case: Case) -> Arc<dyn PlannedOperator> {
    let (schema, _) = rows(&[], &[], false);
    let mut stream = FakeStream::new(&schema);
    if case.changes {
        stream.shape.changelog = ChangelogMode::Retract(None);
    }
    let mut clauses = vec![("by", order(&[("v", case.descending, Some(case.nulls_first))]))];
    clauses.extend(case.per.then(|| ("per", words(&["k"]))));
    clauses.extend(case.rank.then(|| ("as", Arg::Name(at("rank".to_owned())))));
    clauses.extend(case.ttl.map(|ttl| {
        let ttl = at(crate::expr::ast::Expr::Literal(crate::expr::ast::Literal::IntervalDayTime(ttl)));
        ("with", Arg::Options(vec![(at("ttl".to_owned()), ttl)]))
    }));
    stream.stage("top", vec![Arg::Integer(at(case.n))], clauses).expect("binds");
    stream.applied.pop().expect("an operator")
}

fn text(value: Option<i64>) -> String {
    value.map_or("null".to_owned(), |value| value.to_string())
}

/// The changes that Flink would tell: of each rank what stands there now, or the rows that go and the one that comes.
#[derive(Default)]
struct Model {
    groups: BTreeMap<Option<i64>, (Vec<Row>, i64)>,
}

impl Model {
    fn first(case: Case, rows: &[Row]) -> Vec<Row> {
        let mut sorted = rows.to_vec();
        sorted.sort_by(|a, b| match (a.1, b.1) {
            (Some(a), Some(b)) if case.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) if case.nulls_first => a.is_some().cmp(&b.is_some()),
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
        sorted.truncate(usize::try_from(case.n).expect("small"));
        sorted
    }

    fn apply(&mut self, case: Case, (kind, row): (RowKind, Row), time: i64, now_ms: i64, told: &mut Vec<String>) {
        if let Some(ttl) = case.ttl {
            self.groups.retain(|_, (_, written)| *written + ttl > now_ms);
        }
        let (rows, written) = self.groups.entry(row.0.filter(|_| case.per)).or_default();
        let old = Self::first(case, rows);
        if kind.adds() {
            rows.push(row);
        } else if let Some(place) = rows.iter().position(|held| *held == row) {
            rows.remove(place);
        }
        let new = Self::first(case, rows);
        if case.changes || old != new {
            *written = now_ms;
        }
        if !case.changes {
            rows.clone_from(&new);
        }
        let line = |kind: &str, row: Row, rank: usize| {
            let rank = if case.rank { format!("|{}", rank + 1) } else { String::new() };
            format!("{kind} {}|{}|{}{rank} @{time}", text(row.0), text(row.1), row.2)
        };
        if case.rank || case.n == 1 && !case.changes {
            for rank in 0..old.len().max(new.len()) {
                match (old.get(rank), new.get(rank)) {
                    (Some(old), Some(new)) if old != new => {
                        told.extend([line("-U", *old, rank), line("+U", *new, rank)]);
                    }
                    (None, Some(new)) => told.push(line("+I", *new, rank)),
                    (Some(old), None) => told.push(line("-D", *old, rank)),
                    _ => {}
                }
            }
        } else {
            told.extend(old.iter().filter(|row| !new.contains(row)).map(|row| line("-D", *row, 0)));
            told.extend(new.iter().filter(|row| !old.contains(row)).map(|row| line("+I", *row, 0)));
        }
    }
}

/// A random stream in few keys and values, with rows taken back where `case` has changes, and what the model tells of it.
fn random(case: Case, random: &mut Random, steps: usize) -> (Vec<Step>, Vec<String>) {
    let (mut model, mut told, mut held) = (Model::default(), Vec::new(), Vec::<Row>::new());
    let (mut script, mut now_ms, mut id) = (Vec::new(), 0, 0);
    for _ in 0..steps {
        if random.below(4) == 0 {
            now_ms += random.int(30);
            script.push(Step::Clock(now_ms));
            continue;
        }
        let mut changes = Vec::new();
        for _ in 0..=random.below(4) {
            let back = case.changes && random.below(5) < 2 && !held.is_empty();
            if back {
                let row = held.swap_remove(usize::try_from(random.below(held.len() as u64)).expect("small"));
                changes.push((RowKind::Delete, row));
            } else {
                id += 1;
                let null = |random: &mut Random, limit| (random.below(6) > 0).then(|| random.int(limit));
                let row = (null(random, 3), null(random, 5), id);
                held.push(row);
                changes.push((RowKind::Insert, row));
            }
        }
        let times: Vec<i64> = changes.iter().map(|_| random.int(50)).collect();
        for (change, &time) in changes.iter().zip(&times) {
            model.apply(case, *change, time, now_ms, &mut told);
        }
        script.push(Step::Rows(0, rows(&changes, &times, case.changes).1));
    }
    (script, told)
}

#[test]
fn changes_are_those_of_a_model_that_sorts_anew() {
    for seed in 0..cases(60) {
        let mut dice = Random(seed << 20);
        let mut flip = || dice.below(2) == 0;
        let case = Case {
            descending: flip(),
            nulls_first: flip(),
            per: flip(),
            rank: flip(),
            changes: flip(),
            ttl: (flip() && flip()).then_some(25),
            n: 1 + dice.below(4),
        };
        let (script, told) = random(case, &mut dice, 30);
        let operator = planned(case);
        let found = in_order(&*operator, &script);
        assert_eq!(found.rows, told, "seed {seed}: {case:?}");
        let pruned = operator.prune(&[1]);
        assert!(!case.rank || pruned.is_none(), "the rank tells which rows are told");
    }
}

#[test]
fn broken_anywhere_it_tells_the_same() {
    let all = |changes: bool, rank: bool, ttl| Case {
        n: 2,
        descending: true,
        nulls_first: false,
        per: true,
        rank,
        changes,
        ttl,
    };
    for case in [all(false, true, None), all(false, false, Some(20)), all(true, true, Some(20)), all(true, false, None)]
    {
        let (script, _) = random(case, &mut Random(7), 12);
        broken_anywhere(&*planned(case), &script);
        let (script, _) = random(case, &mut Random(11), 12);
        broken_anywhere(&*planned(Case { per: false, ..case }), &script);
    }
}

#[test]
fn one_row_makes_many_changes_a_batch_at_a_time() {
    // Each row is the new first of a hundred: batches hold three rows in scripts.
    let case = Case { n: 100, descending: true, nulls_first: false, per: false, rank: true, changes: false, ttl: None };
    let added: Vec<(RowKind, Row)> = (0..40).map(|id| (RowKind::Insert, (None, Some(id), id))).collect();
    let (_, input) = rows(&added, &[0; 40], false);
    let outcome = straight(&*planned(case), &[Step::Rows(0, input)]);
    assert_eq!(outcome.rows.len(), 40 + 2 * (0..40).sum::<usize>());
}

#[test]
fn updates_are_told_by_the_new_row_alone_where_that_will_do() {
    let case = Case { n: 2, descending: true, nulls_first: false, per: true, rank: true, changes: false, ttl: None };
    let operator = planned(case);
    assert_eq!(operator.gives(&[ChangelogMode::Append]), ChangelogMode::Retract(Some(vec![0, 3])));
    assert_eq!(operator.needs(0, UpdateKind::OnlyAfter), UpdateKind::BeforeAndAfter);
    let after = operator.only_after().expect("it can");
    assert_eq!(after.gives(&[ChangelogMode::Append]), ChangelogMode::Upsert(vec![0, 3]));
    let insert = |v| (RowKind::Insert, (Some(1), Some(v), v));
    let (_, input) = rows(&[insert(5), insert(7), insert(6)], &[1, 2, 3], false);
    let told = ["+I 1|5|5|1 @1", "+U 1|7|7|1 @2", "+I 1|5|5|2 @2", "+U 1|6|6|2 @3"];
    assert_eq!(in_order(&*after, &[Step::Rows(0, input)]).rows, told);
    // Without ranks rows come and go; their key is that of the input. Of one place the key is whose place it is.
    let plain = planned(Case { rank: false, ..case });
    assert!(plain.only_after().is_none());
    assert_eq!(plain.gives(&[ChangelogMode::Upsert(vec![2])]), ChangelogMode::Retract(Some(vec![2])));
    assert_eq!(planned(Case { rank: false, n: 1, ..case }).gives(&[]), ChangelogMode::Retract(Some(vec![0])));
}

#[test]
fn a_row_is_found_by_its_key_where_the_changelog_has_one() {
    use RowKind::{Delete, Insert};
    let (schema, _) = rows(&[], &[], false);
    let mut stream = FakeStream::new(&schema);
    stream.shape.changelog = ChangelogMode::Retract(Some(vec![2]));
    let clauses = vec![("by", order(&[("v", true, None)]))];
    stream.stage("top", vec![Arg::Integer(at(2))], clauses).expect("binds");
    // What is deleted is told by its key; the rest need not be as it was.
    let changes = [
        (Insert, (Some(1), Some(5), 1)),
        (Insert, (Some(1), Some(6), 2)),
        (Insert, (Some(1), Some(4), 3)),
        (Delete, (None, None, 2)),
        (Delete, (None, None, 9)),
    ];
    let (_, input) = rows(&changes, &[1, 2, 3, 4, 5], true);
    let told = ["+I 1|5|1 @1", "+I 1|6|2 @2", "-D 1|6|2 @4", "+I 1|4|3 @4"];
    assert_eq!(in_order(stream.last(), &[Step::Rows(0, input)]).rows, told);
}

fn windowed(n: u64, per: &[&str], rank: bool) -> Arc<dyn PlannedOperator> {
    let (schema, _) = of_windows(&[]);
    let mut stream = FakeStream::new(&schema);
    stream.stage("key_by", vec![names(&["k"])], vec![]).expect("binds");
    let mut clauses = vec![("by", order(&[("v", true, None)])), ("per", words(per))];
    clauses.extend(rank.then(|| ("as", Arg::Name(at("rank".to_owned())))));
    stream.stage("top", vec![Arg::Integer(at(n))], clauses).expect("binds");
    assert!(stream.shape.changelog.is_append());
    stream.applied.pop().expect("an operator")
}

/// Rows of windows of ten milliseconds: the key, the value, the window's end.
fn of_windows(rows: &[(Option<i64>, Option<i64>, i64)]) -> (Schema, Batch) {
    let (schema, batch) = batch(vec![
        ("k", Values::Int(rows.iter().map(|row| row.0).collect())),
        ("window_start", Values::Time(rows.iter().map(|row| Some(row.2 - 10)).collect())),
        ("window_end", Values::Time(rows.iter().map(|row| Some(row.2)).collect())),
        ("v", Values::Int(rows.iter().map(|row| row.1).collect())),
    ]);
    (schema, batch.with_times(rows.iter().map(|row| row.2 - 1).collect::<Vec<_>>().into()))
}

#[test]
fn the_first_of_each_window_come_once_and_late_rows_never() {
    for seed in 0..cases(40) {
        let mut random = Random(seed << 24);
        let per_key = random.below(2) == 0;
        let (mut watermark, mut script) = (0, Vec::new());
        let mut open: BTreeMap<(i64, Option<i64>), Vec<Pair>> = BTreeMap::new();
        let (mut told, mut late) = (Vec::new(), 0);
        for _ in 0..12 {
            if random.below(3) == 0 {
                watermark += random.int(12);
                script.push(Step::Watermark(watermark));
                continue;
            }
            let mut came = Vec::new();
            for _ in 0..=random.below(5) {
                let null = |random: &mut Random, limit| (random.below(6) > 0).then(|| random.int(limit));
                let row = (null(&mut random, 3), null(&mut random, 5), 10 * (1 + random.int(5)));
                if row.2 - 1 <= watermark {
                    late += 1;
                } else {
                    open.entry((row.2, row.0.filter(|_| per_key))).or_default().push((row.0, row.1));
                }
                came.push(row);
            }
            script.push(Step::Rows(0, of_windows(&came).1));
        }
        for ((end, _), mut rows) in open {
            // Stable, and null is the least.
            rows.sort_by_key(|row| std::cmp::Reverse(row.1));
            for (rank, (key, value)) in rows.into_iter().take(2).enumerate() {
                let (start, end, last) = (end - 10, end, end - 1);
                let line =
                    format!("{}|00:00:00{}|00:00:00{}|{}|{}", text(key), ms(start), ms(end), text(value), rank + 1);
                told.push(format!("{line} @{last}"));
            }
        }
        let operator = windowed(2, if per_key { &["window", "k"] } else { &["window"] }, true);
        let outcome = straight(&*operator, &script);
        told.sort();
        assert_eq!((outcome.rows, outcome.late), (told, late), "seed {seed}");
        if seed < 4 {
            broken_anywhere(&*operator, &script);
        }
    }
}

fn ms(time: i64) -> String {
    if time == 0 { String::new() } else { format!(".{time:03}") }
}

#[test]
fn mistakes_are_told() {
    let (schema, _) = rows(&[], &[], false);
    let refused = |n: u64, clauses: Vec<(&'static str, Arg)>| -> Diagnostic {
        let clauses = std::iter::once(("by", order(&[("v", true, None)]))).chain(clauses).collect();
        FakeStream::new(&schema).stage("top", vec![Arg::Integer(at(n))], clauses).expect_err("is refused")
    };
    assert_eq!(refused(0, vec![]).message, "the first 0 rows are none");
    assert_eq!(refused(1, vec![("per", words(&["window"]))]).message, "the rows of this stream are of no window");
    assert_eq!(refused(1, vec![("per", words(&["k", "K"]))]).message, "`per` names `k` twice");
    assert_eq!(refused(1, vec![("as", Arg::Name(at("v".to_owned())))]).message, "there is a column `v` already");
    let ttl = at(crate::expr::ast::Expr::Literal(crate::expr::ast::Literal::Null));
    let with = vec![("with", Arg::Options(vec![(at("tll".to_owned()), ttl)]))];
    assert_eq!(refused(1, with).to_string(), "`top` has no option `tll` (did you mean `ttl`?)");
}

#[test]
fn what_nobody_reads_is_not_kept() {
    let case = Case { n: 2, descending: true, nulls_first: false, per: true, rank: false, changes: true, ttl: None };
    let pruned = planned(case).prune(&[1]).expect("narrows");
    assert_eq!(pruned.inputs, [vec![0, 1]]);
    assert_eq!(
        pruned.operator.states()[0].schema.to_string(),
        "(k bigint, # bigint not null, #time bigint not null, v bigint)"
    );
    assert_eq!(
        pruned.operator.describe(),
        "strategy=retract, rankRange=[1, 2], partitionBy=[k], orderBy=[v DESC], select=[v]"
    );
}
