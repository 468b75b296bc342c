//! The state as cells: a pure function of the state, the snapshot and the size. One file per kind of pane.
//!
//! May use: model, text, contrast, logs, workspace.
//! Crates: ratatui, tui_textarea.

pub mod palette;
pub mod canvas;
pub mod columns;
pub mod sparkline;
pub mod frame;
pub mod input;
pub mod bar;
pub mod contrast;
pub mod objects;
pub mod logs;
pub mod exec;
pub mod status;
pub mod help;
pub mod commands;
pub mod message;
pub mod screen;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod random;

pub use palette::Palette;
pub use screen::{draw, paint};
