//! `tutorial`: the sessions, played step by step.

use std::fmt::Write as _;
use std::io::IsTerminal;

use crossterm::event::KeyCode;

use super::cli::RunOptions;
use super::end::End;
use super::exit::{EXIT_FAILURE, EXIT_OK, EXIT_USAGE};
use super::lesson::{Lesson, Step};
use super::mode::Mode;
use super::rows::RowPrinter;
use super::scratch::Scratch;
use super::shell::Shell;
use super::signals::Interrupts;
use super::{ask, print, render};
use crate::session::{Memory, Session, TUTORIALS, Tutorial, registries};
use crate::types::{Diagnostic, Printable, Result, wrapped};

fn find(name: &str) -> Result<&'static Tutorial, Diagnostic> {
    let by_number = name.parse::<usize>().ok().and_then(|n| TUTORIALS.get(n.checked_sub(1)?));
    let wanted = name.replace('-', "_");
    let by_name = TUTORIALS.iter().find(|tutorial| tutorial.name.eq_ignore_ascii_case(&wanted));
    by_number.or(by_name).ok_or_else(|| {
        let names: Vec<&str> = TUTORIALS.iter().map(|tutorial| tutorial.name).collect();
        Diagnostic::new(format!("there is no lesson `{name}`; there are {}", names.join(", ")))
            .did_you_mean(&wanted, names)
    })
}

/// The lessons with their titles, which are broken between words where the terminal has `width` columns.
fn list(width: Option<usize>) -> String {
    let registries = registries(crate::commands::specs());
    let mut text = String::new();
    let longest = TUTORIALS.iter().map(|tutorial| tutorial.name.len()).max().unwrap_or(0);
    for (index, tutorial) in TUTORIALS.iter().enumerate() {
        let lesson = Lesson::parse(tutorial.text, &registries);
        let name = format!("{:2}  {:longest$}  ", index + 1, tutorial.name);
        let room = width.map(|width| width.saturating_sub(name.len())).filter(|&room| room > name.len());
        let title = room.map_or_else(|| vec![lesson.title().to_owned()], |room| wrapped(lesson.title(), room));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}{}", title.join(&format!("\n{:1$}", "", name.len())));
    }
    text
}

const HOW: &str = "`tutorial 1` plays the first: Enter runs the next statement, q leaves.\n";

/// Runs the statements of a text, which comes from somewhere. A script that plays a lesson gives its own way to do so.
pub(super) type RunText = fn(&mut Shell, &str, &str) -> Result<End>;

/// `lotic tutorial [NAME]`
pub(super) fn run(name: Option<&str>, no_wait: bool, run_text: RunText) -> Result<u8> {
    let Some(name) = name else {
        print::data(list(None))?;
        print::error(HOW);
        return Ok(EXIT_OK);
    };
    let tutorial = match find(name) {
        Ok(tutorial) => tutorial,
        Err(unknown) => {
            print::error(Printable::line(&format!("error: {unknown}")));
            return Ok(EXIT_USAGE);
        }
    };
    let interactive = !no_wait && ask::is_interactive();
    let interrupts = Interrupts::install()?;
    let mut shell = Shell::new(&RunOptions::default(), Memory::Shared)?;
    Ok(match play(tutorial, interactive, &interrupts, run_text, &mut shell.session)? {
        End::Done | End::Quit => EXIT_OK,
        End::Failed => EXIT_FAILURE,
        End::Interrupted => interrupts.exit_code(),
    })
}

/// `tutorial [NAME]` at the prompt.
pub(super) fn from_prompt(shell: &mut Shell, name: Option<&str>, run_text: RunText) -> Result<End> {
    let Some(name) = name else {
        shell.data(list(render::terminal_width().map(usize::from)))?;
        shell.message(HOW);
        return Ok(End::Done);
    };
    match find(name) {
        // A session that is replayed shows no other inside it.
        Ok(_) if !shell.rows.is_shown() => Ok(End::Done),
        Ok(tutorial) => {
            let interrupts = shell.interrupts.clone();
            let end = play(tutorial, ask::is_interactive(), &interrupts, run_text, &mut shell.session)?;
            Ok(match end {
                // Leaving the lesson is not leaving the prompt.
                End::Quit | End::Interrupted => End::Done,
                End::Done | End::Failed => end,
            })
        }
        Err(unknown) => {
            shell.message(Printable::line(&format!("error: {unknown}")));
            Ok(End::Failed)
        }
    }
}

/// Plays a lesson to its end, or to where the person leaves it, and leaves its sources to `heir`. A statement that fails is
/// a part of some lessons.
fn play(
    tutorial: &Tutorial,
    interactive: bool,
    interrupts: &Interrupts,
    run_text: RunText,
    heir: &mut Session,
) -> Result<End> {
    let scratch = Scratch::new("tutorial")?;
    if interactive {
        interrupts.follow_terminal();
    }
    let mut shell = Shell::scratch(&scratch, RowPrinter::new(Mode::Table), interrupts.clone());
    let lesson = Lesson::parse(tutorial.text, shell.session.registries());
    let end = steps(&lesson, &mut shell, interactive, run_text);
    if let Ok(End::Quit | End::Interrupted) = end {
        print::error(format!("you left the lesson; `tutorial {}` plays it from its beginning\n", tutorial.name));
    }
    shell.session.cancel_all();
    let left = heir.adopt(&shell.session);
    if !left.is_empty() {
        print::error(Printable::line(&format!("{} can be used from now on", left.join(", "))));
    }
    end
}

fn steps(lesson: &Lesson, shell: &mut Shell, interactive: bool, run_text: RunText) -> Result<End> {
    let look = Look { colour: render::colour() && std::io::stdout().is_terminal() };
    for (index, step) in lesson.steps.iter().enumerate() {
        print::data(look.step(step))?;
        if interactive && !proceeds(&shell.interrupts, index + 1, lesson.steps.len())? {
            return Ok(End::Quit);
        }
        match run_text(shell, "<tutorial>", &step.statement)? {
            End::Done | End::Failed => {}
            ended @ (End::Quit | End::Interrupted) => return Ok(ended),
        }
        print::data("\n")?;
    }
    print::data(look.prose(&lesson.closing))?;
    Ok(End::Done)
}

/// The paragraphs of a prose in lines of at most `width` columns; lines that are further in stay as they are.
fn fitted(lines: &[String], width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|&width| lines.iter().any(|line| line.chars().count() > width)) else {
        return lines.to_vec();
    };
    let stands = |line: &str| line.is_empty() || line.starts_with(' ');
    let mut shown = Vec::new();
    for paragraph in lines.chunk_by(|line, next| !stands(line) && !stands(next)) {
        match paragraph {
            [line] if stands(line) => shown.push(line.clone()),
            _ => shown.extend(wrapped(&paragraph.join(" "), width)),
        }
    }
    shown
}

const PROMPT: &str = "lotic> ";
/// Stands in front of the other lines of a statement, as at the prompt.
const FURTHER_PROMPT: &str = "  ...> ";

/// A line of a statement in lines of at most `room` columns, broken between words; what follows is further in.
fn typed(line: &str, room: Option<usize>) -> Vec<String> {
    let begins = line.len() - line.trim_start().len();
    let Some(room) = room.filter(|&room| line.chars().count() > room && room > 2 * (begins + FURTHER)) else {
        return vec![line.to_owned()];
    };
    let pieces = wrapped(line, room - begins - FURTHER).into_iter().enumerate();
    pieces
        .map(|(index, piece)| format!("{:1$}{piece}", "", if index == 0 { begins } else { begins + FURTHER }))
        .collect()
}

/// Columns that the rest of a broken line is further in.
const FURTHER: usize = 4;

/// The look of a lesson as it is drawn.
struct Look {
    colour: bool,
}

impl Look {
    fn prose(&self, lines: &[String]) -> Printable {
        let mut text = Printable::default();
        for line in &fitted(lines, render::terminal_width().map(usize::from)) {
            self.push(&mut text, "2", line);
            text.push(&"\n".into());
        }
        text
    }

    fn push(&self, text: &mut Printable, colour: &'static str, piece: &str) {
        if self.colour {
            text.push_coloured(colour, piece);
        } else {
            text.push(&piece.into());
        }
    }

    /// The prose, and the statement as if it were typed at the prompt.
    fn step(&self, step: &Step) -> Printable {
        let mut text = self.prose(&step.prose);
        if !step.prose.is_empty() {
            text.push(&"\n".into());
        }
        let room = render::terminal_width().map(|width| usize::from(width).saturating_sub(PROMPT.len()));
        for (index, line) in step.statement.lines().flat_map(|line| typed(line, room)).enumerate() {
            self.push(&mut text, "32", if index == 0 { PROMPT } else { FURTHER_PROMPT });
            self.push(&mut text, "1", &line);
            text.push(&"\n".into());
        }
        text
    }
}

/// Waits for a key: whether the lesson goes on.
fn proceeds(interrupts: &Interrupts, step: usize, steps: usize) -> Result<bool> {
    let hint = format!("[{step}/{steps}] Enter runs it, q leaves");
    Ok(ask::key(interrupts, &hint.into(), goes_on)?.unwrap_or(false))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other key is no answer")]
const fn goes_on(key: KeyCode) -> Option<bool> {
    match key {
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(false),
        // Not the space bar: whoever types a statement here would run the rest of the lesson.
        KeyCode::Enter => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lesson_has_a_title_and_says_what_it_shows() {
        let registries = registries(crate::commands::specs());
        for tutorial in TUTORIALS {
            let lesson = Lesson::parse(tutorial.text, &registries);
            let (title, steps) = (lesson.title(), &lesson.steps);
            assert!(title.contains([':', ',']), "{}: {title}", tutorial.name);
            let explained = steps.iter().filter(|step| !step.prose.is_empty()).count();
            let shown = steps.iter().filter(|step| !step.expected.is_empty()).count();
            assert!(explained >= 5 && shown >= 4, "{}: {explained} explained, {shown} shown", tutorial.name);
            let longest = tutorial.text.lines().map(|line| line.chars().count()).max();
            assert!(longest < Some(180), "{} has a line of {longest:?} columns", tutorial.name);
        }
    }

    #[test]
    fn the_list_of_lessons_fits_80_columns() {
        // A wider one would be shown by a pager, whose keys nobody knows who is new.
        assert!(list(None).lines().all(|line| line.chars().count() <= 80), "{}", list(None));
    }

    #[test]
    fn lessons_fit_80_columns_and_no_word_is_broken() {
        let registries = registries(crate::commands::specs());
        let words = |lines: &[String]| -> Vec<String> {
            lines.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect()
        };
        for tutorial in TUTORIALS {
            let lesson = Lesson::parse(tutorial.text, &registries);
            for prose in lesson.steps.iter().map(|step| &step.prose).chain([&lesson.closing]) {
                let shown = fitted(prose, Some(80));
                assert!(shown.iter().all(|line| line.chars().count() <= 80), "{}: {shown:#?}", tutorial.name);
                assert_eq!(words(&shown), words(prose), "{}", tutorial.name);
            }
            for line in lesson.steps.iter().flat_map(|step| step.statement.lines()) {
                let shown = typed(line, Some(80 - PROMPT.len()));
                assert!(shown.iter().all(|line| line.chars().count() <= 73), "{}: {shown:#?}", tutorial.name);
                assert_eq!(words(&shown), words(&[line.to_owned()]), "{}", tutorial.name);
            }
        }
        let lines = ["One two three".to_owned(), "four.".to_owned(), "  as it stands, however long".to_owned()];
        assert_eq!(fitted(&lines, Some(10)), ["One two", "three", "four.", "  as it stands, however long"]);
    }

    #[test]
    fn titles_are_broken_between_words() {
        for width in [80, 46] {
            let listed = list(Some(width));
            assert!(listed.lines().all(|line| line.chars().count() <= width), "{listed}");
            assert!(listed.split_whitespace().eq(list(None).split_whitespace()), "{listed}");
        }
        assert_eq!(list(None).lines().count(), TUTORIALS.len());
    }

    #[test]
    fn lessons_are_found_by_name_and_number_and_nearly() {
        assert_eq!(find("Event-Time").unwrap().name, "event_time");
        assert_eq!(find("3").unwrap().name, "windows");
        assert!(find("window").err().unwrap().to_string().contains("did you mean `windows`?"));
        assert!(find("0").is_err() && find("99").is_err());
    }
}
