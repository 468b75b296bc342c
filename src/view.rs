//! The state as cells: a pure function of the state, the snapshot and the size. One file per kind of pane.
//!
//! May use: model, text, contrast, logs, workspace.
//! Crates: ratatui, tui_textarea.
