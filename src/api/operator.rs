//! Operators: what they do while running, and what the plan knows of them.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use super::{Armed, ChangelogMode, Moment, OperatorContext, Settled, StateRead, UpdateKind};
use crate::expr::TypedExpr;
use crate::inspect::{OperatorView, StateQuery};
use crate::state::{OperatorStateDescriptor, StateDelta, StateDescriptor};
use crate::types::{Batch, CheckpointId, Field, LogicalType, Result, Schema};

/// A running operator: one instance a subtask, called by one thread.
///
/// Calls come in the order of [`StreamElement`](crate::types::StreamElement); barriers become
/// [`snapshot`](Self::snapshot) once they are aligned over all inputs, watermarks arrive as their minimum.
///
/// A call does a batch or two of work. An operator that has more to do (a window of ten million keys fires, a row becomes a
/// thousand) stops there, says so by [`Output::arm`], and goes on when it is [advanced](Self::advance): so every queue stays
/// short, and a barrier, a question or a kill comes between.
pub trait Operator: Send {
    /// Rows of input `input` (0 unless the operator has several).
    ///
    /// # Errors
    /// Fails the job; a row that is at fault goes to [`Output::reject`] instead.
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()>;

    /// Event time has reached `watermark`. Whatever that fires is emitted before the watermark is passed on.
    ///
    /// # Errors
    /// Fails the job.
    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        out.watermark(watermark)
    }

    /// The event that the operator [armed](Output::arm) itself for has come. Only operators that did are advanced; the
    /// request is used up.
    ///
    /// # Errors
    /// Fails the job.
    fn advance(&mut self, _now: Moment, _out: &mut dyn Output) -> Result<()> {
        Ok(())
    }

    /// Input `input` has ended: a sink closes its files here. Firing what is left is not done here but by the watermark
    /// [`MAX_WATERMARK`](crate::types::MAX_WATERMARK) that a drained input sends before. An operator that is not finished
    /// with the last of its inputs says so by [`Armed::unfinished`].
    ///
    /// # Errors
    /// Fails the job.
    fn end_of_input(&mut self, _input: usize, _out: &mut dyn Output) -> Result<()> {
        Ok(())
    }

    /// The changes of the operator's state since the previous snapshot (or since it was created from restored state).
    /// May be asked for while the operator has more to give: the rest that it has not given yet is part of its state.
    ///
    /// # Errors
    /// Fails the checkpoint and the job.
    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        Ok(StateDelta::default())
    }

    /// Checkpoint `checkpoint`, to which the operator has given its snapshot, is durable or will never be.
    fn settle(&mut self, _checkpoint: CheckpointId, _settled: Settled) {}

    /// The view of the live operator for a panel: open windows, entries, timers. Called between two batches; must cost
    /// little and stay bounded, whatever the state's size.
    fn inspect(&mut self) -> OperatorView {
        OperatorView::default()
    }

    /// The live entries of the operator's keyed states that `query` asks for. Called between two batches; the subtask
    /// stands still meanwhile, so a million keys must take no more than some tens of milliseconds. `None` when the
    /// operator shows only what its checkpoints hold.
    ///
    /// # Errors
    /// When the state can't be shown; the job goes on.
    fn read_state(&mut self, _query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(None)
    }
}

/// The receiver of an operator's results: the next operator of its chain, or the chain's exchanges.
pub trait Output {
    /// Emits rows.
    ///
    /// # Errors
    /// What the operators behind fail with.
    fn batch(&mut self, batch: Batch) -> Result<()>;

    /// Emits a watermark; it must not be lower than the one before.
    ///
    /// # Errors
    /// What the operators behind fail with.
    fn watermark(&mut self, watermark: i64) -> Result<()>;

    /// Emits rows to side output `port` (an index into [`PlannedOperator::side_outputs`]); dropped when nobody reads it.
    ///
    /// # Errors
    /// What the operators behind fail with.
    fn side(&mut self, port: usize, batch: Batch) -> Result<()>;

    /// Gives up rows that could not be processed, as the job's `on_error` says: an error, a count, or a dead letter.
    ///
    /// # Errors
    /// [`Error::Row`](crate::types::Error::Row) under `on_error = fail`.
    fn reject(&mut self, rows: Vec<Rejected>) -> Result<()>;

    /// Says when the operator wants to be advanced and what it can't take until then, in place of what it said before.
    fn arm(&mut self, armed: Armed);

    /// Whether the next batch finds room behind the operator. One that has several to give asks before each but the first
    /// of a call.
    fn has_room(&self) -> bool;

    /// Says that the operator wants no more input (a limit was reached). The subtask's inputs are closed; a producer
    /// all of whose consumers have closed stops in turn.
    fn close(&mut self);
}

/// A row that could not be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The place where the row came from: `file:line`, or the operator and its input.
    pub place: String,
    /// The row as it came in (a line), or as it was displayed.
    pub row: Vec<u8>,
    /// The error in the row.
    pub message: String,
}

/// The columns of dead letters: `place`, `error` and the `row` as it came in.
#[must_use]
pub fn dead_letter_schema() -> Schema {
    Schema::new([
        Field::new("place", LogicalType::String),
        Field::new("error", LogicalType::String),
        Field::new("row", LogicalType::String),
    ])
}

/// An operator as the plan holds it: typed, immutable, able to make running instances.
pub trait PlannedOperator: Debug + Send + Sync {
    /// The operator's name in `explain`, Flink's where there is one: `Calc`, `WindowAggregate`.
    fn name(&self) -> &str;

    /// The operator's details in `explain`, one line, deterministic.
    fn describe(&self) -> String;

    /// The columns of its main output.
    fn output(&self) -> &Schema;

    /// The operator's side outputs, by port.
    fn side_outputs(&self) -> Vec<SideOutput> {
        Vec::new()
    }

    /// The way in which rows of input `input` must be distributed over the operator's subtasks.
    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Forward
    }

    /// The parallelism it must have, if it can't have any (`limit`: 1).
    fn parallelism(&self) -> Option<usize> {
        None
    }

    /// Whether its rows are in an order that means something: who takes them as they come stays beside it.
    fn is_ordered(&self) -> bool {
        false
    }

    /// The column of its inputs that output column `column` is, unchanged; `None` when it is computed. The keys of
    /// changelogs and time attributes go on with their columns.
    fn passes(&self, _column: usize) -> Option<usize> {
        None
    }

    /// Whether rows that it passes on keep their event times.
    fn keeps_event_times(&self) -> bool {
        true
    }

    /// The changes of its main output, when its inputs have `inputs`. Of several inputs no key is known: each may have a
    /// row of it.
    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        match inputs {
            [input] => input.passed(self.output().len(), |column| self.passes(column)),
            several if several.iter().all(ChangelogMode::is_append) => ChangelogMode::Append,
            _ => ChangelogMode::Retract(None),
        }
    }

    /// The way in which updates must be told to input `input`, when those of its main output are to be told as `output`.
    fn needs(&self, _input: usize, _output: UpdateKind) -> UpdateKind {
        UpdateKind::BeforeAndAfter
    }

    /// The same operator, telling its updates without `-U`; `None` when it makes none of its own.
    fn only_after(&self) -> Option<Arc<dyn PlannedOperator>> {
        None
    }

    /// The operator that does the same in a job that reads all of its input before it gives results, where event time comes
    /// to its end at once: it tells its results once, and none of what they were before. `None` where it is this one; what
    /// stands behind it then finds out what is left of its changes.
    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        None
    }

    /// Whether the changes of its main output are data themselves, the versions of a table's rows, and so are not left out
    /// where input ends and only final rows count.
    fn tells_versions(&self) -> bool {
        false
    }

    /// Whether what it does at a watermark depends on the rows that it has taken by then, be they later or not: a timer sees
    /// the state that they have left. Its rows then say which watermark each has met ([`Batch::watermarks`]), as far as they
    /// come from where event time is made without being put together anew.
    fn meets_watermarks(&self) -> bool {
        false
    }

    /// The role that the optimizer may know of the operator.
    fn role(&self) -> Role<'_> {
        Role::Opaque
    }

    /// The same operator that outputs only the columns `needed` (ascending indices into [`output`](Self::output)), in
    /// that order, and reads as few input columns as it can. `None` when it needs everything.
    fn prune(&self, _needed: &[usize]) -> Option<Pruned> {
        None
    }

    /// The keyed state that it holds.
    fn states(&self) -> Vec<StateDescriptor> {
        Vec::new()
    }

    /// Whether what it holds by key stays within [`OperatorContext::memory`], whatever the number of keys.
    fn keeps_budget(&self) -> bool {
        self.states().is_empty()
    }

    /// The state that belongs to its instances, not to keys.
    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        Vec::new()
    }

    /// A running instance.
    ///
    /// # Errors
    /// When restored state can't be read or an outside resource can't be opened.
    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>>;

    /// For a sink that is exactly-once by two-phase commit: the second phase.
    fn committer(&self) -> Option<Arc<dyn Committer>> {
        None
    }
}

impl dyn PlannedOperator + '_ {
    /// The changes of its main output, when its inputs have `inputs` before their exchange.
    #[must_use]
    pub fn changelog(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        let arrived = inputs.iter().enumerate().map(|(at, input)| match input.key() {
            Some(key) if !self.exchange(at).keeps(key) => input.without_key(),
            _ => input.clone(),
        });
        self.gives(&arrived.collect::<Vec<_>>())
    }
}

/// The role of an operator for the optimizer.
#[derive(Debug, Clone, Copy)]
pub enum Role<'a> {
    /// Drops the rows for which this is not true, and does nothing else.
    Filter(&'a TypedExpr),
    /// Computes each output column from one row, keeps every row.
    Projection(&'a [TypedExpr]),
    /// Passes on the rows of all its inputs, which have its columns.
    Union,
    /// Anything else.
    Opaque,
}

/// The result of [`PlannedOperator::prune`].
#[derive(Debug)]
pub struct Pruned {
    /// The narrowed operator, its expressions already over the narrowed inputs.
    pub operator: Arc<dyn PlannedOperator>,
    /// For each input the columns it reads, ascending indices into the old input.
    pub inputs: Vec<Vec<usize>>,
}

/// A second output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideOutput {
    /// The stream's name in the job: `late_bids`.
    pub name: String,
    /// The output's columns.
    pub schema: Schema,
}

/// The way of rows from one task to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// Subtask i to subtask i, in the same chain where possible. Becomes [`Rebalance`](Self::Rebalance) where the
    /// parallelisms differ.
    Forward,
    /// By the key group of these columns.
    Hash(Vec<usize>),
    /// Round robin over all subtasks, batch by batch.
    Rebalance,
    /// Round robin over the subtasks that are near: see [`rescaled`](Self::rescaled).
    Rescale,
    /// Every row to every subtask.
    Broadcast,
    /// Every row to subtask 0.
    Global,
}

impl Exchange {
    /// Whether the rows of a key of these columns stay together: else an update no longer comes behind what it replaces,
    /// or comes several times.
    #[must_use]
    pub fn keeps(&self, key: &[usize]) -> bool {
        match self {
            Self::Hash(columns) => columns.iter().all(|column| key.contains(column)),
            Self::Broadcast => false,
            Self::Forward | Self::Rebalance | Self::Rescale | Self::Global => true,
        }
    }

    /// The readers, of `readers`, to which producer `from` of `producers` deals its rows by [`Rescale`](Self::Rescale): each
    /// reader has one producer, or each producer one reader, as in Flink's pointwise distribution.
    #[must_use]
    pub fn rescaled(from: usize, producers: usize, readers: usize) -> Range<usize> {
        let end = ((from + 1) * readers).div_ceil(producers.max(1));
        if producers < readers { (from * readers).div_ceil(producers.max(1))..end } else { end - 1..end }
    }
}

/// The second phase of a two-phase-commit sink. Both calls are idempotent and run on no worker thread.
pub trait Committer: Debug + Send + Sync {
    /// The checkpoint that holds these entries (the bytes given as
    /// [`StateChange::Commit`](crate::state::StateChange::Commit)) is durable: makes them visible.
    ///
    /// # Errors
    /// Fails the job; called again after the restore.
    fn commit(&self, entries: &[Vec<u8>]) -> Result<()>;

    /// The job was restored (or starts fresh, with no entries): commits `entries` if they are not yet, and removes
    /// whatever else an earlier attempt of `owner` has staged.
    ///
    /// # Errors
    /// Fails the start of the job.
    fn recover(&self, entries: &[Vec<u8>], owner: SinkOwner) -> Result<()>;
}

/// The sink whose staged output a committer looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SinkOwner {
    /// A hash of the job's state directory and the operator's uid: the same in every run of the job, and nobody else's.
    /// `None` for a job that keeps no state.
    pub id: Option<u64>,
    /// Whether the state that the job starts from is the only one it has. Else the state of an earlier run is still there
    /// to be restored, and what that run had staged may be needed.
    pub alone: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescaling_goes_to_the_near_ones() {
        let of = |producers, readers| {
            (0..producers).map(|from| Exchange::rescaled(from, producers, readers)).collect::<Vec<_>>()
        };
        assert_eq!(of(2, 4), [0..2, 2..4]);
        assert_eq!(of(4, 2), [0..1, 0..1, 1..2, 1..2]);
        assert_eq!(of(2, 3), [0..2, 2..3]);
        assert_eq!(of(3, 2), [0..1, 1..2, 1..2]);
        assert_eq!(of(3, 3), [0..1, 1..2, 2..3]);
        for (producers, readers) in (1..9).flat_map(|a| (1..9).map(move |b| (a, b))) {
            let reached: Vec<usize> = of(producers, readers).into_iter().flatten().collect();
            assert!((0..readers).all(|reader| reached.contains(&reader)), "{producers} to {readers}");
        }
    }

    #[test]
    fn a_key_is_kept_only_where_its_rows_stay_together() {
        for (exchange, kept) in [
            (Exchange::Hash(vec![2]), true),
            (Exchange::Hash(vec![0, 1]), false),
            (Exchange::Broadcast, false),
            (Exchange::Rebalance, true),
            (Exchange::Global, true),
        ] {
            assert_eq!(exchange.keeps(&[0, 2]), kept, "{exchange:?}");
        }
    }
}
