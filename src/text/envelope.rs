//! What a saved log file puts around each line: the kubelet's stamp (`kubectl logs --timestamps`), a container
//! runtime's file on a node (CRI), or Docker's json-file. Found out once per file; taken off line by line, without
//! copying where the line is whole. Not the headers that programs write themselves.

use bytes::Bytes;

use super::kubelet;
use crate::model::Time;

/// How many lines of a file tell what is around its lines.
const PROBED_LINES: usize = 64;
/// Lines that came in parts are joined up to this many bytes; the rest is cut.
const MOST_BYTES: usize = 256 * 1024;

/// What is around every line of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Envelope {
    /// Nothing: lines as the program wrote them.
    #[default]
    None,
    /// `2026-03-04T08:00:52.861903771Z text`.
    Kubelet,
    /// `2026-03-04T08:00:52.861903771Z stdout F text`; `P` in place of `F`: the line goes on in the next one.
    Cri,
    /// `{"log":"text\n","stream":"stdout","time":"2026-03-04T08:00:52.861903771Z"}`; without `\n` the line goes on.
    Docker,
}

impl Envelope {
    /// What is around the lines of a file that begins with these. All of its first lines (at most 64 that are not
    /// empty) must have it: a program may well write one line that looks like any of them.
    pub fn of<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let first: Vec<_> = lines
            .filter(|line| !line.trim_ascii().is_empty())
            .take(PROBED_LINES)
            .collect();
        if first.is_empty() {
            Self::None
        } else if first.iter().all(|line| docker(line).is_some()) {
            Self::Docker
        } else if first.iter().all(|line| cri(line).is_some()) {
            Self::Cri
        } else if kubelet::is_stamped(&mut first.into_iter()) {
            Self::Kubelet
        } else {
            Self::None
        }
    }
}

/// A line as the program wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwrapped {
    /// When the runtime read it, if the file says so.
    pub time: Option<Time>,
    pub bytes: Bytes,
    /// Lines of the file that went into it.
    pub lines: u32,
}

/// Takes the envelopes off the lines of one file. No line is lost: one without the file's envelope stays as it is.
#[derive(Debug, Default)]
pub struct Unwrapper {
    envelope: Envelope,
    /// The parts so far of a line of stdout, and of one of stderr.
    begun: [Option<Begun>; 2],
    /// Lines of the file that are in no result yet.
    taken: u32,
}

/// A line whose end has not come.
#[derive(Debug)]
struct Begun {
    time: Time,
    bytes: Vec<u8>,
}

/// Which of a program's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Stdout,
    Stderr,
}

/// Whether a line goes on in the next one of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Last,
    GoesOn,
}

impl Unwrapper {
    pub fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            ..Self::default()
        }
    }

    /// The line that is complete with this one, if any.
    pub fn push(&mut self, line: Bytes) -> Option<Unwrapped> {
        self.taken = self.taken.saturating_add(1);
        match self.envelope {
            Envelope::None => Some(self.whole(None, line)),
            Envelope::Kubelet => Some(match kubelet::stamp(&line) {
                Some((time, at)) => self.whole(Some(time), line.slice(at..)),
                None => self.whole(None, line),
            }),
            Envelope::Cri => match cri(&line) {
                Some(found) => self.part(found.output, found.part, found.time, line.slice(found.text)),
                None => Some(self.whole(None, line)),
            },
            Envelope::Docker => match docker(&line) {
                Some(found) => {
                    let text = line.slice(found.body);
                    let (text, part) = if found.is_plain {
                        (text.slice(..text.len() - br"\n".len()), Part::Last)
                    } else {
                        unescaped_line(&text)
                    };
                    self.part(found.output, part, found.time, text)
                }
                None => Some(self.whole(None, line)),
            },
        }
    }

    /// What is left at the end of the file: lines whose end never came.
    pub fn finish(&mut self) -> Vec<Unwrapped> {
        let left: Vec<_> = self.begun.iter_mut().filter_map(Option::take).collect();
        left.into_iter()
            .map(|begun| self.whole(Some(begun.time), begun.bytes.into()))
            .collect()
    }

    fn whole(&mut self, time: Option<Time>, bytes: Bytes) -> Unwrapped {
        Unwrapped {
            time,
            bytes,
            lines: std::mem::take(&mut self.taken),
        }
    }

    fn part(&mut self, output: Output, part: Part, time: Time, text: Bytes) -> Option<Unwrapped> {
        let slot = &mut self.begun[output as usize];
        match (slot.take(), part) {
            (None, Part::Last) => Some(self.whole(Some(time), text)),
            (begun, part) => {
                let mut begun = begun.unwrap_or_else(|| Begun {
                    time,
                    bytes: Vec::new(),
                });
                let room = MOST_BYTES.saturating_sub(begun.bytes.len()).min(text.len());
                begun.bytes.extend_from_slice(&text[..room]);
                match part {
                    Part::Last => Some(self.whole(Some(begun.time), begun.bytes.into())),
                    Part::GoesOn => {
                        *slot = Some(begun);
                        None
                    }
                }
            }
        }
    }
}

/// A line of a CRI file.
struct Cri {
    time: Time,
    output: Output,
    part: Part,
    text: std::ops::RangeFrom<usize>,
}

/// <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>: a stamp, the
/// output, tags separated by colons of which the first is `F` or `P`, the text; one blank between each.
fn cri(line: &[u8]) -> Option<Cri> {
    let (time, at) = kubelet::stamp(line)?;
    let rest = line.get(at..)?;
    let (output, rest) = match rest.strip_prefix(b"stdout ") {
        Some(rest) => (Output::Stdout, rest),
        None => (Output::Stderr, rest.strip_prefix(b"stderr ")?),
    };
    let tags = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let part = match rest.get(..tags)? {
        b"F" => Part::Last,
        b"P" => Part::GoesOn,
        tags if tags.starts_with(b"F:") => Part::Last,
        tags if tags.starts_with(b"P:") => Part::GoesOn,
        _ => return None,
    };
    let text = line.len() - rest.len() + tags;
    Some(Cri {
        time,
        output,
        part,
        text: (text + 1).min(line.len())..,
    })
}

/// A line of a json-file.
struct Docker {
    time: Time,
    output: Output,
    /// The text as it is written, between its quotes.
    body: std::ops::Range<usize>,
    /// The end of the line is the only thing in the text that is escaped.
    is_plain: bool,
}

/// Docker writes its keys always in this order; between `stream` and `time` may be others.
fn docker(line: &[u8]) -> Option<Docker> {
    const FRONT: &[u8] = br#"{"log":""#;
    const TIME: &[u8] = br#""time":""#;
    let after = line.strip_prefix(FRONT)?;
    let (mut end, mut escapes) = (0, 0);
    let mut last_escape = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', after.get(end..)?)?;
        if after.get(end) == Some(&b'"') {
            break;
        }
        last_escape = end;
        escapes += 1;
        end += 2;
    }
    let rest = after.get(end + 1..)?;
    let output = if memchr::memmem::find(rest, br#""stream":"stderr""#).is_some() {
        Output::Stderr
    } else {
        Output::Stdout
    };
    let time = rest.get(memchr::memmem::rfind(rest, TIME)? + TIME.len()..)?;
    let time = time.get(..memchr::memchr(b'"', time)?)?;
    let (time, _) = kubelet::stamp(time)?;
    let is_plain = escapes == 1 && after.get(last_escape..end) == Some(br"\n");
    Some(Docker {
        time,
        output,
        body: FRONT.len()..FRONT.len() + end,
        is_plain,
    })
}

/// The text of a JSON string, and whether it ends its line; the end of the line is taken off.
fn unescaped_line(body: &[u8]) -> (Bytes, Part) {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = unescape_one(&rest[at + 1..], &mut out);
    }
    out.extend_from_slice(rest);
    let part = if out.last() == Some(&b'\n') {
        out.pop();
        Part::Last
    } else {
        Part::GoesOn
    };
    // A line feed inside would be another line; Docker never writes one, and one line stays one.
    for byte in &mut out {
        if *byte == b'\n' {
            *byte = b' ';
        }
    }
    (out.into(), part)
}

/// Appends what an escape stands for; `rest` begins behind its backslash. What is left behind the escape.
fn unescape_one<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((kind, after)) = rest.split_first() else {
        out.push(b'\\');
        return rest;
    };
    match kind {
        b'n' => out.push(b'\n'),
        b't' => out.push(b'\t'),
        b'r' => out.push(b'\r'),
        b'b' => out.push(8),
        b'f' => out.push(12),
        b'u' => return unescape_unit(after, out),
        other => out.push(*other),
    }
    after
}

/// `\uXXXX`, or two of them for a character beyond the first plane.
fn unescape_unit<'a>(after: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, rest)) = unit(after) else {
        out.extend_from_slice(br"\u");
        return after;
    };
    let second = rest.strip_prefix(br"\u").and_then(unit);
    let pair = second.and_then(|(second, rest)| {
        let character = char::decode_utf16([first, second]).next()?.ok()?;
        (character.len_utf16() == 2).then_some((character, rest))
    });
    let (character, rest) = pair.unwrap_or_else(|| {
        let alone = char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER);
        (alone, rest)
    });
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn unit(digits: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = digits.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: &str = "2026-03-04T08:00:52.861903771Z";

    fn all(text: &[u8]) -> (Envelope, Vec<(bool, String, u32)>) {
        let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
        let envelope = Envelope::of(lines.iter().copied());
        let mut unwrapper = Unwrapper::new(envelope);
        let mut found: Vec<_> = lines
            .iter()
            .filter_map(|line| unwrapper.push(Bytes::copy_from_slice(line)))
            .collect();
        found.extend(unwrapper.finish());
        let found = found
            .into_iter()
            .map(|line| {
                let text = String::from_utf8_lossy(&line.bytes).into_owned();
                (line.time.is_some(), text, line.lines)
            })
            .collect();
        (envelope, found)
    }

    #[track_caller]
    fn check(text: &str, envelope: Envelope, lines: &[(&str, u32)]) {
        let text = text.replace("AT", AT);
        let (found, unwrapped) = all(text.as_bytes());
        let expected: Vec<_> = lines
            .iter()
            .map(|(line, n)| (found != Envelope::None, (*line).to_owned(), *n))
            .collect();
        assert_eq!((found, unwrapped), (envelope, expected), "{text}");
    }

    #[test]
    fn lines_without_an_envelope_stay_as_they_are() {
        check("a\n\n b", Envelope::None, &[("a", 1), ("", 1), (" b", 1)]);
        check(
            "2026-03-04T08:00:52Z a",
            Envelope::None,
            &[("2026-03-04T08:00:52Z a", 1)],
        );
        check(
            "AT stdout a\nb",
            Envelope::None,
            &[(&format!("{AT} stdout a"), 1), ("b", 1)],
        );
    }

    #[test]
    fn the_kubelets_stamps_are_taken_off() {
        check("AT a\nAT  b\nAT ", Envelope::Kubelet, &[("a", 1), (" b", 1), ("", 1)]);
    }

    #[test]
    fn parts_of_a_line_are_joined_per_output() {
        check(
            "AT stdout F a\nAT stdout P b\nAT stderr F !\nAT stdout P c\nAT stdout F d\nAT stderr F",
            Envelope::Cri,
            &[("a", 1), ("!", 2), ("bcd", 2), ("", 1)],
        );
        check("AT stdout P b\nAT stdout P:x c", Envelope::Cri, &[("bc", 2)]);
        check(
            "AT stdout maybe\nAT stdout F b",
            Envelope::Kubelet,
            &[("stdout maybe", 1), ("stdout F b", 1)],
        );
    }

    #[test]
    fn the_text_of_a_json_file_is_unescaped() {
        check(
            r#"{"log":"plain\n","stream":"stdout","time":"AT"}
{"log":"say \"hi\" \u003c\ud83d\ude00\u001b[0m\t\\\n","stream":"stderr","attrs":{"tag":"t"},"time":"AT"}
{"log":"begun, ","stream":"stdout","time":"AT"}
{"log":"ended\n","stream":"stdout","time":"AT"}
{"log":"\n","stream":"stdout","time":"AT"}
{"log":"no end \ud800","stream":"stdout","time":"AT"}"#,
            Envelope::Docker,
            &[
                ("plain", 1),
                ("say \"hi\" <\u{1f600}\u{1b}[0m\t\\", 1),
                ("begun, ended", 2),
                ("", 1),
                ("no end \u{fffd}", 1),
            ],
        );
    }

    #[test]
    fn a_line_that_is_not_wrapped_does_not_stop_a_wrapped_file() {
        let text = format!("{}cut off", "AT stdout F a\n".repeat(PROBED_LINES)).replace("AT", AT);
        let (envelope, lines) = all(text.as_bytes());
        assert_eq!(envelope, Envelope::Cri);
        assert_eq!(lines.last(), Some(&(false, "cut off".to_owned(), 1)));
    }

    proptest! {
        #[test]
        fn no_line_of_a_file_is_lost(lines in proptest::collection::vec("[^\n]{0,40}", 1..20), which in 0..4usize) {
            let text: Vec<_> = lines
                .iter()
                .map(|line| match which {
                    0 => line.clone(),
                    1 => format!("{AT} {line}"),
                    2 => format!("{AT} stderr {} {line}", if line.len() % 3 == 0 { "P" } else { "F" }),
                    _ => format!(r#"{{"log":"{line}\n","stream":"stdout","time":"{AT}"}}"#),
                })
                .collect();
            let (_, unwrapped) = all(text.join("\n").as_bytes());
            let total: u32 = unwrapped.iter().map(|(_, _, lines)| lines).sum();
            prop_assert_eq!(total as usize, lines.len());
        }
    }
}
