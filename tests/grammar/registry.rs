//! The stages, windows and commands that `grammar/lotic.ebnf` describes: those that the shell has.

use std::sync::LazyLock;

use lotic::api::Registries;
use lotic::commands::specs;
use lotic::operators::{stages, window_functions};

/// What a session gives to the parser.
pub(crate) static GRAMMAR: LazyLock<Registries> =
    LazyLock::new(|| Registries { stages: stages(), commands: specs(), windows: window_functions(), connectors: &[] });
