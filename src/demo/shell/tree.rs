//! The files of one running session: a copy of the container's tree that may be written. Not the container itself.

use std::collections::BTreeMap;

/// The most bytes that a session may hold in files, so that a runaway redirection cannot fill the host's memory.
const MOST_BYTES: usize = 64 << 20;

/// Why a file operation failed, in the words of `strerror`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Missing,
    IsDirectory,
    NotDirectory,
    NotEmpty,
    Exists,
    Full,
    Busy,
}

impl Trouble {
    pub fn text(self) -> &'static str {
        match self {
            Self::Missing => "No such file or directory",
            Self::IsDirectory => "Is a directory",
            Self::NotDirectory => "Not a directory",
            Self::NotEmpty => "Directory not empty",
            Self::Exists => "File exists",
            Self::Full => "No space left on device",
            Self::Busy => "Device or resource busy",
        }
    }
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Device,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub kind: Kind,
}

/// Absolute path to content. A key that ends in `/` is a directory; others are implied by the paths below them.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Vec<u8>>,
    held: usize,
}

impl Tree {
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        let held = files.values().map(Vec::len).sum();
        Self { files, held }
    }

    /// Puts a file there unless the scenario already has one.
    pub fn provide(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        if self.kind(path).is_none() {
            self.files.insert(path.to_owned(), content.into());
        }
    }

    pub fn kind(&self, path: &str) -> Option<Kind> {
        if path == "/" {
            return Some(Kind::Directory);
        }
        if is_device(path) {
            return Some(Kind::Device);
        }
        if self.files.contains_key(path) {
            return Some(Kind::File);
        }
        let below = format!("{path}/");
        let first = self.files.range(below.clone()..).next();
        first
            .is_some_and(|(name, _)| name.starts_with(&below))
            .then_some(Kind::Directory)
    }

    pub fn is_directory(&self, path: &str) -> bool {
        self.kind(path) == Some(Kind::Directory)
    }

    pub fn read(&self, path: &str) -> Result<&[u8], Trouble> {
        match self.kind(path) {
            Some(Kind::File) => Ok(self.files.get(path).map_or(&[], Vec::as_slice)),
            Some(Kind::Device) => Ok(&[]),
            Some(Kind::Directory) => Err(Trouble::IsDirectory),
            None => Err(self.why_missing(path)),
        }
    }

    /// `Not a directory` where a parent is a file, as the kernel says.
    fn why_missing(&self, path: &str) -> Trouble {
        let above = parent(path);
        if above == "/" || self.is_directory(&above) {
            return Trouble::Missing;
        }
        match self.kind(&above) {
            Some(_) => Trouble::NotDirectory,
            None => self.why_missing(&above),
        }
    }

    fn writable(&self, path: &str) -> Result<(), Trouble> {
        match self.kind(path) {
            Some(Kind::Directory) => Err(Trouble::IsDirectory),
            Some(Kind::File | Kind::Device) => Ok(()),
            None if self.is_directory(&parent(path)) => Ok(()),
            None => Err(self.why_missing(path)),
        }
    }

    pub fn write(&mut self, path: &str, content: Vec<u8>) -> Result<(), Trouble> {
        self.writable(path)?;
        if is_device(path) {
            return Ok(());
        }
        let old = self.files.get(path).map_or(0, Vec::len);
        let held = self.held - old + content.len();
        if held > MOST_BYTES {
            return Err(Trouble::Full);
        }
        self.held = held;
        self.files.insert(path.to_owned(), content);
        Ok(())
    }

    pub fn append(&mut self, path: &str, content: &[u8]) -> Result<(), Trouble> {
        self.writable(path)?;
        if is_device(path) {
            return Ok(());
        }
        if self.held + content.len() > MOST_BYTES {
            return Err(Trouble::Full);
        }
        self.held += content.len();
        self.files
            .entry(path.to_owned())
            .or_default()
            .extend_from_slice(content);
        Ok(())
    }

    pub fn make_directory(&mut self, path: &str) -> Result<(), Trouble> {
        if self.kind(path).is_some() {
            return Err(Trouble::Exists);
        }
        if !self.is_directory(&parent(path)) {
            return Err(self.why_missing(path));
        }
        self.files.insert(format!("{path}/"), Vec::new());
        Ok(())
    }

    pub fn remove_file(&mut self, path: &str) -> Result<(), Trouble> {
        match self.kind(path) {
            Some(Kind::Directory) => Err(Trouble::IsDirectory),
            Some(Kind::Device) => Err(Trouble::Busy),
            None => Err(self.why_missing(path)),
            Some(Kind::File) => {
                self.keep_directory(&parent(path));
                self.forget(path);
                Ok(())
            }
        }
    }

    /// Removes a directory with all that is in it.
    pub fn remove_directory(&mut self, path: &str) -> Result<(), Trouble> {
        if path == "/" {
            return Err(Trouble::Busy);
        }
        self.keep_directory(&parent(path));
        for name in self.paths_below(path) {
            self.forget(&name);
        }
        Ok(())
    }

    pub fn is_empty_directory(&self, path: &str) -> bool {
        self.list(path).is_empty()
    }

    /// A directory whose last file goes stays a directory.
    fn keep_directory(&mut self, path: &str) {
        if path != "/" {
            self.files.entry(format!("{path}/")).or_default();
        }
    }

    fn forget(&mut self, path: &str) {
        if let Some(content) = self.files.remove(path) {
            self.held -= content.len();
        }
    }

    /// The stored keys of a directory and all below it.
    fn paths_below(&self, path: &str) -> Vec<String> {
        let below = if path == "/" {
            path.to_owned()
        } else {
            format!("{path}/")
        };
        let keys = self.files.range(below.clone()..).map(|(name, _)| name);
        keys.take_while(|name| name.starts_with(&below)).cloned().collect()
    }

    /// The names in a directory, by name. A file lists nothing.
    pub fn list(&self, path: &str) -> Vec<Entry> {
        let below = if path == "/" {
            path.to_owned()
        } else {
            format!("{path}/")
        };
        let mut found: BTreeMap<String, Kind> = BTreeMap::new();
        for key in self.paths_below(path) {
            let Some(rest) = key.strip_prefix(&below).filter(|rest| !rest.is_empty()) else {
                continue;
            };
            match rest.split_once('/') {
                Some((name, _)) => found.insert(name.to_owned(), Kind::Directory),
                None => found.insert(rest.to_owned(), Kind::File),
            };
        }
        if path == "/dev" {
            for name in DEVICES {
                found.insert((*name).to_owned(), Kind::Device);
            }
        }
        let entries = found.into_iter();
        entries.map(|(name, kind)| Entry { name, kind }).collect()
    }

    /// The size of a file in bytes; a directory counts as one block, as on ext4.
    pub fn size(&self, path: &str) -> usize {
        match self.kind(path) {
            Some(Kind::File) => self.files.get(path).map_or(0, Vec::len),
            Some(Kind::Directory) => 4096,
            Some(Kind::Device) | None => 0,
        }
    }

    /// The bytes of all files at and below a path.
    pub fn total(&self, path: &str) -> usize {
        let own = self.files.get(path).map_or(0, Vec::len);
        let below = self.paths_below(path);
        own + below
            .iter()
            .filter_map(|name| self.files.get(name))
            .map(Vec::len)
            .sum::<usize>()
    }

    /// All stored paths, for a search by name.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

const DEVICES: &[&str] = &[
    "full", "null", "random", "stderr", "stdin", "stdout", "tty", "urandom", "zero",
];

fn is_device(path: &str) -> bool {
    path.strip_prefix("/dev/")
        .is_some_and(|name| DEVICES.contains(&name) || name == "pts/0")
}

/// The directory that holds a path.
pub fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((above, _)) => above.to_owned(),
    }
}

/// The last part of a path.
pub fn base(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// The absolute path that `path` names in the directory `from`, without `.`, `..` and doubled slashes.
pub fn resolve(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let start = if path.starts_with('/') { "" } else { from };
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let files = [
            ("/app/main.py", "x"),
            ("/app/lib/a.py", "aa"),
            ("/tmp/", ""),
            ("/f", "f"),
        ];
        Tree::new(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect(),
        )
    }

    #[test]
    fn directories_follow_from_the_paths_below_them() {
        let tree = tree();
        assert_eq!(tree.kind("/app"), Some(Kind::Directory));
        assert_eq!(tree.kind("/tmp"), Some(Kind::Directory));
        assert_eq!(tree.kind("/ap"), None);
        let names: Vec<_> = tree.list("/app").into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["lib", "main.py"]);
        assert_eq!(tree.read("/f/x"), Err(Trouble::NotDirectory));
        assert_eq!(tree.read("/nope/x"), Err(Trouble::Missing));
    }

    #[test]
    fn a_directory_outlives_its_last_file() {
        let mut tree = tree();
        assert_eq!(tree.remove_file("/app/lib/a.py"), Ok(()));
        assert_eq!(tree.kind("/app/lib"), Some(Kind::Directory));
        assert!(tree.is_empty_directory("/app/lib"));
        assert_eq!(tree.remove_directory("/app"), Ok(()));
        assert_eq!(tree.kind("/app"), None);
    }

    #[test]
    fn what_may_be_held_is_bounded() {
        let mut tree = tree();
        let half = vec![0; MOST_BYTES / 2];
        assert_eq!(tree.append("/tmp/big", &half), Ok(()));
        assert_eq!(tree.append("/tmp/big", &half), Err(Trouble::Full));
        assert_eq!(tree.remove_file("/tmp/big"), Ok(()));
        assert_eq!(tree.write("/tmp/big", half), Ok(()));
    }

    #[test]
    fn paths_are_made_plain() {
        assert_eq!(resolve("/app", "../etc//./passwd"), "/etc/passwd");
        assert_eq!(resolve("/app", "/../.."), "/");
        assert_eq!(resolve("/", "a"), "/a");
    }
}
