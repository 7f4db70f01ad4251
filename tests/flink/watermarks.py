#!/usr/bin/env python3
"""Asks Flink for watermarks and writes `watermarks.json` beside this file.

    python3 -m venv venv && venv/bin/pip install apache-flink==2.3.0 && venv/bin/python tests/flink/watermarks.py

It holds, an entry a line: `rows`, what the queries below read, in this order; `queries`, a watermark as Flink SQL and as
typed here, with the windows that the rows come to where the late ones are dropped ([window's start, count, sum], times in
milliseconds since 1970); `splits`, the scripts of SplitWatermarks.java with the watermark of the reader behind each event.
"""

import json
import pathlib
import random
import subprocess
import tempfile

import pyflink
from pyflink.table import EnvironmentSettings, TableEnvironment

# As Flink writes it, as it is typed here.
QUERIES = [
    ("ts - INTERVAL '4' SECOND", "4s"),
    ("ts", "0s"),
    ("ts - INTERVAL '0.001' SECOND", "ascending"),
    ("CASE WHEN price > 70 THEN ts - INTERVAL '2' SECOND END", "2s when price > 70"),
    ("CASE WHEN price > 95 THEN ts END", "when price > 95"),
    ("IF(MOD(price, 4) = 1, ts - INTERVAL '3' SECOND, CAST(NULL AS TIMESTAMP(3)))", "3s when price % 4 = 1"),
    ("COALESCE(until, ts - INTERVAL '30' SECOND)", "as coalesce(until, ts - interval '30' second)"),
    ("until", "as until"),
]


def rows():
    chance = random.Random(7)
    clock, found = 1_600_000_000_000, []
    for _ in range(300):
        clock += chance.randrange(900)
        back = chance.randrange(20_000) if chance.randrange(8) == 0 else chance.randrange(3_000)
        time = clock - back
        until = time - chance.randrange(5_000) if chance.randrange(6) == 0 else None
        found.append([time, chance.randrange(100), until])
    return found


def windows(rows, watermark):
    env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    config = env.get_config()
    config.set("table.local-time-zone", "UTC")
    config.set("parallelism.default", "1")
    config.set("pipeline.auto-watermark-interval", "0 ms")
    with tempfile.TemporaryDirectory() as directory:
        lines = [f"{time},{price},{'' if until is None else until}" for time, price, until in rows]
        (pathlib.Path(directory) / "rows.csv").write_text("\n".join(lines) + "\n")
        env.execute_sql(
            "CREATE TEMPORARY TABLE r (time_ms BIGINT, price INT, until_ms BIGINT, "
            "ts AS CAST(TO_TIMESTAMP_LTZ(time_ms, 3) AS TIMESTAMP(3)), "
            "until AS CAST(TO_TIMESTAMP_LTZ(until_ms, 3) AS TIMESTAMP(3)), "
            f"WATERMARK FOR ts AS {watermark}) WITH "
            f"('connector' = 'filesystem', 'path' = '{directory}', 'format' = 'csv', 'csv.ignore-parse-errors' = 'true')"
        )
        result = env.execute_sql(
            "SELECT CAST(window_start AS STRING), COUNT(*), SUM(price) "
            "FROM TABLE(TUMBLE(TABLE r, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end"
        )
        with result.collect() as found:
            return sorted([str(row[0]), row[1], row[2]] for row in found)


def splits():
    here = pathlib.Path(__file__).parent
    jars = ":".join(str(jar) for jar in (pathlib.Path(pyflink.__file__).parent / "lib").glob("*.jar"))
    printed = subprocess.run(
        ["java", "-cp", jars, str(here / "SplitWatermarks.java")], check=True, capture_output=True, text=True
    )
    return [json.loads(line) for line in printed.stdout.splitlines()]


def main():
    read = rows()
    queries = [{"flink": flink, "typed": typed, "windows": windows(read, flink)} for flink, typed in QUERIES]
    sections = {"rows": read, "queries": queries, "splits": splits()}
    text = ",\n".join(
        f'  "{name}": [\n' + ",\n".join("    " + json.dumps(entry) for entry in entries) + "\n  ]"
        for name, entries in sections.items()
    )
    pathlib.Path(__file__).with_suffix(".json").write_text(f"{{\n{text}\n}}\n")


if __name__ == "__main__":
    main()
