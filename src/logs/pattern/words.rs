//! Words of log text that tell what the words beside them are. General English of logs, of no program in particular.

/// Keys whose values say what happened, not to what.
pub(super) static TELLING_KEYS: Words = Words::new(&[
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
]);

/// Words before a name of a person or machine.
pub(super) static CUES: Words = Words::new(&[b"user", b"username", b"host", b"hostname"]);

/// Fields of messages that hold the name of a machine.
pub(super) static HOST_FIELDS: Words = Words::new(&[
    b"server",
    b"host",
    b"hostname",
    b"client",
    b"upstream",
    b"peer",
    b"domain",
]);

/// Words that may follow a cue without being a name.
pub(super) static NO_NAMES: Words = Words::new(&[
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
]);

/// Units that may follow a number.
pub(super) static UNITS: Words = Words::new(&[
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
]);

/// Words that are part of a date before a number.
pub(super) static DATES: Words = Words::new(&[
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec", b"mon", b"tue",
    b"wed", b"thu", b"fri", b"sat", b"sun",
]);

/// Words before a quotation that is what was said, or went wrong.
pub(super) static SAYINGS: Words = Words::new(&[
    b"error",
    b"err",
    b"message",
    b"msg",
    b"reason",
    b"cause",
    b"exception",
    b"failed",
    b"said",
    b"says",
    b"with",
    b"returned",
    b"status",
    b"response",
    b"because",
    b"running",
    b"command",
    b"is",
    b"was",
]);

/// Words before `from` and `to` with states behind them.
pub(super) static CHANGES: Words = Words::new(&[
    b"changed",
    b"change",
    b"changes",
    b"changing",
    b"transition",
    b"transitioned",
    b"transitions",
    b"moved",
    b"moving",
    b"moves",
    b"switched",
    b"switching",
    b"switches",
    b"went",
    b"goes",
]);

/// Methods of HTTP requests.
pub(super) const METHODS: &[&[u8]] = &[b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS"];

/// Verbs of SQL.
pub(super) const SQL: &[&[u8]] = &[b"SELECT", b"UPDATE", b"INSERT", b"DELETE"];

/// Words before the status of an answered request.
pub(super) static ANSWERS: Words = Words::new(&[
    b"completed",
    b"responded",
    b"returned",
    b"answered",
    b"replied",
    b"response",
    b"got",
]);

/// HTTP statuses that are often told with their words.
pub(super) const PHRASES: &[(&[u8], &[u8])] = &[
    (b"101", b"Switching Protocols"),
    (b"200", b"OK"),
    (b"201", b"Created"),
    (b"202", b"Accepted"),
    (b"204", b"No Content"),
    (b"206", b"Partial Content"),
    (b"301", b"Moved Permanently"),
    (b"302", b"Found"),
    (b"303", b"See Other"),
    (b"304", b"Not Modified"),
    (b"307", b"Temporary Redirect"),
    (b"308", b"Permanent Redirect"),
    (b"400", b"Bad Request"),
    (b"401", b"Unauthorized"),
    (b"402", b"Payment Required"),
    (b"403", b"Forbidden"),
    (b"404", b"Not Found"),
    (b"405", b"Method Not Allowed"),
    (b"408", b"Request Timeout"),
    (b"409", b"Conflict"),
    (b"410", b"Gone"),
    (b"413", b"Payload Too Large"),
    (b"415", b"Unsupported Media Type"),
    (b"422", b"Unprocessable Entity"),
    (b"422", b"Unprocessable Content"),
    (b"429", b"Too Many Requests"),
    (b"500", b"Internal Server Error"),
    (b"501", b"Not Implemented"),
    (b"502", b"Bad Gateway"),
    (b"503", b"Service Unavailable"),
    (b"504", b"Gateway Timeout"),
];

/// Endings of the names of exception classes.
const FAILURES: &[&[u8]] = &[b"Error", b"Exception", b"Fault", b"Failure", b"Warning", b"Interrupt"];

/// Whether a word is the name of an exception's class.
pub(super) fn is_failure(word: &[u8]) -> bool {
    let class = word.rsplit(|b| *b == b'.').next().unwrap_or_default();
    class.first().is_some_and(u8::is_ascii_uppercase)
        && FAILURES
            .iter()
            .any(|ending| class.ends_with(ending) && class.len() > ending.len())
}

/// Words of at most twelve bytes. Most words of a log are in none of these sets, which is told at one look.
pub(super) struct Words {
    all: &'static [&'static [u8]],
    /// For each length, the lower five bits of the first bytes of its words: for letters the same in either case.
    starts: [u32; LONGEST + 1],
}

const LONGEST: usize = 12;

impl Words {
    pub(super) const fn new(all: &'static [&'static [u8]]) -> Self {
        let mut starts = [0; LONGEST + 1];
        let mut at = 0;
        while at < all.len() {
            starts[all[at].len()] |= 1 << (all[at][0] & 31);
            at += 1;
        }
        Self { all, starts }
    }

    /// In either case.
    #[inline]
    pub(super) fn has(&self, word: &[u8]) -> bool {
        let (Some(first), Some(starts)) = (word.first(), self.starts.get(word.len())) else {
            return false;
        };
        starts >> (first & 31) & 1 == 1 && self.all.iter().any(|known| known.eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_case_is_found_and_no_part_of_a_word() {
        assert!(UNITS.has(b"Ms") && DATES.has(b"MAR"));
        assert!(!UNITS.has(b"msec") && !UNITS.has(b"") && !UNITS.has(b"a rather long word"));
    }
}
