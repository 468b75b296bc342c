//! The owner of the terminal: raw mode and its guard, input events to keys, frames to the tty.
//!
//! May use: model, workspace.
//! Crates: crossterm, ratatui, tokio.
