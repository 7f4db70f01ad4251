//! The signals that concern the whole program.

use std::io::stdin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::tcgetattr;

use super::caught::Caught;
use super::{EXIT_INTERRUPTED, dashboard};
use crate::types::{Error, Result};

/// Signals while nobody looks, behind which a program that hangs is ended.
const UNSEEN_SIGNALS: usize = 3;
/// The same at the prompt, where somebody who is impatient with a query must not lose the shell.
const UNSEEN_SIGNALS_PATIENT: usize = 20;

/// How long a script has to see a signal by itself. It looks between two statements and while it waits; what takes longer
/// than this (planning, reading a pipe that nobody writes) is not waited for.
const GRACE: Duration = Duration::from_secs(1);
/// The same at the prompt, when its terminal is gone: time for a last checkpoint of the jobs.
const GRACE_PATIENT: Duration = Duration::from_secs(3);
/// How long giving the terminal back may take then: so many looks whether it is done.
const GIVING_BACK_LOOKS: u32 = 50;
const GIVING_BACK_LOOK: Duration = Duration::from_millis(10);
/// The signals that end a program.
const ENDS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];
/// Between two looks whether the terminal is still there.
const TERMINAL_LOOK: Duration = Duration::from_secs(1);

/// Takes note of Ctrl-C and of the other signals that end a program.
#[derive(Debug, Clone)]
pub(super) struct Interrupts {
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// Signals that end a program, since somebody looked.
    count: AtomicUsize,
    /// How often somebody has looked.
    looks: AtomicUsize,
    /// The number of the signal that asked the program to end (SIGTERM or SIGHUP, which mean the shell and not what it
    /// does); 0 for none.
    ended_by: AtomicI32,
    /// Whether a line is being read: then Ctrl-C concerns that line.
    reading: AtomicBool,
    /// Whether there is a prompt to come back to.
    patient: AtomicBool,
    /// Whether the program ends with its terminal.
    follows_terminal: AtomicBool,
}

impl Interrupts {
    /// Takes SIGINT, SIGTERM and SIGHUP over from the system.
    pub(super) fn install() -> Result<Self> {
        let noted = Arc::new(Noted::default());
        let seen = Arc::clone(&noted);
        // Here and not in the thread: the line editor saves what holds for SIGINT when it begins and restores it later. If
        // that were still the system's, the next Ctrl-C would end the shell.
        let ends = Caught::take_over(ENDS).map_err(|error| Error::io("signal handling", error))?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || listen(&seen, ends))
            .map_err(|error| Error::io("signal handling", error))?;
        Ok(Self { noted })
    }

    /// Whether there was a signal since the last call.
    pub(super) fn take(&self) -> bool {
        self.noted.looks.fetch_add(1, Ordering::SeqCst);
        self.noted.count.swap(0, Ordering::SeqCst) > 0
    }

    /// Whether there was a signal since [`Self::take`]; it stays for whoever takes it.
    pub(super) fn is_pending(&self) -> bool {
        self.noted.count.load(Ordering::SeqCst) > 0
    }

    /// The exit code that says which signal asked the program to end, if one did.
    pub(super) fn ended_by(&self) -> Option<u8> {
        self.noted.ended_by()
    }

    /// The exit code of a program that was interrupted: by one of those signals, else by Ctrl-C.
    pub(super) fn exit_code(&self) -> u8 {
        self.noted.exit_code()
    }

    /// There is a prompt to come back to: many signals are taken before the program is held to hang.
    pub(super) fn be_patient(&self) {
        self.noted.patient.store(true, Ordering::SeqCst);
    }

    /// The program is for the person at the terminal: when that is gone it ends, even if no signal says so (a shell that
    /// ignores SIGHUP passes none on).
    pub(super) fn follow_terminal(&self) {
        self.noted.follows_terminal.store(true, Ordering::SeqCst);
    }

    /// Says whether a line is being read.
    pub(super) fn set_reading(&self, reading: bool) {
        self.noted.reading.store(reading, Ordering::SeqCst);
    }

    /// Whether a line is being read.
    pub(super) fn is_reading(&self) -> bool {
        self.noted.reading.load(Ordering::SeqCst)
    }
}

/// Makes the line editor return: while it reads, SIGINT is its own.
pub(super) fn wake_editor() {
    // When that fails the editor goes on reading, and the next signal tries again.
    let _ = kill_process(getpid(), Signal::INT);
}

fn listen(noted: &Arc<Noted>, mut ends: Caught<3>) {
    let mut gone = false;
    loop {
        ends.wait(TERMINAL_LOOK);
        for (index, signal) in ENDS.into_iter().enumerate() {
            if ends.take(index) {
                dashboard::panic_if_asked("signals");
                noted.end(Some(signal).filter(|&signal| signal != Signal::INT));
            }
        }
        // What the terminal's driver answers behind a hangup is an error.
        if !gone && noted.follows_terminal.load(Ordering::SeqCst) && tcgetattr(stdin()).is_err() {
            gone = true;
            noted.end(Some(Signal::HUP));
        }
    }
}

impl Noted {
    fn ended_by(&self) -> Option<u8> {
        let signal = self.ended_by.load(Ordering::SeqCst);
        if signal == 0 { None } else { u8::try_from(128 + signal).ok() }
    }

    fn exit_code(&self) -> u8 {
        self.ended_by().unwrap_or(EXIT_INTERRUPTED)
    }

    /// Ends the program unless somebody looks within `grace`: whoever should may never return to (an event reader spins
    /// on the end of a terminal that is gone). Jobs are left as by a kill, and can be restored as after one.
    fn leave_soon(self: &Arc<Self>, grace: Duration) {
        let noted = Arc::clone(self);
        let looks = self.looks.load(Ordering::SeqCst);
        let waiting = std::thread::Builder::new().name("leaving".to_owned()).spawn(move || {
            std::thread::park_timeout(grace);
            if noted.count.load(Ordering::SeqCst) == 0 || noted.looks.load(Ordering::SeqCst) != looks {
                return;
            }
            // Somebody may have sent the signal with the terminal still there. It may as well take nothing any more: that
            // is not waited for.
            let giving = std::thread::Builder::new().name("giving-back".to_owned()).spawn(dashboard::give_back);
            if let Ok(giving) = giving {
                for _ in 0..GIVING_BACK_LOOKS {
                    if giving.is_finished() {
                        break;
                    }
                    std::thread::park_timeout(GIVING_BACK_LOOK);
                }
            }
            std::process::exit(i32::from(noted.exit_code()));
        });
        drop(waiting);
    }

    /// SIGINT, or one of those that mean the shell.
    fn end(self: &Arc<Self>, kind: Option<Signal>) {
        let reading = self.reading.load(Ordering::SeqCst);
        if let Some(kind) = kind {
            self.ended_by.store(kind.as_raw(), Ordering::SeqCst);
            if reading {
                wake_editor();
            }
        }
        let patient = self.patient.load(Ordering::SeqCst);
        if !patient {
            self.leave_soon(GRACE);
        } else if kind == Some(Signal::HUP) {
            self.leave_soon(GRACE_PATIENT);
        }
        if reading {
            return;
        }
        let limit = if patient { UNSEEN_SIGNALS_PATIENT } else { UNSEEN_SIGNALS };
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 >= limit {
            dashboard::give_back();
            std::process::exit(i32::from(self.exit_code()));
        }
    }
}
