//! lotic on a terminal of its own, with a screen that is read and modes that are compared.

#![allow(
    dead_code,
    clippy::expect_used,
    reason = "each integration test uses a part of this; helpers of tests are tests"
)]

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// What is waited for takes at most so many seconds.
const PATIENCE_S: u32 = 60;
/// A step of waiting.
const STEP: Duration = Duration::from_millis(5);
const STEPS_A_SECOND: u32 = 200;

/// A terminal and the lotic on it.
pub(crate) struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<vt100::Parser>>,
    /// The modes before anybody used it.
    before: String,
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

impl Pty {
    /// Starts lotic on a terminal of this size (columns, rows).
    pub(crate) fn open(directory: &Path, size: (u16, u16), arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).expect("a pseudo-terminal");
        let before = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_lotic"));
        command.args(arguments);
        command.cwd(directory);
        command.env("XDG_STATE_HOME", directory.join("state"));
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
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
        let seen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 1_000)));
        let shown = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                shown.lock().expect("not poisoned").process(&buffer[..count]);
            }
        });
        Self { child, master: pair.master, keys, seen, before }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("it reads");
    }

    pub(crate) fn resize(&self, size: (u16, u16)) {
        self.master.resize(pty_size(size)).expect("resized");
        let (columns, rows) = (NonZero::new(size.0).expect("a column"), NonZero::new(size.1).expect("a row"));
        self.seen().screen_mut().set_size(rows, columns);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it runs");
        kill_process(pid, signal).expect("it can be signalled");
    }

    fn seen(&self) -> MutexGuard<'_, vt100::Parser> {
        self.seen.lock().expect("not poisoned")
    }

    pub(crate) fn screen(&self) -> String {
        self.seen().screen().contents()
    }

    pub(crate) fn modes(&self) -> Modes {
        let termios = format!("{:?}", self.master.get_termios());
        let seen = self.seen();
        let screen = seen.screen();
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
        self.until("the prompt", |pty| !pty.modes().alternate_screen && pty.screen().trim_end().ends_with("lotic>"));
    }

    /// Types a statement at the prompt and waits for the next prompt.
    pub(crate) fn statement(&mut self, text: &str) {
        self.press(text);
        // Not before it is echoed: what is typed while no line is being read is lost.
        let end = &text[text.len().saturating_sub(12)..];
        self.until(end, |pty| pty.screen().replace('\n', "").contains(end));
        self.press("\r");
        self.until("the next prompt", |pty| {
            let screen = pty.screen();
            screen.trim_end().ends_with("lotic>") && screen.replace('\n', "").contains(end)
        });
    }

    /// Waits for the end; all of what was written has been seen then.
    pub(crate) fn exit_code(&mut self) -> u32 {
        for _ in 0..PATIENCE_S * STEPS_A_SECOND {
            if let Some(status) = self.child.try_wait().expect("a child") {
                // The reader of the screen is another thread: it may have some bytes before it.
                std::thread::park_timeout(Duration::from_millis(50));
                return status.exit_code();
            }
            std::thread::park_timeout(STEP);
        }
        panic!("it does not end; the screen:\n{}", self.screen());
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pty_size(size: (u16, u16)) -> PtySize {
    PtySize { rows: size.1, cols: size.0, pixel_width: 0, pixel_height: 0 }
}
