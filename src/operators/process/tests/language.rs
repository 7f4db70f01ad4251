use super::*;

const FRAUD: &str = "process fraud_detector {
  state small boolean ttl 1h;
  on event {
    if small is not null and v > 500 { emit k as account, v as amount, event_time as at; clear small; }
    if v < 1 { small = true; timer expiry at event_time + 1m; }
  }
  on timer expiry { clear small; }
}";

const INACTIVITY: &str = "process inactivity {
  state seen timestamp; state n bigint;
  on event { seen = greatest(coalesce(seen, event_time), event_time); n = coalesce(n, 0) + 1; timer quiet at event_time + 15s; }
  on timer quiet { if seen is not null and timer_time = seen + 15s and n is not null { emit k, n, timer_time as at, current_watermark as wm; clear n; } }
}";

fn some(values: &[(i64, i64, i64)]) -> Step {
    Step::Rows(0, rows(&values.iter().map(|&(k, v, time)| (Some(k), Some(v), time)).collect::<Vec<_>>()))
}

#[test]
fn the_fraud_detector_of_the_language_page() {
    let steps = [
        some(&[(1, 0, 1_000), (2, 700, 1_500), (1, 600, 2_000), (1, 600, 3_000), (3, 0, 4_000)]),
        Step::Watermark(64_000),
        Step::Rows(0, rows(&[(Some(3), Some(900), 65_000), (None, Some(0), 65_000), (None, Some(501), 65_001)])),
        some(&[(2, 0, 66_000), (2, 501, 66_000)]),
        // The rows are late, and the timer is due at once: with the next watermark.
        some(&[(4, 0, 1), (4, 900, 2), (5, 0, 3)]),
        Step::Watermark(70_000),
        some(&[(5, 900, 4)]),
    ];
    let expected =
        ["1|600|00:00:02 @2000", "null|501|00:01:05.001 @65001", "2|501|00:01:06 @66000", "4|900|00:00:00.002 @2"];
    assert_eq!(run(FRAUD, &steps).rows, expected);
    broken_anywhere(planned(FRAUD).last(), &steps);
}

#[test]
fn inactivity_as_flink_teaches_it() {
    let steps = [
        some(&[(1, 0, 0), (1, 0, 5_000), (2, 0, 6_000)]),
        Step::Watermark(16_000),
        some(&[(1, 0, 17_000)]),
        Step::Watermark(30_000),
        // Two rows of one time set one timer.
        some(&[(1, 0, 20_000), (1, 0, 20_000)]),
        Step::Watermark(40_000),
    ];
    let outcome = run(INACTIVITY, &steps);
    let expected = ["2|1|00:00:21|00:00:30 @21000", "1|5|00:00:35|00:00:40 @35000"];
    assert_eq!(outcome.rows, expected);
    broken_anywhere(planned(INACTIVITY).last(), &steps);
}

#[test]
fn every_action_does_what_it_says() {
    let text = "process all {
      state last list<bigint>;
      state counts map<string, bigint>;
      state best reducing<bigint> by greatest(left, right);
      state mean aggregating avg(v);
      state names aggregating max(s);
      on event {
        add v to last;
        if cardinality(last) > 3 { clear last[1]; }
        counts[s] = coalesce(counts[s], 0) + 1;
        if cardinality(counts) > 2 { clear counts['a']; }
        add v to best;
        add to mean;
        add to names;
        let sum = 0;
        for x in last { sum = sum + x; }
        let text string = '';
        for name, n in counts { text = text || name || cast(n as string); }
        let i = 1;
        let product bigint = 1;
        while i <= cardinality(last) { product = product * last[i]; i = i + 1; }
        last[1] = last[1] + 0;
        emit k, sum, text, product, best, mean, names, last[cardinality(last)] as newest, last[9] as none;
        if v = 4 { emit v as four to fours; } else if v = 5 { clear best; } else { emit -v as four to fours; }
      }
    }";
    let steps = [some(&[(1, 3, 1), (1, 4, 2), (2, 7, 2), (1, 5, 3), (1, 1, 4)])];
    let stream = planned(text);
    assert_eq!(stream.side_outputs, ["fours"]);
    let outcome = in_order(stream.last(), &steps);
    let expected = [
        "1|3|a1|3|3|3|a|3|null @1",
        "1|7|a1b1|12|4|3|b|4|null @2",
        "2|7|b1|7|7|7|b|7|null @2",
        "1|12|b1c1|60|5|4|c|5|null @3",
        "1|10|b2c1|20|1|3|c|1|null @4",
    ];
    assert_eq!(outcome.rows, expected);
    assert_eq!(outcome.side, ["late: -3 @1", "late: 4 @2", "late: -7 @2", "late: -1 @4"]);
    broken_anywhere(stream.last(), &steps);
}

#[test]
fn timers_of_the_clock_and_their_deletion() {
    let text = "process clocked {
      state n bigint;
      on event {
        n = coalesce(n, 0) + 1;
        if v = 0 { delete timer soon; } else { timer soon at processing_time + 10ms; timer later at event_time + 5ms; }
      }
      on timer soon { emit k, n, timer_time as at, event_time as time, processing_time as now; }
      on timer later { emit k, n, timer_time as at, event_time as time, null_time() as now; }
    }";
    let text = &text.replace("null_time()", "cast(null as timestamp)");
    let steps = [
        some(&[(1, 1, 10), (1, 2, 11), (2, 1, 12)]),
        Step::Clock(5),
        some(&[(1, 3, 13), (2, 0, 14)]),
        Step::Clock(10),
        Step::Clock(16),
        Step::Watermark(16),
    ];
    let outcome = run(text, &steps);
    let expected = [
        "1|3|00:00:00.010|00:00:00.010|00:00:00.010",
        "1|3|00:00:00.015|00:00:00.015|00:00:00.016",
        "1|3|00:00:00.015|00:00:00.015|null @15",
        "1|3|00:00:00.016|00:00:00.016|null @16",
        "2|2|00:00:00.017|00:00:00.017|null @17",
        "1|3|00:00:00.018|00:00:00.018|null @18",
    ];
    assert_eq!(outcome.rows, expected);
    broken_anywhere(planned(text).last(), &steps);
}

#[test]
fn a_timer_that_sets_the_next_one_runs_within_one_watermark() {
    let text = "process ticks {
      state left_over bigint;
      on event { left_over = v; timer tick at event_time; }
      on timer tick { emit k, left_over, timer_time as at; left_over = left_over - 1; if left_over > 0 { timer tick at timer_time + 1ms; } }
    }";
    let steps = [some(&[(1, 5, 10), (2, 2, 11)]), Step::Watermark(100), some(&[(1, 1, 50)])];
    let outcome = run(text, &steps);
    assert_eq!(outcome.rows.len(), 8, "{outcome:?}");
    assert_eq!(outcome.rows[0], "1|5|00:00:00.010 @10");
    broken_anywhere(planned(text).last(), &steps);
}

#[test]
fn state_lives_as_long_as_its_ttl_says() {
    let text = "process living {
      state written bigint ttl 10ms;
      state touched bigint ttl 10ms on read;
      state seen map<string, bigint> ttl 10ms;
      state by_rows bigint ttl 10ms on event_time;
      on event {
        emit k, written, touched, cardinality(seen) as n, by_rows, v;
        if written is null { written = v; }
        if touched is null { touched = v; }
        if seen[s] is null { seen[s] = v; }
        if by_rows is null { by_rows = v; }
      }
    }";
    let steps = [
        some(&[(1, 1, 100)]),
        Step::Clock(6),
        some(&[(1, 2, 104)]),
        Step::Clock(10),
        Step::Watermark(109),
        some(&[(1, 3, 108)]),
        Step::Clock(17),
        Step::Watermark(110),
        some(&[(1, 4, 112)]),
    ];
    let expected = [
        "1|null|null|0|null|1 @100",
        "1|1|1|1|1|2 @104",
        // What was written at 0 is gone at 10; what was read at 6 is not. Of the map the entry of 6 is left.
        "1|null|1|1|1|3 @108",
        "1|3|1|1|null|4 @112",
    ];
    assert_eq!(run(text, &steps).rows, expected);
    broken_anywhere(planned(text).last(), &steps);
}

#[test]
fn what_has_expired_is_cleaned_in_the_background() {
    let text = "process living { state x bigint ttl 10ms; on event { x = v; } }";
    let stream = planned(text);
    let mut context = crate::operators::testing::context();
    let clock = Arc::new(crate::types::VirtualClock::at(0));
    context.clock = Arc::clone(&clock) as Arc<dyn crate::types::Clock>;
    let mut running = stream.last().create(&context).expect("creates");
    let mut out = crate::operators::testing::Recorder::default();
    let keys: Vec<_> = (0..100).map(|key| (Some(key), Some(1), 0)).collect();
    running.process(0, rows(&keys), &mut out).expect("processes");
    assert_eq!(running.inspect().entries().count, 100);
    let snapshot =
        |running: &mut dyn crate::api::Operator| running.snapshot(crate::types::CheckpointId(1)).expect("snapshots");
    assert!(!snapshot(&mut *running).is_empty());
    clock.advance_to(20);
    running.watermark(1, &mut out).expect("passes");
    running.watermark(2, &mut out).expect("passes");
    let delta = snapshot(&mut *running);
    assert_eq!(delta.changes.len(), 1, "the stored entries are removed");
    running.watermark(3, &mut out).expect("passes");
    running.watermark(4, &mut out).expect("passes");
    assert_eq!(running.inspect().entries().count, 0);
    assert!(snapshot(&mut *running).is_empty());
}

#[test]
fn an_online_model_learns_what_was_planted() {
    // v = 3 * x - 2, by stochastic gradient descent on a list of doubles.
    let text = "process model {
      state w list<double>;
      on event {
        if cardinality(w) = 0 { w = array[0e0, 0e0]; }
        let x = cast(k % 7 as double) / 7;
        let error = w[1] * x + w[2] - (3 * x - 2);
        w[1] = w[1] - 0.1 * error * x;
        w[2] = w[2] - 0.1 * error;
        emit w[1] as slope, w[2] as bias;
      }
    }";
    let function = function(text);
    let mut stream = FakeStream::new(&schema());
    stream.stage("key_by", vec![names(&["s"])], vec![]).expect("binds");
    stream.functions = vec![Arc::clone(&function)];
    stream.stage("process", vec![Arg::Name(function.name.clone())], vec![]).unwrap_or_else(|error| panic!("{error}"));
    let values: Vec<_> = (0..6_000).map(|row| (Some(row), Some(0), row)).collect();
    let outcome = in_order(stream.last(), &[Step::Rows(0, rows(&values))]);
    let last = outcome.rows.last().expect("a row");
    let (slope, bias) = last.split_once(" @").map_or("", |(row, _)| row).split_once('|').expect("two columns");
    let (slope, bias): (f64, f64) = (slope.parse().expect("a number"), bias.parse().expect("a number"));
    assert!((slope - 3.0).abs() < 0.02 && (bias + 2.0).abs() < 0.02, "{last}");
}
