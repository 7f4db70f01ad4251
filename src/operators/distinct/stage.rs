//! `distinct on k keep last`: its arguments.

use std::sync::Arc;

use super::spec::{Distinct, Keep};
use crate::api::{Arg, Clause, Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::operators::group_aggregate::GroupAggregate;
use crate::operators::options::StageOptions;
use crate::operators::select::{columns, no_window};
use crate::types::{Diagnostic, LogicalType};

/// `distinct`
pub(in crate::operators) const DISTINCT: StageSpec = StageSpec {
    name: "distinct",
    aliases: &[],
    signature: Signature {
        head: &[],
        optional: &[],
        clauses: &[
            Clause { keyword: "on", shape: Shape::Names, required: false, help: "the columns that tell rows apart" },
            Clause {
                keyword: "keep",
                shape: Shape::Keyword(&["first", "last"]),
                required: false,
                help: "which of the rows that are alike; first when not given",
            },
            Clause {
                keyword: "by arrival",
                shape: Shape::Flag,
                required: false,
                help: "first and last are as rows come, not by their event time",
            },
            Clause {
                keyword: "with",
                shape: Shape::Options,
                required: false,
                help: "ttl: how long a key that does not come again is known",
            },
        ],
    },
    summary: "keeps one of the rows that are alike",
    help: "Without `on` rows are alike when all their columns are equal. With `on` those with equal columns are, and \
           the first of them is kept: by event time, where the stream has it, and given once the watermark has passed it, so \
           that none earlier can come; one that is late is counted. `by arrival` takes the one that came first, at once. With \
           `keep last` the result is a changelog: each row that is later replaces the one before. `ttl` forgets what was not \
           written for so long; a row like it is then the first again.",
    examples: &[
        "bids | map channel | distinct;",
        "bids | distinct on bidder | map bidder, date_time;",
        "bids | distinct on auction keep last by arrival with (ttl = 1h);",
    ],
    flink: Some("SELECT DISTINCT; ROW_NUMBER() OVER (PARTITION BY … ORDER BY time) = 1"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    let on = match args.clause_words("on")? {
        Some(names) => columns(names, &shape.schema)?,
        None => (0..shape.schema.len()).collect(),
    };
    for (at, &column) in on.iter().enumerate() {
        let field = &shape.schema.fields()[column];
        if matches!(field.ty, LogicalType::Map(..) | LogicalType::Null) {
            let message = format!("`{}` is of type {}, which can't tell rows apart", field.name, field.ty);
            return Err(Diagnostic::at(args.span, message).help("say which columns do: `distinct on a, b`"));
        }
        if on[..at].contains(&column) {
            return Err(Diagnostic::at(args.span, format!("`on` names `{}` twice", field.name)));
        }
    }
    let keep = match args.clause_word("keep")? {
        Some(word) if word.node == "last" => Keep::Last,
        _ => Keep::First,
    };
    let ttl_ms = StageOptions::of(args, &["ttl"])?.duration("ttl")?.or_else(|| stream.state_ttl_ms());
    let whole = args.clause("on").is_none();
    if whole
        && let Some((clause, _)) = args.clauses.iter().find(|(clause, _)| matches!(clause.node, "keep" | "by arrival"))
    {
        let message = format!("`{}` has no effect without `on`: rows that are alike are equal", clause.node);
        return Err(Diagnostic::at(clause.span, message));
    }
    if !shape.changelog.is_append() {
        if !whole {
            let error =
                Diagnostic::at(args.name.span, "`distinct on` needs rows that stay, and these are changed still");
            return Err(
                error.help("say which of them: `top 1 by … per …`; or make rows of the changes with `to_changelog`")
            );
        }
        stream.apply(Arc::new(GroupAggregate::new(&shape.schema, &on, &[], true).expiring(ttl_ms)));
        stream.shape_mut().keys = shape.keys;
        return Ok(());
    }
    let by_event_time = !whole && shape.time.event_time && !matches!(args.clause("by arrival"), Some(Arg::Flag));
    stream.apply(Arc::new(Distinct::new(&shape.schema, on, keep, by_event_time, ttl_ms)));
    stream.shape_mut().keys = shape.keys;
    Ok(())
}
