//! `coverage.json` beside a saved tree of logs: what was watched while the logs were written. Its shape, its mistakes,
//! and what they are called.
//!
//! ```json
//! {"window": ["2026-03-04T08:00:00Z", "2026-03-04T09:00:00Z"],
//!  "clusters": {"prod": {
//!    "connected": ["2026-03-04T08:00:00Z", "2026-03-04T09:00:00Z"],
//!    "gaps": [],
//!    "forbidden":  [{"namespace": "shop", "workload": "vault"}],
//!    "undeployed": [{"namespace": "shop", "workload": "search"}],
//!    "pods": [{"namespace": "shop", "pod": "api-7d9c5b6f8d-x2k4v", "workload": "api", "container": "api",
//!              "restarts": ["2026-03-04T08:20:00Z"],
//!              "observed": [["2026-03-04T08:00:00Z", "2026-03-04T09:00:00Z"]]}]}}}
//! ```
//! Times are RFC 3339; intervals are half open. `gaps`, `forbidden`, `undeployed` and `restarts` may be left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::Value;

use crate::model::Time;

/// The file as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with `window` and `clusters`")]
pub struct Coverage {
    /// What the tree is about.
    pub window: Interval,
    pub clusters: BTreeMap<String, Cluster>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with `connected` and `pods`")]
pub struct Cluster {
    /// `null` for a cluster that was never reached.
    pub connected: Option<Interval>,
    /// When none of its streams were read.
    #[serde(default)]
    pub gaps: Vec<Interval>,
    /// Known to run, but their logs were refused.
    #[serde(default)]
    pub forbidden: Vec<Workload>,
    /// Known not to run here.
    #[serde(default)]
    pub undeployed: Vec<Workload>,
    pub pods: Vec<Pod>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(expecting = "an object with `namespace` and `workload`")]
pub struct Workload {
    pub namespace: String,
    pub workload: String,
}

/// One container of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with `namespace`, `pod`, `workload`, `container` and `observed`")]
pub struct Pod {
    pub namespace: String,
    pub pod: String,
    pub workload: String,
    pub container: String,
    /// When another instance of the container started.
    #[serde(default)]
    pub restarts: Vec<Stamp>,
    /// When every line of it was read.
    pub observed: Vec<Interval>,
}

/// From the first to the last moment, the last one not included; never the wrong way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub from: Time,
    pub to: Time,
}

/// A time as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub Time);

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From 1; none where the mistake is not in one place.
    pub place: Option<(usize, usize)>,
    /// What was expected.
    pub message: String,
}

/// The coverage, and what in the file is unknown and left out of account.
pub fn parse(text: &str) -> Result<(Coverage, Vec<String>), Mistake> {
    let coverage: Coverage = serde_json::from_str(text).map_err(|error| Mistake {
        place: Some((error.line(), error.column())),
        message: expected(&error),
    })?;
    check(&coverage)?;
    // The same text, which was just read; only its keys are looked at.
    let value = serde_json::from_str(text).unwrap_or(Value::Null);
    Ok((coverage, unknown_keys(&value)))
}

/// The words of the JSON reader without the place, which stands in front, so that they say what was expected.
fn expected(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let words = words.strip_suffix(&place).unwrap_or(&words);
    match words.strip_prefix("missing field ") {
        Some(field) => format!("expected the key {field} before the end of this object"),
        None if words.contains("expected") => words.to_owned(),
        None => format!("expected well-formed JSON: {words}"),
    }
}

/// What no single value is wrong about.
fn check(coverage: &Coverage) -> Result<(), Mistake> {
    let mistake = |message| Err(Mistake { place: None, message });
    if u16::try_from(coverage.clusters.len()).is_err() {
        return mistake("clusters: expected at most 65535 of them".to_owned());
    }
    for (name, cluster) in &coverage.clusters {
        let mut known = BTreeSet::new();
        for (n, pod) in cluster.pods.iter().enumerate() {
            if !known.insert((&pod.namespace, &pod.pod, &pod.container)) {
                return mistake(format!(
                    "clusters.{name}.pods[{n}]: expected each container once, {}/{}/{} is there again",
                    pod.namespace, pod.pod, pod.container
                ));
            }
        }
        let refused = cluster.forbidden.iter().enumerate();
        for (n, workload) in refused {
            if cluster.undeployed.contains(workload) {
                return mistake(format!(
                    "clusters.{name}.forbidden[{n}]: expected a workload that runs here, {}/{} is undeployed",
                    workload.namespace, workload.workload
                ));
            }
        }
    }
    Ok(())
}

/// A key that is not known may be a known one with a slip in it.
fn unknown_keys(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    note_unknown(value, "", &["window", "clusters"], &mut found);
    let clusters = value.get("clusters").and_then(Value::as_object);
    for (name, cluster) in clusters.into_iter().flatten() {
        let path = format!("clusters.{name}");
        let known = ["connected", "gaps", "forbidden", "undeployed", "pods"];
        note_unknown(cluster, &path, &known, &mut found);
        let pods = cluster.get("pods").and_then(Value::as_array);
        for (n, pod) in pods.into_iter().flatten().enumerate() {
            let known = ["namespace", "pod", "workload", "container", "restarts", "observed"];
            note_unknown(pod, &format!("{path}.pods[{n}]"), &known, &mut found);
        }
    }
    found
}

fn note_unknown(value: &Value, path: &str, known: &[&str], found: &mut Vec<String>) {
    for key in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
        if !known.contains(&key.as_str()) {
            let dot = if path.is_empty() { "" } else { "." };
            found.push(format!("{path}{dot}{key}"));
        }
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (Stamp(from), Stamp(to)) = Deserialize::deserialize(deserializer)?;
        if from <= to {
            Ok(Self { from, to })
        } else {
            Err(de::Error::custom(
                "expected an interval that does not end before it begins",
            ))
        }
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rfc3339;
        impl Visitor<'_> for Rfc3339 {
            type Value = Stamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time such as \"2026-03-04T08:00:00Z\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Stamp, E> {
                let wrong = || E::invalid_value(de::Unexpected::Str(text), &self);
                let stamp: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
                let nanos = i64::try_from(stamp.as_nanosecond()).map_err(|_| wrong())?;
                Ok(Stamp(Time(nanos)))
            }
        }
        deserializer.deserialize_str(Rfc3339)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{line}:{column}: {}", self.message),
            None => write!(f, " {}", self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: &str = r#""window": ["2026-03-04T08:00:00Z", "2026-03-04T09:00:00Z"]"#;

    fn pods(pods: &str) -> String {
        format!("{{{WINDOW},\n\"clusters\": {{\"dev\": {{\"connected\": null,\n\"pods\": [{pods}]}}}}}}")
    }

    fn pod(more: &str) -> String {
        format!(
            "{{\"namespace\": \"shop\", \"pod\": \"api-0\", \"workload\": \"api\", \"container\": \"api\",\n{more}}}"
        )
    }

    #[test]
    fn what_may_be_left_out_is_empty() {
        let text = pods(&pod(
            r#""observed": [["2026-03-04T08:00:00.5Z", "2026-03-04T10:00:00+01:00"]]"#,
        ));
        let (coverage, unknown) = parse(&text).unwrap();
        let dev = &coverage.clusters["dev"];
        assert_eq!(
            (dev.connected, dev.gaps.len(), dev.pods[0].restarts.len()),
            (None, 0, 0)
        );
        let seen = dev.pods[0].observed[0];
        assert_eq!(seen.to.since(seen.from).as_millis(), 3_599_500);
        assert!(unknown.is_empty());
    }

    #[test]
    fn unknown_keys_are_named() {
        let text = pods(&pod(r#""observed": [], "restart": []"#)).replace("\"pods\"", "\"gap\": [], \"pods\"");
        let (_, unknown) = parse(&text).unwrap();
        assert_eq!(unknown, ["clusters.dev.gap", "clusters.dev.pods[0].restart"]);
    }

    #[track_caller]
    fn check_mistake(text: &str, line: Option<usize>, words: &str) {
        let mistake = parse(text).unwrap_err();
        assert_eq!(mistake.place.map(|(line, _)| line), line, "{mistake}");
        assert!(
            mistake.message.contains(words) && mistake.message.contains("expected"),
            "{mistake}"
        );
    }

    #[test]
    fn mistakes_have_a_place_and_say_what_was_expected() {
        check_mistake("", Some(1), "EOF");
        check_mistake("{\n", Some(2), "EOF");
        check_mistake("[]", Some(1), "`window`");
        check_mistake("3", Some(1), "an object with `window` and `clusters`");
        check_mistake(&format!("{{{WINDOW}\n}}"), Some(2), "`clusters`");
        check_mistake(&pods(&pod("")), Some(4), "expected");
        check_mistake(&pods(&pod(r#""observed": 3"#)), Some(4), "a sequence");
        check_mistake(
            &pods(&pod(r#""observed": [["yesterday", "x"]]"#)),
            Some(4),
            "an RFC 3339 time",
        );
        check_mistake(&pods(&pod(r#""observed": [["2026-03-04T08:00:00Z"]]"#)), Some(4), "2");
        let backwards = r#""observed": [["2026-03-04T08:00:00Z", "2026-03-04T07:00:00Z"]]"#;
        check_mistake(
            &pods(&pod(backwards)),
            Some(4),
            "ends before it begins".trim_start_matches("ends "),
        );
        let twice = format!("{},{}", pod(r#""observed": []"#), pod(r#""observed": []"#));
        check_mistake(&pods(&twice), None, "clusters.dev.pods[1]");
        let both = r#""forbidden": [{"namespace": "a", "workload": "b"}],
            "undeployed": [{"namespace": "a", "workload": "b"}], "pods""#;
        check_mistake(&pods("").replace("\"pods\"", both), None, "clusters.dev.forbidden[0]");
    }
}
