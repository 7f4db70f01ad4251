#!/usr/bin/env python3
"""Asks Flink what its process functions give and writes `process.json` beside this file.

    python3 -m venv venv && venv/bin/pip install apache-flink==2.3.0 && venv/bin/python tests/flink/process.py

Each case is a process function of ours as text, the same in Flink's DataStream API, rows of one or two inputs
{"input", "k", "v", "ts"} (milliseconds), and the rows that Flink gave, sorted. The watermark follows each row, 5 s behind
the greatest time of its input. Cases with two inputs give the same whatever the order between the inputs. A timer that
sets one which is due too is not asked about: Python's worker registers it behind the watermark, Java before.
"""

import json
import pathlib
import random
import tempfile

from pyflink.common import Configuration, Time, Types
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.functions import KeyedBroadcastProcessFunction, KeyedCoProcessFunction, KeyedProcessFunction, ProcessWindowFunction
from pyflink.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from pyflink.datastream.window import EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows
from pyflink.table import StreamTableEnvironment

def long():
    # Made anew for each use: once used it can't be sent to a worker.
    return Types.LONG()


class State:
    """Value states by name."""

    def open(self, context):
        for name in self.values:
            setattr(self, name, context.get_state(ValueStateDescriptor(name, long())))
        for name in self.lists:
            setattr(self, name, context.get_list_state(ListStateDescriptor(name, long())))

    values = []
    lists = []


class Inactivity(State, KeyedProcessFunction):
    ours = """process p { state seen timestamp; state n bigint;
  on event { seen = greatest(coalesce(seen, event_time), event_time); n = coalesce(n, 0) + 1; timer quiet at event_time + 15s; }
  on timer quiet { if seen is not null and timer_time = seen + 15s and n is not null { emit k, n, timer_time as at, current_watermark as wm; clear n; } } }"""
    values = ["seen", "n"]

    def process_element(self, row, ctx):
        self.seen.update(max(self.seen.value() or ctx.timestamp(), ctx.timestamp()))
        self.n.update((self.n.value() or 0) + 1)
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 15_000)

    def on_timer(self, time, ctx):
        if self.n.value() is not None and time == self.seen.value() + 15_000:
            yield [ctx.get_current_key(), self.n.value(), time, ctx.timer_service().current_watermark()]
            self.n.clear()


class Fraud(State, KeyedProcessFunction):
    ours = """process p { state small boolean;
  on event { if small is not null and v > 70 { emit k, v, event_time as at; clear small; } if v < 20 { small = true; timer expiry at event_time + 10s; } }
  on timer expiry { if small is not null { emit k, cast(null as bigint) as v, timer_time as at; } clear small; } }"""
    values = ["small"]

    def process_element(self, row, ctx):
        if self.small.value() is not None and row[1] > 70:
            yield [row[0], row[1], ctx.timestamp()]
            self.small.clear()
        if row[1] < 20:
            self.small.update(1)
            ctx.timer_service().register_event_time_timer(ctx.timestamp() + 10_000)

    def on_timer(self, time, ctx):
        if self.small.value() is not None:
            yield [ctx.get_current_key(), None, time]
        self.small.clear()


class Deleted(State, KeyedProcessFunction):
    ours = """process p { state at timestamp; state n bigint;
  on event { delete timer quiet; n = coalesce(n, 0) + 1; at = event_time; timer quiet at event_time + 7s; }
  on timer quiet { emit k, n, timer_time as at, event_time as ts; n = 0; } }"""
    values = ["at", "n"]

    def process_element(self, row, ctx):
        if self.at.value() is not None:
            ctx.timer_service().delete_event_time_timer(self.at.value() + 7_000)
        self.n.update((self.n.value() or 0) + 1)
        self.at.update(ctx.timestamp())
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 7_000)

    def on_timer(self, time, ctx):
        yield [ctx.get_current_key(), self.n.value(), time, ctx.timestamp()]
        self.n.update(0)


class Coalesced(State, KeyedProcessFunction):
    ours = """process p { state n bigint;
  on event { n = coalesce(n, 0) + 1; timer round at cast(floor(event_time to minute) as timestamp) + 1m; timer later at processing_time + 1h; }
  on timer round { emit k, n, timer_time as at; }
  on timer later { emit k, -n as n, timer_time as at; } }"""
    values = ["n"]

    def process_element(self, row, ctx):
        self.n.update((self.n.value() or 0) + 1)
        ctx.timer_service().register_event_time_timer(ctx.timestamp() // 60_000 * 60_000 + 60_000)
        ctx.timer_service().register_processing_time_timer(ctx.timer_service().current_processing_time() + 3_600_000)

    def on_timer(self, time, ctx):
        yield [ctx.get_current_key(), self.n.value() if ctx.timestamp() % 60_000 == 0 else -self.n.value(), time]


class Listed(State, KeyedProcessFunction):
    ours = """process p { state xs list<bigint>;
  on event { add v to xs; timer t at event_time + 4s; }
  on timer t { let sum = 0; for x in xs { sum = sum * 2 + x; } emit k, cardinality(xs) as n, sum, timer_time as at; if cardinality(xs) > 2 { clear xs; } } }"""
    lists = ["xs"]

    def process_element(self, row, ctx):
        self.xs.add(row[1])
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 4_000)

    def on_timer(self, time, ctx):
        xs, total = list(self.xs.get()), 0
        for x in xs:
            total = total * 2 + x
        yield [ctx.get_current_key(), len(xs), total, time]
        if len(xs) > 2:
            self.xs.clear()


class Both(State, KeyedCoProcessFunction):
    ours = """process p { state lefts map<bigint, bigint>; state rights map<bigint, bigint>;
  on left { lefts[v] = coalesce(lefts[v], 0) + 1; timer t at event_time + 6s; }
  on right { rights[v] = coalesce(rights[v], 0) + 1; timer t at event_time + 6s; }
  on timer t { let both = 0; for v, n in lefts { both = both + n * coalesce(rights[v], 0); } timer last at timestamp '9999-01-01 00:00:00'; emit k, timer_time as at to seen; }
  on timer last { let both = 0; for v, n in lefts { both = both + n * coalesce(rights[v], 0); } emit k, cardinality(lefts) as l, cardinality(rights) as r, both; } }"""
    LAST = 253_370_764_800_000

    def open(self, context):
        self.lefts = context.get_map_state(MapStateDescriptor("lefts", long(), long()))
        self.rights = context.get_map_state(MapStateDescriptor("rights", long(), long()))

    def add(self, state, row, ctx):
        state.put(row[1], (state.get(row[1]) or 0) + 1)
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 6_000)

    def process_element1(self, row, ctx):
        self.add(self.lefts, row, ctx)
        yield from ()

    def process_element2(self, row, ctx):
        self.add(self.rights, row, ctx)
        yield from ()

    def on_timer(self, time, ctx):
        if time < self.LAST:
            ctx.timer_service().register_event_time_timer(self.LAST)
            return
        lefts, rights = dict(self.lefts.items()), dict(self.rights.items())
        both = sum(n * rights.get(v, 0) for v, n in lefts.items())
        yield [ctx.get_current_key(), len(lefts), len(rights), both]


class Rules(State, KeyedBroadcastProcessFunction):
    ours = """process p { state limits map<bigint, bigint> broadcast; state xs list<bigint>;
  on left { add v to xs; timer last at timestamp '9999-01-01 00:00:00'; }
  on right { limits[k] = v; }
  on timer last { let n = 0; for x in xs { if x > coalesce(limits[k], 50) { n = n + 1; } } emit k, n, cardinality(limits) as rules; } }"""
    LAST = Both.LAST

    @staticmethod
    def rules():
        return MapStateDescriptor("limits", long(), long())

    def open(self, context):
        self.xs = context.get_list_state(ListStateDescriptor("xs", long()))

    def process_element(self, row, ctx):
        self.xs.add(row[1])
        ctx.timer_service().register_event_time_timer(self.LAST)
        yield from ()

    def process_broadcast_element(self, row, ctx):
        ctx.get_broadcast_state(self.rules()).put(row[0], row[1])
        yield from ()

    def on_timer(self, time, ctx):
        rules = dict(ctx.get_broadcast_state(self.rules()).items())
        limit = rules.get(ctx.get_current_key(), 50)
        yield [ctx.get_current_key(), sum(1 for x in self.xs.get() if x > limit), len(rules)]


class Window(ProcessWindowFunction):
    """`on window`; state of the key, or of one of its windows."""

    def clear(self, context):
        pass


class Folded(Window):
    ours = """process p { on window { let sum = 0; for r in rows { sum = sum * 2 + r.v; }
  emit k, cardinality(rows) as n, sum, window_start, window_end, event_time as at, current_watermark as wm; } }"""
    window = "window tumble(10s)"

    def of(self, keyed):
        return keyed.window(TumblingEventTimeWindows.of(Time.seconds(10)))

    def process(self, key, context, elements):
        elements, total = list(elements), 0
        for row in elements:
            total = total * 2 + row[1]
        window = context.window()
        yield [key, len(elements), total, window.start, window.end, window.max_timestamp(), context.current_watermark()]


class Widest(Window):
    ours = """process p { state widest bigint; state ends list<timestamp>; on window { let least = rows[1].v; let most = rows[1].v;
  for r in rows { least = least(least, r.v); most = greatest(most, r.v); }
  if most - least > coalesce(widest, -1) { widest = most - least; add window_end to ends; }
  emit k, window_end, most - least as width, widest, cardinality(ends) as changes; } }"""
    window = "window hop(20s, 10s)"

    def of(self, keyed):
        return keyed.window(SlidingEventTimeWindows.of(Time.seconds(20), Time.seconds(10)))

    def process(self, key, context, elements):
        values = [row[1] for row in elements]
        width = max(values) - min(values)
        widest = context.global_state().get_state(ValueStateDescriptor("widest", long()))
        ends = context.global_state().get_list_state(ListStateDescriptor("ends", long()))
        if width > (-1 if widest.value() is None else widest.value()):
            widest.update(width)
            ends.add(context.window().end)
        yield [key, context.window().end, width, widest.value(), len(list(ends.get()))]


class Again(Window):
    ours = """process p { state firings bigint per window; state known map<bigint, bigint> per window; state all bigint;
  on window { firings = coalesce(firings, 0) + 1; all = coalesce(all, 0) + 1;
  for r in rows { known[r.v] = firings; }
  emit k, window_end, firings, cardinality(rows) as n, cardinality(known) as known, all; } }"""
    window = "window tumble(10s) lateness 8s"

    def of(self, keyed):
        return keyed.window(TumblingEventTimeWindows.of(Time.seconds(10))).allowed_lateness(8_000)

    def process(self, key, context, elements):
        values = [row[1] for row in elements]
        firings = context.window_state().get_state(ValueStateDescriptor("firings", long()))
        known = context.window_state().get_map_state(MapStateDescriptor("known", long(), long()))
        total = context.global_state().get_state(ValueStateDescriptor("all", long()))
        firings.update((firings.value() or 0) + 1)
        total.update((total.value() or 0) + 1)
        for value in values:
            known.put(value, firings.value())
        yield [key, context.window().end, firings.value(), len(values), len(list(known.keys())), total.value()]

    def clear(self, context):
        context.window_state().get_state(ValueStateDescriptor("firings", long())).clear()
        context.window_state().get_map_state(MapStateDescriptor("known", long(), long())).clear()


class Visits(Window):
    ours = """process p { state visits bigint; on window { visits = coalesce(visits, 0) + 1; let last = rows[cardinality(rows)].v;
  emit k, window_start, window_end, cardinality(rows) as n, last, visits; } }"""
    window = "window session(6s)"

    def of(self, keyed):
        return keyed.window(EventTimeSessionWindows.with_gap(Time.seconds(6)))

    def process(self, key, context, elements):
        values = [row[1] for row in elements]
        visits = context.global_state().get_state(ValueStateDescriptor("visits", long()))
        visits.update((visits.value() or 0) + 1)
        window = context.window()
        yield [key, window.start, window.end, len(values), values[-1], visits.value()]


def rows(seed, inputs):
    """Rows of few keys, some late, some at one time."""
    draw, now, found = random.Random(seed), 100_000, []
    for _ in range(40):
        now += draw.choice([0, 0, 500, 1_000, 2_000, 4_000, 9_000])
        late = draw.choice([0, 0, 0, 1_000, 3_000, 8_000])
        row = {"k": draw.randrange(4), "v": draw.randrange(100), "ts": now - late}
        found.append({"input": draw.randrange(inputs), **row})
    return found


def stream(tables, rows, name, folder):
    path = pathlib.Path(folder) / f"{name}.csv"
    text = "".join(f"{row['k']},{row['v']},{row['ts']}\n" for row in rows)
    path.write_text(text)
    tables.execute_sql(
        f"""CREATE TEMPORARY TABLE {name} (k BIGINT, v BIGINT, ms BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3),
            WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
            WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'csv')"""
    )
    return tables.to_data_stream(tables.from_path(name))


def ask(function, rows):
    settings = Configuration()
    settings.set_string("pipeline.auto-watermark-interval", "0")
    settings.set_string("python.fn-execution.bundle.size", "1")
    environment = StreamExecutionEnvironment.get_execution_environment(settings)
    environment.set_parallelism(1)
    tables = StreamTableEnvironment.create(environment)
    with tempfile.TemporaryDirectory() as folder:
        inputs = [
            stream(tables, [row for row in rows if row["input"] == at], f"input{at}", folder)
            for at in range(1 + max(row["input"] for row in rows))
        ]
        keyed = inputs[0].key_by(lambda row: row[0], key_type=long())
        if isinstance(function, KeyedCoProcessFunction):
            given = keyed.connect(inputs[1].key_by(lambda row: row[0], key_type=long())).process(function)
        elif isinstance(function, KeyedBroadcastProcessFunction):
            given = keyed.connect(inputs[1].broadcast(function.rules())).process(function)
        elif isinstance(function, Window):
            given = function.of(keyed).process(function)
        else:
            given = keyed.process(function)
        found = [list(row) for row in given.execute_and_collect()]
    return sorted(found, key=json.dumps)


# Of each case the rows are made by.
SEEDS = {"Inactivity": 0, "Fraud": 1, "Deleted": 2, "Coalesced": 4, "Listed": 5, "Both": 6, "Rules": 7,
         "Folded": 8, "Widest": 9, "Again": 10, "Visits": 11}


def main():
    cases = []
    kinds = [Inactivity, Fraud, Deleted, Coalesced, Listed, Both, Rules, Folded, Widest, Again, Visits]
    for kind in kinds:
        two = kind in (Both, Rules)
        for seed in range(1 if two else 2):
            made = rows(1_000 * SEEDS[kind.__name__] + seed, 2 if two else 1)
            given = ask(kind(), made)
            print(kind.__name__, seed, len(given), flush=True)
            case = {"name": kind.__name__, "broadcast": kind is Rules, "function": kind.ours}
            if issubclass(kind, Window):
                case["window"] = kind.window
            cases.append({**case, "rows": made, "given": given})
    lines = ",\n".join(json.dumps(case) for case in cases)
    pathlib.Path(__file__).with_name("process.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
