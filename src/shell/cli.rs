//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::mode::Mode;
use super::print;
use crate::types::printable;

/// An interactive shell for streams.
#[derive(Debug, Parser)]
#[command(name = "lotic", version, about = "An interactive shell for streams", after_help = AFTER)]
pub struct Cli {
    /// Run these statements, wait for their jobs,
    /// and exit
    #[arg(verbatim_doc_comment, short = 'c', value_name = "STATEMENTS")]
    pub command: Option<String>,
    /// Do not read or write the history of the
    /// prompt
    #[arg(verbatim_doc_comment, long)]
    pub no_history: bool,
    /// What the jobs of this call have in common; as well behind `run` and `demo`.
    #[command(flatten)]
    pub run: RunOptions,
    /// What to do instead of opening the prompt.
    #[command(subcommand)]
    pub subcommand: Option<Command>,
}

const AFTER: &str = "\
Without a command, lotic opens the prompt. Where standard input is no terminal,
it reads statements from there.

Examples:
  lotic demo                              watch a built-in job
  lotic tutorial                          learn it step by step
  lotic -c 'bids | limit 3'               run a statement and exit
  lotic run job.lotic                     run a file of statements
  lotic run job.lotic --restore latest    go on from its last checkpoint
  source <(lotic completions bash)        complete this command line

What is kept:
  Sources, sinks and streams are kept in the state directory, as they were
  typed, and so are jobs with their checkpoints, all readable by you alone. The
  prompt, -c and standard input know them: `restore JOB` goes on with a job, and
  `.forget NAME` forgets. `lotic run FILE` and `lotic test` do not know them, so
  that a file means the same wherever it runs.
  The history of the prompt is in `$XDG_STATE_HOME/lotic/history`. The value of
  an option named like a secret (password, token, api_key, …) is kept as '***'.

Exit codes: 0 success, 1 failure, 2 usage, 130 interrupted, 143 and 129 ended
by SIGTERM and SIGHUP. A job whose rows nobody reads any more
(lotic run … | head) ends there with its other output committed, and that is
success.";

/// What lotic can do besides the prompt.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run files of statements and wait for their jobs.
    Run {
        /// The files, `.lotic`; `-` is standard input.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// How.
        #[command(flatten)]
        options: RunOptions,
    },
    /// Run a built-in job on built-in data.
    Demo {
        /// The demo; `list` lists them [default:
        /// nexmark]
        #[arg(verbatim_doc_comment)]
        name: Option<String>,
        /// Rows to generate before the demo ends.
        #[arg(long, value_name = "ROWS")]
        rows: Option<u64>,
        /// How.
        #[command(flatten)]
        options: RunOptions,
    },
    /// Replay sessions and compare what they show.
    Test(TestOptions),
    /// List the lessons of the tutorial, or play one step by step.
    Tutorial {
        /// The lesson, by name or number; without it
        /// the lessons are listed
        #[arg(verbatim_doc_comment)]
        name: Option<String>,
        /// Play the lesson without waiting for Enter.
        #[arg(long)]
        no_wait: bool,
    },
    /// Print completions of this command line for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff.
    Man {
        /// The command to print the page of [default:
        /// lotic itself]
        #[arg(verbatim_doc_comment)]
        command: Option<String>,
    },
    /// Measure Nexmark jobs beside hand-written loops.
    Bench(BenchOptions),
}

/// Options of everything that runs jobs.
#[derive(Debug, Clone, Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "flags are on or off")]
pub struct RunOptions {
    /// How rows are printed: table, ndjson, csv,
    /// vertical or changelog [default: table on a
    /// terminal, else ndjson]
    #[arg(verbatim_doc_comment, long, value_name = "MODE", value_parser = parse_mode)]
    pub output: Option<Mode>,
    /// The number of subtasks that work side by
    /// side, in every job
    #[arg(verbatim_doc_comment, long, value_name = "N")]
    pub parallelism: Option<usize>,
    /// The state directory, where jobs keep their
    /// checkpoints [default:
    /// `$XDG_STATE_HOME/lotic`]
    #[arg(verbatim_doc_comment, long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Start each job from its last checkpoint
    /// (`latest`) or from a savepoint
    #[arg(verbatim_doc_comment, long, value_name = "latest|SAVEPOINT")]
    pub restore: Option<String>,
    /// Restore a job that has lost operators, and
    /// leave their state behind
    #[arg(verbatim_doc_comment, long)]
    pub allow_non_restored_state: bool,
    /// End the input after so many rows.
    #[arg(long, value_name = "ROWS")]
    pub stop_after: Option<u64>,
    /// Write a savepoint when the input has ended;
    /// windows still open at --stop-after stay in
    /// it, unless --drain is given
    #[arg(verbatim_doc_comment, long, value_name = "DIR")]
    pub savepoint: Option<PathBuf>,
    /// Fire the windows still open at --stop-after
    /// before the savepoint, for a job that does
    /// not go on from there
    #[arg(verbatim_doc_comment, long, conflicts_with = "no_drain")]
    pub drain: bool,
    /// Do not fire open windows at the end of the
    /// input
    #[arg(verbatim_doc_comment, long)]
    pub no_drain: bool,
    /// Run on one thread in virtual time, in an
    /// order that this seed gives: the same each
    /// time
    #[arg(verbatim_doc_comment, long, value_name = "N")]
    pub seed: Option<u64>,
    /// Rows of a full batch [default: 8192].
    #[arg(long, value_name = "ROWS")]
    pub batch_rows: Option<usize>,
    /// Show no progress line.
    #[arg(long)]
    pub quiet: bool,
}

/// Options of `lotic test`.
#[derive(Debug, Clone, Args)]
pub struct TestOptions {
    /// The session files; they run in a scratch
    /// directory, from which the files of this one
    /// can be read
    #[arg(verbatim_doc_comment, required = true, value_name = "SESSION")]
    pub sessions: Vec<PathBuf>,
    /// Write what is shown now into the sessions,
    /// as what they should show
    #[arg(verbatim_doc_comment, long)]
    pub bless: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `lotic bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchOptions {
    /// The queries.
    #[arg(
        help = "The queries: projection, filter, tumble, hop,\nhop_minute, session, top, interval_join,\nwindow_join, regular_join, running, process,\npattern [default: all]"
    )]
    pub queries: Vec<String>,
    /// The number of events to generate.
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    pub events: u64,
    /// The inputs: json, csv, memory.
    #[arg(long, value_delimiter = ',', default_value = "json,csv,memory", value_name = "LIST")]
    pub inputs: Vec<String>,
    /// The parallelisms to measure.
    #[arg(long, value_delimiter = ',', default_value = "1,2", value_name = "LIST")]
    pub parallelism: Vec<usize>,
    /// The number of distinct auctions; 0 keeps
    /// Nexmark's own distribution
    #[arg(verbatim_doc_comment, long, default_value_t = 0, value_name = "N")]
    pub keys: u64,
    /// Measure what checkpoints cost instead: the
    /// job without them, and with one each
    /// DURATION, such as 1s
    #[arg(verbatim_doc_comment, long, value_name = "DURATION")]
    pub checkpoint: Option<String>,
    /// With --checkpoint, how often the bids in
    /// memory are read, for runs of many
    /// checkpoints
    #[arg(verbatim_doc_comment, long, default_value_t = 1, value_name = "N", requires = "checkpoint")]
    pub repeat: u64,
    /// Measured runs of each, loop and job in turn;
    /// the median of the ratios is shown
    #[arg(verbatim_doc_comment, long, default_value_t = 3, value_name = "N")]
    pub runs: usize,
    /// Where the generated files are kept [default:
    /// the system's temporary directory]
    #[arg(verbatim_doc_comment, long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl Cli {
    /// The command line of this process. One that is wrong ends it with what is wrong, as does one that asks for help.
    #[must_use]
    pub fn read() -> Self {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let error = match Self::of(&arguments) {
            Ok(cli) => return cli,
            Err(error) => error,
        };
        let drives = |argument: &OsString| {
            let argument = argument.to_string_lossy();
            printable(&argument) != argument
        };
        if error.use_stderr() && arguments.iter().any(drives) {
            // What was typed is a part of the message, which is without colours then.
            print::error(error.render().to_string());
            std::process::exit(error.exit_code());
        }
        error.exit()
    }

    fn of(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(arguments)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        if let Some((name, behind)) = matches.subcommand() {
            let before: Vec<String> = command
                .get_arguments()
                .map(|argument| argument.get_id().to_string())
                .filter(|id| is_typed(&matches, id))
                .collect();
            let mut refuse = |message: String| Err(command.error(ErrorKind::ArgumentConflict, message));
            let long = |id: &str| if id == "command" { "-c".to_owned() } else { format!("--{}", id.replace('_', "-")) };
            let options = match &mut cli.subcommand {
                Some(Command::Run { options, .. } | Command::Demo { options, .. }) => Some(options),
                _ => None,
            };
            for id in &before {
                if options.is_none() || behind.try_contains_id(id).is_err() {
                    return refuse(format!("{} has no effect with `{name}`", long(id)));
                }
                if is_typed(behind, id) {
                    return refuse(format!("{} is given twice, before `{name}` and behind it", long(id)));
                }
            }
            if let Some(options) = options {
                *options = std::mem::take(options).or(std::mem::take(&mut cli.run));
                if options.drain && options.no_drain {
                    return refuse("give --drain or --no-drain, not both".to_owned());
                }
            }
        }
        Ok(cli)
    }
}

/// Whether the option of this id was typed at this place.
fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
}

impl RunOptions {
    /// These, and what only `others` say.
    fn or(self, others: Self) -> Self {
        Self {
            output: self.output.or(others.output),
            parallelism: self.parallelism.or(others.parallelism),
            state_dir: self.state_dir.or(others.state_dir),
            restore: self.restore.or(others.restore),
            allow_non_restored_state: self.allow_non_restored_state || others.allow_non_restored_state,
            stop_after: self.stop_after.or(others.stop_after),
            savepoint: self.savepoint.or(others.savepoint),
            drain: self.drain || others.drain,
            no_drain: self.no_drain || others.no_drain,
            seed: self.seed.or(others.seed),
            batch_rows: self.batch_rows.or(others.batch_rows),
            quiet: self.quiet || others.quiet,
        }
    }
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Cli, String> {
        let arguments: Vec<OsString> = ["lotic"].iter().chain(arguments).map(OsString::from).collect();
        Cli::of(&arguments).map_err(|error| error.to_string())
    }

    /// Every option of jobs, with a value.
    fn options() -> Vec<Vec<String>> {
        let of_run = RunOptions::augment_args(clap::Command::new("run"));
        let argument = |argument: &clap::Arg| {
            let mut typed = vec![format!("--{}", argument.get_long().expect("a long name"))];
            if argument.get_action().takes_values() {
                let text = if argument.get_id() == "output" { "csv" } else { "7" };
                typed.push(text.to_owned());
            }
            typed
        };
        of_run.get_arguments().map(argument).collect()
    }

    #[test]
    fn every_option_of_jobs_holds_in_front_of_the_command_and_behind_it() {
        assert_eq!(options().len(), 12);
        for option in options() {
            let option: Vec<&str> = option.iter().map(String::as_str).collect();
            for command in [&["run", "j.lotic"][..], &["demo"]] {
                let of = |arguments: &[&str]| match read(arguments).map(|cli| cli.subcommand) {
                    Ok(Some(Command::Run { options, .. } | Command::Demo { options, .. })) => format!("{options:?}"),
                    other => panic!("{arguments:?}: {other:?}"),
                };
                let behind = of(&[command, &option].concat());
                assert_ne!(behind, of(command), "{option:?} is read");
                assert_eq!(of(&[&option, command].concat()), behind, "{option:?} in front of {command:?}");
                let twice = read(&[&option, command, &option].concat()).unwrap_err();
                assert!(twice.contains(&format!("{} is given twice", option[0])), "{twice}");
            }
            for command in [&["test", "s.lotic"][..], &["tutorial"], &["completions", "bash"], &["man"], &["bench"]] {
                let refused = read(&[&option, command].concat()).unwrap_err();
                assert!(refused.contains(option[0]) && refused.contains("has no effect"), "{refused}");
            }
        }
    }

    #[test]
    fn the_help_of_every_command_fits_80_columns() {
        let mut all = Cli::command();
        all.build();
        let pages = std::iter::once(all.render_long_help().to_string())
            .chain(all.get_subcommands_mut().map(|command| command.render_long_help().to_string()));
        for line in pages.collect::<Vec<_>>().iter().flat_map(|page| page.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn options_of_both_places_hold_together() {
        let cli = read(&["--parallelism", "2", "--drain", "run", "j.lotic", "--quiet", "--seed", "7"]);
        let Ok(Some(Command::Run { options, .. })) = cli.map(|cli| cli.subcommand) else { panic!("`run` is read") };
        assert_eq!((options.parallelism, options.seed), (Some(2), Some(7)));
        assert!(options.drain && options.quiet && !options.no_drain);
    }

    #[test]
    fn what_is_for_the_prompt_is_refused_in_front_of_a_command() {
        for (arguments, option) in
            [(&["-c", "show jobs", "run", "j.lotic"][..], "-c"), (&["--no-history", "demo"], "--no-history")]
        {
            let refused = read(arguments).unwrap_err();
            assert!(refused.contains(option) && refused.contains("has no effect"), "{refused}");
        }
        let both = read(&["--drain", "run", "j.lotic", "--no-drain"]).unwrap_err();
        assert!(both.contains("--drain or --no-drain, not both"), "{both}");
        assert!(read(&["--drain", "--no-drain"]).is_err());
        let bench = read(&["bench", "--parallelism", "2"]).map(|cli| cli.subcommand);
        assert!(matches!(bench, Ok(Some(Command::Bench(_)))), "its own option");
    }
}
