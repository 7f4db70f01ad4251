//! A script writer: data on standard output and nothing else, formats, exit codes, and JSON that `jq` reads.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lotic::api::{CommandSpec, Shape};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::common::{TUMBLE, bids, committed_lines, lotic, ndjson, source, tumble};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[track_caller]
fn ends_with(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_script_writer() {
    let directory = tempfile::tempdir().expect("a directory");
    let all = bids(5, 500, 5, 200, 1_000, 0, 1);
    std::fs::write(directory.path().join("bids.ndjson"), ndjson(&all)).expect("written");
    let say = |arguments: &[&str], input: Option<&str>| lotic(directory.path(), arguments, input);

    // Without a source, all rows, as NDJSON.
    let rows = ends_with(&say(&["-c", "'bids.ndjson' | map auction, price"], None), 0);
    let found: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect();
    let expected: Vec<Value> = all.iter().map(|bid| json!({ "auction": bid.auction, "price": bid.price })).collect();
    assert_eq!(found, expected);

    // Data from standard input.
    let counts = "stdin | aggregate count(*) as n, max(price) as top";
    let piped = ends_with(&say(&["--output", "csv", "-c", counts], Some(&ndjson(&all))), 0);
    let top = all.iter().map(|bid| bid.price).max().expect("bids");
    assert!(piped.trim_end().ends_with(&format!("\n+U,{},{top}", all.len())), "{piped}");

    // Statements from standard input, in each format.
    let few = "source v from values with (rows = array[row('a', 1), row('b, c', 5), row('a', 2)]) \
               columns (k string, n bigint);\nv | key_by k | aggregate count(*) as c, sum(n) as total;\n";
    for (format, expected) in [
        (
            "table",
            "op  k     c  total\n──  ────  ─  ─────\n+I  a     1      1\n+I  b, c  1      5\n-U  a     1      1\n+U  a     2      3\n",
        ),
        ("csv", "op,k,c,total\n+I,a,1,1\n+I,\"b, c\",1,5\n-U,a,1,1\n+U,a,2,3\n"),
        (
            "ndjson",
            "{\"op\":\"+I\",\"k\":\"a\",\"c\":1,\"total\":1}\n{\"op\":\"+I\",\"k\":\"b, c\",\"c\":1,\"total\":5}\n\
             {\"op\":\"-U\",\"k\":\"a\",\"c\":1,\"total\":1}\n{\"op\":\"+U\",\"k\":\"a\",\"c\":2,\"total\":3}\n",
        ),
        ("changelog", "+I[a, 1, 1]\n+I[b, c, 1, 5]\n-U[a, 1, 1]\n+U[a, 2, 3]\n"),
    ] {
        assert_eq!(ends_with(&say(&["--output", format], Some(few)), 0), expected, "{format}");
        // The same from a file, and in one argument.
        std::fs::write(directory.path().join("few.lotic"), few).expect("written");
        assert_eq!(ends_with(&say(&["run", "few.lotic", "--output", format], None), 0), expected, "{format}");
        assert_eq!(ends_with(&say(&["--output", format, "-c", few], None), 0), expected, "{format}");
    }

    // A mistake, a job that fails, a wrong option.
    for (arguments, code) in [
        (&["-c", "bidz | limit 3"][..], 1),
        (&["run", "missing.lotic"], 1),
        (&["-c", "run j with (restart_attempts = 0) = 'bids.ndjson' | map cast(channel as int) as n | into print;"], 1),
        (&["--nonsense"], 2),
        (&["--output", "xml", "-c", "show jobs"], 2),
        (&["tutorial", "windwos"], 2),
    ] {
        let output = say(arguments, None);
        assert_eq!(ends_with(&output, code), "", "{arguments:?}: what is no data is no standard output");
        assert!(text(&output.stderr).contains("error"), "{arguments:?}");
    }

    // A job from a script, whose counts are those of the input.
    let job = format!(
        "{} run hot with (parallelism = 2) = bids | {TUMBLE} | into file 'out' with (format = 'json'); wait hot;",
        source(&directory.path().join("bids.ndjson"), "").trim()
    );
    assert_eq!(ends_with(&say(&["--quiet", "-c", &job], None), 0), "");
    assert_eq!(committed_lines(&directory.path().join("out")), tumble(&all, 10_000, 4_000).0);
}

#[test]
fn a_script_that_is_interrupted_ends_with_130() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut child = Command::new(env!("CARGO_BIN_EXE_lotic"))
        .args(["-c", "source g from nexmark 'bid' with (rate = 1000); run g = g | map auction | into print;"])
        .current_dir(directory.path())
        .env("XDG_STATE_HOME", directory.path().join("xdg"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("lotic starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(lines.next().is_some(), "it runs");
    kill_process(Pid::from_raw(child.id().cast_signed()).expect("a process"), Signal::INT).expect("signalled");
    // Whole rows to the end.
    for line in lines {
        assert!(serde_json::from_str::<Value>(&line.expect("UTF-8")).is_ok_and(|row| row["auction"].is_i64()));
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

/// Every statement that prints a listing, with each of the clauses that change what is listed, as the registry has them.
fn listings() -> Vec<String> {
    let mut all = Vec::new();
    for spec in lotic::commands::specs().iter().filter(|spec| takes_json(spec)) {
        let heads: Vec<String> = match spec.signature.head {
            [Shape::Keyword(words)] => words.iter().map(|word| format!(" {word}")).collect(),
            [Shape::Name] => vec![" hot".to_owned()],
            [Shape::Pipeline] => [" hot", " bids", " 'bids.ndjson'", " bids | map auction"].map(str::to_owned).to_vec(),
            [] => vec![String::new(), " hot".to_owned()],
            other => panic!("{}: what stands behind it is new to this test: {other:?}", spec.name),
        };
        for head in heads {
            let statement = format!("{}{head}", spec.name);
            all.push(statement.clone());
            for clause in spec.signature.clauses.iter().filter(|clause| clause.keyword != "--json") {
                // A state is one that a job starts from.
                let fits = head == " hot" || !clause.keyword.starts_with("from ");
                if matches!(clause.shape, Shape::Flag) && fits {
                    all.push(format!("{statement} {}", clause.keyword));
                } else if clause.keyword == "limit" {
                    all.push(format!("{statement} limit 1"));
                }
            }
        }
    }
    all.push("explain hot from checkpoint 1".to_owned());
    all
}

fn takes_json(spec: &CommandSpec) -> bool {
    spec.signature.clauses.iter().any(|clause| clause.keyword == "--json")
}

/// What is wrong with a listing: text that is itself JSON, keys, values and rows that are no objects, lists that may be cut
/// and don't say so.
const WRONG: &str = r#"
    [.. | strings | select((try (fromjson | type) catch "") | . == "object" or . == "array") | "text in text: \(.)"],
    [.. | objects | to_entries[] | select((.key == "key" or .key == "value" or .key == "values")
        and (.value | type != "object" and . != null)) | "no object: \(.key) \(.value)"],
    [.. | objects | select((.rows | type) == "array" and (has("total") or has("truncated")))
        | select(.truncated != (.total > (.rows | length))) | "cut, or not: \(.total) of \(.rows | length)"]
    | .[]
"#;

/// The same as [`WRONG`], of every document in `documents`, for a machine without `jq`.
fn wrong(documents: &[Value]) -> Vec<String> {
    let (mut wrong, mut left) = (Vec::new(), documents.iter().collect::<Vec<_>>());
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => {
                if serde_json::from_str::<Value>(text).is_ok_and(|inner| inner.is_object() || inner.is_array()) {
                    wrong.push(format!("text in text: {text}"));
                }
            }
            Value::Array(items) => left.extend(items),
            Value::Object(members) => {
                for (name, value) in members {
                    if matches!(name.as_str(), "key" | "value" | "values") && !value.is_object() && !value.is_null() {
                        wrong.push(format!("no object: {name} {value}"));
                    }
                }
                if let (Some(Value::Array(rows)), Some(total)) = (members.get("rows"), members.get("total")) {
                    let cut = total.as_u64().map(|total| total > rows.len() as u64);
                    if members.get("truncated").and_then(Value::as_bool) != cut || cut.is_none() {
                        wrong.push(format!("cut, or not: {total} of {}", rows.len()));
                    }
                }
                left.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    wrong
}

/// What `jq` makes of these documents; `None` where there is none on this machine.
fn jq(arguments: &[&str], documents: &str) -> Option<String> {
    let mut command = Command::new("jq");
    let started = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.ok()?;
    let mut input = child.stdin.take().expect("a pipe");
    let documents = documents.to_owned();
    let writer = std::thread::spawn(move || input.write_all(documents.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads");
    assert!(output.status.success(), "{}", text(&output.stderr));
    Some(text(&output.stdout))
}

/// The JSON of each listing, of a job that has something for all of them, in one script.
fn documents(directory: &Path, statements: &[String]) -> String {
    let all = bids(5, 40_000, 300, 20, 1_000, 50, 60_000);
    std::fs::write(directory.join("bids.ndjson"), "no JSON\n".to_owned() + &ndjson(&all)).expect("written");
    let listings: Vec<String> = statements.iter().map(|statement| format!("{statement} --json;\n")).collect();
    let script = format!(
        "{}run hot with (parallelism = 2) = bids | key_by auction | window hop(10s, 2s) \
         | aggregate count(*) as n, max(price) as top | into file 'out' with (format = 'json');
         wait hot until rows 300; windows hot --json; checkpoint hot; savepoint hot to 'sp';
         wait hot until rows 5000 timeout 30s; output hot --json; pause hot;\n{}cancel hot;",
        source(&directory.join("bids.ndjson"), " with (pace = '40x', on_error = 'skip')"),
        listings.concat()
    );
    ends_with(&lotic(directory, &["--quiet"], Some(&script)), 0)
}

#[test]
fn every_listing_is_json_that_a_program_can_use() {
    let directory = tempfile::tempdir().expect("a directory");
    let statements = listings();
    assert!(statements.len() > 35, "{statements:#?}");
    let printed = documents(directory.path(), &statements);
    let documents: Vec<Value> =
        serde_json::Deserializer::from_str(&printed).into_iter().collect::<Result<_, _>>().expect("JSON");
    // Two more were asked for while the job ran.
    assert_eq!(documents.len(), statements.len() + 2);
    let documents = &documents[2..];
    for (statement, document) in statements.iter().zip(documents) {
        let rows = document.get("rows").unwrap_or(document);
        let objects = rows.as_array().is_none_or(|rows| rows.iter().all(Value::is_object));
        assert!(objects && (document.is_array() || document.is_object()), "{statement}: {document}");
    }
    assert_eq!(wrong(documents), [""; 0]);
    if let Some(read) = jq(&["-r", WRONG], &printed) {
        assert_eq!(read, "");
        let hottest =
            jq(&["-n", "-c", "[inputs | .. | objects | select(has(\"sampled_rows\")) | .key.auction]"], &printed);
        let numbers: Vec<i64> = serde_json::from_str(&hottest.expect("jq")).expect("keys with their names and types");
        assert!(!numbers.is_empty());
    } else {
        eprintln!("jq is not on this machine: the listings were read by serde_json alone");
    }
    // There is something in most of them, and what is cut says so.
    let of = |name: &str| statements.iter().position(|statement| statement == name).map(|at| &documents[at]);
    for name in ["windows hot", "state hot", "log hot", "why late hot"] {
        let rows = of(name).map(|document| &document["rows"]).and_then(Value::as_array);
        assert!(rows.is_some_and(|rows| !rows.is_empty()), "{name}: {:?}", of(name));
    }
    let one = of("state hot limit 1").expect("a listing");
    assert!(one["truncated"] == true && one["total"].as_u64() > Some(1), "{one}");
    let checkpoints = of("checkpoints hot").and_then(Value::as_array).expect("a list");
    assert!(checkpoints.iter().any(|row| row["status"] == "savepoint"), "{checkpoints:?}");
}
