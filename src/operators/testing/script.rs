//! Scripts of elements for an operator of any number of inputs: run straight, and with a checkpoint, a failure and a restore
//! at another parallelism between any two elements.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{ArrayRef, UInt32Array};

use super::{MemoryState, Random, Recorder, instance};
use crate::api::{Armed, Exchange, Inputs, Moment, Operator, OperatorContext, OperatorMetrics, PlannedOperator};
use crate::types::{Batch, CheckpointId, Clock, MAX_WATERMARK, MIN_WATERMARK, VirtualClock, key_group};

/// One element of a script.
#[derive(Debug, Clone)]
pub(in crate::operators) enum Step {
    /// Rows of an input.
    Rows(usize, Batch),
    /// Event time over all inputs.
    Watermark(i64),
    /// Processing time, epoch milliseconds.
    Clock(i64),
}

/// The result of a run. Rows are those of [`lines`](super::lines), sorted: instances work at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::operators) struct Outcome {
    pub(in crate::operators) rows: Vec<String>,
    /// Rows of side outputs.
    pub(in crate::operators) side: Vec<String>,
    /// Messages of rejected rows.
    pub(in crate::operators) rejected: Vec<String>,
    /// Late rows, counted.
    pub(in crate::operators) late: u64,
}

/// Runs `steps` through one instance, then to the end of the input; rows stay in the order in which they came out.
pub(in crate::operators) fn in_order(planned: &dyn PlannedOperator, steps: &[Step]) -> Outcome {
    let mut job = Job::start(planned, 1, None, 0);
    for step in steps {
        job.step(step);
    }
    job.finish()
}

/// Runs `steps` through one instance, then to the end of the input.
pub(in crate::operators) fn straight(planned: &dyn PlannedOperator, steps: &[Step]) -> Outcome {
    in_order(planned, steps).sorted()
}

/// Runs `steps` at parallelism `from`; before element `position` all is lost but a checkpoint of that moment, from which the
/// run goes on at parallelism `to`. The seed says how far operators have come that have more to give.
pub(in crate::operators) fn broken(
    planned: &dyn PlannedOperator,
    steps: &[Step],
    position: usize,
    (from, to): (usize, usize),
    seed: u64,
) -> Outcome {
    let mut job = Job::start(planned, from, None, seed);
    for step in &steps[..position] {
        job.step(step);
    }
    let (state, mut outcome) = job.checkpoint();
    let mut job = Job::start(planned, to, Some((&state, job.watermark, job.clock.now_ms())), seed);
    for step in &steps[position..] {
        job.step(step);
    }
    let rest = job.finish();
    outcome.rows.extend(rest.rows);
    outcome.side.extend(rest.side);
    outcome.rejected.extend(rest.rejected);
    outcome.late += rest.late;
    outcome.sorted()
}

/// Breaks a run of `steps` at every position, at several parallelisms before and after.
///
/// # Panics
/// When any of them comes out otherwise than the straight run.
pub(in crate::operators) fn broken_anywhere(planned: &dyn PlannedOperator, steps: &[Step]) {
    let expected = straight(planned, steps);
    for position in 0..=steps.len() {
        for parallelism in [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)] {
            let found = broken(planned, steps, position, parallelism, position as u64);
            assert_eq!(found, expected, "broken before element {position}, from parallelism {parallelism:?}");
        }
    }
}

/// The number of random cases to try: `LOTIC_CASES`, or `default`.
pub(in crate::operators) fn cases(default: u64) -> u64 {
    std::env::var("LOTIC_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

impl Outcome {
    fn sorted(mut self) -> Self {
        self.rows.sort();
        self.side.sort();
        self.rejected.sort();
        self
    }
}

struct Job<'a> {
    planned: &'a dyn PlannedOperator,
    instances: Vec<One>,
    clock: Arc<VirtualClock>,
    watermark: i64,
    random: Random,
    inputs: usize,
}

/// An instance with its standing, as a chain keeps it.
struct One {
    operator: Box<dyn Operator>,
    out: Recorder,
    metrics: Arc<OperatorMetrics>,
    context: OperatorContext,
    watermark: i64,
    held: bool,
    inbox: VecDeque<Step>,
}

impl<'a> Job<'a> {
    fn start(
        planned: &'a dyn PlannedOperator,
        parallelism: usize,
        from: Option<(&MemoryState, i64, i64)>,
        seed: u64,
    ) -> Self {
        let parallelism = planned.parallelism().unwrap_or(parallelism);
        let clock = Arc::new(VirtualClock::at(from.map_or(0, |(_, _, now_ms)| now_ms)));
        let instances = (0..parallelism).map(|subtask| {
            let mut context = instance(subtask, parallelism, from.map(|(state, ..)| state));
            context.clock = Arc::clone(&clock) as Arc<dyn Clock>;
            // Small, so that few rows are more than an operator gives at once.
            context.batch_rows = 3;
            let operator = planned.create(&context).expect("creates");
            let out = Recorder { armed: context.armed.take(), ..Recorder::default() };
            let metrics = Arc::clone(&context.metrics);
            One { operator, out, metrics, context, watermark: MIN_WATERMARK, held: false, inbox: VecDeque::new() }
        });
        let instances = instances.collect();
        let mut job = Self { planned, instances, clock, watermark: MIN_WATERMARK, random: Random(seed), inputs: 1 };
        if let Some((_, watermark, _)) = from.filter(|(_, watermark, _)| *watermark > MIN_WATERMARK) {
            job.step(&Step::Watermark(watermark));
        }
        job
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Rows(input, batch) => {
                self.inputs = self.inputs.max(input + 1);
                for (to, batch) in self.deal(*input, batch).into_iter().enumerate() {
                    if !batch.is_empty() {
                        self.instances[to].give(Step::Rows(*input, batch), self.clock.now_ms());
                    }
                }
            }
            Step::Watermark(watermark) => {
                self.watermark = *watermark;
                self.instances.iter_mut().for_each(|one| one.give(step.clone(), self.clock.now_ms()));
            }
            Step::Clock(now_ms) => {
                // Rows that wait have come before: an operator that goes by the clock takes them at the time that it was.
                for one in &mut self.instances {
                    while !one.inbox.is_empty() && one.go_on(self.clock.now_ms()) {}
                }
                self.clock.advance_to(*now_ms);
            }
        }
        let now_ms = self.clock.now_ms();
        for one in &mut self.instances {
            // One that has more to give need not have given it when the next element comes.
            let mut steps = if self.random.0 == 0 { u64::MAX } else { self.random.below(4) };
            let timed = matches!(step, Step::Clock(_));
            while (steps > 0 || timed && one.is_timed(now_ms)) && one.go_on(now_ms) {
                steps = steps.saturating_sub(1);
            }
        }
    }

    /// The rows of each instance.
    fn deal(&self, input: usize, batch: &Batch) -> Vec<Batch> {
        let parallelism = self.instances.len();
        let none = || batch.slice(0, 0);
        match self.planned.exchange(input) {
            Exchange::Hash(columns) => {
                let keys: Vec<ArrayRef> = columns.iter().map(|&column| batch.column(column).clone()).collect();
                let mut hashes = Vec::new();
                key_group::hash_keys(&keys, &mut hashes).expect("hashes");
                hashes.resize(batch.rows(), 0);
                let max = self.instances[0].context.max_parallelism;
                let owner = |hash: u64| {
                    let group = key_group::key_group(hash, max);
                    (0..parallelism).find(|&of| key_group::groups_of(of, parallelism, max).contains(&group))
                };
                let rows_of = |of: usize| {
                    let rows = (0_u32..).zip(&hashes).filter(|&(_, &hash)| owner(hash) == Some(of));
                    batch.take(&rows.map(|(row, _)| row).collect::<UInt32Array>()).expect("takes")
                };
                (0..parallelism).map(rows_of).collect()
            }
            Exchange::Broadcast => vec![batch.clone(); parallelism],
            Exchange::Forward | Exchange::Rebalance | Exchange::Rescale | Exchange::Global => {
                let mut dealt = vec![none(); parallelism];
                dealt[0] = batch.clone();
                dealt
            }
        }
    }

    /// A checkpoint of this moment, and what came out before it.
    fn checkpoint(&mut self) -> (MemoryState, Outcome) {
        let mut state = MemoryState::default();
        state.begin();
        let states = self.planned.states();
        let columns = |name: &str| states.iter().find(|state| state.name == name).map_or(0, |state| state.key_columns);
        let mut outcome = Outcome::default();
        // Two, as the second must say what changed since the first.
        for checkpoint in 1..=2 {
            state.begin();
            for one in &mut self.instances {
                // A barrier waits for what the operator has been given, and for what it must work off whole.
                while !one.inbox.is_empty() || one.held || one.out.armed.indivisible {
                    if !one.go_on(self.clock.now_ms()) {
                        // Time passes while it waits.
                        let due_ms = one.out.armed.processing_time_ms.expect("a barrier waits for ever");
                        assert!(due_ms > self.clock.now_ms(), "a barrier waits for ever");
                        self.clock.advance_to(due_ms);
                    }
                }
                let delta = one.operator.snapshot(CheckpointId(checkpoint)).expect("snapshots");
                let of = crate::state::Instance::new(
                    one.context.subtask,
                    one.context.parallelism,
                    one.context.max_parallelism,
                );
                state.apply(&of, &delta, &columns);
            }
        }
        for one in &mut self.instances {
            one.collect(&mut outcome);
        }
        (state, outcome)
    }

    fn finish(mut self) -> Outcome {
        self.step(&Step::Watermark(MAX_WATERMARK));
        let mut outcome = Outcome::default();
        let now_ms = self.clock.now_ms();
        for one in &mut self.instances {
            while one.go_on(now_ms) {}
            for input in 0..self.inputs {
                one.operator.end_of_input(input, &mut one.out).expect("ends");
            }
            while one.go_on(now_ms) {}
            one.collect(&mut outcome);
        }
        outcome
    }
}

impl One {
    fn refused(&self) -> Inputs {
        if self.held || !self.inbox.is_empty() { Inputs::ALL } else { self.out.armed.full }
    }

    fn is_timed(&self, now_ms: i64) -> bool {
        self.out.armed.processing_time_ms.is_some_and(|due_ms| due_ms <= now_ms)
    }

    fn is_reached(&self) -> bool {
        self.out.armed.event_time.is_some_and(|time| time <= self.watermark)
    }

    fn give(&mut self, step: Step, now_ms: i64) {
        let refused = self.refused();
        let waits = match &step {
            Step::Rows(input, _) => refused.contains(*input),
            Step::Watermark(_) | Step::Clock(_) => refused == Inputs::ALL,
        };
        if waits { self.inbox.push_back(step) } else { self.take(step, now_ms) }
    }

    fn take(&mut self, step: Step, now_ms: i64) {
        match step {
            Step::Rows(input, batch) => self.operator.process(input, batch, &mut self.out).expect("processes"),
            Step::Watermark(watermark) => {
                self.watermark = watermark;
                if self.is_reached() {
                    self.held = true;
                    self.go_on(now_ms);
                } else {
                    self.operator.watermark(watermark, &mut self.out).expect("passes");
                }
            }
            Step::Clock(_) => {}
        }
    }

    /// Does one thing that is due; whether there was one.
    fn go_on(&mut self, now_ms: i64) -> bool {
        let mut did = true;
        if self.out.armed.more || self.is_timed(now_ms) || (self.held && self.is_reached()) {
            self.out.armed = Armed::NOTHING;
            let moment = Moment { watermark: self.watermark, now_ms };
            self.operator.advance(moment, &mut self.out).expect("goes on");
        } else if !self.held
            && self.out.armed.full.is_empty()
            && let Some(step) = self.inbox.pop_front()
        {
            self.take(step, now_ms);
            return true;
        } else {
            did = false;
        }
        if self.held && !self.is_reached() {
            self.held = false;
            did = true;
            self.operator.watermark(self.watermark, &mut self.out).expect("passes");
        }
        did
    }

    fn collect(&mut self, outcome: &mut Outcome) {
        let elements = std::mem::take(&mut self.out.elements);
        for element in elements.into_iter().filter(|element| !element.starts_with('~')) {
            let side = element.starts_with("late: ") || element.starts_with("side ");
            if side { outcome.side.push(element) } else { outcome.rows.push(element) }
        }
        outcome.rejected.extend(self.out.rejected.drain(..).map(|rejected| rejected.message));
        outcome.late += self.metrics.late_rows();
    }
}
