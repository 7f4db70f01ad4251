//! The stepping executor: every subtask, the writer and the job manager on one thread, the next to act chosen by seed, on
//! a virtual clock. The same seed gives the same run.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};

use super::deploy::{AttemptControl, Deployment};
use super::driver::{Driver, Graphs, Launch, Shared, Workers, Writer, guarded};
use super::inbox::{Answer, Request};
use super::job_manager::{Command, Event, Work};
use super::job_spec::{JobOptions, MakeGraph};
use super::storage::CheckpointStorage;
use super::subtask::{Step, Subtask};
use crate::inspect::{JobStatus, JobView};
use crate::types::{CheckpointId, Clock, Error, Result, SubtaskId, VirtualClock, key_group};

/// A seeded generator: `SplitMix64`.
#[derive(Debug, Clone)]
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        key_group::mix(self.0)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }
}

/// The subtasks and works that wait to act.
#[derive(Default)]
pub(super) struct Stepped {
    attempt: u32,
    subtasks: Vec<Placed>,
    control: Option<Arc<AttemptControl>>,
    works: VecDeque<(Arc<Writer>, Work)>,
    /// On their way to the job manager, in order.
    events: VecDeque<Event>,
}

struct Placed {
    subtask: Subtask,
    slot: usize,
    /// Until its slot is woken.
    blocked: bool,
    /// When it is due in any case.
    due_ms: Option<i64>,
}

impl Workers for Stepped {
    const WAKES_TO_LOOK: bool = false;

    fn start(&mut self, attempt: u32, deployment: Deployment) {
        self.attempt = attempt;
        self.control = Some(deployment.control);
        let placed = deployment.slots.into_iter().enumerate().flat_map(|(slot, subtasks)| {
            subtasks.into_iter().map(move |subtask| Placed { subtask, slot, blocked: false, due_ms: None })
        });
        self.subtasks = placed.collect();
    }

    fn stop(&mut self) {
        self.subtasks.clear();
        self.control = None;
    }

    fn write(&mut self, writer: &Arc<Writer>, work: Work) {
        self.works.push_back((Arc::clone(writer), work));
    }
}

impl Stepped {
    /// Lets the subtasks show themselves to whoever looks. Takes no part in the choice of steps: a run is the same
    /// whether it is watched or not.
    fn answer_who_asks(&mut self) {
        for placed in &mut self.subtasks {
            placed.subtask.answer_if_asked();
        }
    }

    /// Makes the subtasks of woken slots runnable. Nothing else does before time passes: so a wake-up that is missing
    /// stops the run here, where a thread would only sleep too long.
    fn wake(&mut self) {
        let Some(control) = &self.control else { return };
        for (index, slot) in control.slots.iter().enumerate() {
            if slot.waker.is_notified() {
                slot.waker.begin_round();
                self.subtasks
                    .iter_mut()
                    .filter(|placed| placed.slot == index)
                    .for_each(|placed| placed.blocked = false);
            }
        }
    }
}

/// A job that is run step by step. Dropping it is a crash: whatever was not durable is lost.
pub struct Stepper {
    driver: Driver<Stepped>,
    clock: VirtualClock,
    random: Seeded,
    answers: Vec<Receiver<Answer>>,
}

impl Stepper {
    /// Makes the job's first attempt on a clock that stands at `start_ms`, from checkpoint `restore` of `storage`.
    ///
    /// # Errors
    /// As [`Job::launch`](super::Job::launch).
    pub fn launch(
        make_graph: Arc<MakeGraph>,
        parallelism: usize,
        options: JobOptions,
        restore: Option<CheckpointId>,
        storage: Option<Arc<dyn CheckpointStorage>>,
        seed: u64,
        start_ms: i64,
    ) -> Result<Self> {
        let clock = Arc::new(VirtualClock::at(start_ms));
        let graphs = Graphs::made_by(make_graph);
        Self::start(Launch { graphs, parallelism, options, restore, storage, clock }, seed)
    }

    /// As [`Self::launch`]; the virtual clock starts where the one of `launch` stands.
    pub(super) fn start(launch: Launch, seed: u64) -> Result<Self> {
        let clock = VirtualClock::at(launch.clock.now_ms());
        let launch = Launch { clock: Arc::new(clock.clone()), ..launch };
        let driver = Driver::launch(launch, Stepped::default())?;
        Ok(Self { driver, clock, random: Seeded(seed), answers: Vec::new() })
    }

    /// Lets one chosen actor act once; when nobody can, lets time pass. False when the job is over, or when nothing
    /// will ever happen without a command.
    pub fn step(&mut self) -> bool {
        if self.driver.manager().status().is_final() {
            return false;
        }
        let workers = self.driver.workers();
        workers.answer_who_asks();
        let runnable: Vec<usize> = (0..workers.subtasks.len()).filter(|&i| !workers.subtasks[i].blocked).collect();
        let (events, works) = (!workers.events.is_empty(), !workers.works.is_empty());
        let choices = runnable.len() + usize::from(events) + usize::from(works);
        if choices == 0 {
            return self.pass_time();
        }
        let choice = self.random.below(choices);
        match runnable.get(choice) {
            Some(&position) => self.step_subtask(position),
            None if events && choice == runnable.len() => {
                if let Some(event) = self.driver.workers().events.pop_front() {
                    self.driver.handle(event);
                }
            }
            None => {
                if let Some((writer, work)) = self.driver.workers().works.pop_front() {
                    let event = writer.run(work, Some(self.random.0));
                    self.driver.workers().events.push_back(event);
                }
            }
        }
        let due = self.driver.manager().due_ms().is_some_and(|due| due <= self.clock.now_ms());
        if due {
            self.driver.handle(Event::Tick);
        }
        self.driver.workers().wake();
        true
    }

    /// Steps until the job is over or nothing more can happen, at most `steps` times.
    pub fn run(&mut self, steps: usize) -> JobStatus {
        for _ in 0..steps {
            if !self.step() {
                break;
            }
        }
        self.status()
    }

    /// Lets `ms` milliseconds pass.
    pub fn advance(&mut self, ms: u64) {
        self.clock.advance(std::time::Duration::from_millis(ms));
        self.driver.handle(Event::Tick);
        self.unblock();
    }

    /// Asks for a checkpoint; see [`Self::take_answers`].
    pub fn checkpoint(&mut self) {
        self.request(Request::Command(Command::Checkpoint));
    }

    /// Gives up the checkpoint that is being taken; an error when none is.
    pub fn abort_checkpoint(&mut self) {
        self.request(Request::Command(Command::AbortCheckpoint));
    }

    /// Asks for another parallelism.
    pub fn rescale(&mut self, parallelism: usize) {
        self.request(Request::Command(Command::Rescale(parallelism)));
    }

    /// Asks to end the input.
    pub fn stop(&mut self, drain: bool) {
        self.request(Request::Command(Command::Stop { savepoint: None, drain }));
    }

    /// Holds the sources, or lets them go on.
    pub fn pause(&mut self, hold: bool) {
        self.request(Request::Command(if hold { Command::Pause } else { Command::Resume }));
    }

    /// Fails a subtask.
    pub fn kill_subtask(&mut self, subtask: SubtaskId) {
        self.request(Request::KillSubtask(subtask));
    }

    /// Fails a task manager.
    pub fn kill_task_manager(&mut self, index: usize) {
        self.request(Request::KillTaskManager(index));
    }

    /// The outcomes of what was asked for so far, in no particular order; each is given once.
    pub fn take_answers(&mut self) -> Vec<Result<()>> {
        let mut taken = Vec::new();
        self.answers.retain(|answer| match answer.try_recv() {
            Ok(outcome) => {
                taken.push(outcome.map(|_| ()));
                false
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => true,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => false,
        });
        taken
    }

    /// The job's status.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        self.driver.manager().status()
    }

    /// The last failure.
    #[must_use]
    pub fn cause(&self) -> Option<Error> {
        self.driver.manager().cause().cloned()
    }

    /// The job, now.
    #[must_use]
    pub fn view(&self) -> JobView {
        JobView { status: self.status(), ..self.driver.shared().view() }
    }

    /// The virtual time, milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// A number below `bound` from the run's own seed: where a test wants to kill, say.
    pub fn choose(&mut self, bound: usize) -> usize {
        self.random.below(bound)
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.driver.shared()
    }

    pub(super) fn answer(&mut self, request: Request, reply: std::sync::mpsc::SyncSender<Answer>) {
        self.driver.request(request, reply);
        self.driver.workers().wake();
    }

    fn request(&mut self, request: Request) {
        let (reply, answer) = sync_channel(1);
        self.answer(request, reply);
        self.answers.push(answer);
    }

    fn step_subtask(&mut self, position: usize) {
        let now_ns = self.clock.nanos();
        let workers = self.driver.workers();
        let attempt = workers.attempt;
        let placed = &mut workers.subtasks[position];
        let id = placed.subtask.id();
        let killed = workers
            .control
            .as_ref()
            .and_then(|control| control.slots.get(placed.slot))
            .is_some_and(|slot| slot.killed.load(Ordering::Relaxed));
        let mut told = Vec::new();
        let step = if killed { Err(Error::Killed) } else { guarded(|| placed.subtask.step(now_ns, &mut told)) };
        workers.events.extend(told.into_iter().map(|event| Event::Subtask { attempt, subtask: id, event }));
        match step {
            Ok((Step::Progress, _)) => {}
            Ok((Step::Blocked { due_ms, .. }, _)) => (placed.blocked, placed.due_ms) = (true, due_ms),
            Ok((Step::Done, _)) => {
                workers.subtasks.swap_remove(position);
            }
            Err(error) => {
                // Its slot's thread would be gone.
                workers.subtasks.clear();
                workers.events.push_back(Event::Failed { attempt, error });
            }
        }
    }

    fn unblock(&mut self) {
        for placed in &mut self.driver.workers().subtasks {
            placed.blocked = false;
        }
    }

    /// Moves the clock to the next moment at which anybody wants to act.
    fn pass_time(&mut self) -> bool {
        let subtasks = self.driver.workers().subtasks.iter().filter_map(|placed| placed.due_ms);
        let due = subtasks.min().into_iter().chain(self.driver.manager().due_ms()).min();
        let Some(due_ms) = due else { return false };
        // Whoever is due now and still can't act is asked again a millisecond later.
        self.clock.advance_to(due_ms.max(self.clock.now_ms().saturating_add(1)));
        self.driver.handle(Event::Tick);
        self.unblock();
        true
    }
}
