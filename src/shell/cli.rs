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
#[command(name = "lotic", version, about, long_about = None, after_help = AFTER)]
pub struct Cli {
    /// Run these statements, wait for their jobs, and exit.
    #[arg(short = 'c', value_name = "STATEMENTS")]
    pub command: Option<String>,
    /// Neither read nor write the history of the prompt.
    #[arg(long)]
    pub no_history: bool,
    /// What the jobs of this call have in common; as well behind `run` and `demo`.
    #[command(flatten)]
    pub run: RunOptions,
    /// What to do instead of opening the prompt.
    #[command(subcommand)]
    pub subcommand: Option<Command>,
}

const AFTER: &str = "\
Without a command, lotic opens the prompt, or reads statements from standard input when that is no terminal.

  lotic demo                                        watch a built-in job
  lotic -c \"source g from nexmark 'bid' with (events = 1000); g | limit 3\"
  lotic run job.lotic --restore latest              go on from the last checkpoint
  lotic tutorial                                    learn it step by step
  source <(lotic completions bash)                  complete this command line

The history of the prompt is kept in `$XDG_STATE_HOME/lotic/history`, readable by you alone. The value given to an
option named like a secret (password, token, api_key, …) is kept as '***'.

Sources, sinks and streams are remembered in the state directory, as they were typed, readable by you alone, and jobs with
their checkpoints: a new shell, `-c` and standard input know them, and `restore JOB` goes on with a job. `lotic run FILE`
and `lotic test` do not, so that a file means the same wherever it runs. `.forget NAME` forgets.

Exit codes: 0 success, 1 failure, 2 usage, 130 interrupted, 143 and 129 ended by SIGTERM and SIGHUP. A job whose rows
nobody reads any more (lotic run … | head) ends there with its other output committed, and that is success.";

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
        /// Which; `list` names them.
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
        /// Which, by name or number.
        name: Option<String>,
        /// Play straight through, without waiting for Enter.
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
        /// Of this command instead.
        command: Option<String>,
    },
    /// Measure Nexmark jobs beside hand-written loops.
    Bench(BenchOptions),
}

/// Options of everything that runs jobs.
#[derive(Debug, Clone, Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "flags are on or off")]
pub struct RunOptions {
    /// How rows are printed: table, ndjson, csv, vertical or changelog [default: table on a terminal, else ndjson].
    #[arg(long, value_name = "MODE", value_parser = parse_mode)]
    pub output: Option<Mode>,
    /// The parallelism of every job.
    #[arg(long, value_name = "N")]
    pub parallelism: Option<usize>,
    /// Where jobs keep checkpoints [default: `$XDG_STATE_HOME/lotic`].
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Start each job from its last checkpoint (`latest`) or from a savepoint.
    #[arg(long, value_name = "latest|SAVEPOINT")]
    pub restore: Option<String>,
    /// Restore even if the job has lost operators that the state belongs to: theirs is left behind.
    #[arg(long)]
    pub allow_non_restored_state: bool,
    /// End the input after this many source rows.
    #[arg(long, value_name = "ROWS")]
    pub stop_after: Option<u64>,
    /// Write a savepoint when the input has ended. Windows still open at --stop-after stay in it, unless --drain is given.
    #[arg(long, value_name = "DIR")]
    pub savepoint: Option<PathBuf>,
    /// Fire the windows still open at --stop-after before the savepoint, for a job that is not to go on from there.
    #[arg(long, conflicts_with = "no_drain")]
    pub drain: bool,
    /// Do not fire open windows at the end of input.
    #[arg(long)]
    pub no_drain: bool,
    /// Run on the stepping executor: one thread, virtual time, this seed.
    #[arg(long, value_name = "N")]
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
    /// The session files. They run in a scratch directory, in which the files of this one can be read.
    #[arg(required = true, value_name = "SESSION")]
    pub sessions: Vec<PathBuf>,
    /// Write what is shown now into the sessions.
    #[arg(long)]
    pub bless: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `lotic bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchOptions {
    /// The queries: projection, filter, tumble, hop, interval_join, regular_join, running [default: all].
    pub queries: Vec<String>,
    /// Events to generate.
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    pub events: u64,
    /// Inputs: json, csv, memory.
    #[arg(long, value_delimiter = ',', default_value = "json,csv,memory", value_name = "LIST")]
    pub inputs: Vec<String>,
    /// Parallelisms.
    #[arg(long, value_delimiter = ',', default_value = "1,2", value_name = "LIST")]
    pub parallelism: Vec<usize>,
    /// Distinct auctions; 0 keeps Nexmark's own distribution.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub keys: u64,
    /// Checkpoint interval, such as 1s: measures what checkpoints cost instead, the job without and with them.
    #[arg(long, value_name = "DURATION")]
    pub checkpoint: Option<String>,
    /// With --checkpoint, how often the bids in memory are read, for runs of many checkpoints.
    #[arg(long, default_value_t = 1, value_name = "N", requires = "checkpoint")]
    pub repeat: u64,
    /// Measured runs of each, loop and job in turn; the median of the ratios is shown.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub runs: usize,
    /// Where the generated files are kept [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
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
                    return refuse(format!("{} in front of `{name}` means nothing", long(id)));
                }
                if is_typed(behind, id) {
                    return refuse(format!("{} is given in front of `{name}` and behind it", long(id)));
                }
            }
            if let Some(options) = options {
                *options = std::mem::take(options).or(std::mem::take(&mut cli.run));
                if options.drain && options.no_drain {
                    return refuse("--drain and --no-drain exclude one another".to_owned());
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
                assert!(twice.contains(&format!("{} is given in front of", option[0])), "{twice}");
            }
            for command in [&["test", "s.lotic"][..], &["tutorial"], &["completions", "bash"], &["man"], &["bench"]] {
                let refused = read(&[&option, command].concat()).unwrap_err();
                assert!(refused.contains(option[0]) && refused.contains("means nothing"), "{refused}");
            }
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
            assert!(refused.contains(option) && refused.contains("means nothing"), "{refused}");
        }
        let both = read(&["--drain", "run", "j.lotic", "--no-drain"]).unwrap_err();
        assert!(both.contains("--drain and --no-drain"), "{both}");
        assert!(read(&["--drain", "--no-drain"]).is_err());
        let bench = read(&["bench", "--parallelism", "2"]).map(|cli| cli.subcommand);
        assert!(matches!(bench, Ok(Some(Command::Bench(_)))), "its own option");
    }
}
