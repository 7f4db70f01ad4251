//! Finding the row that a retraction means.

use arrow_array::ArrayRef;

use crate::operators::group_table::GroupTable;
use crate::operators::keyed::{NO_ROW, RowStore};
use crate::types::{Batch, Result, Schema};

/// Rows looked at together when a state is restored.
const ROWS: usize = 8_192;

/// The rows of a state by what they hold: equal ones are a list, the last that came first.
pub(super) struct Contents {
    /// The columns that tell rows apart.
    columns: Vec<usize>,
    table: GroupTable,
    /// The last row of each content.
    last: Vec<u32>,
    /// The content of each row, and the one of the same content before it.
    rows: Vec<(u32, u32)>,
}

impl Contents {
    /// Of the rows in `store`, whose groups are those of `table`.
    pub(super) fn new(schema: &Schema, columns: Vec<usize>, store: &RowStore, table: &GroupTable) -> Result<Self> {
        let types: Vec<_> = columns.iter().map(|&column| schema.fields()[column].ty.to_arrow()).collect();
        let contents = GroupTable::new(&types, 0)?;
        let mut this = Self { columns, table: contents, last: Vec::new(), rows: Vec::new() };
        let restored: Vec<u32> = table.groups().into_iter().flat_map(|group| store.of(group)).collect();
        for rows in restored.chunks(ROWS) {
            let columns = store.gather(rows, &this.columns)?;
            for (content, &row) in this.intern(&columns, rows.len())?.into_iter().zip(rows) {
                this.push(content, row);
            }
        }
        Ok(this)
    }

    /// The content of each row of `batch`.
    pub(super) fn of(&mut self, batch: &Batch) -> Result<Vec<u32>> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|&column| batch.column(column).clone()).collect();
        self.intern(&columns, batch.rows())
    }

    fn intern(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut contents = Vec::new();
        self.table.intern(columns, rows, &mut contents)?;
        self.last.resize(self.table.numbers().max(self.last.len()), NO_ROW);
        Ok(contents)
    }

    /// Adds a row.
    pub(super) fn push(&mut self, content: u32, row: u32) {
        let last = std::mem::replace(&mut self.last[content as usize], row);
        if self.rows.len() <= row as usize {
            self.rows.resize(row as usize + 1, (NO_ROW, NO_ROW));
        }
        self.rows[row as usize] = (content, last);
    }

    /// Takes out a row of this content, if there is one.
    pub(super) fn pop(&mut self, content: u32) -> Option<u32> {
        let row = self.last[content as usize];
        if row == NO_ROW {
            return None;
        }
        self.last[content as usize] = self.rows[row as usize].1;
        Some(row)
    }

    /// Takes out this row.
    pub(super) fn remove(&mut self, row: u32) {
        let (content, before) = self.rows[row as usize];
        let mut at = self.last[content as usize];
        if at == row {
            self.last[content as usize] = before;
            self.free(vec![content]);
            return;
        }
        while at != NO_ROW {
            let next = self.rows[at as usize].1;
            if next == row {
                self.rows[at as usize].1 = before;
                return;
            }
            at = next;
        }
    }

    /// Forgets those of `contents` that no row has.
    pub(super) fn free(&mut self, mut contents: Vec<u32>) {
        contents.sort_unstable();
        contents.dedup();
        for content in contents {
            if self.last[content as usize] == NO_ROW {
                self.table.free(content);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.bytes() + self.last.capacity() * size_of::<u32>() + self.rows.capacity() * size_of::<(u32, u32)>()
    }
}
