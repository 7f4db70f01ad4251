//! The options of a job: `run hot with (parallelism = 2, checkpoint = 5s) = …`.

use super::options::{self, Typed};
use crate::api::{OnError, OptionSpec, OptionValue, Options};
use crate::expr::Zone;
use crate::lang::lexer::size_shift;
use crate::plan::{DEFAULT_MEMORY_BYTES, JobSettings, Mode};
use crate::types::{Diagnostic, nearest};

/// Key groups are numbered by 16 bits; Flink's limit is the same.
const LARGEST_PARALLELISM: i64 = 32_768;
/// Less would not hold a batch.
const LEAST_MEMORY_BYTES: u64 = 1 << 20;

/// The options of `run … with (…)`, for help and completion.
pub const JOB_OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "parallelism",
        values: "a whole number",
        help: "the number of subtasks of each operator; 1 by default",
    },
    OptionSpec {
        name: "max_parallelism",
        values: "a whole number up to 32768",
        help: "the number of key groups, and so the largest parallelism that the job can be rescaled to; 128 by \
               default; it stays as long as the state",
    },
    OptionSpec {
        name: "checkpoint",
        values: "a duration, or off",
        help: "the time between two checkpoints; without it they are taken only by command",
    },
    OptionSpec {
        name: "checkpoint_timeout",
        values: "a duration",
        help: "a checkpoint that takes longer is given up; 10m by default",
    },
    OptionSpec {
        name: "min_pause",
        values: "a duration",
        help: "the least time between the end of one checkpoint and the start of the next; none by default",
    },
    OptionSpec {
        name: "tolerable_failed_checkpoints",
        values: "a whole number",
        help: "how many checkpoints in a row may fail before the job restarts; 0 by default",
    },
    OptionSpec {
        name: "retained_checkpoints",
        values: "a whole number",
        help: "how many completed checkpoints are kept; 3 by default",
    },
    OptionSpec {
        name: "restart_attempts",
        values: "a whole number",
        help: "how often the job restarts from its last checkpoint before it fails; 3 by default",
    },
    OptionSpec { name: "restart_delay", values: "a duration", help: "the wait before each restart; 1s by default" },
    OptionSpec {
        name: "batch_rows",
        values: "a whole number",
        help: "the rows of a full batch; 8192 by default; results do not depend on it",
    },
    OptionSpec {
        name: "channel_capacity",
        values: "a whole number",
        help: "the batches that an exchange holds before its producer must wait; 8 by default",
    },
    OptionSpec {
        name: "allow_non_restored_state",
        values: "true | false",
        help: "whether a restore may leave state behind that no operator takes; false by default",
    },
    OptionSpec {
        name: "task_managers",
        values: "a whole number",
        help: "the number of task managers that the slots are divided among; 1 by default",
    },
    OptionSpec {
        name: "ttl",
        values: "a duration",
        help: "how long state that nobody writes is kept, in processing time; for ever by default",
    },
    OptionSpec {
        name: "backend",
        values: "'memory' | 'redb'",
        help: "where the state of operators is between checkpoints: all of it in memory, the default, or no more there \
               than `memory` says, and what has been used least lately in a file of the job's directory, from where it \
               comes back when it is used; results do not depend on it",
    },
    OptionSpec {
        name: "memory",
        values: "a size, such as 256mb",
        help: "the memory for the state of operators, shared out evenly among the job's slots as Flink's managed memory; \
               backend = 'redb' goes with it, and has 256mb by default; with mode = 'batch' the memory for rows that \
               wait until all have come, beyond which they go to files",
    },
    OptionSpec {
        name: "on_error",
        values: "'fail' | 'skip' | 'dead_letter'",
        help: "what becomes of a row that an operator can't process; 'fail' by default",
    },
    OptionSpec {
        name: "dead_letter",
        values: "a path",
        help: "with on_error = 'dead_letter', the directory for such rows; 'dead_letters/JOB' by default",
    },
    OptionSpec {
        name: "mode",
        values: "'streaming' | 'batch'",
        help: "'batch' reads all of its bounded input first and gives final rows only, without checkpoints: a failure does \
               all again; 'streaming' by default",
    },
    OptionSpec {
        name: "timezone",
        values: "the name of a time zone",
        help: "the zone in which instants are read as dates and times of day; that of the session when the job was started, or UTC",
    },
];

impl JobSettings {
    /// These settings with what `typed` says instead.
    ///
    /// # Errors
    /// An unknown option (with the near name), a value of another type or out of range, at its place.
    pub fn with(self, typed: &Typed) -> Result<Self, Diagnostic> {
        let options = options::read(typed, "a job", &[JOB_OPTIONS])?;
        let max_parallelism = options::integer_in(&options, "max_parallelism", 1, LARGEST_PARALLELISM)?;
        let max_parallelism =
            max_parallelism.and_then(|number| u16::try_from(number).ok()).unwrap_or(self.max_parallelism);
        let count = |name, low, high: i64, default: usize| -> Result<usize, Diagnostic> {
            let typed = options::integer_in(&options, name, low, high)?;
            Ok(typed.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
        };
        let most = i64::from(max_parallelism);
        let parallelism = count("parallelism", 1, most, self.parallelism)?;
        if parallelism > usize::from(max_parallelism) {
            // The default (the command line's, say) is above a maximum that was typed.
            let message = format!("the parallelism is {parallelism}, more than the maximum of {max_parallelism}");
            return Err(options::placed(&options, "max_parallelism", Diagnostic::new(message)));
        }
        let checkpoint_interval_ms = match options.get("checkpoint").map(|value| &value.node) {
            Some(crate::api::OptionValue::Text(word)) if word.eq_ignore_ascii_case("off") => None,
            Some(_) => options::positive_duration(&options, "checkpoint")?,
            None => self.checkpoint_interval_ms,
        };
        let number = |name, default: u32| -> Result<u32, Diagnostic> {
            let typed = options::integer_in(&options, name, 0, i64::from(u32::MAX))?;
            Ok(typed.and_then(|number| u32::try_from(number).ok()).unwrap_or(default))
        };
        let duration = |name, default: i64| -> Result<i64, Diagnostic> {
            Ok(options::positive_duration(&options, name)?.unwrap_or(default))
        };
        let zone = match options.text("timezone")? {
            Some(name) => Zone::named(name).ok_or_else(|| {
                let unknown = Diagnostic::new(format!("unknown time zone `{name}`"));
                options::placed(&options, "timezone", unknown.help("such as 'Europe/Berlin'"))
            })?,
            None => self.zone,
        };
        let on_error = options::on_error(&options)?.unwrap_or(self.on_error);
        let dead_letter = options.text("dead_letter")?.map(str::to_owned).or(self.dead_letter);
        if options.get("dead_letter").is_some() && on_error != OnError::DeadLetter {
            return Err(options::placed(&options, "dead_letter", unused_dead_letter()));
        }
        let mode = mode(&options)?.unwrap_or(self.mode);
        Ok(Self {
            parallelism,
            max_parallelism,
            checkpoint_interval_ms,
            checkpoint_timeout_ms: duration("checkpoint_timeout", self.checkpoint_timeout_ms)?,
            min_pause_ms: duration("min_pause", self.min_pause_ms)?,
            tolerable_failed_checkpoints: number("tolerable_failed_checkpoints", self.tolerable_failed_checkpoints)?,
            retained_checkpoints: count("retained_checkpoints", 1, 10_000, self.retained_checkpoints)?,
            restart_attempts: number("restart_attempts", self.restart_attempts)?,
            restart_delay_ms: duration("restart_delay", self.restart_delay_ms)?,
            batch_rows: count("batch_rows", 1, 1 << 24, self.batch_rows)?,
            channel_capacity: count("channel_capacity", 1, 1 << 16, self.channel_capacity)?,
            task_managers: count("task_managers", 1, LARGEST_PARALLELISM, self.task_managers)?,
            allow_non_restored_state: options
                .boolean("allow_non_restored_state")?
                .unwrap_or(self.allow_non_restored_state),
            state_ttl_ms: options::positive_duration(&options, "ttl")?.or(self.state_ttl_ms),
            memory_bytes: memory(&options, self.memory_bytes, mode)?,
            on_error,
            dead_letter,
            zone,
            mode,
        })
    }
}

/// `mode = 'streaming' | 'batch'`.
fn mode(options: &Options) -> Result<Option<Mode>, Diagnostic> {
    let Some(typed) = options.text("mode")? else { return Ok(None) };
    if let Some((_, mode)) = MODES.iter().find(|(name, _)| name.eq_ignore_ascii_case(typed)) {
        return Ok(Some(*mode));
    }
    let error = Diagnostic::new(format!("option `mode` can't be '{typed}'"));
    Err(options::placed(
        options,
        "mode",
        match nearest(typed, MODES.map(|(name, _)| name)) {
            Some(near) => error.help(format!("did you mean '{near}'?")),
            None => error.help("write 'streaming' or 'batch'"),
        },
    ))
}

/// The ways a job runs, by name.
pub const MODES: [(&str, Mode); 2] = [("streaming", Mode::Streaming), ("batch", Mode::Batch)];

/// The memory for state, bytes, as `memory` and `backend` say it together.
fn memory(options: &Options, default: Option<u64>, mode: Mode) -> Result<Option<u64>, Diagnostic> {
    const BACKENDS: [&str; 2] = ["memory", "redb"];
    let bytes = bytes(options, "memory")?;
    if bytes.is_some_and(|bytes| bytes < LEAST_MEMORY_BYTES && mode == Mode::Streaming) {
        let little = Diagnostic::new("option `memory` must be at least 1mb: less does not hold a batch");
        return Err(options::placed(options, "memory", little));
    }
    let Some(typed) = options.text("backend")? else { return Ok(bytes.or(default)) };
    let Some(backend) = BACKENDS.into_iter().find(|name| name.eq_ignore_ascii_case(typed)) else {
        let unknown = Diagnostic::new(format!("option `backend` can't be '{typed}'"));
        let unknown = match nearest(typed, BACKENDS) {
            Some(near) => unknown.help(format!("did you mean '{near}'?")),
            None => unknown.help("write 'memory' or 'redb'"),
        };
        return Err(options::placed(options, "backend", unknown));
    };
    match (backend, bytes) {
        ("memory", Some(_)) => {
            let unused = Diagnostic::new("option `memory` has no effect with backend = 'memory'");
            Err(options::placed(options, "memory", unused.help("backend = 'redb' keeps state within it")))
        }
        ("memory", None) => Ok(None),
        (_, bytes) => Ok(Some(bytes.or(default).unwrap_or(DEFAULT_MEMORY_BYTES))),
    }
}

/// A number of bytes: `67108864`, `64mb`, `'64mb'`.
fn bytes(options: &Options, name: &str) -> Result<Option<u64>, Diagnostic> {
    let Some(value) = options.get(name) else { return Ok(None) };
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a number of bytes")]
    let found = match &value.node {
        OptionValue::Integer(number) => u64::try_from(*number).ok(),
        OptionValue::Text(text) => size(text),
        _ => None,
    };
    match found.filter(|&bytes| bytes > 0) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(Diagnostic::at(value.span, format!("option `{name}` takes a size such as 64mb"))),
    }
}

fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    // Unlike in front of a word, `64m` in a text is no time.
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "b" => 0,
        unit => size_shift(&format!("{}b", unit.strip_suffix('b').unwrap_or(unit)))?,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// The error of a `dead_letter` path that nothing would be written to.
pub(super) fn unused_dead_letter() -> Diagnostic {
    Diagnostic::new("option `dead_letter` has no effect").help("it goes with on_error = 'dead_letter'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::ast::{Expr, Literal};
    use crate::plan::testing::{duration, integer, option, text, word};
    use crate::types::{Span, Spanned};

    fn parse(typed: &[(crate::types::Spanned<String>, crate::expr::ast::ExprNode)]) -> Result<JobSettings, Diagnostic> {
        JobSettings::default().with(typed)
    }

    #[test]
    fn what_is_typed_replaces_the_default() {
        let yes = Spanned::new(Expr::Literal(Literal::Boolean(true)), Span::default());
        let settings = parse(&[
            option("parallelism", integer("2")),
            option("CHECKPOINT", duration(5_000)),
            option("on_error", word("dead_letter")),
            option("dead_letter", text("out/dead")),
            option("restart_attempts", integer("0")),
            option("checkpoint_timeout", duration(60_000)),
            option("min_pause", duration(500)),
            option("tolerable_failed_checkpoints", integer("2")),
            option("allow_non_restored_state", yes),
        ])
        .unwrap();
        assert_eq!(
            settings,
            JobSettings {
                parallelism: 2,
                checkpoint_interval_ms: Some(5_000),
                on_error: OnError::DeadLetter,
                dead_letter: Some("out/dead".into()),
                restart_attempts: 0,
                checkpoint_timeout_ms: 60_000,
                min_pause_ms: 500,
                tolerable_failed_checkpoints: 2,
                allow_non_restored_state: true,
                ..JobSettings::default()
            }
        );
        let off = settings.with(&[option("checkpoint", word("off"))]).unwrap();
        assert_eq!(off.checkpoint_interval_ms, None);
        assert_eq!(off.parallelism, 2);
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for (typed, expected) in [
            (option("parallelism", integer("0")), "option `parallelism` must be from 1 to 128, not 0"),
            (option("parallelism", integer("129")), "option `parallelism` must be from 1 to 128, not 129"),
            (
                option("max_parallelism", integer("32769")),
                "option `max_parallelism` must be from 1 to 32768, not 32769",
            ),
            (option("parallelism", integer("99999999999999999999")), "the number is out of the range of a bigint"),
            (option("parallelism", text("two")), "option `parallelism` takes a whole number"),
            (option("checkpoint", duration(0)), "option `checkpoint` must be longer than 0s"),
            (option("checkpoint", integer("5")), "option `checkpoint` takes a duration such as 5s"),
            (option("checkpoint_timeout", duration(0)), "option `checkpoint_timeout` must be longer than 0s"),
            (
                option("tolerable_failed_checkpoints", integer("-1")),
                "option `tolerable_failed_checkpoints` must be from 0 to 4294967295, not -1",
            ),
            (option("memory", integer("1000")), "option `memory` must be at least 1mb: less does not hold a batch"),
            (option("backend", text("disk")), "option `backend` can't be 'disk'"),
            (option("restart_delay", duration(-1)), "option `restart_delay` must be longer than 0s"),
            (option("on_error", text("ignore")), "option `on_error` can't be 'ignore'"),
            (option("dead_letter", text("x")), "option `dead_letter` has no effect"),
            (option("paralelism", integer("2")), "a job has no option `paralelism`"),
        ] {
            assert_eq!(parse(&[typed]).unwrap_err().message, expected);
        }
        let twice = [option("parallelism", integer("1")), option("parallelism", integer("2"))];
        assert_eq!(parse(&twice).unwrap_err().message, "option `parallelism` is given twice");
        let above = JobSettings { parallelism: 8, ..JobSettings::default() };
        let error = above.with(&[option("max_parallelism", integer("4"))]).unwrap_err();
        assert_eq!(error.message, "the parallelism is 8, more than the maximum of 4");
    }

    #[test]
    fn the_mode_and_the_memory_are_typed_as_in_flink_or_as_words() {
        let settings = parse(&[option("mode", word("BATCH")), option("memory", text("64 mb"))]).unwrap();
        assert_eq!((settings.mode, settings.memory_bytes), (Mode::Batch, Some(64 << 20)));
        assert_eq!(settings.spill_bytes(), 64 << 20);
        let little = [option("mode", word("batch")), option("memory", integer("1000"))];
        assert_eq!(parse(&little).unwrap().memory_bytes, Some(1_000));
        for (typed, expected) in [
            (option("mode", text("batsch")), "option `mode` can't be 'batsch'"),
            (option("memory", text("64 cows")), "option `memory` takes a size such as 64mb"),
            (option("memory", integer("0")), "option `memory` takes a size such as 64mb"),
        ] {
            assert_eq!(parse(&[typed]).unwrap_err().message, expected);
        }
    }

    #[test]
    fn memory_and_backend_go_together() {
        let bytes = |typed: &[_]| parse(typed).map(|settings| settings.memory_bytes).map_err(|error| error.message);
        let memory = || option("memory", integer("33554432"));
        assert_eq!(bytes(&[]), Ok(None));
        assert_eq!(bytes(&[memory()]), Ok(Some(32 << 20)));
        assert_eq!(bytes(&[memory(), option("backend", word("redb"))]), Ok(Some(32 << 20)));
        assert_eq!(bytes(&[option("backend", text("redb"))]), Ok(Some(256 << 20)));
        assert_eq!(bytes(&[option("backend", text("memory"))]), Ok(None));
        let both = bytes(&[memory(), option("backend", text("memory"))]);
        assert_eq!(both.unwrap_err(), "option `memory` has no effect with backend = 'memory'");
    }

    #[test]
    fn the_near_name_is_offered() {
        let error = parse(&[option("paralelism", integer("2"))]).unwrap_err();
        assert_eq!(error.help.as_deref(), Some("did you mean `parallelism`?"));
        let error = parse(&[option("on_error", text("dead_leter"))]).unwrap_err();
        assert_eq!(error.help.as_deref(), Some("did you mean 'dead_letter'?"));
    }
}
