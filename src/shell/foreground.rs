//! Waiting for jobs and previews in the foreground, and Ctrl-C.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::exit::{EXIT_FAILURE, EXIT_OK};
use super::progress::Progress;
use super::shell::Shell;
use super::{print, render};
use crate::inspect::{CheckpointStatus, JobStatus, JobView, SubtaskView};
use crate::session::{Preview, WaitRequest, WaitUntil};
use crate::types::{Error, Printable, Result};

/// The interval at which the foreground looks at what it waits for, milliseconds.
const TICK_MS: u64 = 100;
/// The longest wait for a cancelled preview, milliseconds.
const CANCEL_MS: u64 = 1_000;
/// The time that a job that a signal ends has for its last checkpoint, milliseconds.
const STOP_MS: i64 = 1_200;
/// The interval at which `wait` looks whether what it waits for has come, milliseconds.
const WAIT_TICK_MS: u64 = 10;

/// Stops every running job with a last checkpoint; one that can't take it is cancelled, which is said. When a signal
/// comes meanwhile it says that the next one leaves at once, and then does not wait any longer. With `warned` it did so
/// before, and a job that is not stopped in time is cancelled: windows that fire for minutes keep no script from leaving.
/// Whether all are over.
pub(super) fn stop_jobs(shell: &Shell, mut warned: bool) -> bool {
    let jobs: Vec<_> = shell.session.running().map(|entry| (entry.name.clone(), Arc::clone(&entry.job))).collect();
    for (name, job) in &jobs {
        let (name, job) = (name.clone(), Arc::clone(job));
        let stopping = std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
            if let Err(error) = job.stop(None, false)
                && job.wait(Some(0)).is_none()
            {
                print::error(Printable::line(&format!("job {name} is cancelled without a checkpoint: {error}")));
                job.cancel();
            }
        });
        if stopping.is_err() {
            shell.session.cancel_all();
        }
    }
    let mut late_ms = warned.then(|| shell.clock.now_ms().saturating_add(STOP_MS));
    for (_, job) in &jobs {
        while job.wait(Some(TICK_MS)).is_none() {
            if late_ms.take_if(|late_ms| *late_ms <= shell.clock.now_ms()).is_some() {
                for (name, job) in jobs.iter().filter(|(_, job)| job.wait(Some(0)).is_none()) {
                    let message = format!("job {name} is cancelled without a checkpoint: it was not stopped in time");
                    print::error(Printable::line(&message));
                    job.cancel();
                }
            }
            if shell.interrupts.take() {
                if warned {
                    return false;
                }
                warned = true;
                shell.message("\nCtrl-C again leaves at once, without the checkpoint\n");
            }
        }
    }
    true
}

/// Waits for every job of the session that still runs. Ctrl-C stops them with a last checkpoint.
pub(super) fn wait_for_jobs(shell: &Shell) -> u8 {
    let mut progress = Progress::new(shell.clock.clone(), shell.quiet);
    let mut code = EXIT_OK;
    let (mut told, mut ending) = (BTreeMap::new(), BTreeSet::new());
    for entry in shell.session.jobs().filter(|entry| !shell.told.contains(&entry.name)) {
        let ended = loop {
            let ended = entry.job.wait(Some(TICK_MS));
            tell_restarts(shell, &mut progress, &mut told);
            end_with_readers(shell, &mut ending);
            if let Some(status) = ended {
                break status;
            }
            if shell.interrupts.take() {
                progress.clear();
                shell.message("interrupted: jobs take a last checkpoint; Ctrl-C again leaves at once\n");
                stop_jobs(shell, true);
                return shell.interrupts.exit_code();
            }
            let running: Vec<_> =
                shell.session.jobs().map(|job| job.job.view()).filter(|view| !view.status.is_final()).collect();
            progress.draw(&running);
        };
        progress.clear();
        code = code.max(report(shell, &entry.name, ended, entry.job.failure()));
    }
    if shell.interrupts.take() { shell.interrupts.exit_code() } else { code }
}

/// Stops the jobs whose rows nobody reads any more: what is open fires, and what their other sinks owe is committed.
fn end_with_readers(shell: &Shell, ending: &mut BTreeSet<String>) {
    for entry in shell.session.running().filter(|entry| entry.results.is_unread()) {
        if ending.insert(entry.name.clone()) {
            let job = Arc::clone(&entry.job);
            let stop = move || {
                // One that ends by itself meanwhile can't be stopped any more, and how it ended is told anyway.
                let _ = job.stop(None, true);
            };
            if std::thread::Builder::new().name("stop".to_owned()).spawn(stop).is_err() {
                entry.job.cancel();
            }
        }
    }
}

/// Says which jobs have restarted since it was last asked, and why.
fn tell_restarts(shell: &Shell, progress: &mut Progress, told: &mut BTreeMap<String, u32>) {
    for entry in shell.session.jobs() {
        let view = entry.job.view();
        let before = told.insert(entry.name.clone(), view.restarts).unwrap_or(0);
        if view.restarts > before {
            progress.clear();
            let attempts = entry.plan.settings.restart_attempts;
            shell.message(restarted(&entry.name, &view, attempts));
        }
    }
}

/// The message about a restart.
pub(super) fn restarted(name: &str, view: &JobView, attempts: u32) -> Printable {
    let cause = view.cause.as_deref().unwrap_or("unknown");
    Printable::line(&format!("job {name}: restart {} of {attempts}: {cause}", view.restarts))
}

/// The message about a job that failed; `what` stands before its name.
pub(super) fn job_failed(what: &str, name: &str, failure: Option<Error>) -> Printable {
    let what = format!("{what} {name} failed");
    failure.map_or_else(|| Printable::line(&format!("{what}: unknown")), |error| render::failed(&what, &error))
}

/// Says how a job ended, if there is anything to say.
pub(super) fn report(shell: &Shell, name: &str, status: JobStatus, failure: Option<Error>) -> u8 {
    match status {
        JobStatus::Failed => {
            shell.message(job_failed("error: job", name, failure));
            EXIT_FAILURE
        }
        JobStatus::Finished => {
            if let Some(entry) = shell.session.jobs().find(|entry| entry.name == name) {
                for lost in lost_rows(&entry.job.view()) {
                    shell.message(Printable::line(&format!("job {name}: {lost}")));
                }
                if entry.results.is_unread() {
                    shell.message(Printable::line(&format!(
                        "job {name}: nobody reads its rows any more; it has ended there, with its other output committed"
                    )));
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

/// The messages about rows that a job passed over, a line each: a person would miss these rows.
pub(super) fn lost_rows(view: &JobView) -> impl Iterator<Item = String> {
    let subtasks = view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
    let count = |(late, bad), subtask: &SubtaskView| (late + subtask.late_rows, bad + subtask.rejected_rows);
    let (late, bad) = subtasks.fold((0, 0), count);
    let late = (late > 0).then(|| format!("{} late", rows_were(late)));
    late.into_iter().chain((bad > 0).then(|| format!("{bad} {} could not be processed", rows(bad))))
}

const fn rows(count: u64) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}

fn rows_were(count: u64) -> String {
    format!("{count} {} {}", rows(count), if count == 1 { "was" } else { "were" })
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
            // So that its last rows do not mix with the next prompt.
            let _ = preview.job.wait(Some(CANCEL_MS));
            progress.clear();
            return Ok(PreviewEnd::Interrupted);
        }
        progress.draw(&[preview.job.view()]);
    };
    progress.clear();
    if preview.results.is_unread() {
        return Err(Error::io("standard output", io::ErrorKind::BrokenPipe.into()));
    }
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
    let mut ending = BTreeSet::new();
    let status = loop {
        let view = entry.job.view();
        end_with_readers(shell, &mut ending);
        let reached = match request.until {
            WaitUntil::End => false,
            WaitUntil::Rows(rows) => view.source_rows >= rows,
            WaitUntil::Checkpoint(id) => view
                .checkpoints
                .iter()
                .any(|checkpoint| checkpoint.id >= id && checkpoint.status == CheckpointStatus::Completed),
            WaitUntil::Restart(restarts) => view.restarts >= restarts && view.status == JobStatus::Running,
        };
        if reached {
            return Ok(PreviewEnd::Done);
        }
        let waited_ms = (shell.clock.nanos() - started) / 1_000_000;
        let left_ms = request.timeout_ms.map(|limit| limit.saturating_sub(waited_ms));
        if let Some(status) = entry.job.wait(Some(WAIT_TICK_MS.min(left_ms.unwrap_or(WAIT_TICK_MS)))) {
            break status;
        }
        if left_ms == Some(0) {
            return Err(Error::config(format!(
                "waited {waited_ms} ms for job {name}, which is {}",
                view.status.name()
            )));
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
        return Err(Error::config(format!("job {name} is {} before that", status.name())));
    }
    if status != JobStatus::Failed {
        shell.message(Printable::line(&format!("job {name} is {}", status.name())));
    }
    let code = report(shell, name, status, failure.clone());
    shell.told.insert(name.clone());
    if code == EXIT_OK { Ok(PreviewEnd::Done) } else { Ok(PreviewEnd::Failed) }
}

/// The end of a bare pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PreviewEnd {
    /// By itself.
    Done,
    /// By Ctrl-C.
    Interrupted,
    /// The job failed, and that was said.
    Failed,
}
