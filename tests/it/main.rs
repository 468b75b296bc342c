//! The one test binary: what can be seen from outside the rooms.

mod architecture;
mod cluster;
mod demo;
mod engine;
mod frames;
mod headless;
mod kubectl;
mod pty;
