//! Lengths of time in a few characters, and when the next of those on the screen will read otherwise.

use crate::model::{Span, Time};

/// Seconds of a minute, an hour and a day.
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The time of a frame, and the first time after it at which something in it will read otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    now: Time,
    next: Option<Time>,
}

impl Moment {
    pub const fn new(now: Time) -> Self {
        Self { now, next: None }
    }

    pub const fn now(&self) -> Time {
        self.now
    }

    /// When something that was said of time will read otherwise: at least a second from now.
    pub fn next(&self) -> Option<Time> {
        self.next.map(|next| next.max(self.now + Span::from_secs(1)))
    }

    /// How long ago something was: `12s`, `5m`, `3h`, `40d`. What lies ahead is `0s`.
    pub fn age(&mut self, then: Time) -> String {
        let secs = self.now.since(then).as_secs().max(0);
        let (text, unit) = in_words(secs);
        let changes = then + Span::from_secs((secs / unit + 1) * unit);
        self.changes_at(changes);
        text
    }

    /// How long until something is: `in 5s`, or `now`.
    pub fn until(&mut self, then: Time) -> String {
        let left = then.since(self.now);
        // Rounded up: it is not now before it is.
        let secs = left.as_secs() + i64::from(left.nanos() % 1_000_000_000 > 0);
        if secs <= 0 {
            return "now".to_owned();
        }
        let (text, unit) = in_words(secs);
        self.changes_at(then - Span::from_secs((secs - 1) / unit * unit));
        format!("in {text}")
    }

    /// Something that is shown will be another at this time.
    pub fn changes_at(&mut self, time: Time) {
        self.next = Some(self.next.map_or(time, |next| next.min(time)));
    }
}

/// A whole number of the largest unit that it has at least one of (two of, for minutes), and that unit in seconds.
fn in_words(secs: i64) -> (String, i64) {
    match secs {
        ..120 => (format!("{secs}s"), 1),
        120..HOUR => (format!("{}m", secs / MINUTE), MINUTE),
        HOUR..DAY => (format!("{}h", secs / HOUR), HOUR),
        DAY.. => (format!("{}d", secs / DAY), DAY),
    }
}

/// The time of day in UTC: `12:34:56.789`.
pub fn clock(time: Time) -> String {
    let (hours, minutes, seconds) = parts(time);
    let millis = time.nanos().rem_euclid(1_000_000_000) / 1_000_000;
    format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
}

/// The time of day in UTC to the second, for narrow columns: `12:34:56`.
pub fn short_clock(time: Time) -> String {
    let (hours, minutes, seconds) = parts(time);
    format!("{hours:02}:{minutes:02}:{seconds:02}")
}

fn parts(time: Time) -> (i64, i64, i64) {
    let second = time.floor_secs().rem_euclid(DAY);
    (second / HOUR, second % HOUR / MINUTE, second % MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secs: i64, text: &str, next: i64) {
        let mut moment = Moment::new(Time::from_secs(1_000_000));
        let then = Time::from_secs(1_000_000 - secs);
        assert_eq!(moment.age(then), text);
        assert_eq!(moment.next(), Some(Time::from_secs(1_000_000 + next)), "{secs}");
    }

    #[test]
    fn ages_change_when_they_say() {
        check(0, "0s", 1);
        check(119, "119s", 1);
        check(125, "2m", 55);
        check(3599, "59m", 1);
        check(3 * HOUR + 60, "3h", HOUR - 60);
        check(2 * DAY + 1, "2d", DAY - 1);
    }

    #[test]
    fn what_is_ahead_counts_down_to_now() {
        let mut moment = Moment::new(Time::from_millis(10_500));
        assert_eq!(moment.until(Time::from_secs(15)), "in 5s");
        assert_eq!(
            moment.next(),
            Some(Time::from_millis(11_500)),
            "never more than once a second"
        );
        assert_eq!(moment.until(Time::from_secs(10)), "now");
        assert_eq!(moment.age(Time::from_secs(99)), "0s");
    }

    #[test]
    fn nothing_about_time_asks_for_no_wake_up() {
        assert_eq!(Moment::new(Time(5)).next(), None);
    }

    #[test]
    fn the_time_of_day_is_utc() {
        assert_eq!(clock(Time::from_millis(86_399_007)), "23:59:59.007");
        assert_eq!(short_clock(Time(-1)), "23:59:59");
    }
}
