//! Carries out what the job manager decides: the one place where decisions meet threads, channels and storage.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::deploy::{AttemptControl, DeploySetting, Deployment, deploy, facts, source_rows};
use super::inbox::{Answer, Request};
use super::job_manager::{Action, Event, JobManager, ManagerOptions, Token, Work};
use super::job_spec::{JobOptions, MakeGraph};
use super::job_view;
use super::mailbox::Message;
use super::restore::adopt;
use super::source_driver::RowBudget;
use super::storage::{CheckpointStorage, CheckpointWrite, JobFacts, RestorePoint};
use super::subtask::Drain;
use super::survey::Survey;
use crate::api::{Committer, Settled};
use crate::checkpoint::Moment;
use crate::inspect::{CheckpointView, EventView, JobStatus, JobView, SavepointView, Severity, TrendView};
use crate::plan::{JobGraph, JobSettings};
use crate::state::JobDir;
use crate::types::files::OsFiles;
use crate::types::key_group::hash_bytes;
use crate::types::{CheckpointId, Clock, Error, OperatorUid, Result, SpillSpace, SubtaskId};

/// Moments kept for trends, and the time between two, milliseconds.
const TREND: usize = 100;
const TREND_MS: i64 = 1_000;
/// The longest wait for a fresh view, milliseconds.
const LOOK_MS: u32 = 200;
/// The directory, in that of a job, for rows that are more than its memory.
const SPILL: &str = "spill";

/// Who steps the subtasks and does the writer's work: threads, or one thread by seed.
pub(super) trait Workers {
    /// Whether a subtask that sleeps must be woken to answer whoever looks.
    const WAKES_TO_LOOK: bool;

    /// Runs the subtasks of an attempt.
    fn start(&mut self, attempt: u32, deployment: Deployment);
    /// Ends the attempt; none of its subtasks is stepped after that.
    fn stop(&mut self);
    /// Does `work`, after all that it was given before, without keeping the caller waiting.
    fn write(&mut self, writer: &Arc<Writer>, work: Work);
}

/// The writer's side: the storage and the committers of one parallelism's graph.
pub(super) struct Writer {
    storage: Option<Arc<dyn CheckpointStorage>>,
    facts: JobFacts,
    committers: BTreeMap<OperatorUid, Arc<dyn Committer>>,
    clock: Arc<dyn Clock>,
}

impl Writer {
    /// Does `work` and says what came of it. `seed` is that of whoever steps the job by one.
    pub(super) fn run(&self, work: Work, seed: Option<u64>) -> Event {
        match work {
            Work::Persist(completed) => {
                let write = CheckpointWrite {
                    id: completed.id,
                    parent: completed.parent,
                    deltas: &completed.deltas,
                    job: &self.facts,
                    triggered_ms: completed.triggered_ms,
                    moment: Moment { clock_ms: self.clock.now_ms(), seed },
                };
                let result = self.storage().and_then(|storage| guarded(|| storage.commit(&write)));
                Event::Persisted { completed, result }
            }
            Work::Commit { id, entries } => {
                let commit = |(uid, entries): (&OperatorUid, &Vec<Vec<u8>>)| match self.committers.get(uid) {
                    Some(committer) => guarded(|| committer.commit(entries)),
                    None => Ok(()),
                };
                Event::Committed { id, result: entries.iter().try_for_each(commit) }
            }
            Work::Savepoint { id, directory, token } => {
                let result = self.storage().and_then(|storage| guarded(|| storage.write_savepoint(id, &directory)));
                Event::SavepointWritten { token, id, directory, result }
            }
            Work::Retain(keep) => Event::Retained(self.storage().and_then(|storage| guarded(|| storage.retain(&keep)))),
        }
    }

    fn storage(&self) -> Result<&Arc<dyn CheckpointStorage>> {
        self.storage.as_ref().ok_or_else(|| Error::config("the job keeps no state"))
    }
}

/// Runs `f`; a panic in it is an error with its message.
pub(super) fn guarded<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(Error::Panic(message))
    })
}

/// The state that the handle reads without asking the job's threads.
#[derive(Debug)]
pub(super) struct Shared {
    name: String,
    state: Mutex<SharedState>,
    ended: Condvar,
    clock: Arc<dyn Clock>,
    launched_ms: i64,
    earlier_restarts: u32,
    settings: Arc<JobSettings>,
}

#[derive(Debug)]
struct SharedState {
    status: JobStatus,
    cause: Option<Error>,
    restarts: u32,
    parallelism: usize,
    checkpoints: Vec<CheckpointView>,
    next_checkpoint_ms: Option<i64>,
    savepoints: Vec<SavepointView>,
    events: Vec<EventView>,
    trend: VecDeque<TrendView>,
    control: Option<Arc<AttemptControl>>,
}

impl Shared {
    pub(super) fn view(&self) -> JobView {
        let (mut view, control) = {
            let state = self.lock();
            let view = JobView {
                name: self.name.clone(),
                status: state.status,
                cause: state.cause.as_ref().map(ToString::to_string),
                restarts: state.restarts,
                earlier_restarts: self.earlier_restarts,
                uptime_ms: self.clock.now_ms().saturating_sub(self.launched_ms),
                parallelism: state.parallelism,
                now_ms: self.clock.now_ms(),
                checkpoints: state.checkpoints.clone(),
                checkpoint_interval_ms: self.settings.checkpoint_interval_ms,
                next_checkpoint_ms: state.next_checkpoint_ms.filter(|_| !state.status.is_final()),
                savepoints: state.savepoints.clone(),
                events: state.events.clone(),
                ..JobView::default()
            };
            (view, state.control.clone())
        };
        if let Some(control) = control {
            job_view::fill(&mut view, &control, self.clock.nanos());
        }
        view
    }

    /// The view, once every running subtask has shown itself anew; of those that do not within a fifth of a second as
    /// they were.
    pub(super) fn fresh_view(&self) -> JobView {
        if let Some(control) = self.control().filter(|_| !self.status().is_final()) {
            let looks = control.look_now(self.clock.nanos());
            control.wake_to_look();
            let answered = || {
                control.metrics.iter().zip(&looks).all(|(subtasks, &look)| {
                    subtasks.iter().all(|metrics| metrics.is_finished() || metrics.shown().answered() >= look)
                })
            };
            for _ in 0..LOOK_MS {
                if answered() {
                    break;
                }
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        self.view()
    }

    /// The job's last minutes, a moment a second, oldest first.
    pub(super) fn trend(&self) -> Vec<TrendView> {
        self.lock().trend.iter().copied().collect()
    }

    /// The attempt that runs, or ran last.
    pub(super) fn control(&self) -> Option<Arc<AttemptControl>> {
        self.lock().control.clone()
    }

    pub(super) fn status(&self) -> JobStatus {
        self.lock().status
    }

    /// The error that ended the job.
    pub(super) fn failure(&self) -> Option<Error> {
        let state = self.lock();
        if state.status == JobStatus::Failed { state.cause.clone() } else { None }
    }

    pub(super) fn wait(&self, timeout_ms: Option<u64>) -> Option<JobStatus> {
        let state = self.lock();
        let state = match timeout_ms {
            None => {
                self.ended.wait_while(state, |state| !state.status.is_final()).unwrap_or_else(PoisonError::into_inner)
            }
            Some(ms) => {
                let waited = self.ended.wait_timeout_while(state, Duration::from_millis(ms), |s| !s.status.is_final());
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        Some(state.status).filter(|status| status.is_final())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last word: told when nothing of the job runs any more and its storage is closed.
    pub(super) fn conclude(&self, status: JobStatus) {
        self.lock().status = status;
        self.ended.notify_all();
    }
}

/// The origin of each attempt's job graph.
pub(super) struct Graphs {
    pub(super) make: Arc<MakeGraph>,
    /// The graph of the next attempt, when it had to be looked at before.
    pub(super) first: Option<JobGraph>,
}

impl Graphs {
    /// Each made by `make`.
    pub(super) const fn made_by(make: Arc<MakeGraph>) -> Self {
        Self { make, first: None }
    }

    /// The graph of the next attempt.
    fn next(&mut self, parallelism: usize) -> Result<JobGraph> {
        self.first.take().map_or_else(|| (self.make)(parallelism), Ok)
    }
}

/// The launch of a job: what it is started with, checked and restored.
pub(super) struct Launch {
    pub(super) graphs: Graphs,
    pub(super) parallelism: usize,
    pub(super) options: JobOptions,
    pub(super) restore: Option<CheckpointId>,
    pub(super) storage: Option<Arc<dyn CheckpointStorage>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// One job's manager with everything that it decides over.
pub(super) struct Driver<W> {
    manager: JobManager,
    workers: W,
    graphs: Graphs,
    setting: DeploySetting,
    statement: Option<String>,
    stop_after_rows: Option<u64>,
    /// Source rows that had been read before this launch.
    rows_before: u64,
    /// The last number that the storage had used before this launch.
    id_before: CheckpointId,
    storage: Option<Arc<dyn CheckpointStorage>>,
    writer: Option<Arc<Writer>>,
    control: Option<Arc<AttemptControl>>,
    survey: Survey,
    replies: BTreeMap<Token, SyncSender<Answer>>,
    next_token: Token,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// Leave to use the job's directory, where no storage holds it.
    _lock: Option<Arc<JobDir>>,
}

impl<W: Workers> Driver<W> {
    /// Makes the first attempt and runs it.
    ///
    /// # Errors
    /// When the options do not fit, or the attempt can't be made.
    pub(super) fn launch(launch: Launch, workers: W) -> Result<Self> {
        let Launch { mut graphs, parallelism, options, restore, storage, clock } = launch;
        if storage.is_none() && (restore.is_some() || options.final_savepoint.is_some()) {
            return Err(Error::config("a job without a state directory has no checkpoints and no savepoints"));
        }
        let graph = graphs.next(parallelism)?;
        let now_ms = clock.now_ms();
        let held = storage.as_ref().map_or(Ok(Vec::new()), |storage| storage.checkpoints())?;
        let last_id = storage.as_ref().map_or(Ok(CheckpointId(0)), |storage| storage.last_id())?;
        let rows_before = match (&storage, restore) {
            (Some(storage), Some(id)) => source_rows(&graph, &*storage.restore(id)?)?,
            _ => 0,
        };
        let past = match &storage {
            Some(storage) => options.past.stored_in(&**storage, &held),
            None => options.past,
        };
        let manager_options = ManagerOptions {
            settings: Arc::clone(&options.settings),
            final_savepoint: options.final_savepoint.clone(),
            max_parallelism: graph.max_parallelism,
            durable: storage.is_some(),
        };
        let state = SharedState {
            status: JobStatus::Created,
            cause: None,
            restarts: 0,
            parallelism,
            checkpoints: Vec::new(),
            next_checkpoint_ms: None,
            savepoints: Vec::new(),
            events: Vec::new(),
            trend: VecDeque::new(),
            control: None,
        };
        let shared = Shared {
            name: graph.name.clone(),
            state: Mutex::new(state),
            ended: Condvar::new(),
            clock: Arc::clone(&clock),
            launched_ms: now_ms,
            earlier_restarts: past.restarts,
            settings: Arc::clone(&options.settings),
        };
        graphs.first = Some(graph);
        let memory = options.settings.spill_bytes();
        let spill = match &options.directory {
            Some(directory) => SpillSpace::new(Arc::new(OsFiles), directory.join(SPILL), memory),
            None => SpillSpace::temporary(memory),
        };
        let mut driver = Self {
            manager: JobManager::new(manager_options, parallelism, restore, &held, last_id, past, now_ms),
            workers,
            graphs,
            setting: DeploySetting {
                settings: options.settings,
                drain: match (options.drain, &options.final_savepoint) {
                    (false, _) => Drain::Never,
                    // What is left of the input is to be read by whoever restores the savepoint.
                    (true, Some(_)) if !options.drain_at_limit => Drain::AtEnd,
                    (true, _) => Drain::AtAnyEnd,
                },
                wakes_to_look: W::WAKES_TO_LOOK,
                owner: options.directory.as_ref().map(|path| hash_bytes(path.as_os_str().as_encoded_bytes())),
                earlier_state: storage.as_ref().is_some_and(|storage| storage.has_earlier_state()),
                clock: Arc::clone(&clock),
                spill: Arc::new(spill),
                // A run that keeps no state is bounded by what somebody looks at.
                directory: options.directory.clone().unwrap_or_else(std::env::temp_dir),
            },
            statement: options.statement,
            stop_after_rows: options.stop_after_rows,
            rows_before,
            id_before: last_id,
            storage,
            writer: None,
            control: None,
            survey: Survey::default(),
            replies: BTreeMap::new(),
            next_token: 0,
            shared: Arc::new(shared),
            clock,
            _lock: options.lock,
        };
        let first = driver.manager.start();
        match driver.perform(first) {
            Some(Event::DeployFailed(error)) => return Err(error),
            Some(event) => driver.handle(event),
            None => {}
        }
        Ok(driver)
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(super) fn workers(&mut self) -> &mut W {
        &mut self.workers
    }

    pub(super) const fn manager(&self) -> &JobManager {
        &self.manager
    }

    /// Takes note of what happened and does what follows.
    pub(super) fn handle(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        let mut answers = Vec::new();
        while let Some(event) = events.pop_front() {
            let now_ms = self.clock.now_ms();
            self.look_before(&event, now_ms);
            for action in self.manager.handle(event, now_ms) {
                if let Action::Reply(token, answer) = action {
                    answers.push((token, answer));
                } else {
                    events.extend(self.perform(action));
                }
            }
        }
        self.manager.blame(None);
        self.survey(false);
        self.keep_moment();
        // Whoever is answered must find in the view what the answer says.
        self.publish();
        for (token, answer) in answers {
            self.answer(token, answer);
        }
    }

    /// Does what the handle asks for; the answer goes to `reply`, at once or later.
    pub(super) fn request(&mut self, request: Request, reply: SyncSender<Answer>) {
        let control = self.control.as_ref().ok_or_else(|| Error::config("the job is not running"));
        let answer = match request {
            Request::Command(command) => {
                self.next_token += 1;
                self.replies.insert(self.next_token, reply);
                self.handle(Event::Command(command, self.next_token));
                return;
            }
            Request::KillSubtask(subtask) => control
                .and_then(|control| control.kill_subtask(subtask))
                .map(|()| (format!("subtask {subtask}"), "killed by command")),
            Request::KillTaskManager(index) => control
                .and_then(|control| control.kill_task_manager(index))
                .map(|()| (format!("task manager {}", index + 1), "killed by command")),
        };
        let now_ms = self.clock.now_ms();
        let answer = answer.map(|(subject, message)| {
            self.manager.event_log().note(now_ms, Severity::Warning, subject, message, None);
            self.publish();
        });
        // Whoever asked may have gone; then nobody waits for the answer.
        let _ = reply.try_send(answer.map(|()| None));
    }

    /// A failure is told with the row that caused it, where it was a row.
    fn look_before(&mut self, event: &Event, now_ms: i64) {
        let (Event::Failed { error: Error::Row { row, .. }, .. }, Some(control)) = (event, &self.control) else {
            return;
        };
        self.survey.look(control, now_ms, true, self.manager.event_log());
        self.manager.blame((!row.is_empty()).then(|| row.clone()));
    }

    /// Notes rows that were lost.
    fn survey(&mut self, last: bool) {
        if let Some(control) = &self.control {
            self.survey.look(control, self.clock.now_ms(), last, self.manager.event_log());
        }
    }

    /// Keeps what trends are drawn of, once a second. It is woken more often anyway.
    fn keep_moment(&self) {
        let (Some(control), now_ms) = (&self.control, self.clock.now_ms()) else { return };
        let mut state = self.shared.lock();
        if state.trend.back().is_some_and(|last| now_ms.saturating_sub(last.at_ms) < TREND_MS) {
            return;
        }
        if state.trend.len() == TREND {
            state.trend.pop_front();
        }
        let moment = job_view::moment(control, now_ms, self.manager.restarts(), self.manager.parallelism());
        state.trend.push_back(moment);
    }

    fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Deploy { attempt, restore, parallelism, hold } => {
                return Some(match guarded(|| self.deploy(attempt, restore, parallelism, hold)) {
                    Ok(subtasks) => Event::Deployed { subtasks },
                    Err(error) => Event::DeployFailed(error),
                });
            }
            Action::Teardown => {
                self.workers.stop();
                self.survey(true);
                self.control = None;
            }
            Action::Trigger(id) => self.tell_all(|| Message::Barrier(id)),
            Action::Durable(id) => self.tell_all(|| Message::Settled(id, Settled::Durable)),
            Action::Aborted(id) => self.tell_all(|| Message::Settled(id, Settled::Aborted)),
            Action::StopSources { drain } => self.tell_all(|| Message::Stop { drain }),
            Action::Hold(hold) => self.tell_all(|| Message::Hold(hold)),
            Action::Write(work) => {
                if let Some(writer) = &self.writer {
                    self.workers.write(writer, work);
                }
            }
            Action::Reply(token, answer) => self.answer(token, answer),
        }
        None
    }

    fn answer(&mut self, token: Token, answer: Answer) {
        if let Some(reply) = self.replies.remove(&token) {
            // Whoever asked may have gone; then nobody waits for the answer.
            let _ = reply.try_send(answer);
        }
    }

    fn tell_all(&self, message: impl Fn() -> Message) {
        if let Some(control) = &self.control {
            control.tell_all(message);
        }
    }

    fn deploy(
        &mut self,
        attempt: u32,
        restore: Option<CheckpointId>,
        parallelism: usize,
        hold: bool,
    ) -> Result<Vec<SubtaskId>> {
        let graph = self.graphs.next(parallelism)?;
        self.forget_failed(restore)?;
        let point = match (&self.storage, restore) {
            (Some(storage), Some(id)) => {
                Some(adopt(&graph, storage.restore(id)?, self.setting.settings.allow_non_restored_state)?)
            }
            _ => None,
        };
        let renamed = point.as_ref().map(|point| point.renamed.clone()).unwrap_or_default();
        let budget = match self.stop_after_rows {
            None => None,
            Some(rows) => {
                let read = point.as_ref().map_or(Ok(0), |point| source_rows(&graph, point))?;
                let since_launch = read.saturating_sub(self.rows_before);
                Some(Arc::new(RowBudget::new(rows.saturating_sub(since_launch))))
            }
        };
        let committers = graph
            .vertices
            .iter()
            .flat_map(|vertex| &vertex.operators)
            .filter_map(|chained| Some((chained.uid.clone(), chained.operator.committer()?)))
            .collect();
        self.writer = Some(Arc::new(Writer {
            storage: self.storage.clone(),
            facts: facts(&graph, parallelism, self.statement.clone(), renamed),
            committers,
            clock: Arc::clone(&self.clock),
        }));
        let point = point.as_ref().map(|point| point as &dyn RestorePoint);
        let deployment = deploy(graph, &self.setting, point, budget.as_ref(), hold)?;
        let control = Arc::clone(&deployment.control);
        let subtasks = control.subtasks().collect();
        self.shared.lock().control = Some(Arc::clone(&control));
        self.survey = Survey::of(&control);
        self.control = Some(control);
        self.workers.start(attempt, deployment);
        Ok(subtasks)
    }

    /// A write that was answered with an error may have been durable all the same. An attempt that starts from an older
    /// checkpoint does again, and otherwise, what that one says: nobody must find it any more.
    fn forget_failed(&self, restore: Option<CheckpointId>) -> Result<()> {
        let Some(storage) = &self.storage else { return Ok(()) };
        let held = storage.checkpoints()?;
        let newest = restore.unwrap_or(self.id_before).max(self.id_before);
        let keep: Vec<_> = held.iter().copied().filter(|id| *id <= newest).collect();
        if keep.len() < held.len() { storage.retain(&keep) } else { Ok(()) }
    }

    /// Publishes what the handle sees. A final status is published last of all, by [`Shared::conclude`].
    fn publish(&self) {
        let mut state = self.shared.lock();
        let status = self.manager.status();
        if !status.is_final() {
            state.status = status;
        }
        state.cause = self.manager.cause().cloned();
        state.restarts = self.manager.restarts();
        state.parallelism = self.manager.parallelism();
        state.checkpoints.clear();
        state.checkpoints.extend_from_slice(self.manager.checkpoints());
        state.next_checkpoint_ms = self.manager.next_checkpoint_ms();
        let last = |events: &[EventView]| events.last().map_or(0, |event| event.sequence);
        if last(&state.events) != last(self.manager.events()) {
            state.events = self.manager.events().to_vec();
        }
        state.savepoints.clear();
        state.savepoints.extend_from_slice(self.manager.savepoints());
    }
}
