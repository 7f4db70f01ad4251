//! What is made of the rows of a window that fires: the place for a new one.
//!
//! [`Function`] is the plan's side, [`Contents`] the running one. Two kinds of contents are there: accumulators, which keep
//! no row ([`Incremental`](super::Incremental)), and [`Elements`](super::elements::Elements), which keep all of them, let an
//! evictor choose, and give the rest to an [`OverRows`]. A function over rows (a process function behind a window) is one
//! more file with an `OverRows` and a `Function` whose contents are `Elements` with it.

use std::fmt::Debug;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, TimestampMillisecondArray};

use crate::api::{OperatorContext, Output, SideOutput, StateRead, WindowSpec};
use crate::expr::aggregate::AggregateCall;
use crate::inspect::StateQuery;
use crate::operators::aggregates::Evaluated;
use crate::operators::keyed::RowStore;
use crate::operators::window::general::panes::Panes;
use crate::state::{RestoredState, StateChange, StateDescriptor};
use crate::types::{Batch, Field, Result, Schema};

/// One input of a window operator.
#[derive(Debug, Clone)]
pub(in crate::operators) struct WindowInput {
    pub(in crate::operators) schema: Schema,
    pub(in crate::operators) keys: Vec<usize>,
}

/// A function with fewer result columns, and the columns that it reads of each input beside the keys.
pub(in crate::operators) type Narrowed = (Arc<dyn Function>, Vec<Vec<usize>>);

/// What is made of the rows of a window, as the plan holds it.
pub(in crate::operators) trait Function: Debug + Send + Sync {
    /// The operator's name in `explain`.
    fn name(&self) -> &'static str;

    /// The details in `explain`, behind keys and window.
    fn describe(&self) -> String;

    /// The columns of a result.
    fn output(&self) -> &Schema;

    /// The side outputs that it has beside that of late rows.
    fn side_outputs(&self) -> Vec<SideOutput> {
        Vec::new()
    }

    /// The calls whose arguments are evaluated when a row of the only input comes.
    fn calls(&self) -> &[AggregateCall] {
        &[]
    }

    /// Whether its contents depend on the order of rows and are told when each came, so that those of sessions can be merged.
    fn by_arrival(&self) -> bool {
        false
    }

    /// The columns that stand beside a window in its stored state.
    fn stored_fields(&self) -> Vec<Field> {
        Vec::new()
    }

    /// The keyed states that it has beside those.
    fn states(&self) -> Vec<StateDescriptor> {
        Vec::new()
    }

    /// The same with only the result columns `needed`; `None` when it needs everything.
    fn prune(&self, _needed: &[usize]) -> Option<Narrowed> {
        None
    }

    /// The same over inputs of these columns; `moved` says where a column of an input has gone.
    fn moved(&self, _inputs: &[WindowInput], _moved: &dyn Fn(usize, usize) -> usize) -> Option<Arc<dyn Function>> {
        None
    }

    /// What an instance holds.
    fn contents(&self, window: &WindowSpec, context: &OperatorContext) -> Result<Box<dyn Contents>>;
}

/// Rows that have come into windows, row `i` into window `panes[i]`; a row may stand there several times.
pub(in crate::operators) struct Taken<'a> {
    pub(in crate::operators) input: usize,
    pub(in crate::operators) batch: &'a Batch,
    pub(in crate::operators) evaluated: &'a Evaluated,
    pub(in crate::operators) panes: &'a [u32],
    /// What finds each row's window again in stored state: its end, or the time of the row where windows move.
    pub(in crate::operators) places: &'a [i64],
}

/// Windows that fire.
pub(in crate::operators) struct Fired<'a> {
    /// No window stands there twice.
    pub(in crate::operators) panes: &'a [u32],
    pub(in crate::operators) keys: &'a [ArrayRef],
    pub(in crate::operators) starts: &'a [i64],
    pub(in crate::operators) ends: &'a [i64],
    pub(in crate::operators) watermark: i64,
}

/// Rows that fired windows give.
pub(in crate::operators) struct Results {
    pub(in crate::operators) rows: RecordBatch,
    /// The window of each row, by its place among those that fired; `None` where each gave one.
    pub(in crate::operators) windows: Option<Vec<u32>>,
}

/// What an operator instance holds of its windows.
pub(in crate::operators) trait Contents: Send {
    /// Makes room for windows below `panes`.
    fn resize(&mut self, panes: usize);

    /// Takes rows in.
    fn add(&mut self, rows: &Taken<'_>, out: &mut dyn Output) -> Result<()>;

    /// Puts what is held of window `from` into window `into`.
    fn merge(&mut self, into: u32, from: u32) -> Result<()>;

    /// Lets go of what is held of a window, which may be gone with it (`ends`) or go on.
    fn clear(&mut self, pane: u32, ends: bool) -> Result<()>;

    /// Whether something is held of a window that rows have come into: an evictor may have left nothing.
    fn holds(&self, _pane: u32) -> bool {
        true
    }

    /// The results of windows that fire.
    fn fire(&mut self, fired: &Fired<'_>, out: &mut dyn Output) -> Result<Results>;

    /// The values of [`Function::stored_fields`] of these windows.
    fn stored(&self, _panes: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(Vec::new())
    }

    /// Takes those of stored windows up.
    fn restore(&mut self, _panes: &[u32], _stored: &[ArrayRef]) -> Result<()> {
        Ok(())
    }

    /// Pushes the changes of [`Function::states`].
    fn changes(&mut self, _changes: &mut Vec<StateChange>) -> Result<()> {
        Ok(())
    }

    /// Takes those states up; the windows are there.
    fn restore_states(&mut self, _restored: &dyn RestoredState, _panes: &mut Panes) -> Result<()> {
        Ok(())
    }

    /// Reads those states for people.
    fn read(&self, _query: &StateQuery) -> Result<Vec<StateRead>> {
        Ok(Vec::new())
    }

    /// The values of these windows for a view, as they would be if the windows fired now, and the columns' names.
    fn shown(&self, _panes: &[u32]) -> Result<(Vec<String>, Vec<ArrayRef>)> {
        Ok((Vec::new(), Vec::new()))
    }

    /// Bytes held.
    fn bytes(&self) -> usize;
}

/// A function of all rows of windows that fire.
pub(in crate::operators) trait OverRows: Send {
    /// The results, of the rows of each input.
    fn apply(&mut self, fired: &Fired<'_>, sides: &[SideRows<'_>], out: &mut dyn Output) -> Result<Results>;

    /// Whether a window gives something that has rows of these inputs.
    fn gives(&self, _has: &[bool]) -> bool {
        true
    }

    /// A window is gone.
    fn ended(&mut self, _pane: u32) {}

    /// Pushes the changes of state of its own.
    fn changes(&mut self, _changes: &mut Vec<StateChange>) -> Result<()> {
        Ok(())
    }

    /// Takes that state up; the windows are there.
    fn restore(&mut self, _restored: &dyn RestoredState, _panes: &mut Panes) -> Result<()> {
        Ok(())
    }

    /// Reads that state for people.
    fn read(&self, _query: &StateQuery) -> Result<Vec<StateRead>> {
        Ok(Vec::new())
    }

    /// Bytes of it.
    fn bytes(&self) -> usize {
        0
    }
}

/// The rows that windows have of one input, window by window, in the order in which they came.
pub(in crate::operators) struct SideRows<'a> {
    pub(in crate::operators) store: &'a RowStore,
    /// Their columns.
    pub(in crate::operators) schema: &'a Schema,
    /// Their numbers in the store.
    pub(in crate::operators) ids: Vec<u32>,
    /// The window of each, by its place among those that fire.
    pub(in crate::operators) windows: Vec<u32>,
}

impl SideRows<'_> {
    /// All of them.
    pub(in crate::operators) fn rows(&self) -> Result<RecordBatch> {
        let columns: Vec<usize> = (0..self.schema.len()).collect();
        self.schema.record_batch(self.store.gather(&self.ids, &columns)?, self.ids.len())
    }
}

/// A column of the result of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::operators) enum ResultColumn {
    /// A key, by its place among the keys.
    Key(usize),
    /// `window_start`
    Start,
    /// `window_end`
    End,
    /// An aggregate, by its place among the calls.
    Call(usize),
}

impl Fired<'_> {
    /// These columns, a row a window; `call` gives the values of an aggregate.
    pub(in crate::operators) fn rows(
        &self,
        schema: &Schema,
        columns: &[ResultColumn],
        call: impl Fn(usize) -> Result<ArrayRef>,
    ) -> Result<RecordBatch> {
        let times = |times: &[i64]| -> ArrayRef {
            Arc::new(TimestampMillisecondArray::from_iter_values(times.iter().copied()))
        };
        let column = |column: &ResultColumn| match *column {
            ResultColumn::Key(key) => Ok(self.keys[key].clone()),
            ResultColumn::Start => Ok(times(self.starts)),
            ResultColumn::End => Ok(times(self.ends)),
            ResultColumn::Call(place) => call(place),
        };
        schema.record_batch(columns.iter().map(column).collect::<Result<_>>()?, self.panes.len())
    }
}
