//! Compares what `kontrast logs -o ndjson` printed with what the embedded clusters had, line by line.
//!
//! `kontrast-checker OUTPUT RECORD [--from UNIX-SECONDS] [--settle SECONDS] [--behind SECONDS] [--examples N]
//! [--strict STATUS] [--noticed SECONDS] [--back SECONDS] [--opening N] [--in-a-second N]`
//!
//! `kontrast-checker --stamp LAG` copies stdin to stdout and writes how late the lines were; `--compare LAG LAG
//! CLUSTER...` compares two of those.
//!
//! `kontrast-checker --ask SOCKET LINE` sends a line to a control socket of `kontrast demo --serve --control SOCKET`.
//!
//! OUTPUT holds one object a record, gaps among them. RECORD is what `record PATH` on the control socket wrote. Both are
//! read without any code of Kontrast. The figures go to stdout, and the exit status is 1 if the client broke a promise.
//!
//! A line of a numbered container is
//! - *shown* once or *doubled*; *damaged* if it is not what was written; *truncated* if it is the beginning
//!   of a line (which then counts as not shown); *invented* if it was never written;
//! - not shown and still in the file that the kubelet serves when the record was taken: *lost* though it could be had,
//!   marked by a gap or not. Lines of the last `--settle` seconds (3) are left out, they may be on their way, and so
//!   are those after the last line shown of a container's newest run: its stream was down when the client was stopped.
//!   They are *behind*, and no promise is broken as long as that is less than `--behind` seconds (45). A container that
//!   ended or went has this excuse only in the last 25 s: so long may its stream still bring what it has to say;
//! - not shown, but part of an answer whose end the client was told: *lost* though it was delivered;
//! - not shown and not to be had any more: *gone*, which is no fault if a gap of the same container covers its time,
//!   and an *unmarked* loss if none does. Lines that the runtime wrote into a renamed file cannot be known to be missing
//!   (the kubelet's reader leaves them out without a trace) and are counted as *late*.
//!
//! Lines of files that were renamed before the client began, at `--from`, are not its business and counted as *before*.
//!
//! A gap is *false* if every line of its container within its bounds was shown. One within which the kubelet made a new
//! file, or a run of the container began or its log was removed, is *idle* instead: no client can know that nothing was written in between.
//!
//! `--strict STATUS` is what the client ended with under `--strict`: 3 if it printed a gap, else 0. The other options
//! are limits of what the clusters counted: seconds until a silence was noticed, seconds until every log was open again
//! after a restart, requests for logs under way at once and requests in any one second, of one cluster.

mod lag;
mod traffic;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::process::ExitCode;

use serde_json::Value;

use crate::traffic::Limits;

/// Where a line comes from: cluster, namespace, pod, container.
type Place = (String, String, String, String);

struct Run {
    place: Place,
    run: u64,
    /// Microseconds since 1970 of line 1, line 2 ...
    times: Vec<i64>,
    /// First line, last line and the microseconds since 1970 at which the next was made, of each file.
    files: Vec<(u64, u64, Option<i64>)>,
    /// First and last line of the file that is served; none once the log is gone.
    served_now: Option<(u64, u64)>,
    /// Lines in answers that ended as they should.
    delivered: Vec<(u64, u64)>,
    late: Vec<u64>,
    /// Of its container.
    is_newest: bool,
    /// Its log cannot be read any more.
    is_gone: bool,
    /// The latest stamp in its cluster: the time at which the record was taken, by that cluster's clock.
    end: i64,
    /// How often each line was shown.
    shown: Vec<u8>,
}

impl Run {
    /// As its lines begin.
    fn source(&self) -> String {
        let (cluster, namespace, pod, container) = &self.place;
        format!("{cluster}/{namespace}/{pod}/{container}#{}", self.run)
    }
}

struct Gap {
    place: Place,
    from: i64,
    to: i64,
    cause: String,
    /// A line that is missing lies in it.
    is_needed: bool,
    /// A file or a run of its container ended in it.
    is_idle: bool,
    lines: u64,
}

#[derive(Default)]
struct Found {
    records: u64,
    lines: u64,
    other: u64,
    damaged: u64,
    truncated: u64,
    invented: u64,
}

#[derive(Default)]
struct Sums {
    written: u64,
    shown: u64,
    doubled: u64,
    lost_marked: u64,
    lost_unmarked: u64,
    delivered_lost: u64,
    gone_marked: u64,
    gone_unmarked: u64,
    late: u64,
    settling: u64,
    before: u64,
    behind: u64,
    /// Microseconds between the first line that is behind and the last written, the most of all containers.
    farthest: i64,
}

struct Arguments {
    output: String,
    record: String,
    /// When the client began, in microseconds since 1970.
    from: i64,
    settle: i64,
    behind: i64,
    examples: usize,
    /// The client's exit status under `--strict`.
    strict: Option<u32>,
    limits: Limits,
}

fn arguments() -> Result<Arguments, String> {
    let mut words = std::env::args().skip(1);
    let mut paths = Vec::new();
    let (mut from, mut settle, mut behind, mut examples) = (0, 3, 45, 5);
    let (mut strict, mut limits) = (None, Limits::default());
    while let Some(word) = words.next() {
        let mut number = || {
            words
                .next()
                .and_then(|n| n.parse::<u32>().ok())
                .ok_or(format!("{word} needs a number"))
        };
        match word.as_str() {
            "--settle" => settle = i64::from(number()?),
            "--from" => from = i64::from(number()?),
            "--behind" => behind = i64::from(number()?),
            "--examples" => examples = number()? as usize,
            "--strict" => strict = Some(number()?),
            "--noticed" => limits.noticed = Some(number()?.into()),
            "--back" => limits.back = Some(number()?.into()),
            "--opening" => limits.opening = Some(number()?.into()),
            "--in-a-second" => limits.in_a_second = Some(number()?.into()),
            _ => paths.push(word),
        }
    }
    match <[String; 2]>::try_from(paths) {
        Ok([output, record]) => Ok(Arguments {
            output,
            record,
            from: from * 1_000_000,
            settle: settle * 1_000_000,
            behind: behind * 1_000_000,
            examples,
            strict,
            limits,
        }),
        Err(_) => {
            Err("usage: kontrast-checker OUTPUT RECORD [--from UNIX-SECONDS] [--settle SECONDS] [--behind SECONDS] [--examples N]".to_owned())
        }
    }
}

/// Sends one line to a control socket and prints the answer.
fn ask(socket: &str, line: &str) -> Result<bool, String> {
    let told = |error: std::io::Error| format!("{socket}: {error}");
    let mut stream = std::os::unix::net::UnixStream::connect(socket).map_err(told)?;
    stream.write_all(format!("{line}\n").as_bytes()).map_err(told)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(told)?;
    print!("{answer}");
    Ok(!answer.starts_with("error"))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [option, socket, line] = words.as_slice()
        && option == "--ask"
    {
        return match ask(socket, line) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(2),
            Err(why) => {
                eprintln!("kontrast-checker: {why}");
                ExitCode::from(2)
            }
        };
    }
    let other = match words.as_slice() {
        [option, path] if option == "--stamp" => Some(lag::stamp(path).map(|()| true)),
        [option, sound, faulty, clusters @ ..] if option == "--compare" => Some(lag::compare(sound, faulty, clusters)),
        _ => None,
    };
    match other.unwrap_or_else(|| arguments().and_then(|arguments| check(&arguments))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("kontrast-checker: {why}");
            ExitCode::from(2)
        }
    }
}

fn lines(path: &str) -> Result<impl Iterator<Item = Result<Value, String>> + use<'_>, String> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(BufReader::with_capacity(1 << 20, file)
        .lines()
        .enumerate()
        .map(move |(number, line)| {
            let line = line.map_err(|error| format!("{path}: {error}"))?;
            serde_json::from_str(&line).map_err(|error| format!("{path}:{}: {error}", number + 1))
        }))
}

fn check(arguments: &Arguments) -> Result<bool, String> {
    let Record {
        mut runs,
        faults,
        traffic,
    } = read_record(&arguments.record)?;
    // What is printed names no uid: of two pods that had one name after each other nobody can tell whose a line is.
    let mut namesakes: HashMap<String, usize> = HashMap::new();
    for run in &runs {
        *namesakes.entry(run.source()).or_default() += 1;
    }
    namesakes.retain(|_, runs| *runs > 1);
    runs.retain(|run| !namesakes.contains_key(&run.source()));
    println!("names that were given twice, left out {}", namesakes.len());
    let known = runs.iter().enumerate().map(|(at, run)| (run.source(), Some(at)));
    let index: Index = known
        .chain(namesakes.into_keys().map(|source| (source, None)))
        .collect();
    let mut gaps = Vec::new();
    let found = read_output(&arguments.output, &mut runs, &index, &mut gaps)?;
    // Nothing is known of containers that are not numbered.
    let numbered: std::collections::HashSet<&Place> = runs.iter().map(|run| &run.place).collect();
    let all_gaps = gaps.len();
    gaps.retain(|gap: &Gap| numbered.contains(&gap.place));
    println!("gaps of containers without numbers {}", all_gaps - gaps.len());
    let mut by_place: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (at, gap) in gaps.iter().enumerate() {
        by_place.entry(gap.place.clone()).or_default().push(at);
    }
    for run in &runs {
        for gap in by_place.get(&run.place).into_iter().flatten() {
            let ends = run
                .files
                .iter()
                .filter_map(|file| file.2)
                .chain(run.times.first().copied())
                .chain(run.times.last().copied().filter(|_| run.is_gone));
            let mut ends = ends.filter(|end| gaps[*gap].from <= *end && *end <= gaps[*gap].to);
            gaps[*gap].is_idle |= ends.next().is_some();
        }
    }
    let mut sums = Sums::default();
    let mut examples: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for run in &runs {
        let mine = by_place.get(&run.place).map_or(&[][..], Vec::as_slice);
        judge(
            run,
            mine,
            &mut gaps,
            (arguments.from, arguments.settle),
            &mut sums,
            &mut |kind, text| {
                let all = examples.entry(kind).or_default();
                if all.len() < arguments.examples {
                    all.push(text);
                }
            },
        );
    }
    let cuts: u64 = faults
        .iter()
        .filter(|(kind, _)| kind.starts_with("cut "))
        .map(|(_, times)| times)
        .sum();
    let end = runs.iter().map(|run| run.end).max().unwrap_or(0);
    if cuts > 0 && arguments.from > 0 && end > arguments.from {
        let seconds = (end - arguments.from) as f64 / 1e6;
        println!("cuts {cuts} in {seconds:.0} s, {:.1} a second", cuts as f64 / seconds);
    }
    let (told, is_in_time) = traffic::report(&traffic, &arguments.limits);
    print!("{told}");
    let due = if all_gaps > 0 { 3 } else { 0 };
    let is_strict = arguments.strict.is_none_or(|status| status == due);
    if !is_strict {
        println!(
            "exit status under --strict {:?}, which is BROKEN: {all_gaps} gaps",
            arguments.strict
        );
    }
    let is_behind = sums.farthest >= arguments.behind;
    if is_behind {
        println!("too far behind at the end: BROKEN");
    }
    let is_right = report(&found, &sums, &gaps, &faults, &examples);
    let is_kept = is_right && is_in_time && is_strict && !is_behind;
    let verdict = if is_kept {
        "kept: every promise"
    } else {
        "BROKEN: see above"
    };
    println!("{verdict}");
    Ok(is_kept)
}

/// Microseconds for which a client may wait for the end of a log whose container has ended.
const ENDING: i64 = 25_000_000;

fn judge(
    run: &Run,
    mine: &[usize],
    gaps: &mut [Gap],
    (from, settle): (i64, i64),
    sums: &mut Sums,
    example: &mut impl FnMut(&'static str, String),
) {
    // What was written before the client looked at this container is not its business, unless it showed an earlier line.
    let last_shown = run.shown.iter().rposition(|shown| *shown > 0);
    let first_shown = run.shown.iter().position(|shown| *shown > 0);
    let is_going_on = run.is_newest && !run.is_gone;
    let has_just_ended = !is_going_on && run.times.last().is_some_and(|last| *last > run.end - ENDING);
    // The last line that a client could not have had, because it began later.
    let before = run
        .files
        .iter()
        .filter(|file| file.2.is_some_and(|replaced| replaced < from));
    let unseen = before.map(|file| file.1).max().unwrap_or(0);
    // A clock that jumped back has stamped earlier lines with later times: each is taken to be no later than those after it.
    let mut written = run.times.clone();
    let mut least = i64::MAX;
    for time in written.iter_mut().rev() {
        least = least.min(*time);
        *time = least;
    }
    for (at, time) in run.times.iter().enumerate() {
        let number = at as u64 + 1;
        if number <= unseen && run.shown[at] == 0 {
            sums.before += 1;
            continue;
        }
        let shown = run.shown[at];
        sums.written += 1;
        let covering: Vec<usize> = mine
            .iter()
            .copied()
            .filter(|gap| gaps[*gap].from <= *time && *time <= gaps[*gap].to)
            .collect();
        for gap in &covering {
            gaps[*gap].lines += 1;
        }
        let name = || {
            format!(
                "{}/{}/{}/{}#{} line {number}",
                run.place.0, run.place.1, run.place.2, run.place.3, run.run
            )
        };
        match shown {
            0 => {}
            1 => {
                sums.shown += 1;
                continue;
            }
            more => {
                sums.shown += 1;
                sums.doubled += u64::from(more) - 1;
                example("doubled", format!("{} shown {more} times", name()));
                continue;
            }
        }
        for gap in &covering {
            gaps[*gap].is_needed = true;
        }
        if written[at] > run.end - settle {
            sums.settling += 1;
            continue;
        }
        if (is_going_on || has_just_ended) && last_shown.is_some_and(|last| at > last) {
            sums.behind += 1;
            sums.farthest = sums.farthest.max(run.end - written[at]);
            continue;
        }
        if run.late.binary_search(&number).is_ok() {
            sums.late += 1;
            continue;
        }
        let is_marked = !covering.is_empty();
        let is_there = run
            .served_now
            .is_some_and(|(first, last)| (first..=last).contains(&number));
        let is_delivered = run
            .delivered
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&number));
        let before = first_shown.is_none_or(|first| at < first);
        if is_delivered {
            sums.delivered_lost += 1;
            example("lost though delivered", name());
        }
        match (is_there, is_marked) {
            (true, true) => {
                sums.lost_marked += 1;
                example("lost though to be had, in a gap", name());
            }
            (true, false) => {
                sums.lost_unmarked += 1;
                let when = if before { " (before the first line shown)" } else { "" };
                example("lost though to be had, unmarked", name() + when);
            }
            (false, true) => sums.gone_marked += 1,
            (false, false) => {
                sums.gone_unmarked += 1;
                let when = if before { " (before the first line shown)" } else { "" };
                example("gone, unmarked", name() + when);
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn ranges(value: &Value) -> Vec<(u64, u64)> {
    let pair = |pair: &Value| Some((pair[0].as_u64()?, pair[1].as_u64()?));
    value.as_array().into_iter().flatten().filter_map(pair).collect()
}

fn files(value: &Value) -> Vec<(u64, u64, Option<i64>)> {
    let file = |file: &Value| {
        Some((
            file[0].as_u64()?,
            file[1].as_u64()?,
            file[2].as_i64().map(|nanos| nanos / 1000),
        ))
    };
    value.as_array().into_iter().flatten().filter_map(file).collect()
}

/// Which run a source's lines are of; none where two have its name.
type Index = HashMap<String, Option<usize>>;

struct Record {
    runs: Vec<Run>,
    faults: BTreeMap<String, u64>,
    /// Of each cluster, what it counted of requests.
    traffic: Vec<(String, Value)>,
}

fn read_record(path: &str) -> Result<Record, String> {
    let mut runs = Vec::new();
    let mut traffic = Vec::new();
    let mut faults: BTreeMap<String, u64> = BTreeMap::new();
    for object in lines(path)? {
        let object = object?;
        if let Some(counted) = object["faults"].as_object() {
            for (kind, times) in counted {
                *faults.entry(kind.clone()).or_default() += times.as_u64().unwrap_or(0);
            }
            if object["traffic"].is_object() {
                traffic.push((text(&object["cluster"]), object["traffic"].clone()));
            }
            continue;
        }
        let mut time = object["began"].as_i64().unwrap_or(0);
        let mut times = Vec::new();
        if object["lines"].as_u64().unwrap_or(0) > 0 {
            times.push(time);
            for step in object["times"].as_array().into_iter().flatten() {
                time += step.as_i64().unwrap_or(0);
                times.push(time);
            }
        }
        let served_now = if object["gone"].is_null() {
            ranges(&object["files"]).last().copied()
        } else {
            None
        };
        runs.push(Run {
            place: (
                text(&object["cluster"]),
                text(&object["namespace"]),
                text(&object["pod"]),
                text(&object["container"]),
            ),
            run: object["run"].as_u64().unwrap_or(0),
            is_newest: false,
            is_gone: !object["gone"].is_null(),
            end: 0,
            files: files(&object["files"]),
            shown: vec![0; times.len()],
            times,
            served_now,
            delivered: ranges(&object["served"]),
            late: object["late"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .collect(),
        });
    }
    let mut newest: HashMap<Place, u64> = HashMap::new();
    for run in &runs {
        let latest = newest.entry(run.place.clone()).or_default();
        *latest = run.run.max(*latest);
    }
    let mut ends: HashMap<String, i64> = HashMap::new();
    for run in &mut runs {
        run.is_newest = newest.get(&run.place) == Some(&run.run);
        // A dead container's last line may bear a time that its cluster's clock has since jumped back from.
        if let Some(last) = run.times.last().filter(|_| run.is_newest && !run.is_gone) {
            let end = ends.entry(run.place.0.clone()).or_insert(*last);
            *end = (*last).max(*end);
        }
    }
    for run in &mut runs {
        run.end = ends.get(&run.place.0).copied().unwrap_or(i64::MAX);
    }
    Ok(Record { runs, faults, traffic })
}

fn read_output(path: &str, runs: &mut [Run], index: &Index, gaps: &mut Vec<Gap>) -> Result<Found, String> {
    let mut found = Found::default();
    for object in lines(path)? {
        let object = object?;
        found.records += 1;
        let place = (
            text(&object["cluster"]),
            text(&object["namespace"]),
            text(&object["pod"]),
            text(&object["container"]),
        );
        if object["gap"].is_object() {
            let bound = |name: &str| object["gap"][name].as_str().and_then(micros);
            let (Some(from), Some(to)) = (bound("from"), bound("to")) else {
                return Err(format!("{path}: a gap without bounds: {object}"));
            };
            gaps.push(Gap {
                place,
                from,
                to,
                cause: text(&object["text"]),
                is_needed: false,
                is_idle: false,
                lines: 0,
            });
            continue;
        }
        let Some(record) = object["text"].as_str() else {
            return Err(format!("{path}: a record without text: {object}"));
        };
        for line in record.split('\n') {
            found.lines += 1;
            take(line, &place, runs, index, &mut found);
        }
    }
    Ok(found)
}

/// Finds the line of the record that a printed line is.
fn take(line: &str, place: &Place, runs: &mut [Run], index: &Index, found: &mut Found) {
    // The client's own mark that a line is not whole.
    let cut = line.strip_suffix('…');
    let line = cut.unwrap_or(line);
    let mut words = line.split(' ');
    let (source, number, sum) = (words.next(), words.next(), words.next());
    let prefix = format!("{}/{}/{}/{}#", place.0, place.1, place.2, place.3);
    let (Some(source), Some(number), Some(sum)) = (source, number, sum) else {
        // Part of a numbered line, or what another container wrote.
        if prefix.starts_with(line) || line.starts_with(&prefix) {
            found.truncated += 1;
        } else {
            found.other += 1;
        }
        return;
    };
    if !source.starts_with(&prefix) {
        found.other += 1;
        return;
    }
    let is_whole = sum.len() == 16
        && u64::from_str_radix(sum, 16) == Ok(fnv(format!("{source} {number}").as_bytes()))
        && words.next() == Some("größe");
    if !is_whole {
        let whole = format!(
            "{source} {number} {:016x} größe",
            fnv(format!("{source} {number}").as_bytes())
        );
        if whole.starts_with(line.trim_end_matches('\u{fffd}')) {
            found.truncated += 1;
        } else {
            found.damaged += 1;
        }
        return;
    }
    let place = match index.get(source) {
        Some(None) => return,
        found => found.copied().flatten(),
    };
    let number = number.parse::<usize>().unwrap_or(0);
    let shown = place
        .and_then(|run| runs.get_mut(run))
        .and_then(|run| run.shown.get_mut(number.wrapping_sub(1)));
    match shown {
        Some(times) => *times = times.saturating_add(1),
        None => found.invented += 1,
    }
}

/// FNV-1a, 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Microseconds since 1970 of `2026-11-22T15:30:26.567594001Z`; the rest of a microsecond is cut off.
fn micros(stamp: &str) -> Option<i64> {
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut clock = clock.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    // Days from civil, Howard Hinnant: https://howardhinnant.github.io/date_algorithms.html
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Some(((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + micros.parse::<i64>().ok()?)
}

fn report(
    found: &Found,
    sums: &Sums,
    gaps: &[Gap],
    faults: &BTreeMap<String, u64>,
    examples: &BTreeMap<&'static str, Vec<String>>,
) -> bool {
    let false_gaps: Vec<&Gap> = gaps.iter().filter(|gap| !gap.is_needed && !gap.is_idle).collect();
    let idle = gaps.iter().filter(|gap| !gap.is_needed && gap.is_idle).count();
    println!("faults that came: {faults:?}");
    println!(
        "records printed {}, lines {}, of other containers {}",
        found.records, found.lines, found.other
    );
    println!("numbered lines written {}, shown {}", sums.written, sums.shown);
    println!("doubled            {}", sums.doubled);
    println!("damaged            {}", found.damaged);
    println!("truncated          {}", found.truncated);
    println!("invented           {}", found.invented);
    println!("lost, delivered    {}", sums.delivered_lost);
    println!(
        "lost, to be had    {} unmarked, {} in a gap",
        sums.lost_unmarked, sums.lost_marked
    );
    println!(
        "gone, not to be had {} unmarked, {} in a gap, {} late in a renamed file",
        sums.gone_unmarked, sums.gone_marked, sums.late
    );
    println!(
        "gaps               {}, of which false {}, idle at the end of a file or run {idle}",
        gaps.len(),
        false_gaps.len()
    );
    println!("before the client  {}", sums.before);
    println!("still on their way {}", sums.settling);
    println!(
        "behind at the end  {}, the first by {:.1} s",
        sums.behind,
        sums.farthest as f64 / 1e6
    );
    let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
    gaps.iter().for_each(|gap| *causes.entry(&gap.cause).or_default() += 1);
    for (cause, times) in causes {
        println!("  gap {times:6} x {cause}");
    }
    for gap in false_gaps.iter().take(5) {
        let (cluster, namespace, pod, container) = &gap.place;
        println!(
            "  false gap: {cluster}/{namespace}/{pod}/{container} {} us, {} lines in it: {}",
            gap.to - gap.from,
            gap.lines,
            gap.cause
        );
    }
    for (kind, all) in examples {
        for text in all {
            println!("  {kind}: {text}");
        }
    }
    [
        sums.doubled,
        found.damaged,
        found.invented,
        sums.delivered_lost,
        sums.lost_unmarked,
        sums.lost_marked,
        sums.gone_unmarked,
    ]
    .iter()
    .all(|count| *count == 0)
        && false_gaps.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read() {
        assert_eq!(micros("1970-01-02T00:00:01.5Z"), Some(86_401_500_000));
        assert_eq!(micros("2026-11-22T15:30:26.567594001Z"), Some(1_795_361_426_567_594));
        assert_eq!(micros("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000));
        assert_eq!(micros("soon"), None);
    }

    fn place() -> Place {
        ("c".to_owned(), "n".to_owned(), "p".to_owned(), "k".to_owned())
    }

    fn line(number: u64) -> String {
        let text = format!("c/n/p/k#0 {number}");
        format!("{text} {:016x} größe", fnv(text.as_bytes()))
    }

    /// A container of ten lines, one each second, of which these were shown, and these gaps.
    fn judged(shown: &[u64], marked: &[(i64, i64)], served: (u64, u64), delivered: &[(u64, u64)]) -> (Sums, usize) {
        judged_from(0, shown, marked, served, delivered)
    }

    /// The same for a client that began at so many microseconds.
    fn judged_from(
        from: i64,
        shown: &[u64],
        marked: &[(i64, i64)],
        served: (u64, u64),
        delivered: &[(u64, u64)],
    ) -> (Sums, usize) {
        let mut runs = vec![Run {
            place: place(),
            run: 0,
            times: (1..=10).map(|second| second * 1_000_000).collect(),
            served_now: Some(served),
            delivered: delivered.to_vec(),
            late: vec![],
            files: vec![(1, 4, Some(4_500_000)), (5, 10, None)],
            is_newest: true,
            is_gone: false,
            end: 11_000_000,
            shown: vec![0; 10],
        }];
        let index = HashMap::from([("c/n/p/k#0".to_owned(), Some(0)), ("c/n/p/twice#0".to_owned(), None)]);
        let mut found = Found::default();
        for number in shown {
            take(&line(*number), &place(), &mut runs, &index, &mut found);
        }
        assert_eq!(found.damaged + found.other + found.invented, 0);
        let mut gaps: Vec<Gap> = marked
            .iter()
            .map(|(from, to)| Gap {
                place: place(),
                from: from * 1_000_000,
                to: to * 1_000_000,
                cause: String::new(),
                is_needed: false,
                is_idle: false,
                lines: 0,
            })
            .collect();
        let mine: Vec<usize> = (0..gaps.len()).collect();
        let mut sums = Sums::default();
        judge(&runs[0], &mine, &mut gaps, (from, 0), &mut sums, &mut |_, _| {});
        (sums, gaps.iter().filter(|gap| !gap.is_needed).count())
    }

    #[test]
    fn every_kind_of_wrong_is_found() {
        let all: Vec<u64> = (1..=10).collect();
        let (sums, false_gaps) = judged(&all, &[], (1, 10), &[]);
        assert_eq!((sums.shown, sums.doubled, false_gaps), (10, 0, 0));
        let twice = [&all[..], &[4, 4]].concat();
        assert_eq!(judged(&twice, &[], (1, 10), &[]).0.doubled, 2);
        assert_eq!(judged(&all, &[(2, 4)], (1, 10), &[]).1, 1, "a false gap");
        let without: Vec<u64> = all.iter().copied().filter(|number| *number != 5).collect();
        assert_eq!(judged(&without, &[], (1, 10), &[]).0.lost_unmarked, 1);
        assert_eq!(judged(&without, &[(4, 6)], (1, 10), &[]).0.lost_marked, 1);
        let (sums, _) = judged_from(5_000_000, &all[6..], &[], (5, 10), &[]);
        assert_eq!(
            (sums.before, sums.lost_unmarked),
            (4, 2),
            "four were gone when the client began"
        );
        let (sums, _) = judged(&all[..7], &[], (1, 10), &[]);
        assert_eq!((sums.behind, sums.farthest, sums.lost_unmarked), (3, 3_000_000, 0));
        assert_eq!(judged(&without, &[], (6, 10), &[]).0.gone_unmarked, 1);
        let (sums, false_gaps) = judged(&without, &[(4, 6)], (6, 10), &[]);
        assert_eq!((sums.gone_marked, sums.gone_unmarked, false_gaps), (1, 0, 0));
        assert_eq!(judged(&without, &[(4, 6)], (6, 10), &[(1, 7)]).0.delivered_lost, 1);
    }

    #[test]
    fn a_damaged_or_invented_line_is_found() {
        let mut found = Found::default();
        let index = HashMap::from([("c/n/p/k#0".to_owned(), Some(0)), ("c/n/p/twice#0".to_owned(), None)]);
        for text in [
            line(1).replace(" 1 ", " 2 "),
            "c/n/p/k#0 3 00".to_owned(),
            line(11),
            "hello".to_owned(),
        ] {
            take(&text, &place(), &mut [], &index, &mut found);
        }
        assert_eq!((found.damaged, found.invented, found.other), (2, 1, 1));
        for text in [line(3).get(..20).unwrap(), "c/n/p/k", "c/n/p/k#0 17 "] {
            take(text, &place(), &mut [], &index, &mut found);
        }
        let whole = line(4);
        take(&whole.replace("ße", "\u{fffd}"), &place(), &mut [], &index, &mut found);
        assert_eq!((found.damaged, found.truncated), (2, 4));
    }
}
