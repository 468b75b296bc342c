//! From the chunks of a response to lines: bytes, not text, whatever the chunks' borders are.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};

use crate::model::Time;

/// A longer line keeps its head; the rest is counted.
const MOST_BYTES: usize = 256 * 1024;
/// `2026-11-22T15:30:21.761273539+05:30` is the longest prefix that a kubelet writes.
const LONGEST_STAMP: usize = 35;
const SHORTEST_STAMP: usize = 20;

/// One line as the server sent it, without its end of line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The kubelet's stamp, if the line begins with one.
    pub(super) time: Option<Time>,
    pub(super) bytes: Bytes,
}

/// Bytes that have come and are not lines yet.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    chunks: VecDeque<Bytes>,
    /// The beginning of a line whose end is in a later chunk, cut at the limit.
    begun: Vec<u8>,
    /// What was cut of it.
    over: usize,
}

impl Splitter {
    pub(super) fn feed(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Option<Record> {
        while let Some(chunk) = self.chunks.front_mut() {
            let Some(end) = memchr::memchr(b'\n', chunk) else {
                let chunk = self.chunks.pop_front()?;
                self.begin(&chunk);
                continue;
            };
            let line = chunk.split_to(end);
            chunk.advance(1);
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
            if self.begun.is_empty() && self.over == 0 && line.len() <= MOST_BYTES {
                return Some(record(line));
            }
            self.begin(&line);
            return Some(self.take());
        }
        None
    }

    /// The end of the response: what is left is a line without its end. A stamp without the space behind it may be
    /// the beginning of another one, with an offset.
    pub(super) fn finish(&mut self) -> Option<Record> {
        if self.begun.is_empty() {
            return None;
        }
        if self.begun.contains(&b' ') {
            return Some(self.take());
        }
        let bytes = std::mem::take(&mut self.begun).into();
        self.clear();
        Some(Record { time: None, bytes })
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn begin(&mut self, bytes: &[u8]) {
        let room = MOST_BYTES - self.begun.len();
        let (kept, cut) = bytes.split_at(bytes.len().min(room));
        self.begun.extend_from_slice(kept);
        self.over += cut.len();
    }

    fn take(&mut self) -> Record {
        let mut line = std::mem::take(&mut self.begun);
        let over = std::mem::take(&mut self.over);
        if over > 0 {
            line.extend_from_slice(format!("…+{over} bytes").as_bytes());
        }
        record(line.into())
    }
}

fn record(mut line: Bytes) -> Record {
    if line.last() == Some(&b'\r') {
        line.truncate(line.len() - 1);
    }
    let head = line.get(..line.len().min(LONGEST_STAMP + 1)).unwrap_or_default();
    let Some(end) = memchr::memchr(b' ', head) else {
        // The stamp of an empty line may have lost its space to whoever trims.
        let time = stamp(head);
        return Record {
            time,
            bytes: if time.is_some() { Bytes::new() } else { line },
        };
    };
    match stamp(head.get(..end).unwrap_or_default()) {
        Some(time) => Record {
            time: Some(time),
            bytes: line.slice(end + 1..),
        },
        None => Record {
            time: None,
            bytes: line,
        },
    }
}

/// An RFC 3339 time with any offset: a kubelet keeps its node's.
fn stamp(bytes: &[u8]) -> Option<Time> {
    let shaped = (SHORTEST_STAMP..=LONGEST_STAMP).contains(&bytes.len())
        && bytes.get(4) == Some(&b'-')
        && bytes.get(10) == Some(&b'T')
        && bytes.get(13) == Some(&b':');
    if !shaped {
        return None;
    }
    let stamp: jiff::Timestamp = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    i64::try_from(stamp.as_nanosecond()).ok().map(Time)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> (Vec<Record>, Option<Record>) {
        let mut splitter = Splitter::default();
        let mut records = Vec::new();
        for chunk in chunks {
            splitter.feed(Bytes::copy_from_slice(chunk));
            records.extend(std::iter::from_fn(|| splitter.next()));
        }
        (records, splitter.finish())
    }

    fn check(line: &[u8], time: Option<i64>, bytes: &[u8]) {
        let (records, left) = split(&[line, b"\n"]);
        assert_eq!(left, None);
        assert_eq!(
            records,
            [Record {
                time: time.map(Time),
                bytes: Bytes::copy_from_slice(bytes)
            }]
        );
    }

    #[test]
    fn a_line_is_a_stamp_and_bytes() {
        check(
            b"2026-11-22T15:30:21.761273539Z WARN x",
            Some(1_795_361_421_761_273_539),
            b"WARN x",
        );
        check(b"2026-11-22T15:30:21Z x\r", Some(1_795_361_421_000_000_000), b"x");
        check(b"2026-11-22T21:00:21.5+05:30 x", Some(1_795_361_421_500_000_000), b"x");
        check(b"2026-11-22T15:30:21Z  two", Some(1_795_361_421_000_000_000), b" two");
        check(b"2026-11-22T15:30:21Z ", Some(1_795_361_421_000_000_000), b"");
        check(b"2026-11-22T15:30:21Z", Some(1_795_361_421_000_000_000), b"");
        check(
            b"2026-11-22T15:30:21Z \xff\xfe",
            Some(1_795_361_421_000_000_000),
            b"\xff\xfe",
        );
        check(
            b"unable to retrieve container logs",
            None,
            b"unable to retrieve container logs",
        );
        check(b"2026-13-45T99:30:21Z x", None, b"2026-13-45T99:30:21Z x");
        check(b"", None, b"");
        check(b"\xff", None, b"\xff");
    }

    #[test]
    fn what_has_no_end_is_left_over() {
        let left = |bytes: &[u8]| split(&[b"a\n", bytes]).1.unwrap();
        assert_eq!(left(b"b").bytes, "b");
        assert_eq!(
            left(b"2026-11-22T15:30:21Z x").time,
            Some(Time::from_secs(1_795_361_421))
        );
        // Not +05:00, but the half of +05:30.
        assert_eq!(left(b"2026-11-22T21:00:21.5+05").time, None);
        assert_eq!(left(b"2026-11-22T15:30:21Z").time, None);
    }

    #[test]
    fn a_monstrous_line_keeps_its_head_and_its_size() {
        let long = vec![b'x'; MOST_BYTES + 5];
        for chunks in [
            vec![&long[..], b"\nnext\n"],
            vec![&long[..100], &long[100..], b"", b"\nnext\n"],
        ] {
            let (records, _) = split(&chunks);
            assert_eq!(records.len(), 2);
            assert!(records[0].bytes.ends_with("x…+5 bytes".as_bytes()));
            assert!(records[0].bytes.len() < MOST_BYTES + 20);
            assert_eq!(&records[1].bytes[..], b"next");
        }
        let whole = [&long[..], b"\n"].concat();
        assert!(split(&[&whole]).0[0].bytes.ends_with("…+5 bytes".as_bytes()));
    }

    proptest! {
        #[test]
        fn borders_of_chunks_do_not_matter(bytes in vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400), cuts in vec(1usize..50, 1..50)) {
            let mut chunks = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                chunks.push(head);
                rest = tail;
            }
            prop_assert_eq!(split(&chunks), split(&[&bytes]));
        }
    }
}
