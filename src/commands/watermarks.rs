//! `watermarks JOB`

use serde_json::{Value, json};

use super::{CommandSpec, JSON, json};
use crate::api::{CommandSyntax, Shape, Signature, StageArgs};
use crate::session::{Column, Failure, Listing, Outcome, Session};
use crate::types::{MAX_WATERMARK, MIN_WATERMARK};

/// The registry entry.
pub(super) const SPEC: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "watermarks",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
    },
    usage: "watermarks JOB [--json]",
    summary: "lists the watermark of every subtask and which input holds it back",
    help: "A subtask's watermark is the minimum over its input channels that are not idle. held_by names the channel that has the minimum.",
    examples: &["watermarks hot"],
    flink: Some("the Watermarks tab of the web UI"),
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.view();
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("vertex"),
            Column::text("watermark"),
            Column::text("inputs"),
            Column::text("held_by"),
        ],
        "no subtasks",
    );
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let inputs: Vec<Value> = subtask.inputs.iter().map(|input| time(input.watermark)).collect();
            let held_by = subtask
                .inputs
                .iter()
                .enumerate()
                .min_by_key(|(_, input)| input.watermark.unwrap_or(MIN_WATERMARK))
                .filter(|_| subtask.inputs.len() > 1)
                .map(|(channel, _)| format!("channel {channel}"));
            listing.push(vec![
                json!(format!("{}[{}]", vertex.id, subtask.index)),
                json!(vertex.name),
                time(subtask.watermark),
                json!(
                    inputs.iter().map(|value| value.as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>().join(", ")
                ),
                json!(held_by),
            ]);
        }
    }
    Ok(Outcome::Listing(listing.json(json(args))))
}

/// A time in milliseconds as people read it; `end of input` for the last watermark, null for none.
pub(super) fn time(ms: Option<i64>) -> Value {
    match ms {
        None | Some(MIN_WATERMARK) => Value::Null,
        Some(MAX_WATERMARK) => json!("end of input"),
        Some(ms) => match chrono::DateTime::from_timestamp_millis(ms) {
            Some(at) => json!(at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()),
            None => json!(format!("{ms} ms")),
        },
    }
}
