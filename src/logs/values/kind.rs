//! What a value looks like, for display.

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    Number,
    Duration,
    Size,
    Address,
    Uuid,
    Path,
    Url,
    Hex,
    Time,
    Quoted,
    /// A word or anything else.
    Text,
}

const DURATIONS: &[&str] = &[
    "ns", "us", "µs", "ms", "s", "m", "h", "d", "sec", "secs", "second", "seconds", "min", "mins", "minute", "minutes",
    "hour", "hours", "day", "days",
];

const SIZES: &[&str] = &[
    "b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "ki", "mi", "gi", "ti", "byte", "bytes",
];

impl ValueKind {
    pub fn of(value: &str) -> Self {
        let bare = value.trim();
        let is_quote = |c: char| matches!(c, '"' | '\'' | '`');
        if bare.starts_with(is_quote) {
            Self::Quoted
        } else if bare.contains("://") {
            Self::Url
        } else if is_uuid(bare) {
            Self::Uuid
        } else if bare.starts_with('/') || (bare.matches('/').count() > 1 && !bare.contains(' ')) {
            Self::Path
        } else if is_time(bare) {
            Self::Time
        } else if is_address(bare) {
            Self::Address
        } else if let Some(kind) = quantity(bare) {
            kind
        } else if is_hex(bare) {
            Self::Hex
        } else {
            Self::Text
        }
    }
}

fn is_uuid(value: &str) -> bool {
    let groups = value.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && value.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Dates, and times of the day with two colons.
fn is_time(value: &str) -> bool {
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | ',' | '/' | 'T' | 'Z' | '+' | ' ');
    let dashes = value.matches('-').count();
    let colons = value.matches(':').count();
    digits >= 6
        && value.chars().all(is_part)
        && value.starts_with(|c: char| c.is_ascii_digit())
        && (colons == 2 || colons == 3 || dashes == 2)
}

/// An IP address with or without port, a host with its port, or an address between colons.
fn is_address(value: &str) -> bool {
    let is_port = |port: &str| matches!(port.len(), 1..=5) && port.bytes().all(|b| b.is_ascii_digit());
    let host = match value.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => value,
    };
    let is_v4 = host.split('.').count() == 4 && host.split('.').all(|part| is_port(part) && part.len() <= 3);
    let bare = host.trim_matches(['[', ']']);
    let is_v6 = bare.matches(':').count() >= 2 && bare.chars().all(|c| c == ':' || c == '.' || c.is_ascii_hexdigit());
    let is_name = host.len() < value.len()
        && host.starts_with(|c: char| c.is_ascii_alphabetic())
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    is_v4 || is_v6 || is_name
}

/// A number, alone or with a unit, or several such as in `1m3s`.
fn quantity(value: &str) -> Option<ValueKind> {
    let value = value.trim_start_matches(['<', '>', '~', '+', '-', '$', '#']);
    value.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let mut kind = ValueKind::Number;
    let mut rest = value;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(is_number);
        let behind = number.trim_start();
        let unit_end = behind.find(|c: char| is_number(c) || c == ' ').unwrap_or(behind.len());
        let (unit, next) = behind.split_at_checked(unit_end)?;
        kind = match unit.to_lowercase().as_str() {
            "" | "%" => kind,
            unit if DURATIONS.contains(&unit) => ValueKind::Duration,
            unit if SIZES.contains(&unit) => ValueKind::Size,
            _ => return None,
        };
        rest = next.trim_start();
        if !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
    }
    Some(kind)
}

fn is_hex(value: &str) -> bool {
    let digits = value.strip_prefix("0x").unwrap_or(value);
    let is_long = digits.len() >= 7 || digits.len() < value.len();
    is_long && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(kind: ValueKind, values: &[&str]) {
        for value in values {
            assert_eq!(ValueKind::of(value), kind, "{value}");
        }
    }

    #[test]
    fn values_are_told_by_their_look() {
        check(ValueKind::Number, &["3", "-4.5", "12%", "1,024"]);
        check(
            ValueKind::Duration,
            &["3ms", "4.5 s", "1m3s", "12 seconds", "179.123299ms", "20µs"],
        );
        check(ValueKind::Size, &["12 MiB", "3Ki", "77 bytes"]);
        check(
            ValueKind::Address,
            &[
                "10.0.0.1",
                "10.0.0.1:80",
                "[fe80::1]:443",
                "db:5432",
                "5c:50:15:36:bc:03",
            ],
        );
        check(ValueKind::Uuid, &["37e38c47-b664-487d-a7d7-2eb0f46ac35d"]);
        check(ValueKind::Path, &["/var/lib/x", "/"]);
        check(ValueKind::Url, &["https://a.b/c?d"]);
        check(ValueKind::Hex, &["0xc000", "deadbeef"]);
        check(ValueKind::Time, &["2026-03-04T08:00:00Z", "08:01:02.123", "2026-03-04"]);
        check(ValueKind::Quoted, &["\"x y\"", "'a'"]);
        check(ValueKind::Text, &["", "alpha", "red stone", "job-17", "1 apple"]);
    }

    proptest! {
        #[test]
        fn any_value_has_a_kind(value in ".{0,40}") {
            ValueKind::of(&value);
        }
    }
}
