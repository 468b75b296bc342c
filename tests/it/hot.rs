//! The three hot paths, measured in instructions: the same on any load, unlike time. The counts of one toolchain and
//! one kind of processor repeat to a few in a million; `tests/hot/instructions.toml` holds those that were recorded.
//!
//! `cargo test --release --test it hot:: -- --ignored` needs valgrind and fails where a path got more than a tenth
//! longer; `UPDATE_HOT=1` in front of it records anew, after a change that is worth its price, or a new toolchain.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use kontrast::logs::pattern::{Entry, Guard, Miner};
use kontrast::logs::{Content, Record, Records};
use kontrast::model::{ContextId, Level, Line, PatternId, RecordId, SourceId, Time};
use kontrast::text::join::{Joined, Joiner};

const LINES: usize = 20_000;

/// Each is a function here that is counted, and a test that calls it.
const PATHS: [&str; 3] = ["header_and_join", "scan_and_learn", "store_insert"];

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hot/instructions.toml")
}

/// Numbers that look random and never change.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// The log of one container after the other: JSON, logfmt, klog, a Python logger with tracebacks, and bare lines.
fn lines() -> Vec<Bytes> {
    const VERBS: [&str; 8] = [
        "opened", "stored", "dropped", "queued", "checked", "moved", "merged", "closed",
    ];
    const NOUNS: [&str; 8] = [
        "order", "basket", "parcel", "ticket", "voucher", "label", "invoice", "receipt",
    ];
    let mut dice = Dice(1);
    let mut lines = Vec::with_capacity(LINES);
    while lines.len() < LINES {
        let pick = |words: [&'static str; 8], n: u64| words[usize::try_from(n).unwrap()];
        let (verb, noun) = (pick(VERBS, dice.below(8)), pick(NOUNS, dice.below(8)));
        let (id, millis) = (dice.below(100_000), dice.below(1000));
        let at = format!(
            "2026-03-04T08:{:02}:{:02}.{millis:03}Z",
            lines.len() / 6000,
            lines.len() / 100 % 60
        );
        let text = match lines.len() * 5 / LINES {
            0 => format!(r#"{{"level":"info","ts":"{at}","msg":"{noun} {verb}","id":{id},"took":"{millis}ms"}}"#),
            1 => format!(
                r#"time="{at}" level=info msg="{noun} {id} {verb}" took={millis}ms peer=10.0.3.{}"#,
                id % 256
            ),
            2 => format!(
                "I0304 08:00:00.{millis:03}000       1 store.go:{}] {noun} {id} {verb} in {millis}ms",
                id % 500
            ),
            3 if id % 20 == 0 => format!(
                "2026-03-04 08:00:00,{millis:03} ERROR store: {noun} {id} lost\nTraceback (most recent call last):\n  \
                 File \"/srv/store.py\", line {}, in keep\n    keep({id})\nKeyError: {id}",
                id % 300
            ),
            3 => format!("2026-03-04 08:00:00,{millis:03} INFO store: {noun} {id} {verb}"),
            _ => format!("{noun} {id} was {verb} by /srv/bin/worker-{} after {millis}ms", id % 30),
        };
        lines.extend(text.lines().map(|line| Bytes::copy_from_slice(line.as_bytes())));
    }
    lines
}

fn header_and_join(lines: &[Bytes], out: &mut Vec<Joined>) {
    let mut joiner = Joiner::new();
    for (n, bytes) in lines.iter().enumerate() {
        let time = Time::from_millis(i64::try_from(n).unwrap());
        let line = Line {
            time,
            bytes: bytes.clone(),
        };
        joiner.push(line, time, out);
    }
    joiner.flush(out);
}

fn joined() -> Vec<Joined> {
    let mut out = Vec::with_capacity(LINES);
    header_and_join(&lines(), &mut out);
    out
}

/// Patterns that are known: what nearly every record of a long run is.
fn scan_and_learn(miner: &mut Miner, guard: &mut Guard, records: &[Joined]) {
    for record in records {
        let entry = Entry {
            level: record.level,
            header: &record.header,
            lines: &record.lines,
        };
        black_box(miner.learn(&entry, guard));
    }
}

#[inline(never)]
fn measured_store_insert(records: &mut Records, new: Vec<Record>) {
    for record in new {
        records.insert(record);
        records.shrink_to(1024 * 1024);
    }
}

/// Only what runs inside of a function of this name is counted: the same work is also part of setting up others.
#[inline(never)]
fn measured_header_and_join(lines: &[Bytes], out: &mut Vec<Joined>) {
    header_and_join(lines, out);
}

#[inline(never)]
fn measured_scan_and_learn(miner: &mut Miner, guard: &mut Guard, records: &[Joined]) {
    scan_and_learn(miner, guard, records);
}

#[test]
#[ignore = "run by `hot_paths_are_not_longer_than_recorded`"]
fn run_header_and_join() {
    let mut out = Vec::with_capacity(LINES);
    measured_header_and_join(&lines(), &mut out);
    assert!(out.len() > LINES / 2);
}

#[test]
#[ignore = "run by `hot_paths_are_not_longer_than_recorded`"]
fn run_scan_and_learn() {
    let records = joined();
    let (mut miner, mut guard) = (Miner::default(), Guard::default());
    scan_and_learn(&mut miner, &mut guard, &records);
    miner.regroup();
    measured_scan_and_learn(&mut miner, &mut guard, &records);
}

#[test]
#[ignore = "run by `hot_paths_are_not_longer_than_recorded`"]
fn run_store_insert() {
    let source = SourceId {
        context: ContextId(0),
        n: 0,
    };
    let mut dice = Dice(2);
    let new = (0..)
        .zip(joined())
        .map(|(n, record)| Record {
            id: RecordId(n + 1),
            source,
            // Streams of several clusters arrive a little out of order.
            time: Time::from_millis(i64::try_from(n * 10 + dice.below(100)).unwrap()),
            content: Content::Text {
                level: Level::Info,
                pattern: PatternId(1),
                bytes: record.lines[0].clone(),
            },
        })
        .collect();
    let mut records = Records::default();
    measured_store_insert(&mut records, new);
    assert!(records.dropped() > 0, "nothing had to go: {} bytes", records.bytes());
}

/// Runs one of the tests above under callgrind, which counts from where the function of the path is entered to where
/// it is left.
fn instructions(path: &str, dir: &Path) -> u64 {
    let out = dir.join(path);
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--quiet"])
        .arg(format!("--toggle-collect=*measured_{path}*"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--test-threads=1"])
        .arg(format!("hot::run_{path}"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{path}: {status}");
    let profile = std::fs::read_to_string(out).unwrap();
    let count = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    count.unwrap().trim().parse().unwrap()
}

#[test]
#[ignore = "needs valgrind and a release build"]
fn hot_paths_are_not_longer_than_recorded() {
    if cfg!(debug_assertions) {
        eprintln!("a debug build says nothing about the hot paths; run with --release");
        return;
    }
    if !Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("valgrind is not there; nothing was measured");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let measured = PATHS.map(|path| (path, instructions(path, dir.path())));
    if std::env::var_os("UPDATE_HOT").is_some() {
        let mut text = "# Instructions of each hot path for 20,000 lines; written by\n\
            # UPDATE_HOT=1 cargo test --release --test it hot:: -- --ignored\n"
            .to_owned();
        for (path, count) in measured {
            writeln!(text, "{path} = {count}").unwrap();
        }
        std::fs::write(recorded(), text).unwrap();
        return;
    }
    let recorded: toml::Table = std::fs::read_to_string(recorded()).unwrap().parse().unwrap();
    for (path, count) in measured {
        let before = recorded[path]
            .as_integer()
            .and_then(|count| u64::try_from(count).ok())
            .unwrap();
        println!("{path}: {count} instructions, {before} recorded");
        assert!(
            count <= before + before / 10,
            "{path} takes {count} instructions, {before} were recorded: make it shorter, or record it anew"
        );
    }
}
