#!/usr/bin/env python3
"""Asks Flink for the changes that each query below makes of ROWS and writes `table_stages.json` beside this file.

    python3 -m venv venv && venv/bin/pip install apache-flink==2.3.0 && venv/bin/python tests/flink/table_stages.py

The file holds the rows that are read, and for each query {"name", "of", "stages", "sql", "columns", "changes"}: `stages` is
the same in our language, over the rows called `of`, and `changes` what Flink's changelog says, in its order: its kind, then
the values of the columns, `null` for NULL. A watermark follows every row, DELAY_MS behind the latest.
"""

import json
import pathlib
import tempfile

from pyflink.table import EnvironmentSettings, TableEnvironment

DELAY_MS = 3

# Number, key, value, event time in milliseconds. Null keys and values, equal times, equal values, late rows.
ROWS = [
    (1, "a", 5, 1),
    (2, "b", 3, 2),
    (3, "a", 7, 2),
    (4, None, 4, 3),
    (5, "a", 5, 9),
    (6, "b", None, 4),
    (7, "b", 9, 6),
    (8, None, 4, 8),
    (9, "a", 1, 6),
    (10, "a", 8, 12),
    (11, "b", 3, 12),
    (12, "c", 6, 11),
    (13, "a", None, 13),
    (14, "b", 9, 15),
    (15, "c", 6, 17),
    (16, "a", 2, 16),
    (17, "b", 1, 18),
    (18, None, 9, 10),
    (19, "c", 0, 21),
    (20, "a", 8, 22),
    (21, "b", 7, 21),
    (22, "c", 6, 30),
    (23, "d", 1, 19),
    (24, "d", 2, 28),
    (25, "d", 3, 27),
    (26, "d", 4, 34),
    (27, "e", 1, 30),
    (28, "f", 1, 31),
    (29, "e", 2, 36),
    (30, "g", 1, 33),
    (31, "g", 2, 45),
]


# The changelog of a table: number, key, value, operation.
CHANGES = [
    (1, "a", 5, "c"),
    (2, "b", 3, "c"),
    (3, "c", 8, "c"),
    (4, "a", 5, "ub"),
    (5, "a", 9, "ua"),
    (6, "b", 3, "d"),
    (7, None, 1, "c"),
    (8, "d", 4, "c"),
    (9, "c", 8, "ub"),
    (10, "c", 2, "ua"),
    (11, "d", 4, "d"),
]

LAST = "SELECT k, LAST_VALUE(v) AS v, COUNT(*) AS n FROM t GROUP BY k"


def ranked(columns, over, n, table="t", number=False):
    also = ", rn" if number else ""
    return (
        f"SELECT {columns}{also} FROM (SELECT *, ROW_NUMBER() OVER ({over}) AS rn FROM {table}) WHERE rn <= {n}"
    )


WINDOWED = (
    "(SELECT k, window_start, window_end, COUNT(*) AS n, SUM(v) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), "
    "INTERVAL '0.010' SECOND)) GROUP BY k, window_start, window_end)"
)
EVERY = "window tumble(10ms)"

# Name, our stages, Flink's query.
QUERIES = [
    ("top without rank", "top 3 by v", ranked("id, k, v", "ORDER BY v", 3)),
    ("top without rank, downwards", "top 3 by v desc", ranked("id, k, v", "ORDER BY v DESC", 3)),
    ("top with rank", "top 3 by v as rn", ranked("id, k, v", "ORDER BY v", 3, number=True)),
    ("top with rank, downwards", "top 3 by v desc as rn", ranked("id, k, v", "ORDER BY v DESC", 3, number=True)),
    ("top per key", "top 2 by v desc per k", ranked("id, k, v", "PARTITION BY k ORDER BY v DESC", 2)),
    ("top per key with rank", "top 2 by v per k as rn", ranked("id, k, v", "PARTITION BY k ORDER BY v", 2, number=True)),
    ("top 1 per key", "top 1 by v desc per k", ranked("id, k, v", "PARTITION BY k ORDER BY v DESC", 1)),
    ("top by two", "top 3 by v desc, id desc as rn", ranked("id, k, v", "ORDER BY v DESC, id DESC", 3, number=True)),
    ("nulls last", "top 3 by v nulls last", ranked("id, k, v", "ORDER BY v NULLS LAST", 3)),
    ("nulls first", "top 3 by v desc nulls first as rn", ranked("id, k, v", "ORDER BY v DESC NULLS FIRST", 3, number=True)),
    ("top of changes", "key_by k | aggregate last_value(v) as v, count(*) as n | top 2 by v desc",
     ranked("k, v, n", "ORDER BY v DESC", 2, f"({LAST})")),
    ("top of changes with rank", "key_by k | aggregate last_value(v) as v, count(*) as n | top 2 by v as rn",
     ranked("k, v, n", "ORDER BY v", 2, f"({LAST})", number=True)),
    ("top of changes per column", "key_by k | aggregate last_value(v) as v, count(*) as n | top 1 by n per v",
     ranked("k, v, n", "PARTITION BY v ORDER BY n", 1, f"({LAST})")),
    ("top of changes per column with rank",
     "key_by k | aggregate last_value(v) as v, count(*) as n | top 2 by k per v as rn",
     ranked("k, v, n", "PARTITION BY v ORDER BY k", 2, f"({LAST})", number=True)),
    ("window top", f"key_by k | {EVERY} | aggregate count(*) as n, sum(v) as s | top 2 by n desc, k per window",
     ranked("k, window_start, window_end, n, s", "PARTITION BY window_start, window_end ORDER BY n DESC, k", 2, WINDOWED)),
    ("window top with rank", f"key_by k | {EVERY} | aggregate count(*) as n, sum(v) as s | top 2 by s, k per window as rn",
     ranked("k, window_start, window_end, n, s", "PARTITION BY window_start, window_end ORDER BY s, k", 2, WINDOWED, number=True)),
    ("first by arrival", "distinct on k by arrival", ranked("id, k, v", "PARTITION BY k ORDER BY pt", 1)),
    ("last by arrival", "distinct on k keep last by arrival", ranked("id, k, v", "PARTITION BY k ORDER BY pt DESC", 1)),
    ("first by event time", "distinct on k", ranked("id, k, v", "PARTITION BY k ORDER BY ts", 1)),
    ("last by event time", "distinct on k keep last", ranked("id, k, v", "PARTITION BY k ORDER BY ts DESC", 1)),
    ("first by two columns", "distinct on k, v by arrival", ranked("id, k, v", "PARTITION BY k, v ORDER BY pt", 1)),
    ("distinct rows", "map k, v | distinct", "SELECT DISTINCT k, v FROM t"),
    ("distinct rows of changes", "key_by k | aggregate last_value(v) as v | map v | distinct",
     "SELECT DISTINCT v FROM (SELECT k, LAST_VALUE(v) AS v FROM t GROUP BY k)"),
    ("ordered", "order_by event_time", "SELECT id, k, v FROM t ORDER BY ts"),
    ("limit of changes", "key_by k | aggregate last_value(v) as v, count(*) as n | limit 2", f"{LAST} LIMIT 2"),
    ("to_changelog", "key_by k | aggregate count(*) as n | to_changelog",
     "SELECT * FROM TO_CHANGELOG(input => TABLE counts)"),
    ("from_changelog", "from_changelog with (insert = 'c', update_before = 'ub', update_after = 'ua', delete = 'd')",
     "SELECT id, k, v FROM FROM_CHANGELOG(input => TABLE changes, op => DESCRIPTOR(op), op_mapping => "
     "MAP['c', 'INSERT', 'ub', 'UPDATE_BEFORE', 'ua', 'UPDATE_AFTER', 'd', 'DELETE'])"),
]


def changes(table):
    result = table.execute()._j_table_result
    rows, converter = result.collectInternal(), result.getRowDataToStringConverter()
    found = []
    while rows.hasNext():
        row = rows.next()
        values = [str(value) if value != "NULL" and value != "<NULL>" else "null" for value in converter.convert(row)]
        found.append(" ".join([row.getRowKind().shortString(), "|".join(values)]))
    rows.close()
    return found


def main():
    env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    env.get_config().set("table.local-time-zone", "UTC")
    env.get_config().set("parallelism.default", "1")
    # A watermark a row.
    env.get_config().set("pipeline.auto-watermark-interval", "0 ms")
    folder = tempfile.mkdtemp()

    def csv(name, rows):
        path = pathlib.Path(folder) / name
        path.write_text("".join(",".join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows))
        return f"'connector' = 'filesystem', 'path' = '{path}', 'format' = 'csv', 'csv.null-literal' = ''"

    env.execute_sql(
        "CREATE TEMPORARY TABLE t (id INT, k STRING, v INT, ms BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3), pt AS PROCTIME(), "
        f"WATERMARK FOR ts AS ts - INTERVAL '0.00{DELAY_MS}' SECOND) WITH ({csv('t.csv', ROWS)})"
    )
    env.execute_sql(f"CREATE TEMPORARY TABLE changes (id INT, k STRING, v INT, op STRING) WITH ({csv('c.csv', CHANGES)})")
    env.execute_sql("CREATE TEMPORARY VIEW counts AS SELECT k, COUNT(*) AS n FROM t GROUP BY k")
    found = []
    for name, stages, sql in QUERIES:
        table = env.sql_query(sql)
        columns = list(table.get_schema().get_field_names())
        of = "changes" if "TABLE changes" in sql else "t"
        entry = {"name": name, "of": of, "stages": stages, "sql": sql, "columns": columns, "changes": changes(table)}
        print(name, entry["changes"], flush=True)
        found.append(entry)
    entries = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in found)
    rows = ",\n".join("    " + json.dumps(row) for row in ROWS)
    ops = ",\n".join("    " + json.dumps(row) for row in CHANGES)
    target = pathlib.Path(__file__).with_suffix(".json")
    target.write_text(f'{{\n  "t": [\n{rows}\n  ],\n  "changes": [\n{ops}\n  ],\n  "queries": [\n{entries}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
