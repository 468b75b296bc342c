//! Keys and messages in, frames out, for the whole screen.
