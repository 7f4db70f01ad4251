//! The kinds of joins.

/// The rows that a join gives: Flink's `FlinkJoinType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Pairs that match.
    Inner,
    /// And the left rows that match nothing, with nulls.
    Left,
    /// And the right rows that match nothing, with nulls.
    Right,
    /// And both.
    Full,
    /// Left rows that match something, each once.
    Semi,
    /// Left rows that match nothing.
    Anti,
}

impl JoinKind {
    /// The kind that the stage called `name` makes.
    pub(in crate::operators) fn of_stage(name: &str) -> Self {
        match name.split(' ').next() {
            Some("left") => Self::Left,
            Some("right") => Self::Right,
            Some("full") => Self::Full,
            Some("semi") => Self::Semi,
            Some("anti") => Self::Anti,
            _ => Self::Inner,
        }
    }

    /// Flink's name in a plan: `InnerJoin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inner => "InnerJoin",
            Self::Left => "LeftOuterJoin",
            Self::Right => "RightOuterJoin",
            Self::Full => "FullOuterJoin",
            Self::Semi => "LeftSemiJoin",
            Self::Anti => "LeftAntiJoin",
        }
    }

    /// Whether a row of input `input` (0 left, 1 right) that matches nothing is given, with nulls in place of the other.
    #[must_use]
    pub const fn pads(self, input: usize) -> bool {
        match self {
            Self::Full => true,
            Self::Left => input == 0,
            Self::Right => input == 1,
            Self::Inner | Self::Semi | Self::Anti => false,
        }
    }

    /// Whether only left rows are given, those that match something or those that do not.
    #[must_use]
    pub const fn filters(self) -> bool {
        matches!(self, Self::Semi | Self::Anti)
    }
}
