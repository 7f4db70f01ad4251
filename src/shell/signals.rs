//! The signals that concern the whole program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::{EXIT_INTERRUPTED, dashboard};
use crate::types::{Error, Result};

/// Signals while nobody looks, behind which a program that hangs is ended.
const UNSEEN_SIGNALS: usize = 3;
/// The same at the prompt, where somebody who is impatient with a query must not lose the shell.
const UNSEEN_SIGNALS_PATIENT: usize = 20;
/// How long SIGTSTP may take to stop the process.
const STOP: Duration = Duration::from_millis(300);

/// Takes note of Ctrl-C, of the other signals that end a program, and of job control.
#[derive(Debug, Clone)]
pub(super) struct Interrupts {
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// Signals that end a program, since somebody looked.
    count: AtomicUsize,
    /// The number of the signal that asked the program to end (SIGTERM or SIGHUP, which mean the shell and not what it
    /// does); 0 for none.
    ended_by: AtomicI32,
    /// Whether a line is being read: then Ctrl-C concerns that line.
    reading: AtomicBool,
    /// Whether there is a prompt to come back to.
    patient: AtomicBool,
    /// Asks for SIGTSTP and SIGCONT to be taken over, and tells whether they are.
    wanted: Notify,
    watching: AtomicBool,
    /// Whether SIGTSTP has come since somebody looked.
    stop: AtomicBool,
    /// How often SIGCONT has come.
    continued: AtomicUsize,
    /// The terminal's modes when the program began.
    modes: Option<Termios>,
}

impl Interrupts {
    /// Takes SIGINT, SIGTERM and SIGHUP over from the system.
    pub(super) fn install() -> Result<Self> {
        let noted = Arc::new(Noted { modes: tcgetattr(std::io::stdin()).ok(), ..Noted::default() });
        let seen = Arc::clone(&noted);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::io("signal handling", error))?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(listen(&seen)))
            .map_err(|error| Error::io("signal handling", error))?;
        Ok(Self { noted })
    }

    /// Whether there was a signal since the last call.
    pub(super) fn take(&self) -> bool {
        self.noted.count.swap(0, Ordering::SeqCst) > 0
    }

    /// The exit code that says which signal asked the program to end, if one did.
    pub(super) fn ended_by(&self) -> Option<u8> {
        let signal = self.noted.ended_by.load(Ordering::SeqCst);
        if signal == 0 { None } else { u8::try_from(128 + signal).ok() }
    }

    /// There is a prompt to come back to: many signals are taken before the program is held to hang.
    pub(super) fn be_patient(&self) {
        self.noted.patient.store(true, Ordering::SeqCst);
    }

    /// Says whether a line is being read.
    pub(super) fn set_reading(&self, reading: bool) {
        self.noted.reading.store(reading, Ordering::SeqCst);
    }

    /// Whether a line is being read.
    pub(super) fn is_reading(&self) -> bool {
        self.noted.reading.load(Ordering::SeqCst)
    }

    /// Takes SIGTSTP and SIGCONT over too, for good: nobody else could give the terminal back in time.
    pub(super) fn watch_job_control(&self) {
        self.noted.wanted.notify_one();
        for _ in 0..500 {
            if self.noted.watching.load(Ordering::SeqCst) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Whether SIGTSTP has come since the last call.
    pub(super) fn take_stop(&self) -> bool {
        self.noted.stop.swap(false, Ordering::SeqCst)
    }

    /// How often the process has been continued.
    pub(super) fn continued(&self) -> usize {
        self.noted.continued.load(Ordering::SeqCst)
    }
}

/// Makes the line editor return: while it reads, SIGINT is its own.
pub(super) fn wake_editor() {
    // When that fails the editor goes on reading, and the next signal tries again.
    let _ = kill_process(getpid(), Signal::INT);
}

type Receiver = tokio::signal::unix::Signal;

async fn listen(noted: &Noted) {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let Ok(mut ends) = kinds.into_iter().map(signal).collect::<std::io::Result<Vec<_>>>() else { return };
    let (mut stop, mut cont): (Option<Receiver>, Option<Receiver>) = (None, None);
    loop {
        let [interrupt, terminate, hangup] = &mut ends[..] else { return };
        let ending = tokio::select! {
            _ = interrupt.recv() => None,
            _ = terminate.recv() => Some(SignalKind::terminate()),
            _ = hangup.recv() => Some(SignalKind::hangup()),
            () = noted.wanted.notified() => {
                if stop.is_none() {
                    stop = signal(SignalKind::from_raw(Signal::TSTP.as_raw())).ok();
                    cont = signal(SignalKind::from_raw(Signal::CONT.as_raw())).ok();
                }
                noted.watching.store(true, Ordering::SeqCst);
                continue;
            }
            () = next(&mut stop) => {
                if dashboard::is_held() {
                    noted.stop.store(true, Ordering::SeqCst);
                } else {
                    stop_here(noted, &mut cont).await;
                }
                continue;
            }
            () = next(&mut cont) => {
                noted.continued.fetch_add(1, Ordering::SeqCst);
                continue;
            }
        };
        dashboard::panic_if_asked("signals");
        noted.end(ending);
    }
}

impl Noted {
    /// SIGINT, or one of those that mean the shell.
    fn end(&self, kind: Option<SignalKind>) {
        let reading = self.reading.load(Ordering::SeqCst);
        if let Some(kind) = kind {
            self.ended_by.store(kind.as_raw_value(), Ordering::SeqCst);
            if reading {
                wake_editor();
            }
        }
        if reading {
            return;
        }
        let patient = self.patient.load(Ordering::SeqCst);
        let limit = if patient { UNSEEN_SIGNALS_PATIENT } else { UNSEEN_SIGNALS };
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 >= limit {
            dashboard::give_back();
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    }
}

/// The next signal of a kind, never when it is not watched.
async fn next(signal: &mut Option<Receiver>) {
    match signal {
        Some(signal) => {
            let _ = signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// What the system does on SIGTSTP unless the signal is taken over: stops the program. The terminal is left as it was
/// found when the program began; the prompt may have it in another mode.
async fn stop_here(noted: &Noted, cont: &mut Option<Receiver>) {
    let stdin = std::io::stdin();
    let modes = tcgetattr(&stdin).ok();
    if let Some(found) = &noted.modes {
        let _ = tcsetattr(&stdin, OptionalActions::Now, found);
    }
    let _ = kill_process(getpid(), Signal::STOP);
    // The stop need not have come when `kill` returns.
    let _ = tokio::time::timeout(STOP, next(cont)).await;
    noted.continued.fetch_add(1, Ordering::SeqCst);
    if let Some(modes) = &modes {
        let _ = tcsetattr(&stdin, OptionalActions::Now, modes);
    }
}
