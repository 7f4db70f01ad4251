//! `left join payments as p on o.id = p.order_id within -1s..10s`

use std::sync::Arc;

use super::condition::{Condition, Key};
use super::interval::IntervalJoin;
use super::kind::JoinKind;
use super::lookup::{LookupJoin, LookupOptions, table};
use super::regular::RegularJoin;
use super::spec::JoinSpec;
use super::temporal::TemporalJoin;
use crate::api::{
    Clause, LookupTable, PlannedOperator, Shape, Signature, StageArgs, StageContext, StageSpec, StreamRef, StreamShape,
    TimeAttribute, TimeAttributes,
};
use crate::expr::ast::{Expr, ExprNode};
use crate::expr::{TypedExpr, bind as bind_expr};
use crate::formats::CHANGE;
use crate::operators::map::Project;
use crate::operators::options::StageOptions;
use crate::operators::select::{Selected, no_window};
use crate::operators::window::{takes_both, two_sided, window_join};
use crate::types::{Diagnostic, LogicalType, Schema, Spanned};

/// Requests of a look-up that may be under way, at most.
const REQUESTS_MAX: usize = 4_096;
/// The clause of look-ups.
const LOOKUP: &str = "lookup";

const SIGNATURE: Signature = Signature {
    head: &[Shape::Stream],
    optional: &[],
    clauses: &[
        Clause {
            keyword: "as of",
            shape: Shape::Expr,
            required: false,
            help: "the right row's version at this time: the left rows' event time, or `processing_time`",
        },
        Clause {
            keyword: "within",
            shape: Shape::Range,
            required: false,
            help: "the right row's time, less the left one's",
        },
        Clause {
            keyword: "on processing_time",
            shape: Shape::Flag,
            required: false,
            help: "`within` is of the times at which rows come",
        },
        Clause {
            keyword: "with",
            shape: Shape::Options,
            required: false,
            help: "ttl: how long rows are kept, processing time; without it for ever. Of a look-up: cache, concurrency, \
                   ordered, timeout",
        },
        Clause {
            keyword: "window",
            shape: Shape::Window,
            required: false,
            help: "the windows, of both, in which matching rows meet",
        },
        Clause {
            keyword: LOOKUP,
            shape: Shape::Flag,
            required: false,
            help: "the right source is a table that is asked for the rows of each left row",
        },
        // Last, so that the others are offered before it is missed.
        Clause { keyword: "on", shape: Shape::Expr, required: true, help: "the rows that match" },
    ],
};

const fn stage(
    name: &'static str,
    aliases: &'static [&'static str],
    summary: &'static str,
    help: &'static str,
    examples: &'static [&'static str],
    flink: &'static str,
) -> StageSpec {
    StageSpec { name, aliases, signature: SIGNATURE, summary, help, examples, flink: Some(flink), bind }
}

/// The joins.
pub(in crate::operators) const JOINS: [StageSpec; 6] = [
    stage(
        "join",
        &["inner join"],
        "puts rows of two streams that match beside each other",
        "The rows that `on` holds for; the equalities in it say where they meet. With `within -1s..10s` the right row's \
         time is at most one second before the left one's and ten behind it, and each row is kept only so long. The \
         result has the left columns, then the right ones; a name both have becomes `<right>_<name>`. The event time of \
         a pair is the later of its two. Null never equals.\n\
         \n\
         With `lookup` the right side is a source with an end, which is not read as a stream but asked for the rows that have \
         a left row's key when that comes. Requests are under way side by side (`concurrency = 32`), and rows wait for their \
         answers and leave in order, or with `ordered = false` as answers come, but not past a watermark. `cache = 1m` uses \
         an answer again for so long; a request that takes longer than `timeout = 3m` fails the job. A file is read whole, \
         and again once it has changed and what was cached is too old. Rows that wait are part of a checkpoint, and ask again \
         when it is restored.",
        &[
            "bids as b | join auctions as a on b.auction = a.id within -10s..0s | map b.auction, price, item_name;",
            "source people from nexmark 'person' with (events = 5000);\nbids as b | join people as p lookup on b.bidder = p.id with (cache = 1m) | map bidder, p.name, price | limit 3;",
        ],
        "INNER JOIN; DataStream.intervalJoin; AsyncDataStream, FOR SYSTEM_TIME AS OF",
    ),
    stage(
        "left join",
        &["left outer join"],
        "a join that keeps left rows without a match",
        "As `join`, and a left row that matches nothing is given with nulls in place of the right one, as soon as none \
         can match it any more; with `lookup`, when the source has none.",
        &["bids as b | left join auctions as a on b.auction = a.id within -10s..0s | map b.auction, price, item_name;"],
        "LEFT OUTER JOIN",
    ),
    stage(
        "right join",
        &["right outer join"],
        "a join that keeps right rows without a match",
        "As `join`, and a right row that matches nothing is given with nulls in place of the left one, as soon as none \
         can match it any more.",
        &["bids as b | right join auctions as a on b.auction = a.id within -10s..0s | map id, price, item_name;"],
        "RIGHT OUTER JOIN",
    ),
    stage(
        "full join",
        &["full outer join"],
        "a join that keeps rows of both sides without a match",
        "As `join`, and a row of either side that matches nothing is given with nulls in place of the other, as soon as \
         none can match it any more.",
        &["bids as b | full join auctions as a on b.auction = a.id within -10s..0s | map b.auction, id, price;"],
        "FULL OUTER JOIN",
    ),
    stage(
        "semi join",
        &[],
        "keeps left rows that match something",
        "Each left row once, however many right rows match it; the right columns are not part of the result.",
        &["auctions as a | semi join bids as b on a.id = b.auction;"],
        "IN, EXISTS",
    ),
    stage(
        "anti join",
        &[],
        "keeps left rows that match nothing",
        "The left rows that no right row matches; one that finds a match later is taken back.",
        &["auctions as a | anti join bids as b on a.id = b.auction;"],
        "NOT IN, NOT EXISTS",
    ),
];

/// The inputs of a join while it is bound.
struct Bound {
    left: StreamShape,
    right: StreamShape,
    other: Option<StreamRef>,
    /// The table of a look-up.
    table: Option<Arc<dyn LookupTable>>,
    keys: [Vec<usize>; 2],
    null_safe: Vec<bool>,
    residual: Option<TypedExpr>,
    /// The columns that were put in for keys, of both inputs.
    computed: [usize; 2],
    /// The streams that the result's columns come from.
    parts: Vec<(Spanned<String>, Schema)>,
}

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let kind = JoinKind::of_stage(&args.name.node);
    one_of(args, &["within", "as of", "window", LOOKUP])?;
    let window = args.clause_window("window")?.map(|call| two_sided(call, stream)).transpose()?;
    if args.clause(LOOKUP).is_some() && !matches!(kind, JoinKind::Inner | JoinKind::Left) {
        return Err(Diagnostic::at(args.name.span, format!("`{}` takes no `lookup`", args.name.node))
            .help("rows are looked up for each left row: there are `join` and `left join`"));
    }
    let bound = inputs(args, stream)?;
    let spec = JoinSpec::new(
        [&bound.left, &bound.right],
        bound.keys.clone(),
        bound.null_safe.clone(),
        bound.residual.clone(),
        kind,
        args.name.span,
    )?;
    let (operator, time) = if let Some(table) = &bound.table {
        lookup(args, spec, table, &bound)?
    } else if let Some(window) = window {
        options(args, &[])?;
        takes_both(args.span, &window, [&bound.left, &bound.right])?;
        let event_time = window.windows.have_bounds();
        let time = TimeAttributes { event_time, ..TimeAttributes::default() };
        (window_join(spec, window), time)
    } else if args.clause("within").is_some() {
        interval(args, kind, spec, &bound)?
    } else if args.clause("as of").is_some() {
        temporal(args, kind, spec, &bound)?
    } else {
        regular(args, spec, &bound)?
    };
    stream.apply_many(operator, bound.other.as_slice());
    drop_computed(&bound, kind, stream);
    let shape = stream.shape_mut();
    (shape.time, shape.inputs) = (time, bound.parts);
    Ok(())
}

/// The options typed. Which there are depends on more than the join's name, so that messages do not speak of that.
fn options<'a>(args: &'a StageArgs, known: &[&'static str]) -> Result<StageOptions<'a>, Diagnostic> {
    StageOptions::named("this join", args, known)
}

/// Refuses two clauses that each make another join.
fn one_of(args: &StageArgs, keywords: &[&str]) -> Result<(), Diagnostic> {
    let mut found = args.clauses.iter().filter(|(keyword, _)| keywords.contains(&keyword.node));
    let (Some((first, _)), Some((second, _))) = (found.next(), found.next()) else { return Ok(()) };
    Err(Diagnostic::at(second.span, format!("a join is either `{}` or `{}`", first.node, second.node)))
}

/// `as of o.ts`
fn temporal(
    args: &StageArgs,
    kind: JoinKind,
    spec: JoinSpec,
    bound: &Bound,
) -> Result<(Arc<dyn PlannedOperator>, TimeAttributes), Diagnostic> {
    options(args, &[])?;
    let Some(as_of) = args.clause_expr("as of")? else {
        return Err(Diagnostic::at(args.span, "`as of` is missing"));
    };
    if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
        return Err(Diagnostic::at(args.name.span, format!("`{}` takes no `as of`", args.name.node))
            .help("a version is looked for each left row: there are `join` and `left join`"));
    }
    let processing_time = is_word(as_of, "processing_time");
    if !processing_time {
        of_event_time(as_of, bound)?;
    }
    let changes = !bound.left.changelog.is_append();
    let time = if processing_time { TimeAttributes::default() } else { left_time(bound) };
    Ok((Arc::new(TemporalJoin::new(spec, processing_time, changes)), time))
}

/// The time attributes that stay where the left rows keep their event times.
fn left_time(bound: &Bound) -> TimeAttributes {
    let mut time = bound.left.time.clone();
    time.columns.retain(|(column, _)| *column < bound.left.schema.len() - bound.computed[0]);
    time
}

/// `lookup`
fn lookup(
    args: &StageArgs,
    spec: JoinSpec,
    table: &Arc<dyn LookupTable>,
    bound: &Bound,
) -> Result<(Arc<dyn PlannedOperator>, TimeAttributes), Diagnostic> {
    let typed = options(args, &["cache", "concurrency", "ordered", "timeout"])?;
    let default = LookupOptions::default();
    let options = LookupOptions {
        cache_ms: typed.duration("cache")?,
        concurrency: typed.count("concurrency", REQUESTS_MAX)?.unwrap_or(default.concurrency),
        ordered: typed.flag("ordered")?.unwrap_or(default.ordered),
        timeout_ms: typed.duration("timeout")?.unwrap_or(default.timeout_ms),
    };
    let changes = !bound.left.changelog.is_append();
    Ok((Arc::new(LookupJoin::new(spec, Arc::clone(table), options, changes)), left_time(bound)))
}

/// The condition of a look-up, whose key are right columns.
fn by_columns(condition: Condition, right: &StreamShape, on: &ExprNode) -> Result<Condition, Diagnostic> {
    let columns: Vec<usize> = (0..right.schema.len()).collect();
    let Condition { keys, residual } = condition;
    // What null finds is not asked for.
    let (keys, others): (Vec<Key>, Vec<Key>) = keys.into_iter().partition(|key| !key.null_safe);
    let others = Condition { keys: others, residual }.keyed_by(&[]);
    let condition = Condition { keys, residual: others.residual }.keyed_by(&columns);
    if condition.keys.is_empty() {
        let name = right.name.as_ref().map_or("the right source", |name| name.node.as_str());
        return Err(Diagnostic::at(on.span, format!("`on` must say what a column of `{name}` equals"))
            .help("its rows are looked up by that; where types differ, cast the left value to the column's type"));
    }
    Ok(condition)
}

/// Whether an expression is just this word, which no column needs to have.
fn is_word(expr: &ExprNode, word: &str) -> bool {
    matches!(&expr.node, Expr::Column(parts) if matches!(parts.as_slice(), [part] if part.node.eq_ignore_ascii_case(word)))
}

/// Checks that `as of` is the event time of the left rows, and that the right ones have one.
fn of_event_time(as_of: &ExprNode, bound: &Bound) -> Result<(), Diagnostic> {
    if !is_word(as_of, "event_time") || bound.left.schema.index_of("event_time").is_some() {
        let column = bind_expr(as_of, bound.left.scope())?.as_column();
        if column.and_then(|column| bound.left.time.attribute(column)) != Some(TimeAttribute::RowTime) {
            return Err(Diagnostic::at(as_of.span, "`as of` takes the event time of the left rows").help(
                "give them one with `event_time <column> watermark <delay>`, or say `as of processing_time` for the \
                 version that is there when they come",
            ));
        }
    }
    for shape in [&bound.left, &bound.right] {
        if !shape.time.event_time {
            let name = shape.name.as_ref().map_or("the stream so far", |name| name.node.as_str());
            return Err(Diagnostic::at(as_of.span, format!("`{name}` has no event time"))
                .help("give it one with `event_time <column> watermark <delay>`, or say `as of processing_time`"));
        }
    }
    Ok(())
}

/// The condition of a join by versions, whose key is that of the right rows.
fn by_version(condition: Condition, right: &StreamShape, on: &ExprNode) -> Result<Condition, Diagnostic> {
    let name = right.name.as_ref().map_or("the right stream", |name| name.node.as_str());
    let Some(key) = right.changelog.key().filter(|key| !key.is_empty()) else {
        return Err(Diagnostic::at(
            on.span,
            format!("`{name}` has no primary key: which of its rows are versions of one?"),
        )
        .help(format!(
            "declare it: source {name} from … primary key (<column>), or stream {name} primary key (<column>) = …"
        )));
    };
    let key = key.to_vec();
    let condition = condition.keyed_by(&key);
    for column in key {
        if !condition.keys.iter().any(|known| known.right.as_column() == Some(column)) {
            let column = &right.schema.fields()[column].name;
            return Err(Diagnostic::at(
                on.span,
                format!("`on` must say what `{name}.{column}` equals: it is of the primary key"),
            ));
        }
    }
    Ok(condition)
}

/// Neither `within` nor anything else that bounds it.
fn regular(
    args: &StageArgs,
    spec: JoinSpec,
    bound: &Bound,
) -> Result<(Arc<dyn PlannedOperator>, TimeAttributes), Diagnostic> {
    let ttl_ms = options(args, &["ttl"])?.duration("ttl")?;
    if let Some((flag, _)) = args.clauses.iter().find(|(keyword, _)| keyword.node == "on processing_time") {
        return Err(Diagnostic::at(flag.span, "`on processing_time` says which time `within` is of")
            .help("add `within`, or leave it out: this join keeps both sides whatever their times"));
    }
    for shape in [&bound.left, &bound.right].into_iter().filter(|shape| !shape.changelog.is_append()) {
        let map = shape.schema.fields().iter().find(|field| matches!(field.ty, LogicalType::Map(..)));
        if let Some(map) = map {
            let message = format!("rows that hold maps (`{}`) can't be told apart to be taken back", map.name);
            return Err(Diagnostic::at(args.span, message).help("leave the map out with `map` before the join"));
        }
    }
    let inputs = [&bound.left.changelog, &bound.right.changelog];
    let join = RegularJoin::new(spec, inputs, ttl_ms);
    if !join.is_append() && join.output().names().any(|name| name == CHANGE) {
        let message = format!("`{CHANGE}` is the name of a change's kind: no column of a changelog can have it");
        return Err(Diagnostic::at(args.span, message).help("give the column another name with `map` before the join"));
    }
    // A row that changes has no time at which it is final.
    Ok((Arc::new(join), TimeAttributes::default()))
}

/// `within r`
fn interval(
    args: &StageArgs,
    kind: JoinKind,
    spec: JoinSpec,
    bound: &Bound,
) -> Result<(Arc<dyn PlannedOperator>, TimeAttributes), Diagnostic> {
    let Some(within) = args.clause_range("within")? else {
        return Err(Diagnostic::at(args.span, "`within` is missing"));
    };
    options(args, &[])?;
    if kind.filters() {
        return Err(Diagnostic::at(within.span, format!("`{}` takes no `within`", args.name.node))
            .help("leave `within` out: the join then keeps both sides, `with (ttl = 1h)` for a time"));
    }
    for shape in [&bound.left, &bound.right] {
        if !shape.changelog.is_append() {
            let name = shape.name.as_ref().map_or("the stream so far", |name| name.node.as_str());
            return Err(Diagnostic::at(
                within.span,
                format!("`within` takes rows that stay, and those of `{name}` change"),
            )
            .help("leave `within` out: the join then follows the changes"));
        }
    }
    let processing_time = args.clause("on processing_time").is_some();
    for shape in [&bound.left, &bound.right].into_iter().filter(|_| !processing_time) {
        if !shape.time.event_time {
            let name = shape.name.as_ref().map_or("the stream so far", |name| name.node.as_str());
            return Err(Diagnostic::at(within.span, format!("`{name}` has no event time to be `within`"))
                .help("give it one with `event_time <column> watermark <delay>`, or say `on processing_time`"));
        }
    }
    let time = TimeAttributes { event_time: !processing_time, ..TimeAttributes::default() };
    Ok((Arc::new(IntervalJoin::new(spec, within.node, processing_time)), time))
}

/// Binds both inputs and the condition; keys that are no columns become some.
fn inputs(args: &StageArgs, stream: &mut dyn StageContext) -> Result<Bound, Diagnostic> {
    let named = args.stream(0)?;
    let (mut other, mut right, table) = if args.clause(LOOKUP).is_some() {
        let (source, shape) = stream.lookup(&named.name)?;
        (None, shape, Some(table(source, named.name.span)?))
    } else {
        let (other, shape) = stream.stream(&named.name)?;
        (Some(other), shape, None)
    };
    if let Some(alias) = &named.alias {
        right.name = Some(alias.clone());
    }
    let mut left = stream.shape().clone();
    let (mut parts, theirs) = (left.parts(), right.parts());
    for (ours, _) in &parts {
        if let Some((same, _)) = theirs.iter().find(|(theirs, _)| theirs.node == ours.node) {
            return Err(Diagnostic::at(same.span, format!("both sides are called `{}`", same.node))
                .also(ours.span, "the left one")
                .help(format!("call this one something else: {} as other", named.name.node)));
        }
    }
    if parts.is_empty() || theirs.is_empty() {
        // Columns of a stream without a name have nothing to be called by.
        parts.clear();
    } else if !JoinKind::of_stage(&args.name.node).filters() {
        parts.extend(theirs);
    }
    let Some(on) = args.clause_expr("on")? else {
        return Err(Diagnostic::at(args.span, "a join needs `on`"));
    };
    let mut condition = Condition::bind(on, &left, &right)?;
    if args.clause("as of").is_some() {
        condition = by_version(condition, &right, on)?;
    } else if table.is_some() {
        condition = by_columns(condition, &right, on)?;
    }
    let Condition { keys, residual } = condition;
    let width = left.schema.len();
    let null_safe = keys.iter().map(|key| key.null_safe).collect();
    let sides = [
        keys.iter().map(|Key { left, .. }| left.clone()).collect::<Vec<_>>(),
        keys.into_iter().map(|Key { right, .. }| right).collect(),
    ];
    let [mine, theirs] = sides;
    let (left_keys, computed) = key_columns(&left, &mine);
    if let Some(project) = computed {
        let name = left.name.take();
        stream.apply(Arc::new(project));
        stream.shape_mut().name.clone_from(&name);
        left = stream.shape().clone();
    }
    let (right_keys, computed) = key_columns(&right, &theirs);
    let right_width = right.schema.len();
    if let Some(project) = computed {
        let project: Arc<dyn PlannedOperator> = Arc::new(project);
        right = StreamShape { name: right.name.clone(), ..StreamShape::behind(&*project, &[&right]) };
        other = other.map(|other| stream.apply_to(project, other));
    }
    let computed = [left.schema.len() - width, right.schema.len() - right_width];
    let moved = |column: usize| if column < width { column } else { column + computed[0] };
    let residual = residual.map(|residual| residual.remap(&moved));
    Ok(Bound { left, right, other, table, keys: [left_keys, right_keys], null_safe, residual, computed, parts })
}

/// The columns that are `keys`, and the projection that makes those that are not there.
fn key_columns(shape: &StreamShape, keys: &[TypedExpr]) -> (Vec<usize>, Option<Project>) {
    let mut selected = Selected::all(&shape.schema);
    let mut places = Vec::with_capacity(keys.len());
    for key in keys {
        places.push(key.as_column().unwrap_or_else(|| {
            let known = selected.exprs.iter().position(|expr| expr == key);
            known.unwrap_or_else(|| {
                let mut name = key.to_string();
                while selected.fields.iter().any(|field| field.name == name) {
                    name.push('\'');
                }
                selected.push(name, key.clone());
                selected.exprs.len() - 1
            })
        }));
    }
    let computed = selected.exprs.len() > shape.schema.len();
    (places, computed.then(|| Project::new(selected)))
}

/// Leaves out the columns that were put in for keys.
fn drop_computed(bound: &Bound, kind: JoinKind, stream: &mut dyn StageContext) {
    if bound.computed == [0, 0] {
        return;
    }
    let schema = stream.shape().schema.clone();
    let left = bound.left.schema.len();
    let right = if kind.filters() { 0 } else { bound.right.schema.len() };
    let typed = (0..left - bound.computed[0]).chain(left..left + right.saturating_sub(bound.computed[1]));
    let mut selected = Selected::default();
    for column in typed {
        let field = &schema.fields()[column];
        selected.push(field.name.clone(), TypedExpr::column(column, field));
    }
    stream.apply(Arc::new(Project::new(selected)));
}
