//! The job's status machine: which status may follow which.

use crate::inspect::JobStatus;

/// Whether a job may go from `from` to `to`. What is over stays over.
pub(super) const fn may_follow(from: JobStatus, to: JobStatus) -> bool {
    use JobStatus::{Cancelled, Created, Failed, Finished, Paused, Restarting, Running, Stopping};
    match from {
        Created => matches!(to, Running | Paused | Restarting | Cancelled | Failed),
        Running => matches!(to, Paused | Restarting | Stopping | Cancelled | Failed),
        Paused => matches!(to, Running | Restarting | Stopping | Cancelled | Failed),
        // A restart that fails is followed by the next one.
        Restarting => matches!(to, Running | Paused | Restarting | Cancelled | Failed),
        Stopping => matches!(to, Finished | Restarting | Cancelled | Failed),
        Finished | Cancelled | Failed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [JobStatus; 8] = [
        JobStatus::Created,
        JobStatus::Running,
        JobStatus::Paused,
        JobStatus::Restarting,
        JobStatus::Stopping,
        JobStatus::Finished,
        JobStatus::Cancelled,
        JobStatus::Failed,
    ];

    #[test]
    fn what_is_over_stays_over_and_everything_else_can_be_cancelled() {
        for from in ALL {
            assert_eq!(may_follow(from, JobStatus::Cancelled), !from.is_final(), "{}", from.name());
            assert_eq!(ALL.iter().any(|to| may_follow(from, *to)), !from.is_final());
        }
    }

    #[test]
    fn a_job_finishes_only_through_its_last_checkpoint() {
        let before: Vec<_> = ALL.into_iter().filter(|from| may_follow(*from, JobStatus::Finished)).collect();
        assert_eq!(before, [JobStatus::Stopping]);
    }
}
