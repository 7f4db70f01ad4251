//! `output JOB`

use std::collections::BTreeMap;

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::inspect::{JobStatus, JobView};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "output",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "output JOB [--json]",
        summary: "shows a sample of what the sinks of a job write next",
        help: "The command waits for the next rows, at most ten seconds, and shows up to fifty of them for each sink \
               subtask, with the kind of change (+I, -U, +U, -D). If none come, it shows the last ones that anybody \
               has seen. Ctrl-C ends the wait. Of a fast sink the rows are a sample; the sink itself gets all.",
        examples: &["output hot"],
        flink: None,
    },
    run,
};

/// The next row is waited for with so many looks, one every [`LOOK_MS`]: a sink may write in bursts, once a window.
const LOOKS: usize = 200;
const LOOK_MS: u64 = 50;

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let job = &session.job(args.word(0)?)?.job;
    let before = last_rows(&job.view());
    let mut view = job.fresh_view();
    for _ in 0..LOOKS {
        if is_over(view.status) || newer(&view, &before).is_some() || session.is_interrupted() {
            break;
        }
        // Not longer than it lasts.
        let _ = job.wait(Some(LOOK_MS));
        view = job.fresh_view();
    }
    if newer(&view, &before).is_some() && !is_over(view.status) {
        // What the other subtasks write at the same time.
        let _ = job.wait(Some(LOOK_MS));
        view = job.fresh_view();
    }
    let shown = newer(&view, &before);
    Ok(Outcome::Listing(listings::output(shown.as_ref().unwrap_or(&view)).json(json(args))))
}

/// Whether nothing more will be written.
const fn is_over(status: JobStatus) -> bool {
    match status {
        JobStatus::Finished | JobStatus::Cancelled | JobStatus::Failed | JobStatus::Paused => true,
        JobStatus::Created | JobStatus::Running | JobStatus::Restarting | JobStatus::Stopping => false,
    }
}

/// The number of the last row seen of each sink subtask.
fn last_rows(view: &JobView) -> BTreeMap<(usize, usize), u64> {
    let subtasks =
        view.vertices.iter().flat_map(|vertex| vertex.subtasks.iter().map(move |subtask| (vertex.id, subtask)));
    subtasks.filter_map(|(vertex, subtask)| Some(((vertex, subtask.index), subtask.output.last()?.sequence))).collect()
}

/// The job with only the rows behind those of `before`; `None` when there are none.
fn newer(view: &JobView, before: &BTreeMap<(usize, usize), u64>) -> Option<JobView> {
    let mut view = view.clone();
    let mut found = false;
    for vertex in &mut view.vertices {
        for subtask in &mut vertex.subtasks {
            let last = subtask.output.last().map_or(0, |row| row.sequence);
            // A new attempt counts from the start.
            let seen = before.get(&(vertex.id, subtask.index)).copied().filter(|&seen| seen <= last).unwrap_or(0);
            subtask.output.retain(|row| row.sequence > seen);
            found |= !subtask.output.is_empty();
        }
    }
    found.then_some(view)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inspect::{OutputRowView, SubtaskView, VertexView};

    /// A job with a sink whose subtasks have written the rows of these numbers.
    fn job(rows: &[&[u64]]) -> JobView {
        let row = |&sequence: &u64| Arc::new(OutputRowView { sequence, kind: "+I".to_owned(), values: Vec::new() });
        let subtask = |(index, rows): (usize, &&[u64])| SubtaskView {
            index,
            output: rows.iter().map(row).collect(),
            ..SubtaskView::default()
        };
        let subtasks = rows.iter().enumerate().map(subtask).collect();
        JobView {
            vertices: vec![VertexView { id: 3, sink: true, subtasks, ..VertexView::default() }],
            ..JobView::default()
        }
    }

    fn numbers(view: &JobView) -> Vec<Vec<u64>> {
        let of = |subtask: &SubtaskView| subtask.output.iter().map(|row| row.sequence).collect();
        view.vertices[0].subtasks.iter().map(of).collect()
    }

    #[test]
    fn only_rows_written_since_then_are_news() {
        let before = last_rows(&job(&[&[1, 2], &[], &[7]]));
        assert!(newer(&job(&[&[1, 2], &[], &[7]]), &before).is_none());
        let news = newer(&job(&[&[1, 2, 3], &[1], &[7]]), &before).expect("news");
        assert_eq!(numbers(&news), [vec![3], vec![1], vec![]]);
        let restarted = newer(&job(&[&[], &[], &[1, 2]]), &before).expect("news");
        assert_eq!(numbers(&restarted), [vec![], vec![], vec![1, 2]], "a new attempt counts from the start");
    }
}
