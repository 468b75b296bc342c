//! A saved tree of logs, `<cluster>/<namespace>/<pod>/<container>.log`: which files there are. Not what is in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One container's log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeFile {
    pub cluster: String,
    pub namespace: String,
    pub pod: String,
    pub container: String,
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
}

/// A folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", .path.display())]
pub struct Unreadable {
    pub path: PathBuf,
    pub cause: io::Error,
}

/// The log files below `dir/logs`, or below `dir` if there are none, in the order of their names. Files that lie
/// elsewhere, hidden ones, and those that do not end in `.log` are not logs.
pub fn files(dir: &Path) -> Result<Vec<TreeFile>, Unreadable> {
    let inner = dir.join("logs");
    if inner.is_dir() {
        let found = files_below(&inner)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    files_below(dir)
}

fn files_below(root: &Path) -> Result<Vec<TreeFile>, Unreadable> {
    let mut found = Vec::new();
    for (cluster, path) in folders(root)? {
        for (namespace, path) in folders(&path)? {
            for (pod, path) in folders(&path)? {
                for (name, path) in entries(&path)? {
                    let Some(container) = name.strip_suffix(".log").filter(|name| !name.is_empty()) else {
                        continue;
                    };
                    let unreadable = |cause| Unreadable {
                        path: path.clone(),
                        cause,
                    };
                    let metadata = fs::metadata(&path).map_err(unreadable)?;
                    if !metadata.is_file() {
                        continue;
                    }
                    found.push(TreeFile {
                        cluster: cluster.clone(),
                        namespace: namespace.clone(),
                        pod: pod.clone(),
                        container: container.to_owned(),
                        path,
                        size: metadata.len(),
                    });
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

fn folders(dir: &Path) -> Result<Vec<(String, PathBuf)>, Unreadable> {
    let mut found = entries(dir)?;
    found.retain(|(_, path)| path.is_dir());
    Ok(found)
}

fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, Unreadable> {
    let unreadable = |cause| Unreadable {
        path: dir.to_owned(),
        cause,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let found = files(dir).unwrap();
        let name = |file: &TreeFile| format!("{}/{}/{}/{}", file.cluster, file.namespace, file.pod, file.container);
        found.iter().map(name).collect()
    }

    #[test]
    fn logs_lie_four_deep_in_the_folder_or_in_its_logs() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        for path in [
            "dev/shop/api-0/api.log",
            "dev/shop/api-0/notes.txt",
            "dev/readme.log",
            "dev/shop/api-0/.log",
        ] {
            put(path);
        }
        assert_eq!(names(dir.path()), ["dev/shop/api-0/api"]);
        for path in ["logs/prod/shop/api-1/api.log", "logs/dev/shop/api-0/api.log"] {
            put(path);
        }
        assert_eq!(names(dir.path()), ["dev/shop/api-0/api", "prod/shop/api-1/api"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let told = files(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert!(told.starts_with("/nowhere/at/all: "), "{told}");
    }
}
