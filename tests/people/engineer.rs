//! An engineer has a file of his own: nested objects, bad lines, late rows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::common::{Bid, bids, committed_lines, timestamp, tumble};
use super::{answered, leave, sits_down};

/// Bids inside an object of their own, some lines broken.
fn orders(bids: &[Bid]) -> (String, usize) {
    let (mut text, mut broken) = (String::new(), 0);
    for (row, bid) in bids.iter().enumerate() {
        let (at, price) = (timestamp(bid.time), bid.price);
        writeln!(
            text,
            r#"{{"order": {{"auction": {}, "price": {price}}}, "tags": ["a", "b"], "at": "{at}"}}"#,
            bid.auction
        )
        .expect("a String takes all");
        if row % 200 == 150 {
            broken += 1;
            text.push_str(["{\"order\": \n", "no JSON at all\n"][broken % 2]);
        }
    }
    (text, broken)
}

/// The number of a field in a line of JSON.
fn number(line: &str, field: &str) -> i64 {
    let line: Value = serde_json::from_str(line).expect("JSON");
    line[field].as_i64().expect("a number")
}

/// By how many milliseconds rows of windows of ten seconds come too late: the definition, row by row.
fn lateness(bids: &[Bid]) -> BTreeMap<i64, u64> {
    let (mut watermark, mut late) = (i64::MIN, BTreeMap::new());
    for bid in bids {
        let last = bid.time.div_euclid(10_000) * 10_000 + 9_999;
        if last <= watermark {
            *late.entry(watermark - last).or_default() += 1;
        }
        watermark = watermark.max(bid.time - 4_000);
    }
    late
}

/// He counts, asks why rows were late, stops with a savepoint, changes the query, and goes on.
#[test]
fn an_engineer() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = bids(11, 4_000, 12, 200, 1_000, 40, 60_000);
    let (text, broken) = orders(&rows);
    std::fs::write(directory.path().join("orders.ndjson"), text).expect("written");
    let (counts, late) = tumble(&rows, 10_000, 4_000);
    let late_by = lateness(&rows);
    assert!(broken > 0 && late.len() > 10);

    let mut pty = sits_down(directory.path());
    answered(&mut pty, "describe 'orders.ndjson';", "auction");
    pty.statement(
        "source orders from file 'orders.ndjson' event_time `at` watermark 4s with (on_error = 'skip', pace = '100x');",
    );
    let first = pty.json("describe orders --json");
    assert!(first[0]["type"].as_str().is_some_and(|ty| ty.contains("auction bigint")), "nested: {first}");
    pty.statement("stream bids = orders | map order.auction as auction, order.price as price;");
    answered(&mut pty, "bids | limit 1;", &format!("{:>7}  {:>5}", rows[0].auction, rows[0].price));
    let job = "key_by auction | window tumble(10s) \
               | aggregate count(*) as n, sum(price) as total, avg(price) as mean";
    pty.press(&format!(
        "run counts with (checkpoint = 200ms) = bids | {job} | into file 'out' with (format = 'json');\r"
    ));
    pty.says("job counts runs");
    pty.prompt();
    // Some windows have fired and are committed.
    let out = directory.path().join("out");
    pty.until("rows", |_| out.is_dir() && committed_lines(&out).len() > 20);
    answered(&mut pty, "stop counts with savepoint 'sp';", "is stopped; savepoint sp is written");
    let before = committed_lines(&out);
    assert!(before.len() < counts.len(), "stopped half way");
    assert!(before.iter().all(|line| counts.contains(line)), "{before:?}");

    // A changed query: a column more in front of the window, a filter behind it. First what would become of the state.
    let changed = format!(
        "bids | map *, price / 2 as half | filter half >= 0 | {job} | filter n > 3 | into file 'out' with (format = 'json');"
    );
    answered(&mut pty, &format!("explain run counts from savepoint 'sp' = {changed}"), "would start from");
    pty.press(&format!("run counts from savepoint 'sp' = {changed}\r"));
    pty.says("goes on from savepoint");
    let stopped = pty.bytes().len();
    pty.until("the end", |pty| pty.bytes()[stopped..].contains("job counts finished"));
    pty.prompt();
    let mut expected: Vec<String> = before.clone();
    expected.extend(counts.iter().filter(|line| !before.contains(line) && number(line, "n") > 3).cloned());
    expected.sort();
    let written = committed_lines(&out);
    let lost: Vec<&String> = expected.iter().filter(|line| !written.contains(line)).collect();
    let others: Vec<&String> = written.iter().filter(|line| !expected.contains(line)).collect();
    assert!(lost.is_empty() && others.is_empty() && written.len() == expected.len(), "{lost:?}, {others:?}");

    // Why late: every late row is there, those behind the savepoint with how late they were.
    answered(&mut pty, "why late counts;", "would have admitted");
    let why = pty.json("why late counts --json");
    let known = why["rows"].as_array().expect("rows").len() as u64;
    assert_eq!(why["truncated"], why["total"].as_u64().expect("a number").gt(&known), "{why}");
    // Whole rows, with their types: as they were read, or as they came to the window.
    let row = &why["rows"][0]["row"];
    let bid = row.get("order").unwrap_or(row);
    assert!(bid["auction"].is_i64() && bid["price"].is_i64(), "{row}");
    let lateness = &why["lateness"][0];
    let (since, ever) = (&lateness["late_rows"], &lateness["late_rows_before_the_last_restore"]);
    assert_eq!(
        since.as_u64().zip(ever.as_u64()).map(|(since, ever)| since + ever),
        Some(late.len() as u64),
        "{lateness}"
    );
    for amount in lateness["by_lateness"].as_array().expect("a histogram") {
        let (by, rows) = (amount["late_by_ms"].as_i64().expect("ms"), amount["rows"].as_u64().expect("rows"));
        assert!(late_by.get(&by).is_some_and(|&all| rows <= all), "{amount}");
    }
    let subtasks = pty.json("subtasks counts --json");
    let sum = |field: &str| -> u64 {
        subtasks.as_array().expect("a list").iter().map(|row| row[field].as_u64().expect("a number")).sum()
    };
    assert_eq!((sum("rejected"), sum("late")), (broken as u64, late.len() as u64));
    leave(pty);
}
