//! The trait that every aggregate function implements.

use std::any::Any;

use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use arrow_select::concat::concat;

use crate::types::{Error, Result};

/// The accumulators of one aggregate call over many groups. Groups are numbered from 0; a new group starts empty.
pub trait Accumulator: Any + Send {
    /// Makes room for groups below `groups`; those that exist keep their state.
    fn resize(&mut self, groups: usize);

    /// Adds row `i` of `args` to group `groups[i]`, for the rows that `keep` allows. Floats are
    /// [canonical](crate::types::floats).
    ///
    /// # Errors
    /// When a kernel refuses its input. Overflow of an integer sum wraps, as in Flink.
    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()>;

    /// Takes such rows back.
    ///
    /// # Errors
    /// As [`Self::update`].
    fn retract(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()>;

    /// Adds state that [`Self::state`] gave, row `i` to group `groups[i]`.
    ///
    /// # Errors
    /// When the columns do not have the state's types.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// Adds group `from + i` of `other`, which belongs to the same call, to group `groups[i]`.
    ///
    /// # Errors
    /// As [`Self::merge`].
    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulator, from: u32) -> Result<()> {
        self.merge(groups, &other.state(&groups_from(from, groups.len()))?)
    }

    /// The results of these groups; the state stays.
    ///
    /// # Errors
    /// When a kernel refuses its input.
    fn values(&self, groups: &[u32]) -> Result<ArrayRef>;

    /// This aggregate's results of the groups of `other`, whose call [shares its
    /// state](super::AggregateCall::shares_state) with this one's: the average of what a sum has summed up.
    ///
    /// # Errors
    /// When `other` has another state.
    fn values_from(&self, _other: &dyn Accumulator, _groups: &[u32]) -> Result<ArrayRef> {
        Err(Error::state("an aggregate was read as another"))
    }

    /// The state of these groups: one column for each of
    /// [`AggregateCall::state_fields_for`](super::AggregateCall::state_fields_for).
    ///
    /// # Errors
    /// When a kernel refuses its input.
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>>;

    /// Empties group `group`, whose number is used again.
    fn clear(&mut self, group: u32);

    /// Bytes held, estimated.
    fn bytes(&self) -> usize;

    /// Takes the rows in one after another and gives the group's value before and after each, as `rows` asks: the
    /// changes of an un-windowed aggregate.
    ///
    /// # Errors
    /// As [`Self::update`].
    fn update_running(
        &mut self,
        rows: &Running<'_>,
        args: &[ArrayRef],
        keep: Option<&BooleanArray>,
    ) -> Result<ArrayRef> {
        let mut pieces = Vec::with_capacity(rows.emitted);
        for row in 0..rows.groups.len() {
            let (group, emit) = (&rows.groups[row..=row], rows.emits[row]);
            if emit == RunningEmit::SKIP {
                continue;
            }
            if emit.has_before() {
                pieces.push(self.values(group)?);
            }
            if emit == RunningEmit::BEFORE {
                self.clear(group[0]);
                continue;
            }
            let args: Vec<ArrayRef> = args.iter().map(|arg| arg.slice(row, 1)).collect();
            let keep = keep.map(|keep| keep.slice(row, 1));
            if rows.adds(row) {
                self.update(group, &args, keep.as_ref())?;
            } else {
                self.retract(group, &args, keep.as_ref())?;
            }
            pieces.push(self.values(group)?);
        }
        if pieces.is_empty() {
            return self.values(&[]);
        }
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        Ok(concat(&pieces)?)
    }
}

/// The values that a row of [`Running`] has emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningEmit(u8);

impl RunningEmit {
    /// The row is left out: it takes back what was never there.
    pub const SKIP: Self = Self(0);
    /// The value before it alone: the row empties its group, which is cleared.
    pub const BEFORE: Self = Self(1);
    /// The value after it alone: it is the first of its group.
    pub const AFTER: Self = Self(2);
    /// Both, before then after.
    pub const BOTH: Self = Self(3);

    /// Whether the value before the row is wanted.
    #[must_use]
    #[inline]
    pub const fn has_before(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether the value after it is.
    #[must_use]
    #[inline]
    pub const fn has_after(self) -> bool {
        self.0 & 2 != 0
    }

    /// The number of values that are wanted.
    #[must_use]
    #[inline]
    pub const fn count(self) -> usize {
        self.before() + self.after()
    }

    #[inline]
    pub(super) const fn before(self) -> usize {
        (self.0 & 1) as usize
    }

    #[inline]
    pub(super) const fn after(self) -> usize {
        (self.0 >> 1) as usize
    }
}

/// The rows of a batch in order, for [`Accumulator::update_running`].
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    /// The group of each row.
    pub groups: &'a [u32],
    /// The values that each row has emitted.
    pub emits: &'a [RunningEmit],
    /// The sum of their [`counts`](RunningEmit::count): the length of the result.
    pub emitted: usize,
    /// Whether each row adds or takes back; `None` when all add.
    pub adds: Option<&'a [bool]>,
}

impl Running<'_> {
    /// Whether row `row` adds.
    #[must_use]
    #[inline]
    pub fn adds(&self, row: usize) -> bool {
        self.adds.is_none_or(|adds| adds[row])
    }
}

/// The rows that count: valid and kept. `None` when all do.
pub(super) fn selection(nulls: Option<&NullBuffer>, keep: Option<&BooleanArray>) -> Option<BooleanBuffer> {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0).map(NullBuffer::inner);
    let keep = keep.map(|keep| match keep.nulls() {
        Some(known) => keep.values() & known.inner(),
        None => keep.values().clone(),
    });
    match (nulls, keep) {
        (None, None) => None,
        (Some(valid), None) => Some(valid.clone()),
        (None, Some(keep)) => Some(keep),
        (Some(valid), Some(keep)) => Some(valid & &keep),
    }
}

/// The error for a column of another type than was bound.
pub(super) fn wrong_type(found: &DataType) -> Error {
    Error::state(format!("an aggregate was given a column of type {found}"))
}

/// Column `index` of `columns`.
pub(super) fn column(columns: &[ArrayRef], index: usize) -> Result<&ArrayRef> {
    columns.get(index).ok_or_else(|| Error::state("the state of an aggregate lacks a column"))
}

/// So many group numbers, the first of them `from`.
pub(super) fn groups_from(from: u32, groups: usize) -> Vec<u32> {
    (from..u32::MAX).take(groups).collect()
}
