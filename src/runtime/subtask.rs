//! A subtask: one parallel instance of a chain, as a state machine that a slot steps.

use std::sync::Arc;

use super::chain::Chain;
use super::input_gate::{GateEvent, InputGate};
use super::mailbox::{Mailbox, Message, StateQuestion};
use super::metrics::{Activity, SubtaskMetrics};
use super::source_driver::{SourceDriver, SourceStep};
use crate::api::{Inputs, Output, Settled};
use crate::checkpoint::Aligned;
use crate::state::{OperatorDelta, OperatorStateDescriptor, StateChange, StateDelta};
use crate::types::{
    ChannelStatus, CheckpointId, Clock, Error, MAX_WATERMARK, OperatorUid, Result, StreamElement, SubtaskId,
};

/// The operator state under which a subtask's counters are kept, with the first uid of its chain.
pub(super) const TOTALS: OperatorStateDescriptor = OperatorStateDescriptor::split("runtime.totals");

/// Between two answers to [`Message::Look`], at least.
const VIEW_INTERVAL_NS: u64 = 50_000_000;
/// The factor from the time that an answer took to the time before the next: looks cost a subtask at most a hundredth.
const VIEW_SHARE: u64 = 100;
/// The longest time to the next answer that this makes, nanoseconds.
const VIEW_INTERVAL_NS_MAX: u64 = 1_000_000_000;
/// Rows of a sink that are shown after each answer.
const TAP_ROWS: usize = 50;
/// Elements that a subtask takes from its inputs, at most, each time that an operator with more to give has gone on: a barrier
/// behind them comes through the sooner.
const INPUTS_A_TURN: usize = 8;

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was done; there may be more.
    Progress,
    /// Nothing can be done before something comes, or room, or this time of the clock.
    Blocked {
        /// The activity that it waits for: input, or room.
        activity: Activity,
        /// When to step it again in any case, milliseconds.
        due_ms: Option<i64>,
    },
    /// The subtask is over.
    Done,
}

/// The event that a subtask tells the job manager.
#[derive(Debug)]
pub(super) enum SubtaskEvent {
    /// The subtask has taken its part of a checkpoint.
    Acknowledged {
        /// The number of the checkpoint.
        id: CheckpointId,
        /// The subtask's part of the checkpoint.
        deltas: Vec<OperatorDelta>,
        /// The time that the subtask's inputs waited for each other, nanoseconds.
        alignment_ns: u64,
    },
    /// The subtask is over, and this is its last state.
    Finished {
        /// The changes since the subtask's last acknowledgement.
        deltas: Vec<OperatorDelta>,
    },
}

/// The origin of a subtask's rows.
pub(super) enum Input {
    Source(Box<SourceDriver>),
    Gate(InputGate),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The inputs are over; operators still have something to give.
    Ending,
    /// The end of input has been sent, or waits for room.
    Leaving,
    Done,
}

/// The end of the input that fires what is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drain {
    /// None: it stays in the state.
    Never,
    /// The end of the input itself, not the one that a limit of source rows makes.
    AtEnd,
    /// Either.
    AtAnyEnd,
}

/// The setting that a subtask is told of itself.
pub(super) struct SubtaskSetting {
    pub(super) id: SubtaskId,
    /// The uid of its source, or of its first operator.
    pub(super) first_uid: OperatorUid,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) drain: Drain,
    /// The checkpoint that it starts from, 0 for none.
    pub(super) restored: CheckpointId,
    /// Whether a source sends latency markers while somebody looks.
    pub(super) markers: bool,
    pub(super) mailbox: Arc<Mailbox>,
    /// Whether the job is paused.
    pub(super) hold: bool,
}

/// The work of a subtask for whoever looks.
struct Viewing {
    /// Whether somebody wants to see the operators.
    asked: bool,
    /// When it may show itself again.
    next_ns: u64,
    /// Whether it sends latency markers.
    markers: bool,
}

/// One parallel instance of a chain.
pub(super) struct Subtask {
    id: SubtaskId,
    first_uid: OperatorUid,
    input: Input,
    chain: Chain,
    metrics: Arc<SubtaskMetrics>,
    clock: Arc<dyn Clock>,
    drain: Drain,
    phase: Phase,
    last_checkpoint: CheckpointId,
    mailbox: Arc<Mailbox>,
    hold: bool,
    /// Whether its inputs are idle.
    idle: bool,
    /// A checkpoint that is aligned, and taken as soon as the operators have taken all that was given to them before.
    aligned: Option<Aligned>,
    view: Viewing,
    /// Since when it does what it does.
    since_ns: u64,
    activity: Activity,
    /// The time that the subtask's last step took, nanoseconds.
    step_ns: u64,
}

impl Subtask {
    /// A subtask that has not run yet.
    pub(super) fn new(setting: SubtaskSetting, input: Input, chain: Chain, metrics: Arc<SubtaskMetrics>) -> Self {
        let SubtaskSetting { id, first_uid, clock, drain, restored, markers, mailbox, hold } = setting;
        let since_ns = clock.nanos();
        Self {
            id,
            first_uid,
            input,
            chain,
            metrics,
            clock,
            drain,
            phase: Phase::Running,
            last_checkpoint: restored,
            mailbox,
            hold,
            idle: false,
            aligned: None,
            view: Viewing { asked: false, next_ns: 0, markers },
            since_ns,
            activity: Activity::Idle,
            step_ns: 0,
        }
    }

    pub(super) const fn id(&self) -> SubtaskId {
        self.id
    }

    pub(super) const fn is_source(&self) -> bool {
        matches!(self.input, Input::Source(_))
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Does at most one batch of work. `now_ns` is the clock's time when it is called; returns what the step came to
    /// and the time after it.
    ///
    /// # Errors
    /// What fails the job. The subtask must not be stepped again.
    pub(super) fn step(&mut self, now_ns: u64, events: &mut Vec<SubtaskEvent>) -> Result<(Step, u64)> {
        self.metrics.spend(now_ns.saturating_sub(self.since_ns), self.activity);
        let step = self.turn(events)?;
        let after_ns = self.clock.nanos();
        let (was, becomes) = match step {
            Step::Progress => (Activity::Busy, Activity::Idle),
            Step::Blocked { activity, .. } => (activity, activity),
            Step::Done => (Activity::Busy, Activity::Finished),
        };
        self.metrics.spend(after_ns.saturating_sub(now_ns), was);
        self.step_ns = after_ns.saturating_sub(now_ns);
        self.metrics.set_activity(if step == Step::Progress { Activity::Busy } else { becomes });
        self.since_ns = after_ns;
        // Waiting for its turn in the slot counts as idle.
        self.activity = becomes;
        Ok((step, after_ns))
    }

    fn turn(&mut self, events: &mut Vec<SubtaskEvent>) -> Result<Step> {
        if self.mailbox.has_mail() {
            self.read_mail(events)?;
        }
        if self.view.asked && self.clock.nanos() >= self.view.next_ns {
            self.show();
        }
        if !self.chain.outputs.flush() {
            return Ok(Step::Blocked { activity: Activity::Backpressured, due_ms: None });
        }
        match self.phase {
            Phase::Running | Phase::Ending => {}
            Phase::Leaving => return self.finish(events),
            Phase::Done => return Ok(Step::Done),
        }
        if self.chain.outputs.all_closed() {
            self.chain.abandon(usize::MAX);
            if self.phase == Phase::Running {
                self.end()?;
                return Ok(Step::Progress);
            }
        }
        if self.take_aligned(events)? {
            return Ok(Step::Progress);
        }
        let step = if self.chain.is_quiet() { self.take_input(events)? } else { self.go_on(events)? };
        if self.phase == Phase::Running {
            self.obey_close()?;
        }
        if self.phase == Phase::Ending && self.chain.end()? {
            self.chain.outputs.control(&StreamElement::EndOfInput);
            self.phase = Phase::Leaving;
            return Ok(Step::Progress);
        }
        if self.idle && self.phase == Phase::Running && !self.chain.is_busy() {
            self.chain.outputs.status(ChannelStatus::Idle);
        }
        Ok(match step {
            Step::Blocked { activity, due_ms } => {
                let due_ms = [due_ms, self.chain.due_ms()].into_iter().flatten().min();
                Step::Blocked { activity, due_ms }
            }
            Step::Progress | Step::Done => step,
        })
    }

    /// An operator that has armed itself goes on, and what it does not refuse is taken in.
    fn go_on(&mut self, events: &mut Vec<SubtaskEvent>) -> Result<Step> {
        let advanced = self.chain.advance(self.clock.now_ms(), self.hold)?;
        let inputs = if advanced { INPUTS_A_TURN } else { 1 };
        for _ in 0..inputs {
            // What was just given may have filled a queue.
            if advanced && !self.chain.outputs.has_room() {
                break;
            }
            let step = self.take_input(events)?;
            match step {
                Step::Progress => {}
                Step::Blocked { .. } | Step::Done if advanced => break,
                Step::Blocked { .. } | Step::Done => return Ok(step),
            }
        }
        Ok(Step::Progress)
    }

    /// Does what it is told, all of it.
    fn read_mail(&mut self, events: &mut Vec<SubtaskEvent>) -> Result<()> {
        while let Some(message) = self.mailbox.take() {
            match message {
                Message::Kill => return Err(Error::Killed),
                Message::Look => self.view.asked = true,
                Message::Question(question) => self.answer(&question),
                Message::Settled(id, settled) => {
                    if let (Settled::Aborted, Input::Gate(gate)) = (settled, &mut self.input) {
                        gate.abort(id);
                    }
                    self.chain.settle(id, settled);
                }
                Message::Hold(hold) => {
                    self.hold = hold;
                    if let Input::Source(source) = &mut self.input {
                        source.hold(hold);
                    }
                }
                Message::Barrier(id) => match &mut self.input {
                    Input::Source(_) if matches!(self.phase, Phase::Running | Phase::Ending) => {
                        self.aligned = Some(Aligned { id, alignment_ns: 0 });
                        self.take_aligned(events)?;
                    }
                    Input::Source(_) => {}
                    Input::Gate(gate) => gate.announce(id, self.clock.nanos()),
                },
                Message::Stop { drain } => {
                    if self.is_source() && self.phase == Phase::Running {
                        self.end_source(drain)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes the checkpoint that is aligned, unless elements that were given before it are still held. Whether it did.
    fn take_aligned(&mut self, events: &mut Vec<SubtaskEvent>) -> Result<bool> {
        let aligned = self.aligned.take_if(|_| !self.chain.holds_elements());
        aligned.map_or(Ok(false), |aligned| self.snapshot(aligned, events).map(|()| true))
    }

    fn take_input(&mut self, events: &mut Vec<SubtaskEvent>) -> Result<Step> {
        const NOTHING: Step = Step::Blocked { activity: Activity::Idle, due_ms: None };
        if self.aligned.is_some() {
            return Ok(NOTHING);
        }
        let refused = self.chain.refused();
        match &mut self.input {
            Input::Gate(gate) => match gate.poll(refused, &*self.clock, &self.metrics) {
                None => return gate.failure().map_or(Ok(NOTHING), |error| Err(error.clone())),
                Some(GateEvent::Batch(input, batch)) => {
                    self.metrics.add_in(batch.rows(), batch.bytes());
                    self.chain.process(input, batch)?;
                }
                Some(GateEvent::Watermark(watermark)) => self.chain.head().watermark(watermark)?,
                Some(GateEvent::Status(status)) => {
                    self.idle = status == ChannelStatus::Idle;
                    if !self.idle {
                        self.chain.outputs.status(status);
                    }
                }
                Some(GateEvent::Barrier(aligned)) => {
                    self.aligned = Some(aligned);
                    self.take_aligned(events)?;
                }
                Some(GateEvent::LatencyMarker(since_ns)) => self.chain.outputs.latency_marker(since_ns),
                Some(GateEvent::EndOf(input)) => self.chain.end_input(input)?,
                Some(GateEvent::EndOfInput) => self.end()?,
            },
            Input::Source(source) => {
                if self.hold || self.phase != Phase::Running || refused != Inputs::NONE {
                    return Ok(NOTHING);
                }
                match source.step(&mut self.chain)? {
                    SourceStep::Progress => {}
                    SourceStep::Waits(due_ms) => {
                        return Ok(Step::Blocked { activity: Activity::Idle, due_ms: Some(due_ms) });
                    }
                    SourceStep::BudgetSpent => self.end_source(self.drain == Drain::AtAnyEnd)?,
                    SourceStep::AtEnd => {
                        let drain = self.drain != Drain::Never;
                        if !drain {
                            // It has nothing more to say about time and must not hold back those that have.
                            self.chain.outputs.status(ChannelStatus::Idle);
                        }
                        self.end_source(drain)?;
                    }
                }
            }
        }
        Ok(Step::Progress)
    }

    fn end_source(&mut self, drain: bool) -> Result<()> {
        if drain {
            self.chain.head().watermark(MAX_WATERMARK)?;
        }
        self.end()
    }

    /// An operator has said that it wants no more input. Unless a side output before it is still read, the whole
    /// subtask ends there: for whatever is behind that operator its input is over.
    fn obey_close(&mut self) -> Result<()> {
        let Some(operator) = self.chain.outputs.closed_from() else { return Ok(()) };
        if self.chain.outputs.side_open_before(operator) {
            return Ok(());
        }
        self.chain.abandon(operator);
        if self.drain != Drain::Never {
            self.chain.drain_behind(operator)?;
        }
        self.end()
    }

    /// The inputs are over; what the operators still have to give comes before the end of the output.
    fn end(&mut self) -> Result<()> {
        let open = match &mut self.input {
            Input::Gate(gate) => gate.close(self.clock.nanos()),
            Input::Source(source) => {
                source.leave();
                [0].into()
            }
        };
        if std::mem::replace(&mut self.phase, Phase::Ending) == Phase::Running {
            open.into_iter().try_for_each(|input| self.chain.end_input(input))?;
        }
        Ok(())
    }

    /// Everything has been handed on: the last state goes to the job manager.
    fn finish(&mut self, events: &mut Vec<SubtaskEvent>) -> Result<Step> {
        let id = CheckpointId(self.last_checkpoint.0 + 1);
        let deltas = self.deltas(id)?;
        events.push(SubtaskEvent::Finished { deltas });
        self.show();
        self.phase = Phase::Done;
        self.metrics.set_activity(Activity::Finished);
        self.mailbox.close();
        Ok(Step::Done)
    }

    fn snapshot(&mut self, aligned: Aligned, events: &mut Vec<SubtaskEvent>) -> Result<()> {
        let Aligned { id, alignment_ns } = aligned;
        let deltas = self.deltas(id)?;
        self.last_checkpoint = id;
        self.metrics.acknowledge(id, self.clock.now_ms());
        self.chain.outputs.control(&StreamElement::Barrier(id));
        events.push(SubtaskEvent::Acknowledged { id, deltas, alignment_ns });
        Ok(())
    }

    fn deltas(&mut self, id: CheckpointId) -> Result<Vec<OperatorDelta>> {
        let totals = StateChange::Operator { state: TOTALS.name, entry: self.metrics.totals().encode() };
        let mut own = StateDelta { changes: vec![totals] };
        if let Input::Source(source) = &mut self.input {
            own.changes.extend(source.snapshot(id)?);
        }
        let mut deltas = self.chain.snapshot(id)?;
        if let Some(first) = deltas.iter_mut().find(|delta| delta.uid == self.first_uid) {
            first.delta.changes.append(&mut own.changes);
        } else {
            let (uid, key_groups) = (self.first_uid.clone(), self.chain.key_groups.clone());
            deltas.insert(0, OperatorDelta { uid, subtask: self.id.index, key_groups, delta: own });
        }
        Ok(deltas)
    }

    fn answer(&mut self, question: &StateQuestion) {
        let read = self.chain.read_state(&question.query);
        // Whoever asked may have gone.
        let _ = question.reply.try_send((self.id, read));
    }

    /// Answers whoever has asked something, now; for an executor whose steps must not depend on who looks.
    pub(super) fn answer_if_asked(&mut self) {
        while let Some(message) = self.mailbox.take_look() {
            if let Message::Question(question) = message {
                self.answer(&question);
            }
            self.show();
        }
    }

    /// A source sends a latency marker, unless it would have to wait: a source that is looked at while it is held back
    /// must not pile them up.
    fn send_marker(&mut self, now_ns: u64) {
        if self.is_source() && self.view.markers && self.phase == Phase::Running && self.chain.outputs.flush() {
            // What is chained to its source takes its rows within the step.
            let since_ns = if self.chain.outputs.end_in_sink() { now_ns.saturating_sub(self.step_ns) } else { now_ns };
            self.chain.outputs.latency_marker(since_ns);
        }
    }

    fn show(&mut self) {
        let from_ns = self.clock.nanos();
        self.view.asked = false;
        self.chain.outputs.open_tap(TAP_ROWS);
        if let Input::Source(source) = &self.input {
            self.metrics.shown().source(source.view());
        }
        self.metrics.show(self.chain.inspect());
        self.send_marker(from_ns);
        let took_ns = self.clock.nanos().saturating_sub(from_ns);
        let interval_ns = took_ns.saturating_mul(VIEW_SHARE).clamp(VIEW_INTERVAL_NS, VIEW_INTERVAL_NS_MAX);
        self.view.next_ns = from_ns.saturating_add(interval_ns);
        self.metrics.shown().due(self.view.next_ns);
    }
}
