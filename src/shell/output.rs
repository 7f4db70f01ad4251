//! The place where everything goes that the shell shows: data, rows, and notices, which are all that is no data. Rows
//! are made harmless where they are written as text; all else is [`Printable`] by its type.
//!
//! Usually that is standard output and standard error. While a person sits at the prompt it goes above the line that is
//! being typed, through a pump thread, because the line editor takes one message at a time and a job must not wait for
//! it. While the dashboard has the screen, notices are kept for later.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::types::{Error, Printable, Result, printable};

/// Text that waits for the prompt, at most about so much: a batch more than that.
const QUEUE_BYTES: usize = 256 * 1_024;
/// The number of bytes that are handed to the line editor at once.
const CHUNK_BYTES: usize = 32 * 1_024;
/// Between two chunks: the line editor redraws the line behind each.
const PACE: Duration = Duration::from_millis(15);
/// The time that a job waits for room in the queue before its text is left out.
const PATIENCE: Duration = Duration::from_millis(250);
/// The time that leaving the prompt waits for a chunk on its way.
const LEAVING: Duration = Duration::from_millis(100);
/// Notices kept while the dashboard has the screen.
const KEPT_NOTICES: usize = 500;

/// Shows a text above the line that is being typed.
pub(super) type Above = Box<dyn FnMut(String) -> io::Result<()> + Send>;

/// The two streams of the process.
trait Streams: Send + Sync {
    /// Writes data.
    fn data(&self, text: &[u8]) -> io::Result<()>;
    /// Writes what is no data.
    fn notice(&self, text: &str);
}

/// Standard output and error, written without a panic when nobody reads them.
struct Standard;

impl Streams for Standard {
    fn data(&self, text: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text).and_then(|()| stdout.flush())
    }

    fn notice(&self, text: &str) {
        // Nobody can be told when that fails.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// The shell's one way out.
pub(super) struct Outlet {
    streams: Box<dyn Streams>,
    state: Mutex<State>,
    /// The queue, the destination or the pump has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    destination: Destination,
    /// Whether a pump runs: only then text can go above the prompt.
    pumped: bool,
    /// Whether notices go there too: standard error is the same terminal.
    notices_above: bool,
    /// Waits for the pump.
    queue: String,
    /// Lines that found no room.
    left_out: usize,
    /// Chunks that were shown above the prompt.
    shown_above: u64,
    /// Whether the pump has a chunk in hand.
    sending: bool,
    /// The columns of the line that a person is asked in.
    asked_columns: usize,
    /// The lines that stand below everything else, to be written over, while there may be some.
    frame: Option<Vec<String>>,
    /// Notices for when the screen is given back.
    kept: VecDeque<String>,
    lost_notices: usize,
}

/// The destination of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Destination {
    /// The plain streams.
    #[default]
    Streams,
    /// Above the line that is being typed.
    Prompt,
    /// Nowhere: the dashboard has the screen.
    Hidden,
    /// The queue, where text waits: somebody is asked for a key, on a terminal that does not begin lines by itself.
    Held,
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("state", &*self.lock()).finish_non_exhaustive()
    }
}

/// The outlet of this process: it has one terminal.
pub(super) fn outlet() -> &'static Outlet {
    static OUTLET: LazyLock<Outlet> = LazyLock::new(|| Outlet::new(Box::new(Standard)));
    &OUTLET
}

impl Outlet {
    fn new(streams: Box<dyn Streams>) -> Self {
        Self { streams, state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what a statement answers.
    ///
    /// # Errors
    /// When nobody reads standard output any more.
    pub(super) fn data(&self, text: &Printable) -> Result<()> {
        let text = text.as_str();
        let mut state = self.lock();
        match state.destination {
            Destination::Streams => self.write(state, text.as_bytes()),
            Destination::Prompt | Destination::Held => {
                self.enqueue(state, text);
                Ok(())
            }
            Destination::Hidden => {
                keep(&mut state, text);
                Ok(())
            }
        }
    }

    /// Shows rows of a job. Blocks as long as standard output does; at the prompt only for a moment, after which rows are
    /// left out and that is said. While the dashboard has the screen they are dropped: it shows them itself.
    ///
    /// # Errors
    /// When nobody reads standard output any more.
    pub(super) fn rows(&self, text: &[u8]) -> Result<()> {
        let state = self.lock();
        match state.destination {
            Destination::Streams => self.write(state, text),
            Destination::Prompt | Destination::Held => {
                self.enqueue(state, &String::from_utf8_lossy(text));
                Ok(())
            }
            Destination::Hidden => Ok(()),
        }
    }

    /// Shows a remark or an error.
    pub(super) fn notice(&self, text: &Printable) {
        let text = text.as_str();
        let mut state = self.lock();
        match state.destination {
            Destination::Prompt if state.notices_above => self.enqueue(state, text),
            Destination::Prompt | Destination::Streams => {
                self.lift(&mut state);
                self.streams.notice(text);
            }
            Destination::Hidden | Destination::Held => keep(&mut state, text),
        }
    }

    /// Lines may stand below everything else that is written to the terminal, until the guard is dropped, which takes them
    /// away.
    pub(super) fn framed(&self) -> Framed<'_> {
        self.lock().frame = Some(Vec::new());
        Framed(self)
    }

    /// Takes away the lines below everything else.
    fn lift(&self, state: &mut State) {
        let lines = state.frame.as_mut().map_or(0, |frame| std::mem::take(frame).len());
        if lines > 0 {
            // Nobody can be told when that fails.
            let _ = self.streams.data(upwards(lines).as_bytes());
        }
    }

    /// The number of texts that were shown above the prompt so far.
    pub(super) fn shown_above(&self) -> u64 {
        self.lock().shown_above
    }

    /// Takes the last rows of the screen away: the line that was typed there.
    pub(super) fn erase(&self, rows: usize) {
        // Nobody can be told when that fails.
        let _ = self.streams.data(format!("\x1b[{rows}A\r\x1b[J").as_bytes());
    }

    /// Empties the screen.
    pub(super) fn clear(&self) {
        // Nobody can be told when that fails.
        let _ = self.streams.data(b"\x1b[H\x1b[2J\x1b[3J");
    }

    /// Writes to standard output. Beside a prompt the lock is held meanwhile, so that the prompt is not drawn in the
    /// middle of a row; elsewhere a job that is held up by a slow reader holds up nobody else.
    fn write(&self, mut state: MutexGuard<'_, State>, text: &[u8]) -> Result<()> {
        self.lift(&mut state);
        let guard = (state.pumped || state.frame.is_some()).then_some(state);
        let written = self.streams.data(text).map_err(|error| Error::io("standard output", error));
        drop(guard);
        written
    }

    fn enqueue(&self, state: MutexGuard<'_, State>, text: &str) {
        let waits = |state: &State| matches!(state.destination, Destination::Prompt | Destination::Held);
        let full = |state: &mut State| waits(state) && state.queue.len() >= QUEUE_BYTES;
        let (mut state, _) =
            self.changed.wait_timeout_while(state, PATIENCE, full).unwrap_or_else(PoisonError::into_inner);
        if full(&mut state) {
            state.left_out += text.lines().count();
            return;
        }
        if state.destination == Destination::Streams {
            // Nobody can be told when that fails.
            let _ = self.streams.data(text.as_bytes());
            return;
        }
        state.queue.push_str(text);
        if !text.ends_with('\n') {
            state.queue.push('\n');
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Starts the thread that shows text above the prompt.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn attach(&'static self, above: Above) -> Result<()> {
        {
            let mut state = self.lock();
            state.pumped = true;
            state.notices_above = io::stderr().is_terminal();
        }
        let pump = std::thread::Builder::new().name("printer".to_owned()).spawn(move || self.pump(above));
        if let Err(error) = pump {
            self.lock().pumped = false;
            return Err(Error::io("the printer above the prompt", error));
        }
        Ok(())
    }

    fn pump(&self, mut above: Above) {
        loop {
            let idle = |state: &mut State| {
                let work = !state.queue.is_empty() || state.left_out > 0;
                state.pumped && !(work && state.destination == Destination::Prompt)
            };
            let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
            if !state.pumped {
                return;
            }
            let chunk = state.take_chunk();
            state.sending = true;
            state.shown_above += 1;
            drop(state);
            let shown = above(chunk);
            let mut state = self.lock();
            state.sending = false;
            if shown.is_err() {
                // The terminal is gone: what follows goes where it went before there was a prompt.
                state.pumped = false;
                state.destination = Destination::Streams;
            }
            drop(state);
            self.changed.notify_all();
            std::thread::park_timeout(PACE);
        }
    }

    /// The person is at the prompt, until the guard is dropped.
    pub(super) fn at_prompt(&self) -> Elsewhere<'_> {
        {
            let mut state = self.lock();
            if state.pumped {
                state.destination = Destination::Prompt;
            }
        }
        Elsewhere(self)
    }

    /// The dashboard has the screen, until the guard is dropped: rows are dropped, notices kept and shown then.
    pub(super) fn hide(&self) -> Elsewhere<'_> {
        self.lock().destination = Destination::Hidden;
        Elsewhere(self)
    }

    /// A person is asked for a key in this line, until the guard is dropped: the line goes away then, and all that came
    /// meanwhile is shown.
    pub(super) fn ask(&self, line: &Printable) -> Elsewhere<'_> {
        {
            let line = line.as_str();
            let mut state = self.lock();
            state.destination = Destination::Held;
            state.asked_columns = line.chars().count();
            self.streams.notice(line);
        }
        Elsewhere(self)
    }

    /// Back to the plain streams, with what is still to be shown.
    fn come_back(&self) {
        let sending = |state: &mut State| state.sending;
        let (mut state, _) =
            self.changed.wait_timeout_while(self.lock(), LEAVING, sending).unwrap_or_else(PoisonError::into_inner);
        state.destination = Destination::Streams;
        let asked = std::mem::take(&mut state.asked_columns);
        if asked > 0 {
            self.streams.notice(&format!("\r{}\r", " ".repeat(asked)));
        }
        while !state.queue.is_empty() || state.left_out > 0 {
            let chunk = state.take_chunk();
            // Nobody can be told when that fails.
            let _ = self.streams.data(chunk.as_bytes());
        }
        let lost = std::mem::take(&mut state.lost_notices);
        if lost > 0 {
            self.streams.notice(&format!("({lost} earlier notices are not shown)\n"));
        }
        for notice in std::mem::take(&mut state.kept) {
            self.streams.notice(&notice);
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    /// The text shown next: whole lines, and behind the last of them how many were left out.
    fn take_chunk(&mut self) -> String {
        let end = match self.queue.as_bytes().get(..CHUNK_BYTES) {
            None => self.queue.len(),
            Some(head) => match memchr::memrchr(b'\n', head) {
                Some(line) => line + 1,
                // A line longer than a chunk goes as it is.
                None => memchr::memchr(b'\n', self.queue.as_bytes()).map_or(self.queue.len(), |line| line + 1),
            },
        };
        let rest = self.queue.split_off(end);
        let mut chunk = std::mem::replace(&mut self.queue, rest);
        if self.queue.is_empty() && self.left_out > 0 {
            let lines = std::mem::take(&mut self.left_out);
            // Writing to a String cannot fail.
            let _ = writeln!(chunk, "({lines} lines are not shown: they came faster than the prompt could show them)");
        }
        chunk
    }
}

fn keep(state: &mut State, text: &str) {
    if state.kept.len() == KEPT_NOTICES {
        state.kept.pop_front();
        state.lost_notices += 1;
    }
    state.kept.push_back(text.to_owned());
}

/// Moves to the beginning of the first of the last `lines` lines, and takes what follows away.
fn upwards(lines: usize) -> String {
    match lines {
        0 | 1 => "\r\x1b[J".to_owned(),
        _ => format!("\x1b[{}A\r\x1b[J", lines - 1),
    }
}

/// While it lives, lines may stand below everything else that is written to the terminal.
#[derive(Debug)]
#[must_use]
pub(super) struct Framed<'a>(&'a Outlet);

impl Framed<'_> {
    /// Shows `lines` below everything else, in the place of those shown so before. They are no wider than the terminal,
    /// and not so many that they fill it.
    pub(super) fn show(&self, lines: Vec<String>) {
        let mut state = self.0.lock();
        let to_streams = state.destination == Destination::Streams;
        let Some(frame) = state.frame.as_mut().filter(|frame| to_streams && **frame != lines) else { return };
        let mut text = if frame.is_empty() { String::new() } else { upwards(frame.len()) };
        let shown: Vec<_> = lines.iter().map(|line| printable(line)).collect();
        text.push_str(&shown.join("\n"));
        // Nobody can be told when that fails.
        let _ = self.0.streams.data(text.as_bytes());
        *frame = lines;
    }
}

impl Drop for Framed<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        self.0.lift(&mut state);
        state.frame = None;
    }
}

/// While it lives, text goes elsewhere than to the plain streams.
#[derive(Debug)]
#[must_use]
pub(super) struct Elsewhere<'a>(&'a Outlet);

impl Drop for Elsewhere<'_> {
    fn drop(&mut self) {
        self.0.come_back();
    }
}

#[cfg(test)]
mod tests;
