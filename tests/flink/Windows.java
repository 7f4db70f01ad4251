// Asks Flink for the results of each window below, of the rows below, and writes `windows.json` beside this file.
//
//     pip install apache-flink==2.3.0
//     javac -cp '<site-packages>/pyflink/lib/*' -d out tests/flink/Windows.java
//     java --add-opens java.base/java.util=ALL-UNNAMED -cp 'out:<site-packages>/pyflink/lib/*' Windows > tests/flink/windows.json
//
// The file holds the rows ("ts" in milliseconds, "k", "v", "gap") and the cases: "stages" as they are typed here behind the
// rows, "results" and "late" rows, each sorted. The watermark follows each row, 2 s behind the latest; of two inputs,
// whose rows come in no order between them, 100 s, so that none is late.

import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

import org.apache.flink.api.common.eventtime.*;
import org.apache.flink.api.common.functions.*;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.configuration.*;
import org.apache.flink.streaming.api.datastream.*;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.*;
import org.apache.flink.streaming.api.functions.windowing.delta.DeltaFunction;
import org.apache.flink.streaming.api.windowing.assigners.*;
import org.apache.flink.streaming.api.windowing.evictors.*;
import org.apache.flink.streaming.api.windowing.triggers.*;
import org.apache.flink.streaming.api.windowing.windows.*;
import org.apache.flink.util.*;

public class Windows {
    public static class Row implements Serializable {
        public long ts; public String k; public long v; public long gap; public int side;
        public Row() {}
        Row(long ts, String k, long v, long gap) { this.ts = ts * 1000; this.k = k; this.v = v; this.gap = gap * 1000; this.side = (int) (v % 2); }
        String json() { return "{\"ts\":" + ts + ",\"k\":\"" + k + "\",\"v\":" + v + ",\"gap\":" + gap + "}"; }
    }

    static final List<Row> ROWS = List.of(
        new Row(1, "a", 5, 4), new Row(1, "a", 9, 6), new Row(3, "b", 1, 3), new Row(2, "a", 2, 2), new Row(8, "b", 7, 5),
        new Row(9, "a", 3, 4), new Row(12, "a", 8, 4), new Row(12, "c", 4, 3), new Row(10, "b", 6, 6), new Row(19, "a", 1, 3),
        new Row(7, "a", 2, 2), new Row(15, "b", 9, 3), new Row(21, "c", 3, 7), new Row(16, "a", 6, 4), new Row(26, "a", 4, 5),
        new Row(24, "b", 8, 2), new Row(11, "c", 5, 3), new Row(33, "a", 7, 4), new Row(30, "b", 2, 4), new Row(22, "a", 9, 3),
        new Row(41, "c", 1, 5), new Row(38, "a", 3, 4), new Row(34, "b", 5, 3), new Row(52, "a", 6, 4), new Row(39, "c", 2, 2));

    static final OutputTag<Row> LATE = new OutputTag<Row>("late") {};

    static KeyedStream<Row, String> keyed(StreamExecutionEnvironment env) {
        return timed(env).keyBy(row -> row.k);
    }

    static DataStream<Row> timed(StreamExecutionEnvironment env) { return timed(env, 2); }

    static DataStream<Row> timed(StreamExecutionEnvironment env, long delay) {
        WatermarkStrategy<Row> each = WatermarkStrategy.forGenerator(context -> new WatermarkGenerator<Row>() {
            long max = Long.MIN_VALUE + 10_000;
            public void onEvent(Row row, long time, WatermarkOutput out) { max = Math.max(max, time); out.emitWatermark(new Watermark(max - delay * 1000)); }
            public void onPeriodicEmit(WatermarkOutput out) {}
        });
        return env.fromData(ROWS, TypeInformation.of(Row.class)).assignTimestampsAndWatermarks(each.withTimestampAssigner((row, at) -> row.ts));
    }

    static StreamExecutionEnvironment env() {
        Configuration conf = new Configuration();
        conf.set(PipelineOptions.AUTO_WATERMARK_INTERVAL, Duration.ZERO);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, conf);
        return env;
    }

    static class Show<W extends Window> extends ProcessWindowFunction<Row, String, String, W> {
        public void process(String key, Context context, Iterable<Row> rows, Collector<String> out) {
            long n = 0, total = 0; Long first = null, last = null;
            for (Row row : rows) { n++; total += row.v; if (first == null) first = row.v; last = row.v; }
            String bounds = context.window() instanceof TimeWindow w ? ",\"start\":" + w.getStart() + ",\"end\":" + w.getEnd() : "";
            out.collect("{\"k\":\"" + key + "\"" + bounds + ",\"n\":" + n + ",\"total\":" + (n == 0 ? null : total) + ",\"first\":" + first + ",\"last\":" + last + "}");
        }
    }

    static final List<String> CASES = new ArrayList<>();

    static <W extends Window> void window(String stages, WindowAssigner<Object, W> assigner, Trigger<? super Object, ? super W> trigger, Evictor<? super Row, ? super W> evictor, long lateness) throws Exception {
        StreamExecutionEnvironment env = env();
        WindowedStream<Row, String, W> windowed = keyed(env).window((WindowAssigner) assigner);
        if (trigger != null) windowed = windowed.trigger((Trigger) trigger);
        if (evictor != null) windowed = windowed.evictor((Evictor) evictor);
        if (lateness > 0) windowed = windowed.allowedLateness(Duration.ofSeconds(lateness));
        SingleOutputStreamOperator<String> results = windowed.sideOutputLateData(LATE).process(new Show<W>(), Types.STRING);
        DataStream<String> late = results.getSideOutput(LATE).map(row -> "late " + row.json()).returns(Types.STRING);
        collect(stages, "aggregate", results.union(late));
    }

    static void collect(String stages, String how, DataStream<String> stream) throws Exception {
        List<String> results = new ArrayList<>(), late = new ArrayList<>();
        try (CloseableIterator<String> all = stream.executeAndCollect()) {
            while (all.hasNext()) { String row = all.next(); if (row.startsWith("late ")) late.add(row.substring(5)); else results.add(row); }
        }
        Collections.sort(results); Collections.sort(late);
        CASES.add("  {\"stages\": \"" + stages + "\", \"how\": \"" + how + "\",\n   \"results\": [" + String.join(",\n    ", results) + "],\n   \"late\": [" + String.join(", ", late) + "]}");
        System.err.println(stages + ": " + results.size());
    }

    static Duration s(long seconds) { return Duration.ofSeconds(seconds); }

    static class Far implements DeltaFunction<Row>, Serializable {
        public double getDelta(Row a, Row b) { return Math.abs(b.v - a.v); }
    }

    static <W extends Window> Trigger<Object, W> purging(Trigger<Object, W> trigger) { return PurgingTrigger.of(trigger); }

    public static void main(String[] args) throws Exception {
        WindowAssigner<Object, TimeWindow> tumble = (WindowAssigner) TumblingEventTimeWindows.of(s(10)), hop = (WindowAssigner) SlidingEventTimeWindows.of(s(10), s(5));
        WindowAssigner<Object, TimeWindow> session = (WindowAssigner) EventTimeSessionWindows.withGap(s(4));
        WindowAssigner<Object, GlobalWindow> global = (WindowAssigner) GlobalWindows.create();
        window("window tumble(10s)", tumble, null, null, 0);
        window("window tumble(10s) lateness 8s", tumble, null, null, 8);
        window("window tumble(10s, 3s)", (WindowAssigner) TumblingEventTimeWindows.of(s(10), s(3)), null, null, 0);
        window("window hop(10s, 5s)", hop, null, null, 0);
        window("window hop(10s, 5s) lateness 8s", hop, null, null, 8);
        window("window hop(10s, 4s, 1s)", (WindowAssigner) SlidingEventTimeWindows.of(s(10), s(4), s(1)), null, null, 0);
        window("window session(4s)", session, null, null, 0);
        window("window session(4s) lateness 8s", session, null, null, 8);
        window("window session(gap)", (WindowAssigner) EventTimeSessionWindows.withDynamicGap((SessionWindowTimeGapExtractor<Row>) row -> row.gap), null, null, 0);
        window("window session(gap) lateness 8s", (WindowAssigner) EventTimeSessionWindows.withDynamicGap((SessionWindowTimeGapExtractor<Row>) row -> row.gap), null, null, 8);
        window("window session(4s) trigger count 2", session, CountTrigger.of(2), null, 0);
        window("window session(4s) lateness 8s trigger purging count 2", session, purging((Trigger) CountTrigger.of(2)), null, 8);
        window("window session(4s) lateness 8s trigger every 3s", session, ContinuousEventTimeTrigger.of(s(3)), null, 8);
        window("window session(6s) lateness 8s trigger on_event evict within 5s", (WindowAssigner) EventTimeSessionWindows.withGap(s(6)), CountTrigger.of(1), TimeEvictor.of(s(5)), 8);
        window("window count(3)", global, purging((Trigger) CountTrigger.of(3)), null, 0);
        window("window count(4, 2)", global, (Trigger) CountTrigger.of(2), CountEvictor.of(4), 0);
        window("window global trigger count 3", global, (Trigger) CountTrigger.of(3), null, 0);
        window("window global trigger on_event", global, (Trigger) CountTrigger.of(1), null, 0);
        window("window global trigger delta 3 of v", global, (Trigger) DeltaTrigger.of(3, new Far(), TypeInformation.of(Row.class).createSerializer(new org.apache.flink.api.common.serialization.SerializerConfigImpl())), null, 0);
        window("window global trigger purging delta 3 of v", global, purging((Trigger) DeltaTrigger.of(3, new Far(), TypeInformation.of(Row.class).createSerializer(new org.apache.flink.api.common.serialization.SerializerConfigImpl()))), null, 0);
        window("window global trigger delta 3 of v evict delta 4 of v", global, (Trigger) DeltaTrigger.of(3, new Far(), TypeInformation.of(Row.class).createSerializer(new org.apache.flink.api.common.serialization.SerializerConfigImpl())), DeltaEvictor.of(4, new Far()), 0);
        window("window global trigger count 2 evict within 9s", global, (Trigger) CountTrigger.of(2), TimeEvictor.of(s(9)), 0);
        window("window global", global, null, null, 0);
        window("window tumble(10s) trigger count 2", tumble, CountTrigger.of(2), null, 0);
        window("window tumble(10s) trigger purging count 2", tumble, purging((Trigger) CountTrigger.of(2)), null, 0);
        window("window tumble(10s) trigger every 3s", tumble, ContinuousEventTimeTrigger.of(s(3)), null, 0);
        window("window tumble(10s) lateness 8s trigger purging every 4s", tumble, purging((Trigger) ContinuousEventTimeTrigger.of(s(4))), null, 8);
        window("window tumble(10s) lateness 8s trigger purging on_watermark", tumble, purging((Trigger) EventTimeTrigger.create()), null, 8);
        window("window tumble(10s) trigger on_event", tumble, CountTrigger.of(1), null, 0);
        window("window tumble(10s) trigger delta 4 of v", tumble, (Trigger) DeltaTrigger.of(4, new Far(), TypeInformation.of(Row.class).createSerializer(new org.apache.flink.api.common.serialization.SerializerConfigImpl())), null, 0);
        window("window tumble(10s) evict last 1", tumble, null, CountEvictor.of(1), 0);
        window("window tumble(10s) evict within 3s", tumble, null, TimeEvictor.of(s(3)), 0);
        window("window tumble(10s) evict delta 4 of v", tumble, null, DeltaEvictor.of(4, new Far()), 0);
        window("window hop(10s, 5s) trigger count 2 evict last 3", hop, CountTrigger.of(2), CountEvictor.of(3), 0);
        window("window hop(10s, 5s) lateness 8s evict last 2", hop, null, CountEvictor.of(2), 8);
        ReduceFunction<Row> less = (a, b) -> { Row row = new Row(); row.ts = a.ts; row.k = a.k; row.gap = a.gap; row.v = a.v - b.v; return row; };
        MapFunction<Row, String> json = Row::json;
        collect("", "reduce", keyed(env()).reduce(less).map(json).returns(Types.STRING));
        collect("window tumble(10s)", "reduce", keyed(env()).window(TumblingEventTimeWindows.of(s(10))).reduce(less).map(json).returns(Types.STRING));
        collect("window count(2)", "reduce", keyed(env()).countWindow(2).reduce(less).map(json).returns(Types.STRING));
        for (String kind : List.of("tumble(10s)", "hop(10s, 5s)", "session(4s)")) {
            WindowAssigner<Object, TimeWindow> assigner = kind.startsWith("t") ? tumble : kind.startsWith("h") ? hop : session;
            StreamExecutionEnvironment env = env();
            DataStream<Row> all = timed(env, 100), left = all.filter(row -> row.v % 2 == 0), right = all.filter(row -> row.v % 2 == 1);
            JoinFunction<Row, Row, String> pair = (a, b) -> "{\"k\":\"" + a.k + "\",\"v\":" + a.v + ",\"w\":" + b.v + "}";
            collect("window " + kind, "join", left.join(right).where(row -> row.k).equalTo(row -> row.k).window(assigner).apply(pair, Types.STRING));
            env = env();
            all = timed(env, 100); left = all.filter(row -> row.v % 2 == 0); right = all.filter(row -> row.v % 2 == 1);
            CoGroupFunction<Row, Row, String> count = (as, bs, out) -> {
                String k = null; long n = 0, m = 0;
                for (Row a : as) { k = a.k; n++; }
                for (Row b : bs) { k = b.k; m++; }
                out.collect("{\"k\":\"" + k + "\",\"n\":" + n + ",\"m\":" + m + "}");
            };
            collect("window " + kind, "cogroup", left.coGroup(right).where(row -> row.k).equalTo(row -> row.k).window(assigner).apply(count, Types.STRING));
        }
        List<String> rows = new ArrayList<>();
        for (Row row : ROWS) rows.add(row.json());
        System.out.println("{\"rows\": [\n    " + String.join(",\n    ", rows) + "],\n \"cases\": [\n" + String.join(",\n", CASES) + "]}");
    }
}
