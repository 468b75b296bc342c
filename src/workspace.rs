//! What the user sees and does, as data: commands, keymap, layout, exec screens, the state and `update`, its only writer.
//!
//! May use: model, text, contrast, logs.
//! Crates: serde, toml, alacritty_terminal, nucleo_matcher.

pub mod key;
pub mod diagnostic;
pub mod command;
pub mod keymap;
pub mod layout;
pub mod scene;
pub mod vt;
