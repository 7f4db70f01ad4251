//! From the tokens before the cursor to what may stand there: statements and pipelines. Their arguments are walked by
//! [`signature`](super::signature), expressions by [`expression`](super::expression).

use super::candidate::CandidateKind;
use super::names::{begins_with, bracketed, depth_behind, is_text, last_part, longest, name, next_word, word};
use super::signature::Owner;
use super::want::{Place, Scope, Want};
use crate::api::Registries;
use crate::api::{CommandSyntax, OptionSpec, Shape};
use crate::lang::lower::{JOB_OPTIONS, SOURCE_OPTIONS};
use crate::lang::{Symbol, Token};

/// The clauses of `source`, with their help.
const SOURCE_CLAUSES: &[(&str, &str)] = &[
    ("columns", "(name type, …): the columns; a file's are inferred without it"),
    ("event_time", "a column or expression: when a row happened"),
    ("with", "(option = value, …)"),
];

/// The walk over one statement.
pub(super) struct Walk<'r, 't> {
    pub(super) registries: &'r Registries,
    /// The text that the tokens' places are in.
    pub(super) text: &'t str,
    /// Side outputs named earlier in the block of the job at hand.
    pub(super) side_outputs: Vec<String>,
    /// The pipelines before the one at hand, as typed.
    pub(super) earlier: Vec<String>,
    pub(super) place: Place,
}

impl<'r, 't> Walk<'r, 't> {
    /// What may stand behind `tokens`, the beginning of a statement.
    pub(super) fn over(registries: &'r Registries, text: &'t str, tokens: &[Token<'_>]) -> Place {
        let mut walk =
            Walk { registries, text, side_outputs: Vec::new(), earlier: Vec::new(), place: Place::default() };
        walk.statement(tokens);
        walk.place
    }

    pub(super) fn want(&mut self, want: Want) {
        self.place.wants.push(want);
    }

    pub(super) fn words(&mut self, kind: CandidateKind, words: &[(&str, &str)]) {
        let owned = words.iter().map(|&(word, help)| (word.to_owned(), help.to_owned())).collect();
        self.want(Want::Words(kind, owned));
    }

    pub(super) fn usage(&mut self, usage: impl Into<String>) {
        self.place.usage = Some(usage.into());
    }

    fn statement(&mut self, tokens: &[Token<'_>]) {
        let Some(first) = tokens.first() else { return self.want(Want::Statement) };
        if tokens.get(1).is_some_and(|token| token.is(Symbol::Pipe)) {
            return self.pipeline(tokens);
        }
        match () {
            () if first.is_word("source") => self.source(tokens),
            () if first.is_word("sink") => self.sink(tokens),
            () if first.is_word("stream") => self.stream(tokens),
            () if first.is_word("run") => self.run(tokens),
            () => self.command(tokens),
        }
    }

    fn command(&mut self, tokens: &[Token<'_>]) {
        let commands = || {
            self.registries.commands.iter().flat_map(|command| {
                std::iter::once(command.name).chain(command.aliases.iter().copied()).map(move |name| (name, command))
            })
        };
        let further: Vec<(String, String)> =
            commands().filter_map(|(name, _)| Some((next_word(tokens, name)?.to_owned(), String::new()))).collect();
        let found: Option<(usize, CommandSyntax)> = longest(tokens, commands().map(|(name, command)| (name, *command)));
        let known = found.is_some() || !further.is_empty();
        if !further.is_empty() {
            self.usage(further.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join("|"));
            self.want(Want::Words(CandidateKind::Command, further));
        }
        if let Some((words, command)) = found {
            self.arguments(&command.signature, &tokens[words..], Owner::Command(command.name));
        } else if !known {
            self.pipeline(tokens);
        }
    }

    /// `source name from connector ['target'] clauses`
    fn source(&mut self, tokens: &[Token<'_>]) {
        match tokens.len() {
            1 => return self.usage("NAME from CONNECTOR …"),
            2 => return self.words(CandidateKind::Keyword, &[("from", "a connector")]),
            3 => {
                self.usage("CONNECTOR ['TARGET'] [columns (…)] [event_time …] [with (…)]");
                return self.want(Want::Connector(false));
            }
            _ => {}
        }
        let connector = name(&tokens[3]).and_then(|name| self.connector(&name));
        let mut at = 4;
        if tokens.get(4).is_some_and(is_text) {
            at = 5;
        } else if tokens.len() == 4
            && let Some(connector) = connector
            && let Some(target) = connector.target
        {
            self.usage(format!("'{target}'"));
            self.want(Want::Target(connector));
        }
        let options: Vec<&'static OptionSpec> =
            connector.map(|spec| spec.options).unwrap_or_default().iter().chain(SOURCE_OPTIONS).collect();
        let mut taken = Vec::new();
        while let Some(token) = tokens.get(at) {
            let Some(&(clause, _)) = SOURCE_CLAUSES.iter().find(|(clause, _)| token.is_word(clause)) else { return };
            taken.push(clause);
            let rest = &tokens[at + 1..];
            let consumed = match clause {
                "columns" => self.columns(rest),
                "event_time" => self.event_time(rest, &tokens[..at]),
                _ => self.options(rest, &options),
            };
            let Some(consumed) = consumed else { return };
            at += 1 + consumed;
        }
        let open: Vec<_> = SOURCE_CLAUSES.iter().filter(|(clause, _)| !taken.contains(clause)).copied().collect();
        self.words(CandidateKind::Clause, &open);
    }

    pub(super) fn connector(&self, name: &str) -> Option<&'static crate::api::ConnectorSpec> {
        self.registries.connectors.iter().find(|spec| spec.name.eq_ignore_ascii_case(name))
    }

    /// `(name type [not null], …)`; how many tokens, or `None` when the cursor is in it.
    fn columns(&mut self, tokens: &[Token<'_>]) -> Option<usize> {
        let Some(open) = tokens.first() else {
            self.usage("(NAME TYPE, …)");
            return None;
        };
        if !open.is(Symbol::LeftParen) {
            return None;
        }
        let (inner, closed) = bracketed(tokens);
        if closed {
            return Some(inner.len() + 2);
        }
        match last_part(inner, Symbol::Comma) {
            [] => self.usage("NAME TYPE, …"),
            [_] => self.want(Want::Type),
            [.., last] if last.is_word("not") => self.words(CandidateKind::Keyword, &[("null", "")]),
            _ => self.words(CandidateKind::Keyword, &[("not null", "rows without a value are refused"), ("array", "")]),
        }
        None
    }

    /// `expr [watermark delay]`
    fn event_time(&mut self, tokens: &[Token<'_>], before: &[Token<'_>]) -> Option<usize> {
        let ends = |token: &Token<'_>| {
            token.is_word("watermark") || SOURCE_CLAUSES.iter().any(|(clause, _)| token.is_word(clause))
        };
        let end = tokens.iter().position(ends);
        let expression = &tokens[..end.unwrap_or(tokens.len())];
        let Some(end) = end else {
            let start = before.first().map_or(0, |token| token.span.start);
            let until = before.last().map_or(start, |token| token.span.end);
            self.place.scope = Scope::Source(self.text[start..until].to_owned());
            let over = self.expression(expression, Shape::Expr, false);
            if over {
                self.words(CandidateKind::Clause, &[("watermark", "how far rows may be out of order")]);
            }
            return over.then_some(tokens.len());
        };
        if !tokens[end].is_word("watermark") {
            return Some(end);
        }
        if tokens.len() == end + 1 {
            self.usage("DURATION, such as 4s");
            return None;
        }
        Some(end + 2)
    }

    /// `sink name to connector ['target'] [with (…)]`
    fn sink(&mut self, tokens: &[Token<'_>]) {
        match tokens.len() {
            1 => self.usage("NAME to CONNECTOR …"),
            2 => self.words(CandidateKind::Keyword, &[("to", "a connector")]),
            3 => {
                self.usage("CONNECTOR ['TARGET'] [with (…)]");
                self.want(Want::Connector(true));
            }
            _ => {
                self.sink_call(&tokens[3..]);
            }
        }
    }

    /// A sink, defined or written out: `hot_file`, `file 'out' with (…)`. How many tokens, or `None` when the cursor is
    /// inside it.
    pub(super) fn sink_call(&mut self, tokens: &[Token<'_>]) -> Option<usize> {
        let connector = tokens.first().and_then(name).and_then(|name| self.connector(&name));
        let mut at = 1;
        if tokens.get(1).is_some_and(is_text) {
            at = 2;
        } else if tokens.len() == 1
            && let Some(connector) = connector
            && let Some(target) = connector.target
        {
            self.usage(format!("'{target}' [with (…)]"));
            self.want(Want::Target(connector));
        }
        match tokens.get(at) {
            None => {
                self.words(CandidateKind::Clause, &[("with", "(option = value, …)")]);
                Some(at)
            }
            Some(token) if token.is_word("with") => {
                let specs: Vec<&'static OptionSpec> =
                    connector.map(|spec| spec.options).unwrap_or_default().iter().collect();
                Some(at + 1 + self.options(&tokens[at + 1..], &specs)?)
            }
            Some(_) => Some(at),
        }
    }

    /// `stream name = pipeline`
    fn stream(&mut self, tokens: &[Token<'_>]) {
        match tokens.len() {
            1 => self.usage("NAME = PIPELINE"),
            2 => self.words(CandidateKind::Keyword, &[("=", "a pipeline")]),
            _ => self.pipeline(&tokens[3..]),
        }
    }

    /// `run name [with (…)] = pipeline` or `{ pipeline; … }`
    pub(super) fn run(&mut self, tokens: &[Token<'_>]) {
        if tokens.len() == 1 {
            return self.usage("NAME [with (…)] = PIPELINE");
        }
        let mut at = 2;
        if tokens.get(2).is_some_and(|token| token.is_word("with")) {
            let specs: Vec<&'static OptionSpec> = JOB_OPTIONS.iter().collect();
            match self.options(&tokens[3..], &specs) {
                Some(consumed) => at = 3 + consumed,
                None => return,
            }
        }
        match tokens.get(at) {
            None => {
                if at == 2 {
                    self.words(CandidateKind::Clause, &[("with", "(option = value, …) of the job")]);
                }
                self.words(CandidateKind::Keyword, &[("=", "one pipeline"), ("{", "several pipelines; …")]);
            }
            Some(token) if token.is(Symbol::Eq) => self.pipeline(&tokens[at + 1..]),
            Some(token) if token.is(Symbol::LeftBrace) => self.block(&tokens[at..]),
            Some(_) => {}
        }
    }

    fn block(&mut self, tokens: &[Token<'_>]) {
        let (inner, closed) = bracketed(tokens);
        if closed {
            return;
        }
        let last = last_part(inner, Symbol::Semicolon);
        let mut depth = 0;
        let mut from = 0;
        for (index, token) in inner.iter().enumerate() {
            depth = depth_behind(token, depth);
            if depth == 0 && token.is(Symbol::Semicolon) {
                self.remember(&inner[from..index]);
                from = index + 1;
            }
        }
        self.pipeline(last);
    }

    /// Notes a pipeline that stands before the one at hand, and the side outputs that it names.
    fn remember(&mut self, tokens: &[Token<'_>]) {
        let [first, .., last] = tokens else { return };
        self.earlier.push(self.text[first.span.start..last.span.end].to_owned());
        let clauses = self.registries.stages.iter().flat_map(|stage| stage.signature.clauses);
        let naming: Vec<&str> =
            clauses.filter(|clause| clause.shape == Shape::Name).map(|clause| clause.keyword).collect();
        for pair in tokens.windows(2) {
            if word(&pair[0]).is_some_and(|word| naming.iter().any(|known| known.eq_ignore_ascii_case(word))) {
                self.side_outputs.extend(name(&pair[1]));
            }
        }
    }

    /// `name | stage | …`
    pub(super) fn pipeline(&mut self, tokens: &[Token<'_>]) {
        let Some(first) = tokens.first() else {
            let side_outputs = self.side_outputs.clone();
            self.usage("SOURCE|STREAM");
            return self.want(Want::Stream(side_outputs));
        };
        let stage = last_part(tokens, Symbol::Pipe);
        if stage.len() == tokens.len() {
            if tokens.len() == 1 {
                self.want(Want::Pipe);
            }
            return;
        }
        let pipe = tokens.len() - stage.len() - 1;
        let until = tokens[pipe.saturating_sub(1)].span.end;
        let mut pipelines = self.earlier.clone();
        pipelines.push(self.text[first.span.start..until].to_owned());
        self.place.scope = Scope::Pipelines(pipelines);
        self.stage(stage);
    }

    fn stage(&mut self, tokens: &[Token<'_>]) {
        if tokens.is_empty() {
            self.usage("STAGE");
            return self.want(Want::Stage);
        }
        let stages = || {
            self.registries.stages.iter().flat_map(|&stage| {
                std::iter::once(stage.name).chain(stage.aliases.iter().copied()).map(move |name| (name, stage))
            })
        };
        let further: Vec<(String, String)> = stages()
            .filter_map(|(name, stage)| Some((next_word(tokens, name)?.to_owned(), stage.summary.to_owned())))
            .collect();
        let found = longest(tokens, stages());
        if !further.is_empty() {
            self.want(Want::Words(CandidateKind::Stage, further));
        }
        if let Some((words, stage)) = found {
            self.arguments(&stage.signature, &tokens[words..], Owner::Stage(stage.name));
        }
    }

    /// Whether a clause of these begins at `tokens`: it and its number of words.
    pub(super) fn clause_at(
        tokens: &[Token<'_>],
        clauses: &'static [crate::api::Clause],
    ) -> Option<(usize, &'static crate::api::Clause)> {
        clauses
            .iter()
            .filter_map(|clause| {
                let (words, all) = begins_with(tokens, clause.keyword);
                all.then_some((words, clause))
            })
            .max_by_key(|&(words, _)| words)
    }
}
