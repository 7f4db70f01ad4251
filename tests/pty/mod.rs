//! lotic on a terminal of its own, with a screen that is read and modes that are compared. `LOTIC_BINARY` names another
//! binary than the one that was built with the tests: a release build, for measurements.

#![allow(
    dead_code,
    clippy::expect_used,
    reason = "each integration test uses a part of this; helpers of tests are tests"
)]

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// What is waited for takes at most so many seconds.
const PATIENCE_S: u32 = 60;
/// A step of waiting.
const STEP: Duration = Duration::from_millis(5);
const STEPS_A_SECOND: u32 = 200;

/// A terminal and the lotic on it.
pub(crate) struct Pty {
    child: Box<dyn Child + Send + Sync>,
    /// Our end of it, until it is hung up.
    end: Option<End>,
    seen: Arc<Mutex<Seen>>,
    /// The modes before anybody used it.
    before: String,
}

/// The end of the terminal that a person sees.
struct End {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    reader: JoinHandle<()>,
    hung_up: Arc<AtomicBool>,
}

/// What the screen was given, and what it shows.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    /// How many of the bytes are on the screen: they are read when somebody looks, so that a screen which nobody looks
    /// at takes no time from what is measured.
    read: usize,
}

/// What a program may leave behind on a terminal.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "modes are on or off")]
pub(crate) struct Modes {
    pub(crate) termios: String,
    pub(crate) alternate_screen: bool,
    pub(crate) bracketed_paste: bool,
    pub(crate) mouse: bool,
    pub(crate) cursor_hidden: bool,
}

/// The binary under test.
pub(crate) fn binary() -> String {
    let Ok(named) = std::env::var("LOTIC_BINARY") else { return env!("CARGO_BIN_EXE_lotic").to_owned() };
    // It is started in another directory.
    let path = std::fs::canonicalize(&named).unwrap_or_else(|error| panic!("LOTIC_BINARY={named}: {error}"));
    path.to_str().expect("UTF-8").to_owned()
}

impl Pty {
    /// Starts lotic on a terminal of this size (columns, rows).
    pub(crate) fn open(directory: &Path, size: (u16, u16), arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(binary());
        command.args(arguments);
        Self::spawn(command, directory, size, environment)
    }

    /// The prompt on a terminal of 100 columns.
    pub(crate) fn shell(directory: &Path) -> Self {
        let pty = Self::open(directory, (100, 30), &[], &[]);
        pty.prompt();
        pty
    }

    /// The prompt with these variables set.
    pub(crate) fn shell_with(directory: &Path, environment: &[(&str, &str)]) -> Self {
        let pty = Self::open(directory, (100, 30), &[], environment);
        pty.prompt();
        pty
    }

    /// The processor time that the threads have taken so far, nanoseconds; of all but those whose names begin so.
    pub(crate) fn busy_ns(&self, except: &str) -> u64 {
        let threads = format!("/proc/{}/task", self.child.process_id().expect("it runs"));
        let threads = std::fs::read_dir(threads).expect("Linux tells").map(|thread| thread.expect("reads").path());
        let of = |thread: std::path::PathBuf| {
            // A thread may end while it is asked for.
            let read = |file: &str| std::fs::read_to_string(thread.join(file)).ok();
            let counts = !read("comm")?.starts_with(except);
            read("schedstat")?.split(' ').next()?.parse::<u64>().ok().filter(|_| counts)
        };
        threads.filter_map(of).sum()
    }

    /// Starts a script of `sh` in which `"$0"` is lotic.
    pub(crate) fn script(directory: &Path, size: (u16, u16), script: &str) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", script]);
        command.arg(binary());
        Self::spawn(command, directory, size, &[])
    }

    fn spawn(mut command: CommandBuilder, directory: &Path, size: (u16, u16), environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).expect("a pseudo-terminal");
        let before = format!("{:?}", pair.master.get_termios());
        command.cwd(directory);
        command.env("XDG_STATE_HOME", directory.join("state"));
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        // Nothing waits for a key that no test presses.
        command.env("PAGER", "");
        command.env("RUST_BACKTRACE", "0");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("lotic starts");
        // Without the slave the modes of the terminal could not be read when the child has ended.
        std::mem::forget(pair.slave);
        let keys = pair.master.take_writer().expect("a keyboard");
        let mut output = pair.master.try_clone_reader().expect("a screen");
        let rows = NonZero::new(size.1).expect("a row");
        let columns = NonZero::new(size.0).expect("a column");
        let seen =
            Arc::new(Mutex::new(Seen { parser: vt100::Parser::new(rows, columns, 1_000), bytes: Vec::new(), read: 0 }));
        let hung_up = Arc::new(AtomicBool::new(false));
        let (shown, gone) = (Arc::clone(&seen), Arc::clone(&hung_up));
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if gone.load(Ordering::SeqCst) {
                    break;
                }
                shown.lock().expect("not poisoned").bytes.extend_from_slice(&buffer[..count]);
            }
        });
        Self { child, end: Some(End { master: pair.master, keys, reader, hung_up }), seen, before }
    }

    fn end(&self) -> &End {
        self.end.as_ref().expect("not hung up")
    }

    pub(crate) fn press(&mut self, keys: &str) {
        let end = self.end.as_mut().expect("not hung up");
        end.keys.write_all(keys.as_bytes()).and_then(|()| end.keys.flush()).expect("it reads");
    }

    pub(crate) fn resize(&self, size: (u16, u16)) {
        self.end().master.resize(pty_size(size)).expect("resized");
        let (columns, rows) = (NonZero::new(size.0).expect("a column"), NonZero::new(size.1).expect("a row"));
        self.seen().parser.screen_mut().set_size(rows, columns);
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it runs");
        kill_process(pid, signal).expect("it can be signalled");
    }

    /// Takes the terminal away, as when the window is closed. `key` is pressed for the answer to it, behind which nobody
    /// reads any more. The terminal must have no end-of-file character: it would be typed.
    pub(crate) fn hang_up(&mut self, key: &str) {
        self.end().hung_up.store(true, Ordering::SeqCst);
        self.press(key);
        self.until("an answer", |pty| pty.end().reader.is_finished());
        drop(self.end.take());
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        let mut seen = self.seen.lock().expect("not poisoned");
        let Seen { parser, bytes, read } = &mut *seen;
        parser.process(&bytes[*read..]);
        *read = bytes.len();
        seen
    }

    /// Looks at the screen, its colours too.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen().parser.screen())
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// The lines of the screen, without those below the last that is not empty.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.screen().trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// The last line that is not empty.
    pub(crate) fn last_line(&self) -> String {
        self.lines().pop().unwrap_or_default()
    }

    /// All that was written to the terminal.
    pub(crate) fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.seen().bytes).into_owned()
    }

    pub(crate) fn modes(&self) -> Modes {
        let termios = format!("{:?}", self.end().master.get_termios());
        let seen = self.seen();
        let screen = seen.parser.screen();
        Modes {
            termios,
            alternate_screen: screen.alternate_screen(),
            bracketed_paste: screen.bracketed_paste(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
            cursor_hidden: screen.hide_cursor(),
        }
    }

    /// The modes of a terminal that nobody has touched.
    pub(crate) fn untouched(&self) -> Modes {
        Modes {
            termios: self.before.clone(),
            alternate_screen: false,
            bracketed_paste: false,
            mouse: false,
            cursor_hidden: false,
        }
    }

    /// Waits until `found` holds of what is on the screen.
    pub(crate) fn until(&self, what: &str, found: impl Fn(&Self) -> bool) {
        self.until_within(what, PATIENCE_S, found);
    }

    /// As [`until`](Self::until), for so many seconds.
    pub(crate) fn until_within(&self, what: &str, seconds: u32, found: impl Fn(&Self) -> bool) {
        for _ in 0..seconds * STEPS_A_SECOND {
            if found(self) {
                return;
            }
            std::thread::park_timeout(STEP);
        }
        panic!("{what} does not come; the screen:\n{}\n{:?}", self.screen(), self.modes());
    }

    /// Waits for a text on the screen.
    pub(crate) fn shows(&self, text: &str) {
        self.until(text, |pty| pty.screen().contains(text));
    }

    /// Waits for a text that is written, also if it has left the screen meanwhile.
    pub(crate) fn says(&self, text: &str) {
        self.until(text, |pty| pty.bytes().contains(text));
    }

    /// Waits for the modes of a terminal that nobody has touched.
    pub(crate) fn given_back(&self) {
        self.until("the terminal as it was", |pty| pty.modes() == pty.untouched());
    }

    /// Waits for the dashboard with a job on it.
    pub(crate) fn dashboard(&self) {
        self.until("the dashboard", |pty| pty.modes().alternate_screen && pty.screen().contains("rows/s"));
    }

    /// Presses Esc and waits until `gone` is not on the screen any more: Esc and a key behind it would be one key.
    pub(crate) fn escape(&mut self, gone: &str) {
        self.press("\u{1b}");
        self.until(&format!("a screen without {gone}"), |pty| !pty.screen().contains(gone));
    }

    /// Waits for a prompt as the last line.
    pub(crate) fn prompt(&self) {
        self.typed("");
    }

    /// Waits for a prompt with this typed behind it, as the last line.
    pub(crate) fn typed(&self, text: &str) {
        let line = format!("lotic> {text}");
        self.until(&line, |pty| !pty.modes().alternate_screen && pty.last_line() == line.trim_end());
    }

    /// Types a line of a statement that goes on, and waits until the next can be typed.
    pub(crate) fn line(&mut self, text: &str) {
        self.echoed(text);
        self.press("\r");
        self.until("the next line", |pty| {
            let seen = pty.seen();
            let screen = seen.parser.screen();
            let (row, column) = screen.cursor_position();
            column == 7 && screen.contents_between(row, 0, row, column) == "  ...> "
        });
    }

    /// Types a statement at the prompt, or the last line of one, and waits for the next prompt.
    pub(crate) fn statement(&mut self, text: &str) {
        let end = self.echoed(text);
        self.press("\r");
        self.until("the next prompt", |pty| {
            let screen = pty.screen();
            screen.trim_end().ends_with("lotic>") && screen.replace('\n', "").contains(&end)
        });
    }

    /// The listing that a statement prints as JSON, which may be longer than the screen: a list, or an object.
    pub(crate) fn json(&mut self, statement: &str) -> serde_json::Value {
        let already = self.bytes().len();
        self.press(&format!("{statement}\r"));
        let printed = |pty: &Self| -> Option<String> {
            let bytes = pty.bytes().split_off(already);
            let (from, end) = [("\n[", "\n]"), ("\n{", "\n}")]
                .iter()
                .filter_map(|(begin, end)| bytes.find(begin).map(|from| (from, *end)))
                .min()?;
            if bytes[from + 1..].starts_with("[]") {
                return Some("[]".to_owned());
            }
            bytes[from..].find(end).map(|to| bytes[from + 1..from + to + end.len()].to_owned())
        };
        self.until("the listing", |pty| printed(pty).is_some());
        self.prompt();
        serde_json::from_str(&printed(self).unwrap_or_default()).expect("JSON")
    }

    /// Types what ends a line and waits until it is on the screen: what is typed while no line is being read is lost.
    fn echoed(&mut self, text: &str) -> String {
        let end: String = text.chars().skip(text.chars().count().saturating_sub(12)).collect();
        self.press(text);
        // Up to the cursor: a hint may stand behind it.
        self.until(text, |pty| {
            let seen = pty.seen();
            let screen = seen.parser.screen();
            let (row, column) = screen.cursor_position();
            screen.contents_between(0, 0, row, column).replace('\n', "").trim_end().ends_with(end.trim_end())
        });
        end
    }

    /// Empties the line.
    pub(crate) fn clear(&mut self) {
        self.press("\u{3}");
        self.prompt();
    }

    /// Waits for the end. The last of what was written need not have been seen then.
    pub(crate) fn exit_code(&mut self) -> u32 {
        for _ in 0..PATIENCE_S * STEPS_A_SECOND {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.exit_code();
            }
            std::thread::park_timeout(STEP);
        }
        panic!("it does not end; the screen:\n{}", self.screen());
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It may have ended. What a script has started is of its group.
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), self.child.process_id()) {
            let group = Pid::from_raw(pid.cast_signed());
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        }
        let _ = self.child.wait();
    }
}

fn pty_size(size: (u16, u16)) -> PtySize {
    PtySize { rows: size.1, cols: size.0, pixel_width: 0, pixel_height: 0 }
}
