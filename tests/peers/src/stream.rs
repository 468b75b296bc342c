//! Log lines that nobody wrote: many templates under many headers, in bursts, the same for the same seed.

use std::collections::HashSet;
use std::io::Write as _;

use bytes::Bytes;

const TEMPLATES: usize = 1400;
/// Lines that one template may write in a row.
const LONGEST_BURST: usize = 64;

const WORDS: &[&str] = &[
    "accepted",
    "account",
    "agent",
    "allocated",
    "answer",
    "archive",
    "backup",
    "balance",
    "batch",
    "blocked",
    "bridge",
    "bucket",
    "buffer",
    "builder",
    "cache",
    "cannot",
    "carrier",
    "channel",
    "checked",
    "checkpoint",
    "client",
    "closed",
    "cluster",
    "collector",
    "compacted",
    "completed",
    "config",
    "connected",
    "consumer",
    "copied",
    "counter",
    "cursor",
    "deadline",
    "decoded",
    "delayed",
    "delivered",
    "denied",
    "device",
    "digest",
    "dispatched",
    "drained",
    "dropped",
    "encoder",
    "endpoint",
    "engine",
    "evicted",
    "exchange",
    "expired",
    "export",
    "failed",
    "fetched",
    "filter",
    "finished",
    "flushed",
    "follower",
    "gateway",
    "granted",
    "group",
    "handler",
    "heartbeat",
    "image",
    "import",
    "index",
    "ingest",
    "invalid",
    "journal",
    "kernel",
    "lease",
    "ledger",
    "limit",
    "listener",
    "loaded",
    "locked",
    "manifest",
    "member",
    "merged",
    "message",
    "migrated",
    "mirror",
    "missing",
    "mounted",
    "network",
    "opened",
    "order",
    "packet",
    "parsed",
    "partition",
    "payment",
    "peer",
    "pending",
    "planner",
    "policy",
    "pool",
    "primary",
    "probe",
    "producer",
    "profile",
    "promoted",
    "provider",
    "pruned",
    "published",
    "query",
    "queue",
    "quota",
    "reached",
    "rebalanced",
    "received",
    "recovered",
    "refreshed",
    "region",
    "rejected",
    "release",
    "removed",
    "renewed",
    "replica",
    "request",
    "resolved",
    "resource",
    "restored",
    "retried",
    "rotated",
    "route",
    "scanner",
    "scheduled",
    "schema",
    "secret",
    "segment",
    "sent",
    "session",
    "shard",
    "signed",
    "skipped",
    "slot",
    "snapshot",
    "socket",
    "spilled",
    "stage",
    "started",
    "stored",
    "stream",
    "subscriber",
    "synced",
    "table",
    "target",
    "task",
    "tenant",
    "throttled",
    "ticket",
    "timer",
    "token",
    "topic",
    "tracker",
    "transfer",
    "trimmed",
    "tunnel",
    "updated",
    "uploaded",
    "user",
    "validated",
    "vault",
    "version",
    "volume",
    "waiting",
    "watcher",
    "window",
    "worker",
    "writer",
    "zone",
];

const LEVELS: &[(&str, &str, &str)] = &[
    ("INFO", "info", "I"),
    ("WARN", "warn", "W"),
    ("ERROR", "error", "E"),
    ("DEBUG", "debug", "D"),
];

#[derive(Clone, Copy)]
enum Part {
    Word(&'static str),
    Number,
    Hex,
    Uuid,
    Ip,
    Duration,
    Path,
    Quoted,
    Pair(&'static str),
}

const VARIABLES: &[Part] = &[
    Part::Number,
    Part::Number,
    Part::Hex,
    Part::Uuid,
    Part::Ip,
    Part::Duration,
    Part::Path,
    Part::Quoted,
];

const FORMATS: usize = 12;

struct Template {
    format: usize,
    level: usize,
    logger: &'static str,
    parts: Vec<Part>,
}

/// A stream of lines.
pub struct Stream {
    rng: fastrand::Rng,
    templates: Vec<Template>,
    met: HashSet<usize>,
    millis: u64,
}

impl Stream {
    pub fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let templates = (0..TEMPLATES).map(|_| template(&mut rng)).collect();
        Self {
            rng,
            templates,
            met: HashSet::new(),
            millis: 0,
        }
    }

    /// The next lines as one text.
    pub fn lines(&mut self, count: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(count * 110);
        let mut left = count;
        while left > 0 {
            // Some templates are much more frequent than others.
            let n = self.rng.usize(..TEMPLATES).min(self.rng.usize(..TEMPLATES));
            self.met.insert(n);
            for _ in 0..self.rng.usize(1..=LONGEST_BURST).min(left) {
                self.line(n, &mut out);
                left -= 1;
            }
        }
        out
    }

    /// How many different templates wrote a line so far.
    pub fn met(&self) -> usize {
        self.met.len()
    }

    fn line(&mut self, n: usize, out: &mut Vec<u8>) {
        self.millis += self.rng.u64(0..40);
        let template = &self.templates[n];
        let mut message = Vec::new();
        for (at, part) in template.parts.iter().enumerate() {
            if at > 0 {
                message.push(b' ');
            }
            write_part(*part, &mut self.rng, &mut message);
        }
        write_line(
            template,
            self.millis,
            &mut self.rng,
            &String::from_utf8_lossy(&message),
            out,
        );
        out.push(b'\n');
    }
}

fn word(rng: &mut fastrand::Rng) -> &'static str {
    WORDS[rng.usize(..WORDS.len())]
}

fn template(rng: &mut fastrand::Rng) -> Template {
    let words = rng.usize(4..=8);
    let mut parts: Vec<_> = (0..words).map(|_| Part::Word(word(rng))).collect();
    for _ in 0..rng.usize(1..=3) {
        let variable = match rng.usize(..5) {
            0 => Part::Pair(word(rng)),
            _ => VARIABLES[rng.usize(..VARIABLES.len())],
        };
        // Never in front: loggers write values behind words.
        parts.insert(rng.usize(1..=parts.len()), variable);
    }
    Template {
        format: rng.usize(..FORMATS),
        level: rng.usize(..LEVELS.len()),
        logger: word(rng),
        parts,
    }
}

/// Writing to a vector cannot fail, so results of `write!` are dropped.
fn write_part(part: Part, rng: &mut fastrand::Rng, out: &mut Vec<u8>) {
    drop(match part {
        Part::Word(word) => out.write_all(word.as_bytes()),
        Part::Number => {
            let digits = rng.u32(1..8);
            write!(out, "{}", rng.u64(..10_u64.pow(digits)))
        }
        Part::Hex => write!(out, "0x{:08x}", rng.u32(..)),
        Part::Uuid => {
            let (a, b) = (rng.u64(..), rng.u64(..));
            write!(
                out,
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                a >> 32,
                a >> 16 & 0xffff,
                a & 0xfff,
                b >> 52,
                b & 0xffff_ffff_ffff
            )
        }
        Part::Ip => write!(
            out,
            "10.{}.{}.{}:{}",
            rng.u8(..),
            rng.u8(..),
            rng.u8(..),
            rng.u16(1024..)
        ),
        Part::Duration => write!(out, "{}.{}ms", rng.u32(..2000), rng.u32(..10)),
        Part::Path => write!(
            out,
            "/srv/{}/{}/part-{:05}.db",
            word(rng),
            word(rng),
            rng.u32(..100_000)
        ),
        Part::Quoted => write!(out, "\"{}-{}\"", word(rng), rng.u32(..1000)),
        Part::Pair(key) => write!(out, "{key}={}", rng.u32(..100_000)),
    });
}

fn write_line(template: &Template, millis: u64, rng: &mut fastrand::Rng, message: &str, out: &mut Vec<u8>) {
    let (upper, lower, letter) = LEVELS[template.level];
    let logger = template.logger;
    let (second, milli) = (millis / 1000 % 60, millis % 1000);
    let (hour, minute) = (8 + millis / 3_600_000 % 12, millis / 60_000 % 60);
    let iso = format!("2026-03-04T{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
    let blank = format!("2026-03-04 {hour:02}:{minute:02}:{second:02}");
    let pid = rng.u32(1..400);
    let json = message.replace('"', "\\\"");
    drop(match template.format {
        0 => write!(
            out,
            "{letter}0304 {hour:02}:{minute:02}:{second:02}.{milli:03}123 {pid:>7} {logger}.go:{}] {message}",
            pid * 3
        ),
        1 => write!(out, "time=\"{iso}\" level={lower} msg=\"{json}\" component={logger}"),
        2 => write!(
            out,
            "{{\"level\":\"{lower}\",\"ts\":\"{iso}\",\"logger\":\"{logger}\",\"msg\":\"{json}\",\"pid\":{pid}}}"
        ),
        3 => write!(out, "{blank},{milli:03} {upper} {logger}: {message}"),
        4 => write!(
            out,
            "{blank}.{milli:03} {upper:>5} {pid} --- [worker-{}] c.acme.{logger} : {message}",
            pid % 8
        ),
        5 => write!(
            out,
            "Mar  4 {hour:02}:{minute:02}:{second:02} node-{} {logger}[{pid}]: {message}",
            pid % 9
        ),
        6 => write!(out, "[{blank}] [{upper}] [{logger}] {message}"),
        7 => write!(out, "{} {upper} {message}", blank.replace('-', "/")),
        8 => write!(out, "[{iso} {upper} {logger}] {message}"),
        9 => write!(out, "{upper}:{logger}:{message}"),
        10 => write!(out, "{iso} {upper} [{logger},{pid}] {message}"),
        _ => out.write_all(message.as_bytes()),
    });
}

/// Lines of which no two are alike, in no word.
pub struct Hostile {
    rng: fastrand::Rng,
}

impl Hostile {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    pub fn line(&mut self) -> Bytes {
        let mut line = String::with_capacity(160);
        match self.rng.u8(..4) {
            0 => line.push_str("2026-03-04 08:00:00,123 ERROR store: "),
            1 => line.push_str("level=warn msg="),
            2 => line.push_str("I0304 08:00:00.123456       1 store.go:7] "),
            _ => {}
        }
        for _ in 0..self.rng.usize(3..14) {
            for _ in 0..self.rng.usize(3..10) {
                line.push(self.rng.lowercase());
            }
            line.push(' ');
        }
        line.into()
    }
}
