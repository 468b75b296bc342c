//! Why something failed, in few plain words: the server's own sentence or the innermost error. Never a debug dump.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use kube::core::Status;

/// Longer sentences are cut: a cause is one line of a pane.
const MOST_CHARS: usize = 300;

/// One failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) cause: Arc<str>,
    /// The server's wish not to be asked again before.
    pub(super) retry_after: Option<Duration>,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// 401: the credentials are not good, or no longer.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 400: the request is understood and cannot be done as things are.
    BadRequest,
    /// 410: the resource version is too old.
    Expired,
    /// 429, or 503 with a wish to wait.
    Throttled,
    /// No answer, not even to a ping: this is no blink.
    Dead,
    /// Everything else, from the network to the server's insides: to be tried again.
    Broken,
}

impl Failure {
    pub(super) fn broken(cause: impl Into<Arc<str>>) -> Self {
        Self {
            kind: FailureKind::Broken,
            cause: cause.into(),
            retry_after: None,
        }
    }

    pub(super) fn no_answer(limit: Duration) -> Self {
        let kind = FailureKind::Dead;
        Self {
            kind,
            ..Self::broken(format!("no answer within {} s", limit.as_secs()))
        }
    }

    pub(super) fn of_status(status: &Status) -> Self {
        let retry_after = status
            .details
            .as_ref()
            .map(|details| details.retry_after_seconds)
            .filter(|secs| *secs > 0);
        let retry_after = retry_after.map(|secs| Duration::from_secs(secs.into()));
        Self {
            kind: kind_of(status.code, retry_after),
            cause: sentence(status).into(),
            retry_after,
        }
    }

    /// The failure that an answer's head and body tell.
    pub(super) fn of_answer(head: &http::response::Parts, body: &[u8]) -> Self {
        let status = serde_json::from_slice::<Status>(body).unwrap_or_else(|_| {
            Status::failure(String::from_utf8_lossy(body).trim(), "").with_code(head.status.as_u16())
        });
        let code = head.status.as_u16();
        let told = Self::of_status(&status);
        let retry_after = retry_after(&head.headers).or(told.retry_after);
        let cause = if status.message.is_empty() {
            http_words(code).into()
        } else {
            told.cause
        };
        Self {
            kind: kind_of(code, retry_after),
            cause,
            retry_after,
        }
    }

    pub(super) fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(status),
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
                Self::broken(short(&format!("the answer cannot be read: {}", plain(error))))
            }
            kube::Error::Auth(_) => Self {
                kind: FailureKind::Unauthorized,
                ..Self::broken(plain(error))
            },
            other if is_timeout(innermost(other)) => Self {
                kind: FailureKind::Dead,
                ..Self::broken(plain(other))
            },
            other => Self::broken(plain(other)),
        }
    }

    pub(super) fn is(&self, kind: FailureKind) -> bool {
        self.kind == kind
    }
}

/// How long the head of an answer wishes us to wait: in seconds, or until a date by the server's own clock.
pub(super) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wish = text(http::header::RETRY_AFTER)?;
    if let Ok(secs) = wish.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let left = date(wish)?.as_second() - date(text(http::header::DATE)?)?.as_second();
    u64::try_from(left).ok().map(Duration::from_secs)
}

fn kind_of(code: u16, retry_after: Option<Duration>) -> FailureKind {
    match code {
        400 | 422 => FailureKind::BadRequest,
        401 => FailureKind::Unauthorized,
        403 => FailureKind::Forbidden,
        404 => FailureKind::NotFound,
        410 => FailureKind::Expired,
        429 => FailureKind::Throttled,
        503 if retry_after.is_some() => FailureKind::Throttled,
        _ => FailureKind::Broken,
    }
}

/// The server's own sentence.
pub(super) fn sentence(status: &Status) -> String {
    match (status.message.trim(), status.reason.trim()) {
        ("", "") => http_words(status.code),
        ("", reason) => short(reason),
        (message, _) => short(message),
    }
}

fn http_words(code: u16) -> String {
    let words = http::StatusCode::from_u16(code)
        .ok()
        .and_then(|code| code.canonical_reason());
    words.map_or_else(|| format!("HTTP {code}"), |words| format!("HTTP {code} {words}"))
}

/// The innermost error in plain words.
pub(super) fn plain(error: &(dyn Error + 'static)) -> String {
    let innermost = innermost(error);
    if let Some(error) = innermost.downcast_ref::<rustls::Error>() {
        return tls_words(error);
    }
    if let Some(error) = innermost.downcast_ref::<io::Error>() {
        return io_words(error);
    }
    if let Some(error) = innermost.downcast_ref::<hyper::Error>() {
        return hyper_words(error);
    }
    match innermost.to_string() {
        // HTTP/2's words for a connection that ended under its streams, by an unanswered ping or otherwise.
        words if words.contains("broken pipe") => "connection lost".to_owned(),
        words => short(&words),
    }
}

/// The end of the chain of sources. An `io::Error` that wraps another error hides it from `source()`.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut innermost = error;
    loop {
        let wrapped = innermost.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        let next = match wrapped {
            Some(inner) => Some(inner as &'a (dyn Error + 'static)),
            None => innermost.source(),
        };
        match next {
            Some(next) => innermost = next,
            None => return innermost,
        }
    }
}

/// A connection that was not made in time, or that answered no ping.
fn is_timeout(innermost: &(dyn Error + 'static)) -> bool {
    let by_system = innermost.downcast_ref::<io::Error>();
    by_system.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
        || innermost
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_timeout)
}

fn tls_words(error: &rustls::Error) -> String {
    use rustls::CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => "certificate signed by unknown authority".to_owned(),
            Bad::ExpiredContext { time, not_after } => {
                let ago = time.as_secs().saturating_sub(not_after.as_secs());
                format!("the server's certificate expired {} ago", lapse(ago))
            }
            Bad::Expired => "the server's certificate has expired".to_owned(),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => "the server's certificate is not valid yet".to_owned(),
            Bad::NotValidForNameContext { expected, presented } => short(&format!(
                "the server's certificate is not for {} but for {}",
                expected.to_str(),
                presented_names(presented)
            )),
            Bad::NotValidForName => "the server's certificate is for another name".to_owned(),
            _ => "the server's certificate is not acceptable".to_owned(),
        },
        rustls::Error::AlertReceived(_) => "the server refused the TLS connection".to_owned(),
        other => short(&other.to_string()),
    }
}

/// As rustls has them: `DnsName("localhost")`, `IpAddress(127.0.0.1)`.
fn presented_names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    let names: Vec<_> = presented.iter().map(bare).collect();
    if names.is_empty() {
        "no name at all".to_owned()
    } else {
        names.join(", ")
    }
}

/// The largest unit alone: `45m`, `2h`, `3d`.
pub(super) fn lapse(secs: u64) -> String {
    match secs {
        0..60 => format!("{secs}s"),
        60..3600 => format!("{}m", secs / 60),
        3600..86400 => format!("{}h", secs / 3600),
        86400.. => format!("{}d", secs / 86400),
    }
}

fn io_words(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => "connection refused".to_owned(),
        Kind::ConnectionReset => "connection reset".to_owned(),
        Kind::ConnectionAborted | Kind::BrokenPipe | Kind::NotConnected => "connection lost".to_owned(),
        Kind::TimedOut => "connection timed out".to_owned(),
        Kind::HostUnreachable => "no route to host".to_owned(),
        Kind::NetworkUnreachable => "network is unreachable".to_owned(),
        Kind::UnexpectedEof => "connection closed by the server".to_owned(),
        _ => short(&without_number(&error.to_string())),
    }
}

/// `... (os error 2)` says nothing more than the words before it.
fn without_number(text: &str) -> String {
    text.split_once(" (os error")
        .map_or(text, |(words, _)| words)
        .to_owned()
}

fn hyper_words(error: &hyper::Error) -> String {
    if error.is_timeout() {
        // The ping of HTTP/2 got no answer.
        "the connection is dead".to_owned()
    } else if error.is_incomplete_message() || error.is_body_write_aborted() {
        "connection closed by the server".to_owned()
    } else {
        short(&error.to_string())
    }
}

/// The text as one line of bounded length.
pub(super) fn short(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(MOST_CHARS) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &kube::Error, kind: FailureKind, cause: &str) {
        let failure = Failure::of(error);
        assert_eq!((failure.kind, &*failure.cause), (kind, cause));
    }

    fn status(json: &str) -> kube::Error {
        kube::Error::Api(serde_json::from_str::<Status>(json).unwrap().boxed())
    }

    #[test]
    fn the_server_speaks_for_itself() {
        check(
            &status(
                r#"{"kind":"Status","message":"pods is forbidden: User \"jane\" cannot list","reason":"Forbidden","code":403}"#,
            ),
            FailureKind::Forbidden,
            "pods is forbidden: User \"jane\" cannot list",
        );
        check(
            &status(r#"{"kind":"Status","message":"Unauthorized","code":401}"#),
            FailureKind::Unauthorized,
            "Unauthorized",
        );
        check(
            &status(r#"{"kind":"Status","code":502}"#),
            FailureKind::Broken,
            "HTTP 502 Bad Gateway",
        );
        check(
            &status(r#"{"kind":"Status","reason":"Expired","code":410}"#),
            FailureKind::Expired,
            "Expired",
        );
        let Failure { kind, retry_after, .. } = Failure::of(&status(
            r#"{"code":429,"message":"too many","details":{"retryAfterSeconds":7}}"#,
        ));
        assert_eq!(
            (kind, retry_after),
            (FailureKind::Throttled, Some(Duration::from_secs(7)))
        );
    }

    #[test]
    fn an_answer_without_a_status_is_told_by_its_text_or_its_number() {
        let check = |code: u16, body: &str, kind, cause: &str| {
            let (head, ()) = http::Response::builder().status(code).body(()).unwrap().into_parts();
            let failure = Failure::of_answer(&head, body.as_bytes());
            assert_eq!((failure.kind, &*failure.cause), (kind, cause));
        };
        check(404, "404 page not found\n", FailureKind::NotFound, "404 page not found");
        check(403, "", FailureKind::Forbidden, "HTTP 403 Forbidden");
        check(
            500,
            "container not found (\"app\")\n",
            FailureKind::Broken,
            "container not found (\"app\")",
        );
        check(
            400,
            r#"{"kind":"Status","message":"x is waiting to start","code":400}"#,
            FailureKind::BadRequest,
            "x is waiting to start",
        );
    }

    #[test]
    fn the_innermost_error_is_the_cause() {
        let wrapped = |inner: io::Error| kube::Error::Service(Box::new(io::Error::other(inner)));
        check(
            &wrapped(io::ErrorKind::ConnectionRefused.into()),
            FailureKind::Broken,
            "connection refused",
        );
        check(
            &wrapped(io::Error::from_raw_os_error(113)),
            FailureKind::Broken,
            "no route to host",
        );
        check(
            &wrapped(io::Error::other(rustls::Error::InvalidCertificate(
                rustls::CertificateError::UnknownIssuer,
            ))),
            FailureKind::Broken,
            "certificate signed by unknown authority",
        );
        check(
            &wrapped(io::Error::other(
                "failed to lookup address information:\n Name or service not known",
            )),
            FailureKind::Broken,
            "failed to lookup address information: Name or service not known",
        );
    }

    #[test]
    fn a_certificate_that_is_no_good_says_why() {
        use rustls::CertificateError as Bad;
        use rustls::pki_types::{ServerName, UnixTime};
        let at = |secs| UnixTime::since_unix_epoch(Duration::from_secs(secs));
        let check = |bad: Bad, words: &str| assert_eq!(tls_words(&rustls::Error::InvalidCertificate(bad)), words);
        let expired = Bad::ExpiredContext {
            time: at(1_000_000),
            not_after: at(992_000),
        };
        check(expired, "the server's certificate expired 2h ago");
        let other = Bad::NotValidForNameContext {
            expected: ServerName::try_from("api.example.com").unwrap(),
            presented: vec!["DnsName(\"localhost\")".to_owned(), "IpAddress(127.0.0.1)".to_owned()],
        };
        check(
            other,
            "the server's certificate is not for api.example.com but for localhost, 127.0.0.1",
        );
        check(Bad::UnknownIssuer, "certificate signed by unknown authority");
    }

    #[test]
    fn what_timed_out_is_dead() {
        let timed_out = kube::Error::Service(Box::new(io::Error::from(io::ErrorKind::TimedOut)));
        check(&timed_out, FailureKind::Dead, "connection timed out");
        assert!(Failure::no_answer(Duration::from_secs(20)).is(FailureKind::Dead));
    }

    #[test]
    fn a_cause_is_one_short_line() {
        assert_eq!(short("a\n\tb  c"), "a b c");
        assert_eq!(short(&"ä".repeat(1000)).chars().count(), MOST_CHARS + 1);
    }
}
