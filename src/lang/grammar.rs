//! The grammar that the parser asks for: the stages, commands and windows that exist, and what is refused by name.

use super::token::Token;
use crate::api::{CommandSpec, Registries, StageSpec};

/// First words of commands of the language; one that no command in [`Registries::commands`] begins with is refused by name.
const PLANNED_COMMANDS: &[&str] = &[
    "blame",
    "cancel",
    "checkpoint",
    "checkpoints",
    "dashboard",
    "describe",
    "diff",
    "explain",
    "export",
    "fork",
    "kill",
    "pause",
    "rescale",
    "restore",
    "resume",
    "rewind",
    "savepoint",
    "show",
    "state",
    "step",
    "stop",
    "submit",
    "subtasks",
    "timers",
    "watermarks",
    "whatif",
    "why",
    "windows",
];

/// First words of SQL statements.
const SQL: &[&str] = &[
    "alter", "analyze", "begin", "call", "create", "delete", "drop", "execute", "insert", "select", "set", "truncate",
    "unload", "update", "use", "values", "with",
];

/// First words of the statements that are not commands.
pub(super) const DEFINITIONS: &[&str] = &["source", "sink", "stream", "run", "process", "function"];

fn any_of<'w>(words: &[&'w str], typed: &str) -> Option<&'w str> {
    words.iter().copied().find(|word| word.eq_ignore_ascii_case(typed))
}

/// A stage or command is parsed by its [`Signature`](crate::api::Signature), so that a new one needs no change here.
impl Registries {
    /// The command that `tokens` begin with and the number of its words; the longest name wins.
    pub(super) fn command(&self, tokens: &[Token<'_>]) -> Option<(&'static CommandSpec, usize)> {
        let mut found: Option<(&'static CommandSpec, usize)> = None;
        for command in self.commands {
            for name in std::iter::once(&command.name).chain(command.aliases) {
                if let Some(words) = begins_with(tokens, name)
                    && found.is_none_or(|(_, longest)| words > longest)
                {
                    found = Some((command, words));
                }
            }
        }
        found
    }

    /// Every name a command can be called by.
    pub(super) fn command_names(&self) -> impl Iterator<Item = &'static str> {
        self.commands.iter().flat_map(|command| std::iter::once(command.name).chain(command.aliases.iter().copied()))
    }

    /// The second and further words of commands that begin with `first`.
    pub(super) fn command_continuations(&self, first: &str) -> impl Iterator<Item = &'static str> {
        self.command_names().filter_map(move |name| {
            let (head, tail) = name.split_once(' ')?;
            head.eq_ignore_ascii_case(first).then_some(tail)
        })
    }

    /// The stage that `tokens` begin with and the number of its words; the longest name wins.
    pub(super) fn stage(&self, tokens: &[Token<'_>]) -> Option<(&'static StageSpec, usize)> {
        let mut found: Option<(&'static StageSpec, usize)> = None;
        for &stage in self.stages {
            for name in std::iter::once(&stage.name).chain(stage.aliases) {
                if let Some(words) = begins_with(tokens, name)
                    && found.is_none_or(|(_, longest)| words > longest)
                {
                    found = Some((stage, words));
                }
            }
        }
        found
    }

    /// Every name a stage can be called by.
    pub(super) fn stage_names(&self) -> impl Iterator<Item = &'static str> {
        self.stages.iter().flat_map(|stage| std::iter::once(stage.name).chain(stage.aliases.iter().copied()))
    }

    /// The names of the window functions.
    pub(super) fn window_names(&self) -> impl Iterator<Item = &'static str> {
        self.windows.iter().map(|window| window.name)
    }

    /// The window function `typed`, as registered.
    pub(super) fn window_named(&self, typed: &str) -> Option<&'static str> {
        self.window_names().find(|name| name.eq_ignore_ascii_case(typed))
    }

    /// The arguments of a window function as help shows them.
    pub(super) fn window_arguments(&self, registered: &str) -> &'static str {
        self.windows.iter().find(|window| window.name == registered).map_or("", |window| window.arguments)
    }

    /// Whether `typed` begins a command of the language that this build lacks.
    pub(super) fn is_planned_command(&self, typed: &str) -> bool {
        any_of(PLANNED_COMMANDS, typed).is_some() && !self.first_words().any(|word| word.eq_ignore_ascii_case(typed))
    }

    /// Whether `typed` begins a SQL statement.
    pub(super) fn is_sql(typed: &str) -> bool {
        any_of(SQL, typed).is_some()
    }

    /// Every word that a statement can begin with, other than the name of a stream.
    pub(super) fn first_words(&self) -> impl Iterator<Item = &'static str> {
        let commands = self.command_names().map(|name| name.split_once(' ').map_or(name, |(first, _)| first));
        DEFINITIONS.iter().copied().chain(commands)
    }
}

/// The number of words of `name`, if `tokens` begin with them.
pub(super) fn begins_with(tokens: &[Token<'_>], name: &str) -> Option<usize> {
    let mut count = 0;
    for word in name.split(' ') {
        if !tokens.get(count)?.is_word(word) {
            return None;
        }
        count += 1;
    }
    Some(count)
}
