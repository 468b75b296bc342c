//! Leaving the program: ctrl-c twice, or an answer to the question.

use crate::model::{Span, Time};
use crate::workspace::key::{Key, KeyCode};
use crate::workspace::msg::Effect;
use crate::workspace::scene::Tone;
use crate::workspace::state::State;

/// How soon the second ctrl-c has to come.
const TWICE: Span = Span::from_secs(2);

/// The first time says how to leave, the second time leaves.
pub fn interrupt(state: &mut State, now: Time) -> Vec<Effect> {
    state.unsettled = true;
    if state.interrupted.is_some_and(|first| now.since(first) <= TWICE) {
        return vec![Effect::Quit];
    }
    state.interrupted = Some(now);
    state.say("press ctrl-c again to quit", Tone::Warn);
    Vec::new()
}

/// The answer to "Leave?".
pub fn answer(state: &mut State, key: Key) -> Vec<Effect> {
    state.overlay = None;
    if key.is_yes() || key.code == KeyCode::Enter {
        return vec![Effect::Quit];
    }
    Vec::new()
}
