//! The embedded clusters as any HTTP client sees them.
