//! Drills: the cord is pulled on purpose, on the running daemon and its real store.
//!
//! Owns how a drill goes and when one is due. It reports exceptions for its lane through the queue that
//! everybody's outputs take, and then looks from outside, wire by wire, whether what must follow followed.
//! It knows the driver and the store by what they promise to everybody, and no route: how a mode is read is
//! handed in.

pub mod conductor;
mod probe;
mod schedule;
mod wires;

pub use conductor::{Busy, Conductor, Drilled, ModeTold};
