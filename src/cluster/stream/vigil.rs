//! Watches over a followed log that is silent. The answer to a follow may stop for good while its connection is fine
//! (kubernetes#122928), or leave out what a clock that was set back has stamped: whether the container is quiet or the
//! answer is stuck, only the log's last line tells. Says when to ask for it and what it means; no clock, no socket.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Line;

/// A silence that is looked into.
const SILENCE: Duration = Duration::from_secs(30);
/// So much of it is enough for a place in the rota.
const ENLISTED: Duration = Duration::from_secs(10);
/// The last line may have been written while it was asked for, and be on its way.
const GRACE: Duration = Duration::from_secs(3);
/// A pause of so many usual ones is none of chance: of random ones, less than one in a thousand.
const UNUSUAL: u32 = 8;
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
    begun: Instant,
    /// How often something came.
    heard_times: u32,
    /// When it was asked last whether something is missing, or something came.
    asked: Instant,
    /// When it was known last that nothing is missing.
    sure: Instant,
    /// A line that is in the log and has not come.
    suspect: Option<Line>,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// To ask for the last line of the log, in its turn: by `by` if all can be asked in time, else after others for as
    /// long as `patience`.
    Probe { by: Instant, patience: Duration },
    /// To ask for the log anew: this answer is stuck, for that line has not come.
    Stalled(Line),
}

/// What a log has at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Newest {
    Line(Line),
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
            begun: now,
            heard_times: 0,
            asked: now,
            sure: now,
            suspect: None,
        }
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.heard_times = self.heard_times.saturating_add(1);
        if self.suspect.is_none() {
            self.asked = now;
            self.sure = now;
            self.due = now + ENLISTED;
        }
    }

    /// Whether what the answer brought until now is likely to be all that the log has: it is silent for no longer than a
    /// log that writes as rarely is now and then.
    pub(super) fn is_sure(&self, now: Instant) -> bool {
        let pause = match self.heard_times {
            // As far as is known it never writes.
            0 => now - self.begun,
            times => (self.heard - self.begun) / times,
        };
        self.suspect.is_none() && now - self.sure <= GRACE.max(pause * UNUSUAL)
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
            Some(suspect) if !has_come(&suspect) => Due::Stalled(suspect),
            Some(_) => {
                self.due = now + ENLISTED;
                Due::Nothing
            }
            None => Due::Probe {
                by: self.asked + SILENCE,
                patience: if now - self.heard < BUSY {
                    Duration::ZERO
                } else {
                    PATIENCE
                },
            },
        }
    }

    /// What the log has at its end; `has_come` knows the lines that were delivered.
    pub(super) fn answered(&mut self, now: Instant, has_come: impl Fn(&Line) -> bool, last: Newest) -> Silence {
        self.asked = now;
        self.due = now + ENLISTED;
        match last {
            Newest::Line(last) if !has_come(&last) => {
                self.suspect = Some(last);
                self.due = now + GRACE;
                Silence::Unknown
            }
            Newest::Line(_) | Newest::Nothing => {
                self.sure = now;
                Silence::Quiet
            }
            Newest::Unknown => Silence::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    fn line(secs: i64) -> Line {
        Line {
            time: Time::from_secs(secs),
            bytes: bytes::Bytes::from_static(b"x"),
        }
    }

    /// The lines up to this second have come.
    fn up_to(secs: i64) -> impl Fn(&Line) -> bool {
        move |line| line.time <= Time::from_secs(secs)
    }

    fn is_probe(due: &Due) -> bool {
        matches!(due, Due::Probe { .. })
    }

    /// What is done about an answer that has `last` at its end, if by the time of the verdict the lines up to
    /// `newest` have come.
    fn check(last: Newest, newest: i64, silence: Silence, expected: impl Fn(&Due) -> bool) {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun);
        assert_eq!(vigil.strike(begun + ENLISTED / 2, up_to(10)), Due::Nothing);
        let heard = begun + ENLISTED / 2;
        vigil.heard(heard);
        assert_eq!(
            vigil.strike(begun + ENLISTED, up_to(10)),
            Due::Nothing,
            "it was not silent for long"
        );
        let now = vigil.due();
        let turn = Due::Probe {
            by: heard + SILENCE,
            patience: Duration::ZERO,
        };
        assert_eq!(vigil.strike(now, up_to(10)), turn);
        let answered = now + Duration::from_secs(1);
        assert_eq!(vigil.answered(answered, up_to(10), last), silence);
        assert!(vigil.due() <= answered + ENLISTED);
        let verdict = vigil.strike(vigil.due(), up_to(newest));
        assert!(expected(&verdict), "{verdict:?}");
    }

    #[test]
    fn a_log_that_went_on_without_us_is_stuck() {
        check(Newest::Line(line(20)), 10, Silence::Unknown, |due| {
            *due == Due::Stalled(line(20))
        });
        check(Newest::Line(line(20)), 20, Silence::Unknown, |due| *due == Due::Nothing);
        check(Newest::Line(line(20)), 30, Silence::Unknown, |due| *due == Due::Nothing);
        // Quiet, or no answer: it is looked into again later.
        check(Newest::Line(line(10)), 10, Silence::Quiet, is_probe);
        check(Newest::Nothing, 10, Silence::Quiet, is_probe);
        check(Newest::Unknown, 10, Silence::Unknown, is_probe);
    }

    #[test]
    fn a_stall_is_known_within_45_seconds_of_the_last_line() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun);
        let Due::Probe { by, .. } = vigil.strike(vigil.due(), up_to(0)) else {
            panic!("it is silent for long enough")
        };
        // The turn of one of a hundred that fell silent together, and a slow answer.
        let answered = by + Duration::from_secs(5 + 2);
        vigil.answered(answered, up_to(0), Newest::Line(line(5)));
        assert_eq!(vigil.strike(vigil.due(), up_to(0)), Due::Stalled(line(5)));
        assert!(vigil.due() - SILENCE <= begun + Duration::from_secs(45));
    }

    #[test]
    fn a_log_that_has_been_quiet_for_long_lets_others_go_first() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun);
        let mut patient = 0;
        for _ in 0..20 {
            let now = vigil.due();
            let Due::Probe { by, patience } = vigil.strike(now, up_to(10)) else {
                panic!("it is silent for long enough")
            };
            assert_eq!(patience == PATIENCE, now - begun >= BUSY);
            patient += u32::from(patience == PATIENCE);
            vigil.answered(by, up_to(10), Newest::Line(line(10)));
        }
        assert!(patient > 5);
        vigil.heard(begun + 2 * BUSY);
        let Due::Probe { patience, .. } = vigil.strike(vigil.due(), up_to(10)) else {
            panic!("it is silent for long enough")
        };
        assert_eq!(patience, Duration::ZERO);
    }

    #[test]
    fn an_end_is_that_of_the_log_if_its_silence_is_usual() {
        let begun = Instant::now();
        let check = |every: Duration, silence: Duration, expected: bool| {
            let mut vigil = Vigil::new(begun);
            for n in 1..=20 {
                vigil.heard(begun + every * n);
            }
            assert_eq!(
                vigil.is_sure(begun + every * 20 + silence),
                expected,
                "{every:?} {silence:?}"
            );
        };
        check(Duration::from_millis(15), Duration::from_secs(2), true);
        check(Duration::from_millis(15), Duration::from_secs(8), false);
        check(Duration::from_secs(1), Duration::from_secs(7), true);
        check(Duration::from_secs(1), Duration::from_secs(9), false);
    }
}
