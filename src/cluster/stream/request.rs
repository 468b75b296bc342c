//! The URL of a log request, built here because kube rounds `sinceTime` to the nearest second: half a second of lines
//! would be lost at every second resume.

use super::instance::Place;

/// One question for a container's log. Stamps are always asked for: without them a line and the server's complaint
/// look the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogRequest<'a> {
    pub(super) namespace: &'a str,
    pub(super) pod: &'a str,
    pub(super) container: &'a str,
    pub(super) place: Place,
    pub(super) follow: Follows,
    pub(super) from: From,
}

/// Whether the answer ends with the log that is there or goes on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    Yes,
    /// It is all there will ever be.
    No,
    /// There will be more, which is asked for later.
    Later,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// So many seconds ago by the node's clock, and at most so many lines.
    Ago { secs: i64, tail: Option<i64> },
    /// At this second since the epoch.
    Second(i64),
    /// At the last line.
    Last,
}

impl LogRequest<'_> {
    /// Path and query.
    pub(super) fn uri(&self) -> String {
        let Self {
            namespace,
            pod,
            container,
            ..
        } = self;
        let (namespace, pod, container) = (encoded(namespace), encoded(pod), encoded(container));
        let follow = if self.follow == Follows::Yes {
            "&follow=true"
        } else {
            ""
        };
        let previous = if self.place == Place::Previous {
            "&previous=true"
        } else {
            ""
        };
        let from = self.from.query();
        format!(
            "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&timestamps=true{follow}{previous}{from}"
        )
    }
}

impl From {
    fn query(self) -> String {
        match self {
            Self::Ago { secs, tail: None } => format!("&sinceSeconds={}", secs.max(1)),
            Self::Ago { secs, tail: Some(tail) } => format!("&sinceSeconds={}&tailLines={}", secs.max(1), tail.max(0)),
            Self::Last => "&tailLines=1".to_owned(),
            Self::Second(second) => {
                let stamp = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                format!("&sinceTime={}", encoded(&stamp.to_string()))
            }
        }
    }
}

/// Percent-encoding of everything but RFC 3986's unreserved characters.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 15].map(|half| char::from(b"0123456789ABCDEF"[usize::from(half)])));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(place: Place, follow: Follows, from: From, expected: &str) {
        let request = LogRequest {
            namespace: "shop",
            pod: "api-0",
            container: "api",
            place,
            follow,
            from,
        };
        let uri = request.uri();
        assert_eq!(
            uri.strip_prefix("/api/v1/namespaces/shop/pods/api-0/log?container=api&timestamps=true"),
            Some(expected)
        );
    }

    #[test]
    fn seconds_are_whole_and_cut_downwards() {
        check(
            Place::Current,
            Follows::Yes,
            From::Ago { secs: 0, tail: Some(5) },
            "&follow=true&sinceSeconds=1&tailLines=5",
        );
        let second = crate::model::Time(1_795_361_426_999_999_999).floor_secs();
        check(
            Place::Previous,
            Follows::No,
            From::Second(second),
            "&previous=true&sinceTime=2026-11-22T15%3A30%3A26Z",
        );
    }

    #[test]
    fn a_name_cannot_leave_its_place() {
        assert_eq!(encoded("../a?b&c=ü"), "..%2Fa%3Fb%26c%3D%C3%BC");
    }
}
