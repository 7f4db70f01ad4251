//! The end of statements.

/// The end of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All statements ran.
    Done,
    /// `\q`
    Quit,
    /// A statement failed; what it was has been said.
    Failed,
    /// Ctrl-C.
    Interrupted,
}
