//! How statements ended.

/// How a script ended.
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
