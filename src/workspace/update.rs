//! The only writer of the state: what happens to it (`update`) and what the screen becomes of it (`settle`).
//! Synchronous and total; what is to be done in the world comes back as data.

pub mod settle;
pub mod movement;
pub mod arrange;
pub mod leave;
pub mod login;
pub mod search;
pub mod logs;
pub mod contrast;
pub mod objects;
pub mod exec;
pub mod copy;
pub mod commands;
pub mod palette;
pub mod help;
pub mod keys;
pub mod mouse;
pub mod news;

use crate::model::Time;

use super::msg::{Effect, Msg};
use super::scene::Tone;
use super::state::State;

pub use settle::settle;

/// Takes in what has happened; returns what is to be done.
pub fn update(state: &mut State, msg: Msg, now: Time) -> Vec<Effect> {
    match msg {
        Msg::ContextsOpened(contexts) => news::open_contexts(state, contexts, now),
        Msg::KeyPressed(key) => keys::press(state, key, now),
        Msg::Pasted(text) => keys::paste(state, &text),
        Msg::Resized(size) => arrange::resize(state, size),
        Msg::Clicked { x, y } => mouse::click(state, x, y),
        Msg::Scrolled { x, y, rows } => mouse::wheel(state, (x, y), rows),
        Msg::Reported(report) => news::report(state, report, now),
        Msg::SnapshotTaken(snapshot) => news::take_snapshot(state, snapshot),
        Msg::Searched { pane, serial, found } => search::take_answer(state, pane, serial, found),
        Msg::ValuesRead { pane, pattern, values } => contrast::take_values(state, pane, pattern, values),
        Msg::ExecOpened { pane } => exec::opened(state, pane),
        Msg::ExecPrinted { pane, bytes } => exec::printed(state, pane, &bytes),
        Msg::ExecEnded { pane, end } => exec::ended(state, pane, end),
        Msg::Woke => woke(state),
        Msg::Interrupted => leave::interrupt(state, now),
        Msg::Noticed { text } => noticed(state, &text),
        Msg::Failed { what, cause } => failed(state, &what, &cause),
    }
}

fn woke(state: &mut State) -> Vec<Effect> {
    state.wake = None;
    state.unsettled = true;
    Vec::new()
}

fn noticed(state: &mut State, text: &str) -> Vec<Effect> {
    state.say(text, Tone::Warn);
    state.unsettled = true;
    Vec::new()
}

fn failed(state: &mut State, what: &str, cause: &str) -> Vec<Effect> {
    state.say(format!("failed to {what}: {cause}"), Tone::Bad);
    state.unsettled = true;
    Vec::new()
}
