//! Random schedules of a kubelet, its files and its connections, against what must be true of what was shown: nothing
//! that was delivered is lost, nothing is shown twice, no loss is unmarked, and no gap is told where nothing could
//! have been lost.
//!
//! The kubelet is modelled on `k8s.io/cri-client/pkg/logs/logs.go` (1.36): it serves its current file alone, from the
//! whole second asked for; it puts no stamp before what follows a part of a line; at the end of a file it takes one
//! notice of a rotation and opens whatever is the current file by then; a rotation during the backlog stalls it.
//!
//! Loss that nobody can see, and that is forgiven here: lines written to the old file after the new one was made; a
//! file skipped whose successor had no two stamps, whose replay never came, or
//! which began glued to half a line of another; and whatever was rotated away before
//! the first line was ever read. Rotations while the notices of earlier ones are still being worked off are left out.

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;

use super::reader::{Missing, Reader, Step};
use crate::model::{Line, Time};

/// Neighbours are stamped by different threads, up to 40 microseconds apart.
const DISORDER: i64 = 50_000;
const BEGIN: i64 = 1_795_361_421_000_000_000;

/// What a runtime writes at once.
#[derive(Clone, Debug)]
struct Entry {
    time: i64,
    /// Which one it is; twins have the same.
    token: usize,
    text: String,
    /// It has no end of line; the next one of its stream goes on with it.
    partial: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Written,
    /// Its loss leaves no trace.
    Forgiven,
}

/// A node's side.
struct Kubelet {
    files: Vec<Vec<Entry>>,
    now: i64,
    /// The clock's steps, in nanoseconds.
    grain: i64,
    tokens: usize,
    /// The part of a line that waits for its other half.
    open: Option<String>,
}

/// One answer of the kubelet.
#[expect(clippy::struct_excessive_bools, reason = "a model says what is true of it")]
struct Session {
    file: usize,
    at: usize,
    since: i64,
    newline: bool,
    /// Rotations it has not taken notice of.
    notices: usize,
    stalled: bool,
    backlog: bool,
    /// Written to the socket, not delivered.
    bytes: Vec<u8>,
    /// What was delivered of it, all of it.
    heard: Vec<u8>,
    /// Where each entry begins in what was sent, and the file that it is of.
    sent: Vec<(usize, usize)>,
    /// The files that it skipped and the place in `bytes` where the replay's first line ends, if there is one.
    skips: Vec<Skip>,
    delivered: usize,
    jumped: bool,
    /// A replay was read: a gap may be told.
    replays: bool,
    /// What comes next is glued to half a line of another file, and is itself in the next answer.
    glued: bool,
    /// The rest of a line was older than what was asked for, and whatever came next was glued to its beginning.
    torn: bool,
    /// The file being read began glued like that: in a replay its first line looks new.
    began_glued: bool,
}

struct Skip {
    files: std::ops::Range<usize>,
    /// How many bytes have to be delivered for the replay to be seen.
    seen_at: Option<usize>,
}

struct World {
    rng: fastrand::Rng,
    kubelet: Kubelet,
    reader: Reader,
    session: Option<Session>,
    was_open: bool,
    /// The file from which something was delivered last.
    left_in: Option<usize>,
    shown: Vec<Line>,
    gaps: Vec<Missing>,
    fates: HashMap<usize, Fate>,
    /// How often each was delivered whole by one answer.
    heard: HashMap<usize, usize>,
    /// Twins may be shown twice where a file of one stamp was replayed.
    repeatable: Vec<usize>,
    /// What each request and answer was, for whoever has to understand a failure.
    story: String,
    false_gap: bool,
}

impl Kubelet {
    fn write(&mut self, rng: &mut fastrand::Rng) -> Entry {
        let pause = match rng.u8(0..10) {
            0 | 1 => 0,
            2..=5 => rng.i64(1..100_000),
            6..=8 => rng.i64(1..300_000_000),
            _ => rng.i64(1..4_000_000_000),
        };
        self.now += pause;
        let last = self.files.last().and_then(|file| file.last());
        if let Some(twin) = last.filter(|last| !last.partial && rng.u8(0..12) == 0) {
            let twin = twin.clone();
            self.now = self.now.max(twin.time);
            return twin;
        }
        let token = self.tokens;
        self.tokens += 1;
        let time = if rng.u8(0..8) == 0 {
            self.now - rng.i64(1..40_000)
        } else {
            self.now
        };
        let time = time - time.rem_euclid(self.grain);
        let padding = ["x", "é"][rng.usize(0..2)].repeat(rng.usize(0..12));
        let partial = self.open.is_none() && rng.u8(0..10) == 0;
        if partial {
            self.open = Some(padding.clone());
        } else if rng.u8(0..3) > 0 {
            // Else a line of the other stream lies between the halves.
            self.open = None;
        }
        Entry {
            time,
            token,
            text: format!("{padding}<{token}>"),
            partial,
        }
    }

    fn current(&self) -> usize {
        self.files.len() - 1
    }
}

impl Session {
    fn open(kubelet: &Kubelet, since: i64) -> Self {
        Self {
            file: kubelet.current(),
            at: 0,
            since,
            newline: true,
            notices: 0,
            stalled: false,
            backlog: true,
            bytes: Vec::new(),
            heard: Vec::new(),
            sent: Vec::new(),
            skips: Vec::new(),
            delivered: 0,
            jumped: false,
            replays: false,
            glued: false,
            torn: false,
            began_glued: false,
        }
    }

    /// Reads the next entry, or takes notice of a rotation. Whether there was something to do.
    fn step(&mut self, kubelet: &Kubelet, unseen: &mut Unseen) -> bool {
        if self.stalled {
            return false;
        }
        if let Some(entry) = kubelet.files[self.file].get(self.at) {
            self.at += 1;
            if entry.time >= self.since {
                self.sent.push((self.delivered + self.bytes.len(), self.file));
                if self.newline {
                    let stamp = jiff::Timestamp::from_nanosecond(i128::from(entry.time)).unwrap();
                    self.bytes.extend(format!("{stamp:.9} ").bytes());
                }
                if self.glued {
                    unseen.repeatable.push(entry.token);
                }
                self.bytes.extend(entry.text.bytes());
                if !entry.partial {
                    self.bytes.push(b'\n');
                }
            }
            if !self.newline && entry.time < self.since {
                // What was shown with its own end comes again with another one.
                (self.torn, self.glued) = (true, true);
                let begun = kubelet.files[self.file][..self.at - 1].iter().rev();
                unseen
                    .repeatable
                    .extend(begun.take_while(|entry| entry.partial).map(|entry| entry.token));
            }
            self.newline = !entry.partial;
            self.glued &= !self.newline || entry.time < self.since;
            // What was skipped shows when a replayed line is whole.
            let end = self.delivered + self.bytes.len();
            if let Some(skip) = self.skips.last_mut().filter(|skip| skip.seen_at == Some(usize::MAX))
                && self.newline
                && entry.time >= self.since
            {
                skip.seen_at = Some(end);
            }
            return true;
        }
        self.backlog = false;
        if self.notices == 0 {
            return false;
        }
        self.notices -= 1;
        self.jumped = true;
        self.glued = !self.newline;
        let current = kubelet.current();
        if self.file == current {
            self.replay(kubelet, unseen);
        } else {
            if self.file + 1 < current {
                self.skips.push(Skip {
                    files: self.file + 1..current,
                    seen_at: None,
                });
            }
            self.file = current;
            self.began_glued = self.glued;
        }
        self.at = 0;
        true
    }

    fn replay(&mut self, kubelet: &Kubelet, unseen: &mut Unseen) {
        let read = &kubelet.files[self.file][..self.at];
        let read: Vec<&Entry> = read.iter().filter(|entry| entry.time >= self.since).collect();
        let several = read.iter().any(|entry| entry.time != read[0].time);
        if !several || read.iter().any(|entry| entry.partial) {
            // Twins, as far as anybody can see, or lines glued together.
            unseen.repeatable.extend(read.iter().map(|entry| entry.token));
        }
        if several {
            self.replays = true;
            if let Some(skip) = self.skips.last_mut().filter(|skip| skip.seen_at.is_none())
                && !read.iter().any(|entry| entry.partial)
                && !self.began_glued
            {
                skip.seen_at = Some(usize::MAX);
            }
        }
    }
}

/// What nobody can know.
#[derive(Default)]
struct Unseen {
    repeatable: Vec<usize>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            kubelet: Kubelet {
                files: vec![Vec::new()],
                now: BEGIN,
                // Most clocks tell nanoseconds; Windows has steps of 100 ns, and had some of 15.625 ms.
                grain: [1, 1, 1, 1, 100, 1_000_000, 15_625_000][usize::try_from(seed % 7).unwrap()],
                tokens: 0,
                open: None,
            },
            reader: Reader::default(),
            session: None,
            was_open: false,
            left_in: None,
            shown: Vec::new(),
            gaps: Vec::new(),
            fates: HashMap::new(),
            heard: HashMap::new(),
            repeatable: Vec::new(),
            story: String::new(),
            false_gap: false,
        }
    }

    fn note(&mut self, words: std::fmt::Arguments<'_>) {
        writeln!(self.story, "{words}").unwrap();
    }

    fn write(&mut self, most: usize) {
        for _ in 0..self.rng.usize(0..=most) {
            let entry = self.kubelet.write(&mut self.rng);
            self.note(format_args!("write {entry:?}"));
            self.fates.insert(entry.token, Fate::Written);
            self.kubelet.files.last_mut().unwrap().push(entry);
        }
    }

    fn rotate(&mut self) {
        if self
            .session
            .as_ref()
            .is_some_and(|session| session.jumped && session.notices > 0)
        {
            return;
        }
        self.note(format_args!("rotate"));
        let late = self.rng.u8(0..6) == 0;
        let count = if late { self.rng.usize(1..3) } else { 0 };
        if let Some(session) = &mut self.session {
            if session.backlog && session.at < self.kubelet.files[session.file].len() && self.rng.u8(0..4) == 0 {
                session.stalled = true;
                self.story.push_str("it stalls\n");
            }
            session.notices += 1;
        }
        for _ in 0..count {
            // Written to the old file: whoever follows may not see it any more.
            let entry = self.kubelet.write(&mut self.rng);
            self.note(format_args!("write late {entry:?}"));
            self.fates.insert(entry.token, Fate::Forgiven);
            self.kubelet.files.last_mut().unwrap().push(entry);
        }
        let current = self.kubelet.current();
        let end = self.kubelet.files[current].len();
        let at_end = |session: &&mut Session| session.file == current && session.at + count == end;
        if let Some(session) = self.session.as_mut().filter(at_end) {
            // It was at the end of the file and does not look again.
            session.at = end;
        }
        self.kubelet.files.push(Vec::new());
    }

    /// The server sends.
    fn pump(&mut self, most: usize) {
        let Some(mut session) = self.session.take() else { return };
        let mut unseen = Unseen::default();
        for _ in 0..most {
            if !session.step(&self.kubelet, &mut unseen) {
                break;
            }
        }
        self.repeatable.append(&mut unseen.repeatable);
        self.session = Some(session);
    }

    /// The client reads so many of the bytes that were sent.
    fn deliver(&mut self, most: usize) {
        let Some(mut session) = self.session.take() else { return };
        let most = most.min(session.bytes.len());
        let bytes: Vec<u8> = session.bytes.drain(..most).collect();
        session.delivered += most;
        session.heard.extend_from_slice(&bytes);
        self.note(format_args!("deliver {:?}", String::from_utf8_lossy(&bytes)));
        let clean = self.is_clean(&session);
        self.reader.feed(Bytes::from(bytes));
        self.read(clean, session.replays);
        self.session = Some(session);
        if self.reader.wants_all() {
            // A replay that was glued to half a line looks like it.
            self.cut();
        }
    }

    fn read(&mut self, clean: bool, replays: bool) {
        loop {
            let step = self.reader.read(&mut self.shown, usize::MAX);
            let skipped = self.reader.skipped();
            if !skipped.is_empty() {
                self.note(format_args!("skipped {skipped:?}"));
                self.false_gap |= clean && !replays;
            }
            self.gaps.extend(skipped);
            match step {
                Step::Drained | Step::SetBack => return,
                Step::Full => {}
                Step::Doubtful => {
                    let missing = self.reader.trust();
                    self.note(format_args!("gap {missing:?}, clean: {clean}"));
                    self.false_gap |= clean && missing.is_some();
                    self.gaps.extend(missing);
                }
            }
        }
    }

    /// Whether the file being served has the line that was shown last, and all of its stamp.
    fn is_clean(&self, session: &Session) -> bool {
        let whole = |line: &&Line| !line.bytes.starts_with("…".as_bytes()) && !line.bytes.ends_with("…".as_bytes());
        // A file of one line that was replayed looks as if it had two; a line that was glued to the end of another file
        // looks new when it comes by itself.
        let served = &self.kubelet.files[session.file];
        let twice = served.iter().any(|entry| self.repeatable.contains(&entry.token));
        if twice || session.torn || self.left_in.is_some_and(|file| file != session.file) {
            return false;
        }
        let Some(last) = self.shown.iter().rev().find(whole) else {
            return true;
        };
        let first = tokens(&last.bytes).first().copied();
        let has = |file: &Vec<Entry>| file.iter().any(|entry| Some(entry.token) == first);
        let elsewhere = self
            .kubelet
            .files
            .iter()
            .enumerate()
            .any(|(n, file)| n != session.file && file.iter().any(|entry| entry.time == last.time.0));
        !session.jumped && has(&self.kubelet.files[session.file]) && !elsewhere
    }

    fn cut(&mut self) {
        let Some(session) = self.session.take() else { return };
        self.note(format_args!("cut"));
        let complains = session.bytes.is_empty() && session.newline && self.rng.u8(0..4) == 0;
        if complains {
            self.reader.feed(Bytes::from_static(b"unexpected EOF"));
            self.reader.read(&mut self.shown, usize::MAX);
        }
        let said = self.reader.ended(&mut self.shown);
        // The rest of a line without its head looks the same, if nothing else comes.
        let headless = !session.heard.starts_with(b"20");
        assert!(said.is_none() || complains || headless, "{said:?}\n{}", self.story);
        self.forgive(&session);
        let heard = session.sent.iter().rfind(|(start, _)| *start < session.delivered);
        let whole = session.heard.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        if whole > 0 || self.left_in.is_none() {
            // Half a line settles nothing: what it was waited for is waited for still.
            self.left_in = heard.map(|(_, file)| *file).or(self.left_in);
        }
        let mut heard: HashMap<usize, usize> = HashMap::new();
        for token in tokens(&session.heard[..whole]) {
            let times = heard.entry(token).or_default();
            *times = if session.replays { 1 } else { *times + 1 };
        }
        for (token, times) in heard {
            let most = self.heard.entry(token).or_default();
            *most = times.max(*most);
        }
    }

    fn forgive(&mut self, session: &Session) {
        for skip in &session.skips {
            if skip.seen_at.is_none_or(|at| at > session.delivered) {
                let files = self.kubelet.files.get(skip.files.clone()).unwrap();
                let lost: Vec<usize> = files.iter().flatten().map(|entry| entry.token).collect();
                self.note(format_args!("nobody can know of {lost:?}"));
                self.fates.extend(lost.into_iter().map(|token| (token, Fate::Forgiven)));
            }
        }
    }

    fn open(&mut self) {
        if self.session.is_some() {
            return;
        }
        let since = self.reader.resume_secs().filter(|_| !self.reader.wants_all());
        self.note(format_args!("open {since:?} at file {}", self.kubelet.current()));
        let since = since.map_or(i64::MIN, |secs| secs * 1_000_000_000);
        self.session = Some(Session::open(&self.kubelet, since));
        self.reader.connected(self.was_open);
        self.was_open = true;
    }

    fn run(&mut self) {
        for _ in 0..self.rng.usize(3..30) {
            match self.rng.u8(0..20) {
                0..=5 => self.write(6),
                6..=9 => self.open(),
                10..=12 => {
                    let most = self.rng.usize(0..12);
                    self.pump(most);
                }
                13..=15 => {
                    self.pump(usize::MAX);
                    self.deliver(usize::MAX);
                }
                16 => {
                    let most = self.rng.usize(0..300);
                    self.deliver(most);
                }
                17 | 18 => self.cut(),
                _ => {
                    for _ in 0..self.rng.usize(1..4) {
                        self.rotate();
                        self.write(5);
                    }
                }
            }
        }
        self.end();
    }

    /// The instance ends, and the log of its last file is read once more.
    fn end(&mut self) {
        self.pump(usize::MAX);
        self.deliver(usize::MAX);
        self.cut();
        self.open();
        self.pump(usize::MAX);
        self.deliver(usize::MAX);
        if self.session.is_none() {
            self.open();
            self.pump(usize::MAX);
            self.deliver(usize::MAX);
        }
        let clean = self.session.as_ref().is_none_or(|session| self.is_clean(session));
        self.cut();
        let missing = self.reader.missing_at_end(Time(self.kubelet.now));
        self.false_gap |= clean && missing.is_some();
        self.gaps.extend(missing);
        self.shown.extend(self.reader.last_words());
    }

    fn check(&self, seed: u64) {
        let fail = |what: &str| {
            panic!(
                "seed {seed}: {what}\n{}\nshown {:#?}\ngaps {:?}",
                self.story, self.shown, self.gaps
            )
        };
        if self.false_gap {
            fail("a gap on a clean resume");
        }
        let mut shown: HashMap<usize, usize> = HashMap::new();
        for token in self.shown.iter().flat_map(|line| tokens(&line.bytes)) {
            *shown.entry(token).or_default() += 1;
        }
        let first = self.shown.iter().flat_map(|line| tokens(&line.bytes)).min();
        let mut written: HashMap<usize, usize> = HashMap::new();
        for entry in self.kubelet.files.iter().flatten() {
            *written.entry(entry.token).or_default() += 1;
        }
        let disorder = DISORDER + self.kubelet.grain;
        for entry in self.kubelet.files.iter().flatten() {
            let (written, shown) = (written[&entry.token], shown.get(&entry.token).copied().unwrap_or(0));
            if shown > written && !self.repeatable.contains(&entry.token) {
                fail(&format!("<{}> is shown {shown} times", entry.token));
            }
            if shown < self.heard.get(&entry.token).copied().unwrap_or(0) {
                fail(&format!("<{}> was delivered and is lost", entry.token));
            }
            let told = self
                .gaps
                .iter()
                .any(|gap| gap.from.0.saturating_sub(disorder) <= entry.time && entry.time <= gap.to.0 + disorder);
            let before = first.is_none_or(|first| entry.token < first);
            let forgiven = before || self.fates[&entry.token] == Fate::Forgiven;
            if shown < written && !told && !forgiven {
                fail(&format!("<{}> is lost and no gap says so", entry.token));
            }
        }
    }
}

/// The marks of what a line holds.
fn tokens(bytes: &[u8]) -> Vec<usize> {
    let text = String::from_utf8_lossy(bytes);
    let marked = text.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
    marked.filter_map(|(token, _)| token.parse().ok()).collect()
}

fn check(seeds: std::ops::Range<u64>) {
    let (mut gaps, mut shown) = (0, 0);
    for seed in seeds {
        let mut world = World::new(seed);
        world.run();
        world.check(seed);
        gaps += world.gaps.len();
        shown += world.shown.len();
    }
    assert!(gaps > 100 && shown > 10_000, "{gaps} gaps, {shown} lines");
    println!("{shown} lines shown, {gaps} gaps told");
}

#[test]
fn schedules_lose_nothing_unmarked_and_repeat_nothing() {
    check(0..2_000);
}

/// `cargo test --release --lib oracle -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes"]
fn a_million_schedules_lose_nothing_unmarked_and_repeat_nothing() {
    // Both cores of a small machine.
    std::thread::scope(|scope| {
        for half in [1_000_000..1_500_000, 1_500_000..2_000_000] {
            scope.spawn(move || check(half));
        }
    });
}
