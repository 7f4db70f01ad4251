//! An operator has two jobs, kills, rescales and restores them; and at each moment compares what the listings say, and what
//! the dashboard exports, with what follows from the rows that have been read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::common::{Bid, bids, committed_lines, ndjson, source};
use super::model::{Query, Truth, iso, truth, write};
use super::pty::Pty;
use super::{answered, leave, sits_down};

/// More than are read before the last moment.
const ROWS: u64 = 60_000;
/// In the order of the dashboard's panels, which export the listings of the same names.
const LISTINGS: [&str; 8] = ["graph", "subtasks", "watermarks", "windows", "state", "checkpoints", "output", "log"];

/// Rows of counts: the end of the window, auction, count, sum.
type Rows = BTreeSet<(i64, i64, i64, i64)>;

/// A job, and how far its attempt goes back.
struct Watched {
    name: &'static str,
    query: Query,
    /// Lines behind which the attempt began.
    since: usize,
    parallelism: u64,
    restarts: u64,
    /// The numbers and states of its checkpoints.
    checkpoints: Vec<(u64, &'static str)>,
    /// What its sink had committed when it went back to an older checkpoint, and what had been written by that one: what
    /// lies between is written again.
    back: (Rows, Rows),
}

impl Watched {
    fn new(name: &'static str, every_ms: i64) -> Self {
        let query = Query::Windows { size_ms: 10_000, every_ms };
        Self { name, query, since: 0, parallelism: 2, restarts: 0, checkpoints: Vec::new(), back: Default::default() }
    }

    /// The statement that starts it.
    fn run(&self, with: &str) -> String {
        let Query::Windows { size_ms, every_ms } = self.query else { panic!("windows") };
        format!(
            "run {0}{with} = bids | key_by auction | window hop({size_ms}ms, {every_ms}ms) \
             | aggregate count(*) as n, sum(price) as total | into file 'out-{0}' with (format = 'json');",
            self.name
        )
    }

    /// Notes a checkpoint that was taken.
    fn taken(&mut self) {
        let last = self.checkpoints.last().map_or(0, |(number, _)| *number);
        self.checkpoints.push((last + 1, "completed"));
    }
}

/// The operator at her terminal.
struct Operator {
    pty: Pty,
    directory: PathBuf,
    input: Vec<Bid>,
    moments: usize,
}

fn list(listing: &Value) -> &Vec<Value> {
    listing.get("rows").unwrap_or(listing).as_array().expect("rows")
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a Value>, field: &str) -> u64 {
    rows.into_iter().map(|row| row[field].as_u64().unwrap_or_else(|| panic!("{field}: {row}"))).sum()
}

impl Operator {
    fn says(&mut self, statement: &str, answer: &str) {
        answered(&mut self.pty, statement, answer);
    }

    /// What `show jobs` says of the job.
    fn shown(&mut self, name: &str) -> Value {
        let jobs = self.pty.json("show jobs --json");
        list(&jobs).iter().find(|job| job["job"] == name).cloned().unwrap_or_else(|| panic!("{name}: {jobs}"))
    }

    /// Lets the job read `rows` lines more, holds it, and compares everything. Returns the lines read.
    fn moment(&mut self, what: &str, job: &Watched, rows: u64) -> usize {
        let from = self.shown(job.name);
        if from["status"] == "paused" {
            self.says(&format!("resume {};", job.name), "job ");
        }
        let wanted = from["rows_in"].as_u64().expect("a number") + rows;
        for _ in 0..1_000 {
            if self.shown(job.name)["rows_in"].as_u64() >= Some(wanted) {
                break;
            }
        }
        self.says(&format!("pause {};", job.name), "is paused");
        self.compare(what, job)
    }

    /// The counters of the job when nothing is under way in it any more.
    fn settled(&mut self, job: &Watched) -> Value {
        let statement = format!("subtasks {} --json", job.name);
        let (mut last, mut same) = (Value::Null, 0);
        for _ in 0..500 {
            let now = self.pty.json(&statement);
            let moving: Vec<_> = list(&now)
                .iter()
                .map(|row| (row["rows_in"].clone(), row["rows_out"].clone(), row["queue_waiting"].clone()))
                .collect();
            let watermarks = |source: bool| -> BTreeSet<&str> {
                let of = list(&now).iter().filter(|row| (row["vertex"] == "Source: bids") == source);
                // One reader has all lines, the others are at their end from the beginning.
                of.filter_map(|row| row["watermark"].as_str()).filter(|at| *at != "end of input").collect()
            };
            let arrived = watermarks(false).len() == 1 && watermarks(false) == watermarks(true);
            let quiet = moving.iter().all(|(_, _, waiting)| waiting == 0);
            let moving = json!(moving);
            same = if quiet && arrived && moving == last { same + 1 } else { 0 };
            last = moving;
            if same >= 3 {
                return now;
            }
        }
        panic!("{} does not come to rest: {last}", job.name);
    }

    fn compare(&mut self, what: &str, job: &Watched) -> usize {
        let what = format!("{}, {what}", job.name);
        let subtasks = self.settled(job);
        let of_source = list(&subtasks).iter().filter(|row| row["vertex"] == "Source: bids");
        let lines = usize::try_from(sum(of_source, "rows_in")).expect("small");
        assert!(lines < self.input.len(), "{what}: held before the end of the input");
        let truth = truth(job.query, &self.input, lines, job.since, 1);
        let shown = self.shown(job.name);
        let counts = (&shown["rows_in"], &shown["rows_out"], &shown["restarts"], &shown["parallelism"]);
        let expected = (json!(lines), json!(truth.keyed[0].rows_out), json!(job.restarts), json!(job.parallelism));
        assert_eq!(counts, (&expected.0, &expected.1, &expected.2, &expected.3), "{what}: show jobs");
        // What is typed.
        for name in LISTINGS.iter().filter(|name| **name != "output") {
            let limit = if *name == "state" { " limit 10000" } else { "" };
            let listing = self.pty.json(&format!("{name} {}{limit} --json", job.name));
            agrees(&format!("{what}: {name}"), name, &listing, &truth, job);
        }
        // What the dashboard writes into files.
        for (name, listing) in self.exports(job) {
            agrees(&format!("{what}: the file of {name}"), name, &listing, &truth, job);
        }
        self.moments += 1;
        lines
    }

    /// Opens the dashboard, exports every panel, and comes back.
    fn exports(&mut self, job: &Watched) -> Vec<(&'static str, Value)> {
        self.pty.press(&format!("dashboard {}\r", job.name));
        self.pty.dashboard();
        let mut written = Vec::new();
        for (number, name) in (1..).zip(LISTINGS) {
            self.pty.press(&number.to_string());
            self.pty.shows(&format!("▸{number} {name}"));
            if name == "state" {
                // Read by another thread.
                self.pty.shows(" entries");
            }
            self.pty.press("e");
            written.push((name, self.file(job, name, ".json")));
        }
        // The same as CSV: as many rows, and the same sum.
        self.pty.press("2E");
        let csv = std::fs::read_to_string(self.file(job, "subtasks", ".csv")).expect("UTF-8");
        let files: Vec<(&str, Value)> = written
            .into_iter()
            .map(|(name, file)| (name, serde_json::from_slice(&std::fs::read(file).expect("read")).expect("JSON")))
            .collect();
        let header: Vec<&str> = csv.lines().next().expect("a header").split(',').collect();
        let column = header.iter().position(|name| *name == "rows_in").expect("a column");
        let values = csv.lines().skip(1).map(|line| line.split(',').nth(column).and_then(|n| n.parse::<u64>().ok()));
        assert_eq!(values.map(|n| n.expect("a number")).sum::<u64>(), sum(list(&files[1].1), "rows_in"), "{csv}");
        self.pty.press("q");
        self.pty.prompt();
        files
    }

    /// The file that was written last, when the dashboard says so.
    fn file(&self, job: &Watched, panel: &str, ending: &str) -> PathBuf {
        let begins = format!("written: {}-{panel}-", job.name);
        let name = |pty: &Pty| -> Option<String> {
            let screen = pty.screen();
            let (_, rest) = screen.split_once(&begins)?;
            let name = rest.split_whitespace().next().filter(|name| name.ends_with(ending))?;
            Some(format!("{}-{panel}-{name}", job.name))
        };
        self.pty.until(&begins, |pty| name(pty).is_some());
        self.directory.join(name(&self.pty).expect("a name"))
    }

    /// The rows that the job has written behind so many lines.
    fn written(&self, job: &Watched, lines: usize) -> Rows {
        truth(job.query, &self.input, lines, 0, 1).written
    }

    /// The rows that the job's sink has committed, behind which these have been written.
    fn committed(&self, job: &Watched, rows: &Rows) {
        let lines = committed_lines(&self.directory.join(format!("out-{}", job.name)));
        let mut found: Vec<_> = lines.iter().map(|line| counted(line)).collect();
        let (before, went_back_to) = &job.back;
        let mut expected: Vec<_> = before.iter().chain(rows.difference(went_back_to)).copied().collect();
        found.sort_unstable();
        expected.sort_unstable();
        let (lines, rows) = (found.len(), expected.len());
        assert!(found == expected, "{}: {lines} rows in the files, not these {rows}: {found:?}", job.name);
    }
}

/// A row of counts in JSON.
fn counted(line: &str) -> (i64, i64, i64, i64) {
    let row: Value = serde_json::from_str(line).expect("JSON");
    let of = |name: &str| row[name].as_i64().expect("a number");
    let end = row["window_end"].as_str().expect("a time").replace('Z', "");
    let end = chrono::NaiveDateTime::parse_from_str(&end, "%Y-%m-%d %H:%M:%S%.f").expect("a time");
    (end.and_utc().timestamp_millis(), of("auction"), of("n"), of("total"))
}

/// All rows of a job that comes to the end of its input: open windows fire there.
fn all_of(query: Query, input: &[Bid]) -> Rows {
    let end = truth(query, input, input.len(), 0, 1);
    let open = end.keyed[0].open.iter();
    let open = open.flat_map(|(&end, keys)| keys.iter().map(move |(&auction, &(n, total))| (end, auction, n, total)));
    end.written.iter().copied().chain(open).collect()
}

/// Compares a listing with the truth.
fn agrees(what: &str, name: &str, listing: &Value, truth: &Truth, job: &Watched) {
    let (rows, keyed, lines) = (list(listing), &truth.keyed[0], truth.lines as u64);
    let is_whole =
        |total: usize| assert_eq!((&listing["total"], &listing["truncated"]), (&json!(total), &json!(false)), "{what}");
    match name {
        "graph" => {
            assert_eq!((&rows[0]["rows_in"], &rows[0]["rows_out"]), (&json!(lines), &json!(lines)), "{what}");
            assert_eq!((&rows[1]["rows_in"], &rows[1]["rows_out"]), (&json!(lines), &json!(keyed.rows_out)), "{what}");
            let edge = json!([{ "vertex": 0, "exchange": "hash", "columns": ["auction"], "rows": lines }]);
            assert_eq!(rows[1]["inputs"], edge, "{what}");
            assert_eq!(rows[1]["parallelism"], job.parallelism, "{what}");
        }
        "subtasks" => {
            let (source, windows): (Vec<&Value>, Vec<&Value>) =
                rows.iter().partition(|row| row["vertex"] == "Source: bids");
            let of = |rows: &[&Value], field| sum(rows.iter().copied(), field);
            assert_eq!((of(&source, "rows_in"), of(&source, "rows_out")), (lines, lines), "{what}");
            let found = (of(&windows, "rows_in"), of(&windows, "rows_out"), of(&windows, "late"));
            assert_eq!(found, (keyed.rows_in, keyed.rows_out, keyed.late), "{what}");
            assert_eq!((windows.len() as u64, of(&source, "rejected")), (job.parallelism, 0), "{what}");
        }
        "watermarks" => {
            let of_windows = rows.iter().filter(|row| row["vertex"] != "Source: bids");
            assert!(
                of_windows.clone().count() > 0
                    && of_windows.clone().all(|row| row["watermark"] == iso(truth.watermark)),
                "{what}: {listing}"
            );
            let newest = rows.iter().filter_map(|row| row["newest_event_time"].as_str()).max();
            assert_eq!(newest, iso(truth.newest).as_str(), "{what}");
        }
        "windows" => {
            is_whole(rows.len());
            let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
            for row in rows.iter().filter(|row| row["state"] == "open") {
                let of = found.entry(row["window_end"].as_str().expect("a time")).or_default();
                *of = (of.0 + row["keys"].as_u64().expect("keys"), of.1 + row["rows_in"].as_u64().expect("rows"));
                for entry in list(&row["values"]) {
                    let (auction, value) = (entry["key"]["auction"].as_i64().expect("typed"), &entry["value"]);
                    let known = keyed.open.iter().find(|(end, _)| iso(Some(**end)) == row["window_end"]);
                    let known = known.and_then(|(_, keys)| keys.get(&auction));
                    assert_eq!(value["n"].as_i64().zip(value["total"].as_i64()).as_ref(), known, "{what}: {entry}");
                }
            }
            let expected: Vec<(Value, (u64, u64))> = keyed
                .open
                .iter()
                .map(|(&end, keys)| (iso(Some(end)), (keys.len() as u64, keyed.open_rows[&end])))
                .collect();
            let found: Vec<(Value, (u64, u64))> = found.into_iter().map(|(end, of)| (json!(end), of)).collect();
            assert_eq!(found, expected, "{what}");
        }
        "state" => {
            let found: BTreeMap<(String, i64), (i64, i64)> = rows
                .iter()
                .map(|row| {
                    let of =
                        |part: &str, name: &str| row[part][name].as_i64().unwrap_or_else(|| panic!("{name}: {row}"));
                    let slice = row["namespace"].as_str().expect("a slice").to_owned();
                    ((slice, of("key", "auction")), (of("value", "count(*)"), of("value", "sum(price)")))
                })
                .collect();
            let expected = keyed
                .state
                .iter()
                .map(|(&(end, auction), &sums)| ((iso(Some(end)).as_str().expect("a time").to_owned(), auction), sums));
            let expected: BTreeMap<_, _> = expected.collect();
            is_whole(expected.len());
            assert_eq!(found, expected, "{what}");
        }
        "checkpoints" => {
            let taken = rows.iter().filter(|row| row["savepoint"].is_null());
            let found = taken.map(|row| (row["checkpoint"].as_u64().expect("a number"), row["status"].as_str()));
            let expected = job.checkpoints.iter().map(|&(number, status)| (number, Some(status)));
            assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{what}: {listing}");
        }
        "output" => {
            let (all, known) = (listing["total"].as_u64().expect("a number"), rows.len() as u64);
            assert_eq!((all, listing["truncated"].as_bool()), (keyed.rows_out, Some(all > known)), "{what}");
            for row in rows {
                let of = |name: &str| row["row"][name].as_i64().expect("typed");
                let known = truth.written.iter().any(|&(end, auction, n, total)| {
                    row["row"]["window_end"] == iso(Some(end))
                        && (auction, n, total) == (of("auction"), of("n"), of("total"))
                });
                assert!(known, "{what}: {row}");
            }
        }
        "log" => {
            is_whole(rows.len());
            assert!(rows.iter().zip(1_u64..).all(|(row, number)| row["sequence"] == number), "{what}: {listing}");
            let paused =
                rows.iter().filter(|row| row["message"].as_str().is_some_and(|said| said.contains("restart ")));
            assert_eq!(paused.count() as u64, job.restarts, "{what}: {listing}");
        }
        other => panic!("{other}"),
    }
}

/// The source, at this pace.
fn declared(directory: &Path, options: &str) -> String {
    source(&directory.join("bids.ndjson.gz"), options).trim().replace('\n', " ")
}

#[test]
fn an_operator() {
    let directory = tempfile::tempdir().expect("a directory");
    // Fewer late rows than there are amounts of lateness told apart.
    let input = bids(23, ROWS, 12, 20, 1_000, 3_000, 60_000);
    let lines: Vec<String> = ndjson(&input).lines().map(str::to_owned).collect();
    write(directory.path(), &lines);

    let pty = sits_down(directory.path());
    let mut operator = Operator { pty, directory: directory.path().to_owned(), input, moments: 0 };
    operator.pty.statement(&declared(directory.path(), " with (pace = '20x')"));
    let [mut one, mut two] = [Watched::new("one", 10_000), Watched::new("two", 2_000)];
    for job in [&one, &two] {
        operator.says(&job.run(" with (parallelism = 2, retained_checkpoints = 10, restart_delay = 1ms)"), "runs");
        // One at a time: what is not looked at reads nothing.
        operator.says(&format!("pause {};", job.name), "is paused");
    }
    let [first_of_one, first_of_two] = [&mut one, &mut two].map(|job| {
        let lines = operator.moment("early", job, 400);
        operator.says(&format!("checkpoint {};", job.name), "took");
        job.taken();
        operator.moment("behind a checkpoint", job, 200);
        lines
    });

    operator.says("kill subtask 1[1] of one;", "restart 1");
    (one.restarts, one.since) = (1, first_of_one);
    operator.moment("after a kill", &one, 700);
    operator.says("kill taskmanager 1 of two;", "restart 1");
    (two.restarts, two.since) = (1, first_of_two);
    let rescaled = operator.moment("after its task manager was killed", &two, 300);

    operator.says("rescale two to 3;", "parallelism 3");
    two.taken();
    (two.parallelism, two.since) = (3, rescaled);
    let saved = operator.moment("rescaled", &two, 200);
    operator.says("savepoint two to 'sp-two';", "savepoint sp-two");
    two.taken();
    operator.moment("behind a savepoint", &two, 300);
    operator.says("restore two from savepoint 'sp-two';", "goes on from savepoint");
    // The state of before gives way to that of the savepoint, whose checkpoints are numbered from 1.
    two.checkpoints.iter_mut().for_each(|(_, status)| *status = "discarded");
    two.checkpoints.push((1, "completed"));
    two.since = saved;
    operator.moment("restored from the savepoint", &two, 200);

    let newest = operator.compare("before a second checkpoint", &one);
    operator.says("checkpoint one;", "took");
    one.taken();
    operator.moment("behind a second checkpoint", &one, 200);
    operator.says("restore one from checkpoint 1;", "goes on from checkpoint 1");
    one.since = first_of_one;
    one.back = (operator.written(&one, newest), operator.written(&one, first_of_one));
    assert!(one.back.0.len() > one.back.1.len());
    operator.moment("restored from the older checkpoint", &one, 200);
    assert!(operator.moments >= 10, "{} moments", operator.moments);

    // Both are stopped: what is in the files is what had left by then.
    for job in [&one, &two] {
        let lines = operator.compare("before it is stopped", job);
        operator.says(&format!("stop {0} with savepoint 'end-{0}';", job.name), "is stopped");
        operator.committed(job, &operator.written(job, lines));
    }
    // And started again as fast as they go: all counts of the input, each once.
    operator.pty.press(&format!("{}\r", declared(directory.path(), "")));
    operator.pty.says("replace it?");
    operator.pty.press("y");
    operator.pty.says("is replaced");
    operator.pty.prompt();
    for job in [&one, &two] {
        // Behind what was said when it was stopped.
        let before = operator.pty.bytes().len();
        operator.says(&job.run(&format!(" with (parallelism = 2) from savepoint 'end-{}'", job.name)), "goes on from");
        let finished = format!("job {} finished", job.name);
        operator.pty.until(&finished, |pty| pty.bytes()[before..].contains(&finished));
        operator.pty.prompt();
        operator.committed(job, &all_of(job.query, &operator.input));
    }

    // Rows of a preview go to files as they are.
    let counts = "bids | key_by auction | window tumble(10s) | aggregate count(*) as n, sum(price) as total";
    operator.pty.statement(".rows all");
    operator.says(&format!("{counts} | into 'counts.ndjson';"), "rows written to ");
    operator.pty.statement(".mode ndjson");
    operator.pty.statement(".output again.ndjson");
    operator.pty.statement(counts);
    operator.pty.statement(".output");
    for file in ["counts.ndjson", "again.ndjson"] {
        let text = std::fs::read_to_string(directory.path().join(file)).expect("UTF-8");
        let rows: BTreeSet<_> = text.lines().map(counted).collect();
        assert_eq!(rows, all_of(one.query, &operator.input), "{file}");
    }
    leave(operator.pty);
}
