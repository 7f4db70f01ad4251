//! `window tumble(10s) lateness 5s late_to late_bids trigger every 2s`: what the next `aggregate` is over.

use std::sync::Arc;

use super::general::WindowInput;
use crate::api::{
    Clause, Evictor, EvictorCall, PlannedOperator, Shape, Signature, StageArgs, StageContext, StageSpec, StreamShape,
    Trigger, TriggerCall, TriggerWhen, When, WindowCall, WindowSpec, WindowTime, Windows,
};
use crate::expr::ast::{Expr, ExprNode, Literal, UnaryOp};
use crate::expr::{TypedExpr, bind, bind_as};
use crate::types::{Diagnostic, LogicalType, Span, Spanned};

const ON_PROCESSING_TIME: &str = "on processing_time";

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
            Clause { keyword: "trigger", shape: Shape::Trigger, required: false, help: "when a window fires" },
            Clause {
                keyword: "evict",
                shape: Shape::Evictor,
                required: false,
                help: "the rows that stay when it fires; the others are let go",
            },
            Clause {
                keyword: ON_PROCESSING_TIME,
                shape: Shape::Flag,
                required: false,
                help: "windows go by the clock of this machine",
            },
        ],
    },
    summary: "groups the rows of each key by time, by gaps or by their number",
    help: "A window cuts an endless stream into pieces, so that an aggregate has an end. Rows of one key in one window \
           belong together. `aggregate` or `reduce` must follow: it gives a row for each key and window when the window \
           fires. A window of time fires when the watermark has passed its end.\n\
           \n\
           A row that comes when its windows have fired is late. It is counted, and `why late JOB` lists it. With \
           `lateness` a window is kept for longer, and each late row fires it again with the new values. With \
           `late_to` late rows go to a stream of the job, to be read by another pipeline. `on processing_time` takes \
           this machine's clock instead; windows that are open when the input ends fire then.\n\
           \n\
           A trigger says otherwise when a window fires: `every d` (of event time) and at its end; `count n` rows; \
           `on_event`, for each row; `delta x of e`, when e is further than x from what it was when the window fired \
           last; `never`. With those from `count` on what is left at a window's end is let go. Behind `purging` a window \
           lets its rows go each time it fires. Global windows fire only when a trigger says so; `count(n)` is one that \
           purges. An evictor lets rows go before a window fires: all but the `last n`, those not `within d` of the \
           latest, those whose e is x or further from the last one's (`delta x of e`).\n\
           \n\
           These are the windows, with durations such as `250ms`, `10s`, `5m`, `1h` and `1d`, and the clauses behind \
           them:",
    examples: &[
        "bids | key_by auction | window tumble(10s) | aggregate count(*) as n;",
        "bids | key_by auction | window hop(10s, 2s) lateness 5s | aggregate count(*) as n, max(price) as highest;",
        "bids | key_by bidder | window session(5s) | aggregate count(*) as n;",
        "bids | key_by auction | window tumble(10s) trigger every 2s | aggregate count(*) as n;",
        "bids | key_by auction | window global trigger delta 1000 of price evict last 5 | aggregate avg(price) as mean;",
        "bids | key_by channel | window tumble(1s) on processing_time | aggregate count(*) as n;",
    ],
    flink: Some("windowing table-valued functions; DataStream.window, trigger, evictor"),
    bind: bind_window,
};

fn bind_window(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    let shape = stream.shape();
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
    let mut window = WindowSpec::new(stream.window(args.window(0)?)?);
    if args.clause(ON_PROCESSING_TIME).is_some() {
        window.time = WindowTime::Processing;
    }
    if let Some(trigger) = args.clause_trigger("trigger")? {
        window.trigger = bind_trigger(trigger, &window, shape)?;
    }
    if let Some(evictor) = args.clause_evictor("evict")? {
        window.evictor = Some(bind_evictor(evictor, shape)?);
    }
    let event_time = window.time == WindowTime::Event
        && (window.windows.have_bounds() || matches!(window.trigger.when, When::Every(_)));
    if event_time && !shape.time.event_time {
        return Err(Diagnostic::at(args.span, "a window needs event time, which this stream does not have").help(
            "declare it on the source or before the window: `event_time ts watermark 4s`; or write `on processing_time`",
        ));
    }
    for clause in ["lateness", "late_to"] {
        let typed = args.clauses.iter().find(|(keyword, _)| keyword.node == clause);
        if let Some((keyword, _)) = typed {
            let windows = window.windows.describe();
            if window.time == WindowTime::Processing {
                return Err(Diagnostic::at(keyword.span, "no row is late where windows go by processing time"));
            }
            if !window.windows.have_bounds() {
                return Err(Diagnostic::at(keyword.span, format!("no row is late for `{windows}`: it has no end")));
            }
        }
    }
    window.lateness_ms = args.clause_duration("lateness")?.map_or(0, |lateness| lateness.node);
    window.late_to = args.clause_word("late_to")?.cloned();
    stream.shape_mut().window = Some(Arc::new(window));
    Ok(())
}

fn bind_trigger(call: &TriggerCall, window: &WindowSpec, shape: &StreamShape) -> Result<Trigger, Diagnostic> {
    let positive = |ms: &Spanned<i64>| match ms.node {
        1.. => Ok(ms.node),
        _ => Err(Diagnostic::at(ms.span, "a window can't fire all the time").help("write a duration such as `2s`")),
    };
    let when = match &call.when {
        TriggerWhen::OnWatermark if window.time == WindowTime::Processing => {
            return Err(Diagnostic::at(call.span, "windows of processing time do not wait for a watermark")
                .help("without a trigger they fire at their end"));
        }
        TriggerWhen::OnWatermark => When::AtEnd,
        TriggerWhen::Every(ms) => When::Every(positive(ms)?),
        TriggerWhen::Count(rows) => When::Count(above_zero(rows)?),
        TriggerWhen::OnEvent => When::OnEvent,
        TriggerWhen::Delta(..) if matches!(window.windows, Windows::Session(_)) => {
            return Err(Diagnostic::at(call.span, "sessions merge, and a `delta` trigger can't follow them")
                .help("so it is in Flink too; `every`, `count` and `on_event` can"));
        }
        TriggerWhen::Delta(threshold, of) => When::Delta(number(threshold)?, value(of, shape)?),
        TriggerWhen::Never => When::Never,
    };
    Ok(Trigger { when, purging: call.purging })
}

fn bind_evictor(call: &EvictorCall, shape: &StreamShape) -> Result<Evictor, Diagnostic> {
    Ok(match call {
        EvictorCall::Last(rows) => Evictor::Last(above_zero(rows)?),
        EvictorCall::Within(ms) => Evictor::Within(ms.node),
        EvictorCall::Delta(threshold, of) => Evictor::Delta(number(threshold)?, value(of, shape)?),
    })
}

fn above_zero(rows: &Spanned<u64>) -> Result<u64, Diagnostic> {
    match rows.node {
        0 => Err(Diagnostic::at(rows.span, "a number of rows above zero was expected")),
        rows => Ok(rows),
    }
}

/// The distance that a delta is compared with.
fn number(threshold: &ExprNode) -> Result<f64, Diagnostic> {
    let (literal, sign) = if let Expr::Unary(UnaryOp::Minus, inner) = &threshold.node {
        (&inner.node, -1.0)
    } else {
        (&threshold.node, 1.0)
    };
    let parsed =
        if let Expr::Literal(Literal::Integer(digits) | Literal::Decimal(digits) | Literal::Double(digits)) = literal {
            digits.parse().ok()
        } else {
            None
        };
    let number = parsed.map(|number: f64| number * sign).filter(|number| *number >= 0.0);
    number.ok_or_else(|| {
        Diagnostic::at(threshold.span, "a distance, a number not below zero, was expected")
            .help("write for example `delta 100 of price`")
    })
}

/// The value whose distance is looked at.
fn value(of: &ExprNode, shape: &StreamShape) -> Result<TypedExpr, Diagnostic> {
    let found = bind(of, shape.scope())?;
    if !found.ty().is_numeric() {
        return Err(Diagnostic::at(of.span, format!("a delta is that of a number, not of {}", found.ty())));
    }
    bind_as(of, shape.scope(), &LogicalType::Double)
}

/// Puts the operator that `make` makes of a window and its input behind the stream, and names its stream of late rows.
pub(in crate::operators) fn apply_window(
    window: &Arc<WindowSpec>,
    stream: &mut dyn StageContext,
    make: impl FnOnce(Arc<WindowSpec>, WindowInput) -> Arc<dyn PlannedOperator>,
) -> Result<(), Diagnostic> {
    let shape = stream.shape();
    let input = WindowInput { schema: shape.schema.clone(), keys: shape.keys.clone().unwrap_or_default() };
    stream.apply(make(Arc::clone(window), input));
    if !window.windows.have_bounds() || window.time == WindowTime::Processing && !stream.shape().time.event_time {
        // A window without an end has no time that its results could have.
        stream.shape_mut().time.event_time = false;
    }
    if let Some(name) = &window.late_to {
        stream.name_side_output(0, name)?;
    }
    Ok(())
}

/// The window of a stage with two inputs.
pub(in crate::operators) fn two_sided(
    call: &WindowCall,
    stream: &dyn StageContext,
) -> Result<Arc<WindowSpec>, Diagnostic> {
    let window = WindowSpec::new(stream.window(call)?);
    if window.exprs().next().is_some() {
        return Err(Diagnostic::at(call.name.span, "rows of two streams can't have gaps of their own")
            .help("write one gap for all: `session(10s)`"));
    }
    Ok(Arc::new(window))
}

/// Checks that both inputs can be in windows.
pub(in crate::operators) fn takes_both(
    span: Span,
    window: &WindowSpec,
    inputs: [&StreamShape; 2],
) -> Result<(), Diagnostic> {
    for shape in inputs {
        let name = shape.name.as_ref().map_or("the stream so far", |name| name.node.as_str());
        if !shape.changelog.is_append() {
            let message = format!("a window takes rows that stay, and those of `{name}` change");
            return Err(Diagnostic::at(span, message).help("leave the window to a stream of rows that are only added"));
        }
        if window.windows.have_bounds() && !shape.time.event_time {
            return Err(Diagnostic::at(span, format!("a window needs event time, which `{name}` does not have"))
                .help("declare it on the source or before the stage: `event_time ts watermark 4s`"));
        }
    }
    Ok(())
}
