//! `output JOB`

use super::{CommandSpec, JSON, json};
use crate::api::{CommandSyntax, Shape, Signature, StageArgs};
use crate::inspect::JobView;
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "output",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
    },
    usage: "output JOB [--json]",
    summary: "shows a sample of what the sinks of a job write now",
    help: "Each sink subtask shows the rows that it wrote since somebody looked, up to fifty each twentieth of a second and the last two hundred in all, with the kind of change (+I, -U, +U, -D). Rows of a fast sink are sampled; the sink itself gets all.",
    examples: &["output hot"],
    flink: None,
    run,
};

/// Looks until there is a row, since rows are sampled only after somebody has looked, and windows write in bursts: for
/// about three seconds, a fifth of one a look.
const LOOKS: usize = 15;

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let job = &session.job(args.word(0)?)?.job;
    let shows = |view: &JobView| view.vertices.iter().flat_map(|v| &v.subtasks).any(|s| !s.output.is_empty());
    let mut view = job.fresh_view();
    for _ in 0..LOOKS {
        if shows(&view) || view.status.is_final() {
            break;
        }
        view = job.fresh_view();
    }
    Ok(Outcome::Listing(listings::output(&view).json(json(args))))
}
