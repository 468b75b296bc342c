//! The credential plugins that the user has allowed to run, one a line: a fingerprint, and the command for whoever reads
//! the file. Not what a fingerprint is made of.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::private;

/// More than anybody allows; what is older is asked for again.
const MOST: usize = 1000;

/// The fingerprints that are remembered; none if there is no file, or one that others may have written.
pub fn read(file: &Path) -> BTreeSet<Arc<str>> {
    let lines = if is_private(file) {
        fs::read_to_string(file)
    } else {
        Ok(String::new())
    };
    let lines = lines.unwrap_or_default();
    lines
        .lines()
        .filter_map(|line| Some(line.split_whitespace().next()?.into()))
        .collect()
}

/// Remembers one more.
pub fn add(file: &Path, fingerprint: &str, command: &str) -> io::Result<()> {
    let known = if is_private(file) {
        fs::read_to_string(file)
    } else {
        Ok(String::new())
    };
    let known = match known {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        known => known.unwrap_or_default(),
    };
    let command: String = command.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut lines: Vec<_> = known.lines().filter(|line| !line.starts_with(fingerprint)).collect();
    let line = format!("{fingerprint} {command}");
    lines.push(&line);
    let newest = lines.get(lines.len().saturating_sub(MOST)..).unwrap_or_default();
    private::write(file, (newest.join("\n") + "\n").as_bytes())
}

#[cfg(unix)]
fn is_private(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(file).is_ok_and(|seen| {
        let user = rustix::process::geteuid().as_raw();
        seen.mode() & 0o022 == 0 && (seen.uid() == user || seen.uid() == 0)
    })
}

#[cfg(not(unix))]
fn is_private(file: &Path) -> bool {
    file.is_file()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_allowed_is_remembered_in_a_private_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep/allowed-plugins");
        assert_eq!(read(&file), BTreeSet::new());
        for (fingerprint, command) in [("aa", "/bin/a x"), ("bb", "/bin/b\ncc evil"), ("aa", "/bin/a x")] {
            add(&file, fingerprint, command).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "bb /bin/b cc evil\naa /bin/a x\n");
        assert_eq!(read(&file), BTreeSet::from(["aa".into(), "bb".into()]));
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(read(&file), BTreeSet::new(), "others may have written it");
        add(&file, "dd", "/bin/d").unwrap();
        assert_eq!(read(&file), BTreeSet::from(["dd".into()]));
    }

    #[test]
    fn the_oldest_are_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        let many: Vec<_> = (0..MOST).map(|n| format!("{n:064} /bin/a\n")).collect();
        private::write(&file, many.concat().as_bytes()).unwrap();
        add(&file, "new", "/bin/b").unwrap();
        let kept = read(&file);
        assert_eq!(kept.len(), MOST);
        assert!(kept.contains("new") && !kept.contains(format!("{:064}", 0).as_str()));
    }
}
