#!/usr/bin/env python3
"""Asks Flink for the matches of each pattern below and writes `patterns.json` beside this file.

    python3 -m venv venv && venv/bin/pip install apache-flink==2.3.0 && venv/bin/python tests/flink/patterns.py

The file holds the rows, [k, t, p, c] with t in epoch milliseconds, in the order of their arrival, and the cases:
the parts of a MATCH_RECOGNIZE by k ordered by t, and the rows that Flink gives. Watermarks are per record, two seconds
behind. Left out is what waits at the end of the input for a match that began earlier: Flink keeps it back for ever.
"""

import json
import pathlib
import random
import tempfile

from pyflink.table import EnvironmentSettings, TableEnvironment

ALL = "FIRST(A.p) AS a, LAST(B.p) AS b, COUNT(B.p) AS n, C.p AS c"
LABELS = "A AS A.c = 'a', B AS B.c = 'b', C AS C.c = 'c'"
LOOSE = "A AS A.c = 'a', B AS B.p > 5, C AS C.p > 3"
DEFAULT = "SKIP PAST LAST ROW"


def case(pattern, define=LABELS, measures=ALL, skip=DEFAULT, within=None):
    return {"pattern": pattern, "define": define, "measures": measures, "skip": skip, "within": within}


CASES = [
    case("A B C"),
    case("A B+ C"),
    case("A B* C", LOOSE),
    case("A B+ C", "A AS A.c = 'a', B AS B.p > 5"),
    case("A B+ C", LOOSE),
    case("A B*? C", LOOSE),
    case("A B+? C", LOOSE),
    case("A B? C", LOOSE),
    case("A B{2} C", LOOSE),
    case("A B{1,2} C", LOOSE),
    case("A B{1,2}? C", LOOSE),
    case("A B{2,} C", LOOSE),
    case("A B{2,}? C", LOOSE),
    case("A B{,2} C", LOOSE),
    case("B* C", "B AS B.p > 5, C AS C.p > 3", "FIRST(B.p) AS b, COUNT(B.p) AS n, C.p AS c"),
    case("A* B+ C", "A AS A.p < 12, B AS B.p > 4, C AS C.c = 'c'"),
    case("A B C?", LABELS),
    case("A B+? C", LOOSE, skip="SKIP TO NEXT ROW"),
    case("A B* C", LOOSE, skip="SKIP TO NEXT ROW"),
    case("A B+ C", "A AS A.p > 3, B AS B.p > 5, C AS C.p < 6", skip="SKIP TO FIRST B"),
    case("A B+ C", "A AS A.p > 3, B AS B.p > 5, C AS C.p < 6", skip="SKIP TO LAST B"),
    case("A B+ C", "A AS A.p > 3, B AS B.p > 5, C AS C.p < 6", skip="SKIP TO LAST C"),
    case("A B+ C", LOOSE, within=3),
    case("A B* C", "B AS B.p > 5, C AS C.p < 6", within=4),
    case("A B*? C", "C AS C.c = 'c'", within=5, skip="SKIP TO NEXT ROW"),
    # A row is compared with those before it.
    case(
        "A B+ C",
        "B AS (LAST(B.p, 1) IS NULL AND B.p < A.p) OR B.p < LAST(B.p, 1), C AS C.p > LAST(B.p)",
        "A.p AS a, LAST(B.p) AS b, C.p AS c, COUNT(B.p) AS n",
    ),
    case(
        "A B+ C",
        "B AS (LAST(B.p, 1) IS NULL AND B.p < A.p) OR B.p < LAST(B.p, 1), C AS C.p > LAST(B.p)",
        "A.p AS a, LAST(B.p) AS b, C.p AS c, COUNT(B.p) AS n",
        skip="SKIP TO LAST C",
    ),
    case("A B* C", "B AS B.p > A.p, C AS C.p = A.p", "A.p AS a, COUNT(B.p) AS n, C.p AS c", within=20),
    case("A+ B", "A AS SUM(A.p) <= 20", "SUM(A.p) AS s, MIN(A.p) AS lo, MAX(A.p) AS hi, B.p AS b"),
    case("A B+ C", "B AS COUNT(B.p) < 4 AND B.p > FIRST(A.p) - 6, C AS C.p > AVG(B.p)", "A.p AS a, AVG(B.p) AS m, C.p AS c"),
]


def rows():
    """Rows of five keys and a null key: out of order by up to the two seconds, of equal times, and some late."""
    rng = random.Random(7)
    rows, now = [], 1_000_000
    for _ in range(240):
        now += rng.choice([0, 0, 200, 300, 500])
        late = rng.random() < 0.05
        t = now - (rng.choice([4_000, 6_000]) if late else rng.choice([0, 0, 0, 500, 1_000, 1_500]))
        rows.append([rng.choice([1, 1, 2, 3, 4, 5, None]), t, rng.randint(1, 14), rng.choice("aabbbc")])
    return rows


def query(case):
    within = f" WITHIN INTERVAL '{case['within']}' SECOND" if case["within"] else ""
    return (
        f"SELECT * FROM arrived MATCH_RECOGNIZE (PARTITION BY k ORDER BY t MEASURES {case['measures']} ONE ROW PER MATCH "
        f"AFTER MATCH {case['skip']} PATTERN ({case['pattern']}){within} DEFINE {case['define']}) AS m"
    )


def main():
    env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    env.get_config().set("parallelism.default", "1")
    env.get_config().set("table.local-time-zone", "UTC")
    env.get_config().set("pipeline.auto-watermark-interval", "0")
    directory = pathlib.Path(tempfile.mkdtemp())
    arrived = rows()
    path = directory / "rows.csv"
    path.write_text("".join(f"{'' if k is None else k},{t},{p},{c}\n" for k, t, p, c in arrived))
    env.execute_sql(
        "CREATE TEMPORARY TABLE arrived (k BIGINT, ms BIGINT, p BIGINT, c STRING, "
        "t AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR t AS t - INTERVAL '2' SECOND) "
        f"WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'csv', 'csv.null-literal' = '')"
    )
    cases = []
    for case_ in CASES:
        try:
            with env.execute_sql(query(case_)).collect() as results:
                found = sorted((list(row) for row in results), key=str)
        except Exception as error:  # refused by Flink: said, and left out
            print(case_["pattern"], "|", str(error).strip().splitlines()[-1][:200], flush=True)
            continue
        print(case_["pattern"], len(found), flush=True)
        cases.append({**case_, "rows": found})

    def lines(entries):
        return ",\n".join("    " + json.dumps(entry) for entry in entries)

    text = f'{{\n  "arrived": [\n{lines(arrived)}\n  ],\n  "cases": [\n{lines(cases)}\n  ]\n}}\n'
    pathlib.Path(__file__).with_suffix(".json").write_text(text)


if __name__ == "__main__":
    main()
