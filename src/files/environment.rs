//! What the program takes from its environment: variables and the user's folders, read once at the start.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment, read once; everything else takes it as an argument.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `KUBECONFIG`, unsplit.
    pub kubeconfig: Option<OsString>,
    /// `KUBERC`
    pub kuberc: Option<OsString>,
    pub home: Option<PathBuf>,
    /// `KONTRAST_CONFIG_DIR`, else the platform's configuration folder for `kontrast`.
    pub config_dir: Option<PathBuf>,
    /// `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub no_color: bool,
    pub colorterm: Option<String>,
    pub term: Option<String>,
}

impl Environment {
    /// Reads the process's environment.
    pub fn read() -> Self {
        let config_dir = env::var_os("KONTRAST_CONFIG_DIR")
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from)
            .or_else(|| directories::ProjectDirs::from("", "", "kontrast").map(|dirs| dirs.config_dir().to_owned()));
        Self {
            kubeconfig: env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
            kuberc: env::var_os("KUBERC"),
            home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
            config_dir,
            no_color: env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            colorterm: env::var("COLORTERM").ok(),
            term: env::var("TERM").ok(),
        }
    }

    /// Where the credential plugins that the user has allowed are remembered.
    pub fn allowed_plugins_file(&self) -> Option<PathBuf> {
        self.config_dir.as_ref().map(|dir| dir.join("allowed-plugins"))
    }

    /// Where the user's own keymap is looked for.
    pub fn keymap_file(&self) -> Option<PathBuf> {
        self.config_dir.as_ref().map(|dir| dir.join("keymap.toml"))
    }
}
