//! The loop: reads a statement, runs it, and leaves in order.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::config::BellStyle;
use rustyline::error::ReadlineError;
use rustyline::history::{History, MemHistory};
use rustyline::{
    Behavior, ColorMode, CompletionType, Config, Editor, Event, EventHandler, ExternalPrinter, KeyCode, KeyEvent,
    Modifiers,
};
use unicode_width::UnicodeWidthChar;

use super::helper::Lines;
use super::history::{self, Entry, HistoryFile};
use super::keys::{Asked, EndsLine, Key, Pressed, ToEarlier};
use super::watch::Watcher;
use crate::inspect::JobStatus;
use crate::lang::{Due, due, typed_name};
use crate::session::completion::Completer;
use crate::shell::dashboard::Left;
use crate::shell::end::End;
use crate::shell::exit::{EXIT_INTERRUPTED, EXIT_OK};
use crate::shell::output::outlet;
use crate::shell::redact::redact;
use crate::shell::shell::{AtPrompt, Shell};
use crate::shell::{dashboard, foreground, outside, paths, print, render, script};
use crate::types::{Error, Printable, Result, TYPED};

const WELCOME: &str = "lotic: type a pipeline, `help`, or \\q. A statement ends at `;` or at the end of a complete line. \
                       Tab completes, F2 shows the dashboard.\n";
const PROMPT: &str = "lotic> ";
/// The prompt of a line that goes on with a statement, as wide as the other.
const FURTHER: &str = "  ...> ";
/// Rows of a preview that a person is shown unless `.rows` says otherwise.
const PREVIEW_ROWS: u64 = 100;
/// Longer statements are not looked through for what is due: Enter runs them, and what is wrong is said then.
const LOOKED_THROUGH_BYTES: usize = 1024 * 1_024;
/// A line editor that fails so often in a row is not tried again.
const DEFECTS: u32 = 3;

/// Reads statements until Ctrl-D or `\q`. Running jobs take a last checkpoint when the shell is left.
pub(in crate::shell) fn run(shell: &mut Shell, keep_history: bool) -> Result<u8> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        shell.rows.set_wanted(Some(PREVIEW_ROWS));
    }
    let mut reader = Reader::open(shell, keep_history)?;
    shell.interrupts.be_patient();
    if io::stdin().is_terminal() {
        shell.interrupts.follow_terminal();
    }
    print::error(WELCOME);
    shell.prompt = Some(AtPrompt::default());
    let read = reader.statements(shell);
    shell.prompt = None;
    // Silent from here on: what becomes of the jobs is told below.
    drop(reader);
    let left = leave(shell);
    match shell.interrupts.ended_by() {
        Some(code) => Ok(code),
        None => read.map(|()| left),
    }
}

/// Names the running jobs and stops them with a last checkpoint.
fn leave(shell: &Shell) -> u8 {
    shell.interrupts.take();
    let running: Vec<&str> = shell.session.running().map(|entry| entry.name.as_str()).collect();
    if running.is_empty() {
        return EXIT_OK;
    }
    print::error(format!("stopping {} with a last checkpoint … ", running.join(", ")));
    let code = if foreground::stop_jobs(shell, false) {
        print::error("done\n");
        EXIT_OK
    } else {
        print::error("left\n");
        EXIT_INTERRUPTED
    };
    tell_ways_on(shell, &running);
    code
}

/// Says of each of these jobs that was stopped with a checkpoint how to go on with it.
fn tell_ways_on(shell: &Shell, jobs: &[&str]) {
    if !shell.session.lasts() {
        return;
    }
    let usual = paths::state_dir().is_ok_and(|usual| usual == shell.session.state_dir());
    let place = if usual { "" } else { " with this --state-dir" };
    for entry in shell.session.jobs().filter(|entry| jobs.contains(&entry.name.as_str())) {
        let view = entry.job.view();
        let last = view.checkpoints.iter().rfind(|checkpoint| checkpoint.was_completed());
        if let (JobStatus::Finished, Some(last)) = (view.status, last) {
            print::error(Printable::line(&format!(
                "job {}: stopped with checkpoint {}; `restore {}` in a new shell{place} goes on",
                entry.name,
                last.id,
                typed_name(&entry.name)
            )));
        }
    }
}

/// The line editor and what belongs to it.
struct Reader {
    editor: Editor<Lines, MemHistory>,
    history: Option<HistoryFile>,
    /// The statement run last, for the editor.
    last: String,
    pressed: Pressed,
    watcher: Watcher,
    /// Whether the line that is read goes on with a statement, for the keys.
    further: Arc<AtomicBool>,
    /// The rows of the screen that the lines of the statement so far take, and what the outlet had shown above when the
    /// first of them was read.
    drawn: (usize, u64),
    /// The text already typed when the next line begins: before and behind the cursor.
    typed: (String, String),
    defects: u32,
}

impl Reader {
    fn open(shell: &Shell, keep_history: bool) -> Result<Self> {
        let colour = render::colour() && io::stdout().is_terminal();
        let behavior = if io::stdout().is_terminal() {
            Behavior::Stdio
        } else {
            // Standard output is for data: what is typed is shown on the terminal itself.
            Behavior::PreferTerm
        };
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            // The line passes through our hands, to be coloured or only to be made harmless.
            .color_mode(ColorMode::Forced)
            .bell_style(BellStyle::None)
            .behavior(behavior)
            .max_history_size(history::ENTRIES)
            .map_err(unreadable)?
            .build();
        let mut editor = Editor::with_history(config.clone(), MemHistory::with_config(&config)).map_err(unreadable)?;
        let pressed = Pressed::default();
        editor.set_helper(Some(Lines {
            completer: Completer::new(&shell.session),
            registries: *shell.session.registries(),
            earlier: String::new(),
            due: Due::Nothing,
            failed: HashSet::new(),
            colour,
            width: || render::terminal_width().map_or(80, usize::from),
        }));
        for (keys, key) in [
            (vec![KeyEvent(KeyCode::F(2), Modifiers::NONE)], Key::Dashboard),
            (vec![KeyEvent::ctrl('X'), KeyEvent::ctrl('E')], Key::Edit),
            (vec![KeyEvent::ctrl('C')], Key::Clear),
        ] {
            let ends = EndsLine { pressed: pressed.clone(), key };
            editor.bind_sequence(Event::KeySeq(keys), EventHandler::Conditional(Box::new(ends)));
        }
        let further = Arc::new(AtomicBool::new(false));
        for key in [KeyEvent(KeyCode::Up, Modifiers::NONE), KeyEvent::ctrl('P')] {
            let earlier = ToEarlier { pressed: pressed.clone(), further: Arc::clone(&further) };
            editor.bind_sequence(key, EventHandler::Conditional(Box::new(earlier)));
        }
        // A terminal that can't be edited on has no printer; text goes to the streams then.
        if let Ok(mut printer) = editor.create_external_printer() {
            let above = move |text| printer.print(text).map_err(io::Error::other);
            outlet().attach(Box::new(above))?;
        }
        let history = if keep_history { open_history(&mut editor) } else { None };
        let last = editor.history().into_iter().last().cloned().unwrap_or_default();
        let watcher = Watcher::start(shell.interrupts.clone())?;
        let (drawn, typed) = Default::default();
        Ok(Self { editor, history, last, pressed, watcher, further, drawn, typed, defects: 0 })
    }

    fn statements(&mut self, shell: &mut Shell) -> Result<()> {
        loop {
            self.watcher.follow(&shell.session);
            if let Some(helper) = self.editor.helper_mut() {
                helper.completer = Completer::new(&shell.session);
            }
            if shell.interrupts.ended_by().is_some() {
                return Ok(());
            }
            let line = self.line(shell);
            match (line, self.pressed.take()) {
                (Ok(line), Some(Asked::Dashboard(text, pos))) => {
                    let (text, pos) = if line.is_empty() { (line, 0) } else { (text, pos) };
                    if self.dashboard(shell, text, pos) == Some(Left::Quit) {
                        return Ok(());
                    }
                }
                (Ok(_), Some(Asked::Clear)) | (Err(ReadlineError::Interrupted), _) => self.begin_anew(),
                (Ok(_), Some(Asked::Earlier(text))) => self.take_back(text),
                (Ok(_), Some(Asked::Edit(text))) => {
                    let begun = self.begun() + &text;
                    self.begin_anew();
                    let begun = if begun.trim().is_empty() { &self.last } else { &begun };
                    if let Some(text) = edited(begun)
                        && self.run(shell, text) == Some(End::Quit)
                    {
                        return Ok(());
                    }
                }
                (Ok(line), None) => {
                    self.drawn.0 += rows_of(PROMPT, &line, render::terminal_width().map_or(80, usize::from));
                    let Some(text) = self.statement(shell, &line) else { continue };
                    if self.run(shell, text) == Some(End::Quit) {
                        return Ok(());
                    }
                }
                (Err(ReadlineError::Io(error)), _) if error.kind() == io::ErrorKind::InvalidData => {
                    print::error("error: what was typed is not UTF-8\n");
                }
                // Ctrl-D: ends the statement that is being typed, else the shell.
                (Err(ReadlineError::Eof), _) if self.is_further() => self.begin_anew(),
                (Err(ReadlineError::Eof), _) => return Ok(()),
                (Err(error), _) => return Err(unreadable(error)),
            }
        }
    }

    /// Whether the next line goes on with a statement.
    fn is_further(&self) -> bool {
        self.editor.helper().is_some_and(|helper| !helper.earlier.is_empty())
    }

    /// The lines of the statement that the next one goes on with.
    fn begun(&self) -> String {
        self.editor.helper().map(|helper| helper.earlier.clone()).unwrap_or_default()
    }

    /// The lines of the statement so far are typed anew, as one text with `line` below them: the cursor stands at the end
    /// of the one before it.
    fn take_back(&mut self, line: String) {
        if outlet_is_terminal() {
            let (rows, shown) = self.drawn;
            // What was shown between the lines stays there.
            let rows = if shown == outlet().shown_above() { rows } else { 0 };
            outlet().erase(rows + rows_of(FURTHER, &line, render::terminal_width().map_or(80, usize::from)));
        }
        let mut before = self.begun();
        before.truncate(before.trim_end_matches('\n').len());
        let behind = if line.is_empty() { line } else { format!("\n{line}") };
        self.begin_anew();
        self.typed = (before, behind);
    }

    /// The next line begins a statement.
    fn begin_anew(&mut self) {
        if let Some(helper) = self.editor.helper_mut() {
            helper.earlier.clear();
            helper.due = Due::Nothing;
        }
    }

    /// The statement that `line` ends, if it does. A line that begins with `|` goes on with the last pipeline.
    fn statement(&mut self, shell: &Shell, line: &str) -> Option<String> {
        let helper = self.editor.helper_mut()?;
        let mut text = std::mem::take(&mut helper.earlier);
        if text.is_empty() {
            if line.trim().is_empty() {
                return None;
            }
            text.push_str(&shell.continued(line));
        } else {
            text.push_str(line);
        }
        let short = text.len() <= LOOKED_THROUGH_BYTES;
        helper.due = if short { due(&text, &helper.registries) } else { Due::Nothing };
        if helper.due == Due::Nothing {
            return Some(text);
        }
        text.push('\n');
        helper.earlier = text;
        None
    }

    /// Runs a statement, and what an editor makes of the last one as long as that is asked for. How it ended; `None` for
    /// an error that was shown.
    fn run(&mut self, shell: &mut Shell, typed: String) -> Option<End> {
        let mut text = typed;
        loop {
            let end = self.run_once(shell, &text);
            if !shell.prompt.as_mut().is_some_and(|prompt| std::mem::take(&mut prompt.edit)) {
                self.last = text;
                return end;
            }
            text = edited(&self.last)?;
        }
    }

    fn run_once(&mut self, shell: &mut Shell, text: &str) -> Option<End> {
        let entry = self.remember(shell, text);
        // A signal of before is not meant for this statement.
        shell.interrupts.take();
        let end = match script::run(shell, TYPED, text) {
            Ok(end) => Some(end),
            Err(error) => {
                print::error(Printable::line(&format!("error: {error}")));
                None
            }
        };
        if let Some(entry) = entry {
            self.suggest(entry, !matches!(end, None | Some(End::Failed)));
        }
        end
    }

    /// One line.
    fn line(&mut self, shell: &Shell) -> Result<String, ReadlineError> {
        let (before, behind) = std::mem::take(&mut self.typed);
        shell.interrupts.set_reading(true);
        let above = outlet().at_prompt();
        let further = self.is_further();
        self.further.store(further, Ordering::Relaxed);
        if !further {
            self.drawn = (0, outlet().shown_above());
        }
        let editor = &mut self.editor;
        // The jobs must not die of a defect of the line editor: it counts rows in 16 bits, which an enormous paste exceeds.
        let prompt = if further { FURTHER } else { PROMPT };
        let read = catch_unwind(AssertUnwindSafe(|| editor.readline_with_initial(prompt, (&before, &behind))));
        drop(above);
        shell.interrupts.set_reading(false);
        if let Ok(read) = read {
            self.defects = 0;
            return read;
        }
        self.defects += 1;
        print::error("error: the line editor could not show this; `.read 'FILE'` runs a long text\n");
        if self.defects < DEFECTS { Err(ReadlineError::Interrupted) } else { Err(ReadlineError::Eof) }
    }

    /// Shows the dashboard; how it was left.
    fn dashboard(&mut self, shell: &mut Shell, text: String, pos: usize) -> Option<Left> {
        // The line is typed anew below, so that it stands there once.
        if outlet_is_terminal() {
            let rows = rows_of(PROMPT, &text, render::terminal_width().map_or(80, usize::from));
            outlet().erase(rows);
        }
        let left = dashboard::open(shell, None);
        // What came meanwhile stands between this line and those before it.
        self.drawn.0 = 0;
        if let Err(error) = &left {
            print::error(Printable::line(&format!("error: {error}")));
        }
        let mut text = text;
        let behind = text.split_off(pos.min(text.len()));
        self.typed = (text, behind);
        left.ok()
    }

    /// Puts a statement into the history, without secrets; returns the entry.
    fn remember(&mut self, shell: &Shell, text: &str) -> Option<String> {
        let grammar = shell.session.registries();
        let entry = redact(text.trim_end(), grammar).map(|redacted| redacted.text)?.into_owned();
        add(self.editor.history_mut(), &entry);
        self.keep(|history| history.append(&entry));
        Some(entry)
    }

    /// An entry is suggested while one types only if the statement worked when it was last run.
    fn suggest(&mut self, entry: String, worked: bool) {
        if !worked {
            self.keep(|history| history.append_failed(&entry));
        }
        if let Some(lines) = self.editor.helper_mut() {
            if worked {
                lines.failed.remove(&entry);
            } else {
                lines.failed.insert(entry);
            }
        }
    }

    fn keep(&mut self, write: impl FnOnce(&HistoryFile) -> io::Result<()>) {
        if let Some(history) = &self.history
            && let Err(error) = write(history)
        {
            // Said once: a history that can't be kept is no reason to refuse a statement.
            print::error(Printable::line(&format!("the history is not kept: {}: {error}", history.path().display())));
            self.history = None;
        }
    }
}

/// The text that a person makes of `text` in an editor, shown as if it were typed; `None` where there is nothing to run.
fn edited(text: &str) -> Option<String> {
    let edited = match outside::edit(text) {
        Ok(edited) => edited.filter(|edited| !edited.trim().is_empty())?,
        Err(error) => {
            print::error(Printable::line(&format!("error: {error}")));
            return None;
        }
    };
    for (index, line) in edited.trim_end().lines().enumerate() {
        print::error(Printable::line(&format!("{}{line}", if index == 0 { PROMPT } else { "     > " })));
    }
    Some(edited.trim_end().to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped with it")]
fn unreadable(error: ReadlineError) -> Error {
    Error::config(format!("the terminal can't be read: {error}"))
}

fn outlet_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The history of earlier shells, and where this one's goes.
fn open_history(editor: &mut Editor<Lines, MemHistory>) -> Option<HistoryFile> {
    let path = paths::history_file()?;
    let opened = HistoryFile::open(path.clone()).map_err(|error| error.to_string()).and_then(|file| {
        let entries = file.load().map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((file, entries))
    });
    match opened {
        Ok((file, entries)) => {
            for Entry { text, failed } in entries {
                if failed && let Some(lines) = editor.helper_mut() {
                    lines.failed.insert(text.clone());
                }
                // It holds no more than was asked of it.
                let _ = editor.history_mut().add_owned(text);
            }
            Some(file)
        }
        Err(error) => {
            print::error(Printable::line(&format!("the history is not kept: {error}")));
            None
        }
    }
}

/// Adds an entry, and takes an equal one away.
fn add(history: &mut MemHistory, entry: &str) {
    if history.into_iter().any(|earlier| earlier == entry) {
        let others: Vec<String> = history.into_iter().filter(|earlier| *earlier != entry).cloned().collect();
        let _ = history.clear();
        for other in others {
            let _ = history.add_owned(other);
        }
    }
    let _ = history.add(entry);
}

/// The rows of the screen that `prompt` and `text` take, at `width` columns.
fn rows_of(prompt: &str, text: &str, width: usize) -> usize {
    let (mut rows, mut column) = (1, 0);
    for c in prompt.chars().chain(text.chars()) {
        if c == '\n' {
            rows += 1;
            column = 0;
            continue;
        }
        let wide = if c == '\t' { 8 - column % 8 } else { c.width().unwrap_or(0) };
        column += wide;
        if column > width {
            rows += 1;
            column = wide;
        }
    }
    // A full row makes the line editor begin the next.
    if column == width { rows + 1 } else { rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_they_wrap() {
        assert_eq!(rows_of("> ", "abc", 10), 1);
        assert_eq!(rows_of("> ", "abc\ndef", 10), 2);
        assert_eq!(rows_of("> ", &"x".repeat(8), 10), 2);
        assert_eq!(rows_of("> ", &"x".repeat(9), 10), 2);
        assert_eq!(rows_of("> ", &"字".repeat(5), 10), 2);
    }

    #[test]
    fn an_entry_is_in_the_history_once() {
        let mut history = MemHistory::new();
        for entry in ["a", "b", "a", "a"] {
            add(&mut history, entry);
        }
        assert_eq!(history.into_iter().collect::<Vec<_>>(), ["b", "a"]);
    }
}
