use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use super::*;
use crate::api::{OptionValue, PlannedSource};
use crate::connectors::file::source::source;
use crate::connectors::file::text::text_schema;
use crate::connectors::testing::{Got, request};
use crate::types::VirtualClock;

/// A followed folder or file in a directory of its own, on a clock of its own.
struct Growing {
    dir: tempfile::TempDir,
    clock: VirtualClock,
    source: Arc<dyn PlannedSource>,
    readers: Vec<Box<dyn Source>>,
}

impl Growing {
    fn new(target: &str, first: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = VirtualClock::at(0);
        fs::create_dir(dir.path().join("in")).unwrap();
        for (name, text) in first {
            fs::write(dir.path().join("in").join(name), text).unwrap();
        }
        let options = [("format", OptionValue::Text("text".to_owned())), ("follow", OptionValue::Boolean(true))];
        let source = source(&request(Some(target), Some(text_schema()), &options, dir.path())).unwrap();
        let mut growing = Self { dir, clock, source, readers: Vec::new() };
        growing.restart(1, None).unwrap();
        growing
    }

    fn restart(&mut self, parallelism: usize, restored: Option<Vec<Vec<u8>>>) -> Result<()> {
        let clock = Arc::new(self.clock.clone());
        let start = SourceStart { parallelism, projection: vec![0], restored, batch_rows: 3, clock };
        self.readers = self.source.start(&start)?;
        Ok(())
    }

    fn append(&self, name: &str, text: &str) {
        let path = self.dir.path().join("in").join(name);
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("in").join(name)
    }

    /// What there is for now, sorted.
    fn read(&mut self) -> Result<Vec<String>> {
        self.clock.advance(Duration::from_secs(1));
        let mut got = Got::default();
        for reader in &mut self.readers {
            while let SourcePoll::Rows { rows, rejected } = reader.poll()? {
                got.batches.push(rows);
                got.rejected.extend(rejected.into_iter().map(|(_, row)| row));
            }
        }
        let bad = got.rejected.iter().map(|row| row.place.clone());
        let mut all: Vec<String> = got.sorted().into_iter().chain(bad).collect();
        all.sort_unstable();
        Ok(all)
    }

    fn snapshot(&mut self) -> Result<Vec<Vec<u8>>> {
        self.readers.iter_mut().map(|reader| reader.snapshot(CheckpointId(1))).collect()
    }
}

#[test]
fn what_is_written_behind_the_end_is_read_line_by_line() {
    let mut growing = Growing::new("in/f", &[("f", "a\nb")]);
    assert_eq!(growing.read().unwrap(), ["a"], "a line is whole with its end");
    assert_eq!(growing.read().unwrap(), Vec::<String>::new());
    growing.append("f", "c\n!d\ne\nf\n");
    assert_eq!(growing.read().unwrap(), ["bc", "e", "f", "in/f:3"]);
    growing.append("f", "g");
    assert_eq!(growing.read().unwrap(), Vec::<String>::new());
    growing.append("f", "h\n");
    assert_eq!(growing.read().unwrap(), ["gh"]);
}

#[test]
fn files_that_come_are_taken_up_and_renamed_ones_go_on() {
    let mut growing = Growing::new("in", &[]);
    assert_eq!(growing.read().unwrap(), Vec::<String>::new());
    growing.append("log", "#header\na\n");
    growing.append(".staged", "x\n");
    assert_eq!(growing.read().unwrap(), ["a"]);
    growing.append("log", "b\n");
    fs::rename(growing.path("log"), growing.path("log.1")).unwrap();
    growing.append("log", "#header\nc\n");
    assert_eq!(growing.read().unwrap(), ["b", "c"], "rotated");
    growing.append("log", "d\n");
    fs::remove_file(growing.path("log.1")).unwrap();
    assert_eq!(growing.read().unwrap(), ["d"]);
    assert_eq!(growing.read().unwrap(), Vec::<String>::new());
}

#[test]
fn a_file_that_is_truncated_or_rewritten_is_an_error() {
    let mut growing = Growing::new("in/f", &[("f", "a\nb\n")]);
    assert_eq!(growing.read().unwrap(), ["a", "b"]);
    fs::write(growing.path("f"), "x\n").unwrap();
    let error = growing.read().unwrap_err().to_string();
    assert!(error.contains("was truncated while it was followed: from 4 to 2 bytes"), "{error}");

    let mut growing = Growing::new("in/f", &[("f", "a\nb\n")]);
    growing.read().unwrap();
    let held = growing.snapshot().unwrap();
    fs::write(growing.path("f"), "X\nb\nc\n").unwrap();
    let error = growing.snapshot().unwrap_err().to_string();
    assert!(error.contains("was rewritten while it was read"), "{error}");
    growing.restart(2, Some(held)).unwrap();
    let error = growing.read().unwrap_err().to_string();
    assert!(error.contains("is not what was read at the checkpoint"), "{error}");
}

#[test]
fn a_log_that_was_rotated_while_nobody_read_goes_on_where_it_was() {
    let mut growing = Growing::new("in", &[("log", "a\nb\n")]);
    assert_eq!(growing.read().unwrap(), ["a", "b"]);
    let held = growing.snapshot().unwrap();
    growing.append("log", "c\n");
    fs::rename(growing.path("log"), growing.path("log.1")).unwrap();
    growing.append("log", "d\n");
    growing.restart(2, Some(held)).unwrap();
    assert_eq!(growing.read().unwrap(), ["c", "d"]);
}

/// Files grow while readers are killed behind a checkpoint and restored, each time at another parallelism.
#[test]
fn whatever_the_failures_every_line_counts_once() {
    for seed in 0..20 {
        let random = crate::connectors::random::Stream::new(seed, "follow");
        let mut row = 0;
        let mut below = |bound: u64| {
            row += 1;
            random.below(row, bound)
        };
        let mut growing = Growing::new("in", &[]);
        let mut written = Vec::new();
        let mut kept = Vec::new();
        for round in 0..12 {
            for _ in 0..below(6) {
                let (file, line) = (below(4), format!("{seed}-{round}-{}", written.len()));
                // Some come in two pieces.
                let (front, back) = line.split_at(usize::try_from(below(line.len() as u64)).unwrap());
                let name = format!("f{file}");
                growing.append(&name, front);
                if below(2) == 0 {
                    kept.extend(growing.read().unwrap());
                }
                growing.append(&name, &format!("{back}\n"));
                written.push(line);
            }
            kept.extend(growing.read().unwrap());
            let held = growing.snapshot().unwrap();
            // What is read behind the checkpoint is forgotten with the run.
            growing.append("f0", &format!("{seed}-{round}-late\n"));
            written.push(format!("{seed}-{round}-late"));
            growing.read().unwrap();
            growing.restart(usize::try_from(below(4)).unwrap() + 1, Some(held)).unwrap();
        }
        kept.extend(growing.read().unwrap());
        kept.sort_unstable();
        written.sort_unstable();
        assert_eq!(kept, written, "seed {seed}");
    }
}

#[test]
fn partitions_are_read_side_by_side_and_one_that_was_read_to_its_end_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("a", "1\n2\n3\n4\n5\n"), ("b", "6\n7\n"), ("c", "")] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let options = [("format", OptionValue::Text("text".to_owned())), ("partitioned", OptionValue::Boolean(true))];
    let source = source(&request(Some("*"), Some(text_schema()), &options, dir.path())).unwrap();
    let open = |parallelism, restored| {
        let clock = Arc::new(VirtualClock::at(0));
        source.start(&SourceStart { parallelism, projection: vec![0], restored, batch_rows: 3, clock })
    };
    let rows = |reader: &mut Box<dyn Source>, split: &str| match reader.poll_split(split).unwrap() {
        SourcePoll::Rows { rows, .. } => Some(rows.num_rows()),
        SourcePoll::Pending(_) => panic!("it does not grow"),
        SourcePoll::End => None,
    };
    let names = |reader: &dyn Source| reader.splits().unwrap().join(" ");
    let mut readers = open(1, None).unwrap();
    assert_eq!(names(&*readers[0]), "a b c", "they are known before anything is read");
    let reader = &mut readers[0];
    assert_eq!((rows(reader, "b"), rows(reader, "b"), rows(reader, "a")), (Some(2), None, Some(3)));
    assert_eq!(names(&**reader), "a c");
    let entry = reader.snapshot(CheckpointId(1)).unwrap();
    let mut again = open(2, Some(vec![entry.clone()])).unwrap();
    assert_eq!((names(&*again[0]), names(&*again[1])), ("a c".to_owned(), String::new()));
    let unread = again[0].snapshot(CheckpointId(2)).unwrap();
    let mut third = open(1, Some(vec![unread, again[1].snapshot(CheckpointId(2)).unwrap()])).unwrap();
    let reader = &mut third[1];
    assert_eq!((rows(reader, "a"), rows(reader, "a"), rows(reader, "c")), (Some(2), None, None));
    assert!(reader.is_at_end() && third[0].is_at_end());
    fs::remove_file(dir.path().join("b")).unwrap();
    let gone = open(1, Some(vec![entry])).err().unwrap().to_string();
    assert!(gone.contains("b was read until the checkpoint, and is gone"), "{gone}");
}
