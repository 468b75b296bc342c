//! The `kontrast` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kontrast::cli::main()
}
