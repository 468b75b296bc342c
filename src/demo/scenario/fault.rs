//! `[[fault]]` of a scenario file: what goes wrong with a cluster's streams, connections, server, nodes and clock.
//!
//! The same table is taken by the control socket, where times count from when it is given.

use std::ops::RangeInclusive;

use fastrand::Rng;
use serde::{Deserialize, Deserializer, de};

use crate::demo::scenario::shape::Span;
use crate::demo::scenario::template::parse_span;

/// One fault, once or again and again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    pub kind: Kind,
    /// How long after the start it comes first.
    #[serde(default = "at_once")]
    pub at: Span,
    /// Again and again: after a fixed time, such as `30s`, or one drawn anew each time, such as `1s-20s`. Faults of
    /// streams and connections come to each of them by its own time, counted from when it was opened.
    pub every: Option<Every>,
    /// It does not come again when so much time has passed since the start.
    pub until: Option<Span>,
    /// How long it lasts, where it lasts; 10 s without it. An outage that repeats begins anew `every` after its end.
    #[serde(rename = "for")]
    pub lasts: Option<Span>,
    /// The names of clusters; all of them if there is none.
    #[serde(default)]
    pub cluster: Names,
    /// `NAMESPACE/NAME` of the workload whose pods it comes to.
    pub workload: Option<String>,
    /// The pods' name; `*` stands for any text.
    pub pod: Option<String>,
    /// How many of those pods, drawn anew each time; all of them without it.
    pub count: Option<usize>,
    /// For `cut` and `disconnect`: the forms, drawn anew each time; all of them if there is none.
    #[serde(default)]
    pub how: Vec<Cut>,
    /// For `slow`: from 1.
    pub bytes_per_second: Option<u32>,
    /// For `status`: 401, 403, 410, 429, 500 or 503.
    pub code: Option<u16>,
    /// For `status`: the header `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// For `status` and `late`: which requests are meant; all if there is none.
    #[serde(default)]
    pub requests: Vec<Requests>,
    /// For `skew`: how far the clock jumps; `-10s` is back. For `late`: how long an answer takes.
    pub by: Option<Jump>,
    /// For `rotate`: how long the runtime writes into the old file when the new one is there.
    pub window: Option<Span>,
    /// For `long-line`: bytes of the line; 40,000 without it.
    pub bytes: Option<usize>,
    /// For `long-line`: a line of stderr comes between the pieces.
    #[serde(default)]
    pub torn: bool,
    /// For `error-text`: what stands at the end of the body, after which it ends.
    pub text: Option<String>,
    /// For `restart`: the exit status, 137 without it.
    pub exit: Option<u8>,
    /// For `restart`: the process starts and ends once more at once, so that a client misses a whole run and the log of
    /// the one that it followed is gone.
    #[serde(default)]
    pub twice: bool,
    /// For `restart`: the kubelet has removed the ended container, so that its log is an error's text in a 200.
    #[serde(default)]
    pub forget: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A followed log ends, in one of the forms of [`Cut`].
    Cut,
    /// A followed log stays open and gives nothing, for `for`; then it goes on where it was.
    Stall,
    /// A followed log gives so many bytes a second, for `for`.
    Slow,
    /// The kubelet puts an error into the body, which had been answered with 200, and ends it.
    ErrorText,
    /// A TCP connection ends, with every request on it: `eof`, `reset`, `half-close` or `mid-chunk`.
    Disconnect,
    /// For `for` no byte comes out of the cluster: connections are accepted and stay silent, as do the open ones.
    BlackHole,
    /// For `for` the server is gone: every connection is cut and new ones are refused; then it is back.
    RestartServer,
    /// For `for` requests are refused with `code`.
    Status,
    /// For `for` requests are answered `by` later.
    Late,
    /// The kubelet renames the log files of pods.
    Rotate,
    /// Containers write one line that the runtime cuts into pieces of 16 KiB.
    LongLine,
    /// The process of containers ends and the kubelet starts it again.
    Restart,
    /// Pods are deleted; their owners replace them.
    DeletePod,
    /// For `for` the nodes of the chosen pods cannot be reached: `NotReady` after 40 s, followed logs silent and ended
    /// after 30 to 45 s, requests to their kubelets fail. The containers go on.
    LoseNode,
    /// The clock of the cluster's nodes and its server jumps. One that a scenario has at its start and only once is how
    /// far the clock has always been off.
    Skew,
}

/// How a stream or a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// As if all had been said.
    Eof,
    /// TCP RST; on HTTP/2 `RST_STREAM`.
    Reset,
    /// The server says that it will write no more, and goes on reading; on HTTP/2 it is the end of the stream.
    HalfClose,
    /// Inside a line, then as if all had been said.
    MidLine,
    /// Inside a character of several bytes, if one of the next lines has one.
    MidUtf8,
    /// Inside an HTTP chunk, whose length has been told; on HTTP/2 part of a line and `RST_STREAM`.
    MidChunk,
}

/// The forms in which a stream can end.
pub const CUTS: &[Cut] = &[
    Cut::Eof,
    Cut::Reset,
    Cut::HalfClose,
    Cut::MidLine,
    Cut::MidUtf8,
    Cut::MidChunk,
];

/// The forms in which a connection can end.
const DISCONNECTS: &[Cut] = &[Cut::Eof, Cut::Reset, Cut::HalfClose, Cut::MidChunk];

/// The statuses of `status`.
const CODES: &[u16] = &[401, 403, 410, 429, 500, 503];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requests {
    Log,
    List,
    Watch,
    Get,
    Exec,
}

/// One name or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a name or a list of names")]
        enum Written {
            One(String),
            Several(Vec<String>),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::One(name) => vec![name],
            Written::Several(names) => names,
        }))
    }
}

/// A time between two occurrences: fixed, or drawn anew each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Every {
    /// Nanoseconds, from a millisecond up.
    range: RangeInclusive<i64>,
}

impl Every {
    pub fn draw(&self, rng: &mut Rng) -> i64 {
        rng.i64(self.range.clone())
    }

    fn parse(text: &str) -> Option<Self> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let range = parse_span(low.trim())?..=parse_span(high.trim())?;
        (*range.start() >= 1_000_000 && !range.is_empty()).then_some(Self { range })
    }
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!(
                "`{text}` is no time between two faults; write 30s or 1s-20s, from 1ms up"
            ))
        })
    }
}

/// A length of time with a sign, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump(pub i64);

impl<'de> Deserialize<'de> for Jump {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (sign, span) = match text.strip_prefix('-') {
            Some(span) => (-1, span),
            None => (1, text.as_str()),
        };
        let nanos = parse_span(span)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is no jump of a clock; write 90s or -10s")))?;
        Ok(Self(sign * nanos))
    }
}

/// What is wrong with a fault that serde cannot see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No cluster or workload of that name.
    Unknown { what: &'static str, name: String },
    /// Words to look for in the file, and what is wrong with them.
    Value { words: String, message: String },
}

impl Fault {
    /// Whether it comes to a cluster.
    pub fn is_of(&self, cluster: &str) -> bool {
        self.cluster.0.is_empty() || self.cluster.0.iter().any(|name| name == cluster)
    }

    /// Whether it comes to a pod, `workload` being `NAMESPACE/NAME` of what the pod belongs to.
    pub fn is_about(&self, workload: &str, pod: &str) -> bool {
        self.workload.as_deref().is_none_or(|wanted| wanted == workload)
            && self.pod.as_deref().is_none_or(|pattern| fits(pattern, pod))
    }

    /// How far the clock has been off from the beginning, if that is what the fault says: a jump at once and only once.
    pub fn constant_skew(&self) -> Option<i64> {
        let is_constant = self.kind == Kind::Skew && self.at.nanos == 0 && self.every.is_none();
        self.by.filter(|_| is_constant).map(|by| by.0)
    }

    /// How long it lasts, in nanoseconds.
    pub fn duration(&self) -> i64 {
        self.lasts.map_or(Span::seconds(10).nanos, |span| span.nanos)
    }

    /// One of the forms in which it cuts.
    pub fn cut(&self, rng: &mut Rng) -> Cut {
        let forms = match (self.how.as_slice(), self.kind) {
            ([], Kind::Disconnect) => DISCONNECTS,
            ([], _) => CUTS,
            (forms, _) => forms,
        };
        rng.choice(forms).copied().unwrap_or(Cut::Eof)
    }

    /// Compares with what there is; `workloads` are `NAMESPACE/NAME`.
    pub fn check(&self, clusters: &[&str], workloads: &[&str]) -> Result<(), Wrong> {
        let unknown = |what, name: &str| {
            Err(Wrong::Unknown {
                what,
                name: name.to_owned(),
            })
        };
        if let Some(name) = self.cluster.0.iter().find(|name| !clusters.contains(&name.as_str())) {
            return unknown("cluster", name);
        }
        if let Some(name) = self.workload.as_deref().filter(|name| !workloads.contains(name)) {
            return unknown("workload", name);
        }
        self.parameters()?;
        self.values()
    }

    /// Every parameter has to mean something for the kind.
    fn parameters(&self) -> Result<(), Wrong> {
        use Kind::{Cut, Disconnect, ErrorText, Late, LongLine, Restart, Rotate, Skew, Slow, Status};
        let given = [
            ("for", self.lasts.is_some(), self.kind.lasts()),
            ("workload", self.workload.is_some(), self.kind.has_pods()),
            ("pod", self.pod.is_some(), self.kind.has_pods()),
            ("count", self.count.is_some(), self.kind.chooses_pods()),
            ("how", !self.how.is_empty(), matches!(self.kind, Cut | Disconnect)),
            ("bytes-per-second", self.bytes_per_second.is_some(), self.kind == Slow),
            ("code", self.code.is_some(), self.kind == Status),
            ("retry-after", self.retry_after.is_some(), self.kind == Status),
            (
                "requests",
                !self.requests.is_empty(),
                matches!(self.kind, Status | Late),
            ),
            ("by", self.by.is_some(), matches!(self.kind, Skew | Late)),
            ("window", self.window.is_some(), self.kind == Rotate),
            ("bytes", self.bytes.is_some(), self.kind == LongLine),
            ("torn", self.torn, self.kind == LongLine),
            ("text", self.text.is_some(), self.kind == ErrorText),
            ("exit", self.exit.is_some(), self.kind == Restart),
            ("twice", self.twice, self.kind == Restart),
            ("forget", self.forget, self.kind == Restart),
        ];
        match given.into_iter().find(|(_, is_given, means)| *is_given && !means) {
            Some((name, ..)) => self.wrong(name, &format!("has no `{name}`")),
            None => Ok(()),
        }
    }

    fn values(&self) -> Result<(), Wrong> {
        if self.kind == Kind::Status && !self.code.is_some_and(|code| CODES.contains(&code)) {
            return self.wrong("code", "needs a `code` of 401, 403, 410, 429, 500 or 503");
        }
        if self.kind == Kind::Slow && self.bytes_per_second.unwrap_or_default() == 0 {
            return self.wrong("bytes-per-second", "needs `bytes-per-second`, from 1");
        }
        if self.kind == Kind::Skew && self.by.is_none() {
            return self.wrong("by", "needs `by`, such as 90s or -10s");
        }
        if self.kind == Kind::Late && self.by.is_none_or(|by| by.0 <= 0) {
            return self.wrong("by", "needs `by`, such as 200ms");
        }
        if self.kind == Kind::Disconnect && self.how.iter().any(|cut| !DISCONNECTS.contains(cut)) {
            return self.wrong("how", "ends by eof, reset, half-close or mid-chunk");
        }
        if self.bytes.is_some_and(|bytes| !(1..=4 << 20).contains(&bytes)) {
            return self.wrong("bytes", "has `bytes` in 1..4194304");
        }
        Ok(())
    }

    fn wrong(&self, words: &str, what: &str) -> Result<(), Wrong> {
        Err(Wrong::Value {
            words: format!("{words} "),
            message: format!("fault `{}` {what}", self.kind.name()),
        })
    }
}

impl Kind {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Stall => "stall",
            Self::Slow => "slow",
            Self::ErrorText => "error-text",
            Self::Disconnect => "disconnect",
            Self::BlackHole => "black-hole",
            Self::RestartServer => "restart-server",
            Self::Status => "status",
            Self::Late => "late",
            Self::Rotate => "rotate",
            Self::LongLine => "long-line",
            Self::Restart => "restart",
            Self::DeletePod => "delete-pod",
            Self::LoseNode => "lose-node",
            Self::Skew => "skew",
        }
    }

    /// Whether each followed log meets it by its own time.
    pub const fn is_of_streams(self) -> bool {
        match self {
            Self::Cut | Self::Stall | Self::Slow | Self::ErrorText => true,
            Self::Disconnect
            | Self::BlackHole
            | Self::RestartServer
            | Self::Status
            | Self::Late
            | Self::Rotate
            | Self::LongLine
            | Self::Restart
            | Self::DeletePod
            | Self::LoseNode
            | Self::Skew => false,
        }
    }

    const fn lasts(self) -> bool {
        match self {
            Self::Stall
            | Self::Slow
            | Self::BlackHole
            | Self::RestartServer
            | Self::Status
            | Self::Late
            | Self::LoseNode => true,
            Self::Cut
            | Self::ErrorText
            | Self::Disconnect
            | Self::Rotate
            | Self::LongLine
            | Self::Restart
            | Self::DeletePod
            | Self::Skew => false,
        }
    }

    const fn has_pods(self) -> bool {
        self.is_of_streams() || self.chooses_pods()
    }

    const fn chooses_pods(self) -> bool {
        match self {
            Self::Rotate | Self::LongLine | Self::Restart | Self::DeletePod | Self::LoseNode => true,
            Self::Cut
            | Self::Stall
            | Self::Slow
            | Self::ErrorText
            | Self::Disconnect
            | Self::BlackHole
            | Self::RestartServer
            | Self::Status
            | Self::Late
            | Self::Skew => false,
        }
    }
}

impl Cut {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eof => "eof",
            Self::Reset => "reset",
            Self::HalfClose => "half-close",
            Self::MidLine => "mid-line",
            Self::MidUtf8 => "mid-utf8",
            Self::MidChunk => "mid-chunk",
        }
    }
}

/// Whether a name is the pattern with something in the place of each `*`.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(end) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(end)
}

const fn at_once() -> Span {
    Span::seconds(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Result<Fault, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn a_fault_is_read() {
        let fault =
            fault("kind = \"cut\"\nevery = \"1s-20s\"\ncluster = \"prod\"\nhow = [\"eof\", \"mid-utf8\"]").unwrap();
        assert!(fault.is_of("prod") && !fault.is_of("dev"));
        assert_eq!(fault.how, [Cut::Eof, Cut::MidUtf8]);
        let mut rng = Rng::with_seed(1);
        let every = fault.every.unwrap();
        let drawn: Vec<i64> = (0..100).map(|_| every.draw(&mut rng) / 1_000_000_000).collect();
        assert!(drawn.iter().all(|seconds| (1..=20).contains(seconds)));
        assert!(drawn.iter().any(|seconds| *seconds < 4) && drawn.iter().any(|seconds| *seconds > 16));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        fn check(text: &str, expected: &str) {
            let message = match fault(text) {
                Err(message) => message,
                Ok(fault) => match fault.check(&["dev", "prod"], &["shop/api"]) {
                    Ok(()) => "nothing is wrong".to_owned(),
                    Err(Wrong::Unknown { what, name }) => format!("there is no {what} `{name}`"),
                    Err(Wrong::Value { message, .. }) => message,
                },
            };
            assert!(message.contains(expected), "{text}: {message}");
        }
        check(
            "kind = \"cut\"\ncluster = [\"dev\", \"prod\"]\nworkload = \"shop/api\"",
            "nothing is wrong",
        );
        check("kind = \"cutt\"", "unknown variant `cutt`");
        check("kind = \"cut\"\nevry = \"1s\"", "unknown field `evry`");
        check(
            "kind = \"cut\"\nevery = \"20s-1s\"",
            "`20s-1s` is no time between two faults",
        );
        check("kind = \"cut\"\ncluster = \"prd\"", "there is no cluster `prd`");
        check(
            "kind = \"cut\"\nworkload = \"shop/apo\"",
            "there is no workload `shop/apo`",
        );
        check("kind = \"cut\"\nby = \"1s\"", "fault `cut` has no `by`");
        check("kind = \"black-hole\"\npod = \"x\"", "fault `black-hole` has no `pod`");
        check("kind = \"status\"\ncode = 418", "needs a `code` of 401");
        check("kind = \"slow\"", "needs `bytes-per-second`");
        check("kind = \"skew\"", "needs `by`");
        check("kind = \"late\"\nby = \"-1s\"", "needs `by`");
        check("kind = \"cut\"\ntwice = true", "fault `cut` has no `twice`");
        check("kind = \"disconnect\"\nhow = [\"mid-line\"]", "ends by eof, reset");
    }

    #[test]
    fn a_pattern_fits_whole_names() {
        for (pattern, name, expected) in [
            ("api-*", "api-1", true),
            ("api-*", "web-1", false),
            ("*-1", "api-1", true),
            ("a*i-*1", "api-11", true),
            ("api", "api-1", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_clock_jumps_either_way() {
        let by = |text: &str| fault(&format!("kind = \"skew\"\nby = \"{text}\"")).unwrap().by;
        assert_eq!(by("-10s"), Some(Jump(-10_000_000_000)));
        assert_eq!(by("1500ms"), Some(Jump(1_500_000_000)));
    }
}
