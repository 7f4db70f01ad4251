//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::rows::Mode;

/// An interactive shell for streams.
#[derive(Debug, Parser)]
#[command(name = "lotic", version, about, long_about = None, after_help = AFTER)]
pub struct Cli {
    /// Run these statements, wait for their jobs, and exit.
    #[arg(short = 'c', value_name = "STATEMENTS", global = false)]
    pub command: Option<String>,
    /// Neither read nor write the history of the prompt.
    #[arg(long)]
    pub no_history: bool,
    /// What the jobs of this call have in common.
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
    /// Write a savepoint when the input has ended. Windows still open at --stop-after stay in it.
    #[arg(long, value_name = "DIR")]
    pub savepoint: Option<PathBuf>,
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
    /// The queries: projection, filter, tumble, hop, running [default: all].
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

fn parse_mode(text: &str) -> Result<Mode, String> {
    text.parse()
}
