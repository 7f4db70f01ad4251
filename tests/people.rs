//! Five people and their first ten minutes: each types keys on a terminal (or writes a script), and what the screen shows
//! and the files hold is compared with what follows from the input.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests are tests")]

mod common;
mod pty;

use std::fmt::Write as _;

use common::{Bid, bids, committed_lines, lotic, source, timestamp, tumble};
use pty::Pty;
use serde_json::Value;

const SIZE: (u16, u16) = (120, 40);

/// Types a statement, waits for what answers it, and for the next prompt.
fn answered(pty: &mut Pty, typed: &str, answer: &str) {
    let before = pty.bytes().len();
    pty.press(&format!("{typed}\r"));
    pty.until(&format!("{typed}: {answer}"), |pty| {
        // What is typed is echoed with colours between its words, so the answer is looked for behind the end of the line.
        pty.bytes().get(before..).is_some_and(|bytes| plain(bytes).contains(answer))
    });
    pty.prompt();
}

/// A terminal's bytes without what moves its cursor or colours it.
fn plain(bytes: &str) -> String {
    let mut text = String::new();
    let mut parts = bytes.split("\u{1b}[");
    text.extend(parts.next());
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
        text.push_str(&part[end..]);
    }
    text
}

/// Leaves the shell.
fn leave(mut pty: Pty) {
    pty.press("\\q\r");
    assert_eq!(pty.exit_code(), 0);
}

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

/// An engineer has a file of his own: nested objects, bad lines, late rows. He counts, asks why rows were late, stops with
/// a savepoint, changes the query, and goes on.
#[test]
fn an_engineer() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = bids(11, 4_000, 12, 200, 1_000, 40, 60_000);
    let (text, broken) = orders(&rows);
    std::fs::write(directory.path().join("orders.ndjson"), text).expect("written");
    let (counts, late) = tumble(&rows, 10_000, 4_000);

    let mut pty = Pty::open(directory.path(), SIZE, &[], &[]);
    pty.prompt();
    answered(&mut pty, "describe 'orders.ndjson';", "order");
    pty.statement(
        "source orders from file 'orders.ndjson' event_time `at` watermark 4s with (on_error = 'skip', pace = '100x');",
    );
    answered(&mut pty, "orders | map order.auction as auction, order.price as price | limit 3;", "auction");
    pty.statement("stream bids = orders | map order.auction as auction, order.price as price;");
    let job = "bids | key_by auction | window tumble(10s) \
               | aggregate count(*) as n, sum(price) as total, avg(price) as mean";
    pty.press(&format!("run counts with (checkpoint = 200ms) = {job} | into file 'out' with (format = 'json');\r"));
    pty.says("job counts runs");
    pty.prompt();
    // Some windows have fired and are committed.
    pty.until("rows", |_| {
        directory.path().join("out").is_dir() && committed_lines(&directory.path().join("out")).len() > 20
    });
    answered(&mut pty, "stop counts with savepoint 'sp';", "savepoint");
    let before = committed_lines(&directory.path().join("out"));
    assert!(before.len() < counts.len(), "stopped half way");
    assert!(before.iter().all(|line| counts.contains(line)), "{before:?}");

    // A changed query: a filter more, behind the window.
    pty.press(&format!(
        "run counts from savepoint 'sp' = {job} | filter n > 3 | into file 'out' with (format = 'json');\r"
    ));
    pty.says("goes on from savepoint");
    let stopped = pty.bytes().len();
    pty.until("the end", |pty| pty.bytes()[stopped..].contains("job counts finished"));
    pty.prompt();
    let mut expected: Vec<String> = before.clone();
    expected.extend(counts.iter().filter(|line| !before.contains(line) && number(line, "n") > 3).cloned());
    expected.sort();
    let written = committed_lines(&directory.path().join("out"));
    let lost: Vec<&String> = expected.iter().filter(|line| !written.contains(line)).collect();
    let others: Vec<&String> = written.iter().filter(|line| !expected.contains(line)).collect();
    assert!(lost.is_empty() && others.is_empty() && written.len() == expected.len(), "{lost:?}, {others:?}");
    answered(&mut pty, "why late counts;", "admit");
    answered(&mut pty, "subtasks counts --json;", &format!("\"rejected\": {broken},"));
    leave(pty);
    assert!(broken > 0 && !late.is_empty());
}

/// The number of a field in a line of JSON.
fn number(line: &str, field: &str) -> i64 {
    let line: Value = serde_json::from_str(line).expect("JSON");
    line[field].as_i64().expect("a number")
}

/// What a student types, and a part of the answer. Nothing of it may end the shell.
const MISTAKES: [(&str, &str); 40] = [
    ("hlep", "help"),
    ("exot", "exit"),
    ("?", "help"),
    ("show table", "show"),
    ("show source", "sources"),
    ("select * from bids", "bids"),
    ("SELECT price FROM bids WHERE price > 1000", "bids"),
    ("create table t (a int)", "source"),
    ("insert into x select 1", "into"),
    ("bid | limit 3", "did you mean `bids`?"),
    ("bids | fliter price > 10", "did you mean `filter`?"),
    ("bids | filter pirce > 10", "did you mean `price`?"),
    ("bids | filter price = = 10", "expected"),
    ("bids | filter price == 10", "equality is one `=`"),
    ("bids | filter price > '10 euro'", "bigint"),
    ("bids | filter price", "condition"),
    ("bids | map price eur", "expected"),
    ("bids | map uper(channel)", "did you mean `upper`?"),
    ("bids | map upper(channel, 2)", "upper(text string)"),
    ("bids | map \"price\"", "unexpected character"),
    ("bids | map price && 1", "and"),
    ("bids | limit ten", "expected"),
    ("bids | limit -1", "negative"),
    ("bids | window tumble(10s)", "aggregate"),
    ("bids | window tumbel(10s) | aggregate count(*)", "did you mean `tumble`?"),
    ("bids | window tumble(10) | aggregate count(*)", "10s"),
    ("bids | window tumble | aggregate count(*)", "expected `(`"),
    ("bids | window hop(10s) | aggregate count(*)", "hop"),
    ("bids | aggregate counts(*)", "count"),
    ("bids | key_by auktion | aggregate count(*)", "did you mean `auction`?"),
    ("bids | map sum(price)", "aggregate"),
    ("run = bids", "expected"),
    ("run hot = bids | limit 3", "where its rows go"),
    ("run hot = bids | into nowhere", "there is no sink"),
    ("run hot with (paralelism = 2) = bids | into print", "did you mean `parallelism`?"),
    ("checkpoint hott", "there is no job `hott`"),
    ("source s from fiel 'x'", "did you mean `file`?"),
    ("source s from file 'missing.ndjson'", "missing.ndjson"),
    ("bids | filter channel = Apple", "there is no column"),
    ("bids | into", "expected"),
];

/// A student plays a lesson, types what students type, and watches a demo.
#[test]
fn a_student() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), SIZE, &[], &[]);
    pty.prompt();
    answered(&mut pty, "tutorial;", "first_pipeline");
    for (mistake, answer) in MISTAKES {
        answered(&mut pty, &format!("{mistake};"), answer);
    }
    // The demo data is there.
    answered(&mut pty, "bids | filter price > 1000 | map auction, price | limit 3;", "auction");
    pty.press("dashboard\r");
    pty.until("the dashboard", |pty| pty.modes().alternate_screen);
    pty.press("q");
    pty.until("the prompt", |pty| !pty.modes().alternate_screen);
    pty.prompt();
    leave(pty);

    let mut demo = Pty::open(directory.path(), SIZE, &["demo", "sensors"], &[]);
    demo.dashboard();
    for panel in 1..=8 {
        demo.press(&panel.to_string());
        demo.until("the panel", |pty| pty.screen().contains(&format!("▸{panel} ")));
    }
    demo.press("q");
    demo.shows("leave it running");
    demo.press("\u{1b}[B\r");
    assert_eq!(demo.exit_code(), 0);
    demo.given_back();
}

/// An operator has two jobs, kills subtasks and task managers, rescales, restores, and looks at listings and exports.
#[test]
fn an_operator() {
    let directory = tempfile::tempdir().expect("a directory");
    let all = bids(23, 6_000, 20, 200, 1_000, 50, 60_000);
    let file = directory.path().join("bids.ndjson");
    std::fs::write(&file, common::ndjson(&all)).expect("written");
    let (counts, late) = tumble(&all, 10_000, 4_000);

    let mut pty = Pty::open(directory.path(), SIZE, &[], &[]);
    pty.prompt();
    pty.statement(source(&file, " with (pace = '100x')").trim().replace('\n', " ").as_str());
    for name in ["one", "two"] {
        pty.press(&format!(
            "run {name} with (parallelism = 2, checkpoint = 200ms) = bids | {} | into file 'out-{name}' with (format = 'json');\r",
            common::TUMBLE
        ));
        pty.says(&format!("job {name} runs"));
        pty.prompt();
    }
    let fired = |name: &str, least: usize| {
        let out = directory.path().join(format!("out-{name}"));
        move |_: &Pty| out.is_dir() && committed_lines(&out).len() > least
    };
    pty.until("rows", fired("one", 10));
    answered(&mut pty, "kill subtask window[0] of one;", "restart 1");
    answered(&mut pty, "checkpoint two;", "checkpoint");
    answered(&mut pty, "rescale two to 3;", "3");
    pty.until("rows", fired("two", 40));
    answered(&mut pty, "kill taskmanager 1;", "task manager 1");
    answered(&mut pty, "restore one;", "goes on from checkpoint");
    answered(&mut pty, "checkpoints two --json;", "\"full_bytes\"");
    answered(&mut pty, "show jobs;", "two");
    pty.says("job one finished");
    pty.says("job two finished");
    pty.prompt();
    for name in ["one", "two"] {
        assert_eq!(committed_lines(&directory.path().join(format!("out-{name}"))), counts, "{name}");
    }
    let listed = pty.json("subtasks two --json;");
    let sum = |vertex: &str, field: &str| -> u64 {
        let subtasks = listed.as_array().expect("a list").iter();
        subtasks
            .filter(|subtask| subtask["vertex"] == vertex)
            .map(|subtask| subtask[field].as_u64().expect("a number"))
            .sum()
    };
    assert!(sum("Source: bids", "rows_out") > 0, "{listed}");
    assert!(!late.is_empty());
    leave(pty);
}

/// A script writer: data on standard output and nothing else, exit codes, every `--json` is JSON.
#[test]
fn a_script_writer() {
    let directory = tempfile::tempdir().expect("a directory");
    let all = bids(5, 500, 5, 200, 1_000, 0, 1);
    std::fs::write(directory.path().join("bids.ndjson"), common::ndjson(&all)).expect("written");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");

    // Without a source, all rows, as NDJSON.
    let rows = lotic(directory.path(), &["-c", "'bids.ndjson' | map auction, price"], None);
    assert_eq!(rows.status.code(), Some(0), "{}", text(&rows.stderr));
    let lines: Vec<Value> =
        text(&rows.stdout).lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect();
    let expected: Vec<(i64, i64)> = all.iter().map(|bid| (bid.auction, bid.price)).collect();
    let found: Vec<(i64, i64)> = lines
        .iter()
        .map(|line| (line["auction"].as_i64().expect("a number"), line["price"].as_i64().expect("a number")))
        .collect();
    assert_eq!(found, expected);

    // From standard input, as CSV.
    let piped = lotic(
        directory.path(),
        &["--output", "csv", "-c", "stdin | aggregate count(*) as n, max(price) as top"],
        Some(&common::ndjson(&all)),
    );
    let top = all.iter().map(|bid| bid.price).max().expect("bids");
    assert_eq!(piped.status.code(), Some(0), "{}", text(&piped.stderr));
    let last = text(&piped.stdout).lines().last().expect("a row").to_owned();
    assert!(last.ends_with(&format!("{},{top}", all.len())), "{last}");

    // A mistake, a wrong option.
    assert_eq!(lotic(directory.path(), &["-c", "bidz | limit 3"], None).status.code(), Some(1));
    assert_eq!(lotic(directory.path(), &["--nonsense"], None).status.code(), Some(2));
    assert_eq!(lotic(directory.path(), &["run", "missing.lotic"], None).status.code(), Some(1));

    // Every listing in JSON.
    let job = format!(
        "{} run hot with (parallelism = 2, checkpoint = 100ms) = bids | {} | into file 'out' with (format = 'json'); wait hot;",
        source(&directory.path().join("bids.ndjson"), "").trim(),
        common::TUMBLE
    );
    for listing in [
        "show jobs",
        "show sources",
        "show sinks",
        "show streams",
        "show functions",
        "show connectors",
        "describe bids",
        "explain hot",
        "subtasks hot",
        "watermarks hot",
        "windows hot",
        "state hot",
        "checkpoints hot",
        "log hot",
        "graph hot",
        "why late hot",
    ] {
        let listed = lotic(directory.path(), &["--quiet", "-c", &format!("{job} {listing} --json")], None);
        assert_eq!(listed.status.code(), Some(0), "{listing}: {}", text(&listed.stderr));
        let json = text(&listed.stdout);
        let parsed: Result<Value, _> = serde_json::from_str(&json);
        assert!(parsed.is_ok(), "{listing}: {json}");
    }
    let (counts, _) = tumble(&all, 10_000, 4_000);
    assert_eq!(committed_lines(&directory.path().join("out")).len() % counts.len(), 0);
}

/// Somebody who comes back the next day: definitions and jobs are there, and the job goes on.
#[test]
fn a_returning_user() {
    let directory = tempfile::tempdir().expect("a directory");
    let all = bids(31, 4_000, 10, 200, 1_000, 50, 60_000);
    let file = directory.path().join("bids.ndjson");
    std::fs::write(&file, common::ndjson(&all)).expect("written");
    let (counts, _) = tumble(&all, 10_000, 4_000);
    let out = directory.path().join("out");

    let mut pty = Pty::open(directory.path(), SIZE, &[], &[]);
    pty.prompt();
    pty.statement(source(&file, " with (pace = '100x')").trim().replace('\n', " ").as_str());
    pty.press(&format!(
        "run hot with (checkpoint = 200ms) = bids | {} | into file 'out' with (format = 'json');\r",
        common::TUMBLE
    ));
    pty.says("job hot runs");
    pty.prompt();
    pty.until("rows", |_| out.is_dir() && committed_lines(&out).len() > 10);
    pty.press("\\q\r");
    pty.shows("restore hot");
    assert_eq!(pty.exit_code(), 0);
    let before = committed_lines(&out);
    assert!(before.len() < counts.len(), "left half way");

    let mut pty = Pty::open(directory.path(), SIZE, &[], &[]);
    pty.prompt();
    answered(&mut pty, "show sources;", "bids");
    answered(&mut pty, "show jobs;", "last checkpoint");
    answered(&mut pty, "restore hot;", "goes on from checkpoint");
    pty.says("job hot finished");
    pty.prompt();
    assert_eq!(committed_lines(&out), counts);
    leave(pty);
}
