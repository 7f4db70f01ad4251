//! Waiting for jobs and previews in the foreground, and Ctrl-C.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::progress::Progress;
use super::{EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, Shell, dashboard, print};
use crate::inspect::JobStatus;
use crate::session::Preview;
use crate::types::{Error, Result, printable};

/// How often the foreground looks at what it waits for, milliseconds.
const TICK_MS: u64 = 100;

/// The signals that concern the whole program.
#[derive(Debug, Clone)]
pub(super) struct Interrupts {
    signals: Arc<Signals>,
}

#[derive(Debug, Default)]
struct Signals {
    /// Those that end a program, since somebody looked.
    count: AtomicUsize,
    /// Whether one of them was SIGTERM or SIGHUP, which mean the shell and not what it does.
    ending: AtomicBool,
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
        let modes = tcgetattr(std::io::stdin()).ok();
        let signals = Arc::new(Signals { modes, ..Signals::default() });
        let seen = Arc::clone(&signals);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::io("signal handling", error))?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(listen(&seen)))
            .map_err(|error| Error::io("signal handling", error))?;
        Ok(Self { signals })
    }

    /// Signals since the last call.
    pub(super) fn take(&self) -> bool {
        self.signals.count.swap(0, Ordering::SeqCst) > 0
    }

    /// Whether SIGTERM or SIGHUP has come: the shell is to end.
    pub(super) fn is_ending(&self) -> bool {
        self.signals.ending.load(Ordering::SeqCst)
    }

    /// Takes SIGTSTP and SIGCONT over too, for good: nobody else could give the terminal back in time.
    pub(super) fn watch_job_control(&self) {
        self.signals.wanted.notify_one();
        for _ in 0..500 {
            if self.signals.watching.load(Ordering::SeqCst) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Whether SIGTSTP has come since the last call.
    pub(super) fn take_stop(&self) -> bool {
        self.signals.stop.swap(false, Ordering::SeqCst)
    }

    /// How often the process has been continued.
    pub(super) fn continued(&self) -> usize {
        self.signals.continued.load(Ordering::SeqCst)
    }
}

async fn listen(signals: &Signals) {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let Ok(mut ends) = kinds.into_iter().map(signal).collect::<std::io::Result<Vec<_>>>() else { return };
    let (mut stop, mut cont): (Option<Receiver>, Option<Receiver>) = (None, None);
    loop {
        let [interrupt, terminate, hangup] = &mut ends[..] else { return };
        let ending = tokio::select! {
            _ = interrupt.recv() => false,
            _ = terminate.recv() => true,
            _ = hangup.recv() => true,
            () = signals.wanted.notified() => {
                if stop.is_none() {
                    stop = signal(SignalKind::from_raw(Signal::TSTP.as_raw())).ok();
                    cont = signal(SignalKind::from_raw(Signal::CONT.as_raw())).ok();
                }
                signals.watching.store(true, Ordering::SeqCst);
                continue;
            }
            () = next(&mut stop) => {
                if dashboard::is_held() {
                    signals.stop.store(true, Ordering::SeqCst);
                } else {
                    stop_here(signals, &mut cont).await;
                }
                continue;
            }
            () = next(&mut cont) => {
                signals.continued.fetch_add(1, Ordering::SeqCst);
                continue;
            }
        };
        dashboard::panic_if_asked("signals");
        if ending {
            signals.ending.store(true, Ordering::SeqCst);
        }
        // Three while nobody looks mean that the program hangs: it ends.
        if signals.count.fetch_add(1, Ordering::SeqCst) >= 2 {
            dashboard::give_back();
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    }
}

type Receiver = tokio::signal::unix::Signal;

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
async fn stop_here(signals: &Signals, cont: &mut Option<Receiver>) {
    let stdin = std::io::stdin();
    let modes = tcgetattr(&stdin).ok();
    if let Some(found) = &signals.modes {
        let _ = tcsetattr(&stdin, OptionalActions::Now, found);
    }
    let _ = kill_process(getpid(), Signal::STOP);
    // The stop need not have come when `kill` returns.
    let _ = tokio::time::timeout(Duration::from_millis(300), next(cont)).await;
    signals.continued.fetch_add(1, Ordering::SeqCst);
    if let Some(modes) = &modes {
        let _ = tcsetattr(&stdin, OptionalActions::Now, modes);
    }
}

/// Waits for every job of the session that still runs. Ctrl-C stops them with a last checkpoint.
pub(super) fn wait_for_jobs(shell: &Shell) -> u8 {
    let mut progress = Progress::new(shell.clock.clone(), shell.quiet);
    let mut code = EXIT_OK;
    let mut told = BTreeMap::new();
    for entry in shell.session.jobs() {
        let ended = loop {
            let ended = entry.job.wait(Some(TICK_MS));
            tell_restarts(shell, &mut progress, &mut told);
            if let Some(status) = ended {
                break status;
            }
            if shell.interrupts.take() {
                progress.clear();
                print::error("interrupted: jobs take a last checkpoint; Ctrl-C again leaves at once\n");
                shell.session.stop_all();
                return EXIT_INTERRUPTED;
            }
            let running: Vec<_> =
                shell.session.jobs().map(|job| job.job.view()).filter(|view| !view.status.is_final()).collect();
            progress.draw(&running);
        };
        progress.clear();
        code = code.max(report(shell, &entry.name, ended, entry.job.failure()));
    }
    code
}

/// Says which jobs have restarted since it was last asked, and why.
fn tell_restarts(shell: &Shell, progress: &mut Progress, told: &mut BTreeMap<String, u32>) {
    for entry in shell.session.jobs() {
        let view = entry.job.view();
        let before = told.insert(entry.name.clone(), view.restarts).unwrap_or(0);
        if view.restarts > before {
            progress.clear();
            let (name, cause) = (&entry.name, view.cause.as_deref().unwrap_or("unknown"));
            let attempts = entry.options.restart.attempts;
            print::error(&format!("job {name}: restart {} of {attempts}: {}\n", view.restarts, printable(cause)));
        }
    }
}

/// Says how a job ended, if there is anything to say.
pub(super) fn report(shell: &Shell, name: &str, status: JobStatus, failure: Option<Error>) -> u8 {
    let rejected = |view: &crate::inspect::JobView| -> (u64, u64) {
        let subtasks = view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
        subtasks.fold((0, 0), |(late, bad), subtask| (late + subtask.late_rows, bad + subtask.rejected_rows))
    };
    match status {
        JobStatus::Failed => {
            let cause = failure.map_or_else(|| "unknown".to_owned(), |error| error.to_string());
            if failure_is_closed_output(&cause) {
                return EXIT_OK;
            }
            print::error(&format!("error: job {name} failed: {}\n", printable(&cause)));
            EXIT_FAILURE
        }
        JobStatus::Finished => {
            if let Some(entry) = shell.session.jobs().find(|entry| entry.name == name) {
                let (late, bad) = rejected(&entry.job.view());
                if late > 0 {
                    print::error(&format!("job {name}: {late} rows were late\n"));
                }
                if bad > 0 {
                    print::error(&format!("job {name}: {bad} rows could not be processed\n"));
                }
            }
            EXIT_OK
        }
        JobStatus::Cancelled
        | JobStatus::Created
        | JobStatus::Running
        | JobStatus::Paused
        | JobStatus::Restarting
        | JobStatus::Stopping => EXIT_OK,
    }
}

fn failure_is_closed_output(cause: &str) -> bool {
    cause.starts_with("standard output: Broken pipe")
}

/// Waits for a bare pipeline, whose rows are printed meanwhile. Ctrl-C ends the pipeline, not the shell.
pub(super) fn wait_for_preview(shell: &Shell, preview: &Preview) -> Result<PreviewEnd> {
    let mut progress = Progress::new(shell.clock.clone(), shell.quiet);
    let status = loop {
        if let Some(status) = preview.job.wait(Some(TICK_MS)) {
            break status;
        }
        if shell.interrupts.take() {
            preview.job.cancel();
            progress.clear();
            return Ok(PreviewEnd::Interrupted);
        }
        progress.draw(&[preview.job.view()]);
    };
    progress.clear();
    match (status, preview.job.failure()) {
        (JobStatus::Failed, Some(error)) => Err(error),
        _ => Ok(PreviewEnd::Done),
    }
}

/// How a bare pipeline ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PreviewEnd {
    /// By itself.
    Done,
    /// By Ctrl-C.
    Interrupted,
}
