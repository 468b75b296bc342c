//! The text of log lines and values with generators in braces, such as `GET {path} {ms:2-900}`.
//!
//! `{{` and `}}` are literal braces. A line may start with `{+300ms}`: it comes that much after the line before.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;
use serde::{Deserialize, Deserializer, de};

use crate::demo::clock::{self, MILLISECOND};

/// Every generator, with what it writes; the list that a wrong name is compared with.
pub const GENERATORS: &[(&str, &str)] = &[
    ("int", "a whole number, each equally likely: {int:1-500}"),
    (
        "ms",
        "a whole number, small ones more likely, as durations are: {ms:2-900}",
    ),
    ("sec", "as ms, with three decimals: {sec:0.002-1.5}"),
    ("float", "a number with two decimals: {float:0-100}"),
    ("hex", "so many hexadecimal digits: {hex:16}"),
    ("uuid", "a random UUID"),
    ("ip", "an address; {ip:10.244} starts with these numbers"),
    ("path", "the path of an HTTP request in a small shop"),
    ("user", "a person's login name"),
    ("pick", "one of these: {pick:GET|POST|PUT}"),
    ("list", "an entry of one of the scenario's lists: {list:products}"),
    ("time", "the time in UTC, as in strftime: {time:%Y-%m-%d %H:%M:%S}"),
    ("unix", "the time in Unix seconds"),
    ("unixms", "the time in Unix milliseconds"),
    ("seq", "1, 2, 3 ... in each container"),
    ("var", "a variable of the cluster: {var:region}"),
    ("cluster", "the cluster's name"),
    ("namespace", "the pod's namespace"),
    ("pod", "the pod's name"),
    ("podip", "the pod's address"),
    ("node", "the node's name"),
    ("container", "the container's name"),
];

const PATHS: &[&str] = &[
    "/",
    "/healthz",
    "/cart",
    "/cart/items",
    "/checkout",
    "/orders",
    "/products",
    "/products/{}",
    "/orders/{}",
    "/users/{}",
    "/api/v1/projects",
    "/api/v1/projects/{}",
    "/api/v1/projects/{}/members",
    "/static/app.css",
    "/static/app.js",
    "/search?q=lamp",
    "/login",
];

const USERS: &[&str] = &[
    "ada", "grace", "edsger", "barbara", "donald", "frances", "ken", "margaret", "niklaus", "radia", "tony", "jane",
];

/// A parsed text.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq)]
struct Line {
    /// Nanoseconds after the line before.
    delay: i64,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    /// A value, and the name under which the same text can use it again.
    Value(Generator, Option<String>),
    Again(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Generator {
    Int(i64, i64),
    Ms(i64, i64),
    Sec(f64, f64),
    Float(f64, f64),
    Hex(usize),
    Uuid,
    Ip(String),
    Path,
    User,
    Pick(Vec<String>),
    List(String),
    Time(String),
    Unix,
    UnixMs,
    Seq,
    Var(String),
    Cluster,
    Namespace,
    Pod,
    PodIp,
    Node,
    Container,
}

/// What is wrong in a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Bytes from the start of the text.
    pub offset: usize,
    pub message: String,
}

/// What the generators may speak of.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// Unix nanoseconds.
    pub nanos: i64,
    pub seq: u64,
    pub cluster: &'a str,
    pub namespace: &'a str,
    pub pod: &'a str,
    pub pod_ip: &'a str,
    pub node: &'a str,
    pub container: &'a str,
    pub vars: &'a BTreeMap<String, String>,
    pub lists: &'a BTreeMap<String, Vec<String>>,
}

/// One line as it will be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Nanoseconds after the first line of the text.
    pub after: i64,
    pub text: String,
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut lines = Vec::new();
        let mut offset = 0;
        // A final newline ends the last line; it does not start another one.
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            lines.push(parse_line(line, offset)?);
            offset += line.len() + 1;
        }
        Ok(Self { lines })
    }

    /// The lines, with fresh values.
    pub fn render(&self, scene: &Scene<'_>, rng: &mut Rng) -> Vec<Rendered> {
        let mut after = 0;
        let mut known = BTreeMap::new();
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            after += line.delay;
            let scene = &Scene {
                nanos: scene.nanos + after,
                ..*scene
            };
            let mut text = String::new();
            for part in &line.parts {
                match part {
                    Part::Text(literal) => text.push_str(literal),
                    Part::Value(generator, None) => generator.write(scene, rng, &mut text),
                    Part::Value(generator, Some(name)) => {
                        let mut value = String::new();
                        generator.write(scene, rng, &mut value);
                        text.push_str(&value);
                        known.insert(name.as_str(), value);
                    }
                    Part::Again(name) => text.push_str(known.get(name.as_str()).map_or("", String::as_str)),
                }
            }
            lines.push(Rendered { after, text });
        }
        lines
    }

    /// The whole text in one piece, for values that are no log lines.
    pub fn render_text(&self, scene: &Scene<'_>, rng: &mut Rng) -> String {
        let lines: Vec<String> = self.render(scene, rng).into_iter().map(|line| line.text).collect();
        lines.join("\n")
    }

    /// The names in `{list:…}` and `{var:…}`, for a check that they exist.
    pub fn references(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut lists, mut vars) = (Vec::new(), Vec::new());
        for part in self.lines.iter().flat_map(|line| &line.parts) {
            if let Part::Value(Generator::List(name), _) = part {
                lists.push(name.as_str());
            }
            if let Part::Value(Generator::Var(name), _) = part {
                vars.push(name.as_str());
            }
        }
        (lists, vars)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| de::Error::custom(error.message))
    }
}

impl Generator {
    fn write(&self, scene: &Scene<'_>, rng: &mut Rng, out: &mut String) {
        let written = match self {
            Self::Int(low, high) => write!(out, "{}", rng.i64(*low..=*high)),
            Self::Ms(low, high) => write!(out, "{:.0}", skewed(*low, *high, rng)),
            Self::Sec(low, high) => write!(out, "{:.3}", log_uniform(*low, *high, rng)),
            Self::Float(low, high) => write!(out, "{:.2}", low + (high - low) * rng.f64()),
            Self::Hex(digits) => write_hex(*digits, rng, out),
            Self::Uuid => write!(out, "{}", uuid(rng)),
            Self::Ip(prefix) => write!(out, "{}", address(prefix, rng)),
            Self::Path => {
                let path = choose(PATHS, rng).unwrap_or("/");
                write!(out, "{}", path.replace("{}", &rng.u32(1..5000).to_string()))
            }
            Self::User => write!(out, "{}", choose(USERS, rng).unwrap_or("jane")),
            Self::Pick(choices) => write!(out, "{}", pick(choices, rng)),
            Self::List(name) => write!(out, "{}", scene.lists.get(name).map_or("", |list| pick(list, rng))),
            Self::Time(pattern) => {
                write!(out, "{}", clock::strftime(pattern, scene.nanos).unwrap_or_default())
            }
            Self::Unix => write!(out, "{}", scene.nanos.div_euclid(clock::SECOND)),
            Self::UnixMs => write!(out, "{}", scene.nanos.div_euclid(MILLISECOND)),
            Self::Seq => write!(out, "{}", scene.seq),
            Self::Var(name) => write!(out, "{}", scene.vars.get(name).map_or("", String::as_str)),
            Self::Cluster => write!(out, "{}", scene.cluster),
            Self::Namespace => write!(out, "{}", scene.namespace),
            Self::Pod => write!(out, "{}", scene.pod),
            Self::PodIp => write!(out, "{}", scene.pod_ip),
            Self::Node => write!(out, "{}", scene.node),
            Self::Container => write!(out, "{}", scene.container),
        };
        debug_assert!(written.is_ok(), "writing to a String never fails");
    }
}

/// A UUID of version 4.
pub fn uuid(rng: &mut Rng) -> String {
    let bits = (rng.u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// So many random hexadecimal digits.
pub fn hex(digits: usize, rng: &mut Rng) -> String {
    (0..digits)
        .filter_map(|_| char::from_digit(rng.u32(0..16), 16))
        .collect()
}

fn write_hex(digits: usize, rng: &mut Rng, out: &mut String) -> std::fmt::Result {
    out.write_str(&hex(digits, rng))
}

fn choose<'a>(from: &[&'a str], rng: &mut Rng) -> Option<&'a str> {
    rng.choice(from).copied()
}

fn pick<'a>(from: &'a [String], rng: &mut Rng) -> &'a str {
    rng.choice(from).map_or("", String::as_str)
}

fn skewed(low: i64, high: i64, rng: &mut Rng) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "durations in milliseconds are far below 2^52")]
    let (low, high) = (low as f64, high as f64);
    // From one above, so that a range from 0 has a logarithm.
    log_uniform(low + 1.0, high + 1.0, rng) - 1.0
}

fn log_uniform(low: f64, high: f64, rng: &mut Rng) -> f64 {
    let low = low.max(0.001);
    low * (high.max(low) / low).powf(rng.f64())
}

/// Public-looking if no prefix is given: the first number keeps clear of private and reserved ranges.
fn address(prefix: &str, rng: &mut Rng) -> String {
    let mut numbers: Vec<String> = prefix.split('.').filter(|n| !n.is_empty()).map(str::to_owned).collect();
    if numbers.is_empty() {
        numbers.push(rng.u8(31..100).to_string());
    }
    while numbers.len() < 4 {
        numbers.push(rng.u8(1..=254).to_string());
    }
    numbers.join(".")
}

fn parse_line(line: &str, start: usize) -> Result<Line, TemplateError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut delay = 0;
    let mut rest = line;
    loop {
        let offset = start + (line.len() - rest.len());
        if let Some(after) = rest.strip_prefix("{{") {
            literal.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("}}") {
            literal.push('}');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let Some((inner, after)) = after.split_once('}') else {
                return Err(wrong(offset, "`{` is not closed; write `{{` for a brace"));
            };
            if let Some(wait) = inner.strip_prefix('+') {
                if offset != start {
                    return Err(wrong(offset, "a delay stands at the start of its line"));
                }
                delay = parse_span(wait).ok_or_else(|| wrong(offset, "a delay looks like {+300ms}"))?;
            } else {
                flush(&mut literal, &mut parts);
                parts.push(parse_part(inner, offset)?);
            }
            rest = after;
        } else if rest.starts_with('}') {
            return Err(wrong(offset, "`}` closes nothing; write `}}` for a brace"));
        } else if let Some(character) = rest.chars().next() {
            literal.push(character);
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        } else {
            flush(&mut literal, &mut parts);
            return Ok(Line { delay, parts });
        }
    }
}

fn flush(literal: &mut String, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Text(std::mem::take(literal)));
    }
}

fn parse_part(inner: &str, offset: usize) -> Result<Part, TemplateError> {
    if let Some(name) = inner.strip_prefix('=') {
        return Ok(Part::Again(name.to_owned()));
    }
    // `{id=int:1-9}`: the name comes before any colon, so that `{pick:a=b|c}` is no name.
    let head = inner.split(':').next().unwrap_or_default();
    if let Some((name, _)) = head.split_once('=') {
        let generator = inner
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='))
            .unwrap_or_default();
        return Ok(Part::Value(parse_generator(generator, offset)?, Some(name.to_owned())));
    }
    Ok(Part::Value(parse_generator(inner, offset)?, None))
}

fn parse_generator(inner: &str, offset: usize) -> Result<Generator, TemplateError> {
    let (name, argument) = inner.split_once(':').unwrap_or((inner, ""));
    let needs = |what: &str| wrong(offset, &format!("{{{name}}} needs {what}"));
    let whole = || range::<i64>(argument).ok_or_else(|| needs("a range of whole numbers, such as 1-500"));
    let real = || range::<f64>(argument).ok_or_else(|| needs("a range of numbers, such as 0.5-20"));
    let text = |what: &str| {
        if argument.is_empty() {
            Err(needs(what))
        } else {
            Ok(argument.to_owned())
        }
    };
    let generator = match name {
        "int" => whole().map(|(low, high)| Generator::Int(low, high))?,
        "ms" => whole().map(|(low, high)| Generator::Ms(low, high))?,
        "sec" => real().map(|(low, high)| Generator::Sec(low, high))?,
        "float" => real().map(|(low, high)| Generator::Float(low, high))?,
        "hex" => {
            let digits = argument.parse().ok().filter(|digits| (1..=128).contains(digits));
            Generator::Hex(digits.ok_or_else(|| needs("a number of digits from 1 to 128, such as 16"))?)
        }
        "uuid" => Generator::Uuid,
        "ip" => Generator::Ip(argument.to_owned()),
        "path" => Generator::Path,
        "user" => Generator::User,
        "pick" => Generator::Pick(
            text("choices, such as GET|POST")?
                .split('|')
                .map(str::to_owned)
                .collect(),
        ),
        "list" => Generator::List(text("the name of a list")?),
        "time" => {
            let pattern = text("a pattern, such as %H:%M:%S")?;
            if clock::strftime(&pattern, 0).is_none() {
                return Err(wrong(offset, &format!("`{pattern}` is no pattern of a time")));
            }
            Generator::Time(pattern)
        }
        "unix" => Generator::Unix,
        "unixms" => Generator::UnixMs,
        "seq" => Generator::Seq,
        "var" => Generator::Var(text("the name of a variable")?),
        "cluster" => Generator::Cluster,
        "namespace" => Generator::Namespace,
        "pod" => Generator::Pod,
        "podip" => Generator::PodIp,
        "node" => Generator::Node,
        "container" => Generator::Container,
        unknown => {
            let nearest = nearest(unknown, GENERATORS.iter().map(|(name, _)| *name));
            let hint = nearest.map_or_else(String::new, |name| format!("; did you mean {{{name}}}?"));
            return Err(wrong(offset, &format!("there is no generator {{{unknown}}}{hint}")));
        }
    };
    Ok(generator)
}

/// `1-500`, both ends included; the first may be negative.
fn range<N: std::str::FromStr + PartialOrd>(text: &str) -> Option<(N, N)> {
    let (place, _) = text.char_indices().skip(1).find(|(_, character)| *character == '-')?;
    let (low, high) = text.split_at_checked(place)?;
    let (low, high): (N, N) = (low.parse().ok()?, high.strip_prefix('-')?.parse().ok()?);
    (low <= high).then_some((low, high))
}

fn wrong(offset: usize, message: &str) -> TemplateError {
    TemplateError {
        offset,
        message: message.to_owned(),
    }
}

/// Nanoseconds of `300ms`, `45s`, `1h30m`, `41d`; `None` if the text is none of these.
pub fn parse_span(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit)?;
        let nanos = match unit {
            "us" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            _ => return None,
        };
        let amount = number.parse::<f64>().ok()? * nanos;
        // Ten years; longer is a typing error, and would overflow.
        if !(0.0..=3.2e17).contains(&amount) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
        let amount = amount as i64;
        total = total.checked_add(amount)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// The known name that looks most like what was written; none if none is near.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render(text: &str, seed: u64) -> Vec<Rendered> {
        let scene = Scene {
            nanos: 1_795_361_426_567_594_001,
            seq: 7,
            cluster: "prod",
            namespace: "shop",
            pod: "api-1",
            pod_ip: "10.1.2.3",
            node: "node-1",
            container: "api",
            vars: &BTreeMap::from([("region".to_owned(), "eu".to_owned())]),
            lists: &BTreeMap::from([("fruit".to_owned(), vec!["pear".to_owned()])]),
        };
        Template::parse(text)
            .unwrap()
            .render(&scene, &mut fastrand::Rng::with_seed(seed))
    }

    fn check(text: &str, expected: &str) {
        let lines: Vec<String> = render(text, 1).into_iter().map(|line| line.text).collect();
        assert_eq!(lines.join("\n"), expected, "{text}");
    }

    fn check_error(text: &str, offset: usize, message: &str) {
        assert_eq!(Template::parse(text).unwrap_err(), wrong(offset, message), "{text}");
    }

    #[test]
    fn known_values_are_written() {
        check("", "");
        check("plain\n  two\n", "plain\n  two");
        check(
            "{cluster}/{namespace}/{pod}/{container} on {node}",
            "prod/shop/api-1/api on node-1",
        );
        check("{seq} {var:region} {list:fruit} {pick:a=b}", "7 eu pear a=b");
        check(
            "{time:%d/%b/%Y:%H:%M:%S +0000} {unix} {unixms}",
            "22/Nov/2026:15:30:26 +0000 1795361426 1795361426567",
        );
        check(
            "{time:%Y-%m-%d %H:%M:%S,%3f} {time:%m%d %H:%M:%S%.6f}",
            "2026-11-22 15:30:26,567 1122 15:30:26.567594",
        );
        check(r#"{{"n":{int:5-5}}}"#, r#"{"n":5}"#);
        check("{int:-3--3}", "-3");
    }

    #[test]
    fn the_same_seed_gives_the_same_values() {
        let text = "{int:1-1000000} {ms:1-90000} {sec:0.001-9} {float:0-9} {hex:12} {uuid} {ip} {path} {user}";
        assert_eq!(render(text, 3), render(text, 3));
        assert_ne!(render(text, 3), render(text, 4));
    }

    #[test]
    fn a_value_can_be_used_again() {
        let lines = render("{id=uuid}\n{=id}", 9);
        assert_eq!(lines[0].text, lines[1].text);
        assert_eq!(lines[0].text.len(), 36);
    }

    #[test]
    fn lines_may_come_later() {
        let lines = render("a\n{+300ms}b\n{+1s}{time:%S%.3f}", 1);
        let after: Vec<i64> = lines.iter().map(|line| line.after).collect();
        assert_eq!(after, [0, 300 * MILLISECOND, 1300 * MILLISECOND]);
        assert_eq!(lines[2].text, "27.867", "with its own time");
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        check_error("ok {uuids}", 3, "there is no generator {uuids}; did you mean {uuid}?");
        check_error("ok\n {zzzzzzzz}", 4, "there is no generator {zzzzzzzz}");
        check_error("a {int:9-1}", 2, "{int} needs a range of whole numbers, such as 1-500");
        check_error("a {int}", 2, "{int} needs a range of whole numbers, such as 1-500");
        check_error("a {uuid", 2, "`{` is not closed; write `{{` for a brace");
        check_error("a } b", 2, "`}` closes nothing; write `}}` for a brace");
        check_error("a {+2s}", 2, "a delay stands at the start of its line");
        check_error("{hex:0}", 0, "{hex} needs a number of digits from 1 to 128, such as 16");
        check_error("{time:%Ü}", 0, "`%Ü` is no pattern of a time");
    }

    #[test]
    fn spans_are_read() {
        for (text, expected) in [
            ("300ms", Some(300 * MILLISECOND)),
            ("1h30m", Some(5400 * clock::SECOND)),
            ("0.5s", Some(500 * MILLISECOND)),
            ("41d", Some(41 * 86_400 * clock::SECOND)),
            ("", None),
            ("5", None),
            ("5 s", None),
            ("-5s", None),
            ("99999999d", None),
        ] {
            assert_eq!(parse_span(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_says_where_it_is_wrong(text in "[{}a-z:|+=0-9 \\n-]{0,40}", any in ".{0,40}") {
            for text in [text, any] {
                match Template::parse(&text) {
                    Ok(template) => prop_assert!(template.lines.len() <= text.len() + 1),
                    Err(error) => prop_assert!(text.get(error.offset..).is_some()),
                }
                prop_assert!(parse_span(&text).is_none_or(|nanos| nanos >= 0));
            }
        }

        #[test]
        fn numbers_stay_in_their_range(low in 0_i64..1000, more in 0_i64..1000, seed: u64) {
            let high = low + more;
            for name in ["int", "ms"] {
                let value: i64 = render(&format!("{{{name}:{low}-{high}}}"), seed)[0].text.parse().unwrap();
                prop_assert!((low..=high).contains(&value), "{name} {value}");
            }
        }
    }
}
