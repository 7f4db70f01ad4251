//! Statements.

use nom::Parser;
use nom::combinator::{map, opt};
use nom::multi::separated_list1;

use super::data_type::column;
use super::expected::{Expected, Frame, Kind};
use super::input::{
    PResult, Tokens, bracketed, comma, keyword, labelled, name, refuse, soft, suggest_further, symbol, unfinished,
    within,
};
use super::operand::expr;
use super::pipeline::pipeline;
use super::process;
use super::signature::{Owner, by_signature, clauses, options as options_list, target, target_and_options, written_to};
use super::time::{duration, watermark};
use crate::api::{
    Arg, Clause, FROM_CHECKPOINT, FROM_LATEST, FROM_SAVEPOINT, Pipeline, RunStatement, Shape, Signature, Stage,
    StageArgs, StartFrom,
};
use crate::lang::ast::{ColumnDef, EventTimeClause, SinkStatement, SourceStatement, Statement};
use crate::lang::grammar::DEFINITIONS;
use crate::lang::habits;
use crate::lang::token::{LineBreak, Symbol, Token, TokenKind};
use crate::types::{Diagnostic, Span, Spanned};

/// One statement, without what ends it.
pub(super) fn statement(start: Tokens<'_>) -> PResult<'_, Spanned<Statement>> {
    let (rest, statement) = any(start)?;
    Ok((rest, Spanned::new(statement, rest.span_from(start))))
}

fn any(start: Tokens<'_>) -> PResult<'_, Statement> {
    let word = match start.peek().map(|token| &token.kind) {
        Some(TokenKind::Word(word) | TokenKind::Directive(word)) => *word,
        Some(TokenKind::Quoted(_) | TokenKind::Text(_)) => return preview(start),
        _ => return start.fail(Kind::Statement),
    };
    if start.ahead(1).is_some_and(|token| token.is(Symbol::Pipe)) {
        return preview(start);
    }
    start.skip(1).suggest(Expected::Exactly("|"));
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    if is("source") {
        return map(source, Statement::Source).parse(start);
    } else if is("sink") {
        return map(sink, Statement::Sink).parse(start);
    } else if is("stream") {
        return stream(start);
    } else if is("run") {
        return map(run, Statement::Run).parse(start);
    } else if is("process") {
        return map(process::process, Statement::Process).parse(start);
    } else if is("function") {
        return map(process::function, Statement::Function).parse(start);
    }
    suggest_further(start, start.source.grammar.command_names());
    if let Some((command, words)) = start.source.grammar.command(start.rest()) {
        let owner =
            Owner { name: command.name, signature: &command.signature, pipeline: Some(pipeline_or_job), stages: None };
        return by_signature(start, words, owner).map(|(rest, args)| (rest, Statement::Command(args)));
    }
    refuse_by_name(start, word)?;
    preview(start)
}

/// Refuses what the language has and this build has not, and what was mistyped.
fn refuse_by_name(start: Tokens<'_>, word: &str) -> Result<(), nom::Err<super::input::Fail>> {
    let grammar = start.source.grammar;
    let next = start.skip(1);
    let alone = !next.continues() || next.peek().is_none_or(|token| token.is(Symbol::Semicolon));
    let directive = start.peek().is_some_and(|token| matches!(token.kind, TokenKind::Directive(_)));
    let defines = next.peek().is_some_and(|token| token.is(Symbol::Eq));
    // A word by itself may be the name of a stream: only the session knows.
    if (!alone && !defines || directive)
        && let Some(answer) = habits::answer(start.rest(), start.span())
    {
        return refuse(answer);
    }
    let mut continuations = grammar.command_continuations(word).peekable();
    if continuations.peek().is_some() {
        for tail in continuations {
            next.note(Expected::Exactly(tail));
        }
        return soft();
    }
    if grammar.is_planned_command(word) && !alone {
        return refuse(Diagnostic::at(
            start.span(),
            format!("the command `{}` is not available yet", word.to_lowercase()),
        ));
    }
    // `orders as o | …`
    let named = next.continues() && next.peek().is_some_and(|token| token.is_word("as"));
    if (alone || named) && !directive {
        return Ok(());
    }
    let unknown = Diagnostic::at(start.span(), format!("there is no statement `{word}`"));
    let unknown = if directive {
        Diagnostic::at(start.span(), format!("there is no command `{word}`"))
            .did_you_mean(word, grammar.first_words().filter(|name| name.starts_with(['.', '\\'])))
    } else if next.peek().is_some_and(|token| token.is(Symbol::Eq)) {
        unknown.help(format!("a stream is defined with `stream {word} = …`"))
    } else if grammar.stage(start.rest()).is_some() {
        unknown.help(format!("a stage stands behind the name of a stream: bids | {word} …; `help {word}` explains it"))
    } else {
        unknown.did_you_mean(word, grammar.first_words())
    };
    refuse(if unknown.help.is_some() {
        unknown
    } else if directive {
        unknown.help("`help` lists the commands")
    } else {
        unknown.label("expected a statement, or `|` behind the name of a stream")
    })
}

/// A pipeline, or the job that a command is about.
fn pipeline_or_job(input: Tokens<'_>) -> PResult<'_, Arg> {
    // `run` may be the name of a stream.
    let is_run = input.peek().is_some_and(|token| token.is_word("run"));
    let is_name = |token: &Token<'_>| matches!(token.kind, TokenKind::Word(_) | TokenKind::Quoted(_));
    input.suggest(Expected::Exactly("run"));
    if is_run {
        input.skip(1).suggest(Expected::Kind(Kind::NewJob));
    }
    if is_run && input.ahead(1).is_some_and(is_name) {
        return map(run, Arg::Run).parse(input);
    }
    map(pipeline, Arg::Pipeline).parse(input)
}

fn preview(start: Tokens<'_>) -> PResult<'_, Statement> {
    map(pipeline, Statement::Preview).parse(start)
}

/// `source name from connector ['target'] {clause}`
fn source(start: Tokens<'_>) -> PResult<'_, SourceStatement> {
    let (rest, _) = keyword("source")(start)?;
    let (rest, name) = labelled(Kind::NewSource, name)(rest)?;
    let (rest, _) = keyword("from")(rest)?;
    let (rest, connector) = labelled(Kind::SourceConnector, super::input::field_name)(rest)?;
    let behind = || Frame::Connector { name: connector.node.clone(), sink: false };
    let (mut input, target) = within(rest, behind, target)?;
    let mut source = SourceStatement {
        name,
        connector: connector.clone(),
        target,
        columns: None,
        event_time: None,
        primary_key: None,
        options: Vec::new(),
        span: start.span(),
        text: String::new(),
    };
    let mut options = None;
    loop {
        let here = input;
        input = if begins_clause(here, "columns", source.columns.is_some()) {
            let (rest, found) = within(here.skip(1), || Frame::Columns, column_list)?;
            once(here, "columns", &mut source.columns, found)?;
            rest
        } else if begins_clause(here, "event_time", source.event_time.is_some()) {
            if let Some(cursor) = &start.source.cursor {
                let options = options.clone().unwrap_or_default();
                cursor.define(SourceStatement { options, span: here.span_from(start), ..source.clone() });
            }
            let (rest, found) = event_time_clause(here.skip(1))?;
            once(here, "event_time", &mut source.event_time, Box::new(found))?;
            rest
        } else if begins_clause(here, "primary", source.primary_key.is_some()) {
            let (rest, found) = within(here.skip(1), || Frame::Columns, primary_key)?;
            once(here, "primary key", &mut source.primary_key, found)?;
            rest
        } else if begins_clause(here, "with", options.is_some()) {
            let (rest, found) = within(here.skip(1), behind, options_list)?;
            once(here, "with", &mut options, found)?;
            rest
        } else {
            break;
        };
    }
    source.options = options.unwrap_or_default();
    source.span = input.span_from(start);
    source.text = typed(start, source.span);
    Ok((input, source))
}

/// Whether the clause `word` begins here; notes that it could, unless it was `taken`.
fn begins_clause(here: Tokens<'_>, word: &'static str, taken: bool) -> bool {
    let begins = here.continues_clause() && here.peek().is_some_and(|token| token.is_word(word));
    if !begins && !taken {
        here.note(Expected::Exactly(word));
    }
    begins
}

fn once<T>(here: Tokens<'_>, clause: &str, slot: &mut Option<T>, found: T) -> Result<(), nom::Err<super::input::Fail>> {
    match slot.replace(found) {
        None => Ok(()),
        Some(_) => refuse(Diagnostic::at(here.span(), format!("`{clause}` is given twice"))),
    }
}

/// `(name type [not null], …)`
fn column_list(input: Tokens<'_>) -> PResult<'_, Vec<ColumnDef>> {
    let columns = separated_list1(comma, map(column, |(name, ty, nullable)| ColumnDef { name, ty, nullable }));
    let (rest, columns) = bracketed(Symbol::LeftParen, columns, Symbol::RightParen)(input)?;
    let mut names = std::collections::BTreeSet::new();
    for column in &columns {
        if !names.insert(&column.name.node) {
            let span = column.name.span;
            return refuse(Diagnostic::at(span, format!("the column `{}` is given twice", column.name.node)));
        }
    }
    Ok((rest, columns))
}

/// `key (name, …)`
fn primary_key(input: Tokens<'_>) -> PResult<'_, Vec<Spanned<String>>> {
    let (rest, _) = keyword("key")(input)?;
    let names = separated_list1(comma, labelled(Kind::Column, super::input::field_name));
    bracketed(Symbol::LeftParen, names, Symbol::RightParen)(rest)
}

/// `expr [watermark 4s [align 10s]]`
fn event_time_clause(input: Tokens<'_>) -> PResult<'_, EventTimeClause> {
    let (rest, time) = expr(input)?;
    let mut clause = EventTimeClause { time, watermark: None, align_ms: None };
    if !begins_clause(rest, "watermark", false) {
        return Ok((rest, clause));
    }
    let (rest, found) = watermark(rest.skip(1))?;
    clause.watermark = Some(found);
    if !begins_clause(rest, "align", false) {
        return Ok((rest, clause));
    }
    let (rest, drift) = duration(rest.skip(1))?;
    clause.align_ms = Some(drift.node);
    Ok((rest, clause))
}

/// `sink name to connector ['target'] [with (…)]`
fn sink(start: Tokens<'_>) -> PResult<'_, SinkStatement> {
    let (rest, _) = keyword("sink")(start)?;
    let (rest, name) = labelled(Kind::NewSink, name)(rest)?;
    let (rest, _) = keyword("to")(rest)?;
    let (rest, connector) = labelled(Kind::SinkConnector, super::input::field_name)(rest)?;
    let (rest, (target, options)) = within(rest, || written_to(&connector), target_and_options)?;
    let span = rest.span_from(start);
    Ok((rest, SinkStatement { name, connector, target, options, span, text: typed(start, span) }))
}

/// The stage that says which rows replace one another.
const PRIMARY_KEY: &str = "primary key";

/// `stream name [primary key (name, …)] = pipeline`
fn stream(start: Tokens<'_>) -> PResult<'_, Statement> {
    let (rest, _) = keyword("stream")(start)?;
    let (rest, name) = labelled(Kind::NewStream, name)(rest)?;
    let (rest, key) = match keyword("primary")(rest) {
        Ok((behind, _)) => map(primary_key, Some).parse(behind)?,
        Err(_) => (rest, None),
    };
    let (rest, _) = symbol(Symbol::Eq)(rest)?;
    let (rest, mut pipeline) = pipeline(rest)?;
    // The key of a stream is that of its last rows: a stage behind all others.
    let stages = start.source.grammar.stages.iter();
    if let (Some(key), Some(spec)) = (key, stages.copied().find(|spec| spec.name == PRIMARY_KEY)) {
        let span = key.iter().fold(key[0].span, |span, name| span.to(name.span));
        let name = Spanned::new(PRIMARY_KEY.to_owned(), span);
        let args = StageArgs { name, span, head: vec![Arg::Names(key)], clauses: Vec::new() };
        pipeline.stages.push(Stage { spec, args });
    }
    Ok((rest, Statement::Stream { name, pipeline, text: typed(start, rest.span_from(start)) }))
}

/// The clauses between a job's name and its pipelines.
const OF_RUN: Signature = Signature {
    head: &[],
    optional: &[],
    clauses: &[
        FROM_LATEST,
        FROM_SAVEPOINT,
        FROM_CHECKPOINT,
        Clause { keyword: "with", shape: Shape::Options, required: false, help: "(option = value, …)" },
    ],
};

/// `run name {clause} = pipeline` or `run name {clause} { pipeline; … }`
pub(super) fn run(start: Tokens<'_>) -> PResult<'_, RunStatement> {
    let (rest, _) = keyword("run")(start)?;
    let (rest, name) = labelled(Kind::NewJob, name)(rest)?;
    let owner = Owner { name: "run", signature: &OF_RUN, pipeline: Some(pipeline_or_job), stages: None };
    let (rest, clauses) = unfinished(|input| clauses(input, owner))(rest)?;
    let from = match StartFrom::among(&clauses) {
        Ok(from) => from.map(|from| from.node),
        Err(twice) => return refuse(twice),
    };
    let options =
        clauses.into_iter().find_map(|(_, arg)| if let Arg::Options(options) = arg { Some(options) } else { None });
    let options = options.unwrap_or_default();
    let (rest, pipelines) = match symbol(Symbol::Eq)(rest) {
        Ok((rest, _)) => map(pipeline, |pipeline| vec![pipeline]).parse(rest)?,
        Err(_) => bracketed(Symbol::LeftBrace, block, Symbol::RightBrace)(rest)?,
    };
    let span = rest.span_from(start);
    Ok((rest, RunStatement { name, options, from, pipelines, span, text: typed(start, span) }))
}

/// The text at `span`.
fn typed(start: Tokens<'_>, span: Span) -> String {
    start.source.text.get(span.range()).unwrap_or_default().to_owned()
}

/// `pipeline; pipeline [;]`
fn block(input: Tokens<'_>) -> PResult<'_, Vec<Pipeline>> {
    let (rest, pipelines) = separated_list1(symbol(Symbol::Semicolon), pipeline).parse(input)?;
    let (rest, _) = opt(symbol(Symbol::Semicolon)).parse(rest)?;
    Ok((rest, pipelines))
}

/// Whether a command begins here.
pub(super) fn is_command(start: Tokens<'_>) -> bool {
    let defines = DEFINITIONS.iter().any(|word| start.peek().is_some_and(|token| token.is_word(word)));
    let pipes = start.ahead(1).is_some_and(|token| token.is(Symbol::Pipe));
    !defines && !pipes && start.source.grammar.command(start.rest()).is_some()
}

/// The token behind the last one that a command's line may have: a command ends with its line, except inside brackets
/// and around `|`.
pub(super) fn command_end(start: Tokens<'_>) -> usize {
    let mut depth = 0_usize;
    let mut after_pipe = true;
    for (index, token) in start.rest().iter().enumerate() {
        if depth == 0 && token.is(Symbol::Semicolon) {
            return start.at + index;
        }
        if index > 0 && depth == 0 && token.before > LineBreak::None && !after_pipe && !token.is(Symbol::Pipe) {
            return start.at + index;
        }
        after_pipe = token.is(Symbol::Pipe);
        depth = token.depth_behind(depth);
    }
    start.end
}
