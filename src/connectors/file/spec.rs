//! The connector's registry entry.

use super::{sink, source};
use crate::api::{ConnectorSpec, OptionSpec};
use crate::connectors::options::source_options;

/// The registry entry.
pub(in crate::connectors) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "file",
    summary: "NDJSON and CSV files; a sink writes each row exactly once",
    help: "As a source: a file, a glob, or a directory (its files in the order of their names, but those that begin with \
           `.` or `_`), read in parallel in byte ranges, and to the size the files have at the start. Format and \
           compression follow from the extension (.ndjson, .jsonl, .json, .csv, each with .gz or .zst behind it). Columns \
           are inferred where they are not declared. A named pipe is read once, in order, and so is standard input \
           ('/dev/stdin', or `stdin | …`): a job that reads one can't be restored. With `follow = true` the source \
           does not end: it reads what is written behind the end of its files, and files that come into the folder. A \
           file that is renamed goes on; one that is put in its place is read from its beginning; one that is truncated \
           fails the job. A path can stand at the head of a pipeline without any source: 'orders.ndjson' | limit 5.\n\
           As a sink: a directory of part files. Rows go to files whose names begin with a dot; when a checkpoint is \
           complete they get their final names, so readers see each row exactly once. Rows of a changelog begin with \
           their kind, `op`.",
    target: Some("a path or glob; for a sink a directory"),
    options: &OPTIONS,
    examples: &[
        "source gen from nexmark 'bid' with (events = 1000);\nrun copy = gen | map auction, price | into file 'out/copy';",
    ],
    flink: Some("filesystem"),
    source: Some(source::source),
    sink: Some(sink::sink),
};

const OPTIONS: [OptionSpec; 14] = source_options([
    OptionSpec {
        name: "format",
        values: "'json' | 'csv'",
        help: "the format; default: by extension for a source, 'json' for a sink",
    },
    OptionSpec {
        name: "compression",
        values: "'gzip' | 'zstd' | 'none'",
        help: "how a source is compressed; default: by extension",
    },
    OptionSpec {
        name: "split",
        values: "bytes",
        help: "how large the ranges are that readers take in turn; default 4194304 (4 MiB)",
    },
    OptionSpec {
        name: "max_record_bytes",
        values: "bytes",
        help: "a longer record is an error of that record, and is skipped without being held; default 67108864 (64 MiB)",
    },
    OptionSpec {
        name: "follow",
        values: "true | false",
        help: "whether a source goes on where its files end: with what is written behind it, and with files that come into \
               the folder; default false",
    },
    OptionSpec {
        name: "partitioned",
        values: "true | false",
        help: "whether each file of a source is a partition with a watermark of its own: the watermark is the least of \
               them, and of the files that a reader has the one furthest behind is read first, so that no file makes the \
               rows of another late; an `idle_timeout` counts for each; default false: files follow each other",
    },
    OptionSpec {
        name: "delimiter",
        values: "one character",
        help: "what stands between two CSV cells; default a comma, `\\t` is a tab",
    },
    OptionSpec {
        name: "header",
        values: "true | false",
        help: "whether a CSV file's first line names its columns; default: read: when it does, written: true",
    },
    OptionSpec {
        name: "null_literal",
        values: "a text in quotes",
        help: "the unquoted CSV cell that is null; default the empty cell",
    },
    OptionSpec {
        name: "multiline",
        values: "true | false",
        help: "whether a quoted CSV cell may hold line ends; each file then has one reader; default false",
    },
]);
