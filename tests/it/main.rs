//! The one test binary: what can be seen from outside the rooms.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::string_slice,
    reason = "a test ends by panicking, and may look at a clock to say how long something took"
)]

mod architecture;
mod cluster;
mod demo;
mod docs;
mod engine;
mod frames;
mod headless;
mod hot;
mod kubectl;
#[cfg(unix)]
mod plugins;
#[cfg(unix)]
mod pty;
mod saved;
#[cfg(unix)]
mod screenshot;
mod served;
#[cfg(unix)]
mod terminal;
mod worlds;
