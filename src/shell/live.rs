//! `.mode live`: a changelog on a terminal as the table that it describes, which changes where it stands.

use super::cells::cut;
use super::row_text::{Cells, Look, page, shown_columns};
use crate::types::{Batch, ChangelogTable, Error, Result, Schema};

/// Rows of the table, at most: they are held as text.
const ROWS_MAX: u64 = 100_000;

/// The table of one preview.
#[derive(Debug)]
pub(super) struct Live {
    table: ChangelogTable,
    schema: Option<Schema>,
    look: Look,
}

impl Live {
    /// An empty table of a changelog with this key.
    pub(super) fn new(key: Option<&[usize]>, look: Look) -> Self {
        Self { table: ChangelogTable::new(key.map(<[usize]>::to_vec)), schema: None, look }
    }

    /// Applies the changes of `batch`.
    ///
    /// # Errors
    /// When the table outgrows what can be looked at.
    pub(super) fn apply(&mut self, batch: &Batch) -> Result<()> {
        if self.schema.is_none() {
            self.schema = Some(Schema::from_arrow(batch.columns().schema_ref())?);
        }
        let columns = shown_columns(batch, self.look)?;
        let cells = Cells::new(&columns, self.look)?;
        for row in 0..batch.rows() {
            let values = (0..batch.columns().num_columns()).map(|column| cells.text(row, column)).collect();
            self.table.apply(batch.kind(row), values);
        }
        if self.table.len() > ROWS_MAX {
            return Err(Error::config(format!(
                "the table has more than {ROWS_MAX} rows: `| top n by …` keeps some of them, `.mode changelog` shows the \
                 changes, `run` writes them"
            )));
        }
        Ok(())
    }

    /// The number of rows.
    pub(super) const fn len(&self) -> u64 {
        self.table.len()
    }

    /// The table in lines of at most `width` columns: its first `rows_max` rows, and how many more there are. None before
    /// the first row.
    pub(super) fn lines(&self, width: usize, rows_max: usize) -> Vec<String> {
        let Some(schema) = &self.schema else { return Vec::new() };
        let rows: Vec<&[String]> = self.table.rows().take(rows_max).collect();
        let mut lines = page(schema, &rows, width);
        let more = self.table.len() - rows.len() as u64;
        if more > 0 {
            let what = if more == 1 { "row" } else { "rows" };
            let line = format!("… and {more} more {what}");
            lines.push(cut(&line, width).unwrap_or(line));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch, StringArray};

    use super::*;
    use crate::types::{Field, LogicalType, RowKind};

    fn changes(changes: &[(RowKind, &str, i64)]) -> Batch {
        let schema = Schema::new(vec![Field::new("name", LogicalType::String), Field::new("n", LogicalType::BigInt)]);
        let names: StringArray = changes.iter().map(|(_, name, _)| Some(*name)).collect();
        let counts: Int64Array = changes.iter().map(|(.., n)| Some(*n)).collect();
        let rows = RecordBatch::try_new(schema.arrow().clone(), vec![Arc::new(names), Arc::new(counts)]).expect("rows");
        let kinds: Vec<i8> = changes.iter().map(|(kind, ..)| *kind as i8).collect();
        Batch::untimed(rows).with_kinds(Some(kinds.into()))
    }

    #[test]
    fn rows_change_where_they_stand_and_what_is_below_is_counted() {
        use RowKind::{Insert, UpdateAfter, UpdateBefore};
        let mut live = Live::new(Some(&[0]), Look::default());
        assert!(live.lines(40, 10).is_empty(), "nothing before the first row");
        live.apply(&changes(&[(Insert, "a", 1), (Insert, "b", 1), (Insert, "c\u{1b}[2J", 100)])).expect("rows");
        live.apply(&changes(&[(UpdateBefore, "a", 1), (UpdateAfter, "a", 2)])).expect("rows");
        assert_eq!(
            live.lines(40, 10).join("\n"),
            "name        n\n────────  ───\na           2\nb           1\nc\\x1b[2J  100"
        );
        assert_eq!(live.lines(40, 1).join("\n"), "name  n\n────  ─\na     2\n… and 2 more rows");
        for width in 1..20 {
            assert!(live.lines(width, 10).iter().all(|line| super::super::cells::width(line) <= width), "{width}");
        }
    }
}
