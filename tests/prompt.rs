//! The prompt as a person meets it: through a pseudo-terminal, with a screen that is read.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// A step of waiting; what is waited for takes at most [`STEPS`] of them.
const STEP: Duration = Duration::from_millis(10);
const STEPS: u32 = 6_000;
const ROWS: NonZero<u16> = NonZero::<u16>::MIN.saturating_add(29);
const COLUMNS: NonZero<u16> = NonZero::<u16>::MIN.saturating_add(99);

/// What the screen was given, and what it shows.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

/// A shell on a terminal of its own.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    // Held: the terminal lives as long as its master.
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
}

impl Terminal {
    fn open(directory: &Path, arguments: &[&str]) -> Self {
        Self::open_with(directory, arguments, &[("TERM", "xterm-256color")])
    }

    fn open_with(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: ROWS.get(), cols: COLUMNS.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lotic"));
        command.args(arguments);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env("XDG_STATE_HOME", directory);
        command.env_remove("NO_COLOR");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("lotic starts");
        let keys = pair.master.take_writer().expect("a keyboard");
        let mut output = pair.master.try_clone_reader().expect("a screen");
        let seen = Arc::new(Mutex::new(Seen { parser: vt100::Parser::new(ROWS, COLUMNS, 1_000), bytes: Vec::new() }));
        let shown = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let mut seen = shown.lock().expect("not poisoned");
                seen.parser.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        let terminal = Self { child, _master: pair.master, keys, seen };
        terminal.until("a prompt", |screen| screen.last().is_some_and(|line| line.starts_with("lotic>")));
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("it reads");
    }

    /// Types a line and ends it; returns when the prompt, or the next line of the statement, can be typed.
    fn enter(&mut self, line: &str) {
        let end: String = line.chars().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect();
        self.press(line);
        self.until(line, |screen| screen.last().is_some_and(|last| last.ends_with(end.trim_end())));
        self.press("\r");
        for _ in 0..STEPS {
            let (_, column) = self.seen.lock().expect("not poisoned").parser.screen().cursor_position();
            if column == 0 || usize::from(column) == "lotic> ".len() {
                return;
            }
            std::thread::park_timeout(STEP);
        }
        panic!("the line is not taken:\n{}", self.screen().join("\n"));
    }

    /// Empties the line.
    fn clear(&mut self) {
        self.press("\u{3}");
        self.prompt("");
    }

    /// The lines of the screen, without those below the last that is not empty.
    fn screen(&self) -> Vec<String> {
        let text = self.seen.lock().expect("not poisoned").parser.screen().contents();
        let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("not poisoned").bytes).into_owned()
    }

    fn until(&self, what: &str, found: impl Fn(&[String]) -> bool) -> Vec<String> {
        for _ in 0..STEPS {
            let screen = self.screen();
            if found(&screen) {
                return screen;
            }
            std::thread::park_timeout(STEP);
        }
        panic!("no {what} on the screen:\n{}", self.screen().join("\n"));
    }

    fn shows(&self, text: &str) -> Vec<String> {
        self.until(text, |screen| screen.iter().any(|line| line.contains(text)))
    }

    /// Waits for a prompt with this typed behind it, as the last line.
    fn prompt(&self, typed: &str) -> Vec<String> {
        let line = format!("lotic> {typed}");
        self.until(&line, |screen| screen.last().is_some_and(|last| last.trim_end() == line.trim_end()))
    }

    fn exit_code(mut self) -> u32 {
        for _ in 0..STEPS {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.exit_code();
            }
            std::thread::park_timeout(STEP);
        }
        panic!("it does not end:\n{}", self.screen().join("\n"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bids without end, `rate` a second.
fn bids(rate: u32) -> String {
    format!("source g from nexmark 'bid' with (rate = {rate});")
}

#[test]
fn the_hot_job_is_typed_line_by_line_and_its_end_is_told_by_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::open(directory.path(), &[]);
    let out = directory.path().join("hot");
    for line in [
        "source bids from file 'demo-data/nexmark/bid.ndjson'",
        "  columns (auction bigint, bidder bigint, price bigint, channel string, url string, date_time timestamp)",
        "  event_time date_time watermark 4s;",
        &format!("sink hot_file to file '{}' with (format = 'json');", out.display()),
        "run hot with (parallelism = 2, checkpoint = 5s) = bids",
        "  | key_by auction",
        "  | window hop(10s, 2s)",
        "  | aggregate count(*) as n, avg(price) as avg_price",
        "  | into hot_file;",
    ] {
        terminal.enter(line);
    }
    terminal.shows("job hot runs");
    terminal.shows("job hot finished:");
    terminal.prompt("");
    terminal.press("show jobs --json\r");
    terminal.shows("\"status\"");
    terminal.prompt("");
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    let files = std::fs::read_dir(&out).expect("the sink's directory").flatten();
    let written = files.filter(|file| !file.file_name().to_string_lossy().starts_with('.'));
    assert!(written.count() > 0);
}

#[test]
fn tab_completes_a_column_of_the_stream_at_that_point() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::open(directory.path(), &[]);
    terminal.enter(&bids(10));
    terminal.press("g | map price * 2 as doubled, channel | filter dou\t");
    terminal.prompt("g | map price * 2 as doubled, channel | filter doubled");
    terminal.press(" > 1 | win\t");
    terminal.until("window", |screen| screen.last().is_some_and(|line| line.contains("| window")));
    // Several: they are listed, and the line stands below them.
    terminal.clear();
    terminal.press("run x = g | into \t");
    let listed = terminal.until("sinks", |screen| screen.iter().any(|line| line.starts_with("blackhole")));
    assert!(listed.iter().any(|line| line.contains("print")), "{listed:?}");
    terminal.until("the line", |screen| screen.last().is_some_and(|line| line.starts_with("lotic> run x = g | into")));
}

#[test]
fn ctrl_c_clears_the_line_and_ends_a_query_and_never_the_shell() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::open(directory.path(), &[]);
    terminal.press("some words");
    terminal.prompt("some words");
    terminal.clear();
    terminal.enter(&bids(1_000));
    terminal.press("g | map auction\r");
    terminal.until("rows", |screen| screen.iter().filter(|line| line.trim().parse::<u64>().is_ok()).count() > 5);
    // Impatience does no harm.
    terminal.press("\u{3}\u{3}\u{3}\u{3}");
    terminal.prompt("");
    terminal.press("show sources --json\r");
    terminal.shows("\"name\"");
    terminal.prompt("");
    terminal.press("\u{4}");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn rows_of_a_background_job_appear_above_the_line_that_is_typed() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::open(directory.path(), &[]);
    terminal.enter(&bids(40));
    terminal.press("run shown = g | map auction, 'a row' as what | into print;\r");
    terminal.shows("job shown runs");
    let rows = |screen: &[String]| screen.iter().filter(|line| line.ends_with("a row")).count();
    for (count, typed) in ["g | fil", "ter price", " > 1000"].iter().enumerate() {
        terminal.press(typed);
        terminal.until("more rows", |screen| rows(screen) > 3 * (count + 1));
    }
    let screen = terminal.prompt("g | filter price > 1000");
    let torn = |line: &&String| line.contains("lotic>") && line.ends_with("a row");
    assert!(!screen.iter().any(|line| torn(&line)), "{screen:#?}");
    // The line goes on to be edited, and is a statement at last.
    terminal.press(" | limit 1\r");
    terminal.until("a result", |screen| screen.iter().any(|line| line.contains("bidder")));
    terminal.press("kill subtask 0[0] of shown\r");
    terminal.shows("job shown: restart 1 of 3");
}

#[test]
fn the_history_outlives_the_shell_and_holds_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::open(directory.path(), &[]);
    terminal.press("source s from nexmark 'bid' with (password = 'hunter2');\r");
    terminal.shows("unknown option");
    terminal.prompt("");
    terminal.enter("stream two = s");
    terminal.enter("  | filter price > 7;");
    terminal.shows("unknown stream");
    terminal.prompt("");
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);

    let mut terminal = Terminal::open(directory.path(), &[]);
    terminal.press("\u{10}\u{10}");
    terminal.shows("filter price > 7;");
    terminal.clear();
    terminal.press("\u{12}password");
    terminal.shows("password = '***'");
    terminal.clear();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    let kept = std::fs::read_to_string(directory.path().join("lotic/history")).expect("a history");
    assert!(!kept.contains("hunter2"), "{kept}");

    let mut terminal = Terminal::open(directory.path(), &["--no-history"]);
    terminal.press("show jobs\r");
    terminal.shows("no jobs");
    terminal.prompt("");
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(std::fs::read_to_string(directory.path().join("lotic/history")).expect("a history"), kept);
}

#[test]
fn ctrl_d_names_the_running_jobs_and_takes_a_last_checkpoint() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::open(directory.path(), &[]);
    terminal.enter(&bids(100));
    terminal.press("run kept = g | key_by auction | aggregate count(*) as n | into blackhole;\r");
    terminal.shows("job kept runs");
    terminal.prompt("");
    terminal.press("\u{4}");
    terminal.shows("stopping kept with a last checkpoint … done");
    assert!(!terminal.seen.lock().expect("not poisoned").parser.screen().bracketed_paste());
    assert_eq!(terminal.exit_code(), 0);

    let mut terminal = Terminal::open(directory.path(), &["--restore", "latest"]);
    terminal.enter(&bids(100));
    terminal.press("run kept = g | key_by auction | aggregate count(*) as n | into blackhole;\r");
    terminal.shows("job kept goes on from checkpoint");
}

#[test]
fn sigterm_at_the_prompt_stops_the_jobs_and_gives_the_terminal_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::open(directory.path(), &[]);
    terminal.enter(&bids(100));
    terminal.press("run kept = g | key_by auction | aggregate count(*) as n | into blackhole;\r");
    terminal.shows("job kept runs");
    terminal.prompt("");
    terminal.press("half a line");
    terminal.prompt("half a line");
    let id = terminal.child.process_id().and_then(|id| i32::try_from(id).ok()).expect("a process");
    let process = rustix::process::Pid::from_raw(id).expect("a process");
    rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("sent");
    terminal.shows("stopping kept with a last checkpoint … done");
    assert!(!terminal.seen.lock().expect("not poisoned").parser.screen().bracketed_paste());
    assert_eq!(terminal.exit_code(), 143);
}

#[test]
fn a_paste_is_one_statement_and_a_large_one_does_no_harm() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::open(directory.path(), &[]);
    terminal.enter(&bids(10));
    terminal.press("\u{1b}[200~g\n  | map 41 + 1 as pasted\n  | limit 1;\u{1b}[201~");
    terminal.shows("limit 1;");
    terminal.press("\r");
    terminal.until("42", |screen| screen.iter().any(|line| line.trim() == "42"));
    terminal.prompt("");
    let large = format!("\u{1b}[200~-- {}\n\u{1b}[201~", "x".repeat(500_000));
    terminal.press(&large);
    terminal.until("the end of it", |screen| screen.last().is_some_and(|line| line.ends_with("xx")));
    terminal.press("\r");
    terminal.prompt("");
    terminal.press("show jobs\r");
    terminal.shows("no jobs");
}

#[test]
fn colours_are_shown_only_where_they_are_wanted() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut coloured = Terminal::open(directory.path(), &[]);
    coloured.press("show jobs\r");
    coloured.shows("no jobs");
    assert!(coloured.bytes().contains("\u{1b}[1;34mshow"), "{:?}", coloured.bytes());
    let environment = [("TERM", "xterm-256color"), ("NO_COLOR", "1")];
    let mut plain = Terminal::open_with(directory.path(), &[], &environment);
    plain.press("show jobs\r");
    plain.shows("no jobs");
    let bytes = plain.bytes();
    assert!(!bytes.split("\u{1b}[").skip(1).any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(rest.len());
        rest[end..].starts_with('m')
    }));
    let mut dumb = Terminal::open_with(directory.path(), &[], &[("TERM", "dumb")]);
    dumb.press("show jobs\n");
    dumb.shows("no jobs");
    dumb.prompt("");
    assert!(!dumb.bytes().contains('\u{1b}'), "{:?}", dumb.bytes());
    dumb.press("\\q\n");
    assert_eq!(dumb.exit_code(), 0);
}
