//! How programs without a logger say that they failed: `sh: /run.sh: Permission denied`, `Segmentation fault`. Only for
//! lines that state no level.

use super::lanes::any_three;

/// What `strerror` and shells say, in lower case.
const ERRNO: [&[u8]; 26] = [
    b"not found",
    b"permission denied",
    b"no such file or directory",
    b"connection refused",
    b"connection reset by peer",
    b"connection timed out",
    b"operation timed out",
    b"i/o timeout",
    b"no such host",
    b"name or service not known",
    b"temporary failure in name resolution",
    b"host is unreachable",
    b"no route to host",
    b"network is unreachable",
    b"broken pipe",
    b"no space left on device",
    b"disk quota exceeded",
    b"cannot allocate memory",
    b"input/output error",
    b"address already in use",
    b"read-only file system",
    b"operation not permitted",
    b"too many open files",
    b"device or resource busy",
    b"exec format error",
    b"argument list too long",
];

/// What a shell prints about a process that a signal ended.
const DEATHS: [&[u8]; 7] = [
    b"Killed",
    b"Terminated",
    b"Aborted",
    b"Segmentation fault",
    b"Bus error",
    b"Illegal instruction",
    b"Floating point exception",
];

/// Whether the message is the last word of something that failed.
pub(super) fn is_complaint(message: &[u8]) -> bool {
    ends_in_errno(message) || is_death(message) || says_so(message)
}

/// What programs without levels say when something did not work: `main: failed to …`, `ERR100 cannot …`,
/// `chunk 7 failed: …`, `handshake error from …`. Words that also stand in good news, such as `failed` or `error` alone,
/// do not count.
fn says_so(message: &[u8]) -> bool {
    let near = message.get(..MOST_BEFORE).unwrap_or(message);
    if !may_say_so(near) {
        return false;
    }
    let mut at = 0;
    let mut clause = Clause::Front;
    for word in near.split(|b| *b == b' ') {
        let may_report = matches!(
            word.first(),
            Some(b'f' | b'F' | b'e' | b'E' | b'c' | b'C' | b'u' | b'U' | b'T')
        );
        if may_report && reports(word, message.get(at + word.len()..).unwrap_or_default(), clause, at > 0) {
            return true;
        }
        clause = clause.behind(word);
        at += word.len() + 1;
    }
    false
}

/// Whether three letters of one of the words below are there. Most messages have none of them.
fn may_say_so(message: &[u8]) -> bool {
    any_three(message, |one, two, three| {
        let to = |letters: &[u8; 3]| ((one | 0x20) ^ letters[0]) | (two ^ letters[1]) | (three ^ letters[2]);
        to(b"fai")
            .min(to(b"err"))
            .min(to(b"una"))
            .min(to(b"can"))
            .min(to(b"cou"))
            .min(to(b"ter"))
    })
}

/// Where in a message a word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    /// The first word, or the first behind a code or a colon.
    Front,
    Within,
}

impl Clause {
    fn behind(self, word: &[u8]) -> Self {
        let begins = word.ends_with(b":") || (self == Self::Front && word.iter().any(u8::is_ascii_digit));
        if begins { Self::Front } else { Self::Within }
    }
}

fn reports(word: &[u8], behind: &[u8], clause: Clause, has_words_before: bool) -> bool {
    let front = clause == Clause::Front;
    match word {
        b"failed:" | b"error:" | b"Error:" => has_words_before && behind.len() > 1,
        b"error" => has_words_before && behind.starts_with(b" from "),
        b"failed" | b"Failed" | b"unable" | b"Unable" => front && behind.starts_with(b" to "),
        b"cannot" | b"Cannot" => front && behind.len() > 1,
        b"could" | b"Could" => front && behind.starts_with(b" not "),
        b"Terminating" => front && behind.starts_with(b" due to "),
        _ => false,
    }
}

/// Bytes of a message in front of such words.
const MOST_BEFORE: usize = 120;

/// `…: connection refused`, in any case, with nothing behind it.
fn ends_in_errno(message: &[u8]) -> bool {
    let from = message.len().saturating_sub(LONGEST_ERRNO + 2);
    let end = message.get(from..).unwrap_or_default();
    let reason = memchr::memrchr(b':', end).and_then(|at| end.get(at + 1..)?.strip_prefix(b" "));
    reason.is_some_and(|reason| ERRNO.iter().any(|errno| reason.eq_ignore_ascii_case(errno)))
}

/// The longest of them in bytes; none has a colon.
const LONGEST_ERRNO: usize = 36;

fn is_death(message: &[u8]) -> bool {
    matches!(message.first(), Some(b'A' | b'B' | b'F' | b'I' | b'K' | b'S' | b'T'))
        && DEATHS.iter().any(|death| {
            let behind = message.strip_prefix(*death);
            behind.is_some_and(|behind| {
                behind.is_empty() || behind == b" (core dumped)" || behind.starts_with(b" by signal ")
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_known_by_their_last_words() {
        for message in [
            "sh: /run.sh: Permission denied",
            "/entrypoint.sh: line 3: kubectl: not found",
            "wget: can't connect to remote host (10.0.0.1): Connection refused",
            "dial tcp 10.0.0.1:5432: connect: connection refused",
            "Segmentation fault (core dumped)",
            "Killed",
            "Killed by signal 9 (SIGKILL)",
            "http: TLS handshake error from 10.0.0.1:5000: EOF",
            "copying chunk 7 failed: QuotaReached: id 8",
            "worker: failed to open the queue",
            "ERR100 cannot convert field 5",
            "Terminating due to java.lang.OutOfMemoryError: Java heap space",
        ] {
            assert!(is_complaint(message.as_bytes()), "{message}");
        }
    }

    #[test]
    fn ordinary_words_are_none() {
        for message in [
            "",
            "Killed 3 jobs",
            "0 failed, 3 passed",
            "what cannot be known is not said",
            "page not found",
            "retry on connection refused",
            "done: 3",
            "404: not found, trying b",
        ] {
            assert!(!is_complaint(message.as_bytes()), "{message}");
        }
    }
}
