//! The log of one container instance, as the kubelet keeps it: stamped records in a file that is renamed and made anew
//! when it has grown, and readers that hold on to the file they have open.
#![expect(
    clippy::disallowed_types,
    reason = "the container writes while requests read; the lock is never held across an await"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

/// Records kept of a log without [`Rotation`]; the oldest are dropped one by one.
pub const RETAINED: usize = 20_000;

/// Records that a reader takes at a time.
const BATCH: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// One record of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unix nanoseconds at which the runtime read it.
    pub nanos: i64,
    pub stream: Stream,
    /// Without the newline.
    pub bytes: Bytes,
    /// Tagged `P`: the line goes on in the next record of the stream. A runtime cuts lines into pieces of 16 KiB.
    pub partial: bool,
    /// Which line of a numbered container begins here, from 1; 0 for everything else.
    pub number: u64,
}

impl Entry {
    /// A whole line.
    pub fn new(nanos: i64, stream: Stream, bytes: Bytes) -> Self {
        Self {
            nanos,
            stream,
            bytes,
            partial: false,
            number: 0,
        }
    }
}

/// When a kubelet renames a file and has a new one made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes of records; a kubelet's `containerLogMaxSize` is 10 MiB.
    pub largest: usize,
    /// Nanoseconds between two looks; a kubelet's `containerLogMonitorInterval` is 10 s.
    pub every: i64,
    /// Nanoseconds for which the runtime goes on writing into the old file after the new one is there.
    pub window: i64,
}

/// What became of a numbered container's lines, for a checker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The stamp of each line in Unix nanoseconds; the first is line 1.
    pub times: Vec<i64>,
    /// The files, oldest first.
    pub files: Vec<FileSpan>,
    /// Lines that went into a file after its successor was made, which no reader that keeps up is shown.
    pub late: Vec<u64>,
    /// When the log could no longer be read at all, in Unix nanoseconds.
    pub gone: Option<i64>,
}

/// The lines of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSpan {
    /// The first line's number; with `last` before it if there is none.
    pub first: u64,
    pub last: u64,
    /// When the next file was made, in Unix nanoseconds.
    pub replaced: Option<i64>,
}

/// A handle on one log. Records are counted from 0 over all its files, and a dropped one keeps its number.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<usize>,
}

struct Inner {
    /// Oldest first and never empty; the last is the one that the log's path names.
    files: VecDeque<File>,
    /// Files made after the first.
    created: u64,
    written: usize,
    ended: bool,
    rotation: Option<Rotation>,
    /// When the size is looked at next, in Unix nanoseconds.
    next_look: i64,
    /// Until when the runtime still writes into the file before the last.
    late_until: i64,
    account: Option<Account>,
}

struct File {
    generation: u64,
    /// The number of the first record.
    first: usize,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// How many records had ever been written when the next file was made.
    sealed: Option<usize>,
    /// Held by every reader that has the file open.
    open: Arc<()>,
}

impl File {
    fn new(generation: u64, first: usize) -> Self {
        Self {
            generation,
            first,
            entries: VecDeque::new(),
            bytes: 0,
            sealed: None,
            open: Arc::new(()),
        }
    }

    /// Its records numbered `from` and later.
    fn from(&self, from: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().skip(from.saturating_sub(self.first))
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

impl Log {
    /// A log whose file is never renamed.
    pub fn new() -> Self {
        Self::with(None, None)
    }

    /// A log whose file is renamed by its size, if there is a rotation, and whose numbered lines are accounted for.
    pub fn with(rotation: Option<Rotation>, account: Option<Account>) -> Self {
        let account = account.map(|account| Account {
            files: vec![FileSpan {
                first: 1,
                last: 0,
                replaced: None,
            }],
            ..account
        });
        let inner = Inner {
            files: VecDeque::from([File::new(0, 0)]),
            created: 0,
            written: 0,
            ended: false,
            rotation,
            next_look: i64::MIN,
            late_until: i64::MIN,
            account,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            changed: watch::Sender::new(0),
        }
    }

    /// Writes a record; ignored after the end.
    pub fn append(&self, entry: Entry) {
        let mut inner = self.lock();
        if inner.ended {
            return;
        }
        inner.look(entry.nanos);
        inner.write(entry);
        self.changed.send_replace(inner.written);
    }

    /// The file is renamed and a new one made; for `window` nanoseconds the runtime still writes into the old one.
    pub fn rotate(&self, now: i64, window: i64) {
        let mut inner = self.lock();
        if !inner.ended {
            inner.rotate(now, window);
            self.changed.send_replace(inner.written);
        }
    }

    /// The container has exited: nothing more will come.
    pub fn end(&self) {
        let mut inner = self.lock();
        inner.ended = true;
        self.changed.send_replace(inner.written);
    }

    pub fn is_ended(&self) -> bool {
        self.lock().ended
    }

    /// The kubelet has removed the files; readers that have one open read it to its end.
    pub fn remove(&self, now: i64) {
        let mut inner = self.lock();
        if let Some(account) = &mut inner.account {
            account.gone.get_or_insert(now);
        }
        inner.created += 1;
        let (generation, first) = (inner.created, inner.written);
        inner.files.push_back(File::new(generation, first));
        inner.close();
    }

    /// The records numbered `from` and later that are still kept. Use [`Log::follow`] to read on from where it ended.
    pub fn read(&self, from: usize) -> Vec<Entry> {
        self.follow(from).0
    }

    /// The kept records numbered `from` and later, and the number to ask for next time: what the container writes,
    /// whichever file it goes to.
    pub fn follow(&self, from: usize) -> (Vec<Entry>, usize) {
        let inner = self.lock();
        let entries = inner.files.iter().flat_map(|file| file.from(from)).cloned();
        (entries.collect(), inner.written.max(from))
    }

    /// Opens the file that the log's path names.
    pub fn open(&self) -> Reader {
        let inner = self.lock();
        let (generation, at, open) = inner.current();
        Reader {
            log: self.clone(),
            changed: self.changed(),
            generation,
            at,
            watched: None,
            open,
        }
    }

    /// Records ever written, those dropped since included.
    pub fn len(&self) -> usize {
        self.lock().written
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells of every append, every new file and of the end; holds the number of records ever written.
    pub fn changed(&self) -> watch::Receiver<usize> {
        self.changed.subscribe()
    }

    /// Of a numbered container: what became of its lines.
    pub fn account(&self) -> Option<Account> {
        self.lock().account.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code that can panic runs under this lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The kubelet looks at the file's size from time to time, not at every write.
    fn look(&mut self, now: i64) {
        let Some(rotation) = self.rotation.filter(|_| now >= self.next_look) else {
            return;
        };
        self.next_look = now.saturating_add(rotation.every);
        if self.files.back().is_some_and(|file| file.bytes >= rotation.largest) {
            self.rotate(now, rotation.window);
        }
    }

    fn rotate(&mut self, now: i64, window: i64) {
        self.created += 1;
        if let Some(file) = self.files.back_mut() {
            file.sealed = Some(self.written);
        }
        self.files.push_back(File::new(self.created, self.written));
        self.late_until = now.saturating_add(window);
        self.close();
        if let Some(account) = &mut self.account {
            let next = number(account.times.len()) + 1;
            if let Some(file) = account.files.last_mut() {
                file.replaced = Some(now);
            }
            account.files.push(FileSpan {
                first: next,
                last: next - 1,
                replaced: None,
            });
        }
    }

    fn write(&mut self, entry: Entry) {
        let late = entry.nanos < self.late_until && self.files.len() > 1;
        let place = self.files.len() - if late { 2 } else { 1 };
        if let Some(account) = &mut self.account
            && entry.number > 0
        {
            account.times.push(entry.nanos);
            let place = account.files.len().saturating_sub(if late { 2 } else { 1 });
            if late {
                account.late.push(entry.number);
            }
            if let Some(file) = account.files.get_mut(place) {
                if file.last < file.first {
                    file.first = entry.number;
                }
                file.last = entry.number;
            }
        }
        let (number, rotates) = (self.written, self.rotation.is_some());
        self.written += 1;
        let Some(file) = self.files.get_mut(place) else {
            return;
        };
        if file.entries.is_empty() {
            file.first = number;
        }
        file.bytes += entry.bytes.len();
        file.entries.push_back(entry);
        if !rotates && file.entries.len() > RETAINED {
            file.entries.pop_front();
            file.first += 1;
        }
    }

    /// Lets go of renamed files that nobody has open; the newest of them may still be written to.
    fn close(&mut self) {
        let keep = self.files.len().saturating_sub(2);
        let mut place = 0;
        self.files.retain(|file| {
            place += 1;
            place > keep || Arc::strong_count(&file.open) > 1
        });
    }

    /// Generation and first record of the file that the path names, and a hold on it.
    fn current(&self) -> (u64, usize, Arc<()>) {
        let file = self.files.back();
        file.map_or((0, 0, Arc::default()), |file| {
            (file.generation, file.first, Arc::clone(&file.open))
        })
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// What a reader finds after the records that it has.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Records(Vec<Entry>),
    /// Nothing now; more may come.
    Waiting,
    /// Nothing, and nothing will come.
    Ended,
}

/// `ReadLogs` of the kubelet's cri-client (`pkg/logs/logs.go`, 1.36), which follows a path with inotify.
///
/// It begins to watch at the first end of file, so it never learns of a file that was made before then, and stays with
/// the old one. Later it takes each message about a new file in its turn: it lets go of the file it has at once,
/// without reading what came to it since, and opens what the path names by now, from its start. A message about a file
/// that has been renamed meanwhile makes it read the newest twice.
pub struct Reader {
    log: Log,
    changed: watch::Receiver<usize>,
    generation: u64,
    at: usize,
    /// How many new files it has been told of, once it watches.
    watched: Option<u64>,
    /// Holding it is what keeps the file.
    open: Arc<()>,
}

impl Reader {
    /// The next records of the file it has open, or of the one it opens in its place.
    pub fn read(&mut self) -> Read {
        let log = self.log.clone();
        let inner = log.lock();
        self.changed.mark_unchanged();
        loop {
            let file = inner.files.iter().find(|file| file.generation == self.generation);
            // The message about the new file comes before those about what the old one got later.
            let is_told = self.watched.is_some_and(|told| told < inner.created);
            let is_left = |file: &&File| is_told && file.sealed.is_some_and(|sealed| self.at >= sealed);
            if let Some(file) = file.filter(|file| !is_left(file)) {
                let entries: Vec<Entry> = file.from(self.at).take(BATCH).cloned().collect();
                if !entries.is_empty() {
                    self.at = self.at.max(file.first) + entries.len();
                    return Read::Records(entries);
                }
            }
            match self.watched {
                None => self.watched = Some(inner.created),
                Some(told) if told < inner.created && !inner.ended => {
                    self.watched = Some(told + 1);
                    (self.generation, self.at, self.open) = inner.current();
                }
                Some(_) if inner.ended => return Read::Ended,
                Some(_) => return Read::Waiting,
            }
        }
    }

    /// Records that the file has now, from where this reads.
    pub fn ahead(&self) -> usize {
        let inner = self.log.lock();
        let file = inner.files.iter().find(|file| file.generation == self.generation);
        file.map_or(0, |file| file.from(self.at).count())
    }

    /// Passes over the next records.
    pub fn skip(&mut self, records: usize) {
        self.at += records;
    }

    /// Waits for something new; false if nothing can come any more.
    pub async fn changed(&mut self) -> bool {
        self.changed.changed().await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> Entry {
        let nanos = i64::try_from(number).unwrap();
        Entry::new(nanos, Stream::Stdout, Bytes::from(format!("line {number}")))
    }

    #[test]
    fn a_follower_reads_every_line_once() {
        let log = Log::new();
        let mut changed = log.changed();
        log.append(line(0));
        log.append(line(1));
        assert!(changed.has_changed().unwrap());
        assert_eq!(*changed.borrow_and_update(), 2);
        let (first, next) = log.follow(0);
        assert_eq!((first, next), (vec![line(0), line(1)], 2));
        assert!(log.follow(next).0.is_empty());
        log.append(line(2));
        assert_eq!(log.follow(next), (vec![line(2)], 3));
        assert_eq!(log.read(1).len(), 2);
    }

    #[test]
    fn the_end_is_told_and_final() {
        let log = Log::new();
        log.append(line(0));
        let mut changed = log.changed();
        changed.mark_unchanged();
        log.end();
        assert!(changed.has_changed().unwrap(), "even though the length is as before");
        assert!(log.is_ended());
        log.append(line(1));
        assert_eq!(log.len(), 1);
    }

    #[test]
    fn old_lines_are_dropped_but_keep_their_numbers() {
        let log = Log::new();
        for number in 0..RETAINED + 5 {
            log.append(line(number));
        }
        assert_eq!(log.len(), RETAINED + 5);
        let (kept, next) = log.follow(0);
        assert_eq!((kept.len(), next), (RETAINED, RETAINED + 5));
        assert_eq!(kept[0], line(5));
        assert_eq!(log.read(RETAINED + 3), [line(RETAINED + 3), line(RETAINED + 4)]);
        assert_eq!(log.follow(RETAINED + 9), (vec![], RETAINED + 9));
    }

    fn write(log: &Log, lines: std::ops::Range<usize>) {
        lines.for_each(|number| {
            log.append(Entry {
                number: u64::try_from(number).unwrap() + 1,
                ..line(number)
            });
        });
    }

    /// What a reader gets until it has to wait, as numbers of lines from 0.
    fn drain(reader: &mut Reader) -> Vec<i64> {
        let mut got = Vec::new();
        while let Read::Records(entries) = reader.read() {
            got.extend(entries.iter().map(|entry| entry.nanos));
        }
        got
    }

    fn range(numbers: std::ops::Range<i64>) -> Vec<i64> {
        numbers.collect()
    }

    #[test]
    fn a_reader_that_keeps_up_loses_what_the_old_file_gets_after_the_new_one_is_made() {
        let log = Log::with(None, Some(Account::default()));
        let mut reader = log.open();
        write(&log, 0..10);
        assert_eq!(drain(&mut reader), range(0..10));
        log.rotate(10, 20);
        write(&log, 10..30);
        write(&log, 30..35);
        assert_eq!(drain(&mut reader), range(30..35), "20 of 20 lines are lost");
        let account = log.account().unwrap();
        assert_eq!(account.late, (11..=30).collect::<Vec<_>>());
        let spans: Vec<_> = account.files.iter().map(|file| (file.first, file.last)).collect();
        assert_eq!(spans, [(1, 30), (31, 35)]);
        assert_eq!(drain(&mut log.open()), range(30..35), "a renamed file is not served");
    }

    #[test]
    fn two_rotations_lose_a_file_and_repeat_the_next_for_a_slow_reader() {
        let log = Log::new();
        let mut reader = log.open();
        write(&log, 0..60);
        assert_eq!(drain(&mut reader), range(0..60));
        write(&log, 60..160);
        log.rotate(160, 0);
        write(&log, 160..260);
        log.rotate(260, 0);
        write(&log, 260..360);
        // 100 lost, 100 twice, as measured with the real reader.
        let expected = [range(60..160), range(260..360), range(260..360)].concat();
        assert_eq!(drain(&mut reader), expected);
        assert_eq!(reader.read(), Read::Waiting);
    }

    #[test]
    fn a_rotation_during_the_backlog_stalls_a_reader_until_the_next() {
        let log = Log::new();
        write(&log, 0..150);
        let mut reader = log.open();
        log.rotate(150, 0);
        write(&log, 150..260);
        assert_eq!(drain(&mut reader), range(0..150), "110 of 260 lines never come");
        write(&log, 260..270);
        assert_eq!(reader.read(), Read::Waiting);
        log.rotate(270, 0);
        write(&log, 270..275);
        assert_eq!(drain(&mut reader), range(270..275));
    }

    #[test]
    fn a_file_is_renamed_at_the_first_look_at_which_it_is_too_large() {
        let rotation = Rotation {
            largest: 60,
            every: 10,
            window: 0,
        };
        let log = Log::with(Some(rotation), Some(Account::default()));
        write(&log, 0..35);
        let files = log.account().unwrap().files;
        let spans: Vec<_> = files
            .iter()
            .map(|file| (file.first, file.last, file.replaced))
            .collect();
        assert_eq!(
            spans,
            [
                (1, 10, Some(10)),
                (11, 20, Some(20)),
                (21, 30, Some(30)),
                (31, 35, None)
            ]
        );
    }

    #[test]
    fn a_removed_log_has_nothing_for_a_new_reader() {
        let log = Log::with(None, Some(Account::default()));
        write(&log, 0..3);
        let mut old = log.open();
        log.end();
        log.remove(9);
        assert_eq!(drain(&mut old), range(0..3));
        assert_eq!(old.read(), Read::Ended);
        assert!(drain(&mut log.open()).is_empty());
        assert_eq!(log.account().unwrap().gone, Some(9));
    }
}
