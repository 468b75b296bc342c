//! The owner of the terminal: raw mode and its guard, input events to keys, frames to the tty.
//!
//! May use: model, workspace.
//! Crates: crossterm, ratatui, tokio.

pub mod guard;
pub mod input;
pub mod screen;
pub mod signals;
pub mod size;

pub use guard::Guard;
pub use input::Input;
pub use screen::Screen;
