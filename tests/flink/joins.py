#!/usr/bin/env python3
"""Asks Flink what its joins and set operations give and writes `joins.json` beside this file.

    python3 -m venv venv && venv/bin/pip install apache-flink==2.3.0 && venv/bin/python tests/flink/joins.py

Rows of both sides come from one source, one after the other: [side, k, v, seconds], where k may be null. The watermark
follows each row, one second behind the largest time. A case is {"name", "query", "steps", "rows"}; `rows` are those that
Flink gives, "+I 1|2|1|3", in the order in which it gave them (of one step, in any order).

In the cases of `changes` a row replaces the one before it of its side and `id`: [side, id, k, v]; v of -1 deletes it.
"""

import json
import pathlib

from pyflink.table import EnvironmentSettings, TableEnvironment

INTERVAL = [
    ["l", 1, 10, 100], ["r", 1, 20, 100], ["r", 1, 21, 110], ["l", None, 11, 101], ["r", None, 22, 101],
    ["l", 2, 12, 102], ["r", 2, 23, 97], ["r", 2, 24, 96], ["l", 1, 13, 105], ["r", 1, 25, 115], ["l", 3, 14, 116],
    # Late: behind 115, but what it meets is still there.
    ["r", 1, 26, 112], ["l", 1, 15, 114], ["l", 1, 16, 117], ["r", 3, 27, 126], ["l", 3, 17, 130], ["l", 4, 18, 200],
]
REGULAR = [
    ["l", 1, 10, 1], ["r", 1, 20, 2], ["r", 1, 20, 3], ["l", 1, 10, 4], ["l", 2, 11, 5], ["r", None, 21, 6],
    ["l", None, 12, 7], ["r", 2, 22, 8], ["r", 3, 23, 9], ["l", 3, 30, 10], ["l", 1, 5, 11], ["r", 2, 9, 12],
]
CHANGES = [
    ["l", 1, 1, 10], ["r", 7, 1, 20], ["r", 8, 1, 21], ["l", 1, 1, 11], ["r", 7, 2, 20], ["l", 1, 2, 11], ["l", 2, 2, 12],
    ["r", 8, 1, -1], ["r", 7, 2, 25], ["l", 2, 2, -1], ["r", 7, 3, 25], ["l", 1, 3, 11], ["r", 8, 3, 26], ["l", 3, None, 9],
    ["l", 1, 3, -1],
]
TEMPORAL = [
    ["r", 1, 20, 10], ["l", 1, 10, 12], ["r", 1, 21, 15], ["l", 1, 11, 15], ["l", 1, 12, 14], ["l", 2, 13, 16],
    ["r", 2, 30, 18], ["l", 2, 14, 17], ["l", None, 15, 18], ["l", 2, 15, 19], ["r", 1, 22, 25], ["l", 1, 16, 24],
    # Late: its version may be gone.
    ["l", 1, 17, 13], ["l", 1, 18, 20], ["r", 3, 40, 26], ["l", 3, 19, 26], ["l", 1, 20, 40], ["l", 3, 21, 60],
]
SETS = [
    ["l", 1, 1, 1], ["l", 1, 1, 2], ["r", 1, 1, 3], ["l", 2, 1, 4], ["r", None, 2, 5], ["l", None, 2, 6], ["l", None, 2, 7],
    ["r", 2, 1, 8], ["r", 1, 1, 9], ["r", 3, 3, 10], ["l", 3, 3, 11], ["l", 1, 1, 12],
]

BETWEEN = "r.ts BETWEEN l.ts - INTERVAL '5' SECOND AND l.ts + INTERVAL '10' SECOND"
OUTER = {"join": "JOIN", "left join": "LEFT JOIN", "right join": "RIGHT JOIN", "full join": "FULL JOIN"}
BOTH = "SELECT l.k, l.v, r.k AS r_k, r.v AS w FROM l"


def cases():
    for stage, join in OUTER.items():
        for residual in (False, True):
            on = "l.k = r.k" + (" AND l.v <= r.v - 10" if residual else "")
            name = stage + (" residual" if residual else "")
            yield f"interval {name}", INTERVAL, f"{BOTH} {join} r ON {on} AND {BETWEEN}"
            yield f"regular {name}", REGULAR, f"{BOTH} {join} r ON {on}"
            yield f"changes {name}", CHANGES, f"{BOTH} {join} r ON {on}"
    for rows, shape in ((REGULAR, "regular"), (CHANGES, "changes")):
        of = "SELECT l.k, l.v FROM l WHERE"
        yield f"{shape} semi join", rows, f"{of} EXISTS (SELECT 1 FROM r WHERE l.k = r.k)"
        yield f"{shape} anti join", rows, f"{of} NOT EXISTS (SELECT 1 FROM r WHERE l.k = r.k)"
    for stage in ("join", "left join"):
        join = f"{OUTER[stage]} r FOR SYSTEM_TIME AS OF l.ts"
        yield f"temporal {stage}", TEMPORAL, f"{BOTH} {join} ON l.k = r.k"
        yield f"temporal {stage} residual", TEMPORAL, f"{BOTH} {join} ON l.k = r.k AND l.v <= r.v - 10"
    for name in ("INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"):
        yield f"set {name.lower()}", SETS, f"SELECT k, v FROM l {name} SELECT k, v FROM r"


def column(values, type_):
    whens = " ".join(f"WHEN {at} THEN {'NULL' if value is None else repr(value)}" for at, value in enumerate(values))
    return f"CAST(CASE CAST(n AS INT) {whens} END AS {type_})"


def tables(env, name, steps):
    changes = name.startswith("changes")
    sides, ks, vs, last = (list(part) for part in zip(*steps))
    if changes:
        ids, ks, vs, last = ks, vs, last, [0] * len(steps)
    else:
        ids = [0] * len(steps)
    env.execute_sql(f"""CREATE TEMPORARY TABLE steps (
        n BIGINT, side AS {column(sides, 'STRING')}, id AS {column(ids, 'BIGINT')}, k AS {column(ks, 'BIGINT')},
        v AS {column(vs, 'BIGINT')}, ts AS TO_TIMESTAMP_LTZ({column([second * 1000 for second in last], 'BIGINT')}, 3),
        pt AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
    ) WITH ('connector' = 'datagen', 'rows-per-second' = '1', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0',
        'fields.n.end' = '{len(steps) - 1}')""")
    for side in "lr":
        of = f"FROM steps WHERE side = '{side}'"
        body = f"SELECT k, v, ts {of}"
        if changes:
            body = f"""SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY pt DESC) AS rn {of})
                WHERE rn = 1 AND v >= 0"""
        elif name.startswith("temporal") and side == "r":
            body = f"""SELECT k, v, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) AS rn {of})
                WHERE rn = 1"""
        env.execute_sql(f"CREATE TEMPORARY VIEW {side} AS {body}")


def answer(name, steps, query):
    env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for key, value in {
        "parallelism.default": "1",
        "pipeline.auto-watermark-interval": "0 ms",
        "execution.buffer-timeout.interval": "0 ms",
        "table.local-time-zone": "UTC",
    }.items():
        env.get_config().set(key, value)
    tables(env, name, steps)
    kinds = {"INSERT": "+I", "UPDATE_BEFORE": "-U", "UPDATE_AFTER": "+U", "DELETE": "-D"}
    rows = []
    with env.execute_sql(query).collect() as found:
        for row in found:
            values = "|".join("null" if value is None else str(value) for value in row)
            rows.append(f"{kinds[row.get_row_kind().name]} {values}")
    return {"name": name, "query": query, "steps": steps, "rows": rows}


def main():
    target = pathlib.Path(__file__).with_suffix(".json")
    lines = []
    for case in cases():
        lines.append(json.dumps(answer(*case)))
        print(lines[-1][:150], flush=True)
    target.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
