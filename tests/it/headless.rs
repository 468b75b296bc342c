//! The commands that need no terminal, as a pipeline runs them.
