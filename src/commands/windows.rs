//! `windows JOB`

use serde_json::json;

use super::watermarks::time;
use super::{CommandSpec, JSON, json};
use crate::api::{CommandSyntax, Shape, Signature, StageArgs};
use crate::session::{Column, Failure, Listing, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "windows",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
    },
    usage: "windows JOB [--json]",
    summary: "lists the open windows of a job",
    help: "For each subtask with a window operator: the windows that hold state, the next to fire first, how many keys each has, and how far the watermark still is from its end.",
    examples: &["windows hot"],
    flink: None,
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.view();
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("window_start"),
            Column::text("window_end"),
            Column::number("keys"),
            Column::text("fired"),
            Column::number("fires_in_ms"),
        ],
        "no open windows",
    );
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            for window in subtask.operators.iter().flat_map(|operator| &operator.windows) {
                let to_go = subtask.watermark.map(|at| window.end.saturating_sub(1).saturating_sub(at).max(0));
                listing.push(vec![
                    json!(format!("{}[{}]", vertex.id, subtask.index)),
                    time(Some(window.start)),
                    time(Some(window.end)),
                    json!(window.keys),
                    json!(window.fired),
                    json!(to_go),
                ]);
            }
        }
    }
    Ok(Outcome::Listing(listing.json(json(args))))
}
