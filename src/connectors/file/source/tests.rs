use std::fs;
use std::io::Write;
use std::path::Path;

use super::*;
use crate::api::{OptionValue, SourcePoll};
use crate::connectors::file::text::text_schema;
use crate::connectors::testing::{Got, drain, read, read_with_failures, request, start};
use crate::types::CheckpointId;

fn text(options: &[(&'static str, OptionValue)]) -> Vec<(&'static str, OptionValue)> {
    let mut all = options.to_vec();
    all.push(("format", OptionValue::Text("text".to_owned())));
    all
}

fn source_of(dir: &Path, target: &str, options: &[(&'static str, OptionValue)]) -> Arc<dyn PlannedSource> {
    source(&request(Some(target), Some(text_schema()), &text(options), dir)).unwrap()
}

fn refused(dir: &Path, target: &str, options: &[(&'static str, OptionValue)]) -> String {
    let error = source(&request(Some(target), None, options, dir)).unwrap_err();
    assert!(error.span.is_some(), "{error}");
    error.to_string().replace(&*dir.to_string_lossy(), "DIR")
}

fn bytes(option: &'static str, bytes: i64) -> (&'static str, OptionValue) {
    (option, OptionValue::Integer(bytes))
}

fn rejected(got: &Got) -> Vec<String> {
    let mut places: Vec<_> = got.rejected.iter().map(|row| format!("{}: {}", row.place, row.message)).collect();
    places.sort_unstable();
    places
}

/// Lines of all lengths from nothing to a few hundred bytes, some of them bad.
fn lines(count: usize) -> Vec<String> {
    (0..count)
        .map(|line| match line % 11 {
            3 => format!("!{line}"),
            5 => String::new(),
            7 => format!("{line}{}", "x".repeat(line % 300)),
            _ => format!("row {line}"),
        })
        .collect()
}

fn numbered(count: usize) -> String {
    let mut lines = (0..count).map(|line| format!("row {line}")).collect::<Vec<_>>().join("\n");
    lines.push('\n');
    lines
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn at_every_split_size_every_record_is_read_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    for content in [
        "a\nbb\n\n!c\ndddd\n",
        "a\r\nbb\r\n!c\r\nd",
        "\u{feff}first\nsecond\n",
        "#header\na\n!b\n",
        "\u{feff}#h\n\na",
        "\n",
        "one",
        "",
    ] {
        fs::write(dir.path().join("f"), content).unwrap();
        let straight = read(&*source_of(dir.path(), "f", &[]), &start(1, &[0], 100)).unwrap();
        for split in 1..=i64::try_from(content.len() + 2).unwrap() {
            for parallelism in [1, 3] {
                let got =
                    read(&*source_of(dir.path(), "f", &[bytes("split", split)]), &start(parallelism, &[0], 2)).unwrap();
                assert_eq!(got.sorted(), straight.sorted(), "{content:?} in splits of {split}");
                assert_eq!(rejected(&got), rejected(&straight), "{content:?} in splits of {split}");
            }
        }
    }
}

#[test]
fn what_stands_in_a_file_is_read_and_places_are_lines() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "\u{feff}#header\na\n!b\r\n\nc").unwrap();
    let got = read(&*source_of(dir.path(), "f", &[]), &start(1, &[0], 100)).unwrap();
    assert_eq!(got.sorted(), ["", "a", "c"]);
    assert_eq!(rejected(&got), ["f:3: is bad"]);
}

#[test]
fn whatever_the_failures_every_record_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let lines = lines(400);
    let content = lines.join("\n");
    let (front, back) = content.split_at(content.len() / 3);
    fs::write(dir.path().join("a.text"), &content).unwrap();
    fs::write(dir.path().join("b.text.gz"), [gzip(front.as_bytes()), gzip(back.as_bytes())].concat()).unwrap();
    fs::write(dir.path().join("c.text.zst"), [zstd(front.as_bytes()), zstd(back.as_bytes())].concat()).unwrap();
    fs::write(dir.path().join("d.text"), "").unwrap();
    let straight = read(&*source_of(dir.path(), "*", &[]), &start(1, &[0], 50)).unwrap();
    let good: Vec<_> = lines.iter().filter(|line| !line.starts_with('!')).collect();
    assert_eq!(straight.rows(), 3 * good.len());
    assert_eq!(straight.rows() + straight.rejected.len(), 3 * lines.len());
    for seed in 0..60 {
        let split = [7, 100, 1_000, 1 << 20][usize::try_from(seed % 4).unwrap()];
        let source = source_of(dir.path(), "*", &[bytes("split", split)]);
        let got = read_with_failures(&*source, &start(1, &[0], 9), seed).unwrap();
        assert_eq!(got.sorted(), straight.sorted(), "seed {seed}");
        assert_eq!(rejected(&got), rejected(&straight), "seed {seed}");
    }
}

#[test]
fn splits_are_dealt_in_file_order() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), numbered(100)).unwrap();
    let source = source_of(dir.path(), "f", &[bytes("split", 40)]);
    let mut readers = source.start(&start(2, &[0], 100)).unwrap();
    let mut first = |reader: usize| match readers[reader].poll().unwrap() {
        SourcePoll::Rows { rows, .. } => crate::connectors::testing::shown(&rows)[0].clone(),
        SourcePoll::Pending(_) | SourcePoll::End => String::new(),
    };
    assert_eq!([first(0), first(1), first(1), first(0)], ["row 0", "row 7", "row 13", "row 19"]);
}

#[test]
fn directories_globs_and_compressed_files_are_found_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::create_dir_all(out.join("deeper")).unwrap();
    for (name, content) in
        [("part-2.text", "2\n"), ("part-10.text", "10\n"), (".part-3.text.inprogress", "no\n"), ("_done", "no\n")]
    {
        fs::write(out.join(name), content).unwrap();
    }
    let order = |target: &str| {
        let got = read(&*source_of(dir.path(), target, &[]), &start(1, &[0], 1)).unwrap();
        got.batches.iter().flat_map(crate::connectors::testing::shown).collect::<Vec<_>>()
    };
    assert_eq!(order("out"), ["10", "2"]);
    assert_eq!(order("out/part-?.text"), ["2"]);
    assert_eq!(order("*/part*"), ["10", "2"]);
    fs::write(dir.path().join("a[1].text"), "itself\n").unwrap();
    assert_eq!(order("a[1].text"), ["itself"]);
}

#[test]
fn a_directory_that_appears_between_plan_and_start_is_read_as_it_is_then() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.text"), "a\n").unwrap();
    let source = source_of(dir.path(), "*.text", &[]);
    fs::write(dir.path().join("b.text"), "b\n").unwrap();
    assert_eq!(read(&*source, &start(1, &[0], 1)).unwrap().sorted(), ["a", "b"]);
}

/// Bad input 12.
#[test]
fn paths_that_are_no_data_are_refused_at_their_place() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::write(dir.path().join("notes.txt"), "x").unwrap();
    fs::write(dir.path().join("nothing.text"), "").unwrap();
    let fifo = dir.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    insta::assert_snapshot!(refused(dir.path(), "/dev/zero", &[]), @"'/dev/zero' is a pipe, socket or device, not a regular file");
    insta::assert_snapshot!(refused(dir.path(), "fifo*", &[]), @"'fifo' is a pipe, socket or device, not a regular file");
    insta::assert_snapshot!(refused(dir.path(), "empty", &[]), @"the directory 'empty' holds no data files");
    insta::assert_snapshot!(refused(dir.path(), "../../../../../../../../etc/passwd", &[]), @"the format of '../../../../../../../../etc/passwd' can't be told from its name or content (say it: with (format = 'json'))");
    insta::assert_snapshot!(refused(dir.path(), "notes.txt", &[]), @"the format of 'notes.txt' can't be told from its name or content (say it: with (format = 'json'))");
    insta::assert_snapshot!(refused(dir.path(), "missing.text", &[]), @"can't read 'missing.text': no such file or directory");
    insta::assert_snapshot!(refused(dir.path(), "no*.such", &[]), @"no file matches 'no*.such'");
    insta::assert_snapshot!(refused(dir.path(), "a***b", &[]), @"'a***b' is not a pattern: wildcards are either regular `*` or recursive `**`");
    insta::assert_snapshot!(refused(dir.path(), "nothing.text", &[]), @"there is no data to infer columns from (declare them: columns (id bigint, name string))");
    insta::assert_snapshot!(refused(dir.path(), "", &[]), @"the path is empty");
    insta::assert_snapshot!(refused(dir.path(), "a\0b", &[]), @"a path can't hold a NUL character");
    insta::assert_snapshot!(refused(dir.path(), "nothing.text", &[("format", OptionValue::Text("jsn".to_owned()))]), @"there is no format 'jsn' (did you mean `json`?)");
    insta::assert_snapshot!(refused(dir.path(), "nothing.text", &[("compression", OptionValue::Text("gzp".to_owned()))]), @"there is no compression 'gzp' (did you mean `gzip`?)");
    fs::write(dir.path().join("some.text"), "x").unwrap();
    insta::assert_snapshot!(refused(dir.path(), "some.text", &[bytes("split", 0)]), @"option `split` takes a whole number of at least 1, not 0");
    insta::assert_snapshot!(refused(dir.path(), "some.text", &[bytes("max_record_bytes", -1)]), @"option `max_record_bytes` takes a whole number of at least 1, not -1");
}

/// Bad input 17, scaled down: a record far longer than the reader may hold, over many splits.
#[test]
fn a_record_that_is_too_long_is_rejected_once_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(5 << 20);
    for content in [format!("a\n{long}\nb\n"), format!("{long}\nb\na"), format!("a\nb\n{long}")] {
        fs::write(dir.path().join("f"), &content).unwrap();
        fs::write(dir.path().join("g.gz"), gzip(content.as_bytes())).unwrap();
        for (target, split) in [("f", 1 << 19), ("f", 1 << 30), ("f", 1_000_003), ("g.gz", 1)] {
            let source = source_of(dir.path(), target, &[bytes("split", split), bytes("max_record_bytes", 1 << 18)]);
            let got = read(&*source, &start(2, &[0], 10)).unwrap();
            assert_eq!(got.sorted(), ["a", "b"], "{target} in splits of {split}");
            let line = if content.starts_with('x') {
                1
            } else if content.ends_with('x') {
                3
            } else {
                2
            };
            assert_eq!(rejected(&got), [format!("{target}:{line}: is too long")], "splits of {split}");
            assert!(got.rejected[0].row.len() <= 64 << 10);
        }
        for seed in 0..5 {
            let source = source_of(dir.path(), "f", &[bytes("split", 2 << 20), bytes("max_record_bytes", 1 << 18)]);
            let got = read_with_failures(&*source, &start(2, &[0], 10), seed).unwrap();
            assert_eq!((got.sorted(), got.rejected.len()), (vec!["a".to_owned(), "b".to_owned()], 1), "seed {seed}");
        }
    }
}

#[test]
fn a_record_longer_than_a_read_grows_the_buffer() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(3 << 20);
    fs::write(dir.path().join("f"), format!("a\n{long}\nb\n")).unwrap();
    for split in [1 << 18, 1 << 30] {
        let got = read(&*source_of(dir.path(), "f", &[bytes("split", split)]), &start(2, &[0], 10)).unwrap();
        assert_eq!((got.rows(), got.rejected.len()), (3, 0));
    }
}

const SPANS_LINES: &str = "f:2: the record goes on in the next line: read the file with (multiline = true)";

/// Bad input 25, for a format whose records can go on over line ends.
#[test]
fn a_record_over_line_ends_is_whole_or_an_error_never_two() {
    let dir = tempfile::tempdir().unwrap();
    let content = "a\n\"b1\nb2\"\nc\n";
    fs::write(dir.path().join("f"), content).unwrap();
    for split in 1..20 {
        let source = source_of(dir.path(), "f", &[bytes("split", split)]);
        match read(&*source, &start(1, &[0], 10)) {
            Ok(got) => assert_eq!(got.sorted(), ["\"b1\nb2\"", "a", "c"], "split {split}"),
            Err(error) => assert_eq!(error.to_string(), SPANS_LINES, "split {split}"),
        }
        let multiline = [bytes("split", split), ("multiline", OptionValue::Boolean(true))];
        let got = read(&*source_of(dir.path(), "f", &multiline), &start(2, &[0], 10)).unwrap();
        assert_eq!(got.sorted(), ["\"b1\nb2\"", "a", "c"], "split {split}");
    }
    fs::write(dir.path().join("f"), "a\n\"unclosed\nc\n").unwrap();
    let source = source_of(dir.path(), "f", &[("multiline", OptionValue::Boolean(true))]);
    assert_eq!(rejected(&read(&*source, &start(1, &[0], 10)).unwrap()), ["f:2: is bad"]);
}

/// Bad input 26.
#[test]
fn a_file_that_changes_while_it_is_read_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let content = numbered(1_000);
    let changed = |change: &dyn Fn()| {
        fs::write(&path, &content).unwrap();
        let source = source_of(dir.path(), "f", &[bytes("split", 1_000)]);
        let mut readers = source.start(&start(2, &[0], 10)).unwrap();
        readers[0].poll().unwrap();
        change();
        let error = drain(&mut readers).err().map(|error| error.to_string());
        error.unwrap_or_default().replace(&*dir.path().to_string_lossy(), "DIR")
    };
    let rewrite = || {
        fs::write(&path, content.replace("row", "new")).unwrap();
        // The system's file times move in steps longer than this test takes.
        let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_modified(later).unwrap();
    };
    insta::assert_snapshot!(changed(&|| fs::write(&path, &content[..2_500]).unwrap()), @"DIR/f: was truncated while it was read: from 7890 to 2500 bytes");
    insta::assert_snapshot!(changed(&rewrite), @"DIR/f: was rewritten while it was read");
    insta::assert_snapshot!(changed(&|| fs::write(&path, content.replace("row", "other")).unwrap()), @"DIR/f: was rewritten while it was read: from 7890 to 9890 bytes");
    insta::assert_snapshot!(changed(&|| {
        fs::rename(&path, dir.path().join("old")).unwrap();
        fs::write(&path, &content).unwrap();
    }), @"DIR/f: was replaced by another file while it was read");
    insta::assert_snapshot!(changed(&|| fs::remove_file(&path).unwrap()), @"DIR/f: no such file or directory");
}

#[test]
fn a_file_that_grows_is_read_to_the_end_of_the_record_that_it_ended_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, "a\nb\nha").unwrap();
    let mut readers = source_of(dir.path(), "f", &[bytes("split", 2)]).start(&start(1, &[0], 1)).unwrap();
    readers[0].poll().unwrap();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"lf\nnew\n").unwrap();
    assert_eq!(drain(&mut readers).unwrap().sorted(), ["b", "half"]);
}

/// Bad input 28: the content of the file is many times what may be held at once.
#[test]
fn a_gzip_bomb_is_rejected_record_by_record_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..64 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.write_all(b"\nlast\n").unwrap();
    fs::write(dir.path().join("bomb.gz"), encoder.finish().unwrap()).unwrap();
    let source = source_of(dir.path(), "bomb.gz", &[bytes("max_record_bytes", 100_000)]);
    let mut readers = source.start(&start(1, &[0], 10)).unwrap();
    let mut polls = 0;
    let mut got = Got::default();
    loop {
        polls += 1;
        match readers[0].poll().unwrap() {
            SourcePoll::Rows { rows, rejected } => {
                got.batches.push(rows);
                got.rejected.extend(rejected.into_iter().map(|(_, row)| row));
            }
            SourcePoll::Pending(_) => {}
            SourcePoll::End => break,
        }
    }
    assert_eq!((got.sorted(), rejected(&got)), (vec!["last".to_owned()], vec!["bomb.gz:1: is too long".to_owned()]));
    assert!(polls > 6, "no poll may read all of it: {polls}");
}

#[test]
fn damaged_compressed_files_are_errors_that_name_them() {
    let dir = tempfile::tempdir().unwrap();
    let content = lines(2_000).join("\n");
    let failure = |name: &str, bytes: &[u8], words: &str| {
        fs::write(dir.path().join(name), bytes).unwrap();
        let got = read(&*source_of(dir.path(), name, &[]), &start(1, &[0], 100));
        let error = got.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(name) && error.ends_with(words), "{name}: {error}");
    };
    let (gz, zst) = (gzip(content.as_bytes()), zstd(content.as_bytes()));
    let (cut, garbage) = ("the compressed data is cut off", "trailing garbage behind the compressed data");
    failure("cut.gz", &gz[..gz.len() / 2], cut);
    failure("cut.zst", &zst[..zst.len() / 2], cut);
    failure("no.gz", b"not gzip at all", "invalid gzip header");
    failure("no.zst", b"not zstd at all", "the zstd data is damaged");
    for behind in [&b"x"[..], b"\0\0\0", b"what somebody wrote behind it by mistake\n"] {
        failure("behind.gz", &[&gz, behind].concat(), garbage);
        failure("behind.zst", &[&zst, behind].concat(), garbage);
    }
    let mut flipped = zst.clone();
    for byte in &mut flipped[20..60] {
        *byte ^= 0x55;
    }
    failure("flipped.zst", &flipped, "the zstd data is damaged");
}

#[test]
fn zstd_frames_and_skippable_frames_are_read_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
    fs::write(dir.path().join("f.zst"), [zstd(b"a\n"), skippable, zstd(b"b\n")].concat()).unwrap();
    assert_eq!(read(&*source_of(dir.path(), "f.zst", &[]), &start(1, &[0], 10)).unwrap().sorted(), ["a", "b"]);
}

#[test]
fn progress_counts_bytes_and_goes_on_behind_a_restore() {
    let dir = tempfile::tempdir().unwrap();
    let content = numbered(1_000);
    fs::write(dir.path().join("a"), &content).unwrap();
    let source = source_of(dir.path(), "a", &[bytes("split", 1_000)]);
    let mut readers = source.start(&start(2, &[0], 10)).unwrap();
    for _ in 0..9 {
        readers[0].poll().unwrap();
        readers[1].poll().unwrap();
    }
    let done = |readers: &[Box<dyn Source>]| readers.iter().map(|reader| reader.progress().done).sum::<u64>();
    let before = done(&readers);
    assert!(before > 1_000 && before < content.len() as u64);
    let restored = readers.iter_mut().map(|reader| reader.snapshot(CheckpointId(1)).unwrap()).collect();
    let mut readers = source.start(&SourceStart { restored: Some(restored), ..start(3, &[0], 10) }).unwrap();
    drain(&mut readers).unwrap();
    assert_eq!(done(&readers), content.len() as u64);
    assert_eq!(readers[0].progress().total, Some(content.len() as u64));
}

#[test]
fn positions_in_other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "1\n2\n").unwrap();
    let source = source_of(dir.path(), "a", &[]);
    let entry = source.start(&start(1, &[0], 1)).unwrap()[0].snapshot(CheckpointId(1)).unwrap();
    let from = |source: &Arc<dyn PlannedSource>, entry: &[u8]| {
        source.start(&SourceStart { restored: Some(vec![entry.to_vec()]), ..start(1, &[0], 1) })
    };
    for content in ["1\n2\n3\n", "1\n3\n"] {
        fs::write(dir.path().join("a"), content).unwrap();
        let error = from(&source_of(dir.path(), "a", &[]), &entry).err().unwrap().to_string();
        assert!(
            error.starts_with(
                "the input is not the one that was checkpointed: then 1 file of 4 bytes (a), now 1 file of "
            )
        );
        assert!(error.ends_with("; bring it back as it was, or start the job anew"), "{error}");
    }
    // A position from before the content counted is one of any file of this name and size.
    let entry = String::from_utf8(entry).unwrap();
    let (before, behind) = entry.split_once(" content ").unwrap();
    let (_, rest) = behind.split_once('"').unwrap();
    let earlier = format!("{before}\"{rest}");
    from(&source_of(dir.path(), "a", &[]), earlier.as_bytes()).unwrap();
}

/// Bad input 26, after a failure: what is left to read must be of the file that the job began with.
#[test]
fn a_file_that_changed_before_a_restart_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let content = numbered(1_000);
    fs::write(&path, &content).unwrap();
    let source = source_of(dir.path(), "f", &[bytes("split", 1_000)]);
    let mut readers = source.start(&start(1, &[0], 10)).unwrap();
    readers[0].poll().unwrap();
    let entries = vec![readers[0].snapshot(CheckpointId(1)).unwrap()];
    let again = || source.start(&SourceStart { restored: Some(entries.clone()), ..start(1, &[0], 10) }).unwrap();
    // What it ends and begins with, and its size, are the same.
    fs::write(&path, content.replace("row 5", "now 5")).unwrap();
    let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let error = drain(&mut again()).err().unwrap();
    assert!(error.is_permanent() && error.to_string().ends_with("was rewritten while it was read"), "{error}");
    let error = readers[0].snapshot(CheckpointId(2)).err().unwrap();
    assert!(error.is_permanent(), "no checkpoint holds rows of both: {error}");

    // As another process sees it, which has not begun with the file.
    let anew = || {
        let source = source_of(dir.path(), "f", &[bytes("split", 1_000)]);
        source.start(&SourceStart { restored: Some(entries.clone()), ..start(1, &[0], 10) })
    };
    let error = anew().err().unwrap().to_string();
    assert!(error.starts_with("the input is not the one that was checkpointed"), "{error}");
    // A copy is another file of the same content.
    fs::remove_file(&path).unwrap();
    fs::write(dir.path().join("keeps the inode"), "").unwrap();
    fs::write(&path, &content).unwrap();
    drain(&mut anew().unwrap()).unwrap();
}

#[test]
fn a_named_pipe_is_read_once_as_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let lines: Vec<String> = (0..50_000).map(|id| format!("{{\"id\":{id}}}")).collect();
    let write = |text: String| {
        let path = path.clone();
        std::thread::spawn(move || {
            fs::OpenOptions::new().write(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
        })
    };
    let writing = write(lines.join("\n"));
    // Format and columns are told from what comes first, which is read with the rest.
    let planned = source(&request(Some("pipe"), None, &[], dir.path())).unwrap();
    assert_eq!(planned.schema().to_string(), "(id bigint)");
    let got = read(&*planned, &start(2, &[0], 1_000)).unwrap();
    writing.join().unwrap();
    assert_eq!((got.rows(), got.rejected.len()), (50_000, 0));
    // Who writes next has a new reader; a bad record is told by its place in bytes.
    let writing = write("{\"id\":1}\nbroken\n".to_owned());
    let got = read(&*planned, &start(1, &[0], 1_000)).unwrap();
    writing.join().unwrap();
    assert_eq!((got.rows(), got.rejected[0].place.as_str()), (1, "pipe, byte 9"));
    let restored = Some(vec![Vec::new()]);
    let error = planned.start(&SourceStart { restored, ..start(1, &[0], 1) }).err().unwrap().to_string();
    assert!(error.contains("a job that reads one can't be restored"), "{error}");
}

#[test]
fn a_pipe_is_unpacked_by_its_first_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let row = |id| format!("{{\"id\":{id}}}\n");
    let content: String = (0..50_000).map(row).collect();
    let read_of = |bytes: Vec<u8>, options: &[(&'static str, OptionValue)]| {
        let path = path.clone();
        let writing = std::thread::spawn(move || {
            fs::OpenOptions::new().write(true).open(path).unwrap().write_all(&bytes).unwrap();
        });
        let planned = source(&request(Some("pipe"), None, options, dir.path())).map_err(|error| error.to_string());
        let got = planned.map(|planned| read(&*planned, &start(1, &[0], 1_000)).unwrap());
        writing.join().unwrap();
        got
    };
    let half = content.len() / 2;
    let (front, back) = (&content.as_bytes()[..half], &content.as_bytes()[half..]);
    for packed in [[gzip(front), gzip(back)].concat(), [zstd(front), zstd(back)].concat()] {
        let got = read_of(packed, &[]).unwrap();
        assert_eq!((got.rows(), got.rejected.len()), (50_000, 0));
    }
    assert_eq!(
        read_of(zstd(content.as_bytes()), &[("compression", OptionValue::Text("zstd".to_owned()))]).unwrap().rows(),
        50_000
    );
    let whole = gzip(content.as_bytes());
    let cut = read_of(whole[..whole.len() - 9].to_vec(), &[]).err().unwrap();
    assert!(cut.contains("the compressed data is cut off"), "{cut}");
}

#[test]
fn the_format_of_a_file_without_a_telling_name_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.log"), "\u{feff}  {\"x\":1}\n").unwrap();
    fs::write(dir.path().join("b.txt"), "x,y\n1,2\n").unwrap();
    for (name, columns) in [("a.log", "(x bigint)"), ("b.txt", "(x bigint, y bigint)")] {
        let planned = source(&request(Some(name), None, &[], dir.path())).unwrap();
        assert_eq!(planned.schema().to_string(), columns);
    }
}
