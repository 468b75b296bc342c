//! Watches over a followed log that is silent. The answer to a follow may stop for good while its connection is fine
//! (kubernetes#122928): whether the container is quiet or the answer is stuck, only the log's last line tells. Says
//! when to ask for it and what its stamp means; no clock, no socket.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Time;

/// A silence that is looked into.
const SILENCE: Duration = Duration::from_secs(30);
/// The last line may have been written while it was asked for, and be on its way.
const GRACE: Duration = Duration::from_secs(3);

/// The watch over one answer.
#[derive(Debug)]
pub(super) struct Vigil {
    due: Instant,
    /// The stamp of a line that is in the log and has not come.
    suspect: Option<Time>,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// To ask for the last line of the log.
    Probe,
    /// To ask for the log anew: this answer is stuck.
    Stalled,
}

impl Vigil {
    /// `jitter` in 0..1 spreads the first questions of streams that were opened together over five seconds.
    pub(super) fn new(now: Instant, jitter: f64) -> Self {
        Self {
            due: now + SILENCE + Duration::from_secs(5).mul_f64(jitter.clamp(0.0, 1.0)),
            suspect: None,
        }
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.suspect.is_none() {
            self.due = now + SILENCE;
        }
    }

    /// When there is something to do, if nothing comes before.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// That moment has come; `newest` is the highest stamp that was delivered.
    pub(super) fn strike(&mut self, now: Instant, newest: Option<Time>) -> Due {
        if now < self.due {
            return Due::Nothing;
        }
        self.due = now + SILENCE;
        match self.suspect.take() {
            Some(suspect) if newest < Some(suspect) => Due::Stalled,
            Some(_) => Due::Nothing,
            None => Due::Probe,
        }
    }

    /// The log's last line has the stamp `last`; nothing if there is none, or no answer.
    pub(super) fn answered(&mut self, now: Instant, newest: Option<Time>, last: Option<Time>) {
        self.suspect = last.filter(|last| newest < Some(*last));
        if self.suspect.is_some() {
            self.due = now + GRACE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Option<Time> {
        (secs >= 0).then(|| Time::from_secs(secs))
    }

    /// What is done about an answer that has the last line `last`, if by the time of the verdict `newest` has come.
    fn check(last: Option<Time>, newest: Option<Time>, expected: Due) {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun, 0.0);
        assert_eq!(vigil.strike(begun + SILENCE / 2, at(10)), Due::Nothing);
        vigil.heard(begun + SILENCE / 2);
        assert_eq!(
            vigil.strike(begun + SILENCE, at(10)),
            Due::Nothing,
            "it was not silent for long"
        );
        let now = vigil.due();
        assert_eq!(vigil.strike(now, at(10)), Due::Probe);
        let answered = now + Duration::from_secs(1);
        vigil.answered(answered, at(10), last);
        assert!(vigil.due() <= answered + SILENCE);
        assert_eq!(vigil.strike(vigil.due(), newest), expected);
    }

    #[test]
    fn a_log_that_went_on_without_us_is_stuck() {
        check(at(20), at(10), Due::Stalled);
        check(at(20), at(20), Due::Nothing);
        check(at(20), at(30), Due::Nothing);
        // Quiet, gone, or no answer: it is looked into again later.
        check(at(10), at(10), Due::Probe);
        check(None, at(10), Due::Probe);
    }

    #[test]
    fn a_stall_is_known_within_45_seconds_of_the_last_line() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun, 1.0);
        let now = vigil.due();
        assert_eq!(vigil.strike(now, None), Due::Probe);
        vigil.answered(now + Duration::from_secs(2), None, at(5));
        assert_eq!(vigil.strike(vigil.due(), None), Due::Stalled);
        assert!(vigil.due() - SILENCE <= begun + Duration::from_secs(45));
    }
}
