//! Words of log text that tell what the words beside them are. General English of logs, of no program in particular.

/// Keys whose values say what happened, not to what.
pub(super) const TELLING_KEYS: &[&[u8]] = &[
    b"msg",
    b"message",
    b"error",
    b"err",
    b"reason",
    b"event",
    b"level",
    b"severity",
    b"exception",
    b"cause",
];

/// Words before a name of a person or machine.
pub(super) const CUES: &[&[u8]] = &[b"user", b"username", b"host", b"hostname"];

/// Fields of messages that hold the name of a machine.
pub(super) const HOST_FIELDS: &[&[u8]] = &[
    b"server",
    b"host",
    b"hostname",
    b"client",
    b"upstream",
    b"peer",
    b"domain",
];

/// Words that may follow a cue without being a name.
pub(super) const NO_NAMES: &[&[u8]] = &[
    b"is",
    b"was",
    b"has",
    b"had",
    b"not",
    b"name",
    b"and",
    b"or",
    b"to",
    b"in",
    b"on",
    b"at",
    b"from",
    b"with",
    b"by",
    b"for",
    b"of",
    b"already",
    b"does",
    b"did",
    b"can",
    b"cannot",
    b"could",
    b"will",
    b"would",
    b"agent",
    b"key",
    b"id",
    b"the",
    b"a",
    b"an",
    b"no",
    b"found",
    b"logged",
    b"added",
    b"removed",
    b"created",
    b"deleted",
    b"updated",
    b"unknown",
    b"invalid",
    b"account",
    b"error",
    b"failed",
    b"unreachable",
    b"down",
    b"up",
    b"port",
    b"session",
    b"request",
    b"input",
    b"data",
    b"info",
    b"service",
    b"names",
    b"denied",
    b"disconnected",
    b"connected",
    b"are",
];

/// Units that may follow a number.
pub(super) const UNITS: &[&[u8]] = &[
    b"ns",
    b"us",
    b"\xc2\xb5s",
    b"ms",
    b"s",
    b"m",
    b"h",
    b"d",
    b"sec",
    b"secs",
    b"second",
    b"seconds",
    b"min",
    b"mins",
    b"minute",
    b"minutes",
    b"hour",
    b"hours",
    b"day",
    b"days",
    b"milliseconds",
    b"millis",
    b"microseconds",
    b"nanoseconds",
    b"b",
    b"kb",
    b"mb",
    b"gb",
    b"tb",
    b"kib",
    b"mib",
    b"gib",
    b"tib",
    b"byte",
    b"bytes",
    b"%",
    b"percent",
];

/// Words that are part of a date before a number.
pub(super) const DATES: &[&[u8]] = &[
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec", b"mon", b"tue",
    b"wed", b"thu", b"fri", b"sat", b"sun",
];

/// In either case.
pub(super) fn is_one_of(words: &[&[u8]], word: &[u8]) -> bool {
    word.len() <= 12 && words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_case_is_found_and_no_part_of_a_word() {
        assert!(is_one_of(UNITS, b"Ms") && is_one_of(DATES, b"MAR"));
        assert!(!is_one_of(UNITS, b"msec") && !is_one_of(UNITS, b""));
    }
}
