//! The `kontrast` program.

fn main() {}
