//! Batches in, snapshots out, across text, logs and contrast.
