//! The rules of the house, checked: who may use whom, which crates, how long a file may be.
