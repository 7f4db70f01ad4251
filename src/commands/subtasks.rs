//! `subtasks JOB`

use serde_json::json;

use super::{CommandSpec, JSON, json};
use crate::api::{CommandSyntax, Shape, Signature, StageArgs};
use crate::session::{Column, Failure, Listing, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "subtasks",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
    },
    usage: "subtasks JOB [--json]",
    summary: "lists the subtasks of a job with their counters",
    help: "Rows in and out, the shares of time that each subtask was busy, back-pressured and idle, its watermark, the fill of its input queues, and rows that were late or rejected.",
    examples: &["subtasks hot"],
    flink: Some("the job's vertices in the web UI"),
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.view();
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("vertex"),
            Column::text("status"),
            Column::number("rows_in"),
            Column::number("rows_out"),
            Column::number("busy_pct"),
            Column::number("backpressured_pct"),
            Column::number("idle_pct"),
            Column::text("watermark"),
            Column::text("queue"),
            Column::number("late"),
            Column::number("rejected"),
        ],
        "no subtasks",
    );
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let total = (subtask.busy_ns + subtask.backpressured_ns + subtask.idle_ns).max(1);
            let percent = |part: u64| json!(part * 100 / total);
            listing.push(vec![
                json!(format!("{}[{}]", vertex.id, subtask.index)),
                json!(vertex.name),
                json!(subtask.status),
                json!(subtask.rows_in),
                json!(subtask.rows_out),
                percent(subtask.busy_ns),
                percent(subtask.backpressured_ns),
                percent(subtask.idle_ns),
                super::watermarks::time(subtask.watermark),
                json!(format!("{}/{}", subtask.queue.0, subtask.queue.1)),
                json!(subtask.late_rows),
                json!(subtask.rejected_rows),
            ]);
        }
    }
    Ok(Outcome::Listing(listing.json(json(args))))
}
