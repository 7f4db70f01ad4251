//! The stages, windows and commands that `grammar/lotic.ebnf` describes: those that the shell has.

use std::sync::LazyLock;

use lotic::commands::syntaxes;
use lotic::lang::Grammar;
use lotic::operators::{PLANNED_STAGES, stages, window_functions};

/// What a session gives to the parser.
pub(crate) static GRAMMAR: LazyLock<Grammar<'static>> = LazyLock::new(|| Grammar {
    stages: stages(),
    commands: syntaxes().leak(),
    planned_stages: PLANNED_STAGES,
    windows: window_functions().iter().map(|window| window.name).collect::<Vec<_>>().leak(),
});
