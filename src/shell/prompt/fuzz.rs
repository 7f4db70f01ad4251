//! Lines as they might be typed or pasted: statements and directives of the sessions, the help pages and the grammar's
//! samples, mutated. Everything that reads a line at a key press or at Enter gives an answer in bounded time, and nothing
//! of the line drives the terminal. `LOTIC_LINE_MUTATIONS` says how many.

use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::lang::{Splitter, due, lex, parse};
use crate::session::completion::Completer;
use crate::session::{Session, Settings};
use crate::shell::redact::redact;
use crate::shell::rows::RowPrinter;
use crate::shell::scratch::Scratch;
use crate::types::key_group::mix;
use crate::types::{Diagnostic, SystemClock, printable};

use super::highlight::highlighted;

/// A line that takes longer has no end.
const LIMIT: Duration = Duration::from_secs(10);

/// The text that is put into lines: white space of every kind, what drives terminals, marks and wide glyphs, letters
/// that change their length with their case, and the language's own signs.
const ODD: &[&str] = &[
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{85}",
    "\u{b}",
    "\u{c}",
    "\u{1680}",
    "\u{2003}",
    "\u{202f}",
    "\u{3000}",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\n\n",
    "\u{1c}",
    "\0",
    "\u{1b}[2J",
    "\u{7}",
    "\u{7f}",
    "\u{9b}6n",
    "\u{202e}",
    "\u{2066}",
    "\u{61c}",
    "\u{200b}",
    "\u{feff}",
    "\u{301}",
    "\u{200d}",
    "👩\u{200d}💻",
    "漢",
    "ß",
    "İ",
    "ﬃ",
    "é",
    "'",
    "`",
    "\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "|",
    ";",
    ",",
    ".",
    "\\",
    "--",
    "--json",
    "/*",
    "*/",
    "=",
    "x'",
    "1e999",
    "10s",
    "99999999999999999999",
    ".mode",
    "\\d",
    "help",
    "with (password = 'p",
];

/// Definitions that the completer knows.
const DEFINED: &str = "source bids from nexmark 'bid' with (events = 10);
    source v from values with (rows = array[row('a', 1)]) columns (k string, n bigint);
    stream pricey = bids | filter price > 1000 | map auction, price;
    sink nowhere to blackhole;";

struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(1);
        usize::try_from(mix(self.0) % (bound.max(1) as u64)).expect("below a usize")
    }

    fn of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn odd(&mut self) -> &'static str {
        ODD[self.below(ODD.len())]
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// Everything that is typed in the sessions, in examples of the help, and in the samples of the grammar test.
fn lines(session: &Session) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let grammar = session.registries();
    let mut lines: Vec<String> = Vec::new();
    for folder in ["sessions", "sessions/demo"] {
        let mut files: Vec<_> =
            fs::read_dir(root.join(folder)).expect("a folder").map(|file| file.expect("a file").path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "lotic")) {
            let mut splitter = Splitter::default();
            lines.extend(splitter.push(&fs::read_to_string(file).expect("UTF-8"), grammar));
            lines.extend(splitter.finish());
        }
    }
    let topics = crate::commands::help_topics(session);
    lines.extend(topics.into_iter().flat_map(|topic| topic.examples));
    let samples = fs::read_to_string(root.join("tests/fixtures/lines.txt")).expect("UTF-8");
    lines.extend(samples.lines().map(str::to_owned));
    lines.extend(
        [".mode table", "\\d bids", "help \\d", ".record 'a b.lotic'", ".timer on; .mode csv", "\\q"]
            .map(str::to_owned),
    );
    lines
}

fn mutated(lines: &[String], rng: &mut Rng) -> String {
    let mut text = rng.of(lines).clone();
    for _ in 0..=rng.below(4) {
        let (at, other) = (rng.place(&text), rng.place(&text));
        let (from, to) = (at.min(other), at.max(other));
        match rng.below(8) {
            0..=2 => text.insert_str(at, rng.odd()),
            3 => {
                let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
                text.replace_range(at..end, rng.odd());
            }
            4 => text.truncate(at),
            5 if to - from < 200 => text.replace_range(from..to, ""),
            6 => {
                // At white space, where directives and flags are told apart.
                let spaces: Vec<usize> = text.match_indices(' ').map(|(space, _)| space).collect();
                if !spaces.is_empty() {
                    let space = *rng.of(&spaces);
                    text.replace_range(space..=space, rng.odd());
                }
            }
            _ => {
                let piece = rng.of(lines);
                let end = rng.place(piece);
                text.insert_str(at, &piece[..end]);
            }
        }
    }
    // What is pasted may be long; that is another test's.
    let end = (0..=text.len().min(4_000)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.truncate(end);
    text
}

/// Whether `c` would do something to a terminal.
fn drives(c: char) -> bool {
    c != '\n' && matches!(printable(c.encode_utf8(&mut [0; 4])), Cow::Owned(_))
}

fn shown(error: &Diagnostic, text: &str) {
    if let Some(span) = error.span {
        assert!(text.get(span.range()).is_some(), "{error} has a place");
    }
    let shown = error.shown(text, "<input>", false, None);
    assert!(!shown.as_str().contains(drives), "{shown:?}");
}

/// Reads `text` in every way that the shell does.
fn read(text: &str, pos: usize, completer: &Completer, session: &Session) {
    let registries = session.registries();
    let grammar = registries;
    let lexed = lex(text, grammar);
    let mut behind = 0;
    for token in &lexed.tokens {
        assert!(token.span.start >= behind && token.span.end > token.span.start, "{token:?}");
        behind = token.span.end;
        assert!(text.is_char_boundary(behind) && text.is_char_boundary(token.span.start), "{token:?}");
    }
    if let Some(error) = &lexed.error {
        shown(&error.diagnostic, text);
    }
    let mut splitter = Splitter::default();
    let mut pieces: Vec<String> = text.split_inclusive('\n').flat_map(|line| splitter.push(line, grammar)).collect();
    pieces.extend(splitter.finish());
    let whole = pieces.concat();
    assert!(text.strip_prefix(&*whole).is_some_and(|rest| rest.trim().is_empty()), "nothing typed is lost: {pieces:?}");
    if let Err(error) = parse(text, grammar) {
        shown(&error, text);
    }
    let _ = due(text, grammar);
    if let Some(kept) = redact(text, grammar) {
        let again = redact(&kept.text, grammar).map(|kept| kept.text.into_owned());
        assert_eq!(again.as_deref(), Some(&*kept.text), "what is kept holds no secret");
    }
    let coloured = highlighted(text, 0, registries);
    let ours = coloured.split('\u{1b}').skip(1).all(|rest| {
        let colour = rest.strip_prefix('[').and_then(|rest| rest.split_once('m'));
        colour.is_some_and(|(numbers, _)| numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'))
    });
    assert!(ours && !coloured.contains(|c| c != '\u{1b}' && drives(c)), "{coloured:?}");
    for pos in [pos, text.len()] {
        let completions = completer.complete(text, pos);
        assert!(completions.start <= pos && text.is_char_boundary(completions.start), "{completions:?}");
        let _ = (completer.hint(text, pos), completer.suffix(text, pos));
    }
}

#[test]
fn whatever_is_typed_is_read_in_bounded_time() {
    let count = std::env::var("LOTIC_LINE_MUTATIONS").ok().and_then(|size| size.parse().ok()).unwrap_or(2_000_usize);
    let (report, reports) = sync_channel::<String>(0);
    let reading = std::thread::spawn(move || {
        let scratch = Scratch::new("lines").expect("a directory");
        let settings = Settings::new(scratch.path().to_path_buf(), scratch.path().join(".state"));
        let rows = Arc::new(RowPrinter::silent());
        let mut session = Session::new(settings, Arc::new(SystemClock::new()), rows, crate::commands::specs());
        for statement in session.parse(DEFINED).expect("right") {
            session.define_or_run(&statement.node).expect("right");
        }
        let completer = Completer::new(&session);
        let lines = lines(&session);
        let mut rng = Rng(11);
        for number in 0..count {
            // First every line as it is.
            let text = lines.get(number).cloned().unwrap_or_else(|| mutated(&lines, &mut rng));
            let pos = rng.place(&text);
            if report.send(text.clone()).is_err() {
                return;
            }
            read(&text, pos, &completer, &session);
        }
    });
    let mut read = 0;
    let mut last = String::new();
    loop {
        match reports.recv_timeout(LIMIT) {
            Ok(text) => {
                read += 1;
                last = text;
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                // A thread that does not end takes memory until the process does.
                println!("no end with {last:?}");
                std::process::abort();
            }
        }
    }
    assert!(reading.join().is_ok() && read == count, "after {read} lines, with {last:?}");
    println!("{read} lines");
}
