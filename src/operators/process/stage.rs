//! `process fraud_detector`

use std::sync::Arc;

use super::bind::program;
use super::planned::Process;
use super::window::{ProcessWindow, shape_of};
use crate::api::{ProcessFunction, Shape, Signature, StageArgs, StageContext, StageSpec, StreamShape, WindowSpec};
use crate::operators::window::{WindowOperator, apply_window};
use crate::types::{Diagnostic, Spanned};

/// `process`
pub(in crate::operators) const PROCESS: StageSpec = StageSpec {
    name: "process",
    aliases: &[],
    signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[] },
    summary: "runs a process function: state and timers of each key, a row at a time",
    help: "The function is defined by `process name { … }`: its states, then what is done `on event { … }` with each row and \
           `on timer name { … }` with a timer that is due. The state and the timers are those of the row's key, so `key_by` \
           stands before. Actions are `let x = e;`, `x = e;`, `xs[i] = e;`, `add e to xs;`, `clear x;`, \
           `if e { … } else { … }`, `for v in list { … }`, `while e { … }`, `emit e as n, …;` (`… to side;` gives a stream of \
           that name in the job), `timer name at e;` and `delete timer name;`. State is a value (`state x bigint`), \
           `list<t>`, `map<k, v>`, `reducing<t> by e` of `left` and `right`, or `aggregating sum(e)`, to which `add to x;` \
           adds the row; `ttl 1h` lets it expire so long after it was written (`on read`: or read; `on event_time`: by \
           event time). A timer is due at an event time, or, when its time is made of `processing_time`, by the clock. \
           `event_time`, `processing_time` and `current_watermark` can be read everywhere, `timer_time` and of the columns \
           only the keys on a timer. Behind `connect` there are `on left` and `on right`. Behind `window` there is `on window { … }`, which runs when \
           the window fires: `rows` are the window's rows (`for r in rows { … r.price … }`), `window_start` and `window_end` \
           its bounds; `state … per window` is of one window of the key and goes with it, other state is the key's. A row that fails (a division by \
           zero, loops of more than 100,000 steps) is rejected as the job's `on_error` says, and changes nothing.",
    examples: &[
        "process small_then_large {\n  state small boolean ttl 1h;\n  on event {\n    if small is not null and amount > 500 {\n      emit account, amount, event_time as at;\n      clear small;\n    }\n    if amount < 1 { small = true; timer expiry at event_time + 1m; }\n  }\n  on timer expiry { clear small; }\n}\ntransactions | key_by account | process small_then_large | limit 3;",
        "process spread {\n  state widest bigint;\n  on window {\n    let least = rows[1].price; let most = rows[1].price;\n    for r in rows {\n      least = least(least, r.price);\n      most = greatest(most, r.price);\n    }\n    widest = greatest(coalesce(widest, 0), most - least);\n    emit auction, cardinality(rows) as n, most - least as spread, widest;\n  }\n}\nbids | key_by auction | window tumble(10s) | process spread | limit 5;",
        "process running_total {\n  state total reducing<bigint> by left + right;\n  on event { add price to total; emit bidder, total; }\n}\nbids | key_by bidder | process running_total | limit 5;",
    ],
    flink: Some("KeyedProcessFunction, ProcessWindowFunction"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    let name = args.word(0)?;
    let function = stream.process_function(name)?;
    let shape = stream.shape().clone();
    if let Some(window) = &shape.window {
        return over_windows(args, name, &function, window, stream);
    }
    let connected = shape.connected.clone();
    let mut inputs = vec![StreamShape { connected: None, ..shape }];
    inputs.extend(connected.as_deref().map(|connected| connected.shape.clone()));
    for shape in &inputs {
        if !shape.changelog.is_append() {
            return Err(Diagnostic::at(
                args.span,
                "a process function takes rows that are only added, and this is a changelog",
            )
            .help("put it in front of what makes the changelog"));
        }
    }
    let broadcast = connected.as_deref().is_some_and(|connected| connected.broadcast);
    let program = program(&function, &inputs, broadcast, None).map_err(|error| shown(&function, name, error))?;
    let sides: Vec<String> = program.sides.iter().map(|side| side.name.clone()).collect();
    let others: Vec<_> = connected.iter().map(|connected| connected.stream).collect();
    stream.apply_many(Arc::new(Process { program: Arc::new(program) }), &others);
    for (port, side) in sides.into_iter().enumerate() {
        stream.name_side_output(port, &Spanned::new(side, name.span))?;
    }
    Ok(())
}

/// Behind `window`.
fn over_windows(
    args: &StageArgs,
    name: &Spanned<String>,
    function: &ProcessFunction,
    window: &WindowSpec,
    stream: &mut dyn StageContext,
) -> Result<(), Diagnostic> {
    if window.sides.is_some() || stream.shape().connected.is_some() {
        return Err(Diagnostic::at(args.span, "`on window` takes the rows of one stream")
            .help("behind `cogroup` there is `aggregate`, behind `connect` there are `on left` and `on right`"));
    }
    let shape = shape_of(stream.shape(), window);
    let program = program(function, &[shape], false, Some(window)).map_err(|error| shown(function, name, error))?;
    let sides: Vec<String> = program.sides.iter().map(|side| side.name.clone()).collect();
    let first = usize::from(window.late_to.is_some());
    apply_window(&Arc::new(window.clone()), stream, |window, input| {
        let bounded = window.windows.have_bounds();
        let function = ProcessWindow { program: Arc::new(program), input: input.clone(), bounded };
        Arc::new(WindowOperator::new(window, vec![input], Arc::new(function)))
    })?;
    for (port, side) in sides.into_iter().enumerate() {
        stream.name_side_output(first + port, &Spanned::new(side, name.span))?;
    }
    Ok(())
}

/// A mistake in the function, shown where it is used: the line it is on.
fn shown(function: &ProcessFunction, name: &Spanned<String>, error: Diagnostic) -> Diagnostic {
    let Some(span) = error.span else { return error.or_at(name.span) };
    let (line, text) = function.line(span);
    error.inside(&format!("in process `{}`, line {line}", function.name.node), name.span).label(text)
}
