//! One round: the operators of the body, one after the other, each over all rows of its inputs.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use crate::api::{
    Armed, Body, BodyInput, Inputs, Moment, Operator, OperatorContext, OperatorMetrics, Output, PlannedOperator,
    Rejected,
};
use crate::types::{
    Batch, Error, Kept, KeptRows, MAX_WATERMARK, MIN_WATERMARK, OperatorUid, Result, Schema, SpillSpace, Spool,
};

/// A round under way.
pub(super) struct Round {
    /// What was given so far, by where it comes from; of the round's own rows and other streams from the beginning.
    given: BTreeMap<BodyInput, Kept>,
    /// The operator that runs.
    running: Option<Running>,
    /// The next one.
    next: usize,
}

struct Running {
    node: usize,
    operator: Box<dyn Operator>,
    /// The rows of its inputs that it is yet to take, the first input first.
    inputs: Vec<KeptRows>,
    input: usize,
    /// Whether event time has come to its end.
    timed: bool,
    armed: Armed,
    given: BTreeMap<usize, Spool>,
    closed: bool,
}

impl Round {
    /// A round over `rows`.
    pub(super) fn new(rows: Kept, others: &[Kept]) -> Self {
        let others = others.iter().enumerate().map(|(at, kept)| (BodyInput::Other(at), kept.clone()));
        let given = others.chain([(BodyInput::Round, rows)]).collect();
        Self { given, running: None, next: 0 }
    }

    /// Does a batch of work; gives the rows of the round when it is over.
    pub(super) fn step(
        &mut self,
        body: &Body,
        context: &OperatorContext,
        out: &mut dyn Output,
    ) -> Result<Option<Kept>> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None if self.next == body.nodes.len() => {
                return self.given.remove(&body.end).map_or_else(|| Err(lost()), |kept| Ok(Some(kept)));
            }
            None => self.start(body, context)?,
        };
        let planned = &body.nodes[running.node].operator;
        if running.step(&**planned, context, out)? {
            self.running = Some(running);
            return Ok(None);
        }
        for (output, spool) in running.given {
            self.given.insert(BodyInput::Node(running.node, output), spool.finish()?);
        }
        Ok(None)
    }

    /// The operator that runs, or runs next, and its place among the others. The first only takes the rows in.
    pub(super) fn now(&self, body: &Body) -> String {
        let at =
            self.running.as_ref().map_or(self.next, |running| running.node).min(body.nodes.len().saturating_sub(1));
        let name = body.nodes.get(at).map_or("", |node| node.operator.name());
        format!("{name} ({at} of {})", body.nodes.len().saturating_sub(1))
    }

    fn start(&mut self, body: &Body, context: &OperatorContext) -> Result<Running> {
        let node = self.next;
        self.next += 1;
        let planned = &body.nodes[node];
        let own = OperatorContext {
            uid: OperatorUid::new(format!("{}.{node}", context.uid)),
            subtask: 0,
            parallelism: 1,
            max_parallelism: context.max_parallelism,
            batch_rows: context.batch_rows,
            restored: None,
            memory: None,
            metrics: Arc::new(OperatorMetrics::default()),
            row_watermarks: false,
            spill: Arc::clone(&context.spill),
            clock: Arc::clone(&context.clock),
            waker: Waker::noop().clone(),
            armed: Cell::default(),
        };
        let operator = planned.operator.create(&own)?;
        let kept = planned.inputs.iter().map(|input| self.given.get(input).cloned().ok_or_else(lost));
        let inputs = kept.map(|kept| kept?.read()).collect::<Result<_>>()?;
        let main = (0, Spool::new(planned.operator.output(), &context.spill));
        let sides = planned.operator.side_outputs().into_iter().enumerate();
        let sides = sides.map(|(port, side)| (port + 1, Spool::new(&side.schema, &context.spill)));
        let given = std::iter::once(main).chain(sides).collect();
        let armed = own.armed.take();
        Ok(Running { node, operator, inputs, input: 0, timed: false, armed, given, closed: false })
    }
}

fn lost() -> Error {
    Error::state("a round has lost rows between its operators")
}

impl Running {
    /// Does one thing; whether there is more to do.
    fn step(&mut self, planned: &dyn PlannedOperator, context: &OperatorContext, out: &mut dyn Output) -> Result<bool> {
        let Self { operator, inputs, input, timed, armed, given, closed, .. } = self;
        let mut inner = Inner { given, armed: *armed, closed: *closed, out };
        let watermark = if *timed { MAX_WATERMARK } else { MIN_WATERMARK };
        let more = if armed.more || armed.full != Inputs::NONE {
            if !armed.more {
                return Err(Error::config(format!("`{}` waits for others, and can't run in rounds", planned.name())));
            }
            inner.armed = Armed::NOTHING;
            operator.advance(Moment { watermark, now_ms: context.clock.now_ms() }, &mut inner)?;
            true
        } else if let Some(rows) = inputs.get_mut(*input).filter(|_| !inner.closed) {
            match rows.next_batch()? {
                Some(batch) => operator.process(*input, batch, &mut inner)?,
                None => *input += 1,
            }
            true
        } else if armed.event_time.is_some() {
            *timed = true;
            inner.armed = Armed::NOTHING;
            operator.advance(Moment { watermark: MAX_WATERMARK, now_ms: context.clock.now_ms() }, &mut inner)?;
            true
        } else if !*timed || *input <= inputs.len() {
            // Once, when all inputs have ended.
            *timed = true;
            *input = inputs.len() + 1;
            operator.watermark(MAX_WATERMARK, &mut inner)?;
            (0..inputs.len()).try_for_each(|input| operator.end_of_input(input, &mut inner))?;
            true
        } else {
            false
        };
        (*armed, *closed) = (inner.armed, inner.closed);
        Ok(more)
    }
}

/// The output of an operator of a round.
struct Inner<'a> {
    given: &'a mut BTreeMap<usize, Spool>,
    armed: Armed,
    closed: bool,
    out: &'a mut dyn Output,
}

impl Output for Inner<'_> {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        self.given.get_mut(&0).map_or(Ok(()), |spool| spool.push(batch))
    }

    fn watermark(&mut self, _watermark: i64) -> Result<()> {
        Ok(())
    }

    fn side(&mut self, port: usize, batch: Batch) -> Result<()> {
        self.given.get_mut(&(port + 1)).map_or(Ok(()), |spool| spool.push(batch))
    }

    fn reject(&mut self, rows: Vec<Rejected>) -> Result<()> {
        self.out.reject(rows)
    }

    fn arm(&mut self, armed: Armed) {
        self.armed = armed;
    }

    fn has_room(&self) -> bool {
        true
    }

    fn close(&mut self) {
        self.closed = true;
    }
}

/// Nothing, of these columns.
pub(super) fn nothing(schema: &Schema, space: &Arc<SpillSpace>) -> Result<Kept> {
    Spool::new(schema, space).finish()
}
