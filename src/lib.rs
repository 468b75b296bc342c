//! Kontrast shows what is different about the Kubernetes cluster that is broken.
//!
//! This file is the map of the house. A room uses only rooms above it in the list below, and of those only the
//! ones that its own header names in `May use:`; inside a room the same order holds for its files. The header's
//! `Crates:` line names the guarded external crates that the room may touch. `tests/it/architecture.rs` reads both.
//!
//! Bytes from an API server reach their context's actor (`cluster`), which makes `model` values of them and sends
//! log batches to the engine thread (`logs::engine`) and everything else to the loop (`app`). The engine publishes
//! immutable snapshots. The loop takes keys, snapshots, object events and task results as `workspace::Msg`, calls
//! `workspace::update`, runs the effects that come back, and paints with `view` when something has changed.
//!
//! Invariants:
//! * State has one owner, and `workspace::update` is its only writer: synchronous, total, plain data in and out.
//! * Time is an argument. Only `app::clock` reads a clock.
//! * `view` is a pure function of the state, the snapshot and the size.
//! * Ingest, mining and search never share a thread with the keyboard.
//! * Nothing from outside reaches the terminal but through `text::display`.
//! * Kubernetes types end at `cluster`; terminal types stay in `view` and `term`.
//! * Every task has a parent and a cancellation token; quitting awaits them all.

// Pure: no clock, no thread, no disk, no network, no lock.
pub mod model;
pub mod text;
pub mod contrast;
pub mod logs;
pub mod workspace;
pub mod view;
pub mod report;
// Edges: they wait, spawn and touch the world; they speak by typed messages and never use each other.
pub mod files;
pub mod cluster;
pub mod term;
pub mod demo;
// Roots.
pub mod app;
pub mod cli;
