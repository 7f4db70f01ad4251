//! A pattern of rows as typed: what `match` looks for.

use crate::types::{Span, Spanned};

/// A pattern: `(A B+ -> C?)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// A row that a variable stands for.
    Variable(Spanned<String>),
    /// `not B`: no such row.
    Not(Spanned<String>),
    /// One behind the other, each with the link in front of it.
    Sequence(Vec<(Link, Pattern)>),
    /// One of them: `(A | B)`.
    Either(Vec<Pattern>),
    /// So many times: `B+`, `B{2,3}?`.
    Repeat {
        /// What is repeated.
        pattern: Box<Pattern>,
        /// At least.
        min: u32,
        /// At most; `None` for any number.
        max: Option<u32>,
        /// With a `?` behind it: as few as possible.
        reluctant: bool,
        /// All of it.
        span: Span,
    },
}

/// What may lie between a row of a match and the one before it, from the strictest to the loosest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// `A B`: nothing (`FlinkCEP`'s `next`).
    Strict,
    /// `A -> B`: rows that are no B (`followedBy`).
    Next,
    /// `A ->> B`: any rows (`followedByAny`).
    Any,
}

impl Link {
    /// The link as typed, with what stands around it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Strict => " ",
            Self::Next => " -> ",
            Self::Any => " ->> ",
        }
    }
}
