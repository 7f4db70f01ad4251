//! `lotic test`: replays sessions and compares what they show.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::cli::TestOptions;
use super::compare::{Line, blessed, difference};
use super::end::End;
use super::exit::{EXIT_FAILURE, EXIT_OK};
use super::lesson::Lesson;
use super::mode::Mode;
use super::rows::RowPrinter;
use super::scratch::Scratch;
use super::shell::Shell;
use super::signals::Interrupts;
use super::transcript::Transcript;
use super::{print, render, script, script_text};
use crate::types::{Error, Result, counted, printable};

/// Replays the sessions and prints how it went.
pub(super) fn run(options: &TestOptions) -> Result<u8> {
    let interrupts = Interrupts::install()?;
    let mut replays = Vec::new();
    for file in &options.sessions {
        let text = script_text::read(file)?;
        let from = std::env::current_dir().map_err(|error| Error::io(".", error))?;
        let replay = Replay::of(&text, Some(&from), &interrupts)?;
        let failed = !replay.differences.is_empty();
        if !options.json {
            print::data(replay.text(file, options.bless))?;
        }
        if failed && options.bless && !replay.interrupted {
            std::fs::write(file, replay.blessed()).map_err(|error| Error::io(file, error))?;
        }
        let interrupted = replay.interrupted;
        replays.push((file, replay));
        if interrupted {
            return Ok(interrupts.exit_code());
        }
    }
    let differing = replays.iter().filter(|(_, replay)| !replay.differences.is_empty()).count();
    if options.json {
        let sessions: Vec<Value> = replays.iter().map(|(file, replay)| replay.json(file)).collect();
        print::data(render::json(&Value::Array(sessions)))?;
    } else {
        let statements: usize = replays.iter().map(|(_, replay)| replay.lesson.steps.len()).sum();
        let sessions = counted(replays.len() as u64, "session");
        let all = format!("{sessions}, {}", counted(statements as u64, "statement"));
        print::data(match (differing, options.bless) {
            (0, _) => format!("{all}: all as expected\n"),
            (_, false) => format!("{all}: {} not as expected\n", counted(differing as u64, "session")),
            (_, true) => format!("{all}: {} written anew\n", counted(differing as u64, "session")),
        })?;
    }
    Ok(if differing == 0 || options.bless { EXIT_OK } else { EXIT_FAILURE })
}

/// A session that was replayed.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) lesson: Lesson,
    /// Steps by index, and where they differ.
    pub(super) differences: Vec<(usize, Vec<Line>)>,
    interrupted: bool,
}

impl Replay {
    /// Replays a session in a scratch directory, in which what stands in `from` can be read.
    ///
    /// # Errors
    /// When there is no such directory. A statement that fails is not an error but something shown.
    pub(super) fn of(text: &str, from: Option<&Path>, interrupts: &Interrupts) -> Result<Self> {
        let scratch = Scratch::new("test")?;
        if let Some(from) = from {
            scratch.link(from)?;
        }
        let mut shell = Shell::scratch(&scratch, RowPrinter::silent(), interrupts.clone());
        let transcript = Arc::new(Transcript::new(Mode::Table, scratch.path()));
        shell.set_transcript(Some(Arc::clone(&transcript)));
        let lesson = Lesson::parse(text, shell.session.registries());
        let mut differences = Vec::new();
        let mut interrupted = false;
        for (index, step) in lesson.steps.iter().enumerate() {
            let end = script::run(&mut shell, "<input>", &step.statement)?;
            if index + 1 == lesson.steps.len() {
                shell.session.cancel_all();
                transcript.release();
            }
            if let Some(lines) = difference(step, &transcript.take()) {
                differences.push((index, lines));
            }
            if end == End::Interrupted {
                interrupted = true;
            }
            if matches!(end, End::Interrupted | End::Quit) {
                break;
            }
        }
        shell.session.cancel_all();
        Ok(Self { lesson, differences, interrupted })
    }

    fn blessed(&self) -> String {
        let changes: Vec<(usize, Vec<String>)> =
            self.differences.iter().map(|(index, lines)| (*index, blessed(lines))).collect();
        self.lesson.with(&changes)
    }

    /// Each difference at its place, in words.
    pub(super) fn text(&self, file: &Path, bless: bool) -> String {
        let mut text = String::new();
        let what = if bless { "is written anew" } else { "shows something else" };
        for (index, lines) in &self.differences {
            let step = &self.lesson.steps[*index];
            let file = file.display().to_string();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}:{}: this statement {what}", printable(&file), step.line);
            for line in step.statement.lines() {
                let _ = writeln!(text, "    {}", printable(line));
            }
            for line in lines {
                let _ = writeln!(text, "  {}", printable(&line.signed()));
            }
            text.push('\n');
        }
        text
    }

    fn json(&self, file: &Path) -> Value {
        let differences: Vec<Value> = self
            .differences
            .iter()
            .map(|(index, lines)| {
                let step = &self.lesson.steps[*index];
                json!({
                    "line": step.line,
                    "statement": step.statement,
                    "expected": step.expected,
                    "difference": lines.iter().map(Line::signed).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "session": file.display().to_string(),
            "statements": self.lesson.steps.len(),
            "differences": differences,
        })
    }
}
