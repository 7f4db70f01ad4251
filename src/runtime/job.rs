//! The handle of a running job: what the shell holds.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::deploy::AttemptControl;
use super::driver::{Driver, Graphs, Launch, Shared, guarded};
use super::inbox::{Answer, Message, Request};
use super::job_manager::{Command, Event};
use super::job_spec::{Executor, JobOptions, JobSpec, MakeGraph, Restore};
use super::redb_storage::{open_locked, open_storage, tidy};
use super::restore::{self, DryRun};
use super::state_query;
use super::stepping::Stepper;
use super::storage::CheckpointStorage;
use super::threaded::Threads;
use crate::checkpoint::check_savepoint_place;
use crate::inspect::{CheckpointStatus, CheckpointView, JobStatus, JobView, StateQuery, StateView, TrendView};
use crate::plan::{JobGraph, Mode};
use crate::types::{CheckpointId, Clock, Error, Result, SubtaskId};

/// Messages on their way to the job manager, at most.
const MESSAGES: usize = 1_024;
/// The longest wait for the last status of a job that answers no more, milliseconds.
const OVER_MS: u64 = 1_000;
/// The longest the job manager waits between two looks at the clock, which may be a virtual one.
const LOOK_MS_MAX: i64 = 50;

/// A job. Dropping it cancels it.
#[derive(Debug)]
pub struct Job {
    shared: Arc<Shared>,
    messages: SyncSender<Message>,
    restored_from: Option<CheckpointId>,
    clock: Arc<dyn Clock>,
    /// Held by the job while it runs.
    storage: Option<Weak<dyn CheckpointStorage>>,
    directory: Option<PathBuf>,
}

impl Job {
    /// Starts it. Returns when its subtasks are made and their state is restored.
    ///
    /// # Errors
    /// When the state can't be read or does not fit, or a source or sink can't be opened.
    pub fn launch(spec: JobSpec, clock: Arc<dyn Clock>) -> Result<Self> {
        if let Some(savepoint) = &spec.options.final_savepoint {
            check_savepoint_place(savepoint)?;
        }
        if spec.options.directory.is_some() && matches!(spec.restore, Restore::Savepoint(_)) {
            // Before what an earlier run left gives way to a savepoint that does not fit.
            restore::check(&spec, None)?;
        }
        let JobSpec { stream, graph, mut options, restore } = spec;
        let batch = options.settings.mode == Mode::Batch;
        if batch && (restore != Restore::Fresh || options.final_savepoint.is_some()) {
            return Err(Error::config(
                "a job in mode = 'batch' takes no checkpoints and no savepoints: it starts from the beginning of its input, \
                 and is started again from there; leave out the mode",
            ));
        }
        let storage = match &options.directory {
            // A failure does all again: there is nothing to keep, and the directory is held by the job itself.
            Some(_) if batch => None,
            Some(directory) => {
                let lock = options.lock.take();
                tidy(directory)?;
                Some(open_locked(directory, &restore, lock)?)
            }
            None => None,
        };
        let parallelism = stream.parallelism;
        let make_graph = move |parallelism| Ok(JobGraph::from_stream_graph(&stream, Some(parallelism)));
        let graphs = Graphs { make: Arc::new(make_graph), first: Some(graph) };
        Self::start(graphs, parallelism, options, &restore, storage, clock)
    }

    /// As [`Self::launch`], for a job graph that is made by other means, with its checkpoints in `storage`.
    ///
    /// # Errors
    /// As [`Self::launch`].
    pub fn launch_graph(
        make_graph: Arc<MakeGraph>,
        parallelism: usize,
        options: JobOptions,
        restore: &Restore,
        storage: Option<Arc<dyn CheckpointStorage>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        Self::start(Graphs::made_by(make_graph), parallelism, options, restore, storage, clock)
    }

    fn start(
        graphs: Graphs,
        parallelism: usize,
        options: JobOptions,
        restore: &Restore,
        storage: Option<Arc<dyn CheckpointStorage>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let restored_from = restore_from(restore, storage.as_deref())?;
        let (messages, inbox) = sync_channel(MESSAGES);
        let (own_clock, directory) = (Arc::clone(&clock), options.directory.clone());
        let own_storage = storage.as_ref().map(Arc::downgrade);
        let executor = options.executor;
        let launch = Launch { graphs, parallelism, options, restore: restored_from, storage, clock };
        let shared = match executor {
            Executor::Threaded => {
                let clock = Arc::clone(&own_clock);
                let driver = Driver::launch(launch, Threads::new(messages.clone(), Arc::clone(&clock)))?;
                let shared = driver.shared();
                spawn("job-manager", Arc::clone(&shared), move || drive(driver, &inbox, &*clock))?;
                shared
            }
            Executor::Stepping { seed } => {
                let stepper = Stepper::start(launch, seed)?;
                let shared = stepper.shared();
                spawn("stepper", Arc::clone(&shared), move || drive_steps(stepper, &inbox))?;
                shared
            }
        };
        Ok(Self { shared, messages, restored_from, clock: own_clock, storage: own_storage, directory })
    }

    /// Whether `spec` could be started in this job's place. Nothing is changed.
    ///
    /// # Errors
    /// When there is no such checkpoint or savepoint, or it does not fit, with all that does not.
    pub fn check_restore(&self, spec: &JobSpec) -> Result<()> {
        // Of a job that is over nothing is lost when it can't be started again.
        restore::check(spec, self.open_storage().as_deref())
    }

    /// The state that a start of `spec` in this job's place would take up; `None` where there is none. Reads all of it.
    ///
    /// # Errors
    /// As [`Self::check_restore`], but for what does not fit.
    pub fn dry_run(&self, spec: &JobSpec) -> Result<Option<DryRun>> {
        match self.open_storage() {
            Some(storage) => restore::dry_run(spec, Some(&*storage)),
            None => Self::dry_launch(spec),
        }
    }

    /// As [`Self::dry_run`], where no job runs in the directory that `spec` names.
    ///
    /// # Errors
    /// As [`Self::dry_run`].
    pub fn dry_launch(spec: &JobSpec) -> Result<Option<DryRun>> {
        let stored = matches!(spec.restore, Restore::Latest | Restore::Checkpoint(_));
        let directory = spec.options.directory.as_ref().filter(|_| stored);
        let storage = directory.map(|directory| open_storage(directory, &spec.restore)).transpose()?;
        restore::dry_run(spec, storage.as_deref())
    }

    /// Whether it was restored from a checkpoint or has completed one. Else what its directory holds is an earlier run's.
    #[must_use]
    pub fn has_checkpoint(&self) -> bool {
        self.restored_from.is_some()
            || self.shared.view().checkpoints.iter().any(|checkpoint| checkpoint.status == CheckpointStatus::Completed)
    }

    /// The number of the checkpoint or savepoint that the job started from, when there was one.
    #[must_use]
    pub const fn restored_from(&self) -> Option<CheckpointId> {
        self.restored_from
    }

    /// The view of the job, now. Costs the job nothing: counters are read, operators answer between two batches.
    #[must_use]
    pub fn view(&self) -> Arc<JobView> {
        Arc::new(self.shared.view())
    }

    /// The view of the job, as its subtasks show it when they are asked now: waits until all have answered, at most a
    /// fifth of a second. For a printed listing; whoever looks again and again takes [`Self::view`].
    #[must_use]
    pub fn fresh_view(&self) -> Arc<JobView> {
        Arc::new(self.shared.fresh_view())
    }

    /// The job's last minutes, a moment a second, oldest first: what went on while nobody looked.
    #[must_use]
    pub fn trend(&self) -> Vec<TrendView> {
        self.shared.trend()
    }

    /// The job's keyed state: live where the operators can show it, of the last completed checkpoint otherwise. Waits
    /// for the subtasks' answers (each between two batches), so it is not for a thread that draws.
    ///
    /// # Errors
    /// When the job has neither running subtasks nor a checkpoint, or what is stored is damaged.
    pub fn state(&self, query: &StateQuery) -> Result<Vec<StateView>> {
        let control = self.shared.control();
        let status = self.shared.status();
        let flows = matches!(status, JobStatus::Running | JobStatus::Paused | JobStatus::Stopping);
        let live = match &control {
            Some(control) if flows && !query.checkpointed => {
                let patience_ms = state_query::patience_ms(self.open_storage().as_deref());
                state_query::live(control, query, &*self.clock, patience_ms)?
            }
            Some(_) | None => None,
        };
        let Some(live) = live else { return self.checkpointed_state(control.as_deref(), query) };
        if live.iter().all(Option::is_some) {
            return Ok(live.into_iter().flatten().flatten().collect());
        }
        // Some operators show only what was checkpointed: nothing, before the first checkpoint.
        let stored = self.checkpointed_state(control.as_deref(), query).unwrap_or_default();
        let uids = control.map(|control| state_query::uids(&control, query)).unwrap_or_default();
        let of = |uid: &str| stored.iter().filter(|state| state.operator == uid).cloned().collect();
        Ok(uids.iter().zip(live).flat_map(|(uid, live)| live.unwrap_or_else(|| of(uid))).collect())
    }

    /// Waits until it is over, at most `timeout_ms`; `None` when it is not over by then.
    #[must_use]
    pub fn wait(&self, timeout_ms: Option<u64>) -> Option<JobStatus> {
        self.shared.wait(timeout_ms)
    }

    /// The failure that ended it.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.shared.failure()
    }

    /// Takes a checkpoint and waits for it.
    ///
    /// # Errors
    /// When the job keeps no state or does not run, or the checkpoint fails.
    pub fn checkpoint(&self) -> Result<CheckpointView> {
        self.command_for_checkpoint(Command::Checkpoint)
    }

    /// Takes a savepoint into `directory`, which must not exist or be empty, and waits for it.
    ///
    /// # Errors
    /// As [`Self::checkpoint`], and when the directory can't be written.
    pub fn savepoint(&self, directory: &Path) -> Result<CheckpointView> {
        check_savepoint_place(directory)?;
        self.command_for_checkpoint(Command::Savepoint(directory.to_path_buf()))
    }

    /// Stops it: with `drain` the open windows fire first; then a last checkpoint is taken, a savepoint too if asked
    /// for. Waits until that is done.
    ///
    /// # Errors
    /// When the job does not run, or the savepoint can't be written.
    pub fn stop(&self, savepoint: Option<&Path>, drain: bool) -> Result<()> {
        if let Some(savepoint) = savepoint {
            // A job is not ended for a savepoint that can't be.
            check_savepoint_place(savepoint)?;
        }
        let savepoint = savepoint.map(Path::to_path_buf);
        self.command(Command::Stop { savepoint, drain })?;
        // The answer says that the work is done; this, that nothing of the job is left.
        self.shared.wait(None);
        Ok(())
    }

    /// Ends it at once. Uncommitted output is lost, checkpoints stay. Does not wait: see [`Self::wait`].
    pub fn cancel(&self) {
        let (reply, _) = sync_channel(1);
        // A job that is over can't be cancelled any more, and one whose queue is full is asked again by the drop.
        let _ = self.messages.send(Message::Request(Request::Command(Command::Cancel), reply));
    }

    /// Holds the sources.
    ///
    /// # Errors
    /// When the job does not run.
    pub fn pause(&self) -> Result<()> {
        self.command(Command::Pause).map(|_| ())
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// When the job is not paused.
    pub fn resume(&self) -> Result<()> {
        self.command(Command::Resume).map(|_| ())
    }

    /// A checkpoint, a stop, and a restore at another parallelism. Waits until the checkpoint is taken and the job is
    /// being restored.
    ///
    /// # Errors
    /// When the job keeps no state, does not run, or can't have that parallelism.
    pub fn rescale(&self, parallelism: usize) -> Result<()> {
        self.command(Command::Rescale(parallelism)).map(|_| ())
    }

    /// Fails one subtask on purpose.
    ///
    /// # Errors
    /// When there is no such subtask, or the job does not run.
    pub fn kill_subtask(&self, subtask: SubtaskId) -> Result<()> {
        self.ask(Request::KillSubtask(subtask)).map(|_| ())
    }

    /// Fails all slots of one task manager on purpose.
    ///
    /// # Errors
    /// When there is no such task manager, or the job does not run.
    pub fn kill_task_manager(&self, index: usize) -> Result<()> {
        self.ask(Request::KillTaskManager(index)).map(|_| ())
    }

    /// The job's storage, closed once the job is over.
    fn open_storage(&self) -> Option<Arc<dyn CheckpointStorage>> {
        self.storage.as_ref().and_then(Weak::upgrade)
    }

    fn checkpointed_state(&self, control: Option<&AttemptControl>, query: &StateQuery) -> Result<Vec<StateView>> {
        // What is in the directory of a job that is over can still be read.
        let storage = match (self.open_storage(), &self.directory) {
            (Some(storage), _) => storage,
            (None, Some(directory)) if self.has_checkpoint() => open_storage(directory, &Restore::Latest)?,
            (None, Some(_)) => return Err(Error::state("the job has no completed checkpoint")),
            (None, None) => {
                return Err(Error::config("the job has no running subtasks and no checkpoint to read the state from"));
            }
        };
        state_query::checkpointed(&*storage, control, query)
    }

    fn command(&self, command: Command) -> Answer {
        self.ask(Request::Command(command))
    }

    fn command_for_checkpoint(&self, command: Command) -> Result<CheckpointView> {
        self.command(command)?.ok_or_else(|| Error::state("the checkpoint is no longer listed"))
    }

    fn ask(&self, request: Request) -> Answer {
        let (reply, answer) = sync_channel(1);
        // Nobody answers for a job that is over; that it is may be told a moment later.
        let over = || {
            let status = self.shared.wait(Some(OVER_MS)).unwrap_or_else(|| self.shared.status());
            Error::config(format!("the job is {}", status.name()))
        };
        self.messages.send(Message::Request(request, reply)).map_err(|_| over())?;
        answer.recv().map_err(|_| over())?
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn restore_from(restore: &Restore, storage: Option<&dyn CheckpointStorage>) -> Result<Option<CheckpointId>> {
    match (restore, storage) {
        (Restore::Fresh, _) | (Restore::Latest, None) => Ok(None),
        (Restore::Latest, Some(storage)) => Ok(storage.checkpoints()?.last().copied()),
        (Restore::Checkpoint(id), Some(storage)) => restore::held(storage, *id).map(|()| Some(*id)),
        (Restore::Savepoint(directory), Some(storage)) => storage.import_savepoint(directory).map(Some),
        (Restore::Checkpoint(_) | Restore::Savepoint(_), None) => {
            Err(Error::config("a job without a state directory can't be restored"))
        }
    }
}

/// Runs `work` on a thread of its own; what it returns is the job's last status. When that can be read, nothing of the
/// job runs any more and its storage is closed.
fn spawn(
    name: &str,
    shared: Arc<Shared>,
    work: impl FnOnce() -> JobStatus + Send + 'static,
) -> Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let status = guarded(|| Ok(work())).unwrap_or(JobStatus::Failed);
            shared.conclude(status);
        })
        .map_err(|error| Error::config(format!("no thread for the {name}: {error}")))
}

/// The job manager's thread.
fn drive(mut driver: Driver<Threads>, inbox: &Receiver<Message>, clock: &dyn Clock) -> JobStatus {
    while !driver.manager().status().is_final() {
        let wait_ms = driver
            .manager()
            .due_ms()
            .map_or(LOOK_MS_MAX, |due| due.saturating_sub(clock.now_ms()).clamp(0, LOOK_MS_MAX));
        match inbox.recv_timeout(Duration::from_millis(wait_ms.unsigned_abs())) {
            Ok(Message::Event(event)) => driver.handle(event),
            Ok(Message::Request(request, reply)) => driver.request(request, reply),
            Err(RecvTimeoutError::Timeout) => driver.handle(Event::Tick),
            // Its own workers hold the other end, so this can't happen while it lives.
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    driver.manager().status()
}

/// The stepping executor's thread.
fn drive_steps(mut stepper: Stepper, inbox: &Receiver<Message>) -> JobStatus {
    while !stepper.status().is_final() {
        while let Ok(message) = inbox.try_recv() {
            if let Message::Request(request, reply) = message {
                stepper.answer(request, reply);
            }
        }
        if !stepper.step() && !stepper.status().is_final() {
            // Nothing happens without a command any more.
            match inbox.recv_timeout(Duration::from_millis(LOOK_MS_MAX.unsigned_abs())) {
                Ok(Message::Request(request, reply)) => stepper.answer(request, reply),
                Ok(Message::Event(_)) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }
    stepper.status()
}
