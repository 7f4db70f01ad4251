//! The documents that other programs read: completions of shells, and the manual page.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::cli::Cli;
use super::exit::{EXIT_OK, EXIT_USAGE};
use super::{demo, print};
use crate::session::TUTORIALS;
use crate::types::{Diagnostic, Error, Printable, Result};

const NAME: &str = "lotic";

/// Prints the completions of the command line for a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<u8> {
    let mut script = Vec::new();
    // Only here: a name that is none is answered by ourselves.
    let named = |argument: Arg, names: Vec<&'static str>| argument.value_parser(PossibleValuesParser::new(names));
    let lessons = || TUTORIALS.iter().map(|tutorial| tutorial.name).collect();
    let mut all = Cli::command()
        .mut_subcommand("demo", |demo| demo.mut_arg("name", |name| named(name, demo::names())))
        .mut_subcommand("tutorial", |tutorial| tutorial.mut_arg("name", |name| named(name, lessons())));
    clap_complete::generate(shell, &mut all, NAME, &mut script);
    print::data(String::from_utf8_lossy(&script).into_owned())?;
    Ok(EXIT_OK)
}

/// Prints the manual page of lotic, or of one of its commands.
pub(super) fn man(command: Option<&str>) -> Result<u8> {
    let mut all = Cli::command().name(NAME);
    all.build();
    let Some(wanted) = command else {
        print::data(page(all)?)?;
        return Ok(EXIT_OK);
    };
    let Some(found) = all.find_subcommand(wanted) else {
        let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
        let unknown = Diagnostic::new(format!("lotic has no command `{wanted}`; there are {}", names.join(", ")))
            .did_you_mean(wanted, names);
        print::error(Printable::line(&format!("error: {unknown}")));
        return Ok(EXIT_USAGE);
    };
    let page = rendered(&Man::new(found.clone()))?;
    print::data(page)?;
    Ok(EXIT_OK)
}

fn rendered(man: &Man) -> Result<String> {
    let mut page = Vec::new();
    man.render(&mut page).map_err(|error| Error::io("the manual page", error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// The page of lotic itself, with what is typed at its prompt.
fn page(all: Command) -> Result<String> {
    let mut page = rendered(&Man::new(all))?;
    let mut roff = Roff::new();
    roff.control("SH", ["AT THE PROMPT"]);
    roff.text([roman("Definitions and pipelines, as `help` explains them, and these commands:")]);
    for command in crate::commands::specs() {
        roff.control("TP", []);
        roff.text([bold(command.usage)]);
        roff.text([roman(command.summary)]);
    }
    page.push_str(&roff.to_roff());
    Ok(page)
}
