//! A language for tests, just large enough: the real parser and the real stages are of other modules.

use std::path::PathBuf;
use std::sync::Arc;

use crate::api::RunStatement;
use crate::api::{
    Arg, ChangelogMode, Clause, ConnectorSpec, NamedExpr, OptionSpec, Pipeline, PlannedOperator, PlannedSource,
    Registries, ResultSink, SelectItem, Shape, SideOutput, Signature, SinkRequest, SourceRequest, Stage, StageArgs,
    StageContext, StageSpec, WindowAssigner, WindowCall, WindowFnSpec, WindowSpec, Windows,
};
use crate::expr::ast::{Expr, ExprNode};
use crate::expr::bind;
use crate::lang::ast::{SinkStatement, SourceStatement};
use crate::lang::lower::options::Typed;
use crate::lang::lower::{
    JobPlan, define_sink, define_source, define_stream, lower_explained, lower_job, lower_preview,
};
use crate::plan::testing::{Does, Fake, FakeSource, OPS, filter, projection};
use crate::plan::{Catalog, Entry, Environment, Item, JobSettings, explain};
use crate::types::{Batch, Diagnostic, Result, Schema, Span, Spanned};

/// A catalog, and the environment that statements are lowered in.
pub(super) struct Shell {
    pub(super) catalog: Catalog,
    pub(super) environment: Environment<'static>,
}

impl Shell {
    /// A shell that knows the source `bids`.
    pub(super) fn new() -> Self {
        let environment = Environment {
            registries: &REGISTRIES,
            optimizer: OPS,
            base_dir: PathBuf::from("base"),
            results: Arc::new(Nowhere),
        };
        let mut shell = Self { catalog: Catalog::new(), environment };
        shell.source("bids", "fake", &[]).expect("the source is well-formed");
        shell
    }

    pub(super) fn source(&mut self, name: &str, connector: &str, options: &Typed) -> Result<Option<Entry>, Diagnostic> {
        define_source(&mut self.catalog, &source(name, connector, options), &self.environment)
    }

    pub(super) fn sink(&mut self, name: &str, connector: &str, options: &Typed) -> Result<Option<Entry>, Diagnostic> {
        let statement = SinkStatement {
            name: spanned(name),
            connector: spanned(connector),
            target: None,
            options: options.to_vec(),
            span: Span::default(),
            text: String::new(),
        };
        define_sink(&mut self.catalog, &statement, &self.environment)
    }

    /// The entry of this name.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.catalog.get(name).and_then(Item::bound)
    }

    pub(super) fn stream(&mut self, name: &str, text: &str) -> Result<Option<Entry>, Diagnostic> {
        define_stream(&mut self.catalog, &spanned(name), &pipeline(text, 0), &self.environment)
    }

    pub(super) fn preview(&self, text: &str) -> Result<JobPlan, Diagnostic> {
        lower_preview(&self.catalog, &pipeline(text, 0), JobSettings::default(), &self.environment)
    }

    pub(super) fn explained(&self, text: &str) -> Result<JobPlan, Diagnostic> {
        lower_explained(&self.catalog, &pipeline(text, 0), JobSettings::default(), &self.environment)
    }

    /// A job of the pipelines that `;` divides.
    pub(super) fn job(&self, text: &str) -> Result<JobPlan, Diagnostic> {
        self.job_with(text, &[])
    }

    pub(super) fn job_with(&self, text: &str, options: &Typed) -> Result<JobPlan, Diagnostic> {
        lower_job(&self.catalog, &run(text, options), JobSettings::default(), &self.environment)
    }

    /// The job's plan as typed.
    pub(super) fn tree(&self, text: &str) -> String {
        match self.job(text) {
            Ok(job) => explain::logical(&job.logical).tree(),
            Err(error) => error.render(text, "<input>", false),
        }
    }

    /// The error of a job, with its caret.
    pub(super) fn error(&self, text: &str) -> String {
        self.job(text).expect_err("the job is wrong").render(text, "<input>", false)
    }
}

static REGISTRIES: Registries = Registries { stages: STAGES, windows: WINDOWS, connectors: CONNECTORS, commands: &[] };

pub(super) fn spanned(text: &str) -> Spanned<String> {
    Spanned::new(text.into(), Span::new(0, text.len()))
}

pub(super) fn source(name: &str, connector: &str, options: &Typed) -> SourceStatement {
    SourceStatement {
        name: spanned(name),
        connector: spanned(connector),
        target: None,
        columns: None,
        primary_key: None,
        event_time: None,
        options: options.to_vec(),
        span: Span::default(),
        text: String::new(),
    }
}

pub(super) fn run(text: &str, options: &Typed) -> RunStatement {
    let mut at = 0;
    let pipelines = text.split(';').map(|part| {
        let pipeline = pipeline(part, at);
        at += part.len() + 1;
        pipeline
    });
    RunStatement {
        name: Spanned::new("hot".into(), Span::default()),
        pipelines: pipelines.collect(),
        options: options.to_vec(),
        from: None,
        span: Span::new(0, text.len()),
        text: text.to_owned(),
    }
}

/// `bids | filter hot | map auction, price as p | into print`, its first byte at `offset`.
pub(super) fn pipeline(text: &str, offset: usize) -> Pipeline {
    let mut stages = Vec::new();
    let mut from = None;
    let mut at = offset;
    for part in text.split('|') {
        let words = words(part, at);
        at += part.len() + 1;
        match from {
            None => from = words.first().cloned(),
            Some(_) => stages.push(stage(&words)),
        }
    }
    let from = from.expect("a pipeline reads something");
    Pipeline {
        span: Span::new(from.span.start, offset + text.trim_end().len()),
        from,
        alias: None,
        file: false,
        stages,
    }
}

fn words(part: &str, at: usize) -> Vec<Spanned<String>> {
    let split = part.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let place = |word: &str| word.as_ptr() as usize - part.as_ptr() as usize + at;
    split.map(|word| Spanned::new(word.to_owned(), Span::new(place(word), place(word) + word.len()))).collect()
}

fn stage(words: &[Spanned<String>]) -> Stage {
    let (name, args) = words.split_first().expect("a stage has a name");
    let number = |word: &Spanned<String>| word.clone().map(|digits| digits.parse().expect("a number"));
    let mut clauses = Vec::new();
    let head = match (name.node.as_str(), args) {
        ("filter" | "where", [column]) => vec![Arg::Expr(column_of(column))],
        ("map" | "key_by" | "aggregate", columns) => vec![Arg::Exprs(items(columns))],
        ("window", [call, rest @ ..]) => {
            if let [clause, late] = rest {
                clauses.push((Spanned::new("late_to", clause.span), Arg::Name(late.clone())));
            }
            vec![Arg::Window(WindowCall { name: call.clone(), args: Vec::new() })]
        }
        ("union", names) => vec![Arg::Names(names.to_vec())],
        ("limit" | "parallelism", [digits]) => vec![Arg::Integer(number(digits))],
        ("uid", [uid]) => vec![Arg::Name(uid.clone())],
        ("into", [sink, rest @ ..]) => {
            vec![Arg::Sink { name: sink.clone(), path: rest.first().cloned(), options: Vec::new() }]
        }
        _ => Vec::new(),
    };
    let end = words.last().map_or(name.span, |last| last.span);
    let args = StageArgs { name: name.clone(), span: name.span.to(end), head, clauses };
    let called = |spec: &&&StageSpec| spec.name == name.node || spec.aliases.contains(&name.node.as_str());
    Stage { spec: STAGES.iter().find(called).expect("a stage of this language"), args }
}

fn column_of(word: &Spanned<String>) -> ExprNode {
    Spanned::new(Expr::Column(vec![word.clone()]), word.span)
}

/// `a b as c d`: names where `as` stands.
fn items(words: &[Spanned<String>]) -> Vec<SelectItem> {
    let mut items: Vec<SelectItem> = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match (word.node.as_str(), items.last_mut()) {
            ("as", Some(SelectItem::Expr(item))) => item.name = words.next().cloned(),
            _ => items.push(SelectItem::Expr(NamedExpr { expr: column_of(word), name: None })),
        }
    }
    items
}

const fn spec(name: &'static str, bind: fn(&StageArgs, &mut dyn StageContext) -> Result<(), Diagnostic>) -> StageSpec {
    StageSpec {
        name,
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: NO_CLAUSES },
        summary: "",
        help: "",
        examples: &[],
        flink: None,
        bind,
    }
}

const NO_CLAUSES: &[Clause] = &[];

const STAGES: &[&StageSpec] = &[
    &StageSpec {
        aliases: &["where"],
        ..spec("filter", |args, context| {
            let predicate = column(args.expr(0)?, &context.shape().schema)?;
            context.apply(filter(context.shape().schema.clone(), predicate));
            Ok(())
        })
    },
    &spec("map", |args, context| {
        let schema = context.shape().schema.clone();
        let mut columns = Vec::new();
        for item in named(args)? {
            let typed = column(&item.expr, &schema)?;
            let name = item.name.as_ref().map_or_else(|| typed.to_string(), |name| name.node.clone());
            columns.push((name, typed));
        }
        context.apply(projection(schema, columns));
        Ok(())
    }),
    &spec("key_by", |args, context| {
        let schema = context.shape().schema.clone();
        let keys = named(args)?.iter().map(|item| column(&item.expr, &schema)).collect::<Result<Vec<_>, _>>()?;
        context.shape_mut().keys = Some(keys.iter().flat_map(crate::expr::TypedExpr::columns).collect());
        Ok(())
    }),
    &spec("window", |args, context| {
        let windows = context.window(args.window(0)?)?;
        let late_to = args.clause_word("late_to")?.cloned();
        context.shape_mut().window = Some(Arc::new(WindowSpec { late_to, ..WindowSpec::new(windows) }));
        Ok(())
    }),
    &spec("aggregate", |args, context| {
        let shape = context.shape().clone();
        let value = column(&named(args)?[0].expr, &shape.schema)?.as_column().unwrap_or_default();
        let key = shape.keys.as_ref().map_or(0, |keys| keys[0]);
        let late = shape.window.as_ref().and_then(|window| window.late_to.clone());
        let mut sum = Fake::sum(&shape.schema, key, value, &[0, 1]);
        sum.changelog = Some(match shape.window {
            Some(_) => ChangelogMode::Append,
            None => ChangelogMode::Retract(Some(vec![0])),
        });
        sum.sides =
            late.iter().map(|late| SideOutput { name: late.node.clone(), schema: shape.schema.clone() }).collect();
        context.apply(sum.arc());
        late.map_or(Ok(()), |late| context.name_side_output(0, &late))
    }),
    &spec("union", |args, context| {
        let names = args.words(0)?;
        let others = names.iter().map(|name| Ok(context.stream(name)?.0)).collect::<Result<Vec<_>, Diagnostic>>()?;
        let union = Fake::new("Union", Does::Union, context.shape().schema.clone());
        context.apply_many(union.arc(), &others);
        Ok(())
    }),
    &spec("limit", |args, context| {
        args.integer(0)?;
        let limit = Fake { parallelism: Some(1), ..Fake::new("Limit", Does::Nothing, context.shape().schema.clone()) };
        context.apply(limit.arc());
        Ok(())
    }),
    &spec("uid", |args, context| context.set_uid(args.word(0)?)),
    &spec("parallelism", |args, context| context.set_parallelism(args.integer(0)?)),
    &spec("into", |args, context| {
        let sink = context.sink(&args.head[0], args.span)?;
        context.apply(sink);
        Ok(())
    }),
];

fn column(expr: &ExprNode, schema: &Schema) -> Result<crate::expr::TypedExpr, Diagnostic> {
    // Only columns: the rest of binding is of another module.
    let Expr::Column(parts) = &expr.node else { return Err(Diagnostic::at(expr.span, "only columns here")) };
    match schema.index_of(&parts[0].node) {
        Some(_) => bind(expr, schema),
        None => Err(Diagnostic::at(expr.span, "unknown column")),
    }
}

fn named(args: &StageArgs) -> Result<Vec<&NamedExpr>, Diagnostic> {
    let items = args.exprs(0)?.iter().filter_map(|item| match item {
        SelectItem::Expr(item) => Some(item),
        SelectItem::Star { .. } => None,
    });
    Ok(items.collect())
}

const WINDOWS: &[&WindowFnSpec] = &[&WindowFnSpec {
    name: "tumble",
    arguments: "size",
    summary: "",
    help: "",
    examples: &[],
    flink: None,
    bind: |_, _| Ok(Windows::Aligned(Arc::new(TenSeconds))),
}];

#[derive(Debug)]
struct TenSeconds;

impl WindowAssigner for TenSeconds {
    fn describe(&self) -> String {
        "tumble(10s)".into()
    }
    fn slice_end(&self, time: i64) -> i64 {
        time.div_euclid(10_000) * 10_000 + 10_000
    }
    fn slice_ms(&self) -> i64 {
        10_000
    }
    fn size_ms(&self) -> i64 {
        10_000
    }
    fn first_window_end(&self, slice_end: i64) -> i64 {
        slice_end
    }
    fn last_window_end(&self, slice_end: i64) -> i64 {
        slice_end
    }
    fn next_window_end(&self, window_end: i64) -> i64 {
        window_end + 10_000
    }
}

const FORMAT: OptionSpec = OptionSpec { name: "format", values: "'json'", help: "" };

const fn connector(name: &'static str) -> ConnectorSpec {
    ConnectorSpec {
        name,
        summary: "",
        help: "",
        target: None,
        options: &[],
        examples: &[],
        flink: None,
        source: None,
        sink: None,
    }
}

const CONNECTORS: &[ConnectorSpec] = &[
    ConnectorSpec {
        options: &[FORMAT, OptionSpec { name: "rate", values: "a number", help: "" }],
        source: Some(fake_source),
        ..connector("fake")
    },
    ConnectorSpec {
        source: Some(|_| Ok(Arc::new(FakeSource { event_time: Some((4, 1_000)), ..FakeSource::bids() }))),
        ..connector("timed")
    },
    ConnectorSpec { options: &[FORMAT], target: Some("a path"), sink: Some(fake_sink), ..connector("file") },
    ConnectorSpec { sink: Some(fake_sink), ..connector("print") },
];

#[expect(clippy::unnecessary_wraps, reason = "the registry's signature")]
fn fake_source(request: &SourceRequest) -> Result<Arc<dyn PlannedSource>, Diagnostic> {
    let mut source = FakeSource::bids();
    if let Some(columns) = &request.columns {
        source.schema = columns.clone();
    }
    let given: Vec<_> = request.options.iter().map(|(name, _)| name).collect();
    source.describe = format!("fake({})", given.join(", "));
    Ok(Arc::new(source))
}

fn fake_sink(request: &SinkRequest) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
    if request.schema.index_of("hot").is_some() && request.name == "picky" {
        return Err(Diagnostic::new("a boolean column has no form here"));
    }
    let target = request.target.as_ref().map_or("", |target| target.node.as_str());
    let name = format!("Fake({target})");
    Ok(Fake::new(&name, Does::Nothing, request.schema.clone()).arc())
}

struct Nowhere;

impl ResultSink for Nowhere {
    fn rows(&self, _name: &str, _batch: &Batch) -> Result<()> {
        Ok(())
    }
}
