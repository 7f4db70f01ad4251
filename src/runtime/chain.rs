//! A chain of operators that call each other directly: nothing is queued or copied between them.

use std::ops::Range;
use std::sync::Arc;

use super::outputs::Outputs;
use crate::api::{Operator, OperatorMetrics, Output, Rejected, StateRead};
use crate::inspect::{OperatorView, StateQuery};
use crate::state::OperatorDelta;
use crate::types::{Batch, CheckpointId, MAX_WATERMARK, OperatorUid, Result};

/// One running operator of a chain.
pub(super) struct Link {
    pub(super) uid: OperatorUid,
    pub(super) operator: Box<dyn Operator>,
    /// When the operator wants to be told the processing time.
    pub(super) due_ms: Option<i64>,
    pub(super) metrics: Arc<OperatorMetrics>,
}

/// The operators of one subtask, and where their results go.
pub(super) struct Chain {
    pub(super) subtask: usize,
    /// Those whose state this instance holds.
    pub(super) key_groups: Range<u16>,
    pub(super) links: Vec<Link>,
    pub(super) outputs: Outputs,
}

impl Chain {
    /// The chain's head: where the source's rows go in.
    pub(super) fn head(&mut self) -> Tail<'_> {
        Tail { rest: &mut self.links, next: 0, outputs: &mut self.outputs }
    }

    /// Rows of an input.
    pub(super) fn process(&mut self, input: usize, batch: Batch) -> Result<()> {
        self.head().feed(input, batch)
    }

    /// What follows operator `index`, and the operator itself.
    fn split(&mut self, index: usize) -> Option<(&mut Link, Tail<'_>)> {
        let (link, rest) = self.links.get_mut(index..)?.split_first_mut()?;
        Some((link, Tail { rest, next: index + 1, outputs: &mut self.outputs }))
    }

    /// Tells the operators that are due the processing time; whether any was.
    pub(super) fn processing_time(&mut self, now_ms: i64) -> Result<bool> {
        let mut any = false;
        for index in 0..self.links.len() {
            if let Some((link, mut tail)) = self.split(index)
                && link.due_ms.is_some_and(|due| due <= now_ms)
            {
                link.due_ms = link.operator.processing_time(now_ms, &mut tail)?;
                any = true;
            }
        }
        Ok(any)
    }

    /// When the next operator wants to be told the processing time.
    pub(super) fn due_ms(&self) -> Option<i64> {
        self.links.iter().filter_map(|link| link.due_ms).min()
    }

    /// The input is over; with `drain` after the last watermark has passed.
    pub(super) fn end_of_input(&mut self) -> Result<()> {
        for index in 0..self.links.len() {
            if let Some((link, mut tail)) = self.split(index) {
                link.operator.end_of_input(&mut tail)?;
            }
        }
        Ok(())
    }

    /// Event time ends behind operator `index`, which wanted no more input.
    pub(super) fn drain_behind(&mut self, index: usize) -> Result<()> {
        match self.split(index) {
            Some((_, mut tail)) => tail.watermark(MAX_WATERMARK),
            None => Ok(()),
        }
    }

    /// What each operator's state has changed by; operators without changes are left out.
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
    rest: &'a mut [Link],
    /// The position of the first of `rest` in the chain.
    next: usize,
    outputs: &'a mut Outputs,
}

impl Tail<'_> {
    fn feed(&mut self, input: usize, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        // An operator that wanted no more input gets none, but what is behind it goes on with what it still emits.
        if self.outputs.closed_from() == Some(self.next) {
            return Ok(());
        }
        let Some((first, rest)) = self.rest.split_first_mut() else {
            return self.outputs.main_batch(batch);
        };
        if rest.is_empty() && self.outputs.end_in_sink() {
            self.outputs.metrics().add_out(batch.rows(), batch.bytes());
            self.outputs.tap(&batch);
        }
        first.operator.process(input, batch, &mut Tail { rest, next: self.next + 1, outputs: &mut *self.outputs })
    }
}

impl Output for Tail<'_> {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        self.feed(0, batch)
    }

    fn watermark(&mut self, watermark: i64) -> Result<()> {
        if let Some(operator) = self.next.checked_sub(1) {
            self.outputs.side_watermark(operator, watermark);
        }
        match self.rest.split_first_mut() {
            None => {
                self.outputs.main_watermark(watermark);
                Ok(())
            }
            Some((first, rest)) => first
                .operator
                .watermark(watermark, &mut Tail { rest, next: self.next + 1, outputs: &mut *self.outputs }),
        }
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

    fn close(&mut self) {
        if let Some(operator) = self.next.checked_sub(1) {
            self.outputs.close_operator(operator);
        }
    }
}
