//! Between prompt and dashboard.

use super::Shell;
use crate::types::{Error, Result};

/// Shows the dashboard on `job` (or the job started last), until the person comes back to the prompt.
///
/// # Errors
/// When there is no terminal to draw on.
pub(super) fn open(_shell: &mut Shell, job: Option<&str>) -> Result<()> {
    Err(Error::config(format!("no dashboard for {}", job.unwrap_or("the session"))))
}
