//! The `lotic` binary.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    lotic::shell::main(lotic::shell::Cli::parse())
}
