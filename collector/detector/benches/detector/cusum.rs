//! What others do: the median of each hour's scores, and a CUSUM over the hours.

use crate::sim::HOUR;

/// Score of a block by silence in the handshake, what is taken off each hour, and when it alarms. With 0.7, ten hours it is.
const SCORE: f64 = 0.7;
const DRIFT: f64 = 0.35;
const THRESHOLD: f64 = 3.5;

#[derive(Debug, Default)]
pub(crate) struct HourlyCusum {
    hour: u32,
    blocked: u32,
    votes: u32,
    sum: f64,
    /// When it alarmed.
    pub(crate) alarm: Option<u32>,
}

impl HourlyCusum {
    pub(crate) fn vote(&mut self, at: u32, blocked: bool) {
        let hour = at / HOUR;
        if hour != self.hour {
            self.close((self.hour + 1) * HOUR);
            self.hour = hour;
        }
        self.votes += 1;
        self.blocked += u32::from(blocked);
    }

    fn close(&mut self, at: u32) {
        if self.votes > 0 {
            let score = if 2 * self.blocked > self.votes { SCORE } else { 0.0 };
            self.sum = (self.sum + score - DRIFT).max(0.0);
        }
        (self.blocked, self.votes) = (0, 0);
        if self.sum + 1e-9 >= THRESHOLD && self.alarm.is_none() {
            self.alarm = Some(at);
        }
    }
}
