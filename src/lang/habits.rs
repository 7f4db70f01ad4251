//! What people type because another shell has it, and what they are told here: one line each, with what to type instead.
//! What works under another name is an alias of its command and stands in the commands' registry.

use super::grammar::begins_with;
use super::token::Token;
use crate::types::{Diagnostic, Span};

const PIPELINE: &str =
    "SQL is not available yet; as a pipeline: bids | filter price > 1000 | map auction, price | limit 5";
const TABLE: &str = "SQL is not available yet; a table is `source NAME from file 'PATH'` or `sink NAME to file 'DIR'`";
const VIEW: &str = "SQL is not available yet; a view is a stream: stream NAME = bids | filter price > 1000";
const CREATE: &str = "SQL is not available yet; `source`, `sink` and `stream` define things: `help source`";
const INSERT: &str = "SQL is not available yet; a job writes into a sink: run NAME = bids | limit 5 | into SINK";
const SET: &str = "SQL is not available yet; a job of several pipelines: run NAME { bids | into SINK; … }";
const CHANGE: &str = "rows that were read are never changed; a pipeline makes new ones: bids | map …";
const ALTER: &str = "`alter` is not there: define it again with `source NAME …`, and the prompt asks";
const ONE_CATALOG: &str = "there is one catalog: `\\d` lists what is defined";
const FILES: &str = "`!ls` lists files; `\\d` lists what is defined";
const SHELL: &str = "`!` runs a command outside of lotic, such as `!pwd` or `!cat FILE`";
const DIRECTORY: &str = "paths begin in the directory where lotic was started; `!pwd` shows it";
const JOBS: &str = "`show jobs` lists the jobs, `dashboard` shows them";
const LEAVE: &str = "`\\q` or Ctrl-D leaves";
const HISTORY: &str = "the Up key goes back through earlier statements, Ctrl-R searches them, `.edit` opens the last";

/// The words that a statement begins with, and the answer. The longest words win.
const ANSWERS: &[(&str, &str)] = &[
    ("select", PIPELINE),
    ("with", PIPELINE),
    ("values", "SQL is not available yet; rows are a source: source v from values with (rows = array[1, 2])"),
    ("create", CREATE),
    ("create table", TABLE),
    ("create temporary table", TABLE),
    ("create view", VIEW),
    ("create temporary view", VIEW),
    ("insert", INSERT),
    ("execute", SET),
    ("begin", SET),
    ("update", CHANGE),
    ("delete", CHANGE),
    ("truncate", CHANGE),
    ("alter", ALTER),
    ("use", ONE_CATALOG),
    ("analyze", "SQL is not available yet; `help` lists what there is"),
    ("call", "SQL is not available yet; `help` lists what there is"),
    ("unload", "SQL is not available yet; `help` lists what there is"),
    ("commit", "a checkpoint commits what a job's sinks have written: checkpoint JOB"),
    ("rollback", "`restore JOB from checkpoint N` goes back to a checkpoint"),
    (".databases", ONE_CATALOG),
    ("\\l", ONE_CATALOG),
    ("\\c", ONE_CATALOG),
    ("\\dn", ONE_CATALOG),
    (".import", "a file is a source: source NAME from file 'PATH'"),
    ("\\copy", "a file is a source: source NAME from file 'PATH'"),
    (".dump", "`.record FILE` writes what is typed; `savepoint JOB to 'DIR'` writes a job's state"),
    (".headers", "`.mode csv` has a header line, `.mode ndjson` has none"),
    ("\\a", "`.mode table|ndjson|csv|vertical|changelog` sets how rows are shown"),
    ("\\pset", "`.format` and `.mode` set how rows are shown"),
    ("\\watch", "a preview goes on by itself: type the pipeline"),
    ("history", HISTORY),
    (".history", HISTORY),
    ("\\s", HISTORY),
    ("ls", FILES),
    ("dir", FILES),
    ("cat", SHELL),
    ("pwd", SHELL),
    ("cd", DIRECTORY),
    (".cd", DIRECTORY),
    ("\\cd", DIRECTORY),
    ("man", "`help NAME` explains it, `help` lists what there is"),
    ("ps", JOBS),
    ("jobs", JOBS),
    ("bye", LEAVE),
    ("logout", LEAVE),
    ("q", LEAVE),
];

/// The answer to the habit that `tokens` begin with, if it is one.
pub(super) fn answer(tokens: &[Token<'_>], span: Span) -> Option<Diagnostic> {
    let found = ANSWERS.iter().filter_map(|(words, answer)| Some((begins_with(tokens, words)?, answer)));
    found.max_by_key(|&(words, _)| words).map(|(_, answer)| Diagnostic::answer(span, *answer))
}

/// The answer to a statement of one `word` that nothing else has a meaning for.
#[must_use]
pub fn answer_to_word(word: &str, span: Span) -> Option<Diagnostic> {
    let found = ANSWERS.iter().find(|(words, _)| words.eq_ignore_ascii_case(word));
    found.map(|(_, answer)| Diagnostic::answer(span, *answer))
}
