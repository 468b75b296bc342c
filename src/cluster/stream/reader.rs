//! What of a response is news. A source's log is read over many connections: each resume asks again for the last
//! seconds, so lines come twice; a kubelet that rotated its file cannot serve what was in it, so lines are missing; an
//! end may be in the middle of a line; a kubelet that was rotated twice while we were slow skips a file and sends the
//! next one two times. This file decides, without a clock and without a socket.
//!
//! A line's identity is its stamp, its bytes, and how many equal ones of the same stamp came before it: twins are two
//! lines. Stamps alone are no order: stdout and stderr are stamped by different threads, and a node's clock may be set
//! back. The order that counts is the file's: what was shown last has to come again, and behind it is the news.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::DefaultHashBuilder;

use super::half::{is_begun_stamp, whole_characters};
use super::seen::{Seen, Shown};
use super::split::{Record, Splitter};
use super::twins::Twins;
use crate::cluster::memory::Budget;
use crate::model::{Line, Span, Time};

/// A resume asks from this many seconds before the second of the last line: the server cuts to whole seconds, and
/// neighbours may be out of order.
const MARGIN_SECS: i64 = 1;
/// Lines that follow each other in the file are not further out of order than this, but for a clock that is set back.
const DISORDER: Span = Span::from_secs(1);
/// A stamp that is so much older than the one before it says that the node's clock was set back.
const SET_BACK: Span = Span::from_millis(500);
/// What is written at the same time may be out of order by some 40 microseconds: two threads stamp it.
const NEIGHBOURS: Span = Span::from_millis(1);
/// More of them are shown at once: to show a line twice is better than to lose it.
const MOST_EARLY: usize = 4096;
/// Lines are handed on after so much.
const MOST_BYTES: usize = 1 << 20;
/// Stands for what is missing of a line.
const CUT: &str = "…";

/// The log of one source as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    splitter: Splitter,
    seen: Seen,
    hasher: DefaultHashBuilder,
    twins: Twins,
    /// The highest stamp shown.
    high: Option<Time>,
    /// The line shown last, in the order of the file.
    last: Option<Last>,
    /// Lines that came before the one shown last has come again: if it comes, they lie before it and are no news.
    early: Vec<Item>,
    doubt: Doubt,
    connection: Connection,
    /// A line without a stamp: the server's complaint if nothing follows, else part of the log.
    stray: Option<Bytes>,
    /// The rest of a line whose head was not served, while it is not known whether the line was shown.
    headless: Option<Bytes>,
    /// The line whose end was cut off with a connection, until it comes whole.
    fragment: Option<Line>,
    /// A gap that begins with that line was told.
    fragment_told: bool,
    /// The line that raised the doubt.
    held: Option<Item>,
    skipped: Vec<Missing>,
    /// The line with which the last replay began.
    replayed: Option<u64>,
    repeats: Repeats,
    /// The next answer has to have everything: what is asked for by time may lack what a clock that was set back has
    /// stamped.
    wants_all: bool,
    /// Lines that came again.
    suppressed: u64,
}

/// What is true of one response.
#[derive(Debug, Default)]
struct Connection {
    scope: Scope,
    /// It lacks lines, and what came after them will come again: nothing more is read of it.
    is_void: bool,
    /// The line being read has an older stamp than the one before it, by more than threads are apart.
    fell: bool,
    /// The highest stamp shown when it began.
    began_at: Option<Time>,
    /// The line shown last when it began.
    last: Option<Last>,
    /// The stamp of the last line of it.
    stamp: Option<Time>,
    course: Course,
}

/// What a response was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Scope {
    /// The log, for the first time.
    #[default]
    First,
    /// What goes on from the line shown last, by its time.
    Since,
    /// Everything again: its time is not to be trusted.
    All,
}

/// How far a response has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Course {
    #[default]
    Begun,
    /// It brought news: what comes again from now on is a replay.
    Advanced,
    Replaying,
}

/// A line with its identity.
#[derive(Debug)]
struct Item {
    time: Time,
    bytes: Bytes,
    key: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    time: Time,
    key: u64,
}

/// Whether this response really goes on where the last one ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doubt {
    #[default]
    None,
    /// Not before the line that was shown last has come again: it lies within what was asked for.
    UntilLast(Last),
    /// Nothing was ever read, so nothing can come again: the first line is doubtful.
    UntilAny,
}

/// Whether lines may have been shown twice, because there was no memory to know better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Repeats {
    #[default]
    None,
    /// And nobody has asked yet.
    New,
    Known,
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
    /// The node's clock was set back, and this answer lacks what it has stamped since with older times than were asked
    /// for. Nothing is read on: everything has to be asked for.
    SetBack,
}

/// What is missing between two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) from: Time,
    pub(super) to: Time,
}

impl Missing {
    fn holds(self, time: Time) -> bool {
        self.from <= time && time <= self.to.max(self.from + NEIGHBOURS)
    }
}

impl Reader {
    pub(super) fn new(seen: Arc<Budget>) -> Self {
        Self {
            seen: Seen::new(seen),
            ..Self::default()
        }
    }

    /// A response begins.
    pub(super) fn connected(&mut self, resumed: bool) {
        self.splitter.clear();
        self.twins.clear();
        self.stray = None;
        self.headless = None;
        self.held = None;
        let scope = match (resumed, std::mem::take(&mut self.wants_all)) {
            (false, _) => Scope::First,
            (true, false) => Scope::Since,
            (true, true) => Scope::All,
        };
        self.connection = Connection {
            scope,
            began_at: self.high,
            last: self.last,
            ..Connection::default()
        };
        self.doubt = match (resumed, self.last) {
            (false, _) => Doubt::None,
            (true, Some(last)) => Doubt::UntilLast(last),
            (true, None) => Doubt::UntilAny,
        };
    }

    pub(super) fn feed(&mut self, chunk: Bytes) {
        self.splitter.feed(chunk);
    }

    /// Reads news to the end of `lines` until there are `most`.
    pub(super) fn read(&mut self, lines: &mut Vec<Line>, most: usize) -> Step {
        let mut bytes_read = 0;
        while lines.len() < most && bytes_read < MOST_BYTES {
            if self.connection.is_void {
                return Step::SetBack;
            }
            if self.held.is_some() && self.doubt != Doubt::None {
                return Step::Doubtful;
            }
            let item = match self.held.take() {
                Some(held) => held,
                None => match self.splitter.next() {
                    Some(Record {
                        time: Some(time),
                        bytes,
                    }) => {
                        let stray = self.stray.take();
                        self.pass_stray(stray, Some(time), lines);
                        let before = self.connection.stamp.replace(time);
                        self.connection.fell = before.is_some_and(|before| before.since(time) > SET_BACK);
                        self.identified(time, bytes)
                    }
                    Some(Record { time: None, bytes }) => {
                        let before = self.stray.replace(bytes);
                        self.pass_stray(before, None, lines);
                        continue;
                    }
                    None => return Step::Drained,
                },
            };
            if self.is_doubtful(&item) {
                self.held = Some(item);
                return Step::Doubtful;
            }
            if self.lacks_lines_before(&item) {
                self.wants_all = true;
                self.connection.is_void = true;
                return Step::SetBack;
            }
            bytes_read += item.bytes.len();
            self.show_early(lines);
            self.show(item, lines);
        }
        Step::Full
    }

    /// It is the same instance after all: what is missing is lost.
    pub(super) fn trust(&mut self) -> Option<Missing> {
        let doubt = std::mem::take(&mut self.doubt);
        let held = self.held.as_ref()?;
        let to = held.time;
        let cut = self.fragment.as_ref().filter(|cut| !completes(held, cut));
        let missing = missing(doubt, cut, to);
        self.fragment_told = cut.is_some_and(|cut| missing.is_some_and(|missing| missing.holds(cut.time)));
        missing
    }

    /// All that is left of the instance's log was read, at `end`, and what should have come before has not come.
    pub(super) fn missing_at_end(&mut self, end: Time) -> Option<Missing> {
        if self.is_settled() {
            return None;
        }
        missing(std::mem::take(&mut self.doubt), self.fragment.as_ref(), end)
    }

    /// What the kubelet skipped, as its replays have shown since the last call.
    pub(super) fn skipped(&mut self) -> Vec<Missing> {
        std::mem::take(&mut self.skipped)
    }

    /// Whether it is new that lines may have been shown twice.
    pub(super) fn repeats_anew(&mut self) -> bool {
        let new = self.repeats == Repeats::New;
        if new {
            self.repeats = Repeats::Known;
        }
        new
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
                self.pass_stray(stray, Some(time), lines);
                self.cut_off(Line { time, bytes }, lines);
                None
            }
            Some(Record { time: None, bytes }) if is_begun_stamp(&bytes) => {
                self.pass_stray(stray, None, lines);
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
    pub(super) fn last_words(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.doubt = Doubt::None;
        self.show_early(&mut lines);
        lines.extend(self.fragment.take());
        lines
    }

    /// Nothing has come for long.
    pub(super) fn rest(&mut self) {
        self.seen.rest();
    }

    /// The time of the highest line shown.
    pub(super) fn high(&self) -> Option<Time> {
        self.high
    }

    /// The highest stamp that was delivered, be it of half a line.
    pub(super) fn newest(&self) -> Option<Time> {
        self.high.max(self.fragment.as_ref().map(|cut| cut.time))
    }

    /// Whether a line of the log was delivered, be it half.
    pub(super) fn knows(&self, line: &Line) -> bool {
        let hash = self.hasher.hash_one((line.time, &line.bytes[..]));
        let of_fragment = |cut: &Line| cut.time == line.time && line.bytes.starts_with(&cut.bytes);
        self.seen.find(self.hasher.hash_one((hash, 0_u64))).is_some() || self.fragment.as_ref().is_some_and(of_fragment)
    }

    /// The log has a line that did not come, though what comes is asked for from before all that was shown last.
    pub(super) fn ask_for_all(&mut self) {
        self.wants_all = true;
    }

    /// Whether the next question has to be for everything there is: what this answer leaves out, nobody knows.
    pub(super) fn wants_all(&self) -> bool {
        self.wants_all
    }

    /// From which second on a resume has to ask; nothing if nothing was read yet.
    pub(super) fn resume_secs(&self) -> Option<i64> {
        let last = self.last?.time;
        let cut = self.fragment.as_ref().map_or(last, |cut| cut.time);
        Some(last.min(cut).floor_secs() - MARGIN_SECS)
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

    fn is_doubtful(&mut self, item: &Item) -> bool {
        let goes_on = self.fragment.as_ref().is_some_and(|cut| completes(item, cut));
        match self.doubt {
            Doubt::None => false,
            Doubt::UntilAny if goes_on => {
                self.go_on();
                false
            }
            Doubt::UntilLast(last) if item.key == last.key => {
                self.go_on();
                false
            }
            Doubt::UntilLast(last) => {
                item.time > last.time && !self.seen.may_have_forgotten(item.time) && self.seen.find(item.key).is_none()
            }
            Doubt::UntilAny => true,
        }
    }

    /// Whether this line is the first to be seen of those that a clock has stamped which was set back.
    fn lacks_lines_before(&self, item: &Item) -> bool {
        self.connection.fell
            && self.connection.scope == Scope::Since
            && self.is_settled()
            && self.seen.find(item.key).is_none()
    }

    /// What was delivered last has come again.
    fn go_on(&mut self) {
        self.doubt = Doubt::None;
        // It was the rest of a line that was shown, or that has come again whole. The others were not asked for at
        // first, or were glued together where the server's cut fell between stamps that are out of order.
        self.headless = None;
        self.early.clear();
    }

    fn identified(&mut self, time: Time, bytes: Bytes) -> Item {
        let hash = self.hasher.hash_one((time, &bytes[..]));
        let run = self.twins.count(time, hash);
        Item {
            time,
            bytes,
            key: self.hasher.hash_one((hash, run)),
        }
    }

    /// They came from another file than the line that was shown last.
    fn show_early(&mut self, lines: &mut Vec<Line>) {
        if self.is_settled() {
            for item in std::mem::take(&mut self.early) {
                self.show(item, lines);
            }
        }
    }

    fn show(&mut self, item: Item, lines: &mut Vec<Line>) {
        if let Some(shown) = self.seen.find(item.key) {
            return self.came_again(&item, shown);
        }
        if !self.is_settled() && self.early.len() < MOST_EARLY {
            let known = self.early.iter().any(|early| early.key == item.key);
            if !known && !self.seen.may_have_forgotten(item.time) {
                self.early.push(item);
            }
            return;
        }
        if self.seen.may_have_forgotten(item.time) && self.repeats == Repeats::None {
            self.repeats = Repeats::New;
        }
        let is_news = self.is_settled() || self.connection.began_at.is_none_or(|high| item.time > high);
        if is_news || self.connection.course == Course::Replaying {
            self.connection.course = Course::Advanced;
        }
        if self.is_settled() {
            self.leave_fragment(&item, lines);
            self.show_headless(item.time, lines);
        }
        let Item { time, bytes, key } = item;
        self.seen.insert(key, time, bytes.len());
        self.last = Some(Last { time, key });
        self.high = self.high.max(Some(time));
        lines.push(Line { time, bytes });
    }

    /// A line that was shown. Behind news of the same response that is a replay: the kubelet was rotated twice, read
    /// the youngest file for each, and never the one between; what is missing was before this line.
    fn came_again(&mut self, item: &Item, shown: Shown) {
        self.suppressed += 1;
        if self.fragment.as_ref().is_some_and(|cut| completes(item, cut)) {
            // It was cut off in a replay.
            self.fragment = None;
        }
        if self.connection.last.is_some_and(|last| last.key == item.key) {
            // Only now the resume is where the last response ended: what seemed to be news was none.
            self.connection.course = Course::Begun;
            return;
        }
        match self.connection.course {
            Course::Begun | Course::Replaying => {}
            Course::Advanced => {
                self.connection.course = Course::Replaying;
                self.replay_began(item, shown);
            }
        }
    }

    fn replay_began(&mut self, item: &Item, shown: Shown) {
        if self.replayed.replace(item.key) != Some(item.key) {
            self.skipped.push(Missing {
                from: shown.before.min(item.time),
                to: item.time,
            });
        }
    }

    /// The response ended within this line.
    fn cut_off(&mut self, line: Line, lines: &mut Vec<Line>) {
        if let Some(cut) = self.fragment.as_mut().filter(|cut| cut.time == line.time) {
            let longer = line.bytes.starts_with(&cut.bytes);
            if longer || cut.bytes.starts_with(&line.bytes) {
                if longer {
                    cut.bytes = line.bytes;
                }
                if self.doubt == Doubt::UntilAny {
                    self.go_on();
                }
                return;
            }
        }
        if !self.is_settled() || self.connection.is_void || self.connection.course == Course::Replaying {
            // It lies within what was shown.
            return;
        }
        let item = self.identified(line.time, line.bytes);
        if self.seen.find(item.key).is_some() {
            // It was shown, and only the end of its line was cut off: the beginning of a replay.
            return;
        }
        self.leave_fragment(&item, lines);
        self.fragment = Some(Line {
            time: item.time,
            bytes: item.bytes,
        });
    }

    /// The line that was cut off is the next one, or it will not come any more: then what there is of it is shown.
    fn leave_fragment(&mut self, next: &Item, lines: &mut Vec<Line>) {
        let Some(cut) = self
            .fragment
            .take_if(|cut| next.time.since(cut.time) > NEIGHBOURS || completes(next, cut))
        else {
            return;
        };
        let told = std::mem::take(&mut self.fragment_told);
        // A line from before all that was shown last was cut off in a replay.
        let replayed = self.high.is_some_and(|high| high.since(cut.time) > DISORDER);
        if completes(next, &cut) || replayed {
            return;
        }
        if !told {
            self.skipped.push(Missing {
                from: cut.time,
                to: next.time,
            });
        }
        let bytes = [whole_characters(&cut.bytes), CUT.as_bytes()].concat().into();
        lines.push(Line { bytes, ..cut });
    }

    /// A line without a stamp is the rest of one whose head was not served, or two that were glued together. It has
    /// the time of the line before it.
    fn pass_stray(&mut self, stray: Option<Bytes>, next: Option<Time>, lines: &mut Vec<Line>) {
        let Some(bytes) = stray else { return };
        match (self.connection.stamp, next) {
            _ if !self.is_settled() => self.headless = Some(bytes),
            (Some(stamp), _) => self.show_stray(stamp, bytes, lines),
            // Without its head, at the very beginning: shown as cut.
            (None, Some(_)) if self.connection.scope == Scope::First => {
                self.headless = Some(bytes);
            }
            (None, _) => {}
        }
    }

    fn show_stray(&mut self, time: Time, bytes: Bytes, lines: &mut Vec<Line>) {
        let key = self.hasher.hash_one(("stray", time, &bytes[..]));
        if self.seen.find(key).is_none() {
            self.seen.insert(key, time, bytes.len());
            lines.push(Line { time, bytes });
        }
    }

    fn show_headless(&mut self, time: Time, lines: &mut Vec<Line>) {
        if let Some(bytes) = self.headless.take() {
            let bytes = [CUT.as_bytes(), &bytes].concat();
            self.show_stray(time, bytes.into(), lines);
        }
    }
}

/// What is missing before `to` if the line that was shown last, and the one that was cut off, did not come again.
fn missing(doubt: Doubt, cut: Option<&Line>, to: Time) -> Option<Missing> {
    let from = match (cut, doubt) {
        (Some(cut), Doubt::UntilAny) => cut.time.min(to),
        (Some(cut), _) if cut.time < to => cut.time,
        (_, Doubt::UntilLast(last)) => last.time,
        (_, Doubt::None | Doubt::UntilAny) => return None,
    };
    Some(Missing { from, to: to.max(from) })
}

/// Whether a line is the one that was cut off, whole.
fn completes(item: &Item, cut: &Line) -> bool {
    item.time == cut.time && item.bytes.starts_with(&cut.bytes)
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
                    Step::Doubtful | Step::SetBack => return step,
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
        let last = texts(&reader.last_words()).pop();
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
        assert_eq!(reader.last_words(), []);
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
        assert_eq!(texts(&shown), ["same", "same", "other", "same"]);
    }

    #[test]
    fn a_replay_tells_what_was_skipped() {
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        let line = |n: i64| format!("{} line {n}\n", stamp(n * 1_000_000_000));
        let log = |from: i64, to: i64| (from..to).map(line).collect::<String>();
        reader.connected(false);
        read(&mut reader, log(0, 100).as_bytes(), 100, &mut shown);
        // The kubelet skips to its third file, and reads it once for each of the two that were made.
        read(&mut reader, log(300, 350).as_bytes(), 100, &mut shown);
        assert_eq!(reader.skipped(), []);
        read(&mut reader, log(300, 360).as_bytes(), 100, &mut shown);
        read(&mut reader, log(300, 370).as_bytes(), 100, &mut shown);
        let skipped = reader.skipped();
        assert_eq!((shown.len(), skipped.len()), (170, 1));
        assert!(skipped[0].from.0 <= 99_000_000_000 && skipped[0].from.0 >= 60_000_000_000);
        assert_eq!(skipped[0].to.0, 300_000_000_000);
    }

    #[test]
    fn a_line_whose_end_was_rotated_away_is_shown_as_cut() {
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        reader.connected(false);
        let cut = format!("{} one\n{} the begin", stamp(1_000_000_000), stamp(2_000_000_000));
        read(&mut reader, cut.as_bytes(), 5, &mut shown);
        assert_eq!(reader.ended(&mut shown), None);
        reader.connected(true);
        let rotated = format!("rest of a line\n{} nine\n", stamp(9_000_000_000));
        assert_eq!(read(&mut reader, rotated.as_bytes(), 99, &mut shown), Step::Doubtful);
        let missing = Missing {
            from: Time(2_000_000_000),
            to: Time(9_000_000_000),
        };
        assert_eq!(reader.trust(), Some(missing));
        assert_eq!(reader.read(&mut shown, 9), Step::Drained);
        assert_eq!(texts(&shown), ["one", "the begin…", "…rest of a line", "nine"]);
    }

    #[test]
    fn a_clock_set_back_loses_nothing_that_is_served() {
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        let line = |secs: i64| format!("{} at {secs}\n", stamp(secs * 1_000_000_000));
        reader.connected(false);
        let log: String = [100, 90, 91].map(line).concat();
        read(&mut reader, log.as_bytes(), 50, &mut shown);
        assert_eq!(reader.resume_secs(), Some(90));
        reader.connected(true);
        let log: String = [100, 90, 91, 92, 93].map(line).concat();
        assert_eq!(read(&mut reader, log.as_bytes(), 50, &mut shown), Step::Drained);
        assert_eq!(shown.len(), 5);
    }

    #[test]
    fn what_a_tail_left_out_does_not_come_with_a_resume() {
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        let line = |tenths: i64| format!("{} at {tenths}\n", stamp(tenths * 100_000_000));
        reader.connected(false);
        read(&mut reader, line(105).as_bytes(), 50, &mut shown);
        reader.connected(true);
        let log: String = (95..110).map(line).collect();
        assert_eq!(read(&mut reader, log.as_bytes(), 50, &mut shown), Step::Drained);
        assert_eq!(texts(&shown), ["at 105", "at 106", "at 107", "at 108", "at 109"]);
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
                reader.connected(n > 0);
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
                // A gap may begin with a line of which the head is shown.
                let told = gaps.iter().any(|gap| gap.from.0 <= *time && *time < gap.to.0);
                // What was put away before anything was read is not known to have been.
                let before = shown.first().is_none_or(|first| *time < first.time.0);
                prop_assert!(times == 1 || (times == 0 && (told || before)), "{text} at {time}: {times} times, {gaps:?}");
            }
        }
    }

    /// An answer that was asked for from a time on leaves out what a clock stamps that was set back since.
    #[test]
    fn a_clock_that_was_set_back_hides_nothing() {
        let line = |nanos: i64, text: &str| (nanos, text.to_owned());
        let mut file: File = vec![line(100_000_000_000, "a"), line(100_500_000_000, "b")];
        let mut reader = Reader::default();
        let mut shown = Vec::new();
        reader.connected(false);
        assert_eq!(read(&mut reader, &serve(&file, None), 50, &mut shown), Step::Drained);
        reader.ended(&mut shown);
        // Ten seconds back: what is stamped before 99 s is not served to whoever asks from there on.
        file.extend([
            line(90_500_000_000, "c"),
            line(98_000_000_000, "d"),
            line(99_500_000_000, "e"),
            line(99_600_000_000, "f"),
        ]);
        let since = reader.resume_secs();
        reader.connected(true);
        assert_eq!(read(&mut reader, &serve(&file, since), 50, &mut shown), Step::SetBack);
        reader.ended(&mut shown);
        assert!(reader.wants_all());
        let unseen = Line {
            time: Time(90_500_000_000),
            bytes: Bytes::from_static(b"c"),
        };
        assert!(reader.knows(&shown[1]) && !reader.knows(&unseen));
        reader.connected(true);
        assert!(!reader.wants_all());
        assert_eq!(read(&mut reader, &serve(&file, None), 50, &mut shown), Step::Drained);
        assert_eq!(texts(&shown), ["a", "b", "c", "d", "e", "f"]);
        assert!(reader.is_settled() && reader.skipped().is_empty());
    }
}
