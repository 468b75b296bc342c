//! The actors against the embedded clusters.
