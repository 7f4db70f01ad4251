//! `connect rules broadcast`

use std::sync::Arc;

use crate::api::{Clause, Connected, Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::operators::select::{columns, no_window};
use crate::types::{Diagnostic, Spanned};

/// `connect`
pub(in crate::operators) const CONNECT: StageSpec = StageSpec {
    name: "connect",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Stream],
        optional: &[],
        clauses: &[Clause {
            keyword: "broadcast",
            shape: Shape::Flag,
            required: false,
            help: "its rows go to every instance",
        }],
    },
    summary: "puts a second stream beside this one, for `process`",
    help: "A `process` behind it handles the rows of this stream `on left { … }` and those of the other `on right { … }`. Where \
           this stream is keyed, both see the state of the same key: the other is keyed by its own `key_by`, or else by its \
           columns of the same names. With `broadcast` every instance sees all rows of the other: `on right` fills \
           `state … broadcast`, the same in every instance, and `on left` reads it.",
    examples: &[
        "process follow {\n  state name string;\n  on left { emit id, name; }\n  on right { name = right_name; }\n}\nstream known = persons | map id, name as right_name | key_by id;\npersons | map id | key_by id | connect known | process follow | limit 3;",
        "process above {\n  state high bigint broadcast;\n  on left { if price > coalesce(high, 0) { emit auction, price; } }\n  on right { high = price; }\n}\nstream levels = bids | filter price > 90000 | limit 1;\nbids | connect levels broadcast | process above | limit 3;",
    ],
    flink: Some("DataStream.connect; KeyedCoProcessFunction, BroadcastProcessFunction"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let named = args.stream(0)?;
    let broadcast = args.clause("broadcast").is_some();
    let (other, mut shape) = stream.stream(&named.name)?;
    if stream.shape().connected.is_some() {
        return Err(Diagnostic::at(args.span, "a stream is connected already").help("`process` makes one of the two"));
    }
    if let Some(alias) = &named.alias {
        shape.name = Some(alias.clone());
    }
    if broadcast {
        shape.keys = None;
    } else if let Some(keys) = &stream.shape().keys {
        let ours = stream.shape().schema.project(keys);
        if shape.keys.is_none() {
            let keys = ours.names().map(|name| Spanned::new(name.to_owned(), named.name.span)).collect::<Vec<_>>();
            let found = columns(&keys, &shape.schema)
                .map_err(|error| error.help(format!("key it: stream keyed = {} | key_by …", named.name.node)))?;
            shape.keys = Some(found);
        }
        let theirs = shape.schema.project(shape.keys.as_deref().unwrap_or_default());
        let types =
            |schema: &crate::types::Schema| schema.fields().iter().map(|field| field.ty.clone()).collect::<Vec<_>>();
        if types(&ours) != types(&theirs) {
            let message = format!("`{}` is keyed by {theirs}, and this stream by {ours}", named.name.node);
            return Err(Diagnostic::at(named.name.span, message).help("keys are of the same types, in the same order"));
        }
    } else {
        shape.keys = None;
    }
    stream.shape_mut().connected = Some(Arc::new(Connected { stream: other, shape, broadcast }));
    Ok(())
}
