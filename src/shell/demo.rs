//! `lotic demo`: built-in jobs on built-in data.

use super::foreground;
use super::script::{End, Script};
use super::{EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, RunOptions, Shell, print};
use crate::types::{Diagnostic, Result};

/// One demo: a session file inside the binary.
struct Demo {
    name: &'static str,
    summary: &'static str,
    script: &'static str,
}

const DEMOS: &[Demo] = &[
    Demo {
        name: "nexmark",
        summary: "an auction site: bids per auction and their prices in windows of 10 seconds",
        script: include_str!("../../sessions/demo/nexmark.lotic"),
    },
    Demo {
        name: "sensors",
        summary: "sensor readings with late rows and a sensor that falls silent",
        script: include_str!("../../sessions/demo/sensors.lotic"),
    },
    Demo {
        name: "clicks",
        summary: "a clickstream: views a page and running counts a user",
        script: include_str!("../../sessions/demo/clicks.lotic"),
    },
    Demo {
        name: "fraud",
        summary: "card transactions with planted fraud: suspicious spending a minute and account",
        script: include_str!("../../sessions/demo/fraud.lotic"),
    },
];

/// Runs demo `name` (the first when none is named) with `rows` generated rows.
pub(super) fn run(name: Option<&str>, rows: Option<u64>, options: &RunOptions) -> Result<u8> {
    if name == Some("list") {
        for demo in DEMOS {
            print::data(&format!("{:10} {}\n", demo.name, demo.summary))?;
        }
        return Ok(EXIT_OK);
    }
    let wanted = name.unwrap_or(DEMOS[0].name);
    let Some(demo) = DEMOS.iter().find(|demo| demo.name == wanted) else {
        let names: Vec<&str> = DEMOS.iter().map(|demo| demo.name).collect();
        let unknown = Diagnostic::new(format!("there is no demo `{wanted}`; there are {}", names.join(", ")))
            .did_you_mean(wanted, names);
        print::error(&format!("error: {unknown}\n"));
        return Ok(EXIT_USAGE);
    };
    let mut options = options.clone();
    // A demo leaves nothing behind in the person's own state directory.
    let scratch = std::env::temp_dir().join(format!("lotic-demo-{}", std::process::id()));
    options.state_dir.get_or_insert_with(|| scratch.clone());
    if rows.is_some() {
        options.stop_after = rows;
    }
    let mut shell = Shell::new(&options)?;
    print::error(&format!("demo {}: {}\n\n{}\n", demo.name, demo.summary, demo.script.trim()));
    let ended = Script::new(&mut shell, demo.name).run(demo.script)?;
    let code = match ended {
        End::Done | End::Quit => foreground::wait_for_jobs(&shell),
        End::Failed => EXIT_FAILURE,
        End::Interrupted => EXIT_INTERRUPTED,
    };
    drop(shell);
    // Nothing of ours may be there, which is no failure.
    let _ = std::fs::remove_dir_all(scratch);
    Ok(code)
}
