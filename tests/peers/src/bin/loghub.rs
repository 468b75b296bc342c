//! Grouping accuracy on labelled logs in the layout of Loghub-2k: `loghub DIR [--raw]`, where DIR holds
//! `NAME/NAME_2k.log` and `NAME/NAME_2k.log_structured.csv`. One configuration for all systems.
//!
//! GA is the share of lines whose group is exactly a true group (Zhu et al., ICSE-SEIP 2019); FGA the harmonic mean
//! of the shares of predicted and of true groups that are exact (Jiang et al., ISSTA 2024). A true group is an
//! `EventId`.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kontrast::logs::pattern::{Entry, Guard, Miner};
use kontrast::model::{Line, Time};
use kontrast::text::join::Joiner;

/// What of a line is mined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The message, as the labels' authors cut it out.
    Content,
    /// The whole line.
    Raw,
}

struct Score {
    accuracy: f64,
    f1: f64,
    found: usize,
    truth: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut part = Part::Content;
    let mut root = None;
    for argument in std::env::args_os().skip(1) {
        if argument == "--raw" {
            part = Part::Raw;
        } else {
            root = Some(PathBuf::from(argument));
        }
    }
    let root = root.ok_or("usage: loghub DIR [--raw]")?;
    let mut systems: Vec<_> = fs::read_dir(&root)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    systems.sort();
    let mut out = io::stdout().lock();
    let (mut accuracy, mut f1, mut count) = (0.0, 0.0, 0.0);
    for system in systems {
        let Some(name) = system.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let score = score(&system, name, part)?;
        writeln!(
            out,
            "{name:<14} GA {:.3}  FGA {:.3}  {} patterns for {}",
            score.accuracy, score.f1, score.found, score.truth
        )?;
        accuracy += score.accuracy;
        f1 += score.f1;
        count += 1.0;
    }
    writeln!(out, "{:<14} GA {:.3}  FGA {:.3}", "mean", accuracy / count, f1 / count)?;
    Ok(())
}

fn score(system: &Path, name: &str, part: Part) -> Result<Score, Box<dyn Error>> {
    let labels = fs::read(system.join(format!("{name}_2k.log_structured.csv")))?;
    let rows = csv(&String::from_utf8_lossy(&labels));
    let (head, rows) = rows.split_first().ok_or("an empty file of labels")?;
    let column = |wanted: &str| {
        head.iter()
            .position(|title| title == wanted)
            .ok_or_else(|| format!("{name}: no column {wanted}"))
    };
    let (content, event) = (column("Content")?, column("EventId")?);
    let raw = fs::read(system.join(format!("{name}_2k.log")))?;
    let raw: Vec<&[u8]> = raw.split(|byte| *byte == b'\n').collect();
    let mut lines: Vec<&[u8]> = Vec::with_capacity(rows.len());
    for (n, row) in rows.iter().enumerate() {
        lines.push(match part {
            Part::Content => row.get(content).map_or(b"", |text| text.as_bytes()),
            Part::Raw => raw.get(n).copied().ok_or("fewer lines than labels")?,
        });
    }
    let found = mine(&lines);
    let truth: Vec<&str> = rows.iter().map(|row| row.get(event).map_or("", String::as_str)).collect();
    Ok(compare(&found, &truth))
}

/// The pattern of each line, each line taken as a record of its own.
fn mine(lines: &[&[u8]]) -> Vec<u32> {
    let mut miner = Miner::default();
    let mut guard = Guard::default();
    let mut joiner = Joiner::new();
    let mut records = Vec::new();
    let mut ids = Vec::with_capacity(lines.len());
    for line in lines {
        let bytes = Bytes::copy_from_slice(line);
        joiner.push(Line { time: Time(0), bytes }, Time(0), &mut records);
        joiner.flush(&mut records);
        for record in records.drain(..) {
            let entry = Entry {
                level: record.level,
                header: &record.header,
                lines: &record.lines,
            };
            ids.push(miner.learn(&entry, &mut guard));
        }
    }
    miner.regroup();
    ids.into_iter().map(|id| miner.root(id).0).collect()
}

fn compare(found: &[u32], truth: &[&str]) -> Score {
    let mut groups: HashMap<u32, (usize, BTreeMap<&str, usize>)> = HashMap::new();
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    for (id, event) in found.iter().zip(truth) {
        let group = groups.entry(*id).or_default();
        group.0 += 1;
        *group.1.entry(event).or_default() += 1;
        *sizes.entry(event).or_default() += 1;
    }
    let exact: Vec<usize> = groups
        .values()
        .filter(|(size, events)| events.len() == 1 && events.keys().all(|event| sizes.get(event) == Some(size)))
        .map(|(size, _)| *size)
        .collect();
    let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let (precision, recall) = (ratio(exact.len(), groups.len()), ratio(exact.len(), sizes.len()));
    Score {
        accuracy: ratio(exact.iter().sum(), found.len()),
        f1: 2.0 * precision * recall / (precision + recall).max(f64::MIN_POSITIVE),
        found: groups.len(),
        truth: sizes.len(),
    }
}

/// Rows of comma-separated values with quotes as in RFC 4180.
fn csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}
