//! The mutator that all fuzz programs share: own lines of every kind, spliced, cut, repeated and with bytes changed. The
//! same seed gives the same lines on every machine.

use std::time::Instant;

/// Lines to begin with: every format and every part of a crash that the readers know, and what looks almost like it.
pub const SEEDS: &[&str] = &[
    "",
    " ",
    "words without a header",
    "2026-03-04T08:00:00.123456789Z stdout F started",
    "2026-03-04 08:00:00,123 ERROR [main] com.acme.Cart: gone",
    "2026-03-04T08:00:00.2Z  INFO request{method=GET id=\"x y\"}:inner{n=3}: relay::sink: served n=3",
    "I0304 08:02:09.953810       1 trace.go:236] Trace[12]: \"List\" (total time: 534ms):",
    "Trace[12]: ---\"About to write a response\" 534ms",
    "{\"level\":\"error\",\"ts\":1772611862.47,\"msg\":\"gone \\\"x\\\"\",\"error\":{\"type\":\"E\",\"message\":\"m\"}}",
    "time=\"2026-03-04T08:00:00Z\" level=warning msg=\"no route\" host=a",
    "10.0.0.1 - bob [04/Mar/2026:08:00:00 +0000] \"GET /a HTTP/1.1\" 503 12 \"-\"",
    "[2026-03-04 08:00:00.101][5][critical][main] [source/server.cc:9] no config",
    "[INFO] [1772611862.471123456] [talker]: Publishing",
    "<131>1 2026-03-04T08:00:00.228Z host flowd 20 - [a b=\"]\"] overflow",
    "Mar  4 08:03:57 node1 kubelet[7]: E0304 08:03:57.1 7 a.go:1] gone",
    "7:M 04 Mar 2026 08:11:01.803 * Ready",
    "F, [2026-03-04T08:01:13.245691 #7] FATAL -- : [fff344bd-703b] View::Error (gone)",
    "[fff344bd-703b] app/views/show.html.erb:9:in `show'",
    "- 1772611862 2026.03.04 node7 2026-03-04-08.11.02.471867 node7 RAS KERNEL INFO cache",
    "03-17 16:13:38.811  1702  2395 D WindowManager: drawn",
    "W/ActivityManager( 1702): Slow operation",
    "2026-03-04 08:00:00.1234|0|ERROR|Shop.Cart|broken",
    "2026-03-04 08:00:00 UTC:10.0.0.7(55032):bob@orders:[52]:ERROR:  relation",
    "Mar 04, 2026 8:03:57 AM com.acme.Main run",
    "SEVERE: cannot bind",
    "\u{1b}[31mERRO\u{1b}[0m[0012] broken \u{1b}[1mkey\u{1b}[0m=1",
    "=CRASH REPORT==== 4-Mar-2026::08:00:00.123 ===",
    "Traceback (most recent call last):",
    "  File \"/app/run.py\", line 80, in run",
    "model.ValidationError: 1 validation error for Cart",
    "During handling of the above exception, another exception occurred:",
    "  + Exception Group Traceback (most recent call last):",
    "java.lang.IllegalStateException: no port",
    "\tat com.acme.Cart.close(Cart.java:210)",
    "Caused by: java.net.ConnectException: Connection refused",
    "\t... 12 more",
    "panic: runtime error: index out of range [recovered]",
    "goroutine 1 [running]:",
    "main.main()",
    "\t/src/main.go:9 +0x1d",
    "created by main.main in goroutine 1",
    "thread 'main' panicked at src/main.rs:2:5:",
    "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
    "/srv/app/src/server.js:10",
    "TypeError: no price",
    "    at Basket.total (/srv/app/basket.js:50:11) {",
    "  code: 'ERR_PRICE'",
    "{",
    "}",
    "  \"level\": \"warn\",",
    "Unhandled exception:",
    "#0      main (file:///app/bin/main.dart:3:3)",
    "PHP Fatal error:  Uncaught LogicException: no in /srv/a.php:3",
    "Stack trace:",
    "[stacktrace]",
    "** (RuntimeError) boom",
    "==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602",
    "==7==ABORTING",
    "#",
    "# A fatal error has been detected by the Java Runtime Environment:",
    "+----+------+",
    "| 1  | a    |",
    "( ( )\\___ | '_ | '_| |",
    "effective settings:",
    "image: x",
    "2026-03-04 08:00:00,123 INFO sqlalchemy.engine.Engine SELECT id",
    "FROM a",
    "upload part 7 failed: RequestTimeout: id 8",
    "naïve Ærø — 数据 ошибка 💥",
];

/// A generator of numbers: splitmix64, by Sebastiano Vigna, public domain.
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Bytes that readers of log lines care about.
const SIGNS: &[u8] = b" \t[](){}<>|:;,.=-+*#/\\\"'`@_%$&^!?~0123456789TZIWEFD\x1b\r\x00\xff\xc3\xe2";

/// Writes the next line into `line`: a seed as it is, changed in a few places, or spliced with another one.
pub fn line(random: &mut Random, line: &mut Vec<u8>) {
    line.clear();
    line.extend_from_slice(seed(random));
    if random.one_in(3) {
        return;
    }
    if random.one_in(3) {
        line.truncate(random.below(line.len() + 1));
        let other = seed(random);
        let (_, rest) = other.split_at(random.below(other.len() + 1));
        line.extend_from_slice(rest);
    }
    for _ in 0..random.below(6) {
        change(random, line);
    }
    if random.one_in(50_000) {
        let piece = line.clone();
        let times = random.below(3_000);
        line.extend(piece.iter().cycle().take(piece.len() * times));
    }
}

fn seed(random: &mut Random) -> &'static [u8] {
    SEEDS.get(random.below(SEEDS.len())).unwrap_or(&"").as_bytes()
}

fn change(random: &mut Random, line: &mut Vec<u8>) {
    let at = random.below(line.len() + 1);
    let sign = SIGNS.get(random.below(SIGNS.len())).copied().unwrap_or(b' ');
    match (random.below(5), line.get_mut(at)) {
        (0, Some(byte)) => *byte ^= 1 << random.below(8),
        (1, Some(byte)) => *byte = sign,
        (2, Some(_)) => drop(line.remove(at)),
        (3, _) => {
            let end = (at + random.below(12)).min(line.len());
            let piece: Vec<u8> = line.get(at..end).unwrap_or_default().to_vec();
            let to = random.below(line.len() + 1);
            drop(line.splice(to..to, piece));
        }
        _ => line.insert(at, sign),
    }
}

/// What the command line asks for: `[EXECUTIONS [SEED]]`.
pub struct Run {
    pub executions: u64,
    pub seed: u64,
    began: Instant,
}

impl Run {
    pub fn from_args(least: u64) -> Self {
        let mut numbers = std::env::args().skip(1).map(|arg| arg.parse());
        let mut number = |default: u64| match numbers.next() {
            None => default,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                eprintln!("usage: [EXECUTIONS [SEED]]");
                std::process::exit(2);
            }
        };
        Self {
            executions: number(least),
            seed: number(1),
            began: Instant::now(),
        }
    }

    /// Says how much was done.
    pub fn report(&self, done: u64) {
        let seconds = self.began.elapsed().as_secs_f64();
        println!(
            "{done} executions, seed {}, {seconds:.0} s, no invariant broken",
            self.seed
        );
    }
}

/// Ends the program: an invariant is broken. `lines` are what was given.
pub fn broken(what: &str, run: &Run, lines: &[Vec<u8>]) -> ! {
    eprintln!("broken: {what} (seed {})", run.seed);
    for line in lines {
        eprintln!("  {:?}", String::from_utf8_lossy(line));
    }
    std::process::exit(1)
}
