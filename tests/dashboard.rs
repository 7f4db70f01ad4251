//! The dashboard as a person meets it: opened from the prompt, looked through, used, and left.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

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
    pty.shows("job hot runs");
    pty.press("dashboard hot\r");
    pty.dashboard();
    pty.shows("▶ running");
}

#[test]
fn a_job_is_watched_and_handled_and_the_prompt_comes_back() {
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
    pty.press("c");
    pty.shows("checkpoint 1 of hot took");
    pty.press("s\r");
    pty.shows("savepoint savepoints/hot-");
    pty.press(" ");
    pty.shows("‖ paused");
    pty.press(" ");
    pty.shows("▶ running");
    pty.press("x\ry");
    pty.shows("restarts 1");
    pty.shows("▶ running");
    pty.press("r\r");
    pty.shows("goes on from");
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
    pty.until("the terminal as it was", |pty| pty.modes() == pty.untouched());
    let exported = std::fs::read_dir(directory.path()).expect("readable").flatten();
    let exported = exported.filter(|file| file.path().extension().is_some_and(|extension| extension == "json"));
    assert_eq!(exported.count(), 1);
}

/// The whole way of a person: a job typed line by line, its rows seen, the dashboard looked through panel by panel, the
/// job handled there, and the shell left.
#[test]
fn a_job_is_typed_line_by_line_seen_in_every_panel_handled_and_left() {
    // What is on the screen of each panel only when there is something to show.
    const FILLED: [(&str, &[&str]); 8] = [
        ("graph", &["hash[auction]", "WindowAggregate", "Source: bids"]),
        ("subtasks", &["0[0]", "1[1]", "watermark 2015-07-15"]),
        ("watermarks", &["held by", "slowest watermark", "newest event time 2015-07-15"]),
        ("windows", &["fires in", "avg_price", "fired last", "✓ "]),
        ("state", &["slice_end", "2015-07-15", "in 128 of 128 key groups"]),
        ("checkpoints", &["✓ completed", "last completed: ", "every 5.0s"]),
        ("output", &["+I ", "window_start", "2015-07-15 00:00:"]),
        ("log", &["started at parallelism 2"]),
    ];
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (120, 40), &[], &[]);
    pty.prompt();
    pty.statement("source bids from nexmark 'bid' with (rate = 20000, seed = 7);");
    for line in [
        "run hot with (parallelism = 2, checkpoint = 5s) = bids",
        "  | key_by auction",
        "  | window hop(10s, 2s)",
        "  | aggregate count(*) as n, avg(price) as avg_price",
        "  | into print;",
    ] {
        pty.press(line);
        pty.shows(line.trim());
        pty.press("\r");
    }
    pty.shows("job hot runs");
    // Rows of its first windows, above the prompt.
    pty.until("rows", |pty| pty.screen().lines().filter(|line| line.contains("2015-07-15 00:00:0")).count() > 3);

    pty.press(F2);
    pty.dashboard();
    assert_eq!(
        FILLED.map(|(title, _)| title),
        lotic::dashboard::panels().iter().map(|p| p.title).collect::<Vec<_>>()[..]
    );
    pty.press("c");
    pty.shows("of hot took");
    for (number, (title, texts)) in (1..).zip(FILLED) {
        pty.press(&format!("{number}z"));
        pty.shows(&format!("{number} {title} zoomed"));
        for text in texts {
            pty.shows(text);
        }
        pty.press("z");
        pty.shows(&format!("▸{number} {title}"));
    }
    pty.press("s\r");
    pty.shows("savepoint savepoints/hot-");
    pty.press("x\ry");
    pty.shows("restarts 1");
    pty.shows("▶ running");
    pty.press("8z");
    pty.shows("8 log zoomed");
    pty.shows("restored from checkpoint");
    pty.press("z");
    pty.shows("▸8 log");
    pty.press("r\r");
    pty.shows("goes on from");
    pty.shows("▶ running");
    pty.press("q");
    // What is typed while no line is being read is lost.
    pty.prompt();
    pty.press("\u{4}");
    pty.shows("stopping hot with a last checkpoint … done");
    assert_eq!(pty.exit_code(), 0);
    pty.until("the terminal as it was", |pty| pty.modes() == pty.untouched());
}

/// From the start of the process to its prompt; `LOTIC_START_MS` sets what the median may be.
#[test]
fn the_prompt_comes_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = SystemClock::new();
    let starts = size("LOTIC_STARTS", 5).max(1);
    let mut took_us: Vec<u64> = (0..starts)
        .map(|_| {
            let began = clock.nanos();
            let mut pty = Pty::open(directory.path(), (120, 40), &[], &[]);
            pty.prompt();
            let took = (clock.nanos() - began) / 1_000;
            pty.press("\u{4}");
            assert_eq!(pty.exit_code(), 0);
            took
        })
        .collect();
    took_us.sort_unstable();
    let (median, longest) = (took_us[took_us.len() / 2], took_us[took_us.len() - 1]);
    println!("start to prompt, of {starts}: median {median} us, longest {longest} us");
    assert!(median < size("LOTIC_START_MS", 10_000) * 1_000, "{took_us:?}");
}

/// The same job, flat out on both cores, watched in the dashboard and from the prompt, in turn.
#[test]
#[ignore = "a measurement: LOTIC_COST_PAIRS=9 cargo test --release --test dashboard -- --ignored --nocapture"]
fn the_dashboard_costs_little() {
    let events = size("LOTIC_COST_EVENTS", 90_000_000);
    let clock = SystemClock::new();
    let run = |watched: bool| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut pty = Pty::open(directory.path(), (120, 40), &[], &[("LOTIC_DASHBOARD_HZ", "20")]);
        pty.prompt();
        pty.statement(&format!("source g from nexmark 'bid' with (events = {events}, rate = 0, seed = 7);"));
        pty.press("run hot with (parallelism = 2) = g | key_by auction | window tumble(10s)");
        pty.shows("window tumble");
        let began = clock.nanos();
        pty.press(" | aggregate count(*) as n, avg(price) as p | into blackhole;\r");
        pty.shows("job hot runs");
        if watched {
            pty.press(F2);
            pty.dashboard();
        }
        pty.until_within("its end", 600, |pty| pty.screen().contains("finished"));
        clock.nanos() - began
    };
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    let mut ratios: Vec<f64> = (0..size("LOTIC_COST_PAIRS", 3).max(1))
        .map(|pair| {
            // Either goes first in turn, so that a machine that gets faster or slower favours neither.
            let first = run(pair % 2 == 0);
            let second = run(pair % 2 == 1);
            let (watched, alone) = if pair % 2 == 0 { (first, second) } else { (second, first) };
            println!("watched {} ms, alone {} ms", watched / 1_000_000, alone / 1_000_000);
            watched as f64 / alone as f64
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("watched to alone: {ratios:.3?}, median {:.3}", ratios[ratios.len() / 2]);
    assert!(ratios[ratios.len() / 2] < 1.25, "{ratios:?}");
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
