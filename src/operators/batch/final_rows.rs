//! The rows that are left at the end of a changelog.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, UInt32Array};
use arrow_row::{RowConverter, SortField};

use super::SortsAll;
use crate::api::{
    Armed, ChangelogMode, Moment, Operator, OperatorContext, Output, PlannedOperator, Pruned, UpdateKind,
};
use crate::types::floats::canonical_column;
use crate::types::{Batch, MAX_WATERMARK, Result, Schema};

/// Takes changes until the input ends, then gives the rows that they have left, each once: what Flink's batch mode gives.
#[derive(Debug, Clone)]
pub struct FinalRows {
    /// The columns by whose values a row replaces another; `None` where only equal rows take each other back.
    key: Option<Vec<usize>>,
    schema: Schema,
}

impl FinalRows {
    /// Of rows of `schema`, which are changes of this kind.
    #[must_use]
    pub fn new(schema: &Schema, changelog: &ChangelogMode) -> Self {
        Self { key: changelog.key().map(<[usize]>::to_vec), schema: schema.clone() }
    }

    fn columns(&self) -> Vec<usize> {
        self.key.clone().unwrap_or_else(|| (0..self.schema.len()).collect())
    }
}

impl PlannedOperator for FinalRows {
    fn name(&self) -> &'static str {
        "FinalRows"
    }

    fn describe(&self) -> String {
        let names = |key: &Vec<usize>| {
            let names: Vec<&str> = key.iter().map(|&column| self.schema.fields()[column].name.as_str()).collect();
            format!("key=[{}]", names.join(", "))
        };
        self.key.as_ref().map(names).unwrap_or_default()
    }

    fn output(&self) -> &Schema {
        &self.schema
    }

    fn passes(&self, column: usize) -> Option<usize> {
        Some(column)
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn needs(&self, _input: usize, _output: UpdateKind) -> UpdateKind {
        if self.key.is_some() { UpdateKind::OnlyAfter } else { UpdateKind::BeforeAndAfter }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        // Rows that differ in what nobody needs are different rows.
        let mut kept: Vec<usize> = self.key.as_ref()?.iter().chain(needed).copied().collect();
        kept.sort_unstable();
        kept.dedup();
        if kept != needed {
            return None;
        }
        let place = |column: &usize| kept.iter().position(|kept| kept == column);
        let key = self.key.as_ref()?.iter().filter_map(place).collect();
        let operator = Self { key: Some(key), schema: self.schema.project(&kept) };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![kept] })
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let columns = self.columns();
        let types = columns.iter().map(|&column| SortField::new(self.schema.fields()[column].ty.to_arrow()));
        Ok(Box::new(FinalRowsOperator {
            by_key: self.key.is_some(),
            places: if columns.is_empty() { None } else { Some(RowConverter::new(types.collect())?) },
            columns,
            rows: SortsAll::new(&self.schema, context.batch_rows, &context.spill),
            open: None,
        }))
    }
}

struct FinalRowsOperator {
    by_key: bool,
    columns: Vec<usize>,
    places: Option<RowConverter>,
    rows: SortsAll,
    /// The row whose changes were read last, as far as they were.
    open: Option<Open>,
}

/// The changes of one row so far: its place, its content (a batch of one row), and how often it is there.
struct Open {
    place: Vec<u8>,
    row: Batch,
    count: i64,
}

/// The places of rows in the order of these columns.
pub(in crate::operators) fn places(
    converter: Option<&RowConverter>,
    columns: &[ArrayRef],
    rows: usize,
) -> Result<BinaryArray> {
    let Some(converter) = converter else { return Ok(BinaryArray::from_iter_values(std::iter::repeat_n([], rows))) };
    let columns: Vec<ArrayRef> = columns.iter().map(canonical_column).collect();
    Ok(converter.convert_columns(&columns)?.try_into_binary()?)
}

impl FinalRowsOperator {
    /// Nets the changes of a batch; gives the rows that are known to be left.
    fn net(&mut self, batch: &Batch, places: &BinaryArray, out: &mut dyn Output) -> Result<()> {
        let (mut kept, mut at) = (Vec::new(), 0);
        while at < batch.rows() {
            let place = places.value(at);
            let end = (at..batch.rows()).find(|&row| places.value(row) != place).unwrap_or(batch.rows());
            let last = end - 1;
            let counted = |row: usize| if batch.kind(row).adds() { 1 } else { -1 };
            let mut count = if self.by_key { counted(last).max(0) } else { (at..end).map(counted).sum() };
            if let Some(open) = self.open.take() {
                if open.place != place {
                    Self::give(&open, out)?;
                } else if !self.by_key {
                    count += open.count;
                }
            }
            if end == batch.rows() {
                let row = batch.slice(last, 1).with_kinds(None);
                self.open = Some(Open { place: place.to_vec(), row, count });
            } else {
                let last = u32::try_from(last).unwrap_or(u32::MAX);
                kept.extend((0..count).map(|_| last));
            }
            at = end;
        }
        if kept.is_empty() {
            return Ok(());
        }
        out.batch(batch.take(&UInt32Array::from(kept))?.with_kinds(None))
    }

    fn give(open: &Open, out: &mut dyn Output) -> Result<()> {
        match u32::try_from(open.count.max(0)).unwrap_or(u32::MAX) {
            0 => Ok(()),
            1 => out.batch(open.row.clone()),
            many => out.batch(open.row.take(&UInt32Array::from_value(0, many as usize))?),
        }
    }
}

impl Operator for FinalRowsOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|&column| batch.column(column).clone()).collect();
        let places = places(self.places.as_ref(), &columns, batch.rows())?;
        self.rows.push(&batch, places)?;
        out.arm(AT_THE_END);
        Ok(())
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        if let Some((batch, places)) = self.rows.next()? {
            out.arm(AT_THE_END);
            return self.net(&batch, &places, out);
        }
        self.open.take().map_or(Ok(()), |open| Self::give(&open, out))
    }
}

/// What an operator asks for that gives its rows when all of its input has come, batch by batch.
pub(in crate::operators) const AT_THE_END: Armed = Armed { event_time: Some(MAX_WATERMARK), ..Armed::NOTHING };
