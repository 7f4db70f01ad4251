//! Waiting for jobs and previews in the foreground, and Ctrl-C.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::progress::Progress;
use super::{EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, Shell, dashboard, print};
use crate::inspect::JobStatus;
use crate::session::Preview;
use crate::types::{Error, Result, printable};

/// How often the foreground looks at what it waits for, milliseconds.
const TICK_MS: u64 = 100;

/// Counts Ctrl-C and the other signals that end a program.
#[derive(Debug, Clone)]
pub(super) struct Interrupts {
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// Signals since somebody looked.
    count: AtomicUsize,
    /// The number of the signal that asked the program to end; 0 for none.
    ended_by: AtomicI32,
}

impl Interrupts {
    /// Takes SIGINT, SIGTERM and SIGHUP over from the system.
    pub(super) fn install() -> Result<Self> {
        let noted = Arc::new(Noted::default());
        let seen = noted.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(|error| Error::io("signal handling", error))?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(note_signals(&seen)))
            .map_err(|error| Error::io("signal handling", error))?;
        Ok(Self { noted })
    }

    /// Signals since the last call.
    pub(super) fn take(&self) -> bool {
        self.noted.count.swap(0, Ordering::SeqCst) > 0
    }

    /// The exit code that says which signal asked the program to end, if one did.
    pub(super) fn ended_by(&self) -> Option<u8> {
        let signal = self.noted.ended_by.load(Ordering::SeqCst);
        if signal == 0 { None } else { u8::try_from(128 + signal).ok() }
    }
}

/// Two signals while nobody looks mean that the program hangs: it ends.
async fn note_signals(noted: &Noted) {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let Ok(mut signals) = kinds.into_iter().map(signal).collect::<std::io::Result<Vec<_>>>() else { return };
    loop {
        let [interrupt, terminate, hangup] = &mut signals[..] else { return };
        let ends = tokio::select! {
            _ = interrupt.recv() => None,
            _ = terminate.recv() => Some(SignalKind::terminate()),
            _ = hangup.recv() => Some(SignalKind::hangup()),
        };
        dashboard::panic_if_asked("signals");
        if let Some(kind) = ends {
            noted.ended_by.store(kind.as_raw_value(), Ordering::SeqCst);
        }
        if noted.count.fetch_add(1, Ordering::SeqCst) >= 2 {
            dashboard::give_back();
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
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
