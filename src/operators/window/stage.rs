//! `window tumble(10s) lateness 5s late_to late_bids`: what the next `aggregate` is over.

use std::sync::Arc;

use crate::api::{Clause, Shape, Signature, StageArgs, StageContext, StageSpec, WindowSpec};
use crate::types::Diagnostic;

/// `window`
pub(in crate::operators) const WINDOW: StageSpec = StageSpec {
    name: "window",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Window],
        optional: &[],
        clauses: &[
            Clause {
                keyword: "lateness",
                shape: Shape::Duration,
                required: false,
                help: "how long after its end a window still takes rows; each fires it again",
            },
            Clause {
                keyword: "late_to",
                shape: Shape::Name,
                required: false,
                help: "the stream that takes rows later than that",
            },
            Clause { keyword: "on processing_time", shape: Shape::Flag, required: false, help: "not available yet" },
            Clause { keyword: "trigger", shape: Shape::Expr, required: false, help: "not available yet" },
            Clause { keyword: "evict", shape: Shape::Expr, required: false, help: "not available yet" },
        ],
    },
    summary: "groups rows by event time",
    help: "Rows of the same key whose event times fall into the same window belong together; `aggregate`, which must \
           follow, gives one row for each key and window once the watermark has passed the window's end. A row that \
           comes after that is late: it is counted, and goes to the `late_to` stream. With `lateness d` a window waits \
           so much longer, and each late row fires it again with the new values.",
    examples: &[
        "bids | key_by auction | window tumble(10s) | aggregate count(*) as n;",
        "bids | key_by auction | window hop(10s, 2s) lateness 5s | aggregate count(*) as n, max(price) as highest;",
    ],
    flink: Some("windowing table-valued functions; DataStream.window"),
    bind,
};

const LATER: &[&str] = &["on processing_time", "trigger", "evict"];

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    if let Some((clause, _)) = args.clauses.iter().find(|(clause, _)| LATER.contains(&clause.node)) {
        let message = format!("`{}` is not available yet", clause.node);
        return Err(Diagnostic::at(clause.span, message).help("windows fire when the watermark passes their end"));
    }
    let shape = stream.shape();
    if !shape.time.event_time {
        return Err(Diagnostic::at(args.span, "a window needs event time, which this stream does not have")
            .help("declare it on the source or before the window: `event_time ts watermark 4s`"));
    }
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(args.span, "a window is over rows that stay, and these are changed still")
            .help("aggregate with a window in the first place, or make rows of the changes with `to_changelog`"));
    }
    if shape.window.is_some() {
        return Err(Diagnostic::at(args.span, "this stream has a window already").help("`aggregate` must follow it"));
    }
    let assigner = stream.window(args.window(0)?)?;
    let lateness_ms = args.clause_duration("lateness")?.map_or(0, |lateness| lateness.node);
    let late_to = args.clause_word("late_to")?.cloned();
    stream.shape_mut().window = Some(Arc::new(WindowSpec { assigner, lateness_ms, late_to }));
    Ok(())
}
