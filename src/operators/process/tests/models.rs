//! Each kind of state against a model written plainly, on random streams, broken at random places.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::operators::testing::script::{cases, straight};

type Key = Option<i64>;

/// What a function gives is what the model says, also when the run is broken.
fn agrees(text: &str, model: impl Fn(&[Step]) -> Vec<String>) {
    let stream = planned(text);
    // Rows of more than one batch may wait while the clock goes on, and what expires by it is another matter then.
    let most = if text.contains("ttl") { 3 } else { 4 };
    for seed in 0..cases(30) {
        let steps = random_steps(seed, 30, most);
        let mut expected = model(&steps);
        expected.sort();
        let found = straight(stream.last(), &steps);
        assert_eq!(found.rows, expected, "seed {seed}");
        assert!(found.rejected.is_empty(), "seed {seed}: {:?}", found.rejected);
        let mut random = Random(seed);
        let position = usize::try_from(random.below(steps.len() as u64 + 1)).expect("small");
        let parallelism = [(1, 2), (2, 1), (2, 3), (3, 2)][usize::try_from(random.below(4)).expect("small")];
        let again = broken(stream.last(), &steps, position, parallelism, seed);
        assert_eq!(again, found, "seed {seed}, broken before {position}, {parallelism:?}");
    }
}

#[test]
fn values() {
    let text = "process p { state sum bigint; on event { if v = 8 { clear sum; } else { sum = coalesce(sum, 0) + v; } emit k, sum; } }";
    agrees(text, |steps| {
        let mut sums: BTreeMap<Key, i64> = BTreeMap::new();
        let mut out = Vec::new();
        each_row(steps, |k, v, time, _| {
            match v {
                Some(8) | None => {
                    sums.remove(&k);
                }
                Some(v) => *sums.entry(k).or_default() += v,
            }
            out.push(format!("{}|{} @{time}", shown(k), shown(sums.get(&k).copied())));
        });
        out
    });
}

#[test]
fn lists() {
    let text = "process p { state xs list<bigint>; on event {
        add v to xs;
        if cardinality(xs) > 4 { clear xs[2]; }
        if v = 7 { xs[1] = 70; }
        let sum = 0; for x in xs { sum = sum * 3 + coalesce(x, 1); }
        emit k, cardinality(xs) as n, sum;
    } }";
    agrees(text, |steps| {
        let mut lists: BTreeMap<Key, Vec<Option<i64>>> = BTreeMap::new();
        let mut out = Vec::new();
        each_row(steps, |k, v, time, _| {
            let list = lists.entry(k).or_default();
            list.push(v);
            if list.len() > 4 {
                list.remove(1);
            }
            if v == Some(7) {
                list[0] = Some(70);
            }
            let sum = list.iter().fold(0, |sum, x| sum * 3 + x.unwrap_or(1));
            out.push(format!("{}|{}|{sum} @{time}", shown(k), list.len()));
        });
        out
    });
}

#[test]
fn maps() {
    let text = "process p { state m map<bigint, bigint>; on event {
        if v is not null { if v = 3 { clear m[2]; } else { m[v] = coalesce(m[v], 0) + 1; } }
        if cardinality(m) > 5 { clear m; }
        let sum = 0; for key, n in m { sum = sum + key * n; }
        emit k, cardinality(m) as n, sum, m[v] as own;
    } }";
    agrees(text, |steps| {
        let mut maps: BTreeMap<Key, BTreeMap<i64, i64>> = BTreeMap::new();
        let mut out = Vec::new();
        each_row(steps, |k, v, time, _| {
            let map = maps.entry(k).or_default();
            match v {
                Some(3) => {
                    map.remove(&2);
                }
                Some(v) => *map.entry(v).or_default() += 1,
                None => {}
            }
            if map.len() > 5 {
                map.clear();
            }
            let sum: i64 = map.iter().map(|(key, n)| key * n).sum();
            let own = v.and_then(|v| map.get(&v).copied());
            out.push(format!("{}|{}|{sum}|{} @{time}", shown(k), map.len(), shown(own)));
        });
        out
    });
}

#[test]
fn reducing_and_aggregating() {
    let text = "process p { state r reducing<bigint> by left * 2 + right; state a aggregating sum(v) ; state n aggregating count(*); on event {
        if v is not null { add v to r; }
        add to a; add to n;
        if v = 5 { clear r; clear a; }
        emit k, r, a, n;
    } }";
    agrees(text, |steps| {
        let mut held: BTreeMap<Key, (Option<i64>, Option<i64>, i64)> = BTreeMap::new();
        let mut out = Vec::new();
        each_row(steps, |k, v, time, _| {
            let (r, a, n) = held.entry(k).or_default();
            if let Some(v) = v {
                *r = Some(r.map_or(v, |r| r.wrapping_mul(2).wrapping_add(v)));
                *a = Some(a.unwrap_or(0) + v);
            }
            *n += 1;
            if v == Some(5) {
                (*r, *a) = (None, None);
            }
            out.push(format!("{}|{}|{}|{n} @{time}", shown(k), shown(*r), shown(*a)));
        });
        out
    });
}

#[test]
fn expiring() {
    let text = "process p { state w bigint ttl 9ms; state m map<bigint, bigint> ttl 5ms; on event {
        emit k, w, cardinality(m) as n;
        if w is null or v = 4 { w = v; }
        if v is not null { m[v] = 1; }
    } }";
    agrees(text, |steps| {
        let mut values: BTreeMap<Key, (i64, i64)> = BTreeMap::new();
        let mut maps: BTreeMap<(Key, i64), i64> = BTreeMap::new();
        let mut out = Vec::new();
        each_row(steps, |k, v, time, now| {
            values.retain(|_, (_, written)| *written + 9 > now);
            maps.retain(|_, written| *written + 5 > now);
            let n = maps.keys().filter(|(key, _)| *key == k).count();
            out.push(format!("{}|{}|{n} @{time}", shown(k), shown(values.get(&k).map(|(w, _)| *w))));
            if let Some(v) = v {
                if v == 4 || !values.contains_key(&k) {
                    values.insert(k, (v, now));
                }
                maps.insert((k, v), now);
            }
        });
        out
    });
}

#[test]
fn timers() {
    let text = "process p { state n bigint; on event {
        n = coalesce(n, 0) + 1;
        if v = 1 { delete timer a; } else if v is not null { timer a at event_time + 7ms; timer b at event_time + cast(v as bigint) * interval '1' second; }
    }
    on timer a { emit k, 'a' as name, n, timer_time as at; }
    on timer b { emit k, 'b' as name, n, timer_time as at; n = 0; } }";
    let text = &text.replace(" + cast(v as bigint) * interval '1' second", " + 3ms");
    let time_of = |ms: i64| format!("00:00:00.{ms:03}");
    agrees(text, |steps| {
        let mut counts: BTreeMap<Key, i64> = BTreeMap::new();
        let mut due: BTreeSet<(i64, Key, &str)> = BTreeSet::new();
        let mut out = Vec::new();
        let fire = |watermark: i64,
                    counts: &mut BTreeMap<Key, i64>,
                    due: &mut BTreeSet<(i64, Key, &str)>,
                    out: &mut Vec<String>| {
            while let Some(&timer @ (at, k, name)) = due.first().filter(|(at, ..)| *at <= watermark) {
                due.remove(&timer);
                out.push(format!("{}|{name}|{}|{} @{at}", shown(k), shown(counts.get(&k).copied()), time_of(at)));
                if name == "b" {
                    counts.insert(k, 0);
                }
            }
        };
        for step in steps {
            if let Step::Watermark(watermark) = step {
                fire(*watermark, &mut counts, &mut due, &mut out);
            }
            each_row(std::slice::from_ref(step), |k, v, time, _| {
                *counts.entry(k).or_default() += 1;
                match v {
                    Some(1) => due.retain(|(_, key, name)| (*key, *name) != (k, "a")),
                    Some(_) => due.extend([(time + 7, k, "a"), (time + 3, k, "b")]),
                    None => {}
                }
            });
        }
        fire(i64::MAX, &mut counts, &mut due, &mut out);
        out
    });
}

/// Over input that ends a function does what it would do if its rows came in the order of their times, each with a watermark
/// right behind those before it.
#[test]
fn input_that_ends_is_taken_in_the_order_of_event_time() {
    let text = "process p { state sum bigint; on event {
        sum = coalesce(sum, 0) + coalesce(v, 1); emit k, sum, 0 as t;
        if v > 3 { timer late at event_time + 5ms; } else { timer soon at event_time + 2ms; }
    } on timer late { emit k, sum, 1 as t; clear sum; } on timer soon { emit k, sum, 2 as t; } }";
    let stream = planned(text);
    let batch = stream.last().for_batch().expect("it can");
    for seed in 0..cases(30) {
        let steps: Vec<Step> =
            random_steps(seed, 30, 4).into_iter().filter(|step| matches!(step, Step::Rows(..))).collect();
        let mut rows: Vec<Batch> = Vec::new();
        for step in &steps {
            let Step::Rows(_, batch) = step else { continue };
            rows.extend((0..batch.rows()).map(|row| batch.slice(row, 1)));
        }
        rows.sort_by_key(|row| row.times()[0]);
        let mut reached = i64::MIN;
        let mut sorted = Vec::new();
        for row in rows {
            if row.times()[0] - 1 > reached {
                reached = row.times()[0] - 1;
                sorted.push(Step::Watermark(reached));
            }
            sorted.push(Step::Rows(0, row));
        }
        assert_eq!(in_order(&*batch, &steps).rows, in_order(stream.last(), &sorted).rows, "seed {seed}");
    }
}

/// Batches say which watermark each row meets. An instance hears of those that rows of others raise with its own next row, so
/// that a timer may run at a later watermark there, but between the same rows. The same rows and watermarks one after the other.
#[test]
fn timers_between_the_rows_of_a_batch_run_as_between_batches() {
    let text = "process p { state n bigint; state seen bigint ttl 6ms on event_time; on event {
        n = coalesce(n, 0) + 1;
        emit k, n, seen, cast(current_watermark as string) as wm;
        if seen is null then_marker
        if v is not null { timer t at event_time + 3ms; if v > 5 { delete timer u; } else { timer u at event_time - 4ms; } }
      }
      on timer t { emit k, n, -1 as seen, cast(timer_time as string) as wm; n = n * 10 % 1009; timer u at timer_time + 5ms; }
      on timer u { emit k, n, -2 as seen, cast(timer_time as string) as wm; } }"
        .replace("then_marker", "{ seen = n; }");
    let stream = planned(&text);
    assert!(stream.last().meets_watermarks());
    for seed in 0..cases(30) {
        let mut random = Random(seed);
        let (mut now, mut single, mut batched) = (100, Vec::new(), Vec::new());
        let mut generator = crate::api::WatermarkGenerator::new(6);
        for _ in 0..=random.below(5) {
            let row = |random: &mut Random, now: &mut i64| {
                *now += random.int(6);
                let key = (random.below(6) > 0).then(|| random.int(3));
                (key, (random.below(7) > 0).then(|| random.int(9)), *now - random.int(9))
            };
            let some: Vec<_> = (0..=random.below(8)).map(|_| row(&mut random, &mut now)).collect();
            let times: Vec<i64> = some.iter().map(|row| row.2).collect();
            let met = generator.met_by_each(&times);
            let all = rows(&some).with_watermarks(Some(met.clone().into()));
            let done: Result<(), ()> = generator.advance(&times, |piece, watermark| {
                if !piece.is_empty() {
                    batched.push(Step::Rows(0, all.slice(piece.start, piece.len())));
                }
                batched.extend(watermark.map(Step::Watermark));
                Ok(())
            });
            assert!(done.is_ok());
            for (row, met) in some.iter().zip(met) {
                single.extend((met > crate::types::MIN_WATERMARK).then_some(Step::Watermark(met)));
                single.push(Step::Rows(0, rows(&[*row])));
            }
        }
        // Of timers of one time, which key comes first is nobody's promise.
        let of_keys = |steps: &[Step]| {
            let Outcome { mut rows, rejected, .. } = in_order(stream.last(), steps);
            assert!(rejected.is_empty(), "{rejected:?}");
            rows.sort_by_key(|row| row.split('|').next().map(str::to_owned));
            rows
        };
        assert_eq!(of_keys(&batched), of_keys(&single), "seed {seed}");
        if seed < 5 {
            broken_anywhere(stream.last(), &batched);
        }
    }
}
