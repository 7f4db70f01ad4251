//! The arguments of a stage or command, by the signature that its registry entry declares.

use super::candidate::CandidateKind;
use super::names::{bracketed, depth_behind, last_part, next_word};
use super::usage;
use super::walk::Walk;
use super::want::Want;
use crate::api::{Clause, OptionSpec, Shape, Signature};
use crate::lang::lower::JOB_OPTIONS;
use crate::lang::{Symbol, Token};

/// Stages whose expressions are aggregates.
const AGGREGATING: &[&str] = &["aggregate", "reduce"];
/// Commands whose name is that of something defined, not of a job.
const OF_ENTRIES: &[&str] = &["describe", "\\d"];
/// Commands whose name is a topic of help.
const OF_TOPICS: &[&str] = &["help", "\\?"];

/// Whose arguments they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A stage's.
    Stage(&'static str),
    /// A command's.
    Command(&'static str),
}

/// How far an argument goes.
enum Step {
    /// So many tokens, and more follow or could not belong to it.
    Over(usize),
    /// To the end, where it may be over, or go on with what is wanted.
    May,
    /// The cursor is inside it.
    Inside,
}

impl Walk<'_, '_> {
    /// Walks what stands behind the name of a stage or command.
    pub(super) fn arguments(&mut self, signature: &Signature, tokens: &[Token<'_>], owner: Owner) {
        let mut at = 0;
        for (index, &shape) in signature.head.iter().enumerate() {
            if at >= tokens.len() {
                let usage = usage::rest(&signature.head[index..], signature.optional, signature.clauses);
                self.place.usage = usage.or_else(|| self.place.usage.take());
            }
            match self.argument(shape, &tokens[at..], signature.clauses, owner, "") {
                Step::Over(count) => at += count,
                Step::May => at = tokens.len(),
                Step::Inside => return,
            }
        }
        for (index, &shape) in signature.optional.iter().enumerate() {
            if Self::clause_at(&tokens[at..], signature.clauses).is_some() {
                break;
            }
            if at >= tokens.len() {
                self.place.usage = usage::rest(&[], &signature.optional[index..], signature.clauses);
                self.argument(shape, &[], signature.clauses, owner, "");
                break;
            }
            match self.argument(shape, &tokens[at..], signature.clauses, owner, "") {
                Step::Over(count) => at += count,
                Step::May => at = tokens.len(),
                Step::Inside => return,
            }
        }
        self.clauses(signature, &tokens[at..], owner);
    }

    fn clauses(&mut self, signature: &Signature, tokens: &[Token<'_>], owner: Owner) {
        let declared = signature.clauses;
        let mut rest = tokens;
        let mut taken: Vec<&str> = Vec::new();
        while !rest.is_empty() {
            let Some((words, clause)) = Self::clause_at(rest, declared) else {
                let further: Vec<(String, String)> = declared
                    .iter()
                    .filter_map(|clause| Some((next_word(rest, clause.keyword)?.to_owned(), clause.help.to_owned())))
                    .collect();
                if !further.is_empty() {
                    self.want(Want::Words(CandidateKind::Clause, further));
                }
                return;
            };
            taken.push(clause.keyword);
            rest = &rest[words..];
            if rest.is_empty() && clause.shape != Shape::Flag {
                self.usage(usage::shape(clause.shape));
            }
            match self.argument(clause.shape, rest, declared, owner, clause.keyword) {
                Step::Over(count) => rest = &rest[count..],
                Step::May => rest = &[],
                Step::Inside => return,
            }
        }
        let open = || declared.iter().filter(|clause| !taken.contains(&clause.keyword));
        if self.place.usage.is_none() {
            self.place.usage = usage::rest(&[], &[], open());
        }
        let open: Vec<&'static Clause> = open().collect();
        if !open.is_empty() {
            self.want(Want::Clauses(open));
        }
        if matches!(owner, Owner::Stage(_)) {
            self.want(Want::Pipe);
        }
    }

    fn argument(
        &mut self,
        shape: Shape,
        tokens: &[Token<'_>],
        clauses: &'static [Clause],
        owner: Owner,
        clause: &str,
    ) -> Step {
        match shape {
            Shape::Flag => return Step::Over(0),
            Shape::Expr | Shape::Exprs { .. } => return self.expressions(shape, tokens, clauses, owner),
            Shape::Names => return self.names(tokens),
            Shape::Window => return self.window(tokens),
            Shape::Options => {
                let specs: Vec<&'static OptionSpec> =
                    if matches!(owner, Owner::Command(_)) { JOB_OPTIONS.iter().collect() } else { Vec::new() };
                return self.options(tokens, &specs).map_or(Step::Inside, Step::Over);
            }
            Shape::Sink if !tokens.is_empty() => return self.sink_argument(tokens),
            Shape::Subtask if !tokens.is_empty() => {
                let close = tokens.iter().position(|token| token.is(Symbol::RightBracket));
                return close.map_or(Step::Inside, |close| Step::Over(close + 1));
            }
            Shape::Pipeline if !tokens.is_empty() => {
                let end =
                    tokens.iter().position(|token| Self::clause_at(std::slice::from_ref(token), clauses).is_some());
                if let Some(end) = end {
                    return Step::Over(end);
                }
                if tokens.len() > 1 && tokens[0].is_word("run") && !tokens[1].is(Symbol::Pipe) {
                    self.run(tokens);
                } else {
                    self.pipeline(tokens);
                }
                return Step::May;
            }
            Shape::Duration if tokens.first().is_some_and(|token| token.is_word("interval")) => {
                return if tokens.len() < 3 { Step::Inside } else { Step::Over(3) };
            }
            Shape::Duration
            | Shape::Integer
            | Shape::Name
            | Shape::Text
            | Shape::Keyword(_)
            | Shape::Sink
            | Shape::Subtask
            | Shape::Pipeline => {}
        }
        if !tokens.is_empty() {
            return Step::Over(1);
        }
        self.one_word(shape, owner, clause);
        Step::Inside
    }

    /// What may stand where an argument of one word is due.
    fn one_word(&mut self, shape: Shape, owner: Owner, clause: &str) {
        match (shape, owner) {
            (Shape::Keyword(words), _) => {
                let words: Vec<(&str, &str)> = words.iter().map(|&word| (word, "")).collect();
                self.words(CandidateKind::Value, &words);
            }
            // `as NAME` names something new.
            (Shape::Name, _) if clause == "as" => {}
            (Shape::Name, Owner::Command(name)) if OF_TOPICS.contains(&name) => self.want(Want::Topic),
            (Shape::Name, Owner::Command(name)) if OF_ENTRIES.contains(&name) => self.want(Want::Entry),
            // A lesson is no job.
            (Shape::Name, Owner::Command("tutorial")) => {}
            (Shape::Name, Owner::Command(_)) => self.want(Want::Job),
            // A clause of a stage names a new stream (`late_to`); its head reads one.
            (Shape::Name, Owner::Stage(_)) if clause.is_empty() => {
                let side_outputs = self.side_outputs.clone();
                self.want(Want::Stream(side_outputs));
            }
            (Shape::Sink, _) => self.want(Want::Sink),
            (Shape::Subtask, _) => self.want(Want::Subtask),
            (Shape::Text, Owner::Command(_)) => self.want(Want::Path),
            (Shape::Integer, Owner::Command(name)) if clause.contains("checkpoint") || name.contains("checkpoint") => {
                self.want(Want::Checkpoint);
            }
            (Shape::Pipeline, _) => {
                self.words(CandidateKind::Keyword, &[("run", "a job that is not started")]);
                self.want(Want::Job);
                self.want(Want::Stream(Vec::new()));
            }
            (
                Shape::Duration
                | Shape::Integer
                | Shape::Name
                | Shape::Text
                | Shape::Names
                | Shape::Window
                | Shape::Options
                | Shape::Flag
                | Shape::Expr
                | Shape::Exprs { .. },
                _,
            ) => {}
        }
    }

    fn expressions(&mut self, shape: Shape, tokens: &[Token<'_>], clauses: &'static [Clause], owner: Owner) -> Step {
        let mut depth = 0;
        for (index, token) in tokens.iter().enumerate() {
            if depth == 0 && Self::clause_at(&tokens[index..], clauses).is_some() {
                return Step::Over(index);
            }
            depth = depth_behind(token, depth);
        }
        let aggregates = matches!(owner, Owner::Stage(name) if AGGREGATING.contains(&name));
        if self.expression(tokens, shape, aggregates) { Step::May } else { Step::Inside }
    }

    /// `a, b`
    fn names(&mut self, tokens: &[Token<'_>]) -> Step {
        let mut at = 0;
        loop {
            if at >= tokens.len() {
                let side_outputs = self.side_outputs.clone();
                self.want(Want::Stream(side_outputs));
                return Step::Inside;
            }
            match tokens.get(at + 1) {
                Some(comma) if comma.is(Symbol::Comma) => at += 2,
                _ => return Step::Over(at + 1),
            }
        }
    }

    /// `tumble(10s)`
    fn window(&mut self, tokens: &[Token<'_>]) -> Step {
        let Some(first) = tokens.first() else {
            self.want(Want::Window);
            return Step::Inside;
        };
        let windows = self.registries.windows;
        let known = windows.iter().find(|window| first.is_word(window.name));
        let usage = known.map(|window| format!("{})", window.arguments));
        if tokens.len() == 1 {
            self.place.usage = usage.map(|usage| format!("({usage}"));
            return Step::Inside;
        }
        let (inner, closed) = bracketed(&tokens[1..]);
        if closed {
            return Step::Over(inner.len() + 3);
        }
        self.place.usage = usage.filter(|_| inner.is_empty());
        Step::Inside
    }

    fn sink_argument(&mut self, tokens: &[Token<'_>]) -> Step {
        match self.sink_call(tokens) {
            Some(count) if count < tokens.len() => Step::Over(count),
            Some(_) => Step::May,
            None => Step::Inside,
        }
    }

    /// `(k = v, …)`; how many tokens, or `None` when the cursor is in it.
    pub(super) fn options(&mut self, tokens: &[Token<'_>], specs: &[&'static OptionSpec]) -> Option<usize> {
        let Some(open) = tokens.first() else {
            self.usage("(OPTION = VALUE, …)");
            self.words(CandidateKind::Keyword, &[("(", "")]);
            return None;
        };
        if !open.is(Symbol::LeftParen) {
            return None;
        }
        let (inner, closed) = bracketed(tokens);
        if closed {
            return Some(inner.len() + 2);
        }
        let last = last_part(inner, Symbol::Comma);
        let named = |spec: &OptionSpec, part: &[Token<'_>]| {
            let until = part.iter().position(|token| token.is(Symbol::Eq)).unwrap_or(part.len());
            let words: Vec<String> = part[..until].iter().filter_map(super::names::name).collect();
            spec.name.eq_ignore_ascii_case(&words.join("."))
        };
        match last {
            [] => {
                let given = |spec: &OptionSpec| {
                    let mut parts = inner.split(|token| token.is(Symbol::Comma));
                    parts.any(|part| named(spec, part))
                };
                self.usage("OPTION = VALUE, …");
                self.want(Want::Option(specs.iter().copied().filter(|spec| !given(spec)).collect()));
            }
            [.., eq] if eq.is(Symbol::Eq) => {
                if let Some(spec) = specs.iter().find(|spec| named(spec, last)) {
                    self.usage(spec.values);
                    self.want(Want::OptionValue(spec));
                }
            }
            _ if last.iter().any(|token| token.is(Symbol::Eq)) => {}
            _ => self.words(CandidateKind::Keyword, &[("=", "its value")]),
        }
        None
    }
}
