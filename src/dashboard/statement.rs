//! The statements that the keys of the dashboard come to, as a person would type them.

use std::borrow::Cow;

use crate::inspect::{JobStatus, JobView};

/// A name as it is typed: in backquotes unless it is a plain word.
#[must_use]
pub(super) fn name(name: &str) -> Cow<'_, str> {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { Cow::Borrowed(name) } else { Cow::Owned(format!("`{}`", name.replace('`', "``"))) }
}

/// A text as it is typed.
#[must_use]
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The statement that `space` runs on the job, or why there is none.
pub(super) fn pause_or_resume(view: &JobView) -> Result<String, String> {
    let job = name(&view.name);
    match view.status {
        JobStatus::Paused => Ok(format!("resume {job}")),
        JobStatus::Running => Ok(format!("pause {job}")),
        JobStatus::Created | JobStatus::Restarting | JobStatus::Stopping => {
            Err(format!("job {} is {}; it can be paused when it runs", view.name, view.status.name()))
        }
        JobStatus::Finished | JobStatus::Cancelled | JobStatus::Failed => {
            Err(format!("job {} is {}; r starts it again", view.name, view.status.name()))
        }
    }
}

/// The statement that `+` and `-` run, or why there is none.
pub(super) fn rescale(view: &JobView, up: bool) -> Result<String, String> {
    if view.status.is_final() {
        return Err(format!("job {} is {}; r starts it again", view.name, view.status.name()));
    }
    let most = match view.max_parallelism {
        0 => usize::MAX,
        most => usize::from(most),
    };
    match (up, view.parallelism) {
        (true, now) if now >= most => Err(format!("{now} is the highest parallelism: the job has {now} key groups")),
        (false, 0 | 1) => Err("the parallelism is 1 already".to_owned()),
        (true, now) => Ok(format!("rescale {} to {}", name(&view.name), now + 1)),
        (false, now) => Ok(format!("rescale {} to {}", name(&view.name), now - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_typed_so_that_they_come_back() {
        assert_eq!(name("hot_2"), "hot_2");
        assert_eq!(name("2hot"), "`2hot`");
        assert_eq!(name("a `b`"), "`a ``b```");
        assert_eq!(name(""), "``");
        assert_eq!(text("it's"), "'it''s'");
    }

    #[test]
    fn a_job_is_paused_or_resumed_or_it_is_said_why_not() {
        let mut view = JobView { name: "hot".into(), status: JobStatus::Running, ..JobView::default() };
        assert_eq!(pause_or_resume(&view).as_deref(), Ok("pause hot"));
        view.status = JobStatus::Paused;
        assert_eq!(pause_or_resume(&view).as_deref(), Ok("resume hot"));
        view.status = JobStatus::Failed;
        assert!(pause_or_resume(&view).unwrap_err().contains("failed"));
    }

    #[test]
    fn a_job_is_rescaled_within_its_key_groups() {
        let mut view = JobView { name: "hot".into(), parallelism: 2, max_parallelism: 2, ..JobView::default() };
        assert!(rescale(&view, true).is_err());
        assert_eq!(rescale(&view, false).as_deref(), Ok("rescale hot to 1"));
        view.parallelism = 1;
        assert_eq!(rescale(&view, true).as_deref(), Ok("rescale hot to 2"));
        assert!(rescale(&view, false).is_err());
    }
}
