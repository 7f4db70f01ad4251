//! What several integration tests share: seeded bids, the plain reference for windowed aggregates, and a session whose
//! rows are collected instead of printed.

#![allow(dead_code, reason = "each integration test uses a part of this")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use lotic::api::ResultSink;
use lotic::formats::encoder;
use lotic::inspect::{JobStatus, JobView, SubtaskView};
use lotic::session::{Failure, Outcome, Session, Settings};
use lotic::types::key_group::mix;
use lotic::types::{Batch, Field, LogicalType, Schema, SystemClock};

/// 2026-01-01 00:00:00 UTC, where generated event times begin.
pub(crate) const EPOCH_MS: i64 = 1_767_225_600_000;

/// A size that the issue's verification raises: `LOTIC_SEEDS=1000 cargo test …`.
pub(crate) fn size(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A seeded generator (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// One bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bid {
    pub(crate) auction: i64,
    pub(crate) bidder: i64,
    pub(crate) price: i64,
    pub(crate) time: i64,
}

/// Bids whose times advance by about `step_ms` and stray back by less than `jitter_ms`; one in `late_every` (0: none)
/// strays back by up to `late_ms`.
pub(crate) fn bids(
    seed: u64,
    rows: u64,
    auctions: u64,
    step_ms: u64,
    jitter_ms: u64,
    late_every: u64,
    late_ms: u64,
) -> Vec<Bid> {
    let mut rng = Rng::new(seed);
    let mut clock = EPOCH_MS;
    (0..rows)
        .map(|_| {
            clock += i64::try_from(rng.below(2 * step_ms + 1)).expect("small");
            let late = late_every > 0 && rng.below(late_every) == 0;
            let back = if late { rng.below(late_ms) } else { rng.below(jitter_ms.max(1)) };
            Bid {
                auction: 1000 + i64::try_from(rng.below(auctions)).expect("small"),
                bidder: i64::try_from(rng.below(500)).expect("small"),
                price: 1 + i64::try_from(rng.below(10_000)).expect("small"),
                time: clock - i64::try_from(back).expect("small"),
            }
        })
        .collect()
}

pub(crate) fn timestamp(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).expect("in range").format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// The bids as NDJSON.
pub(crate) fn ndjson(bids: &[Bid]) -> String {
    let mut text = String::new();
    for bid in bids {
        writeln!(
            text,
            r#"{{"auction":{},"bidder":{},"price":{},"channel":"Google","url":"https://www.nexmark.com/item.htm?query=1","date_time":"{}"}}"#,
            bid.auction,
            bid.bidder,
            bid.price,
            timestamp(bid.time)
        )
        .expect("a String takes all");
    }
    text
}

/// Declares the source `bids` over the file.
pub(crate) fn source(file: &Path, options: &str) -> String {
    format!(
        "source bids from file '{}'
           columns (auction bigint, bidder bigint, price bigint, channel string, url string, date_time timestamp)
           event_time date_time watermark 4s{options};\n",
        file.display()
    )
}

/// What a tumbling count, sum and average per auction comes to, and which bids are late: the definition, row by row,
/// with the watermark of each row's own arrival.
pub(crate) fn tumble(bids: &[Bid], size_ms: i64, delay_ms: i64) -> (Vec<String>, Vec<Bid>) {
    tumble_marked(bids, size_ms, |bid| bid.time - delay_ms)
}

/// The same where `mark` says what each bid raises the watermark to, `i64::MIN` for nothing.
pub(crate) fn tumble_marked(bids: &[Bid], size_ms: i64, mark: impl Fn(&Bid) -> i64) -> (Vec<String>, Vec<Bid>) {
    let mut watermark = i64::MIN;
    let met = bids.iter().map(|bid| {
        let met = watermark;
        watermark = watermark.max(mark(bid));
        (*bid, met)
    });
    tumble_met(&met.collect::<Vec<_>>(), size_ms)
}

/// The same of bids with the watermark that each has met.
pub(crate) fn tumble_met(bids: &[(Bid, i64)], size_ms: i64) -> (Vec<String>, Vec<Bid>) {
    let mut windows: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
    let mut late = Vec::new();
    for &(bid, watermark) in bids {
        let start = bid.time.div_euclid(size_ms) * size_ms;
        if start + size_ms - 1 <= watermark {
            late.push(bid);
        } else {
            let window = windows.entry((start, bid.auction)).or_default();
            window.0 += 1;
            window.1 += bid.price;
        }
    }
    let mut lines: Vec<String> = windows
        .into_iter()
        .map(|((start, auction), (count, sum))| {
            format!(
                r#"{{"auction":{auction},"window_start":"{}","window_end":"{}","n":{count},"total":{sum},"mean":{}}}"#,
                short(start),
                short(start + size_ms),
                sum / count
            )
        })
        .collect();
    lines.sort();
    (lines, late)
}

/// As the JSON encoder writes a timestamp: without a fraction of zero.
fn short(ms: i64) -> String {
    let text = timestamp(ms);
    text.strip_suffix(".000").map_or(text.clone(), str::to_owned)
}

/// The pipeline that [`tumble`] defines.
pub(crate) const TUMBLE: &str =
    "key_by auction | window tumble(10s) | aggregate count(*) as n, sum(price) as total, avg(price) as mean";

/// A source and a job `w` over it, a statement each: all keys come within a second of event time and one window; after a
/// while rows come to every reader that let that window fire, and then none for years. What the window gives is made slow, so
/// that it fires for as long as one needs to look.
pub(crate) fn window_of_many(keys: u64) -> [String; 2] {
    // Seconds until it fires: enough to fill it, and for a checkpoint.
    let pace = 7_200 / (2 + keys / 500_000);
    // Few keys are slower each, so that they are not all given before a test has asked all that it asks.
    let slow = (20_000_000 / keys).clamp(4, 40);
    let source = format!(
        "source k from datagen columns (id bigint) event_time case when id < {keys} then id * 1000 / {keys} \
         when id < {keys} + 100000 then 7200000 else 900000000000000 end \
         with (kind = 'sequence', pace = '{pace}x', rate = 0);"
    );
    let run = format!(
        "run w with (parallelism = 2, restart_attempts = 1000, restart_delay = 1ms) = \
         k | key_by id | window tumble(1h) | aggregate count(*) as n, sum(id) as total \
         | map n, total, regexp_replace(repeat(cast(id as string), {slow}), '[0-4]', 'x') as slow | into blackhole;"
    );
    [source, run]
}

/// Collects rows as NDJSON lines, by sink.
#[derive(Default)]
pub(crate) struct Collected {
    lines: Mutex<Vec<String>>,
}

impl Collected {
    pub(crate) fn take_sorted(&self) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.lines.lock().expect("no panic holds it"));
        lines.sort();
        lines
    }

    /// In the order they came.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().expect("no panic holds it"))
    }
}

impl ResultSink for Collected {
    fn rows(&self, _name: &str, batch: &Batch) -> lotic::types::Result<()> {
        let fields: Vec<Field> = batch
            .columns()
            .schema_ref()
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), LogicalType::from_arrow(field.data_type()).expect("a type of ours")))
            .collect();
        let mut out = Vec::new();
        encoder("json", &Schema::new(fields), batch.kinds().is_some())?.encode(batch, &mut out)?;
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        self.lines.lock().expect("no panic holds it").extend(text.lines().map(str::to_owned));
        Ok(())
    }
}

/// Runs lotic without a terminal to its end.
pub(crate) fn lotic(directory: &Path, arguments: &[&str], input: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lotic"));
    command.args(arguments).current_dir(directory).env("XDG_STATE_HOME", directory.join("xdg"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().expect("lotic starts");
    if let Some(input) = input {
        // It need not read all of it.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    }
    child.wait_with_output().expect("it ends")
}

/// A session that collects what it prints.
pub(crate) struct TestSession {
    pub(crate) session: Session,
    pub(crate) rows: Arc<Collected>,
}

impl TestSession {
    pub(crate) fn new(directory: &Path, change: impl FnOnce(&mut Settings)) -> Self {
        let rows = Arc::new(Collected::default());
        let mut settings = Settings::new(directory.to_path_buf(), directory.join("state"));
        change(&mut settings);
        let clock = Arc::new(SystemClock::new());
        let session = Session::new(settings, clock, rows.clone(), lotic::commands::specs());
        Self { session, rows }
    }

    /// Runs statements and waits for previews and jobs.
    pub(crate) fn run(&mut self, text: &str) -> Result<Vec<JobView>, Failure> {
        for statement in self.session.parse(text)? {
            if let Outcome::Preview(preview) = lotic::commands::execute(&mut self.session, &statement.node)? {
                let _ = preview.job.wait(None);
                if let Some(error) = preview.job.failure() {
                    return Err(error.into());
                }
            }
        }
        let mut views = Vec::new();
        for entry in self.session.jobs() {
            let status = entry.job.wait(Some(120_000));
            if let Some(error) = entry.job.failure() {
                return Err(error.into());
            }
            assert_eq!(status, Some(JobStatus::Finished), "job {} in time", entry.name);
            views.push((*entry.job.view()).clone());
        }
        Ok(views)
    }
}

/// The lines of every committed part file in `directory`, sorted; fails on anything staged that was left behind.
pub(crate) fn committed_lines(directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the sink's directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !name.starts_with('.') {
            lines.extend(std::fs::read_to_string(&path).expect("UTF-8").lines().map(str::to_owned));
        }
    }
    lines.sort();
    lines
}

/// Late rows counted by all subtasks of a job.
pub(crate) fn late_rows(view: &JobView) -> u64 {
    view.vertices.iter().flat_map(|vertex| &vertex.subtasks).map(|subtask| subtask.late_rows).sum()
}

/// The pipeline that [`tumble`] defines, with its late rows to a sink of their own: rows to `out`, late rows to `late`.
/// `narrow` stands behind the source: `| parallelism 1`, or nothing.
pub(crate) fn tumble_job(options: &str, narrow: &str) -> String {
    format!(
        "run t with ({options}) {{
           bids {narrow} | key_by auction | window tumble(10s) late_to strays
                | aggregate count(*) as n, sum(price) as total, avg(price) as mean | into file 'out' with (format = 'json');
           strays | into file 'late' with (format = 'json');
         }}"
    )
}

/// What a run that was killed, restored or rescaled has in common with a straight one: its rows, and its late rows as
/// their sink has them and as they are counted. Which rows are late follows from the watermark that each of them met, so
/// these are the watermarks compared row by row.
///
/// With several readers under way a straight run does not define them, since each thread reads at its own speed. So a
/// test of it has all rows in one split: one reader has them, and those of the other subtasks are at their end from the
/// beginning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) rows: Vec<String>,
    pub(crate) late: Vec<String>,
    pub(crate) late_rows: u64,
    /// Read by the source, and given up there.
    pub(crate) read: (u64, u64),
}

impl Came {
    /// What a [`tumble_job`] in `directory` came to.
    pub(crate) fn of(view: &JobView, directory: &Path) -> Self {
        let source = &view.vertices[0];
        let sum = |of: fn(&SubtaskView) -> u64| source.subtasks.iter().map(of).sum::<u64>();
        let (read, sent, rejected) = (sum(|of| of.rows_in), sum(|of| of.rows_out), sum(|of| of.rejected_rows));
        assert_eq!(source.operators.len(), 1, "the source alone, so that what leaves it is its own: {source:?}");
        assert_eq!(read, sent + rejected, "rows in are rows out and rows given up");
        Self {
            rows: committed_lines(&directory.join("out")),
            late: committed_lines(&directory.join("late")),
            late_rows: late_rows(view),
            read: (read, rejected),
        }
    }
}
