//! Pipelines: where they begin, and their stages.

use nom::Parser;
use nom::multi::separated_list1;

use super::expected::Kind;
use super::input::{PResult, Tokens, labelled, name, refuse, suggest_further, symbol, text};
use super::signature::{Owner, alias, by_signature};
use crate::api::{Pipeline, Registries, Stage};
use crate::lang::habits;
use crate::lang::token::{Symbol, TokenKind};
use crate::types::Diagnostic;

/// `bids | filter price > 10 | limit 5`, `'orders.ndjson' | limit 5`
pub(super) fn pipeline(start: Tokens<'_>) -> PResult<'_, Pipeline> {
    refuse_sql(start)?;
    let file = start.peek().is_some_and(|token| matches!(token.kind, TokenKind::Text(_)));
    let (input, from) = labelled(Kind::Stream, if file { text } else { name })(start)?;
    let (mut input, alias) = alias(input)?;
    let mut stages = Vec::new();
    let mut lost = false;
    // A line that begins with `|` goes on, whatever lies between.
    while let Ok((rest, _)) = symbol(Symbol::Pipe)(input) {
        let parsed = stage(rest);
        match (parsed, &start.source.cursor) {
            (Ok((rest, parsed)), _) => {
                stages.push(parsed);
                input = rest;
            }
            (Err(failure), None) => return Err(failure),
            (Err(failure), Some(cursor)) => {
                // A mistake in a stage is no reason not to know what may stand in the next one.
                let next = (!cursor.is_reached()).then(|| end_of_stage(rest)).flatten();
                let Some(next) = next else {
                    let span = input.span_from(start);
                    if lost {
                        cursor.lose();
                    } else {
                        cursor.follow(Pipeline { from, alias, file, stages, span });
                    }
                    return Err(failure);
                };
                lost = true;
                input = next;
            }
        }
    }
    let pipeline = Pipeline { from, alias, file, stages, span: input.span_from(start) };
    if let Some(cursor) = &start.source.cursor {
        cursor.follow(pipeline.clone());
    }
    Ok((input, pipeline))
}

/// The end of the stage that begins at `input`, unless that is behind the last token.
fn end_of_stage(input: Tokens<'_>) -> Option<Tokens<'_>> {
    let mut depth = 0;
    for (index, token) in input.rest().iter().enumerate() {
        if depth == 0 && [Symbol::Pipe, Symbol::Semicolon, Symbol::RightBrace].iter().any(|&end| token.is(end)) {
            return Some(input.skip(index));
        }
        depth = token.depth_behind(depth);
    }
    None
}

/// Refuses SQL where a pipeline should begin.
fn refuse_sql(input: Tokens<'_>) -> Result<(), nom::Err<super::input::Fail>> {
    if let Some(TokenKind::Word(word)) = input.peek().map(|token| &token.kind)
        && Registries::is_sql(word)
        && input.ahead(1).is_some_and(|next| {
            matches!(next.kind, TokenKind::Word(_) | TokenKind::Text(_) | TokenKind::Integer(_))
                || next.is(Symbol::Star)
        })
    {
        return habits::answer(input.rest(), input.span()).map_or(Ok(()), refuse);
    }
    Ok(())
}

/// `map a, b | limit 5`
fn stages(input: Tokens<'_>) -> PResult<'_, Vec<Stage>> {
    separated_list1(symbol(Symbol::Pipe), stage).parse(input)
}

fn stage(input: Tokens<'_>) -> PResult<'_, Stage> {
    let grammar = input.source.grammar;
    suggest_further(input, grammar.stage_names());
    if let Some((spec, words)) = grammar.stage(input.rest()) {
        let owner = Owner { name: spec.name, signature: &spec.signature, pipeline: None, stages: Some(stages) };
        let (rest, args) = by_signature(input, words, owner)?;
        return Ok((rest, Stage { spec, args }));
    }

    match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Word(typed)) => refuse(unknown_stage(input, typed)),
        _ => input.fail(Kind::Stage),
    }
}

fn unknown_stage(input: Tokens<'_>, typed: &str) -> Diagnostic {
    let unknown = Diagnostic::at(input.span(), format!("there is no stage `{typed}`"));
    let grammar = input.source.grammar;
    let unknown = unknown.did_you_mean(typed, grammar.stage_names());
    if unknown.help.is_some() {
        return unknown;
    }
    let mut stages: Vec<&str> = grammar.stages.iter().map(|stage| stage.name).collect();
    stages.sort_unstable();
    unknown.help(format!("the stages are {}", stages.join(", ")))
}
