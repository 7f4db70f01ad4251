import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkOutputMultiplexer;

/**
 * Asks Flink what the watermark of a reader is after each of the events of its splits: a row of a time, a split that falls
 * idle, one that ends. Started by watermarks.py; prints a line of JSON a script.
 */
public class SplitWatermarks {
    /** As Flink SQL's `ts - delay`: the watermark is the time itself minus the delay, after each row. */
    static final class PerRecord implements WatermarkGenerator<Long> {
        private final long delay;
        private long max = Long.MIN_VALUE;

        PerRecord(long delay) {
            this.delay = delay;
        }

        @Override
        public void onEvent(Long time, long timestamp, WatermarkOutput output) {
            if (time > max) {
                max = time;
                output.emitWatermark(new Watermark(max - delay));
            }
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {}
    }

    static final class Nobody implements WatermarkOutputMultiplexer.WatermarkUpdateListener {
        @Override
        public void onWatermarkUpdate(long watermark) {}

        @Override
        public void onIdleUpdate(boolean idle) {}
    }

    static final class Seen implements WatermarkOutput {
        Long watermark = null;
        boolean idle = false;

        @Override
        public void emitWatermark(Watermark watermark) {
            this.watermark = watermark.getTimestamp();
            idle = false;
        }

        @Override
        public void markIdle() {
            idle = true;
        }

        @Override
        public void markActive() {
            idle = false;
        }
    }

    public static void main(String[] args) {
        for (int seed = 0; seed < 40; seed++) {
            Random random = new Random(seed);
            int splits = 1 + random.nextInt(4);
            Seen seen = new Seen();
            WatermarkOutputMultiplexer multiplexer = new WatermarkOutputMultiplexer(seen);
            List<WatermarkGenerator<Long>> generators = new ArrayList<>();
            List<Integer> open = new ArrayList<>();
            for (int split = 0; split < splits; split++) {
                multiplexer.registerNewOutput("split-" + split, new Nobody());
                generators.add(new PerRecord(4));
                open.add(split);
            }
            List<String> events = new ArrayList<>();
            List<String> watermarks = new ArrayList<>();
            for (int event = 0; event < 40 && !open.isEmpty(); event++) {
                int split = open.get(random.nextInt(open.size()));
                WatermarkOutput output = multiplexer.getImmediateOutput("split-" + split);
                int kind = random.nextInt(20);
                if (kind == 0) {
                    multiplexer.unregisterOutput("split-" + split);
                    open.remove(Integer.valueOf(split));
                    multiplexer.onPeriodicEmit();
                    events.add("[\"end\", " + split + ", 0]");
                } else if (kind <= 3) {
                    output.markIdle();
                    events.add("[\"idle\", " + split + ", 0]");
                } else {
                    long time = event * 3 + random.nextInt(20);
                    output.markActive();
                    generators.get(split).onEvent(time, time, output);
                    events.add("[\"row\", " + split + ", " + time + "]");
                }
                watermarks.add(seen.watermark == null ? "null" : seen.watermark.toString());
            }
            System.out.println("{\"splits\": " + splits + ", \"events\": " + events + ", \"watermarks\": " + watermarks + "}");
        }
    }
}
