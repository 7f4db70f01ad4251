//! The watermark and status of several channels made one: the minimum over those that count.
//!
//! Flink's `StatusWatermarkValve`: an idle channel is left out; one that comes back from idleness behind the others is
//! left out until it has caught up; when all are idle, the largest of their watermarks stands.

use crate::types::{ChannelStatus, MIN_WATERMARK};

#[derive(Debug)]
pub(super) struct WatermarkValve {
    channels: Vec<Channel>,
    watermark: i64,
    idle: bool,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    watermark: i64,
    idle: bool,
    aligned: bool,
}

/// The consequence of an element of one channel, the watermark first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Passed {
    pub(super) watermark: Option<i64>,
    pub(super) status: Option<ChannelStatus>,
}

impl WatermarkValve {
    pub(super) fn new(channels: usize) -> Self {
        let channel = Channel { watermark: MIN_WATERMARK, idle: false, aligned: true };
        Self { channels: vec![channel; channels], watermark: MIN_WATERMARK, idle: false }
    }

    /// `channel` says that event time has reached `watermark`; of an idle one that counts once it is active again.
    pub(super) fn watermark(&mut self, channel: usize, watermark: i64) -> Passed {
        let state = &mut self.channels[channel];
        if watermark <= state.watermark {
            return Passed::default();
        }
        state.watermark = watermark;
        if state.idle {
            return Passed::default();
        }
        state.aligned |= watermark >= self.watermark;
        Passed { watermark: self.rise_to_minimum(), status: None }
    }

    /// `channel` has become idle, or active again.
    pub(super) fn status(&mut self, channel: usize, status: ChannelStatus) -> Passed {
        let reached = self.watermark;
        let state = &mut self.channels[channel];
        match status {
            ChannelStatus::Idle if !state.idle => {
                state.idle = true;
                state.aligned = false;
                let held_back = state.watermark == reached;
                if self.channels.iter().all(|channel| channel.idle) {
                    let largest = self.channels.iter().map(|channel| channel.watermark).max();
                    let watermark = largest.filter(|_| held_back).and_then(|largest| self.rise_to(largest));
                    self.idle = true;
                    Passed { watermark, status: Some(ChannelStatus::Idle) }
                } else {
                    Passed { watermark: self.rise_to_minimum(), status: None }
                }
            }
            ChannelStatus::Active if state.idle => {
                state.idle = false;
                state.aligned = state.watermark >= reached;
                let was_idle = std::mem::take(&mut self.idle);
                Passed { watermark: self.rise_to_minimum(), status: was_idle.then_some(ChannelStatus::Active) }
            }
            ChannelStatus::Idle | ChannelStatus::Active => Passed::default(),
        }
    }

    /// The watermark that the other channels let `channel` bring; `None` when it brings none, for being behind.
    pub(super) fn bound(&self, channel: usize) -> Option<i64> {
        let others = self.channels.iter().enumerate().filter(|&(other, of)| other != channel && of.aligned);
        let bound = others.map(|(_, of)| of.watermark).min().unwrap_or(i64::MAX);
        self.channels[channel].aligned.then_some(bound)
    }

    fn rise_to_minimum(&mut self) -> Option<i64> {
        let minimum = self.channels.iter().filter(|channel| channel.aligned).map(|channel| channel.watermark).min()?;
        self.rise_to(minimum)
    }

    fn rise_to(&mut self, watermark: i64) -> Option<i64> {
        (watermark > self.watermark).then(|| {
            self.watermark = watermark;
            watermark
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rises(watermark: i64) -> Passed {
        Passed { watermark: Some(watermark), status: None }
    }

    #[test]
    fn the_minimum_of_all_channels() {
        let mut valve = WatermarkValve::new(2);
        assert_eq!(valve.watermark(0, 10), Passed::default());
        assert_eq!(valve.watermark(1, 5), rises(5));
        assert_eq!(valve.watermark(1, 20), rises(10));
    }

    #[test]
    fn an_idle_channel_is_left_out_and_one_that_returns_must_catch_up() {
        let mut valve = WatermarkValve::new(2);
        assert_eq!(valve.watermark(0, 10), Passed::default());
        assert_eq!(valve.status(1, ChannelStatus::Idle), rises(10));
        assert_eq!(valve.watermark(0, 20), rises(20));
        assert_eq!(valve.status(1, ChannelStatus::Active), Passed::default());
        assert_eq!(valve.watermark(1, 15), Passed::default());
        assert_eq!(valve.watermark(0, 30), rises(30), "the channel behind is not waited for yet");
        assert_eq!(valve.watermark(1, 30), Passed::default());
        assert_eq!(valve.watermark(0, 40), Passed::default(), "now it is");
        assert_eq!(valve.watermark(1, 35), rises(35));
    }

    #[test]
    fn a_watermark_that_comes_before_the_end_of_idleness_holds_nothing_back() {
        let mut valve = WatermarkValve::new(2);
        assert_eq!(valve.status(1, ChannelStatus::Idle), Passed::default());
        assert_eq!(valve.watermark(1, 100), Passed::default());
        assert_eq!(valve.watermark(0, 10), rises(10), "an idle channel is still left out");
        assert_eq!(valve.status(1, ChannelStatus::Active), Passed::default());
        assert_eq!(valve.watermark(0, 20), rises(20));
        assert_eq!(valve.watermark(0, 200), rises(100));
    }

    #[test]
    fn when_all_are_idle_the_largest_stands_and_the_status_is_passed_on() {
        let mut valve = WatermarkValve::new(2);
        valve.watermark(0, 50);
        valve.watermark(1, 10);
        assert_eq!(valve.status(0, ChannelStatus::Idle), Passed::default());
        assert_eq!(
            valve.status(1, ChannelStatus::Idle),
            Passed { watermark: Some(50), status: Some(ChannelStatus::Idle) }
        );
        assert_eq!(
            valve.status(1, ChannelStatus::Active),
            Passed { watermark: None, status: Some(ChannelStatus::Active) }
        );
    }
}
