//! The specification of a `top`.

use crate::operators::keyed::RowState;
use crate::operators::order::Order;
use crate::types::{Field, LogicalType, Schema};

/// Name of the keyed state.
const ROWS: &str = "rows";
/// The number beside a row: the processing time at which it was written.
const WRITTEN: &str = "#written";

/// The way in which rows come, and by which the first of them are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows are only added: those that are not among the first are forgotten.
    Append,
    /// Rows are taken back: all are kept. These columns tell a row from others, `None` for all.
    Retract(Option<Vec<usize>>),
    /// Rows of windows, whose end this column is: given once when the window is over.
    Window { end: usize },
}

/// One column of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A column of the input.
    Input(usize),
    /// The row's rank, from 1.
    Rank,
}

/// The first rows in an order, for each key: Flink's `Rank`, and for each window its `WindowRank`.
#[derive(Debug, Clone)]
pub struct TopN {
    pub(super) kind: Kind,
    /// How many.
    pub(super) n: usize,
    pub(super) order: Order,
    /// The key: of `Window` with the window's bounds.
    pub(super) per: Vec<usize>,
    /// The processing time, milliseconds, after which a key that nobody writes is forgotten.
    pub(super) ttl_ms: Option<i64>,
    /// Whether the old row of an update is told.
    pub(super) update_before: bool,
    pub(super) columns: Vec<Column>,
    pub(super) input: Schema,
    pub(super) output: Schema,
}

impl TopN {
    pub(super) fn new(input: &Schema, kind: Kind, n: usize, order: Order, per: Vec<usize>, rank: Option<&str>) -> Self {
        let mut columns: Vec<Column> = (0..input.len()).map(Column::Input).collect();
        let mut fields = input.fields().to_vec();
        if let Some(rank) = rank {
            columns.push(Column::Rank);
            fields.push(Field::new(rank, LogicalType::BigInt).not_null());
        }
        let (input, output) = (input.clone(), Schema::new(fields));
        Self { kind, n, order, per, ttl_ms: None, update_before: true, columns, input, output }
    }

    pub(super) fn has_rank(&self) -> bool {
        self.columns.contains(&Column::Rank)
    }

    /// Whether the row of a place replaces the one that was there: where its rank is told, and where there is one place.
    /// Else the old row goes and the new one comes, as in Flink.
    pub(super) fn replaces(&self) -> bool {
        self.has_rank() || self.n == 1 && self.kind == Kind::Append
    }

    pub(super) fn state(&self) -> RowState {
        let mark = self.ttl_ms.map(|_| WRITTEN);
        RowState { name: ROWS, schema: self.input.clone(), keys: self.per.clone(), mark }
    }
}
