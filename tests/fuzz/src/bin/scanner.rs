//! Mutated lines through the scanner and the miner. One execution is one text scanned. Invariants: nothing panics; the
//! parts of a text lie in order inside of it and leave out nothing but blanks and values; equal texts have equal keys;
//! what is learned stays in its pattern's shape.

use bytes::Bytes;
use kontrast::logs::pattern::{Entry, Guard, Miner, parts};
use kontrast::text::header::{self, Format};
use kontrast_fuzz::{Random, Run, broken, line};

/// Records that one miner learns before the next one begins.
const RECORDS_OF_A_MINER: usize = 4_000;

/// Keys that it may tell apart: so few that it gets full.
const KEYS: usize = 1_000;

fn main() {
    let run = Run::from_args(10_000_000);
    let mut random = Random::new(run.seed);
    let mut text = Vec::new();
    let mut done = 0;
    while done < run.executions {
        let mut miner = Miner::new(KEYS);
        let mut guard = Guard::new();
        for n in 0..RECORDS_OF_A_MINER {
            line(&mut random, &mut text);
            done += 1;
            if let Err(what) = check(&text) {
                broken(what, &run, std::slice::from_ref(&text));
            }
            // Learning takes far longer than scanning.
            if n % 8 == 0
                && let Err(what) = learn(&mut miner, &mut guard, &text)
            {
                broken(what, &run, std::slice::from_ref(&text));
            }
        }
        miner.regroup();
    }
    run.report(done);
}

fn check(text: &[u8]) -> Result<(), &'static str> {
    let found = parts(text);
    let mut end = 0;
    for part in &found {
        if part.start < end || part.end < part.start || part.end > text.len() {
            return Err("the parts of a text are not in order inside of it");
        }
        end = part.end;
    }
    if parts(text) == found { Ok(()) } else { Err("the same text has other parts the second time") }
}

fn learn(miner: &mut Miner, guard: &mut Guard, text: &[u8]) -> Result<(), &'static str> {
    let lines = [Bytes::copy_from_slice(text)];
    let header = header::parse(&lines[0], Format::None);
    let entry = Entry {
        level: header.level,
        header: &header,
        lines: &lines,
    };
    let id = miner.learn(&entry, guard);
    let again = miner.learn(&entry, &mut guard.clone());
    if id != again && !guard.is_coarse() {
        return Err("the same record has another key the second time");
    }
    let root = miner.root(id);
    if miner.root(root) != root {
        return Err("the root of a leaf is no root");
    }
    match miner.pattern(root) {
        Some(pattern) if !pattern.text().is_empty() => Ok(()),
        _ => Err("a pattern has no text"),
    }
}
