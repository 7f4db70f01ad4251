//! Rows in their windows, against windows that are tried one by one.

use crate::operators::testing::script::{Step, broken_anywhere, cases, in_order};
use crate::operators::testing::{Random, Values, assigner, batch};
use crate::operators::window::WindowTableFunction;
use crate::types::Batch;

/// Windows by start and end, that hold `time`; the first begin long before it.
fn windows(of: (&str, &[i64]), time: i64) -> Vec<(i64, i64)> {
    let every = |size: i64, slide: i64, offset: i64| -> Vec<(i64, i64)> {
        let starts = (-200..400).map(|nth| nth * slide + offset);
        starts.filter(|&start| start <= time && time < start + size).map(|start| (start, start + size)).collect()
    };
    match of {
        ("tumble", &[size]) => every(size, size, 0),
        ("hop", &[size, slide]) => every(size, slide, 0),
        ("hop", &[size, slide, offset]) => every(size, slide, offset),
        ("cumulate", &[step, max]) => {
            let start = time.div_euclid(max) * max;
            (1..=max / step).map(|nth| (start, start + nth * step)).filter(|&(_, end)| time < end).collect()
        }
        _ => panic!("{of:?}"),
    }
}

fn rows(times: &[i64]) -> Batch {
    let (_, rows) = batch(vec![("t", Values::Int(times.iter().map(|&time| Some(time)).collect()))]);
    rows.with_times(times.to_vec().into())
}

/// As a timestamp is shown, without its day.
fn ms(ms: i64) -> String {
    match ms {
        ..0 => format!("1969-12-31T23:59:59.{:03}", 1_000 + ms),
        0 => "00:00:00".to_owned(),
        _ => format!("00:00:00.{ms:03}"),
    }
}

#[test]
fn each_row_is_in_the_windows_that_hold_it_and_stays_in_its_place_there() {
    let shapes: [(&str, &[i64]); 5] = [
        ("tumble", &[10]),
        ("hop", &[10, 3]),
        ("hop", &[10, 5, 2]),
        // Some rows are in no window.
        ("hop", &[3, 10]),
        ("cumulate", &[4, 12]),
    ];
    for seed in 0..cases(40) {
        let mut random = Random(seed << 20);
        for shape in shapes {
            let (schema, _) = batch(vec![("t", Values::Int(vec![]))]);
            let planned = WindowTableFunction::new(assigner(shape.0, shape.1), &schema);
            let (mut steps, mut came) = (Vec::new(), Vec::new());
            for _ in 0..6 {
                let times: Vec<i64> = (0..random.below(9)).map(|_| random.int(60)).collect();
                came.extend(times.iter().copied());
                steps.push(Step::Rows(0, rows(&times)));
                steps.push(Step::Watermark(random.int(60)));
            }
            let line = |time: i64, (start, end): (i64, i64)| format!("{time}|{}|{} @{time}", ms(start), ms(end));
            let mut expected: Vec<String> =
                came.iter().flat_map(|&time| windows(shape, time).into_iter().map(move |w| line(time, w))).collect();
            let outcome = in_order(&planned, &steps);
            let of_window = |lines: &[String], end: i64| -> Vec<String> {
                lines.iter().filter(|line| line.contains(&format!("|{} @", ms(end)))).cloned().collect()
            };
            for end in 0..80 {
                assert_eq!(of_window(&outcome.rows, end), of_window(&expected, end), "seed {seed}, {shape:?} to {end}");
            }
            let mut found = outcome.rows;
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "seed {seed}, {shape:?}");
            if seed < 2 {
                broken_anywhere(&planned, &steps);
            }
        }
    }
}
