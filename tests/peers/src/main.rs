//! Kontrast's miner beside crate logdrain, in one process on one core, and its memory under attack.
//!
//! `cargo run --release --manifest-path tests/peers/Cargo.toml -- speed [FILE] [--seed N] [--lines N]` makes diverse
//! raw lines (or reads them) and gives them in turns to both: CPU time, ratio, patterns made, true number of patterns,
//! and how fast the last 100,000 lines are beside the first. Kontrast's time includes headers, joining and counting;
//! logdrain is given the raw lines as they are, in its default configuration.
//!
//! `... -- memory [--lines N]` gives it lines of which no two are alike and prints how far the memory grew at most.

mod stream;

use std::time::Duration;

use bytes::Bytes;
use kontrast::logs::census::{Census, Joining};
use kontrast::text::envelope::Envelope;

use stream::{Hostile, Stream};

/// Lines that one of the two gets before it is the other's turn.
const TURN: usize = 10_000;
/// Lines whose speed is compared at both ends.
const END: usize = 100_000;

struct Asked {
    mode: String,
    file: Option<String>,
    seed: u64,
    lines: usize,
}

fn asked() -> Result<Asked, String> {
    let mut words = std::env::args().skip(1);
    let mode = words.next().ok_or("expected speed or memory")?;
    let mut asked = Asked {
        lines: if mode == "memory" { 10_000_000 } else { 1_000_000 },
        mode,
        file: None,
        seed: 1,
    };
    while let Some(word) = words.next() {
        let mut number = || {
            words
                .next()
                .and_then(|word| word.parse().ok())
                .ok_or(format!("expected a number behind {word}"))
        };
        match word.as_str() {
            "--seed" => asked.seed = number()?,
            "--lines" => asked.lines = usize::try_from(number()?).map_err(|error| error.to_string())?,
            _ => asked.file = Some(word),
        }
    }
    Ok(asked)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let asked = asked()?;
    match asked.mode.as_str() {
        "speed" => speed(&asked),
        "memory" => memory(&asked),
        other => Err(format!("expected speed or memory, not {other}").into()),
    }
}

fn speed(asked: &Asked) -> Result<(), Box<dyn std::error::Error>> {
    let (text, truth) = match &asked.file {
        Some(file) => (std::fs::read(file)?, None),
        None => {
            let mut stream = Stream::new(asked.seed);
            let text = stream.lines(asked.lines);
            (text, Some(stream.met()))
        }
    };
    let text = Bytes::from(String::from_utf8_lossy(&text).into_owned());
    let lines: Vec<Bytes> = text
        .split(|byte| *byte == b'\n')
        .map(|line| text.slice_ref(line))
        .take(asked.lines)
        .collect();
    let mut census = Census::new(Joining::Joined);
    census.open(Envelope::None);
    let peer = logdrain::Miner::builder().build()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in lines.chunks(TURN) {
        ours.push(cpu_of(|| {
            for line in turn {
                census.push(line.clone(), |_| {});
            }
        }));
        theirs.push(cpu_of(|| {
            for line in turn {
                peer.add(std::str::from_utf8(line).unwrap_or_default());
            }
        }));
    }
    census.close(|_| {});
    let (our, their): (Duration, Duration) = (ours.iter().sum(), theirs.iter().sum());
    let rate = |took: Duration| lines.len() as f64 / took.as_secs_f64() / 1e6;
    println!("{} lines, {} bytes, seed {}", lines.len(), text.len(), asked.seed);
    println!(
        "kontrast  {our:>8.3?} CPU  {:.3} M lines/s  {} patterns",
        rate(our),
        census.patterns()
    );
    println!(
        "logdrain  {their:>8.3?} CPU  {:.3} M lines/s  {} patterns",
        rate(their),
        peer.len()
    );
    println!("ratio     {:.2}", their.as_secs_f64() / our.as_secs_f64());
    if let Some(truth) = truth {
        println!(
            "true      {truth} patterns; kontrast makes {:.2} times, logdrain {:.2} times as many",
            census.patterns() as f64 / truth as f64,
            peer.len() as f64 / truth as f64
        );
    }
    let turns = (END / TURN).min(ours.len() / 2).max(1);
    let (first, last): (Duration, Duration) = (ours.iter().take(turns).sum(), ours.iter().rev().take(turns).sum());
    println!(
        "last {} lines at {:.3} of the speed of the first",
        turns * TURN,
        first.as_secs_f64() / last.as_secs_f64()
    );
    Ok(())
}

fn memory(asked: &Asked) -> Result<(), Box<dyn std::error::Error>> {
    let mut hostile = Hostile::new(asked.seed);
    let mut census = Census::new(Joining::Joined);
    census.open(Envelope::None);
    let before = peak_memory()?;
    for _ in 0..asked.lines {
        census.push(hostile.line(), |_| {});
    }
    census.close(|_| {});
    let after = peak_memory()?;
    println!("{} lines, no two alike: {} patterns", asked.lines, census.patterns());
    println!(
        "peak memory grew by {:.1} MiB (from {:.1} MiB)",
        (after - before) as f64 / 1024.0,
        before as f64 / 1024.0
    );
    Ok(())
}

/// The processor time of this thread that `work` takes.
fn cpu_of(work: impl FnOnce()) -> Duration {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    };
    let began = now();
    work();
    now() - began
}

/// KiB; Linux tells it.
fn peak_memory() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
