//! The terminal while the dashboard has it, and how it is given back: on leaving, on an error, by a panic of any thread,
//! by a signal. One process has one terminal, so this is one state for all threads.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, TryLockError};
use std::time::Duration;

use rustix::process::{Signal, getpgrp, getpid, getsid, kill_process};

use crate::formats::encode_base64;
use crate::types::{Error, Result};

/// Alternate screen, clicks and wheel of the mouse (not its every move), bracketed paste, no cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?25l\x1b[2J";
/// Each of them undone, in the opposite order.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?25h\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[?1049l";

/// The longest wait for a thread that is writing, milliseconds: it may hang in a terminal that takes nothing.
const PATIENCE_MS: u32 = 200;

static TERMINAL: Mutex<Option<Arc<File>>> = Mutex::new(None);
/// Whether a panic took the terminal away from the dashboard.
static PANICKED: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Holds the terminal for the dashboard; gives it back when dropped.
#[derive(Debug)]
pub(super) struct Guard;

/// Takes the terminal.
///
/// # Errors
/// When it can't be set to what the dashboard needs.
pub(super) fn enter() -> Result<Guard> {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // First the terminal, or the message would be lost on the screen that goes away.
            if give_back() {
                PANICKED.store(true, Ordering::SeqCst);
            }
            before(panic);
        }));
    });
    PANICKED.store(false, Ordering::SeqCst);
    take().map_err(|error| Error::io("the terminal", error))?;
    Ok(Guard)
}

fn take() -> io::Result<()> {
    let mut terminal = lock_patiently();
    // A copy of the descriptor: the lock of standard output may be held by a thread that hangs in it.
    let file = Arc::new(File::from(io::stdout().as_fd().try_clone_to_owned()?));
    crossterm::terminal::enable_raw_mode()?;
    let written = (&*file).write_all(ENTER);
    match &mut terminal {
        Some(terminal) => **terminal = Some(Arc::clone(&file)),
        None => return Err(io::Error::other("another thread is in it")),
    }
    drop(terminal);
    if written.is_err() {
        give_back();
    }
    written
}

/// Whether the dashboard has the terminal.
pub(super) fn is_held() -> bool {
    lock_patiently().is_some_and(|terminal| terminal.is_some())
}

/// Whether a panic has taken the terminal away since it was entered.
pub(super) fn is_lost() -> bool {
    PANICKED.load(Ordering::SeqCst)
}

/// Gives the terminal back as it was; nothing happens when it already has been. Any thread may call this at any time.
/// Returns whether there was something to give back.
pub(in crate::shell) fn give_back() -> bool {
    let mut terminal = lock_patiently();
    let file = match &mut terminal {
        Some(terminal) => terminal.take(),
        // Whoever holds the lock hangs in a write: then it is left at once, with a copy of our own.
        None => io::stdout().as_fd().try_clone_to_owned().ok().map(|copy| Arc::new(File::from(copy))),
    };
    let Some(file) = file else { return false };
    // Nobody can be told of a failure: the terminal is gone.
    let _ = (&*file).write_all(LEAVE);
    let _ = crossterm::terminal::disable_raw_mode();
    true
}

fn lock_patiently() -> Option<MutexGuard<'static, Option<Arc<File>>>> {
    for _ in 0..PATIENCE_MS {
        match TERMINAL.try_lock() {
            Ok(terminal) => return Some(terminal),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(Duration::from_millis(1)),
        }
    }
    None
}

/// Takes the terminal anew, after somebody else may have changed it.
pub(super) fn again(_held: &Guard) -> Result<()> {
    give_back();
    take().map_err(|error| Error::io("the terminal", error))
}

/// Puts `text` into the terminal's clipboard, if it allows that: OSC 52, which many terminals take.
pub(super) fn copy(text: &str) -> Result<()> {
    let mut sequence = b"\x1b]52;c;".to_vec();
    encode_base64(text.as_bytes(), &mut sequence);
    sequence.push(b'\x07');
    let mut screen = Screen { buffer: sequence };
    screen.flush().map_err(|error| Error::io("the terminal", error))
}

/// Gives the terminal back and stops this process, as Ctrl-Z does; returns when it has been continued, with the terminal
/// taken again. `continued` tells how often that has happened.
pub(super) fn stop(_held: &Guard, continued: impl Fn() -> usize) -> Result<()> {
    let before = continued();
    give_back();
    // Not SIGTSTP, which is handled here, and which the kernel does not deliver when there is no shell to return to.
    kill_process(getpid(), Signal::STOP).map_err(|error| Error::io("job control", error.into()))?;
    // The stop need not have come when `kill` returns: it has when it is over.
    for _ in 0..PATIENCE_MS {
        if continued() != before {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    take().map_err(|error| Error::io("the terminal", error))
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether a shell is there that continues what is stopped: one with job control gives each job a group of its own, and
/// the group of the session's leader is the shell's.
pub(super) fn has_job_control() -> bool {
    getsid(None).is_ok_and(|leader| leader != getpgrp())
}

/// The screen that the dashboard draws to: written as a whole when flushed, and only while the dashboard has the
/// terminal.
#[derive(Debug, Default)]
pub(super) struct Screen {
    buffer: Vec<u8>,
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.buffer);
        // Held while writing, so that nobody gives the terminal back in the middle of a frame.
        let terminal = TERMINAL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*terminal {
            Some(file) => (&**file).write_all(&bytes),
            None => Ok(()),
        }
    }
}
