//! Tumbling aggregates over bids equal a plain reference, whatever the parallelism, batch size and executor.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Bid, TUMBLE, TestSession, bids, late_rows, ndjson, size, source, tumble};
use lotic::runtime::Executor;
use lotic::types::{ChangelogTable, RowKind};

/// Small splits, so that even a small file is shared by several readers.
const SPLITS: &str = " with (split = 4096)";

#[test]
fn data_within_the_delay_gives_one_output_at_any_parallelism_and_batch_size() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = bids(7, 4_000, 40, 30, 3_900, 0, 0);
    let (expected, late) = tumble(&data, 10_000, 4_000);
    assert!(late.is_empty() && expected.len() > 300, "{} windows", expected.len());
    let file = directory.path().join("bid.ndjson");
    std::fs::write(&file, ndjson(&data)).expect("written");
    for parallelism in [1, 2, 4] {
        for batch_rows in [1, 7, 1_024, 8_192] {
            let mut test = TestSession::new(directory.path(), |settings| {
                settings.parallelism = Some(parallelism);
                settings.batch_rows = batch_rows;
            });
            let script = format!("{} run t = bids | {TUMBLE} | into print;", source(&file, SPLITS));
            let views = test.run(&script).expect("the job runs");
            assert_eq!(test.rows.take_sorted(), expected, "parallelism {parallelism}, batches of {batch_rows}");
            assert_eq!(late_rows(&views[0]), 0);
        }
    }
}

#[test]
fn data_within_the_delay_gives_one_output_under_every_interleaving() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = bids(11, 600, 12, 150, 3_900, 0, 0);
    let (expected, _) = tumble(&data, 10_000, 4_000);
    let file = directory.path().join("bid.ndjson");
    std::fs::write(&file, ndjson(&data)).expect("written");
    let script = format!("{} run t = bids | {TUMBLE} | into print;", source(&file, SPLITS));
    for seed in 0..size("LOTIC_SEEDS", 40) {
        let mut test = TestSession::new(directory.path(), |settings| {
            settings.parallelism = Some([1, 2, 4][usize::try_from(seed % 3).expect("small")]);
            settings.batch_rows = [1, 7, 64, 1_024][usize::try_from(seed / 3 % 4).expect("small")];
            settings.executor = Executor::Stepping { seed };
        });
        test.run(&script).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
        assert_eq!(test.rows.take_sorted(), expected, "seed {seed}");
    }
}

/// The job with one reader and the rest at `parallelism`, its late rows listed.
fn late_script(file: &std::path::Path, parallelism: usize) -> String {
    format!(
        "{}
         run t {{
           bids | parallelism 1 | key_by auction | window tumble(10s) late_to late_bids
             | aggregate count(*) as n, sum(price) as total, avg(price) as mean | parallelism {parallelism} | into print;
           late_bids | map auction, bidder, price, date_time | into file 'late-{parallelism}' with (format = 'csv', header = false);
         }}",
        source(file, SPLITS)
    )
}

fn listed(late: &[Bid]) -> Vec<String> {
    let mut lines: Vec<String> = late
        .iter()
        .map(|bid| {
            let time = common::timestamp(bid.time);
            let time = time.strip_suffix(".000").unwrap_or(&time).trim_end_matches(|_| false).to_owned();
            format!("{},{},{},{time}", bid.auction, bid.bidder, bid.price)
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn late_rows_are_the_same_rows_at_any_parallelism_counted_and_listed() {
    let data = bids(23, 4_000, 25, 40, 3_900, 20, 25_000);
    let (expected, late) = tumble(&data, 10_000, 4_000);
    assert!(late.len() > 30, "{} late rows", late.len());
    for (parallelism, batch_rows, executor) in [1, 2, 4]
        .into_iter()
        .flat_map(|parallelism| [1, 7, 1_024, 8_192].map(|batch_rows| (parallelism, batch_rows)))
        .flat_map(|(parallelism, rows)| {
            [Executor::Threaded, Executor::Stepping { seed: rows as u64 }].map(|executor| (parallelism, rows, executor))
        })
    {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("bid.ndjson");
        std::fs::write(&file, ndjson(&data)).expect("written");
        let mut test = TestSession::new(directory.path(), |settings| {
            settings.batch_rows = batch_rows;
            settings.executor = executor;
        });
        let views = test.run(&late_script(&file, parallelism)).expect("the job runs");
        let at = format!("parallelism {parallelism}, batches of {batch_rows}, {executor:?}");
        assert_eq!(test.rows.take_sorted(), expected, "{at}");
        assert_eq!(late_rows(&views[0]), late.len() as u64, "{at}");
        let late_file = directory.path().join(format!("late-{parallelism}"));
        assert_eq!(trimmed(common::committed_lines(&late_file)), trimmed(listed(&late)), "{at}");
    }
}

/// Fractions of a second may be written without their zeros: compared without.
fn trimmed(lines: Vec<String>) -> Vec<String> {
    let mut lines: Vec<String> = lines
        .into_iter()
        .map(|line| match line.rsplit_once('.') {
            Some((head, fraction)) if fraction.len() <= 3 => {
                let fraction = fraction.trim_end_matches('0');
                if fraction.is_empty() { head.to_owned() } else { format!("{head}.{fraction}") }
            }
            _ => line,
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn late_rows_are_the_same_under_every_interleaving() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = bids(29, 500, 10, 200, 3_900, 10, 25_000);
    let (expected, late) = tumble(&data, 10_000, 4_000);
    assert!(!late.is_empty());
    let file = directory.path().join("bid.ndjson");
    std::fs::write(&file, ndjson(&data)).expect("written");
    for seed in 0..size("LOTIC_SEEDS", 40) {
        let parallelism = [1, 2, 4][usize::try_from(seed % 3).expect("small")];
        let mut test = TestSession::new(directory.path(), |settings| {
            settings.batch_rows = [1, 7, 64, 1_024][usize::try_from(seed / 3 % 4).expect("small")];
            settings.executor = Executor::Stepping { seed };
        });
        let script = format!(
            "{} run t = bids | parallelism 1 | {TUMBLE} | parallelism {parallelism} | into print;",
            source(&file, SPLITS)
        );
        let views = test.run(&script).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
        assert_eq!(test.rows.take_sorted(), expected, "seed {seed}");
        assert_eq!(late_rows(&views[0]), late.len() as u64, "seed {seed}");
    }
}

/// A table as the changes of a job describe it: its rows as JSON without their kind, each with how often it is there.
fn table(changes: Vec<String>) -> BTreeMap<String, i64> {
    let mut table = ChangelogTable::new(None);
    for change in changes {
        let (op, row) = change.split_once(',').expect("a kind before the row");
        let kind = if op.contains('+') { RowKind::Insert } else { RowKind::Delete };
        let row = row.trim_end_matches('}').to_owned();
        assert!(table.apply(kind, vec![row.clone()]), "{row} is taken back before it was given");
    }
    let mut counts = BTreeMap::new();
    for row in table.rows() {
        *counts.entry(row.concat()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn changes_of_one_key_never_overtake_each_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let rows = 200;
    let data = bids(41, rows, 20, 30, 3_900, 0, 0);
    let file = directory.path().join("bid.ndjson");
    std::fs::write(&file, ndjson(&data)).expect("written");
    let mut of_auction: BTreeMap<i64, i64> = BTreeMap::new();
    for bid in &data {
        *of_auction.entry(bid.auction).or_insert(0) += 1;
    }
    let mut auctions_of: BTreeMap<i64, i64> = BTreeMap::new();
    for count in of_auction.values() {
        *auctions_of.entry(count % 3).or_insert(0) += 1;
    }
    let one = BTreeMap::from([(format!(r#""g":{},"c":1"#, rows % 3), 1)]);
    let many: BTreeMap<_, _> = auctions_of.iter().map(|(g, c)| (format!(r#""g":{g},"c":{c}"#), 1)).collect();
    let again = "| map n % 3 as g | key_by g | aggregate count(*) as c";
    let pipelines = [
        // One row that changes, dealt to many; by its key, which is nothing.
        ("aggregate count(*) as n | map n, n % 3 as g | key_by g | aggregate count(*) as c".to_owned(), &one),
        (format!("aggregate count(*) as n | rebalance {again}"), &one),
        (format!("aggregate count(*) as n | filter n > 0 | parallelism 3 {again}"), &one),
        // Rows of many keys, by the key and without it.
        (format!("key_by auction | aggregate count(*) as n {again}"), &many),
        (format!("key_by auction | aggregate count(*) as n | shuffle {again}"), &many),
        (format!("key_by auction | aggregate count(*) as n | filter n > 0 | parallelism 3 {again}"), &many),
        (
            format!(
                "key_by auction | aggregate count(*) as n | parallelism 2 | map n % 3 as n | parallelism 3 | shuffle {again}"
            ),
            &many,
        ),
    ];
    for (pipeline, expected) in &pipelines {
        for seed in 0..size("LOTIC_SEEDS", 24) {
            let parallelism = [1, 2, 4][usize::try_from(seed % 3).expect("small")];
            let mut test = TestSession::new(directory.path(), |settings| {
                settings.parallelism = Some(parallelism);
                settings.batch_rows = [1, 7, 64][usize::try_from(seed / 3 % 3).expect("small")];
                settings.executor = Executor::Stepping { seed };
            });
            let script = format!("{} run t = bids | {pipeline} | into print;", source(&file, SPLITS));
            test.run(&script).unwrap_or_else(|failure| panic!("{pipeline}, seed {seed}: {failure}"));
            assert_eq!(&table(test.rows.take()), *expected, "{pipeline}, seed {seed}, parallelism {parallelism}");
        }
    }
}

#[test]
fn expressions_over_aggregates_come_to_what_a_plain_loop_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = bids(43, 400, 20, 30, 3_900, 0, 0);
    let file = directory.path().join("bid.ndjson");
    std::fs::write(&file, ndjson(&data)).expect("written");
    let mut of_auction: BTreeMap<i64, i64> = BTreeMap::new();
    for bid in &data {
        *of_auction.entry(bid.auction).or_insert(0) += 1;
    }
    let mut groups: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for count in of_auction.into_values() {
        groups.entry(count % 3).or_default().push(count);
    }
    let row = |(g, counts): (&i64, &Vec<i64>)| {
        let many = counts.iter().filter(|count| **count > 20).count();
        let length = |length: usize| i64::try_from(length).expect("small");
        let mean = counts.iter().sum::<i64>() / length(counts.len());
        let distinct = length(BTreeSet::from_iter(counts).len());
        let spread = counts.iter().max().expect("one") - counts.iter().min().expect("one");
        (format!(r#""g":{g},"mean":{mean},"spread":{spread},"many":{},"EXPR$3":{}"#, many * 10, distinct + g), 1)
    };
    let expected: BTreeMap<String, i64> = groups.iter().map(row).collect();
    assert!(expected.len() > 1, "{expected:?}");
    // Over rows that change, with a filter and distinct values, with the key in the expression.
    let changing = "key_by auction | aggregate count(*) as n | map n, n % 3 as g | key_by g
        | aggregate sum(n) / count(*) as mean, max(n) - min(n) as spread, count(*) filter (where n > 20) * 10 as many,
            count(distinct n) + g";
    // The same in windows, each put together again to what the plain loop counts.
    let (windows, _) = tumble(&data, 10_000, 4_000);
    let windowed = "key_by auction | window tumble(10s)
        | aggregate count(*) filter (where price > 5000) + count(*) filter (where price <= 5000) as n,
            count(distinct price) + sum(price) - count(distinct price) as total,
            auction + sum(price) / count(*) - auction as mean";
    for parallelism in [1, 2, 4] {
        let run = |pipeline: &str| {
            let mut test = TestSession::new(directory.path(), |settings| settings.parallelism = Some(parallelism));
            let script = format!("{} run t = bids | {pipeline} | into print;", source(&file, SPLITS));
            test.run(&script).unwrap_or_else(|failure| panic!("{pipeline}: {failure}"));
            test.rows
        };
        assert_eq!(table(run(changing).take()), expected, "parallelism {parallelism}");
        assert_eq!(run(windowed).take_sorted(), windows, "parallelism {parallelism}");
    }
}

#[test]
fn rows_stay_in_order_behind_a_window_that_has_one_subtask() {
    let directory = tempfile::tempdir().expect("a directory");
    // A row every 10 ms: 2,000 windows of 100 ms, 20 of 10 s. Because the late rows are read, the window keeps a
    // column that nobody else reads, and a projection is put behind it.
    let file = directory.path().join("s.ndjson");
    let lines: Vec<String> =
        (0..20_000).map(|at| format!(r#"{{"n":{at},"t":{}}}"#, common::EPOCH_MS + at * 10)).collect();
    std::fs::write(&file, lines.join("\n")).expect("written");
    for (seed, batch_rows) in [(None, 64), (None, 8_192), (Some(1), 7), (Some(2), 64), (Some(3), 1_024)] {
        let mut test = TestSession::new(directory.path(), |settings| {
            settings.parallelism = Some(2);
            settings.batch_rows = batch_rows;
            settings.executor = seed.map_or(Executor::Threaded, |seed| Executor::Stepping { seed });
        });
        let script = format!(
            "source s from file '{}' columns (n bigint, t bigint) event_time t watermark 0s;
             run t {{
               s | parallelism 1 | window tumble(100ms) late_to late
                 | aggregate count(*) as n, max(n) as top | event_time window_end
                 | window tumble(10s) | aggregate sum(n) as n | into print;
               late | into blackhole;
             }}",
            file.display()
        );
        let views = test.run(&script).expect("the job runs");
        assert_eq!(late_rows(&views[0]), 0, "seed {seed:?}, batches of {batch_rows}");
        let sums: i64 = test.rows.take().iter().map(|line| counted(line)).sum();
        assert_eq!(sums, 20_000, "seed {seed:?}, batches of {batch_rows}");
    }
}

/// The `n` that ends a row.
fn counted(line: &str) -> i64 {
    line.rsplit_once(r#""n":"#).and_then(|(_, n)| n.trim_end_matches('}').parse().ok()).expect("a count")
}

/// The rows of a golden file as NDJSON under these names.
fn golden_rows(rows: &serde_json::Value, names: &[&str]) -> String {
    let row = |row: &serde_json::Value| {
        let cells = row.as_array().expect("cells");
        let cells = names.iter().zip(cells).map(|(name, cell)| format!("\"{name}\":{cell}"));
        format!("{{{}}}\n", cells.collect::<Vec<_>>().join(","))
    };
    rows.as_array().expect("rows").iter().map(row).collect()
}

/// `tests/flink/table_stages.py` asked Flink 2.3 for these changelogs.
#[test]
fn table_stages_tell_the_changes_that_flink_tells() {
    let goldens: serde_json::Value =
        serde_json::from_str(include_str!("flink/table_stages.json")).expect("a golden file");
    let directory = tempfile::tempdir().expect("a directory");
    for (name, columns) in [("t", ["id", "k", "v", "ms"]), ("changes", ["id", "k", "v", "op"])] {
        let path = directory.path().join(format!("{name}.ndjson"));
        std::fs::write(path, golden_rows(&goldens[name], &columns)).expect("written");
    }
    let sources =
        "source t from file 't.ndjson' columns (id int, k string, v int, ms bigint) event_time ms watermark 3ms;
                   source changes from file 'changes.ndjson' columns (id int, k string, v int, op string);";
    let said = |query: &serde_json::Value, field: &str| query[field].as_str().expect("a text").to_owned();
    for query in goldens["queries"].as_array().expect("queries") {
        let columns = query["columns"].as_array().expect("columns");
        let names: Vec<&str> = columns.iter().map(|name| name.as_str().expect("a name")).collect();
        let (of, stages) = (said(query, "of"), said(query, "stages"));
        for batch_rows in [1, 3, 8_192] {
            let mut test = TestSession::new(directory.path(), |settings| settings.batch_rows = batch_rows);
            // Under names that are none of a changelog's own.
            let renamed: Vec<String> = names.iter().enumerate().map(|(at, name)| format!("{name} as c{at}")).collect();
            let script = format!("{sources} run g = {of} | {stages} | map {} | into print;", renamed.join(", "));
            test.run(&script).unwrap_or_else(|failure| panic!("{failure}: {script}"));
            let told = test.rows.take();
            let shown: Vec<String> = told.iter().map(|row| golden_line(row, names.len())).collect();
            let expected = query["changes"].as_array().expect("changes").iter();
            let expected: Vec<String> = expected.map(|line| as_we_write(line.as_str().expect("a line"))).collect();
            assert_eq!(shown, expected, "{}: {stages}, batches of {batch_rows}", query["name"]);
        }
    }
}

/// A line of Flink's whose timestamps end as ours do: without zeros that say nothing.
fn as_we_write(line: &str) -> String {
    let short = |cell: &str| {
        if cell.starts_with("1970-") && cell.contains('.') {
            cell.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            cell.to_owned()
        }
    };
    line.split('|').map(short).collect::<Vec<_>>().join("|")
}

/// A row as the golden file has it: its kind, then its values.
fn golden_line(row: &str, columns: usize) -> String {
    let row: serde_json::Value = serde_json::from_str(row).expect("a row");
    let kind = row["op"].as_str().unwrap_or("+I").to_owned();
    let value = |at: usize| {
        let cell = &row[format!("c{at}")];
        cell.as_str().map_or_else(|| cell.to_string(), as_we_write)
    };
    format!("{kind} {}", (0..columns).map(value).collect::<Vec<_>>().join("|"))
}

#[test]
fn where_stages_run_changes_nothing_of_what_they_give() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = bids(13, 1_500, 20, 60, 3_900, 0, 0);
    let (expected, _) = tumble(&data, 10_000, 4_000);
    let file = directory.path().join("bid.ndjson");
    std::fs::write(&file, ndjson(&data)).expect("written");
    let placed = [
        "parallelism 1 | rescale | filter price > 0 | parallelism 3",
        "partition_by auction % 3 | filter price > 0 | chain off",
        "filter price > 0 | chain new | slot_group 'own' | rescale | filter price > 0 | max_parallelism 1 | slot_group 'other'",
        "partition_by bidder | filter price > 0 | slot_group 'own' | parallelism 2 | rescale | filter price > 0 | parallelism 3",
    ];
    for stages in placed {
        for executor in [Executor::Threaded, Executor::Stepping { seed: 5 }] {
            let mut test = TestSession::new(directory.path(), |settings| {
                settings.parallelism = Some(2);
                settings.batch_rows = 64;
                settings.executor = executor;
            });
            // Rows that go several ways come in any order: the largest of the delay covers what that can do.
            let source = source(&file, SPLITS);
            let script = format!("{source} run t = bids | {stages} | {TUMBLE} | into print;");
            let views = test.run(&script).expect("the job runs");
            assert_eq!(test.rows.take_sorted(), expected, "{stages}");
            let groups = views[0].vertices.iter().filter(|vertex| vertex.slot_group.is_some()).count();
            assert_eq!(groups > 0, stages.contains("slot_group"), "{stages}");
        }
    }
}

/// A value, floats without the last digits, which tell in which order they were added.
fn rounded(value: &serde_json::Value) -> String {
    match value.as_f64().filter(|_| value.is_f64()) {
        Some(float) => format!("{float:.6}"),
        None => value.to_string(),
    }
}

/// The rows that a job gives in all: those that are left of its changes, sorted.
fn final_rows(test: &mut TestSession, script: &str) -> Vec<String> {
    test.run(script).unwrap_or_else(|failure| panic!("{script}: {failure}"));
    let entry = test.session.jobs().next().expect("a job");
    let changelog = entry.plan.optimized.written();
    let batch = entry.plan.settings.mode == lotic::plan::Mode::Batch;
    assert!(!batch || changelog.is_append(), "only final rows in {script}");
    if changelog.is_append() {
        let lines = test.rows.take().into_iter().map(|line| {
            let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).expect("a row");
            let fields =
                row.into_iter().map(|(name, value)| format!("{}:{}", serde_json::Value::from(name), rounded(&value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        return lines;
    }
    let mut table = ChangelogTable::new(changelog.key().map(<[usize]>::to_vec));
    let mut rows = test.rows.take();
    for line in rows.drain(..) {
        let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).expect("a row");
        let mut row = row.into_iter();
        let (_, kind) = row.next().expect("its kind");
        let kinds = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];
        let kind = kinds.into_iter().find(|known| kind == known.short()).expect("a kind");
        let fields = row.map(|(name, value)| format!("{}:{}", serde_json::Value::from(name), rounded(&value)));
        assert!(table.apply(kind, fields.collect()) || !kind.adds());
    }
    let mut left: Vec<String> = table.rows().map(|row| format!("{{{}}}", row.join(","))).collect();
    left.sort();
    left
}

/// Runs the script with its job in both modes, in both executors, and compares what is left.
fn same_in_both_modes(directory: &std::path::Path, what: &str, script: &str) {
    let batch_of = |script: &str, memory: &str| {
        let (head, rest) = script.split_once("run ").expect("a job");
        let (name, rest) = rest.split_once(' ').expect("a name");
        let options = format!("mode = 'batch', memory = '{memory}'");
        match rest.strip_prefix("with (") {
            Some(rest) => format!("{head}run {name} with ({options}, {rest}"),
            None => format!("{head}run {name} with ({options}) {rest}"),
        }
    };
    let mut streaming = TestSession::new(directory, |settings| settings.parallelism = Some(1));
    let expected = final_rows(&mut streaming, script);
    assert!(!expected.is_empty(), "{what} gives rows");
    for (parallelism, memory, executor) in
        [(1, "64mb", Executor::Threaded), (3, "20kb", Executor::Threaded), (2, "20kb", Executor::Stepping { seed: 7 })]
    {
        // Which of two rows of one time comes first, and in which order floats are added, is told by one reader alone.
        let told = |demo: &str| what.ends_with(&format!("{demo}.lotic"));
        let ordered = ["process", "pattern", "updated"].contains(&what)
            || ["sensors", "sessions", "fraud", "pattern", "model", "rules", "rates"].into_iter().any(told);
        let parallelism = if ordered { 1 } else { parallelism };
        let mut batch = TestSession::new(directory, |settings| {
            settings.parallelism = Some(parallelism);
            settings.executor = executor;
            settings.batch_rows = 500;
        });
        let found = final_rows(&mut batch, &batch_of(script, memory));
        let other = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert!(other.is_none(), "{what} at {parallelism}, {memory}: {other:?}");
        assert_eq!(found.len(), expected.len(), "{what}: rows at {parallelism}, {memory}");
    }
}

#[test]
fn batch_and_streaming_agree_on_the_final_rows_of_every_bench_and_demo_query() {
    let directory = tempfile::tempdir().expect("a directory");
    let sources = "source bids from nexmark 'bid' with (events = 30000, rate = 0, seed = 7);
        source auctions from nexmark 'auction' with (events = 30000, rate = 0, seed = 7);";
    for name in lotic::commands::bench::query_names() {
        let (definitions, pipeline) = lotic::commands::bench::query_text(name).expect("a query");
        let script = format!("{sources} {definitions} run q = {pipeline} | into print;");
        same_in_both_modes(directory.path(), name, &script);
    }
    for (name, pipeline) in [
        (
            "retracted",
            "bids | key_by auction | aggregate max(price) as m | key_by m % 7 as g | aggregate count(*) as n, sum(m) as s",
        ),
        ("left join", "auctions as a | left join bids as b on a.id = b.auction | map id, price"),
        ("full join", "auctions as a | full join bids as b on a.id = b.auction and b.price > 1000000 | map id, price"),
        ("anti join", "auctions as a | anti join bids as b on a.id = b.auction | map id"),
        ("continuous top", "bids | top 3 by price desc, bidder per channel as rank | map channel, rank, price, bidder"),
        ("distinct", "bids | map auction, channel | distinct"),
        ("except", "bids | map auction as id | except auctions"),
        ("updated", "bids | primary key bidder | aggregate count(*) as n, max(price) as dearest"),
    ] {
        let sources =
            if name == "except" { sources.replace("auctions from", "all_auctions from") } else { sources.to_owned() };
        let more = if name == "except" { "stream auctions = all_auctions | map id;" } else { "" };
        let script = format!("{sources} {more} run q = {pipeline} | into print;");
        same_in_both_modes(directory.path(), name, &script);
    }
    for demo in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/demo")).expect("the demos") {
        let path = demo.expect("a demo").path();
        let text = std::fs::read_to_string(&path).expect("a session");
        // `iterate` is there in batch mode alone.
        if text.contains("mode = 'batch'") {
            continue;
        }
        let script = text
            .replace("events = 2000000, rate = 200000", "events = 60000, rate = 0")
            .replace("rate = 20000", "rate = 0")
            // Nothing is late where all has come before the first result.
            .replace("seed = 7);\n\nrun sensors", "seed = 7) event_time event_time watermark 1h;\n\nrun sensors")
            .replace("watermark 45m", "watermark 7d");
        let what = path.display().to_string();
        // What comes too late is a stream of its own, and there is none.
        let script = match script.split_once("  late_readings |") {
            Some((head, _)) => format!("{head}}}"),
            None => script,
        };
        same_in_both_modes(directory.path(), &what, &script);
    }
}

#[test]
fn a_batch_job_that_fails_does_all_again_and_commits_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let job = |sink: &str, rate: u64| {
        format!(
            "source bids from nexmark 'bid' with (events = 20000, rate = {rate}, seed = 7);
            run {sink} with (mode = 'batch', memory = '20kb', parallelism = 2, restart_delay = 10ms) = bids
              | key_by auction | aggregate count(*) as n, sum(price) as total | into file '{sink}' with (format = 'json');"
        )
    };
    let mut test = TestSession::new(directory.path(), |_| {});
    test.run(&job("whole", 0)).expect("it runs");
    let whole = common::committed_lines(&directory.path().join("whole"));
    for statement in test
        .session
        .parse(&job("broken", 20_000).replace("source bids", "source slow").replace("= bids", "= slow"))
        .expect("parses")
    {
        lotic::commands::execute(&mut test.session, &statement.node).expect("it starts");
    }
    let entry = test.session.jobs().last().expect("a job");
    std::thread::park_timeout(std::time::Duration::from_millis(300));
    assert!(entry.job.checkpoint().expect_err("refused").to_string().contains("takes no checkpoints"));
    assert!(entry.job.stop(None, true).expect_err("refused").to_string().contains("`cancel` ends it"));
    let vertex = lotic::types::VertexId(1);
    entry.job.kill_subtask(lotic::types::SubtaskId { vertex, index: 1 }).expect("it runs");
    assert_eq!(entry.job.wait(Some(60_000)), Some(lotic::inspect::JobStatus::Finished));
    let view = entry.job.view();
    assert_eq!((view.restarts, view.checkpoints.len()), (1, 1), "one restart, and no checkpoint but the end");
    assert_eq!(common::committed_lines(&directory.path().join("broken")), whole);
    assert!(whole.len() > 100);
}

#[test]
fn what_has_no_end_is_refused_in_batch_mode() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    let error = test.run("run b with (mode = 'batch') = bids | into print;").err().map(|error| error.to_string());
    // The built-in source is bounded or not: a generator without `events` is not.
    let endless = "source g from nexmark 'bid' with (rate = 0); run b2 with (mode = 'batch') = g | into print;";
    let refused = test.run(endless).expect_err("is refused").to_string();
    assert!(refused.contains("`g` has no end"), "{refused} {error:?}");
}

/// The least number of each component, by union and find.
fn components(nodes: i64, edges: &[(i64, i64)]) -> Vec<i64> {
    let mut least: Vec<i64> = (0..nodes).collect();
    let at = |node: i64| usize::try_from(node).expect("not negative");
    while let Some(&(a, b)) = edges.iter().find(|&&(a, b)| least[at(a)] != least[at(b)]) {
        let (keep, gone) = (least[at(a)].min(least[at(b)]), least[at(a)].max(least[at(b)]));
        least.iter_mut().filter(|of| **of == gone).for_each(|of| *of = keep);
    }
    least
}

#[test]
fn iterated_stages_find_the_components_of_random_graphs() {
    let directory = tempfile::tempdir().expect("a directory");
    for seed in 0..size("LOTIC_SEEDS", 6) {
        let mut random = common::Rng::new(seed);
        let nodes = 30 + random.below(30).cast_signed();
        let edges: Vec<(i64, i64)> = (0..nodes)
            .map(|_| {
                (random.below(nodes.unsigned_abs()).cast_signed(), random.below(nodes.unsigned_abs()).cast_signed())
            })
            .collect();
        let lines: String = (0..nodes)
            .map(|n| (n, n))
            .chain(edges.iter().copied())
            .map(|(a, b)| format!("{{\"a\":{a},\"b\":{b}}}\n"))
            .collect::<Vec<_>>()
            .concat();
        std::fs::write(directory.path().join("edges.ndjson"), lines).expect("written");
        let script = "source edges from file 'edges.ndjson' columns (a bigint, b bigint);
            stream reversed = edges | map b as a, a as b;
            stream both = edges | union reversed;
            run cc with (mode = 'batch', memory = '20kb') = both | map a as id, a as least | distinct
              | iterate 100 until changed = 0 {
                  join both as e on id = e.a | map b as id, least | key_by id | aggregate min(least) as least
                }
              | into print;";
        let mut test = TestSession::new(directory.path(), |settings| {
            settings.parallelism = Some(2);
            if seed % 2 == 1 {
                settings.executor = Executor::Stepping { seed };
            }
        });
        let views = test.run(script).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
        let mut expected: Vec<String> = components(nodes, &edges)
            .into_iter()
            .enumerate()
            .map(|(id, least)| format!("{{\"id\":{id},\"least\":{least}}}"))
            .collect();
        expected.sort();
        assert_eq!(test.rows.take_sorted(), expected, "seed {seed}");
        let listed = lotic::session::listings::rounds(&views[0]);
        let changed: Vec<u64> = listed.rows.iter().map(|row| row[3].as_u64().expect("a number")).collect();
        assert_eq!(changed.last(), Some(&0), "nothing changes in the last round: {changed:?}");
        assert!(changed[..changed.len() - 1].iter().all(|changed| *changed > 0), "{changed:?}");
        assert!(listed.rows.iter().all(|row| row[2].as_u64() == Some(nodes.unsigned_abs())));
    }
}

#[test]
fn rounds_are_as_many_as_typed_and_mistakes_are_shown_at_their_place() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("n.csv"), "x\n1\n2\n3\n").expect("written");
    let source = "source n from file 'n.csv' columns (x bigint);";
    let run = |stages: &str| {
        let mut test = TestSession::new(directory.path(), |_| {});
        let ran = test.run(&format!("{source} run r with (mode = 'batch') = n | {stages} | into print;"));
        ran.map(|_| test.rows.take_sorted()).map_err(|failure| failure.to_string())
    };
    let rows =
        |values: [i64; 3]| -> Result<Vec<String>, String> { Ok(values.map(|x| format!("{{\"x\":{x}}}")).to_vec()) };
    assert_eq!(run("iterate 3 { map x * 2 as x }"), rows([16, 24, 8]));
    assert_eq!(run("iterate 9 until round = 2 { map x * 2 as x }"), rows([12, 4, 8]));
    assert_eq!(run("iterate 2 { iterate 2 { map x + 1 as x } | map x * 10 as x }"), rows([320, 420, 520]));
    assert_eq!(run("iterate 50 until changed = 0 { map least(x + 1, 5) as x }"), rows([5, 5, 5]));
    for (stages, expected) in [
        ("iterate 2 { map x * 2 as y }", "the stages give (y bigint), and are given (x bigint)"),
        ("iterate 0 { map x }", "there must be a round at least"),
        ("iterate 2 until x = 1 { map x }", "x"),
        ("iterate 2 until rows { map x }", "a condition is a boolean, not a bigint"),
        ("iterate 2 { map x | into print }", "the rows of a round go into the next one"),
    ] {
        let error = run(stages).expect_err(stages);
        assert!(error.contains(expected), "{stages}: {error}");
    }
    let mut streaming = TestSession::new(directory.path(), |_| {});
    let error = streaming.run(&format!("{source} n | iterate 2 {{ map x }};")).expect_err("refused").to_string();
    assert!(error.contains("mode = 'batch'") || error.contains("`iterate` needs"), "{error}");
    let defined =
        format!("{source} stream s = n | order_by x desc; run d with (mode = 'batch') = s | limit 1 | into print;");
    let mut named = TestSession::new(directory.path(), |_| {});
    named.run(&defined).expect("a stream that only a batch job can read");
    assert_eq!(named.rows.take(), ["{\"x\":3}"]);
    let preview = format!("{source} set mode = 'batch'; n | order_by x desc | iterate 2 {{ map x + 1 as x }};");
    let mut batch = TestSession::new(directory.path(), |_| {});
    batch.run(&preview).expect("a preview in batch mode");
    assert_eq!(batch.rows.take(), ["{\"x\":5}", "{\"x\":4}", "{\"x\":3}"]);
}
