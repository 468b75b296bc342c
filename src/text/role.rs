//! What the keys of structured lines mean.

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Level,
    Time,
    Message,
    /// Some programs write their message there.
    PerhapsMessage,
    Status,
    /// A key that only a log of requests has.
    Request,
    Other,
}

const LONGEST_KEY: usize = 15;

/// Keys of any case; most are written in small letters or are of no interest.
pub(super) fn role(key: &[u8]) -> Role {
    if key.len() > LONGEST_KEY {
        return Role::Other;
    }
    let role = role_of(key);
    if !matches!(role, Role::Other) || !key.iter().any(u8::is_ascii_uppercase) {
        return role;
    }
    let mut lower = [0; LONGEST_KEY];
    let Some(lower) = lower.get_mut(..key.len()) else {
        return Role::Other;
    };
    lower.copy_from_slice(key);
    lower.make_ascii_lowercase();
    role_of(lower)
}

/// By length first: that is one comparison for most keys.
fn role_of(key: &[u8]) -> Role {
    match key.len() {
        0..=4 => match key {
            b"lvl" | b"s" | b"@l" => Role::Level,
            b"ts" | b"time" | b"t" | b"@t" | b"date" => Role::Time,
            b"msg" | b"@m" => Role::Message,
            b"log" | b"@mt" | b"body" | b"text" => Role::PerhapsMessage,
            _ => Role::Other,
        },
        5 | 6 => match key {
            b"level" | b"@level" => Role::Level,
            b"event" => Role::PerhapsMessage,
            b"status" => Role::Status,
            b"method" => Role::Request,
            _ => Role::Other,
        },
        7 | 8 => match key {
            b"message" | b"@message" => Role::Message,
            b"severity" | b"loglevel" | b"priority" => Role::Level,
            b"asctime" | b"datetime" => Role::Time,
            b"request" => Role::Request,
            _ => Role::Other,
        },
        9 | 10 => match key {
            b"timestamp" | b"@timestamp" => Role::Time,
            b"levelname" | b"log.level" | b"log_level" | b"level_name" => Role::Level,
            _ => Role::Other,
        },
        _ => match key {
            b"severity_text" | b"severitytext" | b"error_severity" => Role::Level,
            b"short_message" | b"messagetemplate" => Role::Message,
            b"renderedmessage" => Role::PerhapsMessage,
            b"status_code" | b"response_code" => Role::Status,
            b"request_method" => Role::Request,
            _ => Role::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_case_have_a_role() {
        for (key, expected) in [
            ("msg", Role::Message),
            ("Message", Role::Message),
            ("@Timestamp", Role::Time),
            ("LEVEL", Role::Level),
            ("severity_text", Role::Level),
            ("caller", Role::Other),
            ("Caller", Role::Other),
            ("a rather long key", Role::Other),
        ] {
            assert_eq!(role(key.as_bytes()), expected, "{key}");
        }
    }
}
