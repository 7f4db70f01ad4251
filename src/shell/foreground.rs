//! Waiting for jobs and previews in the foreground, and Ctrl-C.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::cells::cut;
use super::exit::{EXIT_FAILURE, EXIT_OK};
use super::output::Framed;
use super::progress::Progress;
use super::shell::Shell;
use super::{print, progress, render};
use crate::inspect::{CheckpointStatus, JobStatus, JobView, SubtaskView};
use crate::session::{Preview, WaitRequest, WaitUntil};
use crate::types::{Error, Printable, Result};

/// The interval at which the foreground looks at what it waits for, milliseconds.
const TICK_MS: u64 = 100;
/// The longest wait for a cancelled preview, milliseconds.
const CANCEL_MS: u64 = 1_000;
/// The time that a job that a signal ends has for its last checkpoint, milliseconds.
const STOP_MS: i64 = 1_200;
/// The lines of a frame that are no rows of its table: header and rule, what is below, what is waited for, and the prompt's.
const FRAME_LINES: usize = 6;
/// Looks without a row before it is said what a preview waits for.
const QUIET_LOOKS: u32 = 3;
/// Looks after which the rows of a preview are shown as they come: one that ends before is shown as a whole.
const HELD_LOOKS: u32 = 3;
/// Bad rows of a preview that are shown.
const BAD_ROWS: usize = 5;
/// Columns of such a row.
const BAD_ROW_WIDTH: usize = 100;
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
                        "job {name}: nobody reads its rows any more, so it has ended; its other output is committed"
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
    late.into_iter().chain((bad > 0).then(|| format!("{} rejected", rows_were(bad))))
}

const fn rows(count: u64) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}

fn rows_were(count: u64) -> String {
    format!("{count} {} {}", rows(count), if count == 1 { "was" } else { "were" })
}

/// Waits for a bare pipeline, whose rows are printed meanwhile. Ctrl-C ends the pipeline, not the shell.
pub(super) fn wait_for_preview(shell: &Shell, preview: &Preview) -> Result<PreviewEnd> {
    let mut shown = Shown::new(shell);
    let mut looks = 0;
    let status = loop {
        let status = preview.job.wait(Some(TICK_MS));
        looks += 1;
        if status.is_none() && looks == HELD_LOOKS {
            shell.rows.release(|_| false)?;
        }
        shown.bad_rows(&preview.job.view());
        if let Some(status) = status {
            break Some(status);
        }
        if shell.interrupts.take() {
            break None;
        }
        if preview.results.is_cut() {
            // The sink has said so to the operators before it; a source that reads on is not waited for.
            preview.job.cancel();
        }
        shown.look(preview);
    };
    if status.is_none() {
        preview.job.cancel();
        // So that its last rows do not mix with the next prompt.
        let _ = preview.job.wait(Some(CANCEL_MS));
    }
    let done = status.is_some() && preview.job.failure().is_none();
    shown.end(status.is_none())?;
    shell.rows.release(|text| done && shell.page(text))?;
    let Some(status) = status else { return Ok(PreviewEnd::Interrupted) };
    if preview.results.is_unread() {
        return Err(Error::io("standard output", io::ErrorKind::BrokenPipe.into()));
    }
    match (status, preview.job.failure()) {
        (JobStatus::Failed, Some(error)) => Err(error),
        _ => Ok(PreviewEnd::Done),
    }
}

/// The columns of a line that can be written over, and the rows of a table that can.
fn room() -> (usize, usize) {
    let (width, height) = crossterm::terminal::size().unwrap_or((80, 24));
    // A line that fills the last column wraps on some terminals.
    (usize::from(width).saturating_sub(1), usize::from(height).saturating_sub(FRAME_LINES))
}

/// What is shown of a preview besides its rows.
struct Shown<'a> {
    shell: &'a Shell,
    /// A line for messages where rows go elsewhere.
    progress: Progress,
    /// On a terminal: the table that changes in place, and what the preview waits for.
    framed: Option<Framed<'static>>,
    printed: u64,
    quiet_looks: u32,
    /// The bad rows that were shown.
    bad: BTreeSet<(String, String)>,
}

impl<'a> Shown<'a> {
    fn new(shell: &'a Shell) -> Self {
        let framed = (shell.rows.is_shown() && render::can_redraw()).then(print::framed);
        let progress = Progress::new(shell.clock.clone(), shell.quiet);
        Self { shell, progress, framed, printed: 0, quiet_looks: 0, bad: BTreeSet::new() }
    }

    /// Shows how far the preview is, unless its rows do.
    fn look(&mut self, preview: &Preview) {
        let Some(framed) = &self.framed else {
            self.progress.draw(&[preview.job.view()]);
            return;
        };
        let (width, rows_max) = room();
        let live = self.shell.rows.live(width, rows_max);
        let printed = self.shell.rows.printed();
        self.quiet_looks = if printed == self.printed { self.quiet_looks + 1 } else { 0 };
        self.printed = printed;
        if live.is_none() && self.quiet_looks < QUIET_LOOKS {
            return;
        }
        let mut lines = live.unwrap_or_default();
        if !self.shell.quiet {
            let waiting = progress::waiting(&preview.job.view());
            lines.push(cut(&waiting, width).unwrap_or(waiting));
        }
        framed.show(lines);
    }

    /// Shows the first rows that could not be read or processed; further ones are only counted.
    fn bad_rows(&mut self, view: &JobView) {
        let subtasks = view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
        for row in subtasks.flat_map(|subtask| &subtask.rejected) {
            if self.bad.len() == BAD_ROWS {
                return;
            }
            if self.bad.insert((row.place.clone(), row.message.clone())) {
                self.progress.clear();
                let excerpt = cut(&row.row, BAD_ROW_WIDTH).unwrap_or_else(|| row.row.clone());
                let text = format!("bad row at {}: {}: {excerpt}", row.place, row.message);
                self.shell.message(Printable::line(&text));
                if self.bad.len() == BAD_ROWS {
                    self.shell.message("further bad rows are only counted\n");
                }
            }
        }
    }

    /// Leaves the last state of a table that changes in place on the screen: as much as was seen when it was interrupted,
    /// else as much as is wanted.
    fn end(mut self, interrupted: bool) -> Result<()> {
        self.progress.clear();
        drop(self.framed.take());
        let (width, rows_seen) = room();
        let wanted = self.shell.rows.wanted().and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX);
        let rows_max = if interrupted { rows_seen } else { wanted };
        let lines = self.shell.rows.live(width, rows_max).unwrap_or_default();
        if lines.is_empty() { Ok(()) } else { print::data(lines.join("\n") + "\n") }
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
            return Err(Error::config(format!("waited {waited_ms} ms for job {name}: it is {}", view.status.name())));
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
        return Err(Error::config(format!("job {name} is {}, and what was waited for has not come", status.name())));
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
