//! The threaded executor: one worker thread a slot, one thread for the writer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::deploy::{AttemptControl, Deployment, SlotControl};
use super::driver::{Workers, Writer, guarded};
use super::inbox::Message;
use super::job_manager::{Event, Work};
use super::subtask::{Step, Subtask};
use crate::types::{Clock, Error, SubtaskId};

/// Rounds that a slot looks again before it sleeps: a few hundred nanoseconds, less than a system call costs.
const SPINS: u32 = 64;
/// Elements that a subtask takes from its queues, at most, before it is the next one's turn. A source takes one batch: what
/// waits is worked off before more is read, while it is in the cache, and before a full queue holds another slot up.
const STEPS: usize = 32;
/// The time that a subtask goes on, in steps that are begun, before it is the next one's turn, nanoseconds: one that
/// gives for seconds does not keep the others from their mail.
const TURN_NS: u64 = 4_000_000;
/// The longest sleep. Everything that gives a slot work wakes it; this only bounds what a defect there could cost.
const NAP_MS_MAX: i64 = 100;
/// Work that waits for the writer, at most: one checkpoint and the savepoints the user asks for.
const WRITES: usize = 64;

/// Work with what it is done with: the writer of the attempt that gave it.
type WriterWork = (Arc<Writer>, Work);

pub(super) struct Threads {
    events: SyncSender<Message>,
    clock: Arc<dyn Clock>,
    slots: Vec<JoinHandle<()>>,
    control: Option<Arc<AttemptControl>>,
    writer: Option<(SyncSender<WriterWork>, JoinHandle<()>)>,
}

impl Threads {
    /// Threads that report to `events`.
    pub(super) fn new(events: SyncSender<Message>, clock: Arc<dyn Clock>) -> Self {
        Self { events, clock, slots: Vec::new(), control: None, writer: None }
    }
}

impl Workers for Threads {
    const WAKES_TO_LOOK: bool = true;

    fn start(&mut self, attempt: u32, deployment: Deployment) {
        let Deployment { slots, control } = deployment;
        for (index, (subtasks, slot)) in slots.into_iter().zip(&control.slots).enumerate() {
            let worker = SlotWorker {
                attempt,
                subtasks,
                control: Arc::clone(slot),
                clock: Arc::clone(&self.clock),
                events: self.events.clone(),
            };
            let spawned = std::thread::Builder::new().name(format!("slot-{index}")).spawn(move || worker.run());
            match spawned {
                Ok(handle) => self.slots.push(handle),
                Err(error) => {
                    let error = Error::config(format!("no thread for slot {index}: {error}"));
                    // The job manager reads this queue as soon as this call returns; it is far from full now.
                    let _ = self.events.try_send(Message::Event(Event::Failed { attempt, error }));
                }
            }
        }
        self.control = Some(control);
    }

    fn stop(&mut self) {
        if let Some(control) = self.control.take() {
            control.cancel();
        }
        for slot in self.slots.drain(..) {
            // A slot catches the panics of its subtasks and has reported them.
            let _ = slot.join();
        }
    }

    fn write(&mut self, writer: &Arc<Writer>, work: Work) {
        if self.writer.is_none() {
            let (works, receiver) = sync_channel::<WriterWork>(WRITES);
            let events = self.events.clone();
            let spawned = std::thread::Builder::new().name("checkpoint-writer".to_owned()).spawn(move || {
                while let Ok((writer, work)) = receiver.recv() {
                    if events.send(Message::Event(writer.run(work, None))).is_err() {
                        return;
                    }
                }
            });
            let Ok(handle) = spawned else {
                // Without a thread for it the work is done here: slower, and as safe.
                let _ = self.events.try_send(Message::Event(writer.run(work, None)));
                return;
            };
            self.writer = Some((works, handle));
        }
        if let Some((works, _)) = &self.writer {
            let _ = works.send((Arc::clone(writer), work));
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
        if let Some((works, handle)) = self.writer.take() {
            drop(works);
            let _ = handle.join();
        }
    }
}

struct SlotWorker {
    attempt: u32,
    subtasks: Vec<Subtask>,
    control: Arc<SlotControl>,
    clock: Arc<dyn Clock>,
    events: SyncSender<Message>,
}

impl SlotWorker {
    fn run(mut self) {
        self.control.waker.belongs_to(std::thread::current());
        if let Err(error) = self.rounds() {
            let attempt = self.attempt;
            self.report(Event::Failed { attempt, error });
        }
    }

    /// Steps its subtasks in turn until all are done, one fails, or the attempt is over.
    fn rounds(&mut self) -> Result<(), Error> {
        let mut told = Vec::new();
        let mut now_ns = self.clock.nanos();
        loop {
            self.control.waker.begin_round();
            if self.control.cancelled.load(Ordering::Acquire) || self.subtasks.is_empty() {
                return Ok(());
            }
            if self.control.killed.load(Ordering::Acquire) {
                return Err(Error::Killed);
            }
            let (mut progress, mut done, mut due_ms) = (false, false, None::<i64>);
            for position in 0..self.subtasks.len() {
                let subtask = &mut self.subtasks[position];
                let (id, steps) = (subtask.id(), if subtask.is_source() { 1 } else { STEPS });
                let turn_ends_ns = now_ns.saturating_add(TURN_NS);
                for _ in 0..steps {
                    let (step, after_ns) = guarded(|| subtask.step(now_ns, &mut told))?;
                    now_ns = after_ns;
                    match step {
                        Step::Progress => {
                            progress = true;
                            if now_ns >= turn_ends_ns {
                                break;
                            }
                        }
                        Step::Blocked { due_ms: due, .. } => {
                            due_ms = [due_ms, due].into_iter().flatten().min();
                            break;
                        }
                        Step::Done => {
                            done = true;
                            break;
                        }
                    }
                }
                self.tell(id, &mut told);
            }
            if done {
                self.subtasks.retain(|subtask| !subtask.is_done());
            } else if !progress {
                self.rest(due_ms);
                now_ns = self.clock.nanos();
            }
        }
    }

    fn tell(&self, subtask: SubtaskId, told: &mut Vec<super::subtask::SubtaskEvent>) {
        for event in told.drain(..) {
            self.report(Event::Subtask { attempt: self.attempt, subtask, event });
        }
    }

    /// The queue to the job manager is bounded; one that is full while the attempt is being ended is not waited for.
    fn report(&self, event: Event) {
        let mut message = Message::Event(event);
        while let Err(TrySendError::Full(back)) = self.events.try_send(message) {
            if self.control.cancelled.load(Ordering::Acquire) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(1));
            message = back;
        }
    }

    fn rest(&self, due_ms: Option<i64>) {
        for _ in 0..SPINS {
            if self.control.waker.is_notified() {
                return;
            }
            std::hint::spin_loop();
        }
        let nap_ms = due_ms.map_or(NAP_MS_MAX, |due| due.saturating_sub(self.clock.now_ms()).clamp(0, NAP_MS_MAX));
        if nap_ms > 0 {
            self.control.waker.park(Duration::from_millis(nap_ms.unsigned_abs()));
        }
    }
}
