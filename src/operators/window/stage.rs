//! `window tumble(10s) lateness 5s late_to late_bids`: what the next `aggregate` is over.

use std::sync::Arc;

use crate::api::{Clause, NOT_YET, Shape, Signature, StageArgs, StageContext, StageSpec, WindowSpec};
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
                help: "how long a window still takes rows behind its end; each row fires it again",
            },
            Clause {
                keyword: "late_to",
                shape: Shape::Name,
                required: false,
                help: "the stream that takes the rows that are later than that",
            },
            Clause { keyword: "on processing_time", shape: Shape::Flag, required: false, help: NOT_YET },
            Clause { keyword: "trigger", shape: Shape::Expr, required: false, help: NOT_YET },
            Clause { keyword: "evict", shape: Shape::Expr, required: false, help: NOT_YET },
        ],
    },
    summary: "groups the rows of each key by their event time",
    help: "A window cuts an endless stream into pieces, so that an aggregate has an end. Rows of one key whose event \
           times fall into one window belong together. `aggregate` must follow: it gives a row for each key and \
           window when the window fires, which is when the watermark has passed its end.\n\
           \n\
           A row that comes when its windows have fired is late. It is counted, and `why late JOB` lists it. With \
           `lateness` a window is kept for longer, and each late row fires it again with the new values. With \
           `late_to` late rows go to a stream of the job, to be read by another pipeline.\n\
           \n\
           These are the windows, with durations such as `250ms`, `10s`, `5m`, `1h` and `1d`, and the clauses behind \
           them:",
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
        return Err(
            Diagnostic::at(clause.span, message).help("leave it out: a window fires when the watermark passes its end")
        );
    }
    let shape = stream.shape();
    if !shape.time.event_time {
        return Err(Diagnostic::at(args.span, "a window needs an event time, and this stream has none")
            .help("say which column it is: `… | event_time COLUMN watermark 4s | window …`"));
    }
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(
            args.span,
            "a window takes rows that stay, and a changelog's rows are changed still",
        )
        .help("put the window before the first `aggregate`, or make rows of the changes with `to_changelog`"));
    }
    if shape.window.is_some() {
        return Err(Diagnostic::at(args.span, "this stream has a window already")
            .help("put its `aggregate` before the next window"));
    }
    let assigner = stream.window(args.window(0)?)?;
    let lateness_ms = args.clause_duration("lateness")?.map_or(0, |lateness| lateness.node);
    let late_to = args.clause_word("late_to")?.cloned();
    stream.shape_mut().window = Some(Arc::new(WindowSpec { assigner, lateness_ms, late_to }));
    Ok(())
}
