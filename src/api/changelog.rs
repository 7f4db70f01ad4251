//! Changelogs: how the rows of a stream change what was there before, and what an operator needs to hear of it.

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
    /// A row that is no longer so is taken back first: `+I`, `-U`, `+U`, `-D`. With the key that has one row at a time,
    /// where the stream has such a key.
    Retract(Option<Vec<usize>>),
}

/// The way in which an update is told: Flink's `UpdateKind`.
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

    /// The same changes where it is no longer known which row an update replaces.
    #[must_use]
    pub const fn without_key(&self) -> Self {
        if self.is_append() { Self::Append } else { Self::Retract(None) }
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
}
