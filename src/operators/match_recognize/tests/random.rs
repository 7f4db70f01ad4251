//! Random patterns over random rows.

use std::collections::BTreeMap;
use std::fmt;

use super::model::{Condition, Event, Expected, Model, Path, Test, name};
use super::{Stage, events, not, times, variable};
use crate::api::{Arg, Link, Pattern};
use crate::operators::testing::Random;
use crate::operators::testing::at;
use crate::operators::testing::script::Step;

pub(super) struct Case {
    pattern: Pattern,
    conditions: Vec<Condition>,
    within_ms: Option<i64>,
    skip: (&'static str, Option<&'static str>),
    /// The variables that rows can be of.
    variables: Vec<&'static str>,
    pub(super) steps: Vec<Step>,
    arrived: Vec<(Event, i64)>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} {:?} {:?}", self.pattern, self.skip, self.within_ms)?;
        for condition in &self.conditions {
            writeln!(f, "{} as {}", condition.variable, condition.text)?;
        }
        self.arrived.iter().try_for_each(|(event, watermark)| writeln!(f, "{event:?} at {watermark}"))
    }
}

/// A place among `places`.
pub(super) fn place(random: &mut Random, places: usize) -> usize {
    usize::try_from(random.below(places as u64)).expect("few")
}

fn p(rows: &[Event], at: usize) -> i64 {
    rows[at].p.unwrap_or(0)
}

/// Conditions for the variable `own`; those behind `earlier` may read it.
fn condition(random: &mut Random, own: &'static str, earlier: &[&'static str]) -> Option<Condition> {
    let of = |text: String, test: Test| Some(Condition { variable: own, text, test });
    let other = earlier.first().copied();
    match random.below(if other.is_some() { 12 } else { 7 }) {
        0 => None,
        1 => of("p > 3".to_owned(), |rows, _, at, _| p(rows, at) > 3),
        2 => of(format!("{own}.p < 7"), |rows, _, at, _| p(rows, at) < 7),
        3 => of("p % 2 = 0".to_owned(), |rows, _, at, _| p(rows, at) % 2 == 0),
        4 => of("p > prev(p)".to_owned(), |rows, _, at, _| at > 0 && p(rows, at) > p(rows, at - 1)),
        5 => of(format!("last({own}.p, 1) is null or p > last({own}.p, 1)"), |rows, path, at, own| {
            let last = path.iter().rev().find(|(_, of)| *of == own);
            last.is_none_or(|&(last, _)| p(rows, at) > p(rows, last))
        }),
        6 => of(format!("count({own}.p) < 3 and p > 1"), |rows, path, at, own| {
            path.iter().filter(|(_, of)| *of == own).count() + 1 < 3 && p(rows, at) > 1
        }),
        7 => of("sum(p) < 18".to_owned(), |rows, path, at, _| {
            path.iter().map(|&(row, _)| p(rows, row)).sum::<i64>() + p(rows, at) < 18
        }),
        8 => of("first(p) < p".to_owned(), |rows, path, at, _| {
            path.first().is_some_and(|&(first, _)| p(rows, first) < p(rows, at))
        }),
        9 => of("p <> last(p, 1)".to_owned(), |rows, path, at, _| {
            path.last().is_some_and(|&(last, _)| p(rows, last) != p(rows, at))
        }),
        10 => of(format!("p >= {}.p", other.unwrap_or(own)), |rows, path, at, _| {
            let last = path.iter().rev().find(|(_, of)| *of == "A");
            last.is_some_and(|&(last, _)| p(rows, at) >= p(rows, last))
        }),
        _ => of(format!("p > avg({}.p)", other.unwrap_or(own)), |rows, path, at, _| {
            let all: Vec<i64> = path.iter().filter(|(_, of)| *of == "A").map(|&(row, _)| p(rows, row)).collect();
            let count = i64::try_from(all.len()).expect("few");
            count > 0 && p(rows, at) > all.iter().sum::<i64>() / count
        }),
    }
}

fn link(random: &mut Random) -> Link {
    [Link::Strict, Link::Strict, Link::Strict, Link::Next, Link::Any][place(random, 5)]
}

fn often(random: &mut Random, pattern: Pattern) -> Pattern {
    let reluctant = random.below(2) == 0;
    match random.below(9) {
        0 => times(pattern, 0, None, reluctant),
        1 | 2 => times(pattern, 1, None, reluctant),
        3 => times(pattern, 0, Some(1), false),
        4 => times(pattern, 2, Some(2), false),
        5 => times(pattern, 1, Some(2), reluctant),
        6 => times(pattern, 2, None, reluctant),
        _ => pattern,
    }
}

pub(super) fn case(random: &mut Random) -> Case {
    let has = |random: &mut Random, chance: u64| random.below(chance) == 0;
    let within_ms = has(random, 2).then(|| 1_000 * (2 + random.int(8)));
    let first = variable("A");
    let mut parts = vec![(Link::Strict, if has(random, 5) { times(first, 1, None, has(random, 2)) } else { first })];
    let mut variables = vec!["A", "B", "C"];
    if has(random, 4) {
        // A group of two, or either of them.
        let pair = if has(random, 2) {
            Pattern::Either(vec![variable("B"), variable("D")])
        } else {
            Pattern::Sequence(vec![(Link::Strict, variable("B")), (link(random), variable("D"))])
        };
        parts.push((link(random), often(random, pair)));
        variables = vec!["A", "B", "D", "C"];
    } else {
        let middle = often(random, variable("B"));
        parts.push((link(random), middle));
    }
    let bar = has(random, 4);
    let ends = within_ms.is_some() && has(random, 5);
    if bar && !ends {
        parts.push((link(random), not("N")));
    }
    let last = if has(random, 6) { often(random, variable("C")) } else { variable("C") };
    let relaxed_end = !matches!(last, Pattern::Variable(_)) && within_ms.is_none();
    parts.push((if relaxed_end { Link::Strict } else { link(random) }, last));
    if bar && ends {
        parts.push((link(random), not("N")));
    }
    let mut conditions = Vec::new();
    for (at, &own) in variables.iter().enumerate() {
        conditions.extend(condition(random, own, if at == 0 { &[] } else { &["A"] }));
    }
    if bar {
        let mut of = condition(random, "N", &["A"]);
        while of.is_none() {
            of = condition(random, "N", &["A"]);
        }
        conditions.extend(of);
    }
    let mut skip = match random.below(6) {
        0 | 1 => ("after skip past last row", None),
        2 => ("after skip to next row", None),
        3 => ("after skip to first", Some("B")),
        4 => ("after skip to last", Some("C")),
        _ => ("after no skip", None),
    };
    // What any row may lie between has very many matches.
    let wide = format!("{parts:?}").matches("Any").count();
    if wide > 1 && skip.0 == "after no skip" {
        skip = ("after skip to next row", None);
    }
    let (steps, arrived) = rows(random);
    // Greedy ends that any row may follow have no end without a time.
    let pattern = Pattern::Sequence(parts);
    let mut case = Case { pattern, conditions, within_ms, skip, variables, steps, arrived };
    if case.within_ms.is_none() && ends_in_time(&case.pattern) {
        case.within_ms = Some(4_000);
    }
    case
}

fn ends_in_time(pattern: &Pattern) -> bool {
    let number = |name: &str| usize::from(name.as_bytes()[0] - b'A');
    super::super::nfa::Nfa::compile(pattern, &number).expect("compiles").ends_in_time()
}

fn rows(random: &mut Random) -> (Vec<Step>, Vec<(Event, i64)>) {
    let (mut steps, mut arrived) = (Vec::new(), Vec::new());
    let (mut now, mut watermark, mut id) = (10_000, i64::MIN, 0);
    for _ in 0..3 + random.below(5) {
        let mut batch = Vec::new();
        for _ in 0..random.below(5) {
            now += 500 * random.int(4);
            let key = [Some(1), Some(1), None][place(random, 3)];
            let event = Event { key, time: now - 500 * random.int(4), p: Some(random.int(10)), id };
            id += 1;
            arrived.push((event.clone(), watermark));
            batch.push(event);
        }
        if !batch.is_empty() {
            steps.push(Step::Rows(0, events(&batch).1));
        }
        if random.below(3) > 0 {
            watermark = watermark.max(now - 1_000);
            steps.push(Step::Watermark(watermark));
        }
    }
    (steps, arrived)
}

impl Case {
    pub(super) fn skips_nothing(&self) -> bool {
        self.skip.0 == "after no skip"
    }

    pub(super) fn stage(&self) -> Stage {
        let keyword = self.skip.0;
        Stage {
            pattern: self.pattern.clone(),
            define: self.conditions.iter().map(|condition| (condition.variable, condition.text.clone())).collect(),
            measures: self.variables.iter().map(|of| (format!("listagg({of}.id)"), format!("m_{of}"))).collect(),
            within_ms: self.within_ms,
            skip: (keyword, self.skip.1.map_or(Arg::Flag, |of| Arg::Name(at(of.to_owned())))),
            event_time: true,
        }
    }

    pub(super) fn expected(&self) -> Expected {
        let mut expected = Expected::default();
        let mut keys: BTreeMap<Option<i64>, Vec<Event>> = BTreeMap::new();
        for (event, watermark) in &self.arrived {
            if event.time <= *watermark {
                expected.late += 1;
            } else {
                keys.entry(event.key).or_default().push(event.clone());
            }
        }
        let (keyword, of) = self.skip;
        let skip = move |path: &Path| {
            let start = path[0].0;
            let rows: Vec<usize> = path.iter().filter(|(_, known)| Some(*known) == of).map(|(row, _)| *row).collect();
            let to = match keyword {
                "after skip past last row" => Some(path[path.len() - 1].0 + 1),
                "after skip to first" => rows.first().copied(),
                "after skip to last" => rows.last().copied(),
                _ => None,
            };
            to.filter(|&to| to > start).unwrap_or(start + 1)
        };
        let model = Model {
            pattern: &self.pattern,
            conditions: &self.conditions,
            within_ms: self.within_ms,
            skip: if self.skips_nothing() { None } else { Some(&skip) },
            variables: &self.variables,
        };
        for (key, mut rows) in keys {
            rows.sort_by_key(|event| event.time);
            let (matches, timed_out) = model.find(&rows);
            let line = |path: &Path| {
                let of = |of: &&str| {
                    let ids = path.iter().filter(|(_, known)| known == of).map(|&(row, _)| rows[row].id.to_string());
                    let ids: Vec<String> = ids.collect();
                    if ids.is_empty() { "null".to_owned() } else { ids.join(",") }
                };
                let key = key.map_or_else(|| "null".to_owned(), |key| key.to_string());
                let columns: Vec<String> = self.variables.iter().map(|known| of(&name(known))).collect();
                format!("{key}|{}", columns.join("|"))
            };
            let timed = self.skips_nothing();
            let matches =
                matches.iter().map(|(path, time)| if timed { format!("{} @{time}", line(path)) } else { line(path) });
            expected.rows.extend(matches);
            expected.over.extend(timed_out.iter().map(|(path, time)| format!("{} @{time}", line(path))));
        }
        expected.rows.sort();
        expected.over.sort();
        expected
    }
}
