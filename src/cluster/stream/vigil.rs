//! Watches over a followed log that is silent. The answer to a follow may stop for good while its connection is fine
//! (kubernetes#122928): whether the container is quiet or the answer is stuck, only the log's last line tells. Says
//! when to ask for it and what its stamp means; no clock, no socket.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Time;

/// A silence that is looked into.
const SILENCE: Duration = Duration::from_secs(30);
/// So much of it is enough for a place in the rota.
const ENLISTED: Duration = Duration::from_secs(10);
/// The last line may have been written while it was asked for, and be on its way.
const GRACE: Duration = Duration::from_secs(3);
/// A log that had a line in this time may have more of them now: logs get stuck while much is written.
const BUSY: Duration = Duration::from_mins(5);
/// One that had none lets others go first for as long as this.
const PATIENCE: Duration = Duration::from_secs(90);

/// The watch over one answer.
#[derive(Debug)]
pub(super) struct Vigil {
    due: Instant,
    /// The last line, or the beginning of the answer.
    heard: Instant,
    /// When it was known last that nothing is missing.
    sure: Instant,
    /// The stamp of a line that is in the log and has not come.
    suspect: Option<Time>,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// To ask for the last line of the log, in its turn: by `by` if all can be asked in time, else after others for as
    /// long as `patience`.
    Probe { by: Instant, patience: Duration },
    /// To ask for the log anew: this answer is stuck.
    Stalled,
}

/// What a log has at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newest {
    /// A line with this stamp.
    Line(Time),
    /// It is empty.
    Nothing,
    /// The server does not say.
    Unknown,
}

/// What is known of a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing newer is there.
    Quiet,
    Unknown,
}

impl Vigil {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            due: now + ENLISTED,
            heard: now,
            sure: now,
            suspect: None,
        }
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
        if self.suspect.is_none() {
            self.sure = now;
            self.due = now + ENLISTED;
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
            Some(_) => {
                self.due = now + ENLISTED;
                Due::Nothing
            }
            None => Due::Probe {
                by: self.sure + SILENCE,
                patience: if now - self.heard < BUSY {
                    Duration::ZERO
                } else {
                    PATIENCE
                },
            },
        }
    }

    /// What the log has at its end, `newest` being the highest stamp that was delivered.
    pub(super) fn answered(&mut self, now: Instant, newest: Option<Time>, last: Newest) -> Silence {
        self.sure = now;
        self.due = now + ENLISTED;
        match last {
            Newest::Line(last) if newest < Some(last) => {
                self.suspect = Some(last);
                self.due = now + GRACE;
                Silence::Unknown
            }
            Newest::Line(_) | Newest::Nothing => Silence::Quiet,
            Newest::Unknown => Silence::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: i64) -> Option<Time> {
        Some(Time::from_secs(secs))
    }

    const fn line(secs: i64) -> Newest {
        Newest::Line(Time::from_secs(secs))
    }

    fn is_probe(due: Due) -> bool {
        matches!(due, Due::Probe { .. })
    }

    /// What is done about an answer that has `last` at its end, if by the time of the verdict `newest` has come.
    fn check(last: Newest, newest: Option<Time>, silence: Silence, expected: impl Fn(Due) -> bool) {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun);
        assert_eq!(vigil.strike(begun + ENLISTED / 2, at(10)), Due::Nothing);
        let heard = begun + ENLISTED / 2;
        vigil.heard(heard);
        assert_eq!(
            vigil.strike(begun + ENLISTED, at(10)),
            Due::Nothing,
            "it was not silent for long"
        );
        let now = vigil.due();
        let turn = Due::Probe {
            by: heard + SILENCE,
            patience: Duration::ZERO,
        };
        assert_eq!(vigil.strike(now, at(10)), turn);
        let answered = now + Duration::from_secs(1);
        assert_eq!(vigil.answered(answered, at(10), last), silence);
        assert!(vigil.due() <= answered + ENLISTED);
        let verdict = vigil.strike(vigil.due(), newest);
        assert!(expected(verdict), "{verdict:?}");
    }

    #[test]
    fn a_log_that_went_on_without_us_is_stuck() {
        check(line(20), at(10), Silence::Unknown, |due| due == Due::Stalled);
        check(line(20), at(20), Silence::Unknown, |due| due == Due::Nothing);
        check(line(20), at(30), Silence::Unknown, |due| due == Due::Nothing);
        // Quiet, or no answer: it is looked into again later.
        check(line(10), at(10), Silence::Quiet, is_probe);
        check(Newest::Nothing, at(10), Silence::Quiet, is_probe);
        check(Newest::Unknown, at(10), Silence::Unknown, is_probe);
    }

    #[test]
    fn a_stall_is_known_within_45_seconds_of_the_last_line() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun);
        let Due::Probe { by, .. } = vigil.strike(vigil.due(), None) else {
            panic!("it is silent for long enough")
        };
        // The turn of one of a hundred that fell silent together, and a slow answer.
        let answered = by + Duration::from_secs(5 + 2);
        vigil.answered(answered, None, line(5));
        assert_eq!(vigil.strike(vigil.due(), None), Due::Stalled);
        assert!(vigil.due() - SILENCE <= begun + Duration::from_secs(45));
    }

    #[test]
    fn a_log_that_has_been_quiet_for_long_lets_others_go_first() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun);
        let mut patient = 0;
        for _ in 0..20 {
            let now = vigil.due();
            let Due::Probe { by, patience } = vigil.strike(now, at(10)) else {
                panic!("it is silent for long enough")
            };
            assert_eq!(patience == PATIENCE, now - begun >= BUSY);
            patient += u32::from(patience == PATIENCE);
            vigil.answered(by, at(10), line(10));
        }
        assert!(patient > 5);
        vigil.heard(begun + 2 * BUSY);
        let Due::Probe { patience, .. } = vigil.strike(vigil.due(), at(10)) else {
            panic!("it is silent for long enough")
        };
        assert_eq!(patience, Duration::ZERO);
    }
}
