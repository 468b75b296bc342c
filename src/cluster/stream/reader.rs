//! What of a response is news. A source's log is read over many connections: each resume asks again for the last
//! seconds, so lines come twice; a kubelet that rotated its file cannot serve what was in it, so lines are missing; an
//! end may be in the middle of a line. This file decides, without a clock and without a socket.
//!
//! A line's identity is its stamp, its bytes, and its place in a run of lines that are equal in both: twins are two
//! lines. Stamps alone are no order: stdout and stderr are stamped by different threads.

use std::hash::BuildHasher as _;

use bytes::Bytes;
use hashbrown::DefaultHashBuilder;

use super::seen::Seen;
use super::split::{Record, Splitter};
use crate::model::{Line, Time};

/// A resume asks from this many seconds before the second of the highest line: the server cuts to whole seconds, and
/// neighbours may be out of order.
const MARGIN_SECS: i64 = 1;

/// The log of one source as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    splitter: Splitter,
    seen: Seen,
    hasher: DefaultHashBuilder,
    high: Option<High>,
    /// The last line of this connection, to count twins.
    last: Option<Last>,
    doubt: Doubt,
    resumed: bool,
    /// A line without a stamp: the server's complaint if nothing follows, else part of the log.
    stray: Option<Bytes>,
    /// The line whose end was cut off with a connection, until it comes whole.
    fragment: Option<Line>,
    /// The line that raised the doubt.
    held: Option<(Time, Bytes)>,
    /// Lines that came again.
    suppressed: u64,
}

/// The highest line shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct High {
    time: Time,
    key: u64,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    time: Time,
    hash: u64,
    run: u64,
}

/// Whether this response really goes on where the last one ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doubt {
    #[default]
    None,
    /// Not before the line that was the highest has come again: it lies within what was asked for.
    UntilHigh(High),
    /// Nothing was ever read, so nothing can come again: the first line is doubtful.
    UntilAny,
}

/// How far the reading came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All that came was read.
    Drained,
    /// As many lines as wanted.
    Full,
    /// News came without what should have come before it: the file was rotated, or this is another instance's log.
    /// Nothing is read on until `trust` or the next connection.
    Doubtful,
}

/// What is missing between two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) from: Time,
    pub(super) to: Time,
}

impl Reader {
    /// A response begins.
    pub(super) fn connected(&mut self, resumed: bool) {
        self.splitter.clear();
        self.last = None;
        self.stray = None;
        self.held = None;
        self.resumed = resumed;
        self.doubt = match (resumed, self.high) {
            (false, _) => Doubt::None,
            (true, Some(high)) => Doubt::UntilHigh(high),
            (true, None) => Doubt::UntilAny,
        };
    }

    pub(super) fn feed(&mut self, chunk: Bytes) {
        self.splitter.feed(chunk);
    }

    /// Reads news to the end of `lines` until there are `most`.
    pub(super) fn read(&mut self, lines: &mut Vec<Line>, most: usize) -> Step {
        while lines.len() < most {
            if self.held.is_some() && self.doubt != Doubt::None {
                return Step::Doubtful;
            }
            let (time, bytes) = match self.held.take() {
                Some(held) => held,
                None => match self.splitter.next() {
                    Some(Record {
                        time: Some(time),
                        bytes,
                    }) => (time, bytes),
                    Some(Record { time: None, bytes }) => {
                        let before = self.stray.replace(bytes);
                        self.show_stray(before, None, lines);
                        continue;
                    }
                    None => return Step::Drained,
                },
            };
            let stray = self.stray.take();
            self.show_stray(stray, Some(time), lines);
            if self.is_doubtful(time, &bytes) {
                self.held = Some((time, bytes));
                return Step::Doubtful;
            }
            self.show(time, bytes, lines);
        }
        Step::Full
    }

    /// It is the same instance after all: what is missing is lost.
    pub(super) fn trust(&mut self) -> Option<Missing> {
        let doubt = std::mem::take(&mut self.doubt);
        match (doubt, &self.held) {
            (Doubt::UntilHigh(high), Some((to, _))) => Some(Missing {
                from: high.time,
                to: *to,
            }),
            _ => None,
        }
    }

    /// The response ended. Says the server's complaint, if its last words are one: errors come inside of a good
    /// response's body, as a text without a stamp.
    pub(super) fn ended(&mut self, lines: &mut Vec<Line>) -> Option<String> {
        let stray = self.stray.take();
        match self.splitter.finish() {
            Some(Record {
                time: Some(time),
                bytes,
            }) => {
                self.show_stray(stray, Some(time), lines);
                self.fragment = Some(Line { time, bytes });
                None
            }
            Some(Record { time: None, bytes }) if is_begun_stamp(&bytes) => {
                self.show_stray(stray, None, lines);
                None
            }
            Some(Record { time: None, bytes }) => {
                let words = stray.into_iter().chain([bytes]);
                Some(
                    words
                        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                        .collect::<Vec<_>>()
                        .join(" "),
                )
            }
            None => stray
                .filter(|bytes| !bytes.is_empty())
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The instance is over: its last line may never have had an end.
    pub(super) fn last_words(&mut self) -> Option<Line> {
        let line = self.fragment.take()?;
        let mut lines = Vec::new();
        self.last = None;
        self.show(line.time, line.bytes, &mut lines);
        lines.pop()
    }

    /// The time of the highest line shown.
    pub(super) fn high(&self) -> Option<Time> {
        self.high.map(|high| high.time)
    }

    /// From which second on a resume has to ask; nothing if nothing was read yet.
    pub(super) fn resume_secs(&self) -> Option<i64> {
        self.high().map(|high| high.floor_secs() - MARGIN_SECS)
    }

    /// Whether this response is known to go on where the last one ended.
    pub(super) fn is_settled(&self) -> bool {
        self.doubt == Doubt::None
    }

    /// Lines that came again, over all connections.
    #[cfg(test)]
    fn suppressed(&self) -> u64 {
        self.suppressed
    }

    fn is_doubtful(&mut self, time: Time, bytes: &[u8]) -> bool {
        match self.doubt {
            Doubt::None => false,
            Doubt::UntilHigh(high) => {
                let (key, _) = self.identify(time, bytes);
                if key == high.key {
                    self.doubt = Doubt::None;
                    return false;
                }
                time > high.time && !self.seen.contains(key)
            }
            Doubt::UntilAny => true,
        }
    }

    fn identify(&self, time: Time, bytes: &[u8]) -> (u64, Last) {
        let hash = self.hasher.hash_one((time, bytes));
        let run = match self.last {
            Some(last) if last.time == time && last.hash == hash => last.run + 1,
            _ => 0,
        };
        (self.hasher.hash_one((hash, run)), Last { time, hash, run })
    }

    fn show(&mut self, time: Time, bytes: Bytes, lines: &mut Vec<Line>) {
        let (key, last) = self.identify(time, &bytes);
        self.last = Some(last);
        if self
            .fragment
            .as_ref()
            .is_some_and(|cut| cut.time == time && bytes.starts_with(&cut.bytes))
        {
            self.fragment = None;
        }
        if self.seen.contains(key) {
            self.suppressed += 1;
            return;
        }
        self.seen.insert(key, time, bytes.len());
        if self.high.is_none_or(|high| time >= high.time) {
            self.high = Some(High { time, key });
        }
        lines.push(Line { time, bytes });
    }

    /// A line without a stamp is the rest of one whose head was not served, or two that were glued together. It has
    /// the time of the line before it.
    fn show_stray(&mut self, stray: Option<Bytes>, next: Option<Time>, lines: &mut Vec<Line>) {
        let Some(bytes) = stray else { return };
        match (self.last, next) {
            (Some(last), _) => self.show(last.time, bytes, lines),
            // Without its head, at the very beginning: shown as cut.
            (None, Some(next)) if !self.resumed => {
                let bytes = ["…".as_bytes(), &bytes].concat();
                self.show(next, bytes.into(), lines);
            }
            // The rest of a line that was shown, or that comes again whole.
            (None, _) => {}
        }
    }
}

/// Whether a line was cut in the middle of its stamp.
fn is_begun_stamp(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_digit() || b"-:T.Z+".contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A kubelet's file: lines with their stamps, in the order written.
    type File = Vec<(i64, String)>;

    fn stamp(nanos: i64) -> String {
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
        format!("{stamp:.9}")
    }

    /// What the server sends of the file for `sinceTime`.
    fn serve(file: &File, since: Option<i64>) -> Vec<u8> {
        let from = since.map_or(i64::MIN, |secs| secs * 1_000_000_000);
        let lines = file.iter().filter(|(time, _)| *time >= from);
        let lines: Vec<_> = lines.map(|(time, text)| format!("{} {text}\n", stamp(*time))).collect();
        lines.concat().into_bytes()
    }

    fn read(reader: &mut Reader, bytes: &[u8], chunk: usize, shown: &mut Vec<Line>) -> Step {
        for chunk in bytes.chunks(chunk) {
            reader.feed(Bytes::copy_from_slice(chunk));
            loop {
                let mut lines = Vec::new();
                let step = reader.read(&mut lines, 3);
                shown.append(&mut lines);
                match step {
                    Step::Full => {}
                    Step::Drained => break,
                    Step::Doubtful => return Step::Doubtful,
                }
            }
        }
        Step::Drained
    }

    fn texts(lines: &[Line]) -> Vec<String> {
        lines
            .iter()
            .map(|line| String::from_utf8_lossy(&line.bytes).into_owned())
            .collect()
    }

    fn one(bytes: &str) -> (Vec<String>, Option<String>, Option<String>) {
        let mut reader = Reader::default();
        reader.connected(false);
        let mut shown = Vec::new();
        read(&mut reader, bytes.as_bytes(), 7, &mut shown);
        let complaint = reader.ended(&mut shown);
        let last = reader
            .last_words()
            .map(|line| String::from_utf8_lossy(&line.bytes).into_owned());
        (texts(&shown), complaint, last)
    }

    const T: &str = "2026-11-22T15:30:21.5Z";

    #[test]
    fn the_servers_complaint_is_not_a_line() {
        let complaint = "unable to retrieve container logs for containerd://a788";
        assert_eq!(one(complaint), (vec![], Some(complaint.to_owned()), None));
        assert_eq!(
            one(&format!("{T} a\n{complaint}\n")),
            (vec!["a".to_owned()], Some(complaint.to_owned()), None)
        );
        assert_eq!(
            one(&format!("{T} a\n2026-11-22T15:3")),
            (vec!["a".to_owned()], None, None)
        );
    }

    #[test]
    fn a_line_without_head_or_end_is_not_lost() {
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(one(&format!("BBB\n{T} a\n")), (strings(&["…BBB", "a"]), None, None));
        assert_eq!(
            one(&format!("{T} a\nglued\n{T} b\n")),
            (strings(&["a", "glued", "b"]), None, None)
        );
        assert_eq!(
            one(&format!("{T} a\n{T} cut")),
            (strings(&["a"]), None, Some("cut".to_owned()))
        );
    }

    #[test]
    fn a_cut_line_is_shown_when_it_comes_whole() {
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        reader.connected(false);
        read(&mut reader, format!("{T} a\n{T} b and").as_bytes(), 5, &mut shown);
        assert_eq!(reader.ended(&mut shown), None);
        reader.connected(true);
        read(
            &mut reader,
            format!("{T} a\n{T} b and more\n").as_bytes(),
            5,
            &mut shown,
        );
        assert_eq!(texts(&shown), ["a", "b and more"]);
        assert_eq!(reader.last_words(), None);
        assert_eq!(reader.suppressed(), 1);
    }

    #[test]
    fn twins_are_two_lines_and_come_again_as_two() {
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        let log = format!("{T} same\n{T} same\n{T} other\n{T} same\n");
        reader.connected(false);
        read(&mut reader, log.as_bytes(), 100, &mut shown);
        reader.connected(true);
        read(&mut reader, log.as_bytes(), 100, &mut shown);
        // The third of three equal lines, apart from the two, is taken for the first: the price of a coarse clock.
        assert_eq!(texts(&shown), ["same", "same", "other"]);
    }

    #[test]
    fn what_was_rotated_away_is_a_gap() {
        let file: File = (0..100).map(|n| (n * 500_000_000, format!("line {n}"))).collect();
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        reader.connected(false);
        read(&mut reader, &serve(&file[..50].to_vec(), None), 64, &mut shown);
        assert_eq!(reader.resume_secs(), Some(23));
        reader.connected(true);
        let rotated = serve(&file[60..].to_vec(), reader.resume_secs());
        assert_eq!(read(&mut reader, &rotated, 1 << 20, &mut shown), Step::Doubtful);
        assert!(!reader.is_settled());
        let missing = Missing {
            from: Time(49 * 500_000_000),
            to: Time(60 * 500_000_000),
        };
        assert_eq!(reader.trust(), Some(missing));
        read(&mut reader, b"", 1, &mut shown);
        while reader.read(&mut shown, usize::MAX) == Step::Full {}
        assert_eq!(shown.len(), 90);
    }

    #[test]
    fn another_instances_log_is_not_taken_for_ours() {
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        reader.connected(false);
        assert_eq!(reader.ended(&mut shown), None);
        reader.connected(true);
        assert_eq!(
            read(&mut reader, format!("{T} of the next\n").as_bytes(), 100, &mut shown),
            Step::Doubtful
        );
        reader.connected(true);
        assert_eq!((texts(&shown), reader.high()), (vec![], None));
    }

    /// A log whose stamps are all different and nearly in order, with twins.
    fn files() -> impl Strategy<Value = File> {
        let line = (
            prop_oneof![Just(0i64), 0..200_000i64, 0..3_000_000_000i64],
            0..4u8,
            any::<bool>(),
            any::<bool>(),
        );
        vec(line, 1..120).prop_map(|lines| {
            let mut now = 1_795_361_421_000_000_000_i64;
            let mut file = File::new();
            for (n, (pause, text, twin, swap)) in lines.into_iter().enumerate() {
                now += pause + 1;
                file.push((now, format!("text {text}{}", "ab\n".trim_end().repeat(n % 5))));
                match (twin, swap, file.len()) {
                    (true, _, _) if n % 4 == 0 => file.extend(file.last().cloned()),
                    (false, true, len @ 2..) if file[len - 2].0 != file[len - 1].0 => {
                        // Neighbours out of order, as stdout and stderr are, within microseconds.
                        let earlier = file[len - 2].0;
                        if len < 3 || file[len - 3].0 != earlier {
                            file[len - 1].0 = earlier - 1;
                        }
                        now = now.max(earlier);
                    }
                    _ => {}
                }
            }
            file
        })
    }

    proptest! {
        /// Cut anywhere, as often as you like: nothing that was delivered is lost, nothing is shown twice.
        #[test]
        fn cuts_lose_nothing_and_repeat_nothing(file in files(), cuts in vec((0usize..6000, 1usize..200), 0..12)) {
            let mut reader = Reader::default();
            let mut shown = Vec::new();
            reader.connected(false);
            for (cut, chunk) in cuts {
                let bytes = serve(&file, reader.resume_secs());
                let cut = cut.min(bytes.len());
                prop_assert_eq!(read(&mut reader, &bytes[..cut], chunk, &mut shown), Step::Drained);
                reader.ended(&mut shown);
                reader.connected(reader.high().is_some());
            }
            let bytes = serve(&file, reader.resume_secs());
            prop_assert_eq!(read(&mut reader, &bytes, 77, &mut shown), Step::Drained);
            prop_assert_eq!(reader.ended(&mut shown), None);
            shown.extend(reader.last_words());
            let expected: File = file;
            let found: File = shown.iter().map(|line| (line.time.0, String::from_utf8_lossy(&line.bytes).into_owned())).collect();
            prop_assert_eq!(found, expected);
        }

        /// The kubelet may put lines away while nobody reads: each line is shown once or lies in a gap that is told.
        #[test]
        fn what_rotation_takes_away_is_told(file in files(), cuts in vec((0usize..4000, 0usize..20), 1..8)) {
            let mut file = file;
            file.sort();
            file.dedup_by_key(|(time, _)| *time);
            let mut reader = Reader::default();
            let (mut shown, mut gaps, mut rotated) = (Vec::new(), Vec::new(), 0);
            let mut answers: Vec<(usize, usize)> = cuts;
            answers.push((usize::MAX, 0));
            for (n, (cut, rotate)) in answers.into_iter().enumerate() {
                reader.connected(n > 0 && reader.high().is_some());
                let bytes = serve(&file[rotated..].to_vec(), reader.resume_secs());
                let cut = cut.min(bytes.len());
                let mut step = read(&mut reader, &bytes[..cut], usize::MAX, &mut shown);
                while step != Step::Drained {
                    gaps.extend(reader.trust());
                    step = reader.read(&mut shown, usize::MAX);
                }
                reader.ended(&mut shown);
                rotated = (rotated + rotate).min(file.len() - 1);
            }
            shown.extend(reader.last_words());
            for (time, text) in &file {
                let times = shown.iter().filter(|line| line.time.0 == *time && line.bytes == text.as_bytes()).count();
                let told = gaps.iter().any(|gap| gap.from.0 < *time && *time < gap.to.0);
                // What was put away before anything was read is not known to have been.
                let before = shown.first().is_none_or(|first| *time < first.time.0);
                prop_assert!(times == 1 || (times == 0 && (told || before)), "{text} at {time}: {times} times, {gaps:?}");
            }
        }
    }
}
