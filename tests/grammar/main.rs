//! `grammar/lotic.ebnf` against the parser: what the grammar generates parses, both agree on the sessions, on sample
//! lines and on their mutations, and the grammar names what the registries hold.
//!
//! `LOTIC_GRAMMAR_SENTENCES` and `LOTIC_GRAMMAR_MUTATIONS` (a statement) set how many are tried.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests are tests"
)]

mod ebnf;
mod expected;
mod generate;
mod recognise;
mod registry;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ebnf::{Ebnf, Node};
use generate::{Generator, Rng};
use lotic::api::{CommandSpec, Shape};
use lotic::lang::{Splitter, lex, parse};
use lotic::types::Diagnostic;
use recognise::recognises;
use registry::GRAMMAR;

/// The restrictions that the grammar's head lists in words: parts of their messages.
const BEYOND: &[&str] = &[
    "given twice",
    "nested deeper",
    "hang from one another",
    "longer than",
    "out of range",
    "out of the range",
    "can't be used",
    "there is no decimal",
    "a precision of time",
    "a length is at least",
    "can't be negative",
    "nothing lies in this stretch of time",
    "have no fixed length",
    "is not such an interval",
    "an interval can't go",
    "there is no such interval",
    "expected an aggregate",
    "is handled already",
    "lives for no time",
    "blocks stand more than",
];

fn is_beyond(error: &Diagnostic) -> bool {
    BEYOND.iter().any(|part| error.message.contains(part))
}

fn grammar() -> Ebnf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar/lotic.ebnf");
    Ebnf::read(&fs::read_to_string(path).unwrap())
}

fn size(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|size| size.parse().ok()).unwrap_or(default)
}

#[test]
fn sentences_of_the_grammar_parse() {
    let ebnf = grammar();
    let mut generator = Generator::new(&ebnf, 1);
    let count = size("LOTIC_GRAMMAR_SENTENCES", 2_000);
    let mut parsed = 0;
    for index in 0..count {
        let text = generator.sentence("statement", 12 + index % 24);
        match parse(&text, &GRAMMAR) {
            Ok(statements) => {
                assert_eq!(statements.len(), 1, "{text}");
                parsed += 1;
            }
            Err(error) => assert!(is_beyond(&error), "{}", error.render(&text, "generated", false)),
        }
    }
    assert!(parsed * 10 > count * 7, "only {parsed} of {count} sentences are free of the further restrictions");
}

/// One statement a line.
fn sample_lines() -> Vec<String> {
    let lines = include_str!("../fixtures/lines.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with("--")).map(str::to_owned).collect()
}

/// The statements of the sessions, each on one line.
fn session_statements() -> Vec<String> {
    let mut found = Vec::new();
    let sessions = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions");
    let entries = [sessions.clone(), sessions.join("demo")].map(|folder| fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "lotic")) {
        let text = fs::read_to_string(path).unwrap();
        let mut splitter = Splitter::default();
        found.extend(splitter.push(&text, &GRAMMAR));
        found.extend(splitter.finish());
    }
    assert!(found.len() > 10, "the sessions are missing");
    found
}

/// The tokens of a statement as typed.
fn words(text: &str) -> Vec<String> {
    let lexed = lex(text, &GRAMMAR);
    assert!(lexed.error.is_none(), "{text}: {:?}", lexed.error);
    lexed.tokens.iter().map(|token| text[token.span.range()].to_owned()).collect()
}

#[track_caller]
fn agree(ebnf: &Ebnf, text: &str) -> bool {
    let lexed = lex(text, &GRAMMAR);
    if lexed.error.is_some() {
        return false;
    }
    let by_grammar = recognises(ebnf, "script", text, &lexed.tokens);
    match (by_grammar, parse(text, &GRAMMAR)) {
        (true, Ok(_)) => true,
        (true, Err(error)) => {
            assert!(is_beyond(&error), "the parser alone refuses:\n{}", error.render(text, "line", false));
            false
        }
        (false, Ok(parsed)) => panic!("the grammar alone refuses `{text}`, parsed as {parsed:?}"),
        (false, Err(_)) => false,
    }
}

#[test]
fn the_grammar_and_the_parser_agree_on_lines_and_their_mutations() {
    let ebnf = grammar();
    // What stands behind the last statement of a session is a comment.
    let statements: Vec<String> =
        sample_lines().into_iter().chain(session_statements()).filter(|text| !words(text).is_empty()).collect();
    let lines: Vec<Vec<String>> = statements.iter().map(|text| words(text)).collect();
    let pool: Vec<String> = lines.iter().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    for (line, text) in lines.iter().zip(&statements) {
        assert!(agree(&ebnf, &line.join(" ")), "neither takes {text}");
    }
    let mut rng = Rng(7);
    let mutations = size("LOTIC_GRAMMAR_MUTATIONS", 60);
    let mut accepted = 0;
    for line in &lines {
        for _ in 0..mutations {
            let mut mutant = line.clone();
            let at = rng.below(mutant.len());
            match rng.below(5) {
                0 => {
                    mutant.remove(at);
                }
                1 => {
                    let other = rng.below(mutant.len());
                    mutant.swap(at, other);
                }
                2 => mutant.insert(at, mutant[at].clone()),
                3 => mutant[at].clone_from(rng.pick(&pool)),
                _ => mutant.insert(at, rng.pick(&pool).clone()),
            }
            accepted += usize::from(agree(&ebnf, &mutant.join(" ")));
        }
    }
    // Both kinds of answer must have been compared.
    let all = lines.len() * mutations;
    assert!(accepted * 20 > all && accepted * 20 < all * 19, "{accepted} of {all} mutants are sentences");
}

#[test]
fn completion_expects_each_next_token_of_a_sentence() {
    let ebnf = grammar();
    let mut generator = Generator::new(&ebnf, 2);
    let count = size("LOTIC_GRAMMAR_SENTENCES", 2_000);
    let generated = (0..count).map(|index| generator.sentence("statement", 12 + index % 24));
    let sentences: Vec<String> = generated.filter(|text| parse(text, &GRAMMAR).is_ok()).collect();
    let directory = tempfile::tempdir().unwrap();
    let completer = expected::completer(directory.path());
    let mut seen = BTreeMap::new();
    for text in sentences.iter().chain(&sample_lines()).chain(&session_statements()) {
        let mut splitter = Splitter::default();
        for statement in splitter.push(text, &GRAMMAR).into_iter().chain(splitter.finish()) {
            expected::check(&statement, &completer, &mut seen);
        }
    }
    // Sentences of every kind must have been walked.
    assert!(seen.len() == 5 && seen.values().all(|&tokens| tokens > count / 20), "{count}: {seen:?}");
}

/// The words that a rule names, those of other rules left out, without punctuation.
fn words_of(ebnf: &Ebnf, rule: &str) -> BTreeSet<String> {
    let literals = ebnf.literals(rule, &|_| false).into_iter();
    literals.filter(|literal| literal.starts_with(char::is_alphabetic)).collect()
}

#[test]
fn the_grammar_names_what_the_registries_hold() {
    let ebnf = grammar();
    let Node::Choice(alternatives) = &ebnf.rules["stage"] else { panic!("`stage` is a choice") };
    let mut described = BTreeSet::new();
    for alternative in alternatives {
        let Node::Rule(rule) = alternative else { panic!("{alternative:?}") };
        let names: BTreeSet<String> = ebnf.rules[rule].first_literals().into_iter().collect();
        let first = |name: &str| name.split(' ').next().is_some_and(|word| names.contains(word));
        let specs: Vec<_> = GRAMMAR.stages.iter().filter(|spec| first(spec.name)).collect();
        let called = specs.iter().flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases));
        let registered: BTreeSet<String> =
            called.clone().filter_map(|name| name.split(' ').next()).map(str::to_owned).collect();
        assert_eq!(names, registered);
        let own = ebnf.literals(rule, &|name| name.starts_with(rule.as_str()) || name == "options");
        let clauses = specs.iter().flat_map(|spec| spec.signature.clauses).map(|clause| clause.keyword);
        for word in called.copied().chain(clauses).flat_map(|words| words.split(' ')) {
            assert!(own.iter().any(|literal| literal == word), "{rule} lacks `{word}`");
        }
        described.extend(specs.iter().map(|spec| spec.name));
    }
    for spec in GRAMMAR.stages {
        assert!(described.contains(spec.name), "the grammar lacks the stage `{}`", spec.name);
    }
    let windows = words_of(&ebnf, "window_function");
    assert_eq!(windows, GRAMMAR.windows.iter().map(|window| window.name.to_owned()).collect::<BTreeSet<_>>());
    let commands = ebnf.literals("command", &|rule| !matches!(rule, "expr" | "pipeline" | "option_list"));
    let mut first_words = BTreeSet::new();
    for command in GRAMMAR.commands {
        let clauses = command.signature.clauses.iter().map(|clause| clause.keyword);
        for word in std::iter::once(command.name)
            .chain(command.aliases.iter().copied())
            .chain(clauses)
            .flat_map(|name| name.split(' '))
        {
            assert!(commands.iter().any(|literal| literal == word), "the grammar lacks `{word}` of `{}`", command.name);
        }
        let names = std::iter::once(command.name).chain(command.aliases.iter().copied());
        let first = names.map(|name| name.split(' ').next().unwrap());
        first_words.extend(first.filter(|word| !word.starts_with(['\\', '.', '?', '!'])).map(str::to_owned));
        let keywords = command.signature.head.iter().chain(command.signature.optional);
        for word in
            keywords.filter_map(|shape| if let Shape::Keyword(words) = shape { Some(*words) } else { None }).flatten()
        {
            assert!(commands.iter().any(|literal| literal == word), "the grammar lacks `{word}` of `{}`", command.name);
        }
    }
    assert_eq!(words_of(&ebnf, "command_word"), first_words);
    let directives: BTreeSet<&str> =
        commands.iter().map(String::as_str).filter(|word| word.len() > 1 && word.starts_with(['\\', '.'])).collect();
    for directive in directives {
        let called = |command: &CommandSpec| command.name == directive || command.aliases.contains(&directive);
        assert!(GRAMMAR.commands.iter().any(called), "no command is called `{directive}`");
    }
}
