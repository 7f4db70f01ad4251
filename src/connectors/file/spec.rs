//! The connector's registry entry.

use super::{sink, source};
use crate::api::{ConnectorSpec, OptionSpec};
use crate::connectors::options::source_options;

/// The registry entry.
pub(in crate::connectors) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "file",
    summary: "a source of NDJSON or CSV files, and a sink that writes each row exactly once",
    help: "As a source: a file, a glob, or a folder (its files in the order of their names, without those that begin \
           with `.` or `_`). Files are read in parallel, up to the size that they have at the start. Format and \
           compression follow from the extension: .ndjson, .jsonl, .json, .csv, each with .gz or .zst behind it. \
           Columns that are not declared are inferred. A pipeline may begin with a path, without any source: \
           `'orders.ndjson' | limit 5`.\n\
           \n\
           With `follow = true` the source does not end: it reads what is written behind the end of its files, and \
           files that come into the folder. A file that is renamed goes on. A file put in its place is read from its \
           beginning. A file that is truncated fails the job.\n\
           \n\
           A named pipe, or standard input ('/dev/stdin', or `stdin | …`), is read once, in order. A job that reads \
           one can't be restored.\n\
           \n\
           As a sink: a directory of part files. Rows go to files whose names begin with a dot. When a checkpoint is \
           complete the files get their final names, so that readers see each row exactly once. The rows of a \
           changelog begin with their kind, `op`.",
    target: Some("a path or glob; for a sink a directory"),
    options: &OPTIONS,
    examples: &[
        "run copy = bids | limit 1000 | map auction, price, date_time | into file 'out/copy';\nwait copy;",
        "source copied from file 'out/copy' event_time date_time watermark 4s;\ncopied | limit 3;",
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
        help: "the compression of a source; default: by extension, of a pipe or standard input by its first bytes",
    },
    OptionSpec {
        name: "split",
        values: "bytes",
        help: "the size of the ranges that readers take in turn; default 4194304 (4 MiB)",
    },
    OptionSpec {
        name: "max_record_bytes",
        values: "bytes",
        help: "a longer record is an error, and is skipped without being held; default 67108864 (64 MiB)",
    },
    OptionSpec {
        name: "follow",
        values: "true | false",
        help: "whether the source goes on when it has read its files; default false",
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
        help: "what stands between two CSV cells; default a comma; `\\t` is a tab",
    },
    OptionSpec {
        name: "header",
        values: "true | false",
        help: "whether the first line of a CSV file names its columns; by default a source looks, and a sink writes \
               one",
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
