use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

/// The texts that were written, and where: `out:…`, `err:…`, `above:…`.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<String>>>);

impl Written {
    fn all(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }

    fn push(&self, text: String) {
        self.0.lock().expect("not poisoned").push(text);
    }

    /// Waits until `found` holds, at most ten seconds.
    fn until(&self, found: impl Fn(&[String]) -> bool) -> Vec<String> {
        for _ in 0..1_000 {
            if found(&self.all()) {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        self.all()
    }
}

impl Streams for Written {
    fn data(&self, text: &[u8]) -> io::Result<()> {
        self.push(format!("out:{}", String::from_utf8_lossy(text)));
        Ok(())
    }

    fn notice(&self, text: &str) {
        self.push(format!("err:{text}"));
    }
}

fn outlet() -> (&'static Outlet, Written) {
    let written = Written::default();
    (Box::leak(Box::new(Outlet::new(Box::new(written.clone())))), written)
}

fn attached() -> (&'static Outlet, Written) {
    let (outlet, written) = outlet();
    let above = written.clone();
    let shown = move |text| {
        above.push(format!("above:{text}"));
        Ok(())
    };
    outlet.attach(Box::new(shown)).expect("a thread");
    outlet.lock().notices_above = true;
    (outlet, written)
}

#[test]
fn without_a_prompt_everything_goes_to_the_streams() {
    let (outlet, written) = outlet();
    let _at_prompt = outlet.at_prompt();
    outlet.data(&"a\n".into()).expect("written");
    outlet.rows(b"b\n").expect("written");
    outlet.notice(&"c\n".into());
    assert_eq!(written.all(), ["out:a\n", "out:b\n", "err:c\n"]);
}

#[test]
fn at_the_prompt_rows_and_notices_go_above_it_in_order() {
    let (outlet, written) = attached();
    let at_prompt = outlet.at_prompt();
    outlet.rows(b"one\n").expect("taken");
    outlet.notice(&"two\n".into());
    let shown = written.until(|all| all.concat().contains("two"));
    assert_eq!(shown.concat().replace("above:", ""), "one\ntwo\n");
    assert!(shown.iter().all(|text| text.starts_with("above:")), "{shown:?}");
    drop(at_prompt);
    outlet.rows(b"three\n").expect("written");
    assert_eq!(written.all().last().map(String::as_str), Some("out:three\n"));
}

#[test]
fn while_a_key_is_asked_for_everything_waits_and_then_takes_the_place_of_the_question() {
    for (outlet, written) in [outlet(), attached()] {
        let asked = outlet.ask(&"key?".into());
        outlet.rows(b"one\n").expect("taken");
        outlet.notice(&"two\n".into());
        outlet.data(&"three\n".into()).expect("taken");
        assert_eq!(written.all(), ["err:key?"]);
        drop(asked);
        assert_eq!(written.all()[1..], ["err:\r    \r", "out:one\nthree\n", "err:two\n"]);
        outlet.rows(b"four\n").expect("written");
        assert_eq!(written.all().last().map(String::as_str), Some("out:four\n"));
    }
}

#[test]
fn what_waits_when_the_prompt_is_left_is_not_lost() {
    let (outlet, written) = attached();
    let at_prompt = outlet.at_prompt();
    let rows: String = "a row of it\n".repeat(20_000);
    outlet.rows(rows.as_bytes()).expect("taken");
    drop(at_prompt);
    let shown: String =
        written.all().iter().map(|text| text.trim_start_matches("above:").trim_start_matches("out:")).collect();
    assert_eq!(shown, rows);
}

#[test]
fn a_prompt_that_takes_nothing_holds_no_job_up_for_long_and_the_loss_is_said() {
    let (outlet, written) = outlet();
    let (release, held): (SyncSender<()>, Receiver<()>) = sync_channel(0);
    let above = written.clone();
    let stuck = move |text| {
        let _ = held.recv();
        above.push(text);
        Ok(())
    };
    outlet.attach(Box::new(stuck)).expect("a thread");
    let _at_prompt = outlet.at_prompt();
    let batch = "x".repeat(1_023) + "\n";
    for _ in 0..(QUEUE_BYTES / 1_024 + 64) {
        outlet.rows(batch.as_bytes()).expect("taken or left out");
        if outlet.lock().left_out > 2 {
            break;
        }
    }
    let left_out = outlet.lock().left_out;
    assert!(left_out > 0);
    drop(release);
    let said = format!("({left_out} lines are not shown");
    assert!(written.until(|all| all.concat().contains(&said)).concat().contains(&said));
}

#[test]
fn while_the_screen_is_taken_rows_are_dropped_and_notices_kept() {
    let (outlet, written) = outlet();
    let hidden = outlet.hide();
    outlet.rows(b"row\n").expect("dropped");
    for number in 0..KEPT_NOTICES + 2 {
        outlet.notice(&format!("notice {number}\n").into());
    }
    assert!(written.all().is_empty());
    drop(hidden);
    let shown = written.all();
    assert_eq!(shown[0], "err:(2 earlier notices are not shown)\n");
    assert_eq!(shown[1], "err:notice 2\n");
    assert_eq!(shown.len(), KEPT_NOTICES + 1);
}

#[test]
fn what_is_written_goes_above_the_lines_that_are_written_over() {
    let (outlet, written) = outlet();
    let framed = outlet.framed();
    framed.show(vec!["1 row".to_owned()]);
    framed.show(vec!["1 row".to_owned()]);
    framed.show(vec!["a\u{1b}[2J".to_owned(), "2 rows".to_owned()]);
    outlet.rows(b"x\n").expect("written");
    outlet.notice(&"n\n".into());
    framed.show(vec!["3 rows".to_owned()]);
    drop(framed);
    outlet.notice(&"m\n".into());
    let expected = [
        "out:1 row",
        "out:\r\x1b[Ja\\x1b[2J\n2 rows",
        "out:\x1b[1A\r\x1b[J",
        "out:x\n",
        "err:n\n",
        "out:3 rows",
        "out:\r\x1b[J",
        "err:m\n",
    ];
    assert_eq!(written.all(), expected);
}
