//! The dashboard as a person meets it: opened from the prompt, looked through, used, and left.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]
#![expect(clippy::cast_precision_loss, reason = "milliseconds of a measurement")]

mod common;
mod pictures;
mod pty;

use std::time::Duration;

use common::{size, window_of_many};
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
            r"(?m)^✓ \d\d:\d\d:\d\d–\d\d:\d\d:\d\d  [\d.]+k? out",
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

/// A demo is watched, its caption read, a query's rows seen; the job is left running, asked of at the prompt, and ended.
#[test]
fn a_demo_is_watched_and_left_running() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (80, 30), &["demo", "nexmark"], &[]);
    pty.dashboard();
    pty.shows("Which auctions get the most bids");
    pty.shows("x to kill");
    pty.shows("▶ running");
    // Over before anybody could look at it: its rows are shown all the same.
    pty.press(":bids | limit 3 | map auction, price\r");
    pty.shows("Esc closes");
    let row = regex::Regex::new(r"│ *\d{3,} +\d+ *│").expect("a pattern");
    assert_eq!(row.find_iter(&pty.screen()).count(), 3, "{}", pty.screen());
    pty.escape("Esc closes");
    pty.press("J");
    pty.shows("parallelism 2  rows in");
    pty.escape("parallelism 2  rows in");
    pty.press("5\r");
    pty.shows(" entries");
    pty.press("y");
    pty.shows("copied, where the terminal allows it: {\"auction\":");
    assert_eq!(pty.bytes().matches("\u{1b}]52;c;").count(), 1, "only by its key");
    for key in ["\u{3}", "q"] {
        pty.press(key);
        pty.shows("The demo's job is running");
        pty.escape("leave it running");
    }
    pty.press("q\r");
    pty.says("the demo's job runs on");
    pty.until("the prompt", |pty| pty.lines().iter().any(|line| line.trim_end() == "lotic>"));
    pty.press("pause nexmark; windows nexmark\r");
    pty.shows(" more");
    let listed = pty.screen();
    assert!(!listed.contains("subtask:"), "lines that fit, a window each: {listed}");
    pty.press("\\q\r");
    pty.exit_code();
}

/// What sets how rows are shown is typed behind `:` as at the prompt, and holds for the next preview.
#[test]
fn the_display_is_set_in_the_dashboard_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (100, 30), &[], &[]);
    at_work(&mut pty);
    let rows = "g | limit 2 | map 1234567 as n, to_timestamp_ltz(0, 3) as t";
    let preview = |pty: &mut Pty, shown: &str| {
        pty.press(&format!(":{rows}\r"));
        pty.shows(shown);
        // Until then Esc would only end the preview.
        pty.shows("Esc closes");
        pty.escape("Esc closes");
    };
    preview(&mut pty, "1234567  1970-01-01 00:00:00.000Z");
    for (typed, said) in [
        (".format thousands on", ""),
        ("set timezone = 'Europe/Berlin'", ""),
        (".format", "thousands on, digits all, timezone Europe/Berlin"),
    ] {
        pty.press(&format!(":{typed}\r"));
        pty.shows(said);
    }
    preview(&mut pty, "1,234,567  1970-01-01 01:00:00.000+01:00");
    pty.press(":\\x\r");
    pty.shows("rows are shown in the mode vertical");
    preview(&mut pty, "n: 1,234,567");
    pty.press(":.mode csv\r");
    preview(&mut pty, "1234567,1970-01-01");
    pty.press(":.output rows.csv\r");
    pty.shows("rows go to ");
    pty.press(&format!(":{rows}\r"));
    pty.shows("(2 rows went to ");
    pty.press("\u{1b}");
    pty.press(":.output\r");
    pty.shows("rows went to ");
    let text = std::fs::read_to_string(directory.path().join("rows.csv")).expect("the rows");
    assert_eq!(text.lines().count(), 3, "{text}");
    pty.press(":.edit\r");
    pty.shows("F2 goes there");
    pty.press(F2);
    pty.prompt();
    pty.press("\\q\r");
    pty.exit_code();
}

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
    pty.shows("has parallelism 3");
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

/// How long it takes from the press of a key until the screen shows it: the line of `:` opens in even rounds, and is left in
/// odd ones.
fn press_to_screen_us(pty: &mut Pty, round: usize) -> u64 {
    let clock = SystemClock::new();
    std::thread::park_timeout(Duration::from_millis(37));
    let began = clock.nanos();
    let (key, shown) = if round.is_multiple_of(2) { (":", true) } else { ("\u{1b}", false) };
    pty.press(key);
    loop {
        let open = pty.screen().lines().last().is_some_and(|line| line.trim_end() == ":");
        if open == shown {
            return (clock.nanos() - began) / 1_000;
        }
        assert!(clock.nanos() - began < 30_000_000_000, "no answer:\n{}", pty.screen());
        std::thread::park_timeout(Duration::from_micros(200));
    }
}

/// Keys pressed all the time while a window fills, fires and is over; `LOTIC_KEYS` says of how many keys, `LOTIC_KEY_MS`
/// what the median may take.
#[test]
fn a_key_is_answered_while_a_window_of_many_keys_fires() {
    let directory = tempfile::tempdir().expect("a directory");
    let keys = size("LOTIC_KEYS", 200_000);
    let mut pty = Pty::open(directory.path(), (120, 40), &[], &[]);
    pty.prompt();
    for statement in window_of_many(keys) {
        pty.statement(&statement);
    }
    pty.shows("job w runs");
    pty.press("dashboard\r");
    pty.dashboard();
    pty.press("4");
    let mut took_us = Vec::new();
    while !pty.screen().contains('✓') || took_us.len() % 2 == 1 {
        took_us.push(press_to_screen_us(&mut pty, took_us.len()));
    }
    took_us.sort_unstable();
    let (all, median, longest) = (took_us.len(), took_us[took_us.len() / 2], took_us[took_us.len() - 1]);
    println!(
        "key to screen while a window of {keys} keys fills and fires, of {all}: median {median} us, longest {longest} us"
    );
    assert!(median < size("LOTIC_KEY_MS", 500) * 1_000, "{took_us:?}");
    pty.press("q");
    pty.prompt();
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
    let mut took_us: Vec<u64> = (0..40).map(|round| press_to_screen_us(&mut pty, round)).collect();
    took_us.sort_unstable();
    println!("key to screen, of 40: median {} us, longest {} us", took_us[20], took_us[39]);
    assert!(took_us[20] < size("LOTIC_KEY_MS", 500) * 1_000, "{took_us:?}");
    pty.press("q");
    pty.prompt();
}

/// What it costs a job that takes both cores to be looked at as often as the dashboard looks: the processor time of the
/// threads that are no slots, beyond what they take while the prompt waits; at most 1 % of the cores. A processor's clock
/// is told it by nothing else that runs. Beside it, by the wall's clock: the rows per second that the sources emit while
/// the prompt waits, by those while the dashboard shows the job, in pairs of which either comes first in turn; all of one
/// run, so that little else differs. `LOTIC_COST_PAIRS`, `LOTIC_COST_MS`; `LOTIC_COST_PERCENT` sets what is allowed there.
#[test]
#[ignore = "a measurement: cargo test --test dashboard costs -- --ignored --nocapture, with LOTIC_BINARY a release build"]
fn what_looking_costs() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (120, 40), &[], &[]);
    pty.prompt();
    // A long listing is one for the pager else.
    pty.statement(".pager off");
    pty.statement("source bids from nexmark 'bid' with (rate = 0, seed = 7);");
    pty.line("run hot with (parallelism = 2) = bids | key_by auction | window tumble(10s)");
    pty.press(" | aggregate count(*) as n, avg(price) as p | into blackhole;\r");
    pty.shows("job hot runs");
    pty.prompt();
    let (mut looked_at, mut alone) = (Vec::new(), Vec::new());
    let (clock, mut taken_ns, mut took_ns) = (SystemClock::new(), [0, 0], [0, 0]);
    for pair in 0..size("LOTIC_COST_PAIRS", 5) {
        for looks in [pair % 2 == 0, pair % 2 != 0] {
            let (began, busy) = (clock.nanos(), pty.busy_ns("slot-"));
            let rate = rows_per_second(&mut pty, looks);
            taken_ns[usize::from(looks)] += pty.busy_ns("slot-") - busy;
            took_ns[usize::from(looks)] += clock.nanos() - began;
            if looks { looked_at.push(rate) } else { alone.push(rate) }
        }
    }
    let ratios = looked_at.iter().zip(&alone).map(|(looked_at, alone)| alone / looked_at).collect::<Vec<_>>();
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    let variance = ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / (ratios.len() - 1).max(1) as f64;
    let error = (variance / ratios.len() as f64).sqrt();
    let (looked_at, alone, ratio) = (median(looked_at), median(alone), median(ratios.clone()));
    println!("rows/s, medians of {}: looked at {looked_at:.0}, alone {alone:.0}", ratios.len());
    println!("alone by looked at: median {ratio:.4}, mean {mean:.4}, its standard error {error:.4}");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let [rest, shown] = [0, 1].map(|looks| taken_ns[looks] as f64 / took_ns[looks] as f64 / cores);
    println!("of {cores} cores the threads that are no slots take: looked at {shown:.4}, alone {rest:.4}");
    assert!(shown - rest <= 0.01, "looking takes {:.4} of the cores", shown - rest);
    assert!(ratio < 1.0 + size("LOTIC_COST_PERCENT", 50) as f64 / 100.0, "{ratios:?}");
}

/// The rows of the source of job `hot` in a second while it is left alone, or looked at; from prompt to prompt.
fn rows_per_second(pty: &mut Pty, looks: bool) -> f64 {
    let clock = SystemClock::new();
    let (rows, began) = (source_rows(pty), clock.nanos());
    if looks {
        pty.press(F2);
        pty.dashboard();
    }
    while clock.nanos() - began < size("LOTIC_COST_MS", 3_000) * 1_000_000 {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    if looks {
        pty.press("q");
        pty.prompt();
    }
    (source_rows(pty) - rows) as f64 / (clock.nanos() - began) as f64 * 1e9
}

/// How many rows the source of job `hot` has emitted.
fn source_rows(pty: &mut Pty) -> u64 {
    let subtasks = pty.json("subtasks hot --json");
    let subtasks = subtasks.as_array().expect("a list").iter().filter(|subtask| subtask["vertex"] == "Source: bids");
    subtasks.map(|subtask| subtask["rows_out"].as_u64().expect("a number")).sum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}
