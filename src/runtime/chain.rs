//! A chain of operators that call each other directly: nothing is queued or copied between them, except before one that
//! has said that it can't take more now.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use super::outputs::Outputs;
use super::wake::Waker;
use crate::api::{Armed, Inputs, Moment, Operator, OperatorMetrics, Output, Rejected, Settled, StateRead};
use crate::inspect::{OperatorView, StateQuery};
use crate::state::OperatorDelta;
use crate::types::{Batch, CheckpointId, MAX_WATERMARK, MIN_WATERMARK, OperatorUid, Result};

/// One running operator of a chain.
pub(super) struct Link {
    pub(super) uid: OperatorUid,
    pub(super) operator: Box<dyn Operator>,
    pub(super) metrics: Arc<OperatorMetrics>,
    pub(super) standing: Standing,
}

/// The standing of an operator: what it waits for, and what waits for it.
pub(super) struct Standing {
    armed: Armed,
    /// The watermark that has reached the operator.
    watermark: i64,
    /// Whether it is yet to be passed on: the operator has something to do at it first.
    held: bool,
    /// The elements that came while the operator took none, in order. No more than one call of an operator before it
    /// emits.
    inbox: VecDeque<Element>,
    woken: Arc<Woken>,
}

/// An element on its way into an operator.
enum Element {
    Batch(usize, Batch),
    Watermark(i64),
    End(usize),
}

/// Whether another thread has woken an operator.
#[derive(Debug)]
pub(super) struct Woken {
    flag: AtomicBool,
    slot: Arc<Waker>,
}

impl Woken {
    pub(super) fn new(slot: Arc<Waker>) -> Self {
        Self { flag: AtomicBool::new(false), slot }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.flag.store(true, Ordering::Release);
        self.slot.wake();
    }
}

impl Standing {
    pub(super) fn new(armed: Armed, woken: Arc<Woken>) -> Self {
        Self { armed, watermark: MIN_WATERMARK, held: false, inbox: VecDeque::new(), woken }
    }

    /// The inputs of which the operator takes nothing now.
    fn refused(&self) -> Inputs {
        if self.held || !self.inbox.is_empty() { Inputs::ALL } else { self.armed.full }
    }

    /// Whether the end of its inputs has to wait.
    fn is_busy(&self) -> bool {
        self.armed.more || self.armed.unfinished || self.held || !self.inbox.is_empty()
    }

    fn is_due(&self, now_ms: i64) -> bool {
        self.armed.more
            || self.held
            || (!self.inbox.is_empty() && self.armed.full.is_empty())
            || self.armed.processing_time_ms.is_some_and(|due_ms| due_ms <= now_ms)
            || (self.armed.woken && self.woken.flag.load(Ordering::Acquire))
    }

    /// Whether the watermark has reached the event time that the operator waits for.
    fn is_reached(&self) -> bool {
        self.armed.event_time.is_some_and(|time| time <= self.watermark)
    }
}

/// The operators of one subtask, and where their results go.
pub(super) struct Chain {
    pub(super) subtask: usize,
    /// The key groups whose state this instance holds.
    pub(super) key_groups: Range<u16>,
    pub(super) links: Vec<Link>,
    pub(super) outputs: Outputs,
    /// The number of operators, from the first, that have been told of their end.
    pub(super) ended: usize,
}

impl Chain {
    /// The chain's head: where the source's rows go in.
    pub(super) fn head(&mut self) -> Tail<'_> {
        Tail { own: None, rest: &mut self.links, next: 0, outputs: &mut self.outputs }
    }

    /// Rows of an input.
    pub(super) fn process(&mut self, input: usize, batch: Batch) -> Result<()> {
        self.head().feed(input, batch)
    }

    /// Operator `index` with what follows it.
    fn split(&mut self, index: usize) -> Option<(&mut dyn Operator, Tail<'_>)> {
        let (link, rest) = self.links.get_mut(index..)?.split_first_mut()?;
        let tail = Tail { own: Some(&mut link.standing), rest, next: index + 1, outputs: &mut self.outputs };
        Some((&mut *link.operator, tail))
    }

    /// Whether no operator has asked for anything.
    pub(super) fn is_quiet(&self) -> bool {
        self.links.iter().all(|link| link.standing.armed == Armed::NOTHING && !link.standing.is_busy())
    }

    /// Whether an operator has work of its own left.
    pub(super) fn is_busy(&self) -> bool {
        self.links.iter().any(|link| link.standing.is_busy())
    }

    /// The inputs of which nothing may be given to the chain now.
    pub(super) fn refused(&self) -> Inputs {
        let Some((first, rest)) = self.links.split_first() else { return Inputs::NONE };
        if rest.iter().any(|link| !link.standing.refused().is_empty()) {
            return Inputs::ALL;
        }
        first.standing.refused()
    }

    /// Whether something has been given to the chain that an operator has yet to take, or to work off whole: a barrier has
    /// to wait for that.
    pub(super) fn holds_elements(&self) -> bool {
        self.links.iter().any(|link| !link.standing.inbox.is_empty() || link.standing.armed.indivisible)
    }

    /// Lets the last operator that is due go on, if what it gives finds room; whether one did. With `paused` operators that
    /// only have more to give are passed over.
    pub(super) fn advance(&mut self, now_ms: i64, paused: bool) -> Result<bool> {
        for index in (0..self.links.len()).rev() {
            let Some((operator, mut tail)) = self.split(index) else { continue };
            if !tail.own.as_ref().is_some_and(|own| own.is_due(now_ms) && !(paused && own.refused().is_empty())) {
                continue;
            }
            if !tail.has_room() {
                return Ok(false);
            }
            tail.go_on(operator, now_ms)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// When an operator wants to be advanced by the clock.
    pub(super) fn due_ms(&self) -> Option<i64> {
        self.links.iter().filter_map(|link| link.standing.armed.processing_time_ms).min()
    }

    /// Input `input` of the chain is over.
    pub(super) fn end_input(&mut self, input: usize) -> Result<()> {
        match self.split(0) {
            Some((operator, mut tail)) => tail.give(operator, Element::End(input)),
            None => Ok(()),
        }
    }

    /// Ends the operators one by one, each when those before it have nothing left to do; whether all have ended. All inputs
    /// of the chain are over.
    pub(super) fn end(&mut self) -> Result<bool> {
        while let Some(link) = self.links.get(self.ended) {
            if link.standing.is_busy() {
                return Ok(false);
            }
            self.ended += 1;
            if let Some((operator, mut tail)) = self.split(self.ended) {
                tail.give(operator, Element::End(0))?;
            }
        }
        Ok(true)
    }

    /// Drops the work that the operators up to `index` still have to do: nobody wants it.
    pub(super) fn abandon(&mut self, index: usize) {
        for link in self.links.iter_mut().take(index.saturating_add(1)) {
            (link.standing.armed, link.standing.held) = (Armed::NOTHING, false);
            link.standing.inbox.clear();
        }
    }

    /// Event time ends behind operator `index`, which wanted no more input.
    pub(super) fn drain_behind(&mut self, index: usize) -> Result<()> {
        match self.split(index) {
            Some((_, mut tail)) => tail.watermark(MAX_WATERMARK),
            None => Ok(()),
        }
    }

    /// The changes of each operator's state; operators without changes are left out.
    pub(super) fn snapshot(&mut self, id: CheckpointId) -> Result<Vec<OperatorDelta>> {
        let mut deltas = Vec::new();
        for link in &mut self.links {
            let delta = link.operator.snapshot(id)?;
            if !delta.is_empty() {
                let (uid, key_groups) = (link.uid.clone(), self.key_groups.clone());
                deltas.push(OperatorDelta { uid, subtask: self.subtask, key_groups, delta });
            }
        }
        Ok(deltas)
    }

    /// Tells every operator what became of a checkpoint.
    pub(super) fn settle(&mut self, id: CheckpointId, settled: Settled) {
        for link in &mut self.links {
            link.operator.settle(id, settled);
        }
    }

    pub(super) fn inspect(&mut self) -> Vec<OperatorView> {
        self.links.iter_mut().map(|link| link.operator.inspect()).collect()
    }

    /// The live state of each operator, as far as it is asked for.
    pub(super) fn read_state(&mut self, query: &StateQuery) -> Result<Vec<Option<Vec<StateRead>>>> {
        let read = |link: &mut Link| match &query.operator {
            Some(wanted) if wanted != link.uid.as_str() => Ok(None),
            Some(_) | None => link.operator.read_state(query),
        };
        self.links.iter_mut().map(read).collect()
    }
}

/// The rest of a chain behind an operator: that operator's [`Output`].
pub(super) struct Tail<'a> {
    /// The standing of that operator; there is none before the chain's head.
    own: Option<&'a mut Standing>,
    rest: &'a mut [Link],
    /// The position of the first of `rest` in the chain.
    next: usize,
    outputs: &'a mut Outputs,
}

impl Tail<'_> {
    /// The first operator behind, with what is behind that.
    fn step(&mut self) -> Option<(&mut dyn Operator, Tail<'_>)> {
        let (link, rest) = self.rest.split_first_mut()?;
        let tail = Tail { own: Some(&mut link.standing), rest, next: self.next + 1, outputs: &mut *self.outputs };
        Some((&mut *link.operator, tail))
    }

    fn feed(&mut self, input: usize, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        // An operator that wanted no more input gets none, but what is behind it goes on with what it still emits.
        if self.outputs.closed_from() == Some(self.next) {
            return Ok(());
        }
        let Some((operator, mut tail)) = self.step() else { return self.outputs.main_batch(batch) };
        tail.give(operator, Element::Batch(input, batch))
    }

    /// Gives `operator`, whose output this is, the next element, or lets it wait where the operator can't take it.
    fn give(&mut self, operator: &mut dyn Operator, element: Element) -> Result<()> {
        if let Some(own) = &mut self.own {
            let refused = own.refused();
            let waits = match &element {
                Element::Batch(input, _) | Element::End(input) => refused.contains(*input),
                Element::Watermark(_) => refused == Inputs::ALL,
            };
            if waits {
                own.inbox.push_back(element);
                return Ok(());
            }
        }
        self.take(operator, element)
    }

    fn take(&mut self, operator: &mut dyn Operator, element: Element) -> Result<()> {
        match element {
            Element::Batch(input, batch) => {
                if self.rest.is_empty() && self.outputs.end_in_sink() {
                    self.outputs.metrics().add_out(batch.rows(), batch.bytes());
                    self.outputs.tap(&batch);
                }
                operator.process(input, batch, self)
            }
            Element::Watermark(watermark) => {
                let Some(own) = &mut self.own else { return Ok(()) };
                own.watermark = watermark;
                if own.is_reached() {
                    own.held = true;
                    return self.go_on(operator, self.outputs.now_ms());
                }
                operator.watermark(watermark, self)
            }
            Element::End(input) => operator.end_of_input(input, self),
        }
    }

    /// Does one thing that `operator`, whose output this is, is due to do.
    fn go_on(&mut self, operator: &mut dyn Operator, now_ms: i64) -> Result<()> {
        let Some(own) = &mut self.own else { return Ok(()) };
        let woken = own.armed.woken && own.woken.flag.swap(false, Ordering::AcqRel);
        let timed = own.armed.processing_time_ms.is_some_and(|due_ms| due_ms <= now_ms);
        if own.armed.more || woken || timed || (own.held && own.is_reached()) {
            own.armed = Armed::NOTHING;
            let now = Moment { watermark: own.watermark, now_ms };
            operator.advance(now, self)?;
        } else if !own.held
            && let Some(element) = own.inbox.pop_front()
        {
            return self.take(operator, element);
        }
        let Some(own) = &mut self.own else { return Ok(()) };
        if own.held && !own.is_reached() {
            own.held = false;
            let watermark = own.watermark;
            operator.watermark(watermark, self)?;
        }
        Ok(())
    }
}

impl Output for Tail<'_> {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        self.feed(0, batch)
    }

    fn watermark(&mut self, watermark: i64) -> Result<()> {
        if self.outputs.is_batch() && watermark < MAX_WATERMARK {
            return Ok(());
        }
        if let Some(operator) = self.next.checked_sub(1) {
            self.outputs.side_watermark(operator, watermark);
        }
        if let Some((operator, mut tail)) = self.step() {
            return tail.give(operator, Element::Watermark(watermark));
        }
        self.outputs.main_watermark(watermark);
        Ok(())
    }

    fn side(&mut self, port: usize, batch: Batch) -> Result<()> {
        match self.next.checked_sub(1) {
            Some(operator) => self.outputs.side_batch(operator, port, batch),
            None => Ok(()),
        }
    }

    fn reject(&mut self, rows: Vec<Rejected>) -> Result<()> {
        self.outputs.reject(rows)
    }

    fn arm(&mut self, armed: Armed) {
        if let Some(own) = &mut self.own {
            own.armed = armed;
        }
    }

    fn has_room(&self) -> bool {
        self.outputs.has_room() && self.rest.iter().all(|link| link.standing.refused().is_empty())
    }

    fn close(&mut self) {
        if let Some(operator) = self.next.checked_sub(1) {
            self.outputs.close_operator(operator);
        }
    }
}
