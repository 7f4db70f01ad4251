//! The `lotic` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lotic::shell::main(lotic::shell::Cli::read())
}
