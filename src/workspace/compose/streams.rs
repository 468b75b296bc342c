//! The states of log streams in words: in a word or two for a row, counted for a heading, and as a sentence with the
//! cause, since when, and when the next try is.

use crate::model::{ContainerRow, ContainerState, StreamState, Termination};
use crate::text::display;
use crate::workspace::scene::{Span, Tone};
use crate::workspace::streams::{Stream, StreamCensus};

use super::age::{Moment, short_clock};
use super::words;

/// Columns of a state in a row; all take as many, so that nothing moves when a state changes.
const SHORT: usize = 12;

/// The state in a word or two.
fn short(stream: &Stream, moment: &mut Moment) -> (String, Tone) {
    match &stream.state {
        StreamState::Opening => ("opening".to_owned(), Tone::Dim),
        StreamState::Live => ("live".to_owned(), Tone::Dim),
        StreamState::Quiet { since } => (format!("quiet {}", moment.age(*since)), Tone::Dim),
        StreamState::Stalled { since } => (format!("STALLED {}", moment.age(*since)), Tone::Bad),
        StreamState::Polled { every, .. } => (format!("polled {}s", every.as_secs()), Tone::Warn),
        StreamState::Waiting { .. } => ("waiting".to_owned(), Tone::Dim),
        StreamState::Reconnecting { next, .. } => (format!("retry {}", moment.until(*next)), Tone::Warn),
        StreamState::Denied { .. } => ("denied".to_owned(), Tone::Bad),
        StreamState::Throttled { .. } => ("throttled".to_owned(), Tone::Warn),
        StreamState::Ended => ("read to end".to_owned(), Tone::Dim),
        StreamState::Gone => ("gone".to_owned(), Tone::Dim),
        StreamState::NotFollowed { .. } => ("not followed".to_owned(), Tone::Warn),
    }
}

/// The state for a row, and blanks up to the width that all states have.
pub fn in_a_row(stream: &Stream, moment: &mut Moment) -> [Span; 2] {
    let (word, tone) = short(stream, moment);
    let word = display::truncate(&word, SHORT).into_owned();
    let blanks = SHORT.saturating_sub(display::width(&word));
    [Span::new(word, tone), Span::dim(" ".repeat(blanks))]
}

/// What is known of a stream beside its own state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Its container as the API server tells of it.
    pub container: Option<&'a ContainerRow>,
    /// Lines of it that are held, if they were counted.
    pub kept: Option<Kept>,
}

/// Lines that are held, counted up to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Exactly(usize),
    MoreThan(usize),
}

/// The whole of a state: cause, since when, next try.
pub fn sentence(stream: &Stream, known: Known<'_>, moment: &mut Moment) -> (String, Tone) {
    let since = short_clock(stream.since);
    let (_, tone) = short(stream, moment);
    let told = match &stream.state {
        StreamState::Opening => format!("opening since {since}"),
        StreamState::Live => format!("live since {since}"),
        StreamState::Quiet { since } => format!("quiet {}: nothing newer is there", moment.age(*since)),
        StreamState::Stalled { since } => {
            let age = moment.age(*since);
            format!("STALLED {age}, reopening: the log has gone on, but nothing comes")
        }
        StreamState::Polled { every, cap } => {
            format!("polled every {}s: {}", every.as_secs(), words::safe(cap))
        }
        StreamState::Waiting { reason } => format!("waiting since {since}: {}", words::safe(reason)),
        StreamState::Reconnecting { attempt, cause, next } => {
            let (next, cause) = (moment.until(*next), words::safe(cause));
            format!("reconnecting {attempt}, next {next}: {cause} · since {since}")
        }
        StreamState::Denied { cause } => format!("denied: {} · since {since}", words::safe(cause)),
        StreamState::Throttled { until } => {
            let (clock, left) = (short_clock(*until), moment.until(*until));
            format!("throttled until {clock}, {left}: the server asked to come back later · since {since}")
        }
        StreamState::Ended => match known.container.and_then(|container| ending(stream, container)) {
            Some(end) => format!("{} {} ago", ended(end), moment.age(end.finished)),
            None => format!("ended, read to its end {} ago", moment.age(stream.since)),
        },
        StreamState::Gone => {
            let age = moment.age(stream.since);
            match known.kept {
                Some(kept) => format!("gone {age} ago, {}", kept.in_words()),
                None => format!("gone {age} ago"),
            }
        }
        StreamState::NotFollowed { cap } => format!("not followed: {}", words::safe(cap)),
    };
    let told = match stream.restarts() {
        0 => told,
        restarts => format!("{told} · restarted x{restarts}"),
    };
    (told, tone)
}

impl Kept {
    fn in_words(self) -> String {
        match self {
            Self::Exactly(1) => "1 line kept".to_owned(),
            Self::Exactly(lines) => format!("{} lines kept", in_thousands(lines)),
            Self::MoreThan(lines) => format!("over {} lines kept", in_thousands(lines)),
        }
    }
}

/// How the instance that a stream read has ended.
fn ending<'a>(stream: &Stream, container: &'a ContainerRow) -> Option<&'a Termination> {
    match (&container.state, container.restarts.checked_sub(stream.restarts())) {
        (ContainerState::Terminated(end), Some(0)) => Some(end),
        // It waits to be restarted, or was restarted since.
        (_, Some(0 | 1)) => container.last.as_ref(),
        (_, _) => None,
    }
}

/// `ended exit=137 OOMKilled`
pub fn ended(end: &Termination) -> String {
    let reason = words::safe(&end.reason);
    let signal = match end.signal {
        0 => String::new(),
        signal => format!(" signal={signal}"),
    };
    format!("ended exit={}{signal} {reason}", end.exit_code)
        .trim_end()
        .to_owned()
}

/// `1,204`
fn in_thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a heading that is left out where there is no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub tone: Tone,
    /// The lowest are left out last.
    pub rank: u8,
}

/// `120 of 300 followed · 2 stalled · 1 denied`, in parts.
pub fn counted(census: &StreamCensus) -> Vec<Part> {
    let (followed, wanted) = (census.followed(), census.wanted());
    let mut parts = Vec::new();
    let mut push = |text: String, tone, rank| parts.push(Part { text, tone, rank });
    match (followed, wanted) {
        (_, 0) => {}
        (followed, wanted) if followed == wanted => push(format!("{followed} followed"), Tone::Dim, 8),
        (followed, wanted) => push(format!("{followed} of {wanted} followed"), Tone::Plain, 4),
    }
    let counts = [
        (census.denied, "denied", Tone::Bad, 0),
        (census.stalled, "stalled", Tone::Bad, 1),
        (census.reconnecting, "reconnecting", Tone::Warn, 2),
        (census.throttled, "throttled", Tone::Warn, 3),
        (census.not_followed, "not followed", Tone::Warn, 5),
        (census.polled, "polled", Tone::Warn, 5),
        (census.opening, "opening", Tone::Dim, 9),
        (census.waiting, "waiting", Tone::Dim, 7),
        (census.quiet, "quiet", Tone::Dim, 10),
    ];
    for (count, word, tone, rank) in counts {
        if count > 0 {
            push(format!("{count} {word}"), tone, rank);
        }
    }
    parts
}

/// A heading of as many parts as there is room for behind its beginning.
pub fn heading(mut beginning: Vec<Span>, mut parts: Vec<Part>, columns: usize) -> Vec<Span> {
    let begun: usize = beginning.iter().map(|span| display::width(&span.text)).sum();
    let columns_of = |parts: &[Part]| {
        let parts = parts.iter().map(|part| display::width(&part.text) + 3);
        begun + parts.sum::<usize>()
    };
    while columns_of(&parts) > columns {
        let Some(last) = (0..parts.len()).max_by_key(|n| parts.get(*n).map(|part| part.rank)) else {
            break;
        };
        parts.remove(last);
    }
    for part in parts {
        beginning.push(Span::new(format!(" · {}", part.text), part.tone));
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContextId, SourceId, Span as Lapse, Time};

    const NOW: Time = Time::from_secs(100_000);

    fn stream(state: StreamState) -> Stream {
        Stream {
            id: SourceId {
                context: ContextId(0),
                n: 1,
            },
            source: None,
            state,
            since: NOW - Lapse::from_secs(70),
        }
    }

    fn states() -> Vec<(StreamState, &'static str, &'static str)> {
        let ago = |secs| NOW - Lapse::from_secs(secs);
        vec![
            (StreamState::Opening, "opening", "opening since 03:45:30"),
            (StreamState::Live, "live", "live since 03:45:30"),
            (
                StreamState::Quiet { since: ago(720) },
                "quiet 12m",
                "quiet 12m: nothing newer is there",
            ),
            (
                StreamState::Stalled { since: ago(119) },
                "STALLED 119s",
                "STALLED 119s, reopening: the log has gone on, but nothing comes",
            ),
            (
                StreamState::Reconnecting {
                    attempt: 3,
                    cause: "connection reset".into(),
                    next: NOW + Lapse::from_secs(4),
                },
                "retry in 4s",
                "reconnecting 3, next in 4s: connection reset · since 03:45:30",
            ),
            (
                StreamState::Denied {
                    cause: "pods/log is forbidden".into(),
                },
                "denied",
                "denied: pods/log is forbidden · since 03:45:30",
            ),
            (
                StreamState::Throttled {
                    until: NOW + Lapse::from_secs(7),
                },
                "throttled",
                "throttled until 03:46:47, in 7s: the server asked to come back later · since 03:45:30",
            ),
            (
                StreamState::Waiting {
                    reason: "ContainerCreating".into(),
                },
                "waiting",
                "waiting since 03:45:30: ContainerCreating",
            ),
            (StreamState::Ended, "read to end", "ended, read to its end 70s ago"),
            (StreamState::Gone, "gone", "gone 70s ago, 1,204 lines kept"),
            (
                StreamState::Polled {
                    every: Lapse::from_secs(5),
                    cap: "node cap".into(),
                },
                "polled 5s",
                "polled every 5s: node cap",
            ),
            (
                StreamState::NotFollowed {
                    cap: "at most 120".into(),
                },
                "not followed",
                "not followed: at most 120",
            ),
        ]
    }

    #[test]
    fn every_state_has_its_words() {
        for (state, word, told) in states() {
            let stream = stream(state);
            let mut moment = Moment::new(NOW);
            assert_eq!(short(&stream, &mut moment).0, word);
            let known = Known {
                container: None,
                kept: Some(Kept::Exactly(1_204)),
            };
            assert_eq!(sentence(&stream, known, &mut moment).0, told);
        }
    }

    #[test]
    fn a_row_is_as_wide_in_every_state() {
        for (state, ..) in states() {
            let spans = in_a_row(&stream(state), &mut Moment::new(NOW));
            let columns: usize = spans.iter().map(|span| display::width(&span.text)).sum();
            assert_eq!(columns, SHORT, "{spans:?}");
        }
    }

    #[test]
    fn hostile_causes_are_made_safe() {
        let stream = stream(StreamState::Denied {
            cause: "\x1b]0;evil\x07\u{202e}\nx".into(),
        });
        let (told, _) = sentence(&stream, Known::default(), &mut Moment::new(NOW));
        assert!(!told.contains(['\x1b', '\x07', '\u{202e}', '\n']), "{told:?}");
    }

    fn check_heading(columns: usize, expected: &str) {
        let census = StreamCensus {
            live: 100,
            quiet: 20,
            denied: 1,
            stalled: 2,
            not_followed: 177,
            ..StreamCensus::default()
        };
        let spans = heading(vec![Span::plain("prod  live")], counted(&census), columns);
        let text: String = spans.into_iter().map(|span| span.text).collect();
        assert_eq!(text, expected, "{columns}");
    }

    #[test]
    fn a_heading_keeps_what_is_worst() {
        check_heading(
            90,
            "prod  live · 120 of 300 followed · 1 denied · 2 stalled · 177 not followed · 20 quiet",
        );
        check_heading(60, "prod  live · 120 of 300 followed · 1 denied · 2 stalled");
        check_heading(40, "prod  live · 1 denied · 2 stalled");
        check_heading(25, "prod  live · 1 denied");
        check_heading(5, "prod  live");
    }

    #[test]
    fn numbers_are_told_in_thousands() {
        assert_eq!(in_thousands(7), "7");
        assert_eq!(in_thousands(999), "999");
        assert_eq!(in_thousands(1_204), "1,204");
        assert_eq!(in_thousands(1_234_567), "1,234,567");
    }
}
