//! `lotic demo`: built-in jobs on built-in data.

use super::cli::RunOptions;
use super::dashboard::{self, Left};
use super::end::End;
use super::exit::{EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE};
use super::shell::Shell;
use super::{foreground, print, prompt, script};
use crate::dashboard::Caption;
use crate::session::Memory;
use crate::types::{Diagnostic, Printable, Result};

/// One demo: a session file inside the binary.
struct Demo {
    name: &'static str,
    summary: &'static str,
    script: &'static str,
    /// The options in the script for how much there is and how fast it comes: off a terminal it is over in seconds. Beside
    /// each, what stands there instead when somebody watches.
    paces: &'static [(&'static str, &'static str)],
    caption: Caption,
}

const DEMOS: &[Demo] = &[
    Demo {
        name: "nexmark",
        summary: "an auction site: the bids of each auction and their prices, in windows of ten seconds",
        script: include_str!("../../sessions/demo/nexmark.lotic"),
        paces: &[("events = 2000000, rate = 200000", "events = 60000000, rate = 100000")],
        caption: Caption {
            question: "Which auctions get the most bids, and at what price, in each ten seconds?",
            look: "Look: bids flow from left to right.  Try 4 windows, 5 state by key, x to kill",
        },
    },
    Demo {
        name: "sensors",
        summary: "sensors: the temperature of each minute, readings that come late, a sensor that falls silent",
        script: include_str!("../../sessions/demo/sensors.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 200000, rate = 500")],
        caption: Caption {
            question: "How hot was each sensor in each minute, and which readings came too late?",
            look: "Look: late rows have a sink of their own.  Try 3 watermarks, 4 windows, 7 rows",
        },
    },
    Demo {
        name: "clicks",
        summary: "a website: the views and the users of each page in the last five minutes",
        script: include_str!("../../sessions/demo/clicks.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 80000, rate = 200")],
        caption: Caption {
            question: "Which pages were viewed most in the last five minutes, and by how many users?",
            look: "Look: each view is in five windows.  Try 4 windows, 5 users by page, 7 rows",
        },
    },
    Demo {
        name: "fraud",
        summary: "card payments: a small amount and a large one within a minute, by a process function",
        script: include_str!("../../sessions/demo/fraud.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 80000, rate = 200")],
        caption: Caption {
            question: "Which cards were tried with a small amount and then charged with a large one?",
            look: "Look: a timer forgets what was small.  Try 5 state, 7 fraud, x to kill",
        },
    },
    Demo {
        name: "sessions",
        summary: "a website: the visits, which end when nothing is clicked for ten minutes",
        script: include_str!("../../sessions/demo/sessions.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 80000, rate = 400")],
        caption: Caption {
            question: "How long was each visit, how many pages were seen, and was anything bought?",
            look: "Look: a window for each visit; it grows.  Try 4 windows, 3 watermarks, 7 rows",
        },
    },
    Demo {
        name: "idle",
        summary: "sensors behind two gateways, of which one falls silent and does not hold back the other",
        script: include_str!("../../sessions/demo/idle.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 96000, rate = 400")],
        caption: Caption {
            question: "How warm is it, while one of the two gateways says nothing?",
            look: "Look: who is idle is not waited for.  Try 3 watermarks, 4 windows, 7 rows",
        },
    },
    Demo {
        name: "pattern",
        summary: "logins: two failures or more and then a success within a minute",
        script: include_str!("../../sessions/demo/pattern.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 80000, rate = 200")],
        caption: Caption {
            question: "Whose password was guessed, in how many tries, and who was just slow?",
            look: "Look: matches begun wait for their end.  Try 5 state, 3 watermarks, 7 rows",
        },
    },
    Demo {
        name: "model",
        summary: "an online model: it learns the plane that points are near, by gradient descent",
        script: include_str!("../../sessions/demo/model.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 60000, rate = 100")],
        caption: Caption {
            question: "Are a, b and c in y = a + b x + c z the 4, 3 and -2 that were planted?",
            look: "Look: the parameters are the state.  Try 5 state, 7 rows, x to kill",
        },
    },
    Demo {
        name: "rides",
        summary: "taxis: rides joined with the fares that are paid within a quarter of an hour",
        script: include_str!("../../sessions/demo/rides.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 80000, rate = 400")],
        caption: Caption {
            question: "What did the rides from each zone bring in, and how many were never paid?",
            look: "Look: a ride waits for its fare.  Try 1 graph, 5 state, 3 watermarks",
        },
    },
    Demo {
        name: "rates",
        summary: "orders in six currencies, each at the rate of its own time",
        script: include_str!("../../sessions/demo/rates.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 80000, rate = 200")],
        caption: Caption {
            question: "What were the orders of each minute worth in euros, at the rates of the time?",
            look: "Look: the versions of each rate are state.  Try 5 state, 4 windows, 7 rows",
        },
    },
    Demo {
        name: "rules",
        summary: "card payments against rules that change while the job runs, by broadcast state",
        script: include_str!("../../sessions/demo/rules.lotic"),
        paces: &[
            ("rows = 20000, rate = 20000", "rows = 160000, rate = 400"),
            ("rows = 500, rate = 500", "rows = 4000, rate = 10"),
        ],
        caption: Caption {
            question: "Which payments were above what their country allowed at that time?",
            look: "Look: every subtask has all rules.  Try 1 graph, 5 state, 7 rows",
        },
    },
    Demo {
        name: "components",
        summary: "people and whom they know, by `iterate`: who knows whom, through however many others",
        script: include_str!("../../sessions/demo/components.lotic"),
        paces: &[("rows = 20000, rate = 20000", "rows = 400000, rate = 100000")],
        caption: Caption {
            question: "How many circles of people are there, and how large is each?",
            look: "Look: all rows first, then rounds.  Try 4 windows (rounds), 1 graph, 7 rows",
        },
    },
];

/// The names of the demos, and the word that lists them.
pub(super) fn names() -> Vec<&'static str> {
    DEMOS.iter().map(|demo| demo.name).chain(["list"]).collect()
}

/// Runs demo `name` (the first when none is named) with `rows` generated rows: in the dashboard on a terminal, else to its
/// end with the result printed.
pub(super) fn run(name: Option<&str>, rows: Option<u64>, options: &RunOptions) -> Result<u8> {
    if name == Some("list") {
        for demo in DEMOS {
            print::data(format!("{:10} {}\n", demo.name, demo.summary))?;
        }
        return Ok(EXIT_OK);
    }
    let wanted = name.unwrap_or(DEMOS[0].name);
    let Some(demo) = DEMOS.iter().find(|demo| demo.name == wanted) else {
        let names: Vec<&str> = DEMOS.iter().map(|demo| demo.name).collect();
        let unknown = Diagnostic::new(format!("there is no demo `{wanted}`; there are {}", names.join(", ")))
            .did_you_mean(wanted, names);
        print::error(Printable::line(&format!("error: {unknown}")));
        return Ok(EXIT_USAGE);
    };
    let mut options = options.clone();
    // A demo leaves nothing behind in the person's own state directory.
    let scratch = std::env::temp_dir().join(format!("lotic-demo-{}", std::process::id()));
    options.state_dir.get_or_insert_with(|| scratch.clone());
    options.stop_after = rows.into_iter().chain(options.stop_after).min();
    let mut shell = Shell::new(&options, Memory::None)?;
    let watch = dashboard::has_terminal();
    let watched_pace = |text: String, (brief, watched): &(&str, &str)| text.replace(brief, watched);
    let paces = if watch { demo.paces } else { &[] };
    let text = paces.iter().fold(demo.script.to_owned(), watched_pace);
    print::error(format!("demo {}: {}\n\n{}\n", demo.name, demo.summary, text.trim()));
    let ended = script::run(&mut shell, demo.name, &text)?;
    let code = match ended {
        End::Done if watch => watched(&mut shell, demo.caption)?,
        End::Done | End::Quit => foreground::wait_for_jobs(&shell),
        End::Failed => EXIT_FAILURE,
        End::Interrupted => shell.interrupts.exit_code(),
    };
    drop(shell);
    // Nothing of ours may be there, which is no failure.
    let _ = std::fs::remove_dir_all(scratch);
    Ok(code)
}

/// The dashboard on the demo's job; the demo ends with it, unless the person goes on at the prompt.
fn watched(shell: &mut Shell, caption: Caption) -> Result<u8> {
    let left = dashboard::watch(shell, None, Some(caption))?;
    if left == Left::ToPrompt {
        if shell.session.running().next().is_some() {
            print::error("the demo's job runs on: `dashboard` (F2) shows it, `show jobs` lists it, \\q ends it\n");
        }
        return prompt::run(shell, false);
    }
    shell.session.cancel_all();
    Ok(match left {
        Left::Interrupted => EXIT_INTERRUPTED,
        Left::Back | Left::Quit | Left::ToPrompt => shell.interrupts.ended_by().unwrap_or(EXIT_OK),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_that_is_watched_lasts_for_minutes() {
        for demo in DEMOS {
            for (brief, watched) in demo.paces {
                assert!(demo.script.contains(brief), "{}: the script says how much and how fast", demo.name);
                let numbers = watched.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok());
                let [rows, rate, ..] = numbers.collect::<Vec<_>>()[..] else { panic!("rows and a rate: {watched}") };
                // Of a batch job it is the rounds that last, and they begin when all rows have come.
                let batch = demo.script.contains("'batch'");
                assert!(if batch { rows / rate < 5 } else { rows / rate > 180 }, "{}", demo.name);
            }
            for line in [demo.caption.question, demo.caption.look] {
                assert!(line.len() < 80, "{line}");
            }
        }
    }
}
