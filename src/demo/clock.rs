//! Wall time as the embedded clusters see it, and how the Kubernetes API writes it down.

use std::sync::Arc;

use jiff::Timestamp;

/// Gives the wall time in Unix nanoseconds; the only clock this room reads.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const MILLISECOND: i64 = 1_000_000;

/// `metav1.Time`: whole seconds, the fraction cut off, as in `2026-11-22T15:30:26Z`.
pub fn rfc3339(nanos: i64) -> String {
    format!("{:.0}", timestamp(nanos - nanos.rem_euclid(SECOND)))
}

/// `metav1.MicroTime`: six digits, as in the `eventTime` of events.
pub fn rfc3339_micro(nanos: i64) -> String {
    format!("{:.6}", timestamp(nanos))
}

/// The stamp of a log line: always nine digits, as the runtime writes it.
pub fn rfc3339_nano(nanos: i64) -> String {
    format!("{:.9}", timestamp(nanos))
}

/// Unix nanoseconds of an RFC 3339 time; `None` if it is none.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let time: Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// Formats with a `strftime` pattern in UTC; `None` where the pattern is wrong.
pub fn strftime(pattern: &str, nanos: i64) -> Option<String> {
    jiff::fmt::strtime::format(pattern, &timestamp(nanos).to_zoned(jiff::tz::TimeZone::UTC)).ok()
}

fn timestamp(nanos: i64) -> Timestamp {
    // 64-bit nanoseconds span 1677 to 2262, which jiff covers whole.
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANOS: i64 = 1_795_361_426_567_594_001;

    #[test]
    fn times_are_written_as_the_api_writes_them() {
        assert_eq!(rfc3339(NANOS), "2026-11-22T15:30:26Z");
        assert_eq!(rfc3339(NANOS + 432_405_998), "2026-11-22T15:30:26Z", "cut, not rounded");
        assert_eq!(rfc3339_micro(NANOS), "2026-11-22T15:30:26.567594Z");
        assert_eq!(rfc3339_nano(NANOS), "2026-11-22T15:30:26.567594001Z");
        assert_eq!(rfc3339_nano(NANOS - 567_594_001), "2026-11-22T15:30:26.000000000Z");
    }

    #[test]
    fn a_stamp_reads_back() {
        assert_eq!(parse_rfc3339(&rfc3339_nano(NANOS)), Some(NANOS));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn patterns_of_other_clocks() {
        assert_eq!(
            strftime("%d/%b/%Y:%H:%M:%S +0000", NANOS).as_deref(),
            Some("22/Nov/2026:15:30:26 +0000")
        );
        assert_eq!(strftime("%", NANOS), None);
    }
}
