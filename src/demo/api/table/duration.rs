//! Lengths of time as kubectl prints them: `83s`, `3m11s`, `5h`, `2d3h`.

use serde_json::Value;

use crate::demo::clock::{self, SECOND};

/// How long ago an RFC 3339 time was; `<unknown>` if there is none.
pub(super) fn age(time: &Value, now: i64) -> String {
    match time.as_str().and_then(clock::parse_rfc3339) {
        Some(then) => human(now - then),
        None => "<unknown>".to_owned(),
    }
}

/// The two largest units that matter, as `HumanDuration` of apimachinery chooses them.
pub(super) fn human(nanos: i64) -> String {
    let seconds = nanos / SECOND;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_printed_as_kubectl_does() {
        for (seconds, expected) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (83, "83s"),
            (119, "119s"),
            (120, "2m"),
            (191, "3m11s"),
            (600, "10m"),
            (3 * 3600 + 60, "3h1m"),
            (8 * 3600, "8h"),
            (47 * 3600, "47h"),
            (48 * 3600, "2d"),
            (51 * 3600, "2d3h"),
            (9 * 86_400, "9d"),
            (800 * 86_400, "2y70d"),
            (4000 * 86_400, "10y"),
        ] {
            assert_eq!(human(seconds * SECOND), expected, "{seconds}");
        }
    }
}
