//! Where Python's modules are in an image: files of the tree, the standard library, distributions. Nothing is run here.

use super::machine::Machine;
use super::tree;

/// The part of the standard library that people import.
const STANDARD: &[&str] = &[
    "__future__",
    "abc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "base64",
    "bisect",
    "builtins",
    "calendar",
    "cmath",
    "codecs",
    "collections",
    "concurrent",
    "configparser",
    "contextlib",
    "contextvars",
    "copy",
    "csv",
    "ctypes",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "dis",
    "email",
    "enum",
    "errno",
    "fcntl",
    "fnmatch",
    "fractions",
    "functools",
    "gc",
    "getpass",
    "gettext",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http",
    "imaplib",
    "importlib",
    "inspect",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "locale",
    "logging",
    "lzma",
    "math",
    "mimetypes",
    "multiprocessing",
    "numbers",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "pkgutil",
    "platform",
    "pprint",
    "pwd",
    "queue",
    "random",
    "re",
    "readline",
    "resource",
    "sched",
    "secrets",
    "select",
    "selectors",
    "shelve",
    "shlex",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "stat",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "sysconfig",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "tomllib",
    "traceback",
    "types",
    "typing",
    "unittest",
    "urllib",
    "uuid",
    "venv",
    "warnings",
    "weakref",
    "xml",
    "zipfile",
    "zlib",
    "zoneinfo",
];

/// Distributions whose module has another name.
const RENAMED: &[(&str, &str)] = &[
    ("attrs", "attr"),
    ("beautifulsoup4", "bs4"),
    ("mysqlclient", "MySQLdb"),
    ("pillow", "PIL"),
    ("protobuf", "google"),
    ("psycopg2-binary", "psycopg2"),
    ("pycryptodome", "Crypto"),
    ("pyjwt", "jwt"),
    ("python-dateutil", "dateutil"),
    ("python-dotenv", "dotenv"),
    ("pyyaml", "yaml"),
    ("scikit-learn", "sklearn"),
];

/// Where a module is.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// In the standard library or in a distribution whose files the scenario leaves out.
    Known,
    /// A package's folder or a file.
    At(String),
}

/// Finds a module where `CPython` looks: the current directory, `PYTHONPATH`, the site packages, the standard library.
pub fn find(machine: &Machine, module: &str) -> Option<Found> {
    let relative = module.replace('.', "/");
    let top = module.split('.').next().unwrap_or(module);
    let site = machine.site_packages();
    let roots = [
        Some(machine.directory.clone()),
        machine.variable("PYTHONPATH").map(str::to_owned),
        site,
    ];
    for root in roots.into_iter().flatten().filter(|root| !root.is_empty()) {
        for path in [
            format!("{root}/{relative}/__init__.py"),
            format!("{root}/{relative}.py"),
        ] {
            let path = tree::resolve("/", &path);
            if machine.is_file(&path) {
                return Some(Found::At(path));
            }
        }
        let folder = tree::resolve("/", &format!("{root}/{relative}"));
        if machine.tree.is_directory(&folder) {
            return Some(Found::At(folder));
        }
    }
    let installed = |distribution: &String| {
        let normal = distribution.to_lowercase();
        let renamed = RENAMED
            .iter()
            .find(|(name, _)| *name == normal)
            .map(|(_, module)| (*module).to_owned());
        renamed.unwrap_or_else(|| normal.replace(['-', '.'], "_"))
            == if top.chars().any(char::is_uppercase) {
                top.to_owned()
            } else {
                top.to_lowercase()
            }
    };
    let known = STANDARD.contains(&top) || machine.inside.packages.keys().any(installed);
    known.then_some(Found::Known)
}
