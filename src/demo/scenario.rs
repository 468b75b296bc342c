//! A demo world read from a TOML file: which clusters there are, what runs in them, and what is different in which.
//!
//! It describes; `world` brings it to life.

pub mod template;
pub mod fault;
pub mod shape;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::demo::log::Rotation;
use crate::demo::scenario::fault::{Fault, Wrong};
use crate::demo::scenario::shape::{
    Base, Cluster, Container, ContainerChange, Event, File, Line, Role, Workload, WorkloadChange,
};
use crate::demo::scenario::template::{Template, nearest};

/// The scenarios in the binary, the default one first.
pub const EMBEDDED: &[(&str, &str)] = &[
    (
        "works-in-staging",
        include_str!("../../tests/scenarios/works-in-staging.toml"),
    ),
    ("quiet", include_str!("../../tests/scenarios/quiet.toml")),
    ("canary", include_str!("../../tests/scenarios/canary.toml")),
    ("flood", include_str!("../../tests/scenarios/flood.toml")),
    ("train-ride", include_str!("../../tests/scenarios/train-ride.toml")),
    ("storm", include_str!("../../tests/scenarios/storm.toml")),
];

/// A scenario that has been checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    file: File,
}

/// What is wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}{}", file.display(), hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}")))]
pub struct ScenarioError {
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
}

/// A scenario as one of its clusters has it, with what is different there worked in.
#[derive(Clone, Debug)]
pub struct Plan {
    pub cluster: Cluster,
    pub namespaces: Vec<String>,
    pub lists: BTreeMap<String, Vec<String>>,
    pub bases: BTreeMap<String, Base>,
    pub workloads: Vec<Planned>,
    pub events: Vec<Event>,
    pub faults: Vec<Fault>,
    /// When log files are renamed.
    pub rotation: Option<Rotation>,
    /// Nanoseconds.
    pub history: i64,
    /// Nanoseconds.
    pub backoff_max: i64,
}

/// One workload of one cluster.
#[derive(Clone, Debug)]
pub struct Planned {
    pub workload: Workload,
    /// Without the cluster's differences: what an image other than the scenario's behaves like.
    pub plain: Workload,
    /// When the differences come, in nanoseconds after the start; `None` if they are there from the start.
    pub change_at: Option<i64>,
}

impl Scenario {
    /// One of the scenarios in the binary.
    pub fn embedded(name: &str) -> Option<Self> {
        let (name, text) = EMBEDDED.iter().find(|(known, _)| *known == name)?;
        // A test parses each of them.
        Self::parse(text, Path::new(name)).ok()
    }

    /// The embedded scenarios: name and title, the default one first.
    pub fn all() -> Vec<(&'static str, String)> {
        let named = EMBEDDED
            .iter()
            .filter_map(|(name, _)| Some((*name, Self::embedded(name)?.file.title)));
        named.collect()
    }

    /// The embedded scenario whose name is nearest to one that does not exist.
    pub fn nearest(name: &str) -> Option<&'static str> {
        nearest(name, EMBEDDED.iter().map(|(name, _)| *name))
    }

    /// Reads and checks a file's text; `path` is only for the error.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ScenarioError> {
        let source = Source { text, path };
        let file: File = toml::from_str(text).map_err(|error| source.explain(&error))?;
        Check {
            source: &source,
            file: &file,
        }
        .all()?;
        Ok(Self { file })
    }

    pub fn name(&self) -> &str {
        &self.file.name
    }

    pub fn title(&self) -> &str {
        &self.file.title
    }

    /// The names of its clusters, in order.
    pub fn clusters(&self) -> Vec<&str> {
        self.file.clusters.iter().map(|cluster| cluster.name.as_str()).collect()
    }

    /// A fault as a test gives it while the clusters run: a JSON object or a TOML table in one line.
    pub fn fault(&self, text: &str) -> Result<Fault, String> {
        let fault: Fault = match serde_json::from_str(text) {
            Ok(fault) => fault,
            Err(error) if text.trim_start().starts_with("{\"") => return Err(error.to_string()),
            Err(_) => {
                #[derive(serde::Deserialize)]
                struct Line {
                    fault: Fault,
                }
                let read = toml::from_str::<Line>(&format!("fault = {text}"));
                read.map_err(|error| error.message().to_owned())?.fault
            }
        };
        let workloads = self.file.workload_names();
        let workloads: Vec<&str> = workloads.iter().map(String::as_str).collect();
        fault.check(&self.clusters(), &workloads).map_err(|wrong| match wrong {
            Wrong::Unknown { what, name } => format!("there is no {what} `{name}`"),
            Wrong::Value { message, .. } => message,
        })?;
        Ok(fault)
    }

    /// What each cluster has, in order.
    pub fn plans(&self) -> Vec<Plan> {
        self.file.clusters.iter().map(|cluster| self.plan(cluster)).collect()
    }

    fn plan(&self, cluster: &Cluster) -> Plan {
        let file = &self.file;
        let mut namespaces = vec!["default".to_owned(), "kube-system".to_owned()];
        namespaces.extend(
            file.namespaces
                .iter()
                .filter(|name| !namespaces.contains(name))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let workloads = file.workloads.iter().filter_map(|plain| {
            let mut workload = plain.clone();
            let change = plain.within.get(&cluster.name);
            let change_at = change.and_then(|change| change.at).map(|at| at.nanos);
            if let Some(change) = change {
                if change.absent {
                    return None;
                }
                change_workload(&mut workload, change);
            }
            Some(Planned {
                workload,
                plain: plain.clone(),
                change_at,
            })
        });
        Plan {
            cluster: cluster.clone(),
            namespaces,
            lists: file.lists.clone(),
            bases: file.bases.clone(),
            workloads: workloads.collect(),
            events: file
                .events
                .iter()
                .filter(|event| event.cluster == cluster.name)
                .cloned()
                .collect(),
            faults: file
                .faults
                .iter()
                .filter(|fault| fault.is_of(&cluster.name))
                .cloned()
                .collect(),
            rotation: file.kubelet.as_ref().map(|kubelet| Rotation {
                largest: kubelet.file_size,
                every: kubelet.look_every.nanos,
                window: kubelet.window.nanos,
            }),
            history: file.history.nanos,
            backoff_max: file.backoff_max.nanos,
        }
    }
}

impl Plan {
    /// A base with what it is built on, the nearest values winning.
    pub fn base(&self, name: &str) -> Base {
        let Some(base) = self.bases.get(name) else {
            return Base::default();
        };
        let mut base = base.clone();
        let first = base.base.take();
        let mut next = first.as_deref();
        // The check has refused a circle.
        while let Some(below) = next.and_then(|name| self.bases.get(name)) {
            under(&mut base.files, &below.files);
            under(&mut base.env, &below.env);
            under(&mut base.packages, &below.packages);
            under(&mut base.os_packages, &below.os_packages);
            base.user = base.user.or_else(|| below.user.clone());
            base.workdir = base.workdir.or_else(|| below.workdir.clone());
            base.shell = base.shell.or(below.shell);
            base.site_packages = base.site_packages.or_else(|| below.site_packages.clone());
            next = below.base.as_deref();
        }
        base
    }
}

fn under(over: &mut BTreeMap<String, String>, below: &BTreeMap<String, String>) {
    for (key, value) in below {
        over.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

fn change_workload(workload: &mut Workload, change: &WorkloadChange) {
    replace(&mut workload.replicas, change.replicas.as_ref());
    replace(&mut workload.age, change.age.as_ref());
    replace(&mut workload.started, change.started.as_ref());
    replace(&mut workload.revision, change.revision.as_ref());
    workload.labels.extend(change.labels.clone());
    workload.annotations.extend(change.annotations.clone());
    workload.pod_annotations.extend(change.pod_annotations.clone());
    workload.config.extend(change.config.clone());
    workload.secret.extend(change.secret.clone());
    if let Some(helm) = &mut workload.helm {
        replace(&mut helm.version, change.helm.version.as_ref());
        replace(&mut helm.app_version, change.helm.app_version.as_ref());
        merge(&mut helm.values, &change.helm.values);
    }
    for container in &mut workload.containers {
        if let Some(change) = change.containers.get(&container.name) {
            change_container(container, change);
        }
    }
}

fn change_container(container: &mut Container, change: &ContainerChange) {
    replace(&mut container.image, change.image.as_ref());
    replace(&mut container.build, change.build.as_ref());
    replace(&mut container.cpu, change.cpu.as_ref());
    replace(&mut container.memory, change.memory.as_ref());
    replace(&mut container.command, change.command.as_ref());
    replace(&mut container.args, change.args.as_ref());
    replace(&mut container.rate, change.rate.as_ref());
    container.memory_limit = change.memory_limit.clone().or_else(|| container.memory_limit.take());
    container.startup = change.startup.clone().or_else(|| container.startup.take());
    container.exit = change.exit.clone().or_else(|| container.exit.take());
    container.stuck = change.stuck.clone().or_else(|| container.stuck.take());
    if !change.pull.is_empty() {
        container.pull.clone_from(&change.pull);
    }
    container.env.extend(change.env.clone());
    container.files.extend(change.files.clone());
    container.packages.extend(change.packages.clone());
    container.without.extend(change.without.iter().cloned());
    container.lines.extend(change.lines.iter().cloned());
}

fn replace<T: Clone>(old: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        old.clone_from(new);
    }
}

fn merge(into: &mut toml::Table, from: &toml::Table) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (_, value) => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

impl File {
    /// `NAMESPACE/NAME` of each.
    fn workload_names(&self) -> Vec<String> {
        let names = self.workloads.iter();
        names
            .map(|workload| format!("{}/{}", workload.namespace, workload.name))
            .collect()
    }
}

/// A file's text, to find places in.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    /// What the TOML reader says, with the place of a mistake inside a template found again.
    fn explain(&self, error: &toml::de::Error) -> ScenarioError {
        let span = error.span().unwrap_or(0..0);
        let literal = self.text.get(span.clone()).unwrap_or_default();
        let mut offset = span.start;
        if let Some(wrong) = string_of(literal).and_then(|text| {
            let error = Template::parse(&text).err()?;
            // An escape before it moves the place; then the start of the text must do.
            Some(literal.find(&text)? + error.offset)
        }) {
            offset += wrong;
        }
        let message = error.message().trim_end().to_owned();
        let hint = unknown_name(&message);
        self.error(offset, message, hint)
    }

    fn error(&self, offset: usize, message: String, hint: Option<String>) -> ScenarioError {
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ScenarioError {
            file: self.path.to_owned(),
            line,
            column,
            message,
            hint,
        }
    }

    /// An error at the first place where these words stand.
    fn error_at(&self, words: &str, message: String, hint: Option<String>) -> ScenarioError {
        self.error(self.text.find(words).unwrap_or(0), message, hint)
    }
}

/// The string that a TOML literal stands for.
fn string_of(literal: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(&format!("text = {literal}")).ok()?;
    Some(table.get("text")?.as_str()?.to_owned())
}

/// From "unknown field `replica`, expected one of `kind`, ...": the expected name that is nearest.
fn unknown_name(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let written = quoted.next().filter(|_| message.starts_with("unknown "))?;
    let name = nearest(written, quoted)?;
    Some(format!("did you mean `{name}`?"))
}

/// What serde cannot check: names that refer to something, and ranges.
struct Check<'a> {
    source: &'a Source<'a>,
    file: &'a File,
}

impl Check<'_> {
    fn all(&self) -> Result<(), ScenarioError> {
        if self.file.clusters.is_empty() {
            return Err(self
                .source
                .error_at("clusters", "a scenario needs a cluster".to_owned(), None));
        }
        for cluster in &self.file.clusters {
            if cluster.nodes.is_empty() {
                let message = format!("cluster `{}` needs a node", cluster.name);
                return Err(self.source.error_at(&format!("\"{}\"", cluster.name), message, None));
            }
        }
        for (name, base) in &self.file.bases {
            self.base(base.base.as_deref())?;
            self.no_circle(name)?;
        }
        self.file
            .workloads
            .iter()
            .try_for_each(|workload| self.workload(workload))?;
        self.file.events.iter().try_for_each(|event| self.event(event))?;
        self.file.faults.iter().try_for_each(|fault| self.fault(fault))
    }

    fn fault(&self, fault: &Fault) -> Result<(), ScenarioError> {
        let workloads = self.file.workload_names();
        let workloads: Vec<&str> = workloads.iter().map(String::as_str).collect();
        match fault.check(&self.clusters(), &workloads) {
            Ok(()) => Ok(()),
            Err(Wrong::Unknown { what: "cluster", name }) => self.known("cluster", &name, &self.clusters()),
            Err(Wrong::Unknown { what, name }) => self.known(what, &name, &workloads),
            Err(Wrong::Value { words, message }) => {
                // After the first fault of its kind, whose name stands in quotes.
                let kind = self
                    .source
                    .text
                    .find(&format!("\"{}\"", fault.kind.name()))
                    .unwrap_or(0);
                let near = self.source.text.get(kind..).and_then(|text| text.find(&words));
                Err(self.source.error(kind + near.unwrap_or(0), message, None))
            }
        }
    }

    fn workload(&self, workload: &Workload) -> Result<(), ScenarioError> {
        let mut namespaces = vec!["default", "kube-system"];
        namespaces.extend(self.file.namespaces.iter().map(String::as_str));
        self.known("namespace", &workload.namespace, &namespaces)?;
        let containers: Vec<&str> = workload
            .containers
            .iter()
            .map(|container| container.name.as_str())
            .collect();
        if containers.is_empty() {
            let message = format!("workload `{}` needs a container", workload.name);
            return Err(self.source.error_at(&format!("\"{}\"", workload.name), message, None));
        }
        self.texts(workload.config.values().chain(workload.secret.values()))?;
        self.texts(workload.notices.iter().map(|notice| &notice.message))?;
        for container in &workload.containers {
            self.base(container.base.as_deref())?;
            self.texts(container.env.values().chain(container.startup.as_ref()))?;
            self.texts(container.exit.iter().filter_map(|exit| exit.text.as_ref()))?;
            self.lines(&container.lines)?;
            self.rate(container.rate)?;
            if container.role == Role::Init && container.exit.is_none() {
                let message = format!("init container `{}` needs an exit", container.name);
                return Err(self.source.error_at(&format!("\"{}\"", container.name), message, None));
            }
        }
        for (cluster, change) in &workload.within {
            self.known("cluster", cluster, &self.clusters())?;
            self.texts(change.config.values().chain(change.secret.values()))?;
            for (container, change) in &change.containers {
                self.known("container", container, &containers)?;
                self.texts(change.env.values().chain(change.startup.as_ref()))?;
                self.texts(change.exit.iter().filter_map(|exit| exit.text.as_ref()))?;
                self.lines(&change.lines)?;
                self.rate(change.rate.unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn lines(&self, lines: &[Line]) -> Result<(), ScenarioError> {
        self.texts(lines.iter().map(|line| &line.text))?;
        match lines.iter().find(|line| !(0.0..=1e9).contains(&line.weight)) {
            Some(line) => Err(self
                .source
                .error_at("weight", format!("weight {} is not in 0..1e9", line.weight), None)),
            None => Ok(()),
        }
    }

    fn rate(&self, rate: f64) -> Result<(), ScenarioError> {
        if (0.0..=1e6).contains(&rate) {
            return Ok(());
        }
        Err(self.source.error_at(
            "rate",
            format!("rate {rate} is not in 0..1000000 records per second"),
            None,
        ))
    }

    fn texts<'t>(&self, mut texts: impl Iterator<Item = &'t Template>) -> Result<(), ScenarioError> {
        let lists: Vec<&str> = self.file.lists.keys().map(String::as_str).collect();
        texts.try_for_each(|text| {
            let (used, vars) = text.references();
            used.into_iter().try_for_each(|name| self.known("list", name, &lists))?;
            vars.into_iter().try_for_each(|name| self.variable(name))
        })
    }

    /// A variable must be set in every cluster.
    fn variable(&self, name: &str) -> Result<(), ScenarioError> {
        self.file.clusters.iter().try_for_each(|cluster| {
            let vars: Vec<&str> = cluster.vars.keys().map(String::as_str).collect();
            self.known("variable", name, &vars)
        })
    }

    fn base(&self, name: Option<&str>) -> Result<(), ScenarioError> {
        let bases: Vec<&str> = self.file.bases.keys().map(String::as_str).collect();
        name.map_or(Ok(()), |name| self.known("base", name, &bases))
    }

    fn no_circle(&self, name: &str) -> Result<(), ScenarioError> {
        let mut next = Some(name);
        for _ in 0..=self.file.bases.len() {
            let Some(base) = next.and_then(|name| self.file.bases.get(name)) else {
                return Ok(());
            };
            next = base.base.as_deref();
        }
        Err(self.source.error_at(
            &format!("bases.{name}"),
            format!("base `{name}` is built on itself"),
            None,
        ))
    }

    fn event(&self, event: &Event) -> Result<(), ScenarioError> {
        self.known("cluster", &event.cluster, &self.clusters())?;
        let workloads = self.file.workload_names();
        let workloads: Vec<&str> = workloads.iter().map(String::as_str).collect();
        self.known("workload", &event.workload, &workloads)
    }

    fn clusters(&self) -> Vec<&str> {
        self.file.clusters.iter().map(|cluster| cluster.name.as_str()).collect()
    }

    fn known(&self, what: &str, name: &str, known: &[&str]) -> Result<(), ScenarioError> {
        if known.contains(&name) {
            return Ok(());
        }
        let hint = nearest(name, known.iter().copied()).map(|name| format!("did you mean `{name}`?"));
        // A bare name may stand elsewhere first; inside a text there is more to look for.
        let words = match what {
            "list" => format!("{{list:{name}}}"),
            "variable" => format!("{{var:{name}}}"),
            _ => name.to_owned(),
        };
        Err(self
            .source
            .error_at(&words, format!("there is no {what} `{name}`"), hint))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: &str = r#"
name = "small"
title = "One pod"
[[clusters]]
name = "dev"
nodes = ["n1"]
vars = { region = "eu" }
[bases.os]
files."/etc/os-release" = "ID=os"
[bases.python]
base = "os"
packages = { pip = "25" }
[[workloads]]
kind = "Deployment"
namespace = "default"
name = "web"
[[workloads.containers]]
name = "web"
image = "web:1"
base = "python"
[[workloads.containers.lines]]
text = "hello {uuid}"
[workloads.in.dev.containers.web]
rate = 2.0
"#;

    fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        Scenario::parse(text, Path::new("small.toml"))
    }

    /// Replaces one part of the small scenario, and gives the error as it is shown.
    fn check(from: &str, to: &str, expected: &str) {
        assert!(SMALL.contains(from), "{from}");
        let error = parse(&SMALL.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.to_string(), expected, "{to}");
    }

    #[test]
    fn every_embedded_scenario_is_sound() {
        for (name, text) in EMBEDDED {
            let scenario = Scenario::parse(text, Path::new(name)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(scenario.name(), *name);
            assert!(scenario.clusters().len() > 1, "{name}");
            assert!(Scenario::embedded(name).is_some());
        }
        assert!(Scenario::embedded("none").is_none());
        assert_eq!(Scenario::all().len(), EMBEDDED.len());
        assert_eq!(Scenario::nearest("works-in-stagin"), Some("works-in-staging"));
        assert_eq!(Scenario::nearest("zzz"), None);
    }

    #[test]
    fn differences_are_worked_in() {
        let plan = parse(SMALL).unwrap().plans().remove(0);
        let rate = |workload: &Workload| workload.containers[0].rate.to_string();
        assert_eq!(rate(&plan.workloads[0].workload), "2");
        assert_eq!(rate(&plan.workloads[0].plain), "0");
        assert_eq!(plan.base("python").files["/etc/os-release"], "ID=os");
        let absent = parse(&SMALL.replace(".containers.web]\nrate = 2.0", "]\nabsent = true"))
            .unwrap()
            .plans();
        assert!(absent[0].workloads.is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        check(
            "kind = \"Deployment\"",
            "kind = \"Deploment\"",
            "small.toml:14:8: unknown variant `Deploment`, expected one of `Deployment`, `StatefulSet`, `DaemonSet`, `Job`; did you mean `Deployment`?",
        );
        check(
            "{uuid}",
            "{uuids}",
            "small.toml:22:15: there is no generator {uuids}; did you mean {uuid}?",
        );
        check(
            "\"hello {uuid}\"",
            "'''\nhello\n {int:x}'''",
            "small.toml:24:2: {int} needs a range of whole numbers, such as 1-500",
        );
        check(
            "base = \"python\"",
            "base = \"pyton\"",
            "small.toml:20:9: there is no base `pyton`; did you mean `python`?",
        );
        check("in.dev", "in.prod", "small.toml:23:15: there is no cluster `prod`");
        check(
            "{uuid}",
            "{var:regio}",
            "small.toml:22:15: there is no variable `regio`; did you mean `region`?",
        );
        check(
            "namespace = \"default\"",
            "namespace = \"shop\"",
            "small.toml:15:14: there is no namespace `shop`",
        );
        check(
            "rate = 2.0",
            "rate = -1.0",
            "small.toml:24:1: rate -1 is not in 0..1000000 records per second",
        );
        check(
            "base = \"os\"",
            "base = \"python\"",
            "small.toml:10:2: base `python` is built on itself",
        );
        check(
            "nodes = [\"n1\"]",
            "nodes = []",
            "small.toml:5:8: cluster `dev` needs a node",
        );
        check(
            "title = \"One pod\"",
            "title = 3",
            "small.toml:3:9: invalid type: integer `3`, expected a string",
        );
        check(
            "[[clusters]]",
            "history = \"5 minutes\"\n[[clusters]]",
            "small.toml:4:11: `5 minutes` is no length of time; write 300ms, 45s, 1h30m or 41d",
        );
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_refused_or_read_but_never_a_panic(cut in 0..SMALL.len(), length in 0_usize..30, new in ".{0,6}") {
            let (before, after) = SMALL.split_at(cut);
            let text = format!("{before}{new}{}", after.get(length..).unwrap_or_default());
            if let Err(error) = parse(&text) {
                prop_assert!(error.line <= text.matches('\n').count() + 1, "{}", error);
            }
        }
    }

    #[test]
    fn a_wrong_fault_is_shown_at_its_place() {
        let check = |fault: &str, expected: &str| {
            let lines = SMALL.lines().count();
            let error = parse(&format!("{SMALL}\n[[fault]]\n{fault}\n"))
                .unwrap_err()
                .to_string();
            let place = error.strip_prefix("small.toml:").unwrap();
            let (line, rest) = place.split_once(':').unwrap();
            let after = line.parse::<usize>().unwrap() - lines - 2;
            assert_eq!(format!("{after}:{rest}"), expected);
        };
        check(
            "kind = \"cutt\"",
            "1:8: unknown variant `cutt`, expected one of `cut`, `stall`, `slow`, `error-text`, `disconnect`, \
             `black-hole`, `restart-server`, `status`, `late`, `rotate`, `long-line`, `restart`, `delete-pod`, `lose-node`, \
             `skew`; did you mean `cut`?",
        );
        check("kind = \"cut\"\ncluster = \"prod\"", "2:12: there is no cluster `prod`");
        check(
            "kind = \"black-hole\"\nwindow = \"1s\"",
            "2:1: fault `black-hole` has no `window`",
        );
        check(
            "kind = \"cut\"\nevery = \"soon\"",
            "2:9: `soon` is no time between two faults; write 30s or 1s-20s, from 1ms up",
        );
    }

    #[test]
    fn an_unknown_field_names_the_nearest() {
        let error = parse(&SMALL.replace("image =", "imag =")).unwrap_err();
        assert_eq!(
            (error.line, error.column, error.hint.as_deref()),
            (19, 1, Some("did you mean `image`?"))
        );
    }
}
