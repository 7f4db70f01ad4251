//! The signals that concern the whole program.

use std::io::{self, stdin};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::tcgetattr;
use tokio::signal::unix::{SignalKind, signal};

use super::dashboard;
use super::exit::EXIT_INTERRUPTED;
use crate::types::{Error, Result};

/// Signals while nobody looks, behind which a program that hangs is ended.
const UNSEEN_SIGNALS: usize = 3;
/// The same at the prompt, where somebody who is impatient with a query must not lose the shell.
const UNSEEN_SIGNALS_PATIENT: usize = 20;

/// The time that a script has to see a signal by itself. It looks between two statements and while it waits; what takes
/// longer than this (planning, reading a pipe that nobody writes) is not waited for.
const GRACE: Duration = Duration::from_secs(1);
/// The same at the prompt, when its terminal is gone: time for a last checkpoint of the jobs.
const GRACE_PATIENT: Duration = Duration::from_secs(3);
/// The time that signals are not heard when the system has failed a call.
const LISTEN_AGAIN: Duration = Duration::from_millis(100);
/// The number of looks whether giving the terminal back is done, after which it is not waited for.
const GIVING_BACK_LOOKS: u32 = 50;
const GIVING_BACK_LOOK: Duration = Duration::from_millis(10);
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
    /// The number of times somebody has looked.
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
        let mut listener = Some(Listener::new()?);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                loop {
                    let done = listener.take().map(|listener| {
                        caught(|| {
                            listener.listen(&seen);
                            Ok(())
                        })
                    });
                    if matches!(done, Some(Ok(()))) {
                        return;
                    }
                    // The system has failed a call of tokio's. Whoever wants to end the program must be heard all the same.
                    std::thread::park_timeout(LISTEN_AGAIN);
                    listener = Listener::new().ok();
                }
            })
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

/// The listener that hears the signals.
struct Listener {
    runtime: tokio::runtime::Runtime,
    ends: Vec<tokio::signal::unix::Signal>,
}

impl Listener {
    fn new() -> Result<Self> {
        caught(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
            let guard = runtime.enter();
            let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
            let ends = kinds.into_iter().map(signal).collect::<io::Result<Vec<_>>>()?;
            drop(guard);
            Ok(Self { runtime, ends })
        })
    }

    fn listen(self, noted: &Arc<Noted>) {
        self.runtime.block_on(listen(noted, self.ends));
    }
}

/// Runs `f`. tokio panics where a call of the system fails that hardly ever does: that is an error, too.
fn caught<T>(f: impl FnOnce() -> io::Result<T>) -> Result<T> {
    let done =
        catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| Err(io::Error::other("a call of the system failed")));
    done.map_err(|error| Error::io("signal handling", error))
}

/// Makes the line editor return: while it reads, SIGINT is its own.
pub(super) fn wake_editor() {
    // When that fails the editor goes on reading, and the next signal tries again.
    let _ = kill_process(getpid(), Signal::INT);
}

async fn listen(noted: &Arc<Noted>, mut ends: Vec<tokio::signal::unix::Signal>) {
    let mut gone = false;
    loop {
        let [interrupt, terminate, hangup] = &mut ends[..] else { return };
        let ending = tokio::select! {
            _ = interrupt.recv() => None,
            _ = terminate.recv() => Some(SignalKind::terminate()),
            _ = hangup.recv() => Some(SignalKind::hangup()),
            () = tokio::time::sleep(TERMINAL_LOOK), if !gone => {
                // What the terminal's driver answers behind a hangup is an error.
                gone = noted.follows_terminal.load(Ordering::SeqCst) && tcgetattr(stdin()).is_err();
                if !gone {
                    continue;
                }
                Some(SignalKind::hangup())
            }
        };
        dashboard::panic_if_asked("signals");
        noted.end(ending);
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
    fn end(self: &Arc<Self>, kind: Option<SignalKind>) {
        let reading = self.reading.load(Ordering::SeqCst);
        if let Some(kind) = kind {
            self.ended_by.store(kind.as_raw_value(), Ordering::SeqCst);
            if reading {
                wake_editor();
            }
        }
        let patient = self.patient.load(Ordering::SeqCst);
        if !patient {
            self.leave_soon(GRACE);
        } else if kind == Some(SignalKind::hangup()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_below_is_an_error_and_whoever_listens_goes_on() {
        let error = caught(|| -> io::Result<()> { panic!("failed to wake I/O driver") }).unwrap_err().to_string();
        assert_eq!(error, "signal handling: a call of the system failed");
        assert!(Listener::new().is_ok());
    }
}
