//! Watches the jobs while the person types: what happens to them is said by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::inspect::{JobStatus, JobView};
use crate::runtime::Job;
use crate::session::Session;
use crate::shell::exit::EXIT_INTERRUPTED;
use crate::shell::foreground::{job_failed, restarted};
use crate::shell::print;
use crate::shell::signals::{Interrupts, wake_editor};
use crate::types::{Error, Printable, Result, thousands};

/// Between two looks at whether jobs are over.
const LOOK: Duration = Duration::from_millis(100);
/// Views are made for every so many looks: they ask the operators.
const LOOKS_A_VIEW: u32 = 5;
/// Looks after which a line editor that does not wake for SIGTERM is given up.
const LOOKS_A_SIGNAL: u32 = 10;

/// The watching thread; it ends with this.
#[derive(Debug)]
pub(super) struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    jobs: Mutex<BTreeMap<String, Watched>>,
    over: AtomicBool,
    interrupts: Interrupts,
}

/// A job. Its last handle is the session's, so that dropping that one ends it.
#[derive(Debug, Clone)]
struct Watched {
    job: Weak<Job>,
    attempts: u32,
    restarts: u32,
    told_end: bool,
}

impl Watcher {
    /// Starts watching.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(interrupts: Interrupts) -> Result<Self> {
        let shared = Arc::new(Shared { jobs: Mutex::default(), over: AtomicBool::new(false), interrupts });
        let watching = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("watcher".to_owned())
            .spawn(move || watching.watch())
            .map_err(|error| crate::types::Error::io("the watcher of jobs", error))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Watches the jobs of `session` from now on, those started since the last call too.
    pub(super) fn follow(&self, session: &Session) {
        let mut jobs = self.shared.jobs();
        jobs.retain(|name, _| session.jobs().any(|entry| entry.name == *name));
        for entry in session.jobs() {
            let job = Arc::downgrade(&entry.job);
            let known = jobs.get(&entry.name).is_some_and(|watched| watched.job.ptr_eq(&job));
            if !known {
                let attempts = entry.plan.settings.restart_attempts;
                jobs.insert(entry.name.clone(), Watched { job, attempts, restarts: 0, told_end: false });
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of it has been printed.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) {
        let mut looks: u32 = 0;
        let mut asked_to_end: u32 = 0;
        while !self.over.load(Ordering::SeqCst) {
            std::thread::park_timeout(LOOK);
            looks = looks.wrapping_add(1);
            self.look(looks.is_multiple_of(LOOKS_A_VIEW));
            if self.interrupts.ended_by().is_some() && self.interrupts.is_reading() {
                asked_to_end += 1;
                wake_editor();
                if asked_to_end > LOOKS_A_SIGNAL {
                    self.end();
                }
            } else {
                asked_to_end = 0;
            }
        }
    }

    /// A terminal without line editing can't be woken: the jobs are stopped here, and the process is ended.
    fn end(&self) {
        let jobs: Vec<Arc<Job>> = self.jobs().values().filter_map(|watched| watched.job.upgrade()).collect();
        for job in jobs {
            if job.wait(Some(0)).is_none() && job.stop(None, false).is_err() {
                job.cancel();
            }
        }
        std::process::exit(i32::from(self.interrupts.ended_by().unwrap_or(EXIT_INTERRUPTED)));
    }

    fn look(&self, with_view: bool) {
        // Told without the lock: the prompt must not wait for a full terminal.
        let mut told = Vec::new();
        for (name, watched) in self.jobs().iter_mut() {
            let Some(job) = watched.job.upgrade().filter(|_| !watched.told_end) else { continue };
            let ended = job.wait(Some(0));
            if ended.is_none() && !with_view {
                continue;
            }
            let view = job.view();
            if view.restarts > watched.restarts {
                watched.restarts = view.restarts;
                told.push(restarted(name, &view, watched.attempts));
            }
            if let Some(status) = ended {
                watched.told_end = true;
                told.extend(over(name, status, &view, job.failure()));
            }
        }
        for notice in told {
            print::error(notice);
        }
    }
}

/// The message about how a job ended, unless the person ended it.
fn over(name: &str, status: JobStatus, view: &JobView, failure: Option<Error>) -> Option<Printable> {
    match status {
        JobStatus::Failed => Some(job_failed("job", name, failure)),
        JobStatus::Finished => {
            let subtasks = || view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
            let late: u64 = subtasks().map(|subtask| subtask.late_rows).sum();
            let rejected: u64 = subtasks().map(|subtask| subtask.rejected_rows).sum();
            let mut text = format!("job {name} finished: {} rows in", thousands(view.source_rows));
            // Writing to a String cannot fail.
            let _ = write!(text, ", {} rows out", thousands(view.sink_rows));
            if late > 0 {
                let _ = write!(text, ", {} late", thousands(late));
            }
            if rejected > 0 {
                let _ = write!(text, ", {} rejected", thousands(rejected));
            }
            Some(Printable::line(&text))
        }
        JobStatus::Cancelled
        | JobStatus::Created
        | JobStatus::Running
        | JobStatus::Paused
        | JobStatus::Restarting
        | JobStatus::Stopping => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_job_is_told_unless_it_was_cancelled() {
        let view = JobView { source_rows: 1_000, sink_rows: 20, restarts: 2, ..JobView::default() };
        assert_eq!(
            over("hot", JobStatus::Finished, &view, None).as_ref().map(Printable::as_str),
            Some("job hot finished: 1,000 rows in, 20 rows out\n")
        );
        assert_eq!(
            over("hot", JobStatus::Failed, &view, Some(Error::config("bad\u{1b}[2J"))).as_ref().map(Printable::as_str),
            Some("job hot failed: bad\\x1b[2J\n")
        );
        assert_eq!(over("hot", JobStatus::Cancelled, &view, None), None);
        assert_eq!(restarted("hot", &view, 3).as_str(), "job hot: restart 2 of 3: unknown\n");
    }
}
