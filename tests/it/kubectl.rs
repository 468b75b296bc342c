//! The real kubectl against the embedded clusters.
