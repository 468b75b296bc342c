//! Watches over a followed log that is silent. The answer to a follow may stop for good while its connection is fine
//! (kubernetes#122928), or leave out what a clock that was set back has stamped: whether the container is quiet or the
//! answer is stuck, only the log's last line tells. Says when to ask for it and what it means; no clock, no socket.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Line;

/// A silence that is looked into.
const SILENCE: Duration = Duration::from_secs(30);
/// The last line may have been written while it was asked for, and be on its way.
const GRACE: Duration = Duration::from_secs(3);

/// The watch over one answer.
#[derive(Debug)]
pub(super) struct Vigil {
    due: Instant,
    /// A line that is in the log and has not come.
    suspect: Option<Line>,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// To ask for the last line of the log.
    Probe,
    /// To ask for the log anew: this answer is stuck, for that line has not come.
    Stalled(Line),
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

    /// That moment has come; `has_come` knows the lines that were delivered.
    pub(super) fn strike(&mut self, now: Instant, has_come: impl Fn(&Line) -> bool) -> Due {
        if now < self.due {
            return Due::Nothing;
        }
        self.due = now + SILENCE;
        match self.suspect.take() {
            Some(suspect) if has_come(&suspect) => Due::Nothing,
            Some(suspect) => Due::Stalled(suspect),
            None => Due::Probe,
        }
    }

    /// The log has a last line that has not come; nothing if it has, or if there is none, or no answer.
    pub(super) fn answered(&mut self, now: Instant, suspect: Option<Line>) {
        self.suspect = suspect;
        if self.suspect.is_some() {
            self.due = now + GRACE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    fn line(secs: i64) -> Line {
        let time = Time::from_secs(secs);
        Line {
            time,
            bytes: bytes::Bytes::from_static(b"x"),
        }
    }

    /// What is done about a silent answer if the log has a line more, which by the time of the verdict has come or not.
    fn check(suspect: Option<Line>, has_come: bool, expected: &Due) {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun, 0.0);
        assert_eq!(vigil.strike(begun + SILENCE / 2, |_| false), Due::Nothing);
        vigil.heard(begun + SILENCE / 2);
        assert_eq!(
            vigil.strike(begun + SILENCE, |_| false),
            Due::Nothing,
            "it was not silent for long"
        );
        let now = vigil.due();
        assert_eq!(vigil.strike(now, |_| false), Due::Probe);
        let answered = now + Duration::from_secs(1);
        vigil.answered(answered, suspect);
        assert!(vigil.due() <= answered + SILENCE);
        assert_eq!(vigil.strike(vigil.due(), |_| has_come), *expected);
    }

    #[test]
    fn a_log_that_went_on_without_us_is_stuck() {
        check(Some(line(20)), false, &Due::Stalled(line(20)));
        check(Some(line(20)), true, &Due::Nothing);
        // Quiet, gone, or no answer: it is looked into again later.
        check(None, false, &Due::Probe);
    }

    #[test]
    fn a_stall_is_known_within_45_seconds_of_the_last_line() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun, 1.0);
        let now = vigil.due();
        assert_eq!(vigil.strike(now, |_| false), Due::Probe);
        vigil.answered(now + Duration::from_secs(2), Some(line(5)));
        assert_eq!(vigil.strike(vigil.due(), |_| false), Due::Stalled(line(5)));
        assert!(vigil.due() - SILENCE <= begun + Duration::from_secs(45));
    }
}
