//! Contrasts a saved tree of logs: reads all its files at once in the order of time, block by block, and gives the
//! lines to the same engine that a live run uses.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;

use crate::app::clock::Clock;
use crate::app::headless::Ended;
use crate::app::progress::Meter;
use crate::contrast::{Aliases, Evidence, Lens};
use crate::files::lines::{BLOCK, Blocks, Cutter, Reopened, whole_lines};
use crate::files::tree::{self, TreeFile};
use crate::logs::Snapshot;
use crate::logs::engine::{Engine, EngineConfig};
use crate::model::{ContextId, Ingest, Line, SourceId, Time};
use crate::report::coverage;
use crate::report::plan::{Instances, Place, Plan, Rank, Step};
use crate::report::progress::Progress;
use crate::term::signals::{Signal, Signals, stop_self};
use crate::text::envelope::{Envelope, Unwrapped, Unwrapper};
use crate::text::header::{self, Format};

/// Bytes that all files together may be read ahead.
const AHEAD: usize = 64 * 1024 * 1024;
const SMALLEST_BLOCK: usize = 16 * 1024;
/// Lines handed to the engine at once.
const BATCH: usize = 1024;
/// Batches between two looks at the signals.
const LOOK: u32 = 64;
/// The file beside the logs that tells what was watched.
const COVERAGE: &str = "coverage.json";

/// Why it could not be done. All of these are about what was given to the program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {cause}", .path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{}: expected logs as <cluster>/<namespace>/<pod>/<container>.log here or in logs/, found none", .0.display())]
    NoLogs(PathBuf),
    #[error("{}:{mistake}", .path.display())]
    Coverage { path: PathBuf, mistake: coverage::Mistake },
    #[error(
        "{}:1: expected a time in the lines (`kubectl logs --timestamps`, or a stamp with a date that the program \
         wrote itself), found none in the whole file", .0.display()
    )]
    NoTime(PathBuf),
    #[error("{}: expected at most 65535 clusters", .0.display())]
    TooMany(PathBuf),
}

/// How the clusters are compared.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub lens: Lens,
    pub aliases: Aliases,
}

/// What was found.
#[derive(Debug)]
pub struct Outcome {
    pub ended: Ended,
    pub names: BTreeMap<ContextId, Arc<str>>,
    pub snapshot: Arc<Snapshot>,
}

/// A tree that was looked at and can be read.
#[derive(Debug)]
pub struct Tree {
    plan: Plan,
    streams: Vec<Stream>,
    /// What of it is left out of account, a sentence each.
    pub left_out: Vec<String>,
    /// Bytes of all files.
    total: u64,
}

/// Looks at the tree below `dir`.
pub fn open(dir: &Path) -> Result<Tree, Error> {
    let files = tree::files(dir).map_err(|error| Error::Unreadable {
        path: error.path,
        cause: error.cause,
    })?;
    if files.is_empty() {
        return Err(Error::NoLogs(dir.to_owned()));
    }
    let block = (AHEAD / files.len()).clamp(SMALLEST_BLOCK, BLOCK);
    let mut left_out = Vec::new();
    let coverage = coverage_of(dir, &mut left_out)?;
    let mut known = Vec::new();
    for file in files {
        let place = place(&file);
        known.push((place, first_time(&file, block)?, file));
    }
    let plan = if let Some(coverage) = &coverage {
        Plan::of_coverage(coverage)
    } else {
        let firsts: Vec<_> = known
            .iter()
            .map(|(place, probed, _)| (place.clone(), probed.map(|probed| probed.first)))
            .collect();
        Plan::of_files(&firsts)
    };
    if u16::try_from(plan.contexts.len()).is_err() {
        return Err(Error::TooMany(dir.to_owned()));
    }
    let mut streams = Vec::new();
    let mut total = 0;
    for (place, probed, file) in known {
        let Some(instances) = plan.instances.get(&place) else {
            left_out.push(format!("{}: not in {COVERAGE}", file.path.display()));
            continue;
        };
        if let Some(probed) = probed {
            total += file.size;
            streams.push(Stream::new(file.path, probed, instances.clone(), block));
        }
    }
    Ok(Tree {
        plan,
        streams,
        left_out,
        total,
    })
}

fn place(file: &TreeFile) -> Place {
    Place {
        cluster: file.cluster.as_str().into(),
        namespace: file.namespace.as_str().into(),
        pod: file.pod.as_str().into(),
        container: file.container.as_str().into(),
    }
}

/// The coverage file, if there is one.
fn coverage_of(dir: &Path, left_out: &mut Vec<String>) -> Result<Option<coverage::Coverage>, Error> {
    let path = dir.join(COVERAGE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(Error::Unreadable { path, cause }),
    };
    match coverage::parse(&text) {
        Ok((coverage, unknown)) => {
            left_out.extend(
                unknown
                    .iter()
                    .map(|key| format!("{}: unknown key {key}", path.display())),
            );
            Ok(Some(coverage))
        }
        Err(mistake) => Err(Error::Coverage { path, mistake }),
    }
}

/// What the beginning of a file tells.
#[derive(Clone, Copy, Debug)]
struct Probed {
    envelope: Envelope,
    /// The first time in the file; what stands before it is taken to be of then.
    first: Time,
}

/// Reads a file up to its first time; none if it has no line.
fn first_time(file: &TreeFile, block: usize) -> Result<Option<Probed>, Error> {
    let start = Probed {
        envelope: Envelope::None,
        first: Time::MIN,
    };
    let mut stream = Stream::new(file.path.clone(), start, Vec::new(), block);
    let mut is_empty = true;
    while let Some(line) = stream.raw_line()? {
        is_empty &= line.bytes.is_empty();
        if let Some(first) = time_of(&line) {
            let envelope = stream.envelope;
            return Ok(Some(Probed { envelope, first }));
        }
    }
    if is_empty {
        Ok(None)
    } else {
        Err(Error::NoTime(file.path.clone()))
    }
}

/// When a line was written: by the runtime's stamp, else by its own.
fn time_of(line: &Unwrapped) -> Option<Time> {
    line.time.or_else(|| header::parse(&line.bytes, Format::None).time)
}

/// One file as lines.
#[derive(Debug)]
struct Stream {
    path: PathBuf,
    blocks: Blocks<Reopened>,
    cutter: Cutter,
    unwrapper: Unwrapper,
    envelope: Envelope,
    /// Whether `envelope` is found out.
    begun: bool,
    /// Lines at the end of the file.
    left: Option<VecDeque<Unwrapped>>,
    /// Of the line before: what a line without a time is taken to be of. Never goes back.
    last: Time,
    instances: Instances,
    block: usize,
    /// Bytes read so far.
    read: u64,
}

impl Stream {
    fn new(path: PathBuf, probed: Probed, instances: Instances, block: usize) -> Self {
        Self {
            blocks: Blocks::new(Reopened::new(path.clone()), block),
            path,
            cutter: Cutter::default(),
            unwrapper: Unwrapper::new(probed.envelope),
            envelope: probed.envelope,
            begun: false,
            left: None,
            last: probed.first,
            instances,
            block,
            read: 0,
        }
    }

    fn line(&mut self) -> Result<Option<Line>, Error> {
        let Some(line) = self.raw_line()? else { return Ok(None) };
        self.last = time_of(&line).map_or(self.last, |time| time.max(self.last));
        Ok(Some(Line {
            time: self.last,
            bytes: line.bytes,
        }))
    }

    fn raw_line(&mut self) -> Result<Option<Unwrapped>, Error> {
        loop {
            if let Some(left) = &mut self.left {
                return Ok(left.pop_front());
            }
            let unwrapped = match self.cutter.line() {
                Some(line) => self.unwrapper.push(line),
                None => self.next_block()?,
            };
            if unwrapped.is_some() {
                return Ok(unwrapped);
            }
        }
    }

    /// Makes more lines, or gives what is left at the end.
    fn next_block(&mut self) -> Result<Option<Unwrapped>, Error> {
        let block = self.blocks.read().map_err(|cause| Error::Unreadable {
            path: self.path.clone(),
            cause,
        })?;
        if let Some(block) = block {
            self.read += u64::try_from(block.len()).unwrap_or(u64::MAX);
            if !self.begun {
                self.begun = true;
                self.envelope = Envelope::of(whole_lines(&block, self.block));
                self.unwrapper = Unwrapper::new(self.envelope);
            }
            self.cutter.feed(block);
            return Ok(None);
        }
        let last = self.cutter.finish().and_then(|line| self.unwrapper.push(line));
        let mut left: VecDeque<_> = last.into_iter().collect();
        left.extend(self.unwrapper.finish());
        self.left = Some(left);
        Ok(None)
    }

    /// The instance of the container that wrote at this time.
    fn source(&self, at: Time) -> Option<SourceId> {
        let begun = self.instances.iter().take_while(|(start, _)| *start <= at);
        begun.last().map(|(_, source)| *source)
    }
}

/// Reads the tree and contrasts its clusters.
pub async fn contrast(tree: Tree, look: Look, signals: &mut Signals, clock: Clock) -> Result<Outcome, Error> {
    let names = tree.plan.contexts.iter().cloned().collect();
    let mut replay = Replay::new(tree, look)?;
    let mut meter = Meter::start(clock);
    let mut ended = Ended::Done;
    let mut batches = 0_u32;
    while replay.batch()? {
        batches = batches.wrapping_add(1);
        if !batches.is_multiple_of(LOOK) {
            continue;
        }
        meter.update(|| replay.progress());
        tokio::task::yield_now().await;
        match signals.next().now_or_never() {
            Some(Signal::Interrupt) => ended = Ended::Interrupted,
            Some(Signal::Terminate) => ended = Ended::Terminated,
            // The terminal is as the shell left it; the next signal to look at.
            Some(Signal::Stop) => drop(stop_self()),
            None => {}
        }
        if ended != Ended::Done {
            break;
        }
    }
    Ok(Outcome {
        ended,
        names,
        snapshot: replay.finish(),
    })
}

/// A tree that is being read.
struct Replay {
    engine: Engine,
    steps: VecDeque<Step>,
    streams: Vec<Stream>,
    /// The next line of each stream that has one, by its time.
    next: BinaryHeap<Reverse<(Time, usize)>>,
    /// The lines that `next` is about.
    heads: Vec<Option<Bytes>>,
    /// The last line of each context.
    last: BTreeMap<ContextId, Time>,
    end: Option<Time>,
    now: Time,
    total: u64,
    lines: u64,
}

impl Replay {
    fn new(tree: Tree, look: Look) -> Result<Self, Error> {
        let mut engine = Engine::new(EngineConfig {
            evidence: Evidence::Frozen,
            aliases: look.aliases,
            ..EngineConfig::default()
        });
        engine.open_contexts(tree.plan.contexts);
        engine.set_lens(look.lens);
        let mut replay = Self {
            engine,
            steps: tree.plan.steps.into(),
            heads: vec![None; tree.streams.len()],
            streams: tree.streams,
            next: BinaryHeap::new(),
            last: BTreeMap::new(),
            end: tree.plan.end,
            now: Time::MIN,
            total: tree.total,
            lines: 0,
        };
        for index in 0..replay.streams.len() {
            replay.advance(index)?;
        }
        Ok(replay)
    }

    /// Reads the stream's next line and puts the stream in its place.
    fn advance(&mut self, index: usize) -> Result<(), Error> {
        let Some(stream) = self.streams.get_mut(index) else {
            return Ok(());
        };
        if let Some(line) = stream.line()? {
            self.next.push(Reverse((line.time, index)));
            self.heads[index] = Some(line.bytes);
        }
        Ok(())
    }

    /// Gives the engine the lines of one stream up to where another one or a step is next. `false` at the end.
    fn batch(&mut self) -> Result<bool, Error> {
        let Some(Reverse((first, index))) = self.next.pop() else {
            return Ok(false);
        };
        self.steps_until(first, Rank::Began);
        let other = self.next.peek().map_or(Time::MAX, |Reverse((at, _))| *at);
        let step = self.steps.front().map_or(Time::MAX, |step| step.at);
        let until = other.min(step);
        let (Some(stream), Some(head)) = (self.streams.get_mut(index), self.heads[index].take()) else {
            return Ok(true);
        };
        let mut line = Line {
            time: first,
            bytes: head,
        };
        let mut lines = Vec::new();
        let next = loop {
            self.now = self.now.max(line.time);
            lines.push(line);
            match stream.line()? {
                Some(next) if lines.len() < BATCH && next.time < until => line = next,
                next => break next,
            }
        };
        self.lines += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if let Some(source) = stream.source(first) {
            let last = self.last.entry(source.context).or_insert(self.now);
            *last = self.now.max(*last);
            self.engine.apply(Ingest::Lines { source, lines }, self.now);
        }
        if let Some(next) = next {
            self.next.push(Reverse((next.time, index)));
            self.heads[index] = Some(next.bytes);
        }
        Ok(true)
    }

    /// Applies the steps before `at`, and those at `at` up to `rank`.
    fn steps_until(&mut self, at: Time, rank: Rank) {
        while let Some(step) = self.steps.pop_front_if(|step| (step.at, step.rank) <= (at, rank)) {
            self.now = self.now.max(step.at);
            self.engine.apply(step.ingest, step.at);
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            read: self.streams.iter().map(|stream| stream.read).sum(),
            total: Some(self.total),
            lines: self.lines,
            patterns: None,
        }
    }

    /// Everything was read, or no more is wanted.
    fn finish(mut self) -> Arc<Snapshot> {
        let end = self.end.map_or(self.now, |end| end.max(self.now));
        while let Some(step) = self.steps.pop_front() {
            self.engine.apply(self.closed(step.ingest, end), end);
        }
        self.engine.finish(end);
        self.engine.snapshot(end)
    }

    /// Coverage that lasts to the end ends with the last line of its cluster.
    fn closed(&self, ingest: Ingest, end: Time) -> Ingest {
        let Ingest::CoverageEnded { source, at: Time::MAX } = ingest else {
            return ingest;
        };
        let at = self.last.get(&source.context).copied().unwrap_or(end);
        Ingest::CoverageEnded { source, at }
    }
}
