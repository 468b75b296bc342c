//! The process's limit of open files, raised as far as it may be: every followed container takes a descriptor, and
//! many systems start with 1,024 (a soft limit that is meant to be raised).

/// Raises the soft limit to the hard one. Where that is refused the old limit stays, and streams over it say so.
#[cfg(unix)]
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            },
        );
    }
}

/// There is no such limit here.
#[cfg(not(unix))]
pub const fn raise_open_files() {}
