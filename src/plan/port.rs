//! An output, of an operator or of a chain of them.

/// An output of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Port {
    /// The main output of the last operator (or of the source, where there is none).
    Main,
    /// Side output `port` of the operator at this position of the chain.
    Side {
        /// Position in [`JobVertex::operators`](super::JobVertex::operators).
        operator: usize,
        /// The number of the side output.
        port: usize,
    },
    /// The rows that the chain's operators reject, as rows of [`dead_letter_schema`](crate::api::dead_letter_schema).
    DeadLetter,
    /// The rows that the chain's source can't read, alike.
    SourceDeadLetter,
}
