//! From the queue to the acknowledgement: queue → journal → monitor → effects → answer.
//!
//! Owns the order of things that the invariants depend on. Nothing is acknowledged before it is on
//! disk and applied; nobody reads a mode that is not yet durable. Knows no HTTP.

pub mod dedup;
