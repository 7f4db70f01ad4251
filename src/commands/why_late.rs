//! `why late JOB`

use serde_json::{Value, json};

use super::watermarks::time;
use super::{CommandSpec, JSON, json};
use crate::api::{CommandSyntax, Shape, Signature, StageArgs};
use crate::session::{Column, Failure, Listing, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "why late",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
    },
    usage: "why late JOB [--json]",
    summary: "lists the rows that came too late and that nobody reads",
    help: "A row is late when, at its own arrival, the watermark has passed the end of all its windows and their lateness. The last hundred of each subtask are listed with the columns that the window reads: the row's time, the ends of its windows, the watermark at that moment, and late_by_ms: a watermark delay or a lateness longer by more than that would have let the row in. Rows that go to a side output (`late_to`) are there instead.",
    examples: &["why late hot"],
    flink: None,
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.view();
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("row"),
            Column::text("event_time"),
            Column::text("window_ends"),
            Column::text("watermark"),
            Column::number("late_by_ms"),
        ],
        "no late rows",
    );
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            for late in subtask.operators.iter().flat_map(|operator| &operator.late) {
                let ends: Vec<Value> = late.window_ends.iter().map(|&end| time(Some(end))).collect();
                let ends: Vec<&str> = ends.iter().map(|end| end.as_str().unwrap_or("-")).collect();
                listing.push(vec![
                    json!(format!("{}[{}]", vertex.id, subtask.index)),
                    json!(late.row),
                    time(Some(late.time)),
                    json!(ends.join(", ")),
                    time(Some(late.watermark)),
                    json!(late.late_by_ms),
                ]);
            }
        }
    }
    Ok(Outcome::Listing(listing.json(json(args))))
}
