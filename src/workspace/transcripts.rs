//! Transcripts: what happens and what is pressed, the effects and the scene that come of it.

mod contrast;
mod logs;
mod objects;
mod screen;
mod shells;
mod streams;
