//! Where everything goes that the shell shows: data, rows, and notices, which are all that is no data.
//!
//! Usually that is standard output and standard error. While a person sits at the prompt it goes above the line that is
//! being typed, through a pump thread, because the line editor takes one message at a time and a job must not wait for
//! it. While the dashboard has the screen, notices are kept for later.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::types::{Error, Result};

/// Text that waits for the prompt, at most about so much: a batch more than that.
const QUEUE_BYTES: usize = 256 * 1_024;
/// What is handed to the line editor at once.
const CHUNK_BYTES: usize = 32 * 1_024;
/// Between two chunks: the line editor redraws the line behind each.
const PACE: Duration = Duration::from_millis(15);
/// How long a job waits for room in the queue before its text is left out.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long leaving the prompt waits for a chunk on its way.
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
    /// Whether the pump has a chunk in hand.
    sending: bool,
    /// Notices for when the screen is given back.
    kept: VecDeque<String>,
    lost_notices: usize,
}

/// Where text goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Destination {
    /// The plain streams.
    #[default]
    Streams,
    /// Above the line that is being typed.
    Prompt,
    /// Nowhere: the dashboard has the screen.
    Hidden,
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
    pub(super) fn data(&self, text: &str) -> Result<()> {
        let mut state = self.lock();
        match state.destination {
            Destination::Streams => self.write(state, text.as_bytes()),
            Destination::Prompt => {
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
            Destination::Prompt => {
                self.enqueue(state, &String::from_utf8_lossy(text));
                Ok(())
            }
            Destination::Hidden => Ok(()),
        }
    }

    /// Shows a remark or an error.
    pub(super) fn notice(&self, text: &str) {
        let mut state = self.lock();
        match state.destination {
            Destination::Prompt if state.notices_above => self.enqueue(state, text),
            Destination::Prompt | Destination::Streams => self.streams.notice(text),
            Destination::Hidden => keep(&mut state, text),
        }
    }

    /// Writes to standard output. Beside a prompt the lock is held meanwhile, so that the prompt is not drawn in the
    /// middle of a row; elsewhere a job that is held up by a slow reader holds up nobody else.
    fn write(&self, state: MutexGuard<'_, State>, text: &[u8]) -> Result<()> {
        let guard = state.pumped.then_some(state);
        let written = self.streams.data(text).map_err(|error| Error::io("standard output", error));
        drop(guard);
        written
    }

    fn enqueue(&self, state: MutexGuard<'_, State>, text: &str) {
        let full = |state: &mut State| state.destination == Destination::Prompt && state.queue.len() >= QUEUE_BYTES;
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

    /// Back to the plain streams, with what is still to be shown.
    fn come_back(&self) {
        let sending = |state: &mut State| state.sending;
        let (mut state, _) =
            self.changed.wait_timeout_while(self.lock(), LEAVING, sending).unwrap_or_else(PoisonError::into_inner);
        state.destination = Destination::Streams;
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
    /// What is shown next: whole lines, and behind the last of them how many were left out.
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
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// What was written, and where: `out:…`, `err:…`, `above:…`.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<String>>>);

    impl Written {
        fn all(&self) -> Vec<String> {
            self.0.lock().expect("not poisoned").clone()
        }

        fn push(&self, text: String) {
            self.0.lock().expect("not poisoned").push(text);
        }

        /// Waits until `found` holds, at most ten seconds.
        fn until(&self, found: impl Fn(&[String]) -> bool) -> Vec<String> {
            for _ in 0..1_000 {
                if found(&self.all()) {
                    break;
                }
                std::thread::park_timeout(Duration::from_millis(10));
            }
            self.all()
        }
    }

    impl Streams for Written {
        fn data(&self, text: &[u8]) -> io::Result<()> {
            self.push(format!("out:{}", String::from_utf8_lossy(text)));
            Ok(())
        }

        fn notice(&self, text: &str) {
            self.push(format!("err:{text}"));
        }
    }

    fn outlet() -> (&'static Outlet, Written) {
        let written = Written::default();
        (Box::leak(Box::new(Outlet::new(Box::new(written.clone())))), written)
    }

    fn attached() -> (&'static Outlet, Written) {
        let (outlet, written) = outlet();
        let above = written.clone();
        let shown = move |text| {
            above.push(format!("above:{text}"));
            Ok(())
        };
        outlet.attach(Box::new(shown)).expect("a thread");
        outlet.lock().notices_above = true;
        (outlet, written)
    }

    #[test]
    fn without_a_prompt_everything_goes_to_the_streams() {
        let (outlet, written) = outlet();
        let _at_prompt = outlet.at_prompt();
        outlet.data("a\n").expect("written");
        outlet.rows(b"b\n").expect("written");
        outlet.notice("c\n");
        assert_eq!(written.all(), ["out:a\n", "out:b\n", "err:c\n"]);
    }

    #[test]
    fn at_the_prompt_rows_and_notices_go_above_it_in_order() {
        let (outlet, written) = attached();
        let at_prompt = outlet.at_prompt();
        outlet.rows(b"one\n").expect("taken");
        outlet.notice("two\n");
        let shown = written.until(|all| all.concat().contains("two"));
        assert_eq!(shown.concat().replace("above:", ""), "one\ntwo\n");
        assert!(shown.iter().all(|text| text.starts_with("above:")), "{shown:?}");
        drop(at_prompt);
        outlet.rows(b"three\n").expect("written");
        assert_eq!(written.all().last().map(String::as_str), Some("out:three\n"));
    }

    #[test]
    fn what_waits_when_the_prompt_is_left_is_not_lost() {
        let (outlet, written) = attached();
        let at_prompt = outlet.at_prompt();
        let rows: String = "a row of it\n".repeat(20_000);
        outlet.rows(rows.as_bytes()).expect("taken");
        drop(at_prompt);
        let shown: String =
            written.all().iter().map(|text| text.trim_start_matches("above:").trim_start_matches("out:")).collect();
        assert_eq!(shown, rows);
    }

    #[test]
    fn a_prompt_that_takes_nothing_holds_no_job_up_for_long_and_the_loss_is_said() {
        let (outlet, written) = outlet();
        let (release, held): (SyncSender<()>, Receiver<()>) = sync_channel(0);
        let above = written.clone();
        let stuck = move |text| {
            let _ = held.recv();
            above.push(text);
            Ok(())
        };
        outlet.attach(Box::new(stuck)).expect("a thread");
        let _at_prompt = outlet.at_prompt();
        let batch = "x".repeat(1_023) + "\n";
        for _ in 0..(QUEUE_BYTES / 1_024 + 64) {
            outlet.rows(batch.as_bytes()).expect("taken or left out");
            if outlet.lock().left_out > 2 {
                break;
            }
        }
        let left_out = outlet.lock().left_out;
        assert!(left_out > 0);
        drop(release);
        let said = format!("({left_out} lines are not shown");
        assert!(written.until(|all| all.concat().contains(&said)).concat().contains(&said));
    }

    #[test]
    fn while_the_screen_is_taken_rows_are_dropped_and_notices_kept() {
        let (outlet, written) = outlet();
        let hidden = outlet.hide();
        outlet.rows(b"row\n").expect("dropped");
        for number in 0..KEPT_NOTICES + 2 {
            outlet.notice(&format!("notice {number}\n"));
        }
        assert!(written.all().is_empty());
        drop(hidden);
        let shown = written.all();
        assert_eq!(shown[0], "err:(2 earlier notices are not shown)\n");
        assert_eq!(shown[1], "err:notice 2\n");
        assert_eq!(shown.len(), KEPT_NOTICES + 1);
    }
}
