//! What a container looks like from inside, from its pod, its image and what the scenario says of both.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::demo::clock::SECOND;
use crate::demo::container::Container;
use crate::demo::scenario::shape::{self, Base};
use crate::demo::store::Key;
use crate::demo::world::sim::{Part, Pod, Sim};

/// What an image with a shell has in `/bin`.
const TOOLS: &[&str] = &[
    "cat", "chmod", "cp", "date", "echo", "env", "false", "grep", "head", "hostname", "kill", "ls", "mkdir", "mv",
    "ps", "pwd", "rm", "sed", "sh", "sleep", "sort", "tail", "touch", "true", "uname", "wc", "whoami",
];

/// The start of every executable; there is nothing behind it.
const EXECUTABLE: &[u8] = b"\x7fELF\x02\x01\x01";

const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The inside of a container about to start; `spec` is its entry in the pod's spec.
pub fn inside(sim: &Sim, pod: &Pod, part: &Part, spec: &Value) -> Container {
    let behaviour = sim.planned(pod, part);
    let base = behaviour
        .and_then(|container| container.base.as_deref())
        .map(|name| sim.plan.base(name));
    // An image that the scenario does not know, such as a debugging image, has a shell and little else.
    let mut base = base.unwrap_or_else(|| Base {
        shell: Some(true),
        ..Base::default()
    });
    let packages = packages(&base, behaviour);
    let mut files = BTreeMap::new();
    if base.shell.unwrap_or(true) {
        files.extend(TOOLS.iter().map(|tool| (format!("/bin/{tool}"), EXECUTABLE.to_vec())));
    }
    of_the_cluster(sim, pod, &mut files);
    files.insert("/etc/passwd".to_owned(), passwd(base.user.as_deref()).into_bytes());
    if let Some(directory) = &base.site_packages {
        site_packages(directory, &packages, &mut files);
    }
    let own = behaviour.map(|container| container.files.clone()).unwrap_or_default();
    for (path, content) in std::mem::take(&mut base.files).into_iter().chain(own) {
        files.insert(path, content.into_bytes());
    }
    Container {
        hostname: pod.key.name.clone(),
        image: part.image.clone(),
        user: base.user.clone().unwrap_or_else(|| "root".to_owned()),
        workdir: base.workdir.clone().unwrap_or_else(|| "/".to_owned()),
        env: environment(sim, pod, &base, spec),
        files,
        packages,
        os_packages: base.os_packages.clone(),
        shell: base.shell.unwrap_or(true),
        command: command(spec),
        started: sim.clock.div_euclid(SECOND),
    }
}

fn packages(base: &Base, behaviour: Option<&shape::Container>) -> BTreeMap<String, String> {
    let mut packages = base.packages.clone();
    if let Some(container) = behaviour {
        packages.extend(container.packages.clone());
        packages.retain(|name, _| !container.without.contains(name));
    }
    packages
}

/// What the kubelet and the runtime put into every container.
fn of_the_cluster(sim: &Sim, pod: &Pod, files: &mut BTreeMap<String, Vec<u8>>) {
    let (name, namespace) = (&pod.key.name, &pod.key.namespace);
    let ip = pod.ip.as_deref().unwrap_or_default();
    let mut put = |path: &str, content: String| files.insert(path.to_owned(), content.into_bytes());
    put("/etc/hostname", format!("{name}\n"));
    put(
        "/etc/hosts",
        format!(
            "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
             fe00::\tip6-localnet\nfe00::\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n{ip}\t{name}\n"
        ),
    );
    put(
        "/etc/resolv.conf",
        format!(
            "search {namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
        ),
    );
    put(&format!("{SERVICE_ACCOUNT}/namespace"), namespace.clone());
    // A token that no API server knows: nothing in a container talks to one.
    put(&format!("{SERVICE_ACCOUNT}/token"), sim.seed.uid(&["token", &pod.uid]));
    put("/tmp/", String::new());
    put("/proc/1/", String::new());
}

fn passwd(user: Option<&str>) -> String {
    let own = user.filter(|user| *user != "root");
    let own = own.map_or_else(String::new, |user| {
        format!("{user}:x:1000:1000::/home/{user}:/bin/sh\n")
    });
    format!("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n{own}")
}

/// Wheels as pip lays them out.
fn site_packages(directory: &str, packages: &BTreeMap<String, String>, files: &mut BTreeMap<String, Vec<u8>>) {
    for (name, version) in packages {
        let module = name.to_lowercase().replace('-', "_");
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
        files.insert(
            format!("{directory}/{module}/__init__.py"),
            format!("__version__ = \"{version}\"\n").into_bytes(),
        );
        files.insert(
            format!("{directory}/{module}-{version}.dist-info/METADATA"),
            metadata.into_bytes(),
        );
        files.insert(
            format!("{directory}/{module}-{version}.dist-info/INSTALLER"),
            b"pip\n".to_vec(),
        );
    }
}

fn environment(sim: &Sim, pod: &Pod, base: &Base, spec: &Value) -> BTreeMap<String, String> {
    let home = match base.user.as_deref() {
        None | Some("root") => "/root".to_owned(),
        Some(user) => format!("/home/{user}"),
    };
    let mut env = BTreeMap::from(
        [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOSTNAME", pod.key.name.as_str()),
            ("HOME", home.as_str()),
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    env.extend(base.env.clone());
    for source in spec["envFrom"].as_array().into_iter().flatten() {
        env.extend(from_object(sim, &pod.key.namespace, source));
    }
    for variable in spec["env"].as_array().into_iter().flatten() {
        if let (Some(name), Some(value)) = (variable["name"].as_str(), variable["value"].as_str()) {
            env.insert(name.to_owned(), value.to_owned());
        }
    }
    env
}

/// The variables of one `envFrom` entry, as its ConfigMap or Secret is now.
fn from_object(sim: &Sim, namespace: &str, source: &Value) -> Vec<(String, String)> {
    let object = |resource, reference: &str| {
        let name = source[reference]["name"].as_str()?;
        sim.cluster.store().get(&Key::new(resource, namespace, name))
    };
    let config = object("configmaps", "configMapRef");
    let secret = object("secrets", "secretRef");
    let plain = config.iter().filter_map(|config| config["data"].as_object()).flatten();
    let plain = plain.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let encoded = secret.iter().filter_map(|secret| secret["data"].as_object()).flatten();
    let decoded = encoded.filter_map(|(name, value)| {
        let bytes = STANDARD.decode(value.as_str()?).ok()?;
        Some((name.clone(), String::from_utf8(bytes).ok()?))
    });
    plain.chain(decoded).collect()
}

fn command(spec: &Value) -> Vec<String> {
    let list = |field: &str| spec[field].as_array().cloned().unwrap_or_default();
    let words = list("command").into_iter().chain(list("args"));
    let command: Vec<String> = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
    if command.is_empty() {
        vec!["sh".to_owned()]
    } else {
        command
    }
}
