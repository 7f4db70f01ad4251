//! The dashboard as a person meets it: opened from the prompt, looked through, used, and left.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]
#![expect(clippy::cast_precision_loss, reason = "milliseconds of a measurement")]

mod common;
mod pty;

use std::time::Duration;

use common::size;
use lotic::types::{Clock, SystemClock};
use pty::Pty;

const F2: &str = "\u{1b}OQ";

fn at_work(pty: &mut Pty) {
    pty.prompt();
    pty.statement("source g from nexmark 'bid' with (rate = 20000, seed = 7);");
    pty.press("run hot with (parallelism = 2) = g | key_by auction");
    pty.shows("key_by auction");
    pty.press(" | window tumble(2s) | aggregate count(*) as n | into print;\r");
    pty.says("job hot runs");
    pty.press("dashboard hot\r");
    pty.dashboard();
    pty.shows("▶ running");
}

/// What of each panel is there only when it has something to show, in the order of the panels.
const FILLED: [(&str, &[&str]); 8] = [
    ("graph", &["┃ Source: bids +┃", "│ WindowAggregate +│", r"hash\[auction\]", r"reads [\d.]+k/s"]),
    (
        "subtasks",
        &[
            r"(?m)^. 0\[0\] .*k +[\d.]+k .*\d\d:\d\d:\d\d\.\d{3}",
            r"(?m)^. 0\[1\] .*k +[\d.]+k .*\d\d:\d\d:\d\d\.\d{3}",
            r"(?m)^. 1\[0\] .*\d\d:\d\d:\d\d\.\d{3}",
            r"(?m)^. 1\[1\] .*\d\d:\d\d:\d\d\.\d{3}",
        ],
    ),
    (
        "watermarks",
        &[
            r"0\[0\] Source: bids .*◆.* \d\d:\d\d:\d\d\.\d{3}",
            r"1\[1\] WindowAggregate .*●.* \d\d:\d\d:\d\d\.\d{3}",
            r"slowest watermark \d\d:\d\d:\d\d\.\d{3} at",
        ],
    ),
    (
        "windows",
        &[
            r"(?m)^\d\d:\d\d:\d\d–\d\d:\d\d:\d\d [█▉▊▋▌▍▎▏░]+ +[\d.]+m?s +[\d.]+k? +[\d.]+k? ",
            r" \d+ +\d+ +\d+ +1\[[01]\]",
            r"(?m)^✓ \d\d:\d\d:\d\d–\d\d:\d\d:\d\d  [\d.]+k? rows",
        ],
    ),
    (
        "state",
        &["live state", r"in \d+ of 128 key groups", r" \d+ +\d+ +\d+ +\d+ 2015-07-1\d \d\d:\d\d:\d\d\.\d{3} +\d+"],
    ),
    ("checkpoints", &[r" \d+ ✓ completed \d\d:\d\d:\d\d\.\d{3} +[\d.]+m?s", "next in"]),
    ("output", &[r"Sink: print  [\d.]+k? rows/s", r"\+I 1\[[01]\] +\d+ 2015-07-1\d "]),
    ("log", &[r"· +\d\d:\d\d:\d\d\.\d{3} job +started at parallelism 2"]),
];

/// The recipe: the job typed line by line, its rows above the prompt, each panel filled, a checkpoint, a savepoint, a
/// kill, a restore, and out.
#[test]
fn a_job_is_typed_watched_killed_restored_and_left() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (120, 40), &[], &[]);
    pty.prompt();
    pty.statement("source bids from nexmark 'bid' with (rate = 20000, seed = 7);");
    for line in [
        "run hot with (parallelism = 2, checkpoint = 2s) = bids",
        "  | key_by auction",
        "  | window hop(10s, 2s)",
        "  | aggregate count(*) as n, avg(price) as avg_price",
    ] {
        pty.line(line);
    }
    pty.press("  | into print;\r");
    pty.says("job hot runs");
    pty.until("rows above the prompt", |pty| {
        let lines = pty.lines();
        let rows = lines.iter().filter(|line| line.matches("2015-07-1").count() == 2).count();
        rows > 10 && lines.last().is_some_and(|line| line.trim_end() == "lotic>")
    });
    pty.press(F2);
    pty.dashboard();
    pty.shows("▶ running");
    pty.press("z");
    pty.shows("z takes it back");
    assert_eq!(lotic::dashboard::panels().len(), FILLED.len());
    for (number, (title, signs)) in (1..).zip(FILLED) {
        pty.press(&number.to_string());
        pty.shows(&format!(" {number} {title} zoomed"));
        for sign in signs {
            let sign = regex::Regex::new(sign).expect("a pattern");
            pty.until(sign.as_str(), |pty| sign.is_match(&pty.screen()));
        }
    }
    pty.press("c");
    pty.shows("of hot took");
    pty.press("s\r");
    pty.shows("savepoint savepoints/hot-");
    pty.press("x\ry");
    pty.shows("restarts 1");
    pty.shows("▶ running");
    // The log is still shown.
    pty.shows("restart 1 of 3: killed by command");
    pty.shows("restored from checkpoint");
    pty.press("r");
    pty.shows("start it again from");
    // The newest is chosen, whichever that is.
    pty.shows(" savepoint /");
    pty.shows(" checkpoint ");
    pty.press("\r");
    pty.shows("goes on from");
    pty.shows("▶ running");
    pty.press("q");
    pty.prompt();
    pty.press("\u{4}");
    let stopping = "stopping hot with a last checkpoint … ";
    pty.says(stopping);
    assert_eq!(pty.exit_code(), 0);
    // Its last rows may stand between the two.
    pty.until("the last checkpoint", |pty| {
        pty.bytes().rsplit_once(stopping).is_some_and(|(_, behind)| behind.contains("done"))
    });
    pty.given_back();
}

#[test]
fn a_job_is_handled_from_the_dashboard_and_the_prompt_comes_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (120, 40), &[], &[]);
    at_work(&mut pty);
    for (number, panel) in lotic::dashboard::panels().iter().enumerate() {
        pty.press(&(number + 1).to_string());
        pty.shows(&format!("▸{} {}", number + 1, panel.title));
    }
    pty.press("\tz");
    pty.until("one panel", |pty| !pty.screen().contains("┌"));
    pty.press("z");
    pty.press(" ");
    pty.shows("‖ paused");
    pty.press(" ");
    pty.shows("▶ running");
    pty.press("+");
    pty.shows("runs at parallelism 3");
    pty.press(":show j\t");
    pty.press("\u{15}show jobs\r");
    pty.shows("rows_in");
    pty.escape("rows_in");
    pty.press(":g | fliter price > 1\r");
    pty.shows("^^^^^^");
    pty.escape("^^^^^^");
    pty.press(":g | map auction | limit 3\r");
    pty.shows("───────");
    pty.shows(" Esc closes");
    pty.escape(" Esc closes");
    pty.press(":g | map bidder\r");
    pty.shows("running, Esc ends it");
    pty.press("\u{3}");
    pty.shows("ended by the person");
    pty.escape("ended by the person");
    pty.press("?whole");
    pty.shows("the whole screen");
    pty.escape("search: whole");
    pty.escape("search:");
    pty.press("v");
    pty.shows("VIEW FROZEN");
    pty.press("v");
    pty.press("e");
    pty.shows("written: hot-");
    pty.press("q");
    pty.prompt();
    assert!(!pty.modes().mouse && !pty.modes().cursor_hidden);
    pty.statement("show jobs --json");
    pty.shows("\"parallelism\": 3");
    pty.press("dashboard\r");
    pty.dashboard();
    pty.press(":\\q\r");
    assert_eq!(pty.exit_code(), 0);
    pty.given_back();
    let exported = std::fs::read_dir(directory.path()).expect("readable").flatten();
    let exported = exported.filter(|file| file.path().extension().is_some_and(|extension| extension == "json"));
    assert_eq!(exported.count(), 1);
}

/// The longest of some key presses while the job takes both cores; `LOTIC_KEY_MS` sets what is allowed.
#[test]
fn a_key_is_answered_while_the_job_runs_flat_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (120, 40), &[], &[]);
    pty.prompt();
    pty.statement("source g from nexmark 'bid' with (seed = 7);");
    pty.statement("run hot with (parallelism = 2) = g | key_by auction | aggregate count(*) as n | into blackhole;");
    pty.shows("job hot runs");
    pty.press("dashboard\r");
    pty.dashboard();
    let clock = SystemClock::new();
    let mut took_us: Vec<u64> = (0..40)
        .map(|round| {
            std::thread::park_timeout(Duration::from_millis(37));
            let began = clock.nanos();
            let (key, shown) = if round % 2 == 0 { (":", true) } else { ("\u{1b}", false) };
            pty.press(key);
            loop {
                let open = pty.screen().lines().last().is_some_and(|line| line.trim_end() == ":");
                if open == shown {
                    break (clock.nanos() - began) / 1_000;
                }
                assert!(clock.nanos() - began < 30_000_000_000, "no answer:\n{}", pty.screen());
                std::thread::park_timeout(Duration::from_micros(200));
            }
        })
        .collect();
    took_us.sort_unstable();
    println!("key to screen, of 40: median {} us, longest {} us", took_us[20], took_us[39]);
    assert!(took_us[20] < size("LOTIC_KEY_MS", 500) * 1_000, "{took_us:?}");
    pty.press("q");
    pty.prompt();
}

/// What it costs a job that takes both cores to be looked at, twenty times a second: the time that a bounded job takes
/// while the dashboard shows it, by the time it takes while the prompt waits, in pairs of which either comes first in
/// turn. `LOTIC_COST_EVENTS`, `LOTIC_COST_PAIRS`; `LOTIC_COST_PERCENT` sets what is allowed.
#[test]
#[ignore = "a measurement: cargo test --test dashboard costs -- --ignored --nocapture, with LOTIC_BINARY a release build"]
fn what_looking_costs() {
    let events = size("LOTIC_COST_EVENTS", 20_000_000);
    let mut ratios: Vec<f64> = (0..size("LOTIC_COST_PAIRS", 5))
        .map(|pair| {
            let first_looks = pair % 2 == 0;
            let (first, second) = (bounded_ms(events, first_looks), bounded_ms(events, !first_looks));
            let (looked, alone) = if first_looks { (first, second) } else { (second, first) };
            let ratio = looked / alone;
            println!("pair {}: looked at {looked:.0} ms, alone {alone:.0} ms, ratio {ratio:.4}", pair + 1);
            ratio
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let half = ratios.len() / 2;
    let median = if ratios.len() % 2 == 1 { ratios[half] } else { f64::midpoint(ratios[half - 1], ratios[half]) };
    println!("of {} pairs of {events} events: median ratio {median:.4}", ratios.len());
    let allowed = size("LOTIC_COST_PERCENT", 50);
    assert!(median < 1.0 + allowed as f64 / 100.0, "{ratios:?}");
}

/// How long such a job takes from its start to its end, by its own log.
fn bounded_ms(events: u64, looked_at: bool) -> f64 {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (120, 40), &[], &[("LOTIC_DASHBOARD_HZ", "20")]);
    pty.prompt();
    pty.statement(&format!("source bids from nexmark 'bid' with (events = {events}, rate = 0, seed = 7);"));
    pty.line("run hot with (parallelism = 2) = bids | key_by auction | window tumble(10s)");
    pty.press(" | aggregate count(*) as n, avg(price) as p | into blackhole;\r");
    if looked_at {
        pty.shows("job hot runs");
        pty.prompt();
        pty.press(F2);
        pty.dashboard();
        pty.until_within("the end", 600, |pty| pty.screen().contains("✓ finished"));
        pty.press("q");
    }
    pty.until_within("the end", 600, |pty| pty.screen().contains("job hot finished:"));
    pty.prompt();
    pty.statement("log hot --json");
    let bytes = pty.bytes();
    let json = bytes.rfind("\n[").zip(bytes.rfind("\n]")).map(|(from, to)| &bytes[from + 1..to + 2]).expect("a list");
    let events: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let times: Vec<_> = events.as_array().expect("a list").iter().map(at_ms).collect();
    (times[times.len() - 1] - times[0]) as f64
}

/// When an event of the log was.
fn at_ms(event: &serde_json::Value) -> i64 {
    let time = event["time"].as_str().expect("a time");
    chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.f").expect("a time").and_utc().timestamp_millis()
}
