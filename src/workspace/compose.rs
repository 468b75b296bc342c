//! State to scene: what is seen, in words and rows. One file per part of the screen. Not how it looks; `view` does that.
//!
//! Composing reads only; what it finds out about places on the screen is handed back for `settle` to write down.

pub mod age;
pub mod words;
pub mod streams;
pub mod bar;
pub mod objects;
pub mod record;
pub mod place;
pub mod gutter;
pub mod logs;
pub mod exec;
pub mod overlay;
pub mod standing;
pub mod status;
pub mod detail;
pub mod contrast;
