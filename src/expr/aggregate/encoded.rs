//! Values of any type as bytes (arrow-row's encoding, whose order is that of the values), and the aggregates that keep
//! one of them a group.

use std::fmt;

use arrow_array::{Array, ArrayRef, BooleanArray, new_null_array};
use arrow_row::{RowConverter, Rows, SortField};

use super::Accumulator;
use super::accumulator::{Running, RunningEmit, column, selection, wrong_type};
use crate::types::{LogicalType, Result};

/// Whether values of this type can be encoded.
pub(super) fn encodable(ty: &LogicalType) -> bool {
    RowConverter::supports_fields(&[SortField::new(ty.to_arrow())])
}

/// Encodes and decodes the values of one type. The bytes never leave memory: arrow-row promises no stability.
pub(super) struct Codec {
    converter: RowConverter,
    ty: LogicalType,
    null: Box<[u8]>,
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codec({})", self.ty)
    }
}

impl Codec {
    pub(super) fn new(ty: &LogicalType) -> Result<Self> {
        let arrow = ty.to_arrow();
        let converter = RowConverter::new(vec![SortField::new(arrow.clone())])?;
        let null = converter.convert_columns(&[new_null_array(&arrow, 1)])?.row(0).as_ref().into();
        Ok(Self { converter, ty: ty.clone(), null })
    }

    pub(super) fn encode(&self, values: &ArrayRef) -> Result<Rows> {
        if *values.data_type() != self.ty.to_arrow() {
            return Err(wrong_type(values.data_type()));
        }
        Ok(self.converter.convert_columns(std::slice::from_ref(values))?)
    }

    /// A column of these values; `None` is null.
    pub(super) fn decode<'a>(&self, values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef> {
        let parser = self.converter.parser();
        let null = &*self.null;
        let rows: Vec<_> = values.map(|value| parser.parse(value.unwrap_or(null))).collect();
        let mut columns = self.converter.convert_rows(rows)?;
        Ok(columns.remove(0))
    }
}

/// The value that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Smallest,
    Largest,
    First,
    Last,
}

/// Keeps one value of any type a group.
#[derive(Debug)]
pub(super) struct Encoded {
    codec: Codec,
    keep: Keep,
    held: Vec<Option<Box<[u8]>>>,
    bytes: usize,
}

impl Encoded {
    pub(super) fn new(ty: &LogicalType, keep: Keep) -> Result<Self> {
        Ok(Self { codec: Codec::new(ty)?, keep, held: Vec::new(), bytes: 0 })
    }

    fn add(&mut self, group: u32, value: &[u8]) {
        let held = &mut self.held[group as usize];
        let better = held.as_deref().is_none_or(|held| match self.keep {
            Keep::Smallest => value < held,
            Keep::Largest => value > held,
            Keep::First => false,
            Keep::Last => true,
        });
        if better {
            self.bytes += value.len();
            match held {
                Some(old) if old.len() == value.len() => {
                    self.bytes -= old.len();
                    old.copy_from_slice(value);
                }
                _ => {
                    let old = held.replace(value.into());
                    self.bytes -= old.map_or(0, |old| old.len());
                }
            }
        }
    }
}

impl Accumulator for Encoded {
    fn resize(&mut self, groups: usize) {
        if groups > self.held.len() {
            self.held.resize(groups, None);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        let values = column(args, 0)?;
        let rows = self.codec.encode(values)?;
        if let Some(selected) = selection(values.nulls(), keep) {
            for row in selected.set_indices() {
                self.add(groups[row], rows.row(row).as_ref());
            }
        } else {
            for (&group, row) in groups.iter().zip(rows.iter()) {
                self.add(group, row.as_ref());
            }
        }
        Ok(())
    }

    /// Never called: a [`Bag`](super::bag::Bag) is chosen where rows are taken back.
    fn retract(&mut self, _: &[u32], _: &[ArrayRef], _: Option<&BooleanArray>) -> Result<()> {
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.update(groups, state, None)
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        self.codec.decode(groups.iter().map(|&group| self.held[group as usize].as_deref()))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.values(groups)?])
    }

    fn clear(&mut self, group: u32) {
        let old = self.held[group as usize].take();
        self.bytes -= old.map_or(0, |old| old.len());
    }

    fn bytes(&self) -> usize {
        self.bytes + self.held.capacity() * size_of::<Option<Box<[u8]>>>()
    }

    fn update_running(
        &mut self,
        rows: &Running<'_>,
        args: &[ArrayRef],
        keep: Option<&BooleanArray>,
    ) -> Result<ArrayRef> {
        let values = column(args, 0)?;
        let encoded = self.codec.encode(values)?;
        let selected = selection(values.nulls(), keep);
        let mut out = ByteList::with_capacity(rows.emitted);
        for (row, (&group, &emit)) in rows.groups.iter().zip(rows.emits).enumerate() {
            if emit == RunningEmit::SKIP {
                continue;
            }
            if emit.has_before() {
                out.push(self.held[group as usize].as_deref());
            }
            if emit == RunningEmit::BEFORE {
                self.clear(group);
                continue;
            }
            if selected.as_ref().is_none_or(|selected| selected.value(row)) {
                self.add(group, encoded.row(row).as_ref());
            }
            out.push(self.held[group as usize].as_deref());
        }
        self.codec.decode(out.iter())
    }
}

/// Byte strings one after another.
#[derive(Debug, Default)]
struct ByteList {
    bytes: Vec<u8>,
    ends: Vec<Option<usize>>,
}

impl ByteList {
    fn with_capacity(values: usize) -> Self {
        Self { bytes: Vec::with_capacity(values * 16), ends: Vec::with_capacity(values) }
    }

    fn push(&mut self, value: Option<&[u8]>) {
        self.ends.push(value.map(|value| {
            self.bytes.extend_from_slice(value);
            self.bytes.len()
        }));
    }

    fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            end.map(|end| {
                let value = &self.bytes[start..end];
                start = end;
                value
            })
        })
    }
}
