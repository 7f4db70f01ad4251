//! The dashboard as a person meets it: opened from the prompt, looked through, used, and left.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;
mod pty;

use std::time::Duration;

use common::size;
use lotic::types::{Clock, SystemClock};
use pty::Pty;

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
