//! Where a person goes who leaves.

/// The place where a person wants to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// To the prompt (F2).
    ToPrompt,
    /// Back where the dashboard was opened (q).
    Back,
}
