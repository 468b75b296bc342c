//! Durations as people type them: `90s`, `15m`, `1h30m`, `2d`. Not dates.

use crate::model::Span;

/// Parses a length of time: numbers with a unit (ms, s, m, h, d, w), added up. Zero is allowed, less is not.
pub fn parse_duration(text: &str) -> Result<Span, String> {
    let wrong = || format!("expected a duration such as 30s, 15m, 1h30m or 2d, got {text:?}");
    let mut rest = text.trim();
    let mut total: i64 = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let (number, unit_on) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        let letters = unit_on.chars().take_while(char::is_ascii_alphabetic).count();
        let (unit, after) = unit_on.split_at_checked(letters).ok_or_else(wrong)?;
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(wrong()),
        };
        total = number
            .checked_mul(millis)
            .and_then(|span| total.checked_add(span))
            .ok_or_else(wrong)?;
        rest = after;
    }
    Ok(Span::from_millis(total))
}

/// As `parse_duration`, but nothing is not a length of time to run for.
pub fn parse_positive(text: &str) -> Result<Span, String> {
    let span = parse_duration(text)?;
    if span > Span::ZERO {
        Ok(span)
    } else {
        Err("expected more than zero".to_owned())
    }
}

/// As `parse_duration`, at most 10 s: what is held back takes memory, and is not seen.
pub fn parse_hold_back(text: &str) -> Result<Span, String> {
    let span = parse_duration(text)?;
    if span <= Span::from_secs(10) {
        Ok(span)
    } else {
        Err("expected at most 10s".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        for (text, millis) in [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("2d", 172_800_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Span::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "5", "5x", "-5s", "1 h", "５s", "99999999999999999d", "1.5h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_positive("0s").is_err());
        assert!(parse_hold_back("11s").is_err() && parse_hold_back("0s").is_ok());
    }
}
