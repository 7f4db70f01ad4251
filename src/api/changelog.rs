//! Changelogs: how the rows of a stream change what was there before, and what an operator needs to hear of it.

use super::{Exchange, PlannedOperator};

/// The changes that a stream carries: Flink's `ChangelogMode`, together with its upsert key.
///
/// Columns are positions in the stream's schema. A key of no columns is that of a stream with one row at a time: the
/// result of an aggregate without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangelogMode {
    /// Rows are added, and stay: `+I`.
    Append,
    /// A key has one row at a time, and its next one replaces it: `+I`, `+U`, `-D`.
    Upsert(Vec<usize>),
    /// What is no longer so is taken back first: `+I`, `-U`, `+U`, `-D`. With the key that has one row at a time, where
    /// the stream has such a key.
    Retract(Option<Vec<usize>>),
}

/// How an update is told: Flink's `UpdateKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpdateKind {
    /// The new row alone (`+U`): who hears it finds the old one by its key.
    OnlyAfter,
    /// The old row (`-U`), then the new one (`+U`).
    BeforeAndAfter,
}

impl ChangelogMode {
    /// Whether rows are only ever added.
    #[must_use]
    pub const fn is_append(&self) -> bool {
        matches!(self, Self::Append)
    }

    /// The columns of which one row is valid at a time; `None` where the stream has none, or is no changelog.
    #[must_use]
    pub fn key(&self) -> Option<&[usize]> {
        match self {
            Self::Append | Self::Retract(None) => None,
            Self::Upsert(key) | Self::Retract(Some(key)) => Some(key),
        }
    }

    /// The kinds of its rows, as `explain` shows them.
    #[must_use]
    pub const fn kinds(&self) -> &'static str {
        match self {
            Self::Append => "+I",
            Self::Upsert(_) => "+I +U -D",
            Self::Retract(_) => "+I -U +U -D",
        }
    }

    /// The changes of the main output of `operator`, when its inputs have `inputs` before their exchange.
    #[must_use]
    pub fn behind(operator: &dyn PlannedOperator, inputs: &[Self]) -> Self {
        let arrived = inputs.iter().enumerate().map(|(at, input)| input.exchanged(&operator.exchange(at)));
        operator.gives(&arrived.collect::<Vec<_>>())
    }

    /// The changes as they come out of `exchange`. Where the rows of a key go to several subtasks, an update no longer
    /// comes behind what it replaces, and where all go to each, a key has several rows: there is no key any more.
    #[must_use]
    pub fn exchanged(&self, exchange: &Exchange) -> Self {
        let Some(key) = self.key() else { return self.clone() };
        let kept = match exchange {
            Exchange::Hash(columns) => columns.iter().all(|column| key.contains(column)),
            Exchange::Broadcast => false,
            Exchange::Forward | Exchange::Rebalance | Exchange::Global => true,
        };
        if kept { self.clone() } else { Self::Retract(None) }
    }

    /// The changes behind an operator that makes one row of each and has `width` columns, of which `passes` tells the
    /// input's column that it is. A stream whose key is lost has to take back what it replaces.
    #[must_use]
    pub fn passed(&self, width: usize, passes: impl Fn(usize) -> Option<usize>) -> Self {
        let Some(key) = self.key() else { return self.clone() };
        let now = |column: &usize| (0..width).find(|&at| passes(at) == Some(*column));
        match (self, key.iter().map(now).collect()) {
            (Self::Upsert(_), Some(key)) => Self::Upsert(key),
            (_, key) => Self::Retract(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_on_with_its_columns() {
        let passes = |at: usize| [Some(2), None, Some(0)][at];
        let retract = |key: &[usize]| ChangelogMode::Retract(Some(key.to_vec()));
        assert_eq!(retract(&[0, 2]).passed(3, passes), retract(&[2, 0]));
        assert_eq!(retract(&[1]).passed(3, passes), ChangelogMode::Retract(None));
        assert_eq!(retract(&[]).passed(3, passes), retract(&[]), "one row stays one row");
        assert_eq!(ChangelogMode::Upsert(vec![0]).passed(3, passes), ChangelogMode::Upsert(vec![2]));
        assert_eq!(ChangelogMode::Append.passed(3, passes), ChangelogMode::Append);
    }

    #[test]
    fn a_key_is_kept_only_where_its_rows_stay_together() {
        let keyed = ChangelogMode::Upsert(vec![0, 2]);
        for (exchange, kept) in [
            (Exchange::Hash(vec![2]), true),
            (Exchange::Hash(vec![0, 1]), false),
            (Exchange::Broadcast, false),
            (Exchange::Rebalance, true),
            (Exchange::Global, true),
        ] {
            let expected = if kept { keyed.clone() } else { ChangelogMode::Retract(None) };
            assert_eq!(keyed.exchanged(&exchange), expected, "{exchange:?}");
            assert_eq!(ChangelogMode::Append.exchanged(&exchange), ChangelogMode::Append);
        }
    }
}
