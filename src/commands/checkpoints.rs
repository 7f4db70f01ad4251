//! `checkpoints JOB`

use serde_json::json;

use super::watermarks::time;
use super::{CommandSpec, JSON, json};
use crate::api::{CommandSyntax, Shape, Signature, StageArgs};
use crate::session::{Column, Failure, Listing, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "checkpoints",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
    },
    usage: "checkpoints JOB [--json]",
    summary: "lists the checkpoints of a job",
    help: "Number, state, when it was triggered, how long it took, the longest alignment, the bytes written for it and the bytes of all state it consists of.",
    examples: &["checkpoints hot"],
    flink: Some("the Checkpoints tab of the web UI"),
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.view();
    let mut listing = Listing::new(
        vec![
            Column::number("checkpoint"),
            Column::text("status"),
            Column::text("triggered"),
            Column::number("duration_ms"),
            Column::number("alignment_ms"),
            Column::number("delta_bytes"),
            Column::number("full_bytes"),
            Column::text("cause"),
        ],
        "no checkpoints yet",
    );
    for checkpoint in &view.checkpoints {
        listing.push(vec![
            json!(checkpoint.id),
            json!(checkpoint.status),
            time(Some(checkpoint.triggered_ms)),
            json!(checkpoint.duration_ms),
            json!(checkpoint.alignment_ms),
            json!(checkpoint.delta_bytes),
            json!(checkpoint.full_bytes),
            json!(checkpoint.cause),
        ]);
    }
    Ok(Outcome::Listing(listing.json(json(args))))
}
