//! The shape of a scenario file, as serde reads it. Every field that a user may write is documented here.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use crate::demo::clock::SECOND;
use crate::demo::log::Stream;
use crate::demo::scenario::fault::Fault;
use crate::demo::scenario::template::{Template, parse_span};

/// A length of time in a file: `300ms`, `45s`, `1h30m`, `41d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub nanos: i64,
}

impl Span {
    pub const fn seconds(seconds: i64) -> Self {
        Self {
            nanos: seconds * SECOND,
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let nanos = parse_span(&text).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is no length of time; write 300ms, 45s, 1h30m or 41d"))
        })?;
        Ok(Self { nanos })
    }
}

/// A whole scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// What `--scenario` calls it.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// How far back the logs reach when the clusters start.
    #[serde(default = "twelve_minutes")]
    pub history: Span,
    /// The longest pause between two starts of a crashing container.
    #[serde(default = "five_minutes")]
    pub backoff_max: Span,
    pub clusters: Vec<Cluster>,
    /// Besides `default` and `kube-system`, which are always there.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Lists of words for `{list:NAME}`.
    #[serde(default)]
    pub lists: BTreeMap<String, Vec<String>>,
    /// What images are built from; containers name one with `base`.
    #[serde(default)]
    pub bases: BTreeMap<String, Base>,
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// What happens while the clusters run.
    #[serde(default)]
    pub events: Vec<Event>,
    /// What goes wrong while they run.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    /// When log files are renamed; without it they never are, and each keeps its last 20,000 lines.
    pub kubelet: Option<Kubelet>,
}

/// How kubelets keep logs. Real ones look every 10 s for files of 10 MiB; only the newest file of a container is ever
/// served, so how many older ones are kept (real: 4) makes no difference.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Kubelet {
    /// Bytes of lines at which a file is renamed.
    #[serde(default = "ten_mebibytes")]
    pub file_size: usize,
    /// Between two looks at the size.
    #[serde(default = "ten_seconds")]
    pub look_every: Span,
    /// How long the runtime goes on writing into the old file when the new one is there.
    #[serde(default = "no_time")]
    pub window: Span,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cluster {
    pub name: String,
    /// `gitVersion` of its kubelets.
    #[serde(default = "kubelet_version")]
    pub version: String,
    pub nodes: Vec<String>,
    #[serde(default = "a_year")]
    pub age: Span,
    /// For `{var:NAME}`.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
}

/// The root of an image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Base {
    /// The name of another base that this one adds to.
    pub base: Option<String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    /// False for an image without a shell.
    pub shell: Option<bool>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Absolute path to content, as it is (no generators).
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Where Python packages are.
    pub site_packages: Option<String>,
    #[serde(default)]
    pub packages: BTreeMap<String, String>,
    #[serde(default)]
    pub os_packages: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Strategy {
    #[default]
    RollingUpdate,
    Recreate,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Workload {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
    /// Ignored by a DaemonSet, which has a pod on every node.
    #[serde(default = "one")]
    pub replicas: u32,
    /// How long the workload has existed.
    #[serde(default = "two_months")]
    pub age: Span,
    /// How long its pods have existed.
    #[serde(default = "three_hours")]
    pub started: Span,
    /// Which rollout of the Deployment, or release of the chart, the pods are of.
    #[serde(default = "one")]
    pub revision: u32,
    #[serde(default)]
    pub strategy: Strategy,
    /// On the workload and its pods, besides `app`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub pod_annotations: BTreeMap<String, String>,
    /// Becomes the ConfigMap `NAME-config` and part of the environment.
    #[serde(default)]
    pub config: BTreeMap<String, Template>,
    /// Becomes the Secret `NAME-secret` and part of the environment.
    #[serde(default)]
    pub secret: BTreeMap<String, Template>,
    pub helm: Option<Helm>,
    /// The port of the workload's Service.
    pub service: Option<u16>,
    pub service_account: Option<String>,
    #[serde(default)]
    pub host_network: bool,
    pub containers: Vec<Container>,
    /// Events that its pods get again and again.
    #[serde(default)]
    pub notices: Vec<Notice>,
    /// Cluster name to what is different there.
    #[serde(default, rename = "in")]
    pub within: BTreeMap<String, WorkloadChange>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Helm {
    pub release: String,
    pub chart: String,
    pub version: String,
    pub app_version: String,
    /// The chart's own `values.yaml`.
    #[serde(default)]
    pub defaults: toml::Table,
    /// What was given with the release.
    #[serde(default)]
    pub values: toml::Table,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Container {
    pub name: String,
    #[serde(default)]
    pub role: Role,
    pub image: String,
    /// How the image was built; the same tag from another build has another digest.
    #[serde(default)]
    pub build: String,
    pub base: Option<String>,
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    pub args: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    pub port: Option<u16>,
    #[serde(default = "tenth_of_a_cpu")]
    pub cpu: String,
    #[serde(default = "some_memory")]
    pub memory: String,
    pub memory_limit: Option<String>,
    /// How long after its start the readiness probe succeeds; without it there is no probe.
    pub ready_after: Option<Span>,
    /// How long pulling the image takes, for the first pod, the second ...; the last holds for the rest.
    #[serde(default)]
    pub pull: Vec<Span>,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    #[serde(default)]
    pub packages: BTreeMap<String, String>,
    /// Packages of the base that this image lacks.
    #[serde(default)]
    pub without: Vec<String>,
    #[serde(default)]
    pub stream: Output,
    /// What it writes when it starts.
    pub startup: Option<Template>,
    /// Records per second that it writes while it runs, chosen from `lines` by weight.
    #[serde(default)]
    pub rate: f64,
    #[serde(default)]
    pub lines: Vec<Line>,
    /// It writes numbered lines at `rate` and nothing else, of which an exact record is kept for a checker:
    /// `CLUSTER/NAMESPACE/POD/CONTAINER#RUN NUMBER SUM`, from 1, the sum being FNV-1a 64 over what is before it.
    #[serde(default)]
    pub numbered: bool,
    pub exit: Option<Exit>,
    pub stuck: Option<Stuck>,
}

/// When a container runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    #[default]
    Main,
    /// Before the others, to its end; it needs an `exit`.
    Init,
}

/// Why a container never starts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stuck {
    /// Such as `ImagePullBackOff` or `CreateContainerConfigError`.
    pub reason: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    #[default]
    Stdout,
    Stderr,
}

impl From<Output> for Stream {
    fn from(output: Output) -> Self {
        match output {
            Output::Stdout => Self::Stdout,
            Output::Stderr => Self::Stderr,
        }
    }
}

/// One record; several lines are written at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    pub text: Template,
    /// Against the other lines of the container.
    #[serde(default = "weight_one")]
    pub weight: f64,
    /// Not by weight, but at this interval.
    pub every: Option<Span>,
    pub stream: Option<Output>,
}

/// The end of the process: a crash, or a Job that is done.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exit {
    pub code: u8,
    /// Such as `OOMKilled`; without it `Completed` or `Error`, by the code.
    pub reason: Option<String>,
    /// After the last line of `startup`.
    pub after: Span,
    /// Written before the end.
    pub text: Option<Template>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Notice {
    pub reason: String,
    pub message: Template,
    pub every: Span,
    #[serde(default)]
    pub warning: bool,
}

/// What is different in one cluster. Tables are merged, everything else replaces.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WorkloadChange {
    /// Not from the start, but by a rollout this long after it. The image must be another one: by its image a pod is
    /// known to be of the new kind.
    pub at: Option<Span>,
    /// The workload does not exist there.
    #[serde(default)]
    pub absent: bool,
    pub replicas: Option<u32>,
    pub age: Option<Span>,
    pub started: Option<Span>,
    pub revision: Option<u32>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub pod_annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub config: BTreeMap<String, Template>,
    #[serde(default)]
    pub secret: BTreeMap<String, Template>,
    #[serde(default)]
    pub helm: HelmChange,
    /// By container name.
    #[serde(default)]
    pub containers: BTreeMap<String, ContainerChange>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HelmChange {
    pub version: Option<String>,
    pub app_version: Option<String>,
    #[serde(default)]
    pub values: toml::Table,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ContainerChange {
    pub image: Option<String>,
    pub build: Option<String>,
    pub cpu: Option<String>,
    pub memory: Option<String>,
    pub memory_limit: Option<String>,
    pub command: Option<Vec<String>>,
    pub args: Option<Vec<String>>,
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    #[serde(default)]
    pub pull: Vec<Span>,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    #[serde(default)]
    pub packages: BTreeMap<String, String>,
    #[serde(default)]
    pub without: Vec<String>,
    pub startup: Option<Template>,
    pub rate: Option<f64>,
    /// Added to the others.
    #[serde(default)]
    pub lines: Vec<Line>,
    pub exit: Option<Exit>,
    pub stuck: Option<Stuck>,
}

/// Something that happens once, at a time after the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Event {
    pub at: Span,
    pub cluster: String,
    /// `NAMESPACE/NAME` of a Deployment or StatefulSet.
    pub workload: String,
    pub action: Action,
    /// For `scale`.
    pub replicas: Option<u32>,
    /// For `rollout`: the new image; without it the pods are restarted.
    pub image: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Rollout,
    DeletePod,
    Scale,
}

fn ten_mebibytes() -> usize {
    10 << 20
}

fn ten_seconds() -> Span {
    Span::seconds(10)
}

fn no_time() -> Span {
    Span::seconds(0)
}

fn twelve_minutes() -> Span {
    Span::seconds(12 * 60)
}

fn five_minutes() -> Span {
    Span::seconds(5 * 60)
}

fn three_hours() -> Span {
    Span::seconds(3 * 3600)
}

fn two_months() -> Span {
    Span::seconds(60 * 86_400)
}

fn a_year() -> Span {
    Span::seconds(365 * 86_400)
}

fn kubelet_version() -> String {
    "v1.36.2".to_owned()
}

fn tenth_of_a_cpu() -> String {
    "100m".to_owned()
}

fn some_memory() -> String {
    "128Mi".to_owned()
}

fn one() -> u32 {
    1
}

fn weight_one() -> f64 {
    1.0
}
