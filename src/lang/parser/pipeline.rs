//! Pipelines: where they begin, and their stages.

use super::input::{PResult, Tokens, labelled, name, refuse, symbol};
use super::signature::by_signature;
use crate::api::{Pipeline, Registries, Stage};
use crate::lang::token::{Symbol, TokenKind};
use crate::types::Diagnostic;

/// `bids | filter price > 10 | limit 5`
pub(super) fn pipeline(start: Tokens<'_>) -> PResult<'_, Pipeline> {
    refuse_sql(start)?;
    let (mut input, from) = labelled("the name of a source or stream", name)(start)?;
    let mut stages = Vec::new();
    // A line that begins with `|` goes on, whatever lies between.
    while let Ok((rest, _)) = symbol(Symbol::Pipe)(input) {
        let (rest, parsed) = stage(rest)?;
        stages.push(parsed);
        input = rest;
    }
    Ok((input, Pipeline { from, stages, span: input.span_from(start) }))
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
        return refuse(sql(input));
    }
    Ok(())
}

/// SQL is refused by name.
pub(super) fn sql(input: Tokens<'_>) -> Diagnostic {
    Diagnostic::at(input.span(), "SQL is not available yet")
        .help("a pipeline says the same: bids | filter price > 1000 | limit 5")
}

fn stage(input: Tokens<'_>) -> PResult<'_, Stage> {
    let grammar = input.source.grammar;
    if let Some((spec, words)) = grammar.stage(input.rest()) {
        let (rest, args) = by_signature(input, spec.name, words, &spec.signature)?;
        return Ok((rest, Stage { spec, args }));
    }
    if let Some((planned, words)) = grammar.planned_stage(input.rest()) {
        let span = input.skip(words).span_from(input);
        return refuse(Diagnostic::at(span, format!("the stage `{planned}` is not available yet")));
    }
    match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Word(typed)) => refuse(unknown_stage(input, typed)),
        _ => input.fail("a stage"),
    }
}

fn unknown_stage(input: Tokens<'_>, typed: &str) -> Diagnostic {
    let unknown = Diagnostic::at(input.span(), format!("unknown stage `{typed}`"));
    let grammar = input.source.grammar;
    let names = grammar.stage_names().chain(grammar.planned_stages.iter().copied());
    let unknown = unknown.did_you_mean(typed, names);
    if unknown.help.is_some() {
        return unknown;
    }
    let mut stages: Vec<&str> = grammar.stages.iter().map(|stage| stage.name).collect();
    stages.sort_unstable();
    unknown.help(format!("stages are {}", stages.join(", ")))
}
