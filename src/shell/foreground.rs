//! Waiting for jobs and previews in the foreground, and Ctrl-C.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::progress::Progress;
use super::{EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, Shell};
use crate::inspect::JobStatus;
use crate::session::{Preview, WaitRequest, WaitUntil};
use crate::types::{Error, Result, printable};

/// How often the foreground looks at what it waits for, milliseconds.
const TICK_MS: u64 = 100;
/// How often `wait` looks whether it has come, milliseconds.
const WAIT_TICK_MS: u64 = 10;

/// Counts Ctrl-C and the other signals that end a program.
#[derive(Debug, Clone)]
pub(super) struct Interrupts {
    count: Arc<AtomicUsize>,
}

impl Interrupts {
    /// Takes SIGINT, SIGTERM and SIGHUP over from the system.
    pub(super) fn install() -> Result<Self> {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = count.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(|error| Error::io("signal handling", error))?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(count_signals(&seen)))
            .map_err(|error| Error::io("signal handling", error))?;
        Ok(Self { count })
    }

    /// Signals since the last call.
    pub(super) fn take(&self) -> bool {
        self.count.swap(0, Ordering::SeqCst) > 0
    }
}

/// Two signals while nobody looks mean that the program hangs: it ends.
async fn count_signals(seen: &AtomicUsize) {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let Ok(mut signals) = kinds.into_iter().map(signal).collect::<std::io::Result<Vec<_>>>() else { return };
    loop {
        let [interrupt, terminate, hangup] = &mut signals[..] else { return };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        if seen.fetch_add(1, Ordering::SeqCst) >= 2 {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    }
}

/// Waits for every job of the session that still runs. Ctrl-C stops them with a last checkpoint.
pub(super) fn wait_for_jobs(shell: &Shell) -> u8 {
    let mut progress = Progress::new(shell.clock.clone(), shell.quiet);
    let mut code = EXIT_OK;
    let mut told = BTreeMap::new();
    for entry in shell.session.jobs().filter(|entry| !shell.told.contains(&entry.name)) {
        let ended = loop {
            let ended = entry.job.wait(Some(TICK_MS));
            tell_restarts(shell, &mut progress, &mut told);
            if let Some(status) = ended {
                break status;
            }
            if shell.interrupts.take() {
                progress.clear();
                shell.message("interrupted: jobs take a last checkpoint; Ctrl-C again leaves at once\n");
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
            shell.message(&format!("job {name}: restart {} of {attempts}: {}\n", view.restarts, printable(cause)));
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
            shell.message(&format!("error: job {name} failed: {}\n", printable(&cause)));
            EXIT_FAILURE
        }
        JobStatus::Finished => {
            if let Some(entry) = shell.session.jobs().find(|entry| entry.name == name) {
                let (late, bad) = rejected(&entry.job.view());
                if late > 0 {
                    shell.message(&format!("job {name}: {} late\n", rows_were(late)));
                }
                if bad > 0 {
                    shell.message(&format!("job {name}: {bad} {} could not be processed\n", rows(bad)));
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

const fn rows(count: u64) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}

fn rows_were(count: u64) -> String {
    format!("{count} {} {}", rows(count), if count == 1 { "was" } else { "were" })
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

/// Waits for what `wait` was asked to wait for. Ctrl-C ends the wait, not the job.
pub(super) fn wait_for(shell: &mut Shell, request: &WaitRequest) -> Result<PreviewEnd> {
    let name = &request.job;
    let Some(entry) = shell.session.jobs().find(|entry| entry.name == *name) else { return Ok(PreviewEnd::Done) };
    let mut progress = Progress::new(shell.clock.clone(), shell.quiet);
    let started = shell.clock.nanos();
    let status = loop {
        let view = entry.job.view();
        let reached = match request.until {
            WaitUntil::End => false,
            WaitUntil::Rows(rows) => view.source_rows >= rows,
            WaitUntil::Checkpoint(id) => {
                view.checkpoints.iter().any(|checkpoint| checkpoint.id >= id && checkpoint.status == "completed")
            }
            WaitUntil::Restart(restarts) => view.restarts >= restarts && view.status == JobStatus::Running,
        };
        if reached {
            return Ok(PreviewEnd::Done);
        }
        let waited_ms = (shell.clock.nanos() - started) / 1_000_000;
        let left_ms = request.timeout_ms.map(|limit| limit.saturating_sub(waited_ms));
        if left_ms == Some(0) {
            return Err(Error::config(format!("waited {waited_ms} ms for job {name}, which is {}", word(view.status))));
        }
        if let Some(status) = entry.job.wait(Some(WAIT_TICK_MS.min(left_ms.unwrap_or(WAIT_TICK_MS)))) {
            break status;
        }
        if shell.interrupts.take() {
            return Ok(PreviewEnd::Interrupted);
        }
        progress.draw(&[view]);
    };
    progress.clear();
    shell.release_rows();
    let failure = entry.job.failure();
    if request.until != WaitUntil::End && status != JobStatus::Failed {
        return Err(Error::config(format!("job {name} is {} before that", word(status))));
    }
    if status != JobStatus::Failed {
        shell.message(&format!("job {name} is {}\n", word(status)));
    }
    let code = report(shell, name, status, failure.clone());
    shell.told.insert(name.clone());
    if code == EXIT_OK { Ok(PreviewEnd::Done) } else { Ok(PreviewEnd::Failed) }
}

fn word(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Created => "created",
        JobStatus::Running => "running",
        JobStatus::Paused => "paused",
        JobStatus::Restarting => "restarting",
        JobStatus::Stopping => "stopping",
        JobStatus::Finished => "finished",
        JobStatus::Cancelled => "cancelled",
        JobStatus::Failed => "failed",
    }
}

/// How a bare pipeline ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PreviewEnd {
    /// By itself.
    Done,
    /// By Ctrl-C.
    Interrupted,
    /// The job failed, and that was said.
    Failed,
}
