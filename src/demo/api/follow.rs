//! The body of a log: records of the file joined to lines as the kubelet joins them, one HTTP chunk each, and the
//! faults that come to it on the way.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use futures::{Stream, stream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::demo::clock;
use crate::demo::log::{Entry, Log, Read, Reader};
use crate::demo::record::Served;
use crate::demo::scenario::fault::{Cut, Kind};
use crate::demo::traffic::Followed;
use crate::demo::trouble::{Armed, Trouble, cut_wire};
use crate::demo::wire::Hold;

/// How long the API server takes to notice that a kubelet is gone: a ping after 30 s, 15 s for its answer.
const UNNOTICED: std::ops::Range<u64> = 30_000..45_000;
/// As good as never.
const NEVER: Duration = Duration::from_hours(24 * 365);
/// Lines that are looked at for a character to be cut.
const PATIENCE: u32 = 50;
/// What the kubelet says when the node is out of inotify instances.
const ERROR_TEXT: &str = "failed to create fsnotify watcher: too many open files";

/// `PodLogOptions`.
pub(super) struct Options {
    pub(super) is_previous: bool,
    pub(super) follows: bool,
    pub(super) has_timestamps: bool,
    /// Unix nanoseconds; lines from before are left out.
    pub(super) since: Option<i64>,
    /// Lines.
    pub(super) tail: Option<usize>,
    /// Bytes of the answer, time stamps included.
    pub(super) limit: Option<usize>,
}

/// Whose log it is.
#[derive(Clone, Default)]
pub(super) struct Of {
    pub(super) pod: String,
    /// `NAMESPACE/NAME`.
    pub(super) workload: String,
    pub(super) node: String,
    /// As in `containerID`.
    pub(super) id: String,
    /// The connection, where there is one.
    pub(super) wire: Option<Hold>,
}

/// What may happen to a log on its way.
pub(super) struct Meeting {
    pub(super) trouble: Trouble,
    pub(super) of: Of,
}

/// The body's pieces.
pub(super) fn lines(
    log: &Log,
    options: Options,
    meeting: Meeting,
    stop: CancellationToken,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let body = Body::start(log, options, meeting, stop);
    stream::unfold(body, |mut body| async move {
        let piece = body.next().await?;
        Some((piece, body))
    })
}

struct Body {
    reader: Reader,
    pending: VecDeque<Entry>,
    /// Whether the last record ended a line.
    begins_line: bool,
    /// Bytes that may still be sent.
    left: usize,
    options: Options,
    faults: Faults,
    /// How it ends after the next line, or inside it.
    ending: Option<Cut>,
    looked: u32,
    over: Option<Over>,
    ledger: Ledger,
    stop: CancellationToken,
    /// Held while it is followed.
    _followed: Option<Followed>,
}

/// Nothing more will be read.
enum Over {
    Ended,
    Broken,
    /// The connection has been told to end and takes everything with it.
    Cut,
}

impl Body {
    fn start(log: &Log, options: Options, meeting: Meeting, stop: CancellationToken) -> Self {
        let mut reader = log.open();
        // The tail is counted in records of the file; what is older than `since` is dropped from it afterwards.
        if let Some(tail) = options.tail {
            reader.skip(reader.ahead().saturating_sub(tail));
        }
        let traffic = meeting.trouble.book().traffic();
        Self {
            _followed: options.follows.then(|| traffic.followed(&meeting.of.id)),
            reader,
            pending: VecDeque::new(),
            begins_line: true,
            left: options.limit.unwrap_or(usize::MAX),
            ledger: Ledger::new(&meeting),
            faults: Faults::meet(meeting, options.follows),
            options,
            ending: None,
            looked: 0,
            over: None,
            stop,
        }
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.over {
                Some(Over::Ended) => {
                    self.ledger.close(Served::Whole);
                    return None;
                }
                Some(Over::Broken) => return Some(Err(io::ErrorKind::ConnectionAborted.into())),
                Some(Over::Cut) => std::future::pending().await,
                None if self.left == 0 => self.over = Some(Over::Ended),
                None => {}
            }
            if self.over.is_some() {
                continue;
            }
            while let Some(due) = self.faults.due() {
                if let Some(last) = self.strike(&due) {
                    return Some(Ok(last));
                }
            }
            if self.over.is_some() {
                continue;
            }
            if let Some(until) = self.faults.held() {
                self.hold(until).await;
                continue;
            }
            if let Some(entry) = self.pending.pop_front() {
                if self.options.is_wanted(&entry) {
                    return Some(Ok(self.piece(&entry)));
                }
                self.begins_line = !entry.partial;
                continue;
            }
            self.fill().await;
        }
    }

    /// A fault comes; gives the last piece, if it has one.
    fn strike(&mut self, armed: &Armed) -> Option<Bytes> {
        let until = Instant::now() + nanos(armed.fault.duration());
        match armed.fault.kind {
            Kind::Cut => {
                let cut = armed.fault.cut(&mut self.faults.rng);
                self.faults.count(&format!("cut {}", cut.name()));
                self.cut(cut);
            }
            Kind::Stall => {
                self.faults.count("stall");
                self.faults.stalled_until = Some(until);
                self.faults.stalled_since = Some(Instant::now());
            }
            Kind::Slow => {
                self.faults.count("slow");
                self.faults.slow = armed.fault.bytes_per_second.map(|rate| (rate, until));
            }
            Kind::ErrorText => {
                self.faults.count("error-text");
                self.over = Some(Over::Ended);
                let text = armed.fault.text.as_deref().unwrap_or(ERROR_TEXT);
                return Some(Bytes::copy_from_slice(text.as_bytes()));
            }
            Kind::Disconnect
            | Kind::BlackHole
            | Kind::RestartServer
            | Kind::Status
            | Kind::Late
            | Kind::Rotate
            | Kind::LongLine
            | Kind::Restart
            | Kind::DeletePod
            | Kind::LoseNode
            | Kind::Skew => {}
        }
        None
    }

    fn cut(&mut self, cut: Cut) {
        // Only HTTP/1.1 has a connection of its own for a log; there these are ends of the connection.
        let wire = self.faults.of.wire.as_ref();
        match (cut, wire) {
            (Cut::Reset | Cut::HalfClose, Some(wire)) => {
                cut_wire(wire, cut, 0);
                self.over = Some(Over::Cut);
            }
            (Cut::Eof | Cut::HalfClose, _) => self.over = Some(Over::Ended),
            (Cut::Reset, None) => self.over = Some(Over::Broken),
            (Cut::MidLine | Cut::MidUtf8 | Cut::MidChunk, _) => self.ending = Some(cut),
        }
    }

    /// Waits as long as nothing may be delivered.
    async fn hold(&mut self, until: Held) {
        let Held { at, ends } = until;
        tokio::select! {
            () = self.stop.cancelled() => self.over = Some(Over::Broken),
            () = self.faults.changed() => {}
            () = sleep_until(at) => if ends {
                self.over = Some(Over::Ended);
            } else {
                self.faults.stalled_until = None;
                self.faults.stalled_since = None;
            },
        }
    }

    /// Reads on in the file, or waits for whatever comes first.
    async fn fill(&mut self) {
        match self.reader.read() {
            Read::Records(entries) => self.pending.extend(entries),
            Read::Ended => self.over = Some(Over::Ended),
            Read::Waiting if !self.options.follows => self.over = Some(Over::Ended),
            Read::Waiting => tokio::select! {
                () = self.stop.cancelled() => self.over = Some(Over::Broken),
                is_open = self.reader.changed() => if !is_open {
                    self.over = Some(Over::Ended);
                },
                () = self.faults.come() => {}
            },
        }
    }

    /// The record as the kubelet writes it out, cut where a fault says so.
    fn piece(&mut self, entry: &Entry) -> Bytes {
        let mut line = Vec::with_capacity(entry.bytes.len() + 36);
        if self.options.has_timestamps && self.begins_line {
            line.extend_from_slice(clock::rfc3339_nano(entry.nanos).as_bytes());
            line.push(b' ');
        }
        line.extend_from_slice(&entry.bytes);
        if !entry.partial {
            line.push(b'\n');
        }
        self.begins_line = !entry.partial;
        let whole = line.len();
        line.truncate(self.left);
        self.left -= line.len();
        self.faults.slow_down(line.len());
        if let Some(cut) = self.ending {
            self.cut_line(cut, &mut line);
        }
        if line.len() == whole && self.over.is_none() && !self.options.looks() {
            self.ledger.gave(entry.number);
        }
        Bytes::from(line)
    }

    fn cut_line(&mut self, cut: Cut, line: &mut Vec<u8>) {
        let inside_character = line.iter().rposition(|byte| byte & 0xc0 == 0x80);
        self.looked += 1;
        match (cut, inside_character) {
            (Cut::MidUtf8, Some(place)) => line.truncate(place),
            (Cut::MidUtf8, None) if self.looked < PATIENCE => return,
            _ => {}
        }
        match (cut, self.faults.of.wire.as_ref()) {
            (Cut::MidChunk, Some(wire)) => {
                // The chunk's length goes out with its first bytes, and the connection ends inside it.
                cut_wire(wire, cut, (line.len() / 2).max(1));
                self.over = Some(Over::Cut);
            }
            (Cut::MidChunk, None) => {
                line.truncate(line.len() / 2);
                self.over = Some(Over::Broken);
            }
            (Cut::MidUtf8, _) if inside_character.is_some() => self.over = Some(Over::Ended),
            _ => {
                line.truncate((line.len() / 2).max(1));
                self.over = Some(Over::Ended);
            }
        }
    }
}

impl Options {
    /// Whether this asks what the newest line is, as clients do about a silent log: a look at it, no reading of it.
    fn looks(&self) -> bool {
        self.tail == Some(1) && !self.follows
    }

    fn is_wanted(&self, entry: &Entry) -> bool {
        self.since.is_none_or(|since| entry.nanos >= since)
    }
}

/// Until when nothing is delivered, and whether the body ends then.
struct Held {
    at: Instant,
    ends: bool,
}

/// What comes to one log, when.
struct Faults {
    trouble: Trouble,
    of: Of,
    rng: Rng,
    opened: Instant,
    armed: watch::Receiver<Vec<Armed>>,
    nodes: watch::Receiver<BTreeMap<String, Instant>>,
    /// By their times.
    planned: Vec<(Instant, Armed)>,
    stalled_until: Option<Instant>,
    /// When a stall that is not over began.
    stalled_since: Option<Instant>,
    /// Bytes a second, and until when.
    slow: Option<(u32, Instant)>,
    /// When the API server notices that the kubelet is gone.
    lost: Option<Instant>,
    follows: bool,
}

impl Drop for Faults {
    fn drop(&mut self) {
        if let Some(since) = self.stalled_since {
            self.trouble.book().traffic().abandoned(since.elapsed());
        }
    }
}

impl Faults {
    fn meet(meeting: Meeting, follows: bool) -> Self {
        let Meeting { trouble, of } = meeting;
        let mut faults = Self {
            rng: trouble.rng(&of.id),
            opened: Instant::now(),
            armed: trouble.streams(),
            nodes: trouble.nodes(),
            trouble,
            of,
            planned: Vec::new(),
            stalled_until: None,
            stalled_since: None,
            slow: None,
            lost: None,
            follows,
        };
        faults.plan();
        faults
    }

    /// Plans what there is to come; what has been planned stays as it is.
    fn plan(&mut self) {
        if !self.follows {
            return;
        }
        let all = self.armed.borrow_and_update().clone();
        for armed in all {
            let is_known = self
                .planned
                .iter()
                .any(|(_, known)| std::sync::Arc::ptr_eq(&known.fault, &armed.fault));
            let is_about = armed.fault.is_about(&self.of.workload, &self.of.pod);
            let is_past = armed.fault.every.is_none() && armed.from < self.opened;
            if !is_known && is_about && !is_past {
                let from = armed.from.max(self.opened);
                let at = self.first(&armed, from);
                self.planned.push((at, armed));
            }
        }
        self.lost = self.nodes.borrow_and_update().get(&self.of.node).map(|since| {
            let unnoticed = Duration::from_millis(self.rng.u64(UNNOTICED));
            self.lost.unwrap_or(*since + unnoticed)
        });
    }

    fn first(&mut self, armed: &Armed, from: Instant) -> Instant {
        match &armed.fault.every {
            Some(every) => from + nanos(every.draw(&mut self.rng)),
            None => from,
        }
    }

    /// A fault whose time has come; its next time is planned.
    fn due(&mut self) -> Option<Armed> {
        if self.armed.has_changed().unwrap_or(false) || self.nodes.has_changed().unwrap_or(false) {
            self.plan();
        }
        if self.planned.is_empty() {
            return None;
        }
        let now = Instant::now();
        let place = self.planned.iter().position(|(at, _)| *at <= now)?;
        let (_, armed) = self.planned.swap_remove(place);
        if armed.until.is_some_and(|until| until < now) {
            return None;
        }
        if armed.fault.every.is_some() {
            // A stall is followed by the time between two of them, not overtaken by it.
            let lasts = self.stalled_until.filter(|_| armed.fault.kind == Kind::Stall);
            let from = lasts.map_or(now, |until| until.max(now));
            let at = self.first(&armed, from);
            self.planned.push((at, armed.clone()));
        } else {
            // Kept, so that it is known, for a time that does not come.
            self.planned.push((now + NEVER, armed.clone()));
        }
        Some(armed)
    }

    fn held(&mut self) -> Option<Held> {
        if let Some(at) = self.lost {
            return Some(Held { at, ends: true });
        }
        self.stalled_until.map(|at| Held { at, ends: false })
    }

    /// A slow log waits after each piece as long as its bytes take.
    fn slow_down(&mut self, bytes: usize) {
        let Some((rate, until)) = self.slow else {
            return;
        };
        let now = Instant::now();
        if now >= until {
            self.slow = None;
            return;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.stalled_until = Some(now + Duration::from_secs_f64(f64::from(bytes) / f64::from(rate)));
    }

    /// Waits until something is armed or a node is lost or found.
    async fn changed(&mut self) {
        let (armed, nodes) = (self.armed.changed(), self.nodes.changed());
        // Their senders live as long as this.
        tokio::select! {
            _ = armed => self.armed.mark_changed(),
            _ = nodes => self.nodes.mark_changed(),
        }
    }

    /// Waits for the next that is planned, or for what [`Faults::changed`] waits for.
    async fn come(&mut self) {
        let next = self.planned.iter().map(|(at, _)| *at).min();
        let never = Instant::now() + NEVER;
        tokio::select! {
            () = self.changed() => {}
            () = sleep_until(next.unwrap_or(never)) => {}
        }
    }

    fn count(&self, what: &str) {
        self.trouble.book().count(what);
    }
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// The numbered lines that a body has held, for the record.
struct Ledger {
    trouble: Trouble,
    id: String,
    ranges: Vec<(u64, u64)>,
}

impl Ledger {
    fn new(meeting: &Meeting) -> Self {
        Self {
            trouble: meeting.trouble.clone(),
            id: meeting.of.id.clone(),
            ranges: Vec::new(),
        }
    }

    fn gave(&mut self, number: u64) {
        if number == 0 {
            return;
        }
        match self.ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some(_) | None => self.ranges.push((number, number)),
        }
    }

    fn close(&mut self, how: Served) {
        self.trouble.book().served(&self.id, &self.ranges, how);
        self.ranges.clear();
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close(Served::Broken);
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;
    use crate::demo::api::query::Query;
    use crate::demo::clock::SECOND;
    use crate::demo::log::Stream as Output;
    use crate::demo::scenario::fault::Fault;

    const NOW: i64 = 1_795_361_426 * SECOND;

    fn entry(nanos: i64, text: &str) -> Entry {
        Entry::new(nanos, Output::Stdout, Bytes::copy_from_slice(text.as_bytes()))
    }

    fn log() -> Log {
        let log = Log::new();
        for (ago, text) in [(4_000, "one"), (2_500, "two"), (1_200, "three"), (100, "four")] {
            log.append(entry(NOW - ago * 1_000_000, text));
        }
        log
    }

    fn body(log: &Log, query: &str, trouble: &Trouble) -> impl Stream<Item = io::Result<Bytes>> + use<> {
        let options = Options::parse(&Query::parse(query), "multi", NOW).unwrap();
        let meeting = Meeting {
            trouble: trouble.clone(),
            of: Of {
                node: "n1".to_owned(),
                ..Of::default()
            },
        };
        lines(log, options, meeting, CancellationToken::new())
    }

    async fn read_log(log: &Log, query: &str) -> String {
        let pieces: Vec<_> = body(log, query, &Trouble::default())
            .map(Result::unwrap)
            .collect()
            .await;
        String::from_utf8(pieces.concat()).unwrap()
    }

    async fn read(query: &str) -> String {
        let pieces: Vec<_> = body(&log(), query, &Trouble::default())
            .map(Result::unwrap)
            .collect()
            .await;
        String::from_utf8(pieces.concat()).unwrap()
    }

    #[tokio::test]
    async fn the_wanted_lines_are_given() {
        assert_eq!(read("").await, "one\ntwo\nthree\nfour\n");
        assert_eq!(read("tailLines=2").await, "three\nfour\n");
        assert_eq!(read("tailLines=0").await, "");
        assert_eq!(read("sinceSeconds=2").await, "three\nfour\n");
        // 15:30:23.500 is cut to 15:30:23, and the bound is inclusive.
        assert_eq!(read("sinceTime=2026-11-22T15:30:23.900Z").await, "two\nthree\nfour\n");
        assert_eq!(read("tailLines=3&sinceSeconds=2").await, "three\nfour\n");
        assert_eq!(read("limitBytes=6").await, "one\ntw");
        assert_eq!(
            read("timestamps=true&tailLines=1").await,
            "2026-11-22T15:30:25.900000000Z four\n"
        );
    }

    #[tokio::test]
    async fn a_followed_log_gives_each_line_as_a_piece_until_its_end() {
        let log = log();
        let mut stream = Box::pin(body(&log, "follow=true&tailLines=1", &Trouble::default()));
        assert_eq!(stream.next().await.unwrap().unwrap(), "four\n");
        log.append(entry(NOW, "five"));
        log.append(entry(NOW, "six"));
        assert_eq!(stream.next().await.unwrap().unwrap(), "five\n");
        assert_eq!(stream.next().await.unwrap().unwrap(), "six\n");
        log.end();
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_stopping_server_breaks_a_followed_log() {
        let options = Options::parse(&Query::parse("follow=true&tailLines=0"), "multi", NOW).unwrap();
        let stop = CancellationToken::new();
        let meeting = Meeting {
            trouble: Trouble::default(),
            of: Of::default(),
        };
        let mut stream = Box::pin(lines(&log(), options, meeting, stop.clone()));
        stop.cancel();
        assert!(stream.next().await.unwrap().is_err());
    }

    fn record(nanos: i64, text: &str, partial: bool) -> Entry {
        Entry {
            partial,
            ..entry(nanos, text)
        }
    }

    #[tokio::test]
    async fn pieces_of_a_long_line_are_joined_as_the_kubelet_joins_them() {
        let log = Log::new();
        log.append(record(NOW, "out-part1-", true));
        log.append(record(NOW + SECOND, "BBBB", false));
        log.append(record(NOW + 2 * SECOND, "next", false));
        let stamp = |nanos: i64| clock::rfc3339_nano(nanos);
        let joined = format!("{} out-part1-BBBB\n{} next\n", stamp(NOW), stamp(NOW + 2 * SECOND));
        assert_eq!(read_log(&log, "timestamps=true").await, joined);
        // The bound lies between the pieces: what is left of the line has no stamp.
        let later = clock::rfc3339(NOW + SECOND);
        let cut = format!("BBBB\n{} next\n", stamp(NOW + 2 * SECOND));
        assert_eq!(read_log(&log, &format!("timestamps=true&sinceTime={later}")).await, cut);
        // The tail counts records and may begin inside a line, whose time is then that of the piece.
        let tail = format!("{} BBBB\n{} next\n", stamp(NOW + SECOND), stamp(NOW + 2 * SECOND));
        assert_eq!(read_log(&log, "timestamps=true&tailLines=2").await, tail);
    }

    #[tokio::test]
    async fn a_line_of_stderr_between_pieces_is_glued_to_the_first() {
        let log = Log::new();
        log.append(record(NOW, "out-part1-", true));
        log.append(Entry {
            stream: Output::Stderr,
            ..entry(NOW + 1, "ERR LINE")
        });
        log.append(record(NOW + 2, "rest", false));
        let expected = format!(
            "{} out-part1-ERR LINE\n{} rest\n",
            clock::rfc3339_nano(NOW),
            clock::rfc3339_nano(NOW + 2)
        );
        assert_eq!(read_log(&log, "timestamps=true").await, expected);
    }

    fn fault(text: &str) -> Armed {
        Armed {
            fault: std::sync::Arc::new(toml::from_str::<Fault>(text).unwrap()),
            from: Instant::now(),
            until: None,
        }
    }

    /// What a followed log gives when a fault comes to it: its text, and whether it broke.
    async fn struck(text: &str) -> (Vec<u8>, bool) {
        let trouble = Trouble::new(1);
        let log = Log::new();
        log.append(entry(NOW, "größe 1"));
        let mut stream = Box::pin(body(&log, "follow=true", &trouble));
        let first = stream.next().await.unwrap().unwrap();
        trouble.arm(fault(text));
        log.append(entry(NOW, "größe 2"));
        let mut bytes = first.to_vec();
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => bytes.extend_from_slice(&piece),
                Err(_) => return (bytes, true),
            }
        }
        (bytes, false)
    }

    #[tokio::test(start_paused = true)]
    async fn a_followed_log_is_cut_in_every_form() {
        let one = "größe 1\n".as_bytes();
        for (how, more, breaks) in [
            ("eof", &b""[..], false),
            ("half-close", b"", false),
            ("reset", b"", true),
            ("mid-line", b"gr\xc3\xb6\xc3", false),
            ("mid-utf8", b"gr\xc3\xb6\xc3", false),
            ("mid-chunk", b"gr\xc3\xb6\xc3", true),
        ] {
            let expected = ([one, more].concat(), breaks);
            assert_eq!(
                struck(&format!("kind = \"cut\"\nhow = [\"{how}\"]")).await,
                expected,
                "{how}"
            );
        }
        let (text, breaks) = struck("kind = \"error-text\"").await;
        assert_eq!((text, breaks), ([one, ERROR_TEXT.as_bytes()].concat(), false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_log_goes_on_where_it_was() {
        let trouble = Trouble::new(1);
        let log = Log::new();
        let mut stream = Box::pin(body(&log, "follow=true", &trouble));
        let began = Instant::now();
        trouble.arm(fault("kind = \"stall\"\nfor = \"40s\""));
        log.append(entry(NOW, "late"));
        assert_eq!(stream.next().await.unwrap().unwrap(), "late\n");
        assert_eq!(began.elapsed().as_secs(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_of_a_lost_node_is_silent_and_then_ends() {
        let trouble = Trouble::new(1);
        let log = log();
        let mut stream = Box::pin(body(&log, "follow=true&tailLines=1", &trouble));
        assert_eq!(stream.next().await.unwrap().unwrap(), "four\n");
        let began = Instant::now();
        trouble.lose("n1");
        log.append(entry(NOW, "never"));
        assert!(stream.next().await.is_none());
        assert!((30..45).contains(&began.elapsed().as_secs()));
        // One that is found in time goes on.
        trouble.find("n1");
        let mut stream = Box::pin(body(&log, "follow=true&tailLines=1", &trouble));
        trouble.lose("n1");
        let waiting = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
        assert!(waiting.is_err());
        trouble.find("n1");
        assert_eq!(stream.next().await.unwrap().unwrap(), "never\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_log_gives_so_many_bytes_a_second() {
        let trouble = Trouble::new(1);
        let log = Log::new();
        trouble.arm(fault("kind = \"slow\"\nbytes-per-second = 10\nfor = \"1h\""));
        tokio::time::advance(Duration::from_millis(1)).await;
        let mut stream = Box::pin(body(&log, "follow=true", &trouble));
        trouble.arm(fault("kind = \"slow\"\nbytes-per-second = 10\nfor = \"1h\""));
        for number in 0..11 {
            log.append(entry(NOW, &format!("line {number:04}")));
        }
        let began = Instant::now();
        for _ in 0..11 {
            stream.next().await.unwrap().unwrap();
        }
        assert_eq!(began.elapsed().as_secs(), 10, "ten bytes a line");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_log_that_is_left_is_counted() {
        let trouble = Trouble::new(1);
        let log = log();
        let mut stream = Box::pin(body(&log, "follow=true&tailLines=0", &trouble));
        trouble.arm(fault("kind = \"stall\"\nfor = \"5m\""));
        let silent = tokio::time::timeout(Duration::from_secs(40), stream.next()).await;
        assert!(silent.is_err());
        drop(stream);
        assert_eq!(
            trouble.book().traffic().json()["abandoned"],
            serde_json::json!([40_000])
        );
    }

    /// When and how each of three logs is cut, opened in this order again and again; each time in milliseconds.
    async fn cuts(seed: u64, order: [&str; 3]) -> BTreeMap<String, Vec<(u128, BTreeMap<String, u64>)>> {
        let mut all = BTreeMap::new();
        for id in order {
            let trouble = Trouble::new(seed);
            trouble.arm(fault("kind = \"cut\"\nevery = \"1s-20s\""));
            let log = Log::new();
            for _ in 0..20 {
                let options = Options::parse(&Query::parse("follow=true"), "multi", NOW).unwrap();
                let of = Of {
                    id: id.to_owned(),
                    ..Of::default()
                };
                let meeting = Meeting {
                    trouble: trouble.clone(),
                    of,
                };
                let began = Instant::now();
                let mut stream = Box::pin(lines(&log, options, meeting, CancellationToken::new()));
                let ended = tokio::time::timeout(Duration::from_secs(25), stream.next()).await;
                drop(ended);
                let came: &mut Vec<_> = all.entry(id.to_owned()).or_default();
                came.push((began.elapsed().as_millis(), trouble.book().faults()));
            }
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn one_seed_cuts_each_log_at_the_same_times_in_the_same_forms() {
        let first = cuts(7, ["a", "b", "c"]).await;
        assert_eq!(first, cuts(7, ["c", "a", "b"]).await);
        assert_ne!(first, cuts(8, ["a", "b", "c"]).await);
        assert_ne!(first.get("a"), first.get("b"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_comes_again_and_again_and_to_every_stream() {
        let trouble = Trouble::new(1);
        let log = Log::new();
        trouble.arm(fault("kind = \"cut\"\nevery = \"1s-20s\"\nhow = [\"eof\"]"));
        let began = Instant::now();
        for _ in 0..100 {
            let mut stream = Box::pin(body(&log, "follow=true", &trouble));
            assert!(stream.next().await.is_none());
        }
        let mean = began.elapsed().as_secs_f64() / 100.0;
        assert!((7.0..14.0).contains(&mean), "{mean} s on the mean of 1..20 s");
        assert_eq!(trouble.book().faults().get("cut eof"), Some(&100));
    }
}
