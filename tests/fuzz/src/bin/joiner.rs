//! Mutated lines through the joiner. One execution is one line pushed. Invariants: no byte is lost, added or moved;
//! records are bounded; the message lies inside of the first line; time is the first line's; nothing is given out before
//! it is due and nothing kept back after a flush.

use bytes::Bytes;
use kontrast::model::{Line, Time};
use kontrast::text::header;
use kontrast::text::join::{Joined, Joiner};
use kontrast_fuzz::{Random, Run, broken, line};

/// Lines of one source before the next one begins.
const MOST_LINES_OF_A_SOURCE: usize = 1_500;
/// The joiner's own bounds.
const MOST_LINES: usize = 500;
const MOST_BYTES: usize = 256 * 1024;

fn main() {
    let run = Run::from_args(10_000_000);
    let mut random = Random::new(run.seed);
    let mut done = 0;
    while done < run.executions {
        let lines = source(&mut random);
        done += u64::try_from(lines.len()).unwrap_or(0);
        if let Err(what) = check(&lines, &mut random) {
            broken(what, &run, &lines);
        }
    }
    run.report(done);
}

/// Lines of one program: mostly few different ones, so that records form.
fn source(random: &mut Random) -> Vec<Vec<u8>> {
    let count = match random.below(20) {
        0 => random.below(MOST_LINES_OF_A_SOURCE),
        _ => random.below(40),
    };
    let mut lines = Vec::with_capacity(count);
    let mut text = Vec::new();
    for _ in 0..count {
        if lines.is_empty() || random.below(4) > 0 {
            line(random, &mut text);
        }
        lines.push(text.clone());
    }
    lines
}

fn check(lines: &[Vec<u8>], random: &mut Random) -> Result<(), &'static str> {
    let mut joiner = Joiner::new();
    let mut records = Vec::new();
    let mut now = Time(0);
    for (at, text) in lines.iter().enumerate() {
        let line = Line {
            time: Time(i64::try_from(at).unwrap_or(0)),
            bytes: Bytes::copy_from_slice(text),
        };
        joiner.push(line, now, &mut records);
        if joiner.due().is_some_and(|due| due <= now) {
            return Err("a record is due at once");
        }
        if random.below(8) == 0 {
            now = Time(now.0 + 300_000_000);
            joiner.flush_due(now, &mut records);
            if joiner.due().is_some_and(|due| due <= now) {
                return Err("a record is kept back although it was due");
            }
        }
    }
    joiner.flush(&mut records);
    if joiner.due().is_some() {
        return Err("a record is kept back although it was flushed");
    }
    all_lines_are_there(lines, &records)?;
    records.iter().try_for_each(is_sound)
}

fn all_lines_are_there(lines: &[Vec<u8>], records: &[Joined]) -> Result<(), &'static str> {
    let mut at = 0;
    for record in records {
        if record.time != Time(i64::try_from(at).unwrap_or(0)) {
            return Err("a record has the time of another line");
        }
        for line in record.lines.iter() {
            if lines.get(at).map(Vec::as_slice) != Some(&line[..]) {
                return Err("a line is lost or moved");
            }
            at += 1;
        }
    }
    if at == lines.len() {
        Ok(())
    } else {
        Err("the last lines are lost")
    }
}

fn is_sound(record: &Joined) -> Result<(), &'static str> {
    let Some(first) = record.lines.first() else {
        return Err("a record has no line");
    };
    let bytes: usize = record.lines.iter().map(Bytes::len).sum();
    if record.lines.len() > MOST_LINES || (record.lines.len() > 1 && bytes > MOST_BYTES) {
        return Err("a record is not bounded");
    }
    if record.header.message.start > record.header.message.end || first.get(record.header.message.clone()).is_none() {
        return Err("a message is not in its line");
    }
    let mut sound = true;
    header::for_each_cause(first, &record.header, |key, value| {
        sound &= is_within(first, key) && is_within(first, value)
    });
    if sound {
        Ok(())
    } else {
        Err("a cause is not in its line")
    }
}

/// Whether `part` is a piece of `whole`'s memory.
fn is_within(whole: &[u8], part: &[u8]) -> bool {
    let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
    part.start >= whole.start && part.end <= whole.end
}
