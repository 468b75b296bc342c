//! The container as a process sees it: files, variables, the current directory, the time. Not the interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tree::{Kind, Tree, resolve};
use crate::demo::clock::Now;
use crate::demo::container::Container;

/// What the images' runtimes set where the image says nothing.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Which family of packages the image was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Debian,
    Alpine,
    RedHat,
}

/// One shell variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub value: String,
    pub exported: bool,
}

/// All that commands may look at and change.
pub struct Machine {
    pub inside: Arc<Container>,
    pub tree: Tree,
    pub directory: String,
    pub variables: BTreeMap<String, Variable>,
    /// Learned at the start: what a person does to the files later does not change it.
    image: Image,
    now: Now,
}

/// What kind of image a container was made from.
struct Image {
    family: Family,
    /// Where the site packages of its Python are.
    site_packages: Option<String>,
    python: bool,
}

impl Machine {
    pub fn new(inside: Arc<Container>, now: Now) -> Self {
        let tree = Tree::new(inside.files.clone());
        let directory = if inside.workdir.is_empty() {
            "/".to_owned()
        } else {
            resolve("/", &inside.workdir)
        };
        let mut machine = Self {
            inside,
            tree,
            directory,
            variables: BTreeMap::new(),
            image: Image {
                family: Family::Debian,
                site_packages: None,
                python: false,
            },
            now,
        };
        machine.set_up_files();
        machine.set_up_variables();
        machine.image = Image {
            family: machine.find_family(),
            site_packages: machine.find_site_packages(),
            python: machine.find_python(),
        };
        machine
    }

    /// What the runtime and the kubelet put into every container, and what no image lacks.
    fn set_up_files(&mut self) {
        let inside = Arc::clone(&self.inside);
        let workdir = format!("{}/", self.directory.trim_end_matches('/'));
        if self.tree.kind(&self.directory).is_none() {
            self.tree.provide(&workdir, "");
        }
        for empty in ["/tmp/", "/dev/pts/", "/proc/1/", "/etc/"] {
            if self.tree.kind(empty.trim_end_matches('/')).is_none() {
                self.tree.provide(empty, "");
            }
        }
        self.tree.provide("/etc/hostname", format!("{}\n", inside.hostname));
        self.tree.provide(
            "/etc/hosts",
            "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
        );
        self.tree.provide("/etc/passwd", self.passwd());
        self.tree.provide(
            "/proc/1/cmdline",
            inside.command.iter().flat_map(|word| [word, "\0"]).collect::<String>(),
        );
        let environment = inside.env.iter().map(|(name, value)| format!("{name}={value}\0"));
        self.tree.provide("/proc/1/environ", environment.collect::<String>());
    }

    fn passwd(&self) -> String {
        let root = "root:x:0:0:root:/root:/bin/sh\n";
        if self.is_root() {
            return root.to_owned();
        }
        let (id, name) = (self.user_id(), self.user_name());
        format!("{root}{name}:x:{id}:{id}::{}:/bin/sh\n", self.home())
    }

    fn set_up_variables(&mut self) {
        let inside = Arc::clone(&self.inside);
        for (name, value) in &inside.env {
            self.export(name, value);
        }
        for (name, value) in [("PATH", PATH), ("HOSTNAME", &inside.hostname), ("HOME", &self.home())] {
            if !self.variables.contains_key(name) {
                self.export(name, value);
            }
        }
    }

    pub fn export(&mut self, name: &str, value: &str) {
        let variable = Variable {
            value: value.to_owned(),
            exported: true,
        };
        self.variables.insert(name.to_owned(), variable);
    }

    pub fn set(&mut self, name: &str, value: String) {
        match self.variables.get_mut(name) {
            Some(variable) => variable.value = value,
            None => drop(
                self.variables
                    .insert(name.to_owned(), Variable { value, exported: false }),
            ),
        }
    }

    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.as_str())
    }

    /// The environment of a program started from here, by name.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.variables.iter().filter(|(_, variable)| variable.exported);
        all.map(|(name, variable)| (name.as_str(), variable.value.as_str()))
    }

    /// The environment as `env` prints it.
    pub fn environment_text(&self) -> String {
        let lines: Vec<String> = self
            .environment()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        lines.concat()
    }

    /// Unix seconds.
    pub fn seconds(&self) -> i64 {
        self.nanos().div_euclid(1_000_000_000)
    }

    /// Unix nanoseconds.
    pub fn nanos(&self) -> i64 {
        (self.now)()
    }

    pub fn path(&self, path: &str) -> String {
        resolve(&self.directory, path)
    }

    pub fn is_root(&self) -> bool {
        self.user_id() == 0
    }

    /// The numeric user. A name that `/etc/passwd` does not know is the first ordinary user of an image.
    pub fn user_id(&self) -> u32 {
        let name = self.inside.user.split(':').next().unwrap_or_default();
        match name {
            "" | "root" => 0,
            name => name.parse().unwrap_or_else(|_| self.id_in_passwd(name).unwrap_or(1000)),
        }
    }

    fn id_in_passwd(&self, name: &str) -> Option<u32> {
        let text = String::from_utf8_lossy(self.tree.read("/etc/passwd").ok()?).into_owned();
        let mut lines = text.lines().map(|line| line.split(':'));
        lines.find_map(|mut fields| (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?)
    }

    pub fn user_name(&self) -> String {
        let name = self.inside.user.split(':').next().unwrap_or_default();
        match name {
            "" | "0" => "root".to_owned(),
            name if name.parse::<u32>().is_ok() => self.name_in_passwd(name).unwrap_or_else(|| name.to_owned()),
            name => name.to_owned(),
        }
    }

    fn name_in_passwd(&self, id: &str) -> Option<String> {
        let text = String::from_utf8_lossy(self.tree.read("/etc/passwd").ok()?).into_owned();
        let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        lines.find_map(|fields| (*fields.get(2)? == id).then(|| fields.first().map(|name| (*name).to_owned()))?)
    }

    fn home(&self) -> String {
        if self.is_root() {
            "/root".to_owned()
        } else {
            "/".to_owned()
        }
    }

    pub fn family(&self) -> Family {
        self.image.family
    }

    pub fn site_packages(&self) -> Option<String> {
        self.image.site_packages.clone()
    }

    pub fn has_python(&self) -> bool {
        self.image.python
    }

    /// The family by `/etc/os-release`, else by what only one family has.
    fn find_family(&self) -> Family {
        let release = self
            .tree
            .read("/etc/os-release")
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        let id = |wanted: &str| {
            release
                .lines()
                .any(|line| line.starts_with("ID") && line.contains(wanted))
        };
        let has = |name: &str| self.inside.os_packages.contains_key(name);
        if id("alpine") || has("alpine-baselayout") || has("apk-tools") {
            Family::Alpine
        } else if id("fedora") || id("rhel") || id("centos") || has("rpm") {
            Family::RedHat
        } else {
            Family::Debian
        }
    }

    /// Where the site packages of the image's Python are: by the tree, if there is one at all.
    fn find_site_packages(&self) -> Option<String> {
        let found = self.tree.paths().find_map(|path| {
            let (above, _) = path
                .split_once("/site-packages/")
                .or_else(|| path.split_once("/dist-packages/"))?;
            let folder = if path.contains("/site-packages/") {
                "site-packages"
            } else {
                "dist-packages"
            };
            above.contains("/python3").then(|| format!("{above}/{folder}"))
        });
        found.or_else(|| (!self.inside.packages.is_empty()).then(|| "/usr/local/lib/python3/site-packages".to_owned()))
    }

    fn find_python(&self) -> bool {
        let binary = |path: &str| path.starts_with("/usr") && path.contains("/bin/python");
        self.find_site_packages().is_some()
            || self.variable("PYTHON_VERSION").is_some()
            || self.inside.os_packages.contains_key("python3")
            || self.tree.paths().any(binary)
    }

    /// The version of Python: the image's own variable, the package, or the name of its library folder.
    pub fn python_version(&self) -> String {
        if let Some(version) = self.inside.env.get("PYTHON_VERSION") {
            return version.clone();
        }
        if let Some(version) = self.inside.os_packages.get("python3") {
            return version.split(['-', '+']).next().unwrap_or(version).to_owned();
        }
        let site = self.site_packages().unwrap_or_default();
        let folder = site.split('/').find_map(|part| part.strip_prefix("python"));
        folder
            .filter(|version| version.contains('.'))
            .map_or_else(|| "3.12.0".to_owned(), |version| format!("{version}.0"))
    }

    pub fn exists(&self, path: &str) -> bool {
        self.tree.kind(&self.path(path)).is_some()
    }

    pub fn is_file(&self, path: &str) -> bool {
        self.tree.kind(&self.path(path)) == Some(Kind::File)
    }
}
