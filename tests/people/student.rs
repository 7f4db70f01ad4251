//! A student plays the tutorial, types what students type, and watches demos.

use std::path::Path;

use super::pty::Pty;
use super::{SIZE, answer, leave, plain, sits_down};

/// What a student types, which part of it is underlined (nothing: a habit, answered in one line), and a part of the answer
/// that is the way out.
const MISTAKES: [(&str, &str, &str); 52] = [
    // Habits of other shells, and words half remembered.
    ("hlep", "hlep", "`help`"),
    ("exot", "exot", "`exit`"),
    ("history", "", "Ctrl-R"),
    ("ls", "", "`!ls`"),
    ("pwd", "", "!pwd"),
    ("select * from bids", "", "bids | filter"),
    ("create table t (a int);", "", "source NAME from file"),
    ("insert into x select 1;", "", "into SINK"),
    ("alter source bids", "", "`source NAME …`"),
    ("show table", "table", "`tables`"),
    ("show job", "job", "`jobs`"),
    ("help windwo", "windwo", "`window`"),
    ("describe bidz", "bidz", "`bids`"),
    (".tabels", ".tabels", "`.tables`"),
    (".mode jsn", "jsn", "`ndjson`"),
    ("set timezone = 'Berlin'", "'Berlin'", "`Europe/Berlin`"),
    // Names.
    ("bid | limit 3", "bid", "`bids`"),
    ("bids | fliter price > 10 | limit 3", "fliter", "`filter`"),
    ("bids | filter pirce > 10 | limit 3", "pirce", "`price`"),
    ("bids | filter channel = Google | limit 3", "Google", "channel"),
    ("bids | map uper(channel) | limit 3", "uper", "`upper`"),
    ("bids | map cast(price as strng) as p | limit 3", "strng", "`string`"),
    ("bids | key_by auktion | aggregate count(*) as n", "auktion", "`auction`"),
    ("bids | key_by auction | aggregate counts(*) as n", "counts", "`count`"),
    ("bids | key_by auction | window tumbel(10s) | aggregate count(*) as n", "tumbel", "`tumble`"),
    // Signs and numbers.
    ("bids | filter price == 10", "=", "one `=`"),
    ("bids | filter price > 10 && auction = 1", "&", "`and`"),
    ("bids | filter channel = \"Google\"", "\"", "'text'"),
    ("bids | limit ten", "ten", "a whole number"),
    ("bids | limit -1", "-", "a whole number"),
    ("bids | map price eur", "eur", "`as`"),
    ("bids | map upper(channel, 2)", "upper(channel, 2)", "upper(text string)"),
    ("bids | filter channel + 1 > 2", "channel + 1", "`||`"),
    ("bids | key_by auction | window tumble(10) | aggregate count(*) as n", "10", "`tumble(10s)`"),
    ("bids | key_by auction | window tumble | aggregate count(*) as n", "tumble", "`window tumble(size[, offset])`"),
    ("bids | key_by auction | window hop(10s) | aggregate count(*) as n", "hop", "`hop(10s, 2s)`"),
    // What belongs together.
    ("bids | window tumble(10s)", "bids | window tumble(10s)", "`aggregate`"),
    ("bids | key_by auction aggregate count(*) as n", "aggregate", "`|`"),
    ("bids | map sum(price) as total", "sum", "`aggregate`"),
    ("bids | key_by auction | aggregate price", "price", "`count(*)`"),
    ("bids | into nowhere", "into nowhere", "run "),
    ("pricey = bids | limit 5", "pricey", "`stream pricey = …`"),
    // Jobs, sources and sinks.
    ("run = bids | into print;", "=", "name of the job"),
    ("run hot = bids | limit 3;", "bids | limit 3", "`| into print`"),
    ("run hot with (paralelism = 2) = bids | into print;", "paralelism", "`parallelism`"),
    ("run hot with (parallelism = 200) = bids | into print;", "200", "from 1 to 128"),
    ("run hot with (checkpoint = 5) = bids | into print;", "5", "5s"),
    ("rescale hot;", ";", "`to`"),
    ("source s from fiel 'x';", "fiel", "`file`"),
    ("source s from nexmark 'bids';", "'bids'", "`bid`"),
    ("source s from nexmark 'bid' with (evnts = 5);", "evnts", "`events`"),
    ("drop source bids", "bids", "of your own"),
];

/// Types a mistake: it is answered at its place and with the way out, and the prompt is there again.
fn is_answered(pty: &mut Pty, (typed, place, way_out): (&str, &str, &str)) {
    let said = answer(pty, typed);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.first().is_some_and(|line| line.starts_with("error: ")), "{typed}: {said}");
    let shown = lines.iter().position(|line| *line == format!("1 | {typed}"));
    let mut told = lines.clone();
    match shown {
        None => assert!(place.is_empty() && lines.len() == 1, "{typed}: one line, or at its place: {said}"),
        Some(at) => {
            let carets = lines[at + 1].strip_prefix("  | ").unwrap_or_default();
            let underlined = typed.chars().zip(carets.chars()).filter(|(_, caret)| *caret == '^');
            assert_eq!(underlined.map(|(c, _)| c).collect::<String>(), place, "{typed}: {said}");
            told.remove(at);
        }
    }
    assert!(told.join(" ").contains(way_out), "{typed}: {way_out} is the way out: {said}");
}

/// The lines that a lesson shows, without those that need not be the same each time.
fn shows(name: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sessions/{name}.lotic"));
    let text = std::fs::read_to_string(file).expect("UTF-8");
    let shown = text.lines().filter_map(|line| line.strip_prefix("--> ").or_else(|| line.strip_prefix("--~ ")));
    shown.filter(|line| !line.contains(['…', '‹'])).map(str::to_owned).collect()
}

/// Waits for the line that asks for Enter in front of the next step; which step it is and of how many.
fn asked(pty: &Pty, step: usize) -> usize {
    let begins = format!("[{step}/");
    // A key before that would be lost: the terminal is not read yet.
    pty.until(&begins, |pty| pty.last_line().starts_with(&begins) && pty.modes().termios != pty.untouched().termios);
    let line = pty.last_line();
    let steps = line.strip_prefix(&begins).and_then(|rest| rest.split_once(']')).map(|(steps, _)| steps);
    steps.and_then(|steps| steps.parse().ok()).expect("how many steps there are")
}

/// Plays a lesson to its end; what it has to show is shown.
fn plays(pty: &mut Pty, number: usize, name: &str) {
    let before = pty.bytes().len();
    pty.press(&format!("tutorial {number}\r"));
    let steps = asked(pty, 1);
    for step in 1..=steps {
        assert_eq!(asked(pty, step), steps);
        if step == 2 {
            // Whoever types here what belongs to the prompt, right or wrong, has not left the lesson.
            pty.press("hlep; bids | limit 3");
            assert_eq!(asked(pty, step), steps);
        }
        pty.press("\r");
    }
    pty.prompt();
    let played = plain(&pty.bytes()[before..]);
    // What is shown is written over the line that asked.
    let played: Vec<&str> = played.lines().filter_map(|line| line.trim_end().rsplit('\r').next()).collect();
    let shown = shows(name);
    assert!(shown.len() >= 15, "{name} shows {} lines", shown.len());
    for line in shown {
        assert!(played.contains(&line.trim_end()), "lesson {name} shows {line:?}: {played:#?}");
    }
}

#[test]
fn a_student() {
    let directory = tempfile::tempdir().expect("a directory");
    // As wide as the tables in the lessons.
    let mut pty = Pty::open(directory.path(), (100, 40), &[], &[]);
    pty.prompt();
    let lessons = answer(&mut pty, "tutorial");
    for (number, name) in [(1, "first_pipeline"), (2, "event_time"), (3, "windows"), (4, "changelog")] {
        assert!(lessons.lines().any(|line| line.trim_start().starts_with(&format!("{number}  {name} "))), "{lessons}");
    }
    for (number, name) in [(1, "first_pipeline"), (2, "event_time"), (4, "changelog")] {
        plays(&mut pty, number, name);
    }
    // One is left in the middle, and its source is there.
    pty.press("tutorial windows\r");
    asked(&pty, 1);
    pty.press("\r");
    asked(&pty, 2);
    let before = pty.bytes().len();
    pty.press("q");
    pty.until("the source", |pty| pty.bytes()[before..].contains("views"));
    pty.prompt();
    assert!(answer(&mut pty, "views | filter name = 'bob' | map at").contains("2000\n14000"));
    leave(pty);
    let mut pty = sits_down(directory.path());
    assert!(answer(&mut pty, "orders | limit 1").contains("ann"), "of a lesson that was played to its end");

    for mistake in MISTAKES {
        is_answered(&mut pty, mistake);
    }
    // The way out leads out: what is offered in place of what was underlined runs.
    let offers = MISTAKES.iter().filter(|(typed, _, way_out)| typed.ends_with("limit 3") && way_out.starts_with('`'));
    let mut led_out = 0;
    for (typed, place, way_out) in offers {
        let said = answer(&mut pty, &typed.replacen(place, way_out.trim_matches('`'), 1));
        assert!(said.ends_with("(3 rows)"), "{typed}: {said}");
        led_out += 1;
    }
    assert!(led_out >= 5);
    assert!(answer(&mut pty, "show jobs").contains("no jobs"), "no mistake has started anything");
    leave(pty);
}

/// The caption of the demo on the screen: the question, and the keys that it says are worth pressing.
fn caption(pty: &Pty) -> (String, Vec<char>) {
    pty.shows("Look: ");
    let lines = pty.lines();
    let at = lines.iter().position(|line| line.contains("Look: ")).expect("a caption");
    let keys = lines[at].split_once("Try ").map_or("", |(_, keys)| keys).split(", ").filter_map(|piece| {
        let mut characters = piece.chars();
        characters.next().filter(|_| characters.next() == Some(' '))
    });
    (lines[at - 1].trim().to_owned(), keys.collect())
}

#[test]
fn a_student_watches_each_demo_presses_what_its_caption_says_and_leaves_it_running() {
    let directory = tempfile::tempdir().expect("a directory");
    let listed = super::common::lotic(directory.path(), &["demo", "list"], None);
    let listed = String::from_utf8(listed.stdout).expect("UTF-8");
    let demos: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(demos.len() >= 4, "{listed}");
    for (number, demo) in demos.iter().enumerate() {
        let mut pty = Pty::open(directory.path(), SIZE, &["demo", demo], &[]);
        pty.dashboard();
        pty.shows("▶ running");
        let (question, keys) = caption(&pty);
        assert!(question.ends_with('?') && keys.len() == 3, "{question}: {keys:?}");
        for key in keys {
            pty.press(&key.to_string());
            if key.is_ascii_digit() {
                pty.shows(&format!("▸{key} "));
            } else {
                pty.shows("Kill a subtask");
                pty.escape("Kill a subtask");
            }
        }
        pty.press("q");
        pty.shows("leave it running");
        if number > 0 {
            // The second answer ends it.
            pty.press("\u{1b}[B\r");
            assert_eq!(pty.exit_code(), 0, "{demo}");
            pty.given_back();
            continue;
        }
        pty.press("\r");
        pty.until("the prompt", |pty| !pty.modes().alternate_screen && pty.bytes().contains("lotic> "));
        pty.press("\u{c}pause nexmark\r");
        pty.shows("is paused");
        let jobs = pty.json("show jobs --json");
        assert!(jobs[0]["job"] == "nexmark" && jobs[0]["rows_in"].as_u64() > Some(0), "{jobs}");
        leave(pty);
    }
}

/// No word of a lesson, of the list of lessons or of a caption is broken, whatever the size of the terminal.
#[test]
fn words_of_lessons_and_captions_are_whole_at_three_sizes() {
    let directory = tempfile::tempdir().expect("a directory");
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut pty = Pty::open(directory.path(), size, &[], &[]);
        pty.prompt();
        let listed = answer(&mut pty, "tutorial");
        let words: Vec<&str> = listed.split_whitespace().collect();
        for (number, name) in
            (1..).zip(["first_pipeline", "event_time", "windows", "changelog", "checkpoints", "rescaling"])
        {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sessions/{name}.lotic"));
            let text = std::fs::read_to_string(file).expect("UTF-8");
            let title = text.lines().next().and_then(|line| line.strip_prefix("-- ")).expect("a title");
            for word in title.split(' ') {
                assert!(words.contains(&word), "`{word}` is broken at {size:?}: {listed}");
            }
            // The prose in front of the first statement.
            pty.press("\u{c}");
            pty.until("an empty screen", |pty| pty.lines() == ["lotic>"]);
            pty.press(&format!("tutorial {number}\r"));
            asked(&pty, 1);
            let screen = pty.screen();
            let shown: Vec<&str> = screen.split_whitespace().collect();
            let prose = text.lines().map_while(|line| line.strip_prefix("--"));
            for word in prose.flat_map(str::split_whitespace) {
                assert!(shown.contains(&word), "`{word}` of {name} is broken at {size:?}:\n{screen}");
            }
            pty.press("q");
            pty.prompt();
        }
        leave(pty);

        let mut demo = Pty::open(directory.path(), size, &["demo", "clicks"], &[]);
        demo.dashboard();
        let (question, keys) = caption(&demo);
        assert!(question.starts_with("Which pages") && question.ends_with('?') && keys.len() == 3, "{question}");
        demo.press("q");
        demo.shows("leave it running");
        demo.press("\u{1b}[B\r");
        assert_eq!(demo.exit_code(), 0);
    }
}
