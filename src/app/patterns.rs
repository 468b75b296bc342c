//! Mines the patterns of log files or of standard input: reads ahead on another thread, keeps no line.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::app::clock::Clock;
use crate::app::headless::Ended;
use crate::app::progress::Meter;
use crate::files::lines::{BLOCK, Blocks, Cutter, whole_lines};
use crate::files::spool::Spool;
use crate::logs::census::{Census, Joining, Row};
use crate::model::{Level, PatternId};
use crate::report::progress::Progress;
use crate::term::signals::{Signal, Signals, stop_self};
use crate::text::envelope::Envelope;

/// What gzip files begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// One source of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Stdin,
    File(PathBuf),
}

/// Whether every record is kept as a row for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    Kept,
    NotKept,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Read one after the other.
    pub inputs: Vec<Input>,
    pub joining: Joining,
    pub rows: Rows,
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{name}: {cause}")]
    Unreadable { name: String, cause: io::Error },
    #[error("{0}: is a directory; name the files in it")]
    Directory(String),
    #[error("{0}: is compressed; try `gzip -dc {0} | kontrast patterns`")]
    Compressed(String),
    #[error("keep the rows in a temporary file: {0}")]
    Spool(io::Error),
}

/// What was found.
#[derive(Debug)]
pub struct Mined {
    pub ended: Ended,
    pub census: Census,
    pub rows: Spool,
}

/// Reads all inputs to their end, or until a signal comes.
pub async fn mine(request: Request, signals: &mut Signals, clock: Clock) -> Result<Mined, Error> {
    let total = check(&request.inputs)?;
    let mut mining = Mining {
        census: Census::new(request.joining),
        rows: Spool::default(),
        keeps: request.rows,
        spooled: Ok(()),
        meter: Meter::start(clock),
        read: 0,
        total,
    };
    let mut ended = Ended::Done;
    for input in &request.inputs {
        let mut reading = Reading::of(input)?;
        if let Some(end) = mining.read_to_end(&mut reading, signals).await? {
            ended = end;
            break;
        }
    }
    mining.spooled.map_err(Error::Spool)?;
    mining.census.finish();
    Ok(Mined {
        ended,
        census: mining.census,
        rows: mining.rows,
    })
}

/// Looks at all files before the first is read, which may take long; how many bytes they have, if that is known.
fn check(inputs: &[Input]) -> Result<Option<u64>, Error> {
    let mut total = Some(0_u64);
    for input in inputs {
        let Input::File(path) = input else {
            total = None;
            continue;
        };
        let name = || path.display().to_string();
        let unreadable = |cause| Error::Unreadable { name: name(), cause };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(Error::Directory(name()));
        }
        if !metadata.is_file() {
            // A pipe is opened once.
            total = None;
            continue;
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mut front = Vec::new();
        file.by_ref().take(2).read_to_end(&mut front).map_err(unreadable)?;
        if front == GZIP {
            return Err(Error::Compressed(name()));
        }
        total = total.map(|total| total.saturating_add(metadata.len()));
    }
    Ok(total)
}

/// A reader that lives on another thread while it reads.
type Source = Blocks<Box<dyn Read + Send>>;
type NextBlock = JoinHandle<(Source, io::Result<Option<bytes::Bytes>>)>;

/// One input with the read that is under way.
struct Reading {
    name: String,
    next: NextBlock,
}

impl Reading {
    fn of(input: &Input) -> Result<Self, Error> {
        let (name, reader): (_, Box<dyn Read + Send>) = match input {
            Input::Stdin => ("standard input".to_owned(), Box::new(io::stdin())),
            Input::File(path) => {
                let name = path.display().to_string();
                let file = File::open(path).map_err(|cause| Error::Unreadable {
                    name: name.clone(),
                    cause,
                })?;
                (name, Box::new(file))
            }
        };
        Ok(Self {
            name,
            next: ahead(Blocks::new(reader, BLOCK)),
        })
    }

    /// The next block, while the one after it is being read already. May be dropped while it waits without losing one.
    async fn block(&mut self) -> Result<Option<bytes::Bytes>, Error> {
        let unreadable = |cause| Error::Unreadable {
            name: self.name.clone(),
            cause,
        };
        let (blocks, block) = (&mut self.next)
            .await
            .map_err(|error| unreadable(io::Error::other(error)))?;
        let block = block.map_err(unreadable)?;
        if block.is_some() {
            self.next = ahead(blocks);
        }
        Ok(block)
    }
}

fn ahead(mut blocks: Source) -> NextBlock {
    spawn_blocking(move || {
        let block = blocks.read();
        (blocks, block)
    })
}

struct Mining {
    census: Census,
    rows: Spool,
    keeps: Rows,
    /// The first failure to keep a row.
    spooled: io::Result<()>,
    meter: Meter,
    /// Bytes.
    read: u64,
    total: Option<u64>,
}

impl Mining {
    async fn read_to_end(&mut self, reading: &mut Reading, signals: &mut Signals) -> Result<Option<Ended>, Error> {
        let mut cutter = Cutter::default();
        let mut begun = false;
        loop {
            let block = tokio::select! {
                biased;
                signal = signals.next() => match signal {
                    // The line that was cut off in the middle is no line.
                    Signal::Interrupt => break Ok(Some(self.close(Ended::Interrupted))),
                    Signal::Terminate => break Ok(Some(self.close(Ended::Terminated))),
                    Signal::Stop => {
                        // The terminal is as the shell left it; the next signal to look at.
                        drop(stop_self());
                        continue;
                    }
                },
                block = reading.block() => block?,
            };
            let Some(block) = block else {
                if let Some(line) = cutter.finish() {
                    self.push(line);
                }
                self.close(Ended::Done);
                break Ok(None);
            };
            if !begun {
                begun = true;
                if block.starts_with(&GZIP) {
                    return Err(Error::Compressed(reading.name.clone()));
                }
                self.census.open(Envelope::of(whole_lines(&block, BLOCK)));
            }
            self.read += u64::try_from(block.len()).unwrap_or(u64::MAX);
            cutter.feed(block);
            while let Some(line) = cutter.line() {
                self.push(line);
            }
            self.show();
            if self.spooled.is_err() {
                break Ok(None);
            }
        }
    }

    /// Completes the open record.
    fn close(&mut self, ended: Ended) -> Ended {
        let Self {
            census,
            rows,
            keeps,
            spooled,
            ..
        } = self;
        census.close(|row| keep(rows, *keeps, spooled, row));
        ended
    }

    fn push(&mut self, line: bytes::Bytes) {
        let Self {
            census,
            rows,
            keeps,
            spooled,
            ..
        } = self;
        census.push(line, |row| keep(rows, *keeps, spooled, row));
    }

    fn show(&mut self) {
        let census = &self.census;
        let (read, total) = (self.read, self.total);
        self.meter.update(|| Progress {
            read,
            total,
            lines: census.totals().lines,
            patterns: Some(census.patterns()),
        });
    }
}

fn keep(rows: &mut Spool, keeps: Rows, spooled: &mut io::Result<()>, row: Row) {
    if keeps == Rows::Kept && spooled.is_ok() {
        *spooled = rows.write(|out| write_row(out, row));
    }
}

/// A row in few bytes: the number of its pattern, of its lines, and of its level.
fn write_row(out: &mut Vec<u8>, row: Row) {
    write_number(out, row.pattern.0);
    write_number(out, row.lines);
    out.push(row.level as u8);
}

/// Seven bits a byte, the lowest first; all bytes but the last have the eighth.
fn write_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// The rows that were kept, in their order.
pub fn for_each_row(rows: Spool, mut each: impl FnMut(Row) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = io::BufReader::with_capacity(BLOCK, rows.into_reader()?).bytes();
    while let Some(first) = bytes.next() {
        let pattern = PatternId(read_number(first?, &mut bytes)?);
        let first = next(&mut bytes)?;
        let lines = read_number(first, &mut bytes)?;
        let level = level(next(&mut bytes)?);
        each(Row { lines, level, pattern })?;
    }
    Ok(())
}

fn next(bytes: &mut impl Iterator<Item = io::Result<u8>>) -> io::Result<u8> {
    bytes.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
}

fn read_number(first: u8, bytes: &mut impl Iterator<Item = io::Result<u8>>) -> io::Result<u32> {
    let (mut byte, mut shift) = (first, 0);
    let mut number = u32::from(byte & 0x7f);
    while byte >= 0x80 {
        byte = next(bytes)?;
        shift += 7;
        number |= u32::from(byte & 0x7f).unbounded_shl(shift);
    }
    Ok(number)
}

fn level(byte: u8) -> Level {
    let all = [
        Level::None,
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Fatal,
    ];
    all.into_iter().find(|level| *level as u8 == byte).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_kept() {
        let rows: Vec<_> = [0, 1, 127, 128, 300, 70_000, u32::MAX]
            .into_iter()
            .flat_map(|n| {
                [Level::None, Level::Warn, Level::Fatal].map(|level| Row {
                    lines: n / 2 + 1,
                    level,
                    pattern: PatternId(n),
                })
            })
            .collect();
        let mut spool = Spool::default();
        for row in &rows {
            spool.write(|out| write_row(out, *row)).unwrap();
        }
        let mut read = Vec::new();
        for_each_row(spool, |row| {
            read.push(row);
            Ok(())
        })
        .unwrap();
        assert_eq!(read, rows);
    }
}
