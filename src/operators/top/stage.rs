//! `top 3 by n desc per channel as rank`: its arguments.

use std::collections::HashSet;
use std::sync::Arc;

use super::spec::{Kind, TopN};
use crate::api::{Clause, Exchange, Shape, Signature, StageArgs, StageContext, StageSpec, StreamShape};
use crate::operators::options::StageOptions;
use crate::operators::order::Order;
use crate::operators::select::{columns, fresh_name};
use crate::operators::window::in_windows;
use crate::types::{Diagnostic, LogicalType, Schema, Span, Spanned};

/// `top`
pub(in crate::operators) const TOP: StageSpec = StageSpec {
    name: "top",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Integer],
        optional: &[],
        clauses: &[
            Clause { keyword: "by", shape: Shape::Order, required: true, help: "what rows are sorted by: `n desc, a`" },
            Clause {
                keyword: "per",
                shape: Shape::Names,
                required: false,
                help: "the columns for each of whose values it is done; `window` for each window",
            },
            Clause { keyword: "as", shape: Shape::Name, required: false, help: "the column that is a row's rank" },
            Clause {
                keyword: "with",
                shape: Shape::Options,
                required: false,
                help: "ttl: how long what nobody writes is kept",
            },
        ],
    },
    summary: "keeps the first rows in an order",
    help: "Sorted by one or more expressions, `desc` for the greatest first; null is the least value unless `nulls first` \
           or `nulls last` says otherwise, and of equal rows the one that came first is first. The result is a changelog: a \
           row that is no longer among the first is taken back, and with `as` a column tells the rank of each, so that a row \
           that changes its place is told too. `per` does it for each value of some columns; behind `key_by` that is for \
           each key. `per window` gives the first rows of each window once, in their order, when the watermark has passed \
           its end; it stands behind a `window` of tumble, hop or cumulate, behind a windowed `aggregate`, or where \
           window_start and window_end are columns still. With `ttl` what was not written for so long is forgotten.",
    examples: &[
        "bids | key_by auction | window tumble(10s) | aggregate count(*) as n | top 3 by n desc per window;",
        "bids | window tumble(10s) | top 2 by price desc per channel, window | map channel, price, window_end;",
        "bids | top 3 by price desc per channel as rank | map channel, rank, price;",
        "bids | key_by auction | aggregate count(*) as n | top 5 by n desc as rank with (ttl = 1h);",
    ],
    flink: Some("ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) <= n"),
    bind,
};

/// The word of `per` that stands for the window.
const WINDOW: &str = "window";

fn is_window(name: &Spanned<String>, schema: &Schema) -> bool {
    name.node.eq_ignore_ascii_case(WINDOW) && schema.index_of(&name.node).is_none()
}

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    let typed = args.clause_words("per")?;
    if let Some(window) = &stream.shape().window {
        let message = format!("the rows are in the window {}, and `top` is not per window", window.windows.describe());
        if !typed.is_some_and(|names| names.iter().any(|name| is_window(name, &stream.shape().schema))) {
            return Err(Diagnostic::at(args.name.span, message).help("write `per window`, or an `aggregate` before it"));
        }
        in_windows(&args.name, stream)?;
    }
    let shape = stream.shape().clone();
    let count = args.integer(0)?;
    let n = usize::try_from(count.node).ok().filter(|&n| n > 0);
    let n =
        n.ok_or_else(|| Diagnostic::at(count.span, "the first 0 rows are none").label("expected a number from 1"))?;
    let order = args.clause_order("by")?.map_or(&[][..], Vec::as_slice);
    let order = Order::bind(order, &shape)?;
    let is_window = |name: &&Spanned<String>| is_window(name, &shape.schema);
    let window = typed.and_then(|names| names.iter().find(is_window)).map(|name| name.span);
    let (mut per, kind) = match typed {
        Some(names) => {
            let names: Vec<Spanned<String>> = names.iter().filter(|name| !is_window(name)).cloned().collect();
            (columns(&names, &shape.schema)?, window.map(|span| of_window(&shape, span)).transpose()?)
        }
        None => (shape.keys.clone().unwrap_or_default(), None),
    };
    for (at, &column) in per.iter().enumerate() {
        let field = &shape.schema.fields()[column];
        if matches!(field.ty, LogicalType::Map(..) | LogicalType::Null) {
            let message = format!("`{}` is of type {}, which can't tell rows apart", field.name, field.ty);
            return Err(Diagnostic::at(args.span, message));
        }
        if per[..at].contains(&column) {
            return Err(Diagnostic::at(args.span, format!("`per` names `{}` twice", field.name)));
        }
    }
    let kind = match kind {
        Some([start, end]) => {
            per.extend([start, end].iter().filter(|bound| !per.contains(bound)).copied().collect::<Vec<_>>());
            Kind::Window { end }
        }
        None => kind_of(&shape, &per, args.span)?,
    };
    let rank = args.clause_word("as")?;
    if let Some(rank) = rank {
        let mut taken: HashSet<String> = shape.schema.names().map(str::to_owned).collect();
        fresh_name(&mut taken, &rank.node, rank.span)?;
    }
    let windowed = matches!(kind, Kind::Window { .. });
    let mut top = TopN::new(&shape.schema, kind, n, order, per, rank.map(|rank| rank.node.as_str()));
    top.ttl_ms = StageOptions::of(args, &["ttl"])?.duration("ttl")?;
    if windowed && top.ttl_ms.is_some() {
        return Err(Diagnostic::at(args.span, "`ttl` has no effect `per window`").help("a window's rows go with it"));
    }
    if !windowed && top.ttl_ms.is_none() {
        top.ttl_ms = stream.state_ttl_ms();
    }
    stream.apply(Arc::new(top));
    stream.shape_mut().keys = shape.keys;
    Ok(())
}

/// The columns that are the bounds of the window that a row is of.
fn of_window(shape: &StreamShape, span: Span) -> Result<[usize; 2], Diagnostic> {
    let bound = |name: &str| {
        shape.schema.index_of(name).filter(|&column| shape.schema.fields()[column].ty == LogicalType::Timestamp)
    };
    let (Some(start), Some(end)) = (bound("window_start"), bound("window_end")) else {
        return Err(Diagnostic::at(span, "the rows of this stream are of no window")
            .help("`per window` needs the columns window_start and window_end of a windowed `aggregate`"));
    };
    if !shape.time.event_time {
        return Err(Diagnostic::at(span, "this stream has no event time that tells when a window is over")
            .help("`event_time window_end` before it gives it one"));
    }
    if !shape.changelog.is_append() {
        return Err(Diagnostic::at(span, "the rows of these windows are changed still")
            .help("leave `per window` out, and say `per window_start, window_end`"));
    }
    Ok([start, end])
}

/// The first rows of a changelog in the order of their arrival.
pub(in crate::operators) fn first_to_arrive(shape: &StreamShape, n: usize, span: Span) -> Result<TopN, Diagnostic> {
    Ok(TopN::new(&shape.schema, kind_of(shape, &[], span)?, n, Order::of_arrival(), Vec::new(), None))
}

/// How the first rows of a stream of these changes are found.
fn kind_of(shape: &StreamShape, per: &[usize], span: Span) -> Result<Kind, Diagnostic> {
    if shape.changelog.is_append() {
        return Ok(Kind::Append);
    }
    let exchange = if per.is_empty() { Exchange::Global } else { Exchange::Hash(per.to_vec()) };
    let key = shape.changelog.key().filter(|key| exchange.keeps(key)).map(<[usize]>::to_vec);
    if key.is_none()
        && let Some(field) = shape.schema.fields().iter().find(|field| matches!(field.ty, LogicalType::Map(..)))
    {
        let message = format!("a row that is taken back is not found again by `{}`, which is a map", field.name);
        return Err(Diagnostic::at(span, message).help("leave it out with `map` before this"));
    }
    Ok(Kind::Retract(key))
}
