//! `tutorial [NAME|NUMBER]`

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature};
use crate::session::{Outcome, ShellRequest};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "tutorial",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[] },
        usage: "tutorial [NAME|NUMBER]",
        summary: "lists the lessons, or plays one step by step",
        help: "A lesson shows a statement and says why, runs it when you press Enter, and shows what comes of it; \
               `q` leaves. It runs in a session of its own, on data inside the binary. What it defined can be used \
               at the prompt afterwards.",
        examples: &["tutorial", "tutorial windows", "tutorial 1"],
        flink: None,
    },
    run: |args, _| {
        let name = if args.head.is_empty() { None } else { Some(args.word(0)?.node.clone()) };
        Ok(Outcome::Shell(ShellRequest::Tutorial(name)))
    },
};
