//! What the user sees and does, as data: commands, keymap, layout, exec screens, the state and `update`, its only writer.
//!
//! May use: model, text, contrast, logs.
//! Crates: serde, toml, alacritty_terminal, nucleo_matcher, tui_textarea.

pub mod key;
pub mod diagnostic;
pub mod command;
pub mod keymap;
pub mod layout;
pub mod scene;
pub mod vt;
pub mod msg;
pub mod streams;
pub mod clusters;
pub mod objects;
pub mod prompt;
pub mod marks;
pub mod bell;
pub mod panes;
pub mod state;
pub mod compose;
pub mod update;
#[cfg(test)]
pub(crate) mod rehearsal;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod endurance;

pub use msg::{Effect, Msg, OpenedContext, SearchRequest};
pub use state::State;
pub use update::{settle, update};
