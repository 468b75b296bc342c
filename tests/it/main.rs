//! The one test binary: what can be seen from outside the rooms.

mod architecture;
mod cluster;
mod demo;
mod engine;
mod frames;
mod headless;
mod kubectl;
#[cfg(unix)]
mod pty;
#[cfg(unix)]
mod screenshot;
#[cfg(unix)]
mod terminal;
