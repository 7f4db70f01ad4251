//! Exit codes.

/// Everything went well.
pub(super) const EXIT_OK: u8 = 0;
/// A statement or a job failed.
pub(super) const EXIT_FAILURE: u8 = 1;
/// The command line was wrong.
pub(super) const EXIT_USAGE: u8 = 2;
/// Interrupted by Ctrl-C.
pub(super) const EXIT_INTERRUPTED: u8 = 130;
