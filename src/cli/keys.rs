//! The user's keymap file, read and merged over the default keys.

use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::files::Environment;
use crate::workspace::diagnostic::Diagnostic;
use crate::workspace::keymap::Keymap;

/// The keys to start with, and what is wrong with the user's file. A file that was named by a flag has to be there and
/// to be right; the one in the configuration folder may be missing, and what is right in it holds.
pub fn keymap(named: Option<&PathBuf>, environment: &Environment) -> Result<(Keymap, Vec<Diagnostic>), Failure> {
    let mut keymap = Keymap::default_keys();
    let Some(path) = named.cloned().or_else(|| environment.keymap_file()) else {
        return Ok((keymap, Vec::new()));
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((keymap, Vec::new()));
        }
        Err(error) => {
            return Err(Failure::usage(format!(
                "failed to read the keymap {}: {error}",
                path.display()
            )));
        }
    };
    let wrong = keymap.merge(&text, &path);
    if named.is_some() && !wrong.is_empty() {
        let told: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        return Err(Failure::usage(told.join("\n")));
    }
    Ok((keymap, wrong))
}
